// Random programs mean the same everywhere: to the interpreter, on the CPU, in the CUDA text compiled by g++, and on WebGPU. The short
// run takes the last two less often. The long one, all of them on every target, works on all cores, four minutes for each thousand on two:
//
//   DIFFERENTIAL_PROGRAMS=5000 DIFFERENTIAL_SEED=1 npx vitest run test/differential
//
// A failing program is shrunk: what is reported is small. A new operation, constant, reduction, schedule or build option is a row of a table.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { whyNoGcc } from "../compilers/cuda-on-cpu.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { buildOptions, lossScales } from "./build-options.js";
import { compareBatch, compileOne, emptyTally, openTargets, type Tally } from "./compare-batch.js";
import { comparisons, connectives, forms, members, reductions } from "./language.js";
import { type Program, plainProgram } from "./program.js";
import { programOf, sampleTapes, tape } from "./programs.js";
import { runEverywhere, type Target } from "./run-everywhere.js";
import { expressions, type Piece, scheduleNames, shapes } from "./schedules.js";
import { shareBatches } from "./share-batches.js";

const long = process.env.DIFFERENTIAL_PROGRAMS !== undefined;
const count = Number(process.env.DIFFERENTIAL_PROGRAMS ?? 200);
const seed = Number(process.env.DIFFERENTIAL_SEED ?? 20_261);
/** Programs in one call of g++. */
const BATCH = 100;
/** How many of them the short run takes to each target: compilers and drivers are what takes its time. */
const shares = { cpu: BATCH, cuda: 20, webgpu: 10 } as const satisfies Record<Target["name"], number>;

const hasDawn = (await openDawn()).why === undefined;
const available: readonly Target["name"][] = [
  "cpu",
  ...(whyNoGcc() === undefined ? (["cuda"] as const) : []),
  ...(hasDawn ? (["webgpu"] as const) : []),
];

/** The smallest program that fails like this one, and how. */
async function shrink(numbers: number[], targets: readonly Target[]): Promise<string> {
  const failureOf = async (candidate: number[]) => {
    const tally = emptyTally();
    await compareBatch([programOf(candidate, 0)], targets, tally);
    return tally.failures[0];
  };
  const property = fc.asyncProperty(tape, async (candidate) => (await failureOf(candidate)) === undefined);
  const { counterexample } = await fc.check(property, { examples: [[numbers]], numRuns: 1 });
  const failure = await failureOf(counterexample?.[0] ?? numbers);
  return failure === undefined ? "it does not fail alone" : `${failure.what}\n${failure.text}`;
}

/** Some of each batch on each target, in this process. */
async function shortRun(tapes: readonly number[][]): Promise<Tally> {
  const targets = await openTargets(available);
  const tally = emptyTally();
  for (let first = 0; first < count; first += BATCH) {
    const batch = tapes.slice(first, first + BATCH).map((numbers, i) => programOf(numbers, first + i));
    for (const target of targets) await compareBatch(batch.slice(0, shares[target.name]), [target], tally);
  }
  return tally;
}

const longRun = () =>
  shareBatches({ seed, count, batch: BATCH, targets: available }, (tally) =>
    console.log(JSON.stringify({ ...tally, failures: tally.failures.length })),
  );

