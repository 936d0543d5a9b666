import { describe, expect, it } from "vitest";
import { arithmeticOf } from "../../bench/accuracy/arithmetic.ts";
import { loadBinaryen } from "../../codegen/wasm/binaryen.ts";

const binaryen = await loadBinaryen();

/** Of a kernel with pointers $x, $y, $out and a count $n. */
const identify = (body: string, library = ""): Promise<string> => {
  const module = binaryen.parseText(`(module
    (import "env" "memory" (memory 1))
    ${library}
    (func (export "kernel") (param $x i32) (param $y i32) (param $out i32) (param $n i32)
      (local $i i32) (local $p i32) (local $a f32) (local $b f32) ${body}))`);
  module.setFeatures(binaryen.Features.SIMD128);
  const bytes = module.emitBinary();
  module.dispose();
  return arithmeticOf(bytes);
};

const read = (pointer: string, offset = 0): string => `(f32.load offset=${offset} (local.get ${pointer}))`;
const write = (value: string, offset = 0): string => `(f32.store offset=${offset} (local.get $out) ${value})`;

const STEP = `f32.add (f32.mul ${read("$x")} (f32.const 3)) ${read("$y")}`;
const reference = await identify(write(`(${STEP})`));

const square = (constant: number): string =>
  `(func $square (param $v f32) (result f32) (f32.mul (f32.const ${constant}) (f32.mul (local.get $v) (local.get $v))))`;

describe("the arithmetic of a kernel", () => {
  it.each<[string, string]>([
    ["from other places", write(`(f32.add (f32.mul ${read("$x", 8)} (f32.const 3)) ${read("$y", 4)})`, 16)],
    [
      "with values in locals",
      `(local.set $b ${read("$x")}) (local.set $a (f32.mul (local.get $b) (f32.const 3))) ${write(`(f32.add (local.get $a) ${read("$y")})`)}`,
    ],
    [
      "in other locals",
      `(local.set $a ${read("$y")}) ${write(`(f32.add (f32.mul ${read("$x")} (f32.const 3)) (local.get $a))`)}`,
    ],
    ["twice", `${write(`(${STEP})`)} ${write(`(${STEP})`, 4)}`],
    [
      "in a loop, with other pointers",
      `(local.set $p (local.get $x)) (loop $next
         (local.set $b (f32.load (local.get $p)))
         ${write(`(f32.add (f32.mul (local.get $b) (f32.const 3)) ${read("$y")})`)}
         (local.set $p (i32.add (local.get $p) (i32.const 4)))
         (br_if $next (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))`,
    ],
  ])("is the same %s", async (_, body) => {
    expect(await identify(body)).toBe(reference);
  });

  it.each<[string, string]>([
    ["another constant", `(f32.add (f32.mul ${read("$x")} (f32.const 3.5)) ${read("$y")})`],
    ["another operation", `(f32.sub (f32.mul ${read("$x")} (f32.const 3)) ${read("$y")})`],
    ["operands in another order", `(f32.add ${read("$y")} (f32.mul ${read("$x")} (f32.const 3)))`],
    ["other operands", `(f32.add (f32.mul ${read("$y")} (f32.const 3)) ${read("$y")})`],
    ["other grouping", `(f32.mul (f32.const 3) (f32.add ${read("$x")} ${read("$y")}))`],
    ["an operation more", `(f32.sqrt (${STEP}))`],
  ])("is another one with %s", async (_, value) => {
    expect(await identify(write(value))).not.toBe(reference);
  });

  it("is that of the functions it calls, too", async () => {
    const call = write(`(call $square ${read("$x")})`);
    const [one, other] = [await identify(call, square(1)), await identify(call, square(2))];
    expect(one).not.toBe(other);
    expect(await identify(call, `(func $unused (result f32) (f32.const 7)) ${square(1)}`)).toBe(one);
  });

  it("of vectors is the same in functions and in place, and whatever computes the elements they leave over", async () => {
    const vectors = (value: string): string => `(v128.store (local.get $out) ${value})`;
    const load = "(v128.load (local.get $x))";
    const twice = (operand: string): string => `(f32x4.mul ${operand} ${operand})`;
    const library = `(func $square (param $v v128) (result v128) ${twice("(local.get $v)")})`;
    const inPlace = await identify(vectors(twice(load)));
    expect(await identify(vectors(`(call $square ${load})`), library)).toBe(inPlace);
    expect(await identify(`${vectors(twice(load))} ${write(`(f32.neg ${read("$x")})`)}`)).toBe(inPlace);
    expect(await identify(vectors(`(f32x4.neg ${twice(load)})`))).not.toBe(inPlace);
  });

  it("is that of both branches", async () => {
    const choose = (first: string, second: string): string =>
      write(`(if (result f32) (f32.lt ${read("$x")} ${read("$y")}) (then ${first}) (else ${second}))`);
    const value = `(f32.neg ${read("$x")})`;
    expect(await identify(choose(value, read("$y")))).not.toBe(await identify(choose(read("$y"), value)));
  });
});
