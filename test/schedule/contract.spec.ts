import { expect, it } from "vitest";
import { places } from "./passes.ts";
import * as programs from "./programs.ts";

const of = (make: Parameters<typeof programs.example>[0]): ReturnType<typeof places> => {
  const { ir, program } = programs.example(make, "f");
  return places(ir, program);
};

it("keeps in a local what its own iteration uses, and of the rest the axes that are needed", () => {
  expect(of(programs.crossEntropy)).toEqual({
    m: { kind: "scalar" },
    e: { kind: "buffer", axes: [1], ring: undefined },
    s: { kind: "scalar" },
    row: { kind: "scalar" },
    loss: { kind: "buffer", axes: [], ring: undefined },
    gx: { kind: "buffer", axes: [0, 1], ring: undefined },
  });
});

it("keeps all of what a recurrence or data reads", () => {
  expect(of(programs.recurrence)).toEqual({ y: { kind: "buffer", axes: [0], ring: undefined } });
  expect(of(programs.embedding)["gt"]).toEqual({ kind: "buffer", axes: [0, 1], ring: undefined });
});
