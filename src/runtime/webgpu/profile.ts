// What a GPU's arithmetic does with binary32, found by asking it: one tiny kernel over values it cannot know in advance.
// WebGPU tells nobody whether subnormals survive, whether quotients and roots are rounded right, whether a product and a sum are fused.

import type { ArithmeticProfile } from "../../numeric/float32.js";
import { OptimizerError } from "../errors.js";
import { compileError, inErrorScopes } from "./errors.js";
import { BufferUsage } from "./flags.js";
import { readBack } from "./memory.js";

const QUOTIENTS = 4096;

const WGSL = `
@group(0) @binding(0) var<storage, read> given: array<f32>;
@group(0) @binding(1) var<storage, read_write> answers: array<f32>;
@compute @workgroup_size(64) fn probe(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let x = given[2u * i];
  let y = given[2u * i + 1u];
  answers[3u * i] = select(x / y, x * y, i < 2u);
  answers[3u * i + 1u] = x * y - 1.0;
  answers[3u * i + 2u] = sqrt(y);
}`;

/** The questions as pairs: two whose product is subnormal (one with a subnormal factor, one without), then quotients. */
function questions(): Float32Array<ArrayBuffer> {
  const pairs = new Float32Array(2 * QUOTIENTS);
  pairs.set([2 ** -100, 2 ** -40, 2 ** -140, 2 ** 20]);
  // Significands from [1, 2), deterministic; their products are not representable, so fusing shows.
  for (let i = 4, seed = 1; i < pairs.length; i++) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    pairs[i] = 1 + seed / 2 ** 32;
  }
  return pairs;
}

/** Runs the probe and reads what the arithmetic unit did. */
export async function probeProfile(device: GPUDevice): Promise<ArithmeticProfile> {
  const given = questions();
  return judge(given, await runProbe(device, given));
}

/** Three answers to each pair. */
export function judge(given: Float32Array, answers: Float32Array): ArithmeticProfile {
  let exact = true;
  let fuses = false;
  for (let i = 4; i < given.length; i += 2) {
    const x = given[i]!;
    const y = given[i + 1]!;
    const at = (i / 2) * 3;
    if (answers[at] !== Math.fround(x / y) || answers[at + 2] !== Math.fround(Math.sqrt(y))) exact = false;
    if (answers[at + 1] !== Math.fround(Math.fround(x * y) - 1)) fuses = true;
  }
  const keeps = answers[0] === 2 ** -140 && answers[3] === 2 ** -120;
  return { subnormals: keeps ? "keep" : "flush", division: exact ? "exact" : "2.5ulp", fuses };
}

async function runProbe(device: GPUDevice, given: Float32Array<ArrayBuffer>): Promise<Float32Array> {
  const size = (given.byteLength / 2) * 3;
  const { result, error } = inErrorScopes(device, ["validation", "out-of-memory"], () => {
    const questionBuffer = device.createBuffer({ size: given.byteLength, usage: BufferUsage.STORAGE | BufferUsage.COPY_DST });
    const answerBuffer = device.createBuffer({ size, usage: BufferUsage.STORAGE | BufferUsage.COPY_SRC });
    device.queue.writeBuffer(questionBuffer, 0, given);
    const module = device.createShaderModule({ code: WGSL });
    const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "probe" } });
    const entries = [questionBuffer, answerBuffer].map((buffer, binding) => ({ binding, resource: { buffer } }));
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(QUOTIENTS / 64);
    pass.end();
    device.queue.submit([encoder.finish()]);
    return { questionBuffer, answerBuffer };
  });
  try {
    const refusal = await error;
    if (refusal !== null) throw compileError([], refusal);
    return new Float32Array(await readBack(device, { buffer: result.answerBuffer, offset: 0, size }, () => {}));
  } catch (cause) {
    throw new OptimizerError("no-device", `the WebGPU device does not answer a first small kernel: ${String(cause)}`, { cause });
  } finally {
    result.questionBuffer.destroy();
    result.answerBuffer.destroy();
  }
}
