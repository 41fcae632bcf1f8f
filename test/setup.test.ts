// The set-up of a fresh clone, run on a project of two files in a folder of its own.

import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const SETUP = fileURLToPath(new URL("../scripts/setup.mjs", import.meta.url));
const BUNDLE = `import { mkdirSync, writeFileSync } from "node:fs";
mkdirSync("dist/types/runtime", { recursive: true });
writeFileSync("dist/types/runtime/index.d.ts", "");`;

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "optspec-setup-"));
  for (const folder of ["scripts", "src", "grammar", "home"]) mkdirSync(join(root, folder));
  copyFileSync(SETUP, join(root, "scripts/setup.mjs"));
  writeFileSync(join(root, "scripts/bundle.mjs"), BUNDLE);
  writeFileSync(join(root, "package.json"), '{ "name": "x", "version": "1.0.0" }');
  writeFileSync(
    join(root, "package-lock.json"),
    '{ "name": "x", "version": "1.0.0", "lockfileVersion": 3, "packages": { "": { "name": "x", "version": "1.0.0" } } }',
  );
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function setUp(purpose: string, npm?: string): { status: number | null; stdout: string; stderr: string } {
  const env = {
    PATH: process.env.PATH,
    HOME: join(root, "home"),
    npm_config_cache: join(root, "home/cache"),
    ...(npm !== undefined && { npm_execpath: npm }),
  };
  return spawnSync(process.execPath, ["scripts/setup.mjs", purpose], { cwd: root, env, encoding: "utf8" });
}

/** npm writes no list of what it installed where that is nothing. */
function listInstalled(packages: object): void {
  mkdirSync(join(root, "node_modules"), { recursive: true });
  writeFileSync(join(root, "node_modules/.package-lock.json"), JSON.stringify({ packages }));
}

test("a fresh clone gets packages and bundle, each with its time; a second run is silent; an edit renews the bundle", () => {
  const first = setUp("start");
  expect(first.stderr).toBe("");
  expect(first.stdout.replace(/\d+\.\d s/g, "TIME")).toBe("setup: npm packages ... TIME\nsetup: bundle in dist/ ... TIME\n");
  expect(existsSync(join(root, "dist/types/runtime/index.d.ts"))).toBe(true);
  listInstalled({});
  expect(setUp("start")).toMatchObject({ status: 0, stdout: "", stderr: "" });
  writeFileSync(join(root, "src/new.ts"), "");
  utimesSync(join(root, "dist/types/runtime/index.d.ts"), 1, 1);
  expect(setUp("start").stdout).toMatch(/^setup: bundle in dist\/ \.\.\. \d+\.\d s\n$/);
});

test("packages are stale where a version differs or one is absent, not where an optional one is", () => {
  const lock = (packages: object) =>
    writeFileSync(join(root, "package-lock.json"), JSON.stringify({ name: "x", lockfileVersion: 3, packages }));
  mkdirSync(join(root, "dist/types/runtime"), { recursive: true });
  const npm = join(root, "npm-cli.cjs");
  writeFileSync(npm, "");
  const isStale = () => {
    writeFileSync(join(root, "dist/types/runtime/index.d.ts"), "");
    const { status, stdout } = setUp("start", npm);
    expect(status).toBe(0);
    return stdout.includes("npm packages");
  };
  listInstalled({ "node_modules/a": { version: "1.0.0" } });
  lock({ "": {}, "node_modules/a": { version: "1.0.0" }, "node_modules/b": { version: "1.0.0", optional: true } });
  expect(isStale()).toBe(false);
  lock({ "": {}, "node_modules/a": { version: "1.0.1" } });
  expect(isStale()).toBe(true);
  lock({ "": {}, "node_modules/a": { version: "1.0.0" }, "node_modules/b": { version: "1.0.0" } });
  expect(isStale()).toBe(true);
});

test("what fails is shown, and stops the set-up", () => {
  listInstalled({});
  writeFileSync(join(root, "scripts/bundle.mjs"), 'throw new Error("no such room");');
  const { status, stderr } = setUp("start");
  expect(status).toBe(1);
  expect(stderr).toContain("no such room");
  expect(stderr).toMatch(/setup failed: ".*bundle\.mjs" failed\n$/);
  expect(setUp("dance")).toMatchObject({ status: 1, stderr: "setup failed: usage: node scripts/setup.mjs start|test\n" });
});
