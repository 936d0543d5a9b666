import { describe, expect, test } from "vitest";
import { gradient, vjp } from "../../src/diff/index.ts";
import { build as b, verify } from "../../src/ir/index.ts";
import type { Arena, Program } from "../../src/ir/index.ts";
import { operationCount, simplify } from "../../src/simplify/index.ts";
import { expectAgreement } from "./agree.ts";
import { crossEntropy, crossEntropyLabels, layerNorm, softmax, write, type Writer } from "./programs.ts";

type Derive = (ir: Arena, program: Program, wrt: readonly string[]) => Program;

const CASES: readonly (readonly [
  string,
  () => { w: Writer; program: Program },
  Derive,
  readonly string[],
])[] = [
  ["softmax", softmax, vjp, ["x"]],
  ["cross entropy with labels", crossEntropyLabels, gradient, ["logits"]],
  ["cross entropy", crossEntropy, gradient, ["logits", "target"]],
  ["layer norm", layerNorm, vjp, ["x", "gamma", "beta"]],
];

describe("derived programs", () => {
  test.each(CASES)(
    "%s: of equal value, well formed, no heavier, and left alone the second time",
    (_name, make, derive, wrt) => {
      const { w, program } = make();
      const forward = simplify(w.ir, program, { mode: "user" });
      const derived = derive(w.ir, forward, wrt);
      const simplified = simplify(w.ir, derived);
      verify(simplified);
      expectAgreement(derived, simplified);
      expect(operationCount(w.ir, simplified).nominal).toBeLessThanOrEqual(
        operationCount(w.ir, derived).nominal,
      );
      expect(simplify(w.ir, simplified)).toBe(simplified);
    },
  );

  test("the adjoint of a softmax's shift is nothing, and with it the count of ties", () => {
    for (const [, make, derive, wrt] of CASES.slice(0, 3)) {
      const { w, program } = make();
      const names = simplify(w.ir, derive(w.ir, program, wrt)).definitions.map(({ tensor }) => tensor.name);
      expect(names).not.toContain("d_m");
      expect(names).not.toContain("m_ties");
    }
  });
});

const reads = (program: Program): readonly string[] => program.definitions.map(({ tensor }) => tensor.name);

describe("definitions", () => {
  test("equal ones are one, copies are read through, dead ones go", () => {
    const w = write();
    const x = w.input("x", "n");
    const one = w.define("one", "n", b.unary(w.ir, "exp", w.at(x, "n")));
    const other = w.define("other", "n", b.unary(w.ir, "exp", w.at(x, "n")));
    const copy = w.define("copy", "n", w.at(other, "n"));
    w.define("dead", "n", b.unary(w.ir, "sin", w.at(x, "n")));
    const total = w.reduce("total", "", "sum", "n", b.multiply(w.ir, w.at(one, "n"), w.at(copy, "n")));
    const program = w.program("f", total);
    const simplified = simplify(w.ir, program, { mode: "user" });
    expect(reads(simplified)).toEqual(["one", "total"]);
    expectAgreement(program, simplified);
  });

  test("a factor that does not depend on a summed index comes out of the sum", () => {
    const w = write();
    const [k, f] = [w.input("k", "n"), w.input("f", "nc")];
    const total = w.reduce("total", "n", "sum", "c", b.multiply(w.ir, w.at(k, "n"), w.at(f, "nc")));
    const program = w.program("f", total);
    const simplified = simplify(w.ir, program);
    expect(operationCount(w.ir, simplified).text).toBe("N·C + N");
    expectAgreement(program, simplified);
  });

  test("the sum of what does not depend on the index is a multiple", () => {
    const w = write();
    const k = w.input("k", "n");
    const total = w.reduce("total", "n", "sum", "c", w.at(k, "n"));
    const program = w.program("f", total);
    const simplified = simplify(w.ir, program);
    expect(operationCount(w.ir, simplified).text).toBe("N");
    expectAgreement(program, simplified);
  });

  test("deviations from the mean sum to nothing", () => {
    const w = write();
    const x = w.input("x", "nc");
    const mean = w.reduce("mean", "n", "sum", "c", b.divide(w.ir, w.at(x, "nc"), w.size("c")));
    const centred = w.define("centred", "nc", b.subtract(w.ir, w.at(x, "nc"), w.at(mean, "n")));
    const total = w.reduce("total", "n", "sum", "c", w.at(centred, "nc"));
    const program = w.program("f", total, centred);
    const simplified = simplify(w.ir, program);
    expect(simplified.definitions.find(({ tensor }) => tensor === total)?.body.kind).toBe("zero");
    expectAgreement(program, simplified);
  });

  test("a variance is never expanded, though Σx² - (Σx)²/C is cheaper", () => {
    const { w, program } = layerNorm();
    const simplified = simplify(w.ir, program);
    const variance = simplified.definitions.filter(({ tensor }) => tensor.name.startsWith("variance"));
    expect(variance.some(({ body }) => body.kind === "power")).toBe(true);
    expectAgreement(program, simplified);
  });
});
