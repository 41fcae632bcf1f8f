// Why one parameter got what it got: every block, the arms tried in order, and for each that did not match the reason.

import type { Pattern } from "../contract/rules.js";
import type { CompiledCondition, Decider } from "./compiled-rules.js";
import { holds, type Subject } from "./decide.js";
import type { ExplainedArm } from "./explain.js";
import { printable } from "./explain-text.js";
import { type Decision, type HyperValues, valuesAtRegistration } from "./hyper-values.js";
import { type Captures, createMatcher, noCaptures } from "./match.js";
import { nameSegments } from "./names.js";
import { printPattern, printSegment } from "./print-pattern.js";
import type { Resolution, ResolvedParam } from "./resolution.js";

export interface TriedArm extends ExplainedArm {
  readonly decides: boolean;
  /** Why it did not match; for the deciding arm what it captured, if anything. */
  readonly why: string;
}

export interface ExplainedBlock {
  /** E.g. `rules scale lr`. */
  readonly title: string;
  readonly tried: readonly TriedArm[];
}

/** The arms tried for one parameter, up to the deciding one of each block. */
export function explainChain(resolution: Resolution, param: ResolvedParam): ExplainedBlock[] {
  const values = valuesAtRegistration(resolution.rules, resolution.params, resolution.hypers, resolution.groups);
  const subject = { name: param.staticName, segments: nameSegments(param.staticName), dtype: param.dtype, member: param };
  const chainOf = (decider: Decider, decision: Decision | undefined): ExplainedBlock => {
    const tried = decider.arms.slice(0, decision ? decision.arm + 1 : undefined).map((compiled, i): TriedArm => {
      const decides = i === decision?.arm;
      const captured = decides ? [...decision.captures].map(([name, value]) => `${name} = ${value}`).join(", ") : "";
      const why = decides ? captured : whyNot(compiled.condition!, decider, subject, values, noCaptures).join("; ");
      return { line: compiled.arm.line, text: compiled.arm.text, decides, why };
    });
    return { title: decider.title, tried };
  };
  const { orders, blocks } = resolution.rules;
  const ranked = orders.map((order): ExplainedBlock => {
    const place = param.orders[order.number];
    const chain = chainOf(order, place?.decision);
    return place ? { ...chain, title: `${chain.title}: ${place.rank} of 0 to ${place.max}` } : chain;
  });
  const decided = blocks.map((block) => {
    if (block.ratios.size > 0) values.compute(param);
    return chainOf(block, param.decisions[block.number]);
  });
  return [...ranked, ...decided];
}

/** The chain as text for a terminal. */
export function renderChain(param: ResolvedParam, chain: readonly ExplainedBlock[]): string {
  const called = param.staticName === param.name ? "" : `, for rules ${param.staticName}`;
  const lines = [`${param.name}${called}  [${param.shape.join(", ")}]`];
  for (const { title, tried } of chain) {
    lines.push(title);
    for (const { line, text, decides, why } of tried) {
      lines.push(`  ${decides ? "=>" : "  "} line ${line}: ${text}`);
      if (why !== "") lines.push(`       ${why}`);
    }
  }
  return lines.map((line) => `${printable(line)}\n`).join("");
}

/** The reasons for which a condition does not hold, under what was captured before it. */
function whyNot(condition: CompiledCondition, block: Decider, subject: Subject, values: HyperValues, bound: Captures): string[] {
  switch (condition.kind) {
    case "pattern":
      return [whyNoMatch(condition.matcher.pattern, subject.segments)];
    case "contains":
      return [`the name does not contain "${condition.text}"`];
    case "dtype":
      return [`the dtype is ${subject.dtype ?? "not known"}`];
    case "compare": {
      const left = values.evaluate(block, condition.left, subject.member, bound);
      const right = values.evaluate(block, condition.right, subject.member, bound);
      return [
        Number.isNaN(left) || Number.isNaN(right) ? "the shape has no such length" : `${left} ${condition.op} ${right} does not hold`,
      ];
    }
    case "and": {
      let captures = bound;
      for (const term of condition.terms) {
        const more = holds(term, block, subject, values, captures);
        if (!more) return whyNot(term, block, subject, values, captures);
        captures = more;
      }
      throw new Error("bug: a condition that holds was asked why it does not");
    }
    case "or":
      return condition.terms.flatMap((term) => whyNot(term, block, subject, values, bound));
    case "not":
      return ["what `not` excludes holds"];
    default:
      throw new Error(`bug: unknown condition ${JSON.stringify(condition satisfies never)}`);
  }
}

/** How far a pattern comes: without its anchors, else up to the segment that nothing matches. */
function whyNoMatch(pattern: Pattern, segments: readonly string[]): string {
  const matches = (part: Pattern) => createMatcher(part).match(segments) !== null;
  if (pattern.toEnd && matches({ ...pattern, toEnd: false })) return "the name goes on after it";
  if (pattern.fromStart && matches({ ...pattern, fromStart: false })) return "the name does not start with it";
  const free = { ...pattern, fromStart: false, toEnd: false };
  for (let count = pattern.segments.length - 1; count > 0; count--) {
    const part = { ...free, segments: pattern.segments.slice(0, count) };
    if (matches(part)) return `\`${printPattern(part)}\` matches, but not with \`${printSegment(pattern.segments[count]!)}\` after it`;
  }
  return `no segment matches \`${printSegment(pattern.segments[0]!)}\``;
}
