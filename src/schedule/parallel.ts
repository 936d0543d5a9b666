/**
 * Kernels for several threads. In: a kernel; out: the same statements in phases, of which some split the iterations of a
 * loop over the threads, with the results of one thread, bit for bit: what is summed over iterations is kept for each of
 * them, and added in their order. Ends because the statements of a kernel are finite.
 */
import { foldExpr } from "../loop/fold.ts";
import type { Least } from "../loop/polynomial.ts";
import type { Buffer, Expr, Kernel, Local, Stmt } from "../loop/types.ts";
import { CONTROL } from "../runtime/control.ts";
import { add, binary, convert, int, load, max, mul, sub, use } from "./build.ts";
import { independent, knowing, localsIn, type Accumulate, type For } from "./independent.ts";
import { rebuilt } from "./jam.ts";
import { allOf, valuesOf } from "./walks.ts";

/**
 * A phase begins when the one before it is over, but for `all`. A thread that is late passes through phases that are over:
 * what `all` does, and the tests of `if`, has to be the same then.
 */
export type Phase =
  /** Every thread does it, and has the same locals after it. */
  | { readonly kind: "all"; readonly body: readonly Stmt[] }
  /** One thread does it; the others get these locals from it. */
  | { readonly kind: "one"; readonly body: readonly Stmt[]; readonly results: readonly Local[] }
  | {
      readonly kind: "split";
      readonly loop: For;
      /** Iterations that stay together: parts of vectors, and of cache lines. */
      readonly unit: number;
      /** Whether the last iteration stays with the one before it. */
      readonly overlaps: boolean;
    }
  | {
      readonly kind: "if";
      readonly test: Expr;
      readonly then: readonly Phase[];
      readonly else: readonly Phase[];
    };

export interface Parallel {
  /** With the buffers for sums of iterations. */
  readonly kernel: Kernel;
  readonly phases: readonly Phase[];
  /** Temporaries of which each thread has its own. */
  readonly own: ReadonlySet<Buffer>;
}

/** Iterations of a vector loop: whole vectors in all of its unrolled forms, and whole cache lines. */
const VECTOR_UNIT = 64;

interface Split {
  readonly kernel: Kernel;
  readonly least: Least;
  /** Int locals by what they stand for, in terms of dims. */
  readonly sizes: Map<Local, Expr>;
  readonly names: Set<string>;
  readonly partials: Buffer[];
  readonly own: Set<Buffer>;
  /** Statements that do not run where those in question do: the other branches. */
  readonly never: ReadonlySet<Stmt>;
}

/** Nothing where no loop is proved to have independent iterations. */
export const parallel = (kernel: Kernel): Parallel | undefined => {
  const least = new Map(kernel.dims.map(({ name, min }) => [name, min]));
  const split: Split = {
    kernel,
    least: (symbol) => least.get(symbol),
    sizes: new Map(),
    names: namesIn(kernel),
    partials: [],
    own: new Set(),
    never: new Set(),
  };
  const phases = phasesOf(split, kernel.body);
  if (!phases.some(isSplit) || resultsIn(phases) > CONTROL.mostResults) return undefined;
  const buffers = [...kernel.buffers, ...split.partials];
  return { kernel: { ...kernel, buffers }, phases, own: split.own };
};

/** Kernels, those that can be split with the buffers it takes, and how these are split. */
export interface Kernels {
  readonly kernels: readonly Kernel[];
  readonly parallel: ReadonlyMap<Kernel, Parallel>;
}

export const inParallel = (kernels: readonly Kernel[]): Kernels => {
  const found = kernels.map((kernel) => ({ kernel, split: parallel(kernel) }));
  return {
    kernels: found.map(({ kernel, split }) => split?.kernel ?? kernel),
    parallel: new Map(found.flatMap(({ split }) => (split === undefined ? [] : [[split.kernel, split]]))),
  };
};

const namesIn = ({ buffers, body }: Kernel): Set<string> =>
  new Set([
    ...buffers.map(({ name }) => name),
    ...allOf(body).flatMap((stmt) => ("local" in stmt ? [stmt.local.name] : [])),
  ]);

const isSplit = (phase: Phase): boolean =>
  phase.kind === "split" || (phase.kind === "if" && [...phase.then, ...phase.else].some(isSplit));

