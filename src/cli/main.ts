// The command line: what the commands are called and which options they take. Each command is loaded when it runs.

import { Command, CommanderError, Option } from "commander";
import { CliError } from "./cli-error.js";
import type { Context, Format, Outcome } from "./context.js";
import { printFailure, printOutcome } from "./format.js";

/** Where standard output and standard error lead, and what a program may ask of its surroundings. */
export type ExitCode = 0 | 1 | 2;

/** Runs a command line (without `node` and the program) and answers with its exit code: 0 clean, 1 problems found, 2 usage or internal failure. */
export async function main(args: readonly string[], context: Context, version: string): Promise<ExitCode> {
  const state: { exitCode: ExitCode } = { exitCode: 0 };
  const program = commandLine(context, version, (exitCode) => (state.exitCode = exitCode));
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
  return state.exitCode;
}

function commandLine(context: Context, version: string, finish: (exitCode: ExitCode) => void): Command {
  const program = new Command("optspec")
    .description("Compiles optimizers: an update rule as in a paper's algorithm box becomes WebGPU, WebAssembly and a typed wrapper.")
    .version(version)
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: context.out, writeErr: context.talk })
    .addHelpText("after", "\nExit codes: 0 clean, 1 problems found, 2 wrong usage or an internal failure.");
  const command = (
    name: string,
    description: string,
    run: (args: readonly string[], options: Readonly<Record<string, unknown>>) => Promise<Outcome>,
  ) =>
    program
      .command(name)
      .description(description)
      .addOption(new Option("--format <format>", "how the outcome is printed").choices(["pretty", "json", "github"]).default("pretty"))
      .action(async (...given: unknown[]) => {
        const command = given.at(-1) as Command;
        finish(await perform(context, command.name(), command.opts(), () => run(command.processedArgs.flat(), command.opts())));
      });
  const building = (made: Command) =>
    made
      .argument("[files...]", "specs; else those of the config, else *.opt and examples/*.opt")
      .option("--out <folder>", 'output folder (default: the config\'s, or "generated")')
      .option("--config <file>", "config (default: optspec.config.json or .mjs, if it is here)");

  command("init", "write a small annotated spec into this folder", async () => (await import("./init.js")).init(context));
  building(
    command("build", "compile specs and write their kernels and wrappers", async (files, options) =>
      (await import("./build.js")).build(context, { ...buildOptions(files, options), force: options.force === true }),
    ).option("--force", "overwrite files that optspec did not write, or that were edited"),
  );
  building(
    command("check", "say whether a build would change anything; write nothing", async (files, options) =>
      (await import("./check.js")).check(context, buildOptions(files, options)),
    ),
  );
  return program;
}

function buildOptions(files: readonly string[], options: Readonly<Record<string, unknown>>) {
  const text = (value: unknown) => (typeof value === "string" ? value : null);
  return { files, out: text(options.out), config: text(options.config) };
}

async function perform(
  context: Context,
  name: string,
  options: Readonly<Record<string, unknown>>,
  run: () => Promise<Outcome>,
): Promise<ExitCode> {
  const format = options.format as Format;
  try {
    const outcome = await run();
    await printOutcome(context, format, name, outcome);
    return outcome.exitCode;
  } catch (error) {
    const failure = error instanceof CliError ? error : new CliError(bugReport(error), "please report it with the command and the spec");
    printFailure(context, format, name, failure);
    return failure.exitCode;
  }
}

function bugReport(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text.startsWith("bug:") ? text : `bug: ${text}`;
}
