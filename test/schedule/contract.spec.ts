import { expect, it } from "vitest";
import { places } from "./passes.ts";
import * as programs from "./programs.ts";

/** Where each tensor is, loops by their labels. */
const of = (make: Parameters<typeof programs.example>[0]): Readonly<Record<string, unknown>> => {
  const { ir, program } = programs.example(make, "f");
  return Object.fromEntries(
    Object.entries(places(ir, program)).map(([name, place]) => [
      name,
      place.kind === "buffer" ? { ...place, along: place.along.map(({ label }) => label) } : place,
    ]),
  );
};

it("keeps in a local what its own iteration uses, and of the rest the axes that are needed", () => {
  expect(of(programs.crossEntropy)).toEqual({
    m: { kind: "scalar" },
    e: { kind: "buffer", axes: [1], ring: undefined, along: ["n"] },
    s: { kind: "scalar" },
    row: { kind: "scalar" },
    loss: { kind: "buffer", axes: [], ring: undefined, along: [] },
    gx: { kind: "buffer", axes: [0, 1], ring: undefined, along: [] },
  });
});

it("keeps all of what a recurrence or data reads", () => {
  expect(of(programs.recurrence)).toEqual({ y: { kind: "buffer", axes: [0], ring: undefined, along: [] } });
  expect(of(programs.embedding)["gt"]).toEqual({ kind: "buffer", axes: [0, 1], ring: undefined, along: [] });
});
