/**
 * Loops whose iterations may run at the same time. In: a loop of a kernel; out: what it takes to run them apart, or
 * nothing where that is not proved. Ends because statements are finite, and each access is compared with each other.
 *
 * An offset is `S·v + M·h + r` with v the number of the iteration: where r covers less than S, and S·v + r less than M,
 * the offset determines v, so that no two iterations meet in one element.
 */
import { foldExpr, operands } from "../loop/fold.ts";
import {
  bounds, constant, dividedBy, isNonNegative, isSame, linearIn, minus, ofAtom, ofVariable, plus, product, scaled, textOf,
  times, variablesOf, type Least, type Polynomial, type Term, type Variable,
} from "../loop/polynomial.ts"; // prettier-ignore
import type { Buffer, Expr, Local, Stmt } from "../loop/types.ts";
import { allOf, valuesOf } from "./walks.ts";

export type For = Extract<Stmt, { readonly kind: "for" }>;
export type Accumulate = Extract<Stmt, { readonly kind: "accumulate" }>;

export interface Independent {
  /** Temporaries that an iteration fills before it reads them: one of each for a thread. */
  readonly own: readonly Buffer[];
  /** Accumulations over the iterations, one in each. */
  readonly sums: readonly Accumulate[];
  /** Whether the last iteration repeats a part of the one before it, so that the two stay together. */
  readonly overlaps: boolean;
}

export interface Surroundings {
  /** Buffers that are used outside of the loop. */
  readonly outside: ReadonlySet<Buffer>;
  /** Of dims. */
  readonly least: Least;
  /** What int locals from outside of the loop stand for, in terms of dims. */
  readonly sizes: ReadonlyMap<Local, Expr>;
}

interface Access {
  readonly kind: "load" | "store";
  readonly buffer: Buffer;
  readonly at: Polynomial;
  /** The statements around it, outermost first. */
  readonly path: readonly Stmt[];
  /** Of dims, by the tests around as well. */
  readonly least: Least;
}

/** The start of a block: the counter of blocks, but no more than `end`. */
interface Clamped {
  readonly counter: Counter;
  readonly end: Polynomial;
}

interface Counter {
  readonly loop: For;
  readonly variable: Variable;
  readonly from: Polynomial;
  readonly to: Polynomial;
}

interface Walk {
  /** Of dims, here. */
  readonly least: Least;
  readonly sizes: ReadonlyMap<Local, Expr>;
  readonly values: Map<Local, Polynomial>;
  readonly counters: Map<Local, Counter>;
  readonly ofVariable: Map<Variable, Counter>;
  readonly clamped: Map<Variable, Clamped>;
  /** By what they stand for. */
  readonly variables: Map<string, Variable>;
  readonly accesses: Access[];
}

export const independent = (loop: For, { outside, least, sizes }: Surroundings): Independent | undefined => {
  const sums = sumsOf(loop);
  if (sums === undefined) return undefined;
  const walk: Walk = {
    least,
    sizes,
    values: new Map(),
    counters: new Map(),
    ofVariable: new Map(),
    clamped: new Map(),
    variables: new Map(),
    accesses: [],
  };
  visit(walk, loop, []);
  const counter = walk.counters.get(loop.local);
  const stored = new Set(walk.accesses.flatMap(({ kind, buffer }) => (kind === "store" ? [buffer] : [])));
  const own: Buffer[] = [];
  let overlaps = false;
  for (const buffer of stored) {
    const accesses = walk.accesses.filter((access) => access.buffer === buffer);
    const apart = counter && apartIn(walk, counter, accesses);
    if (apart !== undefined) overlaps ||= apart === "overlapping";
    else if (buffer.role === "temp" && !outside.has(buffer) && isOwn(walk, loop, buffer, accesses))
      own.push(buffer);
    else return undefined;
  }
  return { own, sums, overlaps };
};

// ---- locals

