/** `docs/hessians.md`: the Hessians of the library's losses and statistics, by their structure. */
import { matrixFormulas, readable, structureText } from "../explain/index.ts";
import { affine, type Affine, type Arena, type Program } from "../ir/index.ts";
import { storedIn, type Matrix } from "../loop/matrix.ts";
import { isScalarValued } from "../diff/index.ts";
import { defaultRequests, request } from "../pipeline.ts";
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
  return `${HEADER}${table}\n\n${sections.map(({ text }) => text).join("\n")}`;
};
