// The resolved table as one page that needs nothing else: pictures by depth, families, problems, every parameter. No script runs in it.

import type { ExplainedParam, ExplainTable } from "./explain.js";
import { tableCells } from "./explain-text.js";
import { drawHyper, escapeHtml } from "./ratio-picture.js";

export interface PageTitle {
  /** Of the optimizer or ruleset, and the list that it was resolved over. */
  readonly name: string;
  readonly list: string;
}

const STYLE = `
:root { color-scheme: light dark; --dim: #8888; --line: #3b82f6; }
body { font: 14px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: 2px 10px 2px 0; white-space: nowrap; border-bottom: 1px solid var(--dim); font-variant-numeric: tabular-nums; }
td { font-family: ui-monospace, monospace; font-size: 12px; }
svg { width: 100%; height: auto; } svg text { font-size: 11px; fill: currentColor; }
.grid { stroke: var(--dim); } polyline { fill: none; stroke: var(--line); opacity: .5; }
.matrix { fill: var(--line); } .vector { fill: #f59e0b; } .frozen { fill: var(--dim); }
.error { color: #dc2626; } .warning { color: #d97706; } .help { opacity: .75; }
`;

/** The page of a table. */
export function renderExplainPage(table: ExplainTable, { name, list }: PageTitle): string {
  const title = escapeHtml(`${name} over ${list}`);
  const families = tableCells(table, {});
  const every = tableCells(table, { every: true });
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(name)}</h1>
<p>What its rules decide about the ${table.params.length} parameters of ${escapeHtml(list)}.</p>
${problemsOf(table)}${picturesOf(table.params)}<h2>Families</h2>
${htmlTable(families)}
<details><summary>Every parameter</summary>
${htmlTable(every)}
</details>
</body>
</html>
`;
}

function problemsOf({ problems }: ExplainTable): string {
  if (problems.length === 0) return "";
  const items = problems.map(
    ({ severity, message, help, arm }) =>
      `<li class="${severity}">${severity}: ${escapeHtml(message)}${arm === null ? "" : ` <code>${escapeHtml(`line ${arm.line}: ${arm.text}`)}</code>`}` +
      `${help === null ? "" : `<br><span class="help">help: ${escapeHtml(help)}</span>`}</li>`,
  );
  return `<h2>Problems</h2>\n<ul>\n${items.join("\n")}\n</ul>\n`;
}

/** A picture of each hyper: of its ratio where only scales decide it, else of its value. */
function picturesOf(params: readonly ExplainedParam[]): string {
  const [first] = params;
  if (first === undefined) return "";
  const pictures = Object.keys(first.hypers).map((hyper) => {
    const form = new Set(params.map(({ hypers }) => hypers[hyper]!.peak)).size === 1 ? "ratio" : "value";
    return `<h2>${escapeHtml(`${hyper} ${form} by depth`)}</h2>\n${drawHyper(params, hyper, form)}\n`;
  });
  const key = '<p><svg viewBox="0 0 8 8" style="width:8px"><circle class="matrix" cx="4" cy="4" r="3.5"/></svg> matrices ';
  const more = '<svg viewBox="0 0 8 8" style="width:8px"><circle class="vector" cx="4" cy="4" r="3.5"/></svg> vectors; ';
  return `${pictures.join("")}${pictures.length === 0 ? "" : `${key}${more}the line joins each layer's greatest. Point at a dot for its names.</p>\n`}`;
}

function htmlTable([header, ...body]: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[], tag: "th" | "td") =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table>\n${row(header ?? [], "th")}\n${body.map((cells) => row(cells, "td")).join("\n")}\n</table></div>`;
}
