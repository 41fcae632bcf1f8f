import { execFile } from "node:child_process";
import { symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, test, vi } from "vitest";
import { main } from "../../src/cli/main.js";
import { nvrtcPath, whyNoCuda } from "../compilers/cuda-toolchain.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { optspec } from "./command.js";
import { temporaryFolder } from "./folder.js";

interface Found {
  readonly device: string;
  readonly works: boolean;
  readonly facts: Readonly<Record<string, string>>;
  readonly lacks: readonly { readonly what: string; readonly get: string }[];
}

interface Answer {
  readonly ok: boolean;
  readonly machine: { readonly node: string; readonly codeCache: string | null };
  readonly devices: readonly Found[];
}

// Before a test opens WebGPU: the set-up names the software driver in this process's environment.
const { why } = await openDawn();

/** `optspec doctor --format json` in a folder, where packages are found by `importModule`. */
async function ask(cwd: string, importModule: (specifier: string) => Promise<unknown> = (specifier) => import(specifier)) {
  let out = "";
  const surroundings = { cwd, color: false, width: 100, interactive: false, generator: null, talk: () => {}, importModule };
  const exitCode = await main(["doctor", "--format", "json"], { ...surroundings, out: (text) => void (out += text) }, "0.0.0");
  const answer = JSON.parse(out) as Answer;
  const of = (device: string) => answer.devices.find((found) => found.device === device)!;
  return { exitCode, answer, cpu: of("cpu"), webgpu: of("webgpu"), cuda: of("cuda") };
}

const notFound = () => Promise.reject(Object.assign(new Error("not there"), { code: "ERR_MODULE_NOT_FOUND" }));

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

test("the CPU works, with its cores, SIMD and shared memory", async () => {
  const { exitCode, answer, cpu } = await ask(temporaryFolder());
  expect(exitCode).toBe(0);
  expect(answer.machine.node).toBe(process.version);
  expect(cpu.works).toBe(true);
  expect(Number(cpu.facts.cores)).toBeGreaterThanOrEqual(1);
  expect(cpu.facts).toMatchObject({ uses: expect.stringContaining("SIMD"), "shared memory": "yes" });
  expect(cpu.lacks).toEqual([]);
});

test.skipIf(why !== undefined)("WebGPU: adapter, limits and what its arithmetic does", async () => {
  const { webgpu } = await ask(temporaryFolder());
  expect(webgpu).toMatchObject({ works: true, lacks: [] });
  expect(webgpu.facts.adapter).toMatch(/\w/);
  expect(webgpu.facts.buffer).toMatch(/^up to [\d.]+ [GM]iB/);
  expect(webgpu.facts.arithmetic).toMatch(/^(keeps|flushes) subnormals, /);
});

test("optional packages that are missing are named, and the answer still is 0", async () => {
  const { exitCode, webgpu, cuda } = await ask(temporaryFolder(), notFound);
  expect(exitCode).toBe(0);
  expect(webgpu).toMatchObject({ works: false, lacks: [{ get: "npm install webgpu" }] });
  expect(cuda.works).toBe(false);
  expect(cuda.lacks.map(({ get }) => get)).toContain("npm install koffi");
});

test("a package that breaks while it loads is an answer, not a crash", async () => {
  const { exitCode, webgpu, cuda } = await ask(temporaryFolder(), () => Promise.reject(new Error("wrong ELF class\nand more")));
  expect(exitCode).toBe(0);
  expect(webgpu.lacks[0]!.what).toContain("wrong ELF class");
  expect(cuda.lacks.some(({ what }) => what.includes("wrong ELF class") && !what.includes("more"))).toBe(true);
});

test("a WebGPU without an adapter asks for a driver", async () => {
  const empty = { create: () => ({ requestAdapter: async () => null }), globals: {} };
  const { webgpu } = await ask(temporaryFolder(), async (name) => (name === "webgpu" ? empty : {}));
  expect(webgpu).toMatchObject({ works: false, lacks: [{ what: "a graphics driver that Dawn accepts" }] });
  expect(webgpu.lacks[0]!.get).toMatch(/driver/);
});

test.skipIf(whyNoCuda !== undefined)("NVRTC compiles without a GPU; one that does not answer is named", async () => {
  const toolkit = temporaryFolder();
  vi.stubEnv("CUDA_PATH", "");
  vi.stubEnv("CUDA_HOME", toolkit);
  vi.stubEnv("XDG_CACHE_HOME", temporaryFolder());
  const libraries = dirname(nvrtcPath);
  symlinkSync(libraries, join(toolkit, "lib64"));
  expect((await ask(temporaryFolder())).cuda.facts.NVRTC).toMatch(/^compiles for sm_\d+$/);

  const silent = { load: () => ({ func: () => () => 1 }) };
  const { exitCode, cuda } = await ask(temporaryFolder(), async (name) => (name === "koffi" ? { default: silent } : import(name)));
  expect(exitCode).toBe(0);
  expect(cuda.works).toBe(false);
  expect(cuda.lacks.map(({ get }) => get)).toContainEqual(expect.stringContaining("nvidia-cuda-nvrtc"));
});

test("where nothing works the exit code is 1", async () => {
  vi.stubGlobal("WebAssembly", { ...WebAssembly, Module: undefined });
  const { exitCode, answer, cpu } = await ask(temporaryFolder(), notFound);
  expect({ exitCode, ok: answer.ok, works: cpu.works }).toEqual({ exitCode: 1, ok: false, works: false });
  expect(cpu.lacks[0]!.what).toContain("WebAssembly SIMD");
});

test("for a person: a paragraph a device, on stdout", async () => {
  vi.stubEnv("XDG_CACHE_HOME", "/somewhere/of mine");
  const { exitCode, out, talk } = await optspec(temporaryFolder(), ["doctor"]);
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^Node {8}v\d+.*\ncode cache {2}\/somewhere\/of mine\/optspec\/code\n\nCPU {9}works\n/);
  expect(out).toMatch(/\nWebGPU .*\n(.*\n)+CUDA /);
  expect(talk).toMatch(/^works here: CPU/);
});

test("as a process of its own", async () => {
  const program = join(import.meta.dirname, "../../dist/cli/optspec.cjs");
  const { stdout } = await promisify(execFile)(process.execPath, [program, "doctor", "--format", "json"], { cwd: temporaryFolder() });
  expect((JSON.parse(stdout) as Answer).devices.map(({ device }) => device)).toEqual(["cpu", "webgpu", "cuda"]);
});
