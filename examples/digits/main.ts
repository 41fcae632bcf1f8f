// npm start: compiles an optimizer and a ruleset, shows what rules decide about a real model, and trains a small transformer on handwritten
// digits with both, once with layer-wise learning-rate decay and once without.
//   npm start -- [--device cpu|webgpu] [--steps 600] [--decay 0.8]

import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { init } from "@jax-js/jax";
import pc from "picocolors";
import { openDevice } from "./device.js";
import { loadDigits } from "./digits.js";
import { initialize, LAYERS } from "./model.js";
import { seeded } from "./random.js";
import { BATCH, CHECK_EVERY, CHECKED, HELD_OUT, learningRate, runLabel, SEED } from "./recipe.js";
import { type Course, train } from "./train.js";
import { chart } from "./views/chart.js";
import { drawCurves } from "./views/curves.js";
import { ladder } from "./views/ladder.js";
import { showProgress } from "./views/progress.js";
import { table } from "./views/table.js";
import { count, duration, percent } from "./views/units.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OUT = fileURLToPath(new URL("out", import.meta.url));

type Wrapper = typeof import("../../generated/adamwdl/adamwdl.js");
type Ruleset = typeof import("../../generated/nodecay/nodecay.js");
type Built = Wrapper & Ruleset;

interface Options {
  readonly device: "cpu" | "webgpu";
  readonly steps: number;
  readonly decay: number;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      device: { type: "string", default: "cpu" },
      steps: { type: "string", default: "600" },
      decay: { type: "string", default: "0.8" },
    },
  });
  const { device } = values;
  const steps = Number(values.steps);
  const decay = Number(values.decay);
  if (device !== "cpu" && device !== "webgpu") throw new Error(`--device is cpu or webgpu, not ${JSON.stringify(device)}`);
  if (!Number.isInteger(steps) || steps < 1) throw new Error(`--steps is a whole number from 1, not ${JSON.stringify(values.steps)}`);
  if (!(decay > 0 && decay <= 1)) throw new Error(`--decay is a number above 0, up to 1, not ${JSON.stringify(values.decay)}`);
  return { device, steps, decay };
}

const say = (text = ""): void => void process.stdout.write(`${text}\n`);
const paint = (text: string, run: number): string => (run === 0 ? pc.cyan(text) : pc.yellow(text));

function heading(number: number, title: string, about: string): void {
  say(`\n${pc.bold(`${number}  ${title}`)}   ${pc.dim(about)}\n`);
}

/** Runs the command line as a person would, and shows the command and its words. */
function optspec(...args: string[]): void {
  say(`  ${pc.dim(`$ optspec ${args.join(" ")}`)}\n`);
  const { status, stdout, stderr } = spawnSync(process.execPath, ["dist/cli/optspec.cjs", ...args], { cwd: ROOT, encoding: "utf8" });
  const words = [stdout, stderr].flatMap((text) => text.trimEnd().split("\n"));
  for (const line of words) if (line !== "") say(`  ${line}`);
  if (status !== 0) throw new Error(`optspec ${args.join(" ")} failed`);
}

/** Compiles afresh, so that every file is written, and loads what came out. */
async function compile(): Promise<Built> {
  const folder = join(OUT, "generated");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const shown = relative(ROOT, folder);
  heading(1, "Compile", "the optimizer's text into kernels and a typed wrapper, a ruleset into a module of its own");
  optspec("build", "examples/adamwdl.opt", "examples/rules/no-decay.opt", "--out", shown);
  const { AdamWDL }: Wrapper = await import(pathToFileURL(join(folder, "adamwdl/adamwdl.js")).href);
  const { noDecay }: Ruleset = await import(pathToFileURL(join(folder, "nodecay/nodecay.js")).href);
  return { AdamWDL, noDecay };
}

function showRatios(decay: number): void {
  heading(2, "Explain", "what its rules decide about ERNIE 3.0 base");
  optspec("explain", "examples/adamwdl.opt", "--params", "examples/data/ernie-3.0-base.json", "--set", `layerwise_decay=${decay}`);
}

async function trainBoth({ AdamWDL, noDecay }: Built, options: Options): Promise<readonly Course[]> {
  await init("wasm");
  const digits = loadDigits(HELD_OUT);
  const parameters = initialize(seeded(SEED));
  const device = await openDevice(options.device);
  const numbers = parameters.reduce((sum, { data }) => sum + data.length, 0);
  heading(
    3,
    "Train",
    `${LAYERS} encoder layers, ${parameters.length} tensors, ${count(numbers)} parameters · AdamWDL with NoDecay on ${device.name}`,
  );
  const settings = { params: parameters, nLayers: LAYERS, lr: learningRate(options.steps), rules: noDecay() };
  const create = async (layerwiseDecay: number) => ({
    label: runLabel(layerwiseDecay),
    trainer: await AdamWDL.create(device, { ...settings, layerwiseDecay }),
  });
  const runs = [await create(1), await create(options.decay)] as const;
  say(`  share of the learning rate with ${runs[1].label}\n`);
  const table = runs[1].trainer.explain();
  say(`${ladder(table)}\n`);
  const decaying = table.params.filter(({ hypers }) => hypers.weight_decay?.value !== 0).length;
  say(`  weight decay on ${decaying} of ${table.params.length} tensors: ${noDecay().ruleSet.name} leaves out norms and biases\n`);
  const onStep = showProgress(process.stdout, options.steps, paint);
  const { steps } = options;
  return train({ runs, parameters, digits, steps, batch: BATCH, seed: SEED, checkEvery: CHECK_EVERY, checked: CHECKED, onStep });
}

function showResults(courses: readonly Course[], options: Options): void {
  heading(4, "Result", `${count(HELD_OUT)} digits that neither run has seen in training`);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const row = (name: string, value: (course: Course) => string) => [name, ...courses.map(value)];
  const rows = [
    row("held-out accuracy", ({ accuracies }) => percent(accuracies.at(-1)!.accuracy)),
    row("training loss, last 50 steps", ({ losses }) => mean(losses.slice(-50)).toFixed(3)),
    row("loss and gradients, time a step", ({ gradientTime }) => duration(gradientTime / options.steps)),
    row("optimizer, time a step", ({ updateTime }) => duration(updateTime / options.steps)),
  ];
  say(table(["", ...courses.map(({ label }) => label)], rows));
  say();
  const curves = courses.map(({ label, losses }) => ({ label, values: losses }));
  say(drawCurves(curves, { columns: 64, rows: 13 }, paint));
  const file = join(OUT, "curves.svg");
  writeFileSync(file, chart(`AdamWDL on handwritten digits, ${options.steps} steps of ${BATCH}`, courses));
  say(`\n  ${pc.dim("curves")}  ${relative(process.cwd(), file)}`);
}

const started = performance.now();
try {
  const options = readOptions();
  say(`${pc.bold("optspec")}  ${pc.dim("an optimizer from its text to a trained model")}`);
  const built = await compile();
  showRatios(options.decay);
  showResults(await trainBoth(built, options), options);
  say(`  ${pc.dim("total")}   ${duration(performance.now() - started)}\n`);
} catch (error) {
  process.stderr.write(`\n${pc.red("stopped")}: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
process.exit(0);
