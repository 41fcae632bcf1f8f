// The command line: what the commands are called and which options they take. Each command is loaded when it runs.

import { Command, CommanderError, Option } from "commander";
import { CliError } from "./cli-error.js";
import type { Context, Format, Outcome } from "./context.js";
import { printFailure, printOutcome } from "./format.js";
import type { TargetName } from "./replay-target.js";

export type ExitCode = 0 | 1 | 2;

/** Runs a command line (without `node` and the program) and answers with its exit code: 0 clean, 1 problems found, 2 usage or internal failure. */
export async function main(args: readonly string[], context: Context, version: string): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const program = new Command("optspec")
    .description("Compiles optimizers: an update rule as in a paper's algorithm box becomes WebGPU, WebAssembly and a typed wrapper.")
    .version(version)
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: context.out, writeErr: context.talk })
    .addHelpText("after", "\nExit codes: 0 clean, 1 problems found, 2 wrong usage or an internal failure.");
  for (const define of [
    defineInit,
    defineBuild,
    defineCheck,
    defineExplain,
    defineInfer,
    defineReplay,
    defineReport,
    definePlot,
    defineDoctor,
  ]) {
    const { command, run, parent } = define(context);
    command
      .copyInheritedSettings(program)
      .addOption(new Option("--format <format>", "how the outcome is printed").choices(["pretty", "json", "github"]).default("pretty"))
      .action(async () => {
        exitCode = await perform(context, command, run);
      });
    program.addCommand(parent === undefined ? command : parent.copyInheritedSettings(program).addCommand(command));
  }
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : 2;
  }
  return exitCode;
}

interface Defined {
  readonly command: Command;
  /** Of a command in two words the first. */
  readonly parent?: Command;
  readonly run: () => Promise<Outcome>;
}

async function perform(context: Context, command: Command, run: Defined["run"]): Promise<ExitCode> {
  const { format: named, json } = command.opts<{ format: Format; json?: true }>();
  const format = json === true ? "json" : named;
  try {
    const outcome = await run();
    await printOutcome(context, format, command.name(), outcome);
    return outcome.exitCode;
  } catch (error) {
    const failure = error instanceof CliError ? error : new CliError(bugReport(error), "please report it with the command and the spec");
    printFailure(context, format, command.name(), failure);
    return failure.exitCode;
  }
}

function bugReport(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text.includes("bug:") ? text : `bug: ${text}`;
}

function defineInit(context: Context): Defined {
  const command = new Command("init").description("write a small annotated spec into this folder");
  return { command, run: async () => (await import("./init.js")).init(context) };
}

function buildCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument("[files...]", "specs; else those of the config, else *.opt and examples/*.opt")
    .option("--out <folder>", 'output folder (default: the config\'s, or "generated")')
    .option("--config <file>", "config (default: optspec.config.json or optspec.config.mjs, if it is here)");
}

function buildOptions(command: Command) {
  const { out, config } = command.opts<{ out?: string; config?: string }>();
  return { files: command.args, out: out ?? null, config: config ?? null };
}

function defineBuild(context: Context): Defined {
  const command = buildCommand("build", "compile specs and write their kernels and wrappers").option(
    "--force",
    "overwrite files that optspec did not write, or that were edited since",
  );
  return {
    command,
    run: async () => (await import("./build.js")).build(context, { ...buildOptions(command), force: command.opts().force === true }),
  };
}

function defineCheck(context: Context): Defined {
  const command = buildCommand("check", "say whether a build would change anything; write nothing");
  return { command, run: async () => (await import("./check.js")).check(context, buildOptions(command)) };
}

function repeatable(command: Command, flags: string, description: string): Command {
  return command.option(flags, description, (value: string, given: readonly string[]) => [...given, value], []);
}

/** Options by which an optimizer is set up. */
function setupOptions(command: Command): Command {
  command.option("--optimizer <name>", "which optimizer, where the spec holds several");
  repeatable(command, "--set <hyper=value>", "a hyper: a number, true or false, or @file.json with one number per step");
  repeatable(command, "--allow <check>", "waive a check: layer-index, matches-nothing");
  return command.option("--names <file.json>", "from parameter names to the names that rules see");
}

function defineExplain(context: Context): Defined {
  const command = setupOptions(new Command("explain"))
    .description("show which rule gives which parameter what")
    .argument("<spec>", "the spec")
    .argument("[name]", "one parameter: the whole chain of arms tried")
    .option("--params <file>", "the model's parameters: .safetensors, .index.json, .json, or lines of text, also gzipped")
    .option("--diff <table.json>", "what changed since a table that --json printed")
    .option("--html <file>", "write the table as a page, with a picture of the ratios by depth")
    .option("--lock", "keep the table in optspec.lock, which optspec check enforces")
    .option("--json", "the same as --format json");
  const run = async () => {
    const { params, diff, html, lock, optimizer, names, set, allow } = command.opts<{
      params?: string;
      diff?: string;
      html?: string;
      lock?: true;
      optimizer?: string;
      names?: string;
      set: string[];
      allow: string[];
    }>();
    const [spec, name] = command.args;
    const setup = { optimizer: optimizer ?? null, names: names ?? null, set, allow };
    const list = { params: params ?? null, diff: diff ?? null, html: html ?? null, lock: lock === true };
    return (await import("./explain.js")).explain(context, { ...setup, ...list, spec: spec!, name: name ?? null });
  };
  return { command, run };
}

