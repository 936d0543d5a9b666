/**
 * In: expressions; out: a list of steps that computes them for the present values of the loop counters. Ends because
 * every node has one step and needs only nodes of smaller ids.
 */
import {
  affine,
  dependenciesOf,
  operandsOf,
  reachable,
  type Affine,
  type Kind,
  type Node,
  type NodeOf,
  type Tensor,
} from "../ir/index.ts";
import { BINARY, UNARY } from "../runtime/scalar.ts";
import { isRepresentable, isSmallWhole, propagated, rounding, type Arithmetic } from "./arithmetic.ts";
import { misfit, type Stored } from "./arrays.ts";
import { compileIndex, intervalOf, EVERYTHING, type IndexScope, type Interval } from "./indexing.ts";
import { selectionOf, type Select } from "./selection.ts";
import { BINARY_SENSITIVITY, UNARY_SENSITIVITY } from "./sensitivity.ts";

export interface TapeScope {
  readonly dims: ReadonlyMap<string, number>;
  readonly options: ReadonlyMap<string, number>;
  readonly counters: Float64Array;
  readonly position: IndexScope["position"];
  readonly storage: (tensor: Tensor) => Stored;
  /** Whose errors are followed; none if undefined. */
  readonly arithmetic: Arithmetic | undefined;
  /** Told which way each selection goes; none if undefined. */
  readonly select?: Select | undefined;
}

export interface Tape {
  /** Computes the roots at the present counters. */
  readonly run: () => void;
  readonly value: (root: Node) => number;
  readonly error: (root: Node) => number;
  /** Reads an index expression whose data are roots. */
  readonly index: (a: Affine) => () => number;
}

type Step = () => number;

interface Context {
  readonly scope: TapeScope;
  readonly indices: IndexScope;
  readonly slot: (node: Node) => number;
  readonly slots: (nodes: readonly Node[]) => readonly number[];
  readonly values: Float64Array;
  readonly errors: Float64Array;
}

const at = (array: Float64Array, k: number): number => array[k] ?? NaN;

export const compileTape = (roots: readonly Node[], scope: TapeScope): Tape => {
  const nodes = reachable(roots);
  const slots = new Map(nodes.map((node, k) => [node, k]));
  const slot = (node: Node): number => {
    const k = slots.get(node);
    if (k === undefined) throw new Error(`node ${node.id} is not on the tape`);
    return k;
  };
  const values = new Float64Array(nodes.length);
  const errors = new Float64Array(nodes.length);
  const indices: IndexScope = {
    dims: scope.dims,
    counters: scope.counters,
    position: scope.position,
    data: (node) => {
      const k = slot(node);
      return () => at(values, k);
    },
    dataRange: (node) => dataRange(node, scope),
  };
  const context: Context = { scope, indices, slot, slots: (all) => all.map(slot), values, errors };
  const steps = nodes.map((node) => step(context, node));
  const safe = nodes.every((node) => node.kind !== "read" || inBounds(node, context));
  return {
    run: safe ? eager(steps, values) : lazy(nodes, steps, context, roots),
    value: (root) => at(values, slot(root)),
    error: (root) => at(errors, slot(root)),
    index: (a) => compileIndex(a, indices),
  };
};

const eager = (steps: readonly Step[], values: Float64Array) => (): void => {
  let k = 0;
  for (const run of steps) values[k++] = run();
};

// A table row takes its own kind; the lookup by `node.kind` always finds that row.
const valueRow = (kind: Kind): ((c: Context, node: Node) => Step) =>
  VALUES[kind] as (c: Context, node: Node) => Step;
const errorRow = (kind: Kind): ((c: Context, node: Node, arithmetic: Arithmetic) => Step) =>
  ERRORS[kind] as (c: Context, node: Node, arithmetic: Arithmetic) => Step;

/** The step of a node, which also leaves its error where errors are followed, and tells of selections. */
const step = (context: Context, node: Node): Step => {
  const value = told(context, node, valueRow(node.kind)(context, node));
  if (context.scope.arithmetic === undefined) return value;
  const error = errorRow(node.kind)(context, node, context.scope.arithmetic);
  const [k, { values, errors }] = [context.slot(node), context];
  return () => {
    const result = value();
    values[k] = result;
    const bound = error();
    errors[k] = Number.isNaN(bound) ? Infinity : bound;
    return result;
  };
};

