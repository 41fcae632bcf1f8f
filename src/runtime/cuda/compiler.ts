// From CUDA C++ to the machine code of one GPU, by NVRTC, with no flag that touches arithmetic. Compiled code is kept in the user's
// cache under a hash of all that made it.

import { createHash } from "node:crypto";
import { OptimizerError } from "../errors.js";
import { openUserCache } from "../node/user-cache.js";
import { versionText } from "./driver.js";
import { type Koffi, loadNvrtcLibrary, type NativeLibrary } from "./libraries.js";

const signatures = {
  version: "int nvrtcVersion(void* major, void* minor)",
  supported: "int nvrtcGetNumSupportedArchs(void* out)",
  architectures: "int nvrtcGetSupportedArchs(void* out)",
  create: "int nvrtcCreateProgram(void* out, const char* text, const char* name, int headers, uintptr_t sources, uintptr_t names)",
  compile: "int nvrtcCompileProgram(uintptr_t program, int count, const char** options)",
  logSize: "int nvrtcGetProgramLogSize(uintptr_t program, void* out)",
  log: "int nvrtcGetProgramLog(uintptr_t program, void* out)",
  cubinSize: "int nvrtcGetCUBINSize(uintptr_t program, void* out)",
  cubin: "int nvrtcGetCUBIN(uintptr_t program, void* out)",
  destroy: "int nvrtcDestroyProgram(void* program)",
} as const satisfies Record<string, string>;

export interface CudaCompiler {
  /** Machine code of a text for an architecture such as `sm_90`. Throws "kernel" with what the compiler says. */
  compile(text: string, architecture: string, driverVersion: number): Uint8Array;
}

export interface CompilerOptions {
  readonly koffi: Koffi;
  /** Absolute path of NVRTC's library; found where it is left out. */
  readonly nvrtc: string | undefined;
}

/** A compiler that loads NVRTC when it is first asked for something that the cache has not. */
export function createCompiler({ koffi, nvrtc }: CompilerOptions): CudaCompiler {
  const cache = openUserCache("cubin");
  let loaded: Nvrtc | null = null;
  return {
    compile(text, architecture, driverVersion) {
      const newest = Math.floor(driverVersion / 1000);
      loaded ??= openNvrtc(loadNvrtcLibrary(koffi, nvrtc, newest));
      const { version } = loaded;
      if (Math.floor(version / 1000) > newest) {
        throw new OptimizerError(
          "kernel",
          `the driver supports CUDA ${versionText(driverVersion)}, which is older than NVRTC ${versionText(version)} and its machine code. ` +
            `Update the driver, or install NVRTC ${newest}.x: pip install nvidia-cuda-nvrtc${newest === 12 ? "-cu12" : ""}`,
        );
      }
      const key = createHash("sha256")
        .update(JSON.stringify([text, architecture, version]))
        .digest("hex");
      const kept = cache.read(key);
      if (kept !== undefined) return kept;
      const cubin = loaded.compile(text, architecture);
      cache.write(key, cubin);
      return cubin;
    },
  };
}

interface Nvrtc {
  readonly version: number;
  compile(text: string, architecture: string): Uint8Array;
}

function openNvrtc(library: NativeLibrary): Nvrtc {
  const calls = bind(library);
  const out = new BigUint64Array(new ArrayBuffer(64));
  const words = new Int32Array(out.buffer);
  const ask = (answer: number, what: string) => {
    if (answer !== 0) throw new OptimizerError("kernel", `NVRTC: ${what} failed with error ${answer}`);
  };
  ask(calls.version(words.subarray(0, 1), words.subarray(2, 3)), "asking for its version");
  const [major, minor] = [words[0]!, words[2]!];
  const version = major * 1000 + minor * 10;
  if (version < 12_000) {
    throw new OptimizerError("kernel", `NVRTC ${versionText(version)} is too old; 12.0 or newer is needed: pip install nvidia-cuda-nvrtc`);
  }
  ask(calls.supported(words), "counting architectures");
  const architectures = new Int32Array(new ArrayBuffer(Math.max(64, words[0]! * 4)), 0, words[0]!);
  ask(calls.architectures(architectures), "listing architectures");
  const sized = (size: (program: bigint, out: unknown) => number, fill: (program: bigint, out: unknown) => number, program: bigint) => {
    ask(size(program, out), "asking for a size");
    const bytes = new Uint8Array(new ArrayBuffer(Math.max(64, Number(out[0]))), 0, Number(out[0]));
    ask(fill(program, bytes), "copying");
    return bytes;
  };
  return {
    version,
    compile(text, architecture) {
      const number = Number(architecture.slice(3));
      if (!architectures.includes(number)) {
        throw new OptimizerError(
          "kernel",
          `NVRTC ${versionText(version)} does not know ${architecture}; it makes sm_${architectures.join(", sm_")}. Install ${number > (architectures.at(-1) ?? 0) ? "a newer" : "an older"} one: pip install nvidia-cuda-nvrtc`,
        );
      }
      ask(calls.create(out, text, "kernels.cu", 0, 0, 0), "taking the text");
      const program = out[0]!;
      try {
        const answer = calls.compile(program, 2, [`--gpu-architecture=${architecture}`, "--std=c++17"]);
        if (answer !== 0) {
          const log = new TextDecoder().decode(sized(calls.logSize, calls.log, program)).replace(/\0+$/, "");
          throw new OptimizerError("kernel", `NVRTC refuses the kernels:\n${log}`);
        }
        return sized(calls.cubinSize, calls.cubin, program);
      } finally {
        out[0] = program;
        calls.destroy(out);
      }
    },
  };
}

type Calls = { readonly [Name in keyof typeof signatures]: (...operands: readonly unknown[]) => number };

function bind(library: NativeLibrary): Calls {
  try {
    return Object.fromEntries(Object.entries(signatures).map(([name, signature]) => [name, library.func(signature)])) as unknown as Calls;
  } catch (cause) {
    throw new OptimizerError("kernel", `this NVRTC lacks a function (${String(cause)}); 12.0 or newer is needed`, { cause });
  }
}
