import { describe, expect, test } from "vitest";
import { gradient, vjp } from "../../src/diff/index.ts";
import { affine, build as b, verify } from "../../src/ir/index.ts";
import type { Arena, Program } from "../../src/ir/index.ts";
import { operationCount, simplify, type Step } from "../../src/simplify/index.ts";
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

  test("a product of three matrices is two products of two", () => {
    const w = write();
    const [a, c, d] = [w.input("a", "ij"), w.input("c", "jk"), w.input("d", "kl")];
    const body = b.product(w.ir, [w.at(a, "ij"), w.at(c, "jk"), w.at(d, "kl")]);
    const y = w.reduce("y", "il", "sum", "jk", body);
    const program = w.program("chain", y);
    const simplified = simplify(w.ir, program);
    verify(simplified);
    expect(simplified.definitions.map(({ reduction }) => reduction?.indices.length)).toEqual([1, 1]);
    expectAgreement(program, simplified);
    expect(simplify(w.ir, simplified)).toBe(simplified);
  });

  test("a factor that depends on one of two sums comes out of the other", () => {
    const w = write();
    const [k, f] = [w.input("k", "n"), w.input("f", "nc")];
    const total = w.reduce("total", "", "sum", "nc", b.multiply(w.ir, w.at(k, "n"), w.at(f, "nc")));
    const program = w.program("f", total);
    const simplified = simplify(w.ir, program);
    expect(operationCount(w.ir, simplified).text).toBe("N·C + 2·N");
    expectAgreement(program, simplified);
  });

  test("a label in a sum over classes picks one: no sum is left", () => {
    const w = write();
    const x = w.input("x", "nc");
    const label = w.input("label", "n", "int");
    const c = affine.ofIndex(w.ir, w.ir.index("c", w.extent("c")));
    const hit = b.isZero(w.ir, affine.minus(w.ir, c, affine.ofData(w.ir, w.at(label, "n"))));
    const total = w.reduce("total", "n", "sum", "c", b.guard(w.ir, hit, w.at(x, "nc")));
    const program = {
      ...w.program("f", total),
      requirements: [{ kind: "range" as const, tensor: label, extent: w.extent("c") }],
    };
    const simplified = simplify(w.ir, program);
    verify(simplified);
    expect(simplified.definitions.map(({ body, reduction }) => [body.kind, reduction])).toEqual([
      ["read", undefined],
    ]);
    expectAgreement(program, simplified);
  });

  test("what a definition holds is read from it, also where its indices stand in another order", () => {
    const w = write();
    const x = w.input("x", "nc");
    const e = w.define("e", "nc", b.unary(w.ir, "exp", w.at(x, "nc")));
    const columns = w.reduce("columns", "c", "sum", "n", b.unary(w.ir, "exp", w.at(x, "nc")));
    const program = w.program("f", e, columns);
    const simplified = simplify(w.ir, program);
    expect(simplified.definitions.map(({ body }) => body.kind)).toEqual(["unary", "read"]);
    expectAgreement(program, simplified);
  });

  test("a trace names the rules and shows before and after", () => {
    const w = write();
    const x = w.input("x", "n");
    const one = b.constant(w.ir, 1);
    const y = w.define("y", "n", b.unary(w.ir, "log", b.add(w.ir, one, b.unary(w.ir, "exp", w.at(x, "n")))));
    const steps: Step[] = [];
    simplify(w.ir, w.program("f", y), { mode: "user", trace: (step) => steps.push(step) });
    expect(steps).toMatchObject([
      { rule: "log(1 + exp(x)) is softplus(x)", before: { kind: "unary" }, after: { kind: "unary" } },
    ]);
  });

  test("a trace names the moves between definitions, with those that they change", () => {
    const w = write();
    const x = w.input("x", "n");
    const tanh = b.unary(w.ir, "tanh", w.at(x, "n"));
    const y = w.define("y", "n", b.square(w.ir, tanh));
    const s = w.reduce("s", "", "sum", "n", tanh);
    const steps: Step[] = [];
    const simplified = simplify(w.ir, w.program("f", y, s), { trace: (step) => steps.push(step) });
    const [move, ...others] = steps.filter((step) => step.kind === "move");
    expect(others).toEqual([]);
    expect(move?.rule).toBe("values that several need have names");
    expect(move?.changed.map(({ tensor }) => tensor.name)).toEqual(["tanh_x", "y", "s"]);
    expect(simplified.definitions.map(({ tensor }) => tensor.name)).toEqual(["tanh_x", "y", "s"]);
  });
});
