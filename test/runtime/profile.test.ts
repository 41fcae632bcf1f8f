// What the probe concludes from a driver's answers, for drivers that are not at hand.

import { expect, test } from "vitest";
import { flushing, ieee } from "../../src/numeric/float32.js";
import { judge } from "../../src/runtime/webgpu/profile.js";

const given = Float32Array.from({ length: 200 }, (_, i) => (i < 4 ? [2 ** -100, 2 ** -40, 2 ** -140, 2 ** 20][i]! : 1 + ((i * 0.377) % 1)));

type Answers = readonly [quotient: number, product: number, root: number];

/** The answers of a driver that computes each pair's in a way of its own. */
function answersOf(compute: (x: number, y: number) => Answers, keeps = true): Float32Array {
  const answers = new Float32Array((given.length / 2) * 3);
  for (let i = 0; i < given.length; i += 2) answers.set(compute(given[i]!, given[i + 1]!), (i / 2) * 3);
  answers.set(keeps ? [2 ** -140, 0, 0, 2 ** -120] : [0, 0, 0, 0]);
  return answers;
}

const f = Math.fround;
const exact = (x: number, y: number): Answers => [x / y, f(f(x * y) - 1), Math.sqrt(y)];
const next = (x: number) => f(f(x) * (1 + 2 ** -23));

test.each([
  ["IEEE", answersOf(exact), ieee],
  ["no subnormals", answersOf(exact, false), flushing],
  ["a quotient an ulp off", answersOf((x, y) => [next(x / y), exact(x, y)[1], Math.sqrt(y)]), { ...ieee, division: "2.5ulp" }],
  ["a root an ulp off", answersOf((x, y) => [x / y, exact(x, y)[1], next(Math.sqrt(y))]), { ...ieee, division: "2.5ulp" }],
  ["a product and a sum rounded as one", answersOf((x, y) => [x / y, f(x * y - 1), Math.sqrt(y)]), { ...ieee, fuses: true }],
])("%s", (_, answers, profile) => {
  expect(judge(given, answers)).toEqual(profile);
});
