import { expect, it } from "vitest";
import { affine, build as b, createArena, define, specialise, type Affine, type Index } from "../../src/ir/index.ts"; // prettier-ignore
import { scalarise } from "../../src/schedule/scalarise.ts";
import { outputsOf } from "./passes.ts";
import * as programs from "./programs.ts";
import { compiled, expectSame, kernelOf } from "./run.ts";

const scalarised = (
  sizes: Readonly<Record<string, number>>,
  budget: number,
): { left: number; elements: number; decision: string | undefined } => {
  const { ir, program } = programs.example(programs.layerNorm, "f");
  const fixed = specialise(ir, program, new Map(Object.entries(sizes)));
  const { definitions, elements, decisions } = scalarise(
    ir,
    fixed.definitions,
    { outputs: outputsOf(fixed), symmetric: new Map() },
    new Map(),
    budget,
  );
  const left = definitions.filter((each) => each.indices.length > 0).length;
  return { left, elements: elements.size, decision: decisions[0]?.decision };
};

it("leaves the elements of outputs only", () => {
  const outputs = 2 * 3 + 3 + 3;
  expect(scalarised({ N: 2, C: 3 }, 4000)).toEqual({
    left: 0,
    elements: outputs,
    decision: "straight-line code",
  });
});

it("takes the small definitions of a program that is over the budget", () => {
  const { left, elements, decision } = scalarised({ N: 9, C: 8 }, 500);
  expect(decision).toBe("kept in loops");
  expect(left).toBeGreaterThan(0);
  expect(elements).toBeGreaterThan(0);
});

it("keeps the loops of what is empty, and of open extents", () => {
  expect(scalarised({ N: 0, C: 0 }, 4000)).toMatchObject({ left: 10, elements: 0 });
  expect(scalarised({ C: 3 }, 4000).left).toBeGreaterThan(0);
});

it("expands the elements that are asked for only", () => {
  const ir = createArena();
  const n = affine.fixed(ir, 50);
  const [i, j] = [ir.index("i", n), ir.index("j", n)];
  const at = (index: Index): Affine => affine.ofIndex(ir, index);
  const x = ir.tensor({ name: "x", shape: [n], dtype: "float", role: "input" });
  const outer = ir.tensor({ name: "outer", shape: [n, n], dtype: "float", role: "defined" });
  const y = ir.tensor({ name: "y", shape: [], dtype: "float", role: "defined" });
  const body = b.multiply(ir, b.read(ir, x, [at(i)]), b.read(ir, x, [at(j)]));
  const place = [affine.fixed(ir, 3), affine.fixed(ir, 4)];
  const definitions = [
    define(ir, { tensor: outer, indices: [i, j], body }),
    define(ir, { tensor: y, indices: [], body: b.read(ir, outer, place) }),
  ];
  const results = { outputs: new Set([y]), symmetric: new Map() };
  expect(scalarise(ir, definitions, results, new Map(), 1).operations).toBe(1);
});

it("makes a sum beside loops before what is read of it", async () => {
  const p = programs.builder("f");
  const { ir } = p;
  const [N, M] = [p.dim("N"), p.dim("M")];
  const x = p.input("x", N, M);
  const rows = p.reduce("rows", [["n", N]], "sum", [["m", M]], (n = N, m = M) => b.read(ir, x, [n, m]));
  const total = p.reduce("total", [], "sum", [["n", N]], (n = N) => b.square(ir, b.read(ir, rows, [n])));
  const half = p.map("half", [], () => b.divide(ir, b.read(ir, total, []), b.constant(ir, 2)));
  const fixed = specialise(ir, p.done(half), new Map(Object.entries({ N: 3, M: 2000 })));
  const kernel = kernelOf(ir, fixed);
  expectSame(fixed, kernel, await compiled(kernel), {});
});
