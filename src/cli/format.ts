// How a command's outcome is printed: for a person, as one JSON document, or as annotations of GitHub's checks.

import type { CliError } from "./cli-error.js";
import type { Context, Format, Outcome } from "./context.js";
import { visibleLines } from "./visible-lines.js";

/** Prints an outcome. */
export async function printOutcome(context: Context, format: Format, command: string, outcome: Outcome): Promise<void> {
  const { diagnostics, text, summary } = outcome;
  if (format === "json") {
    const { renderJson } = await import("../compiler/diagnostics/render.js");
    const records: unknown = JSON.parse(renderJson(diagnostics));
    context.out(printJson({ command, ok: outcome.exitCode === 0, diagnostics: records, ...outcome.json }));
    return;
  }
  if (diagnostics.length > 0) {
    const { renderGithub, renderPretty } = await import("../compiler/diagnostics/render.js");
    if (format === "github") context.out(renderGithub(diagnostics));
    else context.talk(`${renderPretty(diagnostics, { color: context.color, width: context.width })}\n`);
  }
  if (text !== "") context.out(`${text}\n`);
  if (summary !== "") context.talk(`${summary}\n`);
}

/** Prints what stopped a command. */
export function printFailure(context: Context, format: Format, command: string, { message, help }: CliError): void {
  if (format === "json") {
    context.out(printJson({ command, ok: false, diagnostics: [], error: { message, ...(help !== null && { help }) } }));
    return;
  }
  if (format === "github") context.out(`::error title=optspec::${escapeData(help === null ? message : `${message}\n${help}`)}\n`);
  const red = context.color ? "\u001b[1;31merror\u001b[0m" : "error";
  context.talk(`${red}: ${visibleLines(message)}\n${help === null ? "" : `  help: ${visibleLines(help)}\n`}`);
}

/** JSON whose strings hold no character that a terminal would obey. */
function printJson(document: unknown): string {
  const unsafe = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
  return `${JSON.stringify(document, null, 2).replace(unsafe, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}

/** GitHub's own escapes for what follows the second `::`. */
function escapeData(text: string): string {
  return visibleLines(text).replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A");
}