describe("random programs", () => {
  test(`${count} of them, on ${available.join(", ")} and in the interpreter: the same bits`, { timeout: 4 * 3_600_000 }, async () => {
    const tapes = sampleTapes(seed, count);
    const tally = long ? await longRun() : await shortRun(tapes);
    const [failure, ...more] = tally.failures;
    if (failure !== undefined) {
      const others = more.map(({ what, text }) => `${what}\n${text}`).join("\n");
      const index = Number(/"name":"P(\d+)"/.exec(failure.text)?.[1] ?? failure.index);
      const smallest = await shrink(tapes[index]!, await openTargets(available));
      expect.unreachable(`program ${index}: ${failure.what}\n${smallest}\n${others}`);
    }
    expect(tally.equal).toBeGreaterThan(0.6 * count);
    expect(tally.compared).toBeGreaterThan(count);
    expect(tally.skipped).toBeGreaterThan(0.02 * count);
  });

  test("are made of everything that the tables have", () => {
    const programs = sampleTapes(seed, 1_000).map(programOf);
    const all = programs.map(({ text }) => text).join("");
    const names = [...forms.map(({ device }) => device), ...comparisons, ...connectives].map(
      (form) => form.match(/[a-z]\w+|\^-?[\d.]+|[-+*/%<>=!]=?/)![0],
    );
    const reducing = [
      ...reductions.map(({ name }) => `${name}[model](`),
      ...members.map(({ text }) => text.slice(0, text.indexOf("(") + 1)),
    ];
    const others = [
      "host state",
      "fixed hyper",
      "schedule lr = ",
      "when",
      "} else {",
      "fn f",
      ".ratio",
      "old(",
      ": tensor = ",
      ": model = ",
      " sum(",
      "any[model]",
    ];
    for (const name of new Set([...names, ...reducing, ...others])) expect(all).toContain(name);
    const found = new Set(programs.flatMap(traitsOf));
    for (const trait of traits) expect(found).toContain(trait);
  });

  test("a kernel of another program is seen", async () => {
    const targets = await openTargets(["cpu"]);
    const program = programOf([], 0);
    const made = await optimizerOf(program);
    const other = await optimizerOf({ ...program, text: program.text.replace("param - lr", "param + lr") });
    const exchanged = { ...made, definition: { ...made.definition, kernels: other.definition.kernels } };
    expect((await runEverywhere(program, made, targets)).difference).toBeNull();
    expect((await runEverywhere(program, exchanged, targets)).difference).toMatch(/^cpu after step 1: param of p0, element \d+: /);
  });

  test("a schedule that is left out is seen", async () => {
    const targets = await openTargets(["cpu"]);
    const lr = { ...programOf([], 0).hypers[0]!, byDefault: 0.5, given: null };
    const text = "optimizer P { hyper lr = 0.5  schedule lr = 1 -> 0 linear 2  param <- param - lr * grad }";
    const program: Program = { ...plainProgram("P", text), steps: 3, hypers: [lr] };
    const made = await optimizerOf(program);
    const clause = { pieces: [{ shape: "linear", from: 1, to: 0, steps: 2 }] } as const;
    expect((await runEverywhere({ ...program, hypers: [{ ...lr, clause }] }, made, targets)).difference).toBeNull();
    expect((await runEverywhere(program, made, targets)).difference).toMatch(/^cpu after step 2: param of p0, element 0: /);
  });

  test("a build option that one of them has not is seen", async () => {
    const targets = await openTargets(["cpu"]);
    const plain = plainProgram("P", "optimizer P { param <- param - grad }");
    const program: Program = { ...plain, options: { non_finite: "skip" }, steps: 3, spoiled: [1] };
    const made = await optimizerOf(program);
    const { plans } = await optimizerOf(plain);
    expect(await runEverywhere(program, made, targets)).toMatchObject({ difference: null, skipped: 1 });
    expect((await runEverywhere(program, { ...made, plans }, targets)).difference).toMatch(/^cpu after step 1: the scale of losses/);
  });
});

async function optimizerOf(program: Program) {
  const made = await compileOne(program);
  if (!("optimizer" in made)) throw new Error(`${made.code}: ${made.message}`);
  return made.optimizer;
}

/** How programs are built and run: everything that the tables have. */
const traits: readonly string[] = [
  ...buildOptions.flatMap(({ name, words }) => Object.keys(words).map((word) => `${name} ${word}`)),
  ...lossScales.flatMap((scale) => (scale === null ? [] : [`lossScale ${JSON.stringify(scale)}`])),
  ...["needClip false", "spoiled", "patient", "groups 1", "groups 2", "groups 3", "steps of a hyper"],
  ...shapes.map((shape) => `piece ${shape}`),
  ...expressions.map(({ text }) => `expression ${text}`),
  ...["lr", "other", "bool"].flatMap((what) => [`${what} overridden by number`, `${what} overridden by changed`]),
  ...["lr", "other"].flatMap((what) => [`${what} overridden by function`, `${what} overridden by schedule`]),
  ...["lr factor", "lr value", "clip_norm given", "clip_min given", "clip_max given", "need_clip given"],
  ...scheduleNames.map((name) => `schedule ${name}`),
];

function traitsOf({ options, settings, paramSettings, spoiled, patient, groups, hypers }: Program): readonly string[] {
  return [
    ...Object.entries(options).map(([name, word]) => `${name} ${word}`),
    ...Object.entries(settings).map(([key, value]) => `${key} ${JSON.stringify(value)}`),
    ...paramSettings.flatMap((setting) => Object.entries(setting).map(([key, value]) => `${key} ${value}`)),
    ...(spoiled !== null && spoiled.length > 0 ? ["spoiled"] : []),
    ...(patient ? ["patient"] : []),
    `groups ${groups}`,
    ...hypers.flatMap(({ name, type, given, clause, overrides }) => [
      ...(given === null ? [] : [`${name} given`, `schedule ${given.schedule}`]),
      ...(clause === null ? [] : "expression" in clause ? [`expression ${expressions[clause.expression]!.text}`] : piecesOf(clause)),
      ...overrides.flatMap((override) => {
        if (override === null) return [];
        const what = name === "lr" ? "lr" : type === "bool" ? "bool" : "other";
        return [`${what} overridden by ${override.way}`, `${what} ${override.form}`];
      }),
    ]),
  ];
}

function piecesOf({ pieces }: { readonly pieces: readonly Piece[] }): readonly string[] {
  return pieces.flatMap(({ shape, steps }) => [`piece ${shape}`, ...(typeof steps === "string" ? ["steps of a hyper"] : [])]);
}
