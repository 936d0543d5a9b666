/**
 * In: a kernel and the decisions of its schedule. Out: its nest of loops with what each computes, and the decisions by
 * what they are about. Ends because it visits each statement and each decision once.
 */
import { formatExpr } from "../loop/format.ts";
import type { Stmt } from "../loop/types.ts";
import type { Decision } from "./decision.ts";
import type { Scheduled } from "./schedule.ts";

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);

type Loop = Extract<Stmt, { readonly kind: "for" }>;

const loopLine = ({ local, from, to, step, mode }: Loop): string => {
  const by = step === 1 ? "" : ` by ${step}`;
  return `for ${local.name} = ${formatExpr(from)} .. ${formatExpr(to)}${by}${mode === "vector" ? ", on vectors" : ""}`;
};

/** Loops and conditions, and the arrays and accumulators that are written in them. */
const nest = (body: readonly Stmt[]): readonly string[] => {
  const lines: string[] = [];
  const written = new Set<string>();
  const flush = (): void => {
    if (written.size > 0) lines.push([...written].join(", "));
    written.clear();
  };
  for (const stmt of body) {
    if (stmt.kind === "for") {
      flush();
      lines.push(loopLine(stmt), ...indent(nest(stmt.body)));
    } else if (stmt.kind === "if") {
      flush();
      lines.push(`if ${formatExpr(stmt.test)}`, ...indent(nest(stmt.then)));
      if (stmt.else.length > 0) lines.push("else", ...indent(nest(stmt.else)));
    } else if (stmt.kind === "store") written.add(stmt.buffer.name);
    else if (stmt.kind === "accumulateAt") written.add(`${stmt.buffer.name} (${stmt.op})`);
    else if (stmt.kind === "accumulate") written.add(`${stmt.local.name} (${stmt.op})`);
  }
  flush();
  return lines;
};

const reasons = (decisions: readonly Decision[]): readonly string[] =>
  [...new Set(decisions.map(({ subject }) => subject))].flatMap((name) => [
    name,
    ...indent(
      decisions
        .filter(({ subject }) => subject === name)
        .map(({ decision, reason }) => `${decision} (${reason})`),
    ),
  ]);

export const explainSchedule = ({ kernel, decisions }: Scheduled): string =>
  [
    `${kernel.name}, ${kernel.dtype}: the loops, with what is written in them`,
    "",
    ...indent(nest(kernel.body)),
    "",
    "Why:",
    "",
    ...indent(reasons(decisions)),
    "",
  ].join("\n");
