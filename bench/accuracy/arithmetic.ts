/**
 * What identifies the arithmetic of a WebAssembly module: the operations on numbers, each with what its operands are. Where in
 * memory an operand is, the names of locals, the order, and how often a loop is unrolled are no part of it.
 */
import { createHash } from "node:crypto";
import { loadBinaryen } from "../../codegen/wasm/binaryen.ts";

type Node = string | readonly Node[];

const TOKEN = /"[^"]*"|[()]|[^\s()"]+/g;

/** The one expression of a text. */
const parseNode = (text: string): Node => {
  const stack: Node[][] = [[]];
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "(") stack.push([]);
    else if (token === ")") {
      const closed = stack.pop() ?? [];
      stack.at(-1)?.push(closed);
    } else stack.at(-1)?.push(token);
  }
  return stack[0]?.[0] ?? [];
};

const digest = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 16);

const isNode = (node: Node): node is readonly Node[] => typeof node !== "string";

const headed = (nodes: readonly Node[], head: string): readonly (readonly Node[])[] =>
  nodes.filter(isNode).filter(([first]) => first === head);

const nameOf = (node: Node | undefined): string => (typeof node === "string" ? node : "");

/** What an expression is; of an address or a count, only from which parameters it comes. */
interface Value {
  readonly text: string;
  readonly from: readonly string[];
}

const number = (text: string): Value => ({ text, from: [] });

const integer = (parameters: readonly string[]): Value => {
  const from = [...new Set(parameters)].sort();
  return { text: `integer ${from.join(" ")}`, from };
};

const CONTROL: ReadonlySet<string> = new Set([
  "block",
  "loop",
  "then",
  "else",
  "br",
  "br_if",
  "drop",
  "nop",
  "return",
]);

/** Operations of a function's body, in any order and each once; `calls` has what a function that is called is. */
const operations = (func: readonly Node[], calls: ReadonlyMap<string, string>): ReadonlySet<string> => {
  const found = new Set<string>();
  const locals = new Map<string, Value>();
  for (const [, name, type] of headed(func, "param"))
    locals.set(nameOf(name), type === "i32" ? integer([nameOf(name)]) : number(nameOf(type)));
  for (const [, name, type] of headed(func, "local"))
    locals.set(nameOf(name), type === "i32" ? integer([]) : number(`no ${nameOf(type)}`));

  const noted = (parts: readonly string[], operands: readonly Value[]): Value => {
    const value = number(digest([...parts, ...operands.map(({ text }) => text)].join(" ")));
    found.add(value.text);
    return value;
  };
  const valueOf = (node: readonly Node[]): Value => {
    const [head, ...rest] = node;
    const op = nameOf(head);
    const operands = rest
      .filter(isNode)
      .filter(([first]) => first !== "result")
      .map(valueOf);
    const attributes = rest
      .filter((part) => typeof part === "string" && !/^(offset|align)=/.test(part))
      .map(nameOf);
    const [name = ""] = attributes;
    if (op.endsWith(".const")) return number(attributes.join(" "));
    if (op === "local.get") return locals.get(name) ?? integer([]);
    if (op === "local.set" || op === "local.tee") {
      const value = operands[0] ?? integer([]);
      locals.set(name, value);
      return value;
    }
    if (op.startsWith("i32.")) return integer(operands.flatMap(({ from }) => from));
    if (CONTROL.has(op)) return operands.at(-1) ?? integer([]);
    if (op === "if" && headed(rest, "result").length === 0) return integer([]);
    return noted([op, ...(op === "call" ? [calls.get(name) ?? ""] : attributes)], operands);
  };
  func
    .filter(isNode)
    .filter(([head]) => head !== "param" && head !== "local" && head !== "result")
    .forEach(valueOf);
  return found;
};

/** A function of the vector mathematics, without its name. */
const described = (node: Node, calls: ReadonlyMap<string, string>): string => {
  if (!isNode(node)) return node;
  const [head, ...rest] = node;
  const parts = head === "call" ? [calls.get(nameOf(rest[0])) ?? "", ...rest.slice(1)] : rest;
  return `(${[head ?? "", ...parts].map((part) => described(part, calls)).join(" ")})`;
};

/**
 * Of a module of kernels; with the same arithmetic they have the same results. Functions that are not exported are the vector
 * mathematics, where integers are numbers too: of these, everything counts.
 */
export const arithmeticOf = async (bytes: Uint8Array): Promise<string> => {
  const module = (await loadBinaryen()).readBinary(bytes);
  const root = parseNode(module.emitText());
  module.dispose();
  const sections = isNode(root) ? root.filter(isNode) : [];
  const exported = new Set(
    headed(sections, "export").flatMap((section) => headed(section, "func").map(([, name]) => name)),
  );
  const calls = new Map<string, string>();
  const found = new Set<string>();
  for (const [, name, ...body] of headed(sections, "func")) {
    if (exported.has(name)) for (const operation of operations(body, calls)) found.add(operation);
    else calls.set(nameOf(name), digest(body.map((part) => described(part, calls)).join(" ")));
  }
  return digest([...found].sort().join(" ")).slice(0, 8);
};