const told = (context: Context, node: Node, value: Step): Step => {
  const { values, scope } = context;
  const selection = selectionOf(node);
  const { select } = scope;
  if (select === undefined || selection === undefined) return value;
  const [a = 0, b = 0] = context.slots(operandsOf(node));
  return () => {
    const result = value();
    select(selection(at(values, a), at(values, b), result));
    return result;
  };
};

// ---- evaluation on demand, where a branch that is not taken would read out of bounds

const lazy = (nodes: readonly Node[], steps: readonly Step[], context: Context, roots: readonly Node[]) => {
  const { values } = context;
  const demands = nodes.map((node) => demandOf(node, context));
  const wanted = context.slots(roots);
  const computed = new Int32Array(nodes.length);
  const isMissing = (k: number): boolean => computed[k] !== round;
  const stack: number[] = [];
  let round = 0;
  return (): void => {
    round++;
    stack.push(...wanted);
    for (let k = stack.at(-1); k !== undefined; k = stack.at(-1)) {
      const before = stack.length;
      if (isMissing(k)) demands[k]?.(isMissing, stack);
      if (stack.length > before) continue;
      stack.pop();
      if (!isMissing(k)) continue;
      values[k] = steps[k]?.() ?? NaN;
      computed[k] = round;
    }
  };
};

/** Pushes what has to be computed next, before the node can be. */
type Demand = (isMissing: (k: number) => boolean, stack: number[]) => void;

const demandOf = (node: Node, context: Context): Demand => {
  if (node.kind === "select") return demandOfSelect(node, context);
  if (node.kind === "guard") return demandOfGuard(node, context);
  if (node.kind === "and" || node.kind === "or") return demandOfConnective(node, context);
  const needs = context.slots(dependenciesOf(node));
  return (isMissing, stack) => {
    for (const k of needs) if (isMissing(k)) stack.push(k);
  };
};

/** Both branches where the test is in doubt, as the error is then their difference. */
const demandOfSelect = (node: NodeOf<"select">, context: Context): Demand => {
  const [test, then, otherwise] = [context.slot(node.test), context.slot(node.then), context.slot(node.else)];
  const { errors, values } = context;
  return (isMissing, stack) => {
    if (isMissing(test)) return void stack.push(test);
    const doubt = at(errors, test) > 0;
    if ((doubt || at(values, test) === 1) && isMissing(then)) stack.push(then);
    if ((doubt || at(values, test) === 0) && isMissing(otherwise)) stack.push(otherwise);
  };
};

const demandOfGuard = (node: NodeOf<"guard">, context: Context): Demand => {
  const [test, a, { errors, values }] = [context.slot(node.test), context.slot(node.a), context];
  return (isMissing, stack) => {
    if (isMissing(test)) stack.push(test);
    else if ((at(errors, test) > 0 || at(values, test) === 1) && isMissing(a)) stack.push(a);
  };
};

const demandOfConnective = (node: Connective, context: Context): Demand => {
  const [decisive, args, { errors, values }] = [
    DECISIVE[node.kind],
    context.slots(boundsFirst(node.args)),
    context,
  ];
  return (isMissing, stack) => {
    for (const arg of args) {
      if (isMissing(arg)) return void stack.push(arg);
      if (at(values, arg) === decisive && at(errors, arg) === 0) return;
    }
  };
};

type Connective = NodeOf<"and"> | NodeOf<"or">;

/** What one argument makes of the whole. */
const DECISIVE = { and: 0, or: 1 } as const;

/** Tests of indices come first: they say whether the reads in the others are in bounds. */
const boundsFirst = (args: readonly Node[]): readonly Node[] => {
  const readsNothing = (arg: Node): boolean => reachable([arg]).every((node) => node.kind !== "read");
  return [...args.filter(readsNothing), ...args.filter((arg) => !readsNothing(arg))];
};

const inBounds = (node: NodeOf<"read">, context: Context): boolean => {
  const { shape } = context.scope.storage(node.tensor);
  return node.at.every((a, k) => {
    const { low, high } = intervalOf(a, context.indices);
    return 0 <= low && high < (shape[k] ?? 0);
  });
};

const dataRange = (node: Node, scope: TapeScope): Interval => {
  if (node.kind !== "read" || node.tensor.role !== "input") return EVERYTHING;
  let [low, high] = [Infinity, -Infinity];
  for (const value of scope.storage(node.tensor).data)
    [low, high] = [Math.min(low, value), Math.max(high, value)];
  return low <= high ? { low, high } : { low: 0, high: 0 };
};

