// The package as it is published, in a project of somebody else's: bundled by esbuild and by Vite with minified chunks, run in Node and in
// Chromium, on one thread, on two, and on WebGPU.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build as esbuild } from "esbuild";
import { cpu } from "optspec/cpu";
import { build as vite } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AdamW } from "../../generated/adamw/adamw.js";
import { whyNoChromium } from "../device/chromium.js";
import { inServedPage } from "./served.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const project = mkdtempSync(join(tmpdir(), "optspec-bundled-"));
afterAll(() => rmSync(project, { recursive: true, force: true }));

const MAIN = `
import { cpu } from "optspec/cpu";
import { OptimizerError } from "optspec/runtime";
import { webgpu } from "optspec/webgpu";
import { AdamW } from "./generated/adamw/adamw.js";

async function train(device) {
  const params = [{ name: "w", shape: [5000], data: Float32Array.from({ length: 5000 }, (_, i) => Math.fround(1 / (i + 1))) }];
  const optimizer = await AdamW.create(device, { params, lr: 0.01 });
  for (let step = 1; step <= 3; step++) {
    await optimizer.step({ gradients: { w: Float32Array.from({ length: 5000 }, (_, i) => ((i * step) % 7) - 3) } });
  }
  return [...(await optimizer.download("w"))];
}

globalThis.run = async (devices) => {
  const open = { one: () => cpu({ threads: 1 }), two: () => cpu({ threads: 2, elementsPerThread: 1 }), gpu: () => webgpu() };
  const refusal = await cpu({ threads: 0 }).catch((error) => error instanceof OptimizerError);
  const results = {};
  for (const device of devices) results[device] = await train(await open[device]());
  return { refusal, results };
};
`;

interface Answer {
  readonly refusal: boolean;
  readonly results: Readonly<Record<string, readonly number[]>>;
}

/** The same three steps, by the sources, on one thread. */
async function expected(): Promise<readonly number[]> {
  const data = Float32Array.from({ length: 5000 }, (_, i) => Math.fround(1 / (i + 1)));
  const optimizer = await AdamW.create(await cpu({ threads: 1 }), { params: [{ name: "w", shape: [5000], data }], lr: 0.01 });
  for (let step = 1; step <= 3; step++) {
    await optimizer.step({ gradients: { w: Float32Array.from({ length: 5000 }, (_, i) => ((i * step) % 7) - 3) } });
  }
  return [...(await optimizer.download("w"))];
}

/** AdamW moves a parameter by about lr a step; WGSL divides to 2.5 ulp, which is far below 1e-7 of that. */
function expectEqual({ refusal, results }: Answer, right: readonly number[]): void {
  expect(refusal).toBe(true);
  const { gpu, ...threads } = results;
  for (const numbers of Object.values(threads)) expect(numbers).toEqual(right);
  if (gpu !== undefined) expect(Math.max(...gpu.map((number, i) => Math.abs(number - right[i]!)))).toBeLessThan(1e-7);
}

async function runInPage(folder: string): Promise<Answer> {
  return inServedPage(folder, async (page) => {
    await page.waitForFunction("globalThis.run !== undefined");
    return (await page.evaluate('run(["one", "two", "gpu"])')) as Answer;
  });
}

beforeAll(async () => {
  const installed = join(project, "node_modules/optspec");
  mkdirSync(installed, { recursive: true });
  cpSync(join(ROOT, "package.json"), join(installed, "package.json"));
  const script = join(ROOT, "scripts/bundle.mjs");
  await promisify(execFile)(process.execPath, [script, "--no-types", "--out", join(installed, "dist")]);
  cpSync(join(ROOT, "generated/adamw"), join(project, "generated/adamw"), { recursive: true });
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  writeFileSync(join(project, "main.js"), MAIN);
  writeFileSync(
    join(project, "index.html"),
    '<!doctype html><link rel="icon" href="data:,"><script type="module" src="./main.js"></script>',
  );
});

const DEADLINE = 120_000;

test(
  "esbuild: every kernel is a chunk of its own; Node and a page train with the bundle",
  async () => {
    const outdir = join(project, "esbuild");
    const shape = { bundle: true, splitting: true, minify: true, format: "esm", platform: "browser", logLevel: "error" } as const;
    await esbuild({ ...shape, absWorkingDir: project, entryPoints: ["main.js"], outdir });
    const wasm = readFileSync(join(project, "generated/adamw/default.wasm.js"), "utf8").match(/[\w+/=]{40,}/)![0];
    const chunks = readdirSync(outdir).filter((name) => readFileSync(join(outdir, name), "utf8").includes(wasm));
    expect(chunks).toHaveLength(1);
    expect(chunks[0]).not.toBe("main.js");

    const right = await expected();
    const script = `await import(${JSON.stringify(pathToFileURL(join(outdir, "main.js")).href)}); console.log(JSON.stringify(await run(["one", "two"])));`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], { maxBuffer: 1 << 24 });
    expectEqual(JSON.parse(stdout) as Answer, right);
    if (whyNoChromium() !== undefined) return;
    cpSync(join(project, "index.html"), join(outdir, "index.html"));
    expectEqual(await runInPage(outdir), right);
  },
  DEADLINE,
);

test.skipIf(whyNoChromium() !== undefined)(
  "Vite: a page trains with the build output",
  async () => {
    const outDir = join(project, "vite");
    await vite({ configFile: false, root: project, base: "./", logLevel: "error", build: { outDir, target: "es2022" } });
    expectEqual(await runInPage(outDir), await expected());
  },
  DEADLINE,
);
