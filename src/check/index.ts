export { checkModule, type CheckedFunction, type CheckedModule } from "./check.ts";
export type { CheckedDerive, CheckedMatrix, CheckedRequest, RequestKind } from "./derive.ts";
export type { CheckContext } from "./link.ts";
