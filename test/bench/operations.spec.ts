import { readFileSync } from "node:fs";
import { format } from "prettier";
import { describe, expect, it } from "vitest";
import { operationsPage } from "../../bench/operations/page.ts";
import { countsOf, isWithin, ROWS } from "../../bench/operations/rows.ts";

const page = readFileSync("docs/operations.md", "utf8");

describe.each(ROWS)("$name", (row) => {
  it("does no more operations than is known to be possible", () => {
    expect(isWithin(row, countsOf(row, row.small))).toBe(true);
  });
});

it("Rosenbrock's Jacobian is within its limit at any size", () => {
  for (const row of ROWS.filter(({ name }) => name.startsWith("Rosenbrock")))
    for (const N of [2, 3, 7, 40]) expect(isWithin(row, countsOf(row, { N }))).toBe(true);
});

it("the page has a line for each, within its limit where it was counted at full size", async () => {
  for (const row of ROWS) {
    const cells = page.split("\n").find((each) => each.startsWith(`| ${row.name} `))?.split("|").map((cell) => cell.trim()); // prettier-ignore
    const [value, derivative] = [Number(cells?.[3]), Number.parseInt(cells?.[4] ?? "", 10)];
    expect(isWithin(row, { value, derivative, ratio: derivative / value })).toBe(true);
  }
  const [introduction = ""] = operationsPage([]).split("\n| program");
  expect(
    page.startsWith((await format(introduction, { parser: "markdown", printWidth: 120 })).trimEnd()),
  ).toBe(true);
});

it("the lines whose size is the small one are as they are counted now", () => {
  for (const row of ROWS.filter(({ dims }) => Object.keys(dims).length === 0)) {
    const { value, derivative } = countsOf(row, row.dims);
    expect(page).toMatch(new RegExp(`\\| +${value} \\| +${derivative} \\(${row.rule}\\)`));
  }
});
