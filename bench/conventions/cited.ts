/** What JAX, and PyTorch where it was not measured, do: as their documentation, maintainers and reported issues say. */
import type { ByRow, Citation } from "./page.ts";

const issue = (number: number): string => `https://github.com/jax-ml/jax/issues/${number}`;
const MAX_TIES: Citation = { says: "shared evenly", source: issue(13600) };

export const JAX: ByRow<Citation> = {
  "relu at 0": {
    says: "derivative 0",
    source: "https://docs.jax.dev/en/latest/_autosummary/jax.nn.relu.html",
  },
  "relu6 at 0 and 6": {
    says: "derivative 0",
    source: "https://docs.jax.dev/en/latest/_autosummary/jax.nn.relu6.html",
  },
  "abs at 0": { says: "derivative 1", source: "https://github.com/jax-ml/jax/pull/2195" },
  "maximum at a tie": { says: "one half", source: issue(37821) },
  "max at ties": MAX_TIES,
  "max over an axis at ties": MAX_TIES,
  "norm at the zero vector": { says: "NaN", source: issue(21723) },
  "softmax with ∞": { says: "NaN", source: issue(21495) },
  "a branch not taken": {
    says: "NaN, if its derivative is infinite",
    source: "https://docs.jax.dev/en/latest/faq.html#gradients-contain-nan-where-using-where",
  },
};

const torch = (path: string): string => `https://github.com/pytorch/pytorch/${path}`;

/** Newer versions than the measured one; a change to the limit is proposed there. */
export const PYTORCH: ByRow<Citation> = {
  "softmax with ∞": { says: "NaN", source: torch("issues/6864") },
  "swish at -∞": { says: "NaN", source: torch("pull/195197") },
  "gelu at -∞": { says: "NaN", source: torch("pull/192318") },
};
