/** The functions of one number whose accuracy is measured: those of the language, and those of the library. */
import { readFileSync } from "node:fs";
import { elementwise } from "../../src/check/builtins.ts";
import { preludeSource } from "../../src/check/prelude.ts";
import type { Source } from "../../src/diagnostics/index.ts";
import { parse } from "../../src/syntax/index.ts";
import type { FunctionText } from "../../src/cli/library.ts";

/** A function, or its derivative, in f32. */
export interface Row {
  /** `gelu`, `gelu′` */
  readonly name: string;
  /** Of an array `x`, elementwise. */
  readonly definition: FunctionText;
  readonly kind: "value" | "vjp";
}

/** What a user may write for a function of the library: the same accuracy is wanted. */
const WRITTEN_OUT: Readonly<Record<string, string>> = {
  gelu_by_erf: "0.5 * x * (1 + erf(x / sqrt(2)))",
  gaussian: "exp(-x^2 / 2)",
  mish_by_log: "x * tanh(log(1 + exp(x)))",
  silu_by_exp: "x / (1 + exp(-x))",
};

const LIBRARY = ["activations.grad", "mathematics.grad"].map((name): Source => {
  const url = new URL(`../../src/library/${name}`, import.meta.url);
  return { name, text: readFileSync(url, "utf8") };
});

/** The functions of a file that take one number, apart from options. */
const scalarFunctions = (source: Source): readonly string[] => {
  const module = parse(source);
  if (!module.ok) throw new Error(`${source.name} has errors`);
  return module.value.functions
    .filter(({ params: [x, ...others] }) => x !== undefined && x.type === undefined && others.length === 0)
    .map(({ name }) => name.text);
};

const ofLanguage = (): readonly string[] => [
  ...[...elementwise]
    .filter(([name, { params }]) => params.length === 1 && name !== "stop_gradient")
    .map(([name]) => name),
  ...scalarFunctions(preludeSource),
];

const rowsOf = (name: string, expression: string, uses: readonly string[]): readonly Row[] => {
  const definition = (kind: string): FunctionText => ({
    name: `${kind}_of_${name}`,
    text: `fn ${kind}_of_${name}(x: [N]) { return ${expression} }\n`,
    uses,
  });
  return [
    { name, definition: definition("value"), kind: "value" },
    { name: `${name}′`, definition: definition("derivative"), kind: "vjp" },
  ];
};

/** Every function once, by name, each followed by its derivative. */
export const allRows = (): readonly Row[] => {
  const inLibrary = LIBRARY.flatMap(scalarFunctions);
  const builtIn = ofLanguage().filter((name) => !inLibrary.includes(name));
  return [
    ...builtIn.flatMap((name) => rowsOf(name, `${name}(x)`, [])),
    ...inLibrary.flatMap((name) => rowsOf(name, `${name}(x)`, [name])),
    ...Object.entries(WRITTEN_OUT).flatMap(([name, expression]) => rowsOf(name, expression, [])),
  ];
};
