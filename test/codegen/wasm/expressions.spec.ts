/** Every kind of expression, in serial and in vector loops, on both float types, at every length of tail. */
import { expect, it } from "vitest";
import { instantiateWasm } from "../../../codegen/wasm/run.ts";
import type { Expr, FloatType, Kernel, LoopMode } from "../../../src/loop/types.ts";
import {
  add,
  and,
  binary,
  bind,
  buffer,
  compare,
  constant,
  convert,
  dim,
  float,
  int,
  kernel,
  load,
  local,
  loop,
  mul,
  not,
  option,
  or,
  select,
  store,
  sub,
  unary,
  use,
} from "./build.ts";
import { interpret } from "./reference.ts";

const N = dim("N");
const x = buffer("x", "input", [N]);
const y = buffer("y", "input", [N]);
const k = buffer("k", "input", [N], "int");
const padded = buffer("padded", "input", [add(mul(int(3), N), int(4))]);
const i = local("i", "int");
const at = use(i);
const xi = load(x, at);
const yi = load(y, at);
const ki = load(k, at);
const s = option("s");
const n = option("n", "int");
const wide = (e: Expr) => convert("wide", e);
const atOf = (offset: Expr, otherwise: Expr = float(-1)) =>
  select(and(compare("<=", int(0), offset), compare("<", offset, N)), load(x, offset), otherwise);

/** Expressions of the iteration `i`; whatever their type, they are stored as floats. */
const CASES: { readonly [name: string]: Expr } = {
  constant: float(0.1),
  "negative zero": float(-0),
  load: xi,
  option: s,
  dim: N,
  "the loop's local": at,
  "an affine int": add(mul(int(3), at), sub(N, int(2))),
  "minus the loop's local": unary("neg", at),
  neg: unary("neg", xi),
  abs: unary("abs", xi),
  sign: unary("sign", xi),
  sqrt: unary("sqrt", xi),
  floor: unary("floor", xi),
  ceil: unary("ceil", xi),
  round: unary("round", xi),
  trunc: unary("trunc", xi),
  add: add(xi, yi),
  sub: sub(xi, s),
  mul: mul(s, xi),
  div: binary("div", xi, yi),
  floordiv: binary("floordiv", xi, yi),
  mod: binary("mod", xi, yi),
  max: binary("max", xi, yi),
  min: binary("min", xi, yi),
  "max with 0": binary("max", xi, float(0)),
  "max with -0": binary("max", xi, float(-0)),
  "0 max": binary("max", float(0), xi),
  "max with 1": binary("max", xi, float(1)),
  "max with NaN": binary("max", xi, float(NaN)),
  "min with 0": binary("min", xi, float(0)),
  "min with -1": binary("min", float(-1), xi),
  "max with an option": binary("max", xi, s),
  "int neg": unary("neg", ki),
  "int abs": unary("abs", ki),
  "int sign": unary("sign", ki),
  "int add": add(ki, at),
  "int sub": sub(ki, n),
  "int mul": mul(ki, ki),
  "int max": binary("max", ki, at),
  "int min": binary("min", ki, at),
  "int floordiv": binary("floordiv", ki, int(3)),
  "int mod": binary("mod", ki, int(3)),
  "floordiv of an affine int": binary("floordiv", sub(at, int(5)), int(2)),
  "mod of an affine int": binary("mod", sub(at, int(5)), n),
  "floordiv of an invariant": binary("floordiv", sub(n, int(9)), int(4)),
  "wide neg": unary("neg", wide(xi)),
  "wide sign": unary("sign", wide(xi)),
  "wide add": add(wide(xi), wide(yi)),
  "wide mod": binary("mod", wide(xi), wide(yi)),
  "wide max": binary("max", wide(xi), constant("wide", 0)),
  "wide of an int": add(wide(ki), wide(s)),
  "wide of the local": mul(wide(at), constant("wide", 0.1)),
  "int of a wide": convert("int", wide(unary("floor", binary("min", unary("abs", convert("float", ki)), s)))),
  "int of a float": convert("int", convert("float", ki)),
  "<": compare("<", xi, yi),
  "<=": compare("<=", xi, yi),
  "==": compare("==", xi, yi),
  "!=": compare("!=", xi, yi),
  "wide <": compare("<", wide(xi), wide(yi)),
  "wide == invariant": compare("==", wide(xi), wide(s)),
  "int <": compare("<", ki, at),
  "int <=": compare("<=", ki, n),
  "int ==": compare("==", ki, at),
  "int !=": compare("!=", ki, at),
  "bool ==": compare("==", compare("<", xi, yi), compare("<", ki, at)),
  "bool !=": compare("!=", compare("<", xi, yi), compare("<", ki, at)),
  and: and(compare("<", xi, yi), compare("<", ki, at)),
  or: or(compare("<", wide(xi), wide(yi)), compare("<", ki, at)),
  not: not(compare("<", xi, yi)),
  "not an invariant": and(not(compare("<", s, float(1))), compare("<", xi, yi)),
  "an invariant condition": or(compare("<", n, int(1)), compare("<", xi, yi)),
  "bool as int": add(convert("int", compare("<", xi, yi)), ki),
  "bool as wide": add(convert("wide", compare("<", xi, yi)), wide(xi)),
  "int mask as float": convert("float", compare("<", ki, at)),
  select: select(compare("<", xi, yi), xi, yi),
  "select else 0": select(compare("<", float(0), xi), xi, float(0)),
  "select then 0": select(compare("<", float(0), xi), float(0), yi),
  "select else -0": select(compare("<", float(0), xi), xi, float(-0)),
  "select of ints": select(compare("<", xi, yi), ki, at),
  "select of wides": select(compare("<", xi, yi), wide(xi), wide(s)),
  "select of conditions": select(compare("<", xi, yi), compare("<", ki, at), compare("==", ki, at)),
  "select by an int": select(compare("<", ki, at), xi, s),
  "select by an invariant": select(compare("<", n, int(3)), load(x, at), unary("neg", yi)),
  "select by an invariant, of wides": select(compare("<", int(2), n), wide(load(x, at)), wide(yi)),
  "stride 0": load(padded, int(2)),
  "stride 2": load(padded, add(mul(int(2), at), int(1))),
  "stride 3": load(padded, mul(at, int(3))),
  "stride -1": load(x, sub(sub(N, int(1)), at)),
  "stride -2": load(padded, sub(mul(int(2), N), mul(int(2), at))),
  "stride of a runtime value": load(padded, mul(n, at)),
  "ints at stride -1": load(k, sub(sub(N, int(1)), at)),
  gather: load(padded, binary("mod", ki, int(4))),
  "gather by computed ints": load(padded, binary("mod", mul(at, at), int(4))),
  "a guarded load before": atOf(sub(at, int(3))),
  "a guarded load behind": atOf(add(at, n)),
  "a guarded load at stride 2": atOf(sub(mul(int(2), at), int(3))),
  "a guarded load at stride -1": atOf(sub(int(4), at)),
  "a guarded gather": atOf(sub(ki, int(1))),
  "a guarded invariant load": add(atOf(sub(n, int(5))), xi),
  "a guarded load far behind": atOf(mul(at, int(1 << 24))),
  "a guarded load far before": atOf(mul(at, int(-(1 << 24)))),
  "a guarded gather far away": atOf(mul(ki, int(1 << 24))),
  "a guarded invariant load far away": add(atOf(mul(n, int(1 << 24))), xi),
  "an invariant load in a varying branch": select(
    compare("==", at, int(-1)),
    load(x, mul(n, int(1 << 24))),
    xi,
  ),
  "a guarded load in a varying branch": select(compare("<", xi, yi), atOf(sub(at, int(1)), s), atOf(ki, yi)),
  "a guard in `and`": and(compare("<", at, sub(N, int(1))), compare("<", load(x, add(at, int(1))), float(0))),
  "a guard in `or`": or(compare("==", at, int(0)), compare("<", load(x, sub(at, int(1))), float(0))),
};

