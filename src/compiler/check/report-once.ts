// Holds messages back until a check is final, and tells each once: an inlined function is checked at every call.

import { type Code, catalogue, type Message } from "../diagnostics/catalogue.js";
import type { Label } from "../diagnostics/diagnostic.js";
import type { Reporter } from "../diagnostics/report.js";
import type { Span } from "../source.js";

export interface CheckReporter {
  report: Reporter["report"];
  /** Errors so far; warnings and hints do not count. */
  readonly errors: number;
  /** Hands everything to the reader's reporter, in the order of the text; what is `told` already is left out. */
  flush(to: Reporter, told: Set<string>): void;
}

export function createCheckReporter(): CheckReporter {
  let errors = 0;
  const held = new Map<string, { readonly from: number; readonly tell: (to: Reporter) => void }>();
  return {
    report<C extends Code>(code: C, args: Parameters<(typeof catalogue)[C]>[0], span: Span, labels?: readonly Label[]) {
      const key = JSON.stringify([code, args, span.from, span.to]);
      if (held.has(key)) return;
      held.set(key, { from: span.from, tell: (to) => to.report(code, args, span, labels) });
      const { severity = "error" } = (catalogue[code] as (a: typeof args) => Message)(args);
      if (severity === "error") errors++;
    },
    get errors() {
      return errors;
    },
    flush(to, told) {
      for (const [key, { tell }] of [...held].sort(([, a], [, b]) => a.from - b.from)) if (!told.has(key)) tell(to);
      for (const key of held.keys()) told.add(key);
    },
  };
}
