import { expect, test } from "vitest";
import { build as b } from "../../src/ir/index.ts";
import type { Node, Program } from "../../src/ir/index.ts";
import { operationCount, simplify } from "../../src/simplify/index.ts";
import { expectAgreement } from "./agree.ts";
import { write, type Writer } from "./programs.ts";

const program = (
  body: (w: Writer, parts: { t: Node; u: Node; v: Node; k: Node }) => Node,
): { w: Writer; program: Program } => {
  const w = write(undefined, ["k"]);
  const [t, u, v] = ["t", "u", "v"].map((name) => w.at(w.input(name, "n"), "n"));
  const y = w.define(
    "y",
    "n",
    body(w, { t: t ?? b.zero(w.ir), u: u ?? b.zero(w.ir), v: v ?? b.zero(w.ir), k: b.option(w.ir, "k") }),
  );
  return { w, program: w.program("f", y) };
};

const complement = (w: Writer, a: Node): Node => b.subtract(w.ir, b.constant(w.ir, 1), a);

test("k·t + (1 - k)·(1 - t) is a line in t", () => {
  const { w, program: f } = program((writer, { t, k }) =>
    b.add(
      writer.ir,
      b.multiply(writer.ir, k, t),
      b.multiply(writer.ir, complement(writer, k), complement(writer, t)),
    ),
  );
  const simplified = simplify(w.ir, f);
  expectAgreement(f, simplified);
  expect(operationCount(w.ir, simplified).text).toBe("2·N + 2");
});

test("a product that is used twice is taken apart for a common factor", () => {
  const { w, program: f } = program((writer, { t, u, v, k }) => {
    const d = b.product(writer.ir, [k, t, u]);
    const inner = b.add(writer.ir, d, b.product(writer.ir, [k, t, b.unary(writer.ir, "sin", u)]));
    return b.subtract(writer.ir, b.multiply(writer.ir, v, inner), b.multiply(writer.ir, u, d));
  });
  const simplified = simplify(w.ir, f);
  expectAgreement(f, simplified);
  expect(operationCount(w.ir, simplified).nominal).toBeLessThan(operationCount(w.ir, f).nominal);
});

test("k·(t - u) + v keeps the difference, in which digits cancel", () => {
  const { w, program: f } = program((writer, { t, u, v, k }) =>
    b.add(writer.ir, b.multiply(writer.ir, k, b.subtract(writer.ir, t, u)), v),
  );
  expect(simplify(w.ir, f)).toBe(f);
});
