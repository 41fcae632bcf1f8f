// The whole pipeline on one screen: text -> Ast -> Spec -> (for each build) Ir -> Plan -> files. Pure: no disk, no clock, no terminal.
// User errors are diagnostics; an exception is a bug of this compiler.

import type { BuildKernels, OptimizerDefinition } from "../contract/manifest.js";
import type { RulesetModule } from "../contract/rules.js";
import { type BuildOptions, chooseBuilds, completeSpec, nameBuilds } from "./builds.js";
import { check } from "./check/check.js";
import type { RulesetSpec, Spec } from "./check/spec.js";
import type { Diagnostic } from "./diagnostics/diagnostic.js";
import { createReporter } from "./diagnostics/report.js";
import type { EmitRequest, OutputFile } from "./emit/files.js";
import { describeBuild, makeManifest } from "./emit/manifest.js";
import { createFileNamer } from "./emit/namer.js";
import { makeRulesetModule } from "./emit/ruleset-module.js";
import { base64, cudaText, type Target, targets, wasmBinary, wgslText } from "./emit/targets.js";
import { reportFirstStep } from "./first-step.js";
import { lower } from "./passes/lower.js";
import { lowerDefaults } from "./passes/lower-defaults.js";
import { makePlan } from "./passes/make-plan.js";
import type { Plan } from "./passes/plan.js";
import type { SourceText, Span } from "./source.js";

export interface CompileSettings {
  /** Builds by optimizer name, the default build first; an optimizer without any gets its options' defaults alone. */
  readonly builds?: ReadonlyMap<string, readonly BuildOptions[]>;
  /** What to print: everything unless given. */
  readonly targets?: readonly Target[];
}

export interface CompiledOptimizer {
  readonly name: string;
  /** Where the spec stands in the text. */
  readonly span: Span;
  /** The folder of its files, also the stem of the wrapper. */
  readonly folder: string;
  readonly spec: Spec;
  readonly plans: readonly Plan[];
  /** The same that the wrapper hands to the runtime; kernels are printed when asked for. */
  readonly definition: OptimizerDefinition;
  readonly files: readonly OutputFile[];
}

export interface CompiledRuleset {
  readonly name: string;
  readonly span: Span;
  readonly folder: string;
  /** The same that its module holds. */
  readonly ruleset: RulesetModule;
  readonly files: readonly OutputFile[];
}

export interface Compilation {
  readonly diagnostics: readonly Diagnostic[];
  /** Empty, like `rulesets`, where a diagnostic is an error. */
  readonly optimizers: readonly CompiledOptimizer[];
  readonly rulesets: readonly CompiledRuleset[];
}

/** Compiles every optimizer and ruleset of a text. The same text and settings give the same bytes. */
export async function compile(source: SourceText, settings: CompileSettings = {}): Promise<Compilation> {
  const reporter = createReporter(source);
  const { parse } = await import("./syntax/parse.js");
  const { specs, rulesets: rulesetSpecs } = check(parse(source, reporter), reporter);
  const chosen = specs.map((text) => {
    const requested = settings.builds?.get(text.name);
    const spec = completeSpec(text, requested);
    return { spec, options: chooseBuilds(spec, requested, reporter) };
  });
  const failed = () => ({ diagnostics: reporter.diagnostics, optimizers: [], rulesets: [] });
  if (reporter.hasErrors) return failed();
  const sha256 = await sha256Of(source.text);
  const folderOf = createFileNamer();
  const requests = chosen.map(({ spec, options }) => planOptimizer({ spec, options, sha256, folder: folderOf(spec.name) }));
  for (const request of requests) reportFirstStep(request, reporter);
  if (reporter.hasErrors) return failed();
  const optimizers = await Promise.all(requests.map((request) => printOptimizer(request, settings.targets ?? allTargets)));
  const rulesets = await Promise.all(rulesetSpecs.map((spec) => printRuleset(spec, folderOf(spec.name), settings.targets ?? allTargets)));
  return { diagnostics: reporter.diagnostics, optimizers, rulesets };
}

const allTargets = Object.keys(targets) as readonly Target[];

interface OptimizerInput {
  readonly spec: Spec;
  readonly options: readonly BuildOptions[];
  readonly sha256: string;
  readonly folder: string;
}

function planOptimizer({ spec, options, sha256, folder }: OptimizerInput): EmitRequest {
  const keys = nameBuilds(spec, options);
  const builds = options.map((build, i) => describeBuild(spec, makePlan(lower(spec, build), build), keys[i]!));
  const manifest = makeManifest({ spec, sha256, defaults: lowerDefaults(spec), builds: builds.map((build) => build.info) });
  return { spec, manifest, builds, folder };
}

async function printOptimizer(request: EmitRequest, wanted: readonly Target[]): Promise<CompiledOptimizer> {
  const { builds, folder, manifest, spec } = request;
  const files: OutputFile[] = [];
  for (const target of wanted) files.push(...(await targets[target](request)));
  const definition = { manifest, kernels: kernelsOf(request) };
  return { name: spec.name, span: spec.span, folder, spec, plans: builds.map((build) => build.plan), definition, files };
}

async function printRuleset(spec: RulesetSpec, folder: string, wanted: readonly Target[]): Promise<CompiledRuleset> {
  const ruleset = makeRulesetModule(spec);
  const emitted = wanted.includes("typescript") ? await import("./emit/typescript/emit-ruleset.js") : null;
  const files = emitted?.emitRuleset({ spec, ruleset, folder }) ?? [];
  return { name: spec.name, span: spec.span, folder, ruleset, files };
}

function kernelsOf(request: EmitRequest): OptimizerDefinition["kernels"] {
  const entries = request.builds.map((build): [string, BuildKernels] => [
    build.info.key,
    {
      wgsl: async () => wgslText(request, build),
      wasm: async () => base64(await wasmBinary(request, build)),
      cuda: async () => cudaText(request, build),
    },
  ]);
  return Object.fromEntries(entries);
}

async function sha256Of(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
