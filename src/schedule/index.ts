export { schedule, type Decision, type Scheduled, type ScheduleOptions } from "./schedule.ts";
