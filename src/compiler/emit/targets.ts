// The targets: what each prints for an optimizer. What an emitter needs beyond our own code (ts-morph, wabt) is loaded with it.

import { printPlan } from "../passes/print-plan.js";
import { printCuda } from "./cuda/print-cuda.js";
import { javascriptTemplate } from "./escape.js";
import type { EmitRequest, OutputFile, PlannedBuild } from "./files.js";
import { fileHead, generatedBy } from "./generator.js";
import { prettyJson } from "./json.js";
import { printWat } from "./wasm/print-wat.js";
import { printWgsl } from "./wgsl/print-wgsl.js";

type Emit = (request: EmitRequest) => Promise<readonly OutputFile[]> | readonly OutputFile[];

export const targets = {
  plan: (request) => [{ path: `${request.folder}/plan.txt`, content: planText(request) }],
  manifest: ({ folder, manifest }) => [{ path: `${folder}/manifest.json`, content: prettyJson(manifest) }],
  wgsl: (request) => request.builds.flatMap((build) => textFiles(request, build, "wgsl", wgslText(request, build))),
  cuda: (request) => request.builds.flatMap((build) => textFiles(request, build, "cu", cudaText(request, build))),
  wasm: async (request) => (await Promise.all(request.builds.map((build) => wasmFiles(request, build)))).flat(),
  typescript: async (request) => (await import("./typescript/emit-typescript.js")).emitTypescript(request),
} as const satisfies Record<string, Emit>;

export type Target = keyof typeof targets;

function planText({ spec, builds }: EmitRequest): string {
  return [fileHead("#", spec), `${spec.name}\n`, ...builds.map(({ plan }) => printPlan(plan))].join("\n");
}

/** A text of kernels, and a module that exports it. */
function textFiles(request: EmitRequest, build: PlannedBuild, extension: string, text: string): OutputFile[] {
  const path = `${request.folder}/${build.info.key}.${extension}`;
  return [
    { path, content: text },
    { path: `${path}.js`, content: textModule(request, javascriptTemplate(text)) },
  ];
}

async function wasmFiles(request: EmitRequest, build: PlannedBuild): Promise<OutputFile[]> {
  const binary = await wasmBinary(request, build);
  const path = `${request.folder}/${build.info.key}.wasm`;
  return [
    { path: `${request.folder}/${build.info.key}.wat`, content: watText(request, build) },
    { path, content: binary },
    { path: `${path}.js`, content: textModule(request, `"${base64(binary)}"`) },
  ];
}

/** The WGSL text of a build. */
export function wgslText({ spec }: EmitRequest, build: PlannedBuild): string {
  return printWgsl(build, fileHead("//", spec, build.plan));
}

/** The CUDA C++ text of a build. */
export function cudaText({ spec }: EmitRequest, build: PlannedBuild): string {
  return printCuda(build, fileHead("//", spec, build.plan));
}

function watText({ spec }: EmitRequest, build: PlannedBuild): string {
  return printWat(build, fileHead(";;", spec, build.plan));
}

/** The WebAssembly module of a build. */
export async function wasmBinary(request: EmitRequest, build: PlannedBuild): Promise<Uint8Array<ArrayBuffer>> {
  const { assemble } = await import("./wasm/assemble.js");
  return assemble(`${build.info.key}.wat`, watText(request, build), generatedBy(request.spec.source));
}

export function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

function textModule({ spec }: EmitRequest, literal: string): string {
  return `${fileHead("//", spec)}\nexport default ${literal};\n`;
}