const LENGTHS = [...Array.from({ length: 18 }, (_, j) => j), 31, 33];
const SPECIAL = [NaN, Infinity, -Infinity, -0, 0, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-40, 3e38, -1, 7.25, 1, -3.75];

function floats(dtype: FloatType, length: number, from: (j: number) => number) {
  const values = Array.from({ length }, (_, j) => from(j));
  return dtype === "f32" ? Float32Array.from(values) : Float64Array.from(values);
}

function kernels(dtype: FloatType, mode: LoopMode): Kernel[] {
  return Object.entries(CASES).map(([name, e]) => {
    const out = buffer("out", "output", [N]);
    const value = e.type === "float" ? e : convert("float", e);
    const t = local("t", e.type);
    const direct = [store(out, at, value)];
    const bound = [bind(t, e), store(out, at, e.type === "float" ? use(t) : convert("float", use(t)))];
    return kernel(dtype, {
      name,
      dims: ["N"],
      options: [
        { name: "s", type: "float", default: 1.25 },
        { name: "n", type: "int", default: 2 },
      ],
      buffers: [x, y, k, padded, out],
      body: [loop(i, int(0), N, name.includes("stride") ? bound : direct, mode)],
    });
  });
}

it.each([
  ["f32", "serial"],
  ["f32", "vector"],
  ["f64", "serial"],
  ["f64", "vector"],
] as const)("%s %s", async (dtype, mode) => {
  const all = kernels(dtype, mode);
  const compiled = await instantiateWasm(all);
  for (const length of LENGTHS) {
    const args = {
      x: floats(dtype, length, (j) => SPECIAL[(j * 7 + length) % SPECIAL.length] ?? 0),
      y: floats(dtype, length, (j) => SPECIAL[(j * 3 + 5) % SPECIAL.length] ?? 0),
      k: Int32Array.from({ length }, (_, j) => ((j * 5) % 11) - 4),
      padded: floats(dtype, 3 * length + 4, (j) => j + 0.25),
      N: length,
    };
    for (const one of all) {
      const got = compiled.get(one.name)?.(args)["out"];
      expect(got, `${one.name}, N = ${length}`).toEqual(interpret(one, args)["out"]);
    }
  }
});
