/** Straight-line code on every back end against the interpreter, alone and over a batch, with its operation counts. */
import { describe, expect, it } from "vitest";
import { DETERMINANT } from "../../bench/operations/rows.ts";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { evaluateWithError, type Inputs } from "../../src/eval/index.ts";
import { compare, formatMismatch } from "../../src/gradcheck/compare.ts";
import { allowedError, TOLERANCES } from "../../src/gradcheck/tolerance.ts";
import { createArena, specialise, type Arena, type Program } from "../../src/ir/index.ts";
import { compileModule, request, toSchedule, type Request } from "../../src/pipeline.ts";
import { slope } from "../growth.ts";

const ROSENBROCK = `fn f(x: [N]) { return sum[i < N - 1](100 * (x[i+1] - x[i]^2)^2 + (1 - x[i])^2) }`;

/** The distance of the hand of a plane arm with three joints from a target, squared; an arm per row. */
const ARM = `fn f(q: [B, 3], l: [3], target: [B, 2]) {
  angle[b, j < 3] = sum[k < 3](k <= j ? q[b, k] : 0)
  x[b] = sum[j](l[j] * cos(angle[b, j])) - target[b, 0]
  y[b] = sum[j](l[j] * sin(angle[b, j])) - target[b, 1]
  e[b] = x[b]^2 + y[b]^2
  return e
}`;

const LOGISTIC = `fn f(x: [N, 3], w: [3]) {
  y[n] = softplus(sum[k](x[n, k] * w[k]))
  return mean(y)
}`;

const programOf = (
  text: string,
  dims: Readonly<Record<string, number>>,
  asked: Request,
): { ir: Arena; program: Program } => {
  const module = compileModule({ name: "f.grad", text });
  const ir = createArena();
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error("the function has errors");
  const fixed = specialise(ir, program.value, new Map(Object.entries(dims)));
  return { ir, program: request(ir, fixed, asked) };
};

const noise = (length: number, seed: number): readonly number[] =>
  Array.from({ length }, (_, k) => Math.sin(12.9898 * (k + 1) + seed) * 0.9);

const inputsFor = (program: Program, batch: number): Inputs => ({
  tensors: new Map(
    program.inputs.map(({ name, shape }, k) => {
      const extents = shape.map(({ terms, constant }) => (terms.length === 0 ? constant : batch));
      return [
        name,
        {
          shape: extents,
          data: noise(
            extents.reduce((p, n) => p * n, 1),
            k,
          ),
        },
      ];
    }),
  ),
});

/** The operations that its kernels say they do. */
const expectAgreement = async (ir: Arena, program: Program, batches: readonly number[]): Promise<number> => {
  const schedules = {
    f64: toSchedule(ir, program, { dtype: "f64" }),
    f32: toSchedule(ir, program, { dtype: "f32" }),
  };
  for (const backend of BACKENDS) {
    const { kernel, decisions } = schedules[backend.dtype];
    expect(decisions[0]?.decision).toBe("straight-line code");
    const made = (await instantiateAll(backend, [kernel])).get(kernel.name);
    if (made?.ok !== true) throw new Error(`${backend.name}: ${made?.reason ?? "no kernel"}`);
    for (const batch of batches) {
      const inputs = inputsFor(program, batch);
      const got = made.run(inputs);
      for (const [name, { shape, data, error }] of evaluateWithError(
        program,
        inputs,
        TOLERANCES[backend.dtype].arithmetic,
      )) {
        const allowed = (k: number): number => allowedError(backend.dtype, data[k] ?? NaN, error[k] ?? NaN);
        const { mismatch } = compare(name, { shape, data, allowed }, got.get(name));
        expect(mismatch && `${backend.name}, ${batch}: ${formatMismatch(mismatch)}`).toBeUndefined();
      }
    }
  }
  return Number(schedules.f64.kernel.about.operations);
};

