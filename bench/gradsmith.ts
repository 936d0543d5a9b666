/** A workload's kernels as a user gets them: emitted modules, imported. */
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ts } from "ts-morph";
import { emitTypeScript, type PortValue } from "../src/index.ts";
import { compileModule } from "../src/pipeline.ts";
import { EMIT, kernelsOf, type Variant } from "../src/cli/build.ts";
import { IMPORTS } from "../src/cli/files.ts";
import { formatDiagnostics } from "../src/diagnostics/index.ts";
import type { Kernel, MathMode } from "../src/loop/types.ts";
import { createHeap, dense, type Heap, type StructuredMatrix } from "../src/runtime/index.ts";
import { mapRecord, type Arrays, type Numbers, type Values } from "./values.ts";
import { sizeOf, type Workload } from "./workload.ts";
import type { Contestant } from "./contestants.ts";

type Results = Readonly<Record<string, PortValue | StructuredMatrix>>;
type Ports = Readonly<Record<string, PortValue>>;
type Emitted = (args: Ports, into: Ports) => Results;
type Loaded = Emitted & {
  readonly prepare: (args: Ports, into: Ports) => () => Results;
};

/** Inside this package, so that what is emitted finds the runtime under its name. */
const FOLDER = resolve("dist", "bench-kernels");
const RUNTIME = "gradsmith/runtime";

export const compile = (
  { name, definition, dims = {} }: Workload,
  math: MathMode = "accurate",
): readonly Kernel[] => {
  const source = {
    name: resolve("bench", "workloads", `${name}.grad`),
    text: definition,
  };
  const result = compileModule(source, IMPORTS);
  if (!result.ok) throw new Error(formatDiagnostics(result.diagnostics));
  const fixed = {
    dims: new Map(Object.entries(dims)),
    options: new Map<string, number>(),
  };
  return kernelsOf({ source, module: result.value }, fixed, "f32", math);
};

const importText = async (name: string, text: string): Promise<unknown> => {
  mkdirSync(FOLDER, { recursive: true });
  const path = resolve(FOLDER, `${name}.js`);
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ES2022,
    },
  });
  writeFileSync(path, outputText);
  return import(pathToFileURL(path).href);
};

/** Numbers at the boundary where the shape is that of a number. */
const argumentsOf = ({ inputs, dims = {} }: Workload, arrays: Arrays<Float32Array | Int32Array>): Ports => ({
  ...mapRecord(inputs, ({ shape }, name) => {
    const array = arrays[name] ?? new Float32Array();
    return shape.length === 0 ? (array[0] ?? NaN) : array;
  }),
  ...dims,
});

const toNumbers = (value: PortValue | StructuredMatrix): Numbers => {
  if (typeof value === "number") return [value];
  return "kind" in value ? dense(value) : value;
};

const toValues = (results: readonly Results[]): Values =>
  mapRecord(Object.assign({}, ...results) as Results, toNumbers);

const contestant = (calls: readonly (() => Results)[]): Contestant => ({
  run: () => {
    for (const call of calls) call();
    return undefined;
  },
  results: () => Promise.resolve(toValues(calls.map((call) => call()))),
});

type Kernels<K> = Readonly<Record<string, K>>;

const kernelOf = <K>(kernels: Kernels<K>, name: string): K => {
  const kernel = kernels[name];
  if (kernel === undefined) throw new Error(`the definition has no kernel ${name}`);
  return kernel;
};

interface Allocate {
  readonly float32: (length: number) => Float32Array;
  readonly int32: (length: number) => Int32Array;
}

const place = (
  workload: Workload,
  drawn: Arrays<Float32Array>,
  { float32, int32 }: Allocate,
): { readonly args: Ports; readonly into: Ports } => {
  const arrays = mapRecord(drawn, (values, name) => {
    const array = (workload.inputs[name]?.type === "int" ? int32 : float32)(values.length);
    array.set(values);
    return array;
  });
  const into = Object.entries({ ...workload.outputs, ...workload.stored })
    .filter(([, shape]) => shape.length > 0)
    .map(([name, shape]): [string, PortValue] => [name, float32(sizeOf(shape))]);
  return {
    args: argumentsOf(workload, arrays),
    into: Object.fromEntries(into),
  };
};

export const onTypeScript = async (workload: Workload, drawn: Arrays<Float32Array>): Promise<Contestant> => {
  const text = await emitTypeScript(compile(workload), RUNTIME);
  const kernels = (await importText(workload.name, text)) as Kernels<Emitted>;
  const { args, into } = place(workload, drawn, {
    float32: (length) => new Float32Array(length),
    int32: (length) => new Int32Array(length),
  });
  return contestant(
    workload.kernels.map((name) => {
      const kernel = kernelOf(kernels, name);
      return () => kernel(args, into);
    }),
  );
};

/** Room for arrays and for what kernels need themselves: memory that grows later detaches the arrays. */
const reserve = (heap: Heap, { inputs, outputs }: Workload): void => {
  const shapes = [...Object.values(inputs).map(({ shape }) => shape), ...Object.values(outputs)];
  const bytes = shapes.reduce((sum, shape) => sum + 4 * sizeOf(shape), 0);
  heap.reserve(4 * bytes + (1 << 25));
};

type Call = (kernel: Loaded, args: Ports, into: Ports) => () => Results;

interface Build {
  readonly math: MathMode;
  readonly variant: Variant;
}

interface Options {
  readonly heap?: Heap;
  readonly threads?: number;
}

/** What a loaded module has besides its kernels. */
interface Module {
  readonly heap: Heap;
  readonly close?: () => void;
}

const onHeap =
  ({ math, variant }: Build, options: () => Options, call: Call) =>
  async (workload: Workload, drawn: Arrays<Float32Array>): Promise<Contestant> => {
    const stem = [workload.name, math, variant.threads, variant.simd].join(".");
    const emitted = await EMIT["wasm-inline"](compile(workload, math), stem, variant);
    const module = (await importText(`${stem}.wasm`, String(emitted.get(`${stem}.wasm.ts`)))) as {
      readonly load: (options: Options) => Promise<Module & Kernels<Loaded>>;
    };
    const loaded = await module.load(options());
    const { heap, close }: Module = loaded;
    reserve(heap, workload);
    const { args, into } = place(workload, drawn, heap);
    const found = contestant(
      workload.kernels.map((name) => call(kernelOf<Loaded>(loaded, name), args, into)),
    );
    return close === undefined ? found : { ...found, dispose: close };
  };

const OWN = (): Options => ({ heap: createHeap() });
const STRICT: Variant = { threads: "one", simd: "strict" };
const prepared: Call = (kernel, args, into) => kernel.prepare(args, into);

/** Arrays in the kernel's own memory, arguments checked once. */
export const onWasm = onHeap({ math: "accurate", variant: STRICT }, OWN, prepared);

/** The same, built with `--math fast`. */
export const onFastWasm = onHeap({ math: "fast", variant: STRICT }, OWN, prepared);

/** The same on two threads. */
export const onThreads = onHeap(
  { math: "accurate", variant: { threads: "several", simd: "strict" } },
  () => ({ threads: 2 }),
  prepared,
);

/** With fused multiply-adds. */
export const onRelaxedWasm = onHeap(
  { math: "accurate", variant: { threads: "one", simd: "relaxed" } },
  OWN,
  prepared,
);

/** Arrays in the kernel's own memory, arguments checked at each call. */
export const onCheckedWasm = onHeap(
  { math: "accurate", variant: STRICT },
  OWN,
  (kernel, args, into) => () => kernel(args, into),
);
