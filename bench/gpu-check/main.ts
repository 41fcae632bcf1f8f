// The program that is carried to a machine with an NVIDIA GPU: node gpu-check.mjs [--elements 1e8]. Writes report.json beside itself.
// `npm run gpu-check` packs it (into bench/gpu-check/out) and runs it where it stands.
// It needs no internet and no CUDA toolkit: kernels lie beside it as machine code, koffi in node_modules.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { checkGpu, type NamedSubject } from "./check.js";

const here = (path: string): URL => new URL(path, import.meta.url);
const { values } = parseArgs({ options: { elements: { type: "string", default: "1e8" } } });
const subjects = JSON.parse(readFileSync(here("subjects.json"), "utf8")) as readonly NamedSubject[];

const report = await checkGpu(subjects, {
  cuda: {
    machineCode(text, architecture) {
      const file = here(`cubins/${createHash("sha256").update(text).digest("hex")}.${architecture}.cubin`);
      return existsSync(file) ? readFileSync(file) : undefined;
    },
  },
  elements: Number(values.elements),
  divisor: 1,
  steps: 20,
  rounds: 5,
  say: (line) => console.log(line),
});
const torch = spawnSync("python3", [here("torch_adamw.py").pathname], { encoding: "utf8" });
const peers: unknown =
  torch.status === 0 ? JSON.parse(torch.stdout) : `torch did not run: ${torch.stderr?.trim().split("\n").at(-1) ?? torch.error}`;
console.log("torch", JSON.stringify(peers, null, 1));
writeFileSync(here("report.json"), `${JSON.stringify({ ...report, peers }, null, 2)}\n`);
process.exitCode = report.bits.every(({ mismatches }) => mismatches === 0) ? 0 : 1;
