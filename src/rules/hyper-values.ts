// The values of every hyper for one parameter or class at a step; nothing is allocated after creation.
//   peak: the caller's number, or what a `set` arm puts in its place     base: peak * multiplier of the schedule
//   ratio: product of the `scale` arms, for `lr` also of the callback    value: base * ratio
// A caller's plain function of the step gives peaks (multiplier 1), so a `set` arm replaces the function too.

import { emptyEnvironment, type FormulaEnvironment } from "../formula/evaluate.js";
import type { CompiledArm, CompiledBlock, CompiledRules, Decider } from "./compiled-rules.js";
import { axisLength, shapeFact } from "./facts.js";
import type { Captures } from "./match.js";

/** The arm that decided a block for a parameter, by number, and what its pattern captured. */
export interface Decision {
  readonly arm: number;
  readonly captures: Captures;
}

/** A parameter's place in an order. */
export interface OrderRank {
  /** Dense, from 0. */
  readonly rank: number;
  /** The greatest rank of the model. */
  readonly max: number;
  readonly decision: Decision;
}

/** What hyper values depend on besides the caller's numbers. */
export interface RuledMember {
  readonly shape: readonly number[];
  /** Place in the parameter list, from 0. */
  readonly index: number;
  /** By the number of the order. */
  readonly orders: readonly OrderRank[];
  /** By the number of the block; undefined where no arm matched. */
  readonly decisions: readonly (Decision | undefined)[];
  /** Of the callback; 1 without one. */
  readonly lrRatio: number;
  /** False where the decay filter said no: weight decay is then 0. */
  readonly decays: boolean;
}

export interface HyperValues {
  readonly names: readonly string[];
  /** Write here before `compute`: what the caller gave for this step. */
  readonly given: { readonly peak: Float64Array; readonly multiplier: Float64Array; t: number; step: number; modelNumel: number };
  /** Results of the last `compute`, in the order of `names`. */
  readonly peak: Float64Array;
  readonly base: Float64Array;
  readonly ratio: Float64Array;
  readonly value: Float64Array;
  /** Place of a hyper in the arrays, -1 where there is none. */
  indexOf(hyper: string): number;
  /** Fills the results; returns -1, or the place of the first hyper whose base or value is not finite. Throws RuleError. */
  compute(member: RuledMember): number;
  /** A formula of a block or order as this member sees it: for conditions and reports. */
  evaluate(decider: Decider, formula: number, member: RuledMember, captures: Captures): number;
}

/** Makes the arrays for an optimizer's hypers under its rules; every multiplier starts as 1. */
export function createHyperValues(rules: CompiledRules, names: readonly string[]): HyperValues {
  const places = new Map(names.map((name, place) => [name, place]));
  const indexOf = (name: string) => places.get(name) ?? -1;
  const column = () => new Float64Array(names.length);
  const given = { peak: column(), multiplier: column().fill(1), t: 1, step: 0, modelNumel: Number.NaN };
  const peak = column();
  const base = column();
  const ratio = column().fill(1);
  const value = column();
  const settings = names.map((name) => rules.setting.get(name) ?? null);
  const scalings = rules.order
    .filter(({ block }) => block.verb === "scale")
    .map((block) => ({ block, place: indexOf(block.block.hyper!) }));
  const choosing = rules.order.filter(({ block }) => block.verb === "use");
  const lr = indexOf("lr");
  const decay = indexOf("weight_decay");

  let current: RuledMember | null = null;
  let captures: Captures = new Map();
  let decider: Decider | null = null;
  const environment: FormulaEnvironment = {
    ...emptyEnvironment,
    hyper(name, form) {
      const place = indexOf(name);
      if (place === -1) throw new Error(`bug: a rule reads the hyper ${name}, which does not exist`);
      if (form === "ratio") return ratio[place]!;
      return form === "peak" || name === decider!.sets ? given.peak[place]! : given.peak[place]! * given.multiplier[place]!;
    },
    fact(fact) {
      if (fact === "t" || fact === "step" || fact === "modelNumel") return given[fact];
      return fact === "index" ? current!.index : shapeFact(current!.shape, fact);
    },
    shape: (axis) => axisLength(current!.shape, axis),
    capture(name) {
      const taken = captures.get(name);
      if (typeof taken !== "number") throw new Error(`bug: the capture ${name} is no number`);
      return taken;
    },
    order: (name, form) => current!.orders[decider!.orders.get(name)!]![form],
  };

  function evaluate(at: Decider, formula: number, member: RuledMember, taken: Captures): number {
    current = member;
    captures = taken;
    decider = at;
    return at.evaluator.evaluate(formula, environment);
  }

  function chosen(block: CompiledBlock, member: RuledMember): number {
    const decision = member.decisions[block.number]!;
    return evaluate(block, armOf(block, decision).arm.value, member, decision.captures);
  }

  /** `use AdamW(lr = 3e-4)`: peaks of the optimizer that takes the parameter, where this one has hypers of these names. */
  function takeUsedPeaks(member: RuledMember): void {
    for (const block of choosing) {
      const decision = member.decisions[block.number];
      const { use } = decision ? armOf(block, decision).arm : {};
      if (!decision || !use) continue;
      for (const { hyper, value: formula } of use.peaks) {
        const place = indexOf(hyper);
        if (place !== -1) peak[place] = evaluate(block, formula, member, decision.captures);
      }
    }
  }

  function compute(member: RuledMember): number {
    ratio.fill(1);
    if (lr !== -1) ratio[lr] = member.lrRatio;
    for (const { block, place } of scalings) if (member.decisions[block.number]) ratio[place]! *= chosen(block, member);
    for (let i = 0; i < names.length; i++) {
      const block = settings[i]!;
      peak[i] = block && member.decisions[block.number] ? chosen(block, member) : given.peak[i]!;
    }
    takeUsedPeaks(member);
    let broken = -1;
    for (let i = names.length - 1; i >= 0; i--) {
      if (i === decay && !member.decays) peak[i] = 0;
      base[i] = peak[i]! * given.multiplier[i]!;
      value[i] = base[i]! * ratio[i]!;
      if (!Number.isFinite(value[i]) || !Number.isFinite(ratio[i])) broken = i;
    }
    return broken;
  }

  return { names, given, peak, base, ratio, value, indexOf, compute, evaluate };
}

/** Hyper values filled with the caller's numbers at registration. */
export function valuesAtRegistration(
  rules: CompiledRules,
  list: readonly { readonly shape: readonly number[] }[],
  hypers: Readonly<Record<string, number | boolean>>,
): HyperValues {
  const values = createHyperValues(rules, Object.keys(hypers));
  values.names.forEach((name, place) => {
    values.given.peak[place] = Number(hypers[name]);
  });
  values.given.modelNumel = list.reduce((sum, { shape }) => sum + shapeFact(shape, "numel"), 0);
  return values;
}

/** The arm of a decision. */
export function armOf(block: CompiledBlock, decision: Decision): CompiledArm {
  return block.arms[decision.arm]!;
}
