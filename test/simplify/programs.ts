/** Programs written by hand for the specs of simplification. */
import { affine, build as b, createArena, define } from "../../src/ir/index.ts";
import type { Affine, Arena, Definition, Node, Program, ReduceOp, Tensor } from "../../src/ir/index.ts";

/** `"n"` is an index over the dimension N, `"c"` over C, and so on. */
export interface Writer {
  readonly ir: Arena;
  readonly extent: (index: string) => Affine;
  readonly input: (name: string, indices: string, dtype?: Tensor["dtype"]) => Tensor;
  readonly define: (name: string, indices: string, body: Node) => Tensor;
  readonly reduce: (name: string, indices: string, op: ReduceOp, over: string, body: Node) => Tensor;
  readonly at: (tensor: Tensor, indices: string) => Node;
  /** The extent as a number. */
  readonly size: (index: string) => Node;
  readonly program: (name: string, ...outputs: readonly Tensor[]) => Program;
}

export const write = (ir: Arena = createArena(), options: readonly string[] = []): Writer => {
  const inputs: Tensor[] = [];
  const definitions: Definition[] = [];
  const dims = new Set<string>();
  const extent = (index: string): Affine => {
    dims.add(index.toUpperCase());
    return affine.dim(ir, index.toUpperCase(), 1);
  };
  const index = (name: string) => ir.index(name, extent(name));
  const make = (name: string, indices: string, role: Tensor["role"], dtype: Tensor["dtype"]): Tensor =>
    ir.tensor({ name, shape: Array.from(indices).map(extent), dtype, role });
  const input: Writer["input"] = (name, indices, dtype = "float") => {
    const tensor = make(name, indices, "input", dtype);
    inputs.push(tensor);
    return tensor;
  };
  return {
    ir,
    extent,
    input,
    define: (name, indices, body) => {
      const tensor = make(name, indices, "defined", "float");
      definitions.push(define(ir, { tensor, indices: Array.from(indices).map(index), body }));
      return tensor;
    },
    reduce: (name, indices, op, over, body) => {
      const tensor = make(name, indices, "defined", op.startsWith("arg") ? "int" : "float");
      const reduction = { op, indices: Array.from(over).map(index) };
      definitions.push(define(ir, { tensor, indices: Array.from(indices).map(index), reduction, body }));
      return tensor;
    },
    at: (tensor, indices) =>
      b.read(
        ir,
        tensor,
        Array.from(indices).map((name) => affine.ofIndex(ir, index(name))),
      ),
    size: (name) => b.indexValue(ir, extent(name)),
    program: (name, ...outputs) => ({
      name,
      doc: "",
      inputs,
      dims: [...dims].sort().map((dim) => ({ name: dim, min: 1, default: undefined })),
      options: options.map((option) => ({ name: option, default: undefined })),
      requirements: [],
      definitions,
      outputs: outputs.map((tensor) => ({ name: tensor.name, tensor })),
    }),
  };
};

export const softmax = (): { w: Writer; program: Program } => {
  const w = write();
  const { ir, at } = w;
  const x = w.input("x", "nc");
  const m = w.reduce("m", "n", "max", "c", at(x, "nc"));
  const e = w.define("e", "nc", b.unary(ir, "exp", b.subtract(ir, at(x, "nc"), at(m, "n"))));
  const s = w.reduce("s", "n", "sum", "c", at(e, "nc"));
  const y = w.define("y", "nc", b.divide(ir, at(e, "nc"), at(s, "n")));
  return { w, program: w.program("softmax", y) };
};

/** mean over n of logsumexp(logits[n, ·]) - logits[n, label[n]] */
export const crossEntropyLabels = (): { w: Writer; program: Program } => {
  const w = write();
  const { ir, at } = w;
  const logits = w.input("logits", "nc");
  const label = w.input("label", "n", "int");
  const m = w.reduce("m", "n", "max", "c", at(logits, "nc"));
  const s = w.reduce("s", "n", "sum", "c", b.unary(ir, "exp", b.subtract(ir, at(logits, "nc"), at(m, "n"))));
  const lse = w.define("lse", "n", b.add(ir, at(m, "n"), b.unary(ir, "log", at(s, "n"))));
  const n = affine.ofIndex(ir, ir.index("n", w.extent("n")));
  const chosen = b.read(ir, logits, [n, affine.ofData(ir, at(label, "n"))]);
  const loss = w.reduce(
    "loss",
    "",
    "sum",
    "n",
    b.divide(ir, b.subtract(ir, at(lse, "n"), chosen), w.size("n")),
  );
  const program = w.program("cross_entropy_labels", loss);
  return {
    w,
    program: { ...program, requirements: [{ kind: "range", tensor: label, extent: w.extent("c") }] },
  };
};

/** mean over n of -Σ_c target·log_softmax(logits) */
export const crossEntropy = (): { w: Writer; program: Program } => {
  const w = write();
  const { ir, at } = w;
  const logits = w.input("logits", "nc");
  const target = w.input("target", "nc");
  const m = w.reduce("m", "n", "max", "c", at(logits, "nc"));
  const s = w.reduce("s", "n", "sum", "c", b.unary(ir, "exp", b.subtract(ir, at(logits, "nc"), at(m, "n"))));
  const lse = w.define("lse", "n", b.add(ir, at(m, "n"), b.unary(ir, "log", at(s, "n"))));
  const term = b.multiply(ir, at(target, "nc"), b.subtract(ir, at(lse, "n"), at(logits, "nc")));
  const row = w.reduce("row", "n", "sum", "c", term);
  const loss = w.reduce("loss", "", "sum", "n", b.divide(ir, at(row, "n"), w.size("n")));
  return { w, program: w.program("cross_entropy", loss) };
};

export const layerNorm = (): { w: Writer; program: Program } => {
  const w = write(createArena(), ["eps"]);
  const { ir, at } = w;
  const x = w.input("x", "nc");
  const gamma = w.input("gamma", "c");
  const beta = w.input("beta", "c");
  const mean = w.reduce("mean", "n", "sum", "c", b.divide(ir, at(x, "nc"), w.size("c")));
  const centred = w.define("centred", "nc", b.subtract(ir, at(x, "nc"), at(mean, "n")));
  const variance = w.reduce(
    "variance",
    "n",
    "sum",
    "c",
    b.divide(ir, b.square(ir, at(centred, "nc")), w.size("c")),
  );
  const r = w.define(
    "r",
    "n",
    b.power(ir, b.add(ir, at(variance, "n"), b.option(ir, "eps")), { num: -1, den: 2 }),
  );
  const scaled = b.product(ir, [at(centred, "nc"), at(r, "n"), at(gamma, "c")]);
  const y = w.define("y", "nc", b.add(ir, scaled, at(beta, "c")));
  return { w, program: w.program("layer_norm", y) };
};
