// Kernels that reduce, and finishes: what the WGSL compilers of Chromium and Firefox say of them, and their bits on the second one.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import type { CompiledOptimizer } from "../../src/compiler/compile.js";
import { runInDeno, whyNoDeno } from "../device/deno.js";
import { openTint } from "../device/webgpu/dawn.js";
import { compileOne } from "../oracle/compile-one.js";
import { reductionSpecs } from "../oracle/reduction-specs.js";
import { tintErrors } from "./tint.js";

const module = (path: string): string => JSON.stringify(fileURLToPath(new URL(path, import.meta.url)));

let subjects: readonly { readonly title: string; readonly one: CompiledOptimizer; readonly wgsl: string }[];
beforeAll(async () => {
  subjects = await Promise.all(
    Object.entries(reductionSpecs).map(async ([title, text]) => {
      const one = await compileOne(text);
      return { title, one, wgsl: await Object.values(one.definition.kernels)[0]!.wgsl() };
    }),
  );
});

async function inDeno(script: string): Promise<unknown> {
  const folder = mkdtempSync(join(tmpdir(), "optspec-reductions-"));
  try {
    writeFileSync(join(folder, "entry.ts"), script);
    return await runInDeno(join(folder, "entry.ts"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A barrier where not all invocations of a workgroup may come by. */
const divergent = `var<workgroup> lanes: array<f32, 64>;
@compute @workgroup_size(64)
fn f(@builtin(local_invocation_index) lane: u32) { if (lane < 3u) { lanes[lane] = 1.0; workgroupBarrier(); } }`;

test("WGSL passes Tint, which refuses a barrier that not all invocations reach", async () => {
  const gpu = await openTint();
  for (const { title, wgsl } of subjects) expect(await tintErrors(gpu, wgsl), title).toEqual([]);
  expect((await tintErrors(gpu, divergent)).join()).toMatch(/uniform control flow/);
});

test.skipIf(whyNoDeno() !== undefined)("WGSL passes Naga", async () => {
  const texts = subjects.map(({ title, wgsl }) => ({ path: title, content: wgsl }));
  const errors = await inDeno(
    `import { nagaErrors } from ${module("naga.ts")};\nexport const run = () => nagaErrors(${JSON.stringify(texts)});\n`,
  );
  expect(errors).toEqual([]);
});

test.skipIf(whyNoDeno() !== undefined)("on Deno's WebGPU they have the interpreter's bits", async () => {
  const plain = subjects.map(({ title, one: { name, definition, plans }, wgsl }) => {
    return { title, name, manifest: definition.manifest, irs: plans.map(({ ir }) => ({ ir })), wgsl };
  });
  const sizes = [3 * 16_384, 1024, 0, 16_385, 1025, 3, 1, 3 * 16_384 + 5];
  const params = [...sizes.map((length, i) => ({ name: `p${i}`, shape: [length] })), { name: "frozen", shape: [40, 50] }];
  const found = (await inDeno(`import { webgpu } from "optspec/webgpu";
    import { differences } from ${module("../oracle/against-interpreter.ts")};
    const subjects = ${JSON.stringify(plain)};
    const run_ = { params: ${JSON.stringify(params)}, steps: 3, seed: 7, present: (param, step) => step === 0 || (param + step) % 3 !== 0 };
    export async function run() {
      const device = await webgpu();
      const found = {};
      for (const { title, name, manifest, irs, wgsl } of subjects) {
        const kernels = Object.fromEntries(manifest.builds.map(({ key }) => [key, { wgsl: async () => wgsl }]));
        found[title] = await differences(device, { name, definition: { manifest, kernels }, plans: irs }, run_);
      }
      return found;
    }`)) as Readonly<Record<string, readonly string[]>>;
  expect(found).toEqual(Object.fromEntries(Object.keys(reductionSpecs).map((title) => [title, []])));
});
