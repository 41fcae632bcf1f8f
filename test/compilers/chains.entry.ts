// What a test runs in Deno.

import { ieee } from "../../src/numeric/float32.js";
import { chainInput, chainMismatches, planChains } from "./chains.js";
import { runWgsl } from "./run-wgsl.js";

export async function run(): Promise<Record<string, number>> {
  const adapter = await navigator.gpu.requestAdapter();
  const device = await adapter!.requestDevice();
  const [plan, input] = [planChains(), chainInput()];
  const { state } = await runWgsl(device, plan, input);
  return chainMismatches(plan, input, state, ieee);
}
