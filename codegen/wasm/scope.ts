/** A function under construction: its locals, its constants, the names of its labels. */

import type { FloatType, Type } from "../../src/loop/types.ts";
import type { Binaryen, Ref, WasmModule, WasmType } from "./binaryen.ts";

/** A WebAssembly local. */
export interface Slot {
  readonly index: number;
  readonly type: WasmType;
}

/** Instructions in order; a value that needs a local pushes the assignment here, ahead of its use. */
export type Sequence = Ref[];

export interface Scope {
  readonly binaryen: Binaryen;
  readonly module: WasmModule;
  readonly dtype: FloatType;
  /** Runs at the entry of the function: constants, pointers, lengths. */
  readonly prologue: Sequence;
  /** Types of the locals after the parameters. */
  readonly variables: readonly WasmType[];
  /** A local for the whole function: what is set at its entry, or before a loop, is never overwritten. */
  readonly slot: (type: WasmType) => Slot;
  /**
   * A local that is never overwritten until `retire`, and after that only by others of this kind: what is set before a
   * vector loop, or a pass of a loop inside.
   */
  readonly lasting: (type: WasmType) => Slot;
  /** A vector loop has ended. */
  readonly retire: () => void;
  /** A local that has a value from here until it is released; it may have had another use. */
  readonly reusable: (type: WasmType) => Slot;
  /** A local that is free again after the current statement. */
  readonly temporary: (type: WasmType) => Slot;
  readonly endStatement: () => void;
  /** Gives a local back that is used no more. */
  readonly release: (slot: Slot) => void;
  readonly label: () => string;
  /**
   * The local that holds a vector constant, known by a key, from the entry of the function on. An engine keeps a local in a register
   * where it can, and makes a constant inside a loop anew at each use.
   */
  readonly vectorConstant: (key: string, make: () => Ref) => Slot;
}

export function createScope(
  binaryen: Binaryen,
  module: WasmModule,
  dtype: FloatType,
  parameters: number,
): Scope {
  const prologue: Sequence = [];
  const variables: WasmType[] = [];
  const constants = new Map<string, Slot>();
  const free = new Map<WasmType, Slot[]>();
  const temporaries: Slot[] = [];
  const lasting: Slot[] = [];
  const retired = new Map<WasmType, Slot[]>();
  let labels = 0;
  const slot = (type: WasmType): Slot => {
    variables.push(type);
    return { index: parameters + variables.length - 1, type };
  };
  const reusable = (type: WasmType): Slot => free.get(type)?.pop() ?? slot(type);
  const release = (unused: Slot): void => {
    const others = free.get(unused.type);
    if (others === undefined) free.set(unused.type, [unused]);
    else others.push(unused);
  };
  return {
    binaryen,
    module,
    dtype,
    prologue,
    variables,
    slot,
    lasting: (type) => {
      const made = retired.get(type)?.pop() ?? slot(type);
      lasting.push(made);
      return made;
    },
    retire: () => {
      for (const each of lasting.splice(0)) {
        const others = retired.get(each.type);
        if (others === undefined) retired.set(each.type, [each]);
        else others.push(each);
      }
    },
    reusable,
    temporary: (type) => {
      const temporary = reusable(type);
      temporaries.push(temporary);
      return temporary;
    },
    endStatement: () => {
      temporaries.splice(0).forEach(release);
    },
    release,
    label: () => `l${labels++}`,
    vectorConstant: (key, make) => {
      const known = constants.get(key);
      if (known !== undefined) return known;
      const fresh = slot(binaryen.v128);
      prologue.push(module.local.set(fresh.index, make()));
      constants.set(key, fresh);
      return fresh;
    },
  };
}

export function get(scope: Scope, slot: Slot): Ref {
  return scope.module.local.get(slot.index, slot.type);
}

/** Puts a value into a local for the rest of the current statement, so that it can be used more than once. */
export function hold(scope: Scope, sequence: Sequence, type: WasmType, value: Ref): Slot {
  const slot = scope.temporary(type);
  sequence.push(scope.module.local.set(slot.index, value));
  return slot;
}

/** Puts a value into a local until that is released. */
export function define(scope: Scope, sequence: Sequence, type: WasmType, value: Ref): Slot {
  const slot = scope.reusable(type);
  sequence.push(scope.module.local.set(slot.index, value));
  return slot;
}

/** Puts a value into a local of its own. */
export function bind(scope: Scope, sequence: Sequence, type: WasmType, value: Ref): Slot {
  const slot = scope.slot(type);
  sequence.push(scope.module.local.set(slot.index, value));
  return slot;
}

/** Puts a value into a local that keeps it as long as the vector loop runs that is being written. */
export function keep(scope: Scope, sequence: Sequence, type: WasmType, value: Ref): Slot {
  const slot = scope.lasting(type);
  sequence.push(scope.module.local.set(slot.index, value));
  return slot;
}

/** The WebAssembly type of a scalar. */
export function scalarType(scope: Scope, type: Type): WasmType {
  const { binaryen, dtype } = scope;
  switch (type) {
    case "float":
      return dtype === "f32" ? binaryen.f32 : binaryen.f64;
    case "wide":
      return binaryen.f64;
    case "int":
    case "bool":
      return binaryen.i32;
  }
}

/** Operands nested deeper than this go through a local: neither this compiler nor an engine recurses without bound. */
export const MAX_DEPTH = 64;
