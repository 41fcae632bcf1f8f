// The CUDA text equals the interpreter bit for bit: compiled by g++, through both kinds of kernels, on tensors of every alignment,
// from 10 million random bit patterns a build.

import { beforeAll, describe, expect, test } from "vitest";
import { countMismatches } from "../oracle/random-bits.js";
import { subjects } from "../oracle/subjects.js";
import { compileTogether, whyNoGcc } from "./cuda-on-cpu.js";
import { cudaTextOnCpu } from "./cuda-on-cpu-device.js";

const all = await subjects();
const why = whyNoGcc();

describe.skipIf(why !== undefined)("the CUDA text equals the interpreter, bit for bit", () => {
  beforeAll(() =>
    compileTogether(
      all.map(({ cuda }) => cuda),
      "-O2",
    ),
  );

  test.each(all)("$name, whole model, 10 million bit patterns", async (subject) => {
    const states = subject.manifest.builds[0]!.states.filter(({ scaler }) => scaler === undefined);
    const arrays = 2 + new Set(states.map(({ key }) => key)).size;
    const device = cudaTextOnCpu({ entry: "model", shift: (index) => [0, 0, 1, 2, 3][index % 5]!, threads: 64 });
    const elements = Math.ceil(10_000_000 / arrays);
    const { compared, mismatches, first } = await countMismatches(device, subject, { elements, steps: 1, seed: 77 });
    expect({ mismatches, first }).toEqual({ mismatches: 0, first: null });
    expect(compared).toBe(elements * (arrays - 1));
  });

  /** Who reduces needs the whole model. */
  const single = all.filter(({ manifest }) => manifest.builds[0]!.scalars === null);
  test.each(single)("$name, a tensor at a time, misaligned, three steps", async (subject) => {
    const device = cudaTextOnCpu({ entry: "tensor", shift: (index) => (index + 1) % 4, threads: 7 });
    const { mismatches, first } = await countMismatches(device, subject, { elements: 70_000, steps: 3, seed: 5 });
    expect({ mismatches, first }).toEqual({ mismatches: 0, first: null });
  });

  test("the comparison sees one wrong bit", async () => {
    const subject = {
      ...all[0]!,
      cuda: all[0]!.cuda.replace("mul_rn(grad, grad)", "mul_rn(grad, __int_as_float(__float_as_int(grad) ^ 1))"),
    };
    const device = cudaTextOnCpu({ entry: "model", shift: () => 0, threads: 64 });
    expect((await countMismatches(device, subject, { elements: 20_000, steps: 1, seed: 5 })).mismatches).toBeGreaterThan(1_000);
  });

  test("what a kernel writes past a tensor is seen", async () => {
    const subject = { ...all[0]!, cuda: all[0]!.cuda.replace("count / 4u : 0u", "(count + 3u) / 4u : 0u") };
    const device = cudaTextOnCpu({ entry: "model", shift: () => 0, threads: 64 });
    await expect(countMismatches(device, subject, { elements: 20_000, steps: 1, seed: 5 })).rejects.toThrow("where no tensor is");
  });
});
