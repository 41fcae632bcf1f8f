// Deno's WebGPU (wgpu, whose shader front end is Naga) on lavapipe, Mesa's software Vulkan driver. A script is bundled with esbuild, so that it
// may import the project's sources, and answers with one JSON value: what its export `run` resolves to.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { bundle } from "./bundle.js";
import { missingDevice } from "./missing-device.js";

const LAVAPIPE = [
  "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json",
  "/usr/share/vulkan/icd.d/lvp_icd.aarch64.json",
  "/usr/share/vulkan/icd.d/lvp_icd.json",
];
const MARK = "\u0001result ";

/** Why there is no Deno with WebGPU here; undefined where there is one. Throws in CI. */
export function whyNoDeno(): string | undefined {
  if (process.platform !== "linux" || LAVAPIPE.some((path) => existsSync(path))) return undefined;
  return missingDevice("Deno (WebGPU through Naga)", "lavapipe is not installed; on Debian: apt-get install mesa-vulkan-drivers");
}

/** The binary itself: npm's launcher would copy it into place on its first run. */
function denoBinary(): string {
  const require = createRequire(import.meta.url);
  const directory = dirname(require.resolve("deno/package.json"));
  const own = join(directory, process.platform === "win32" ? "deno.exe" : "deno");
  if (existsSync(own)) return own;
  const { runInstall } = require(join(directory, "install_api.cjs")) as { runInstall(): string };
  return runInstall();
}

/** Runs the export `run` of the module at `entry` in Deno, and resolves to what it returns. */
export async function runInDeno(entry: string): Promise<unknown> {
  const folder = await mkdtemp(join(tmpdir(), "optspec-deno-"));
  try {
    await writeFile(join(folder, "script.mjs"), await bundle(entry));
    const main = join(folder, "main.mjs");
    const call = `console.log(${JSON.stringify(MARK)} + JSON.stringify(await run()));`;
    await writeFile(main, `import { run } from "./script.mjs";\n${call}\n`);
    const driver = LAVAPIPE.find((path) => existsSync(path));
    const env = {
      PATH: process.env.PATH,
      HOME: folder,
      DENO_DIR: folder,
      NO_COLOR: "1",
      XDG_RUNTIME_DIR: folder,
      ...(driver && { VK_ICD_FILENAMES: driver }),
    };
    const arguments_ = ["run", "--no-config", "--no-remote", "--unstable-webgpu", "--allow-read", main];
    const { stdout } = await promisify(execFile)(denoBinary(), arguments_, { env, maxBuffer: 1 << 28, timeout: 540_000 });
    const line = stdout.split("\n").find((text) => text.startsWith(MARK));
    if (line === undefined) throw new Error(`the script printed no result:\n${stdout}`);
    return JSON.parse(line.slice(MARK.length));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
