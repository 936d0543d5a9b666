import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { allRows } from "../../bench/accuracy/functions.ts";
import { BLOCK, compileRows, instantiateRows, SAMPLES, type Pair } from "../../bench/accuracy/kernels.ts";
import { neighbouring } from "../../bench/accuracy/reference.ts";
import { createScan } from "../../bench/accuracy/scan.ts";
import { sweep, type Report } from "../../bench/accuracy/sweep.ts";
import { formatTable, parseTable, type Entry } from "../../bench/accuracy/table.ts";
import { createHeap } from "../../src/runtime/index.ts";
import { ERROR_BOUND, ulp } from "../../codegen/wasm/math/accuracy.ts";
import { MATH, type MathFunction } from "../../codegen/wasm/math/index.ts";

const committed = parseTable(readFileSync(new URL("../../docs/accuracy.md", import.meta.url), "utf8"));

/** Arguments and results, made with mpmath at 300 bits; for derivatives with a zero also the numbers next to it. */
const references = JSON.parse(
  readFileSync(new URL("accuracy.references.json", import.meta.url), "utf8"),
) as Readonly<Record<string, readonly number[]>>;

const pairs: ReadonlyMap<string, Pair> = new Map(
  (await instantiateRows(compileRows(allRows()))).map((pair) => [pair.row.name, pair]),
);

const pairOf = (name: string): Pair => {
  const pair = pairs.get(name);
  if (pair === undefined) throw new Error(`there is no ${name}`);
  return pair;
};

const entryOf = (name: string): Entry => {
  const entry = committed.find((each) => each.name === name);
  if (entry === undefined) throw new Error(`${name} is not in docs/accuracy.md`);
  return entry;
};

describe("docs/accuracy.md", () => {
  it("has a line for every function and derivative", () => {
    expect(committed.map(({ name }) => name).sort()).toEqual(
      allRows()
        .map(({ name }) => name)
        .sort(),
    );
  });

  it.each(["exp", "log", "log1p", "expm1", "sigmoid", "tanh", "erf", "sin", "cos", "sqrt"])(
    "%s is within 2 ulp",
    (name) => {
      expect(entryOf(name)).toMatchObject({ nan: 0, infinite: 0 });
      expect(entryOf(name).worst).toBeLessThanOrEqual(2);
    },
  );

  it.each(["gelu", "mish", "softplus", "swish"].flatMap((name) => [name, `${name}′`]))(
    "%s is within 4 ulp",
    (name) => {
      expect(entryOf(name)).toMatchObject({ nan: 0, infinite: 0 });
      expect(entryOf(name).worst).toBeLessThanOrEqual(4);
    },
  );

  it.each(Object.entries(ERROR_BOUND).filter(([name]) => MATH[name as MathFunction].arity === 1))(
    "%s is within what the vector mathematics promises",
    (name, bound) => {
      expect(entryOf(name).worst).toBeLessThanOrEqual(bound.f32);
    },
  );

  it.each(committed)("$name is as accurate as stated, on a sample of what was measured", (entry) => {
    const step = Math.round(2 ** 32 / entry.count);
    const found = sweep(pairOf(entry.name), 0, step * Math.ceil(2 ** 32 / step / 20_000));
    expect(found.worst).toBeLessThanOrEqual(entry.worst * 1.001);
    for (const what of ["overOne", "nan", "infinite", "zero"] as const)
      expect(found[what]).toBeLessThanOrEqual(entry[what]);
  });
});

describe("the f64 kernels that f32 is compared with", () => {
  it.each(Object.entries(references))("%s is right to a tenth of an ulp of f32", (name, numbers) => {
    const { double } = pairOf(name);
    const points = numbers.flatMap((x, k) => (k % 2 === 0 ? [[x, numbers[k + 1] ?? NaN] as const] : []));
    expect(points.length).toBeGreaterThan(15);
    double.input.fill(0);
    double.input.set(points.map(([x]) => x));
    double.run();
    points.forEach(([, exact], k) => {
      const last = Math.max(2 ** (Math.floor(Math.log2(Math.abs(exact))) - 23), 2 ** -149);
      expect(Math.abs((double.output[k] ?? NaN) - exact) / last).toBeLessThan(0.1);
    });
  });
});

const scratch = createHeap();
scratch.reserve(2 ** 21);
const scan = await createScan(scratch);

