/**
 * In: the statements of a kernel. Out: their text, written to a code writer. Statements that only change what nothing
 * reads are left out. Ends because statements are finite; recursion is on the nesting of loops.
 */
import type { CodeBlockWriter } from "ts-morph";
import type { AccumulateOp, Buffer, Expr, Local, Stmt } from "../../src/loop/types.ts";
import { expressionText, valueText } from "./expression.ts";
import type { Surroundings } from "./expression.ts";
import type { Liveness } from "./liveness.ts";
import { ACCUMULATE_FORM } from "./operators.ts";
import { isNatural } from "./zero.ts";

export interface Body {
  readonly writer: CodeBlockWriter;
  readonly around: Surroundings;
  /** The int locals known to be at least +0, which `around` reads. */
  readonly naturals: Set<Local>;
  readonly live: Liveness;
}

/** A bound is read once: it becomes a constant unless it cannot change. */
function boundText(body: Body, hint: string, bound: Expr): string {
  const text = expressionText(bound, body.around);
  const fixed = bound.kind === "const" || bound.kind === "dim" || bound.kind === "option";
  return fixed ? text : body.around.constant(hint, text);
}

function writeFor(body: Body, stmt: Stmt & { kind: "for" }): void {
  const name = body.around.local(stmt.local);
  const from = valueText(stmt.from, body.around);
  const to = boundText(body, `${stmt.local.name}End`, stmt.to);
  if (isNatural(stmt.from, body.naturals)) body.naturals.add(stmt.local);
  const next = stmt.step === 1 ? `${name}++` : `${name} += ${stmt.step}`;
  body.writer.write(`for (let ${name} = ${from}; ${name} < ${to}; ${next})`).block(() => {
    writeStatements(body, stmt.body);
  });
}

function writeIf(body: Body, stmt: Stmt & { kind: "if" }): void {
  body.writer.write(`if (${expressionText(stmt.test, body.around)})`).inlineBlock(() => {
    writeStatements(body, stmt.then);
  });
  if (stmt.else.length > 0) {
    body.writer.write(" else").block(() => {
      writeStatements(body, stmt.else);
    });
  } else body.writer.newLine();
}

/** A `const` of a literal has the literal's type, unless it is annotated. */
function writeDeclaration(body: Body, keyword: "const" | "let", local: Local, value: Expr): void {
  const type = local.type === "bool" ? "boolean" : "number";
  const annotation = keyword === "const" && value.kind === "const" ? `: ${type}` : "";
  const text = valueText(value, body.around);
  if (keyword === "const" && isNatural(value, body.naturals)) body.naturals.add(local);
  body.writer.writeLine(`${keyword} ${body.around.local(local)}${annotation} = ${text};`);
}

function writeAccumulate(body: Body, place: string, op: AccumulateOp, value: Expr): void {
  const text = valueText(value, body.around);
  const form = ACCUMULATE_FORM[op];
  if (form.kind === "math") body.writer.writeLine(`${place} = Math.${form.name}(${place}, ${text});`);
  else body.writer.writeLine(`${place} ${form.symbol} ${text};`);
  // A product of ints is the one accumulation that can make a −0.
  if (op === "prod" && value.type === "int") body.writer.writeLine(`${place} += 0;`);
}

function placeText(body: Body, buffer: Buffer, offset: Expr): string {
  const name = body.around.buffer(buffer);
  return buffer.shape.length === 0 ? name : `${name}[${expressionText(offset, body.around)}]`;
}

/** An element read and written by one statement: its offset is computed once. */
function accumulatorText(body: Body, buffer: Buffer, offset: Expr, op: AccumulateOp): string {
  const name = body.around.buffer(buffer);
  if (buffer.shape.length === 0) return name;
  const text = expressionText(offset, body.around);
  const once = ACCUMULATE_FORM[op].kind === "operator" || offset.kind === "const" || offset.kind === "local";
  return `${name}[${once ? text : body.around.constant("offset", text)}]!`;
}

/** A scalar of the kernel is a variable, and one that nothing reads has none. */
const isDropped = (body: Body, buffer: Buffer): boolean =>
  buffer.shape.length === 0 && !body.live.buffers.has(buffer);

function writeStatement(body: Body, stmt: Stmt): void {
  switch (stmt.kind) {
    case "for":
      writeFor(body, stmt);
      break;
    case "if":
      writeIf(body, stmt);
      break;
    case "let":
    case "init":
      if (body.live.locals.has(stmt.local))
        writeDeclaration(body, stmt.kind === "let" ? "const" : "let", stmt.local, stmt.value);
      break;
    case "accumulate":
      if (body.live.locals.has(stmt.local))
        writeAccumulate(body, body.around.local(stmt.local), stmt.op, stmt.value);
      break;
    case "assign":
      if (body.live.locals.has(stmt.local)) {
        const text = valueText(stmt.value, body.around);
        body.writer.writeLine(`${body.around.local(stmt.local)} = ${text};`);
      }
      break;
    case "store":
      if (!isDropped(body, stmt.buffer)) {
        const place = placeText(body, stmt.buffer, stmt.offset);
        const text = valueText(stmt.value, body.around);
        body.writer.writeLine(`${place} = ${text};`);
      }
      break;
    case "accumulateAt":
      if (!isDropped(body, stmt.buffer))
        writeAccumulate(body, accumulatorText(body, stmt.buffer, stmt.offset, stmt.op), stmt.op, stmt.value);
      break;
  }
}

export function writeStatements(body: Body, statements: readonly Stmt[]): void {
  for (const stmt of statements) writeStatement(body, stmt);
}
