// The CUDA driver's functions that we call, with their answers turned into errors. Every call is synchronous, and the primary context
// is current only while it lasts: a context belongs to a thread, and the thread is not ours alone.

import { DeviceLost, OptimizerError } from "../errors.js";
import type { Koffi, NativeFunction, NativeLibrary } from "./libraries.js";

/** Handles are uintptr_t, device addresses uint64_t; `out` is memory of ours. */
const signatures = {
  cuInit: "int cuInit(unsigned int flags)",
  cuDriverGetVersion: "int cuDriverGetVersion(void* out)",
  cuDeviceGetCount: "int cuDeviceGetCount(void* out)",
  cuDeviceGet: "int cuDeviceGet(void* out, int ordinal)",
  cuDeviceGetName: "int cuDeviceGetName(void* out, int length, int device)",
  cuDeviceGetAttribute: "int cuDeviceGetAttribute(void* out, int attribute, int device)",
  cuDevicePrimaryCtxRetain: "int cuDevicePrimaryCtxRetain(void* out, int device)",
  cuDevicePrimaryCtxRelease: "int cuDevicePrimaryCtxRelease_v2(int device)",
  cuCtxPushCurrent: "int cuCtxPushCurrent_v2(uintptr_t context)",
  cuCtxPopCurrent: "int cuCtxPopCurrent_v2(void* out)",
  cuMemGetInfo: "int cuMemGetInfo_v2(void* free, void* total)",
  cuMemAlloc: "int cuMemAlloc_v2(void* out, size_t bytes)",
  cuMemFree: "int cuMemFree_v2(uint64_t address)",
  cuMemAllocHost: "int cuMemAllocHost_v2(void* out, size_t bytes)",
  cuMemFreeHost: "int cuMemFreeHost(uintptr_t address)",
  cuMemsetD8Async: "int cuMemsetD8Async(uint64_t address, unsigned char value, size_t bytes, uintptr_t stream)",
  cuMemcpyHtoDAsync: "int cuMemcpyHtoDAsync_v2(uint64_t to, void* from, size_t bytes, uintptr_t stream)",
  cuMemcpyDtoHAsync: "int cuMemcpyDtoHAsync_v2(uintptr_t to, uint64_t from, size_t bytes, uintptr_t stream)",
  cuMemcpyDtoDAsync: "int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, uintptr_t stream)",
  cuPointerGetAttribute: "int cuPointerGetAttribute(void* out, int attribute, uint64_t address)",
  cuModuleLoadData: "int cuModuleLoadData(void* out, void* image)",
  cuModuleUnload: "int cuModuleUnload(uintptr_t module)",
  cuModuleGetFunction: "int cuModuleGetFunction(void* out, uintptr_t module, const char* name)",
  cuLaunchKernel:
    "int cuLaunchKernel(uintptr_t function, unsigned int gx, unsigned int gy, unsigned int gz, unsigned int bx, unsigned int by, unsigned int bz, unsigned int shared, uintptr_t stream, uintptr_t parameters, uintptr_t extra)",
  cuEventCreate: "int cuEventCreate(void* out, unsigned int flags)",
  cuEventRecord: "int cuEventRecord(uintptr_t event, uintptr_t stream)",
  cuEventQuery: "int cuEventQuery(uintptr_t event)",
  cuEventDestroy: "int cuEventDestroy_v2(uintptr_t event)",
} as const satisfies Record<string, string>;

type Calls = { readonly [Name in keyof typeof signatures]: NativeFunction };

/** Answers after which a context is of no more use. */
const sticky: Readonly<Record<number, string>> = {
  700: "a kernel or copy met an address that is not there",
  702: "a kernel ran longer than the system allows",
  214: "an uncorrectable memory error",
  710: "an assertion failed on the device",
  714: "a hardware stack error",
  715: "an illegal instruction",
  716: "a misaligned address",
  717: "an address outside its memory space",
  718: "an invalid program counter",
  719: "a kernel failed",
  999: "the driver gives no reason",
};
const OUT_OF_MEMORY = 2;
export const NOT_READY = 600;
/** The image's code is not for this device, or from a newer toolkit than the driver. */
const unloadable = [200, 209, 218, 222, 803];

export interface Driver {
  readonly koffi: Koffi;
  readonly calls: Calls;
  readonly name: string;
  /** As CUDA counts: 12040 is 12.4. */
  readonly version: number;
  /** `sm_90`. */
  readonly architecture: string;
  readonly ordinal: number;
  readonly lost: Promise<{ readonly reason: string }>;
  /** Runs calls in the primary context. Throws DeviceLost where the device was lost before. */
  within<T>(run: () => T): T;
  /** Runs calls that give things back, whose answers do not matter: a lost device takes nothing any more. */
  release(run: () => void): void;
  /** Throws where an answer is not 0; `what` says what was tried. */
  check(answer: number, what: string): void;
  /** Throws DeviceLost where the device is gone. */
  checkLost(): void;
  /** A 64-bit number that a call writes. */
  read(call: (out: BigUint64Array<ArrayBuffer>) => number, what: string): bigint;
  close(): void;
}

