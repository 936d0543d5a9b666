import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { hessianRows, hessianRowText, type HessianRow } from "../../src/cli/hessians.ts";

const ROWS = "block-diagonal (one block per n), in each diagonal plus rank";

/** What a textbook calls them. */
const TEXTBOOK: readonly (readonly [fn: string, block: string, structure: string])[] = [
  ["mse", "h_pred_pred", "constant, diagonal"],
  ["mae", "h_pred_pred", "zero"],
  ["bce", "h_prob_prob", "diagonal"],
  ["bce_with_logits", "h_logits_logits", "diagonal"],
  ["bce_with_logits", "h_logits_target", "constant, diagonal"],
  ["cross_entropy", "h_logits_logits", `${ROWS} one`],
  ["cross_entropy", "h_target_target", "zero"],
  ["cross_entropy_labels", "h_logits_logits", `${ROWS} one`],
  ["nll", "h_logp_logp", "zero"],
  ["kl_divergence", "h_p_q", "diagonal"],
  ["focal_with_logits", "h_logits_logits", "diagonal"],
  ["huber", "h_pred_pred", "diagonal"],
  // the projection off the row's own direction, and its two mixed terms
  ["cosine_similarity_loss", "h_pred_pred", `${ROWS} two`],
  ["log_cosh", "h_pred_pred", "diagonal"],
  ["poisson_nll", "h_pred_pred", "diagonal"],
  ["gaussian_nll", "h_mu_var", "diagonal"],
  ["triplet_margin", "h_positive_negative", "zero"],
  ["dice", "h_prob_prob", "rank two"],
  ["variance", "h_x_x", "constant, diagonal plus rank one"],
  // δ / σ - 1 1ᵀ / (N σ) - (x - m)(x - m)ᵀ / (N σ³)
  ["std", "h_x_x", "diagonal plus rank two"],
  ["norm", "h_x_x", "diagonal plus rank one"],
  ["logsumexp", "h_x_x", "diagonal plus rank one"],
  ["mean", "h_x_x", "zero"],
];

const cells = (line: string): string => line.replace(/ +/g, " ").trim();

describe("docs/hessians.md", () => {
  const page = readFileSync("docs/hessians.md", "utf8");
  let rows: readonly HessianRow[] = [];

  beforeAll(() => {
    rows = hessianRows({ out: () => undefined, err: () => undefined, paint: PLAIN });
  });

  it("lists the structure of every block that is derived, and no other", () => {
    const listed = page.split("\n").filter((line) => line.startsWith("| `"));
    expect(listed.map(cells)).toEqual(rows.map(hessianRowText));
    for (const { fn } of rows) expect(page).toContain(`## ${fn}\n`);
  });

  it.each(TEXTBOOK)("%s, %s: %s", (fn, block, structure) => {
    expect(rows.find((row) => row.fn === fn && row.block === block)?.structure).toBe(structure);
  });
});

const same = (text: string): string => text;
const PLAIN = { error: same, warning: same, location: same, caret: same, hint: same };
