import { describe, expect, it } from "vitest";
import { vjp } from "../../src/diff/index.ts";
import {
  affine, build, createArena, define, DialectError, parseProgram, printProgram, verify, type Arena, type Program,
} from "../../src/ir/index.ts"; // prettier-ignore

/** loss = Σ_n (logits[n, label[n]] · "α") ^ 1.5, with a guard and a selection; names that need quotes. */
const sample = (ir: Arena): Program => {
  const [N, C] = [affine.dim(ir, "N"), affine.dim(ir, "class count", 1)];
  const logits = ir.tensor({ name: "logits", shape: [N, C], dtype: "float", role: "input" });
  const label = ir.tensor({ name: "__proto__", shape: [N], dtype: "int", role: "input" });
  const loss = ir.tensor({ name: "loss'", shape: [], dtype: "float", role: "defined" });
  const n = ir.index("n", N);
  const i = affine.ofIndex(ir, n);
  const chosen = affine.ofData(ir, build.read(ir, label, [i]));
  const scaled = build.multiply(ir, build.read(ir, logits, [i, chosen]), build.option(ir, "α"));
  const raised = build.power(ir, scaled, { num: 3, den: 2 });
  const bounded = build.select(
    ir,
    build.compare(ir, "<", scaled, build.constant(ir, 0.1)),
    build.constant(ir, -0),
    raised,
  );
  const body = build.guard(ir, build.inRange(ir, affine.plus(ir, i, affine.fixed(ir, -1)), N), bounded);
  const definition = define(ir, { tensor: loss, indices: [], reduction: { op: "sum", indices: [n] }, body });
  return {
    name: "f",
    doc: 'two\nlines "quoted"',
    inputs: [logits, label],
    dims: [
      { name: "N", min: 0, default: undefined },
      { name: "class count", min: 1, default: 3 },
    ],
    options: [{ name: "α", default: 0.5 }],
    requirements: [{ kind: "range", tensor: label, extent: C }],
    definitions: [definition],
    outputs: [{ name: "loss", tensor: loss }],
  };
};

const symbols = (program: Program): Program["inputs"] => [
  ...program.inputs,
  ...program.definitions.map((definition) => definition.tensor),
];

describe("the text form of programs", () => {
  it.each([
    ["a forward program", (ir: Arena): Program => sample(ir)],
    ["its gradient", (ir: Arena): Program => vjp(ir, sample(ir), ["logits"])],
  ])("%s is read back to the same objects", (_name, make) => {
    const ir = createArena();
    const program = make(ir);
    verify(program);
    const text = printProgram(program);
    expect(parseProgram(ir, text, symbols(program))).toEqual(program);
    parseProgram(ir, text, symbols(program)).definitions.forEach((definition, k) => {
      expect(definition.body).toBe(program.definitions[k]?.body);
    });
    expect(printProgram(parseProgram(createArena(), text))).toBe(text);
  });

  it("is reported where it is broken", () => {
    expect(() => parseProgram(createArena(), "program f")).toThrow(SyntaxError);
    expect(() => parseProgram(createArena(), 'program f ""\noutput y y')).toThrow("y is not known");
    expect(() =>
      parseProgram(createArena(), "define y float [] loops 0 [] labels\n  %0 = nonsense\n  body %0"),
    ).toThrow(SyntaxError);
  });
});

describe("verify", () => {
  it("names the definition and the rule", () => {
    const ir = createArena();
    const program = sample(ir);
    const [definition] = program.definitions;
    if (definition === undefined) throw new Error("no definition");
    const stray = {
      ...definition,
      body: build.indexValue(ir, affine.ofIndex(ir, ir.index("z", affine.fixed(ir, 3)))),
    };
    expect(() => {
      verify({ ...program, definitions: [stray] });
    }).toThrow(DialectError);
    expect(() => {
      verify({ ...program, definitions: [stray] });
    }).toThrow("loss': the index z has no loop");
    const delta = { ...definition, body: build.delta(ir, affine.fixed(ir, 1), affine.fixed(ir, 2)) };
    expect(() => {
      verify({ ...program, definitions: [delta] });
    }).toThrow("a delta is left");
    expect(() => {
      verify({ ...program, definitions: [definition, definition] });
    }).toThrow("stands for two things");
    expect(() => {
      verify({ ...program, definitions: [] });
    }).toThrow("is not defined");
  });
});
