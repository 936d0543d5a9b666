/**
 * Loads and stores of the lanes of one vector iteration: whole registers where the elements lie side by side, lane by
 * lane where not.
 */

import type { Buffer, Expr } from "../../src/loop/types.ts";
import { formatExpr } from "../../src/loop/format.ts";
import type { Shared } from "./arithmetic.ts";
import type { Ref, WasmModule } from "./binaryen.ts";
import { beyond, constantOf } from "./forms.ts";
import type { Affine } from "./forms.ts";
import type { Start } from "./innerloop.ts";
import { elementBytes, log2Bytes, lookUp } from "./frame.ts";
import { clampOffset, loadElement, storeElement } from "./scalar.ts";
import { get, hold, keep } from "./scope.ts";
import type { Sequence, Slot } from "./scope.ts";
import { laneCount, shuffle32 } from "./shape.ts";
import { componentOf, interleaved } from "./strided.ts";
import type { Member } from "./strided.ts";
import { advanced, hoisted, remember } from "./vectorloop.ts";
import type { Copy, VectorLoop } from "./vectorloop.ts";

/** Where the lanes of a buffer are read or written. */
export interface Place {
  readonly loop: VectorLoop;
  readonly copy: Copy;
  readonly buffer: Buffer;
  readonly affine: Affine;
  readonly sequence: Sequence;
}

/** An address and a constant number of bytes to add. */
interface Address {
  readonly pointer: Ref;
  readonly bytes: number;
}

type AddressOf = (lane: number) => Address;

/** Elements from one lane to the next, where that is known. */
function laneStride({ loop, affine }: Place): number | undefined {
  const stride = constantOf(affine.stride);
  return stride === undefined ? undefined : stride * loop.step;
}

function bytesOf(place: Place): 4 | 8 {
  return elementBytes(place.loop.frame, place.buffer);
}

/** The address of each lane. What does not change from one iteration to the next is computed before the loop. */
function exactAddresses(place: Place): AddressOf {
  const { loop, copy, affine } = place;
  const { scope } = loop.frame;
  const { module } = scope;
  const strideBytes = loop.times(affine.stride, bytesOf(place));
  const zero = startOf(place, strideBytes);
  return (lane) => {
    const further = advanced(loop, copy, strideBytes, lane);
    const known = constantOf(further);
    if (known !== undefined && known >= 0)
      return { pointer: get(scope, zero.slot), bytes: zero.bytes + known };
    return {
      pointer: module.i32.add(get(scope, zero.slot), hoisted(loop, further, "exact")),
      bytes: zero.bytes,
    };
  };
}

/** The address of lane 0 of the first copy. */
function startOf({ loop, buffer, affine, sequence }: Place, strideBytes: Expr): Start {
  if (loop.inner !== undefined) return loop.inner.address(loop, buffer, affine.base, affine.stride);
  const { scope } = loop.frame;
  const { module, binaryen } = scope;
  const { rest, constant } = beyond(affine.base);
  const key = `address ${buffer.role} ${buffer.name} ${formatExpr(rest)} ${formatExpr(affine.stride)}`;
  const [slot] = remember(loop.known(sequence), key, () => {
    const start = loop.pointer(buffer, rest);
    const moved = module.i32.mul(get(scope, loop.counter), hoisted(loop, strideBytes, "exact"));
    return [keep(scope, sequence, binaryen.i32, module.i32.add(get(scope, start), moved))];
  });
  if (slot === undefined) throw new Error("an address is one value");
  return { slot, bytes: constant * elementBytes(loop.frame, buffer) };
}

/** The element offset of each lane, as ints that can be tested before they are used. */
function offsets({ loop, copy, affine, sequence }: Place): (lane: number) => Shared {
  const { scope } = loop.frame;
  const { module, binaryen } = scope;
  const moved = module.i32.mul(get(scope, loop.counter), hoisted(loop, affine.stride, "exact"));
  const zero = hold(
    scope,
    sequence,
    binaryen.i32,
    module.i32.add(hoisted(loop, affine.base, "exact"), moved),
  );
  return (lane) => {
    const further = advanced(loop, copy, affine.stride, lane);
    return () => module.i32.add(get(scope, zero), hoisted(loop, further, "clamped"));
  };
}

