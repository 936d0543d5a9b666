/** `npm run conventions`: writes docs/conventions.md, with what other libraries give at the same points. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { format } from "prettier";
import { EXIT } from "../src/cli/errors.ts";
import { runMain } from "../src/cli/runner.ts";
import { arrayOf, CONVENTIONS, type Convention } from "../src/library/conventions.ts";
import { JAX, PYTORCH } from "./conventions/cited.ts";
import { JAX_JS } from "./conventions/jax.ts";
import { MATHJS } from "./conventions/mathjs.ts";
import { page, type Given, type Measured, type MeasuredLibrary } from "./conventions/page.ts";
import { TENSORFLOW } from "./conventions/tfjs.ts";
import {
  BENCH,
  installPeers,
  loadJax,
  loadMathJs,
  loadTensorFlow,
  versionOf,
  type Jax,
  type JaxArray,
  type MathJs,
  type Tensor,
  type TensorFlow,
} from "./peers.ts";
import { mapRecord, type Arrays } from "./values.ts";

const wrtOf = ({ gradient }: Convention): readonly string[] => Object.keys(gradient);

const arraysOf = ({
  inputs,
}: Convention): Arrays<{ readonly shape: readonly number[]; readonly data: number[] }> =>
  mapRecord(inputs, arrayOf);

const attempt = async (run: () => Promise<Given>): Promise<Measured> => {
  try {
    return await run();
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
};

/** Rows in turn: the libraries keep state while they differentiate. */
const measureAll = async (
  measure: (row: Convention) => Promise<Measured>,
): Promise<ReadonlyMap<string, Measured>> => {
  const results = new Map<string, Measured>();
  for (const row of CONVENTIONS) {
    const measured = await measure(row);
    if (measured !== undefined && "failed" in measured)
      process.stderr.write(`${row.where}: ${measured.failed.split("\n")[0] ?? ""}\n`);
    results.set(row.where, measured);
  }
  return results;
};

const numbersOf = async (tensor: Tensor): Promise<readonly number[]> => {
  const data: ArrayLike<number> = await tensor.data();
  return Array.from(data);
};

const onTensorFlow = (tf: TensorFlow): ((row: Convention) => Promise<Measured>) => {
  const programs = new Map(Object.entries(TENSORFLOW(tf)));
  return async (row) => {
    const program = programs.get(row.where);
    if (program === undefined) return undefined;
    return attempt(async () => {
      const tensors = mapRecord(arraysOf(row), ({ shape, data }) => tf.tensor(data, [...shape], "float32"));
      const names = wrtOf(row);
      const inputs = names.flatMap((name) => tensors[name] ?? []);
      const of = (...by: Tensor[]): Tensor => {
        const given = Object.fromEntries(names.map((name, k) => [name, by[k]]));
        return program({ ...tensors, ...given } as Parameters<typeof program>[0]);
      };
      const { value, grads } = tf.valueAndGrads(of)(inputs);
      const gradients = await Promise.all(grads.map(numbersOf));
      return {
        value: (await value.data())[0] ?? NaN,
        gradient: Object.fromEntries(names.map((name, k) => [name, gradients[k]])),
      };
    });
  };
};

const elementsOf = async (array: JaxArray): Promise<readonly number[]> => {
  const data: ArrayLike<number> = await array.data();
  return Array.from(data);
};

const onJax = (jax: Jax): ((row: Convention) => Promise<Measured>) => {
  const programs = new Map(Object.entries(JAX_JS(jax)));
  return async (row) => {
    const program = programs.get(row.where);
    if (program === undefined) return undefined;
    return attempt(async () => {
      const arrays = mapRecord(arraysOf(row), ({ shape, data }) =>
        jax.numpy.array(Float32Array.from(data), { shape: [...shape] }),
      );
      const names = wrtOf(row);
      const inputs = names.flatMap((name) => arrays[name]?.ref ?? []);
      const of = (...by: JaxArray[]): JaxArray => {
        const given = Object.fromEntries(names.map((name, k) => [name, by[k]]));
        return program({ ...arrays, ...given } as Parameters<typeof program>[0]);
      };
      const [value, grads] = jax.valueAndGrad(of, { argnums: names.map((_, k) => k) })(...inputs) as [
        JaxArray,
        readonly JaxArray[],
      ];
      const gradients = await Promise.all(grads.map(elementsOf));
      return {
        value: (await value.data())[0] ?? NaN,
        gradient: Object.fromEntries(names.map((name, k) => [name, gradients[k]])),
      };
    });
  };
};