function defineInfer(context: Context): Defined {
  const parent = new Command("rules").description("write rules").helpCommand(false);
  const command = new Command("infer")
    .description("propose a ruleset for a model's list of parameters: a start to edit")
    .requiredOption("--params <file>", "the model's parameters, as for explain")
    .option("--name <name>", "of the ruleset", "Inferred")
    .option("--out <file>", "where the text goes (default: stdout)");
  const run = async () => {
    const { params, name, out = null } = command.opts<{ params: string; name: string; out?: string }>();
    return (await import("./infer.js")).infer(context, { params, name, out });
  };
  return { command, parent, run };
}

interface ReplayLists {
  readonly run: string;
  readonly target: TargetName;
  readonly set: readonly string[];
  readonly allow: readonly string[];
  readonly option: readonly string[];
  readonly map: readonly string[];
}

function defineReplay(context: Context): Defined {
  const command = setupOptions(new Command("replay"))
    .description("feed a recorded run to a spec and compare with somebody else's numbers")
    .argument("<spec>", "the spec")
    .requiredOption("--run <file>", "safetensors with init/<param> and grad/<step>/<param>")
    .addOption(
      new Option("--target <target>", "what computes").choices(["interpret", "interpret64", "cpu", "webgpu", "cuda"]).default("interpret"),
    )
    .option("--steps <n>", "stop after this step")
    .option("--keep <steps>", "steps to keep, as 1,2,5 (default: those of --against, else the last)")
    .option("--out <file>", "write param/<step>/<param> and state/<step>/<param>/<state> of the kept steps")
    .option(
      "--against <file>",
      "compare with param/... and, where names agree, state/... of this file (interpret64: with param64/... where that is there)",
    )
    .option("--rtol <x>", "an element may differ by atol + rtol * |theirs| (default: 6.5e-6; against f64 1e-9)")
    .option("--atol <x>", "(default: 5e-5; against f64 1e-12; 0 where only --rtol is given)");
  repeatable(command, "--option <name=value>", "an option of the spec");
  repeatable(command, "--map <theirs=ours>", "a state's name in the file of --against");
  const run = async () => {
    const given = command.opts<ReplayLists>();
    const texts = command.opts<Partial<Record<"optimizer" | "names" | "steps" | "keep" | "out" | "against" | "rtol" | "atol", string>>>();
    const { optimizer = null, names = null, steps = null, keep = null, out = null, against = null, rtol = null, atol = null } = texts;
    const { replay } = await import("./replay.js");
    return replay(context, { ...given, spec: command.args[0]!, optimizer, names, steps, keep, out, against, rtol, atol });
  };
  return { command, run };
}

function defineReport(context: Context): Defined {
  const command = setupOptions(new Command("report"))
    .description("say what a step costs: bytes, sweeps, states, operations; and what the optimizer provably is")
    .argument("<spec>", "the spec")
    .option("--params <file>", "a model's parameters, as for explain: the cost of a whole step")
    .option("--bandwidth <GB/s>", "of the memory, for the time that the bytes imply", "1000");
  repeatable(command, "--option <name=value>", "an option of the spec");
  const run = async () => {
    const given = command.opts<{ set: string[]; allow: string[]; option: string[]; bandwidth: string }>();
    const { optimizer = null, names = null, params = null } = command.opts<Partial<Record<"optimizer" | "names" | "params", string>>>();
    return (await import("./report.js")).report(context, { ...given, spec: command.args[0]!, optimizer, names, params });
  };
  return { command, run };
}

function definePlot(context: Context): Defined {
  const command = setupOptions(new Command("plot"))
    .description("draw schedules over the steps, and ratios over the layers of a model, in the terminal or as SVG")
    .argument("<files...>", "specs, and modules (.js, .mjs) whose exports are schedules or functions of the step; such a module is run")
    .option("--steps <n>", "how many steps are drawn (default: as far as the schedule moves)")
    .option("--params <file>", "a model's parameters, as for explain: draws what rules make of its layers")
    .option("--svg <file>", "write a picture instead; - is stdout");
  const run = async () => {
    const { set, allow } = command.opts<{ set: string[]; allow: string[] }>();
    const texts = command.opts<Partial<Record<"optimizer" | "names" | "steps" | "params" | "svg", string>>>();
    const { optimizer = null, names = null, steps = null, params = null, svg = null } = texts;
    return (await import("./plot.js")).plot(context, { files: command.args, set, allow, optimizer, names, steps, params, svg });
  };
  return { command, run };
}

function defineDoctor(context: Context): Defined {
  const command = new Command("doctor").description("say which devices this machine has, and what is missing for the others");
  return { command, run: async () => (await import("./doctor/doctor.js")).doctor(context) };
}
