/** The outcome of a pass, and the collector with which a pass reports all errors of one run. */
import type { Diagnostic } from "./diagnostic.ts";

export type Result<T> =
  | { readonly ok: true; readonly value: T; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

export function ok<T>(value: T, warnings: readonly Diagnostic[] = []): Result<T> {
  return { ok: true, value, warnings };
}

export function fail<T>(diagnostics: readonly Diagnostic[]): Result<T> {
  return { ok: false, diagnostics };
}

export interface Collector {
  readonly report: (diagnostic: Diagnostic) => void;
  /** Takes over the diagnostics of another pass; its value, or undefined where it failed. */
  readonly take: <T>(result: Result<T>) => T | undefined;
  readonly hasErrors: () => boolean;
  /** Fails with everything reported if an error is among it, else succeeds with the warnings. */
  readonly finish: <T>(value: T) => Result<T>;
}

export function createCollector(): Collector {
  const reported: Diagnostic[] = [];
  const hasErrors = (): boolean => reported.some((each) => each.severity === "error");
  return {
    report: (diagnostic) => {
      reported.push(diagnostic);
    },
    take: (result) => {
      for (const each of result.ok ? result.warnings : result.diagnostics) reported.push(each);
      return result.ok ? result.value : undefined;
    },
    hasErrors,
    finish: (value) => (hasErrors() ? fail([...reported]) : ok(value, [...reported])),
  };
}
