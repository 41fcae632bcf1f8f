import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { flushing, ieee } from "../../src/numeric/float32.js";
import { runInDeno, whyNoDeno } from "../device/deno.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { chainInput, chainMismatches, planChains } from "./chains.js";
import { whyNoGcc } from "./cuda-on-cpu.js";
import { runCudaOnCpu } from "./run-cuda-on-cpu.js";
import { runWasm, runWgsl } from "./run-kernels.js";

const plan = planChains();
const run = chainInput();
const { gpu, why } = await openDawn();

test("chains of arithmetic keep every rounding in WebAssembly", async () => {
  const { state } = await runWasm(plan, run);
  expect(chainMismatches(plan, run, state, ieee)).toEqual({});
  expect(chainMismatches(plan, run, state, flushing)).not.toEqual({});
});

test.skipIf(whyNoGcc() !== undefined)("chains of arithmetic keep every rounding in the text of CUDA, by g++", () => {
  const { state } = runCudaOnCpu(plan, run);
  expect(chainMismatches(plan, run, state, ieee)).toEqual({});
});

test.skipIf(why !== undefined)("chains of arithmetic keep every rounding in WGSL, by Dawn on SwiftShader", async () => {
  const adapter = await gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const { state } = await runWgsl(device, plan, run);
  expect(chainMismatches(plan, run, state, flushing)).toEqual({});
  device.destroy();
});

test.skipIf(whyNoDeno() !== undefined)("chains of arithmetic keep every rounding in WGSL, by Deno on lavapipe", async () => {
  const entry = fileURLToPath(new URL("chains.entry.ts", import.meta.url));
  expect(await runInDeno(entry)).toEqual({});
});
