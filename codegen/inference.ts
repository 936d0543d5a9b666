/**
 * In: the dims of a kernel and its inputs. Out: which dims a caller has to give, and how the others follow from lengths.
 * Ends because each round determines a dim more, from lengths or by asking for it.
 */
import { foldExpr } from "../src/loop/fold.ts";
import type { Buffer, DimParam, Expr } from "../src/loop/types.ts";

/** A dim is the length of an input over what its other extents multiply to. */
export interface Inference {
  readonly from: Buffer;
  /** Over constants, and dims that are determined before. */
  readonly divisor: Expr;
}

export interface DeterminedDim {
  readonly dim: DimParam;
  /** Without one, it is given, or has a default. */
  readonly inference: Inference | undefined;
}

/** The names of the dims that an extent reads. */
export function dimsOf(extent: Expr): ReadonlySet<string> {
  const names = new Set<string>();
  foldExpr<undefined>(extent, (expr) => {
    if (expr.kind === "dim") names.add(expr.name);
    return undefined;
  });
  return names;
}

function factorsOf(shape: readonly Expr[]): readonly Expr[] {
  return shape.flatMap((extent) =>
    extent.kind === "binary" && extent.op === "mul" ? factorsOf([extent.a, extent.b]) : [extent],
  );
}

const ONE: Expr = { kind: "const", type: "int", value: 1 };

function times(a: Expr, b: Expr): Expr {
  if (a.kind !== "const") return { kind: "binary", type: "int", op: "mul", a, b };
  if (b.kind === "const") return { ...a, value: a.value * b.value };
  return a.value === 1 ? b : { kind: "binary", type: "int", op: "mul", a, b };
}

/** The product of the other factors, constants first, where `dim` is a factor once and the others are known. */
function divisorBeside(dim: string, shape: readonly Expr[], known: ReadonlySet<string>): Expr | undefined {
  const isDim = (expr: Expr): boolean => expr.kind === "dim" && expr.name === dim;
  const factors = factorsOf(shape);
  const others = factors.filter((factor) => !isDim(factor));
  if (others.length + 1 !== factors.length) return undefined;
  if (!others.every((factor) => [...dimsOf(factor)].every((name) => known.has(name)))) return undefined;
  const constants = others.filter(({ kind }) => kind === "const");
  const variables = others.filter(({ kind }) => kind !== "const");
  const divisor = [...constants, ...variables].reduce(times, ONE);
  return divisor.kind === "const" && divisor.value <= 0 ? undefined : divisor;
}

function inferenceOf(
  dim: string,
  inputs: readonly Buffer[],
  known: ReadonlySet<string>,
): Inference | undefined {
  for (const from of inputs) {
    const divisor = divisorBeside(dim, from.shape, known);
    if (divisor !== undefined) return { from, divisor };
  }
  return undefined;
}

/** What follows at once from the lengths of inputs and `known`. */
function next(
  dims: readonly DimParam[],
  inputs: readonly Buffer[],
  known: ReadonlySet<string>,
): readonly DeterminedDim[] {
  return dims
    .filter(({ name }) => !known.has(name))
    .map((dim) => ({ dim, inference: inferenceOf(dim.name, inputs, known) }))
    .filter(({ inference }) => inference !== undefined);
}

/** All that follows, simplest first. */
function following(
  dims: readonly DimParam[],
  inputs: readonly Buffer[],
  known: ReadonlySet<string>,
): readonly DeterminedDim[] {
  const found = next(dims, inputs, known);
  if (found.length === 0) return [];
  return [...found, ...following(dims, inputs, new Set([...known, ...found.map(({ dim }) => dim.name)]))];
}

/**
 * All dims, in an order in which each needs only those before. Where lengths alone do not say, the dim from which most others
 * follow, and then follow at once, is one to be given: of `a: [N, K], b: [K, M]` it is K. Of several such it is the last one,
 * the inner dimension.
 */
export function determine(dims: readonly DimParam[], inputs: readonly Buffer[]): readonly DeterminedDim[] {
  const given = (dim: DimParam): DeterminedDim => ({ dim, inference: undefined });
  const determined = dims.filter(({ default: standard }) => standard !== undefined).map(given);
  for (;;) {
    determined.push(...following(dims, inputs, new Set(determined.map(({ dim }) => dim.name))));
    const names = new Set(determined.map(({ dim }) => dim.name));
    const open = dims.filter(({ name }) => !names.has(name));
    const gains = open.map(({ name }) => {
      const known = new Set([...names, name]);
      return dims.length * following(dims, inputs, known).length + next(dims, inputs, known).length;
    });
    const best = open[gains.lastIndexOf(Math.max(...gains))];
    if (best === undefined) return determined;
    determined.push(given(best));
  }
}
