// Peers in Python: a child process that runs `steps` and answers with its own seconds. The environment is made on first use.

import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Contestant } from "../rounds.js";

const environment = fileURLToPath(new URL("../../.venv-bench", import.meta.url));

function python(): string {
  const given = process.env["OPTSPEC_BENCH_PYTHON"];
  if (given) return given;
  const executable = `${environment}/bin/python`;
  if (!existsSync(executable)) {
    console.log("Making .venv-bench with torch (once, about 5 GB)...");
    execFileSync("python3", ["-m", "venv", environment], { stdio: "inherit" });
    execFileSync(executable, ["-m", "pip", "install", "--quiet", "torch", "numpy"], { stdio: "inherit" });
  }
  return executable;
}

/** torch's CPU AdamW over `elements` f32 in `tensors` tensors, with `threads` threads. */
export async function torchAdamW(elements: number, threads: number, form: "fused" | "foreach" | "loop", tensors = 1): Promise<Contestant> {
  const script = fileURLToPath(new URL("torch_adamw.py", import.meta.url));
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(python(), [script, `${elements}`, `${threads}`, form, `${tensors}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error("the torch peer ended early");
    return value;
  };
  const version = await next();
  return {
    name: `torch ${version.replace(/\+.*/, "")} AdamW ${form}, ${threads} thread${threads === 1 ? "" : "s"}`,
    async round(steps) {
      child.stdin.write(`${steps}\n`);
      return Number(await next());
    },
    close: () => void child.stdin.end(),
  };
}
