import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { optspec, put, sgd } from "./command.js";
import { contents, temporaryFolder } from "./folder.js";

/** A folder with one built spec, `my.opt`. */
async function built(): Promise<string> {
  const folder = temporaryFolder();
  put(folder, { "my.opt": sgd() });
  expect(await optspec(folder, ["build"], "g")).toMatchObject({ exitCode: 0 });
  return folder;
}

/** Identity and time of every file: what changes when a file is touched. */
function stamps(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.keys(contents(folder)).map((path) => {
      const { ino, mtimeNs } = statSync(join(folder, path), { bigint: true });
      return [path, `${ino} ${mtimeNs}`];
    }),
  );
}

describe("build", () => {
  test("without a config: *.opt here and in examples/, into generated/, one folder an optimizer", async () => {
    const folder = temporaryFolder();
    put(folder, {
      "a.opt": sgd("First"),
      "examples/b.opt": sgd("Second"),
      "other/c.opt": sgd("Third"),
      "node_modules/x.opt": sgd("Fourth"),
    });
    const ran = await optspec(folder, ["build"]);
    expect(ran).toMatchObject({ exitCode: 0 });
    const made = Object.keys(contents(join(folder, "generated")));
    expect(new Set(made.map((path) => path.split("/")[0]))).toEqual(new Set(["first", "second", "optspec-files.json"]));
    for (const file of made.filter((path) => path !== "optspec-files.json")) expect(ran.out).toContain(`generated/${file}`);
    expect(readdirSync(folder).sort()).toEqual(["a.opt", "examples", "generated", "node_modules", "other"]);
  });

  test("a second build touches nothing, with and without the record of the first", async () => {
    const folder = await built();
    const before = stamps(folder);
    expect(await optspec(folder, ["build"], "g")).toMatchObject({ exitCode: 0, out: "", talk: expect.stringContaining("up to date") });
    rmSync(join(folder, "generated/.optspec"), { recursive: true });
    expect(await optspec(folder, ["build"])).toMatchObject({ exitCode: 0, out: "", talk: expect.stringContaining("up to date") });
    expect(stamps(folder)).toEqual(before);
  });

  test("only what changed is written", async () => {
    const folder = temporaryFolder();
    put(folder, { "a.opt": sgd("First"), "b.opt": sgd("Second") });
    await optspec(folder, ["build"]);
    const before = stamps(folder);
    put(folder, { "b.opt": sgd("Second", "param <- param - 2 * lr * grad") });
    await optspec(folder, ["build"]);
    const after = stamps(folder);
    const touched = Object.keys(before).filter((path) => after[path] !== before[path]);
    expect(touched).toEqual(expect.arrayContaining(["generated/optspec-files.json", "generated/second/manifest.json"]));
    expect(touched.filter((path) => path.startsWith("generated/first/"))).toEqual([]);
  });

  test("the record of the last build is not believed when anything differs", async () => {
    const folder = await built();
    const file = join(folder, "generated/sgd/plan.txt");
    const good = contents(join(folder, "generated"));
    rmSync(file);
    expect((await optspec(folder, ["build"], "g")).out).toContain("plan.txt");
    expect(contents(join(folder, "generated"))).toEqual(good);
    expect((await optspec(folder, ["build"], "another compiler")).out).toBe("");
    put(folder, { "my.opt": sgd("Sgd", "param <- param + lr * grad") });
    expect((await optspec(folder, ["build"], "another compiler")).out).not.toBe("");
  });

  test("one spec with a mistake: nothing at all is written", async () => {
    const folder = temporaryFolder();
    put(folder, { "a.opt": sgd("First"), "b.opt": sgd("Second", "param <- param - lrr * grad") });
    const ran = await optspec(folder, ["build"]);
    expect(ran.exitCode).toBe(1);
    expect(ran.talk).toContain("b.opt");
    expect(ran.talk).toContain("nothing was written");
    expect(existsSync(join(folder, "generated"))).toBe(false);
  });

  test.each([
    ["the same name", "Sgd", "Sgd"],
    ["names that differ in case", "Sgd", "SGD"],
  ])("two files with %s", async (_, first, second) => {
    const folder = temporaryFolder();
    put(folder, { "a.opt": sgd(first), "b.opt": sgd(second) });
    const ran = await optspec(folder, ["build"]);
    expect(ran.exitCode).toBe(1);
    expect(ran.talk).toContain("a.opt");
    expect(ran.talk).toContain("b.opt");
    expect(existsSync(join(folder, "generated"))).toBe(false);
  });

  test("files on the command line: only theirs are built, others' outputs stay", async () => {
    const folder = temporaryFolder();
    put(folder, { "a.opt": sgd("First"), "b.opt": sgd("Second") });
    await optspec(folder, ["build", "a.opt"]);
    await optspec(folder, ["build", "b.opt"]);
    expect(existsSync(join(folder, "generated/first/manifest.json"))).toBe(true);
    put(folder, { "b.opt": sgd("Renamed") });
    await optspec(folder, ["build", "b.opt"]);
    expect(existsSync(join(folder, "generated/first/manifest.json"))).toBe(true);
    expect(existsSync(join(folder, "generated/second"))).toBe(false);
    expect(existsSync(join(folder, "generated/renamed/manifest.json"))).toBe(true);
    put(folder, { "c.opt": sgd("First") });
    expect(await optspec(folder, ["build", "c.opt"])).toMatchObject({ exitCode: 2, talk: expect.stringContaining("a.opt") });
  });

  test("outputs of a spec that is gone are removed, with their folder", async () => {
    const folder = await built();
    rmSync(join(folder, "my.opt"));
    put(folder, { "other.opt": sgd("Other") });
    expect((await optspec(folder, ["build"])).out).toMatch(/generated\/sgd\/\S+\s+removed/);
    expect(readdirSync(join(folder, "generated")).sort()).toEqual([".optspec", "optspec-files.json", "other"]);
  });

  test("files that are not specs, or not there", async () => {
    const folder = temporaryFolder();
    expect(await optspec(folder, ["build"])).toMatchObject({ exitCode: 2, talk: expect.stringContaining("optspec init") });
    expect(await optspec(folder, ["build", "none.opt"])).toMatchObject({ exitCode: 2, talk: expect.stringContaining("none.opt") });
    expect(await optspec(folder, ["build", "."])).toMatchObject({ exitCode: 2, talk: expect.stringContaining("folder") });
    put(folder, { "bad.opt": new Uint8Array([0xff, 0xfe, 0]) });
    expect(await optspec(folder, ["build", "bad.opt"])).toMatchObject({ exitCode: 2, talk: expect.stringContaining("UTF-8") });
  });
});

