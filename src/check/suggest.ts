/** What a misspelt name was meant to be. */
import { nearest } from "../diagnostics/index.ts";

/** As `nearest`; a name of one or two letters is near only to itself in other case. */
export const similar = (name: string, candidates: Iterable<string>): string | undefined => {
  const near = nearest(name, candidates);
  return name.length > 2 || near?.toLowerCase() === name.toLowerCase() ? near : undefined;
};
