/**
 * Extents around the width of vectors, and none, in every dimension; arrays on the kernel's heap at odd addresses, with
 * sentinels around them. WebAssembly against the interpreter.
 */
import { beforeAll, describe, expect, it } from "vitest";
import type { CallableKernel, PortValue } from "../../codegen/interface.ts";
import { runWasm } from "../../codegen/wasm/run.ts";
import { compileFunctions, readLibrary } from "../../src/cli/library.ts";
import { floatInputs } from "../../src/cli/gradcheck.ts";
import { evaluateWithError, extentOf, type Bounded, type GivenArray } from "../../src/eval/index.ts";
import { compare, formatMismatch } from "../../src/gradcheck/compare.ts";
import { randomFrom } from "../../src/gradcheck/sample.ts";
import { allowedError, TOLERANCES } from "../../src/gradcheck/tolerance.ts";
import type { Arena, Program } from "../../src/ir/index.ts";
import type { FloatType } from "../../src/loop/types.ts";
import { forward, toKernel, vjp } from "../../src/pipeline.ts";
import { createHeap, type Heap } from "../../src/runtime/heap.ts";

const EXTENTS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33];

/** A function and its extents while another one varies. */
interface Operation {
  readonly name: string;
  readonly params: string;
  readonly call: string;
  readonly uses: readonly string[];
  readonly dims: Readonly<Record<string, number>>;
}

const operation = (
  name: string,
  params: string,
  dims: Readonly<Record<string, number>>,
  call = `${name}(${[...params.matchAll(/(\w+):/g)].map(([, each]) => each).join(", ")})`,
): Operation => ({ name, params, call, uses: [name], dims });

const OPERATIONS: readonly Operation[] = [
  operation("gelu", "x: [M, N]", { M: 2, N: 3 }),
  operation("add", "a: [M, N], b: [N]", { M: 2, N: 3 }),
  operation("softmax", "x: [M, N]", { M: 2, N: 5 }),
  operation("layer_norm", "x: [M, N], gamma: [N], beta: [N]", { M: 2, N: 5 }),
  operation("matmul", "a: [M, K], b: [K, N]", { M: 3, K: 5, N: 2 }),
  operation(
    "conv2d_no_bias",
    "x: [B, C, H, W], w: [K, C, I, J]",
    { B: 1, C: 2, H: 4, W: 5, K: 2, I: 2, J: 3 },
    "conv2d_no_bias(x, w; stride = 2, pad = 1)",
  ),
  operation("maxpool2d", "x: [B, C, H, W]", { B: 1, C: 2, H: 5, W: 6 }, "maxpool2d(x; kernel = 3, stride = 2, pad = 1)"),
  operation("transpose", "x: [M, N]", { M: 3, N: 4 }),
  operation("cumsum", "x: [M, N]", { M: 2, N: 3 }),
  operation("embedding", "w: [V, D], index: int[N]", { V: 3, D: 4, N: 5 }),
  operation("attention", "q: [B, L, D], k: [B, S, D], v: [B, S, E]", { B: 1, L: 2, S: 3, D: 4, E: 2 }),
  operation("mse", "pred: [M, N], target: [M, N]", { M: 2, N: 3 }),
  operation("logsumexp", "x: [N]", { N: 3 }),
  operation("max", "x: [N]", { N: 3 }),
  operation("prod", "x: [N]", { N: 3 }),
]; // prettier-ignore

interface Derived {
  readonly operation: Operation;
  readonly ir: Arena;
  readonly programs: readonly Program[];
}

const deriveAll = (): readonly Derived[] => {
  const sources = OPERATIONS.map(({ name, params, call, uses }) => ({
    name: `edge_${name}`,
    text: `fn edge_${name}(${params}) { return ${call} }\n`,
    uses,
  }));
  const compiled = compileFunctions(sources, readLibrary());
  return OPERATIONS.map((each) => {
    const made = compiled.get(`edge_${each.name}`);
    if (made?.ok !== true) throw new Error(made?.reason ?? "not compiled");
    const { ir, program } = made;
    const gradient = vjp(ir, program, floatInputs(program));
    return {
      operation: each,
      ir,
      programs: [forward(ir, program), { ...gradient, name: `${program.name}_vjp` }],
    };
  });
};

type Dims = ReadonlyMap<string, number>;

/** Every dimension in turn has every extent. */
const casesOf = ({ dims }: Operation): readonly Dims[] =>
  Object.keys(dims).flatMap((name) =>
    EXTENTS.map((extent) => new Map(Object.entries({ ...dims, [name]: extent }))),
  );

const inputsOf = (program: Program, dims: Dims): ReadonlyMap<string, GivenArray> => {
  const random = randomFrom(program.name.length);
  return new Map(
    program.inputs.map((tensor) => {
      const shape = tensor.shape.map((extent) => Math.max(0, extentOf(extent, dims) ?? 0));
      const length = shape.reduce((product, n) => product * n, 1);
      const draw = (): number =>
        tensor.dtype === "int" ? Math.floor(3 * random()) : Math.fround(4 * random() - 2);
      return [tensor.name, { shape, data: Float64Array.from({ length }, draw) }];
    }),
  );
};

const SENTINEL = 12345;

type Floats = Float32Array | Float64Array;

/** What the heap's arrays are of, by dtype. */
const ALLOCATE: { readonly [D in FloatType]: (heap: Heap, length: number) => Floats } = {
  f32: (heap, length) => heap.float32(length),
  f64: (heap, length) => heap.float64(length),
};

/** A part of an array of the heap that begins at an odd element; what is around it are sentinels. */
const placed = (
  heap: Heap,
  dtype: FloatType,
  offset: number,
  length: number,
): { whole: Floats; part: Floats } => {
  const whole = ALLOCATE[dtype](heap, offset + length + 9).fill(SENTINEL);
  return { whole, part: whole.subarray(offset, offset + length) };
};

