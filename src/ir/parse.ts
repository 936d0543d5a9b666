/**
 * Reads the text form of `printProgram`. In: text; out: the program, its nodes made by the constructors of the arena, so that
 * parsing into the arena that printed gives the same objects. Every token is read once: it ends.
 */
import { dim, fixed, ofData, ofIndex, plus, times } from "./affine.ts";
import type { Arena } from "./arena.ts";
import * as b from "./build.ts";
import { division } from "./range.ts";
import type {
  Affine, BinaryOp, CompareOp, Definition, DimSymbol, Index, Kind, Node, OptionSymbol, Output, Program, ReduceOp,
  Requirement, Tensor, UnaryOp,
} from "./types.ts"; // prettier-ignore

const TOKEN = /"(?:[^"\\]|\\.)*"|%\d+|\$\w+|-?\d[\d.]*(?:e[+-]?\d+)?|-?Infinity|[A-Za-z_]\w*|[[\](),*+/=]/gy;

interface Tokens {
  readonly peek: () => string | undefined;
  readonly next: () => string;
  /** Takes the token if it is next. */
  readonly take: (token: string) => boolean;
  readonly expect: (token: string) => void;
}

const tokenise = (line: string): Tokens => {
  const all: string[] = [];
  let end = 0;
  while (end < line.length) {
    if (line[end] === " ") {
      end++;
      continue;
    }
    TOKEN.lastIndex = end;
    const match = TOKEN.exec(line);
    if (match === null) throw new SyntaxError(`no token at "${line.slice(end, end + 20)}"`);
    all.push(match[0]);
    end = TOKEN.lastIndex;
  }
  let at = 0;
  const next = (): string => {
    const token = all[at++];
    if (token === undefined) throw new SyntaxError(`"${line}" ends early`);
    return token;
  };
  const take = (token: string): boolean => {
    if (all[at] !== token) return false;
    at++;
    return true;
  };
  const expect = (token: string): void => {
    if (!take(token))
      throw new SyntaxError(`expected "${token}" before "${all[at] ?? "the end"}" in "${line}"`);
  };
  return { peek: () => all[at], next, take, expect };
};

const name = (tokens: Tokens): string => {
  const token = tokens.next();
  return token.startsWith('"') ? (JSON.parse(token) as string) : token;
};

const number = (tokens: Tokens): number => Number(tokens.next());

/** What the names of a line stand for. */
interface Scope {
  readonly ir: Arena;
  readonly dims: Map<string, number>;
  readonly tensors: Map<string, Tensor>;
  readonly indices: ReadonlyMap<string, Index>;
  readonly nodes: readonly Node[];
}

const found = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw new SyntaxError(`${what} is not known`);
  return value;
};

const nodeRef = (tokens: Tokens, scope: Scope): Node => {
  const token = tokens.next();
  return found(scope.nodes[Number(token.slice(1))], token);
};

const atom = (tokens: Tokens, scope: Scope): Affine => {
  const token = tokens.peek() ?? "";
  if (/^-?\d/.test(token)) return fixed(scope.ir, number(tokens));
  if (token.startsWith("%")) return ofData(scope.ir, nodeRef(tokens, scope));
  if (token.startsWith("$"))
    return ofIndex(scope.ir, found(scope.indices.get(tokens.next().slice(1)), token));
  const word = name(tokens);
  if (!tokens.take("(")) return dim(scope.ir, word, scope.dims.get(word) ?? 0);
  const value = affine(tokens, scope);
  tokens.expect(",");
  const by = affine(tokens, scope);
  tokens.expect(")");
  const divide = division(scope.ir);
  return (word === "mod" || word === "quotient" ? divide[word] : divide.floordiv)(value, by);
};

const affine = (tokens: Tokens, scope: Scope): Affine => {
  let total = fixed(scope.ir, 0);
  do {
    let term = atom(tokens, scope);
    while (tokens.take("*")) term = times(scope.ir, term, atom(tokens, scope));
    total = plus(scope.ir, total, term);
  } while (tokens.take("+"));
  return total;
};

const affines = (tokens: Tokens, scope: Scope): readonly Affine[] => {
  const all: Affine[] = [];
  tokens.expect("[");
  while (!tokens.take("]")) {
    all.push(affine(tokens, scope));
    tokens.take(",");
  }
  return all;
};

