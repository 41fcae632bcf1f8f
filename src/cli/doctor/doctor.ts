// optspec doctor: which devices this machine has, what each is like, and what is missing. Whatever a driver does wrong is an answer, no crash.

import { codeCacheFolder } from "../boot/code-cache.js";
import type { Context, Outcome } from "../context.js";
import { visibleLines } from "../visible-lines.js";
import { examineCpu } from "./examine-cpu.js";
import { examineCuda } from "./examine-cuda.js";
import { examineWebGpu } from "./examine-webgpu.js";
import { type Finding, reasonOf } from "./finding.js";

const TITLES = { cpu: "CPU", webgpu: "WebGPU", cuda: "CUDA" } as const satisfies Record<Finding["device"], string>;

/** Runs `optspec doctor`; exit code 1 where no device works. */
export async function doctor(context: Context): Promise<Outcome> {
  const devices = [
    await examined("cpu", examineCpu),
    await examined("webgpu", () => examineWebGpu(context)),
    await examined("cuda", () => examineCuda(context)),
  ];
  const machine = { node: process.version, platform: `${process.platform} ${process.arch}`, codeCache: codeCacheFolder() };
  const cache = `code cache  ${machine.codeCache ?? "none: there is no cache folder of yours"}`;
  const head = `Node        ${machine.node} on ${machine.platform}\n${cache}`;
  const text = visibleLines([head, ...devices.map(paragraph)].join("\n\n"));
  const working = devices.filter(({ works }) => works).map(({ device }) => TITLES[device]);
  const summary = working.length > 0 ? `works here: ${working.join(", ")}` : "no device works here";
  return { exitCode: working.length > 0 ? 0 : 1, diagnostics: [], text, summary, json: { machine, devices } };
}

async function examined(device: Finding["device"], examine: () => Promise<Finding>): Promise<Finding> {
  try {
    return await examine();
  } catch (error) {
    return {
      device,
      works: false,
      facts: {},
      lacks: [{ what: reasonOf(error), get: "please report this with the output of optspec doctor" }],
    };
  }
}

function paragraph({ device, works, facts, lacks }: Finding): string {
  const lines = Object.entries(facts).map(([name, fact]) => `  ${name.padEnd(14)} ${fact}`);
  const missing = lacks.flatMap(({ what, get }) => [`  missing        ${what}`, `  ${"".padEnd(14)} get it: ${get}`]);
  return [`${TITLES[device].padEnd(10)}  ${works ? "works" : "does not work here"}`, ...lines, ...missing].join("\n");
}
