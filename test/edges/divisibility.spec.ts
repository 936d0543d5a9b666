/** Extents that are quotients: what does not divide is an error wherever a kernel is called, and at build time. */
import { beforeAll, describe, expect, it } from "vitest";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { compileFunctions, readLibrary } from "../../src/cli/library.ts";
import { evaluate, extentOf, type Inputs } from "../../src/eval/index.ts";
import { parseProgram, printProgram, specialise, type Program } from "../../src/ir/index.ts";
import { forward, toKernel, vjp } from "../../src/pipeline.ts";
import { command, temporaryFolder } from "../cli/command.ts";

/** A call, the arguments that fit, others that do not, and what is said of those. */
interface Case {
  readonly name: string;
  readonly text: string;
  readonly fits: Readonly<Record<string, number>>;
  readonly misfits: Readonly<Record<string, number>>;
  readonly message: string | RegExp;
}

const CASES: readonly Case[] = [
  {
    name: "group_norm",
    text: "fn f(x: [N, C, H, W], gamma: [C], beta: [C]; groups = 1) { return group_norm(x, gamma, beta; groups = groups) }",
    fits: { N: 2, C: 6, H: 2, W: 3, groups: 3 },
    misfits: { N: 2, C: 6, H: 2, W: 3, groups: 4 },
    message: "groups = 4 does not divide C = 6",
  },
  {
    name: "multi_head_attention",
    text: "fn f(x: [B, L, D], wq: [D, D], wk: [D, D], wv: [D, D], wo: [D, D]; heads = 1) { return multi_head_attention(x, wq, wk, wv, wo; heads = heads) }",
    fits: { B: 1, L: 3, D: 4, heads: 2 },
    misfits: { B: 1, L: 3, D: 4, heads: 3 },
    message: "heads = 3 does not divide D = 4",
  },
  {
    name: "a constant divisor, of a parameter too",
    text: "fn f(x: [N], y: [N / 2]) { z[i < N / 2, j < 2] = y[i] * x[2*i + j] return z }",
    fits: { N: 8 },
    misfits: { N: 7 },
    message: "2 does not divide N = 7",
  },
  {
    name: "remainders by a quotient",
    text: "fn f(x: [N]; parts = 1) { K = N / parts\n m[k < K] = sum[p < parts](x[p*K + k])\n y[n] = x[n] * m[n % K]\n return y }",
    fits: { N: 12, parts: 3 },
    misfits: { N: 12, parts: 5 },
    message: "parts = 5 does not divide N = 12",
  },
  {
    name: "a quotient of a quotient",
    text: "fn f(x: [N], w: [B]; a = 1) { K = N / a\n y[i < a] = sum[k < K](x[i*K + k] * w[k // (K / B)]) return y }",
    fits: { N: 12, a: 2, B: 3 },
    misfits: { N: 12, a: 4, B: 2 },
    message: /^(GS0702 input does not fit: )?B = 2 does not divide N \/\/? a = 3$/,
  },
];

interface Built {
  readonly name: string;
  readonly run: (inputs: Inputs) => ReadonlyMap<string, ArrayLike<number>>;
}

