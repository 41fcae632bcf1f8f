// Names that a wrong name may have meant: for the messages of the compiler and of the runtime.

/** Longer names are compared by their beginnings. */
const MAX_LENGTH = 200;

/** The candidates nearest to `name`, best first, at most three; none that differs in more than a third of its letters. */
export function nearest(name: string, candidates: Iterable<string>): string[] {
  const wanted = name.slice(0, MAX_LENGTH);
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const found: { candidate: string; distance: number }[] = [];
  for (const candidate of new Set(candidates)) {
    if (candidate === name || Math.abs(candidate.length - wanted.length) > limit) continue;
    // Slips in case, however many, are the likeliest.
    const apart = 0.5 + editDistance(wanted.toLowerCase(), candidate.toLowerCase(), limit);
    const distance = apart === 0.5 ? apart : Math.min(apart, editDistance(wanted, candidate, limit));
    if (distance <= limit) found.push({ candidate, distance });
  }
  found.sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1));
  return found.slice(0, 3).map(({ candidate }) => candidate);
}

/** Damerau-Levenshtein distance: insertions, deletions, substitutions and swaps of neighbours, each once. Beyond `limit` just more than that. */
export function editDistance(a: string, b: string, limit = Number.POSITIVE_INFINITY): number {
  let [before, row] = [new Uint32Array(b.length + 1), Uint32Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const next = new Uint32Array(b.length + 1);
    next[0] = i;
    let least = i;
    for (let j = 1; j <= b.length; j++) {
      let best = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, before[j - 2]! + 1);
      next[j] = best;
      least = Math.min(least, best);
    }
    // A swap looks one row further back, where no value is more than one smaller.
    if (least > limit + 1) return least;
    [before, row] = [row, next];
  }
  return row[b.length]!;
}
