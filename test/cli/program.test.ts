// The program as it is shipped: one bundle, run as processes of its own.

import { type SpawnSyncReturns, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { put, sgd } from "./command.js";
import { contents, temporaryFolder } from "./folder.js";

const root = join(import.meta.dirname, "../..");
/** A user whom root may become: nobody. */
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;

let bundle = "";
beforeAll(() => {
  bundle = mkdtempSync(join(tmpdir(), "optspec-bundle-"));
  chmodSync(bundle, 0o755);
  const made = spawnSync(process.execPath, [join(root, "scripts/bundle.mjs"), "--out", join(bundle, "dist")], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stdout + made.stderr);
  copyFileSync(join(root, "package.json"), join(bundle, "package.json"));
});
afterAll(() => rmSync(bundle, { recursive: true, force: true }));

const program = () => join(bundle, "dist/cli/optspec.cjs");

interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly uid?: number;
}

function optspec(cwd: string, args: readonly string[], { env = {}, uid }: RunOptions = {}): SpawnSyncReturns<string> {
  const ran = spawnSync(process.execPath, [program(), ...args], {
    cwd,
    encoding: "utf8",
    timeout: 300_000,
    env: { ...process.env, XDG_CACHE_HOME: join(bundle, "cache"), FORCE_COLOR: undefined, NO_COLOR: undefined, ...env },
    ...(uid !== undefined && { uid, gid: uid }),
  });
  expect(ran.stderr).not.toContain("Warning");
  return ran;
}

