/** The meaning of the loop IR, evaluated plainly: what compiled kernels are compared with. */
import type {
  AccumulateOp,
  BinaryOp,
  Buffer,
  Expr,
  Kernel,
  Local,
  Stmt,
  Type,
} from "../../../src/loop/types.ts";
import { BINARY, UNARY } from "../../../src/eval/operations.ts";
import type { PortValue } from "../../../codegen/interface.ts";

type Data = Float32Array | Float64Array | Int32Array;

interface State {
  readonly kernel: Kernel;
  readonly args: Readonly<Record<string, PortValue>>;
  readonly data: ReadonlyMap<string, Data>;
  readonly locals: Map<Local, number>;
}

const STEP: { readonly [K in AccumulateOp]: BinaryOp } = { sum: "add", prod: "mul", max: "max", min: "min" };

function round(state: State, type: Type, value: number): number {
  if (type === "float") return state.kernel.dtype === "f32" ? Math.fround(value) : value;
  return type === "wide" ? value : value | 0;
}

/** Selections, `and` and `or` are lazy; a load out of bounds is an error. */
function evaluate(state: State, expr: Expr): number {
  const { args, locals, data } = state;
  const value = (e: Expr): number => {
    switch (e.kind) {
      case "const":
        return e.value;
      case "local":
        return locals.get(e.local) ?? NaN;
      case "dim":
      case "option":
        return args[e.name] as number;
      case "load": {
        const element = data.get(e.buffer.name)?.[evaluate(state, e.offset)];
        if (element === undefined) throw new Error(`${e.buffer.name} is read out of bounds`);
        return element;
      }
      case "select":
        return evaluate(state, evaluate(state, e.test) === 1 ? e.then : e.else);
      case "and":
        return evaluate(state, e.a) === 1 ? evaluate(state, e.b) : 0;
      case "or":
        return evaluate(state, e.a) === 1 ? 1 : evaluate(state, e.b);
      case "not":
        return 1 - evaluate(state, e.a);
      case "unary":
        return UNARY[e.op](evaluate(state, e.a));
      case "binary":
        if (e.op === "mul" && e.type === "int") return Math.imul(evaluate(state, e.a), evaluate(state, e.b));
        return arithmetic(state, e, evaluate(state, e.a), evaluate(state, e.b));
      case "compare": {
        const [a, b] = [evaluate(state, e.a), evaluate(state, e.b)];
        return Number(e.op === "<" ? a < b : e.op === "<=" ? a <= b : e.op === "==" ? a === b : a !== b);
      }
      case "convert":
        return evaluate(state, e.a);
    }
  };
  return round(state, expr.type, value(expr));
}

/** The operations that consist of several round after each. */
function arithmetic(state: State, e: Extract<Expr, { kind: "binary" }>, a: number, b: number): number {
  if (e.type !== "float" || (e.op !== "floordiv" && e.op !== "mod")) return BINARY[e.op](a, b);
  const quotient = Math.floor(round(state, "float", a / b));
  return e.op === "floordiv" ? quotient : a - round(state, "float", b * quotient);
}

function combine(state: State, type: Type, op: AccumulateOp, a: number, b: number): number {
  return round(state, type, BINARY[STEP[op]](a, b));
}

function run(state: State, body: readonly Stmt[]): void {
  for (const s of body) {
    switch (s.kind) {
      case "for": {
        const to = evaluate(state, s.to);
        for (let i = evaluate(state, s.from); i < to; i += s.step) {
          state.locals.set(s.local, i);
          run(state, s.body);
        }
        break;
      }
      case "let":
      case "init":
      case "assign":
        state.locals.set(s.local, evaluate(state, s.value));
        break;
      case "accumulate": {
        const old = state.locals.get(s.local) ?? NaN;
        state.locals.set(s.local, combine(state, s.local.type, s.op, old, evaluate(state, s.value)));
        break;
      }
      case "store":
      case "accumulateAt": {
        const data = state.data.get(s.buffer.name);
        const at = evaluate(state, s.offset);
        const old = data?.[at];
        if (data === undefined || old === undefined)
          throw new Error(`${s.buffer.name} is written out of bounds`);
        const value = evaluate(state, s.value);
        data[at] = s.kind === "store" ? value : combine(state, s.buffer.type, s.op, old, value);
        break;
      }
      case "if":
        run(state, evaluate(state, s.test) === 1 ? s.then : s.else);
        break;
    }
  }
}

function arrayFor(kernel: Kernel, buffer: Buffer, length: number): Data {
  if (buffer.type === "int") return new Int32Array(length);
  return kernel.dtype === "f32" ? new Float32Array(length) : new Float64Array(length);
}

/** The outputs, all as arrays. Dims must be given in `args`. */
export function interpret(kernel: Kernel, args: Readonly<Record<string, PortValue>>): Record<string, Data> {
  const blank: State = { kernel, args, data: new Map(), locals: new Map() };
  const data = new Map(
    kernel.buffers.map((buffer): [string, Data] => {
      const given = args[buffer.name];
      if (typeof given === "object") return [buffer.name, given];
      const length = buffer.shape.reduce((product, extent) => product * evaluate(blank, extent), 1);
      const array = arrayFor(kernel, buffer, length);
      if (typeof given === "number") array[0] = given;
      return [buffer.name, array];
    }),
  );
  const defaults = Object.fromEntries(kernel.options.map((o) => [o.name, o.default ?? NaN]));
  run({ ...blank, args: { ...defaults, ...args }, data }, kernel.body);
  const outputs = kernel.buffers.filter((b) => b.role === "output");
  return Object.fromEntries(outputs.map((b) => [b.name, data.get(b.name) ?? new Float64Array()]));
}