describe("the output folder", () => {
  test("is a file", async () => {
    const folder = temporaryFolder();
    put(folder, { "my.opt": sgd(), generated: "mine" });
    expect(await optspec(folder, ["build"])).toMatchObject({
      exitCode: 2,
      talk: expect.stringMatching(/generated.*not a folder[\s\S]*--out/),
    });
    put(folder, { file: "mine" });
    expect(await optspec(folder, ["build", "--out", "file/below"])).toMatchObject({ exitCode: 2, talk: expect.stringContaining("--out") });
    expect(await optspec(folder, ["build", "--out", "/proc/optspec/generated"])).toMatchObject({
      exitCode: 2,
      talk: expect.stringContaining("--out"),
    });
    expect(contents(folder)).toMatchObject({ generated: "mine", file: "mine" });
  });

  test.each(["sgd/manifest.json", "optspec-files.json"])("holds a stranger's %s", async (path) => {
    const folder = temporaryFolder();
    put(folder, { "my.opt": sgd(), [`generated/${path}`]: "a stranger's" });
    const before = contents(folder);
    const ran = await optspec(folder, ["build"]);
    expect(ran.exitCode).not.toBe(0);
    expect(ran.talk).toContain(path);
    expect(contents(folder)).toEqual(before);
  });

  test("a stranger's file is overwritten only by force", async () => {
    const folder = temporaryFolder();
    put(folder, { "my.opt": sgd(), "generated/sgd/manifest.json": "a stranger's", "generated/notes.txt": "mine" });
    expect((await optspec(folder, ["build", "--force"])).exitCode).toBe(0);
    expect(JSON.parse(readFileSync(join(folder, "generated/sgd/manifest.json"), "utf8"))).toMatchObject({ optimizer: { name: "Sgd" } });
    expect(readFileSync(join(folder, "generated/notes.txt"), "utf8")).toBe("mine");
  });

  test("an edited output is neither overwritten nor removed, except by force", async () => {
    const folder = await built();
    const file = join(folder, "generated/sgd/sgd.js");
    writeFileSync(file, "// mine now\n");
    put(folder, { "my.opt": sgd("Sgd", "param <- param + lr * grad") });
    const before = contents(folder);
    expect(await optspec(folder, ["build"], "g")).toMatchObject({
      exitCode: 1,
      talk: expect.stringMatching(/sgd\.js was edited[\s\S]*--force/),
    });
    put(folder, { "my.opt": sgd("Other") });
    expect(await optspec(folder, ["build"], "g")).toMatchObject({ exitCode: 1, talk: expect.stringContaining("sgd.js was edited") });
    expect({ ...contents(folder), "my.opt": before["my.opt"] }).toEqual(before);
    expect((await optspec(folder, ["build", "--force"], "g")).exitCode).toBe(0);
    expect(existsSync(file)).toBe(false);
  });

  test("a lost list of files: what is the same is taken over, the rest is a stranger's", async () => {
    const folder = await built();
    rmSync(join(folder, "generated/optspec-files.json"));
    expect((await optspec(folder, ["build"], "g")).exitCode).toBe(0);
    rmSync(join(folder, "generated/optspec-files.json"));
    put(folder, { "my.opt": sgd("Sgd", "param <- param + lr * grad") });
    expect(await optspec(folder, ["build"], "g")).toMatchObject({
      exitCode: 1,
      talk: expect.stringContaining("was not written by optspec"),
    });
  });

  test.each([
    ["no JSON", "{"],
    ["another version", '{"listVersion":99,"optimizers":{}}'],
    ["a path that leads out", '{"listVersion":1,"optimizers":{"..":{"source":"a","files":{"../my.opt":"0"}}}}'],
    ["a hash that is no text", '{"listVersion":1,"optimizers":{"a":{"source":"a","files":{"a/b":1}}}}'],
  ])("holds a list that is damaged: %s", async (_, text) => {
    const folder = await built();
    writeFileSync(join(folder, "generated/optspec-files.json"), text);
    const before = contents(folder);
    expect(await optspec(folder, ["build"], "g")).toMatchObject({ exitCode: 2, talk: expect.stringContaining("optspec-files.json") });
    expect(contents(folder)).toEqual(before);
  });

  test("is a link that leads outside", async () => {
    const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()];
    put(folder, { "my.opt": sgd() });
    symlinkSync(elsewhere, join(folder, "generated"));
    expect(await optspec(folder, ["build"])).toMatchObject({
      exitCode: 2,
      talk: expect.stringMatching(/symbolic link that leads outside[\s\S]*--out/),
    });
    expect(readdirSync(elsewhere)).toEqual([]);
    rmSync(join(folder, "generated"));
    symlinkSync(join(elsewhere, "not-there"), join(folder, "generated"));
    expect((await optspec(folder, ["build"])).exitCode).toBe(2);
    expect(readdirSync(elsewhere)).toEqual([]);
    expect((await optspec(folder, ["build", "--out", elsewhere])).exitCode).toBe(0);
  });

  test("holds a folder that is a link leading outside", async () => {
    const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()];
    put(folder, { "my.opt": sgd() });
    mkdirSync(join(folder, "generated"));
    symlinkSync(elsewhere, join(folder, "generated/sgd"));
    expect(await optspec(folder, ["build", "--force"])).toMatchObject({ exitCode: 2, talk: expect.stringContaining("leads outside") });
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test("holds a link or a folder where a file goes: never overwritten, not even by force", async () => {
    const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()];
    put(folder, { "my.opt": sgd() });
    put(elsewhere, { precious: "mine" });
    mkdirSync(join(folder, "generated/sgd"), { recursive: true });
    symlinkSync(join(elsewhere, "precious"), join(folder, "generated/sgd/manifest.json"));
    expect(await optspec(folder, ["build", "--force"])).toMatchObject({
      exitCode: 1,
      talk: expect.stringContaining("manifest.json is a symbolic link"),
    });
    expect(contents(elsewhere)).toEqual({ precious: "mine" });
    rmSync(join(folder, "generated/sgd/manifest.json"));
    mkdirSync(join(folder, "generated/sgd/manifest.json"));
    expect(await optspec(folder, ["build", "--force"])).toMatchObject({
      exitCode: 1,
      talk: expect.stringContaining("manifest.json is not a file"),
    });
    expect(lstatSync(join(folder, "generated/sgd/manifest.json")).isDirectory()).toBe(true);
  });

  test("its working place is a link", async () => {
    const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()];
    put(folder, { "my.opt": sgd() });
    mkdirSync(join(folder, "generated"));
    symlinkSync(elsewhere, join(folder, "generated/.optspec"));
    expect(await optspec(folder, ["build"])).toMatchObject({ exitCode: 2, talk: expect.stringContaining(".optspec") });
    expect(readdirSync(elsewhere)).toEqual([]);
  });

  test.each(["..", "."])("is the project itself or above it: %s", async (out) => {
    const folder = temporaryFolder();
    put(folder, { "p/my.opt": sgd(), "p/optspec.config.json": JSON.stringify({ out }) });
    expect((await optspec(join(folder, "p"), ["build"])).exitCode).toBe(2);
    expect(readdirSync(folder)).toEqual(["p"]);
  });

  test.skipIf(process.getuid?.() === 0)("is not writable", async () => {
    const folder = temporaryFolder();
    put(folder, { "my.opt": sgd(), "generated/notes.txt": "mine" });
    chmodSync(join(folder, "generated"), 0o555);
    expect(await optspec(folder, ["build"])).toMatchObject({ exitCode: 2, talk: expect.stringMatching(/permission denied[\s\S]*--out/) });
    chmodSync(join(folder, "generated"), 0o755);
    expect(contents(join(folder, "generated"))).toEqual({ "notes.txt": "mine" });
  });

  test("a forged journal moves nothing out of the folder and overwrites nothing", async () => {
    const folder = await built();
    put(folder, { precious: "mine", "generated/.optspec/staging/0": "evil" });
    const journal = (path: string) =>
      put(folder, { "generated/.optspec/journal.json": JSON.stringify({ steps: [{ path, staged: "0", was: null, is: "0" }] }) });
    for (const path of ["../precious", "/etc/precious", "sgd/../../precious", "sgd/manifest.json", ".optspec/journal.json"]) {
      journal(path);
      expect((await optspec(folder, ["build", "--force"], "g")).exitCode, path).toBe(2);
      expect(contents(folder).precious).toBe("mine");
      rmSync(join(folder, "generated/.optspec/journal.json"));
    }
  });
});
