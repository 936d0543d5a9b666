/** What a function body is checked in: its names, and the program that its definitions go to. */
import { asConstant, fixed, ofIndex } from "../ir/affine.ts";
import type { Arena } from "../ir/arena.ts";
import { and, constant, guard, read, select } from "../ir/build.ts";
import { NEUTRAL, define, definitionKey, mapBodies, reductionDtype } from "../ir/program.ts";
import { provablyInRange } from "../ir/range.ts";
import { KEEP, readsOf } from "../ir/walk.ts";
import type { Affine, Definition, Index, Node, Output, ReduceOp, Requirement, Tensor } from "../ir/types.ts";
import { diagnostic, type Diagnostic, type Span } from "../diagnostics/index.ts";
import type { Define, Expression, Statement } from "../syntax/ast.ts";
import type { LinkedFunction } from "./link.ts";
import { showAffine, showShape } from "./show.ts";
import { implicitAt, implicitIndices, isOne, type Value } from "./value.ts";

export type Role = "parameter" | "dimension" | "option" | "index" | "definition";

/** A name of a function body; without a value it stands for something whose error is reported already. */
export interface Binding {
  readonly role: Role;
  readonly value: Value | undefined;
  readonly span: Span;
  /** What `...` stands for. */
  readonly indices?: readonly Index[];
}

/** A program as it is collected. */
export interface Builder {
  readonly ir: Arena;
  readonly definitions: Definition[];
  /** Definitions that nobody named, by what they compute. */
  readonly shared: Map<string, Tensor>;
  readonly taken: Set<string>;
  /** The last number given to a name that was taken. */
  readonly numbers: Map<string, number>;
  /** Generated definitions that are all that a name stands for, and that name. */
  readonly renamed: Map<Tensor, string>;
  readonly requirements: Map<string, Requirement>;
  /** Indices that are bound now, outermost first. */
  readonly scope: Index[];
  /** Indices of which some values have a statement of their own: the others in terms of a whole range. */
  readonly parts: Map<Index, Part>;
  /** What holds wherever the statement that is being read does: for `h[0] = …` that there is such an element. */
  readonly premises: Premise[];
  /** Tensors of a circle of statements that is being read, and their reads. */
  readonly pending: Set<Tensor>;
  readonly open: OpenRead[];
  readonly labels: Map<Index, string>;
  /** How many expressions are being evaluated inside of each other. */
  readonly nesting: { depth: number };
  /** Results of calls by function and arguments: equal calls are one. */
  readonly calls: Map<string, Value | undefined>;
}

/** The values of an index for which a statement holds. */
export interface Part {
  readonly test: Node;
  /** All of them: an expression in an index of that range. */
  readonly value: Affine;
}

export interface Premise {
  readonly test: Node;
  /** Run-time extents, and what they are at least. */
  readonly least: ReadonlyMap<string, number>;
}

export interface OpenRead {
  readonly tensor: Tensor;
  readonly at: readonly Affine[];
  readonly span: Span;
  /** The indices of the statement that reads. */
  readonly scope: readonly Index[];
}

/** `h[0] = …` and `h[t] = …`, and what stands in a circle with them. */
export interface Circle {
  readonly statements: readonly Define[];
}

export type Circles = ReadonlyMap<Statement, Circle>;

export const createBuilder = (ir: Arena): Builder => ({
  ir,
  definitions: [],
  shared: new Map(),
  taken: new Set(),
  numbers: new Map(),
  renamed: new Map(),
  requirements: new Map(),
  scope: [],
  parts: new Map(),
  premises: [],
  pending: new Set(),
  open: [],
  labels: new Map(),
  nesting: { depth: 0 },
  calls: new Map(),
});

export interface Frame {
  readonly builder: Builder;
  readonly report: (diagnostic: Diagnostic) => void;
  /** How many errors were reported of this function. */
  readonly errors: () => number;
  readonly fn: LinkedFunction;
  /** Statements that define elements of names that read each other. */
  readonly circles: Circles;
  /** How many calls deep: implicit and bound indices of different depths are different. */
  readonly depth: number;
  readonly names: Map<string, Binding>;
  readonly used: Set<string>;
  /** The extents that `...` stands for. */
  readonly ellipsis: readonly Affine[] | undefined;
  /** What the names of this call's definitions start with: `` at the top, `softmax.` in a call. */
  readonly prefix: string;
  /** What generated names start with: `y.` or `softmax.e.` */
  readonly owner: string;
  /** A scalar function inside of an expression is inlined; elsewhere definitions are definitions. */
  readonly mode: "definitions" | "expression";
  /** Functions whose own check failed: calls of them say nothing more. */
  readonly broken: (fn: LinkedFunction) => boolean;
  readonly evaluate: (frame: Frame, e: Expression) => Value | undefined;
  readonly call: (frame: Frame, request: CallRequest) => Value | undefined;
}

