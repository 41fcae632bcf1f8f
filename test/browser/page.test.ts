// The demonstration as a person gets it: built by Vite, served statically, in Chromium.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { whyNoChromium } from "../device/chromium.js";
import { inServedPage } from "./served.js";

const CONFIG = fileURLToPath(new URL("../../examples/browser/vite.config.ts", import.meta.url));
const STEPS = 24;
const DECAY = 0.75;

const out = mkdtempSync(join(tmpdir(), "optspec-page-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** What the page shows after training on a device. */
async function train(device: "cpu" | "webgpu") {
  return inServedPage(out, async (page) => {
    await page.check(`input[value=${device}]`);
    await page.fill("input[name=steps]", String(STEPS));
    await page.fill("input[name=decay]", String(DECAY));
    await page.click("#go");
    await page.waitForSelector("body[data-state=done], body[data-state=failed]");
    const rows = (id: string) => page.$$eval(`#${id} tr`, (found) => found.map((row) => [...row.children].map((cell) => cell.textContent)));
    const lines = await page.$$eval("#curves polyline", (found) => found.map((line) => line.getAttribute("points")!.split(" ").length));
    const losses = JSON.parse((await page.getAttribute("#curves", "data-losses"))!) as readonly (readonly number[])[];
    return { status: await page.textContent("#status"), losses, lines, ratios: await rows("ratios"), results: await rows("results") };
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe.skipIf(whyNoChromium() !== undefined)("the digits page", () => {
  beforeAll(() => build({ configFile: CONFIG, logLevel: "error", build: { outDir: out } }));

  test.each([
    ["cpu", /WebAssembly SIMD/],
    ["webgpu", /swiftshader/i],
  ] as const)("trains on %s: the loss falls, ratios and curves show", async (device, name) => {
    const { status, losses, lines, ratios, results } = await train(device);
    expect(status).toMatch(new RegExp(`^${STEPS} steps on `));
    expect(status).toMatch(name);
    expect(losses.map(({ length }) => length)).toEqual([STEPS, STEPS]);
    for (const run of losses) expect(mean(run.slice(-6))).toBeLessThan(0.8 * mean(run.slice(0, 3)));
    expect(losses[0]![0]).toBe(losses[1]![0]);
    expect(losses[0]).not.toEqual(losses[1]);
    expect(lines.slice(0, 2)).toEqual([STEPS, STEPS]);
    const layers = [0, 1, 2, 3].map((layer) => [`encoder.layers.${layer}`, (DECAY ** (4 - layer)).toFixed(3)]);
    const expected = [["embeddings", (DECAY ** 5).toFixed(3)], ...layers, ["pooler", "1.000"], ["classifier", "1.000"]];
    expect(ratios.map(([part, ratio]) => [part, ratio])).toEqual(expected);
    expect(results.map(([label]) => label)).toEqual(["layerwise_decay 1.0", `layerwise_decay ${DECAY}`]);
  });
});
