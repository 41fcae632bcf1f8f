// CUDA in Node, through the driver's own interface and NVRTC: an NVIDIA GPU, its driver and the npm package "koffi" are all it needs.

import { OptimizerError, show } from "../errors.js";
import { createCompiler } from "./compiler.js";
import { type CudaDevice, createCudaDevice } from "./device.js";
import { openDriver } from "./driver.js";
import { type Koffi, loadDriverLibrary, loadKoffi } from "./libraries.js";

export type { GpuPointer } from "../types.js";
export type { CudaDevice } from "./device.js";

export interface CudaOptions {
  /** Which GPU, counted from 0 as the driver counts. */
  readonly device?: number;
  /** The stream on which everything happens: a CUstream of the caller's, in the GPU's primary context. The default stream where left out. */
  readonly stream?: bigint;
  /** Absolute path of the driver's library, where it is not in its usual place. */
  readonly driver?: string;
  /** Absolute path of NVRTC's library, version 12 or newer; found in a CUDA toolkit or a Python environment where left out. */
  readonly nvrtc?: string;
  /** The npm package "koffi", where this module cannot import it. */
  readonly koffi?: Koffi;
  /** Machine code made before, for a text of kernels and an architecture such as `sm_90`; undefined: compile it here. */
  readonly machineCode?: (text: string, architecture: string) => Uint8Array | undefined;
}

/** Opens an NVIDIA GPU. Rejects with "no-device" where there is none, or something it needs is missing. */
export async function cuda(options: CudaOptions = {}): Promise<CudaDevice> {
  const { device = 0, stream = 0n, machineCode } = options;
  if (!Number.isSafeInteger(device) || device < 0)
    throw new OptimizerError("invalid-setting", `device must be the number of a GPU, from 0, not ${show(device)}`);
  if (typeof stream !== "bigint") throw new OptimizerError("invalid-setting", `stream must be a CUstream as a bigint, not ${show(stream)}`);
  const koffi = await loadKoffi(options.koffi);
  const driver = openDriver(koffi, loadDriverLibrary(koffi, options.driver), device);
  const compiler = createCompiler({ koffi, nvrtc: options.nvrtc });
  return createCudaDevice({
    driver,
    stream,
    machineCode: (text) => machineCode?.(text, driver.architecture) ?? compiler.compile(text, driver.architecture, driver.version),
  });
}
