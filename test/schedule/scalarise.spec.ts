import { expect, it } from "vitest";
import { specialise } from "../../src/ir/index.ts";
import { scalarise } from "../../src/schedule/scalarise.ts";
import { outputsOf } from "./passes.ts";
import * as programs from "./programs.ts";

const scalarised = (sizes: Readonly<Record<string, number>>): { left: number; elements: number } => {
  const { ir, program } = programs.example(programs.layerNorm, "f");
  const fixed = specialise(ir, program, new Map(Object.entries(sizes)));
  const { definitions, elements } = scalarise(ir, fixed.definitions, outputsOf(fixed));
  return { left: definitions.filter((each) => each.indices.length > 0).length, elements: elements.size };
};

it("leaves the elements of outputs only", () => {
  expect(scalarised({ N: 2, C: 3 })).toEqual({ left: 0, elements: 2 * 3 + 3 + 3 });
});

it("stops at its budgets", () => {
  expect(scalarised({ N: 9, C: 8 }).left).toBeGreaterThan(0);
  expect(scalarised({ N: 0, C: 0 })).toEqual({ left: 10, elements: 0 });
});
