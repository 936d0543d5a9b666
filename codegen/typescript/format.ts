/** In: emitted TypeScript. Out: the same module as a person would lay it out. */
import * as estree from "prettier/plugins/estree";
import * as typescript from "prettier/plugins/typescript";
import { format } from "prettier/standalone";

export function formatTypeScript(text: string): Promise<string> {
  // by the name it is known to be no JSX; without one the whole text is searched for tags first, in quadratic time
  const filepath = "kernels.ts";
  return format(text, { filepath, parser: "typescript", plugins: [estree, typescript], printWidth: 110 });
}
