// Holds messages back until a check is final, and tells each once: an inlined function is checked at every call. What only echoes
// another mistake is not told: a name that the parser may have lost, or something unused whose use is the misspelled name.

import { type Code, catalogue } from "../diagnostics/catalogue.js";
import type { Label, Message } from "../diagnostics/diagnostic.js";
import type { Reporter } from "../diagnostics/report.js";
import type { Span } from "../source.js";

export interface CheckReporter {
  report: Reporter["report"];
  /** Errors so far; warnings and hints do not count. */
  readonly errors: number;
  /** Hands everything to the reader's reporter, in the order of the text; what is `told` already is left out. */
  flush(to: Reporter, told: Set<string>): void;
}

/** What a declaration or a word that the parser lost makes of a correct text. */
const ofLostText: ReadonlySet<Code> = new Set<Code>([
  "unknown-name",
  "unknown-function",
  "unknown-member",
  "unknown-option-word",
  "unknown-base",
  "assign-to-unknown",
  "rule-for-unknown",
  "function-as-value",
  "option-as-value",
  "option-without-words",
  "option-default",
  "wrong-argument-count",
  "function-without-return",
  "capture-not-bound",
  "missing-else",
]);
const ofUnused: ReadonlySet<Code> = new Set<Code>([
  "unused-value",
  "unused-hyper",
  "state-never-read",
  "state-never-written",
  "param-never-written",
]);

interface Held {
  readonly code: Code;
  /** Its placeholders by name. */
  readonly args: ReadonlyMap<string, unknown>;
  readonly from: number;
  readonly tell: (to: Reporter) => void;
}

function suggests({ args }: Held, name: unknown): boolean {
  const nearest = args.get("nearest");
  return Array.isArray(nearest) && nearest.includes(name);
}

/** `damaged`: the parser left something out. */
export function createCheckReporter(damaged = false): CheckReporter {
  let errors = 0;
  const held = new Map<string, Held>();
  const isEcho = ({ code, args }: Held): boolean =>
    (damaged && ofLostText.has(code)) || (ofUnused.has(code) && [...held.values()].some((other) => suggests(other, args.get("name"))));
  return {
    report<C extends Code>(code: C, args: Parameters<(typeof catalogue)[C]>[0], span: Span, labels?: readonly Label[]) {
      const key = JSON.stringify([code, args, span.from, span.to]);
      if (held.has(key)) return;
      held.set(key, {
        code,
        args: new Map<string, unknown>(Object.entries(args ?? {})),
        from: span.from,
        tell: (to) => to.report(code, args, span, labels),
      });
      const { severity = "error" } = (catalogue[code] as (a: typeof args) => Message)(args);
      if (severity === "error") errors++;
    },
    get errors() {
      return errors;
    },
    flush(to, told) {
      for (const [key, one] of [...held].sort(([, a], [, b]) => a.from - b.from)) if (!told.has(key) && !isEcho(one)) one.tell(to);
      for (const key of held.keys()) told.add(key);
    },
  };
}
