// The generated wrapper outside Node: a page in Chromium and a script in Deno train on WebGPU, and agree with the CPU.

import { fileURLToPath } from "node:url";
import { cpu } from "optspec/cpu";
import { webgpu } from "optspec/webgpu";
import { expect, test } from "vitest";
import { runInChromium, whyNoChromium } from "./chromium.js";
import { runInDeno, whyNoDeno } from "./deno.js";
import { threeSteps } from "./three-steps.js";
import { openDawn } from "./webgpu/dawn.js";

type Results = Record<string, number[]>;

const entry = fileURLToPath(new URL("three-steps.entry.ts", import.meta.url));
const { gpu, why } = await openDawn();
const expected = await threeSteps(await cpu());

/**
 * The largest difference, in ulps of the expected number, over all results. WGSL promises a division to 2.5 ulp and may flush subnormals;
 * the update is a small part of a parameter, so that what reaches a parameter in three steps stays within a few ulps.
 */
function largestError(results: Results): number {
  expect(Object.keys(results).sort()).toEqual(Object.keys(expected).sort());
  const errors = Object.entries(expected).flatMap(([name, numbers]) => {
    expect(results[name]).toHaveLength(numbers.length);
    return numbers.map((number, index) => Math.abs(results[name]![index]! - number) / 2 ** (Math.floor(Math.log2(Math.abs(number))) - 23));
  });
  return Math.max(...errors);
}

test("the CPU's numbers move, and are numbers", () => {
  expect(Object.keys(expected)).toHaveLength(9);
  for (const numbers of Object.values(expected)) {
    expect(numbers.length).toBeGreaterThan(0);
    expect(numbers.every((number) => Number.isFinite(number) && number !== 0)).toBe(true);
  }
});

test.skipIf(why !== undefined)("Dawn in Node", async () => {
  expect(largestError(await threeSteps(await webgpu({ gpu })))).toBeLessThanOrEqual(4);
});

test.skipIf(whyNoChromium() !== undefined)("a page in Chromium", async () => {
  expect(largestError((await runInChromium(entry)) as Results)).toBeLessThanOrEqual(4);
});

test.skipIf(whyNoDeno() !== undefined)("a script in Deno", async () => {
  expect(largestError((await runInDeno(entry)) as Results)).toBeLessThanOrEqual(4);
});
