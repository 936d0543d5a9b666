/** The loops of kernels whose best shape is known. */
import { describe, expect, it } from "vitest";
import { specialise, type Program } from "../../src/ir/index.ts";
import { foldExpr } from "../../src/loop/fold.ts";
import type { BinaryOp, Expr, Kernel, Local, Stmt } from "../../src/loop/types.ts";
import { use } from "../../src/schedule/build.ts";
import * as programs from "./programs.ts";
import { kernelOf, shapeOf } from "./run.ts";

const kernel = (name: keyof typeof programs, dims: Readonly<Record<string, number>> = {}): Kernel => {
  const make = programs[name] as Parameters<typeof programs.example>[0];
  const { ir, program } = programs.example(make, name);
  const fixed: Program = specialise(ir, program, new Map(Object.entries(dims)));
  return kernelOf(ir, fixed);
};

const all = (body: readonly Stmt[]): readonly Stmt[] =>
  body.flatMap((stmt) => [
    stmt,
    ...(stmt.kind === "for" ? all(stmt.body) : []),
    ...(stmt.kind === "if" ? all([...stmt.then, ...stmt.else]) : []),
  ]);

const temporaries = (k: Kernel): readonly number[] =>
  k.buffers.filter((buffer) => buffer.role === "temp").map((buffer) => buffer.shape.length);

const INTEGER: { readonly [K in BinaryOp]?: (a: number, b: number) => number } = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  max: Math.max,
  min: Math.min,
  floordiv: (a, b) => Math.floor(a / b),
  mod: (a, b) => a - b * Math.floor(a / b),
};

/** How often terms are accumulated, by running the loops without their data. */
const accumulations = (k: Kernel, result: string, sizes: Readonly<Record<string, number>>): number => {
  const locals = new Map<Local, number>();
  const value = (root: Expr): number =>
    foldExpr<number>(root, (expr, of) => {
      if (expr.kind === "const") return expr.value;
      if (expr.kind === "dim") return sizes[expr.name] ?? Number.NaN;
      if (expr.kind === "local") return locals.get(expr.local) ?? Number.NaN;
      return expr.kind === "binary" ? (INTEGER[expr.op]?.(of(expr.a), of(expr.b)) ?? Number.NaN) : Number.NaN;
    });
  const run = (body: readonly Stmt[]): number => {
    let total = 0;
    for (const stmt of body) {
      if (stmt.kind === "let" && stmt.local.type === "int") locals.set(stmt.local, value(stmt.value));
      if (stmt.kind === "accumulate" && stmt.local.name.startsWith(result)) total++;
      if (stmt.kind !== "for") continue;
      const to = value(stmt.to);
      for (let i = value(stmt.from); i < to; i += stmt.step) {
        locals.set(stmt.local, i);
        total += run(stmt.body);
      }
    }
    return total;
  };
  return run(k.body);
};

describe("one loop nest", () => {
  it("for the value and the gradient of an elementwise loss", () => {
    const k = kernel("elementwise");
    expect(shapeOf(k.body)).toEqual({ loops: 1, vector: 1, depth: 1, nests: 1 });
    expect(temporaries(k)).toEqual([]);
  });

  it("for softmax cross-entropy and its gradient: maximum, sum and gradient of a row, whose exponentials are kept", () => {
    const k = kernel("crossEntropy");
    expect(shapeOf(k.body)).toEqual({ loops: 4, vector: 3, depth: 2, nests: 1 });
    expect(temporaries(k)).toEqual([1]);
    expect(
      all(k.body).filter((stmt) => JSON.stringify(stmt).includes('"exp"') && stmt.kind === "let"),
    ).toHaveLength(1);
  });

  it("for the gradients of layer normalisation, by input, scale and offset", () => {
    const k = kernel("layerNorm");
    const { nests, ...shape } = shapeOf(k.body);
    expect(shape).toEqual({ loops: 7, vector: 6, depth: 2 });
    expect(nests).toBe(3);
    expect(temporaries(k)).toEqual([]);
  });

  it("for the rows of attention, between the two products", () => {
    const k = kernel("attention");
    expect(temporaries(k)).toEqual([2, 2, 2, 1, 2, 2]);
  });
});

describe("matrix products", () => {
  it("run vectors along rows, of a block of four rows, or of one where there are few", () => {
    const k = kernel("matmul");
    const loops = all(k.body).filter((stmt) => stmt.kind === "for" && stmt.mode === "vector");
    const sums = (stmts: readonly Stmt[]): number =>
      Math.max(
        stmts.filter((stmt) => stmt.kind === "accumulate").length,
        ...stmts.map((stmt) => (stmt.kind === "for" ? sums(stmt.body) : 0)),
      );
    for (const loop of loops) {
      // transposed operands are put in order by copies
      if (sums([loop]) === 0) continue;
      const text = JSON.stringify(loop);
      // no offset multiplies by the vector loop's own local: every access is of stride 0 or 1
      const own = JSON.stringify(loop.kind === "for" ? use(loop.local) : undefined);
      expect(text.includes(`"op":"mul","a":${own}`)).toBe(false);
    }
    expect(loops.map((loop) => sums([loop])).toSorted((p, q) => q - p)).toEqual([
      4, 4, 4, 1, 1, 1, 0, 0, 0, 0, 0,
    ]);
  });
});

describe("guards", () => {
  /** Without the sums that are made again, term by term, where they are no numbers. */
  const main = (body: readonly Stmt[]): readonly Stmt[] => all(withoutAgain(body));
  const withoutAgain = (body: readonly Stmt[]): readonly Stmt[] =>
    body
      .filter((stmt) => stmt.kind !== "if" || !JSON.stringify(stmt.test).includes("noNumber"))
      .map((stmt) => (stmt.kind === "for" ? { ...stmt, body: withoutAgain(stmt.body) } : stmt));

  it("are tested when panels are filled, in convolutions: no remainder where the stride is 1", () => {
    const k = kernel("convolution", { stride: 1 });
    const tested = all(k.body).filter(
      (stmt) => stmt.kind === "store" && JSON.stringify(stmt).includes('"select"'),
    );
    expect(tested.every((stmt) => stmt.kind === "store" && /Panel\d*$/.test(stmt.buffer.name))).toBe(true);
    expect(
      main(k.body).some((stmt) => stmt.kind === "accumulate" && JSON.stringify(stmt).includes('"select"')),
    ).toBe(false);
    const inLoops = all(k.body).filter((stmt) => stmt.kind !== "let" || !stmt.local.name.includes("Whole"));
    expect(inLoops.some((stmt) => stmt.kind !== "for" && JSON.stringify(stmt).includes('"mod"'))).toBe(false);
  });

  it("are bounds, and steps, also where the stride is known at run time", () => {
    const k = kernel("convolution");
    expect(
      main(k.body).some((stmt) => stmt.kind === "accumulate" && JSON.stringify(stmt).includes('"select"')),
    ).toBe(false);
  });
});

describe("iterations", () => {
  it.each([{}, { stride: 2 }, { stride: 2, KH: 3, KW: 3 }])(
    "of the gradient by the image, whose loops step over places, are those that contribute: %o",
    (dims) => {
      const sizes = { N: 1, C: 1, H: 6, W: 6, K: 1, KH: 3, KW: 3, stride: 2, pad: 1 };
      // three windows along an axis meet 2 + 3 + 3 places of the image
      expect(accumulations(kernel("convolution", dims), "gx", sizes)).toBe(8 * 8);
    },
  );
});
