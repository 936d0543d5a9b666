/**
 * `npm run calls`: what a call of a small kernel costs beside the kernel itself. All are timed in turn in one process: an
 * empty WebAssembly function, the compiled kernel's export on addresses, a prepared call, a call that checks its arguments,
 * and the loops that one writes by hand.
 */
import { EXIT } from "../src/cli/errors.ts";
import { runMain } from "../src/cli/runner.ts";
import { emitWasm } from "../src/index.ts";
import { parametersOf } from "../codegen/wasm/abi.ts";
import type { Kernel } from "../src/loop/types.ts";
import { createHeap, instantiate, type Heap } from "../src/runtime/index.ts";
import { createCeilings } from "./ceilings.ts";
import type { Contestant } from "./contestants.ts";
import { compile, onCheckedWasm, onTypeScript, onWasm } from "./gradsmith.ts";
import { timeInTurn, type Run } from "./measure.ts";
import { drawInputs, mapRecord, type Arrays } from "./values.ts";
import { gradient, hessian } from "./workloads/logistic.ts";
import { products } from "./workloads/matmul.ts";
import { sizeOf, type Shape, type Workload } from "./workload.ts";

const EFFORT = { budget: 1500, minRounds: 21, maxRounds: 101, warm: 150 };

/** Bytes, more than any of them needs. */
const SCRATCH = 1 << 16;

/** The address of each parameter: inputs are in the memory. */
const addressesOf = (
  kernel: Kernel,
  heap: Heap,
  drawn: Arrays<Float32Array>,
  { outputs, stored }: Workload,
): readonly number[] => {
  const shapes: Readonly<Record<string, Shape>> = { ...outputs, ...stored };
  return parametersOf(kernel).map((parameter) => {
    if (parameter.kind === "scratch") return heap.allocate(SCRATCH);
    if (parameter.kind !== "pointer") throw new Error(`${kernel.name} is no kernel of addresses only`);
    const { name } = parameter.buffer;
    const values = drawn[name];
    const array = heap.float32(values?.length ?? sizeOf(shapes[name] ?? []));
    if (values !== undefined) array.set(values);
    return array.byteOffset;
  });
};

const exported = async (workload: Workload, drawn: Arrays<Float32Array>): Promise<Run> => {
  const kernels = compile(workload);
  const heap = createHeap();
  const wasm = await instantiate(heap, await emitWasm(kernels));
  const calls = workload.kernels.map((name) => {
    const kernel = kernels.find((each) => each.name === name);
    if (kernel === undefined) throw new Error(`the definition has no kernel ${name}`);
    return wasm(name).bind(undefined, ...addressesOf(kernel, heap, drawn, workload));
  });
  return () => {
    for (const call of calls) call();
    return undefined;
  };
};

const nanoseconds = (milliseconds: number | undefined): string =>
  ((milliseconds ?? NaN) * 1e6).toFixed(1).padStart(12);

const main = async (): Promise<number> => {
  const { empty } = await createCeilings();
  const columns = ["empty", "export", "prepared", "checked", "TypeScript", "plain JS"] as const;
  process.stdout.write(`${"ns, best of rounds".padEnd(44)}${columns.map((c) => c.padStart(12)).join("")}\n`);
  for (const workload of [gradient, hessian, ...products.filter(({ name }) => name === "matmul32")]) {
    const drawn = drawInputs(workload);
    const runOf = async (make: Promise<Contestant>): Promise<Run> => (await make).run;
    const into = mapRecord(workload.outputs, (shape) => new Float32Array(sizeOf(shape)));
    const runs = new Map<(typeof columns)[number], Run>([
      ["empty", () => (empty(), undefined)],
      ["export", await exported(workload, drawn)],
      ["prepared", await runOf(onWasm(workload, drawn))],
      ["checked", await runOf(onCheckedWasm(workload, drawn))],
      ["TypeScript", await runOf(onTypeScript(workload, drawn))],
      ["plain JS", () => (workload.loops(drawn, into), undefined)],
    ]);
    const times = await timeInTurn(runs, EFFORT);
    const cells = columns.map((name) => nanoseconds(times.get(name)?.best));
    process.stdout.write(`${workload.title.padEnd(44)}${cells.join("")}\n`);
  }
  return EXIT.ok;
};

await runMain({
  name: "calls",
  about: "Measure what calls of small kernels take, in nanoseconds, and print a table",
  flags: {},
  files: "none",
  main,
});
