/** Kernels as text, for reading: one line per statement. */
import { formatExpr, formatShape } from "./format.ts";
import type { AccumulateOp, Kernel, Stmt } from "./types.ts";

const UPDATE: { readonly [K in AccumulateOp]: string } = { sum: "+=", prod: "*=", max: "max=", min: "min=" };

type Line = (stmt: never) => readonly string[];

const LINES: {
  readonly [K in Stmt["kind"]]: (stmt: Extract<Stmt, { readonly kind: K }>) => readonly string[];
} = {
  for: ({ local, from, to, step, mode, body }) => [
    `${mode === "vector" ? "vector " : ""}for ${local.name} = ${formatExpr(from)} .. ${formatExpr(to)}${step === 1 ? "" : ` by ${step}`}`,
    ...indented(body),
  ],
  let: ({ local, value }) => [`${local.type} ${local.name} = ${formatExpr(value)}`],
  init: ({ local, value }) => [`var ${local.type} ${local.name} = ${formatExpr(value)}`],
  accumulate: ({ local, op, value }) => [`${local.name} ${UPDATE[op]} ${formatExpr(value)}`],
  assign: ({ local, value }) => [`${local.name} := ${formatExpr(value)}`],
  store: ({ buffer, offset, value }) => [`${buffer.name}[${formatExpr(offset)}] = ${formatExpr(value)}`],
  accumulateAt: ({ buffer, offset, op, value }) => [
    `${buffer.name}[${formatExpr(offset)}] ${UPDATE[op]} ${formatExpr(value)}`,
  ],
  if: ({ test, then, else: otherwise }) => [
    `if ${formatExpr(test)}`,
    ...indented(then),
    ...(otherwise.length === 0 ? [] : ["else", ...indented(otherwise)]),
  ],
};

const linesOf = (stmt: Stmt): readonly string[] => (LINES[stmt.kind] as Line)(stmt as never);

const indented = (body: readonly Stmt[]): readonly string[] =>
  body.flatMap(linesOf).map((line) => `  ${line}`);

export const printKernel = (kernel: Kernel): string =>
  [
    `kernel ${kernel.name} ${kernel.dtype}${kernel.math === "fast" ? " fast" : ""}`,
    ...kernel.dims.map((dim) => `  dim ${dim.name} >= ${dim.min}`),
    ...kernel.options.map((option) => `  option ${option.type} ${option.name}`),
    ...kernel.buffers.map(
      (buffer) => `  ${buffer.role} ${buffer.type} ${buffer.name} ${formatShape(buffer.shape)}`,
    ),
    ...indented(kernel.body),
    "",
  ].join("\n");