// ---- values

/** The sum with what rounding loses carried along (Neumaier). */
const sumOf = (values: Float64Array, slots: readonly number[]): number => {
  let [sum, lost] = [0, 0];
  for (const k of slots) {
    const x = at(values, k);
    const next = sum + x;
    lost += Math.abs(sum) >= Math.abs(x) ? sum - next + x : x - next + sum;
    sum = next;
  }
  return Number.isFinite(sum) ? sum + lost : sum;
};

const offsetOf = (context: Context, node: NodeOf<"read">): Step => {
  const { shape } = context.scope.storage(node.tensor);
  const axes = node.at.map((a, k) => ({ read: compileIndex(a, context.indices), size: shape[k] ?? 0 }));
  return () => {
    let offset = 0;
    for (const { read, size } of axes) {
      const index = read();
      if (!(0 <= index && index < size))
        throw outOfBounds(
          node,
          axes.map((axis) => axis.read()),
          shape,
        );
      offset = offset * size + index;
    }
    return offset;
  };
};

const outOfBounds = (node: NodeOf<"read">, place: readonly number[], shape: readonly number[]): Error =>
  misfit(`${node.tensor.name}[${place.join(", ")}] is read, but its shape is [${shape.join(", ")}]`);

const powerOf = (num: number, den: number): ((x: number) => number) => {
  if (den === 1 && num === 2) return (x) => x * x;
  if (den === 1 && num === -1) return (x) => 1 / x;
  if (den === 2 && num === 1) return Math.sqrt;
  if (den === 2 && num === -1) return (x) => 1 / Math.sqrt(x);
  return (x) => BINARY.pow(x, num / den);
};

const COMPARE: { readonly [K in NodeOf<"compare">["op"]]: (a: number, b: number) => boolean } = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

const constantly =
  (value: number): Step =>
  () =>
    value;

const VALUES: { readonly [K in Kind]: (context: Context, node: NodeOf<K>) => Step } = {
  constant: (_c, node) => constantly(node.value),
  zero: () => constantly(0),
  option: (c, node) => constantly(c.scope.options.get(node.name) ?? NaN),
  index: (c, node) => compileIndex(node.value, c.indices),
  read: (c, node) => {
    const [{ data }, offset] = [c.scope.storage(node.tensor), offsetOf(c, node)];
    return () => at(data, offset());
  },
  unary: (c, node) => {
    const [f, a, { values }] = [UNARY[node.op], c.slot(node.a), c];
    return () => f(at(values, a));
  },
  binary: (c, node) => {
    const [f, a, b, { values }] = [BINARY[node.op], c.slot(node.a), c.slot(node.b), c];
    return () => f(at(values, a), at(values, b));
  },
  power: (c, node) => {
    const [f, a, { values }] = [powerOf(node.exponent.num, node.exponent.den), c.slot(node.base), c];
    return () => f(at(values, a));
  },
  sum: (c, node) => {
    const [args, { values }] = [c.slots(node.args), c];
    return () => sumOf(values, args);
  },
  product: (c, node) => {
    const [args, { values }] = [c.slots(node.args), c];
    return () => {
      let product = 1;
      for (const k of args) product *= at(values, k);
      return product;
    };
  },
  boolean: (_c, node) => constantly(Number(node.value)),
  compare: (c, node) => {
    const [test, a, b, { values }] = [COMPARE[node.op], c.slot(node.a), c.slot(node.b), c];
    return () => Number(test(at(values, a), at(values, b)));
  },
  and: (c, node) => connective(c, node),
  or: (c, node) => connective(c, node),
  not: (c, node) => {
    const [a, { values }] = [c.slot(node.a), c];
    return () => 1 - at(values, a);
  },
  inrange: (c, node) => {
    const [value, extent] = [compileIndex(node.value, c.indices), compileIndex(node.extent, c.indices)];
    return () => {
      const index = value();
      return Number(0 <= index && index < extent());
    };
  },
  divides: (c, node) => {
    const [value, by] = [compileIndex(node.value, c.indices), compileIndex(node.by, c.indices)];
    return () => Number(value() % by() === 0);
  },
  iszero: (c, node) => {
    const value = compileIndex(node.value, c.indices);
    return () => Number(value() === 0);
  },
  select: (c, node) => {
    const [test, then, otherwise, { values }] = [c.slot(node.test), c.slot(node.then), c.slot(node.else), c];
    return () => (at(values, test) === 1 ? at(values, then) : at(values, otherwise));
  },
  guard: (c, node) => {
    const [test, a, { values }] = [c.slot(node.test), c.slot(node.a), c];
    return () => (at(values, test) === 1 ? at(values, a) : 0);
  },
  stopgradient: (c, node) => {
    const [a, { values }] = [c.slot(node.a), c];
    return () => at(values, a);
  },
  delta: (c, node) => {
    const [a, b] = [compileIndex(node.a, c.indices), compileIndex(node.b, c.indices)];
    return () => Number(a() === b());
  },
};

