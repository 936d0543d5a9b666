/** Programs as readable text, for assertions. */
import type { Affine, Definition, Index, Node, Program } from "../../src/ir/types.ts";
import { showAffine, showShape, type Label } from "../../src/check/show.ts";

const literal = (node: Extract<Node, { kind: "constant" }>): string =>
  node.exact !== undefined && node.exact.den !== 1
    ? `${node.exact.num}/${node.exact.den}`
    : String(node.value);

export const dumpNode = (root: Node, label: Label): string => {
  const affine = (a: Affine): string => showAffine(a, label);
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
        return `(${show(node.base)})^(${node.exponent.num}/${node.exponent.den})`;
      case "sum":
        return `(${node.args.map(show).join(" + ")})`;
      case "product":
        return node.args.map(show).join("*");
      case "boolean":
        return String(node.value);
      case "compare":
        return `${show(node.a)} ${node.op} ${show(node.b)}`;
      case "and":
        return `(${node.args.map(show).join(" && ")})`;
      case "or":
        return `(${node.args.map(show).join(" || ")})`;
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
    ...program.requirements.map(
      ({ tensor, extent }) => `  require ${tensor.name} < ${showAffine(extent, none)}`,
    ),
    ...program.definitions.map((definition) => `  ${dumpDefinition(definition)}`),
    `  return ${program.outputs
      .map((output) =>
        output.name === output.tensor.name ? output.name : `${output.name}: ${output.tensor.name}`,
      )
      .join(", ")}`,
  ].join("\n");
