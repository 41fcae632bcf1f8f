// Every name that generated code may import, and from where: nobody prints an import by hand. A test holds the table against the runtime.

import type { Namer } from "./namer.js";

export const runtimeSymbols = {
  createOptimizer: { module: "optspec/runtime", kind: "value" },
  BaseSettings: { module: "optspec/runtime", kind: "type" },
  Device: { module: "optspec/runtime", kind: "type" },
  GroupSettings: { module: "optspec/runtime", kind: "type" },
  HyperValue: { module: "optspec/runtime", kind: "type" },
  Optimizer: { module: "optspec/runtime", kind: "type" },
  Rules: { module: "optspec/runtime", kind: "type" },
  OptimizerDefinition: { module: "optspec/runtime", kind: "type" },
} as const satisfies Record<string, { readonly module: string; readonly kind: "value" | "type" }>;

export type RuntimeSymbol = keyof typeof runtimeSymbols;

export interface RuntimeImport {
  readonly module: string;
  readonly isTypeOnly: boolean;
  readonly names: readonly { readonly symbol: RuntimeSymbol; readonly local: string }[];
}

/** Imports of these symbols under names that are free in the module, one import for each module and kind. */
export function importSymbols<S extends RuntimeSymbol>(symbols: readonly S[], namer: Namer) {
  const local = Object.fromEntries(symbols.map((symbol) => [symbol, namer(symbol)])) as Readonly<Record<S, string>>;
  const imports = new Map<string, { module: string; isTypeOnly: boolean; names: { symbol: S; local: string }[] }>();
  for (const symbol of symbols) {
    const { module, kind } = runtimeSymbols[symbol];
    const found = imports.get(`${kind} ${module}`) ?? { module, isTypeOnly: kind === "type", names: [] };
    found.names.push({ symbol, local: local[symbol] });
    imports.set(`${kind} ${module}`, found);
  }
  return { local, imports: [...imports.values()] satisfies RuntimeImport[] };
}
