// optspec explain --diff: the table of now against one that --json printed before.

import { resolve } from "node:path";
import type { ExplainTable } from "../rules/explain.js";
import { type DecidedParam, diffTables, renderTableDiff, type TableDiff } from "../rules/table-diff.js";
import { isRecord, parseStrictJson } from "../runtime/state/strict-json.js";
import { CliError } from "./cli-error.js";
import { readNamedText } from "./read-file.js";

/** What changed since the table of a file. */
export function diffAgainst(cwd: string, file: string, table: ExplainTable): { readonly text: string; readonly diff: TableDiff } {
  const diff = diffTables(readTable(resolve(cwd, file), file), table.params);
  return { text: renderTableDiff(diff).trimEnd(), diff };
}

function readTable(path: string, shown: string): readonly DecidedParam[] {
  const parsed = parseStrictJson(readNamedText(path, shown));
  const params = parsed.ok && isRecord(parsed.value) ? parsed.value.params : null;
  if (Array.isArray(params) && params.every(isDecided)) return params;
  throw new CliError(`${shown} is no table of parameters`, "print one with: optspec explain SPEC --params LIST --json > table.json");
}

function isDecided(param: unknown): param is DecidedParam {
  if (!isRecord(param) || typeof param.name !== "string" || typeof param.frozen !== "boolean" || !isRecord(param.hypers)) return false;
  if (param.use !== null && typeof param.use !== "string") return false;
  return Object.values(param.hypers).every((hyper) => isRecord(hyper) && typeof hyper.ratio === "number" && typeof hyper.peak === "number");
}
