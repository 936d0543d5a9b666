export type * from "./ast.ts";
export { depthLimit, functionsOf, parse } from "./parse.ts";
export { printExpression, printModule } from "./print.ts";
export { nestingLimit } from "./scan.ts";
export { binderParts, dimParts, parts, visitAll } from "./walk.ts";
