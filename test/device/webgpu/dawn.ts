// Dawn, Chromium's WebGPU, inside Node. On Linux it runs on SwiftShader, the software Vulkan driver of Debian's chromium package:
// the loader reads VK_ICD_FILENAMES when the instance is created, in the process's real environment (so in a forked process, not in a
// worker thread). An instance lives as long as somebody holds what `create` returned.

import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { missingDevice } from "../missing-device.js";

const SWIFTSHADER = ["/usr/lib/chromium/vk_swiftshader_icd.json", "/usr/lib/chromium-browser/vk_swiftshader_icd.json"];

const alive: GPU[] = [];

async function createInstance(options: string[]): Promise<GPU> {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const gpu = create(options);
  alive.push(gpu);
  return gpu;
}

async function start(): Promise<{ gpu: GPU; why?: string }> {
  if (process.platform === "linux" && process.env.VK_ICD_FILENAMES === undefined) {
    const driver = SWIFTSHADER.find(existsSync);
    if (driver !== undefined) process.env.VK_ICD_FILENAMES = driver;
    process.env.XDG_RUNTIME_DIR ??= tmpdir(); // else the loader complains on stderr
  }
  const gpu = await createInstance([]);
  if ((await gpu.requestAdapter()) !== null) return { gpu };
  const why = missingDevice("Dawn (WebGPU in Node)", "no Vulkan driver answers; on Debian: apt-get install chromium");
  return { gpu: await openTint(), why };
}

let dawn: Promise<{ gpu: GPU; why?: string }> | undefined;
let tint: Promise<GPU> | undefined;

/** One instance a process. Where `why` is set there is no driver: `gpu` then checks shaders and runs nothing. */
export function openDawn(): Promise<{ gpu: GPU; why?: string }> {
  dawn ??= start();
  return dawn;
}

/** Dawn without a driver: Tint checks WGSL and pipelines, kernels do nothing. Works on every machine. */
export function openTint(): Promise<GPU> {
  tint ??= createInstance(["backend=null"]);
  return tint;
}