/** The accumulations into locals from outside, or nothing where an iteration needs what another leaves in a local. */
const sumsOf = (loop: For): readonly Accumulate[] | undefined => {
  const declared = new Set<Local>();
  const changed: (Accumulate | Extract<Stmt, { kind: "assign" }>)[] = [];
  const read = new Set<Local>();
  const statements = allOf(loop.body);
  for (const stmt of statements) {
    if (stmt.kind === "let" || stmt.kind === "init") declared.add(stmt.local);
    if (stmt.kind === "accumulate" || stmt.kind === "assign") changed.push(stmt);
    for (const value of valuesOf(stmt)) for (const local of localsIn(value)) read.add(local);
  }
  const outer = changed.filter(({ local }) => !declared.has(local));
  const sums = loop.body.flatMap((stmt) =>
    stmt.kind === "accumulate" && !declared.has(stmt.local) ? [stmt] : [],
  );
  const isClean = outer.every(({ local }) => !read.has(local)) && outer.length === sums.length;
  const once = new Set(sums.map(({ local }) => local)).size === sums.length;
  return isClean && once && (sums.length === 0 || loop.mode === "serial") ? sums : undefined;
};

export const localsIn = (root: Expr): readonly Local[] => partsIn(root, (e) => (e.kind === "local" ? e.local : undefined)); // prettier-ignore

const partsIn = <T>(root: Expr, pick: (expr: Expr) => T | undefined): readonly T[] => {
  const found: T[] = [];
  foldExpr<undefined>(root, (expr) => {
    const part = pick(expr);
    if (part !== undefined) found.push(part);
    return undefined;
  });
  return found;
};

// ---- offsets

const visit = (walk: Walk, stmt: Stmt, around: readonly Stmt[]): void => {
  const path = [...around, stmt];
  for (const value of valuesOf(stmt))
    for (const { buffer, offset } of partsIn(value, (e) => (e.kind === "load" ? e : undefined)))
      walk.accesses.push({ kind: "load", buffer, at: valueOf(walk, offset), path, least: walk.least });
  switch (stmt.kind) {
    case "for":
      enter(walk, stmt);
      for (const inner of stmt.body) visit(walk, inner, path);
      return;
    case "if":
      enterBranch(walk, stmt, path);
      for (const inner of stmt.else) visit(walk, inner, path);
      return;
    case "let":
      if (stmt.local.type === "int") walk.values.set(stmt.local, valueOf(walk, stmt.value));
      return;
    case "init":
      if (stmt.local.type === "int") walk.values.set(stmt.local, unknown(walk));
      return;
    case "store":
    case "accumulateAt":
      walk.accesses.push({ kind: "store", buffer: stmt.buffer, at: valueOf(walk, stmt.offset), path, least: walk.least }); // prettier-ignore
      return;
    case "accumulate":
    case "assign":
      return;
  }
};

const enterBranch = (
  walk: Walk,
  { test, then }: Extract<Stmt, { kind: "if" }>,
  path: readonly Stmt[],
): void => {
  const inside: Walk = { ...walk, least: knowing(walk.least, test) };
  for (const inner of then) visit(inside, inner, path);
};

/** With what a test such as `4 <= M and 8 <= N` says of dims. */
export const knowing = (least: Least, test: Expr): Least => {
  if (test.kind === "and") return knowing(knowing(least, test.a), test.b);
  if (test.kind !== "compare" || test.op !== "<=" || test.a.kind !== "const" || test.b.kind !== "dim")
    return least;
  const { value } = test.a;
  const { name } = test.b;
  return (symbol) => (symbol === name ? Math.max(value, least(symbol) ?? value) : least(symbol));
};

const variable = (
  { variables }: Walk,
  key: string,
  scale: number,
  least: readonly Polynomial[],
  most: readonly Polynomial[],
): Variable => {
  const known = variables.get(key);
  if (known !== undefined) return known;
  const made: Variable = { key: `$${variables.size}`, order: variables.size, scale, least, most };
  variables.set(key, made);
  return made;
};

const unknown = (walk: Walk): Polynomial => ofVariable(variable(walk, `?${walk.variables.size}`, 1, [], []));

/** local = from + step·v */
const enter = (walk: Walk, loop: For): void => {
  const [from, to] = [valueOf(walk, loop.from), valueOf(walk, loop.to)];
  const most = minus(minus(to, constant(1)), from);
  const own = variable(walk, `loop ${walk.variables.size}`, loop.step, [constant(0)], [most]);
  const counter: Counter = { loop, variable: own, from, to };
  walk.counters.set(loop.local, counter);
  walk.ofVariable.set(own, counter);
  walk.values.set(loop.local, plus(from, scaled(ofVariable(own), loop.step)));
};

