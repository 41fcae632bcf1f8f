// A CUDA graph by the driver's own functions, as a program that captures its training step would make one.

import type { Driver } from "../../../src/runtime/cuda/driver.js";
import type { NativeLibrary } from "../../../src/runtime/cuda/libraries.js";

export interface Graph {
  replay(): void;
  destroy(): void;
}

const signatures = {
  begin: "int cuStreamBeginCapture_v2(uintptr_t stream, int mode)",
  end: "int cuStreamEndCapture(uintptr_t stream, void* graph)",
  instantiate: "int cuGraphInstantiateWithFlags(void* executable, uintptr_t graph, uint64_t flags)",
  launch: "int cuGraphLaunch(uintptr_t executable, uintptr_t stream)",
  destroyGraph: "int cuGraphDestroy(uintptr_t graph)",
  destroyExecutable: "int cuGraphExecDestroy(uintptr_t executable)",
} as const;
/** CU_STREAM_CAPTURE_MODE_THREAD_LOCAL */
const MODE = 1;

/** A stream of its own, non-blocking. */
export function createStream(driver: Driver, library: NativeLibrary): { readonly stream: bigint; readonly destroy: () => void } {
  const create = library.func("int cuStreamCreate(void* stream, unsigned int flags)");
  const destroy = library.func("int cuStreamDestroy_v2(uintptr_t stream)");
  const stream = driver.within(() => driver.read((out) => create(out, 1), "making a stream"));
  return { stream, destroy: () => driver.release(() => destroy(stream)) };
}

/** Records what `record` puts into the stream. */
export function captureGraph(driver: Driver, library: NativeLibrary, stream: bigint, record: () => void): Graph {
  const calls = Object.fromEntries(Object.entries(signatures).map(([name, signature]) => [name, library.func(signature)])) as Record<
    keyof typeof signatures,
    ReturnType<typeof library.func>
  >;
  const { check, within } = driver;
  within(() => check(calls.begin(stream, MODE), "beginning a capture"));
  record();
  const graph = within(() => driver.read((out) => calls.end(stream, out), "ending a capture"));
  const executable = within(() => driver.read((out) => calls.instantiate(out, graph, 0), "instantiating a graph"));
  return {
    replay: () => within(() => check(calls.launch(executable, stream), "replaying a graph")),
    destroy() {
      driver.release(() => {
        calls.destroyExecutable(executable);
        calls.destroyGraph(graph);
      });
    },
  };
}
