/** `docs/hessians.md`: the Hessians of the library's losses and statistics, by their structure. */
import { matrixFormulas, readable, structureText } from "../explain/index.ts";
import { affine, createArena, type Affine, type Arena, type Program } from "../ir/index.ts";
import { storedIn, type Matrix } from "../loop/matrix.ts";
import { isScalarValued } from "../diff/index.ts";
import { compileModule, defaultRequests, request, waysTo, type Request } from "../pipeline.ts";
import { operationCount, polynomialText } from "../simplify/index.ts";
import { functionOf, load, pairsOf, programOf } from "./compile.ts";
import { floatInputs } from "./gradcheck.ts";
import type { Output } from "./output.ts";

const FILES = ["src/library/losses.grad", "src/library/reductions.grad"] as const;

const HEADER = `# Hessians of losses

Generated from \`src/library\` by \`npm run generate\`; edits are lost.

Each block of second derivatives is derived with its deltas kept, so that its structure is a result and not a guess: a kernel
holds the numbers under *stored*, and nothing else. An index that stands twice on the left of a formula is shared by rows and
columns, and entries where it differs are zero; δ[c, d] is 1 where c = d. *Constant* blocks do not depend on the two inputs
that they are by; of *symmetric* ones that are dense, one half is computed and copied to the other. Selections are taken as they are: on a kink there is no second derivative, and beside it this one.

| function | block | structure | stored |
| -------- | ----- | --------- | ------ |
`;

const PRODUCTS = `## Entries or products

A sparse matrix can also be had from products with vectors (Curtis, Powell and Reid, 1974), for symmetric ones with star or
acyclic colourings (Gebremedhin, Manne and Pothen, 2005): a product is one more run of the gradient's tangent, and says one
number for each row. So, whatever the colouring, there are at least as many products as there are numbers stored for each row,
and at least two where anything is off the diagonal. Here a formula stands for each entry, and what entries share is computed
once, so that all entries of a row cost no more than two products, and less than the products that they would need:
kernels compute entries. The numbers below are counted, as those of \`derive --order 2\` are.

| shape | structure | rows | stored | all entries | one product |
| ----- | --------- | ---- | ------ | ----------- | ----------- |
`;

/** Sparse Hessians of all kinds. */
const SHAPES: readonly (readonly [name: string, text: string])[] = [
  ["band (Rosenbrock)", "fn f(x: [N]) { return sum[i < N - 1](100 * (x[i + 1] - x[i]^2)^2 + (1 - x[i])^2) }"],
  ["band of nine", "fn f(x: [N]) { return sum[i < N - 4](exp(x[i] * x[i + 1] * x[i + 2] * x[i + 3] * x[i + 4])) }"],
  ["chain of three", "fn f(x: [N]) { a[i < N - 2] = sin(x[i] + 2 * x[i + 1] * x[i + 2]) b[i < N - 4] = sin(a[i] + 2 * a[i + 1] * a[i + 2]) c[i < N - 6] = sin(b[i] + 2 * b[i + 1] * b[i + 2]) return sum(c) }"],
  ["arrow", "fn f(x: [1000]) { return sum[n]((x[n] * x[0])^2) }"],
  ["grid (minimal surface)", "fn f(x: [H, W]) { return sum[i < H - 1, j < W - 1](sqrt(1 + (x[i + 1, j] - x[i, j])^2 + (x[i, j + 1] - x[i, j])^2)) }"],
  ["graph", "fn f(x: [V], a: int[E], b: int[E]) { return sum[e](exp(x[a[e]] * x[b[e]])) }"],
  ["springs", "fn f(x: [V, 3], a: int[E], b: int[E], l: [E]) { return sum[e]((sqrt(sum[d]((x[a[e], d] - x[b[e], d])^2)) - l[e])^2) }"],
]; // prettier-ignore

