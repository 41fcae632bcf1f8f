// The resolved table as data: for every parameter the values of the hypers that rules decide, and the arms that decided them.
// Its JSON form is what `explain --json` prints; numbers that are not finite become null there.

import type { CompiledBlock, CompiledOrder } from "./compiled-rules.js";
import { armOf, valuesAtRegistration } from "./hyper-values.js";
import type { RuleProblem } from "./problems.js";
import type { Resolution, ResolvedParam } from "./resolution.js";

export interface ExplainedHyper {
  readonly peak: number;
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

/** The table of a resolution; `hypers` are the caller's values to show it for. */
export function createExplainTable(resolution: Resolution, hypers = resolution.hypers): ExplainTable {
  const { rules, params, problems } = resolution;
  const values = valuesAtRegistration(rules, params, hypers);
  const shown = new Set(rules.ruled.filter((name) => values.indexOf(name) !== -1));
  if (params.some(({ lrRatio }) => lrRatio !== 1)) shown.add("lr");
  if (params.some(({ decays }) => !decays)) shown.add("weight_decay");
  const titles = rules.blocks.map((block) => titleOf(block, rules.blocks));
  const orderTitles = rules.orders.map((order) => orderTitleOf(order, rules.orders));

  const explained = params.map((param): ExplainedParam => {
    values.compute(param);
    const rows = [...shown].map((name) => {
      const place = values.indexOf(name);
      return [name, { peak: values.peak[place]!, ratio: values.ratio[place]!, value: values.value[place]! }] as const;
    });
    return {
      name: param.name,
      staticName: param.staticName,
      shape: param.shape,
      dtype: param.dtype ?? null,
      frozen: param.frozen,
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
