/** In: emitted TypeScript. Out: the same module as a person would lay it out. */
import * as estree from "prettier/plugins/estree";
import * as typescript from "prettier/plugins/typescript";
import { format } from "prettier/standalone";

export function formatTypeScript(text: string): Promise<string> {
  return format(text, { parser: "typescript", plugins: [estree, typescript], printWidth: 110 });
}