/** On the scratch heap, and what `value` says in f32 and `exact` in f64. */
const pairFrom = (value: (x: number) => number, exact: (x: number) => number): Pair => {
  const block = <T extends Float32Array | Float64Array>(
    array: (n: number) => T,
    length: number,
    f: typeof value,
  ) => {
    const [input, output] = [array(length), array(length)];
    const run = (): void => {
      input.forEach((x, k) => (output[k] = f(x)));
    };
    return { input, output, run };
  };
  return {
    row: { name: "faulty", definition: { name: "faulty", text: "", uses: [] }, kind: "value" },
    single: block(scratch.float32, BLOCK, value),
    double: block(scratch.float64, BLOCK, exact),
    samples: block(scratch.float64, SAMPLES, exact),
    scan,
  };
};

/** A function that is off: by so many ulp at 1, wrong at 2, and infinite from 3 on. */
const faulty = (ulps: number): Pair =>
  pairFrom(
    (x) => (x === 1 ? 1 + ulps * 2 ** -23 : x === 2 ? NaN : x >= 3 ? Infinity : x),
    (x) => x,
  );

describe("the comparison", () => {
  it("finds the largest error and what is not a number, infinite or zero", () => {
    const report = sweep(faulty(3), 0x3f800000 - 8192, 1 << 12);
    expect(report.nan).toBe(1);
    expect(report.infinite).toBeGreaterThan(1000);
    expect(report.overOne).toBeGreaterThan(1000);
  });

  it("counts in units of the last place", () => {
    const near: Report = sweep(faulty(3), 2 ** 32 - 1, 1);
    expect(near).toEqual({ count: 1, worst: 0.5, at: 0, overOne: 0, nan: 0, infinite: 0, zero: 0 });
  });

  /** Results that are as far off as the second word of the exact one says, and some that are no finite numbers. */
  it("judges a block as the comparison one by one does", () => {
    const { single, double } = faulty(0);
    const exponents = Array.from({ length: BLOCK }, (_, k) => (k * 7919) % 300);
    const exact = exponents.map(
      (e, k) => (k % 2 ? -1 : 1) * (1 + ((k * 104729) % 8192) / 8192) * 2 ** (e - 149),
    );
    double.output.set(exact);
    single.output.set(
      exact.map((e, k) => e + (k % 5) * 0.4 * 2 ** (Math.max((exponents[k] ?? 0) - 149, -126) - 23)),
    );
    const found = scan.scan({ actual: single.output, exact: double.output });
    const off = exact.map((e, k) => {
      const a = single.output[k] ?? NaN;
      const ulp = 2 ** (Math.min(Math.max((exponents[k] ?? 0) - 149, -126), 127) - 23);
      return a === Math.fround(e) ? 0 : Math.abs(a - e) / ulp;
    });
    expect(found.isSpecial).toBe(
      exact.some((e, k) => Math.abs(Math.fround(e)) === Infinity || single.output[k] === 0),
    );
    expect(found.overOne).toBe(off.filter((error) => error > 1).length);
    expect(found.worst).toBe(Math.max(...off));
  });

  it.each<[string, number, (x: number) => number]>([
    ["smooth", 1.5, (x) => Math.exp(8 * x)],
    ["with a zero", 1, (x) => x - 1.0001],
    ["with a bend", 1, (x) => Math.max(x, 1.00037)],
    ["with a jump", 1, (x) => (x < 1.0007 ? 1 : 2)],
    ["fast", 2 ** 20, Math.sin],
    ["infinite from somewhere on", 709.75, (x) => Math.exp(x)],
  ])("has the exact results of a function that is %s", (_, from, exact) => {
    const pair = pairFrom(exact, exact);
    pair.scan.fill(pair.single.input, new Int32Array(Float32Array.of(from).buffer)[0] ?? NaN, 1);
    neighbouring(pair);
    const off = pair.double.output.map((y, k) => {
      const x = pair.single.input[k] ?? NaN;
      return y === exact(x) ? 0 : Math.abs(y - exact(x)) / ulp(exact(x), "f32");
    });
    expect(Math.max(...off)).toBeLessThan(2 ** -15);
  });

  it("writes a table that it reads back", () => {
    const entry: Entry = {
      name: "f′",
      count: 2 ** 32,
      worst: 1.25,
      at: -3.5,
      overOne: 7,
      nan: 1,
      infinite: 2,
      zero: 3,
      fingerprint: "0123abcd",
    };
    const other = { ...entry, name: "g", count: 44_278_014 };
    expect(parseTable(formatTable([entry, other]))).toEqual([entry, other]);
  });
});
