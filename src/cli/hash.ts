import { createHash } from "node:crypto";

/** What identifies a source in the header of what is built from it. */
export const hashText = (text: string): string =>
  `sha256:${createHash("sha256").update(text).digest("hex").slice(0, 16)}`;
