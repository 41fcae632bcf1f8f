// A tape of numbers read as choices: every tape is a program, a shorter tape or smaller numbers a simpler one. Where it ends, every choice
// is the first one. So fast-check shrinks programs by shrinking tapes, and what it shrinks to is well-typed like what it began with.

export interface Choices {
  /** A whole number from 0 to below `count`; 0 is the simplest. */
  int(count: number): number;
  /** True once in `outOf` times. */
  chance(outOf: number): boolean;
  /** One of a list; the first is the simplest. */
  pick<T>(list: readonly [T, ...T[]] | readonly T[]): T;
}

export function readChoices(tape: readonly number[]): Choices {
  let at = 0;
  const int = (count: number) => (tape[at++] ?? 0) % count;
  return {
    int,
    chance: (outOf) => int(outOf) === outOf - 1,
    pick: (list) => list[int(list.length)]!,
  };
}
