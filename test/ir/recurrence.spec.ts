import { expect, it } from "vitest";
import {
  brokenCircle, componentsBy, createArena, inDependencyOrder, parseProgram, printProgram, recurrencesIn, verify, verifyRecurrences, type Arena, type Program,
} from "../../src/ir/index.ts"; // prettier-ignore
import { check } from "../check/compile.ts";

const CIRCLE = `fn f(x: [T, N]) {
  a[t, i] = x[t, i] * (b[t + 1, i] ?? 1)
  b[t, i] = sin(a[t, i]) + sum[j](a[t, j])
  return b
}`;

const programOf = (ir: Arena, text: string): Program => {
  const checked = check(text);
  const made = checked.ok ? [...checked.value.functions.values()].at(-1)?.program(ir) : undefined;
  if (made?.ok !== true) throw new Error("no program");
  return made.value;
};

it("finds the members, their order at one place, and the direction", () => {
  const ir = createArena();
  const program = programOf(ir, CIRCLE);
  const found = recurrencesIn(ir, program.definitions);
  const [recurrence] = found.values();
  expect(recurrence?.members.map(({ tensor }) => tensor.name)).toEqual(["a", "b.sum", "b"]);
  expect(recurrence?.direction).toBe("descending");
  expect(new Set(found.values()).size).toBe(1);
});

it("brings definitions into an order that the dialect allows, and that text keeps", () => {
  const ir = createArena();
  const program = programOf(ir, CIRCLE);
  const mixed = { ...program, definitions: program.definitions.toReversed() };
  const ordered = { ...program, definitions: inDependencyOrder(ir, mixed.definitions) };
  verify(ordered);
  verifyRecurrences(ir, ordered);
  expect(ordered.definitions).toEqual(program.definitions);
  const again = createArena();
  const parsed = parseProgram(again, printProgram(program));
  verifyRecurrences(again, parsed);
  expect(printProgram(parsed)).toBe(printProgram(program));
});

it("knows a circle that is no recurrence", () => {
  const ir = createArena();
  const { definitions } = programOf(ir, "fn f(x: [T]) { s[t] = (s[t - 1] ?? 0) + x[t]\n return s }");
  const [only] = definitions;
  if (only === undefined) throw new Error("no definition");
  expect(brokenCircle(ir, definitions)).toBeUndefined();
  const scattered = { ...only, target: [] };
  expect(brokenCircle(ir, [scattered])).toBe(scattered);
});

it("puts components after those that they depend on", () => {
  const reads: Readonly<Record<string, readonly string[]>> = { a: ["b"], b: ["c"], c: ["b"], d: ["d", "a"] };
  const found = componentsBy(["d", "a", "b", "c"], (name) => reads[name] ?? []);
  expect(found.map(({ members, isCircle }) => `${members.join("")} ${isCircle}`)).toEqual([
    "bc true",
    "a false",
    "d true",
  ]);
});
