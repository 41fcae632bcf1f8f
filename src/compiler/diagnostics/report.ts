// Collects diagnostics. The catalogue gives each code its words; a code's placeholders are typed arguments.

import type { SourceText, Span } from "../source.js";
import { type Code, catalogue } from "./catalogue.js";
import type { Diagnostic, Label, Message } from "./diagnostic.js";

export interface Reporter {
  readonly diagnostics: readonly Diagnostic[];
  readonly hasErrors: boolean;
  report<C extends Code>(code: C, args: Parameters<(typeof catalogue)[C]>[0], span: Span, labels?: readonly Label[]): void;
}

/** One reporter serves one source text. */
export function createReporter(source: SourceText): Reporter {
  const diagnostics: Diagnostic[] = [];
  return {
    diagnostics,
    get hasErrors() {
      return diagnostics.some((d) => d.severity === "error");
    },
    report(code, args, span, labels) {
      const words = (catalogue[code] as (a: typeof args) => Message)(args);
      diagnostics.push({
        code,
        severity: words.severity ?? "error",
        message: words.message,
        source,
        span,
        ...(words.caption !== undefined && { caption: words.caption }),
        ...(words.help !== undefined && { help: words.help }),
        ...(labels !== undefined && labels.length > 0 && { labels }),
      });
    },
  };
}
