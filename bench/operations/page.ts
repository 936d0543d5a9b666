/** The page of operation counts. */
import type { Counts, CountRow } from "./rows.ts";

export interface Counted {
  readonly row: CountRow;
  readonly counts: Counts;
}

const INTRODUCTION = `# Operation counts of straight-line kernels

A program whose extents are all fixed, and that is small enough (\`--unroll\`), becomes straight-line code: every element that an
output depends on is one expression, equal ones are one value, and common parts of sums and products are computed once. Written
by \`npm run operations\`; the definitions are in \`bench/operations/rows.ts\`.

The counting rule: additions, subtractions, multiplications, divisions, comparisons, selections and calls of a function count one
each; n terms or factors are n - 1 of them; a change of sign, a load and a store are free, and so is arithmetic of constants.
_alone_: a kernel that gives the derivative and not the function. _added_: what the derivative adds to a kernel that gives the
function too. (A + B)(AB)ᵀ is counted so because its Jacobian has N⁴ entries (A + B)[i, q]·A[j, p], different from each other
and one multiplication each: alone it takes 15,000 operations at N = 10, 3.85 times the function.
`;

const limitOf = ({ limit }: CountRow): string =>
  "ratio" in limit ? `${limit.ratio} times the function` : `${limit.operations} operations`;

const sizeOf = ({ dims }: CountRow): string =>
  Object.entries(dims)
    .map(([name, value]) => `${name} = ${value}`)
    .join(", ");

const line = ({ row, counts }: Counted): string =>
  [
    row.name,
    sizeOf(row),
    counts.value,
    `${counts.derivative} (${row.rule})`,
    counts.ratio.toFixed(2),
    limitOf(row),
    row.reference,
  ].join(" | ");

export const operationsPage = (counted: readonly Counted[]): string =>
  [
    INTRODUCTION,
    "| program | size | function | derivative | ratio | at most | that from |",
    "| --- | --- | ---: | ---: | ---: | --- | --- |",
    ...counted.map((each) => `| ${line(each)} |`),
    "",
  ].join("\n");
