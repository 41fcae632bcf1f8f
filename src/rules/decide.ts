// Which arm of a block decides a name: the first whose condition holds. A condition that holds yields what its patterns captured.

import type { CompareOp } from "../contract/rules.js";
import type { ArmIndex, CompiledCondition, Decider } from "./compiled-rules.js";
import type { Decision, HyperValues, RuledMember } from "./hyper-values.js";
import { type Captures, noCaptures } from "./match.js";
import { nameSegments } from "./names.js";
import type { ResolvedParam } from "./resolution.js";

/** A parameter under one of its names. */
export interface Subject {
  readonly name: string;
  readonly segments: readonly string[];
  readonly dtype: string | undefined;
  readonly member: RuledMember;
}

/** A parameter under all of its names. Made where they are needed: the segments of a large model are too many to keep. */
export function subjectsOf(param: RuledMember & Pick<ResolvedParam, "staticName" | "aliases" | "dtype">): Subject[] {
  const { staticName, aliases, dtype } = param;
  const subjects: Subject[] = [{ name: staticName, segments: nameSegments(staticName), dtype, member: param }];
  for (const name of aliases) subjects.push({ name, segments: nameSegments(name), dtype, member: param });
  return subjects;
}

/** The deciding arm, or null where none matches and there is no `else`. */
export function decide(block: Decider, subject: Subject, values: HyperValues): Decision | null {
  for (const arm of candidates(block.index, subject.segments)) {
    const { condition } = block.arms[arm]!;
    const captures = condition === null ? noCaptures : holds(condition, block, subject, values, noCaptures);
    if (captures) return { arm, captures };
  }
  return null;
}

/** The arms that the name may match, in the order of the text. */
function candidates({ always, bySegment }: ArmIndex, segments: readonly string[]): readonly number[] {
  if (bySegment.size === 0) return always;
  const found: number[] = [];
  for (const segment of segments) {
    const arms = bySegment.get(segment);
    if (arms) for (const arm of arms) found.push(arm);
  }
  if (found.length === 0) return always;
  for (const arm of always) found.push(arm);
  return found.sort((a, b) => a - b);
}

/** The captures with what this condition adds, or null where it does not hold. */
export function holds(
  condition: CompiledCondition,
  block: Decider,
  subject: Subject,
  values: HyperValues,
  bound: Captures,
): Captures | null {
  switch (condition.kind) {
    case "pattern": {
      const { matcher } = condition;
      const captures = matcher.possible(subject.name) ? matcher.match(subject.segments) : null;
      if (!captures || captures.size === 0) return captures && bound;
      return bound.size === 0 ? captures : new Map([...bound, ...captures]);
    }
    case "contains":
      return subject.name.includes(condition.text) ? bound : null;
    case "dtype":
      return (subject.dtype === condition.dtype) === (condition.op === "==") ? bound : null;
    case "compare": {
      const left = values.evaluate(block, condition.left, subject.member, bound);
      const right = values.evaluate(block, condition.right, subject.member, bound);
      return compare(condition.op, left, right) ? bound : null;
    }
    case "and": {
      let captures: Captures | null = bound;
      for (const term of condition.terms) {
        captures = holds(term, block, subject, values, captures);
        if (!captures) return null;
      }
      return captures;
    }
    case "or":
      for (const term of condition.terms) {
        const captures = holds(term, block, subject, values, bound);
        if (captures) return captures;
      }
      return null;
    case "not":
      return holds(condition.term, block, subject, values, bound) ? null : bound;
    default:
      throw new Error(`bug: unknown condition ${JSON.stringify(condition satisfies never)}`);
  }
}

/** False for every operator where a side does not exist (NaN). */
function compare(op: CompareOp, left: number, right: number): boolean {
  if (Number.isNaN(left) || Number.isNaN(right)) return false;
  switch (op) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    default:
      throw new Error(`bug: unknown comparison ${op satisfies never}`);
  }
}
