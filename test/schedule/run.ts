/** Runs a program on the TypeScript back end and in the interpreter, and compares. */
import { expect } from "vitest";
import type { CallableKernel, PortValue } from "../../codegen/interface.ts";
import { instantiateTypeScript } from "../../codegen/typescript/run.ts";
import { evaluate, type GivenArray } from "../../src/eval/index.ts";
import { limitsOf, type Affine, type Arena, type Atom, type Program } from "../../src/ir/index.ts";
import type { FloatType, Kernel, Stmt } from "../../src/loop/types.ts";
import { schedule } from "../../src/schedule/index.ts";

export type Sizes = Readonly<Record<string, number>>;

export const ABOUT = { doc: "", formulas: [], operations: "", sourceHash: "" };

export const kernelOf = (ir: Arena, program: Program, dtype: FloatType = "f64"): Kernel =>
  schedule(ir, program, { dtype, about: ABOUT }).kernel;

const extent = (a: Affine, sizes: Sizes): number =>
  a.terms.reduce(
    (total, term) => total + term.atoms.reduce((n, atom) => n * atomOf(atom, sizes), term.coefficient),
    a.constant,
  );

const atomOf = (atom: Atom, sizes: Sizes): number => {
  if (atom.kind === "dim") return sizes[atom.name] ?? Number.NaN;
  if (atom.kind === "floordiv") return Math.floor(extent(atom.value, sizes) / extent(atom.by, sizes));
  throw new Error(`an extent with ${atom.kind}`);
};

/** Numbers that look random and are the same in every run. */
const noise = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 8) / 2 ** 24;
  };
};

const arraysFor = (program: Program, sizes: Sizes): ReadonlyMap<string, GivenArray> => {
  const next = noise(7);
  return new Map(
    program.inputs.map((tensor) => {
      const shape = tensor.shape.map((each) => Math.max(0, extent(each, sizes)));
      const count = shape.reduce((n, each) => n * each, 1);
      const limit = limitsOf(program, tensor)[0];
      const data =
        tensor.dtype === "int" && limit === undefined
          ? Int32Array.from({ length: count }, () => Math.floor(next() * 3))
          : limit === undefined
            ? Float64Array.from({ length: count }, () => next() * 4 - 2)
            : Int32Array.from({ length: count }, () => Math.floor(next() * extent(limit, sizes)));
      return [tensor.name, { shape, data }];
    }),
  );
};

export const TOLERANCE: { readonly [K in FloatType]: number } = { f64: 1e-12, f32: 2e-4 };

export const compiled = async (kernel: Kernel): Promise<CallableKernel> => {
  const run = (await instantiateTypeScript([kernel])).get(kernel.name);
  if (run === undefined) throw new Error("no kernel");
  return run;
};

/** The kernel's outputs are those of the interpreter. */
export const expectSame = (program: Program, kernel: Kernel, run: CallableKernel, sizes: Sizes): void => {
  const tensors = arraysFor(program, sizes);
  const wanted = evaluate(program, { tensors, dims: new Map(Object.entries(sizes)) });
  const given = Object.fromEntries(
    program.inputs.map((tensor): [string, PortValue] => {
      const data = tensors.get(tensor.name)?.data ?? [];
      if (tensor.shape.length === 0) return [tensor.name, data[0] ?? 0];
      if (tensor.dtype === "int") return [tensor.name, Int32Array.from(data)];
      return [tensor.name, kernel.dtype === "f32" ? Float32Array.from(data) : Float64Array.from(data)];
    }),
  );
  const results = run({ ...given, ...sizes });
  for (const { name } of program.outputs) {
    const result = results[name];
    const actual = typeof result === "number" ? [result] : [...(result ?? [])];
    const expected = [...(wanted.get(name)?.data ?? [])];
    expect(actual.length, name).toBe(expected.length);
    expected.forEach((value, k) => {
      const got = actual[k] ?? Number.NaN;
      if (Object.is(got, value) || got === value) return;
      expect(Math.abs(got - value) / Math.max(1, Math.abs(value)), `${name}[${k}]: ${got}, not ${value}`)
        .toBeLessThanOrEqual(TOLERANCE[kernel.dtype]); // prettier-ignore
    });
  }
};

export interface Shape {
  readonly loops: number;
  readonly vector: number;
  readonly nests: number;
  readonly depth: number;
}

/** How many loops there are. */
export const shapeOf = (body: readonly Stmt[]): Shape => {
  const count = (stmts: readonly Stmt[], depth: number): Omit<Shape, "nests"> => {
    let [loops, vector, deepest] = [0, 0, depth];
    for (const stmt of stmts) {
      if (stmt.kind !== "for" && stmt.kind !== "if") continue;
      const inner =
        stmt.kind === "for" ? count(stmt.body, depth + 1) : count([...stmt.then, ...stmt.else], depth);
      loops += inner.loops + (stmt.kind === "for" ? 1 : 0);
      vector += inner.vector + (stmt.kind === "for" && stmt.mode === "vector" ? 1 : 0);
      deepest = Math.max(deepest, inner.depth);
    }
    return { loops, vector, depth: deepest };
  };
  return { ...count(body, 0), nests: body.filter((stmt) => stmt.kind === "for").length };
};
