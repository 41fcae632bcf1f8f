// The hardware that the optimizer runs on. In Node, WebGPU is Dawn, from the npm package `webgpu`.

import { cpu } from "optspec/cpu";
import type { Device } from "optspec/runtime";
import { webgpu } from "optspec/webgpu";

/** Dawn lives as long as somebody holds it. */
let gpu: GPU | undefined;

export async function openDevice(kind: "cpu" | "webgpu"): Promise<Device> {
  if (kind === "cpu") return cpu();
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  gpu = create([]);
  return webgpu({ gpu });
}