export interface CallRequest {
  readonly fn: LinkedFunction;
  readonly span: Span;
  readonly args: readonly { readonly value: Value; readonly span: Span }[];
  /** Options as given, by name. */
  readonly options: ReadonlyMap<string, { readonly value: Value; readonly span: Span }>;
}

// ---- names that readers see

const dimLabel = (extent: Affine): string => {
  const atom = extent.terms[0]?.atoms[0];
  if (atom?.kind !== "dim" || extent.constant !== 0 || extent.terms.length > 1) return "i";
  const lower = atom.name.toLowerCase();
  if (lower !== atom.name) return lower;
  return atom.name.length > 1 ? atom.name.slice(0, 1) : "i";
};

/** What a reader calls an index: the user's name, else one that its extent suggests. */
export const labelOf =
  (builder: Builder) =>
  (index: Index): string =>
    builder.labels.get(index) ?? dimLabel(index.extent);

const LETTERS = ["i", "j", "k", "l", "m", "n"];

export const uniqueLabels = (builder: Builder, indices: readonly Index[]): readonly string[] => {
  const label = labelOf(builder);
  const taken = new Set<string>();
  return indices.map((index) => {
    const wanted = label(index);
    const candidates = wanted === "i" ? LETTERS : [wanted];
    const free = candidates.find((name) => !taken.has(name)) ?? numbered(wanted, taken);
    taken.add(free);
    return free;
  });
};

const numbered = (name: string, taken: ReadonlySet<string>): string => {
  let number = 2;
  while (taken.has(`${name}${number}`)) number++;
  return `${name}${number}`;
};

/** A tensor name that is not taken: `softmax.e`, then `softmax.e.2`. */
export const allocate = ({ taken, numbers }: Builder, name: string): string => {
  let free = name;
  let number = numbers.get(name) ?? 1;
  while (taken.has(free)) free = `${name}.${++number}`;
  numbers.set(name, number);
  taken.add(free);
  return free;
};

export const shapeText = (frame: Frame, shape: readonly Affine[]): string =>
  showShape(shape, labelOf(frame.builder));

export const affineText = (frame: Frame, a: Affine): string => showAffine(a, labelOf(frame.builder));

export const textOf = (span: Span): string =>
  span.source.text.slice(span.start, span.end).replace(/\s+/g, " ");

/** As `textOf`, for messages: a long text shows its beginning. */
export const excerpt = (span: Span): string => {
  const text = textOf(span);
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
};

// ---- definitions

/** Bound indices outermost first, then implicit ones in order of their creation. */
export const outermostFirst = (builder: Builder, indices: readonly Index[]): readonly Index[] => {
  const place = new Map(builder.scope.map((index, k) => [index, k]));
  const at = (index: Index): number => place.get(index) ?? builder.scope.length + index.id;
  return [...indices].sort((a, b) => at(a) - at(b));
};

/** Indices of the places that a value is defined in: they become leading dimensions of its definition. */
export const freeIndices = (builder: Builder, body: Node, own: readonly Index[]): readonly Index[] => {
  const bound = new Set(own);
  return outermostFirst(
    builder,
    body.indices.filter((index) => !bound.has(index)),
  );
};

export interface Computation {
  readonly name: string;
  /** The dimensions of the value; what else is free becomes leading dimensions. */
  readonly indices: readonly Index[];
  readonly reduction?: { readonly op: ReduceOp; readonly indices: readonly Index[] };
  readonly body: Node;
}

const isWholeRead = (node: Node): boolean => node.kind === "read" && node.dtype === "int";

