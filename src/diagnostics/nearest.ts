/** The candidate a misspelt name was most likely meant to be: the first of those with the fewest edits. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const limit = Math.min(3, Math.max(1, Math.floor(name.length / 3)));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    if (candidate === name) continue;
    const distance =
      candidate.toLowerCase() === name.toLowerCase() ? 0.5 : editDistance(name, candidate, limit);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`, or `limit + 1` when
 * there are more than `limit`. Only the diagonal band of width 2·limit + 1 can hold smaller values.
 */
export function editDistance(a: string, b: string, limit: number): number {
  const over = limit + 1;
  if (Math.abs(a.length - b.length) > limit) return over;
  let beforeLast = new Map<number, number>();
  let last = new Map<number, number>();
  for (let j = 0; j <= Math.min(limit, b.length); j++) last.set(j, j);
  for (let i = 1; i <= a.length; i++) {
    const row = new Map<number, number>();
    for (let j = Math.max(0, i - limit); j <= Math.min(b.length, i + limit); j++) {
      const substitution = (last.get(j - 1) ?? over) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = swapped ? (beforeLast.get(j - 2) ?? over) + 1 : over;
      row.set(j, Math.min(over, (last.get(j) ?? over) + 1, (row.get(j - 1) ?? over) + 1, substitution, swap));
    }
    beforeLast = last;
    last = row;
  }
  return last.get(b.length) ?? over;
}
