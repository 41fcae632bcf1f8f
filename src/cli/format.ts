// How a command's outcome is printed: for a person, as one JSON document, or as annotations of GitHub's checks.

import type { Diagnostic } from "../compiler/diagnostics/diagnostic.js";
import { positionAt } from "../compiler/source.js";
import type { CliError } from "./cli-error.js";
import type { Context, Format, Outcome } from "./context.js";
import { visible } from "./visible.js";

/** Prints an outcome. */
export async function printOutcome(context: Context, format: Format, command: string, outcome: Outcome): Promise<void> {
  switch (format) {
    case "json": {
      const diagnostics = outcome.diagnostics.map(diagnosticJson);
      context.out(`${JSON.stringify({ command, ok: outcome.exitCode === 0, diagnostics, ...outcome.json }, null, 2)}\n`);
      return;
    }
    case "github":
      for (const diagnostic of outcome.diagnostics) context.out(annotation(diagnostic));
      break;
    case "pretty":
      if (outcome.diagnostics.length > 0) {
        const { renderDiagnostics } = await import("../compiler/diagnostics/render.js");
        context.talk(`${renderDiagnostics(outcome.diagnostics, { color: context.color })}\n`);
      }
      break;
    default:
      format satisfies never;
  }
  if (outcome.text !== "") context.out(`${outcome.text}\n`);
  if (outcome.summary !== "") context.talk(`${outcome.summary}\n`);
}

/** Prints what stopped a command. */
export function printFailure(context: Context, format: Format, command: string, error: CliError): void {
  if (format === "json") {
    const failure = { message: error.message, ...(error.help !== null && { help: error.help }) };
    context.out(`${JSON.stringify({ command, ok: false, diagnostics: [], error: failure }, null, 2)}\n`);
    return;
  }
  if (format === "github")
    context.out(`::error title=optspec::${escapeData(error.help === null ? error.message : `${error.message}\n${error.help}`)}\n`);
  const red = (text: string) => (context.color ? `\u001b[1;31m${text}\u001b[0m` : text);
  context.talk(`${red("error")}: ${visible(error.message)}\n${error.help === null ? "" : `  help: ${visible(error.help)}\n`}`);
}

function diagnosticJson(diagnostic: Diagnostic): unknown {
  const { code, severity, message, source, span, caption, labels, help } = diagnostic;
  const place = (at: Diagnostic["span"]) => ({ start: positionAt(source, at.from), end: positionAt(source, at.to) });
  const places = labels?.map((label) => ({ text: label.text, ...place(label.span) }));
  return {
    code,
    severity,
    message,
    file: source.path,
    ...place(span),
    ...(caption !== undefined && { caption }),
    ...(places && { labels: places }),
    ...(help !== undefined && { help }),
  };
}

const commands = { error: "error", warning: "warning", hint: "notice" } as const satisfies Record<Diagnostic["severity"], string>;

function annotation(diagnostic: Diagnostic): string {
  const start = positionAt(diagnostic.source, diagnostic.span.from);
  const end = positionAt(diagnostic.source, diagnostic.span.to);
  const place = `file=${escapeProperty(diagnostic.source.path)},line=${start.line},col=${start.column},endLine=${end.line},endColumn=${end.column}`;
  const text = diagnostic.help === undefined ? diagnostic.message : `${diagnostic.message}\n${diagnostic.help}`;
  return `::${commands[diagnostic.severity]} ${place},title=${escapeProperty(diagnostic.code)}::${escapeData(text)}\n`;
}

/** GitHub's own escapes for what follows the second `::`. */
function escapeData(text: string): string {
  return visible(text).replace(/%/g, "%25").replace(/\r/g, "%0D").replace(/\n/g, "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replace(/:/g, "%3A").replace(/,/g, "%2C");
}
