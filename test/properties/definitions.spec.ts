/** Definitions as users write them, each of another shape than the catalogue's: values and derivatives on all back ends. */
import { expect, it } from "vitest";
import { floatInputs, gradcheck, hessiancheck, type CheckedProgram } from "../../src/cli/gradcheck.ts";
import { formatReport, passes, type Report } from "../../src/gradcheck/index.ts";
import { createArena } from "../../src/ir/index.ts";
import { compileModule, vjp } from "../../src/pipeline.ts";

interface Row {
  readonly text: string;
  readonly dims: Readonly<Record<string, number>>;
}

/** Connectionist temporal classification, whose labels index the probabilities of a recurrence. */
const CTC = `fn ctc(logp: [T, K], label: int[S]) {
  a[t, s] = exp(logp[t, label[s]]) * (t == 0 ? (s < 2 ? 1 : 0) : (a[t - 1, s] ?? 0) + (a[t - 1, s - 1] ?? 0))
  return -log((a[T - 1, S - 1] ?? 0) + (a[T - 1, S - 2] ?? 0))
}`;

/** log det(1 + A Aᵀ) by elimination, step by step. */
const LOG_DETERMINANT = `fn log_determinant(A: [N, N]) {
  S[0, i, j] = (i == j ? 1 : 0) + sum[k](A[i, k] * A[j, k])
  S[s < N + 1, i < N, j < N] = i >= s && j >= s
    ? S[s - 1, i, j] - (S[s - 1, i, s - 1] ?? 0) * (S[s - 1, s - 1, j] ?? 0) / (S[s - 1, s - 1, s - 1] ?? 1) : 0
  return sum[s < N](log(S[s, s, s]))
}`;

/** Messages along edges, from the states of the step before. */
const GRAPH = `fn graph(x: [V], source: int[V], w: []; steps = 2) {
  S[0, v] = x[v]
  S[s < steps + 1, v] = tanh(w * S[s - 1, source[v]] + x[v])
  y[v] = S[steps, v]
  return y
}`;

const ROTATED_STATES = `fn rotated(x: [N, T, M]) {
  h[n, t, m] = tanh((h[n, t - 1, M - 1 - m] ?? 0) + x[n, t, m] * (h[0, t - 1, m] ?? 1))
  return h
}`;

const QUANTILE_HUBER = `fn quantile_huber(theta: [N], target: [M]; kappa = 1) {
  u[i, j] = target[j] - theta[i]
  h[i, j] = abs(u[i, j]) <= kappa ? u[i, j]^2 / 2 : kappa * (abs(u[i, j]) - kappa / 2)
  return mean[j](sum[i](abs((2 * i + 1) / (2 * N) - (u[i, j] < 0 ? 1 : 0)) * h[i, j] / kappa))
}`;

const ROTARY = `fn rotary(x: [T, D]; base = 100) {
  angle[t < T, k < D / 2] = t * base^(-2 * k / D)
  y[t, j] = j % 2 == 0
    ? x[t, j] * cos(angle[t, j // 2]) - (x[t, j + 1] ?? 0) * sin(angle[t, j // 2])
    : (x[t, j - 1] ?? 0) * sin(angle[t, j // 2]) + x[t, j] * cos(angle[t, j // 2])
  return y
}`;

/** Convolution at places that are learned, with linear interpolation. */
const DEFORMABLE = `fn deformable(x: [C, L], offset: [L, K], w: [O, C, K]) {
  p[l, k] = l + k - 1 + offset[l, k]
  s[c, l, k] = sum[m](x[c, m] * maximum(0, 1 - abs(p[l, k] - m)))
  y[o, l] = sum[c, k](w[o, c, k] * s[c, l, k])
  return y
}`;

const TRANSPOSED_CONVOLUTION = `fn transposed(x: [C, L], w: [C, O, K]; stride = 2) {
  y[o, l < (L - 1) * stride + K] = sum[c, k]((l - k) % stride == 0 ? (x[c, (l - k) // stride] ?? 0) * w[c, o, k] : 0)
  return y
}`;

const GROUPED_CONVOLUTION = `fn grouped(x: [C, L], w: [O, C / groups, K]; groups = 2) {
  inputs = C / groups
  outputs = O / groups
  y[o, l < L - K + 1] = sum[c < inputs, k](w[o, c, k] * x[o // outputs * inputs + c, l + k])
  return y
}`;

const PAIR_POTENTIAL = `fn pairs(x: [N, 3], first: int[P], second: int[P]) {
  r2[p] = sum[d < 3]((x[first[p], d] - x[second[p], d])^2) + 0.5
  return sum(4 * (r2^(-6) - r2^(-3)))
}`;

const FIRST: readonly Row[] = [
  { text: LOG_DETERMINANT, dims: { N: 4 } },
  { text: QUANTILE_HUBER, dims: { N: 5, M: 3 } },
  { text: ROTARY, dims: { T: 2, D: 4 } },
  { text: DEFORMABLE, dims: { C: 1, L: 3, K: 2, O: 1 } },
  { text: GROUPED_CONVOLUTION, dims: { C: 4, L: 4, O: 4, K: 2 } },
  { text: TRANSPOSED_CONVOLUTION, dims: { C: 1, L: 4, O: 2, K: 3 } },
];

const SECOND: readonly Row[] = [
  { text: CTC, dims: { T: 3, K: 3, S: 4 } },
  { text: GRAPH, dims: { V: 5 } },
  { text: ROTATED_STATES, dims: { N: 2, T: 3, M: 5 } },
  { text: PAIR_POTENTIAL, dims: { N: 4, P: 5 } },
];

const checked = ({ text, dims }: Row): CheckedProgram => {
  const module = compileModule({ name: "definitions.grad", text });
  const [fn] = module.ok ? module.value.functions.values() : [];
  const ir = createArena();
  const program = fn?.program(ir);
  if (program?.ok !== true) throw new Error(`rejected:\n${text}`);
  const settings = { dims: new Map(Object.entries(dims)) };
  return { ir, program: program.value, wrt: floatInputs(program.value), settings };
};

const expectAll = (reports: readonly Report[]): void => {
  for (const report of reports) expect(passes(report), formatReport(report).join("\n")).toBe(true);
};

it("definitions of users have their derivatives on all back ends", async () => {
  expectAll(await gradcheck([...FIRST, ...SECOND].map(checked)));
});

it("and their second derivatives", async () => {
  expectAll(await hessiancheck(SECOND.map(checked)));
});

/** L Lᵀ = A, column by column: the adjoint of L[k, c] at the index of the steps is read in no order of them. */
const CHOLESKY = `fn cholesky(A: [N, N]) {
  L[c, i < N] = i < c ? 0 : (A[i, c] - sum[k < N](k < c ? (L[c - 1 - k, i] ?? 0) * (L[c - 1 - k, c] ?? 0) : 0))
  return L
}`;

it("a derivative that no order of steps gives is an error with a hint", () => {
  const { ir, program, wrt } = checked({ text: CHOLESKY, dims: { N: 3 } });
  expect(() => vjp(ir, program, wrt)).toThrow(
    "the derivative of cholesky_vjp cannot be computed step by step",
  );
});
