/**
 * Whole numbers that are one of several constants, and only ever compared with such: the place of a maximum. In: statements;
 * out: a condition for each constant in place of the number. Ends: statements and expressions are finite.
 */
import { foldExpr, operands } from "../loop/fold.ts";
import type { Expr, Local, Stmt } from "../loop/types.ts";
import { and, constant, isTrivial, not, or, use } from "./build.ts";
import { newLocal, type Names } from "./scope.ts";
import { allOf, replaced, valuesOf } from "./walks.ts";

export const choices = (names: Names, body: readonly Stmt[]): readonly Stmt[] => {
  const found = chosenIn(body);
  if (found.size === 0) return body;
  const conditions = new Map<Expr, Expr>();
  const declared = withConditions(names, body, found, conditions);
  return replaced(declared, conditions);
};

type Compare = Extract<Expr, { kind: "compare" }>;

/** The first of the tests that holds chooses; none of them, the last of the values. */
interface Choice {
  readonly tests: readonly Expr[];
  readonly values: readonly number[];
  /** The comparisons, by the constant. */
  readonly asked: Map<number, Compare[]>;
}

const chosenIn = (body: readonly Stmt[]): ReadonlyMap<Local, Choice> => {
  const found = new Map<Local, Choice>();
  const refused = new Set<Local>();
  for (const stmt of allOf(body)) {
    if (stmt.kind === "let" || stmt.kind === "init") {
      const choice = stmt.kind === "let" ? choiceOf(stmt.value) : undefined;
      if (choice === undefined || found.has(stmt.local)) refused.add(stmt.local);
      else found.set(stmt.local, choice);
    }
  }
  for (const root of allOf(body).flatMap(valuesOf)) noteUses(root, found, refused);
  return new Map([...found].filter(([local, { asked }]) => !refused.has(local) && asked.size > 0));
};

const choiceOf = (value: Expr): Choice | undefined => {
  const [tests, values]: [Expr[], number[]] = [[], []];
  let rest = value;
  while (rest.kind === "select" && rest.type === "int" && rest.then.kind === "const") {
    tests.push(rest.test);
    values.push(rest.then.value);
    rest = rest.else;
  }
  if (rest.kind !== "const" || tests.length === 0) return undefined;
  const all = [...values, rest.value];
  return new Set(all).size === all.length ? { tests, values: all, asked: new Map() } : undefined;
};

/** Whether a number equals a constant; any other use needs the number. */
const noteUses = (root: Expr, found: ReadonlyMap<Local, Choice>, refused: Set<Local>): void => {
  foldExpr<undefined>(root, (expr) => {
    const asked = expr.kind === "compare" ? comparedWith(expr) : undefined;
    if (asked !== undefined && expr.kind === "compare") {
      const comparisons = found.get(asked.local)?.asked;
      // -0 is the same place as 0
      comparisons?.set(asked.value + 0, [...(comparisons.get(asked.value + 0) ?? []), expr]);
    } else for (const each of operands(expr)) if (each.kind === "local") refused.add(each.local);
    return undefined;
  });
  if (root.kind === "local") refused.add(root.local);
};

const comparedWith = ({
  op,
  a,
  b,
}: Compare): { readonly local: Local; readonly value: number } | undefined => {
  if (op === "<" || op === "<=") return undefined;
  if (a.kind === "local" && b.kind === "const") return { local: a.local, value: b.value };
  return b.kind === "local" && a.kind === "const" ? { local: b.local, value: a.value } : undefined;
};

/** In place of each number its conditions, which stand for comparisons with it from then on. */
const withConditions = (
  names: Names,
  body: readonly Stmt[],
  found: ReadonlyMap<Local, Choice>,
  conditions: Map<Expr, Expr>,
): readonly Stmt[] => {
  const inside = (stmts: readonly Stmt[]): readonly Stmt[] => withConditions(names, stmts, found, conditions);
  return body.flatMap((stmt): readonly Stmt[] => {
    if (stmt.kind === "for") return [{ ...stmt, body: inside(stmt.body) }];
    if (stmt.kind === "if") return [{ ...stmt, then: inside(stmt.then), else: inside(stmt.else) }];
    const choice = stmt.kind === "let" ? found.get(stmt.local) : undefined;
    return choice === undefined || stmt.kind !== "let"
      ? [stmt]
      : decided(names, stmt.local, choice, conditions);
  });
};

/** The k-th value is chosen if its test holds and none before it does. */
const decided = (
  names: Names,
  { name }: Local,
  { tests, values, asked }: Choice,
  conditions: Map<Expr, Expr>,
): readonly Stmt[] => {
  const out: Stmt[] = [];
  const bound = (value: Expr, wanted: string): Expr => {
    if (isTrivial(value)) return value;
    const local = newLocal(names, "bool", wanted);
    out.push({ kind: "let", local, value });
    return use(local);
  };
  let earlier: Expr | undefined;
  const last = Math.max(...[...asked.keys()].map((value) => values.indexOf(value)));
  for (const [k, value] of values.entries()) {
    if (k > last) break;
    const test = tests[k];
    const own = test && bound(test, "is");
    const none = earlier && not(earlier);
    const parts = [own, none].filter((part) => part !== undefined);
    const [first = constant("bool", 1), ...others] = parts;
    const comparisons = asked.get(value) ?? [];
    if (comparisons.length > 0) {
      const holds = bound(others.reduce(and, first), `${name}Is${value}`);
      for (const each of comparisons) conditions.set(each, each.op === "==" ? holds : not(holds));
    }
    if (own !== undefined && k < last)
      earlier = earlier === undefined ? own : bound(or(earlier, own), "some");
  }
  for (const [value, comparisons] of asked) {
    if (values.includes(value)) continue;
    for (const each of comparisons) conditions.set(each, constant("bool", each.op === "==" ? 0 : 1));
  }
  return out;
};
