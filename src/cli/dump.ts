/** `gradsmith derive FILE FN --dump STAGE`: what one of the passes makes. */
import { printProgram } from "../ir/index.ts";
import { printKernel } from "../loop/print.ts";
import { toSchedule } from "../pipeline.ts";
import { explainSchedule, type Scheduled } from "../schedule/index.ts";
import { parse, printModule } from "../syntax/index.ts";
import { load } from "./compile.ts";
import { derived, type Derived, type DeriveOptions } from "./derive.ts";
import type { Stage } from "./flags.ts";
import type { Output } from "./output.ts";

type Dump = (derived: Derived, options: DeriveOptions) => string | Promise<string>;

const scheduled = ({ ir, stages }: Derived, { budget, states }: DeriveOptions): Scheduled =>
  toSchedule(ir, stages.derived, { dtype: "f32", budget, states });

const DUMPS: { readonly [K in Exclude<Stage, "parse">]: Dump } = {
  check: ({ stages }) => printProgram(stages.checked),
  simplify: ({ stages }) => printProgram(stages.forward),
  differentiate: ({ stages }) => printProgram(stages.differentiated),
  derive: ({ stages }) => printProgram(stages.derived),
  schedule: (each, options) => explainSchedule(scheduled(each, options)),
  loops: (each, options) => printKernel(scheduled(each, options).kernel),
  typescript: async (each, options) => {
    const { emitTypeScript, formatTypeScript } = await import("../../codegen/typescript/index.ts");
    return formatTypeScript(emitTypeScript([scheduled(each, options).kernel], "gradsmith/runtime"));
  },
};

export const dump = async (stage: Stage, options: DeriveOptions, output: Output): Promise<void> => {
  if (stage === "parse") {
    const { source } = load(options.file, output);
    const module = parse(source);
    if (module.ok) output.out(printModule(module.value));
    return;
  }
  output.out(await DUMPS[stage](derived(options, output), options));
};
