/** Nodes → steps that bound the errors of their values, which have been computed. */
import type { Kind, NodeOf } from "../ir/index.ts";
import { UNARY } from "./operations.ts";
import {
  isRepresentable,
  isSmallWhole,
  productError,
  propagated,
  rounding,
  type Arithmetic,
} from "./arithmetic.ts";
import {
  at,
  boundsFirst,
  constantly,
  DECISIVE,
  type Connective,
  type Context,
  type Step,
} from "./context.ts";
import { BINARY_SENSITIVITY, UNARY_SENSITIVITY } from "./sensitivity.ts";
import { offsetOf } from "./values.ts";

export type ErrorRow<K extends Kind> = (context: Context, node: NodeOf<K>, arithmetic: Arithmetic) => Step;

const exactly = (): Step => constantly(0);

/** A bound of the error of a node of each kind; of a condition, 1 where rounding may turn it. */
export const ERRORS: { readonly [K in Kind]: ErrorRow<K> } = {
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