const shapeRow = ([name, text]: (typeof SHAPES)[number]): string => {
  const ir = createArena();
  const module = compileModule({ name: `${name}.grad`, text });
  const program = module.ok ? module.value.functions.get("f")?.program(ir) : undefined;
  if (program?.ok !== true) throw new Error(`${name} is rejected`);
  const asked: Request = { kind: "hessian", wrt: [], matrices: [{ rows: "x", columns: "x" }] };
  const derived = request(ir, program.value, asked);
  const structure = readable(ir, derived).matrices.map(structureText).join("; ");
  return waysTo(ir, program.value, asked, derived)
    .map(({ rows, stored, direct, product }) => [rows, stored, direct, product].map(polynomialText))
    .map((counts) => `| ${[name, structure, ...counts].join(" | ")} |`)
    .join("\n");
};

/** What entries and products cost for shapes of sparse matrices. */
export const productsSection = (): string => `${PRODUCTS}${SHAPES.map(shapeRow).join("\n")}\n\n`;

export interface HessianRow {
  readonly fn: string;
  readonly block: string;
  readonly structure: string;
  readonly stored: string;
}

interface Section {
  readonly rows: readonly HessianRow[];
  readonly text: string;
}

/** How many numbers: the sizes of what is stored. */
const storedText = (ir: Arena, program: Program, { structure }: Matrix<Affine>): string => {
  const sizes = storedIn(structure).map((name) => {
    const shape = program.outputs.find((each) => each.name === name)?.tensor.shape ?? [];
    return shape.reduce((size, extent) => affine.times(ir, size, extent), affine.fixed(ir, 1));
  });
  return polynomialText(affine.plus(ir, affine.fixed(ir, 0), ...sizes));
};

/** Every block of second derivatives, those below the diagonal aside. */
const allBlocks = (ir: Arena, program: Program): Program =>
  request(ir, program, { kind: "hessian", wrt: [], matrices: pairsOf(floatInputs(program)) });

const rowsOf = (ir: Arena, fn: string, hessian: Program): readonly HessianRow[] =>
  readable(ir, hessian).matrices.map((each) => ({
    fn,
    block: each.matrix.name,
    structure: structureText(each),
    stored: storedText(ir, hessian, each.matrix),
  }));

const sectionOf = (ir: Arena, program: Program): Section => {
  const hessian = allBlocks(ir, program);
  const gradient = request(ir, program, defaultRequests(program).at(-1) ?? { kind: "value", wrt: [] });
  const [first, second] = [gradient, hessian].map((each) => operationCount(ir, each).text);
  const text = [
    `## ${program.name}\n`,
    "```text",
    ...matrixFormulas(ir, hessian, "text"),
    "```\n",
    `Operations: ${first ?? ""} for value and gradient, ${second ?? ""} for all blocks.\n`,
  ].join("\n");
  return { rows: rowsOf(ir, program.name, hessian), text };
};

/** For each function with one number as its result. */
const forAll = <T>(output: Output, make: (ir: Arena, program: Program) => T): readonly T[] =>
  FILES.flatMap((file) => {
    const loaded = load(file, output);
    return [...loaded.module.functions.keys()].flatMap((name) => {
      const { ir, program } = programOf(functionOf(loaded, name), { dims: new Map(), options: new Map() });
      return isScalarValued(program) ? [make(ir, program)] : [];
    });
  });

export const hessianRows = (output: Output): readonly HessianRow[] =>
  forAll(output, (ir, program) => rowsOf(ir, program.name, allBlocks(ir, program))).flat();

export const hessianRowText = ({ fn, block, structure, stored }: HessianRow): string =>
  `| ${[`\`${fn}\``, `\`${block}\``, structure, stored].join(" | ")} |`;

export const hessiansPage = (output: Output): string => {
  const sections = forAll(output, sectionOf);
  const table = sections.flatMap(({ rows }) => rows.map(hessianRowText)).join("\n");
  return `${HEADER}${table}\n\n${productsSection()}${sections.map(({ text }) => text).join("\n")}`;
};
