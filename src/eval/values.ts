/** Nodes → steps that compute their values. */
import type { Kind, Node, NodeOf } from "../ir/index.ts";
import { BINARY, UNARY } from "./operations.ts";
import { misfit } from "./arrays.ts";
import {
  at,
  boundsFirst,
  constantly,
  DECISIVE,
  type Connective,
  type Context,
  type Step,
} from "./context.ts";
import { compileIndex } from "./indexing.ts";

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

export const offsetOf = (context: Context, node: NodeOf<"read">): Step => {
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

/** The value of a node of each kind; conditions are 0 or 1. */
export const VALUES: { readonly [K in Kind]: (context: Context, node: NodeOf<K>) => Step } = {
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
  product: (c, node) => quotient(c, node.args),
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

/** a·b^-1 is a / b, which is a number also where 1 / b is infinite. */
const quotient = (c: Context, factors: readonly Node[]): Step => {
  const isBelow = (factor: Node): factor is NodeOf<"power"> =>
    factor.kind === "power" && factor.exponent.num < 0;
  const { values } = c;
  const above = c.slots(factors.filter((factor) => !isBelow(factor)));
  const below = factors.filter(isBelow).map(({ base, exponent: { num, den } }) => ({
    base: c.slot(base),
    power: num === -1 && den === 1 ? undefined : powerOf(-num, den),
  }));
  return () => {
    let [over, under] = [1, 1];
    for (const k of above) over *= at(values, k);
    for (const { base, power } of below) under *= power?.(at(values, base)) ?? at(values, base);
    return below.length === 0 ? over : over / under;
  };
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
