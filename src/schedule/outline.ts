/**
 * Loops that occur several times, in one kernel or in several of a module, as procedures. In: kernels; out: procedures, and
 * which statements are calls of them; the arithmetic stays the same, operation by operation. Ends because each round
 * makes procedures of what is inside of those before.
 */
import type { Buffer, Expr, Kernel, Local, Stmt } from "../loop/types.ts";
import { use } from "./build.ts";
import { createNumbers, depthOf, identityOf, iterationsOf, nestOf, type Nest, type Numbers } from "./nest.ts";
import { allOf, partsOf, replaced, valuesOf } from "./walks.ts";

export interface Procedure {
  readonly name: string;
  /** One that calls it: all have its dtype and its mathematics. */
  readonly kernel: Kernel;
  readonly values: readonly Local[];
  readonly buffers: readonly Buffer[];
  /** What it adds to: a number that it takes, and returns. */
  readonly result: Local | undefined;
  readonly body: readonly Stmt[];
}

export interface Call {
  readonly procedure: Procedure;
  readonly values: readonly Expr[];
  readonly buffers: readonly Buffer[];
  readonly result: Local | undefined;
}

export interface Outlined {
  readonly procedures: readonly Procedure[];
  readonly calls: ReadonlyMap<Stmt, Call>;
}

interface Body {
  readonly kernel: Kernel;
  readonly body: readonly Stmt[];
}

/** A nest, and the kernel that it runs in. */
interface Member {
  readonly nest: Nest;
  readonly kernel: Kernel;
}

export const outline = (kernels: readonly Kernel[]): Outlined => {
  const numbers = createNumbers();
  const calls = new Map<Stmt, Call>();
  const procedures: Procedure[] = [];
  let bodies: readonly Body[] = kernels.map((kernel) => ({ kernel, body: kernel.body }));
  let before = -1;
  while (before < procedures.length) {
    before = procedures.length;
    const taken = new Set<Stmt>();
    for (const members of classesIn(numbers, bodies, calls)) {
      const free = members.filter(({ nest }) => !allOf([nest.stmt]).some((stmt) => taken.has(stmt)));
      const made = procedureOf(numbers, `${procedures.length}`, free);
      if (made === undefined) continue;
      procedures.push(made.procedure);
      for (const [k, { nest }] of free.entries()) {
        for (const stmt of allOf([nest.stmt])) taken.add(stmt);
        calls.set(nest.stmt, made.callOf(k));
      }
    }
    bodies = [...kernels.map((kernel) => ({ kernel, body: kernel.body })), ...procedures];
  }
  return { procedures, calls };
};

// ---- which occur several times

/** The largest first. */
const classesIn = (
  numbers: Numbers,
  bodies: readonly Body[],
  calls: ReadonlyMap<Stmt, Call>,
): readonly (readonly Member[])[] => {
  const found = new Map<string, Member[]>();
  const visit = (kernel: Kernel, stmt: Stmt): void => {
    if (calls.has(stmt) || depthOf(stmt) < FEWEST_LOOPS || iterationsOf(stmt) < FEWEST_ITERATIONS) return;
    const nest = nestOf(stmt, numbers);
    if (nest !== undefined) {
      const key = `${kernel.dtype} ${kernel.math ?? ""} ${nest.key}`;
      const members = found.get(key);
      if (members === undefined) found.set(key, [{ nest, kernel }]);
      else members.push({ nest, kernel });
    }
    if (stmt.kind === "for" && stmt.mode === "serial") for (const inner of stmt.body) visit(kernel, inner);
    if (stmt.kind === "if") for (const inner of [...stmt.then, ...stmt.else]) visit(kernel, inner);
  };
  for (const { kernel, body } of bodies) for (const stmt of body) visit(kernel, stmt);
  const several = [...found.values()].filter((members) => members.length > 1);
  return several.sort((a, b) => sizeOf(b) - sizeOf(a));
};

/** A call takes some time: what it does has a loop in a loop, and where that is known, many iterations. */
const FEWEST_LOOPS = 2;
const FEWEST_ITERATIONS = 4096;

const sizeOf = ([first]: readonly Member[]): number => first?.nest.size ?? 0;

// ---- procedures

interface Made {
  readonly procedure: Procedure;
  /** By the k-th of the members. */
  readonly callOf: (k: number) => Call;
}

/** Bytes, about: of a node, of a call for each argument, and of a function. */
const BYTES = { node: 2, argument: 4, call: 6, procedure: 40 } as const;

const procedureOf = (numbers: Numbers, name: string, members: readonly Member[]): Made | undefined => {
  const [first] = members;
  if (first === undefined || members.length < 2) return undefined;
  const { nest, kernel } = first;
  const places = new Map<string, { readonly local: Local; readonly at: number }>();
  const filled = new Map<Expr, Expr>();
  for (const [at, { marker, value }] of nest.holes.entries()) {
    const all = members.map((each) => identityOf(numbers, each.nest.holes[at]?.value ?? value));
    const key = all.join(" ");
    if (value.kind === "const" && new Set(all).size === 1) filled.set(marker, value);
    else {
      const place = places.get(key) ?? { local: { name: `$${places.size}`, type: value.type }, at };
      places.set(key, place);
      filled.set(marker, use(place.local));
    }
  }
  const argumentsOf = places.size + 2 * nest.buffers.length;
  const cost = members.length * (BYTES.call + BYTES.argument * argumentsOf) + BYTES.procedure;
  if ((members.length - 1) * nest.size * BYTES.node < cost) return undefined;
  const values = [...places.values()];
  const procedure: Procedure = {
    name,
    kernel,
    values: values.map(({ local }) => local),
    buffers: nest.buffers,
    result: nest.result,
    body: replaced([nest.template], withoutOnes(nest.template, filled)),
  };
  const callOf = (k: number): Call => {
    const own = members[k]?.nest ?? nest;
    return {
      procedure,
      values: values.map(({ at }) => own.holes[at]?.value ?? never()),
      buffers: own.buffers,
      result: own.result,
    };
  };
  return { procedure, callOf };
};

/** Products with a hole that is 1 everywhere are their other factor. */
const withoutOnes = (template: Stmt, filled: ReadonlyMap<Expr, Expr>): ReadonlyMap<Expr, Expr> => {
  const isOne = (expr: Expr): boolean => {
    const value = filled.get(expr);
    return value?.kind === "const" && value.type === "float" && value.value === 1;
  };
  const products = allOf([template])
    .flatMap(valuesOf)
    .flatMap((value) => partsOf(value, () => true))
    .flatMap((expr): readonly [Expr, Expr][] => {
      if (expr.kind !== "binary" || expr.op !== "mul") return [];
      if (isOne(expr.a)) return [[expr, expr.b]];
      return isOne(expr.b) ? [[expr, expr.a]] : [];
    });
  return new Map([...filled, ...products]);
};

const never = (): never => {
  throw new Error("equal loops have equally many places");
};
