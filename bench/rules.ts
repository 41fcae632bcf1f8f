// What rules cost. Resolving: names a second against 50 arms, one thread. Stepping: BERT-base with 1, 28 and 199 different ratios on the
// CPU, on WebGPU (Dawn) and on CUDA where there is one, which should make no difference. `--small` runs all of it on little, to see that it runs.

import { cpu } from "optspec/cpu";
import { cuda } from "optspec/cuda";
import { webgpu } from "optspec/webgpu";
import { AdamW } from "../generated/adamw/adamw.js";
import { compile } from "../src/compiler/compile.js";
import type { ParamInfo } from "../src/contract/rules.js";
import { resolveRules } from "../src/rules/resolve.js";
import { openDawn } from "../test/device/webgpu/dawn.js";
import { bertBase } from "../test/runtime/bert-base.js";
import { type Contestant, interleave, median, pairedRatio, publish, type Report, type Timing } from "./rounds.js";

const small = process.argv.includes("--small");
const RATIOS = [1, 28, 199] as const;
/** Figures of little say nothing and are not kept. */
const tell = small ? (name: string, { title, rows }: Report) => console.log(name, title, rows) : publish;

/** 49 towers of layers and an `else`: 50 arms. */
async function towers() {
  const arms = Array.from({ length: 49 }, (_, i) => `"^tower_${i}.encoder.layers.{n}" => 0.9 ^ n`);
  const text = `ruleset Towers { scale lr { ${arms.join("\n")}\n else => 1 } }`;
  const { rulesets } = await compile({ path: "towers.opt", text }, { targets: [] });
  return rulesets[0]!.ruleset;
}

/** The same with arms that no plain segment tells apart, so that every one of them has to be tried. */
async function wildcards() {
  const arms = Array.from({ length: 49 }, (_, i) => `"^*wer_${i}.enc*.layers.{n}" => 0.9 ^ n`);
  const text = `ruleset Wildcards { scale lr { ${arms.join("\n")}\n else => 1 } }`;
  const { rulesets } = await compile({ path: "wildcards.opt", text }, { targets: [] });
  return rulesets[0]!.ruleset;
}

function namesOf(count: number): ParamInfo[] {
  const parts = ["self_attn.q_proj.weight", "self_attn.q_proj.bias", "mlp.up.weight", "norm.weight"];
  return Array.from({ length: count }, (_, i) => {
    const [tower, layer] = [i % 49, Math.floor(i / 49)];
    return { name: `tower_${tower}.encoder.layers.${layer}.${parts[i % 4]}`, shape: i % 4 === 1 ? [768] : [768, 768] };
  });
}

/** Seconds, the median of three. */
function timeResolving(ruleSet: Awaited<ReturnType<typeof towers>>, count: number): number {
  const list = namesOf(count);
  const times = [0, 1, 2].map(() => {
    const start = performance.now();
    const { params, problems } = resolveRules([ruleSet], list, { hypers: { lr: 1 } });
    if (params.length !== count || problems.some(({ severity }) => severity === "error")) throw new Error("the rules do not resolve");
    return (performance.now() - start) / 1e3;
  });
  return median(times);
}

const unit = small ? 1_000 : 100_000;
const many = timeResolving(await towers(), unit);
const wild = timeResolving(await wildcards(), unit);
const million = timeResolving(await towers(), 10 * unit);
const speed = (seconds: number, count: number) => [seconds.toFixed(2), `${Math.round(count / seconds / 1e3)}`];
tell("rules-resolving", {
  title: "Resolving names against 50 arms, one thread",
  rows: [
    ["names", "seconds", "thousand names a second"],
    [`${unit}, arms with plain segments`, ...speed(many, unit)],
    [`${unit}, arms with wildcards only`, ...speed(wild, unit)],
    [`${10 * unit}, arms with plain segments`, ...speed(million, 10 * unit)],
  ],
  claims: [
    { claim: "seconds for 100,000 names", measured: many, atMost: 3 },
    { claim: "seconds for 100,000 names, wildcards", measured: wild, atMost: 3 },
    { claim: "seconds for a million names", measured: million, atMost: 5 },
  ],
});

const params = small ? bertBase.map(({ name, shape }) => ({ name, shape: shape.map((n) => Math.ceil(n / 16)) })) : bertBase;
const elements = params.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
const placeOf = new Map(params.map(({ name }, i) => [name, i]));

/** BERT-base with so many ratios, spread over its tensors. */
async function contestant(device: Parameters<typeof AdamW.create>[0], ratios: number): Promise<Contestant> {
  const optimizer = await AdamW.create(device, { params, lrRatio: ({ name }) => 1 - (placeOf.get(name)! % ratios) / 400 });
  return {
    name: `${ratios} ratio${ratios === 1 ? "" : "s"}, ${optimizer.dispatches} dispatch${optimizer.dispatches === 1 ? "" : "es"}`,
    async round(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) {
        await optimizer.step();
        await optimizer.idle();
      }
      return (performance.now() - start) / 1e3 / steps;
    },
    close: () => optimizer.destroy(),
  };
}

async function stepping(device: Parameters<typeof AdamW.create>[0], steps: number): Promise<Report> {
  const contestants: Contestant[] = [];
  for (const ratios of RATIOS) contestants.push(await contestant(device, ratios));
  const timings = await interleave(contestants, small ? 3 : 9, () => steps);
  for (const { close } of contestants) close?.();
  const [one, some, all] = timings as [Timing, Timing, Timing];
  const claim = (timing: Timing) => ({
    claim: `time with ${timing.name} over one ratio's, median of paired rounds`,
    measured: pairedRatio(one, timing),
    atMost: 1.03,
  });
  return {
    title: `BERT-base (${(elements / 1e6).toFixed(1)}M parameters, ${params.length} tensors), AdamW on ${device.name}`,
    rows: [["ratios", "ms a step (median)"], ...timings.map((t) => [t.name, (t.median * 1e3).toFixed(1)])],
    claims: [claim(some), claim(all)],
  };
}

tell("rules-step-cpu", await stepping(await cpu(), 5));
const { gpu, why } = await openDawn();
if (why === undefined) tell("rules-step-webgpu", await stepping(await webgpu({ gpu }), 2));
else console.log(`  no WebGPU here: ${why}`);
const nvidia = await openCuda();
if (nvidia !== null) tell("rules-step-cuda", await stepping(nvidia, 20));
process.exit(0);

async function openCuda() {
  try {
    return await cuda();
  } catch (error) {
    console.log(`  no CUDA here: ${error instanceof Error ? error.message : error}`);
    return null;
  }
}
