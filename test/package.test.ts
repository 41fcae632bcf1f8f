// What the package promises to those who install it, and to `npm ci`.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}/${path}`, "utf8");

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock = JSON.parse(read("package-lock.json")) as { readonly packages: Readonly<Record<string, LockEntry>> };
const entries = Object.entries(lock.packages).filter(([path]) => path !== "");

test("the lock file names versions, no download addresses, and every optional package", () => {
  expect(entries.filter(([, entry]) => entry.resolved !== undefined || entry.version === undefined)).toEqual([]);
  const wanted = entries.flatMap(([path, entry]) => Object.keys(entry.optionalDependencies ?? {}).map((name) => ({ path, name })));
  const absent = wanted.filter(
    ({ path, name }) => !(`node_modules/${name}` in lock.packages || `${path}/node_modules/${name}` in lock.packages),
  );
  expect(absent).toEqual([]);
});

test("nothing that a user installs runs a script", () => {
  expect(entries.filter(([, entry]) => entry.dev !== true && entry.hasInstallScript === true)).toEqual([]);
});

test("every door of the package leads somewhere, with types", async () => {
  const manifest = JSON.parse(read("package.json")) as {
    readonly bin: Record<string, string>;
    readonly exports: Record<string, string | Record<string, string>>;
  };
  const targets = [
    ...Object.values(manifest.bin),
    ...Object.values(manifest.exports).flatMap((door) => (typeof door === "string" ? [door] : Object.values(door))),
  ];
  expect(targets.filter((path) => !existsSync(`${ROOT}/${path}`))).toEqual([]);
  const { messages } = await publint({ pkgDir: ROOT, pack: false });
  expect(messages.filter(({ type }) => type !== "suggestion")).toEqual([]);
});

test("the built doors share one runtime: an error of one is an error of the others", () => {
  const script = `
    const [{ createOptimizer, OptimizerError }, { cpu }, { webgpu }, { cuda }, { file }] = await Promise.all(["runtime", "cpu", "webgpu", "cuda", "node"].map((door) => import("optspec/" + door)));
    const refusals = [await webgpu().catch((error) => error), await cuda({ driver: "/nowhere" }).catch((error) => error)];
    try { file(""); } catch (error) { refusals.push(error); }
    console.log(typeof createOptimizer, (await cpu()).kind, ...refusals.map((refusal) => refusal instanceof OptimizerError && refusal.code));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { cwd: ROOT, encoding: "utf8" });
  expect(stderr).toBe("");
  expect(stdout).toBe("function cpu no-device no-device invalid-data\n");
});
