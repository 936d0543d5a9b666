/**
 * In: a source text. Out: its syntax tree, or all located errors, at most one for each declaration.
 * Ends because each declaration is matched once against a grammar without left recursion.
 */
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { diagnostic } from "../diagnostics/diagnostic.ts";
import type { Result } from "../diagnostics/result.ts";
import { createCollector } from "../diagnostics/result.ts";
import { visible } from "../diagnostics/frame.ts";
import type { Source } from "../diagnostics/source.ts";
import type { Builder, Declaration } from "./actions.ts";
import { createBuilder } from "./actions.ts";
import { ambiguousComments } from "./ambiguity.ts";
import type { Expression, FunctionDeclaration, Module } from "./ast.ts";
import { explain, lexemeAt } from "./explain.ts";
import grammar from "./gradsmith.ohm-bundle.js";
import type { Piece, SegmentLimits } from "./scan.ts";
import { scan, segmentLimits } from "./scan.ts";
import { binderParts, dimParts, visitAll } from "./walk.ts";

/** Expressions inside each other; passes may recurse on a tree of this depth. */
export const depthLimit = 512;

/** Errors reported of one file: a file of a million errors is not read by anybody. */
const reportLimit = 100;

/** `limits` only bound memory and stack: the result is the same whatever they are. */
export function parse(source: Source, limits: SegmentLimits = segmentLimits): Result<Module> {
  const collector = createCollector();
  const { pieces, problems } = scan(source, limits);
  const builder = createBuilder(source);
  const declarations: Declaration[] = [];
  const found: Diagnostic[] = [...problems];
  for (const piece of pieces) {
    if (found.length >= reportLimit) break;
    const outcome = parsePiece(source, builder, piece);
    found.push(...outcome.problems);
    if (outcome.declaration !== undefined) declarations.push(outcome.declaration);
  }
  found.push(...builder.problems, ...lateImports(declarations));
  for (const problem of found.sort((a, b) => a.span.start - b.span.start).slice(0, reportLimit)) {
    collector.report(problem);
  }
  return collector.finish(moduleOf(source, declarations));
}

/** The functions of a source that has no errors, by name; each is parsed when it is asked for. */
export function functionsOf(source: Source): ReadonlyMap<string, () => FunctionDeclaration> {
  let builder: Builder | undefined;
  const read = (piece: Piece): FunctionDeclaration => {
    builder ??= createBuilder(source);
    const { declaration } = parsePiece(source, builder, piece);
    if (declaration?.kind === "function") return declaration.value;
    throw new Error(`${source.name} has an error at ${piece.start}`);
  };
  return new Map(
    scan(source, segmentLimits).pieces.map((piece) => {
      const [, name = ""] = /^\s*fn\s+(\w+)/.exec(piece.text) ?? [];
      return [name, () => read(piece)];
    }),
  );
}

interface Outcome {
  readonly declaration?: Declaration;
  readonly problems: readonly Diagnostic[];
}

function parsePiece(source: Source, builder: Builder, piece: Piece): Outcome {
  if (piece.problem !== undefined) return { problems: [piece.problem] };
  if (piece.kind === "stray") return { problems: [stray(source, piece)] };
  for (const segment of piece.segments) {
    const match = grammar.match(segment.text, segment.rule);
    if (match.failed()) {
      return { problems: [explain(source, { ...segment, next: `"${segment.next}"` }, match)] };
    }
    builder.addSegment(match, segment);
  }
  const match = grammar.match(piece.text);
  if (match.failed()) {
    const next = `the end of the ${piece.kind} declaration`;
    return { problems: [explain(source, { ...piece, next }, match)] };
  }
  return checkDeclaration(builder.build(match, piece.start, piece.doc), piece);
}

function checkDeclaration(declaration: Declaration, piece: Piece): Outcome {
  if (declaration.kind !== "function") return { declaration, problems: [] };
  const problems =
    deepExpressions(declaration.value) ??
    ambiguousComments(declaration.value, piece.trailingComments, isExpression);
  return { declaration, problems };
}

function stray(source: Source, piece: Piece): Diagnostic {
  const found = lexemeAt(piece.text, 0);
  const span = { source, start: piece.start, end: piece.start + found.length };
  const advice =
    strayAdvice.get(found) ?? "a file holds imports, functions and derive blocks, and nothing else";
  return diagnostic("GS0101", span, `expected "import", "fn" or "derive", but found "${visible(found)}"`, {
    fill: { advice },
  });
}

const strayAdvice: ReadonlyMap<string, string> = new Map([
  ["function", "write a function as: fn name(x) { return … }"],
  ["def", "write a function as: fn name(x) { return … }"],
  ["func", "write a function as: fn name(x) { return … }"],
  ["export", "remove it: every function can be imported"],
]);

function isExpression(text: string): boolean {
  return parse({ name: "comment", text: `fn f() { return (${text}) }` }).ok;
}

function deepExpressions(declaration: FunctionDeclaration): Diagnostic[] | undefined {
  let deep: Expression | undefined;
  visitAll(expressionsOf(declaration), (expression, depth) => {
    if (depth === depthLimit + 1) deep ??= expression;
  });
  if (deep === undefined) return undefined;
  return [diagnostic("GS0104", deep.span, `nested more than ${depthLimit} levels deep`)];
}

function expressionsOf({ params, options, body }: FunctionDeclaration): Expression[] {
  return [
    ...params.flatMap((param) => (param.type?.dims ?? []).flatMap(dimParts)),
    ...options.flatMap((option) => option.default ?? []),
    ...body.flatMap((statement) =>
      statement.kind === "return"
        ? statement.values
        : [...(statement.binders ?? []).flatMap(binderParts), statement.value],
    ),
  ];
}

function lateImports(declarations: readonly Declaration[]): Diagnostic[] {
  const first = declarations.findIndex((declaration) => declaration.kind !== "import");
  return declarations
    .slice(first === -1 ? declarations.length : first)
    .flatMap(({ kind, value }) =>
      kind === "import" ? [diagnostic("GS0110", value.span, "this import stands below a declaration")] : [],
    );
}

function moduleOf(source: Source, declarations: readonly Declaration[]): Module {
  return {
    imports: declarations.flatMap((each) => (each.kind === "import" ? [each.value] : [])),
    functions: declarations.flatMap((each) => (each.kind === "function" ? [each.value] : [])),
    derives: declarations.flatMap((each) => (each.kind === "derive" ? [each.value] : [])),
    span: { source, start: 0, end: source.text.length },
  };
}