const two = <T>(all: readonly T[]): [T, T] => [found(all[0], "an operand"), found(all[1], "an operand")];

const rest = (tokens: Tokens, scope: Scope): readonly Node[] => {
  const all: Node[] = [];
  while (tokens.peek() !== undefined) all.push(nodeRef(tokens, scope));
  return all;
};

const fraction = (tokens: Tokens): { num: number; den: number } => {
  const num = number(tokens);
  tokens.expect("/");
  return { num, den: number(tokens) };
};

type Reader = (tokens: Tokens, scope: Scope) => Node;

const binaryRead =
  (build: (ir: Arena, p: Affine, q: Affine) => Node): Reader =>
  (tokens, scope) =>
    build(scope.ir, ...two(affines(tokens, scope)));

const READ: { readonly [K in Kind]: Reader } = {
  constant: (tokens, { ir }) =>
    tokens.take("f64") ? b.constant(ir, number(tokens)) : b.exact(ir, fraction(tokens)),
  zero: (_tokens, { ir }) => b.zero(ir),
  option: (tokens, { ir }) => b.option(ir, name(tokens)),
  index: (tokens, scope) => b.indexValue(scope.ir, found(affines(tokens, scope)[0], "an index")),
  read: (tokens, scope) => {
    const tensor = name(tokens);
    return b.read(scope.ir, found(scope.tensors.get(tensor), tensor), affines(tokens, scope));
  },
  unary: (tokens, scope) => b.unary(scope.ir, name(tokens) as UnaryOp, nodeRef(tokens, scope)),
  binary: (tokens, scope) => b.binary(scope.ir, name(tokens) as BinaryOp, ...two(rest(tokens, scope))),
  power: (tokens, scope) => b.power(scope.ir, nodeRef(tokens, scope), fraction(tokens)),
  sum: (tokens, scope) => b.sum(scope.ir, rest(tokens, scope)),
  product: (tokens, scope) => b.product(scope.ir, rest(tokens, scope)),
  boolean: (tokens, { ir }) => b.boolean(ir, tokens.next() === "true"),
  compare: (tokens, scope) => b.compare(scope.ir, name(tokens) as CompareOp, ...two(rest(tokens, scope))),
  and: (tokens, scope) => b.and(scope.ir, rest(tokens, scope)),
  or: (tokens, scope) => b.or(scope.ir, rest(tokens, scope)),
  not: (tokens, scope) => b.not(scope.ir, nodeRef(tokens, scope)),
  inrange: binaryRead(b.inRange),
  divides: binaryRead(b.divides),
  iszero: (tokens, scope) => b.isZero(scope.ir, found(affines(tokens, scope)[0], "an index")),
  select: (tokens, scope) =>
    b.select(scope.ir, nodeRef(tokens, scope), nodeRef(tokens, scope), nodeRef(tokens, scope)),
  guard: (tokens, scope) => b.guard(scope.ir, nodeRef(tokens, scope), nodeRef(tokens, scope)),
  stopgradient: (tokens, scope) => b.stopGradient(scope.ir, nodeRef(tokens, scope)),
  delta: binaryRead(b.delta),
};

const isKind = (word: string): word is Kind => Object.hasOwn(READ, word);

interface Builder {
  name: string;
  doc: string;
  readonly scope: Omit<Scope, "indices" | "nodes">;
  readonly inputs: Tensor[];
  readonly dims: DimSymbol[];
  readonly options: OptionSymbol[];
  readonly requirements: Requirement[];
  readonly definitions: Definition[];
  readonly outputs: Output[];
}

const outside = (program: Builder): Scope => ({ ...program.scope, indices: new Map(), nodes: [] });

const symbol = (tokens: Tokens, program: Builder, role: Tensor["role"]): Tensor => {
  const tensor = name(tokens);
  const dtype = tokens.next() === "int" ? "int" : "float";
  const shape = affines(tokens, outside(program));
  const known =
    program.scope.tensors.get(tensor) ?? program.scope.ir.tensor({ name: tensor, shape, dtype, role });
  program.scope.tensors.set(tensor, known);
  return known;
};

const defaultOf = (tokens: Tokens): number | undefined =>
  tokens.take("default") ? number(tokens) : undefined;

