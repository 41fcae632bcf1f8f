import { expect, test } from "vitest";
import { optspec, put } from "./command.js";
import { temporaryFolder } from "./folder.js";

const rules = (factor: number, decay: string) => `ruleset R {
  scale lr { "layers.{n}" => ${factor} ^ (3 - n)   else => 1 }
  set weight_decay { ${decay}   else => weight_decay }
  freeze { "frozen" => true   else => false }
}`;
const names = ["layers.0.w", "layers.1.w", "layers.2.w", "head.w", "frozen.w"];
const list = (some: readonly string[]) => JSON.stringify(some.map((name) => ({ name, shape: [2, 2] })));

async function tableOf(folder: string, text: string): Promise<void> {
  put(folder, { "r.opt": text, "list.json": list(names) });
  const { out } = await optspec(folder, ["explain", "r.opt", "--params", "list.json", "--json"]);
  put(folder, { "old.json": out });
}

const diff = (folder: string, ...more: string[]) =>
  optspec(folder, ["explain", "r.opt", "--params", "list.json", "--diff", "old.json", ...more]);

test("explain --diff tells what a table decides otherwise, by families", async () => {
  const folder = temporaryFolder();
  await tableOf(folder, rules(0.5, '"head" => 0'));
  expect((await diff(folder)).out).toBe("no parameter is decided otherwise\n");

  const changed = rules(0.25, '"layers.0" => 0.5').replace('"frozen"', '"head"');
  put(folder, { "r.opt": changed, "list.json": list([...names.slice(0, 4), "new.w", "new.\u001b[31mw"]) });
  expect((await diff(folder)).out.split("\n")).toEqual([
    "~ layers.0.w (1): lr ratio 0.125 -> 0.01563, weight_decay 1 -> 0.5",
    "~ layers.{1..2}.w (2): lr ratio 0.25 .. 0.5 -> 0.0625 .. 0.25",
    "~ head.w (1): frozen no -> yes",
    expect.stringMatching(/^\+ new\..*\(\d\)$/),
    "- frozen.w",
    "",
  ]);
  const { out } = await diff(folder, "--json");
  expect(out).not.toContain("\u001b");
  const { diff: document } = JSON.parse(out);
  expect(document.removed.map(({ name }: { name: string }) => name)).toEqual(["frozen.w"]);
  expect(document.changed).toHaveLength(4);
  expect(document.added).toHaveLength(2);
});

test("a file that is no table is an error with a way out", async () => {
  const folder = temporaryFolder();
  await tableOf(folder, rules(0.5, '"head" => 0'));
  for (const content of ["[", "{}", '{"params":[{"name":1}]}', '{"params":[{"name":"a","frozen":false,"use":null,"hypers":{"lr":{}}}]}']) {
    put(folder, { "old.json": content });
    expect(await diff(folder), content).toMatchObject({ exitCode: 2, talk: expect.stringMatching(/no table of parameters[\s\S]*--json/) });
  }
});

test("--diff needs a whole table of now", async () => {
  const folder = temporaryFolder();
  await tableOf(folder, rules(0.5, '"head" => 0'));
  for (const more of [["head.w", "--params", "list.json"], []])
    expect(await optspec(folder, ["explain", "r.opt", "--diff", "old.json", ...more])).toMatchObject({
      exitCode: 2,
      talk: expect.stringContaining("compares whole tables"),
    });
});
