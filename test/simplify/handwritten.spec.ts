/** Derived backward programs cost no more operations than the derivation by hand that stands beside each. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { checkModule } from "../../src/check/index.ts";
import type { Source } from "../../src/diagnostics/index.ts";
import { gradient, isScalarValued, vjp } from "../../src/diff/index.ts";
import { createArena, verify, type Arena, type Program } from "../../src/ir/index.ts";
import { operationCount, simplify } from "../../src/simplify/index.ts";
import { parse } from "../../src/syntax/index.ts";
import { expectAgreement } from "./agree.ts";

const libraryFile = (path: string): Source => ({
  name: path,
  text: readFileSync(new URL(`../../src/library/${path.replace("./", "")}`, import.meta.url), "utf8"),
});

const programOf = (ir: Arena, source: Source, name: string): Program => {
  const parsed = parse(source);
  if (!parsed.ok) throw new Error(parsed.diagnostics.map(({ message }) => message).join("\n"));
  const checked = checkModule(parsed.value, { resolve: libraryFile });
  if (!checked.ok) throw new Error(checked.diagnostics.map(({ message }) => message).join("\n"));
  const program = checked.value.functions.get(name)?.program(ir);
  if (program?.ok !== true) throw new Error(`no function ${name}`);
  return program.value;
};

const inline = (text: string): Source => ({ name: "inline.grad", text });

interface Case {
  readonly name: string;
  readonly source: () => Source;
  readonly wrt: readonly string[];
  /** One line per step, with its operations. */
  readonly hand: readonly (readonly [step: string, operations: number])[];
}

/** What counting takes for every dimension. */
const n = 64;
const nc = n * n;

const CASES: readonly Case[] = [
  {
    name: "sigmoid",
    source: () => inline("fn sigmoid_(x) { return sigmoid(x) }"),
    wrt: ["x"],
    hand: [
      ["y = σ(x)", n],
      ["x̄ = ȳ·y·(1 - y)", 3 * n],
    ],
  },
  {
    name: "tanh",
    source: () => inline("fn tanh_(x) { return tanh(x) }"),
    wrt: ["x"],
    hand: [
      ["y = tanh(x)", n],
      ["x̄ = ȳ·(1 - y²)", 3 * n],
    ],
  },
  {
    name: "softmax",
    source: () => libraryFile("activations.grad"),
    wrt: ["x"],
    hand: [
      ["m = max x", nc],
      ["e = exp(x - m)", 2 * nc],
      ["y = e / Σ e", 2 * nc],
      ["d = Σ ȳ·y", 2 * nc],
      ["x̄ = y·(ȳ - d)", 2 * nc],
    ],
  },
  {
    name: "cross_entropy_labels",
    source: () => libraryFile("losses.grad"),
    wrt: ["logits"],
    hand: [
      ["p = softmax(logits)", 5 * nc],
      ["x̄ = (p - [c = label]) / N", 2 * nc],
    ],
  },
  {
    name: "cross_entropy",
    source: () => libraryFile("losses.grad"),
    wrt: ["logits"],
    hand: [
      ["p = softmax(logits)", 5 * nc],
      ["t = Σ target", nc],
      ["x̄ = (p·t - target) / N", 3 * nc],
    ],
  },
  {
    name: "gelu",
    source: () => libraryFile("activations.grad"),
    wrt: ["x"],
    hand: [
      ["Φ = erfc(-x/√2) / 2", 3 * n],
      ["φ = exp(-x²/2) / √(2π)", 4 * n],
      ["x̄ = ȳ·(Φ + x·φ)", 3 * n],
    ],
  },
  {
    name: "layer_norm",
    source: () => libraryFile("layers.grad"),
    wrt: ["x", "gamma", "beta"],
    hand: [
      ["μ = Σ x / C", nc + n],
      ["d = x - μ", nc],
      ["v = Σ d² / C", 2 * nc + n],
      ["r = 1 / √(v + ε)", 3 * n],
      ["g = ȳ·γ·r", 2 * nc],
      ["a = Σ g / C", nc + n],
      ["b = r²·Σ g·d / C", 2 * nc + 3 * n],
      ["x̄ = g - a - b·d", 3 * nc],
      ["γ̄ = Σ ȳ·d·r", 3 * nc],
      ["β̄ = Σ ȳ", nc],
    ],
  },
  {
    name: "focal_with_logits",
    source: () => libraryFile("losses.grad"),
    wrt: ["logits"],
    hand: [
      ["p = σ(x), q = 1 - p, s = 1 - t", 3 * n],
      ["f = 1 - (t·p + s·q)", 4 * n],
      // softplus(x) - t·x, and p - t in its derivative, have no digit left where x is large and t is 1
      ["ce = t·softplus(-x) + s·softplus(x)", 5 * n],
      ["a = (t·α + s·(1 - α)) / N", 4 * n + 2],
      ["u = f^γ, w = f^(γ - 1)", 2 * n + 1],
      ["k = 2t - 1", 2 * n],
      ["x̄ = a·((s·p - t·q)·u - γ·ce·w·k·p·q)", 11 * n],
    ],
  },
];

const derive = (ir: Arena, program: Program, wrt: readonly string[]): Program =>
  (isScalarValued(program) ? gradient : vjp)(ir, program, wrt);

describe("operations of derived programs", () => {
  test.each(CASES.map((each): [string, Case] => [each.name, each]))("%s", (name, { source, wrt, hand }) => {
    const ir = createArena();
    const file = source();
    const program = programOf(ir, file, file.name === "inline.grad" ? `${name}_` : name);
    const raw = derive(ir, simplify(ir, program, { mode: "user" }), wrt);
    const derived = simplify(ir, raw);
    verify(derived);
    expectAgreement(raw, derived, 9);
    const count = operationCount(ir, derived);
    const byHand = hand.reduce((total, [, operations]) => total + operations, 0);
    expect(
      count.nominal,
      `${count.text}, by hand: ${hand.map(([step]) => step).join("; ")}`,
    ).toBeLessThanOrEqual(byHand);
    expect(simplify(ir, derived)).toBe(derived);
  });
});
