/** Functions that every file knows, written in the language; a file's own function of the same name comes first. */
import type { Source } from "../diagnostics/index.ts";

export const preludeSource: Source = {
  name: "prelude.grad",
  text: `
/// log of the sum of exponentials, shifted by the maximum so that nothing overflows
fn logsumexp(x: [N]) {
  m = max(x)
  return m + log(sum[i](exp(x[i] - m)))
}
`,
};
