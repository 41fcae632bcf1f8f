// CUDA on the command line, through the npm package "koffi", an optional peer.

import { type CudaDevice, cuda } from "../runtime/cuda/index.js";
import type { Koffi } from "../runtime/cuda/libraries.js";
import { CliError } from "./cli-error.js";
import type { Context } from "./context.js";
import { importPeer } from "./optional-peer.js";

/** Opens the first GPU of this machine. */
export async function openCuda(context: Context): Promise<CudaDevice> {
  const found = (await importPeer(context, "koffi")) as { readonly default: Koffi } | null;
  if (found === null)
    throw new CliError('CUDA in Node needs the package "koffi", which is not installed', "npm install koffi; or replay on cpu");
  return cuda({ koffi: found.default });
}
