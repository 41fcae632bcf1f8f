// The program that is carried to a machine with an NVIDIA GPU: ./run.sh, or node gpu-check.mjs [--elements 1e8] [--out FOLDER].
// It writes report.json into the folder, beside itself where none is named.
// It needs no internet and no CUDA toolkit: kernels lie beside it as machine code, koffi in node_modules. `npm run gpu-check` packs it
// (into bench/gpu-check/out) and runs it where it stands.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type CudaDevice, type CudaOptions, cuda } from "../../src/runtime/cuda/index.js";
import { addUp, type BitsResult, compareInProcesses, compareShare, type NamedSubject } from "./bits.js";
import { checkGpu, isRight } from "./check.js";
import { unpackDigits } from "./digits-file.js";
import { fittingArchitecture } from "./fitting-architecture.js";
import { compareKept } from "./kept.js";
import type { KeptSubject } from "./kept-subjects.js";
import { compareReductions, type ReducingSubject } from "./reductions.js";
import { type Case, storageCase, timedCases } from "./shapes.js";

const { values } = parseArgs({
  options: {
    elements: { type: "string", default: "1e8" },
    divisor: { type: "string", default: "1" },
    "round-ms": { type: "string", default: "60" },
    processes: { type: "string", default: String(Math.min(16, availableParallelism())) },
    driver: { type: "string" },
    python: { type: "string", default: "python3" },
    out: { type: "string" },
    share: { type: "string" },
  },
});
const whole = (name: "elements" | "divisor" | "processes" | "round-ms"): number => {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 1) throw new Error(`--${name} is a whole number from 1 on, not ${values[name]}`);
  return number;
};
const [elements, divisor, processes] = [whole("elements"), whole("divisor"), whole("processes")];
/** Elements of the largest tensor that is reduced: 123 chunks. */
const MOST_REDUCED = 2_000_000;
const program = fileURLToPath(import.meta.url);
const here = fileURLToPath(new URL(".", import.meta.url));
const subjects = JSON.parse(readFileSync(join(here, "subjects.json"), "utf8")) as readonly NamedSubject[];
const reducing = JSON.parse(readFileSync(join(here, "reducing.json"), "utf8")) as readonly ReducingSubject[];
const kept = JSON.parse(readFileSync(join(here, "kept.json"), "utf8")) as readonly KeptSubject[];
const cubins = readdirSync(join(here, "cubins"));

const options: CudaOptions = {
  ...(values.driver !== undefined && { driver: values.driver }),
  machineCode(text, architecture) {
    const name = createHash("sha256").update(text).digest("hex");
    const packed = cubins.filter((file) => file.startsWith(name)).map((file) => file.slice(name.length + 1, -".cubin".length));
    const fitting = fittingArchitecture(packed, architecture);
    return fitting === undefined ? undefined : readFileSync(join(here, "cubins", `${name}.${fitting}.cubin`));
  },
};

/** In this process: where a GPU admits one only. */
async function compareAll(device: CudaDevice): Promise<readonly BitsResult[]> {
  const parts: BitsResult[] = [];
  for await (const part of compareShare(device, subjects, elements, { index: 0, of: 1 })) parts.push(part);
  return parts;
}

/** torch's fused AdamW on the same cases, whose states are kept as its parameters are; why not, where it does not run. */
function timeTorch(): unknown {
  const asked = (dtype: "float32" | "bfloat16", { name, model, rates, filledRow }: Case) => {
    return { name, sizes: model.sizes, groups: rates, filled_row: filledRow, dtype };
  };
  const cases = [
    ...timedCases(divisor).map((timed) => asked("float32", timed)),
    ...(["float32", "bfloat16"] as const).map((dtype) => asked(dtype, { ...storageCase(divisor), name: `one tensor, all in ${dtype}` })),
  ];
  const { status, stdout, stderr, error } = spawnSync(values.python, [join(here, "torch_adamw.py")], {
    encoding: "utf8",
    input: JSON.stringify(cases),
    timeout: 240_000,
    maxBuffer: 1 << 26,
  });
  const lines = (stdout ?? "").split("\n").filter((line) => line !== "");
  const problem = status === 0 ? null : (error?.message ?? stderr.trim().split("\n").at(-1));
  return { measured: lines.map((line) => JSON.parse(line) as unknown), problem };
}

if (values.share !== undefined) {
  const [index = Number.NaN, of = Number.NaN] = values.share.split("/").map(Number);
  const device = await cuda(options);
  for await (const result of compareShare(device, subjects, elements, { index, of })) process.stdout.write(`${JSON.stringify(result)}\n`);
  device.destroy();
} else {
  const args = [`--elements=${elements}`, ...(values.driver === undefined ? [] : [`--driver=${values.driver}`])];
  const report = await checkGpu(subjects, {
    cuda: options,
    digits: unpackDigits(readFileSync(join(here, "digits.bin"))),
    compareBits: async (device) =>
      addUp(subjects, await (processes === 1 ? compareAll(device) : compareInProcesses(program, args, processes))),
    compareReductions: (device) => compareReductions(device, reducing, Math.min(elements, MOST_REDUCED)),
    kept,
    compareKept: (device) => compareKept(device, kept, Math.min(elements, MOST_REDUCED)),
    divisor,
    roundMs: whole("round-ms"),
    rounds: 5,
    say: (line) => console.log(line),
  });
  const out = values.out === undefined ? here : resolve(values.out);
  mkdirSync(out, { recursive: true });
  const write = (torch: unknown) => writeFileSync(join(out, "report.json"), `${JSON.stringify({ ...report, elements, torch }, null, 2)}\n`);
  write("not asked yet");
  const torch = timeTorch();
  console.log("torch", JSON.stringify(torch, null, 1));
  write(torch);
  console.log(isRight(report) ? "every bit is right" : "NOT RIGHT");
  process.exitCode = isRight(report) ? 0 : 1;
}
