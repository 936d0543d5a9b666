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
  /** The locals that statements may change, of those declared so far. */
  readonly mutable: Set<Local>;
  readonly live: Liveness;
}

/** A local may have been declared before, in a block that has ended. */
function note(known: Set<Local>, local: Local, holds: boolean): void {
  if (holds) known.add(local);
  else known.delete(local);
}

/** A bound is read once: it becomes a constant unless it cannot change. */
function boundText(body: Body, hint: string, bound: Expr): string {
  const text = expressionText(bound, body.around);
  const isFixed =
    bound.kind === "local"
      ? !body.mutable.has(bound.local)
      : bound.kind === "const" || bound.kind === "dim" || bound.kind === "option";
  return isFixed ? text : body.around.constant(hint, text);
}

function writeFor(body: Body, stmt: Stmt & { kind: "for" }): void {
  const name = body.around.local(stmt.local);
  const from = valueText(stmt.from, body.around).text;
  const to = boundText(body, `${stmt.local.name}End`, stmt.to);
  note(body.naturals, stmt.local, isNatural(stmt.from, body.naturals));
  note(body.mutable, stmt.local, false);
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

function writeDeclaration(body: Body, keyword: "const" | "let", local: Local, value: Expr): void {
  const { text, annotation } = valueText(value, body.around);
  note(body.mutable, local, keyword === "let");
  note(body.naturals, local, keyword === "const" && isNatural(value, body.naturals));
  body.writer.writeLine(
    `${keyword} ${body.around.local(local)}${keyword === "const" ? annotation : ""} = ${text};`,
  );
}

function writeAssignment(body: Body, place: string, value: Expr): void {
  body.writer.writeLine(`${place} = ${valueText(value, body.around).text};`);
}

function writeAccumulate(body: Body, place: string, op: AccumulateOp, value: Expr): void {
  const { text } = valueText(value, body.around);
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
      writeDeclaration(body, stmt.kind === "let" ? "const" : "let", stmt.local, stmt.value);
      break;
    case "accumulate":
      writeAccumulate(body, body.around.local(stmt.local), stmt.op, stmt.value);
      break;
    case "assign":
      writeAssignment(body, body.around.local(stmt.local), stmt.value);
      break;
    case "store":
      writeAssignment(body, placeText(body, stmt.buffer, stmt.offset), stmt.value);
      break;
    case "accumulateAt": {
      const place = accumulatorText(body, stmt.buffer, stmt.offset, stmt.op);
      writeAccumulate(body, place, stmt.op, stmt.value);
      break;
    }
  }
}

export function writeStatements(body: Body, statements: readonly Stmt[]): void {
  for (const stmt of statements)
    if (stmt.kind === "for" || stmt.kind === "if" || body.live.statements.has(stmt))
      writeStatement(body, stmt);
}
