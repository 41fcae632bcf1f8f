// What conditions of set-up say of each other: a table over all values of what they read. The checker proves by it that a state exists,
// and the lowering leaves out what can never be, by the same terms.

/** What is read, by name, with the values that it may have. */
type Variables = ReadonlyMap<string, readonly number[]>;
type Row = ReadonlyMap<string, number>;

/** A condition or number as a function of what it reads. */
export interface Term {
  readonly variables: Variables;
  readonly value: (row: Row) => number;
}

export interface KnownTerm {
  readonly term: Term;
  readonly holds: boolean;
}

/** Larger tables are not tried. */
const MOST_ROWS = 1 << 14;

export const constantTerm = (value: number): Term => ({ variables: new Map(), value: () => value });

export function variableTerm(name: string, values: readonly number[]): Term {
  return { variables: new Map([[name, values]]), value: (row) => row.get(name)! };
}

export function combine(terms: readonly Term[], value: (...values: readonly number[]) => number): Term {
  return { variables: union(terms), value: (row) => value(...terms.map((term) => term.value(row))) };
}

/** A rank compared with a constant: of all ranks, those beside the constant stand for the others. */
export function compareRank(constant: number, compare: (rank: number) => boolean): Term {
  const near = Number.isFinite(constant) ? Math.ceil(constant) : 0;
  const ranks = [0, near - 1, near, near + 1].filter((rank) => rank >= 0);
  return { variables: new Map([["rank", ranks]]), value: (row) => Number(compare(row.get("rank")!)) };
}

/** Whether a goal follows: true, false, or null where it may be either way or the table would be too large. */
export function follows(facts: readonly KnownTerm[], goal: Term): boolean | null {
  const relevant = connected(facts, goal.variables);
  const variables = [...union([goal, ...relevant.map(({ term }) => term)])];
  let rows = 1;
  for (const [, values] of variables) rows *= values.length;
  if (rows > MOST_ROWS) return null;
  const row = new Map<string, number>();
  let [canHold, canFail] = [false, false];
  for (let index = 0; index < rows && !(canHold && canFail); index++) {
    let rest = index;
    for (const [name, values] of variables) {
      row.set(name, values[rest % values.length]!);
      rest = Math.floor(rest / values.length);
    }
    if (relevant.some(({ term, holds }) => (term.value(row) !== 0) !== holds)) continue;
    if (goal.value(row) !== 0) canHold = true;
    else canFail = true;
  }
  return canHold && canFail ? null : !canFail;
}

function union(terms: readonly Term[]): Variables {
  const variables = new Map<string, readonly number[]>();
  for (const term of terms)
    for (const [name, values] of term.variables) variables.set(name, [...new Set([...(variables.get(name) ?? []), ...values])]);
  return variables;
}

/** Facts that share a variable with the goal, directly or through each other. */
function connected(facts: readonly KnownTerm[], goal: Variables): readonly KnownTerm[] {
  const names = new Set(goal.keys());
  const taken = new Set<KnownTerm>();
  for (let grew = true; grew; ) {
    grew = false;
    for (const fact of facts) {
      if (taken.has(fact) || ![...fact.term.variables.keys()].some((name) => names.has(name))) continue;
      taken.add(fact);
      for (const name of fact.term.variables.keys()) names.add(name);
      grew = true;
    }
  }
  return [...taken];
}
