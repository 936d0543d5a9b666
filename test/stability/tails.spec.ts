/** Every function of one number, and its derivative, from the smallest to the largest numbers: 12 digits on every back end in f64. */
import { beforeAll, describe, expect, test } from "vitest";
import { allRows, type Row } from "../../bench/accuracy/functions.ts";
import { readLibrary } from "../../src/cli/library.ts";
import { sweepAll, type Miss, type Sweep } from "./sweep.ts";

const SIZES = [1e-300, 1e-20, 1e-5, 0.3, 1, 20, 40, 88, 100, 700, 1e4, 1e300];
const LINE = [0, ...SIZES, ...SIZES.map((x) => -x)];

/** Where the formula as written has no value, though its limit has: 1/x at 0. */
const AT_0 = (x: number): boolean => x === 0;
/** Where 1,400 bits do not tell log(1 + e^x) from what they hold of e^x; and where x³ is no number of f64 any more. */
const AT_THE_LARGEST = (x: number): boolean => Math.abs(x) === 1e300;

const LEFT_OUT: Readonly<Record<string, (x: number) => boolean>> = {
  acot: AT_0,
  asech: AT_0,
  acsch: AT_0,
  acoth: AT_0,
  softplus: AT_THE_LARGEST,
  log_sigmoid: AT_THE_LARGEST,
  gelu_tanh: AT_THE_LARGEST,
};

const { fileOf } = readLibrary();

const sweepOf = ({ name, definition }: Row): Sweep => {
  const file = definition.uses.map((each) => `import { ${each} } from "${fileOf.get(each) ?? ""}"\n`);
  const points = LINE.filter((x) => LEFT_OUT[name]?.(x) !== true);
  return {
    name,
    source: `${file.join("")}${definition.text.replace(definition.name, "f")}`,
    inputs: { x: { shape: [points.length], data: points } },
    wrt: ["x"],
    dtypes: ["f64"],
  };
};

const SWEEPS = allRows()
  .filter(({ kind }) => kind === "value")
  .map(sweepOf);

describe("a function and its derivative", () => {
  let misses: ReadonlyMap<string, readonly Miss[]>;

  beforeAll(async () => {
    misses = await sweepAll(SWEEPS);
  });

  test.each(SWEEPS.map(({ name }) => [name]))("%s", (name) => {
    expect(misses.get(name)).toEqual([]);
  });
});
