// The values of every hyper for one parameter or class at a step; nothing is allocated after creation.
//   peak: the caller's number, or what a `set` arm puts in its place     base: peak * schedule * factor of the group
//   ratio: product of the `scale` arms, for `lr` also of the callback    value: base * ratio
// A caller's plain function of the step gives peaks (schedule 1), so a `set` arm replaces the function too.

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
  /** The caller's group, from 0; 0 where there are none. */
  readonly group: number;
}

/** What the caller gave for a step to the parameters of one group, in the order of the hypers' names. */
export interface HyperColumn {
  readonly peak: Float64Array;
  /** What the schedule makes of the peak; 1 without one. */
  readonly schedule: Float64Array;
  /** The group's factor on the learning rate; 1 elsewhere. */
  readonly factor: Float64Array;
  /** peak * schedule * factor, exactly what a schedule of the caller's gave. */
  readonly base: Float64Array;
}

export interface HyperValues {
  readonly names: readonly string[];
  /** What the caller gave for this step, by group; write here before `compute`. */
  readonly given: { readonly columns: readonly HyperColumn[]; t: number; step: number; modelNumel: number };
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

/** A column of so many hypers, without schedules and factors. */
export function createColumn(hypers: number): HyperColumn {
  const column = () => new Float64Array(hypers);
  return { peak: column(), schedule: column().fill(1), factor: column().fill(1), base: column() };
}

/** Makes the arrays for an optimizer's hypers under its rules, over the columns of the caller's groups. */
export function createHyperValues(
  rules: CompiledRules,
  names: readonly string[],
  columns: readonly HyperColumn[] = [createColumn(names.length)],
): HyperValues {
  const places = new Map(names.map((name, place) => [name, place]));
  const indexOf = (name: string) => places.get(name) ?? -1;
  const column = () => new Float64Array(names.length);
  const given = { columns, t: 1, step: 0, modelNumel: Number.NaN };
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
      const own = columns[current!.group]!;
      return form === "peak" || name === decider!.sets ? own.peak[place]! : own.base[place]!;
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

  /** A peak in place of the caller's, under the same schedule and in the same group. */
  function replacePeak(place: number, by: number, { schedule, factor }: HyperColumn): void {
    peak[place] = by;
    base[place] = by * schedule[place]! * factor[place]!;
  }

  /** `use AdamW(lr = 3e-4)`: peaks of the optimizer that takes the parameter, where this one has hypers of these names. */
  function takeUsedPeaks(member: RuledMember, own: HyperColumn): void {
    for (const block of choosing) {
      const decision = member.decisions[block.number];
      const { use } = decision ? armOf(block, decision).arm : {};
      if (!decision || !use) continue;
      for (const { hyper, value: formula } of use.peaks) {
        const place = indexOf(hyper);
        if (place !== -1) replacePeak(place, evaluate(block, formula, member, decision.captures), own);
      }
    }
  }

  function compute(member: RuledMember): number {
    ratio.fill(1);
    if (lr !== -1) ratio[lr] = member.lrRatio;
    for (const { block, place } of scalings) if (member.decisions[block.number]) ratio[place]! *= chosen(block, member);
    const own = columns[member.group]!;
    peak.set(own.peak);
    base.set(own.base);
    for (let i = 0; i < names.length; i++) {
      const block = settings[i]!;
      if (block && member.decisions[block.number]) replacePeak(i, chosen(block, member), own);
    }
    takeUsedPeaks(member, own);
    if (decay !== -1 && !member.decays) replacePeak(decay, 0, own);
    let broken = -1;
    for (let i = names.length - 1; i >= 0; i--) {
      value[i] = base[i]! * ratio[i]!;
      if (!Number.isFinite(value[i]) || !Number.isFinite(ratio[i])) broken = i;
    }
    return broken;
  }

  return { names, given, peak, base, ratio, value, indexOf, compute, evaluate };
}

type HyperRecord = Readonly<Record<string, number | boolean>>;

/** Hyper values filled with the caller's numbers at registration; those of groups, where there are some, stand in one record each. */
export function valuesAtRegistration(
  rules: CompiledRules,
  list: readonly { readonly shape: readonly number[] }[],
  hypers: HyperRecord,
  groups: readonly HyperRecord[] = [hypers],
): HyperValues {
  const names = Object.keys(hypers);
  const columns = groups.map((group) => {
    const column = createColumn(names.length);
    names.forEach((name, place) => {
      column.peak[place] = column.base[place] = Number(group[name]);
    });
    return column;
  });
  const values = createHyperValues(rules, names, columns);
  values.given.modelNumel = list.reduce((sum, { shape }) => sum + shapeFact(shape, "numel"), 0);
  return values;
}

/** The arm of a decision. */
export function armOf(block: CompiledBlock, decision: Decision): CompiledArm {
  return block.arms[decision.arm]!;
}
