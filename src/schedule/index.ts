export { schedule, type Scheduled, type ScheduleOptions, type States } from "./schedule.ts";
export { explainSchedule } from "./explain.ts";
export type { Decision } from "./decision.ts";