/** Locals that threads hand to each other. */
const resultsIn = (phases: readonly Phase[]): number =>
  phases.reduce((total, phase) => {
    if (phase.kind === "if") return total + resultsIn(phase.then) + resultsIn(phase.else);
    return total + (phase.kind === "one" ? phase.results.length : 0);
  }, 0);

const phasesOf = (split: Split, body: readonly Stmt[]): readonly Phase[] => {
  const phases: Phase[] = [];
  let waiting: Stmt[] = [];
  const flush = (): void => {
    phases.push(...together(split, waiting));
    waiting = [];
  };
  for (const stmt of body) {
    if (stmt.kind === "let" && stmt.local.type === "int") addSize(split, stmt.local, stmt.value);
    const found = stmt.kind === "for" ? splitLoop(split, stmt) : splitBranches(split, stmt);
    if (found === undefined) waiting.push(stmt);
    else {
      flush();
      phases.push(...found);
    }
  }
  flush();
  return phases;
};

const splitBranches = (split: Split, stmt: Stmt): readonly Phase[] | undefined => {
  if (stmt.kind !== "if" || !readsInputsOnly(stmt.test)) return undefined;
  const without = (branch: readonly Stmt[]): ReadonlySet<Stmt> => new Set([...split.never, ...allOf(branch)]);
  const least = knowing(split.least, stmt.test);
  const then = phasesOf({ ...split, least, never: without(stmt.else) }, stmt.then);
  const otherwise = phasesOf({ ...split, never: without(stmt.then) }, stmt.else);
  const phase: Phase = { kind: "if", test: stmt.test, then, else: otherwise };
  return isSplit(phase) ? [phase] : undefined;
};

const addSize = ({ sizes }: Split, local: Local, value: Expr): void => {
  const size = inDims(sizes, value);
  if (size !== undefined) sizes.set(local, size);
};

const inDims = (sizes: ReadonlyMap<Local, Expr>, root: Expr): Expr | undefined => {
  const written = foldExpr<Expr>(root, (expr, of) =>
    expr.kind === "local" ? (sizes.get(expr.local) ?? expr) : rebuilt(expr, of),
  );
  const isKnown = foldExpr<boolean>(
    written,
    (expr, of) =>
      expr.kind === "const" ||
      expr.kind === "dim" ||
      (expr.kind === "binary" && expr.type === "int" && of(expr.a) && of(expr.b)),
  );
  return isKnown ? written : undefined;
};

// ---- loops

const splitLoop = (split: Split, given: For): readonly Phase[] | undefined => {
  const { kernel, least, own, never } = split;
  if (tripsOf(given) === 1 || tripsOf(given) === 0) return undefined;
  const around = new Set(allOf([given]));
  const outside = new Set(
    allOf(kernel.body).flatMap((stmt) => (around.has(stmt) || never.has(stmt) ? [] : buffersIn(stmt))),
  );
  const { loop, rows, totals: rowTotals } = withOwnRows(split, given, outside);
  const found = independent(loop, { outside, least, sizes: split.sizes });
  if (found === undefined) return undefined;
  const partials = found.sums.map((sum) => partialOf(split, loop, sum));
  if (partials.includes(undefined)) return undefined;
  for (const buffer of found.own) own.add(buffer);
  split.partials.push(...rows);
  const body = partials.reduce<readonly Stmt[]>(
    (stmts, partial) =>
      stmts.map((stmt) => (partial !== undefined && stmt === partial.sum ? partial.store : stmt)),
    loop.body,
  );
  const unit = loop.mode === "vector" ? VECTOR_UNIT : 1;
  const phase: Phase = { kind: "split", loop: { ...loop, body }, unit, overlaps: found.overlaps };
  const totals = partials.flatMap((partial) => partial?.total ?? []);
  const all: readonly Phase[] = totals.length === 0 ? [] : [{ kind: "all", body: totals }];
  return [
    phase,
    ...rowTotals.map((total): Phase => ({ kind: "split", loop: total, unit: VECTOR_UNIT, overlaps: false })),
    ...all,
  ];
};

interface OwnRows {
  readonly loop: For;
  /** What each iteration adds to rows. */
  readonly rows: readonly Buffer[];
  /** After the loop, the sums of these. */
  readonly totals: readonly For[];
}

