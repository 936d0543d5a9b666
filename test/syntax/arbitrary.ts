/** Random syntax trees, in the form in which `parse` makes them, for property tests. */
import fc from "fast-check";
import type { Span } from "../../src/diagnostics/source.ts";
import type {
  Binder,
  Derive,
  Dim,
  Expression,
  FunctionDeclaration,
  Import,
  IndexArgument,
  Module,
  Name,
  NamedArgument,
  Statement,
} from "../../src/syntax/ast.ts";

const span: Span = { source: { name: "", text: "" }, start: 0, end: 0 };

const word = fc.oneof(
  fc.constantFrom("x", "y", "__proto__", "constructor", "toString", "await", "class", "fnord", "int_", "λ"),
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/),
);
const reserved = new Set(["fn", "return", "derive", "import", "from", "int"]);
const text = word.filter((each) => !reserved.has(each));
const name: fc.Arbitrary<Name> = text.map((each) => ({ text: each, span }));
const number = fc.stringMatching(
  /^(0|[1-9][0-9]{0,5}|[0-9]{1,3}\.[0-9]{1,4}|\.[0-9]{1,3})(e[+-]?[0-9]{1,2})?$/,
);

const some = { minLength: 1, maxLength: 3 } as const;
const several = { minLength: 2, maxLength: 4 } as const;
const few = { maxLength: 3 } as const;

const ellipsis = fc.constant({ kind: "ellipsis", span } as const);

const { expression } = fc.letrec<{ expression: Expression }>((tie) => {
  const inner = tie("expression");
  const settings: fc.Arbitrary<NamedArgument[]> = fc.array(fc.record({ name, value: inner }), few);
  const indices = fc.array(fc.oneof<fc.Arbitrary<IndexArgument>[]>(inner, ellipsis), few);
  const args = fc.array(inner, few);
  const nary = fc.array(inner, several);
  const leaf: fc.Arbitrary<Expression> = fc.oneof(
    number.map((each): Expression => ({ kind: "number", text: each, span })),
    text.map((each): Expression => ({ kind: "name", text: each, span })),
  );
  const nested: fc.Arbitrary<Expression>[] = [
    fc.record({ kind: fc.constant("read"), target: name, indices, span: fc.constant(span) }),
    fc.record({ kind: fc.constant("call"), callee: name, args, options: settings, span: fc.constant(span) }),
    fc
      .record({ callee: name, binders: binders(inner), args, options: settings })
      .map((each) => ({ kind: "reduce", ...each, span })),
    fc.record({ kind: fc.constantFrom("negate", "not"), operand: inner, span: fc.constant(span) }),
    fc
      .array(fc.record({ sign: fc.constantFrom("+", "-"), value: inner }), several)
      .map((terms) => ({ kind: "sum", terms: withFirst(terms, { sign: "+" }), span })),
    fc
      .array(fc.record({ op: fc.constantFrom("*", "/", "//", "%"), value: inner }), several)
      .map((factors) => ({ kind: "product", factors: withFirst(factors, { op: "*" }), span })),
    fc.record({ kind: fc.constant("power"), base: inner, exponent: inner, span: fc.constant(span) }),
    nary.chain((operands) =>
      fc
        .array(fc.constantFrom("<", "<=", ">", ">=", "==", "!="), {
          minLength: operands.length - 1,
          maxLength: operands.length - 1,
        })
        .map((ops): Expression => ({ kind: "compare", operands, ops, span })),
    ),
    fc.record({ kind: fc.constantFrom("and", "or"), operands: nary, span: fc.constant(span) }),
    fc.record({
      kind: fc.constant("conditional"),
      test: inner,
      then: inner,
      else: inner,
      span: fc.constant(span),
    }),
    fc.record({ kind: fc.constant("default"), value: inner, fallback: inner, span: fc.constant(span) }),
  ];
  return { expression: fc.oneof({ depthSize: "small", withCrossShrink: true }, leaf, ...nested) };
});

function withFirst<T extends object>(items: readonly T[], change: Partial<T>): T[] {
  return items.map((item, i) => (i === 0 ? { ...item, ...change } : item));
}

/** A name or a comparison would not be a fixed index. */
function binders(extent: fc.Arbitrary<Expression>): fc.Arbitrary<Binder[]> {
  const fixed = extent.filter(({ kind }) => kind !== "name" && kind !== "compare");
  const binder: fc.Arbitrary<Binder> = fc.oneof(
    fc.record({
      kind: fc.constant("index"),
      name,
      extent: fc.option(extent, { nil: undefined }),
      span: fc.constant(span),
    }),
    ellipsis,
    fixed.map((value): Binder => ({ kind: "fixed", value, span })),
  );
  return fc.array(binder, few);
}

const statement: fc.Arbitrary<Statement> = fc.oneof(
  fc
    .record({ name, binders: fc.option(binders(expression), { nil: undefined }), value: expression })
    .map((each): Statement => ({ kind: "define", ...each, span })),
  fc.array(expression, some).map((values): Statement => ({ kind: "return", values, span })),
);

const dim: fc.Arbitrary<Dim> = fc.oneof(
  ellipsis,
  expression.map((value): Dim => ({ kind: "extent", value, span })),
);
const type = fc.record({
  dtype: fc.constantFrom("float" as const, "int" as const),
  dims: fc.array(dim, few),
  span: fc.constant(span),
});

const printable = fc
  .string({ unit: "grapheme", maxLength: 20 })
  .map((each) => each.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, ""));
const doc = fc.array(printable, few).map((lines) => lines.map((line) => line.trimEnd()).join("\n"));

const functionDeclaration: fc.Arbitrary<FunctionDeclaration> = fc.record({
  doc,
  name,
  params: fc.array(fc.record({ name, type: fc.option(type, { nil: undefined }) }), few),
  options: fc.array(fc.record({ name, default: fc.option(expression, { nil: undefined }) }), few),
  body: fc.array(statement, few),
  span: fc.constant(span),
});

const importDeclaration: fc.Arbitrary<Import> = fc.record({
  names: fc.array(name, some),
  path: printable.map((each) => each.replaceAll('"', "")),
  pathSpan: fc.constant(span),
  span: fc.constant(span),
});

const derive: fc.Arbitrary<Derive> = fc.record({
  name,
  requests: fc.array(fc.record({ kind: name, args: fc.array(name, few) }), few),
  span: fc.constant(span),
});

export const arbitraryExpression: fc.Arbitrary<Expression> = expression;

export const arbitraryModule: fc.Arbitrary<Module> = fc.record({
  imports: fc.array(importDeclaration, { maxLength: 2 }),
  functions: fc.array(functionDeclaration, { maxLength: 2 }),
  derives: fc.array(derive, { maxLength: 2 }),
  span: fc.constant(span),
});

/** A tree without its spans, for comparison. */
export function withoutSpans(tree: unknown): unknown {
  return JSON.parse(
    JSON.stringify(tree, (key, value: unknown) => (key === "span" || key === "pathSpan" ? undefined : value)),
  );
}
