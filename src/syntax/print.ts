/**
 * In: a syntax tree. Out: its canonical text, which parses to the same tree up to spans.
 * Ends because it descends into each part once.
 */
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
  OptionDeclaration,
  Param,
  Statement,
} from "./ast.ts";

export function printModule(module: Module): string {
  const imports = module.imports.map(printImport).join("");
  const blocks = [imports, ...module.functions.map(printFunction), ...module.derives.map(printDerive)];
  return blocks.filter((block) => block !== "").join("\n");
}

function printImport(declaration: Import): string {
  return `import { ${printNames(declaration.names)} } from "${declaration.path}"\n`;
}

function printNames(names: readonly Name[]): string {
  return names.map((name) => name.text).join(", ");
}

function printFunction({ doc, name, params, options, body }: FunctionDeclaration): string {
  const docLines = doc === "" ? [] : doc.split("\n").map((line) => `/// ${line}`.trimEnd());
  const settings = options.length === 0 ? "" : `; ${options.map(printOption).join(", ")}`;
  const head = `fn ${name.text}(${params.map(printParam).join(", ")}${settings}) {`;
  return [...docLines, head, ...body.map((statement) => `  ${printStatement(statement)}`), "}", ""].join(
    "\n",
  );
}

function printParam({ name, type }: Param): string {
  if (type === undefined) return name.text;
  return `${name.text}: ${type.dtype === "int" ? "int" : ""}[${type.dims.map(printDim).join(", ")}]`;
}

function printDim(dim: Dim): string {
  return dim.kind === "ellipsis" ? "..." : printExpression(dim.value);
}

function printOption(option: OptionDeclaration): string {
  const { text } = option.name;
  return option.default === undefined ? text : `${text} = ${printExpression(option.default)}`;
}

function printStatement(statement: Statement): string {
  if (statement.kind === "return") return `return ${statement.values.map(printStandalone).join(", ")}`;
  const subscript = statement.binders === undefined ? "" : printBinders(statement.binders);
  return `${statement.name.text}${subscript} = ${printStandalone(statement.value)}`;
}

/** Outside of brackets `//` begins a comment, so that a floor division there gets a pair. */
function printStandalone(expression: Expression): string {
  const text = printExpression(expression);
  let depth = 0;
  for (const [mark] of text.matchAll(/[()[\]]|\/\//g)) {
    if (mark === "//" && depth === 0) return `(${text})`;
    if (mark === "(" || mark === "[") depth += 1;
    if (mark === ")" || mark === "]") depth -= 1;
  }
  return text;
}

function printDerive({ name, requests }: Derive): string {
  const made = requests.map(({ kind, args }) => `${kind.text}(${printNames(args)})`).join(", ");
  return `derive ${name.text} {${made === "" ? "" : ` ${made} `}}\n`;
}

function printBinders(binders: readonly Binder[]): string {
  return `[${binders.map(printBinder).join(", ")}]`;
}

function printBinder(binder: Binder): string {
  if (binder.kind === "ellipsis") return "...";
  if (binder.kind === "fixed") return printExpression(binder.value);
  const { text } = binder.name;
  return binder.extent === undefined ? text : `${text} < ${printAt(level.sum, binder.extent)}`;
}

/** How tightly each kind binds; an expression in a place for a tighter one is put in parentheses. */
const level = {
  conditional: 1,
  default: 2,
  or: 3,
  and: 4,
  compare: 5,
  sum: 6,
  product: 7,
  negate: 8,
  not: 8,
  power: 9,
  number: 10,
  name: 10,
  read: 10,
  call: 10,
  reduce: 10,
} as const satisfies { readonly [K in Expression["kind"]]: number };

function printAt(tightest: number, expression: Expression): string {
  const text = printExpression(expression);
  return level[expression.kind] < tightest ? `(${text})` : text;
}

type Printers = { readonly [K in Expression["kind"]]: (of: Extract<Expression, { kind: K }>) => string };

const printers: Printers = {
  number: ({ text }) => text,
  name: ({ text }) => text,
  read: ({ target, indices }) => `${target.text}[${indices.map(printIndex).join(", ")}]`,
  call: ({ callee, args, options }) => `${callee.text}${printArguments(args, options)}`,
  reduce: ({ callee, binders, args, options }) =>
    `${callee.text}${printBinders(binders)}${printArguments(args, options)}`,
  negate: ({ operand }) => `-${printAt(level.negate, operand)}`,
  not: ({ operand }) => `!${printAt(level.not, operand)}`,
  sum: ({ terms }) =>
    terms.map(({ sign, value }, i) => infix(i, sign, printAt(level.product, value))).join(""),
  product: ({ factors }) =>
    factors.map(({ op, value }, i) => infix(i, op, printAt(level.negate, value))).join(""),
  power: ({ base, exponent }) => `${printAt(level.number, base)}^${printAt(level.negate, exponent)}`,
  compare: ({ operands, ops }) =>
    operands.map((operand, i) => infix(i, ops[i - 1] ?? "", printAt(level.sum, operand))).join(""),
  and: ({ operands }) => operands.map((operand) => printAt(level.compare, operand)).join(" && "),
  or: ({ operands }) => operands.map((operand) => printAt(level.and, operand)).join(" || "),
  conditional: ({ test, then, else: otherwise }) =>
    `${printAt(level.default, test)} ? ${printExpression(then)} : ${printExpression(otherwise)}`,
  default: ({ value, fallback }) => `${printAt(level.or, value)} ?? ${printAt(level.default, fallback)}`,
};

/** A term behind its operator; the first stands without one. */
function infix(position: number, op: string, text: string): string {
  return position === 0 ? text : ` ${op} ${text}`;
}

/** The canonical text of one expression. */
export function printExpression(expression: Expression): string {
  const print = printers[expression.kind] as (of: Expression) => string;
  return print(expression);
}

function printIndex(index: IndexArgument): string {
  return index.kind === "ellipsis" ? "..." : printExpression(index);
}

function printArguments(args: readonly Expression[], options: readonly NamedArgument[]): string {
  const settings = options.map(({ name, value }) => `${name.text} = ${printExpression(value)}`).join(", ");
  return `(${args.map(printExpression).join(", ")}${settings === "" ? "" : `; ${settings}`})`;
}
