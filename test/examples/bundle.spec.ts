import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { hessiancheck } from "../../src/cli/gradcheck.ts";
import { readable, structureText } from "../../src/explain/index.ts";
import { matricesOf } from "../../src/gradcheck/matrix.ts";
import { passes } from "../../src/gradcheck/index.ts";
import { createArena, type Arena, type Program } from "../../src/ir/index.ts";
import { compileModule, request, toKernel } from "../../src/pipeline.ts";
import { csr, dense } from "../../src/runtime/index.ts";
import { operationCount } from "../../src/simplify/index.ts";

const compiled = (text: string, name: string): { ir: Arena; program: Program } => {
  const module = compileModule({ name: "bundle.grad", text });
  const ir = createArena();
  const made = module.ok ? module.value.functions.get(name)?.program(ir) : undefined;
  if (made?.ok !== true) throw new Error("rejected");
  return { ir, program: made.value };
};

const { camera, point, weight, feature, error, jacobian } = JSON.parse(
  readFileSync("test/examples/bundle.json", "utf8"),
) as { readonly [name: string]: readonly number[] } & { readonly jacobian: readonly (readonly number[])[] };

describe("reprojection errors", () => {
  it("and their Jacobians agree with the references, and are as large as what is seen", async () => {
    const { ir, program } = compiled(readFileSync("examples/bundle.grad", "utf8"), "reprojection");
    const blocks = ["camera", "point"] as const;
    const derived = request(ir, program, {
      kind: "jacobian",
      wrt: [],
      matrices: blocks.map((columns) => ({ rows: "error", columns })),
      values: ["error"],
    });
    expect(readable(ir, derived).matrices.map(structureText)).toEqual([
      "sparse (in each row [c[k], l])",
      "sparse (in each row [p[k], l])",
    ]);
    expect(operationCount(ir, derived).text).toMatch(/^\d+·K$/u);
    // three cameras, two points, four observations
    const repeated = (count: number, each: readonly number[] = []): Float64Array =>
      Float64Array.from({ length: count * each.length }, (_, k) => each[k % each.length] ?? NaN);
    const [c, p] = [
      [0, 2, 1, 2],
      [1, 1, 0, 0],
    ];
    const tensors = new Map([
      ["camera", { shape: [3, 11], data: repeated(3, camera) }],
      ["point", { shape: [2, 3], data: repeated(2, point) }],
      ["weight", { shape: [4], data: repeated(4, [Number(weight)]) }],
      ["feature", { shape: [4, 2], data: repeated(4, feature) }],
      ["c", { shape: [4], data: Float64Array.from(c) }],
      ["p", { shape: [4], data: Float64Array.from(p) }],
    ]);
    for (const backend of BACKENDS.filter(({ dtype }) => dtype === "f64")) {
      const kernel = toKernel(ir, derived, { dtype: backend.dtype });
      const made = (await instantiateAll(backend, [kernel])).get(kernel.name);
      if (made?.ok !== true) throw new Error(made?.reason);
      const inputs = { tensors, dims: new Map(Object.entries({ C: 3, P: 2, K: 4 })) };
      const outputs = made.run(inputs);
      // the error is what is left of two numbers that are a thousand times larger
      const allowed = 1e-12;
      Array.from(outputs.get("error") ?? []).forEach((value, k) => {
        expect(Math.abs(value - (error?.[k % 2] ?? NaN))).toBeLessThan(allowed * 1e3);
      });
      const matrices = matricesOf(derived, inputs, outputs);
      blocks.forEach((name, block) => {
        const matrix = matrices.get(`j_error_${name}`);
        if (matrix === undefined) throw new Error(`no Jacobian by ${name}`);
        const [width, count, places] = block === 0 ? [11, 3, c] : [3, 2, p];
        expect(csr(matrix).values.length).toBe(4 * 2 * width);
        const largest = Math.max(...jacobian.flat().map(Math.abs));
        dense(matrix).forEach((value, at) => {
          const [row, column] = [Math.floor(at / (count * width)), at % (count * width)];
          const isThere = places[Math.floor(row / 2)] === Math.floor(column / width);
          const expected = jacobian[row % 2]?.[block * 11 + (column % width)] ?? NaN;
          expect(Math.abs(value - (isThere ? expected : 0))).toBeLessThan(allowed * largest);
        });
      });
    }
  });
});

describe("bundle adjustment", () => {
  // without rotation and distortion: a centre and a focal length
  const PINHOLE = `fn pinhole(camera: [C, 4], point: [P, 3], feature: [K, 2], c: int[K], p: int[K]) {
    t[k, i < 3] = point[p[k], i] - camera[c[k], i]
    depth[k] = 4 + t[k, 2]^2
    e[k, j < 2] = camera[c[k], 3] * t[k, j] / depth[k] - feature[k, j]
    return sum(e^2)
  }`;
  const { ir, program } = compiled(PINHOLE, "pinhole");
  const pairs = [
    ["camera", "camera"],
    ["camera", "point"],
    ["point", "point"],
  ] as const;
  const matrices = pairs.map(([rows, columns]) => ({ rows, columns }));

  it("has blocks of cameras, of points, and for each observation one of both", () => {
    const derived = request(ir, program, { kind: "hessian", wrt: [], matrices });
    expect(readable(ir, derived).matrices.map(structureText)).toEqual([
      "symmetric, block-diagonal (one block per i)",
      "sparse (for each k [c[k], j, p[k], i])",
      "symmetric, block-diagonal (one block per i)",
    ]);
    expect(operationCount(ir, derived).text).toMatch(/^(?:\d+·[CKP](?: \+ )?)+$/u);
  });

  it("has the second derivatives that differences say, on every back end", async () => {
    const dims = new Map(Object.entries({ C: 3, P: 4, K: 6 }));
    const wrt = ["camera", "point"];
    const [report] = await hessiancheck([{ ir, program, wrt, settings: { dims } }]);
    expect(report && passes(report)).toBe(true);
  });
});
