// Generated declarations under the strictest flags, by TypeScript's own command: users' code that must compile, and code that must not.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { runtimeSymbols } from "../../src/compiler/emit/runtime-symbols.js";
import * as runtime from "../../src/runtime/index.js";
import { compiled, compiledExamples } from "./examples.js";
import { specWith } from "./hostile-names.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const strictest = {
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  noImplicitOverride: true,
  noUnusedLocals: false,
  allowUnreachableCode: false,
  isolatedModules: true,
  skipLibCheck: false,
  types: [],
};

const options = `
/// Three options, not every combination.
optimizer Options {
  hyper lr = 0.1 in [0, inf)
  hyper nesterov: bool = false
  fixed hyper n_layers: int = 4
  option kind: slow | quick = slow
  option k: 4 | 10 = 10
  option amsgrad = false
  state exp_avg = 0
  exp_avg <- exp_avg + (if nesterov then k * grad else grad) * (if amsgrad then n_layers else 1)
  param <- param - lr * (if kind == quick then exp_avg else grad)
}`;
const optionBuilds = new Map([["Options", [{ kind: "slow" }, { kind: "quick", k: "4" }, { kind: "quick", amsgrad: "true" }]]]);
const rulesets = `
/// Layer decay.
ruleset LayerDecay {
  hyper layer_decay = 0.9 in (0, 1], from: int = 1, soft: bool = false
  scale lr { "layers.{n}" and n >= from => layer_decay ^ n   else => if soft then 0.5 else 1 }
}
ruleset NoDecay { set weight_decay { rank <= 1 => 0   else => weight_decay } }`;
const bare = "optimizer Bare { param <- param - grad }";
/** States of elements, of a tensor and of the model. */
const kept = `optimizer Kept {
  state m = 0  state v: tensor = 0  state d: model = 1
  m <- m + grad  v <- v + norm(grad)  d <- d + norm[model](grad)
  param <- param - m / (1 + v + d)
}`;

let folder: string;
let errors: ReadonlyMap<string, readonly string[]>;

const cpuDevice =
  'import { cpu } from "optspec/cpu";\nconst device = await cpu();\nconst params = [{ name: "w", shape: [2, 3] }] as const;\n';
const adamwdl = `${cpuDevice}import { AdamWDL, type AdamWDLSettings } from "./adamwdl/adamwdl.js";\n`;
const adamw = `${cpuDevice}import type { Device, GpuRange } from "optspec/runtime";\nimport { AdamW } from "./adamw/adamw.js";\ndeclare const gpu: Device<GpuRange>;\n`;
const options_ = `${cpuDevice}import { Options } from "./options/options.js";\n`;

