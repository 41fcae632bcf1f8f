// The interpreter's bits for optimizers that reduce: tensors of many chunks and of few, hundreds of tensors, some of which miss steps.

import type { Ir } from "../../src/compiler/ir/value.js";
import type { BuildInfo, Manifest } from "../../src/contract/manifest.js";
import type { CudaDevice } from "../../src/runtime/cuda/index.js";
import { differences } from "../../test/oracle/against-interpreter.js";
import type { BitsResult } from "./bits.js";

/** A compiled spec as plain JSON. */
export interface ReducingSubject {
  readonly title: string;
  readonly name: string;
  readonly manifest: Manifest;
  readonly ir: Ir;
  readonly cuda: string;
}

/** Three steps of a model whose largest tensor has so many elements. */
export async function compareReductions(
  device: CudaDevice,
  subjects: readonly ReducingSubject[],
  elements: number,
): Promise<readonly BitsResult[]> {
  const sizes = [elements, 3 * 16_384, 1024, 0, 16_385, 1025, 3, ...Array.from({ length: 300 }, (_, i) => 1 + (i % 40))];
  const params = [...sizes.map((length, i) => ({ name: `p${i}`, shape: [length] })), { name: "frozen", shape: [40, 50] }];
  const run = { params, steps: 3, seed: 17, present: (param: number, step: number) => step === 0 || (param + step) % 3 !== 0 };
  const results: BitsResult[] = [];
  for (const { title, name, manifest, ir, cuda } of subjects) {
    const kernels = { [buildOf(manifest).key]: { wgsl: nothing, wasm: nothing, cuda: async () => cuda } };
    const found = await differences(device, { name, definition: { manifest, kernels }, plans: [{ ir }] }, run);
    const compared = run.steps * sizes.reduce((sum, size) => sum + size, 0);
    results.push({ build: title, compared, mismatches: found.length, first: found[0] ?? null });
  }
  return results;
}

const buildOf = (manifest: Manifest): BuildInfo => manifest.builds[0]!;

function nothing(): never {
  throw new Error("only CUDA texts travel");
}
