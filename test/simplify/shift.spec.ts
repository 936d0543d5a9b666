import { describe, expect, test } from "vitest";
import { vjp } from "../../src/diff/index.ts";
import { evaluate } from "../../src/eval/index.ts";
import { matrixFormulas } from "../../src/explain/index.ts";
import { build as b, createArena, verify } from "../../src/ir/index.ts";
import type { Program } from "../../src/ir/index.ts";
import { compileModule, request } from "../../src/pipeline.ts";
import { simplify } from "../../src/simplify/index.ts";
import { expectAgreement } from "./agree.ts";
import { write, type Writer } from "./programs.ts";

/** Every sum of exponentials as a textbook has it. */
const naive = (
  output: (
    w: Writer,
    parts: { e: () => ReturnType<typeof b.unary>; s: () => ReturnType<typeof b.unary> },
  ) => Program,
) => {
  const w = write();
  const x = w.input("x", "nc");
  const e = w.define("e", "nc", b.unary(w.ir, "exp", w.at(x, "nc")));
  const s = w.reduce("s", "n", "sum", "c", w.at(e, "nc"));
  return { w, program: output(w, { e: () => w.at(e, "nc"), s: () => w.at(s, "n") }) };
};

const softmax = () =>
  naive((w, { e, s }) => w.program("softmax", w.define("y", "nc", b.divide(w.ir, e(), s()))));

const logSumExp = () => naive((w, { s }) => w.program("lse", w.define("y", "n", b.unary(w.ir, "log", s()))));

const logSoftmax = () =>
  naive((w, { e, s }) => {
    const p = w.define("p", "nc", b.divide(w.ir, e(), s()));
    return w.program("log_softmax", w.define("y", "nc", b.unary(w.ir, "log", w.at(p, "nc"))));
  });

const CASES: readonly (readonly [string, () => { w: Writer; program: Program }])[] = [
  ["softmax", softmax],
  ["log Σ exp", logSumExp],
  ["log softmax", logSoftmax],
];

const large = (program: Program, scale: number) => ({
  tensors: new Map(
    program.inputs.map((tensor) => [
      tensor.name,
      tensor.name === "x"
        ? { shape: [2, 3], data: [scale, scale + 1, scale - 1, -scale, -scale - 2, -scale + 1] }
        : {
            shape: tensor.shape.map((_, k) => k + 2),
            data: tensor.shape.length === 1 ? [1, 2] : [1, 2, 3, 4, 5, 6],
          },
    ]),
  ),
});

describe("sums of exponentials", () => {
  test.each(CASES)("%s: the same value", (_name, make) => {
    const { w, program } = make();
    const simplified = simplify(w.ir, program, { mode: "user" });
    verify(simplified);
    expectAgreement(program, simplified);
    expect(simplify(w.ir, simplified, { mode: "user" })).toBe(simplified);
  });

  test.each(CASES)("%s: also for large inputs, and its derivative", (_name, make) => {
    const { w, program } = make();
    const stable = simplify(w.ir, program, { mode: "user" });
    const backward = simplify(w.ir, vjp(w.ir, stable, ["x"]));
    for (const each of [stable, backward]) {
      // a shift of all inputs by a constant moves log Σ exp by it, and nothing else
      const [near, far] = [evaluate(each, large(each, 2)), evaluate(each, large(each, 2000))];
      for (const [name, { data }] of far) {
        const before = near.get(name)?.data ?? [];
        data.forEach((value, k) => {
          const moved = name === "y" && program.name === "lse" ? (k === 0 ? 1998 : -1998) : 0;
          expect(value - moved).toBeCloseTo(before[k] ?? NaN, 9);
        });
      }
    }
  });

  test.each(CASES)("%s: left as it is in strict mode", (_name, make) => {
    const { w, program } = make();
    expect(simplify(w.ir, program, { mode: "strict" })).toBe(program);
  });

  test("a sum that something else reads is not shifted", () => {
    const { w, program } = naive((writer, { e, s }) =>
      writer.program("f", writer.define("y", "nc", b.add(writer.ir, b.divide(writer.ir, e(), s()), s()))),
    );
    expect(simplify(w.ir, program, { mode: "user" })).toBe(program);
  });

  test("log of a named sigmoid is a softplus", () => {
    const w = write();
    const x = w.input("x", "n");
    const p = w.define("p", "n", b.unary(w.ir, "sigmoid", w.at(x, "n")));
    const y = w.define("y", "n", b.add(w.ir, b.unary(w.ir, "log", w.at(p, "n")), w.at(p, "n")));
    const program = w.program("f", y);
    const simplified = simplify(w.ir, program, { mode: "user" });
    expectAgreement(program, simplified);
    const value = evaluate(simplified, { tensors: new Map([["x", { shape: [1], data: [-800] }]]) });
    expect(value.get("y")?.data[0]).toBe(-800);
  });
});

describe("a shift that is written out", () => {
  const derivativeOf = (text: string, asked: Parameters<typeof request>[2]): readonly string[] => {
    const module = compileModule({ name: "shift.grad", text });
    const ir = createArena();
    const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
    if (program?.ok !== true) throw new Error(`rejected:\n${text}`);
    return matrixFormulas(ir, request(ir, program.value, asked), "text");
  };

  const SHIFTED = "m = max[k](x[k]) e[c] = exp(x[c] - m)";
  const JACOBIAN = { kind: "jacobian", wrt: [], matrices: [{ rows: "y", columns: "x" }] } as const;
  const HESSIAN = { kind: "hessian", wrt: [], matrices: [{ rows: "x", columns: "x" }] } as const;

  test("has no derivative in a softmax", () => {
    const text = `fn f(x: [C]) { ${SHIFTED} y[c] = e[c] / sum[k](e[k]) return y }`;
    expect(derivativeOf(text, JACOBIAN).at(-1)).toBe("j_y_x[c, d] = p[c] · (δ[c, d] - p[d])");
  });

  test("has none in a log-sum-exp, alone or next to other terms", () => {
    const text = `fn f(x: [C]) { m = max[k](x[k]) return sum(x) + m + log(sum[k](exp(x[k] - m))) }`;
    expect(derivativeOf(text, HESSIAN).at(-1)).toBe("h_x_x[k, l] = p[k] · (δ[k, l] - p[l])");
  });

  test.each([
    `fn f(x: [C]) { ${SHIFTED} y[c] = e[c] / sum[k](e[k]) + e[c] return y }`,
    `fn f(x: [C]) { ${SHIFTED} y[c] = exp(x[c]) / sum[k](e[k]) return y }`,
    `fn f(x: [C]) { ${SHIFTED} y[c] = e[c] + log(sum[k](e[k])) return y }`,
  ])("stays where it changes the value: %s", (text) => {
    expect(derivativeOf(text, JACOBIAN).join("\n")).toContain("ties");
  });
});
