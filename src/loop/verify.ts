/**
 * In: a kernel. Out: nothing, or an error that gives the path to the node which breaks the dialect.
 * Ends because every statement is entered once, and expressions are folded.
 */
import { foldExpr, operands } from "./fold.ts";
import { formatExpr } from "./format.ts";
import type { BinaryOp, Buffer, Expr, Kernel, Local, Stmt, Type, UnaryOp } from "./types.ts";
import { vectorProblem } from "./vectorise.ts";

const INT_UNARY: ReadonlySet<UnaryOp> = new Set<UnaryOp>(["neg", "abs", "sign"]);
const INT_BINARY: ReadonlySet<BinaryOp> = new Set<BinaryOp>(["add", "sub", "mul", "floordiv", "mod", "max", "min"]); // prettier-ignore

/** What `convert` may do: from a type, to these. */
const CONVERSIONS: { readonly [From in Type]: readonly Type[] } = {
  int: ["float"],
  float: ["wide", "int"],
  wide: ["float"],
  bool: ["float", "int"],
};

/** What is known at one point of a kernel. */
interface Context {
  readonly kernel: Kernel;
  readonly buffers: ReadonlySet<Buffer>;
  readonly dims: ReadonlySet<string>;
  readonly options: ReadonlyMap<string, Type>;
  /** The locals in scope; whether `accumulate` and `assign` may change them. */
  readonly scope: Map<Local, "fixed" | "mutable">;
  /** Every local of the kernel so far, by name. */
  readonly names: Map<string, Local>;
  /** Buffers that a statement before this one stores to. */
  readonly stored: Set<Buffer>;
}

function fail(context: Context, path: string, problem: string): never {
  throw new Error(`kernel ${context.kernel.name}, ${path}: ${problem}`);
}

/** The steps from an expression down to one of its nodes, such as `.a.b`. */
function stepsTo(root: Expr, target: Expr): string {
  const steps = new Map<Expr, string>([[root, ""]]);
  for (const [expr, step] of steps) {
    if (expr === target) return step;
    for (const operand of operands(expr)) {
      const name = Object.entries(expr).find(([, value]) => value === operand)?.[0];
      if (!steps.has(operand)) steps.set(operand, `${step}.${String(name)}`);
    }
  }
  return "";
}

const sameTypes = (...exprs: readonly Expr[]): boolean => exprs.every((expr) => expr.type === exprs[0]?.type);

function constProblem(expr: Expr & { kind: "const" }): string | undefined {
  if (expr.type === "int" && expr.value !== (expr.value | 0)) return `${expr.value} is not an int`;
  if (expr.type === "bool" && expr.value !== 0 && expr.value !== 1) return `${expr.value} is not a bool`;
  return undefined;
}

function operationProblem(expr: Expr & { kind: "unary" | "binary" }): string | undefined {
  const [a, b] = [expr.a, expr.kind === "binary" ? expr.b : expr.a];
  if (!sameTypes(expr, a, b)) return `${expr.op} to ${expr.type} of ${a.type} and ${b.type}`;
  if (expr.type === "bool") return `${expr.op} of bool`;
  const isInt = expr.kind === "unary" ? INT_UNARY.has(expr.op) : INT_BINARY.has(expr.op);
  return expr.type === "int" && !isInt ? `${expr.op} is not defined for ints` : undefined;
}

function loadProblem(context: Context, expr: Expr & { kind: "load" }): string | undefined {
  const { buffer, offset } = expr;
  if (!context.buffers.has(buffer)) return `buffer ${buffer.name} is not declared`;
  if (expr.type !== buffer.type) return `${buffer.name} has type ${buffer.type}, not ${expr.type}`;
  if (offset.type !== "int") return `the offset has type ${offset.type}`;
  if (buffer.role !== "input" && !context.stored.has(buffer))
    return `${buffer.name} is read before it is stored to`;
  return undefined;
}

