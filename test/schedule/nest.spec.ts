import { expect, it } from "vitest";
import { formatExpr } from "../../src/loop/format.ts";
import type { Buffer, Expr, Local, Stmt } from "../../src/loop/types.ts";
import { add, constant, dim, int, load, mul, use } from "../../src/schedule/build.ts";
import { createNumbers, nestOf, type Nest } from "../../src/schedule/nest.ts";
import { allOf } from "../../src/schedule/walks.ts";

const buffer = (name: string): Buffer => ({ name, role: "input", type: "float", shape: [dim("N")] });
const local = (name: string, type: Local["type"] = "int"): Local => ({ name, type });

/** for i: for j: y[…] = value */
const store = (
  value: (i: Expr, j: Expr) => Expr,
  offset = (i: Expr, j: Expr): Expr => add(mul(i, dim("N")), j),
): Stmt => {
  const [i, j] = [local("i"), local("j")];
  return loop(i, dim("M"), [
    loop(j, dim("N"), [
      { kind: "store", buffer: buffer("y"), offset: offset(use(i), use(j)), value: value(use(i), use(j)) },
    ]),
  ]);
};

const loop = (counter: Local, to: Expr, body: readonly Stmt[]): Stmt => ({
  kind: "for",
  local: counter,
  from: int(0),
  to,
  step: 1,
  mode: "serial",
  body,
});

const a = buffer("a");
const numbers = createNumbers();
const nest = (stmt: Stmt): Nest => nestOf(stmt, numbers) ?? never();
const keyOf = (stmt: Stmt): string => nest(stmt).key;

it("has holes for what is outside, and for the first element of each access", () => {
  const { holes, buffers } = nest(store((i, j) => load(a, add(dim("P"), add(i, j)))));
  expect(holes.map(({ value }) => formatExpr(value))).toEqual(["M", "N", "P", "0", "N"]);
  expect(buffers.map(({ name }) => name)).toEqual(["a", "y"]);
});

it("has the same key whatever is in the holes, and however factors are ordered", () => {
  const key = keyOf(store((i, j) => mul(load(a, add(i, j)), use(local("s", "float")))));
  expect(keyOf(store((i, j) => mul(use(local("t", "float")), load(a, add(dim("P"), add(i, j))))))).toBe(key);
});

it("has other keys for other arithmetic, constants and buffers", () => {
  const b = buffer("b");
  const stmts = [
    store((i) => load(a, i)),
    store((_, j) => load(a, j)),
    store((i) => load(a, add(i, int(1)))),
    store((i, j) => add(load(a, i), load(a, j))),
    store((i, j) => add(load(a, i), load(b, j))),
    store((i, j) => mul(load(a, i), load(b, j))),
    store((i) => add(load(a, i), constant("float", 0))),
    store((i) => add(load(a, i), constant("float", -0))),
  ];
  expect(new Set(stmts.map(keyOf)).size).toBe(stmts.length);
});

it("keeps divisions of whole numbers where they are", () => {
  const quotient: Expr = { kind: "binary", type: "int", op: "floordiv", a: dim("P"), b: dim("Q") };
  const { holes } = nest(store((i) => load(a, add(i, quotient))));
  expect(holes.map(({ value }) => formatExpr(value))).toEqual(["M", "N", "0", "P", "Q", "0", "N"]);
});

it("is nothing where several locals from outside are changed", () => {
  const change = (name: string): Stmt => ({ kind: "accumulate", local: local(name, "float"), op: "sum", value: constant("float", 1) }); // prettier-ignore
  const one = nest(loop(local("i"), dim("M"), [change("s")]));
  expect(one.result?.name).toBe("s");
  expect(nestOf(loop(local("i"), dim("M"), [change("s"), change("t")]), numbers)).toBeUndefined();
});

it("stores what a sum was before it changed again", () => {
  const [i, j, sum, scaled] = [local("i"), local("j"), local("sum", "float"), local("scaled", "float")];
  const term: Stmt = { kind: "accumulate", local: sum, op: "sum", value: load(a, add(use(i), use(j))) };
  const times: Stmt = { kind: "let", local: scaled, value: mul(use(local("s", "float")), use(sum)) };
  const kept: Stmt = { kind: "store", buffer: buffer("y"), offset: use(j), value: use(scaled) };
  const rows = (body: readonly Stmt[]): Stmt =>
    loop(i, dim("M"), [{ kind: "init", local: sum, value: constant("float", 0) }, loop(j, dim("N"), body)]);
  const [after, before] = [rows([term, times, kept]), rows([times, term, kept])];
  const isKept = (stmt: Stmt): boolean => allOf([nest(stmt).template]).some(({ kind }) => kind === "let");
  expect([isKept(after), isKept(before)]).toEqual([false, true]);
});

const never = (): never => {
  throw new Error("no nest");
};