const argument = (
  heap: Heap,
  dtype: FloatType,
  isInt: boolean,
  offset: number,
  { shape, data }: GivenArray,
): PortValue => {
  if (shape.length === 0) return data[0] ?? NaN;
  if (isInt) {
    const ints = heap.int32(data.length + offset).subarray(offset);
    ints.set(data);
    return ints;
  }
  const { part } = placed(heap, dtype, offset, data.length);
  part.set(data);
  return part;
};

/** The same numbers in an ordinary buffer, from an odd element on. */
const elsewhere = (value: PortValue, offset: number): PortValue => {
  if (typeof value === "number") return value;
  const whole =
    value instanceof Int32Array
      ? new Int32Array(value.length + offset)
      : value instanceof Float32Array
        ? new Float32Array(value.length + offset)
        : new Float64Array(value.length + offset);
  const part = whole.subarray(offset);
  part.set(value);
  return part;
};

/** Extents at which arrays that have to be copied are tried too. */
const COPIED: readonly number[] = [5, 17];

/** The outputs that are others if all arrays are copied to the heap and back. */
const changedByCopying = (
  kernel: CallableKernel,
  args: Readonly<Record<string, PortValue>>,
  results: Readonly<Record<string, PortValue>>,
): readonly string[] => {
  const moved = (values: typeof args): typeof args =>
    Object.fromEntries(Object.entries(values).map(([name, value], k) => [name, elsewhere(value, 2 * k + 1)]));
  const into = Object.fromEntries(Object.entries(moved(results)).filter(([, to]) => typeof to !== "number"));
  for (const array of Object.values(into)) if (typeof array !== "number") array.fill(SENTINEL);
  const copied = kernel(moved(args), into);
  return Object.keys(results).filter((name) => {
    const [before, after] = [results[name], copied[name]].map((value) =>
      typeof value === "number" ? [value] : (value ?? []),
    );
    return before?.length !== after?.length || !before?.every((x, k) => Object.is(x, after?.[k]));
  });
};

/** What is wrong with a kernel's results, if anything is. */
const problemsOf = (
  heap: Heap,
  dtype: FloatType,
  kernel: CallableKernel,
  program: Program,
  dims: Dims,
): readonly string[] => {
  const tensors = inputsOf(program, dims);
  const ints = new Set(program.inputs.filter((each) => each.dtype === "int").map((each) => each.name));
  const at = [...dims].map(([name, extent]) => `${name}=${extent}`).join(" ");
  const top = heap.top();
  const args = Object.fromEntries([
    ...[...tensors].map(([name, array], k): [string, PortValue] => [
      name,
      argument(heap, dtype, ints.has(name), 2 * k + 1, array),
    ]),
    ...dims,
  ]);
  let reference: ReadonlyMap<string, Bounded>;
  try {
    reference = evaluateWithError(program, { tensors, dims }, TOLERANCES[dtype].arithmetic);
  } catch {
    // what is no input of the interpreter is none of a kernel
    expect(() => kernel(args), `${program.name} ${at}`).toThrow(/GS07|must|is not|extent/);
    heap.release(top);
    return [];
  }
  const outputs = new Map(
    [...reference].flatMap(([name, { shape, data }]) =>
      shape.length === 0 ? [] : [[name, placed(heap, dtype, 3, data.length)] as const],
    ),
  );
  const into = Object.fromEntries([...outputs].map(([name, { part }]) => [name, part]));
  const results = kernel(args, into);
  const problems = [...reference].flatMap(([name, { shape, data, error }]) => {
    const allowed = (k: number): number => allowedError(dtype, data[k] ?? NaN, error[k] ?? NaN);
    const result = results[name];
    const { mismatch } = compare(
      name,
      { shape, data, allowed },
      typeof result === "number" ? [result] : result,
    );
    return mismatch === undefined ? [] : [`${program.name} ${at}: ${formatMismatch(mismatch)}`];
  });
  const overwritten = [...outputs].filter(
    ([, { whole, part }]) =>
      whole.subarray(0, 3).some((x) => x !== SENTINEL) ||
      whole.subarray(3 + part.length).some((x) => x !== SENTINEL),
  );
  const changed = [...dims.values()].some((extent) => COPIED.includes(extent))
    ? changedByCopying(kernel, args, results)
    : [];
  heap.release(top);
  return [
    ...problems,
    ...overwritten.map(([name]) => `${program.name} ${at}: writes outside of ${name}`),
    ...changed.map((name) => `${program.name} ${at}: ${name} is another one from copied arrays`),
  ];
};

describe.each(["f32", "f64"] as const)("extents at the edge, in WASM %s", (dtype) => {
  const heap = createHeap();
  let derived: readonly Derived[];
  let kernels: ReadonlyMap<string, CallableKernel>;

  beforeAll(async () => {
    derived = deriveAll();
    const made = derived.flatMap(({ ir, programs }) =>
      programs.map((program) => toKernel(ir, program, { dtype })),
    );
    ({ kernels } = await runWasm(made, heap));
    heap.reserve(2 ** 22);
  });

  it.each(OPERATIONS.map(({ name }) => name))("%s", (name) => {
    const found = derived.find((each) => each.operation.name === name);
    const problems = (found?.programs ?? []).flatMap((program) => {
      const kernel = kernels.get(program.name);
      if (found === undefined || kernel === undefined) throw new Error(`no kernel ${program.name}`);
      return casesOf(found.operation).flatMap((dims) => problemsOf(heap, dtype, kernel, program, dims));
    });
    expect(problems).toEqual([]);
  });
});
