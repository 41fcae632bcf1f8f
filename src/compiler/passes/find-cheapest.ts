// The search behind placements: one item of each list, so that the whole costs least. All ways are tried where they are few; where
// they are many, single items are exchanged, from given starts, as long as that makes the whole cheaper.

export interface Found<R> {
  readonly result: R;
  readonly cost: number;
}

/** Ways that are all tried. */
const MOST_WAYS = 200;

/** `evaluate` gives null for a way that cannot be. Null: none can. */
export function findCheapest<T, R>(
  lists: readonly (readonly T[])[],
  starts: readonly (readonly T[])[],
  evaluate: (items: readonly T[]) => Found<R> | null,
): Found<R> | null {
  const ways = lists.reduce((product, list) => product * list.length, 1);
  if (ways <= MOST_WAYS) return cheaper(...[...eachWay(lists)].map(evaluate));
  return cheaper(...starts.map((start) => descend(lists, start, evaluate)));
}

/** The first of the cheapest. */
function cheaper<R>(...found: readonly (Found<R> | null)[]): Found<R> | null {
  return found.reduce((best, one) => (one !== null && (best === null || one.cost < best.cost) ? one : best), null);
}

function* eachWay<T>(lists: readonly (readonly T[])[]): Generator<readonly T[]> {
  const [first, ...rest] = lists;
  if (first === undefined) yield [];
  else for (const item of first) for (const others of eachWay(rest)) yield [item, ...others];
}

function descend<T, R>(
  lists: readonly (readonly T[])[],
  start: readonly T[],
  evaluate: (items: readonly T[]) => Found<R> | null,
): Found<R> | null {
  let items = start;
  let best = evaluate(items);
  for (let isBetter = best !== null; isBetter; ) {
    isBetter = false;
    for (const [at, list] of lists.entries()) {
      for (const item of list) {
        const changed = items.with(at, item);
        const found = item === items[at] ? null : evaluate(changed);
        if (found === null || found.cost >= best!.cost) continue;
        best = found;
        items = changed;
        isBetter = true;
      }
    }
  }
  return best;
}
