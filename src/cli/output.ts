/** Where a command writes, and in which colours. */
import pc from "picocolors";
import { formatDiagnostics, type Diagnostic, type Paint } from "../diagnostics/index.ts";

export interface Output {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly paint: Paint;
}

const PAINT: Paint = {
  error: (text) => pc.bold(pc.red(text)),
  warning: (text) => pc.bold(pc.yellow(text)),
  location: pc.dim,
  caret: pc.red,
  hint: pc.cyan,
};

export const TERMINAL: Output = {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  paint: PAINT,
};

export const report = (output: Output, diagnostics: readonly Diagnostic[]): void => {
  if (diagnostics.length > 0) output.err(formatDiagnostics(diagnostics, output.paint));
};
