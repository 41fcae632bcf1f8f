// Makes dist/: the command line as one program with a chunk per stage, the runtime's ES modules, and their type declarations.
//   node scripts/bundle.mjs [--no-types] [--only-cli] [--out FOLDER]

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build, transform } from "esbuild";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { values: options } = parseArgs({
  options: { "no-types": { type: "boolean", default: false }, "only-cli": { type: "boolean", default: false }, out: { type: "string" } },
});
const dist = options.out ?? join(root, "dist");
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const shared = { absWorkingDir: root, bundle: true, legalComments: "none", logLevel: "warning", charset: "ascii" };
/** Optional peers and their likes are found where the user installed them. */
const external = ["webgpu", "koffi"];

/** The chunks of the command line: ES modules first, for the splitting, then each one as CommonJS, for the code cache. */
async function bundleChunks(folder) {
  const { outputFiles } = await build({
    ...shared,
    entryPoints: ["src/cli/start.ts"],
    outdir: join(folder, "chunks"),
    entryNames: "start",
    chunkNames: "[name]-[hash]",
    platform: "node",
    target: "node20",
    format: "esm",
    splitting: true,
    minifyWhitespace: true,
    minifySyntax: true,
    external,
    write: false,
  });
  const names = new Set(outputFiles.map((file) => basename(file.path)));
  const hash = createHash("sha256");
  mkdirSync(join(folder, "chunks"), { recursive: true });
  for (const file of [...outputFiles].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    const { code } = await transform(file.text, {
      format: "cjs",
      platform: "node",
      target: "node20",
      charset: "ascii",
      legalComments: "none",
    });
    const loaded = code.replace(/\bimport\("\.\/([\w.-]+)"\)/g, (found, name) =>
      names.has(name) ? `Promise.resolve().then(()=>require("./${name}"))` : found,
    );
    hash.update(basename(file.path)).update(loaded);
    writeFileSync(join(folder, "chunks", basename(file.path)), loaded);
  }
  return hash.digest("hex");
}

async function bundleCommandLine() {
  const folder = join(dist, `cli.${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  const id = await bundleChunks(folder);
  const program = join(folder, "optspec.cjs");
  await build({
    ...shared,
    entryPoints: ["src/cli/boot/optspec.ts"],
    outfile: program,
    platform: "node",
    target: "node20",
    format: "cjs",
    minifyWhitespace: true,
    banner: { js: "#!/usr/bin/env node" },
    define: { BUNDLE: JSON.stringify({ id, version, entry: "start.js" }) },
  });
  chmodSync(program, 0o755);
  writeFileSync(join(folder, "package.json"), '{ "type": "commonjs" }\n');
  rmSync(join(dist, "cli"), { recursive: true, force: true });
  renameSync(folder, join(dist, "cli"));
}

/** What programs and pages import: no `node:` module is reachable from here, but from the doors of CUDA and Node. */
async function bundleRuntime() {
  await build({
    ...shared,
    entryPoints: {
      "runtime/index": "src/runtime/index.ts",
      "cpu/index": "src/runtime/cpu/index.ts",
      "webgpu/index": "src/runtime/webgpu/index.ts",
      "cuda/index": "src/runtime/cuda/index.ts",
      "node/index": "src/runtime/node/index.ts",
      "schedules/index": "src/schedules/index.ts",
    },
    outdir: dist,
    platform: "neutral",
    target: "es2022",
    format: "esm",
    splitting: true,
    chunkNames: "runtime/[name]-[hash]",
    external: [...external, "node:*"],
  });
}

function declareTypes() {
  const project = join(dist, "tsconfig.types.json");
  const compilerOptions = {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: join(root, "src"),
    outDir: "types",
    paths: {},
    typeRoots: [join(root, "node_modules"), join(root, "node_modules/@types")],
  };
  const files = [
    "runtime/index.ts",
    "runtime/cpu/index.ts",
    "runtime/webgpu/index.ts",
    "runtime/cuda/index.ts",
    "runtime/node/index.ts",
    "schedules/index.ts",
  ].map((file) => join(root, "src", file));
  writeFileSync(project, JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, files, include: [] }));
  rmSync(join(dist, "types"), { recursive: true, force: true });
  const tsc = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", project], { stdio: "inherit" });
  if (tsc.status !== 0) throw new Error("the type declarations could not be made");
}

mkdirSync(dist, { recursive: true });
await bundleCommandLine();
if (!options["only-cli"]) {
  for (const made of ["runtime", "cpu", "webgpu", "cuda", "node", "schedules"]) rmSync(join(dist, made), { recursive: true, force: true });
  await bundleRuntime();
  if (!options["no-types"]) declareTypes();
}
