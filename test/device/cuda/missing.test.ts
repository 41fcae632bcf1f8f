// What CUDA needs and does not find: koffi, NVRTC nowhere, in a Python environment, of another version.

import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findNvrtc } from "../../../src/runtime/cuda/find-nvrtc.js";
import { cuda } from "../../../src/runtime/cuda/index.js";
import { createOptimizer, type OptimizerError } from "../../../src/runtime/index.js";
import { whyNoGcc } from "../../compilers/cuda-on-cpu.js";
import { whyNoCuda } from "../../compilers/cuda-toolchain.js";
import { subjects } from "../../oracle/subjects.js";
import { playMachine, pretendCuda, whyNoPretence } from "./pretend.js";

const start = process.cwd();
let folder = "";
const isLinux = process.platform === "linux";
const onSystem = ["/usr/local/cuda/lib64", "/opt/cuda/lib64", "/usr/local/lib", "/usr/lib"].find((place) => {
  const found = existsSync(place) ? spawnSync("find", [place, "-maxdepth", "5", "-name", "libnvrtc.so.*"], { encoding: "utf8" }) : null;
  return (found?.stdout ?? "") !== "";
});
const subject = (await subjects()).find(({ name }) => name === "AdamW default");
const refusal = (promise: Promise<unknown>): Promise<OptimizerError> =>
  promise.then(
    () => Promise.reject(new Error("it was not refused")),
    (error: OptimizerError) => error,
  );

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "optspec-missing-"));
  mkdirSync(join(folder, "here"));
  process.chdir(join(folder, "here"));
  playMachine({});
  for (const name of ["CUDA_HOME", "CUDA_PATH", "VIRTUAL_ENV", "CONDA_PREFIX"]) vi.stubEnv(name, undefined);
  vi.stubEnv("HOME", join(folder, "home"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.doUnmock("koffi");
  process.chdir(start);
  rmSync(folder, { recursive: true, force: true });
});

/** A file that stands for NVRTC, in a place under the test's folder. */
function place(path: string, version = 13): string {
  const library = join(folder, path, `libnvrtc.so.${version}`);
  mkdirSync(dirname(library), { recursive: true });
  writeFileSync(library, "");
  return library;
}
const WHEEL = "lib/python3.12/site-packages/nvidia/cu13/lib";
const WHEEL_12 = "lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib";

test("koffi", async () => {
  vi.doMock("koffi", () => {
    throw Object.assign(new Error("Cannot find package 'koffi'"), { code: "ERR_MODULE_NOT_FOUND" });
  });
  expect(await refusal(cuda())).toMatchObject({
    code: "no-device",
    message: expect.stringMatching(/"koffi", which does not load.*npm install koffi/s),
  });
});

describe.skipIf(!isLinux)("NVRTC is found", () => {
  test.each([
    ["the active environment", "VIRTUAL_ENV", `env/${WHEEL}`, "env"],
    ["a conda environment, by pip", "CONDA_PREFIX", `env/${WHEEL}`, "env"],
    ["a conda environment, by conda", "CONDA_PREFIX", "env/lib", "env"],
    ["a toolkit", "CUDA_HOME", "toolkit/lib64", "toolkit"],
    ["the user's own packages", "HOME", "home/.local/lib/python3.9/site-packages/nvidia/cu13/lib", "home"],
  ])("in %s", (_, variable, path, value) => {
    const library = place(path);
    vi.stubEnv(variable, join(folder, value));
    expect(findNvrtc(13)).toBe(library);
  });

  test("in the working directory's .venv, and behind what the user names", () => {
    const local = place(`here/.venv/${WHEEL}`);
    expect(findNvrtc(13)).toBe(local);
    const active = place(`env/${WHEEL}`);
    vi.stubEnv("VIRTUAL_ENV", join(folder, "env"));
    expect(findNvrtc(13)).toBe(active);
  });

  test("but not where somebody else may have written it", () => {
    const local = place(`here/.venv/${WHEEL}`);
    chmodSync(local, 0o666);
    expect(findNvrtc(13)).not.toBe(local);
    chmodSync(local, 0o644);
    chmodSync(dirname(local), 0o777);
    expect(findNvrtc(13)).not.toBe(local);
    chmodSync(dirname(local), 0o755);
    expect(findNvrtc(13)).toBe(local);
    if (process.getuid?.() !== 0) return;
    chownSync(local, 12_345, 12_345);
    expect(findNvrtc(13)).not.toBe(local);
  });

  test("in the version that the driver can run, the newest such", () => {
    vi.stubEnv("VIRTUAL_ENV", join(folder, "env"));
    const [old, now] = [place(`env/${WHEEL_12}`, 12), place(`env/${WHEEL}`)];
    expect([findNvrtc(12), findNvrtc(13), findNvrtc(14)]).toEqual([old, now, now]);
    rmSync(old);
    expect(findNvrtc(12)).toBe(now); // and the compiler says which one to install instead
  });

  test("by a path that is no folder, or a variable that is no absolute path, never", () => {
    writeFileSync(join(folder, "env"), "");
    vi.stubEnv("VIRTUAL_ENV", join(folder, "env"));
    vi.stubEnv("CUDA_HOME", "relative");
    expect(findNvrtc(13)?.startsWith(folder)).not.toBe(true);
  });
});

const create = async (options: { readonly nvrtc?: string | undefined }) => {
  const { nvrtc, ...others } = { nvrtc: undefined, ...options };
  const { manifest, cuda: text } = subject!;
  const device = await pretendCuda(text, { ...others, nvrtc: nvrtc as never });
  const kernels = { [manifest.builds[0]!.key]: { wgsl: async () => "", wasm: async () => "", cuda: async () => text } };
  try {
    return await createOptimizer({ manifest, kernels }, device, { params: [{ name: "p", shape: [3] }] });
  } finally {
    device.destroy();
  }
};

test.skipIf(whyNoPretence !== undefined || onSystem !== undefined)("NVRTC nowhere: what to install, by name", async () => {
  const error = await refusal(create({}));
  expect(error).toMatchObject({ code: "kernel", message: expect.stringMatching(/NVRTC.*is not installed.*pip install nvidia-cuda-nvrtc/) });
});

test.skipIf(whyNoPretence !== undefined)("pip's wheel in .venv is all it takes", async () => {
  symlinkSync(fileURLToPath(new URL("../../../.venv", import.meta.url)), ".venv");
  await expect(create({})).resolves.toBeDefined();
});

test.skipIf(whyNoGcc() !== undefined || whyNoCuda !== undefined)("NVRTC of another version, too old", async () => {
  const functions = ["GetNumSupportedArchs", "GetSupportedArchs", "CreateProgram", "CompileProgram", "GetProgramLogSize", "GetProgramLog"];
  const others = [...functions, "GetCUBINSize", "GetCUBIN", "DestroyProgram"].map((name) => `int nvrtc${name}() { return 1; }`);
  const [source, library] = [join(folder, "old.cpp"), join(folder, "libnvrtc.so.11")];
  const version = "int nvrtcVersion(int* major, int* minor) { *major = 11; *minor = 8; return 0; }";
  writeFileSync(source, `extern "C" {\n${[version, ...others].join("\n")}\n}\n`);
  expect(spawnSync("g++", ["-shared", "-fPIC", "-o", library, source]).status).toBe(0);
  const message = expect.stringMatching(/NVRTC 11\.8 is too old; 12\.0 or newer is needed: pip install nvidia-cuda-nvrtc/);
  expect(await refusal(create({ nvrtc: library }))).toMatchObject({ code: "kernel", message });
});