const makeDefinition = (
  frame: Frame,
  spec: Computation,
): { definition: Definition; free: readonly Index[] } => {
  const { builder } = frame;
  const free = freeIndices(builder, spec.body, [...spec.indices, ...(spec.reduction?.indices ?? [])]);
  const indices = [...free, ...spec.indices];
  const body = withinParts(builder, spec, free);
  const dtype = spec.reduction ? reductionDtype(spec.reduction.op) : isWholeRead(spec.body) ? "int" : "float";
  const tensor = builder.ir.tensor({
    name: spec.name,
    shape: indices.map((index) => index.extent),
    dtype,
    role: "defined",
  });
  const labels = uniqueLabels(builder, [...indices, ...(spec.reduction?.indices ?? [])]);
  const definition = define(builder.ir, { ...spec, tensor, indices, body, labels });
  return { definition, free };
};

const isProvable = (ir: Arena, body: Node): boolean =>
  readsOf([body]).every((node) =>
    node.at.every((a, k) => provablyInRange(ir, a, node.tensor.shape[k] ?? fixed(ir, 0))),
  );

const withinParts = (
  { ir, parts, premises }: Builder,
  { body, reduction }: Computation,
  free: readonly Index[],
): Node => {
  const tests = [
    ...free.flatMap((index) => parts.get(index)?.test ?? []),
    ...(premises.length === 0 || isProvable(ir, body) ? [] : premises.map(({ test }) => test)),
  ];
  if (tests.length === 0 || body.dtype !== "float") return body;
  // nobody reads the value where its statement does not hold: of a position, any number serves
  const outside = NEUTRAL[reduction?.op ?? "sum"] ?? 0;
  const test = and(ir, tests);
  return outside === 0 ? guard(ir, test, body) : select(ir, test, body, constant(ir, outside));
};

/** A definition of that very name; the value of the name where it is used. */
export const addNamed = (frame: Frame, spec: Computation): { tensor: Tensor; value: Value } => {
  const { definition, free } = makeDefinition(frame, spec);
  frame.builder.definitions.push(definition);
  return { tensor: definition.tensor, value: valueOf(frame, definition.tensor, free) };
};

/** A definition that nobody named: an equal one is used again. */
export const addShared = (frame: Frame, spec: Computation): Value => {
  const { builder } = frame;
  const { definition, free } = makeDefinition(frame, spec);
  const key = definitionKey(definition);
  const known = builder.shared.get(key);
  if (known !== undefined) return valueOf(frame, known, free);
  const { shape, dtype, role } = definition.tensor;
  const tensor = builder.ir.tensor({ name: allocate(builder, spec.name), shape, dtype, role });
  builder.shared.set(key, tensor);
  builder.definitions.push({ ...definition, tensor });
  return valueOf(frame, tensor, free);
};

export const nameOf = (builder: Builder, tensor: Tensor): string =>
  builder.renamed.get(tensor) ?? tensor.name;

/** User names have no point in them. */
const isGenerated = (builder: Builder, tensor: Tensor): boolean =>
  tensor.role === "defined" && nameOf(builder, tensor).includes(".");

export const rename = ({ renamed, taken }: Builder, tensor: Tensor, name: string): void => {
  taken.delete(renamed.get(tensor) ?? tensor.name);
  taken.add(name);
  renamed.set(tensor, name);
};

/** The tensor that a body is, element by element. */
export const readWhole = (builder: Builder, body: Node, indices: readonly Index[]): Tensor | undefined => {
  if (body.kind !== "read" || body.at.length !== indices.length) return undefined;
  const same = indices.every((index, k) => {
    const at = isOne(index.extent) ? fixed(builder.ir, 0) : ofIndex(builder.ir, index);
    return body.at[k] === at && body.tensor.shape[k] === index.extent;
  });
  return same ? body.tensor : undefined;
};

/** A generated tensor that a body is: a definition of it would be a copy. */
export const copied = (builder: Builder, body: Node, indices: readonly Index[]): Tensor | undefined => {
  const tensor = readWhole(builder, body, indices);
  return tensor !== undefined && isGenerated(builder, tensor) ? tensor : undefined;
};

/** Definitions under the names that they were given later. */
export const applyNames = (
  { ir, renamed }: Builder,
  definitions: readonly Definition[],
  outputs: readonly Output[],
): { readonly definitions: readonly Definition[]; readonly outputs: readonly Output[] } => {
  if (renamed.size === 0) return { definitions, outputs };
  const tensors = new Map(
    definitions.flatMap(({ tensor: { name: old, shape, dtype, role }, tensor }) => {
      const name = renamed.get(tensor) ?? old;
      return name === old ? [] : [[tensor, ir.tensor({ name, shape, dtype, role })]];
    }),
  );
  const named = (tensor: Tensor): Tensor => tensors.get(tensor) ?? tensor;
  const node = (each: Node): Node => (each.kind === "read" ? read(ir, named(each.tensor), each.at) : each);
  return {
    definitions: mapBodies(ir, definitions, { ...KEEP, node }).map((each) => ({
      ...each,
      tensor: named(each.tensor),
    })),
    outputs: outputs.map(({ name, tensor }) => ({ name, tensor: named(tensor) })),
  };
};

