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
  return { fresh, id: () => ids++ };
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

const PREFIX: { readonly [K in Type]: string } = { float: "t", wide: "w", int: "k", bool: "is" };

export const newLocal = (names: Names, type: Type, wanted: string): Local => ({
  name: names.fresh(wanted),
  type,
});

export const at = (chain: readonly Block[], level: number): Block => {
  const block = chain[level];
  if (block === undefined) throw new Error(`no block at level ${level}`);
  return block;
};

/** Gives the operand a name in the outermost block where it can be computed. */
export const named = (
  names: Names,
  chain: readonly Block[],
  operand: Operand,
  wanted: string | undefined,
): Operand => {
  if (isTrivial(operand.expr) || operand.conditional) return operand;
  const local = newLocal(names, operand.expr.type, wanted ?? PREFIX[operand.expr.type]);
  at(chain, operand.level).stmts.push({ kind: "let", local, value: operand.expr });
  return { ...operand, expr: use(local), nesting: 0 };
};
