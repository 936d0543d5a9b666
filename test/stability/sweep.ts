/** Formulas as a user writes them, swept over inputs on every back end: where each is off from its exact value. */
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { readLibrary } from "../../src/cli/library.ts";
import * as diff from "../../src/diff/index.ts";
import { formatDiagnostic } from "../../src/diagnostics/index.ts";
import { evaluate, type GivenArray, type Inputs } from "../../src/eval/index.ts";
import { createArena, type Arena, type Program } from "../../src/ir/index.ts";
import type { FloatType } from "../../src/loop/types.ts";
import { compileModule, forward, toKernel, vjp } from "../../src/pipeline.ts";
import { evaluateExactly } from "./exact.ts";

/** What a function is tried on. */
export interface Trial {
  readonly inputs: Readonly<Record<string, GivenArray>>;
  /** What an output is by its limit, where the formula as written has no value: 0·∞, ∞ - ∞. */
  readonly limits?: Readonly<Record<string, readonly number[]>>;
}

/** A function `f` of the source, and a first trial of it. */
export interface Sweep extends Trial {
  readonly name: string;
  readonly source: string;
  readonly wrt: readonly string[];
  /** The same kernels on more inputs. */
  readonly more?: readonly Trial[];
  /** The upstream gradient; 1 without it. */
  readonly upstream?: readonly number[];
  /**
   * `each`: relative to the value. `largest`: relative to the largest element, for differences of terms that cancel in exact
   * arithmetic too.
   */
  readonly relativeTo?: "each" | "largest";
  readonly dtypes?: readonly FloatType[];
}

export interface Miss {
  readonly at: string;
  readonly expected: number;
  readonly got: number;
}

interface Format {
  readonly relative: number;
  readonly smallest: number;
  /** The least number with all its digits. */
  readonly normal: number;
  readonly largest: number;
  readonly round: (x: number) => number;
}

const FORMATS: { readonly [T in FloatType]: Format } = {
  f64: {
    relative: 1e-12,
    smallest: 2 ** -1074,
    normal: 2 ** -1022,
    largest: Number.MAX_VALUE,
    round: (x) => x,
  },
  f32: {
    relative: 2e-6,
    smallest: 2 ** -149,
    normal: 2 ** -126,
    largest: 3.4028234663852886e38,
    round: Math.fround,
  },
};

interface Prepared {
  readonly sweep: Sweep;
  readonly ir: Arena;
  readonly stages: readonly Stage[];
}

/** A program as compiled, and the same as the user's formula gives it. */
interface Stage {
  readonly name: string;
  readonly compiled: Program;
  readonly plain: Program;
}

const library = readLibrary();

const prepare = (sweep: Sweep, k: number): Prepared => {
  const ir = createArena();
  const module = compileModule({ name: "f.grad", text: sweep.source }, library.context);
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : module;
  if (program?.ok !== true)
    throw new Error((program?.diagnostics ?? []).map((each) => formatDiagnostic(each)).join("\n"));
  const plain = program.value;
  const value = { name: `value_${k}`, compiled: forward(ir, plain), plain };
  if (sweep.wrt.length === 0) return { sweep, ir, stages: [value] };
  const derivative = {
    name: `vjp_${k}`,
    compiled: vjp(ir, plain, sweep.wrt),
    plain: diff.vjp(ir, plain, sweep.wrt),
  };
  return { sweep, ir, stages: [value, derivative] };
};

type Given = Inputs & {
  readonly dims: ReadonlyMap<string, number>;
  readonly options: ReadonlyMap<string, number>;
};

const inputsOf = (
  { sweep, stages }: Prepared,
  { plain }: Stage,
  { inputs }: Trial,
  { round }: Format,
): Given => {
  const rounded = (array: GivenArray): GivenArray => ({ ...array, data: Array.from(array.data, round) });
  const given = new Map(Object.entries(inputs).map(([name, array]) => [name, rounded(array)]));
  const dims = new Map<string, number>();
  for (const { name, shape } of plain.inputs) {
    shape.forEach((extent, axis) => {
      const [atom] = extent.terms[0]?.atoms ?? [];
      const size = given.get(name)?.shape[axis];
      if (atom?.kind === "dim" && size !== undefined) dims.set(atom.name, size);
    });
  }
  const options = new Map(plain.options.map((option) => [option.name, option.default ?? NaN]));
  const output = stages[0]?.plain.outputs[0];
  const shape = (output?.tensor.shape ?? []).map(
    (extent) =>
      dims.get(extent.terms[0]?.atoms.map((atom) => (atom.kind === "dim" ? atom.name : "")).join("") ?? "") ??
      extent.constant,
  );
  const count = shape.reduce((product, extent) => product * extent, 1);
  const upstream = Array.from({ length: count }, (_, k) => round(sweep.upstream?.[k] ?? 1));
  if (plain.inputs.some(({ name }) => name === `d_${output?.name ?? ""}`))
    given.set(`d_${output?.name ?? ""}`, { shape, data: upstream });
  return { tensors: given, dims, options };
};

