import { describe, expect, it } from "vitest";
import { programOf, requestsOf, settings } from "../../src/cli/compile.ts";
import { printProgram } from "../../src/ir/index.ts";
import { compileModule } from "../../src/pipeline.ts";

const moduleOf = (text: string) => {
  const result = compileModule({ name: "test.grad", text });
  if (!result.ok) throw new Error("not compiled");
  return result.value;
};

describe("settings", () => {
  it("are names with numbers, of which the last of a name counts", () => {
    expect([...settings("--dim", ["N=3", "C=1e2", "N=-4.5"])]).toEqual([
      ["N", -4.5],
      ["C", 100],
    ]);
    expect([...settings("--dim", undefined)]).toEqual([]);
  });

  it.each(["N", "N=", "=3", "N=x", "", "N= "])("are nothing else: %j", (text) => {
    expect(() => settings("--dim", [text])).toThrow("is not a name and a number");
  });
});

describe("programOf", () => {
  it("puts in what is fixed, and leaves a name of the other kind alone", () => {
    const fn = moduleOf("fn f(x: [N]; a = 2) { return sum(a * x) }\n").functions.get("f");
    if (fn === undefined) throw new Error("no function");
    const fixed = (dims: readonly [string, number][], options: readonly [string, number][]): string =>
      printProgram(programOf(fn, { dims: new Map(dims), options: new Map(options) }).program);
    expect(fixed([["N", 7]], [["a", 5]])).toMatch(/7[^]*5|5[^]*7/);
    expect(fixed([["a", 5]], [["N", 7]])).toBe(fixed([], []));
  });
});

describe("requestsOf", () => {
  const of = (text: string): unknown => {
    const module = moduleOf(text);
    const nothingFixed = { dims: new Map<string, number>(), options: new Map<string, number>() };
    const programs = new Map(
      [...module.functions.values()].map((fn) => [fn.name, programOf(fn, nothingFixed).program]),
    );
    return Object.fromEntries(requestsOf(module, programs));
  };
  const TEXT = "fn f(x: [N], y: [N]) { return sum(x * y) }\nfn g(x: [N], k: int[N]) { return x * 2 }\n";

  it("are the value and the derivative of each function where none are stated", () => {
    expect(of(`${TEXT}fn h(k: int[N]) { return sum(k) }\n`)).toEqual({
      f: [
        { kind: "value", wrt: [] },
        { kind: "grad", wrt: ["x", "y"] },
      ],
      g: [
        { kind: "value", wrt: [] },
        { kind: "vjp", wrt: ["x"] },
      ],
      h: [{ kind: "value", wrt: [] }],
    });
  });

  it("are one per kind, by all the inputs that it is asked for", () => {
    expect(of(`${TEXT}derive f { grad(y), value(), grad(y) }\nderive f { grad(x), vjp() }\n`)).toEqual({
      f: [
        { kind: "grad", wrt: ["y", "x"], matrices: [] },
        { kind: "value", wrt: [], matrices: [] },
        { kind: "vjp", wrt: ["x", "y"], matrices: [] },
      ],
    });
  });
});