describe("the bundle", () => {
  test("init, build, check, explain, replay; a stage's chunk only where it runs", () => {
    const folder = temporaryFolder();
    expect(optspec(folder, ["init"]).status).toBe(0);
    expect(optspec(folder, ["check"]).status).toBe(1);
    expect(optspec(folder, ["build"])).toMatchObject({ status: 0, stdout: expect.stringContaining("generated/myoptimizer/") });
    expect(optspec(folder, ["build"])).toMatchObject({ status: 0, stdout: "", stderr: expect.stringContaining("up to date") });
    expect(optspec(folder, ["check"]).status).toBe(0);
    expect(optspec(folder, ["explain", "my.opt"]).status).toBe(0);
    expect(optspec(folder, ["frobnicate"]).status).toBe(2);
    const golden = join(root, "test/fixtures/golden/paddle-adamw");
    const args = [
      "replay",
      join(root, "examples/adamw.opt"),
      "--run",
      join(golden, "inputs-a.safetensors"),
      "--against",
      join(golden, "adamw-default.safetensors"),
    ];
    for (const target of ["interpret", "cpu"]) expect(optspec(folder, [...args, "--target", target])).toMatchObject({ status: 0 });
  });

  test("an up-to-date build loads neither parser nor ts-morph nor wabt", () => {
    const folder = temporaryFolder();
    put(folder, { "my.opt": sgd() });
    expect(optspec(folder, ["build"]).status).toBe(0);
    const cache = join(folder, "cache");
    expect(optspec(folder, ["build"], { env: { XDG_CACHE_HOME: cache } }).status).toBe(0);
    const [made] = readdirSync(join(cache, "optspec/code"));
    const loaded = readdirSync(join(cache, "optspec/code", made!)).join("\n");
    expect(loaded).toContain("start.js");
    expect(loaded).not.toMatch(/parse|emit|wabt|compile/);
  });

  test("a config in JavaScript is run, from code in the cache too", () => {
    const folder = temporaryFolder();
    put(folder, {
      "my.opt": sgd(),
      "optspec.config.mjs": 'import { sep } from "node:path"; export default { out: sep === "/" ? "made" : "made" };',
    });
    for (let i = 0; i < 3; i++) {
      rmSync(join(folder, "made"), { recursive: true, force: true });
      expect(optspec(folder, ["build"])).toMatchObject({ status: 0 });
      expect(existsSync(join(folder, "made/sgd/manifest.json"))).toBe(true);
    }
  });

  test("colours only where they are wanted", () => {
    const folder = temporaryFolder();
    put(folder, { "my.opt": sgd("Sgd", "param <- param - lrr * grad") });
    const paint = "\u001b[";
    expect(optspec(folder, ["build"]).stderr).not.toContain(paint);
    expect(optspec(folder, ["build"], { env: { FORCE_COLOR: "1" } }).stderr).toContain(paint);
    expect(optspec(folder, ["build"], { env: { FORCE_COLOR: "1", NO_COLOR: "1" } }).stderr).not.toContain(paint);
  });

  test("a reader that stops reading is no error", async () => {
    const folder = temporaryFolder();
    put(folder, { "p.txt": Array.from({ length: 20_000 }, (_, i) => `head.w${i} [2]`).join("\n"), "my.opt": sgd() });
    const child = spawn(process.execPath, [program(), "explain", "my.opt", "--params", "p.txt", "--json"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.once("data", () => child.stdout.destroy());
    let said = "";
    child.stderr.on("data", (chunk) => (said += chunk));
    const status = await new Promise((resolve) => child.on("close", resolve));
    expect({ status, said }).toEqual({ status: 0, said: "" });
  });

  test.skipIf(!isRoot)("an output folder that is not writable, and one inside that is not", () => {
    const folder = temporaryFolder();
    put(folder, { "my.opt": sgd(), "generated/notes.txt": "mine" });
    chmodSync(folder, 0o755);
    const refused = optspec(folder, ["build"], { uid: NOBODY });
    expect(refused).toMatchObject({ status: 2, stdout: "", stderr: expect.stringMatching(/permission denied[\s\S]*--out/) });
    expect(contents(join(folder, "generated"))).toEqual({ "notes.txt": "mine" });
    expect(optspec(folder, ["build"]).status).toBe(0);
    chmodSync(join(folder, "generated"), 0o777);
    chmodSync(join(folder, "generated/.optspec"), 0o777);
    put(folder, { "my.opt": sgd("Sgd", "param <- param + lr * grad") });
    const before = contents(folder);
    expect(optspec(folder, ["build"], { uid: NOBODY })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("nothing was changed"),
    });
    expect(contents(folder)).toEqual(before);
  });

  test.skipIf(!isRoot)("what is up to date needs no permission to write", () => {
    const folder = temporaryFolder();
    put(folder, { "my.opt": sgd() });
    chmodSync(folder, 0o755);
    expect(optspec(folder, ["build"]).status).toBe(0);
    rmSync(join(folder, "generated/.optspec"), { recursive: true });
    expect(optspec(folder, ["build"], { uid: NOBODY })).toMatchObject({ status: 0, stderr: expect.stringContaining("up to date") });
  });
});

describe("a build that is killed", () => {
  /** Builds until its working place holds `sign` of how far it is, then kills it. */
  function killWhen(folder: string, sign: string): Promise<string | null> {
    const child = spawn(process.execPath, [program(), "build"], {
      cwd: folder,
      stdio: "ignore",
      env: { ...process.env, XDG_CACHE_HOME: join(bundle, "cache") },
    });
    const watch = setInterval(() => existsSync(join(folder, "generated/.optspec", sign)) && child.kill("SIGKILL"), 0);
    return new Promise((resolve) =>
      child.on("close", (_, signal) => {
        clearInterval(watch);
        resolve(signal);
      }),
    );
  }

  test("at any moment, again and again: old outputs whole, or finished by the next build", async () => {
    const folder = temporaryFolder();
    const specs = [sgd(), sgd("Sgd", "param <- param + lr * grad")];
    const built = specs.map((spec) => {
      put(folder, { "my.opt": spec });
      expect(optspec(folder, ["build"]).status).toBe(0);
      return contents(join(folder, "generated"));
    });
    let killed = 0;
    let current = 1;
    for (let round = 0; round < 12; round++) {
      const next = 1 - current;
      put(folder, { "my.opt": specs[next]! });
      killed += (await killWhen(folder, ["lock", "staging", "staging/3", "journal.json"][round % 4]!)) === "SIGKILL" ? 1 : 0;
      const left = contents(join(folder, "generated"));
      const whole = built.some((files) => JSON.stringify(files) === JSON.stringify(left));
      if (!whole) expect(existsSync(join(folder, "generated/.optspec/journal.json"))).toBe(true);
      expect(optspec(folder, ["build"])).toMatchObject({ status: 0 });
      expect(contents(join(folder, "generated"))).toEqual(built[next]);
      current = next;
    }
    expect(killed).toBeGreaterThan(3);
  });

  test("two builds at once do not mix", async () => {
    const folder = temporaryFolder();
    put(folder, { "my.opt": sgd() });
    const env = { ...process.env, XDG_CACHE_HOME: join(bundle, "cache") };
    const ends = await Promise.all(
      Array.from({ length: 4 }, () => {
        const child = spawn(process.execPath, [program(), "build"], { cwd: folder, stdio: "ignore", env });
        return new Promise((resolve) => child.on("close", resolve));
      }),
    );
    expect(ends).toEqual([0, 0, 0, 0]);
    expect(optspec(folder, ["check"]).status).toBe(0);
  });
});

describe("the code cache", () => {
  const env = (cache: string) => ({ env: { XDG_CACHE_HOME: cache } });

  /** A folder with a spec, and a cache of its own that one build has filled. */
  function filled(): { folder: string; cache: string; files: string } {
    const [folder, cache] = [temporaryFolder(), temporaryFolder()];
    put(folder, { "my.opt": sgd() });
    expect(optspec(folder, ["build"], env(cache)).status).toBe(0);
    const base = join(cache, "optspec/code");
    return { folder, cache, files: join(base, readdirSync(base)[0]!) };
  }

  function rebuilt(folder: string, cache: string): number | null {
    rmSync(join(folder, "generated"), { recursive: true });
    return optspec(folder, ["build"], env(cache)).status;
  }

  test("is the user's alone, and never in the project", () => {
    const { folder, files } = filled();
    for (const path of [files, join(files, "..")]) expect(statSync(path).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(files)) expect(statSync(join(files, name)).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(["generated", "my.opt"]);
  });

  test("that is damaged is made again", () => {
    const { folder, cache, files } = filled();
    const good = new Map(readdirSync(files).map((name) => [name, readFileSync(join(files, name)).length]));
    const damages: readonly ((bytes: Buffer) => Buffer)[] = [
      (bytes) => bytes.subarray(0, 0),
      (bytes) => bytes.subarray(0, bytes.length / 2),
      (bytes) => Buffer.from(bytes).fill(bytes[100]! ^ 1, 100, 101),
      () => Buffer.alloc(5000, 7),
    ];
    for (const damage of damages) {
      for (const name of good.keys()) writeFileSync(join(files, name), damage(readFileSync(join(files, name))));
      expect(rebuilt(folder, cache)).toBe(0);
      for (const [name, length] of good) expect(readFileSync(join(files, name)).length).toBeGreaterThan(length / 2);
    }
  });

  test("that others may write, or that is a link, is neither read nor written", () => {
    for (const spoil of [
      (files: string) => chmodSync(files, 0o777),
      (files: string) => chmodSync(join(files, ".."), 0o755),
      (files: string) => {
        const elsewhere = temporaryFolder();
        rmSync(files, { recursive: true });
        symlinkSync(elsewhere, files);
      },
    ]) {
      const { folder, cache, files } = filled();
      spoil(files);
      const before = contents(files);
      expect(rebuilt(folder, cache)).toBe(0);
      expect(contents(files)).toEqual(before);
    }
  });

  test.skipIf(!isRoot)("of another owner is not used", () => {
    const { folder, cache, files } = filled();
    chmodSync(cache, 0o777);
    chmodSync(folder, 0o777);
    rmSync(join(folder, "generated"), { recursive: true });
    const before = contents(files);
    expect(optspec(folder, ["build"], { ...env(cache), uid: NOBODY }).status).toBe(0);
    expect(contents(files)).toEqual(before);
  });

  test("a place that cannot be written, or none at all, costs time only", () => {
    const folder = temporaryFolder();
    put(folder, { "my.opt": sgd(), file: "" });
    const places = [
      { XDG_CACHE_HOME: join(folder, "file") },
      { XDG_CACHE_HOME: undefined, HOME: "/proc/none" },
      { XDG_CACHE_HOME: "relative", HOME: "/proc/none" },
      { XDG_CACHE_HOME: undefined, HOME: "" },
    ];
    for (const place of places) {
      rmSync(join(folder, "generated"), { recursive: true, force: true });
      expect(optspec(folder, ["build"], { env: place }).status).toBe(0);
      expect(readdirSync(folder).sort()).toEqual(["file", "generated", "my.opt"]);
    }
  });

  test("keeps few of the past", () => {
    const { folder, cache, files } = filled();
    for (let i = 0; i < 6; i++) mkdirSync(join(files, "..", `old-${i}`));
    for (const name of readdirSync(files)) rmSync(join(files, name));
    expect(rebuilt(folder, cache)).toBe(0);
    expect(readdirSync(join(files, "..")).length).toBe(4);
  });
});

test("a stranger's strict program: init, build, and the package that is shipped", () => {
  const folder = temporaryFolder();
  expect(optspec(folder, ["init"]).status).toBe(0);
  expect(optspec(folder, ["build"]).status).toBe(0);
  const compilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    verbatimModuleSyntax: true,
    skipLibCheck: false,
    target: "ES2022",
    lib: ["ES2022", "DOM", "ESNext.Disposable"],
    module: "NodeNext",
    moduleResolution: "NodeNext",
    types: [],
  };
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(bundle, join(folder, "node_modules/optspec"));
  put(folder, {
    "package.json": '{ "type": "module" }',
    "tsconfig.json": JSON.stringify({ compilerOptions, files: ["main.ts"] }),
    "main.ts": `import { cpu } from "optspec/cpu";
import { MyOptimizer } from "./generated/myoptimizer/myoptimizer.js";

const optimizer = await MyOptimizer.create(await cpu(), { params: [{ name: "layers.0.weight", shape: [2, 2] }], lr: (step) => 0.1 / (step + 1), nLayers: 4 });
const view: Float32Array = optimizer.tensor("layers.0.weight").param;
await optimizer.step({ gradients: { "layers.0.weight": view } });
optimizer.set({ momentum: 0.5 });
const velocity: Float32Array = await optimizer.download("layers.0.weight", "velocity");
export const refused = async () => {
  // @ts-expect-error a fixed hyper does not change
  optimizer.set({ nLayers: 3 });
  // @ts-expect-error no such state
  await optimizer.download("layers.0.weight", "speed");
};
console.log(velocity.length, optimizer.steps);
`,
  });
  const checked = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder], { encoding: "utf8" });
  expect(checked.stdout).toBe("");
  expect(checked.status).toBe(0);
  expect(spawnSync(process.execPath, ["main.js"], { cwd: folder, encoding: "utf8" })).toMatchObject({ stdout: "4 1\n", stderr: "" });
});
