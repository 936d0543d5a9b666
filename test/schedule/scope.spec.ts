import { expect, it } from "vitest";
import type { Expr, Local } from "../../src/loop/types.ts";
import { add, constant, load, mul, sub, use } from "../../src/schedule/build.ts";
import { chainOf, createNames, named, openBlock } from "../../src/schedule/scope.ts";

const x: Local = { name: "x", type: "float" };
const y: Local = { name: "y", type: "float" };

it("never gives a name twice", () => {
  const names = createNames(["x", "x1"]);
  expect([
    names.fresh("x"),
    names.fresh("x"),
    names.fresh("y"),
    names.fresh("n2"),
    names.fresh("n2"),
  ]).toEqual(["x2", "x3", "y", "n2", "n2_1"]);
});

it("uses a counter again when it is free", () => {
  const names = createNames([]);
  const i = names.counter("i");
  expect(names.counter("i")).not.toBe(i);
  names.release(i);
  expect(names.counter("i")).toBe(i);
});

it("knows equal expressions, in either order where it does not matter", () => {
  const { identity } = createNames([]);
  const [a, b] = [use(x), use(y)];
  expect(identity(add(a, b))).toBe(identity(add(use(y), use(x))));
  expect(identity(mul(add(a, b), a))).toBe(identity(mul(a, add(b, a))));
  expect(identity(sub(a, b))).not.toBe(identity(sub(b, a)));
  expect(identity(constant("float", 0))).not.toBe(identity(constant("float", -0)));
});

it("distinguishes buffers of one name", () => {
  const { identity } = createNames([]);
  const at = (role: "input" | "output"): Expr =>
    load({ name: "x", role, type: "float", shape: [] }, constant("int", 0));
  expect(identity(at("input"))).not.toBe(identity(at("output")));
});

it("binds a value once, in the outermost block where it is known", () => {
  const names = createNames([]);
  const top = openBlock(names, undefined, undefined);
  const inner = openBlock(names, top, undefined);
  const operand = { expr: add(use(x), use(y)), level: 0, nesting: 1, conditional: false };
  const first = named(names, chainOf(inner), operand, "z");
  const again = named(names, chainOf(top), { ...operand, expr: add(use(y), use(x)) }, undefined);
  expect(top.stmts).toHaveLength(1);
  expect(inner.stmts).toHaveLength(0);
  expect(again.expr).toEqual(first.expr);
});
