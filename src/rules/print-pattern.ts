// Patterns back to text, for patterns that no spec contains: suggestions and parts of patterns in messages.

import type { Pattern, PatternPart, PatternSegment } from "../contract/rules.js";

/** The text of a pattern, as a spec writes it. */
export function printPattern(pattern: Pattern): string {
  return (pattern.fromStart ? "^" : "") + pattern.segments.map(printSegment).join(".") + (pattern.toEnd ? "$" : "");
}

/** The text of one segment of a pattern. */
export function printSegment(segment: PatternSegment): string {
  return segment.kind === "rest" ? "**" : segment.parts.map(printPart).join("");
}

function printPart(part: PatternPart): string {
  switch (part.kind) {
    case "text":
      return part.text.replace(/[\\*?(){}|^$./]/g, "\\$&");
    case "star":
      return "*";
    case "question":
      return "?";
    case "alternatives":
      return `(${part.choices.map((choice) => choice.map(printPart).join("")).join("|")})`;
    case "number":
      return part.low === null ? `{${part.name}}` : `{${part.name}: ${part.low}..${part.high}}`;
    case "word":
      return `{${part.name}: word}`;
    default:
      throw new Error(`bug: unknown part of a pattern ${JSON.stringify(part satisfies never)}`);
  }
}