const compiled = compileFunctions(
  CASES.map(({ text }, k) => ({
    name: `f${k}`,
    text: text.replace("fn f(", `fn f${k}(`),
    uses: [...text.matchAll(/return (\w+)\(/g)].map(([, name = ""]) => name),
  })),
  readLibrary(),
);

const derive = (k: number): readonly [Program, Program, Program] => {
  const made = compiled.get(`f${k}`);
  if (made?.ok !== true) throw new Error(made?.reason ?? "not compiled");
  const { ir, program } = made;
  return [program, forward(ir, program), { ...vjp(ir, program, ["x"]), name: `f${k}_vjp` }];
};

const programs = CASES.map((_, k) => derive(k));

const inputsOf = (program: Program, given: Readonly<Record<string, number>>): Inputs => {
  const dims = new Map(Object.entries(given));
  const tensors = program.inputs.map(({ name, shape }) => {
    const extents = shape.map((extent) => Math.floor(extentOf(extent, dims) ?? 0));
    const count = extents.reduce((size, extent) => size * extent, 1);
    return [
      name,
      {
        shape: extents,
        data: Float64Array.from({ length: count }, (_, n) => Math.fround(Math.sin(n + name.length))),
      },
    ] as const;
  });
  return { tensors: new Map(tensors), dims };
};

const built = new Map<string, readonly Built[]>();

beforeAll(async () => {
  const wanted = programs.flatMap(([, value, gradient]) => [value, gradient]);
  for (const program of wanted)
    built.set(program.name, [
      {
        name: "interpreter",
        run: (inputs) => new Map([...evaluate(program, inputs)].map(([name, { data }]) => [name, data])),
      },
    ]);
  for (const backend of BACKENDS) {
    const kernels = CASES.flatMap((_, k) => {
      const { ir } = compiled.get(`f${k}`) as { readonly ir: Parameters<typeof toKernel>[0] };
      return (programs[k] ?? [])
        .slice(1)
        .map((program) => toKernel(ir, program, { dtype: backend.dtype, name: program.name }));
    });
    for (const [name, made] of await instantiateAll(backend, kernels)) {
      if (!made.ok) throw new Error(made.reason);
      built.set(name, [...(built.get(name) ?? []), { name: backend.name, run: made.run }]);
    }
  }
});

describe("an extent that is a quotient", () => {
  it.each(CASES.map((each, k) => [each.name, k, each] as const))("%s", (_, k, { fits, misfits, message }) => {
    for (const program of (programs[k] ?? []).slice(1)) {
      const all = built.get(program.name) ?? [];
      expect(all).toHaveLength(1 + BACKENDS.length);
      const [first, ...others] = all.map(({ run }) => run(inputsOf(program, fits)));
      for (const other of others)
        for (const [name, values] of first ?? []) {
          const got = Array.from(other.get(name) ?? []);
          expect(got).toHaveLength(values.length);
          Array.from(values).forEach((value, n) => {
            expect(got[n]).toBeCloseTo(value, 4);
          });
        }
      for (const { run } of all) expect(() => run(inputsOf(program, misfits))).toThrow(message);
      // nothing is divided by a quotient that is 0
      const empty = { ...fits, [Object.keys(fits).find((name) => ["C", "D", "N"].includes(name)) ?? ""]: 0 };
      for (const { run } of all) expect(() => run(inputsOf(program, empty))).not.toThrow();
    }
  });

  it.each(CASES.map((each, k) => [each.name, k] as const))("is printed and read back: %s", (_, k) => {
    const made = compiled.get(`f${k}`);
    if (made?.ok !== true) throw new Error("not compiled");
    const again = parseProgram(made.ir, printProgram(made.program), [...made.program.inputs]);
    expect(again.requirements).toEqual(made.program.requirements);
    expect(again.definitions.map(({ indices }) => indices)).toEqual(
      made.program.definitions.map(({ indices }) => indices),
    );
  });

  it("times its divisor is what is divided, so that no guard is left", () => {
    for (const program of programs[0] ?? [])
      expect(printProgram(program)).not.toMatch(/inrange|divides %|quotient\(.*\)\*groups/);
  });

  it("is a number where all is known", () => {
    const [program] = programs[0] ?? [];
    const made = compiled.get("f0");
    if (program === undefined || made?.ok !== true) throw new Error("not compiled");
    const text = printProgram(specialise(made.ir, program, new Map([["C", 6], ["groups", 3]]))); // prettier-ignore
    expect(text).not.toContain("quotient");
    expect(text).toContain("loops 2 [N, 3, 2, H, W]");
  });
});

describe("the command line", () => {
  const folder = temporaryFolder();

  it("rejects what does not divide at build time, and leaves the rest to the kernels", async () => {
    const file = folder.write(
      "f.grad",
      "fn f(x: [N]; parts = 2) { y[p < parts] = sum[k < N / parts](x[p * (N / parts) + k]) return y }",
    );
    const fixed = (...dims: readonly string[]): ReturnType<typeof command> =>
      command("derive", file, "f", "--wrt", "x", ...dims.flatMap((each) => ["--dim", each]));
    expect(await fixed("N=9", "parts=4")).toMatchObject({
      code: 2,
      err: expect.stringContaining("GS0309") as string,
    });
    expect((await fixed("N=9", "parts=4")).err).toContain("parts = 4 does not divide N = 9 in f");
    expect(await fixed("N=9", "parts=3")).toMatchObject({ code: 0 });
    expect(await fixed("N=9")).toMatchObject({ code: 0 });
  });

  it("checks gradients at extents that fit", async () => {
    const file = folder.write("g.grad", "fn g(x: [N]) { y[p < N / 4] = sum[k < 4](x[4*p + k]^3) return y }");
    expect(await command("check", file)).toMatchObject({ code: 0 });
  });
});