function nodeProblem(context: Context, expr: Expr): string | undefined {
  switch (expr.kind) {
    case "const":
      return constProblem(expr);
    case "local":
      if (!context.scope.has(expr.local)) return `local ${expr.local.name} is not in scope`;
      return expr.type === expr.local.type
        ? undefined
        : `local ${expr.local.name} has type ${expr.local.type}`;
    case "dim":
      return context.dims.has(expr.name) ? undefined : `dimension ${expr.name} is not declared`;
    case "option": {
      const type = context.options.get(expr.name);
      if (type === undefined) return `option ${expr.name} is not declared`;
      return expr.type === type ? undefined : `option ${expr.name} has type ${type}`;
    }
    case "load":
      return loadProblem(context, expr);
    case "unary":
    case "binary":
      return operationProblem(expr);
    case "compare":
      if (expr.a.type === "bool") return "comparison of bool";
      return sameTypes(expr.a, expr.b) ? undefined : `comparison of ${expr.a.type} and ${expr.b.type}`;
    case "and":
    case "or":
    case "not":
      return operands(expr).every((a) => a.type === "bool") ? undefined : `${expr.kind} of what is not bool`;
    case "select":
      if (expr.test.type !== "bool") return `the test has type ${expr.test.type}`;
      return sameTypes(expr, expr.then, expr.else)
        ? undefined
        : `selection to ${expr.type} of ${expr.then.type} and ${expr.else.type}`;
    case "convert":
      return CONVERSIONS[expr.a.type].includes(expr.type)
        ? undefined
        : `no conversion from ${expr.a.type} to ${expr.type}`;
  }
}

function checkExpr(context: Context, path: string, root: Expr, type: Type): void {
  foldExpr<undefined>(root, (expr) => {
    const problem = nodeProblem(context, expr);
    if (problem !== undefined) fail(context, path + stepsTo(root, expr), problem);
    return undefined;
  });
  if (root.type !== type) fail(context, path, `expected ${type}, found ${root.type}`);
}

/** Brings a local into scope. One object may be declared again once its scope has ended; a name stands for one object. */
function declare(context: Context, path: string, local: Local, kind: "fixed" | "mutable"): void {
  if (context.scope.has(local)) fail(context, path, `local ${local.name} is declared twice`);
  const known = context.names.get(local.name);
  if (known !== undefined && known !== local) fail(context, path, `two locals are called ${local.name}`);
  context.names.set(local.name, local);
  context.scope.set(local, kind);
}

function checkChange(context: Context, path: string, stmt: Stmt & { kind: "accumulate" | "assign" }): void {
  const kind = context.scope.get(stmt.local);
  if (kind === undefined) fail(context, path, `local ${stmt.local.name} is not in scope`);
  if (kind === "fixed") fail(context, path, `local ${stmt.local.name} is not declared by init`);
  if (stmt.kind === "accumulate" && stmt.local.type === "bool") fail(context, path, "accumulation of bool");
  checkExpr(context, `${path}.value`, stmt.value, stmt.local.type);
}

function checkStore(context: Context, path: string, stmt: Stmt & { kind: "store" | "accumulateAt" }): void {
  const { buffer } = stmt;
  if (!context.buffers.has(buffer)) fail(context, path, `buffer ${buffer.name} is not declared`);
  if (buffer.role === "input") fail(context, path, `${buffer.name} is an input`);
  if (stmt.kind === "accumulateAt" && !context.stored.has(buffer))
    fail(context, path, `${buffer.name} is accumulated into before it is stored to`);
  checkExpr(context, `${path}.offset`, stmt.offset, "int");
  checkExpr(context, `${path}.value`, stmt.value, buffer.type);
  context.stored.add(buffer);
}

function checkFor(context: Context, path: string, stmt: Stmt & { kind: "for" }): void {
  checkExpr(context, `${path}.from`, stmt.from, "int");
  checkExpr(context, `${path}.to`, stmt.to, "int");
  if (stmt.local.type !== "int") fail(context, path, `the loop's local has type ${stmt.local.type}`);
  if (!Number.isInteger(stmt.step) || stmt.step < 1) fail(context, path, `the step is ${stmt.step}`);
  const problem = stmt.mode === "vector" ? vectorProblem(stmt) : undefined;
  if (problem !== undefined) fail(context, path, `not a vector loop: ${problem}`);
  const inner = { ...context, scope: new Map(context.scope) };
  declare(inner, path, stmt.local, "fixed");
  // a recurrence reads what earlier iterations stored
  for (const buffer of storedIn(stmt.body)) context.stored.add(buffer);
  checkBody(inner, `${path}.body`, stmt.body);
}

function storedIn(body: readonly Stmt[]): readonly Buffer[] {
  return body.flatMap((stmt) => {
    if (stmt.kind === "for") return storedIn(stmt.body);
    if (stmt.kind === "if") return [...storedIn(stmt.then), ...storedIn(stmt.else)];
    return stmt.kind === "store" ? [stmt.buffer] : [];
  });
}

