// Random programs mean the same everywhere: to the interpreter, on the CPU, in the CUDA text compiled by g++, and on WebGPU. The short
// run takes the last two less often. The long one, all of them on every target, a few minutes for each thousand:
//
//   DIFFERENTIAL_PROGRAMS=5000 DIFFERENTIAL_SEED=1 npx vitest run test/differential
//
// A failing program is shrunk: what is reported is small. A new operation, constant or reduction is a row of language.ts.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { whyNoGcc } from "../compilers/cuda-on-cpu.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { readChoices } from "./choices.js";
import { compareBatch, compileOne, emptyTally, openTargets } from "./compare-batch.js";
import { comparisons, connectives, forms, members, reductions } from "./language.js";
import { runEverywhere, type Target } from "./run-everywhere.js";
import { writeProgram } from "./write-program.js";

const long = process.env.DIFFERENTIAL_PROGRAMS !== undefined;
const count = Number(process.env.DIFFERENTIAL_PROGRAMS ?? 200);
const seed = Number(process.env.DIFFERENTIAL_SEED ?? 20_261);
/** Programs in one call of g++. */
const BATCH = 100;
/** How many of them the short run takes to each target: compilers and drivers are what takes its time. */
const shares = { cpu: BATCH, cuda: 20, webgpu: 5 } as const satisfies Record<Target["name"], number>;

const tape = fc.array(fc.nat(65_535), { maxLength: 500, size: "max" });
const programOf = (numbers: readonly number[], index: number) => writeProgram(readChoices(numbers), `P${index}`);

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

describe("random programs", () => {
  test(`${count} of them, on ${available.join(", ")} and in the interpreter: the same bits`, { timeout: 3_600_000 }, async () => {
    const tapes = fc.sample(tape, { seed, numRuns: count });
    const targets = await openTargets(available);
    const rounds = long ? [{ some: targets, most: BATCH }] : targets.map((target) => ({ some: [target], most: shares[target.name] }));
    const tally = emptyTally();
    for (let first = 0; first < count; first += BATCH) {
      const batch = tapes.slice(first, first + BATCH).map((numbers, i) => programOf(numbers, first + i));
      for (const { some, most } of rounds) await compareBatch(batch.slice(0, most), some, tally);
      for (const { index, what } of tally.failures.slice(0, 1))
        expect.unreachable(`program ${first + index}: ${what}\n${await shrink(tapes[first + index]!, targets)}`);
      if (long) console.log(JSON.stringify({ ...tally, failures: undefined }));
    }
    expect(tally.equal).toBeGreaterThan(0.6 * count);
    expect(tally.compared).toBeGreaterThan(count);
  });

  test("are made of everything that the tables have", () => {
    const texts = fc.sample(tape, { seed, numRuns: 1_000 }).map((numbers, i) => programOf(numbers, i).text);
    const all = texts.join("");
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
  });

  test("a kernel of another program is seen", async () => {
    const targets = await openTargets(["cpu"]);
    const program = programOf([], 0);
    const [made, other] = await Promise.all(
      [program, { ...program, text: program.text.replace("param - lr", "param + lr") }].map(compileOne),
    );
    if (made === undefined || other === undefined || !("optimizer" in made) || !("optimizer" in other)) return expect.unreachable();
    const exchanged = { ...made.optimizer, definition: { ...made.optimizer.definition, kernels: other.optimizer.definition.kernels } };
    expect((await runEverywhere(program, made.optimizer, targets)).difference).toBeNull();
    expect((await runEverywhere(program, exchanged, targets)).difference).toMatch(/^cpu after step 1: param of p0, element \d+: /);
  });
});
