/**
 * Evaluation on demand: for tapes where a branch that is not taken would read out of bounds. Ends because a node demands only
 * nodes of smaller ids.
 */
import { dependenciesOf, type Node, type NodeOf } from "../ir/index.ts";
import { at, boundsFirst, DECISIVE, type Connective, type Context, type Step } from "./context.ts";

export const lazy = (
  nodes: readonly Node[],
  steps: readonly Step[],
  context: Context,
  roots: readonly Node[],
) => {
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
