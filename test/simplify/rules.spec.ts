import { describe, expect, test } from "vitest";
import { build as b, createArena } from "../../src/ir/index.ts";
import type { Node } from "../../src/ir/index.ts";
import { instantiate, match, patternText, variable, type Pattern } from "../../src/simplify/pattern.ts";
import { indexRules, REJECTED, rewriteOnce, RULES } from "../../src/simplify/rules.ts";
import { random, scalar, valueOf } from "./evaluate.ts";

const ir = createArena();
const unshared = { ir, shared: () => false };

/** A binding of each variable: a scalar of that name, a test for `c`. */
const bind = (names: readonly string[]): Map<string, Node> =>
  new Map(
    names.map((name) => {
      const value = scalar(ir, name);
      return [name, name === "c" ? b.compare(ir, "<", value, b.exact(ir, { num: 1, den: 2 })) : value];
    }),
  );

const sides = (rule: { from: Pattern; to: Pattern }, names: readonly string[]): [Node, Node] => {
  const bindings = bind(names);
  const rest = bindings.get("…");
  const complete = (pattern: Pattern): Pattern => {
    if (pattern.kind === "unary") return { ...pattern, a: complete(pattern.a) };
    if (pattern.kind !== "sum" && pattern.kind !== "product") return pattern;
    const args = pattern.args.map(complete);
    const isOpen = pattern.rest !== undefined && rest !== undefined;
    return { ...pattern, args: isOpen ? [...args, variable("…")] : args, rest: undefined };
  };
  return [instantiate(ir, complete(rule.from), bindings), instantiate(ir, rule.to, bindings)];
};

const SPECIAL = [NaN, Infinity, -Infinity, 0, -0, 1, -1, 1e308, 5e-324];

describe("each rule by itself", () => {
  test("names are unique", () => {
    expect(new Set(RULES.map((rule) => rule.name)).size).toBe(RULES.length);
  });

  test.each(RULES.map((rule) => [`${rule.name}: ${patternText(rule.from)} → ${patternText(rule.to)}`, rule]))(
    "%s",
    (_name, rule) => {
      const names = Object.keys(rule.domain);
      const [from, to] = sides(rule, names);
      const applied = rewriteOnce(indexRules([rule]), from, unshared);
      expect(applied?.rule).toBe(rule.name);
      const next = random(7);
      for (let count = 0; count < 200; count++) {
        const scope = new Map(
          names.map((name) => {
            const [low, high] = rule.domain[name] ?? [0, 1];
            return [name, low + (high - low) * next()];
          }),
        );
        const [left, right, result] = [from, to, applied?.node ?? from].map((node) => valueOf(node, scope));
        expect(right, JSON.stringify([...scope])).toBeCloseTo(left ?? NaN, 10);
        expect(result).toBeCloseTo(left ?? NaN, 10);
      }
    },
  );

  test.each(RULES.filter((rule) => rule.soundness === "ieee").map((rule) => [rule.name, rule]))(
    "%s holds for every float",
    (_name, rule) => {
      const names = Object.keys(rule.domain);
      const [from, to] = sides(rule, names);
      for (const value of SPECIAL) {
        const scope = new Map(names.map((name) => [name, value]));
        const [left, right] = [valueOf(from, scope), valueOf(to, scope)];
        // the sign of zero is not kept
        expect(right === left || (Number.isNaN(left) && Number.isNaN(right)), `${value}`).toBe(true);
      }
    },
  );

  test("a rule does not compute a shared value twice", () => {
    const rule = RULES.filter((each) => each.name === "1 - sigmoid(x) is sigmoid(-x)");
    const node = b.subtract(ir, b.constant(ir, 1), b.unary(ir, "sigmoid", scalar(ir, "x")));
    expect(rewriteOnce(indexRules(rule), node, unshared)).toBeDefined();
    expect(rewriteOnce(indexRules(rule), node, { ir, shared: () => true })).toBeUndefined();
  });
});

describe("rejected rules", () => {
  test.each(REJECTED.map((rule) => [rule.name, rule]))("%s: the counter-example stands", (_name, rule) => {
    const names = Object.keys(rule.counterexample);
    const [from, to] = sides(rule, names);
    const scope = new Map(Object.entries(rule.counterexample));
    expect(Object.is(valueOf(from, scope), valueOf(to, scope))).toBe(false);
  });
});

describe("patterns", () => {
  test("operands match in any order, and what is left is bound", () => {
    const [x, y] = [scalar(ir, "x"), scalar(ir, "y")];
    const rule = RULES.find((each) => each.name === "sin(x)² + cos(x)² is 1");
    const squares = (["cos", "sin"] as const).map((op) => b.square(ir, b.unary(ir, op, x)));
    const found = rule && match(ir, rule.from, b.sum(ir, [y, ...squares]));
    expect(found?.get("x")).toBe(x);
    expect(found?.get("…")).toBe(y);
  });
});