function checkStatement(context: Context, path: string, stmt: Stmt): void {
  switch (stmt.kind) {
    case "for":
      checkFor(context, path, stmt);
      break;
    case "if":
      checkExpr(context, `${path}.test`, stmt.test, "bool");
      checkBody({ ...context, scope: new Map(context.scope) }, `${path}.then`, stmt.then);
      checkBody({ ...context, scope: new Map(context.scope) }, `${path}.else`, stmt.else);
      break;
    case "let":
    case "init":
      checkExpr(context, `${path}.value`, stmt.value, stmt.local.type);
      declare(context, path, stmt.local, stmt.kind === "let" ? "fixed" : "mutable");
      break;
    case "accumulate":
    case "assign":
      checkChange(context, path, stmt);
      break;
    case "store":
    case "accumulateAt":
      checkStore(context, path, stmt);
      break;
  }
}

function checkBody(context: Context, path: string, body: readonly Stmt[]): void {
  for (const [index, stmt] of body.entries())
    checkStatement(context, `${path}[${index}] (${stmt.kind})`, stmt);
}

/** Arguments share one object, and so do results. */
function checkNames(context: Context): void {
  const { buffers, dims, options } = context.kernel;
  const inputs = buffers.filter((buffer) => buffer.role === "input");
  const groups = [
    [...inputs, ...dims, ...options],
    buffers.filter((buffer) => buffer.role === "output"),
    buffers.filter((buffer) => buffer.role === "temp"),
  ];
  for (const group of groups) {
    const names = group.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) < index);
    if (twice !== undefined) fail(context, "signature", `the name ${twice} is used twice`);
  }
}

const ROLES: readonly Buffer["role"][] = ["input", "output", "temp"];

function checkSignature(context: Context): void {
  const { kernel } = context;
  checkNames(context);
  for (const { name, min } of kernel.dims)
    if (!Number.isInteger(min) || min < 0) fail(context, `dimension ${name}`, `the least value is ${min}`);
  for (const { name, type, default: value } of kernel.options)
    if (type === "int" && value !== undefined && value !== (value | 0))
      fail(context, `option ${name}`, `the default ${value} is not an int`);
  for (const [index, buffer] of kernel.buffers.entries()) {
    const before = kernel.buffers[index - 1];
    if (before !== undefined && ROLES.indexOf(before.role) > ROLES.indexOf(buffer.role))
      fail(context, `buffer ${buffer.name}`, `${buffer.role} after ${before.role}`);
    for (const [axis, extent] of buffer.shape.entries())
      checkExtent(context, `${buffer.name}.shape[${axis}]`, extent);
  }
  for (const requirement of kernel.requirements) {
    if (requirement.kind === "divides") {
      for (const side of ["by", "value"] as const)
        checkExtent(context, `requirement on ${side}`, requirement[side]);
      continue;
    }
    const { buffer, extent } = requirement;
    if (!context.buffers.has(buffer) || buffer.role !== "input" || buffer.type !== "int")
      fail(context, `requirement on ${buffer.name}`, "it is not an int input");
    checkExtent(context, `requirement on ${buffer.name}`, extent);
  }
}

/** An extent is known before the kernel runs. */
function checkExtent(context: Context, path: string, extent: Expr): void {
  const reads = foldExpr<boolean>(
    extent,
    (expr, of) => expr.kind === "load" || operands(expr).some((operand) => of(operand)),
  );
  if (reads) fail(context, path, `the extent ${formatExpr(extent)} reads a buffer`);
  checkExpr(context, path, extent, "int");
}

/** Throws unless the kernel is one that the back ends promise to compile. */
export function verifyKernel(kernel: Kernel): void {
  const context: Context = {
    kernel,
    buffers: new Set(kernel.buffers),
    dims: new Set(kernel.dims.map(({ name }) => name)),
    options: new Map(kernel.options.map(({ name, type }) => [name, type])),
    scope: new Map(),
    names: new Map(),
    stored: new Set(),
  };
  checkSignature(context);
  checkBody(context, "body", kernel.body);
  for (const buffer of kernel.buffers)
    if (buffer.role === "output" && !context.stored.has(buffer))
      fail(context, `output ${buffer.name}`, "nothing is stored to it");
}
