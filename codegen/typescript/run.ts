/**
 * In: kernels. Out: the functions of the TypeScript back end, callable under the names of the source. The emitted module
 * is transpiled to a function of its imports, and that is imported from a data URL: nothing is evaluated from text.
 */
import { ts } from "ts-morph";
import * as runtime from "../../src/runtime/index.ts";
import type { Kernel } from "../../src/loop/types.ts";
import { interfaceOf } from "../interface.ts";
import type { CallableKernel, KernelInterface, MatrixField, PortValue, TensorPort } from "../interface.ts";
import { createScope } from "../names.ts";
import { emitTypeScript } from "./emit.ts";

const RUNTIME = "gradsmith/runtime";

type Values = Readonly<Record<string, PortValue>>;
type Returned = Readonly<Record<string, unknown>>;
type Emitted = (args: Values, into: Values) => Returned;
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

/** Every output, those inside of matrices too, under its name. */
function fromResults({ results }: KernelInterface, returned: Returned): Record<string, PortValue> {
  const values = emptyRecord();
  const put = (port: TensorPort, value: unknown): void => {
    if (value !== undefined) values[port.name] = value as PortValue;
  };
  for (const result of results) {
    const value = returned[result.property];
    if (result.kind === "tensor") put(result, value);
    else for (const field of result.fields) putField(field, value as Returned, put);
  }
  return values;
}

function putField(
  field: MatrixField,
  matrix: Returned,
  put: (port: TensorPort, value: unknown) => void,
): void {
  const value = matrix[field.name];
  if ("port" in field) put(field.port, value);
  else
    field.ports.forEach((port, k) => {
      put(port, (value as readonly unknown[])[k]);
    });
}

function callable(port: KernelInterface, emitted: Emitted): CallableKernel {
  const args = [...port.inputs, ...port.dims, ...port.options];
  return (given, into = {}) =>
    fromResults(port, emitted(toProperties(args, given), toProperties(port.outputs, into)));
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
