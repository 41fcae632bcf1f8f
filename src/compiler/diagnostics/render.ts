// Diagnostics for a person, a program and a GitHub workflow. Nothing of a source text reaches the output raw.

import type { Diagnostic, Severity } from "./diagnostic.js";
import { markLine, spotOf } from "./excerpt.js";
import { visible } from "./visible.js";

export interface PrettyOptions {
  readonly color: boolean;
  /** Columns of the terminal; 100 unless given. */
  readonly width?: number;
}

const ANSI = { red: 31, yellow: 33, cyan: 36, blue: 34, bold: 1 } as const;
type Paint = (style: keyof typeof ANSI, text: string) => string;

const COLOR = { error: "red", warning: "yellow", hint: "cyan" } as const satisfies Record<Severity, keyof typeof ANSI>;

/** One page for each diagnostic: code and message, place, excerpt with marks, help. */
export function renderPretty(diagnostics: readonly Diagnostic[], { color, width = 100 }: PrettyOptions): string {
  const paint: Paint = (style, text) => (color && text !== "" ? `\x1B[${ANSI[style]}m${text}\x1B[0m` : text);
  return diagnostics.map((diagnostic) => page(diagnostic, paint, Math.max(width, 40))).join("\n");
}

function page(diagnostic: Diagnostic, paint: Paint, width: number): string {
  const { source, span, severity, code, message, caption, labels = [], help } = diagnostic;
  const style = COLOR[severity];
  const marks = [
    { span, style, sign: "^", caption: caption ?? "" },
    ...labels.map((label) => ({ span: label.span, style: "blue" as const, sign: "-", caption: label.text })),
  ];
  const place = spotOf(source, span.from);
  const gutter = String(Math.max(...marks.map((mark) => spotOf(source, mark.span.from).line)) + 1).length;
  const blank = " ".repeat(gutter);
  const bar = paint("blue", "|");
  const lines = [
    `${paint(style, `${severity}[${visible(code)}]`)}${paint("bold", `: ${visible(message)}`)}`,
    `${blank}${paint("blue", "-->")} ${visible(source.path)}:${place.line + 1}:${place.offset + 1}`,
    `${blank} ${bar}`,
  ];
  const marked = marks.map((mark) => ({ ...mark, ...markLine(source, mark.span, width - gutter - 4) }));
  // In the order of the text; marks of one line share its excerpt where they see the same piece of it.
  marked.sort((a, b) => a.line - b.line);
  for (const [index, mark] of marked.entries()) {
    const before = marked[index - 1];
    if (before !== undefined && before.line !== mark.line && mark.line - before.line > 1) lines.push(paint("blue", `${blank}...`));
    if (before?.line !== mark.line || before.text !== mark.text) {
      lines.push(`${paint("blue", String(mark.line + 1).padStart(gutter))} ${bar} ${mark.text}`);
    }
    const text = mark.caption === "" ? "" : ` ${visible(mark.caption)}`;
    lines.push(`${blank} ${bar} ${" ".repeat(mark.indent)}${paint(mark.style, mark.sign.repeat(mark.length) + text)}`);
  }
  if (help !== undefined) lines.push(`${blank} ${paint("blue", "=")} ${paint("bold", "help")}: ${visible(help)}`);
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

/** An array of plain records, places counted from 1. */
export function renderJson(diagnostics: readonly Diagnostic[]): string {
  const records = diagnostics.map(({ code, severity, message, source, span, caption, labels, help }) => {
    const range = (of: { from: number; to: number }) => ({ start: point(of.from), end: point(of.to) });
    const point = (offset: number) => {
      const spot = spotOf(source, offset);
      return { line: spot.line + 1, column: spot.offset + 1, offset };
    };
    return {
      code,
      severity,
      message,
      path: source.path,
      ...range(span),
      caption,
      help,
      labels: labels?.map((label) => ({ text: label.text, ...range(label.span) })),
    };
  });
  // JSON may hold any character; a terminal should not get the ones that move its cursor or reorder text.
  return `${JSON.stringify(records, null, 2).replace(/[\x7F-\x9F\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}

const WORKFLOW = { error: "error", warning: "warning", hint: "notice" } as const satisfies Record<Severity, string>;

/** Workflow commands that GitHub shows beside the lines. */
export function renderGithub(diagnostics: readonly Diagnostic[]): string {
  return diagnostics
    .map(({ code, severity, message, source, span, help }) => {
      const start = spotOf(source, span.from);
      const end = spotOf(source, span.to);
      const properties = [
        `file=${property(source.path)}`,
        `line=${start.line + 1}`,
        `col=${start.offset + 1}`,
        `endLine=${end.line + 1}`,
        `endColumn=${end.offset + 1}`,
        `title=${property(code)}`,
      ];
      const text = help === undefined ? visible(message) : `${visible(message)}\n${visible(help)}`;
      return `::${WORKFLOW[severity]} ${properties.join(",")}::${escapeData(text)}\n`;
    })
    .join("");
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return escapeData(visible(text)).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
