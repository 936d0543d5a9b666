/**
 * Strongly connected components (Tarjan, 1972). In: items and what each depends on; out: components, each after those that it
 * depends on. Every item and every dependency is visited once.
 */

/** Items that depend on each other in a circle (also a single one that depends on itself), or one that does not. */
export interface Component<T> {
  readonly members: readonly T[];
  readonly isCircle: boolean;
}

interface Visit<T> {
  readonly item: T;
  readonly dependencies: readonly T[];
  readonly number: number;
  low: number;
  next: number;
}

/** Components and their members as near to the given order as dependencies allow. */
export const componentsBy = <T>(
  items: readonly T[],
  dependenciesOf: (item: T) => readonly T[],
): readonly Component<T>[] => {
  const place = new Map(items.map((each, k) => [each, k]));
  const visits = new Map<T, Visit<T>>();
  const open: T[] = [];
  const isOpen = new Set<T>();
  const components: Component<T>[] = [];
  const enter = (item: T): Visit<T> => {
    const visit = {
      item,
      dependencies: dependenciesOf(item),
      number: visits.size,
      low: visits.size,
      next: 0,
    };
    visits.set(item, visit);
    open.push(item);
    isOpen.add(item);
    return visit;
  };
  const close = ({ item, dependencies }: Visit<T>): void => {
    const members = open.splice(open.lastIndexOf(item));
    for (const each of members) isOpen.delete(each);
    members.sort((p, q) => (place.get(p) ?? 0) - (place.get(q) ?? 0));
    components.push({ members, isCircle: members.length > 1 || dependencies.includes(item) });
  };
  for (const root of items) {
    const stack = visits.has(root) ? [] : [enter(root)];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.dependencies[top.next++];
      if (next !== undefined) {
        const seen = visits.get(next);
        if (seen === undefined) stack.push(enter(next));
        else if (isOpen.has(next)) top.low = Math.min(top.low, seen.number);
        continue;
      }
      if (top.low === top.number) close(top);
      stack.pop();
      const user = stack.at(-1);
      if (user !== undefined) user.low = Math.min(user.low, top.low);
    }
  }
  return components;
};
