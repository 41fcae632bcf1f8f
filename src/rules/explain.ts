// The resolved table as data: for every parameter the values of the hypers that rules decide, and the arms that decided them.
// Its JSON form is what `explain --json` prints; numbers that are not finite become null there.

import type { CompiledBlock, CompiledOrder } from "./compiled-rules.js";
import { shapeFact } from "./facts.js";
import { armOf, createHyperValues, type HyperColumn, valuesAtRegistration } from "./hyper-values.js";
import type { RuleProblem } from "./problems.js";
import type { Resolution, ResolvedParam } from "./resolution.js";

/** `value` is peak * schedule * group * ratio. */
export interface ExplainedHyper {
  readonly peak: number;
  /** What the schedule makes of the peak at this step, where there is one. */
  readonly schedule?: number;
  /** The factor of the parameter's group, where it has one. */
  readonly group?: number;
  readonly ratio: number;
  readonly value: number;
}

export interface ExplainedArm {
  readonly line: number;
  readonly text: string;
}

export interface ExplainedParam {
  readonly name: string;
  /** The name that rules see. */
  readonly staticName: string;
  readonly shape: readonly number[];
  readonly dtype: string | null;
  readonly frozen: boolean;
  /** Place of its group among the caller's groups, from 0; absent where there are none. */
  readonly group?: number;
  /** Name of the optimizer chosen by `rules use`; null: this one. */
  readonly use: string | null;
  /** By hyper: those that rules or callbacks decide. */
  readonly hypers: Readonly<Record<string, ExplainedHyper>>;
  /** Rank in each order, from 0; absent where there is none. */
  readonly orders?: Readonly<Record<string, number>>;
  /** The deciding arms: of `order NAME`, then by hyper, or by verb and hyper where several blocks decide one. */
  readonly arms: Readonly<Record<string, ExplainedArm>>;
  /** What callbacks said, where they changed something. */
  readonly callbacks: { readonly lrRatio?: number; readonly applyDecay?: false };
}

export interface ExplainTable {
  readonly params: readonly ExplainedParam[];
  readonly problems: readonly RuleProblem[];
}

/** The caller's values to show a table for: what runs has them by group, and knows which hypers follow schedules. */
export interface ExplainedValues {
  readonly names: readonly string[];
  readonly columns: readonly HyperColumn[];
  readonly scheduled: readonly string[];
}

/** The table of a resolution, with the values of registration unless told others. */
export function createExplainTable(resolution: Resolution, given?: ExplainedValues): ExplainTable {
  const { rules, params, problems, hypers, groups } = resolution;
  const values = given ? createHyperValues(rules, given.names, given.columns) : valuesAtRegistration(rules, params, hypers, groups);
  values.given.modelNumel = params.reduce((sum, { shape }) => sum + shapeFact(shape, "numel"), 0);
  const { columns } = values.given;
  const scheduled = new Set(given?.scheduled);
  const shown = new Set(rules.ruled.filter((name) => values.indexOf(name) !== -1));
  for (const [place, name] of values.names.entries())
    if (scheduled.has(name) || columns.some(({ base }) => base[place] !== columns[0]!.base[place])) shown.add(name);
  if (params.some(({ lrRatio }) => lrRatio !== 1)) shown.add("lr");
  if (params.some(({ decays }) => !decays)) shown.add("weight_decay");
  const titles = rules.blocks.map((block) => titleOf(block, rules.blocks));
  const orderTitles = rules.orders.map((order) => orderTitleOf(order, rules.orders));

  const explained = params.map((param): ExplainedParam => {
    values.compute(param);
    const rows = [...shown].map((name) => {
      const place = values.indexOf(name);
      const { schedule, factor } = columns[param.group]!;
      const forms = {
        peak: values.peak[place]!,
        ...(scheduled.has(name) && { schedule: schedule[place]! }),
        ...(factor[place] !== 1 && { group: factor[place]! }),
        ratio: values.ratio[place]!,
        value: values.value[place]!,
      };
      return [name, forms] as const;
    });
    return {
      name: param.name,
      staticName: param.staticName,
      shape: param.shape,
      dtype: param.dtype ?? null,
      frozen: param.frozen,
      ...(columns.length > 1 && { group: param.group }),
      use: useOf(rules.blocks, param),
      hypers: Object.fromEntries(rows),
      ...(rules.orders.length > 0 && { orders: Object.fromEntries(param.orders.map(({ rank }, i) => [orderTitles[i]!, rank])) }),
      arms: { ...orderArmsOf(rules.orders, orderTitles, param), ...armsOf(rules.blocks, titles, param) },
      callbacks: { ...(param.lrRatio === 1 ? {} : { lrRatio: param.lrRatio }), ...(param.decays ? {} : { applyDecay: false }) },
    };
  });
  return { params: explained, problems };
}

/** The optimizer that takes the parameter; null: this one. */
export function useOf(blocks: readonly CompiledBlock[], param: Pick<ResolvedParam, "decisions">): string | null {
  for (const block of blocks) {
    const decision = param.decisions[block.number];
    const choice = decision && armOf(block, decision).arm.use;
    if (choice && choice.optimizer !== null) return choice.optimizer;
  }
  return null;
}

function orderArmsOf(orders: readonly CompiledOrder[], titles: readonly string[], param: ResolvedParam): Record<string, ExplainedArm> {
  const entries = param.orders.map(({ decision }, i) => {
    const { line, text } = orders[i]!.arms[decision.arm]!.arm;
    return [`order ${titles[i]!}`, { line, text }] as const;
  });
  return Object.fromEntries(entries);
}

/** An order's name; where several sets have one of that name, with its set. */
function orderTitleOf({ order, set }: CompiledOrder, orders: readonly CompiledOrder[]): string {
  return orders.filter((other) => other.order.name === order.name).length === 1 ? order.name : `${set.name}.${order.name}`;
}

function armsOf(blocks: readonly CompiledBlock[], titles: readonly string[], param: ResolvedParam): Record<string, ExplainedArm> {
  const entries = blocks.flatMap((block) => {
    const decision = param.decisions[block.number];
    if (!decision) return [];
    const { line, text } = armOf(block, decision).arm;
    return [[titles[block.number]!, { line, text }] as const];
  });
  return Object.fromEntries(entries);
}

/** The hyper where one block decides it; the verb too where several do, and a number where even that is not one. */
function titleOf(block: CompiledBlock, blocks: readonly CompiledBlock[]): string {
  const { verb, hyper } = block.block;
  if (hyper !== null && blocks.filter((other) => other.block.hyper === hyper).length === 1) return hyper;
  const same = blocks.filter((other) => other.block.verb === verb && other.block.hyper === hyper);
  const title = hyper === null ? verb : `${verb} ${hyper}`;
  return same.length === 1 ? title : `${title} ${same.indexOf(block) + 1}`;
}
