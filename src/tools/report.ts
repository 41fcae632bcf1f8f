// What an optimizer costs and which properties it provably has, read off its plans: bytes, sweeps, operations; which hypers may differ per
// parameter; whether it needs the whole model at once, and what a sharded run must sum. With a parameter list: what a whole step moves.

import type { CompiledOptimizer } from "../compiler/compile.js";
import { type Op, ops } from "../compiler/ir/ops.js";
import { printDecision, printExpression } from "../compiler/ir/print.js";
import type { Ir } from "../compiler/ir/value.js";
import { costOf, type VariantCost } from "../compiler/passes/cost.js";
import type { Plan, ProgramPlan } from "../compiler/passes/plan.js";
import { changedByZeroGradient } from "../compiler/passes/zero-gradient.js";
import type { ParamInfo } from "../contract/rules.js";
import { isQuantized } from "../numeric/storage-formats.js";
import { createHostSide } from "../runtime/coefficients.js";
import { createDecisions } from "../runtime/decisions.js";
import { createHypers, surroundingsOf } from "../runtime/hypers.js";
import { readSettings } from "../runtime/settings.js";
import type { ReplaySettings } from "./replay-targets.js";

export interface VariantReport extends VariantCost {
  /** In the spec's words; empty where there is no choice. */
  readonly when: string;
  /** Cells that a gradient of zeros may change; empty: exact under lazy rows. */
  readonly changedByZeroGradient: readonly string[];
}

export interface BuildReport {
  readonly options: Readonly<Record<string, string>>;
  readonly sweeps: number;
  readonly finishes: number;
  readonly variants: readonly VariantReport[];
  /** No reduction over the model: a parameter can be updated while others still wait for their gradient. */
  readonly streamable: boolean;
  /** What a sharded run has to reduce over the shards of a tensor and of the model, in the spec's words. */
  readonly sharedSums: readonly string[];
  /** Some state is kept in blocks of elements, which single rows are not. */
  readonly inBlocks: boolean;
  /** Operations of kernels whose bits may differ between targets. */
  readonly inexact: readonly Op[];
}

export interface Report {
  readonly optimizer: string;
  readonly hypers: { readonly perParameter: readonly string[]; readonly global: readonly string[] };
  readonly builds: readonly BuildReport[];
}

/** Reads the report off a compiled optimizer. */
export function reportOf({ name, plans, definition }: CompiledOptimizer): Report {
  const named = (isGlobal: boolean) => {
    const hypers = definition.manifest.hypers.filter(({ globalBecause }) => (globalBecause !== null) === isGlobal);
    return hypers.map((hyper) => hyper.name);
  };
  return { optimizer: name, hypers: { perParameter: named(false), global: named(true) }, builds: plans.map(buildReport) };
}

function stepOf(plan: Plan): ProgramPlan {
  return plan.programs.find(({ entry }) => entry === "step")!;
}

function buildReport(plan: Plan): BuildReport {
  const { ir } = plan;
  const program = ir.programs.find(({ entry }) => entry === "step")!;
  const { sweeps, finishes, variants } = costOf(plan, stepOf(plan));
  return {
    options: plan.options,
    sweeps,
    finishes,
    variants: program.variants.map((variant, i) => ({
      ...variants[i]!,
      when: variant.when.map(({ condition, is }) => printDecision(ir, condition, is)).join(" and "),
      changedByZeroGradient: changedByZeroGradient(ir, variant),
    })),
    streamable: program.variants.every(({ contributions }) => contributions.length === 0),
    sharedSums: sharedSums(ir),
    inBlocks: ir.cells.some(({ format }) => isQuantized(format)),
    inexact: [...new Set(ir.values.flatMap((v) => (v.kind === "apply" && v.stage === "device" && !ops[v.op].exact ? [v.op] : [])))],
  };
}

function sharedSums(ir: Ir): readonly string[] {
  const program = ir.programs.find(({ entry }) => entry === "step")!;
  const given = program.variants.flatMap(({ contributions }) => contributions);
  const totals = [...new Map(given.map((contribution) => [contribution.site, contribution])).values()];
  const texts = [
    ...totals.map(({ by, arg }) => `${by}[model](${printExpression(ir, arg)})`),
    ...ir.values.flatMap((value) => (value.kind === "reduce" ? [`${value.by}(${printExpression(ir, value.arg)})`] : [])),
  ];
  return [...new Set(texts)];
}

export interface ModelCost {
  readonly parameters: number;
  readonly elements: number;
  /** Left alone by `rules freeze`. */
  readonly frozen: number;
  /** One for each variant of the step: how many tensors and elements it moves. */
  readonly variants: readonly { readonly parameters: number; readonly elements: number }[];
  readonly bytes: number;
  readonly stateBytes: number;
  readonly operations: number;
}

/** What one step of a model costs, by the first build. Throws OptimizerError where settings or rules do not fit the model. */
export function modelCost(
  { definition, plans }: CompiledOptimizer,
  params: readonly ParamInfo[],
  given: Omit<ReplaySettings, "params">,
): ModelCost {
  const { manifest } = definition;
  const settings = readSettings(definition, { ...given, params: params.map(({ name, shape }) => ({ name, shape })) });
  const hypers = createHypers(manifest, settings.hypers, surroundingsOf(settings));
  const decisions = createDecisions(manifest, settings, hypers);
  const host = createHostSide({ build: settings.build, params: settings.params, decisions });
  const program = settings.build.programs.find(({ entry }) => entry === "step")!;
  const costs = costOf(plans[0]!, stepOf(plans[0]!)).variants;
  const variants = costs.map(() => ({ parameters: 0, elements: 0 }));
  let frozen = 0;
  for (const [i, { numel }] of settings.params.entries()) {
    if (decisions.resolution.params[i]!.frozen) {
      frozen++;
      continue;
    }
    const variant = variants[program.variants.indexOf(host.variantAtCreation(program, i))]!;
    variant.parameters++;
    variant.elements += numel;
  }
  const sum = (of: (cost: VariantCost) => number) => variants.reduce((all, { elements }, i) => all + elements * of(costs[i]!), 0);
  return {
    parameters: settings.params.length,
    elements: settings.params.reduce((all, { numel }) => all + numel, 0),
    frozen,
    variants,
    bytes: sum(({ bytes }) => bytes.read + bytes.written),
    stateBytes: sum(({ stateBytes }) => stateBytes),
    operations: sum(({ operations }) => operations),
  };
}
