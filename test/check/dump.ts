/** Programs as readable text, for assertions. */
import type { Affine, Definition, Index, Node, Program } from "../../src/ir/types.ts";
import { showAffine, showShape, type Label } from "../../src/check/show.ts";

const literal = (node: Extract<Node, { kind: "constant" }>): string =>
  node.exact !== undefined && node.exact.den !== 1
    ? `${node.exact.num}/${node.exact.den}`
    : String(node.value);

const exponentText = ({ num, den }: { readonly num: number; readonly den: number }): string =>
  den === 1 ? String(num) : `(${num}/${den})`;

const isReciprocal = (node: Node): boolean =>
  node.kind === "power" && node.exponent.num === -1 && node.exponent.den === 1;

const factorOf = (node: Extract<Node, { kind: "product" }>): number => {
  const [first] = node.args;
  return first?.kind === "constant" ? first.value : 1;
};

export const dumpNode = (root: Node, label: Label): string => {
  const affine = (a: Affine): string => showAffine(a, label);
  // operands are ordered by creation, which is nothing to assert
  const sorted = (args: readonly Node[]): readonly string[] => args.map(show).sort();
  const isNegative = (node: Node): boolean => node.kind === "product" && factorOf(node) < 0;
  const sumText = (args: readonly Node[]): string => {
    const plus = sorted(args.filter((arg) => !isNegative(arg)));
    const minus = sorted(args.filter(isNegative)).map((text) => text.replace(/^-/, ""));
    return `(${plus.join(" + ")}${minus.map((text) => ` - ${text}`).join("")})`;
  };
  const productText = (args: readonly Node[]): string => {
    const constants = args.flatMap((arg) => (arg.kind === "constant" ? [literal(arg)] : []));
    const divided = args.filter(isReciprocal);
    const rest = sorted(args.filter((arg) => arg.kind !== "constant" && !isReciprocal(arg)));
    const top = [...constants, ...rest].join("*").replace(/^-1\*/, "-");
    const bottom = divided.map((arg) => `/${show(arg.kind === "power" ? arg.base : arg)}`).sort();
    return `${top === "" ? "1" : top}${bottom.join("")}`;
  };
  const show = (node: Node): string => {
    switch (node.kind) {
      case "constant":
        return literal(node);
      case "zero":
        return "nothing";
      case "option":
        return node.name;
      case "index":
        return `{${affine(node.value)}}`;
      case "read":
        return `${node.tensor.name}[${node.at.map(affine).join(", ")}]`;
      case "unary":
        return `${node.op}(${show(node.a)})`;
      case "binary":
        return `${node.op}(${show(node.a)}, ${show(node.b)})`;
      case "power":
        return `${show(node.base)}^${exponentText(node.exponent)}`;
      case "sum":
        return sumText(node.args);
      case "product":
        return productText(node.args);
      case "boolean":
        return String(node.value);
      case "compare":
        return `${show(node.a)} ${node.op} ${show(node.b)}`;
      case "and":
        return `(${sorted(node.args).join(" && ")})`;
      case "or":
        return `(${sorted(node.args).join(" || ")})`;
      case "not":
        return `!(${show(node.a)})`;
      case "inrange":
        return `0 <= ${affine(node.value)} < ${affine(node.extent)}`;
      case "divides":
        return `${affine(node.by)} | ${affine(node.value)}`;
      case "iszero":
        return `${affine(node.value)} == 0`;
      case "select":
        return `(${show(node.test)} ? ${show(node.then)} : ${show(node.else)})`;
      case "guard":
        return `[${show(node.test)}]*(${show(node.a)})`;
      case "stopgradient":
        return `stop(${show(node.a)})`;
      case "delta":
        return `delta(${affine(node.a)}, ${affine(node.b)})`;
    }
  };
  return show(root);
};

const dumpDefinition = (definition: Definition): string => {
  const { indices, reduction, labels, tensor, body } = definition;
  const all = [...indices, ...(reduction?.indices ?? [])];
  const names = new Map<Index, string>(all.map((index, k) => [index, labels[k] ?? index.name]));
  const label: Label = (index) => names.get(index) ?? index.name;
  const range = (index: Index): string => `${label(index)}<${showAffine(index.extent, label)}`;
  const head = `${tensor.name}[${indices.map(range).join(", ")}]`;
  const over = reduction ? `${reduction.op}[${reduction.indices.map(range).join(", ")}] ` : "";
  return `${head} = ${over}${dumpNode(body, label)}`;
};

const none: Label = (index) => index.name;

export const dump = (program: Program): string =>
  [
    `${program.name}(${[
      ...program.inputs.map(
        (input) => `${input.name}: ${input.dtype === "int" ? "int" : ""}${showShape(input.shape, none)}`,
      ),
      ...program.dims.map(
        ({ name, min, default: value }) => `${name} >= ${min}${value === undefined ? "" : ` = ${value}`}`,
      ),
      ...program.options.map(
        ({ name, default: value }) => `${name}${value === undefined ? "" : ` = ${value}`}`,
      ),
    ].join("; ")})`,
    ...program.requirements.map((each) =>
      each.kind === "range"
        ? `  require ${each.tensor.name} < ${showAffine(each.extent, none)}`
        : `  require ${showAffine(each.by, none)} divides ${showAffine(each.value, none)}`,
    ),
    ...program.definitions.map((definition) => `  ${dumpDefinition(definition)}`),
    `  return ${program.outputs
      .map((output) =>
        output.name === output.tensor.name ? output.name : `${output.name}: ${output.tensor.name}`,
      )
      .join(", ")}`,
  ].join("\n");