const valueOf = (walk: Walk, root: Expr): Polynomial =>
  foldExpr<Polynomial>(root, (expr, of) => {
    if (expr.kind === "const") return constant(expr.value);
    if (expr.kind === "local") return walk.values.get(expr.local) ?? fromOutside(walk, expr.local);
    if (expr.kind === "dim" || expr.kind === "option") return ofAtom({ key: expr.name });
    if (expr.kind === "load") return unknown(walk);
    if (expr.kind === "binary" && expr.type === "int") {
      const [a, b] = [of(expr.a), of(expr.b)];
      if (expr.op === "add") return plus(a, b);
      if (expr.op === "sub") return minus(a, b);
      if (expr.op === "mul") return product(a, b);
      if (expr.op === "min") return smaller(walk, expr, a, b);
      if (expr.op === "max") return larger(walk, a, b);
    }
    const op = expr.kind === "binary" || expr.kind === "unary" || expr.kind === "compare" ? expr.op : "";
    const parts = operands(expr).map(of);
    const key = `${expr.kind} ${op}(${parts.map(textOf).join(",")})`;
    const varies = parts.some((part) => variablesOf(part).length > 0);
    return varies ? ofVariable(variable(walk, key, 1, [], [])) : ofAtom({ key });
  });

const fromOutside = (walk: Walk, local: Local): Polynomial => {
  const size = walk.sizes.get(local);
  return size === undefined ? ofAtom({ key: local.name }) : valueOf(walk, size);
};

const smaller = (
  walk: Walk,
  expr: Extract<Expr, { kind: "binary" }>,
  a: Polynomial,
  b: Polynomial,
): Polynomial => {
  const counter = expr.a.kind === "local" ? walk.counters.get(expr.a.local) : undefined;
  const isAbove = counter !== undefined && isNonNegative(minus(b, counter.from), walk.least);
  const key = `min(${textOf(a)},${textOf(b)})${isAbove ? " above" : ""}`;
  const made = variable(walk, key, 1, isAbove ? [counter.from] : [], [a, b]);
  if (counter !== undefined) walk.clamped.set(made, { counter, end: b });
  return ofVariable(made);
};

const larger = (walk: Walk, a: Polynomial, b: Polynomial): Polynomial =>
  ofVariable(variable(walk, `max(${textOf(a)},${textOf(b)})`, 1, [a, b], []));

// ---- iterations apart

/** An offset, the part that moves with the iterations apart from the rest. */
interface Parts {
  /** S·v, or S/step times the start of a block. */
  readonly moving: Polynomial;
  readonly rest: Polynomial;
  readonly stride: Polynomial;
  readonly isClamped: boolean;
  readonly least: Least;
}

const partsOf = (walk: Walk, counter: Counter, { at, least }: Access): Parts | undefined => {
  const mine = variablesOf(at).filter(
    (each) => each === counter.variable || walk.clamped.get(each)?.counter === counter,
  );
  const [own, ...others] = mine;
  if (own === undefined || others.length > 0) return undefined;
  const { coefficient, rest } = linearIn(at, own);
  if (variablesOf(coefficient).length > 0) return undefined;
  const clamped = walk.clamped.get(own);
  const { step } = counter.loop;
  // the block before the last ends where the last would begin, or later
  if (clamped !== undefined && !isSame(clamped.end, minus(counter.to, constant(step)))) return undefined;
  return {
    moving: times(coefficient, ofVariable(own)),
    rest,
    stride: clamped === undefined ? coefficient : scaled(coefficient, step),
    isClamped: clamped !== undefined,
    least,
  };
};

const apartIn = (
  walk: Walk,
  counter: Counter,
  accesses: readonly Access[],
): "apart" | "overlapping" | undefined => {
  const distinct = differentOf(accesses);
  const parts = distinct.flatMap((access) => partsOf(walk, counter, access) ?? []);
  const [first] = parts;
  if (first === undefined || parts.length < distinct.length) return undefined;
  const isAlike = parts.every(
    (each) => each.isClamped === first.isClamped && isSame(each.stride, first.stride),
  );
  if (!isAlike) return undefined;
  const isApart = [undefined, ...moduliOf(parts)].some((modulus) => isDetermined(parts, modulus));
  if (!isApart) return undefined;
  return first.isClamped ? "overlapping" : "apart";
};

const differentOf = (accesses: readonly Access[]): readonly Access[] => {
  const found = new Map<string, Access[]>();
  for (const access of accesses) {
    const text = textOf(access.at);
    const alike = found.get(text) ?? [];
    if (!alike.some(({ least }) => least === access.least)) found.set(text, [...alike, access]);
  }
  return [...found.values()].flat();
};