/** With a row for each iteration in place of the one that it fills and adds to a sum of rows. */
const withOwnRows = (split: Split, loop: For, outside: ReadonlySet<Buffer>): OwnRows => {
  const trips = inDims(split.sizes, tripsExpr(loop));
  const adds = loop.body.flatMap((stmt) =>
    stmt.kind === "for" && addsRows(loop, stmt, outside) ? [stmt] : [],
  );
  if (trips === undefined || adds.length === 0) return { loop, rows: [], totals: [] };
  const own = new Map<Buffer, Buffer>();
  for (const row of adds.flatMap(({ body }) => body.flatMap((stmt) => valuesOf(stmt).flatMap(sourcesOf))))
    own.set(row, { ...row, name: fresh(split, `${row.name}Rows`), shape: [trips, ...row.shape] });
  const rest = loop.body.filter((stmt) => !adds.some((each) => each === stmt));
  const number: Local = { name: fresh(split, "block"), type: "int" };
  const first = add(loop.from, mul(use(number), int(loop.step)));
  const body = inOwnRows(rest, own, use(number));
  return {
    loop: {
      ...loop,
      local: number,
      from: int(0),
      to: trips,
      step: 1,
      body: [{ kind: "let", local: loop.local, value: first }, ...body],
    },
    rows: [...own.values()],
    totals: adds.map((each) => totalOf(split, each, own, trips)),
  };
};

/** `for c: sum[c] += row[c]`, where nothing else of the loop uses the sum, or reads the row. */
const addsRows = (loop: For, { local, body }: For, outside: ReadonlySet<Buffer>): boolean =>
  body.every((stmt) => {
    if (stmt.kind !== "accumulateAt" || stmt.value.kind !== "load") return false;
    const { buffer: row, offset } = stmt.value;
    const isSame = [stmt.offset, offset].every((each) => each.kind === "local" && each.local === local);
    const others = allOf(loop.body).filter((other) => other !== stmt);
    const isAlone = others.every(
      (other) => !buffersIn(other).includes(stmt.buffer) && !valuesOf(other).flatMap(sourcesOf).includes(row),
    );
    return isSame && isAlone && row.role === "temp" && row.shape.length === 1 && !outside.has(row);
  });

const inOwnRows = (
  body: readonly Stmt[],
  own: ReadonlyMap<Buffer, Buffer>,
  iteration: Expr,
): readonly Stmt[] => {
  const place = ({ shape }: Buffer, offset: Expr): Expr => add(mul(iteration, shape[0] ?? int(1)), offset);
  return body.map((stmt): Stmt => {
    if (stmt.kind === "for") return { ...stmt, body: inOwnRows(stmt.body, own, iteration) };
    if (stmt.kind === "if") {
      const [then, otherwise] = [stmt.then, stmt.else].map((branch) => inOwnRows(branch, own, iteration));
      return { ...stmt, then: then ?? [], else: otherwise ?? [] };
    }
    if (stmt.kind !== "store" && stmt.kind !== "accumulateAt") return stmt;
    const buffer = own.get(stmt.buffer);
    return buffer === undefined ? stmt : { ...stmt, buffer, offset: place(stmt.buffer, stmt.offset) };
  });
};

/** Of each element the sum over the iterations, in their order. */
const totalOf = (split: Split, adds: For, own: ReadonlyMap<Buffer, Buffer>, trips: Expr): For => ({
  ...adds,
  body: adds.body.flatMap((stmt): readonly Stmt[] => {
    if (stmt.kind !== "accumulateAt" || stmt.value.kind !== "load") return [stmt];
    const { buffer, offset, op, value } = stmt;
    const rows = own.get(value.buffer) ?? value.buffer;
    const total: Local = { name: fresh(split, `${buffer.name}Total`), type: "float" };
    const at: Local = { name: fresh(split, "part"), type: "int" };
    const part = load(rows, add(mul(use(at), value.buffer.shape[0] ?? int(1)), offset));
    const sum: Stmt = { kind: "accumulate", local: total, op, value: part };
    return [
      { kind: "init", local: total, value: load(buffer, offset) },
      { kind: "for", local: at, from: int(0), to: trips, step: 1, mode: "serial", body: [sum] },
      { kind: "store", buffer, offset, value: use(total) },
    ];
  }),
});

