import { describe, expect, it } from "vitest";
import { BACKENDS, instantiateAll } from "../../src/cli/backends.ts";
import { compileFunctions, readLibrary, type FunctionText } from "../../src/cli/library.ts";
import { bindDims, evaluate, type Inputs } from "../../src/eval/index.ts";
import type { Arena, Program } from "../../src/ir/index.ts";
import { arrayOf, CONVENTIONS, type Convention } from "../../src/library/conventions.ts";
import { signatureOf, type Extents } from "../../src/library/families.ts";
import { toKernel, valueAndGradient } from "../../src/pipeline.ts";

const library = readLibrary();
const EXTENTS: readonly Extents[] = ["symbolic", "fixed"];

interface Compiled {
  readonly name: string;
  readonly convention: Convention;
  readonly ir: Arena;
  readonly program: Program;
}

/** Integers index; all else is a number of its own. */
const dtypeOf = ({ gradient }: Convention, name: string): "f64" | "i32" =>
  name === "index" && !(name in gradient) ? "i32" : "f64";

const textOf = (convention: Convention, name: string, extents: Extents): FunctionText => {
  const { formula, uses = [], inputs } = convention;
  const given = Object.entries(inputs).map(([input, nested]) => ({
    name: input,
    shape: arrayOf(nested).shape,
    dtype: dtypeOf(convention, input),
  }));
  return { name, text: `fn ${name}(${signatureOf(given, extents)}) { return ${formula} }\n`, uses };
};

const compileAll = (): readonly Compiled[] => {
  const rows = EXTENTS.flatMap((extents) =>
    CONVENTIONS.map((convention, k) => ({ convention, extents, name: `${extents}${k}` })),
  );
  const compiled = compileFunctions(
    rows.map(({ convention, extents, name }) => textOf(convention, name, extents)),
    library,
  );
  return rows.map(({ convention, name }) => {
    const made = compiled.get(name);
    if (made?.ok !== true) throw new Error(made?.reason ?? `${name} is missing`);
    const wrt = Object.keys(convention.gradient);
    const program = { ...valueAndGradient(made.ir, made.program, wrt), name };
    return { name, convention, ir: made.ir, program };
  });
};

const inputsOf = ({ inputs }: Convention): Inputs => ({
  tensors: new Map(Object.entries(inputs).map(([name, nested]) => [name, arrayOf(nested)])),
});

type Outputs = Readonly<Record<string, readonly number[]>>;

/** Without the signs of zeros. */
const unsigned = (data: ArrayLike<number>): readonly number[] => Array.from(data, (x) => x + 0);

const expectedOf = ({ where, value, gradient }: Convention): readonly [string, Outputs] => [
  where,
  Object.fromEntries([
    ["out", [value]],
    ...Object.entries(gradient).map(([name, nested]) => [`d_${name}`, unsigned(arrayOf(nested).data)]),
  ]),
];

const gotOf = (
  { convention, program }: Compiled,
  outputs: ReadonlyMap<string, ArrayLike<number>>,
): readonly [string, Outputs] => [
  convention.where,
  Object.fromEntries(program.outputs.map(({ name }) => [name, unsigned(outputs.get(name) ?? [])])),
];

describe("the conventions", () => {
  const compiled = compileAll();
  const expected = compiled.map(({ convention }) => expectedOf(convention));

  it("are named apart", () => {
    expect(new Set(CONVENTIONS.map(({ where }) => where)).size).toBe(CONVENTIONS.length);
  });

  it("hold in the interpreter", () => {
    const got = compiled.map((each) => {
      const outputs = evaluate(each.program, inputsOf(each.convention));
      return gotOf(each, new Map([...outputs].map(([name, { data }]) => [name, data])));
    });
    expect(got).toEqual(expected);
  });

  it.each(BACKENDS)("hold exactly on $name", async (backend) => {
    const kernels = compiled.map(({ ir, program, name }) =>
      toKernel(ir, program, { dtype: backend.dtype, name }),
    );
    const instantiated = await instantiateAll(backend, kernels);
    const got = compiled.map((each) => {
      const made = instantiated.get(each.name);
      if (made?.ok !== true) throw new Error(`${each.convention.where}: ${made?.reason ?? "no kernel"}`);
      const inputs = inputsOf(each.convention);
      return gotOf(each, made.run({ ...inputs, dims: bindDims(each.program, inputs) }));
    });
    expect(got).toEqual(expected);
  });
});
