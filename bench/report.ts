/** The table: times, how many times as long as gradsmith's WebAssembly kernel, and the targets. */
import { COLUMNS, type ColumnName } from "./contestants.ts";
import type { Timing } from "./measure.ts";
import type { Target } from "./workload.ts";

/** `errors` are relative to the largest element of each output. */
export type Cell = { readonly timing?: Timing } & (
  | { readonly kind: "right" | "wrong"; readonly errors: Readonly<Record<string, number>> }
  | { readonly kind: "none" }
  | { readonly kind: "failed"; readonly reason: string }
);

export interface Row {
  readonly name: string;
  readonly title: string;
  readonly note: string | undefined;
  readonly target: Target;
  /** Of the inputs and outputs. */
  readonly bytes: number;
  readonly operations: number | undefined;
  readonly ceilings: {
    readonly copy: Timing | undefined;
    readonly add: Timing | undefined;
    readonly operate: Timing | undefined;
  };
  readonly cells: Readonly<Partial<Record<ColumnName, Cell>>>;
}

export interface Report {
  readonly machine: string;
  readonly processors: number;
  /** Processes that wanted to run, a minute's mean, before and after. */
  readonly load: readonly [before: number, after: number];
  readonly peers: readonly string[];
  readonly columns: readonly ColumnName[];
  readonly rows: readonly Row[];
}

const UNITS: readonly (readonly [factor: number, name: string])[] = [
  [1000, "s"],
  [1, "ms"],
  [1e-3, "µs"],
  [1e-6, "ns"],
];

const digits = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

const time = (milliseconds: number): string => {
  const [factor, name] = UNITS.find(([each]) => milliseconds >= each) ?? [1e-6, "ns"];
  return `${digits(milliseconds / factor)} ${name}`;
};

/** Half the distance of the quartiles, in percent of the median. */
const spread = ({ low, high, median }: Timing): string => `±${((50 * (high - low)) / median).toFixed(0)}%`;

/** The time that memory or arithmetic needs at least, whichever is more. */
export const ceilingOf = ({ ceilings: { add, operate } }: Row): number =>
  Math.max(add?.median ?? 0, operate?.median ?? 0);

const timingOf = (row: Row, column: ColumnName): Timing | undefined => row.cells[column]?.timing;

const cellText = (row: Row, column: ColumnName, show: (timing: Timing) => string): string => {
  const cell = row.cells[column] ?? { kind: "none" };
  if (cell.kind === "failed") return "failed";
  const timing = cell.timing;
  if (timing === undefined) return "";
  return `${show(timing)}${cell.kind === "wrong" ? " !" : ""}`;
};

export const ratioOf = (row: Row, column: ColumnName): number | undefined => {
  const [own, other] = [timingOf(row, "wasm"), timingOf(row, column)];
  return own && other && other.median / own.median;
};

const ratioText = (row: Row, column: ColumnName): string =>
  cellText(row, column, () => {
    const ratio = ratioOf(row, column);
    return ratio === undefined ? "" : `${digits(ratio)}×`;
  });

const part = (row: Row): string => {
  const own = timingOf(row, "wasm");
  return own === undefined ? "" : `${((100 * ceilingOf(row)) / own.median).toFixed(0)}%`;
};

const WIDTH = 15;

/** A line for the terminal as soon as a row is there; without a row, the titles. */
export const terminalRow = (columns: readonly ColumnName[], row: Row | undefined): string => {
  const cells = columns.map((column) => {
    if (row === undefined) return COLUMNS[column].title.replace("gradsmith ", "");
    const ratio = column === "wasm" ? "" : ` ${ratioText(row, column).replace(" !", "")}`;
    return cellText(row, column, ({ median }) => time(median)) + (row.cells[column]?.timing ? ratio : "");
  });
  const last = row === undefined ? "of ceiling" : part(row);
  return [(row?.name ?? "").padEnd(21), ...[...cells, last].map((cell) => cell.padStart(WIDTH + 3))].join("");
};

const tableLines = (titles: readonly string[], rows: readonly (readonly string[])[]): readonly string[] =>
  [titles, titles.map((_, k) => (k === 0 ? "---" : "--:")), ...rows].map(
    (cells) => `| ${cells.join(" | ")} |`,
  );

const timesTable = ({ columns, rows }: Report): readonly string[] =>
  tableLines(
    ["workload (f32)", ...columns.map((column) => COLUMNS[column].title), "ceiling"],
    rows.map((row) => [
      row.title,
      ...columns.map((column) =>
        cellText(row, column, (timing) => `${time(timing.median)} ${spread(timing)}`),
      ),
      time(ceilingOf(row)),
    ]),
  );

