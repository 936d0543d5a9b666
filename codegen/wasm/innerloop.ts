/**
 * A serial loop inside of a vector loop: addresses that advance with its counter, by an addition for each pass.
 * Terminates: expressions are folded.
 */

import type { Buffer, Expr } from "../../src/loop/types.ts";
import { formatExpr } from "../../src/loop/format.ts";
import type { Ref } from "./binaryen.ts";
import { analyse, beyond, constantOf, int, int2 } from "./forms.ts";
import type { Forms } from "./forms.ts";
import { elementBytes } from "./frame.ts";
import { keep, get } from "./scope.ts";
import type { Sequence, Slot } from "./scope.ts";
import { createHome, elementPointer, hoisted, levelOf, remember } from "./vectorloop.ts";
import type { For, VectorLoop } from "./vectorloop.ts";

/** A byte address, and a constant to add. */
export interface Start {
  readonly slot: Slot;
  readonly bytes: number;
}

export interface Inner {
  /** Of lane 0 of the first copy: the element `base + stride * counter` of a buffer in this pass. */
  readonly address: (loop: VectorLoop, buffer: Buffer, base: Expr, stride: Expr) => Start;
}

export interface InnerLoop {
  readonly loop: VectorLoop;
  /** Runs before the first pass, if there is one. */
  readonly entry: Sequence;
  readonly body: Sequence;
  /** Runs at the end of each pass. */
  readonly advance: Sequence;
}

export function enterLoop(outer: VectorLoop, s: For): InnerLoop {
  const { frame, homes } = outer;
  const { scope } = frame;
  const depth = homes.length;
  const entry: Sequence = [];
  const body: Sequence = [];
  const advance: Sequence = [];
  const forms = analyse(s.local, s.body);
  const pointers = new Map<string, Slot>();
  const inPlace = new Map<Buffer, Map<Expr, Slot>>();

  /** The first address, and by how much it advances; undefined where that is not the same in all passes. */
  const advancing = (buffer: Buffer, base: Expr, stride: Expr): Start | undefined => {
    const form = linear(forms, base);
    if (form === undefined || levelOf(loop, form.base) >= depth || levelOf(loop, form.stride) >= depth)
      return undefined;
    const { rest, constant } = beyond(form.base);
    const key = [
      buffer.role,
      buffer.name,
      formatExpr(rest),
      formatExpr(form.stride),
      formatExpr(stride),
    ].join();
    const slot = remember(pointers, key, () => {
      const first = int2("add", rest, int2("mul", form.stride, s.from));
      const start = keep(scope, entry, scope.binaryen.i32, vectorPointer(outer, buffer, first, stride));
      const step = int2("mul", form.stride, int(elementBytes(frame, buffer) * s.step));
      if (constantOf(step) !== 0) {
        const moved = scope.module.i32.add(get(scope, start), hoisted(outer, step, "exact"));
        advance.push(scope.module.local.set(start.index, moved));
      }
      return start;
    });
    return { slot, bytes: constant * elementBytes(frame, buffer) };
  };

  const address: Inner["address"] = (from, buffer, base, stride) =>
    advancing(buffer, base, stride) ?? {
      slot: remember(
        remember(inPlace, buffer, () => new Map<Expr, Slot>()),
        base,
        () => keep(scope, body, scope.binaryen.i32, vectorPointer(from, buffer, base, stride)),
      ),
      bytes: 0,
    };

  const around = depth === 1 ? homes : [...homes.slice(0, -1), createHome(entry)];
  const loop: VectorLoop = { ...outer, homes: [...around, createHome(body)], inner: { address } };
  outer.levels.set(s.local, depth);
  return { loop, entry, body, advance };
}

function vectorPointer(loop: VectorLoop, buffer: Buffer, base: Expr, stride: Expr): Ref {
  const { frame, counter } = loop;
  const { module } = frame.scope;
  const first = elementPointer(loop, buffer, base);
  const strideBytes = loop.times(stride, elementBytes(frame, buffer));
  if (constantOf(strideBytes) === 0) return first;
  return module.i32.add(
    first,
    module.i32.mul(get(frame.scope, counter), hoisted(loop, strideBytes, "exact")),
  );
}

interface Linear {
  readonly base: Expr;
  readonly stride: Expr;
}

function linear(forms: Forms, expr: Expr): Linear | undefined {
  const form = forms.of(expr);
  if (form.kind === "varying") return undefined;
  return form.kind === "affine" ? form : { base: expr, stride: int(0) };
}
