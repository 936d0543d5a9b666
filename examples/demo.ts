/** The main job on real input: losses and a network compiled, explained, checked, and trained on handwritten digits. */
import { instantiateTypeScript } from "../codegen/typescript/index.ts";
import { runWasm } from "../codegen/wasm/run.ts";
import { request, stagesOf, toKernel } from "../src/pipeline.ts";
import { floatInputs, gradcheck, type CheckedProgram } from "../src/cli/gradcheck.ts";
import { load, programOf, type Fixed, type Loaded } from "../src/cli/compile.ts";
import { TERMINAL } from "../src/cli/output.ts";
import { runMain } from "../src/cli/runner.ts";
import { formulas } from "../src/explain/index.ts";
import { formatReport, passes } from "../src/gradcheck/index.ts";
import type { Kernel } from "../src/loop/types.ts";
import { createHeap } from "../src/runtime/index.ts";
import { operationCount } from "../src/simplify/index.ts";
import { CLASSES, loadDigits, PIXELS } from "./digits.ts";
import { HIDDEN, train, type Report } from "./training.ts";

const file = (name: string): string => new URL(name, import.meta.url).pathname;

const NONE: Fixed = { dims: new Map(), options: new Map() };
const NETWORK: Fixed = { ...NONE, dims: new Map([["D", PIXELS], ["H", HIDDEN], ["C", CLASSES]]) }; // prettier-ignore
/** The same network, small enough that numerical gradients of all its weights take no time. */
const SMALL: Fixed = { ...NONE, dims: new Map([["D", 5], ["H", 4], ["C", 3]]) }; // prettier-ignore

const heading = (text: string): void => {
  TERMINAL.out(`\n${text}\n${"─".repeat(text.length)}`);
};

const functionsAsked = (loaded: Loaded): readonly string[] => [
  ...new Set(loaded.module.derives.map(({ name }) => name)),
];

const explain = (loaded: Loaded, fixed: Fixed): void => {
  for (const { name, requests } of loaded.module.derives) {
    for (const asked of requests.filter(({ kind }) => kind !== "value")) {
      const fn = loaded.module.functions.get(name);
      if (fn === undefined) continue;
      const { ir, program } = programOf(fn, fixed);
      const { forward, derived } = stagesOf(ir, program, asked);
      const known = new Set(formulas(forward, "text"));
      heading(`${derived.name}: ${fn.doc}`);
      for (const formula of known) TERMINAL.out(formula);
      TERMINAL.out("gradient:");
      for (const formula of formulas(derived, "text")) if (!known.has(formula)) TERMINAL.out(formula);
      TERMINAL.out(
        `operations: value ${operationCount(ir, forward).text}, with gradient ${operationCount(ir, derived).text}`,
      );
    }
  }
};

const checked = (loaded: Loaded, fixed: Fixed): readonly CheckedProgram[] =>
  functionsAsked(loaded).flatMap((name) => {
    const fn = loaded.module.functions.get(name);
    if (fn === undefined) return [];
    const { ir, program } = programOf(fn, fixed);
    return [{ ir, program, wrt: floatInputs(program) }];
  });

const kernelsOf = (loaded: Loaded, fixed: Fixed): readonly Kernel[] =>
  loaded.module.derives.flatMap(({ name, requests }) => {
    const fn = loaded.module.functions.get(name);
    if (fn === undefined) return [];
    return requests.map((asked) => {
      const { ir, program } = programOf(fn, fixed);
      return toKernel(ir, request(ir, program, asked), { dtype: "f32" });
    });
  });

const curve = ({ losses, accuracy }: Report): string => {
  const largest = Math.max(...losses);
  const bars = losses.map((loss, epoch) => {
    const bar = "▇".repeat(
      Math.max(1, Math.round((40 * Math.log1p(1000 * loss)) / Math.log1p(1000 * largest))),
    );
    return `  epoch ${String(epoch + 1).padStart(2)}  ${loss.toFixed(6)}  ${bar}`;
  });
  return [...bars, `  accuracy on the held-out fifth: ${(100 * accuracy).toFixed(2)} %`].join("\n");
};

/** The largest difference of two loss curves, relative to the first loss. */
const difference = (a: Report, b: Report): number =>
  Math.max(...a.losses.map((loss, epoch) => Math.abs(loss - (b.losses[epoch] ?? NaN)))) / (a.losses[0] ?? 1);

const HEAP_BYTES = 1 << 23;

const main = async (): Promise<number> => {
  const losses = load(file("losses.grad"), TERMINAL);
  const network = load(file("network.grad"), TERMINAL);
  explain(losses, NONE);
  explain(network, NETWORK);

  heading("Gradient checks, on every back end");
  const reports = await gradcheck([...checked(losses, NONE), ...checked(network, SMALL)]);
  for (const report of reports) TERMINAL.out(formatReport(report).join("\n"));

  heading("Training 64-32-10 on handwritten digits");
  const digits = loadDigits(file("data/digits.csv.gz"));
  const kernels = kernelsOf(network, NETWORK);
  const heap = createHeap();
  heap.reserve(HEAP_BYTES);
  const wasm = await runWasm(kernels, heap);
  const onWasm = train({ kernels: wasm.kernels, float32: heap.float32, int32: heap.int32 }, digits);
  TERMINAL.out(`WebAssembly, f32:\n${curve(onWasm)}`);
  const onTypeScript = train(
    {
      kernels: await instantiateTypeScript(kernels),
      float32: (length) => new Float32Array(length),
      int32: (length) => new Int32Array(length),
    },
    digits,
  );
  const off = difference(onWasm, onTypeScript);
  TERMINAL.out(
    `TypeScript: accuracy ${(100 * onTypeScript.accuracy).toFixed(2)} %, loss curve within ${off.toExponential(1)}`,
  );
  return reports.every(passes) && onWasm.accuracy >= 0.96 && off < SAME_LOSSES ? 0 : 1;
};

/** The back ends add up in different orders, and every step of training builds on the one before. */
const SAME_LOSSES = 1e-4;

await runMain({
  name: "demo",
  about: "Compile losses and a network, print and check their gradients, and train on handwritten digits",
  flags: {},
  files: "none",
  main,
});