/** Strides of the other loops, and of what is unrolled. */
const moduliOf = (parts: readonly Parts[]): readonly Term[] => {
  const found = new Map<string, Term>();
  for (const { rest } of parts)
    for (const { coefficient, atoms } of rest) {
      const modulus = { coefficient: Math.abs(coefficient), atoms: atoms.filter((atom) => !atom.variable) };
      found.set(textOf([modulus]), modulus);
    }
  return [...found.values()];
};

const isDetermined = (parts: readonly Parts[], modulus: Term | undefined): boolean => {
  const [first] = parts;
  if (first === undefined) return false;
  const low = parts.map(({ moving, rest, least }) => {
    const { remainder } = modulus === undefined ? { remainder: rest } : dividedBy(rest, modulus);
    return { remainder: { value: remainder, least }, whole: { value: plus(moving, remainder), least } };
  });
  const remainders = low.map(({ remainder }) => remainder);
  if (!isWithin(remainders, first.stride)) return false;
  if (modulus === undefined) return true;
  return isWithin(
    low.map(({ whole }) => whole),
    [modulus],
  );
};

interface Bounded {
  readonly value: Polynomial;
  readonly least: Least;
}

/** Whether values of these that occur in one run, under the tests of both, are all less than `size` apart. */
const isWithin = (values: readonly Bounded[], size: Polynomial): boolean => {
  const ends = values.map(({ value, least }) => ({ most: bounds(value, 1, least), others: bounds(value, -1, least), least })); // prettier-ignore
  const room = minus(size, constant(1));
  return ends.every(({ most, least }) =>
    ends.every(({ others, least: other }) => {
      const both: Least = (symbol) => greater(least(symbol), other(symbol));
      return most.some((a) => others.some((b) => isNonNegative(minus(room, minus(a, b)), both)));
    }),
  );
};

const greater = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);

// ---- temporaries of an iteration

/** Said by the scheduler, or seen from the statements. */
const isOwn = (walk: Walk, loop: For, buffer: Buffer, accesses: readonly Access[]): boolean =>
  loop.own?.includes(buffer) === true || isFilled(walk, loop.body, accesses);

/** Whether the first of the statements that use a buffer store all of it. */
const isFilled = (walk: Walk, body: readonly Stmt[], accesses: readonly Access[]): boolean => {
  const [first, ...others] = body.filter((stmt) => accesses.some(({ path }) => path.includes(stmt)));
  if (first === undefined) return true;
  if (fills(walk, first, accesses)) return true;
  if (others.length > 0) return false;
  if (first.kind === "for") return isFilled(walk, first.body, accesses);
  return first.kind === "if" && [first.then, first.else].every((branch) => isFilled(walk, branch, accesses));
};

const fills = (walk: Walk, stmt: Stmt, all: readonly Access[]): boolean => {
  const accesses = all.filter(({ path }) => path.includes(stmt));
  if (accesses.length === 0 || accesses.some(({ kind }) => kind === "load")) return false;
  if (stmt.kind === "if")
    return [stmt.then, stmt.else].every((branch) => branch.some((each) => fills(walk, each, accesses)));
  const isConditional = accesses.some(({ path }) =>
    path.slice(path.indexOf(stmt)).some(({ kind }) => kind === "if"),
  );
  return !isConditional && coversAll(walk, stmt, accesses);
};

/** Values that an offset takes: `stride` apart, so many. */
interface Digit {
  readonly stride: Polynomial;
  readonly count: Polynomial;
}

