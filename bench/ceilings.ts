/**
 * What the machine can do at most from WebAssembly: independent chains of multiplications and additions, a copy, and
 * adding two arrays into a third, on arrays of a workload's size.
 */
import binaryen from "binaryen";

/** More chains than an operation has cycles of latency, and no more than there are registers. */
const CHAINS = 12;
const LANES = 4;

const chain = Array.from({ length: CHAINS }, (_, k) => k);

const TEXT = `(module
  (memory (export "memory") 1)
  (func (export "empty"))
  (func (export "peak") (param $n i32) (param $times f32) (param $plus f32) (result f32)
    (local $m v128) (local $a v128) ${chain.map((k) => `(local $x${k} v128)`).join(" ")}
    (local.set $m (f32x4.splat (local.get $times)))
    (local.set $a (f32x4.splat (local.get $plus)))
    (loop $again
      ${chain.map((k) => `(local.set $x${k} (f32x4.add (f32x4.mul (local.get $x${k}) (local.get $m)) (local.get $a)))`).join("\n      ")}
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (f32x4.extract_lane 0 ${chain.slice(1).reduce((sum, k) => `(f32x4.add ${sum} (local.get $x${k}))`, "(local.get $x0)")}))
  (func (export "copy") (param $to i32) (param $from i32) (param $bytes i32)
    (local $k i32)
    (loop $again
      ${[0, 16, 32, 48].map((at) => `(v128.store offset=${at} (i32.add (local.get $to) (local.get $k)) (v128.load offset=${at} (i32.add (local.get $from) (local.get $k))))`).join("\n      ")}
      (br_if $again (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 64))) (local.get $bytes)))))
  (func (export "add") (param $to i32) (param $a i32) (param $b i32) (param $bytes i32)
    (local $k i32)
    (loop $again
      ${[0, 16].map((at) => `(v128.store offset=${at} (i32.add (local.get $to) (local.get $k)) (f32x4.add (v128.load offset=${at} (i32.add (local.get $a) (local.get $k))) (v128.load offset=${at} (i32.add (local.get $b) (local.get $k)))))`).join("\n      ")}
      (br_if $again (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 32))) (local.get $bytes))))))`;

interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly empty: () => void;
  readonly peak: (n: number, times: number, plus: number) => number;
  readonly copy: (to: number, from: number, bytes: number) => void;
  readonly add: (to: number, a: number, b: number, bytes: number) => void;
}

export interface Ceilings {
  /** A call, and nothing else. */
  readonly empty: () => void;
  /** Runs so many multiplications and additions, a multiple of 96. */
  readonly operate: (operations: number) => void;
  /** Moves so many bytes in all, half of them read. */
  readonly copy: (bytes: number) => void;
  /** Moves so many bytes in all, two thirds of them read. */
  readonly add: (bytes: number) => void;
}

const PAGE = 65536;
const BLOCK = 64;

export const OPERATIONS_PER_STEP = 2 * CHAINS * LANES;

export const createCeilings = async (): Promise<Ceilings> => {
  const module = binaryen.parseText(TEXT);
  module.setFeatures(binaryen.Features.SIMD128);
  const bytes = module.emitBinary();
  module.dispose();
  const { instance } = await WebAssembly.instantiate(bytes as Uint8Array<ArrayBuffer>);
  const { memory, empty, peak, copy, add } = instance.exports as unknown as Exports;
  // asking the memory itself would take longer than a call
  let bytesThere = memory.buffer.byteLength;
  const room = (size: number): void => {
    const missing = size + BLOCK - bytesThere;
    if (missing <= 0) return;
    memory.grow(Math.ceil(missing / PAGE));
    bytesThere = memory.buffer.byteLength;
  };
  const part = (size: number, parts: number): number => Math.max(1, Math.round(size / parts / BLOCK)) * BLOCK;
  return {
    empty,
    operate: (operations) => {
      peak(Math.max(1, Math.round(operations / OPERATIONS_PER_STEP)), 0.5, 1);
    },
    copy: (size) => {
      const one = part(size, 2);
      room(2 * one);
      copy(one, 0, one);
    },
    add: (size) => {
      const one = part(size, 3);
      room(3 * one);
      add(2 * one, one, 0, one);
    },
  };
};
