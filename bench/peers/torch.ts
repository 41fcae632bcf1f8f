// Peers in Python: a child process that runs `steps` and answers with its own seconds. The environment is made on first use.

import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Contestant } from "../rounds.js";

const environment = fileURLToPath(new URL("../../.venv-bench", import.meta.url));

/** An interpreter that has torch and these packages. */
function python(packages: readonly string[]): string {
  const given = process.env["OPTSPEC_BENCH_PYTHON"];
  if (given) return given;
  const executable = `${environment}/bin/python`;
  if (!existsSync(executable)) {
    console.log("Making .venv-bench with torch (once, about 5 GB)...");
    execFileSync("python3", ["-m", "venv", environment], { stdio: "inherit" });
    execFileSync(executable, ["-m", "pip", "install", "--quiet", "torch", "numpy"], { stdio: "inherit" });
  }
  if (packages.length > 0) execFileSync(executable, ["-m", "pip", "install", "--quiet", ...packages], { stdio: "inherit" });
  return executable;
}

const inThreads = (threads: number) => `${threads} thread${threads === 1 ? "" : "s"}`;

/** torch's CPU AdamW over `elements` numbers in `tensors` tensors, with `threads` threads. */
export async function torchAdamW(
  elements: number,
  threads: number,
  form: "fused" | "foreach" | "loop",
  tensors = 1,
  dtype: "float32" | "bfloat16" = "float32",
): Promise<Contestant> {
  const { version, ...child } = await startChild("torch_adamw.py", [`${elements}`, `${threads}`, form, `${tensors}`, dtype]);
  return { name: `torch ${version} AdamW ${form}${dtype === "float32" ? "" : ` ${dtype}`}, ${inThreads(threads)}`, ...child };
}

const reducing = {
  clip: "AdamW fused behind clip_grad_norm_",
  lamb: "and pytorch_optimizer's Lamb",
  prodigy: "and pytorch_optimizer's Prodigy",
} as const;

/** An optimizer that reduces, on the CPU. */
export async function torchReducing(what: keyof typeof reducing, elements: number, threads: number, tensors: number): Promise<Contestant> {
  const packages = what === "clip" ? [] : ["pytorch_optimizer"];
  const { version, ...child } = await startChild("torch_reducing.py", [what, `${elements}`, `${threads}`, `${tensors}`], packages);
  return { name: `torch ${version} ${reducing[what]}, ${inThreads(threads)}`, ...child };
}

interface Child extends Omit<Contestant, "name"> {
  readonly version: string;
}

/** Starts a script that answers with torch's version, and then to each number of steps with its seconds for one. */
async function startChild(name: string, args: readonly string[], packages: readonly string[] = []): Promise<Child> {
  const script = fileURLToPath(new URL(name, import.meta.url));
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(python(packages), [script, ...args], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error("the torch peer ended early");
    return value;
  };
  return {
    version: (await next()).replace(/\+.*/, ""),
    async round(steps) {
      child.stdin.write(`${steps}\n`);
      return Number(await next());
    },
    close: () => void child.stdin.end(),
  };
}
