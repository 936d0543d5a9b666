/** The table of results as Markdown, written and read back. */
import type { Report } from "./sweep.ts";

/** One line of the table; a count of 2³² is all inputs. */
export interface Entry extends Report {
  readonly name: string;
  /** Of the kernel that was measured. */
  readonly fingerprint: string;
}

const COLUMNS = [
  "function",
  "inputs",
  "largest error, ulp",
  "at",
  "over 1 ulp",
  "NaN",
  "∞",
  "0",
  "kernel",
] as const;

const cells = (entry: Entry): readonly string[] => [
  `\`${entry.name}\``,
  entry.count === 2 ** 32 ? "all" : `${entry.count}`,
  entry.worst.toPrecision(4),
  `${entry.at}`,
  `${entry.overOne}`,
  `${entry.nan}`,
  `${entry.infinite}`,
  `${entry.zero}`,
  entry.fingerprint === "" ? "" : `\`${entry.fingerprint}\``,
];

const line = (parts: readonly string[]): string => `| ${parts.join(" | ")} |`;

export const formatTable = (entries: readonly Entry[]): string =>
  [
    line(COLUMNS),
    line(COLUMNS.map((name) => (name === "function" || name === "kernel" ? "---" : "---:"))),
    ...entries.map((entry) => line(cells(entry))),
  ].join("\n");

const entryOf = (parts: readonly string[]): Entry => {
  const [name = "", inputs, ...others] = parts.map((part) => part.replaceAll("`", ""));
  const [worst = NaN, at = NaN, overOne = NaN, nan = NaN, infinite = NaN, zero = NaN] = others.map(Number);
  const count = inputs === "all" ? 2 ** 32 : Number(inputs);
  return { name, count, worst, at, overOne, nan, infinite, zero, fingerprint: others[6] ?? "" };
};

/** The entries of the table in a text. */
export const parseTable = (text: string): readonly Entry[] =>
  text
    .split("\n")
    .filter((row) => row.startsWith("| `"))
    .map((row) =>
      entryOf(
        row
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim()),
      ),
    );
