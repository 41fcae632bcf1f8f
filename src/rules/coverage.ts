// What the indices of a real model show: layers that an arm does not meet. Advice, since many models lack a family in some layers.

import type { Condition } from "../contract/rules.js";
import type { CompiledBlock, CompiledRules } from "./compiled-rules.js";
import { type ProblemCollector, placeOf } from "./problems.js";
import type { ResolvedParam } from "./resolution.js";

/** Gaps among captured indices, and families that numbered arms decide in part. */
export function checkCoverage(rules: CompiledRules, params: readonly ResolvedParam[], problems: ProblemCollector): void {
  for (const block of rules.blocks) {
    checkGaps(block, params, problems);
    checkFamilies(block, params, problems);
  }
}

/** What an arm's capture took: the first parameter of each index. */
interface Taken {
  readonly arm: number;
  readonly capture: string;
  readonly first: Map<number, ResolvedParam>;
}

/** Indices between the least and the greatest that an arm captured, which the model does not have. */
function checkGaps(block: CompiledBlock, params: readonly ResolvedParam[], problems: ProblemCollector): void {
  const taken = new Map<string, Taken>();
  for (const param of params) {
    const decision = param.decisions[block.number];
    for (const [capture, value] of decision?.captures ?? []) {
      if (typeof value !== "number") continue;
      const key = `${decision!.arm} ${capture}`;
      const entry = taken.get(key) ?? { arm: decision!.arm, capture, first: new Map() };
      if (!entry.first.has(value)) entry.first.set(value, param);
      taken.set(key, entry);
    }
  }
  const gaps = [...taken.values()].flatMap((entry) => gapsOf(entry.first).map((gap) => ({ ...entry, ...gap })));
  if (gaps.length === 0) return;
  const names = new Set(params.map(({ staticName }) => staticName));
  for (const { arm, capture, from, to, before } of gaps) {
    if (namesWith(before.index, from, before.param.staticName).some((name) => names.has(name))) continue;
    const place = placeOf(block.set, block.arms[arm]!.arm);
    const missing = from === to ? `${from}` : `${from}..${to}`;
    problems.add("index-gap", `line ${place.line} of \`${block.title}\` meets no parameter with ${capture} ${missing}`, {
      severity: "hint",
      arm: place,
    });
  }
}

interface Gap {
  readonly from: number;
  readonly to: number;
  /** The parameter with the index before the gap. */
  readonly before: { readonly index: number; readonly param: ResolvedParam };
}

function gapsOf(first: Taken["first"]): Gap[] {
  const sorted = [...first].sort(([a], [b]) => a - b);
  return sorted.flatMap(([index, param], i): Gap[] => {
    const next = sorted[i + 1]?.[0] ?? index + 1;
    return next === index + 1 ? [] : [{ from: index + 1, to: next - 1, before: { index, param } }];
  });
}

/** A name with one of its numbers changed: another arm may have decided that parameter. */
function namesWith(index: number, changed: number, name: string): string[] {
  return [...name.matchAll(/[0-9]+/g)].flatMap((run) =>
    Number(run[0]) === index ? [name.slice(0, run.index) + changed + name.slice(run.index + run[0].length)] : [],
  );
}

/** Parameters whose names differ in one number: most of them decided by arms that spell the number, the others by `else`. */
function checkFamilies(block: CompiledBlock, params: readonly ResolvedParam[], problems: ProblemCollector): void {
  const spelled = block.arms.map((arm) => arm.arm.condition !== null && spellsNumber(arm.arm.condition));
  const other = block.arms.findIndex((arm) => arm.condition === null);
  if (other === -1 || spelled.filter(Boolean).length < 2) return;
  const families = new Map<string, { spelled: ResolvedParam[]; others: ResolvedParam[] }>();
  for (const param of params) {
    const arm = param.decisions[block.number]?.arm;
    if (arm === undefined || (arm !== other && !spelled[arm])) continue;
    const key = param.staticName.replace(/[0-9]+/g, "{}");
    if (key === param.staticName) continue;
    const family = families.get(key) ?? { spelled: [], others: [] };
    (arm === other ? family.others : family.spelled).push(param);
    families.set(key, family);
  }
  for (const { spelled: met, others } of families.values()) {
    const [first] = others;
    if (first === undefined || met.length < 2 || met.length <= others.length) continue;
    const place = placeOf(block.set, block.arms[other]!.arm);
    const message = `\`else\` decides \`${first.name}\`, while arms of their own decide \`${met[0]!.name}\` and ${met.length - 1} more like it`;
    problems.addOnce("uneven-coverage", message, {
      severity: "warning",
      param: first.name,
      arm: place,
      help: "write one arm with a capture, such as `{n}`, or an arm for this one too",
    });
    return;
  }
}

/** A pattern with digits of its own and no captured or bounded number. */
function spellsNumber(condition: Condition): boolean {
  if (condition.kind === "and" || condition.kind === "or") return condition.terms.every(spellsNumber);
  if (condition.kind !== "pattern") return false;
  const parts = condition.pattern.segments.flatMap((segment) => (segment.kind === "parts" ? segment.parts : []));
  return parts.some((part) => part.kind === "text" && /[0-9]/.test(part.text)) && parts.every((part) => part.kind !== "number");
}
