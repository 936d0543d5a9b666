export { schedule, type Scheduled, type ScheduleOptions } from "./schedule.ts";
export { explainSchedule } from "./explain.ts";
export type { Decision } from "./decision.ts";