const operationsOf = (text: string, dims: Readonly<Record<string, number>>, asked: Request): number => {
  const { ir, program } = programOf(text, dims, asked);
  return Number(toSchedule(ir, program, { dtype: "f64" }).kernel.about.operations);
};

const VALUE: Request = { kind: "value", wrt: [] };

describe("one instance", () => {
  it("Rosenbrock's function and gradient share all that they can, at any size", async () => {
    for (const N of [3, 10, 60]) {
      const value = operationsOf(ROSENBROCK, { N }, VALUE);
      expect(value).toBeLessThanOrEqual(8 * (N - 1));
      const both = operationsOf(ROSENBROCK, { N }, { kind: "grad", wrt: ["x"] });
      expect((both - value) / value).toBeLessThan(1.13);
    }
    const { ir, program } = programOf(ROSENBROCK, { N: 10 }, { kind: "grad", wrt: ["x"] });
    await expectAgreement(ir, program, [1]);
  });

  it("what a permutation leaves is expanded, and not what it might", () => {
    const text = `fn f(x: [N]) { y[i < N] = x[(i * 7 + 3) % N]^2 return sum(y) }`;
    const work = (N: number, budget: number): number => {
      const { ir, program } = programOf(text, { N }, { kind: "grad", wrt: ["x"] });
      const before = ir.size();
      const [first] = toSchedule(ir, program, { dtype: "f64", budget }).decisions;
      expect(first?.decision).toBe("straight-line code");
      return ir.size() - before;
    };
    const sizes = [100, 200];
    expect(slope(sizes, sizes.map((N) => work(N, 4000)))).toBeLessThan(1.05); // prettier-ignore
    expect(work(100, 1_000_000)).toBe(work(100, 4000));
  });

  it("a determinant by minors computes each minor once", async () => {
    // 15 minors of 3 operations, 20 of 5, 15 of 7, 6 of 9, and 11
    expect(operationsOf(DETERMINANT, {}, VALUE)).toBe(315);
    const { ir, program } = programOf(DETERMINANT, {}, { kind: "grad", wrt: ["a"] });
    expect(await expectAgreement(ir, program, [1])).toBeLessThan(1000);
  });
});

describe("beyond the budget", () => {
  const told = (text: string, dims: Readonly<Record<string, number>>, budget: number): readonly string[] => {
    const { ir, program } = programOf(text, dims, VALUE);
    const [first] = toSchedule(ir, program, { dtype: "f64", budget }).decisions;
    return [first?.decision ?? "", first?.reason ?? ""];
  };

  it("loops are kept, and it is said by how much", () => {
    const reason = "straight-line code: 39 operations are over the budget of 38";
    expect(told(ROSENBROCK, { N: 6 }, 38)).toEqual(["kept in loops", reason]);
    expect(told(ROSENBROCK, { N: 6 }, 39)[0]).toBe("straight-line code");
    const far = "straight-line code: expands far beyond the budget of 100";
    expect(told(ROSENBROCK, { N: 100_000 }, 100)).toEqual(["kept in loops", far]);
  });
});

describe("a batch of instances", () => {
  it.each(["f64", "f32"] as const)("runs on vectors of instances, %s", (dtype) => {
    const { ir, program } = programOf(ARM, {}, { kind: "vjp", wrt: ["q"] });
    const loops = toSchedule(ir, program, { dtype }).kernel.body.filter((stmt) => stmt.kind === "for");
    expect(loops.map(({ mode }) => mode)).toEqual(["vector"]);
  });

  it("an arm per row", async () => {
    const { ir, program } = programOf(ARM, {}, { kind: "vjp", wrt: ["q"] });
    await expectAgreement(ir, program, [1, 3, 4, 5, 9]);
  });

  it("sums over the batch, of constant number", async () => {
    const { ir, program } = programOf(LOGISTIC, {}, { kind: "grad", wrt: ["x", "w"] });
    await expectAgreement(ir, program, [1, 2, 8, 13]);
  });
});
