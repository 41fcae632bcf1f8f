// Packs the check into a folder that runs elsewhere: the program as one file, the compiled specs, their machine code, a few digits, koffi,
// and this Node for a machine that has none.
//   npx tsx bench/gpu-check/pack.ts [folder] [--no-node]

import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { gzipSync } from "node:zlib";
import { build, type Plugin } from "esbuild";
import { loadDigits, pick } from "../../examples/digits/digits.js";
import { createCompiler } from "../../src/runtime/cuda/compiler.js";
import { loadKoffi } from "../../src/runtime/cuda/libraries.js";
import { nvrtcPath } from "../../test/compilers/cuda-toolchain.js";
import { subjects } from "../../test/oracle/subjects.js";
import { HELD_OUT, TRAINING } from "./digits.js";
import { packDigits } from "./digits-file.js";
import { keptSubjects } from "./kept-subjects.js";
import { reducingSubjects } from "./reducing-subjects.js";

/** A GPU runs what is made for its own version, or for an older minor version of it. */
const ARCHITECTURES = ["sm_75", "sm_80", "sm_90", "sm_100", "sm_120"] as const;
const root = fileURLToPath(new URL("../../", import.meta.url));
const source = (name: string): string => join(root, "bench/gpu-check", name);

/** The digits travel in a file of their own, few of them. */
const withoutMnist: Plugin = {
  name: "without-mnist",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^mnist$/ }, () => ({ path: "mnist", namespace: "nothing" }));
    onLoad({ filter: /.*/, namespace: "nothing" }, () => ({ contents: "export default [];" }));
  },
};

export interface PackOptions {
  /** Whether Node travels. */
  readonly node?: boolean;
  readonly architectures?: readonly string[];
}

/** Makes the folder anew. */
export async function pack(folder: string, { node = true, architectures = ARCHITECTURES }: PackOptions = {}): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "cubins"), { recursive: true });
  await bundle(folder);
  const files = { "subjects.json": await subjects(), "reducing.json": await reducingSubjects(), "kept.json": await keptSubjects() };
  for (const [name, content] of Object.entries(files)) {
    const text = JSON.stringify(content);
    if (!isDeepStrictEqual(JSON.parse(text), content)) throw new Error("a compiled spec does not survive JSON");
    writeFileSync(join(folder, name), text);
  }
  const texts = Object.values(files).flatMap((list) => list.map(({ cuda }) => cuda));
  await compileKernels(folder, texts, architectures);
  writeFileSync(join(folder, "digits.bin"), packDigits(fewDigits()));
  copyKoffi(folder);
  for (const name of ["torch_adamw.py", "run.sh"]) copyFileSync(source(name), join(folder, name));
  chmodSync(join(folder, "run.sh"), 0o755);
  if (node) writeFileSync(join(folder, "node.gz"), gzipSync(readFileSync(process.execPath), { level: 9 }));
}

async function bundle(folder: string): Promise<void> {
  await build({
    entryPoints: [source("main.ts")],
    outfile: join(folder, "gpu-check.mjs"),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    external: ["koffi"],
    plugins: [withoutMnist],
    alias: {
      "optspec/runtime": join(root, "src/runtime/index.ts"),
      "optspec/cpu": join(root, "src/runtime/cpu/index.ts"),
    },
    logLevel: "warning",
  });
}

async function compileKernels(folder: string, texts: readonly string[], architectures: readonly string[]): Promise<void> {
  const compiler = createCompiler({ koffi: await loadKoffi(undefined), nvrtc: nvrtcPath });
  for (const text of texts) {
    const name = createHash("sha256").update(text).digest("hex");
    for (const architecture of architectures) {
      // For a driver of any version: the machine it will meet is not here.
      const cubin = compiler.compile(text, architecture, Number.MAX_SAFE_INTEGER);
      writeFileSync(join(folder, "cubins", `${name}.${architecture}.cubin`), cubin);
    }
  }
}

function fewDigits() {
  const { training, heldOut } = loadDigits(HELD_OUT);
  const first = Uint32Array.from({ length: TRAINING }, (_, image) => image);
  return { training: pick(training, first, 0, TRAINING), heldOut };
}

function copyKoffi(folder: string): void {
  for (const name of ["koffi", `@koromix/koffi-${process.platform}-${process.arch}`])
    cpSync(join(root, "node_modules", name), join(folder, "node_modules", name), { recursive: true, dereference: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , ...args] = process.argv;
  await pack(args.find((arg) => !arg.startsWith("--")) ?? source("out"), { node: !args.includes("--no-node") });
}
