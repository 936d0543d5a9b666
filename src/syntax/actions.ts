/**
 * In: a match of one declaration, and where its text begins in the source. Out: its syntax tree.
 * Ends because each action only visits parts of its own node.
 */
import type { IterationNode, MatchResult, Node } from "ohm-js";
import type { Diagnostic } from "../diagnostics/diagnostic.ts";
import { diagnostic } from "../diagnostics/diagnostic.ts";
import type { Source, Span } from "../diagnostics/source.ts";
import type {
  Binder,
  Derive,
  DeriveRequest,
  Dim,
  Expression,
  FunctionDeclaration,
  Import,
  IndexArgument,
  Name,
  NamedArgument,
  OptionDeclaration,
  Param,
  Statement,
  TensorType,
} from "./ast.ts";
import type { GradsmithActionDict } from "./gradsmith.ohm-bundle.js";
import grammar from "./gradsmith.ohm-bundle.js";
import type { Chain, Link, Prefix } from "./precedence.ts";
import { buildTree, operatorLinks } from "./precedence.ts";
import type { Segment } from "./scan.ts";

export type Declaration =
  | { readonly kind: "import"; readonly value: Import }
  | { readonly kind: "function"; readonly value: FunctionDeclaration }
  | { readonly kind: "derive"; readonly value: Derive };

interface Arguments {
  readonly args: readonly Expression[];
  readonly options: readonly NamedArgument[];
}

/** What each operation gives; ohm adds them to its nodes as methods, without types. */
interface Operations {
  declaration: Declaration;
  name: Name;
  names: readonly Name[];
  requests: readonly DeriveRequest[];
  params: readonly Param[];
  type: TensorType;
  options: readonly OptionDeclaration[];
  statements: readonly Statement[];
  expression: Expression;
  chain: Chain;
  prefix: Prefix;
  link: Link;
  indices: readonly IndexArgument[];
  args: Arguments;
  values: readonly Expression[];
  settings: readonly NamedArgument[];
}

function on(node: Node): { readonly [O in keyof Operations]: () => Operations[O] } {
  return node as unknown as { readonly [O in keyof Operations]: () => Operations[O] };
}

/** Where the nodes of the current declaration stand, and what is wrong with them. */
interface Context {
  readonly source: Source;
  readonly doc: () => string;
  /** By the offset of their holes. */
  readonly segments: ReadonlyMap<number, BuiltSegment>;
  readonly span: (node: Node) => Span;
  readonly report: (problem: Diagnostic) => void;
}

type Actions<O extends keyof Operations> = (context: Context) => GradsmithActionDict<Operations[O]>;

