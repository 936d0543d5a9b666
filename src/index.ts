/**
 * The compiler as a library:
 *
 *     const module = compileModule({ name: "losses.grad", text });      // errors with places, or checked functions
 *     const ir = createArena();
 *     const program = module.value.functions.get("focal").program(ir);  // index notation
 *     const gradient = valueAndGradient(ir, program.value, ["logits"]);
 *     formulas(gradient, "text");                                       // to read
 *     await emitTypeScript([toKernel(ir, gradient, { dtype: "f32" })], "gradsmith/runtime");
 *
 * Each emitter loads when it is first used.
 */
export { compileModule, forward, gradient, jvp, request, stagesOf, toKernel, valueAndGradient, vjp, defaultRequests } from "./pipeline.ts"; // prettier-ignore
export type { KernelOptions, Request, Stages } from "./pipeline.ts";
export type { CheckContext, CheckedFunction, CheckedModule } from "./check/index.ts";
export { formatDiagnostic, formatDiagnostics } from "./diagnostics/index.ts";
export type { Diagnostic, Result, Source, Span } from "./diagnostics/index.ts";
export { evaluate, type Inputs } from "./eval/index.ts";
export { formulas, type Notation } from "./explain/index.ts";
export { createArena, parseProgram, printProgram, specialise, verify } from "./ir/index.ts";
export type { Arena, Program } from "./ir/index.ts";
export type { FloatType, Kernel } from "./loop/types.ts";
export { operationCount, type OperationCount } from "./simplify/index.ts";
export {
  emitTypeScript, formatTypeScript, instantiateTypeScript, emitWasm, emitLoader, instantiateWasm, runWasm,
} from "../codegen/lazy.ts"; // prettier-ignore
export type { WasmLocation } from "../codegen/wasm/loader.ts";
export type { CallableKernel, PortValue } from "../codegen/interface.ts";
