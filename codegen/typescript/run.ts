/**
 * In: kernels. Out: the functions of the TypeScript back end, callable under the names of the source. The emitted module
 * is transpiled to a function of its imports, and that is imported from a data URL: nothing is evaluated from text.
 */
import { ts } from "ts-morph";
import * as runtime from "../../src/runtime/index.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { interfaceOf } from "../interface.ts";
import type { CallableKernel, KernelInterface, PortValue, TensorPort } from "../interface.ts";
import { createScope } from "../names.ts";
import { emitTypeScript } from "./emit.ts";

const RUNTIME = "gradsmith/runtime";

type Values = Readonly<Record<string, PortValue>>;
type Emitted = (args: Values, into: Values) => Values;
type Factory = (require: (specifier: string) => unknown, exports: object) => void;

/** JavaScript that is a function of `require` and `exports`. */
function factorySource(kernels: readonly Kernel[]): string {
  const { outputText } = ts.transpileModule(emitTypeScript(kernels, RUNTIME), {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS },
  });
  // Without a name of its own, the whole text would stand in every stack trace.
  return `export default function (require, exports) {\n${outputText}\n}\n//# sourceURL=gradsmith-kernels.js`;
}

async function instantiate(source: string): Promise<ReadonlyMap<string, Emitted>> {
  const url = `data:text/javascript;charset=utf-8,${encodeURIComponent(source)}`;
  const module = (await import(/* @vite-ignore */ url)) as { readonly default: Factory };
  const exports: Record<string, Emitted> = {};
  module.default(() => runtime, exports);
  return new Map(Object.entries(exports));
}

type Port = KernelInterface["inputs" | "dims" | "options"][number];

/** An object without a prototype: every name is an ordinary property. */
const emptyRecord = (): Record<string, PortValue> => Object.create(null) as Record<string, PortValue>;

function toProperties(ports: readonly Port[], given: Values): Values {
  const values = emptyRecord();
  for (const port of ports) {
    const value = Object.hasOwn(given, port.name) ? given[port.name] : undefined;
    if (value !== undefined) values[port.property] = value;
  }
  return values;
}

function fromProperties(ports: readonly TensorPort[], given: Values): Record<string, PortValue> {
  const values = emptyRecord();
  for (const port of ports) {
    const value = given[port.property];
    if (value !== undefined) values[port.name] = value;
  }
  return values;
}

function callable(port: KernelInterface, emitted: Emitted): CallableKernel {
  const args = [...port.inputs, ...port.dims, ...port.options];
  return (given, into = {}) =>
    fromProperties(port.outputs, emitted(toProperties(args, given), toProperties(port.outputs, into)));
}

/** Kernels by name, as compiled by the TypeScript back end. */
export async function instantiateTypeScript(
  kernels: readonly Kernel[],
): Promise<Map<string, CallableKernel>> {
  const emitted = await instantiate(factorySource(kernels));
  const scope = createScope();
  const result = new Map<string, CallableKernel>();
  for (const kernel of kernels) {
    const run = emitted.get(scope.claim(kernel.name));
    if (run === undefined) throw new Error(`the emitted module has no ${kernel.name}`);
    result.set(kernel.name, callable(interfaceOf(kernel), run));
  }
  return result;
}