const actions: { readonly [O in keyof Operations]: Actions<O> } = {
  declaration: (context) => ({
    Import(_import, _open, names, _close, _from, path) {
      const pathSpan = context.span(path);
      const value = { names: on(names).names(), path: path.sourceString.slice(1, -1), pathSpan };
      return { kind: "import", value: { ...value, span: context.span(this) } };
    },
    Function(_fn, name, _open, params, options, _close, _openBody, statements, _closeBody) {
      const value = {
        doc: context.doc(),
        name: on(name).name(),
        params: optional(params, (node) => on(node).params()) ?? [],
        options: optional(options, (node) => on(node).options()) ?? [],
        body: statements.children.flatMap((node) => on(node).statements()),
        span: context.span(this),
      };
      return { kind: "function", value };
    },
    Derive(_derive, name, _open, requests, _close) {
      const made = optional(requests, (node) => on(node).requests()) ?? [];
      return { kind: "derive", value: { name: on(name).name(), requests: made, span: context.span(this) } };
    },
  }),

  name: (context) => ({
    name(_first, _rest) {
      return { text: this.sourceString, span: context.span(this) };
    },
  }),

  names: () => ({
    Names: (first, _commas, rest, _trailing) => list(first, rest, (node) => on(node).name()),
  }),

  requests: () => ({
    Requests: (first, _commas, rest, _trailing) => flatList(first, rest, (node) => on(node).requests()),
    Request: (kind, _open, names, _close) => [
      { kind: on(kind).name(), args: optional(names, (node) => on(node).names()) ?? [] },
    ],
  }),

  params: () => ({
    Params: (first, _commas, rest, _trailing) => flatList(first, rest, (node) => on(node).params()),
    Param: (name, type) => [{ name: on(name).name(), type: optional(type, (node) => on(node).type()) }],
  }),

  type: (context) => ({
    Type(_colon, int, open, indices, _close) {
      const { end } = context.span(this);
      const { start } = context.span(int.children[0] ?? open);
      return {
        dtype: int.numChildren === 0 ? "float" : "int",
        dims: (optional(indices, (node) => on(node).indices()) ?? []).map(dim),
        span: { source: context.source, start, end },
      };
    },
  }),

  options: () => ({
    Options: (_semicolon, options) => optional(options, (node) => on(node).options()) ?? [],
    OptionList: (first, _commas, rest, _trailing) => flatList(first, rest, (node) => on(node).options()),
    Option: (name, _equals, value) => [
      { name: on(name).name(), default: optional(value, (node) => on(node).expression()) },
    ],
  }),

  statements: (context) => ({
    Statements: (statements) => statements.children.flatMap((node) => on(node).statements()),
    Return(_return, values) {
      return [{ kind: "return", values: on(values).values(), span: context.span(this) }];
    },
    Define(name, subscript, _equals, value) {
      const indices = optional(subscript, (node) => on(node).indices());
      const given = {
        name: on(name).name(),
        binders: indices === undefined ? undefined : binders(context, indices),
        value: on(value).expression(),
      };
      return [{ kind: "define", ...given, span: context.span(this) }];
    },
    hole(_begin, _blanks, _end) {
      return context.segments.get(context.span(this).start)?.statements ?? [];
    },
  }),

  expression: (context) => ({
    Expr(_prefixes, _operand, _links, _laterPrefixes, _laterOperands) {
      return buildTree(context.source, on(this).chain());
    },
  }),

  chain: (context) => ({
    Expr(prefixes, operand, links, laterPrefixes, laterOperands) {
      const prefixLists = [prefixes, ...laterPrefixes.children];
      const chains = list(operand, laterOperands, (node) => on(node).chain());
      return concatenate(
        chains.map((chain, i) => withPrefixes(chain, prefixLists[i]?.children ?? [])),
        links.children.map((node) => on(node).link()),
      );
    },
    number(_mantissa, _exponent) {
      const span = context.span(this);
      return single({ kind: "number", text: this.sourceString, span }, span);
    },
    Group(_open, value, _close) {
      return single(on(value).expression(), context.span(this));
    },
    Reference(name, subscript, args) {
      const span = context.span(this);
      const indices = optional(subscript, (node) => on(node).indices());
      const given = optional(args, (node) => on(node).args());
      return single(reference(context, on(name).name(), indices, given, span), span);
    },
    hole(_begin, _blanks, _end) {
      const chain = context.segments.get(context.span(this).start)?.chain;
      if (chain === undefined) throw new Error("a hole stands for a segment built before");
      return chain;
    },
  }),

  prefix: (context) => ({
    _terminal() {
      return { op: this.sourceString, start: context.span(this).start };
    },
  }),

  link: () => ({
    Choice: (_question, then, _colon) => ({ tier: "conditional", then: on(then).expression() }),
    operator(_op) {
      const link = operatorLinks.get(this.sourceString);
      if (link === undefined) throw new Error(`the operator ${this.sourceString} has no tier`);
      return link;
    },
  }),

  args: () => ({
    Arguments: (_open, values, settings, _close) => ({
      args: optional(values, (node) => on(node).values()) ?? [],
      options: optional(settings, (node) => on(node).settings()) ?? [],
    }),
  }),

  indices: (context) => ({
    Subscript: (_open, indices, _close) => optional(indices, (node) => on(node).indices()) ?? [],
    Indices: (first, _commas, rest, _trailing) => flatList(first, rest, (node) => on(node).indices()),
    Expr(_prefixes, _operand, _links, _laterPrefixes, _laterOperands) {
      return [on(this).expression()];
    },
    ellipsis(_dots) {
      return [{ kind: "ellipsis", span: context.span(this) }];
    },
  }),

  values: () => ({
    Values: (first, _commas, rest, _trailing) => list(first, rest, (node) => on(node).expression()),
  }),

  settings: () => ({
    Settings: (_semicolon, settings) => optional(settings, (node) => on(node).settings()) ?? [],
    SettingList: (first, _commas, rest, _trailing) => flatList(first, rest, (node) => on(node).settings()),
    Setting: (name, _equals, value) => [{ name: on(name).name(), value: on(value).expression() }],
  }),
};

