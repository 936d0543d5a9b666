/** Blocks under construction: where a statement goes, and which values have a name there. */
import type { Local, Stmt, Type } from "../loop/types.ts";
import type { Expr } from "../loop/types.ts";
import { isTrivial, use } from "./build.ts";
import type { Loop } from "./tree.ts";

/** The body of a loop (or the whole kernel) while it is written; statements are appended only. */
export interface Block {
  readonly id: number;
  readonly parent: Block | undefined;
  readonly depth: number;
  readonly loop: Loop | undefined;
  readonly stmts: Stmt[];
  /** What has been computed here, by key. */
  readonly values: Map<string, Expr>;
}

/** A value before it is known where it goes. */
export interface Operand {
  readonly expr: Expr;
  /** The depth of the outermost block in which it can be computed. */
  readonly level: number;
  /** How deeply its expression nests. */
  readonly nesting: number;
  /** Holds a load that may be out of bounds unless the selection around it is taken: stays inside of that. */
  readonly conditional: boolean;
}

export interface Names {
  /** `wanted`, or with a number behind it. */
  readonly fresh: (wanted: string) => string;
  readonly id: () => number;
  /** A counter of that name; one that is free again is used again. */
  readonly counter: (label: string) => Local;
  readonly release: (counter: Local) => void;
  /** The same for equal expressions. */
  readonly identity: (expr: Expr) => number;
}

export const createNames = (taken: readonly string[]): Names => {
  const used = new Set(taken);
  const counters = new Map<string, number>();
  let ids = 0;
  const fresh = (wanted: string): string => {
    let name = wanted;
    while (used.has(name) || name === "") {
      const count = (counters.get(wanted) ?? 0) + 1;
      counters.set(wanted, count);
      name = `${wanted}${wanted === "" || /\d$/.test(wanted) ? "_" : ""}${count}`;
    }
    used.add(name);
    return name;
  };
  const free = new Map<string, Local[]>();
  const labels = new Map<Local, string>();
  const counter = (label: string): Local => {
    const old = free.get(label)?.pop();
    if (old !== undefined) return old;
    const made: Local = { name: fresh(label), type: "int" };
    labels.set(made, label);
    return made;
  };
  const release = (local: Local): void => {
    const label = labels.get(local) ?? local.name;
    free.set(label, [...(free.get(label) ?? []), local]);
  };
  return { fresh, id: () => ids++, counter, release, identity: createIdentity() };
};

export const openBlock = (names: Names, parent: Block | undefined, loop: Loop | undefined): Block => ({
  id: names.id(),
  parent,
  depth: parent === undefined ? 0 : parent.depth + 1,
  loop,
  stmts: [],
  values: new Map(),
});

/** The block and those around it, by depth. */
export const chainOf = (block: Block): readonly Block[] => {
  const chain: Block[] = [];
  for (let b: Block | undefined = block; b !== undefined; b = b.parent) chain.push(b);
  return chain.reverse();
};

const PREFIX: { readonly [K in Type]: string } = { float: "t", wide: "w", int: "at", bool: "is" };

export const newLocal = (names: Names, type: Type, wanted: string): Local => ({
  name: names.fresh(wanted.replaceAll(/\W/g, "_")),
  type,
});

export const at = (chain: readonly Block[], level: number): Block => {
  const block = chain[level];
  if (block === undefined) throw new Error(`no block at level ${level}`);
  return block;
};

/** Gives the operand a name in the outermost block where it can be computed, or finds the one that it has there. */
export const named = (
  names: Names,
  chain: readonly Block[],
  operand: Operand,
  wanted: string | undefined,
): Operand => {
  if (isTrivial(operand.expr) || operand.conditional) return operand;
  const known = existing(names, chain, operand);
  if (known !== undefined) return known;
  const local = newLocal(names, operand.expr.type, wanted ?? PREFIX[operand.expr.type]);
  const home = at(chain, operand.level);
  home.stmts.push({ kind: "let", local, value: operand.expr });
  home.values.set(identityKey(names, operand.expr), use(local));
  return { ...operand, expr: use(local), nesting: 0 };
};

const identityKey = (names: Names, expr: Expr): string => `=${names.identity(expr)}`;

/** The same value under the name that it has already. */
export const existing = (names: Names, chain: readonly Block[], operand: Operand): Operand | undefined => {
  if (operand.conditional || isTrivial(operand.expr)) return undefined;
  const expr = at(chain, operand.level).values.get(identityKey(names, operand.expr));
  return expr && { ...operand, expr, nesting: 0 };
};

/** Numbers expressions so that equal ones, up to the order of sums and products, have one number. */
const createIdentity = (): ((expr: Expr) => number) => {
  const byKey = new Map<string, number>();
  const byExpr = new Map<Expr, number>();
  const key = (expr: Expr): string => {
    switch (expr.kind) {
      case "const":
        return `${expr.type} ${Object.is(expr.value, -0) ? "-0" : expr.value}`;
      case "local":
        return `local ${expr.local.name}`;
      case "dim":
      case "option":
        return `${expr.kind} ${expr.name}`;
      case "load":
        return `load ${expr.buffer.role} ${expr.buffer.name} ${identity(expr.offset)}`;
      case "unary":
        return `${expr.op} ${identity(expr.a)}`;
      case "binary":
        return `${expr.type} ${expr.op} ${operandIds(expr.op === "add" || expr.op === "mul", expr.a, expr.b)}`;
      case "compare":
        return `${expr.op} ${operandIds(false, expr.a, expr.b)}`;
      case "and":
      case "or":
        return `${expr.kind} ${operandIds(true, expr.a, expr.b)}`;
      case "not":
        return `not ${identity(expr.a)}`;
      case "select":
        return `select ${identity(expr.test)} ${operandIds(false, expr.then, expr.else)}`;
      case "convert":
        return `${expr.type} of ${identity(expr.a)}`;
    }
  };
  const operandIds = (commutes: boolean, a: Expr, b: Expr): string => {
    const [p, q] = [identity(a), identity(b)];
    return commutes && q < p ? `${q} ${p}` : `${p} ${q}`;
  };
  const identity = (expr: Expr): number => {
    const old = byExpr.get(expr);
    if (old !== undefined) return old;
    const text = key(expr);
    const id = byKey.get(text) ?? byKey.size;
    byKey.set(text, id);
    byExpr.set(expr, id);
    return id;
  };
  return identity;
};
