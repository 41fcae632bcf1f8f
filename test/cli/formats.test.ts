import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { optspec, put, sgd } from "./command.js";
import { temporaryFolder } from "./folder.js";

describe("formats", () => {
  test("json is one document on stdout, whatever happens", async () => {
    const folder = temporaryFolder();
    put(folder, { "a.opt": sgd() });
    const built = await optspec(folder, ["build", "--format", "json"]);
    expect(built.talk).toBe("");
    expect(JSON.parse(built.out)).toMatchObject({ command: "build", ok: true, diagnostics: [], out: "generated" });
    expect(JSON.parse(built.out).files).toContainEqual(expect.objectContaining({ path: "sgd/manifest.json", action: "written" }));
    put(folder, { "a.opt": sgd("Sgd", "param <- param - lr * lrr * grad") });
    const failed = JSON.parse((await optspec(folder, ["build", "--format", "json"])).out);
    expect(failed).toMatchObject({ ok: false, diagnostics: [{ severity: "error", path: "a.opt", start: { line: 3 } }] });
    const refused = JSON.parse((await optspec(folder, ["build", "none.opt", "--format", "json"])).out);
    expect(refused).toMatchObject({ ok: false, error: { message: expect.stringContaining("none.opt") } });
  });

  test("github annotates files, and nothing can add a command of its own", async () => {
    const folder = temporaryFolder();
    put(folder, { "a,b::c\n::error ::d%.opt": sgd("Sgd", "param <- param - lr * lrr * grad") });
    const { out, exitCode } = await optspec(folder, ["build", "--format", "github"]);
    expect(exitCode).toBe(1);
    const commands = out.split("\n").filter((line) => line.startsWith("::"));
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) expect(command).toMatch(/^::error file=[^,:]*%2Cb%3A%3Ac[^,:]*,line=3,col=\d+/);
  });

  test("names in messages cannot reach the terminal raw", async () => {
    const folder = temporaryFolder();
    const ran = await optspec(folder, ["build", "evil\u001b[2J\u202e.opt"]);
    expect(ran.exitCode).toBe(2);
    for (const raw of ["\u001b", "\u202e"]) expect(ran.talk + ran.out).not.toContain(raw);
  });
});

describe("usage", () => {
  test.each([[["frobnicate"]], [["build", "--nonsense"]], [["build", "--format", "xml"]], [["replay", "a.opt"]], [["explain"]], [[]]])(
    "%j is a mistake",
    async (args) => {
      const ran = await optspec(temporaryFolder(), args);
      expect(ran).toMatchObject({ exitCode: 2, out: "" });
      expect(ran.talk).not.toBe("");
    },
  );

  test("--help and --version are data, and list what exists", async () => {
    const help = await optspec(temporaryFolder(), ["--help"]);
    expect(help).toMatchObject({ exitCode: 0, talk: "" });
    const commands = [...help.out.matchAll(/^ {2}(\w+) (?=.* )/gm)].map(([, name]) => name);
    expect(commands).toEqual(["init", "build", "check", "explain", "rules", "replay", "report", "plot", "doctor"]);
    expect(await optspec(temporaryFolder(), ["--version"])).toMatchObject({ exitCode: 0, out: "0.0.0\n" });
  });
});

describe("init", () => {
  test("writes a spec that builds, and never over another", async () => {
    const folder = temporaryFolder();
    expect(await optspec(folder, ["init"])).toMatchObject({ exitCode: 0, out: "my.opt\n", talk: expect.stringContaining("optspec build") });
    const spec = readFileSync(join(folder, "my.opt"), "utf8");
    expect(await optspec(folder, ["build"])).toMatchObject({ exitCode: 0 });
    expect(existsSync(join(folder, "generated/myoptimizer/myoptimizer.js"))).toBe(true);
    put(folder, { "my.opt": `${spec}// mine\n` });
    expect(await optspec(folder, ["init"])).toMatchObject({ exitCode: 1, out: "" });
    expect(readFileSync(join(folder, "my.opt"), "utf8")).toBe(`${spec}// mine\n`);
  });

  test("the spec that it writes earns no warning, and its rules say what its comments say", async () => {
    const folder = temporaryFolder();
    await optspec(folder, ["init"]);
    expect(JSON.parse((await optspec(folder, ["check", "--format", "json"])).out).diagnostics).toEqual([]);
    put(folder, { "p.txt": "embedding.weight [2]\nlayers.0.weight [2]\nlayers.11.weight [2]\nhead [2]\n" });
    expect(await optspec(folder, ["explain", "my.opt", "--params", "p.txt"])).toMatchObject({ exitCode: 0 });
  });
});
