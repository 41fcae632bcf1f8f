// From WebGPU's ways of saying no (error scopes, compilation messages, a lost device) to errors of ours.

import { OptimizerError } from "../errors.js";

/** Runs synchronous WebGPU calls and resolves to the first error of the wanted kinds, or null. Nothing reaches the device's own handlers. */
export function inErrorScopes<T>(
  device: GPUDevice,
  filters: readonly GPUErrorFilter[],
  run: () => T,
): { readonly result: T; readonly error: Promise<GPUError | null> } {
  for (const filter of filters) device.pushErrorScope(filter);
  const pops: Promise<GPUError | null>[] = [];
  let result: T;
  try {
    result = run();
  } finally {
    for (const _ of filters) pops.push(device.popErrorScope());
  }
  // A lost device may reject here; its loss is reported by its own promise.
  const error = Promise.all(pops).then(
    (errors) => errors.find((error) => error !== null) ?? null,
    () => null,
  );
  return { result, error };
}

/** What the driver said about a shader, one line a message. */
export function compileError(messages: readonly GPUCompilationMessage[], cause: unknown): OptimizerError {
  const lines = messages.map(({ type, lineNum, linePos, message }) => `  ${lineNum}:${linePos} ${type}: ${message}`);
  const said = lines.length > 0 ? lines.join("\n") : `  ${cause instanceof Error || isGpuError(cause) ? cause.message : String(cause)}`;
  return new OptimizerError("kernel", `the WebGPU driver refuses the kernel:\n${said}`, { cause });
}

function isGpuError(value: unknown): value is { readonly message: string } {
  return typeof value === "object" && value !== null && typeof (value as { message?: unknown }).message === "string";
}
