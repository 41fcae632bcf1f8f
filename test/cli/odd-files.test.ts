// Files that are no plain text of ours: marks of other editors, devices, bytes, names that no file system takes.

import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { optspec, put, sgd } from "./command.js";
import { contents, temporaryFolder } from "./folder.js";

const MARK = "\u{feff}";

test("a byte order mark is no text, in specs, configs and lists", async () => {
  const folder = temporaryFolder();
  const config = { specs: ["s.opt"], out: "made" };
  put(folder, { "s.opt": MARK + sgd(), "optspec.config.json": MARK + JSON.stringify(config), "list.json": `${MARK}{"w":[2,3]}` });
  expect(await optspec(folder, ["build"])).toMatchObject({ exitCode: 0 });
  expect(Object.keys(contents(join(folder, "made")))).toContain("sgd/sgd.js");
  expect(await optspec(folder, ["explain", "s.opt", "--params", "list.json"])).toMatchObject({ exitCode: 0 });
});

describe("what is refused at once, with a way out and without a trace", () => {
  test.skipIf(process.platform === "win32").each([
    ["a device as spec", ["check", "/dev/zero"], /zero is a device, not a file\n {2}help: check the path/],
    ["a device as list", ["explain", "s.opt", "--params", "/dev/zero"], /\/dev\/zero is a device/],
    ["a config that is not there", ["build", "--config", "nowhere.json"], /cannot read the config nowhere.json: no such file/],
    ["a device as run", ["replay", "s.opt", "--run", "/dev/zero"], /\/dev\/zero is a device/],
    ["links in a circle", ["check", "circle.opt"], /circle.opt: symbolic links lead in a circle/],
    ["bytes", ["check", "bytes.opt"], /bytes.opt is not UTF-8 text/],
    ["a name too long", ["check", `${"a".repeat(5_000)}.opt`], /the name is too long/],
  ])("%s", async (_, args, message) => {
    const folder = temporaryFolder();
    put(folder, { "s.opt": sgd(), "bytes.opt": new Uint8Array([0xff, 0x80, 0, 1]) });
    symlinkSync("circle.opt", join(folder, "circle.opt"));
    const { exitCode, talk, out } = await optspec(folder, args);
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
    expect(talk).toMatch(message);
    expect(talk).not.toMatch(/bug:|\n {4}at /);
  });
});

test("an optimizer with a long name is built under a shorter one", async () => {
  const folder = temporaryFolder();
  put(folder, { "s.opt": sgd("A".repeat(300)) + sgd(`${"A".repeat(299)}B`) });
  expect(await optspec(folder, ["build", "s.opt"])).toMatchObject({ exitCode: 0 });
  const folders = new Set(Object.keys(contents(join(folder, "generated"))).map((path) => path.split("/")[0]!));
  expect([...folders].sort()).toEqual(["a".repeat(80), `${"a".repeat(80)}_`, "optspec-files.json"].sort());
});
