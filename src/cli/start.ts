// A run of the program: the command line with this process's own surroundings.

import type { Context } from "./context.js";
import { type ExitCode, main } from "./main.js";

/** Runs the process's arguments. Never rejects. */
export async function start(program: Pick<Context, "generator" | "importModule"> & { readonly version: string }): Promise<ExitCode> {
  const { stdout, stderr, env } = process;
  // Whoever reads our output may stop reading: `optspec explain ... | head`.
  for (const stream of [stdout, stderr]) stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 2));
  const context: Context = {
    cwd: process.cwd(),
    out: (text) => void stdout.write(text),
    talk: (text) => void stderr.write(text),
    color: wantsColor(stderr.isTTY, env),
    width: stderr.columns ?? 100,
    ...(stdout.isTTY && { columns: stdout.columns }),
    interactive: stderr.isTTY === true && env.TERM !== "dumb",
    generator: program.generator,
    importModule: program.importModule,
  };
  try {
    return await main(process.argv.slice(2), context, program.version);
  } catch (error) {
    context.talk(`bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    return 2;
  }
}

/** https://no-color.org: any non-empty value of NO_COLOR; FORCE_COLOR overrides a stream that is no terminal. */
function wantsColor(terminal: boolean | undefined, env: NodeJS.ProcessEnv): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "0") return true;
  return terminal === true && env.TERM !== "dumb";
}
