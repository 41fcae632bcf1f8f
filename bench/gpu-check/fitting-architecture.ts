// Which machine code a GPU runs: its own, or an older minor version's of the same major one.

/** The newest of `packed` (`sm_80`) that a GPU of `architecture` (`sm_86`) runs. */
export function fittingArchitecture(packed: readonly string[], architecture: string): string | undefined {
  const number = (name: string): number => Number(name.slice("sm_".length));
  const wanted = number(architecture);
  const fitting = packed.filter((name) => Math.floor(number(name) / 10) === Math.floor(wanted / 10) && number(name) <= wanted);
  return fitting.toSorted((a, b) => number(b) - number(a))[0];
}
