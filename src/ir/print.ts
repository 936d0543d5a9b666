/**
 * The text form of programs, one line per node, that `parseProgram` reads back. Node numbers count within a definition,
 * so that the text depends on the program and not on the arena.
 */
import { dataOf } from "./affine.ts";
import { loopIndices } from "./program.ts";
import { reachable } from "./walk.ts";
import type { Affine, Atom, Constant, Definition, Kind, Node, NodeOf, Program, Tensor } from "./types.ts";

const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const nameText = (name: string): string => (PLAIN.test(name) ? name : JSON.stringify(name));

/** How a definition's nodes are called in its text. */
type Label = (node: Node) => string;

const atomText = (atom: Atom, label: Label): string => {
  switch (atom.kind) {
    case "dim":
      return nameText(atom.name);
    case "index":
      return `$${atom.index.name}`;
    case "floordiv":
    case "mod": {
      const operation = atom.kind === "floordiv" && atom.exact ? "quotient" : atom.kind;
      return `${operation}(${affineText(atom.value, label)}, ${affineText(atom.by, label)})`;
    }
    case "data":
      return label(atom.node);
  }
};

export const affineText = (a: Affine, label: Label): string => {
  const terms = a.terms.map(({ coefficient, atoms }) =>
    [...(coefficient === 1 ? [] : [String(coefficient)]), ...atoms.map((atom) => atomText(atom, label))].join(
      "*",
    ),
  );
  if (a.constant !== 0 || terms.length === 0) terms.push(String(a.constant));
  return terms.join(" + ");
};

const constantText = ({ value, exact }: Constant): string =>
  exact === undefined ? `f64 ${Object.is(value, -0) ? "-0" : String(value)}` : `${exact.num}/${exact.den}`;

const list = (nodes: readonly Node[], label: Label): string => nodes.map(label).join(" ");

const affines = (all: readonly Affine[], label: Label): string =>
  `[${all.map((a) => affineText(a, label)).join(", ")}]`;

const TEXT: { readonly [K in Kind]: (node: NodeOf<K>, label: Label) => string } = {
  constant: (node) => `constant ${constantText(node)}`,
  zero: () => "zero",
  option: (node) => `option ${nameText(node.name)}`,
  index: (node, label) => `index ${affines([node.value], label)}`,
  read: (node, label) => `read ${nameText(node.tensor.name)} ${affines(node.at, label)}`,
  unary: (node, label) => `unary ${node.op} ${label(node.a)}`,
  binary: (node, label) => `binary ${node.op} ${label(node.a)} ${label(node.b)}`,
  power: (node, label) => `power ${label(node.base)} ${node.exponent.num}/${node.exponent.den}`,
  sum: (node, label) => `sum ${list(node.args, label)}`,
  product: (node, label) => `product ${list(node.args, label)}`,
  boolean: (node) => `boolean ${String(node.value)}`,
  compare: (node, label) => `compare ${JSON.stringify(node.op)} ${label(node.a)} ${label(node.b)}`,
  and: (node, label) => `and ${list(node.args, label)}`,
  or: (node, label) => `or ${list(node.args, label)}`,
  not: (node, label) => `not ${label(node.a)}`,
  inrange: (node, label) => `inrange ${affines([node.value, node.extent], label)}`,
  divides: (node, label) => `divides ${affines([node.by, node.value], label)}`,
  iszero: (node, label) => `iszero ${affines([node.value], label)}`,
  select: (node, label) => `select ${label(node.test)} ${label(node.then)} ${label(node.else)}`,
  guard: (node, label) => `guard ${label(node.test)} ${label(node.a)}`,
  stopgradient: (node, label) => `stopgradient ${label(node.a)}`,
  delta: (node, label) => `delta ${affines([node.a, node.b], label)}`,
};

const nodeText = (node: Node, label: Label): string =>
  (TEXT[node.kind] as (node: Node, label: Label) => string)(node, label);

const noData: Label = () => {
  throw new Error("an extent depends on data");
};

const shapeText = (shape: readonly Affine[]): string => affines(shape, noData);

const tensorText = (tensor: Tensor): string =>
  `${nameText(tensor.name)} ${tensor.dtype} ${shapeText(tensor.shape)}`;

const definitionText = (definition: Definition): string => {
  const { tensor, reduction, target, body, indices, labels } = definition;
  const numbers = new Map<Node, number>();
  const label: Label = (node) => `%${numbers.get(node) ?? -1}`;
  const lines = reachable([body, ...(target ?? []).flatMap(dataOf)]).map((node, k) => {
    numbers.set(node, k);
    return `  %${k} = ${nodeText(node, label)}`;
  });
  const extents = shapeText(loopIndices(definition).map((index) => index.extent));
  const reduce = reduction === undefined ? "" : ` reduce ${reduction.op} ${reduction.indices.length}`;
  const scatter = target === undefined ? [] : [`  target ${affines(target, label)}`];
  const header = `define ${tensorText(tensor)} loops ${indices.length} ${extents}${reduce} labels ${labels.map(nameText).join(" ")}`;
  return [header.trimEnd(), ...lines, ...scatter, `  body ${label(body)}`].join("\n");
};

const defaultText = (value: number | undefined): string => (value === undefined ? "" : ` default ${value}`);

export const printProgram = (program: Program): string =>
  [
    `program ${nameText(program.name)} ${JSON.stringify(program.doc)}`,
    ...program.dims.map((dim) => `dim ${nameText(dim.name)} min ${dim.min}${defaultText(dim.default)}`),
    ...program.options.map((option) => `option ${nameText(option.name)}${defaultText(option.default)}`),
    ...program.inputs.map((tensor) => `input ${tensorText(tensor)}`),
    ...program.requirements.map((requirement) =>
      requirement.kind === "range"
        ? `require ${nameText(requirement.tensor.name)} ${shapeText([requirement.extent])}`
        : `divides ${shapeText([requirement.by, requirement.value])}`,
    ),
    ...program.definitions.map(definitionText),
    ...program.outputs.map(({ name, tensor }) => `output ${nameText(name)} ${nameText(tensor.name)}`),
    "",
  ].join("\n");
