import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { shortDiff } from "../../src/cli/short-diff.js";
import { optspec, put, sgd } from "./command.js";
import { contents, temporaryFolder } from "./folder.js";

test("check says what a build would change, and writes nothing", async () => {
  const folder = temporaryFolder();
  put(folder, { "a.opt": sgd("First"), "b.opt": sgd("Second"), "c.opt": sgd("Third") });
  expect(await optspec(folder, ["check"])).toMatchObject({
    exitCode: 1,
    out: expect.stringMatching(/missing\s+generated\/first\/manifest\.json/),
  });
  expect(contents(folder)).not.toHaveProperty("generated/optspec-files.json");
  await optspec(folder, ["build"], "g");
  expect(await optspec(folder, ["check"], "g")).toMatchObject({ exitCode: 0, out: "" });
  expect(await optspec(folder, ["check"])).toMatchObject({ exitCode: 0, out: "" });

  put(folder, { "a.opt": sgd("First", "param <- param + lr * grad") });
  rmSync(join(folder, "b.opt"));
  rmSync(join(folder, "generated/third/plan.txt"));
  const before = contents(folder);
  const ran = await optspec(folder, ["check"], "g");
  expect(ran.exitCode).toBe(1);
  expect(ran.out).toMatch(/stale\s+generated\/first\/manifest\.json\n\s+@ line \d+\n\s+- .*\n\s+\+ /);
  expect(ran.out).toMatch(/orphaned\s+generated\/second\/manifest\.json/);
  expect(ran.out).toMatch(/missing\s+generated\/third\/plan\.txt/);
  expect(ran.talk).toContain("optspec build");
  expect(contents(folder)).toEqual(before);

  await optspec(folder, ["build"], "g");
  writeFileSync(join(folder, "generated/first/first.js"), "edited\n");
  expect(await optspec(folder, ["check"], "g")).toMatchObject({
    exitCode: 1,
    out: expect.stringMatching(/^stale\s+generated\/first\/first\.js/),
  });
});

test("check reports a spec's mistakes as build does", async () => {
  const folder = temporaryFolder();
  put(folder, { "a.opt": sgd("First", "param <- param - lrr * grad") });
  expect(await optspec(folder, ["check"])).toMatchObject({ exitCode: 1, talk: expect.stringContaining("lrr") });
});

test("a short diff shows the lines between the common start and end", () => {
  const diff = (a: string, b: string) => shortDiff(new TextEncoder().encode(a), new TextEncoder().encode(b));
  expect(diff("a\nb\nc\n", "a\nx\ny\nc\n")).toEqual(["@ line 2", "- b", "+ x", "+ y"]);
  expect(diff("a\na\n", "a\na\na\n")).toEqual(["@ line 3", "+ a"]);
  expect(diff("1\n2\n3\n4\n5\n6\n", "")).toEqual(["@ line 1", "- 1", "- 2", "- 3", "- 4", "- … 2 more"]);
  expect(shortDiff(new Uint8Array([0, 1]), new Uint8Array([0]))).toEqual(["- 2 bytes", "+ 1 bytes"]);
});
