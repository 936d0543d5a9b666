import { expect, it } from "vitest";
import { foldExpr } from "../../src/loop/fold.ts";
import type { Expr, Local, Stmt } from "../../src/loop/types.ts";
import { compare, constant, convert, int, load, select, use } from "../../src/schedule/build.ts";
import { choices } from "../../src/schedule/choices.ts";
import { createNames } from "../../src/schedule/scope.ts";

const bits: readonly Local[] = [0, 1, 2].map((k) => ({ name: `b${k}`, type: "bool" }));
const at: Local = { name: "at", type: "int" };
const y = { name: "y", role: "output", type: "float", shape: [int(9)] } as const;

/** 30 if b0, else 20 if b1, else 10 if b2, else 0 */
const number = bits.reduceRight<Expr>((rest, bit, k) => select(use(bit), int(30 - 10 * k), rest), int(0));
const declared: Stmt = { kind: "let", local: at, value: number };
const stored = (k: number, value: Expr): Stmt => ({ kind: "store", buffer: y, offset: int(k), value });
const asFloat = (test: Expr): Expr => convert("float", test);

/** What is stored, for values of the conditions. */
const run = (body: readonly Stmt[], values: readonly boolean[]): readonly number[] => {
  const known = new Map<Local, number>(bits.map((bit, k) => [bit, Number(values[k])]));
  const out: number[] = [];
  for (const stmt of body) {
    if (stmt.kind !== "let" && stmt.kind !== "store") throw new Error(stmt.kind);
    const value = foldExpr<number>(stmt.value, (e, of) => {
      if (e.kind === "const") return e.value;
      if (e.kind === "local") return known.get(e.local) ?? NaN;
      if (e.kind === "and") return Math.min(of(e.a), of(e.b));
      if (e.kind === "or") return Math.max(of(e.a), of(e.b));
      if (e.kind === "not") return 1 - of(e.a);
      if (e.kind === "select") return of(e.test) === 1 ? of(e.then) : of(e.else);
      if (e.kind === "compare") return Number((of(e.a) === of(e.b)) === (e.op === "=="));
      if (e.kind === "convert") return of(e.a);
      throw new Error(e.kind);
    });
    if (stmt.kind === "let") known.set(stmt.local, value);
    else out.push(value);
  }
  return out;
};

const comparisons = (body: readonly Stmt[]): number =>
  body.reduce((count, stmt) => {
    let more = 0;
    if (stmt.kind === "let" || stmt.kind === "store")
      foldExpr<undefined>(stmt.value, (e) => {
        if (e.kind === "compare") more++;
        return undefined;
      });
    return count + more;
  }, 0);

const asks = (at: Expr, ...wanted: readonly number[]): readonly Stmt[] =>
  wanted.map((value, k) => stored(k, asFloat(compare(k % 2 === 0 ? "==" : "!=", at, int(value)))));

it.each([[[0, 10, 20, 30]], [[30, 30, 10]], [[20, 7]], [[7, 0]], [[-0]]])(
  "a number that is only compared, with %j, becomes conditions",
  (wanted) => {
    const body = [declared, ...asks(use(at), ...wanted)];
    const made = choices(createNames([]), body);
    expect(comparisons(made)).toBe(0);
    for (let k = 0; k < 8; k++) {
      const values = [k % 2 === 1, k % 4 > 1, k > 3];
      expect(run(made, values)).toEqual(run(body, values));
    }
  },
);

it("a number that is needed stays", () => {
  const index: Stmt = stored(8, load(y, use(at)));
  const text: Stmt = stored(7, asFloat(compare("<", use(at), int(20))));
  for (const user of [index, text, stored(6, constant("float", 1))]) {
    const body = [declared, user];
    expect(choices(createNames([]), body)).toEqual(body);
  }
});
