// Packs the check into a folder that runs elsewhere: the program as one file, the compiled specs, their machine code, koffi.
//   npx tsx bench/gpu-check/pack.ts [folder]

import { createHash } from "node:crypto";
import { copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { createCompiler } from "../../src/runtime/cuda/compiler.js";
import { loadKoffi } from "../../src/runtime/cuda/libraries.js";
import { nvrtcPath } from "../../test/compilers/cuda-toolchain.js";
import { subjects } from "../../test/oracle/subjects.js";

const ARCHITECTURES = ["sm_80", "sm_90", "sm_100"] as const;
const root = fileURLToPath(new URL("../../", import.meta.url));

export async function pack(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "cubins"), { recursive: true });
  await build({
    entryPoints: [join(root, "bench/gpu-check/main.ts")],
    outfile: join(folder, "gpu-check.mjs"),
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    external: ["koffi"],
    logLevel: "warning",
  });
  const all = await subjects();
  writeFileSync(join(folder, "subjects.json"), JSON.stringify(all));
  const compiler = createCompiler({ koffi: await loadKoffi(undefined), nvrtc: nvrtcPath });
  for (const { cuda: text } of all) {
    const name = createHash("sha256").update(text).digest("hex");
    for (const architecture of ARCHITECTURES) {
      // For a driver of any version: the machine it will meet is not here.
      const cubin = compiler.compile(text, architecture, Number.MAX_SAFE_INTEGER);
      writeFileSync(join(folder, "cubins", `${name}.${architecture}.cubin`), cubin);
    }
  }
  for (const name of ["koffi", `@koromix/koffi-${process.platform}-${process.arch}`]) {
    cpSync(join(root, "node_modules", name), join(folder, "node_modules", name), { recursive: true, dereference: true });
  }
  copyFileSync(join(root, "bench/gpu-check/torch_adamw.py"), join(folder, "torch_adamw.py"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await pack(process.argv[2] ?? join(root, "bench/gpu-check/out"));