const tripsOf = ({ from, to, step }: For): number | undefined =>
  from.kind === "const" && to.kind === "const"
    ? Math.max(0, Math.ceil((to.value - from.value) / step))
    : undefined;

const buffersIn = (stmt: Stmt): readonly Buffer[] => [
  ...(stmt.kind === "store" || stmt.kind === "accumulateAt" ? [stmt.buffer] : []),
  ...valuesOf(stmt).flatMap(sourcesOf),
];

const sourcesOf = (root: Expr): readonly Buffer[] => {
  const found: Buffer[] = [];
  foldExpr<undefined>(root, (expr) => {
    if (expr.kind === "load") found.push(expr.buffer);
    return undefined;
  });
  return found;
};

interface Partial {
  readonly sum: Accumulate;
  /** In place of the accumulation. */
  readonly store: Stmt;
  /** After the loop. */
  readonly total: Stmt;
}

/** What each iteration adds to a sum, in a buffer; and the sum of it. */
const partialOf = (split: Split, loop: For, sum: Accumulate): Partial | undefined => {
  const { local, op } = sum;
  // what goes into an f64 is an f32, whose bits a buffer keeps
  const value = sum.value.kind === "convert" && sum.value.type === "wide" ? sum.value.a : sum.value;
  const trips = inDims(split.sizes, tripsExpr(loop));
  if (trips === undefined || (value.type !== "float" && value.type !== "int")) return undefined;
  const buffer: Buffer = {
    name: fresh(split, `${local.name}Parts`),
    role: "temp",
    type: value.type,
    shape: [trips],
  };
  split.partials.push(buffer);
  const at: Local = { name: fresh(split, "part"), type: "int" };
  const place = binary("floordiv", sub(use(loop.local), loop.from), int(loop.step));
  const part = convert(local.type, load(buffer, use(at)));
  return {
    sum,
    store: { kind: "store", buffer, offset: place, value },
    total: {
      kind: "for",
      local: at,
      from: int(0),
      to: trips,
      step: 1,
      mode: "serial",
      body: [{ kind: "accumulate", local, op, value: part }],
    },
  };
};

const tripsExpr = ({ from, to, step }: For): Expr =>
  max(binary("floordiv", add(sub(to, from), int(step - 1)), int(step)), int(0));

const fresh = ({ names }: Split, wanted: string): string => {
  let name = wanted;
  for (let k = 1; names.has(name); k++) name = `${wanted}${k}`;
  names.add(name);
  return name;
};

// ---- the rest

/** Statements between splits: what depends on inputs only is done by all, the rest by the first. */
const together = ({ kernel }: Split, body: readonly Stmt[]): readonly Phase[] => {
  const end = body.findIndex((stmt) => !isPure(stmt));
  const [pure, rest] = end < 0 ? [body, []] : [body.slice(0, end), body.slice(end)];
  const phases: Phase[] = [];
  if (pure.length > 0) phases.push({ kind: "all", body: pure });
  if (rest.length > 0) phases.push({ kind: "one", body: rest, results: resultsOf(kernel, rest) });
  return phases;
};

const isPure = (stmt: Stmt): boolean =>
  (stmt.kind === "let" || stmt.kind === "init") && readsInputsOnly(stmt.value);

const readsInputsOnly = (value: Expr): boolean => sourcesOf(value).every(({ role }) => role === "input");

/** The locals that statements set, and others use. */
const resultsOf = (kernel: Kernel, body: readonly Stmt[]): readonly Local[] => {
  const all = allOf(body);
  const inside = new Set(all);
  const inner = new Set(
    all.flatMap((stmt) =>
      (stmt.kind === "let" || stmt.kind === "init") && !body.includes(stmt) ? [stmt.local] : [],
    ),
  );
  const set = all.flatMap((stmt) =>
    stmt.kind === "for" || !("local" in stmt) || inner.has(stmt.local) ? [] : [stmt.local],
  );
  const used = new Set<Local>();
  for (const stmt of allOf(kernel.body)) {
    if (inside.has(stmt)) continue;
    for (const value of valuesOf(stmt)) for (const local of localsIn(value)) used.add(local);
    if (stmt.kind === "accumulate") used.add(stmt.local);
  }
  return [...new Set(set)].filter((local) => used.has(local));
};
