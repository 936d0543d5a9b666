/** What was decided about a tensor or a loop, and why: printable. */
export interface Decision {
  readonly subject: string;
  readonly decision: string;
  readonly reason: string;
}
