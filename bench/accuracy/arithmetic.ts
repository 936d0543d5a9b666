/**
 * What identifies the arithmetic of a WebAssembly module: the operations on numbers, each with what its operands are. Where in
 * memory an operand is, the names of locals, the order, and how often a loop is unrolled are no part of it; nor is, beside
 * vectors, what computes the elements that they leave over, which has the same results.
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
  /** Made of vectors. */
  readonly isVector: boolean;
}

const number = (text: string, isVector: boolean): Value => ({ text, from: [], isVector });

const integer = (parameters: readonly string[]): Value => {
  const from = [...new Set(parameters)].sort();
  return { text: `integer ${from.join(" ")}`, from, isVector: false };
};

const VECTOR = /^(v128|[if]\d+x\d+)/;

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

type Functions = ReadonlyMap<string, readonly Node[]>;

/** What a function that is called is, without its name; integers are numbers in it, and everything counts. */
const described = (node: Node, functions: Functions): string => {
  if (!isNode(node)) return node;
  const [head, ...rest] = node;
  if (head !== "call")
    return `(${[head ?? "", ...rest].map((part) => described(part, functions)).join(" ")})`;
  const [name, ...operands] = rest;
  const called = functions.get(nameOf(name))?.slice(2) ?? [];
  return `(call ${[...called, ...operands].map((part) => described(part, functions)).join(" ")})`;
};

const takesVectors = (func: readonly Node[]): boolean =>
  headed(func, "param").some(([, , type]) => type === "v128");

/** Operations of a function's body and of those on vectors that it calls, in any order and each once. */
const operations = (kernel: readonly Node[], functions: Functions): readonly Value[] => {
  const found: Value[] = [];
  const noted = (parts: readonly string[], operands: readonly Value[]): Value => {
    const isVector = VECTOR.test(parts[0] ?? "") || operands.some((operand) => operand.isVector);
    const value = number(digest([...parts, ...operands.map(({ text }) => text)].join(" ")), isVector);
    found.push(value);
    return value;
  };
  /** The value of a function, its parameters being `given`. */
  const resultOf = (func: readonly Node[], given: readonly Value[]): Value => {
    const locals = new Map<string, Value>();
    for (const [k, [, name, type]] of headed(func, "param").entries()) {
      const own = type === "i32" ? integer([nameOf(name)]) : number(nameOf(type), false);
      locals.set(nameOf(name), given[k] ?? own);
    }
    for (const [, name, type] of headed(func, "local"))
      locals.set(nameOf(name), type === "i32" ? integer([]) : number(`no ${nameOf(type)}`, false));
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
      if (op.endsWith(".const")) return number(attributes.join(" "), op.startsWith("v128"));
      if (op === "local.get") return locals.get(name) ?? integer([]);
      if (op === "local.set" || op === "local.tee") {
        const value = operands[0] ?? integer([]);
        locals.set(name, value);
        return value;
      }
      if (op.startsWith("i32.")) return integer(operands.flatMap(({ from }) => from));
      if (CONTROL.has(op)) return operands.at(-1) ?? integer([]);
      if (op === "if" && headed(rest, "result").length === 0) return integer([]);
      if (op !== "call") return noted([op, ...attributes], operands);
      const called = functions.get(name) ?? [];
      return takesVectors(called)
        ? resultOf(called, operands)
        : noted([op, ...called.slice(2).map((part) => described(part, functions))], operands);
    };
    const values = func
      .filter(isNode)
      .filter(([head]) => head !== "param" && head !== "local" && head !== "result" && head !== "export")
      .map(valueOf);
    return values.at(-1) ?? integer([]);
  };
  resultOf(kernel, []);
  return found;
};

/** Of a module of kernels; with the same arithmetic they have the same results. */
export const arithmeticOf = async (bytes: Uint8Array): Promise<string> => {
  const module = (await loadBinaryen()).readBinary(bytes);
  const root = parseNode(module.emitText());
  module.dispose();
  const sections = isNode(root) ? root.filter(isNode) : [];
  const exported = new Set(
    headed(sections, "export").flatMap((section) => headed(section, "func").map(([, name]) => name)),
  );
  const functions = new Map(headed(sections, "func").map((func) => [nameOf(func[1]), func]));
  const found = [...functions]
    .filter(([name]) => exported.has(name))
    .flatMap(([, kernel]) => operations(kernel, functions));
  const vectors = found.filter(({ isVector }) => isVector);
  const counted = new Set((vectors.length > 0 ? vectors : found).map(({ text }) => text));
  return digest([...counted].sort().join(" ")).slice(0, 8);
};