const onMathJs = (math: MathJs): ((row: Convention) => Promise<Measured>) => {
  const formulas = new Map(Object.entries(MATHJS));
  return async (row) => {
    const formula = formulas.get(row.where);
    if (formula === undefined) return undefined;
    return attempt(() => {
      const arrays = arraysOf(row);
      const elements = Object.entries(arrays).flatMap(([name, { data }]) =>
        data.map((value, k): [string, number] => [`${name}${k}`, value]),
      );
      const scope = Object.fromEntries(elements);
      const text = formula(arrays["x"]?.data.length ?? 0);
      const numberOf = (value: unknown): number => (typeof value === "number" ? value : NaN);
      const slope = (name: string): number => numberOf(math.derivative(text, name).evaluate({ ...scope }));
      return Promise.resolve({
        value: numberOf(math.evaluate(text, { ...scope })),
        gradient: Object.fromEntries(
          wrtOf(row).map((name) => [name, arrays[name]?.data.map((_, k) => slope(`${name}${k}`))]),
        ),
      });
    });
  };
};

type Text = Readonly<Record<string, readonly string[] | null>>;

interface PyTorchFile {
  readonly version: string;
  readonly rows: Readonly<
    Record<string, { readonly failed: string } | { readonly value: string; readonly gradient: Text }>
  >;
}

/** Of Python's names for numbers. */
const parseNumber = (text: string): number => Number(text.replace("inf", "Infinity").replace("nan", "NaN"));

const pyTorch = (): MeasuredLibrary => {
  const file = JSON.parse(readFileSync(join(BENCH, "conventions", "pytorch.json"), "utf8")) as PyTorchFile;
  const results = Object.entries(file.rows).map(([where, result]): [string, Measured] => {
    if ("failed" in result) return [where, result];
    const gradient = mapRecord(result.gradient, (values) => values?.map(parseNumber));
    return [where, { value: parseNumber(result.value), gradient }];
  });
  return {
    title: `PyTorch ${/^\d+\.\d+/.exec(file.version)?.[0] ?? ""}`,
    results: new Map(results),
    cited: PYTORCH,
  };
};

/** For scripts in other languages: numbers as text, because JSON has neither infinities nor NaN. */
const inputsText = (): string => {
  const python = (value: number): string => String(value).replace("Infinity", "inf").replace("NaN", "nan");
  const rows = CONVENTIONS.map((row) => ({
    where: row.where,
    wrt: wrtOf(row),
    inputs: mapRecord(arraysOf(row), ({ shape, data }) => ({ shape, data: data.map(python) })),
  }));
  return JSON.stringify(rows);
};

const PAGE = "docs/conventions.md";

const main = async (inputs: boolean | undefined): Promise<number> => {
  if (inputs === true) {
    process.stdout.write(inputsText());
    return EXIT.ok;
  }
  installPeers();
  const text = page(
    CONVENTIONS,
    [
      pyTorch(),
      {
        title: `TensorFlow.js ${versionOf("@tensorflow/tfjs")}`,
        results: await measureAll(onTensorFlow(await loadTensorFlow())),
      },
      { title: `jax-js ${versionOf("@jax-js/jax")}`, results: await measureAll(onJax(await loadJax())) },
      { title: `mathjs ${versionOf("mathjs")}`, results: await measureAll(onMathJs(loadMathJs())) },
    ],
    JAX,
  );
  writeFileSync(resolve(PAGE), await format(text, { parser: "markdown", printWidth: 120 }));
  return EXIT.ok;
};

await runMain({
  name: "conventions",
  args: "[--inputs]",
  about: `Measure other libraries at kinks, ties and poles, and write ${PAGE} anew`,
  flags: { inputs: { type: "boolean" } },
  explained: ["--inputs   print the inputs as JSON, for scripts in other languages, and write nothing"],
  files: "none",
  main: ({ inputs }) => main(inputs),
});
