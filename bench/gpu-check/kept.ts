// The interpreter's bits for builds that keep numbers in 16 and 8 bits or skip steps: tensors of awkward lengths, some of which miss steps,
// and a gradient that is not finite.

import type { CudaDevice } from "../../src/runtime/cuda/index.js";
import { differences, noise, type TrainingRun } from "../../test/oracle/against-interpreter.js";
import type { BitsResult } from "./bits.js";
import type { KeptSubject } from "./kept-subjects.js";

const LENGTHS = [1, 3, 5, 255, 256, 257, 1000, 4096, 5000, 16_684];
const STEPS = 4;

/** Steps of a model whose largest tensor has so many elements. */
export async function compareKept(device: CudaDevice, subjects: readonly KeptSubject[], elements: number): Promise<readonly BitsResult[]> {
  const params = [...LENGTHS, elements].map((length, i) => ({ name: `p${i}`, shape: [length] }));
  const numbers: TrainingRun["numbers"] = (length, seed, param, step) => {
    const made = noise(length, seed);
    if (step === 2 && param === 8) made[4321] = Number.NaN;
    return made;
  };
  const run: TrainingRun = { params, steps: STEPS, seed: 11, numbers, present: (param, step) => (param + 2 * step) % 5 !== 3 };
  const results: BitsResult[] = [];
  for (const { name, manifest, ir, cuda } of subjects) {
    const kernels = { [manifest.builds[0]!.key]: { wgsl: nothing, wasm: nothing, cuda: async () => cuda } };
    const found = await differences(device, { name, definition: { manifest, kernels }, plans: [{ ir }] }, run);
    const compared = STEPS * params.reduce((sum, { shape }) => sum + shape[0]!, 0);
    results.push({ build: name, compared, mismatches: found.length, first: found[0] ?? null });
  }
  return results;
}

function nothing(): never {
  throw new Error("only CUDA texts are asked for here");
}
