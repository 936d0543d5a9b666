export { checkGradients, passes } from "./check.ts";
export type { CheckSettings, Failure, Report, Row, Run, Runner, Subject } from "./check.ts";
export { checkHessians, type SecondOrder, type SecondOrderRunner } from "./second.ts";
export { holdStopped, type Held } from "./held.ts";
export { formatReport } from "./report.ts";
export { TOLERANCES, allowedError, type Format, type Tolerance } from "./tolerance.ts";