export const valueOf = (frame: Frame, tensor: Tensor, free: readonly Index[]): Value => {
  const { ir } = frame.builder;
  const shape = free.length === 0 ? tensor.shape : tensor.shape.slice(free.length);
  const at = [...free.map((index) => ofIndex(ir, index)), ...implicitAt(ir, frame.depth, shape)];
  return { shape, node: read(ir, tensor, at) };
};

/** A value as a tensor of its own, unless it is one already. */
export const materialise = (frame: Frame, value: Value, name: string): Value => {
  if (isLeaf(value.node)) return value;
  const indices = implicitIndices(frame.builder.ir, frame.depth, value.shape);
  return addShared(frame, { name, indices, body: value.node });
};

const isLeaf = (node: Node): boolean =>
  node.kind === "read" || node.kind === "constant" || node.kind === "option" || node.kind === "index";

// ---- shapes

export interface Operand {
  readonly value: Value | undefined;
  readonly span: Span;
}

/** The shape of operands combined elementwise; an error where dimensions are not provably equal. */
export const broadcast = (
  frame: Frame,
  operands: readonly { readonly value: Value; readonly span: Span }[],
): readonly Affine[] | undefined => {
  let widest: readonly Affine[] = [];
  let from: { readonly value: Value; readonly span: Span } | undefined;
  for (const operand of operands) {
    const { shape } = operand.value;
    if (shape.length === 0 || shape === widest) continue;
    const merged = mergeShapes(widest, shape);
    if (merged === undefined) {
      reportShapes(frame, from ?? operand, operand);
      return undefined;
    }
    if (merged !== widest) from = operand;
    widest = merged;
  }
  return widest;
};

const mergeShapes = (a: readonly Affine[], b: readonly Affine[]): readonly Affine[] | undefined => {
  const rank = Math.max(a.length, b.length);
  const merged: Affine[] = [];
  for (let k = 0; k < rank; k++) {
    const [x, y] = [a[k - (rank - a.length)], b[k - (rank - b.length)]];
    const extent = x === undefined || y === undefined ? (x ?? y) : mergeExtents(x, y);
    if (extent === undefined) return undefined;
    merged.push(extent);
  }
  return merged.every((extent, k) => extent === a[k]) && a.length === rank ? a : merged;
};

const mergeExtents = (x: Affine, y: Affine): Affine | undefined => {
  if (x === y || isOne(y)) return x;
  return isOne(x) ? y : undefined;
};

type Placed = { readonly value: Value; readonly span: Span };

const reportShapes = (frame: Frame, a: Placed, b: Placed): void => {
  const [left, right] = [shapeText(frame, a.value.shape), shapeText(frame, b.value.shape)];
  const both = clash(a.value.shape, b.value.shape);
  const runtime = both?.some((extent) => asConstant(extent) === undefined) ?? false;
  const advice = runtime
    ? "give equal dimensions one name, and write 1 for a dimension that is repeated: one that is 1 only at run time is not repeated"
    : "reshape one of them with an indexed definition, for example y[i, j] = a[i] * b[j]";
  frame.report(
    diagnostic("GS0301", b.span, `shapes ${left} and ${right} do not combine`, {
      fill: { advice },
      related: [...origin(frame, a), ...origin(frame, b)],
    }),
  );
};

const clash = (a: readonly Affine[], b: readonly Affine[]): readonly Affine[] | undefined => {
  for (let k = 1; k <= Math.min(a.length, b.length); k++) {
    const [x, y] = [a[a.length - k], b[b.length - k]];
    if (x !== undefined && y !== undefined && mergeExtents(x, y) === undefined) return [x, y];
  }
  return undefined;
};

/** Where a shape came from: the declaration of the name that it is, or the expression. */
export const origin = (
  frame: Frame,
  { value, span }: Placed,
): readonly { readonly span: Span; readonly message: string }[] => [
  {
    span: value.declared ?? span,
    message: `\`${excerpt(span)}\` has shape ${shapeText(frame, value.shape)}`,
  },
];