/** A definition's header and the lines below it, up to its body. */
const definition = (tokens: Tokens, program: Builder, nextLine: () => Tokens): void => {
  const { ir } = program.scope;
  const tensor = symbol(tokens, program, "defined");
  tokens.expect("loops");
  const outer = number(tokens);
  const loops = affines(tokens, outside(program)).map((extent, k) => ir.index(`i${k}`, extent));
  const op = tokens.take("reduce") ? (tokens.next() as ReduceOp) : undefined;
  if (op !== undefined) tokens.next();
  tokens.expect("labels");
  const labels: string[] = [];
  while (tokens.peek() !== undefined) labels.push(name(tokens));
  const nodes: Node[] = [];
  const scope: Scope = {
    ...program.scope,
    nodes,
    indices: new Map(loops.map((index) => [index.name, index])),
  };
  let target: readonly Affine[] | undefined;
  for (let line = nextLine(); ; line = nextLine()) {
    if (line.take("target")) target = affines(line, scope);
    else if (line.take("body")) {
      const body = nodeRef(line, scope);
      const reduction = op && { op, indices: loops.slice(outer) };
      program.definitions.push({ tensor, indices: loops.slice(0, outer), reduction, target, body, labels });
      return;
    } else nodes.push(nodeLine(line, scope));
  }
};

const nodeLine = (line: Tokens, scope: Scope): Node => {
  line.next();
  line.expect("=");
  const kind = line.next();
  if (!isKind(kind)) throw new SyntaxError(`${kind} is not a kind of node`);
  return READ[kind](line, scope);
};

type LineReader = (tokens: Tokens, program: Builder, nextLine: () => Tokens) => void;

const LINES = new Map<string, LineReader>([
  ["program", (tokens, program) => ([program.name, program.doc] = [name(tokens), name(tokens)])],
  [
    "dim",
    (tokens, program) => {
      const dimName = name(tokens);
      tokens.expect("min");
      const min = number(tokens);
      program.scope.dims.set(dimName, min);
      program.dims.push({ name: dimName, min, default: defaultOf(tokens) });
    },
  ],
  [
    "option",
    (tokens, program) => void program.options.push({ name: name(tokens), default: defaultOf(tokens) }),
  ],
  ["input", (tokens, program) => void program.inputs.push(symbol(tokens, program, "input"))],
  [
    "require",
    (tokens, program) => {
      const tensor = name(tokens);
      const [extent] = affines(tokens, outside(program));
      program.requirements.push({
        kind: "range",
        tensor: found(program.scope.tensors.get(tensor), tensor),
        extent: found(extent, "an extent"),
      });
    },
  ],
  [
    "divides",
    (tokens, program) => {
      const [by, value] = two(affines(tokens, outside(program)));
      program.requirements.push({ kind: "divides", by, value });
    },
  ],
  ["define", definition],
  [
    "output",
    (tokens, program) => {
      const output = name(tokens);
      const tensor = name(tokens);
      program.outputs.push({ name: output, tensor: found(program.scope.tensors.get(tensor), tensor) });
    },
  ],
]);

/** All tensors that are defined, before the bodies: a recurrence reads later ones. */
const declareAll = (lines: readonly string[], program: Builder): void => {
  for (const line of lines) {
    const tokens = tokenise(line);
    if (tokens.take("define")) symbol(tokens, program, "defined");
  }
};

/** `symbols` are tensors to use for their names instead of new ones. */
export const parseProgram = (ir: Arena, text: string, symbols: readonly Tensor[] = []): Program => {
  const lines = text.split("\n").filter((line) => line !== "");
  let at = 0;
  const nextLine = (): Tokens => tokenise(lines[at++] ?? "");
  const tensors = new Map(symbols.map((tensor) => [tensor.name, tensor]));
  const program: Builder = {
    name: "",
    doc: "",
    scope: { ir, dims: new Map(), tensors },
    inputs: [],
    dims: [],
    options: [],
    requirements: [],
    definitions: [],
    outputs: [],
  };
  while (at < lines.length) {
    const tokens = nextLine();
    const word = tokens.next();
    if (word === "define" && program.definitions.length === 0) declareAll(lines.slice(at - 1), program);
    found(LINES.get(word), `a line "${word}"`)(tokens, program, nextLine);
  }
  const { name: programName, doc, inputs, dims, options, requirements, definitions, outputs } = program;
  return { name: programName, doc, inputs, dims, options, requirements, definitions, outputs };
};
