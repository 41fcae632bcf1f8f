// Tables under lock: written on request, enforced by check, changes shown as lines.

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { optspec, put } from "./command.js";
import { temporaryFolder } from "./folder.js";

const decay = `ruleset LayerDecay {
  hyper layer_decay = 0.5 in (0, 1]
  order depth { "embed" => 0   "layers.{n}" => (1, n)   else => 2 }
  scale lr { else => layer_decay ^ (depth.max - depth) }
  set weight_decay { rank <= 1 => 0   else => weight_decay }
}
`;
const model = Object.fromEntries([
  ["embed.w", [3, 2]],
  ...Array.from({ length: 6 }, (_, n) => [`layers.${n}.w`, [2, 2]]),
  ["head.w", [2, 2]],
  ["head.b", [2]],
]);

async function locked(text = decay, ...set: string[]): Promise<string> {
  const folder = temporaryFolder();
  put(folder, { "rules.opt": text, "p.json": JSON.stringify(model) });
  expect((await optspec(folder, ["build"])).exitCode).toBe(0);
  const ran = await lock(folder, ...set);
  expect(ran).toMatchObject({ exitCode: 0, talk: expect.stringContaining("LayerDecay over p.json is locked") });
  return folder;
}

const lock = (folder: string, ...args: string[]) =>
  optspec(folder, ["explain", "rules.opt", "--params", "p.json", "--set", "weight_decay=0.1", "--lock", ...args]);

/** Another text, built: only the lock can object. */
async function changed(folder: string, text: string) {
  put(folder, { "rules.opt": text });
  expect((await optspec(folder, ["build"])).exitCode).toBe(0);
  return optspec(folder, ["check"]);
}

test("a lock holds while decisions stay, whatever lines, comments, arms and the list's order do", async () => {
  const folder = await locked();
  expect(await optspec(folder, ["check"], "g")).toMatchObject({
    exitCode: 0,
    out: "",
    talk: expect.stringContaining("1 locked table holds"),
  });
  const moved = decay
    .replace("order depth {", '// counted from below\n\n  order depth { "embed.w" => 0  optional')
    .replace("0.5 in", "0.50 in");
  expect(await changed(folder, moved)).toMatchObject({ exitCode: 0, out: "" });
  put(folder, { "p.json": JSON.stringify(Object.fromEntries(Object.entries(model).reverse())) });
  expect((await optspec(folder, ["check"])).exitCode).toBe(0);
});

test("a change is an error with a readable diff, and is gone when the table is locked anew", async () => {
  const folder = await locked();
  const ran = await changed(folder, decay.replace('"embed" => 0', '"embed" => (1, 0)').replace("rank <= 1 => 0", "rank <= 1 => 0.3"));
  expect(ran.exitCode).toBe(1);
  expect(ran.out.trimEnd().split("\n")).toEqual([
    "changed   LayerDecay over p.json",
    "          ~ embed.w (1): lr ratio 0.0078125 -> 0.015625",
    "          ~ head.b (1): weight_decay 0 -> 0.3",
  ]);
  expect(ran.talk).toContain("optspec explain SPEC --params LIST --lock");
  const json = JSON.parse((await optspec(folder, ["check", "--format", "json"])).out);
  expect(json).toMatchObject({ ok: false, locks: { held: 0, broken: [{ spec: "rules.opt", name: "LayerDecay", params: "p.json" }] } });

  expect((await lock(folder)).talk).toContain("locked anew:\n  ~ embed.w (1): lr ratio 0.0078125 -> 0.015625");
  expect((await optspec(folder, ["check"])).exitCode).toBe(0);
  expect((await lock(folder)).talk).toContain("locked as before");
});

test("one layer among many, parameters that come and go", async () => {
  const folder = await locked();
  const ran = await changed(folder, decay.replace("scale lr { else", 'scale lr { "layers.3" => 0.3   else'));
  expect(ran.out).toContain("~ layers.{0..5}.w (6): lr ratio, number 4 of 6, 0.125 -> 0.3");
  put(folder, { "rules.opt": decay, "p.json": JSON.stringify({ ...model, "head.w": undefined, "head.c": [2, 2] }) });
  expect((await optspec(folder, ["build"])).exitCode).toBe(0);
  const { out } = await optspec(folder, ["check"]);
  expect(out).toContain("- head.w (1): lr ratio 1, weight_decay 0.1");
  expect(out).toContain("+ head.c (1): lr ratio 1, weight_decay 0.1");
});

test("settings are part of the entry; entries of other specs and lists stay", async () => {
  const folder = await locked(decay, "--set", "layer_decay=0.25");
  put(folder, { "few.json": JSON.stringify({ "embed.w": [3, 2], "layers.0.w": [2, 2], "head.b": [2] }) });
  await optspec(folder, ["explain", "rules.opt", "--params", "few.json", "--lock"]);
  expect((await optspec(folder, ["check"])).talk).toContain("2 locked tables hold");
  const lines = readFileSync(join(folder, "optspec.lock"), "utf8");
  expect(JSON.parse(lines).tables.map(({ params, set }: { params: string; set: string[] }) => [params, set])).toEqual([
    ["few.json", []],
    ["p.json", ["weight_decay=0.1", "layer_decay=0.25"]],
  ]);
  expect(lines.split("\n").filter((line) => line.includes('"layers.{0..5}.w"'))).toHaveLength(1);
  rmSync(join(folder, "few.json"));
  const ran = await optspec(folder, ["check"]);
  expect(ran).toMatchObject({ exitCode: 1, out: expect.stringContaining("! cannot read few.json") });
  expect((await optspec(folder, ["check", "rules.opt"])).exitCode).toBe(1);
});

test("a table with errors is not locked, and a damaged lock is refused", async () => {
  const folder = temporaryFolder();
  put(folder, { "rules.opt": decay, "p.json": JSON.stringify({ "head.w": [2] }) });
  expect(await lock(folder)).toMatchObject({ exitCode: 1, talk: expect.stringContaining("nothing is locked") });
  put(folder, { "optspec.lock": "{}", "p.json": JSON.stringify(model) });
  await optspec(folder, ["build"]);
  for (const ran of [await optspec(folder, ["check"]), await lock(folder)])
    expect(ran).toMatchObject({ exitCode: 2, talk: expect.stringContaining("optspec.lock is damaged") });
});

test("a broken spec breaks its lock; names in a diff cannot reach the terminal", async () => {
  const folder = await locked();
  put(folder, { "p.json": JSON.stringify({ ...model, "head.\u001b[31m.w": [2, 2] }) });
  const { out } = await optspec(folder, ["check"]);
  expect(out).toContain("+ head.\\u{1b}[31m.w (1)");
  expect(out).not.toContain("\u001b");
});
