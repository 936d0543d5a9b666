import { describe, expect, it } from "vitest";
import type { Kernel, Stmt } from "../../src/loop/types.ts";
import { verifyKernel } from "../../src/loop/verify.ts";
import {
  accumulate,
  accumulateAt,
  add,
  assign,
  bind,
  binary,
  buffer,
  compare,
  constant,
  convert,
  dim,
  float,
  init,
  int,
  kernel,
  load,
  local,
  loop,
  mul,
  option,
  select,
  store,
  unary,
  use,
  when,
} from "./build.ts";
import { interior, linearPick, squaredError } from "./examples.ts";

const N = dim("N");
const x = buffer("x", "input", [N]);
const y = buffer("y", "output", [N]);
const t = buffer("t", "temp", [N]);
const i = local("i", "int");
const s = local("s", "float");
const parts = { dims: ["N"], buffers: [x, y, t] };
const fill = loop(i, int(0), N, [store(y, use(i), float(0))]);
const withBody = (...body: readonly Stmt[]): Kernel => kernel("f64", { ...parts, body: [fill, ...body] });
const withValue = (value: Parameters<typeof store>[2]): Kernel =>
  withBody(loop(i, int(0), N, [store(y, use(i), value)]));
const vector = (...body: readonly Stmt[]): Kernel =>
  withBody(init(s, float(0)), loop(i, int(0), N, body, "vector"));

describe("verify accepts", () => {
  it.each([squaredError(), linearPick(), interior()])("$name", (example) => {
    expect(() => {
      verifyKernel(example);
    }).not.toThrow();
  });

  it("an output with the name of an input, and one local in two scopes", () => {
    const dx = buffer("x", "output", [N]);
    const body = [fill, loop(i, int(0), N, [store(dx, use(i), float(1))])];
    expect(() => {
      verifyKernel(kernel("f32", { dims: ["N"], buffers: [x, y, dx], body }));
    }).not.toThrow();
  });

  it("a vector loop with strided stores, gathers and accumulators", () => {
    const j = local("j", "int");
    const body = vector(
      bind(j, mul(use(i), int(2))),
      store(y, use(j), load(x, binary("mod", use(i), int(3)))),
      store(y, add(use(j), int(1)), load(y, use(j))),
      accumulate(s, "sum", load(x, use(i))),
    );
    expect(() => {
      verifyKernel(body);
    }).not.toThrow();
  });
});

describe("verify rejects", () => {
  const cases: readonly (readonly [string, Kernel, string])[] = [
    ["arithmetic of two types", withValue(binary("add", float(1), use(i))), "body[1] (for).body[0] (store).value: add to float of float and int"],
    ["a deep node, by its path", withValue(select(compare("<", float(0), unary("exp", use(i))), float(1), float(2))), ".value.test.b: exp is not defined for ints"],
    ["an int operation that is for floats", withValue(load(x, unary("sqrt", use(i)))), ".value.offset: sqrt is not defined for ints"],
    ["a conversion that is not one", withValue(convert("float", convert("wide", use(i)))), ".a: no conversion from int to wide"],
    ["a local out of scope", withBody(store(y, use(i), float(0))), "body[1] (store).offset: local i is not in scope"],
    ["a local declared twice", withBody(bind(s, float(0)), bind(s, float(1))), "local s is declared twice"],
    ["two locals of one name", withBody(bind(s, float(0)), bind(local("s", "float"), float(1))), "two locals are called s"],
    ["a change to a fixed local", withBody(bind(s, float(0)), accumulate(s, "sum", float(1))), "not declared by init"],
    ["a change before the declaration", withBody(assign(s, float(1))), "local s is not in scope"],
    ["a value of another type", withBody(init(s, int(0))), "body[1] (init).value: expected float, found int"],
    ["a float offset", withValue(load(x, float(0))), "the offset has type float"],
    ["a store to an input", withBody(store(x, int(0), float(0))), "x is an input"],
    ["a temporary read before it is stored to", withValue(load(t, use(i))), "t is read before it is stored to"],
    ["an accumulation into nothing", withBody(accumulateAt(t, int(0), "sum", float(0))), "before it is stored to"],
    ["an unknown buffer", withValue(load(buffer("z", "input", [N]), use(i))), "buffer z is not declared"],
    ["an unknown dimension", withBody(loop(i, int(0), dim("M"), [])), "body[1] (for).to: dimension M is not declared"],
    ["an unknown option", withValue(option("alpha")), "option alpha is not declared"],
    ["a test that is no bool", withBody(when(int(1), [])), "body[1] (if).test: expected bool, found int"],
    ["an int that is not one", withBody(loop(i, int(0.5), N, [])), "0.5 is not an int"],
    ["a bool that is not one", withBody(when(constant("bool", 2), [])), "2 is not a bool"],
    ["a step of zero", withBody(loop(i, int(0), N, [], "serial", 0)), "the step is 0"],
    ["an output without a store", kernel("f64", { ...parts, body: [] }), "output y: nothing is stored to it"],
    ["two arguments of one name", kernel("f64", { ...parts, dims: ["N", "x"], body: [fill] }), "the name x is used twice"],
    ["an input after an output", kernel("f64", { ...parts, buffers: [y, x], body: [fill] }), "buffer x: input after output"],
    ["an extent that reads a buffer", kernel("f64", { ...parts, buffers: [x, buffer("y", "output", [load(x, int(0))])], body: [] }), "reads a buffer"],
    ["a requirement on floats", kernel("f64", { ...parts, requirements: [{ kind: "range", buffer: x, extent: N }], body: [fill] }), "it is not an int input"],
    ["a vector loop in another", vector(loop(local("j", "int"), int(0), N, [], "vector")), "its body has a vector loop"],
    ["a vector loop with a loop that ends at different places", vector(loop(local("j", "int"), int(0), use(i), [])), "the bound i of a loop inside is not the same in all iterations"],
    ["a vector loop that stores to one place in a loop inside", vector(loop(local("j", "int"), int(0), N, [store(y, int(0), float(0))])), "is not affine"],
    ["a vector loop with an if", vector(when(constant("bool", 1), [])), "its body has an if"],
    ["a vector loop that stores to one place", vector(store(y, int(0), float(0))), "is not affine"],
    ["a vector loop that scatters", vector(store(y, mul(use(i), use(i)), float(0))), "is not affine"],
    ["a vector loop that reads its neighbour", vector(store(y, use(i), load(y, add(use(i), int(1))))), "y[i + 1] may be an element of another iteration"],
    ["a vector loop that reads an accumulator", vector(accumulate(s, "sum", float(1)), store(y, use(i), use(s))), "s is accumulated by other iterations"],
    ["a vector loop that assigns", vector(assign(s, float(1))), "s is assigned by other iterations"],
  ]; // prettier-ignore

  it.each(cases)("%s", (_, bad, message) => {
    expect(() => {
      verifyKernel(bad);
    }).toThrow(message);
  });
});

it("verifies an expression of depth 100,000", () => {
  let value = float(0);
  for (let n = 0; n < 100_000; n += 1) value = add(value, float(n));
  expect(() => {
    verifyKernel(withValue(value));
  }).not.toThrow();
});
