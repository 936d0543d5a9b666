/** The TypeScript back end. */
export { emitTypeScript } from "./emit.ts";
export { formatTypeScript } from "./format.ts";
export { instantiateTypeScript } from "./run.ts";