const right: Readonly<Record<string, string>> = {
  everything: `${adamwdl}
    const settings: AdamWDLSettings = { params, lr: (step) => 1e-3 / (1 + step), layerwiseDecay: 0.8, nLayers: 12, decay: "double", gradients: "some" };
    const optimizer: AdamWDL<Float32Array> = await AdamWDL.create(device, { ...settings, applyDecay: ({ staticName }) => !staticName.endsWith("bias") });
    optimizer.set({ lr: 2e-3, beta1: () => 0.9 });
    const rate: number = optimizer.hypers.lr;
    const moment: Float32Array = await optimizer.download("w", "moment1");
    await optimizer.step({ gradients: { w: moment } });
    optimizer.tensor("w").param.fill(rate);
    export const name: "AdamWDL" = AdamWDL.name;`,
  groups: `${adamwdl}import { reduceOnPlateau, warmupCosine } from "optspec/schedules";
    const plateau = reduceOnPlateau({ learningRate: 1e-3 });
    const groups: AdamWDLSettings["groups"] = [{ params: ["w"], lr: 0.5, weightDecay: 0, beta1: () => 0.9 }, { params: [], lr: { absolute: plateau } }];
    const optimizer = await AdamWDL.create(device, { params, groups, lr: warmupCosine({ peak: 3e-4, warmup: 10, total: 100 }) });
    plateau.step(0.5);
    optimizer.set({ lr: { absolute: 1e-4 }, epsilon: 1e-6 }, { group: 1 });
    optimizer.set({ lr: plateau });`,
  "docs/schedules.md": `${adamwdl}${[...readFileSync(join(root, "docs/schedules.md"), "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, text]) => text).join("")}`,
  nothing: `${adamwdl} await using optimizer = await AdamWDL.create(device, { params }); await optimizer.step();`,
  builds: `${options_}
    await Options.create(device, { params });
    await Options.create(device, { params, kind: "slow", k: 10, amsgrad: false, nesterov: true });
    await Options.create(device, { params, kind: "quick", k: 4 });
    const optimizer = await Options.create(device, { params, kind: "quick", amsgrad: true });
    await optimizer.download("w", "expAvg");`,
  bare: `${cpuDevice}import { Bare } from "./bare/bare.js";\nconst optimizer = await Bare.create(device, { params }); await optimizer.download("w", "grad");`,
  "states of the model": `${cpuDevice}import { Kept, type KeptModelStates, type KeptStates } from "./kept/kept.js";
    const optimizer = await Kept.create(device, { params });
    const d: KeptModelStates["d"] = await optimizer.state("d");
    optimizer.setState("d", 2 * d);
    const v: KeptStates["v"] = await optimizer.download("w", "v");
    optimizer.upload("w", v, "v");`,
  rules: `${adamwdl}import { layerDecay, type LayerDecayHypers } from "./layerdecay/layerdecay.js";
    import { noDecay } from "./nodecay/nodecay.js";
    const hypers: LayerDecayHypers = { layerDecay: (step) => 1 / (1 + step), from: 2, soft: true };
    await AdamWDL.create(device, { params, rules: layerDecay() });
    await AdamWDL.create(device, { params, rules: [layerDecay(hypers), noDecay()] });`,
  "16 bits": `${adamw}
    const optimizer = await AdamW.create(device, { params, gradClip: "global_norm", nonFinite: "skip", paramDtype: "bf16", gradDtype: "bf16", master: "f32" });
    const { param, grad }: { param: Uint16Array; grad: Uint16Array } = optimizer.tensor("w");
    await optimizer.step({ gradients: { w: grad } });
    optimizer.upload("w", param);
    const master: Float32Array = await optimizer.download("w", "paramMaster");
    const plain: AdamW<Float32Array> = await AdamW.create(device, { params });
    plain.tensor("w").param satisfies Float32Array;
    export const range: GpuRange = (await AdamW.create(gpu, { params, paramDtype: "bf16", gradDtype: "bf16", master: "remainder" })).tensor("w").param;`,
  hostile: `${cpuDevice}import { Promise_ } from "./promise/promise.js";\nexport const made: Promise<Promise_<Float32Array>> = Promise_.create(device, { params });`,
};

