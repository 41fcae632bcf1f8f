// What share of the learning rate each part of a model gets, as bars: parts are the layers, and what stands before and after them.

import type { ExplainTable } from "optspec/runtime";

const BAR = 30;

/** The part that a parameter belongs to: the name up to its first number, or its first segment. */
export function partOf(name: string): string {
  return /^.*?\.\d+(?=\.)/.exec(name)?.[0] ?? name.split(".")[0]!;
}

/** One line a part, in the order of the parameters; parts whose ratios differ inside show the greatest. */
export function ladder({ params }: ExplainTable): string {
  const ratios = new Map<string, number>();
  for (const { name, hypers } of params) {
    const part = partOf(name);
    ratios.set(part, Math.max(ratios.get(part) ?? 0, hypers.lr?.ratio ?? 1));
  }
  const width = Math.max(...[...ratios.keys()].map((part) => part.length));
  const top = Math.max(...ratios.values());
  const lines = [...ratios].map(
    ([part, ratio]) => `  ${part.padEnd(width)}   ${ratio.toFixed(3)}  ${"▬".repeat(Math.round((ratio / top) * BAR))}`,
  );
  return lines.join("\n");
}
