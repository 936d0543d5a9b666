/** A report as text: a line per back end and comparison, and one per failure. */
import type { Failure, Report, Row } from "./check.ts";

const MEANING: { readonly [K in Row["comparison"]]: string } = {
  value: "value = interpreter",
  gradient: "gradient = interpreter",
  differences: "gradient = differences",
  "own differences": "gradient = own differences",
  "adjoint identity": "⟨u, Jv⟩ = ⟨Jᵀu, v⟩",
  "second differences": "Hessian = differences",
  symmetry: "Hessian is symmetric",
  hessian: "Hessian = interpreter",
  product: "Hessian · v = product",
};

interface Line {
  readonly backend: string;
  readonly comparison: Row["comparison"];
  readonly checked: number;
  readonly skipped: number;
  readonly worst: number;
}

/** Rows of one back end and comparison as one. */
const merged = (rows: readonly Row[]): readonly Line[] => {
  const lines = new Map<string, Line>();
  for (const row of rows) {
    const key = `${row.backend} ${row.comparison}`;
    const known = lines.get(key);
    lines.set(key, {
      backend: row.backend,
      comparison: row.comparison,
      checked: row.checked + (known?.checked ?? 0),
      skipped: row.skipped + (known?.skipped ?? 0),
      worst: Math.max(row.worst, known?.worst ?? 0),
    });
  }
  return [...lines.values()];
};

const lineText = ({ backend, comparison, checked, skipped, worst }: Line): string => {
  const verdict = worst <= 1 ? "ok  " : "FAIL";
  const kinks = skipped === 0 ? "" : `, ${skipped} next to a kink left out`;
  const share = `${worst <= 1 ? worst.toFixed(3) : worst.toExponential(1)} of the tolerance`;
  return `  ${verdict}  ${backend.padEnd(11)}  ${MEANING[comparison].padEnd(26)}  ${share}, ${checked} checked${kinks}`;
};

const failureText = (row: Row, { place, at, expected, got, allowed }: Failure): string =>
  `        ${place}${at === undefined ? "" : ` (there ${at})`}: expected ${expected}, got ${got} on ${row.backend}, ` +
  `off by ${Math.abs(got - expected).toExponential(2)}, allowed ${allowed.toExponential(2)}`;

export const formatReport = ({ name, rows }: Report): readonly string[] => [
  name,
  ...merged(rows).map(lineText),
  ...rows.flatMap((row) => (row.failure === undefined ? [] : [failureText(row, row.failure)])),
];
