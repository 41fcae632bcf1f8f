// What a page runs.

import * as ort from "onnxruntime-web/webgpu";
import { trainWithOnnx } from "../../examples/engines/onnx.js";

export async function run() {
  ort.env.wasm.wasmPaths = { wasm: "/ort.wasm" };
  ort.env.wasm.numThreads = 1;
  const { losses, weights } = await trainWithOnnx(40);
  return { losses, weights: [...weights] };
}
