// WebGPU in Node: the package "webgpu" (Dawn), a driver behind it, and what the adapter's arithmetic does.

import { existsSync } from "node:fs";
import { type ArithmeticProfile, unpredicted } from "../../numeric/float32.js";
import { OptimizerError } from "../../runtime/errors.js";
import type { WebGpuDevice } from "../../runtime/webgpu/index.js";
import { CliError } from "../cli-error.js";
import type { Context } from "../context.js";
import { openDawn } from "../dawn.js";
import { importPeer } from "../optional-peer.js";
import { bytesText, type Finding, type Lack, reasonOf } from "./finding.js";

/** A driver that hangs must not hang the answer about the others. */
const PATIENCE_MS = 20_000;
/** Software drivers that Debian's chromium brings along. */
const SWIFTSHADER = ["/usr/lib/chromium/vk_swiftshader_icd.json", "/usr/lib/chromium-browser/vk_swiftshader_icd.json"];

/** Opens Dawn's adapter and asks it. */
export async function examineWebGpu(context: Context): Promise<Finding> {
  const broken = (lack: Lack): Finding => ({ device: "webgpu", works: false, facts: {}, lacks: [lack] });
  try {
    if ((await importPeer(context, "webgpu")) === null) {
      return broken({ what: 'the npm package "webgpu" (Dawn, Chromium\'s WebGPU)', get: "npm install webgpu" });
    }
    const { device, destroy } = await inTime(openDawn(context));
    const facts = factsOf(device);
    destroy();
    return { device: "webgpu", works: true, facts, lacks: [] };
  } catch (error) {
    if (error instanceof CliError) return broken({ what: error.message, get: "npm install webgpu" });
    const refused = error instanceof OptimizerError && error.code === "no-device" ? "" : `: ${reasonOf(error)}`;
    return broken({ what: `a graphics driver that Dawn accepts${refused}`, get: driverAdvice() });
  }
}

function factsOf({ name, gpuDevice, limits, profile }: WebGpuDevice): Finding["facts"] {
  const division = profile.division === "exact" ? "rounds division correctly" : "divides and takes roots to 2.5 ulp";
  return {
    adapter: name,
    buffer: `up to ${bytesText(limits.arenaBytes)}, ${bytesText(limits.bindingBytes)} in one binding`,
    workgroups: `${gpuDevice.limits.maxComputeWorkgroupsPerDimension} a dimension of ${gpuDevice.limits.maxComputeInvocationsPerWorkgroup} invocations`,
    arithmetic: `${profile.subnormals === "keep" ? "keeps" : "flushes"} subnormals, ${division}, ${profile.fuses ? "fuses" : "does not fuse"} products and sums`,
    bits: bitsText(profile),
  };
}

function bitsText(profile: ArithmeticProfile): string {
  const free = unpredicted(profile);
  return free.length === 0 ? "those of the interpreter under this arithmetic" : `those of the interpreter, but for ${free.join(" and ")}`;
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE_MS / 1e3} s`)), PATIENCE_MS);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function driverAdvice(): string {
  if (process.platform !== "linux") return "update the graphics driver";
  const software = SWIFTSHADER.find((path) => existsSync(path));
  const slow = software === undefined ? "apt-get install chromium brings SwiftShader" : `VK_ICD_FILENAMES=${software} npx optspec doctor`;
  return `the Vulkan driver of your GPU's maker (Intel, AMD: apt-get install mesa-vulkan-drivers); in software: ${slow}`;
}