/** Stops where the demand of arguments stops: those behind may not have been computed. */
const connective = (c: Context, node: Connective): Step => {
  const [args, decisive, { values, errors }] = [c.slots(boundsFirst(node.args)), DECISIVE[node.kind], c];
  return () => {
    let result: 0 | 1 = decisive === 0 ? 1 : 0;
    for (const k of args) {
      if (at(values, k) !== decisive) continue;
      result = decisive;
      if (at(errors, k) === 0) break;
    }
    return result;
  };
};

// ---- errors: of a condition, 1 where rounding may turn it

type ErrorRow<K extends Kind> = (context: Context, node: NodeOf<K>, arithmetic: Arithmetic) => Step;

const exactly = (): Step => constantly(0);

const ERRORS: { readonly [K in Kind]: ErrorRow<K> } = {
  constant: (_c, node, arithmetic) =>
    constantly(isRepresentable(node.value, arithmetic) ? 0 : rounding(node.value, 1, arithmetic)),
  zero: exactly,
  option: exactly,
  index: (c, node, arithmetic) => {
    const [k, { values }] = [c.slot(node), c];
    return () => (isRepresentable(at(values, k), arithmetic) ? 0 : rounding(at(values, k), 1, arithmetic));
  },
  read: (c, node) => {
    const { error } = c.scope.storage(node.tensor);
    if (error === undefined) return exactly();
    const offset = offsetOf(c, node);
    return () => at(error, offset());
  },
  unary: (c, node, arithmetic) => {
    const [a, k, { values, errors }] = [c.slot(node.a), c.slot(node), c];
    const sensitivity = UNARY_SENSITIVITY[node.op];
    if (sensitivity === "jumps")
      return jump(
        UNARY[node.op],
        () => at(values, a),
        () => at(errors, a),
      );
    const { derivative, roundings } = sensitivity;
    return () => {
      const [x, z, e] = [at(values, a), at(values, k), at(errors, a)];
      return (e === 0 ? 0 : propagated(derivative(x, z), e)) + rounding(z, roundings, arithmetic);
    };
  },
  binary: (c, node, arithmetic) => {
    const [a, b, k, { values, errors }] = [c.slot(node.a), c.slot(node.b), c.slot(node), c];
    const sensitivity = BINARY_SENSITIVITY[node.op];
    if (sensitivity === "jumps") return jumpOfTwo(c, node, arithmetic);
    const { first, second, roundings } = sensitivity;
    return () => {
      const [x, y, z, ex, ey] = [at(values, a), at(values, b), at(values, k), at(errors, a), at(errors, b)];
      return (
        (ex === 0 ? 0 : propagated(first(x, y, z), ex)) +
        (ey === 0 ? 0 : propagated(second(x, y, z), ey)) +
        rounding(z, roundings, arithmetic)
      );
    };
  },
  power: (c, node, arithmetic) => {
    const [a, k, { values, errors }] = [c.slot(node.base), c.slot(node), c];
    const exponent = node.exponent.num / node.exponent.den;
    const roundings = node.exponent.den <= 2 && Math.abs(exponent) <= 2 ? 3 : 4 + Math.abs(exponent);
    return () => {
      const derivative = exponent * Math.abs(at(values, a)) ** (exponent - 1);
      return propagated(derivative, at(errors, a)) + rounding(at(values, k), roundings, arithmetic);
    };
  },
  sum: (c, node, arithmetic) => {
    const [args, { values, errors }] = [c.slots(node.args), c];
    return () => {
      let [error, magnitude, isExact] = [0, 0, true];
      for (const k of args) {
        error += at(errors, k);
        magnitude += Math.abs(at(values, k));
        isExact &&= isSmallWhole(at(values, k), arithmetic);
      }
      if (isExact && isSmallWhole(magnitude, arithmetic)) return error;
      return error + rounding(magnitude, args.length - 1, arithmetic);
    };
  },
  product: (c, node, arithmetic) => {
    const [args, { values, errors }] = [c.slots(node.args), c];
    return () => {
      let [product, error] = [1, 0];
      for (const k of args) {
        [product, error] = productError(product, error, at(values, k), at(errors, k), arithmetic);
      }
      return error;
    };
  },
  boolean: exactly,
  compare: (c, node) => {
    const [a, b, { values, errors }] = [c.slot(node.a), c.slot(node.b), c];
    return () => {
      const error = at(errors, a) + at(errors, b);
      return error > 0 && Math.abs(at(values, a) - at(values, b)) <= error ? 1 : 0;
    };
  },
  and: (c, node) => uncertain(c, node),
  or: (c, node) => uncertain(c, node),
  not: (c, node) => {
    const [a, { errors }] = [c.slot(node.a), c];
    return () => at(errors, a);
  },
  inrange: exactly,
  divides: exactly,
  iszero: exactly,
  select: (c, node) => {
    const [test, then, otherwise, { values, errors }] = [
      c.slot(node.test),
      c.slot(node.then),
      c.slot(node.else),
      c,
    ];
    return () => {
      if (at(errors, test) === 0) return at(errors, at(values, test) === 1 ? then : otherwise);
      const gap = Math.abs(at(values, then) - at(values, otherwise));
      return Math.max(at(errors, then), at(errors, otherwise)) + gap;
    };
  },
  guard: (c, node) => {
    const [test, a, { values, errors }] = [c.slot(node.test), c.slot(node.a), c];
    return () => {
      if (at(errors, test) === 0) return at(values, test) === 1 ? at(errors, a) : 0;
      return at(errors, a) + Math.abs(at(values, a));
    };
  },
  stopgradient: (c, node) => {
    const [a, { errors }] = [c.slot(node.a), c];
    return () => at(errors, a);
  },
  delta: exactly,
};