function optional<T>(node: IterationNode, visit: (child: Node) => T): T | undefined {
  const [child] = node.children;
  return child === undefined ? undefined : visit(child);
}

function list<T>(first: Node, rest: IterationNode, visit: (child: Node) => T): T[] {
  return [first, ...rest.children].map((node) => visit(node));
}

function flatList<T>(first: Node, rest: IterationNode, visit: (child: Node) => readonly T[]): T[] {
  return list(first, rest, visit).flat();
}

/** An operand whose `span` takes in the parentheses around it. */
function single(expression: Expression, { start, end }: Span): Chain {
  return { operands: [{ prefixes: [], expression, start, end }], links: [] };
}

/** A hole stands behind no prefix: those are inside of its segment. */
function withPrefixes(chain: Chain, prefixes: readonly Node[]): Chain {
  if (prefixes.length === 0) return chain;
  const made = prefixes.map((node) => on(node).prefix());
  return { ...chain, operands: chain.operands.map((operand) => ({ ...operand, prefixes: made })) };
}

function concatenate(chains: readonly Chain[], links: readonly Link[]): Chain {
  return {
    operands: chains.flatMap((chain) => chain.operands),
    links: chains.flatMap((chain, i) => [...chain.links, ...links.slice(i, i + 1)]),
  };
}

function dim(index: IndexArgument): Dim {
  return index.kind === "ellipsis" ? index : { kind: "extent", value: index, span: index.span };
}

function binders(context: Context, indices: readonly IndexArgument[]): Binder[] {
  return indices.map((index) => binder(context, index));
}

/** `i`, `i < extent`, `...`, or an expression that fixes the index. */
function binder(context: Context, index: IndexArgument): Binder {
  if (index.kind === "ellipsis") return index;
  const { span } = index;
  if (index.kind === "name")
    return { kind: "index", name: { text: index.text, span }, extent: undefined, span };
  if (index.kind !== "compare") return { kind: "fixed", value: index, span };
  const [name, extent] = index.operands;
  if (name?.kind === "name" && index.ops.length === 1 && index.ops[0] === "<") {
    return { kind: "index", name: { text: name.text, span: name.span }, extent, span };
  }
  context.report(diagnostic("GS0112", span, "this comparison is not the range of an index"));
  return { kind: "fixed", value: index, span };
}

/** `x`, `x[i]`, `f(x)` or `sum[i](x)`. */
function reference(
  context: Context,
  name: Name,
  indices: readonly IndexArgument[] | undefined,
  given: Arguments | undefined,
  span: Span,
): Expression {
  if (given === undefined) {
    return indices === undefined
      ? { kind: "name", text: name.text, span }
      : { kind: "read", target: name, indices, span };
  }
  return indices === undefined
    ? { kind: "call", callee: name, ...given, span }
    : { kind: "reduce", callee: name, binders: binders(context, indices), ...given, span };
}

/** A segment holds a part of an expression or a run of statements. */
interface BuiltSegment {
  readonly chain?: Chain;
  readonly statements?: readonly Statement[];
}

export interface Builder {
  /** Makes the trees of a segment, for the match that holds its hole. */
  readonly addSegment: (match: MatchResult, segment: Segment) => void;
  /** The tree of a match whose text begins at `base`. */
  readonly build: (match: MatchResult, base: number, doc: string) => Declaration;
  /** What the grammar lets through but the tree cannot hold. */
  readonly problems: readonly Diagnostic[];
}

export function createBuilder(source: Source): Builder {
  const problems: Diagnostic[] = [];
  const segments = new Map<number, BuiltSegment>();
  let current = { base: 0, doc: "" };
  const semantics = grammar.createSemantics();
  const context: Context = {
    source,
    segments,
    doc: () => current.doc,
    span: ({ source: { startIdx, endIdx } }) => ({
      source,
      start: current.base + startIdx,
      end: current.base + endIdx,
    }),
    report: (problem) => {
      problems.push(problem);
    },
  };
  for (const [operation, of] of Object.entries(actions)) {
    semantics.addOperation<unknown>(operation, of(context));
  }
  return {
    addSegment: (match, { start, rule }) => {
      current = { base: start, doc: "" };
      const root = on(semantics(match) as Node);
      segments.set(start, rule === "Expr" ? { chain: root.chain() } : { statements: root.statements() });
    },
    build: (match, base, doc) => {
      current = { base, doc };
      return on(semantics(match) as Node).declaration();
    },
    problems,
  };
}
