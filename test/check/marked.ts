// Sources whose expected places are marked: «...» surrounds what a message must point at. The marks are not part of the source.

import { check } from "../../src/compiler/check/check.js";
import type { RulesetSpec, Spec } from "../../src/compiler/check/spec.js";
import type { Diagnostic } from "../../src/compiler/diagnostics/diagnostic.js";
import { createReporter } from "../../src/compiler/diagnostics/report.js";
import type { SourceText } from "../../src/compiler/source.js";
import { parse } from "../../src/compiler/syntax/parse.js";

export interface CheckedText {
  readonly source: SourceText;
  readonly specs: readonly Spec[];
  readonly rulesets: readonly RulesetSpec[];
  readonly diagnostics: readonly Diagnostic[];
}

export function checkText(text: string): CheckedText {
  const source = { path: "test.opt", text };
  const reporter = createReporter(source);
  const { specs, rulesets } = check(parse(source, reporter), reporter);
  return { source, specs, rulesets, diagnostics: reporter.diagnostics };
}

/** The one Spec of a text that must be correct. */
export function specOf(text: string): Spec {
  const { specs, diagnostics } = checkText(text);
  if (diagnostics.length > 0) throw new Error(diagnostics.map((d) => `${d.code}: ${d.message}`).join("\n"));
  return specs[0]!;
}

export interface Marked {
  readonly text: string;
  /** What stands between the marks, with its offset, in the order of the text. */
  readonly places: readonly { readonly from: number; readonly to: number }[];
}

export function unmark(marked: string): Marked {
  const places: { from: number; to: number }[] = [];
  const open: number[] = [];
  let text = "";
  for (const character of marked) {
    if (character === "«") open.push(places.push({ from: text.length, to: -1 }) - 1);
    else if (character === "»") places[open.pop()!]!.to = text.length;
    else text += character;
  }
  return { text, places };
}

/** An optimizer around some lines: it has `lr`, and moves the parameter. */
export function around(lines: string): string {
  return /\b(optimizer|ruleset)\b/.test(lines) ? lines : `optimizer A {\n  hyper lr = 1e-3\n  ${lines}\n  param <- param - lr * grad\n}\n`;
}