/** A partial product and its error, times one factor more. */
export const productError = (
  product: number,
  error: number,
  factor: number,
  factorError: number,
  arithmetic: Arithmetic,
): [product: number, error: number] => {
  const carried =
    propagated(product, factorError) + propagated(factor, error) + propagated(error, factorError);
  const next = product * factor;
  const isExact = [product, factor, next].every((x) => isSmallWhole(x, arithmetic));
  return [next, carried + (isExact || (product === 1 && error === 0) ? 0 : rounding(next, 1, arithmetic))];
};

const jump =
  (f: (x: number) => number, value: Step, error: Step): Step =>
  () => {
    const [x, e] = [value(), error()];
    return e === 0 ? 0 : Math.max(Math.abs(f(x + e) - f(x)), Math.abs(f(x - e) - f(x)));
  };

/** Division rounds before the floor is taken, so that a quotient next to a whole number may land on either side. */
const jumpOfTwo = (c: Context, node: NodeOf<"binary">, arithmetic: Arithmetic): Step => {
  const [a, b, { values, errors }] = [c.slot(node.a), c.slot(node.b), c];
  return () => {
    const [x, y, ex, ey] = [at(values, a), at(values, b), at(errors, a), at(errors, b)];
    const quotient = x / y;
    const spread = (ex + Math.abs(quotient) * ey) / Math.abs(y) + rounding(quotient, 1, arithmetic);
    const steps = Math.floor(quotient + spread) - Math.floor(quotient - spread);
    if (node.op === "floordiv") return steps;
    const whole = Math.abs(Math.floor(quotient));
    return ex + whole * ey + rounding(whole * y, 2, arithmetic) + steps * Math.abs(y);
  };
};

const uncertain = (c: Context, node: Connective): Step => {
  const [args, decisive, { values, errors }] = [c.slots(boundsFirst(node.args)), DECISIVE[node.kind], c];
  return () => {
    let doubt = 0;
    for (const k of args) {
      if (at(errors, k) > 0) doubt = 1;
      else if (at(values, k) === decisive) return 0;
    }
    return doubt;
  };
};

/** The int reads inside of index expressions, to be roots of a tape that reads them. */
export const dataRoots = (indices: readonly Affine[]): readonly Node[] => indices.flatMap(affine.dataOf);