function elementAddress(loop: VectorLoop, buffer: Buffer, offset: Ref): Address {
  const { scope } = loop.frame;
  const { module } = scope;
  const pointer = get(scope, lookUp(loop.frame.pointers, buffer, buffer.name));
  const shift = module.i32.const(log2Bytes[elementBytes(loop.frame, buffer)]);
  return { pointer: module.i32.add(pointer, module.i32.shl(offset, shift)), bytes: 0 };
}

/** Loads whose values are needed in every lane: none is out of bounds. */
export function loadLanes(place: Place): Ref {
  const { loop } = place;
  const { module } = loop.frame.scope;
  const lanes = laneCount(loop.frame.scope);
  const bytes = bytesOf(place);
  const stride = laneStride(place);
  const addressOf = exactAddresses(place);
  if (stride === 1) return loadWhole(module, bytes, lanes, addressOf(0));
  if (stride === -1) {
    const reversed = loadWhole(module, bytes, lanes, addressOf(lanes - 1));
    return shuffled(place, reversed, bytes === 8 ? [2, 3, 0, 1] : lanes === 4 ? [3, 2, 1, 0] : [1, 0, 1, 0]);
  }
  // Two registers hold the four elements of a stride of 2 or 3; the second ends, or begins, at an element needed.
  if (lanes === 4 && (stride === 2 || stride === 3)) {
    const first = loadWhole(module, bytes, lanes, addressOf(0));
    const third = addressOf(2);
    const second = { ...third, bytes: third.bytes - (stride === 2 ? bytes : 0) };
    return shuffle32(
      module,
      first,
      loadWhole(module, bytes, lanes, second),
      stride === 2 ? [0, 2, 5, 7] : [0, 3, 4, 7],
    );
  }
  return loadEach(module, bytes, lanes, addressOf);
}

function shuffled({ loop, sequence }: Place, value: Ref, lanes: readonly number[]): Ref {
  const { scope } = loop.frame;
  const slot = hold(scope, sequence, scope.binaryen.v128, value);
  return shuffle32(scope.module, get(scope, slot), get(scope, slot), lanes);
}

/** Loads of which some may not be needed: those are replaced by the first element, where they are out of bounds. */
export function loadLanesClamped(place: Place): Ref {
  const { loop, buffer } = place;
  const { scope } = loop.frame;
  const { module } = scope;
  const lanes = laneCount(scope);
  const bytes = bytesOf(place);
  const offsetOf = offsets(place);
  const each = loadEach(module, bytes, lanes, (lane) =>
    elementAddress(loop, buffer, clampOffset(loop.frame, buffer, offsetOf(lane))),
  );
  if (laneStride(place) !== 1) return each;
  const inside = module.i32.lt_u(offsetOf(0)(), get(scope, loop.wholeVectors(buffer)));
  const whole = loadWhole(module, bytes, lanes, elementAddress(loop, buffer, offsetOf(0)()));
  return module.if(inside, whole, each);
}

/** Loads at offsets that are lanes themselves. */
export function gatherLanes(
  loop: VectorLoop,
  buffer: Buffer,
  offset: Shared,
  loads: "exact" | "clamped",
): Ref {
  const { module } = loop.frame.scope;
  const lanes = laneCount(loop.frame.scope);
  return loadEach(module, elementBytes(loop.frame, buffer), lanes, (lane) => {
    const one = () => module.i32x4.extract_lane(offset(), lane);
    return elementAddress(loop, buffer, loads === "exact" ? one() : clampOffset(loop.frame, buffer, one));
  });
}

function loadWhole(module: WasmModule, bytes: 4 | 8, lanes: number, { pointer, bytes: at }: Address): Ref {
  return bytes * lanes === 16
    ? module.v128.load(at, bytes, pointer)
    : module.v128.load64_zero(at, bytes, pointer);
}