/** One process wants one processor: with more at a time than there are, each waits for others. */
const condition = ({ load, processors }: Report): string =>
  Math.max(...load) <= Math.max(1, processors)
    ? ""
    : " **The machine was busy with other work: the times are too long, and the ratios rough.**";

const ratiosTable = ({ columns, rows }: Report): readonly string[] => {
  const others = columns.filter((column) => column !== "wasm");
  return tableLines(
    ["workload (f32)", ...others.map((column) => COLUMNS[column].title), "of the ceiling"],
    rows.map((row) => [row.title, ...others.map((column) => ratioText(row, column)), part(row)]),
  );
};

interface Verdict {
  readonly asked: string;
  readonly measured: string;
  readonly met: boolean;
}

const VERDICTS: {
  readonly [K in keyof Target]-?: (row: Row, bound: number) => Verdict | undefined;
} = {
  tfjs: (row, bound) => atLeast(row, "tfjs", bound),
  jax: (row, bound) => atLeast(row, "jax", bound),
  loops: (row, bound) => atLeast(row, "loops", bound),
  hand: (row, bound) => {
    const ratio = ratioOf(row, "hand");
    if (ratio === undefined) return undefined;
    const asked = `at most ${bound} times the time of ${COLUMNS.hand.title}`;
    return { asked, measured: digits(1 / ratio), met: 1 / ratio <= bound };
  },
  ceiling: (row, bound) => {
    const own = timingOf(row, "wasm");
    if (own === undefined) return undefined;
    const reached = ceilingOf(row) / own.median;
    return {
      asked: `at least ${(100 * bound).toFixed(0)}% of the ceiling`,
      measured: `${(100 * reached).toFixed(0)}%`,
      met: reached >= bound,
    };
  },
};

const atLeast = (row: Row, column: "tfjs" | "jax" | "loops", bound: number): Verdict | undefined => {
  const ratio = ratioOf(row, column);
  if (ratio === undefined) return undefined;
  return {
    asked: `at least ${bound}× ${COLUMNS[column].title}`,
    measured: `${digits(ratio)}×`,
    met: ratio >= bound,
  };
};

const verdictsOf = (row: Row): readonly Verdict[] =>
  (Object.keys(VERDICTS) as readonly (keyof Target)[]).flatMap((kind) => {
    const bound = row.target[kind];
    return bound === undefined ? [] : (VERDICTS[kind](row, bound) ?? []);
  });

const targetsTable = ({ rows }: Report): readonly string[] =>
  tableLines(
    ["workload", "target", "measured", ""],
    rows.flatMap((row) =>
      verdictsOf(row).map(({ asked, measured, met }) => [
        row.title,
        asked,
        measured,
        met ? "met" : "not met",
      ]),
    ),
  );

const remarks = ({ columns, rows }: Report): readonly string[] =>
  rows.flatMap((row) => [
    ...(row.note === undefined ? [] : [`- ${row.title}: ${row.note}.`]),
    ...columns.flatMap((column) => {
      const cell = row.cells[column];
      const where = `- ${row.title}, ${COLUMNS[column].title}`;
      if (cell?.kind === "failed") return [`${where}: ${cell.reason}`];
      if (cell?.kind !== "wrong") return [];
      const errors = Object.entries(cell.errors).filter(([, error]) => !(error <= 1e-5));
      return [
        `${where}: off by ${errors.map(([name, error]) => `${error.toExponential(1)} in ${name}`).join(", ")}.`,
      ];
    }),
  ]);

export const markdown = (report: Report): string =>
  [
    "# Measurements",
    "",
    "Made by `npm run bench`; [docs/performance.md](../docs/performance.md) says how to read it.",
    "",
    `Machine: ${report.machine}, load ${report.load.map((each) => each.toFixed(1)).join(" before and ")} after.${condition(report)} Peers: ${report.peers.join(", ")}.`,
    "",
    "![how many times as long as gradsmith](results.svg)",
    "",
    "## Times",
    "",
    "The median of the rounds, and half the distance of the quartiles. `!`: a value is off by more than 1e-5.",
    "",
    ...timesTable(report),
    "",
    "## How many times as long as gradsmith's WebAssembly kernel",
    "",
    ...ratiosTable(report),
    "",
    "## Targets",
    "",
    ...targetsTable(report),
    "",
    "## Remarks",
    "",
    ...remarks(report),
    "",
  ].join("\n");
