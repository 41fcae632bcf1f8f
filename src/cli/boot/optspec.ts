// The program: loads the chunks of the bundle with their cached code, runs the command line, and keeps the code of what was new.
// Bundled by itself as CommonJS, because only its loader can hand cached code to V8 on every supported Node.

import { readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import vm from "node:vm";
import type { start } from "../start.js";
import { openCodeCache } from "./code-cache.js";

/** Filled in by scripts/bundle.mjs: the hash of all chunks, the version of the package, and the first chunk. */
declare const BUNDLE: { readonly id: string; readonly version: string; readonly entry: string };
declare const __dirname: string;

interface Module {
  exports: Readonly<Record<string, unknown>>;
}

const folder = join(__dirname, "chunks");
const requireNative = createRequire(join(folder, "chunk.cjs"));
const cache = openCodeCache(BUNDLE.id);
const modules = new Map<string, Module>();
const fresh: { readonly name: string; readonly script: vm.Script }[] = [];

function load(request: string): unknown {
  if (!request.startsWith("./")) return requireNative(request);
  const name = request.slice(2);
  const known = modules.get(name);
  if (known !== undefined) return known.exports;
  const module: Module = { exports: {} };
  modules.set(name, module);
  compile(name).call(module.exports, module.exports, load, module, join(folder, name), folder);
  return module.exports;
}

type Chunk = (exports: Module["exports"], require: typeof load, module: Module, filename: string, dirname: string) => void;

/** Chunks are ASCII, which V8 keeps in one byte a character. */
function compile(name: string): Chunk {
  const filename = join(folder, name);
  const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(filename, "latin1")}\n})`;
  const key = `${name}-${statSync(filename).mtimeMs.toString(36)}`;
  const cachedData = cache.read(key);
  const script = new vm.Script(source, {
    filename,
    ...(cachedData !== undefined && { cachedData }),
  });
  if (cachedData === undefined || script.cachedDataRejected) fresh.push({ name: key, script });
  return script.runInThisContext() as Chunk;
}

const entry = load(`./${BUNDLE.entry}`) as { readonly start: typeof start };
// Code that comes from a cache cannot import modules; this file's can.
const importModule = (specifier: string): Promise<unknown> => import(specifier);
entry.start({ generator: BUNDLE.id, version: BUNDLE.version, importModule }).then((exitCode) => {
  for (const { name, script } of fresh) cache.write(name, script.createCachedData());
  process.stdout.write("", () => process.exit(exitCode));
});
