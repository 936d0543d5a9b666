/** What the expressions of one kernel refer to: its parameters, buffers and locals as WebAssembly locals. */

import type { Buffer, Expr, Kernel, Local, Stmt } from "../../src/loop/types.ts";
import type { Call } from "../../src/schedule/outline.ts";
import type { MathOp } from "./arithmetic.ts";
import type { Ref } from "./binaryen.ts";
import type { FormulaHost, FormulaOperand } from "./math/graph.ts";
import type { MathPrecision } from "./math/index.ts";
import type { Scope, Slot } from "./scope.ts";

export interface MathLibrary {
  /** The name of the function for an operation on lanes; it is built at its first use. */
  readonly functionName: (op: MathOp, precision: MathPrecision) => string;
  /** The same operation in place. */
  readonly inline: (
    op: MathOp,
    precision: MathPrecision,
    operands: readonly FormulaOperand[],
    host: FormulaHost,
  ) => Ref;
}

/** Statements in whose place procedures are called. */
export type Calls = ReadonlyMap<Stmt, Call>;

export interface Frame {
  readonly scope: Scope;
  readonly kernel: Kernel;
  readonly math: MathLibrary;
  readonly calls: Calls;
  readonly dims: ReadonlyMap<string, Slot>;
  readonly options: ReadonlyMap<string, Slot>;
  /** Byte addresses of the buffers: an input and an output may have one name. */
  readonly pointers: Map<Buffer, Slot>;
  readonly locals: Map<Local, Slot>;
  /** Whether an expression reads memory or calls a function: worth a branch, and not to be evaluated in vain. */
  readonly costly: (expr: Expr) => boolean;
  /** Whether one more formula may be put in place: so many calls make the code too long. */
  readonly mayInline: (what: "lanes" | "scalar") => boolean;
  /** The number of elements of a buffer, computed in the prologue at its first use. */
  readonly length: (buffer: Buffer) => Slot;
}

export function lookUp<K, V>(map: ReadonlyMap<K, V>, key: K, name: string): V {
  const value = map.get(key);
  if (value === undefined) throw new Error(`the kernel uses ${name}, which it does not declare`);
  return value;
}

/** Bytes of one element of a buffer. */
export function elementBytes(frame: Frame, buffer: Buffer): 4 | 8 {
  return buffer.type === "float" && frame.scope.dtype === "f64" ? 8 : 4;
}

export const log2Bytes = { 4: 2, 8: 3 } as const;
