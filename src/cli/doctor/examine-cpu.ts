// The CPU: whether WebAssembly SIMD computes here, and on how many threads.

import { cpus } from "node:os";
import { cpu } from "../../runtime/cpu/index.js";
import { coreCount, whyNoSharing } from "../../runtime/cpu/platform.js";
import { bytesText, type Finding, reasonOf } from "./finding.js";

/** (module (func (export "four") (result i32) ...)): 1.5 + 2.5 in a lane of an f32x4. */
const SIMD = "AGFzbQEAAAABBQFgAAF/AwIBAAcIAQRmb3VyAAAKGwEZAEMAAMA//RNDAAAgQP0T/eQB/fgB/RsDCw==";

/** Computes one sum with SIMD, and opens the device. */
export async function examineCpu(): Promise<Finding> {
  const shown = { processor: cpus()[0]?.model.trim() || process.arch, cores: String(coreCount()) };
  try {
    const { four } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(SIMD, "base64"))).exports as { four(): number };
    if (four() !== 4) throw new Error("WebAssembly SIMD computes wrongly");
    const device = await cpu();
    const { name, limits } = device;
    device.destroy();
    const sharing = whyNoSharing();
    const facts = {
      ...shown,
      uses: name,
      "shared memory": sharing === null ? "yes" : "no",
      memory: `${bytesText(limits.arenaBytes)} an arena`,
    };
    const lacks = sharing === null ? [] : [{ what: `several threads: ${sharing}`, get: "Node 20.16 or newer" }];
    return { device: "cpu", works: true, facts, lacks };
  } catch (error) {
    const lack = {
      what: `WebAssembly SIMD: ${reasonOf(error)}`,
      get: "Node 20.19 or newer, on a processor with SSE4.1 or Neon, without --jitless",
    };
    return { device: "cpu", works: false, facts: shown, lacks: [lack] };
  }
}
