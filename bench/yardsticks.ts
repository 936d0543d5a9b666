/**
 * Hand-written kernels in C, compiled to WebAssembly, that are no part of this project: a folder of modules named by
 * `--yardsticks` or GRADSMITH_YARDSTICKS. Their memory is their own; what they are given lies behind their data.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { sizeOf, type Workload, type Yardstick } from "./workload.ts";
import { mapRecord, type Arrays, type Numbers, type Values } from "./values.ts";
import type { Contestant } from "./contestants.ts";

const ALIGNMENT = 64;
const PAGE = 65536;

interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly __heap_base: WebAssembly.Global;
}

/** Nothing where there is no folder, or no such kernel for the workload. */
export const onYardstick = (
  folder: string | undefined,
  yardstick: Yardstick<string> | undefined,
  workload: Workload,
  drawn: Arrays<Float32Array>,
): Promise<Contestant> | undefined =>
  folder === undefined || yardstick === undefined ? undefined : set(folder, yardstick, workload, drawn);

const set = async (
  folder: string,
  yardstick: Yardstick<string>,
  workload: Workload,
  drawn: Arrays<Float32Array>,
): Promise<Contestant> => {
  const path = resolve(folder, yardstick.file);
  if (!existsSync(path)) throw new Error(`there is no ${yardstick.file} among the yardsticks`);
  const { instance } = await WebAssembly.instantiate(readFileSync(path));
  const functions = instance.exports as Readonly<Record<string, (...args: readonly number[]) => number>>;
  const { memory, __heap_base: base } = instance.exports as unknown as Exports;
  let top = Math.ceil((base.value as number) / ALIGNMENT) * ALIGNMENT;
  const lengths = {
    ...mapRecord(drawn, ({ length }) => length),
    ...mapRecord(workload.outputs, sizeOf),
  };
  const largest = Math.max(...Object.values(lengths));
  const at = mapRecord({ ...lengths, scratch: largest }, (length) => {
    const address = top;
    top += Math.ceil((4 * length) / ALIGNMENT) * ALIGNMENT;
    return address;
  });
  memory.grow(Math.ceil(Math.max(0, top - memory.buffer.byteLength) / PAGE) + 1);
  const view = (name: string, length: number): Float32Array =>
    new Float32Array(memory.buffer, at[name] ?? 0, length);
  for (const [name, values] of Object.entries(drawn)) view(name, values.length).set(values);
  const run = (): number | undefined => yardstick.run(functions, at);
  return {
    run: () => {
      run();
      return undefined;
    },
    results: () => {
      const returned = run();
      const arrays = mapRecord(workload.outputs, (shape, name): Numbers => view(name, sizeOf(shape)));
      const values: Values = returned === undefined ? arrays : { ...arrays, out: [returned] };
      return Promise.resolve(values);
    },
  };
};
