export { schedule, type Scheduled, type ScheduleOptions } from "./schedule.ts";
export type { Decision } from "./decision.ts";