const missesOf = (
  where: string,
  { sweep }: Prepared,
  format: Format,
  exact: ReadonlyMap<string, readonly number[]>,
  got: ReadonlyMap<string, ArrayLike<number>>,
): readonly Miss[] =>
  [...exact].flatMap(([name, values]) => {
    const sizes = values.map(Math.abs).filter((size) => size <= format.largest);
    const largest = Math.max(0, ...sizes);
    return values.flatMap((expected, k): readonly Miss[] => {
      const value = got.get(name)?.[k] ?? NaN;
      const size = sweep.relativeTo === "largest" ? largest : Math.abs(expected);
      const isOff = Number.isNaN(expected)
        ? !Number.isNaN(value)
        : Math.abs(expected) > format.largest
          ? !(Math.abs(value) >= format.largest / 2)
          : !(
              Math.abs(value - expected) <=
              format.relative * size +
                (Math.abs(expected) < format.normal ? format.normal : 4 * format.smallest)
            );
      return isOff ? [{ at: `${where}: ${name}[${k}]`, expected, got: value }] : [];
    });
  });

const valuesOf = (
  { limits = {} }: Trial,
  stage: Stage,
  inputs: Given,
): ReadonlyMap<string, readonly number[]> =>
  new Map([...evaluateExactly(stage.plain, inputs)].map(([name, values]) => [name, limits[name] ?? values]));

/** What is off, for each sweep. */
export const sweepAll = async (sweeps: readonly Sweep[]): Promise<ReadonlyMap<string, readonly Miss[]>> => {
  const all = sweeps.map(prepare);
  const misses = new Map<string, Miss[]>(sweeps.map(({ name }) => [name, []]));
  const exact = new Map<string, ReadonlyMap<string, readonly number[]>>();
  const compareStage = (
    backend: string,
    dtype: FloatType,
    prepared: Prepared,
    stage: Stage,
    run: (inputs: Given) => ReadonlyMap<string, ArrayLike<number>>,
  ): void => {
    for (const trial of [prepared.sweep, ...(prepared.sweep.more ?? [])]) {
      const inputs = inputsOf(prepared, stage, trial, FORMATS[dtype]);
      const key = [
        stage.name,
        ...[...inputs.tensors.values()].map(({ data }) => Array.from(data).join()),
      ].join(" ");
      const values = exact.get(key) ?? valuesOf(trial, stage, inputs);
      exact.set(key, values);
      const given = Object.values(trial.inputs).map(({ data }) => `[${Array.from(data).join(", ")}]`);
      const where = prepared.sweep.more === undefined ? backend : `${backend} at ${given.join(", ")}`;
      misses
        .get(prepared.sweep.name)
        ?.push(...missesOf(where, prepared, FORMATS[dtype], values, run(inputs)));
    }
  };
  for (const prepared of all) {
    for (const stage of prepared.stages) {
      compareStage(
        "interpreter",
        "f64",
        prepared,
        stage,
        (inputs) => new Map([...evaluate(stage.compiled, inputs)].map(([name, { data }]) => [name, data])),
      );
    }
  }
  for (const backend of BACKENDS) {
    const tried = all.filter(({ sweep }) => sweep.dtypes?.includes(backend.dtype) !== false);
    if (tried.length === 0) continue;
    const kernels = tried.flatMap(({ ir, stages }) =>
      stages.map(({ name, compiled }) => toKernel(ir, compiled, { dtype: backend.dtype, name })),
    );
    const instantiated = await instantiateAll(backend, kernels);
    for (const prepared of tried) {
      for (const stage of prepared.stages) {
        const made = instantiated.get(stage.name);
        if (made?.ok !== true) throw new Error(`${prepared.sweep.name}: ${made?.reason ?? "missing"}`);
        compareStage(backend.name, backend.dtype, prepared, stage, made.run);
      }
    }
  }
  return misses;
};