/** Whether offsets are the numbers from 0 to the length of the buffer in a mixed radix. */
const coversAll = (walk: Walk, stmt: Stmt, accesses: readonly Access[]): boolean => {
  const [first] = accesses;
  if (first === undefined) return false;
  const inside = new Set(allOf([stmt]));
  const isFree = (each: Variable): boolean => {
    const counter = walk.ofVariable.get(each) ?? walk.clamped.get(each)?.counter;
    return counter !== undefined && inside.has(counter.loop);
  };
  const moving = first.at.filter(({ atoms }) => atoms.some(({ variable: own }) => own && isFree(own)));
  const shifts = accesses.map(({ at }) => minus(at, moving));
  const numbers = shifts.map((shift) => (shift.every(({ atoms }) => atoms.length === 0) ? (shift[0]?.coefficient ?? 0) : NaN)); // prettier-ignore
  const places = [...new Set(numbers)].sort((a, b) => a - b);
  const apart = (places[1] ?? 1) - (places[0] ?? 0);
  if (!places.every((place, k) => place === k * apart)) return false;
  const steps: readonly Digit[] =
    places.length < 2 ? [] : [{ stride: constant(apart), count: constant(places.length) }];
  const digits = digitsOf(walk, moving, steps);
  const length = first.buffer.shape.reduce<Polynomial>(
    (size, extent) => product(size, valueOf(walk, extent)),
    constant(1),
  );
  return digits !== undefined && isSame(lengthOf(digits), length);
};

/** The numbers below it are covered. */
const lengthOf = (digits: readonly Digit[]): Polynomial => {
  let covered = constant(1);
  const left = [...digits];
  for (;;) {
    const at = left.findIndex(({ stride }) => isSame(stride, covered));
    const [digit] = at < 0 ? [] : left.splice(at, 1);
    if (digit === undefined) return left.length === 0 ? covered : [];
    covered = times(covered, digit.count);
  }
};

const digitsOf = (walk: Walk, moving: Polynomial, steps: readonly Digit[]): readonly Digit[] | undefined => {
  const left = new Map(variablesOf(moving).map((each) => [each, linearIn(moving, each).coefficient]));
  const digits: Digit[] = [];
  const shifts = [...steps];
  for (const [own, stride] of left) {
    const clamped = walk.clamped.get(own);
    if (clamped === undefined) continue;
    // blocks from `from` to `to`, the last where it ends there, and the places within one
    const { step } = clamped.counter.loop;
    const isBlock = (digit: Digit): boolean => isSame(digit.stride, stride) && isSame(digit.count, constant(step)); // prettier-ignore
    const within = [...left].find(([each, coefficient]) => isBlock({ stride: coefficient, count: countOf(each) ?? [] })); // prettier-ignore
    const shift = shifts.findIndex(isBlock);
    if (within !== undefined) left.delete(within[0]);
    else if (shift >= 0) shifts.splice(shift, 1);
    else return undefined;
    left.delete(own);
    digits.push({ stride, count: minus(clamped.counter.to, clamped.counter.from) });
  }
  for (const [own, stride] of left) {
    const chunks = [...left].find(([each]) => isChunkOf(own, each));
    const size = chunks && wholeOf(own, chunks[0]);
    if (chunks === undefined || size === undefined) continue;
    if (!isSame(chunks[1], scaled(stride, chunks[0].scale))) return undefined;
    left.delete(own);
    left.delete(chunks[0]);
    digits.push({ stride, count: size });
  }
  for (const [own, stride] of left) {
    const count = countOf(own);
    if (count === undefined) return undefined;
    digits.push({ stride, count });
  }
  return [...digits, ...shifts];
};

const countOf = ({ scale, most }: Variable): Polynomial | undefined => {
  const [end] = most;
  if (end === undefined || variablesOf(end).length > 0) return undefined;
  if (scale === 1) return plus(end, constant(1));
  const [only] = end;
  if (end.length > 1 || (only?.atoms.length ?? 0) > 0) return undefined;
  return constant(Math.floor((only?.coefficient ?? 0) / scale) + 1);
};

/** A loop over a part of what another steps over: it ends at the lesser of a whole step and the end of all. */
const isChunkOf = (own: Variable, outer: Variable): boolean => wholeOf(own, outer) !== undefined;

const wholeOf = (own: Variable, outer: Variable): Polynomial | undefined => {
  const [end] = own.most;
  const least = end && variablesOf(end).find(({ most }) => most.length === 2);
  if (end === undefined || least === undefined || own === outer || own.scale !== 1) return undefined;
  const { rest } = linearIn(end, least);
  const ends = least.most.map((most) => plus(rest, most));
  const isStep = ends.some((each) => isSame(each, constant(outer.scale - 1)));
  const last = ends.find((each) => variablesOf(each).includes(outer));
  const all = last && plus(last, scaled(ofVariable(outer), outer.scale));
  const [outerEnd] = outer.most;
  if (!isStep || all === undefined || outerEnd === undefined || !isSame(all, outerEnd)) return undefined;
  return plus(all, constant(1));
};