export const versionText = (version: number): string => `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;

/** Opens a device of the driver's. Throws "no-device". */
export function openDriver(koffi: Koffi, library: NativeLibrary, ordinal: number): Driver {
  const calls = bindCalls(library);
  const out = new Int32Array(new ArrayBuffer(256));
  const word = new BigUint64Array(new ArrayBuffer(64));
  const refuse = (message: string): never => {
    throw new OptimizerError("no-device", message);
  };
  const integer = (answer: number, what: string): number => (answer === 0 ? out[0]! : refuse(`${what}: CUDA error ${answer}`));
  const started = calls.cuInit(0);
  const version = integer(calls.cuDriverGetVersion(out), "the driver tells no version");
  if (version < 12_000) refuse(`the NVIDIA driver supports CUDA ${versionText(version)}; 12.0 or newer is needed: update the driver`);
  if (started !== 0 && started !== 100) refuse(`the NVIDIA driver does not start: CUDA error ${started}`);
  const count = started === 100 ? 0 : integer(calls.cuDeviceGetCount(out), "the driver counts no devices");
  if (count === 0) refuse("the NVIDIA driver finds no GPU (is it hidden by CUDA_VISIBLE_DEVICES?). Train on cpu()");
  if (ordinal >= count) refuse(`there is no GPU ${ordinal}: the driver finds ${count}, counted from 0`);
  const device = integer(calls.cuDeviceGet(out, ordinal), `GPU ${ordinal} does not open`);
  const attribute = (number: number) =>
    integer(calls.cuDeviceGetAttribute(out, number, device), `GPU ${ordinal} tells no attribute ${number}`);
  const [major, minor] = [attribute(75), attribute(76)];
  integer(calls.cuDeviceGetName(out, 256, device), `GPU ${ordinal} tells no name`);
  const name = new TextDecoder().decode(new Uint8Array(out.buffer)).split("\0", 1)[0]!;
  if (major * 10 + minor < 75) refuse(`${name} has compute capability ${major}.${minor}; 7.5 (Turing) or newer is needed`);
  integer(calls.cuDevicePrimaryCtxRetain(word, device), `${name} gives no context`);
  const context = word[0]!;

  let lostReason: string | null = null;
  let closed = false;
  let resolveLost: (info: { readonly reason: string }) => void;
  const lost = new Promise<{ readonly reason: string }>((resolve) => {
    resolveLost = resolve;
  });
  const lose = (reason: string) => {
    lostReason ??= reason;
    resolveLost({ reason: lostReason });
  };
  const checkLost = () => {
    if (lostReason !== null) throw new DeviceLost(lostReason);
  };
  const check = (answer: number, what: string) => {
    if (answer === 0) return;
    if (answer in sticky) lose(`${what}: ${sticky[answer]} (CUDA error ${answer})`);
    checkLost();
    if (answer === OUT_OF_MEMORY) throw new OptimizerError("out-of-memory", `${what}: the GPU has too little memory`);
    if (unloadable.includes(answer)) throw unloadableError(answer, what, version);
    throw new OptimizerError("kernel", `${what}: CUDA error ${answer}`);
  };
  return {
    koffi,
    calls,
    name,
    version,
    architecture: `sm_${major}${minor}`,
    ordinal: device,
    lost,
    check,
    checkLost,
    within(run) {
      checkLost();
      check(calls.cuCtxPushCurrent(context), "making the context current");
      try {
        return run();
      } finally {
        calls.cuCtxPopCurrent(word);
      }
    },
    release(run) {
      if (closed || calls.cuCtxPushCurrent(context) !== 0) return;
      run();
      calls.cuCtxPopCurrent(word);
    },
    read(call, what) {
      check(call(word), what);
      return word[0]!;
    },
    close() {
      if (closed) return;
      lose("it was destroyed");
      closed = true;
      calls.cuDevicePrimaryCtxRelease(device);
    },
  };
}

function unloadableError(answer: number, what: string, version: number): OptimizerError {
  return new OptimizerError(
    "kernel",
    `${what}: the driver, which supports CUDA ${versionText(version)}, does not take this machine code (CUDA error ${answer}). Update the driver, or compile with an NVRTC that is no newer`,
  );
}

function bindCalls(library: NativeLibrary): Calls {
  try {
    const bound = Object.entries(signatures).map(([name, signature]) => [name, library.func(signature)] as const);
    return Object.fromEntries(bound) as unknown as Calls;
  } catch (cause) {
    throw new OptimizerError("no-device", `the NVIDIA driver's library lacks a function (${String(cause)}): update the driver`, { cause });
  }
}
