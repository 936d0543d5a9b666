import { describe, expect, it } from "vitest";
import { affine as a, createArena, range, type Index } from "../../src/ir/index.ts";
import { formatExpr } from "../../src/loop/format.ts";
import type { Stmt } from "../../src/loop/types.ts";
import { extentExpr, integer, offsetOf, type Counter, type Site } from "../../src/schedule/integer.ts";
import { chainOf, createNames, openBlock, type Block } from "../../src/schedule/scope.ts";

const ir = createArena();
const [H, W] = [a.dim(ir, "H"), a.dim(ir, "W")];
const [i, j] = [ir.index("i", H), ir.index("j", W)];
const [iValue, jValue] = [a.ofIndex(ir, i), a.ofIndex(ir, j)];

/** Inside of the loops over i and j. */
const site = (): { site: Site; blocks: readonly Block[] } => {
  const names = createNames([]);
  const top = openBlock(names, undefined, undefined);
  const outer = openBlock(names, top, undefined);
  const inner = openBlock(names, outer, undefined);
  const counters = new Map<Index, Counter>([
    [i, { local: names.counter("i"), block: outer }],
    [j, { local: names.counter("j"), block: inner }],
  ]);
  const counter = (index: Index): Counter => {
    const found = counters.get(index);
    if (found === undefined) throw new Error(index.name);
    return found;
  };
  const data = (): never => {
    throw new Error("no data");
  };
  return { site: { names, block: inner, chain: chainOf(inner), counter, data }, blocks: [top, outer, inner] };
};

const text = (stmts: readonly Stmt[]): readonly string[] =>
  stmts.map((stmt) => (stmt.kind === "let" ? `${stmt.local.name} = ${formatExpr(stmt.value)}` : stmt.kind));

describe("an offset", () => {
  it("is a base per row and the counter", () => {
    const { site: here, blocks } = site();
    const { expr } = offsetOf(here, [H, W], [iValue, jValue]);
    expect(formatExpr(expr)).toBe("at + j");
    expect(blocks.map((block) => text(block.stmts))).toEqual([[], ["at = i * W"], []]);
  });

  it("shares its base with its neighbours", () => {
    const { site: here, blocks } = site();
    offsetOf(here, [H, W], [iValue, jValue]);
    const next = offsetOf(here, [H, W], [iValue, a.plus(ir, jValue, a.fixed(ir, 1))]);
    expect(formatExpr(next.expr)).toBe("at + j + 1");
    expect(blocks.flatMap((block) => text(block.stmts))).toEqual(["at = i * W"]);
  });

  it("names strides once, whatever the extents are", () => {
    const { site: here, blocks } = site();
    const half = range.floordiv(ir, a.plus(ir, W, a.fixed(ir, 1)), a.fixed(ir, 2));
    const width = a.plus(ir, half, a.fixed(ir, 1));
    offsetOf(here, [H, H, width], [iValue, iValue, jValue]);
    expect(text(blocks[0]?.stmts ?? [])).toEqual(["at = (W + 1) // 2", "at1 = at + 1", "at2 = at1 * H"]);
  });
});

describe("an index expression", () => {
  it("keeps what is known further out in names", () => {
    const { site: here, blocks } = site();
    const value = a.plus(ir, a.times(ir, iValue, H), a.scale(ir, jValue, -2), a.fixed(ir, 3));
    expect(formatExpr(integer(here, value).expr)).toBe("at1 + 3");
    expect(blocks.map((block) => text(block.stmts))).toEqual([[], ["at = i * H"], ["at1 = at - j * 2"]]);
  });

  it("divides once", () => {
    const { site: here, blocks } = site();
    const third = range.floordiv(ir, jValue, a.fixed(ir, 3));
    integer(here, third);
    integer(here, a.plus(ir, third, iValue));
    expect(blocks.flatMap((block) => text(block.stmts)).filter((line) => line.includes("//"))).toHaveLength(
      1,
    );
  });
});

it("writes extents without names", () => {
  const extent = a.plus(ir, range.floordiv(ir, a.minus(ir, W, H), a.fixed(ir, 2)), a.fixed(ir, 1));
  expect(formatExpr(extentExpr(extent))).toBe("(W - H) // 2 + 1");
});
