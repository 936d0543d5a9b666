import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { page } from "../../bench/conventions/page.ts";
import { CONVENTIONS } from "../../src/library/conventions.ts";

/** Cells of the table's rows behind the six that test/docs.spec.ts compares with the rows. */
const others = readFileSync("docs/conventions.md", "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .slice(2)
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map((cells) => cells.slice(7, -1));

it("has a measurement or a citation of another library beside most conventions", () => {
  const alone = others.filter((cells) => cells.every((cell) => cell === ""));
  expect(alone.length).toBeLessThan(0.1 * CONVENTIONS.length);
});

it("tells what agrees from what does not, what fails and what is not there", () => {
  const rows = CONVENTIONS.filter(({ where }) => where === "maximum at a tie");
  const gradient = { x: [0.5, 1, 0], y: [0.5, 0, 1] };
  const columns = [
    { value: 10, gradient },
    { value: 10, gradient: { x: [1, 1, 0], y: undefined } },
    { failed: "no max" },
    { value: 3.6e-41, gradient },
    undefined,
  ].map((measured, k) => ({ title: `${k}`, results: new Map([["maximum at a tie", measured]]) }));
  const text = page(rows, columns, {
    "maximum at a tie": { says: "half", source: "https://example.org" },
  });
  const cells = (text.trim().split("\n").at(-1) ?? "").split("|").map((cell) => cell.trim());
  expect(cells.slice(7, -1)).toEqual([
    "same",
    "10; x = [1, 1, 0]; y unconnected",
    "error",
    "arbitrary",
    "",
    "[half](https://example.org)",
  ]);
});
