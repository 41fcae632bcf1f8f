import type { Pattern } from "../../src/contract/rules.js";
import { parsePattern } from "../../src/rules/pattern.js";

/** The pattern of a text that is known to be one. */
export function pattern(text: string): Pattern {
  const parsed = parsePattern(text);
  if ("problem" in parsed) throw new Error(`${text}: ${parsed.problem.message}`);
  return parsed.pattern;
}