const wrong: Readonly<Record<string, string>> = {
  "an unknown hyper": `${adamwdl} await AdamWDL.create(device, { params, learningRate: 1 });`,
  "a hyper of a wrong type": `${adamwdl} await AdamWDL.create(device, { params, lr: "1e-3" });`,
  "a schedule for a fixed hyper": `${adamwdl} await AdamWDL.create(device, { params, nLayers: () => 12 });`,
  "an unknown hyper of a group": `${adamwdl} await AdamWDL.create(device, { params, groups: [{ params: ["w"], learningRate: 1 }] });`,
  "a group without parameters": `${adamwdl} await AdamWDL.create(device, { params, groups: [{ lr: 1 }] });`,
  "an absolute rate without a group": `${adamwdl} await AdamWDL.create(device, { params, lr: { absolute: 1 } });`,
  "a factor of another hyper": `${adamwdl} await AdamWDL.create(device, { params, groups: [{ params: ["w"], beta1: { absolute: 1 } }] });`,
  "an argument that a schedule does not have": `import { warmupCosine } from "optspec/schedules";\nwarmupCosine({ peak: 1, warmup: 1, total: 9, min: 0 });`,
  "a word that the option does not have": `${adamwdl} await AdamWDL.create(device, { params, decay: "none" });`,
  "a master of f32": `${adamw} await AdamW.create(device, { params, master: "f32" });`,
  "bits as numbers": `${adamw} export const view: Float32Array = (await AdamW.create(device, { params, paramDtype: "bf16", gradDtype: "bf16", master: "remainder" })).tensor("w").param;`,
  "no parameters": `${adamwdl} await AdamWDL.create(device, {});`,
  "changing a fixed hyper": `${adamwdl} (await AdamWDL.create(device, { params })).set({ nLayers: 3 });`,
  "an unknown state": `${adamwdl} await (await AdamWDL.create(device, { params })).download("w", "moment3");`,
  "a gradient of another type": `${adamwdl} await (await AdamWDL.create(device, { params })).step({ gradients: { w: new Float64Array(6) } });`,
  "a view of another device": `${adamwdl} export const o: AdamWDL<GPUBuffer> = await AdamWDL.create(device, { params });`,
  "a combination that was not built": `${options_} await Options.create(device, { params, kind: "quick", k: 10 });`,
  "a word that was not built with it": `${options_} await Options.create(device, { params, kind: "slow", amsgrad: true });`,
  "a number for a boolean hyper": `${options_} await Options.create(device, { params, nesterov: 1 });`,
  "an unknown hyper of rules": `import { layerDecay } from "./layerdecay/layerdecay.js";\nlayerDecay({ decay: 1 });`,
  "a schedule where arms are chosen": `import { layerDecay } from "./layerdecay/layerdecay.js";\nlayerDecay({ from: () => 1 });`,
  "hypers where there are none": `import { noDecay } from "./nodecay/nodecay.js";\nnoDecay({});`,
  "rules that are none": `${adamwdl} await AdamWDL.create(device, { params, rules: { layerDecay: 1 } });`,
  "a state of the model as one of a parameter": `${cpuDevice}import { Kept } from "./kept/kept.js";
    await (await Kept.create(device, { params })).download("w", "d");`,
  "a state of a parameter as one of the model": `${cpuDevice}import { Kept } from "./kept/kept.js";
    await (await Kept.create(device, { params })).state("v");`,
  "a state of the model where there is none": `${adamwdl} (await AdamWDL.create(device, { params })).setState("d", 1);`,
  "a state where there is none": `${cpuDevice}import { Bare } from "./bare/bare.js";\nawait (await Bare.create(device, { params })).download("w", "m");`,
};

beforeAll(async () => {
  folder = await mkdtemp(join(root, "node_modules", ".wrapper-types-"));
  const optimizers = [
    ...(await compiledExamples()),
    ...(await compiled(options, "options.opt", optionBuilds)),
    ...(await compiled(bare)),
    ...(await compiled(kept)),
    ...(await compiled(specWith(["m"], "state", "Promise"))),
    ...(await compile({ path: "rulesets.opt", text: rulesets })).rulesets,
  ];
  for (const { path, content } of optimizers.flatMap(({ files }) => files).filter((file) => /\.d\.ts$/.test(file.path)))
    await write(path, content as string);
  const cases = [...Object.entries(right), ...Object.entries(wrong)];
  for (const [i, [, text]] of cases.entries()) await write(`case${i}.ts`, text);
  const include = ["*.ts", "*/*.d.ts"];
  await write("tsconfig.json", JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions: strictest, include, exclude: [] }));
  await write("package.json", '{ "type": "module" }');
  const found = await diagnose();
  errors = new Map(cases.map(([name], i) => [name, found.filter((line) => line.startsWith(`case${i}.ts`))]));
  errors = new Map([...errors, ["declarations", found.filter((line) => !/^(case\d+\.ts|\.\.)/.test(line))]]);
});
afterAll(() => rm(folder, { recursive: true }));

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

async function diagnose(): Promise<string[]> {
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  try {
    await promisify(execFile)(process.execPath, [tsc, "--noEmit", "--pretty", "false", "-p", folder], { cwd: folder });
    return [];
  } catch (error) {
    return (error as { stdout: string }).stdout.split("\n").filter((line) => /error TS/.test(line));
  }
}

test("the declarations themselves are right", () => {
  expect(errors.get("declarations")).toEqual([]);
});

describe("compiles", () => {
  test.each(Object.keys(right))("%s", (name) => expect(errors.get(name)).toEqual([]));
});

describe("is a compile error", () => {
  test.each(Object.keys(wrong))("%s", (name) => expect(errors.get(name)).toHaveLength(1));
});

test("values that generated code imports are exports of the runtime", () => {
  for (const [symbol, { kind }] of Object.entries(runtimeSymbols)) if (kind === "value") expect(runtime).toHaveProperty(symbol);
});