function loadEach(module: WasmModule, bytes: 4 | 8, lanes: number, addressOf: AddressOf): Ref {
  const { v128 } = module;
  const zero = addressOf(0);
  let value =
    bytes === 4
      ? v128.load32_zero(zero.bytes, 4, zero.pointer)
      : v128.load64_zero(zero.bytes, 8, zero.pointer);
  for (let lane = 1; lane < lanes; lane++) {
    const { pointer, bytes: at } = addressOf(lane);
    value =
      bytes === 4
        ? v128.load32_lane(at, 4, lane, pointer, value)
        : v128.load64_lane(at, 8, lane, pointer, value);
  }
  return value;
}

/** Appends the stores of all lanes of `value`. */
export function storeLanes(place: Place, value: Shared): void {
  const { loop, sequence } = place;
  const { scope } = loop.frame;
  const { module } = scope;
  const lanes = laneCount(scope);
  const bytes = bytesOf(place);
  const addressOf = exactAddresses(place);
  if (laneStride(place) === 1) {
    const { pointer, bytes: at } = addressOf(0);
    const whole = bytes * lanes === 16;
    sequence.push(
      whole
        ? module.v128.store(at, bytes, pointer, value())
        : module.v128.store64_lane(at, bytes, 0, pointer, value()),
    );
    return;
  }
  for (let lane = 0; lane < lanes; lane++) {
    const { pointer, bytes: at } = addressOf(lane);
    sequence.push(
      bytes === 4
        ? module.v128.store32_lane(at, 4, lane, pointer, value())
        : module.v128.store64_lane(at, 8, lane, pointer, value()),
    );
  }
}

/** One of a group of loads: the registers that hold all of them are loaded once. */
export function loadOfGroup(place: Place, { group, component }: Member): Ref {
  const { loop, copy, buffer, affine, sequence } = place;
  const { scope } = loop.frame;
  const { module, binaryen } = scope;
  const key = `group ${buffer.role} ${buffer.name} ${formatExpr(affine.base)} ${group.stride} ${copy.shift}`;
  const registers = remember(loop.known(sequence), key, () => {
    const addressOf = exactAddresses(place);
    return Array.from({ length: group.stride }, (_, m) => {
      const { pointer, bytes } = addressOf(0);
      return keep(scope, sequence, binaryen.v128, module.v128.load(bytes + 16 * m, bytesOf(place), pointer));
    });
  });
  return componentOf(scope, registers, component);
}

/** Appends the stores of a group once all of its values are there. */
export function storeGroup(place: Place, { group, component }: Member, value: Slot): void {
  const { loop, copy, sequence } = place;
  const { scope } = loop.frame;
  const values = remember(copy.waiting, group, () => []);
  values[component] = value;
  if (Object.keys(values).length < group.stride) return;
  const addressOf = exactAddresses(place);
  for (let m = 0; m < group.stride; m++) {
    const { pointer, bytes } = addressOf(0);
    const register = interleaved(scope, values, m);
    sequence.push(scope.module.v128.store(bytes + 16 * m, bytesOf(place), pointer, register));
  }
  values.forEach(scope.release);
  copy.waiting.delete(group);
}

/** Appends `element = update(element)` for all lanes: at once where they lie side by side, otherwise one by one. */
export function updateLanes(
  place: Place,
  update: { readonly whole: (old: Ref) => Ref; readonly lane: (old: Ref, lane: number) => Ref },
): void {
  const { loop, buffer, sequence } = place;
  const { scope } = loop.frame;
  const lanes = laneCount(scope);
  if (laneStride(place) === 1) {
    const sum = hold(scope, sequence, scope.binaryen.v128, update.whole(loadLanes(place)));
    storeLanes(place, () => get(scope, sum));
    return;
  }
  const addressOf = exactAddresses(place);
  for (let lane = 0; lane < lanes; lane++) {
    const { pointer, bytes } = addressOf(lane);
    const from = hold(scope, sequence, scope.binaryen.i32, pointer);
    const old = loadElement(loop.frame, buffer, get(scope, from), bytes);
    sequence.push(storeElement(loop.frame, buffer, get(scope, from), update.lane(old, lane), bytes));
  }
}

export function placeOf(
  loop: VectorLoop,
  copy: Copy,
  buffer: Buffer,
  offset: Expr,
  sequence: Sequence,
): Place | undefined {
  const form = loop.forms.of(offset);
  return form.kind === "affine" ? { loop, copy, buffer, affine: form, sequence } : undefined;
}
