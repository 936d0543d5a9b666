import { describe, expect, it } from "vitest";
import { requestsOf } from "../../src/cli/compile.ts";
import { createArena, type Program } from "../../src/ir/index.ts";
import { compileModule, request } from "../../src/pipeline.ts";
import { operationCount } from "../../src/simplify/index.ts";

const SOFTMAX =
  "fn f(x: [N, C]) { e[n, c] = exp(x[n, c] - max[k](x[n, k])) y[n, c] = e[n, c] / sum[k](e[n, k]) return y }";
const LOSS = "fn f(x: [N], w: [N]) { return mean(w * exp(sin(x))) }";

/** What each kernel of the requests gives, and its operations. */
const kernelsOf = (
  text: string,
): readonly (readonly [name: string, outputs: string, operations: number])[] => {
  const module = compileModule({ name: "together.grad", text });
  if (!module.ok) throw new Error(`rejected:\n${text}`);
  const ir = createArena();
  const programs = new Map<string, Program>();
  for (const [name, fn] of module.value.functions) {
    const program = fn.program(ir);
    if (program.ok) programs.set(name, program.value);
  }
  return [...requestsOf(module.value, programs)].flatMap(([name, requests]) =>
    requests.map((asked) => {
      const program = programs.get(name);
      if (program === undefined) throw new Error(`no ${name}`);
      const derived = request(ir, program, asked);
      const outputs = derived.outputs.map((output) => output.name).join(" ");
      return [derived.name, outputs, operationCount(ir, derived).nominal] as const;
    }),
  );
};

const outputsOf = (text: string): readonly string[] =>
  kernelsOf(text).map(([name, outputs]) => `${name}: ${outputs}`);

describe("requests for one function", () => {
  it("are one kernel where a matrix is computed from the others, and that gives what is asked for alone", () => {
    expect(outputsOf(`${LOSS} derive f { hessian(x) }`)).toEqual(["f_hessian: h_x_x"]);
    expect(outputsOf(`${LOSS} derive f { value(), hessian(x) }`)).toEqual(["f: out", "f_hessian: out h_x_x"]);
    expect(outputsOf(`${LOSS} derive f { grad(w), hessian(x) }`)).toEqual([
      "f_grad: out d_w",
      "f_hessian: out d_w h_x_x",
    ]);
    const parts = "j_y_x_diagonal j_y_x_left j_y_x_right";
    expect(outputsOf(`${SOFTMAX} derive f { jacobian(y, x) }`)).toEqual([`f_jacobian: ${parts}`]);
    expect(outputsOf(`${SOFTMAX} derive f { jacobian(y, x), value() }`)).toEqual([
      `f_jacobian: y ${parts}`,
      "f: y",
    ]);
  });

  it("share the work", () => {
    const counts = kernelsOf(`${SOFTMAX} derive f { jacobian(y, x), value() }`);
    const [together, value] = counts.map(([, , operations]) => operations);
    const [alone] = kernelsOf(`${SOFTMAX} derive f { jacobian(y, x) }`).map(([, , operations]) => operations);
    expect(together).toBeLessThan((alone ?? 0) + (value ?? 0) / 2);
  });
});
