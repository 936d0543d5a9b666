import { expect, it } from "vitest";
import type { Plan } from "../../src/schedule/tree.ts";
import { plansOf } from "./passes.ts";
import * as programs from "./programs.ts";

const plans = (make: Parameters<typeof programs.example>[0]): Readonly<Record<string, readonly string[]>> => {
  const { ir, program } = programs.example(make, "f");
  const text = (plan: Plan): readonly string[] => {
    const all = [...plan.definition.indices, ...(plan.definition.reduction?.indices ?? [])];
    const label = (k: number): string => plan.definition.labels[k] ?? "";
    return [
      plan.form,
      ...plan.phases.map((phase) => phase.map((index) => label(all.indexOf(index))).join(" ")),
    ];
  };
  return Object.fromEntries(
    plansOf(ir, program.definitions).map((plan) => [plan.definition.tensor.name, text(plan)]),
  );
};

it("walks memory in order in the innermost loop, or in that of the lanes of a contraction", () => {
  expect(plans(programs.matmul)).toEqual({
    C: ["local", "i", "j", "k"],
    gA: ["local", "i", "k", "j"],
    gB: ["local", "k", "j", "i"],
    bias: ["array", "i", "j"],
  });
});

it("keeps the order of loops where the result depends on it", () => {
  const { argmin, argmax } = plans(programs.reductions);
  expect([argmin, argmax]).toEqual([["local", "n", "c"], ["local", "n", "c"]]); // prettier-ignore
  expect(plans(programs.recurrence)).toEqual({ y: ["pointwise", "t"] });
  expect(plans(programs.embedding)["gt"]).toEqual(["scatter", "t d"]);
});
