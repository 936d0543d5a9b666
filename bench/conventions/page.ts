/** `docs/conventions.md`: gradsmith's rows, and beside them what others give, or are said to give. */
import { arrayOf, type Convention, type ConventionName, type Nested } from "../../src/library/conventions.ts";

/** A value and gradients by input, flat; none where the library says that the value does not depend on the input. */
export interface Given {
  readonly value: number;
  readonly gradient: Readonly<Record<string, readonly number[] | undefined>>;
}

/** Nothing: there is no such function. */
export type Measured = Given | { readonly failed: string } | undefined;

export interface MeasuredLibrary {
  readonly title: string;
  readonly results: ReadonlyMap<string, Measured>;
  /** For rows without a result. */
  readonly cited?: ByRow<Citation>;
}

/** What a library does, in words, and where that is said. */
export interface Citation {
  readonly says: string;
  readonly source: string;
}

/** What is said or done at some of the rows. */
export type ByRow<T> = Readonly<Partial<Record<ConventionName, T>>>;

const nestedText = (nested: Nested): string =>
  typeof nested === "number" ? String(nested) : `[${nested.map(nestedText).join(", ")}]`;

const namedText = (arrays: Readonly<Record<string, Nested>>): string =>
  Object.entries(arrays)
    .map(([name, nested]) => `${name} = ${nestedText(nested)}`)
    .join("; ");

const rounded = (value: number): number => Number(value.toPrecision(4)) + 0;

/** Flat numbers, nested like others. */
const nestedLike = (like: Nested, values: readonly number[]): Nested => {
  const next = values.values();
  const fill = (nested: Nested): Nested =>
    typeof nested === "number" ? rounded(next.next().value ?? NaN) : nested.map(fill);
  return fill(like);
};

const CLOSE = 1e-5;

const alike = (a: number, b: number): boolean =>
  Object.is(a, b) || a === b || Math.abs(a - b) <= CLOSE * Math.abs(b);

/** What is not connected to the value has the gradient 0. */
const agrees = ({ value, gradient }: Convention, other: Given): boolean =>
  alike(other.value, value) &&
  Object.entries(gradient).every(([name, nested]) => {
    const { data } = arrayOf(nested);
    const others = other.gradient[name] ?? data.map(() => 0);
    return data.length === others.length && data.every((each, k) => alike(others[k] ?? NaN, each));
  });

/** Memory that was never written: a number of this kind is no sum, product or mean of anything in the rows. */
const isArbitrary = ({ value }: Given): boolean => value !== 0 && Math.abs(value) < 1e-37;

const cellOf = (row: Convention, measured: Measured): string => {
  if (measured === undefined) return "";
  if ("failed" in measured) return "error";
  if (isArbitrary(measured)) return "arbitrary";
  if (agrees(row, measured)) return "same";
  const gradients = Object.entries(row.gradient).map(([name, like]) => {
    const values = measured.gradient[name];
    return `${name} ${values === undefined ? "unconnected" : `= ${nestedText(nestedLike(like, values))}`}`;
  });
  return [rounded(measured.value), ...gradients].join("; ");
};

const citationOf = ({ where }: Convention, cited: ByRow<Citation> = {}): string => {
  const said = new Map<string, Citation>(Object.entries(cited)).get(where);
  return said === undefined ? "" : `[${said.says}](${said.source})`;
};

const ownCells = ({ where, what, formula, inputs, value, gradient }: Convention): readonly string[] => [
  where,
  what,
  `\`${formula}\``,
  namedText(inputs),
  String(value),
  namedText(gradient),
];

const OWN_TITLES = ["where", "what", "example", "at", "value", "gradient"];

const lineOf = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

const INTRODUCTION = `# Conventions

Where mathematics leaves a choice — at kinks, ties, poles and zeros, for empty arrays and for NaN — these are the choices. They
are the same in the interpreter, in TypeScript and in WebAssembly, in float32 and float64, with extents known at build time or
at run time; a spec holds each back end to each row, exactly. Functions that are not the language's own are those of the
library.

Other libraries choose otherwise at some of the points. \`same\`: the library gives this value and gradient. Where it gives
others, they stand there. \`unconnected\`: it says that the value does not depend on the input. \`error\`: it refuses.
\`arbitrary\`: it gives memory that was never written. Nothing: it has no such function, or nothing was found about it.`;

export const page = (
  rows: readonly Convention[],
  libraries: readonly MeasuredLibrary[],
  cited: ByRow<Citation>,
): string => {
  const titles = [...OWN_TITLES, ...libraries.map(({ title }) => title), "JAX"];
  const lines = rows.map((row) =>
    lineOf([
      ...ownCells(row),
      ...libraries.map(
        (library) => cellOf(row, library.results.get(row.where)) || citationOf(row, library.cited),
      ),
      citationOf(row, cited),
    ]),
  );
  const measured = libraries.map(({ title }) => title).join(", ");
  return `${INTRODUCTION}

Measured by \`npm run conventions\`, which writes this page: ${measured}. TensorFlow.js and jax-js compute in float32 on
WebAssembly, PyTorch in float64 (by \`bench/conventions/pytorch.py\`), and mathjs differentiates formulas of numbers. Cited,
with the source of each entry: JAX, and PyTorch where an entry is a link.

${[lineOf(titles), lineOf(titles.map(() => "---")), ...lines].join("\n")}
`;
};
