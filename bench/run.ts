/** `npm run bench`: kernels of the examples on both back ends, in turn, in one process; medians and their ratio, as text. */
import { instantiateTypeScript } from "../codegen/typescript/index.ts";
import type { CallableKernel, PortValue } from "../codegen/interface.ts";
import { runWasm } from "../codegen/wasm/run.ts";
import { createHeap } from "../src/runtime/index.ts";
import { kernelsOf } from "../src/cli/build.ts";
import { load } from "../src/cli/compile.ts";
import { TERMINAL } from "../src/cli/output.ts";

interface Workload {
  readonly kernel: string;
  /** Lengths of the float inputs, and of the int ones with the number of values they may have. */
  readonly floats: Readonly<Record<string, number>>;
  readonly ints: Readonly<Record<string, readonly [length: number, below: number]>>;
  readonly outputs: Readonly<Record<string, number>>;
  readonly dims: Readonly<Record<string, number>>;
}

const N = 262_144;
const [ROWS, CLASSES] = [1024, 1000];

const WORKLOADS: readonly Workload[] = [
  {
    kernel: "focal_loss_grad",
    floats: { logits: N, target: N },
    ints: {},
    outputs: { d_logits: N },
    dims: {},
  },
  {
    kernel: "huber_log_cosh_grad",
    floats: { pred: N, target: N },
    ints: {},
    outputs: { d_pred: N },
    dims: {},
  },
  {
    kernel: "smoothed_cross_entropy_grad",
    floats: { logits: ROWS * CLASSES },
    ints: { label: [ROWS, CLASSES] },
    outputs: { d_logits: ROWS * CLASSES },
    dims: { C: CLASSES },
  },
];

const RUNS = 21;
const HEAP_BYTES = 1 << 26;

interface Arrays {
  readonly float32: (length: number) => Float32Array;
  readonly int32: (length: number) => Int32Array;
}

type Values = Readonly<Record<string, PortValue>>;

const inputs = ({ floats, ints, dims }: Workload, arrays: Arrays): Values => {
  const filled = Object.entries(floats).map(([name, length]): [string, PortValue] => {
    const array = arrays.float32(length);
    for (let k = 0; k < length; k++) array[k] = Math.sin(1 + k);
    return [name, array];
  });
  const chosen = Object.entries(ints).map(([name, [length, below]]): [string, PortValue] => {
    const array = arrays.int32(length);
    for (let k = 0; k < length; k++) array[k] = (7 * k) % below;
    return [name, array];
  });
  return { ...Object.fromEntries<PortValue>([...filled, ...chosen]), ...dims };
};

const outputs = ({ outputs: lengths }: Workload, arrays: Arrays): Values =>
  Object.fromEntries(Object.entries(lengths).map(([name, length]) => [name, arrays.float32(length)]));

const median = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[times.length >> 1] ?? NaN;

const timed = (run: () => void): number => {
  const start = performance.now();
  run();
  return performance.now() - start;
};

const runner = (
  kernels: ReadonlyMap<string, CallableKernel>,
  workload: Workload,
  arrays: Arrays,
): (() => void) => {
  const kernel = kernels.get(workload.kernel);
  if (kernel === undefined) throw new Error(`there is no kernel ${workload.kernel}`);
  const [args, into] = [inputs(workload, arrays), outputs(workload, arrays)];
  return () => void kernel(args, into);
};

const main = async (): Promise<void> => {
  const fixed = { dims: new Map<string, number>(), options: new Map<string, number>() };
  const kernels = kernelsOf(
    load(new URL("../examples/losses.grad", import.meta.url).pathname, TERMINAL),
    fixed,
    "f32",
  );
  const heap = createHeap();
  heap.reserve(HEAP_BYTES);
  const wasm = (await runWasm(kernels, heap)).kernels;
  const typescript = await instantiateTypeScript(kernels);
  TERMINAL.out("workload                       TypeScript ms   WASM ms   ratio");
  for (const workload of WORKLOADS) {
    const onTypeScript = runner(typescript, workload, {
      float32: (length) => new Float32Array(length),
      int32: (length) => new Int32Array(length),
    });
    const onWasm = runner(wasm, workload, heap);
    const times = Array.from({ length: RUNS }, () => [timed(onTypeScript), timed(onWasm)] as const).slice(3);
    const [slow, fast] = [median(times.map(([t]) => t)), median(times.map(([, t]) => t))];
    const columns = [
      slow.toFixed(3).padStart(12),
      fast.toFixed(3).padStart(9),
      (slow / fast).toFixed(1).padStart(7),
    ];
    TERMINAL.out(`${workload.kernel.padEnd(30)} ${columns.join(" ")}`);
  }
};

await main();
