import { describe, expect, it } from "vitest";
import { countOperations, countsAt, formatCounts } from "../../src/loop/counts.ts";
import {
  accumulate,
  add,
  bind,
  binary,
  buffer,
  compare,
  dim,
  float,
  init,
  int,
  kernel,
  load,
  local,
  loop,
  mul,
  select,
  store,
  sub,
  unary,
  use,
} from "./build.ts";
import { interior, linearPick, squaredError } from "./examples.ts";

describe("counts", () => {
  it("are products of trip counts", () => {
    expect(formatCounts(countOperations(squaredError()))).toBe(
      "add 2 N, mul 4 N, div N + 1, load 2 N, store N + 1",
    );
    expect(formatCounts(countOperations(linearPick()))).toBe(
      "add C K N, mul C K N, load 3 C K N + K N + 2 N, store C K N + K N + N",
    );
    expect(formatCounts(countOperations(interior()))).toBe(
      "compare (N - 1 - 1) + 3 N + 2, load (N - 1 - 1) + N, store 2",
    );
  });

  it("leave index arithmetic, signs and conversions out", () => {
    const x = buffer("x", "input", [dim("N")]);
    const y = buffer("y", "output", []);
    const value = unary("neg", unary("abs", load(x, binary("mod", sub(dim("N"), int(1)), int(7)))));
    const counts = countOperations(
      kernel("f64", { dims: ["N"], buffers: [x, y], body: [store(y, int(0), value)] }),
    );
    expect(formatCounts(counts)).toBe("load 1, store 1");
  });

  it("multiply by constant trip counts, and write bound ends out", () => {
    const [i, j, end] = [local("i", "int"), local("j", "int"), local("end", "int")];
    const [s, y] = [local("s", "float"), buffer("y", "output", [])];
    const body = [
      init(s, float(1)),
      bind(end, mul(dim("N"), dim("M"))),
      loop(i, int(0), use(end), [
        loop(j, int(0), int(10), [accumulate(s, "prod", unary("exp", use(s)))], "serial", 3),
      ]),
      store(y, int(0), use(s)),
    ];
    const counts = countOperations(kernel("f64", { dims: ["N", "M"], buffers: [y], body }));
    expect(formatCounts(counts)).toBe("mul 4 (N * M), transcendental 4 (N * M), store 1");
    expect(countsAt(counts, { N: 3, M: 5 })).toMatchObject({ mul: 60, transcendental: 60, store: 1 });
  });

  it("sum triangular loops exactly", () => {
    const [i, j, s] = [local("i", "int"), local("j", "int"), local("s", "float")];
    const y = buffer("y", "output", []);
    const test = compare("<", use(s), float(1));
    const body = [
      init(s, float(0)),
      loop(i, int(0), dim("N"), [
        loop(j, use(i), dim("N"), [accumulate(s, "sum", select(test, float(1), float(2)))]),
      ]),
      store(y, int(0), use(s)),
    ];
    const counts = countOperations(kernel("f64", { dims: ["N"], buffers: [y], body }));
    expect(formatCounts(counts)).toBe("add (N - i) N, compare 2 (N - i) N, store 1");
    expect(countsAt(counts, { N: 10 })).toMatchObject({ add: 55, compare: 110 });
    expect(countsAt(counts, { N: 0 })).toMatchObject({ add: 0, store: 1 });
  });

  it("take the blocks of a loop together", () => {
    const [i, j, s] = [local("i", "int"), local("j", "int"), local("s", "float")];
    const y = buffer("y", "output", []);
    const end = binary("min", add(use(i), int(1024)), dim("N"));
    const block = loop(j, use(i), end, [accumulate(s, "sum", float(1))], "vector");
    const body = [
      init(s, float(0)),
      loop(i, int(0), dim("N"), [block], "serial", 1024),
      store(y, int(0), use(s)),
    ];
    const counts = countOperations(kernel("f64", { dims: ["N"], buffers: [y], body }));
    expect(formatCounts(counts)).toBe("add N, store 1");
    expect(countsAt(counts, { N: 5000 }).add).toBe(5000);
  });

  it("count an operation as often as it is written", () => {
    const y = buffer("y", "output", []);
    let value = float(1);
    for (let n = 0; n < 40; n += 1) value = add(value, value);
    const counts = countOperations(kernel("f64", { buffers: [y], body: [store(y, int(0), value)] }));
    expect(countsAt(counts, {}).add).toBe(2 ** 40 - 1);
  });
});
