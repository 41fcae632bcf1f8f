// Rulesets on the command line: built to modules of their own, explained without an optimizer.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { optspec, put } from "./command.js";
import { temporaryFolder } from "./folder.js";

const decay = `ruleset LayerDecay {
  hyper layer_decay = 0.5 in (0, 1]
  order depth { "layers.{n}" => (1, n)   "norm" => (1, last)   else => 0 }
  scale lr { else => layer_decay ^ (depth.max - depth) }
  set weight_decay { rank <= 1 => 0   else => weight_decay }
}
`;
const list = { "embed.w": [3, 2], "layers.0.w": [2, 2], "layers.1.w": [2, 2], "norm.w": [2] };

function prepared(text = decay): string {
  const folder = temporaryFolder();
  put(folder, { "rules.opt": text, "p.json": JSON.stringify(list) });
  return folder;
}

describe("explain", () => {
  test("a ruleset alone, with what it assumes", async () => {
    const { exitCode, out } = await optspec(prepared(), [
      "explain",
      "rules.opt",
      "--params",
      "p.json",
      "--set",
      "weight_decay=0.1",
      "--json",
    ]);
    expect(exitCode).toBe(0);
    const params = JSON.parse(out).params as {
      name: string;
      orders: { depth: number };
      hypers: Record<"lr" | "weight_decay", { ratio: number; value: number }>;
    }[];
    expect(params.map(({ name, orders, hypers }) => [name, orders.depth, hypers.lr.ratio, hypers.weight_decay.value])).toEqual([
      ["embed.w", 0, 0.25, 0.1],
      ["layers.0.w", 1, 0.5, 0.1],
      ["layers.1.w", 2, 1, 0.1],
      ["norm.w", 2, 1, 0],
    ]);
  });

  test("says what it counts as 1", async () => {
    const { out, talk } = await optspec(prepared(), ["explain", "rules.opt", "--params", "p.json", "--set", "weight_decay=0.1"]);
    expect(out + talk).toContain("note: LayerDecay alone does not know lr: shown for 1; give others with --set");
  });

  test("an index gap and a hyper that is not there", async () => {
    const folder = prepared('ruleset R { scale lr { "layers.{n}" => 0.9 ^ n   else => 1 } }');
    put(folder, { "p.json": JSON.stringify({ "layers.0.w": [2], "layers.2.w": [2] }) });
    const { out, talk } = await optspec(folder, ["explain", "rules.opt", "--params", "p.json"]);
    expect(out + talk).toContain("meets no parameter with n 1");
    expect((await optspec(folder, ["explain", "rules.opt", "--params", "p.json", "--set", "k=1"])).exitCode).not.toBe(0);
  });
});

describe("build", () => {
  test("writes a module and its types, which check holds to the text", async () => {
    const folder = prepared();
    expect((await optspec(folder, ["build"])).exitCode).toBe(0);
    const generated = (file: string) => join(folder, "generated", "layerdecay", file);
    expect(readFileSync(generated("layerdecay.js"), "utf8")).toContain("export function layerDecay(hypers = {})");
    expect(readFileSync(generated("layerdecay.d.ts"), "utf8")).toContain("readonly layerDecay?: HyperValue;");
    expect(existsSync(generated("manifest.json"))).toBe(false);
    expect((await optspec(folder, ["check"])).exitCode).toBe(0);
    put(folder, { "rules.opt": decay.replace("0.5", "0.6") });
    expect((await optspec(folder, ["check"])).exitCode).toBe(1);
  });

  test("refuses a ruleset and an optimizer of one name in two files", async () => {
    const folder = prepared();
    put(folder, { "other.opt": "optimizer layerDecay { param <- param - grad }" });
    const { exitCode, out, talk } = await optspec(folder, ["build"]);
    expect(exitCode).toBe(1);
    expect(out + talk).toContain("would be written into one folder");
  });
});

describe("rules infer", () => {
  const model = Object.fromEntries([
    ["bert.embeddings.w", [30, 2]],
    ...[0, 1, 2].flatMap((n) => [
      [`bert.layer.${n}.w`, [2, 2]],
      [`bert.layer.${n}.b`, [2]],
    ]),
    ["head.w", [2, 2]],
  ]);

  test("writes a text that explain takes, and shows what it decides", async () => {
    const folder = temporaryFolder();
    put(folder, { "model.json": JSON.stringify(model) });
    const ran = await optspec(folder, ["rules", "infer", "--params", "model.json"]);
    expect(ran).toMatchObject({
      exitCode: 0,
      talk: expect.stringMatching(/bert\.layer\.\{0\.\.2\}\.w\s+3\s+0\.729 \.\. 0\.9[\s\S]*a start to edit/),
    });
    expect(ran.out).toMatch(/^\/\/\/ Proposed by `optspec rules infer` for model\.json: a start to edit\.[\s\S]*\nruleset Inferred \{/);

    const written = await optspec(folder, ["rules", "infer", "--params", "model.json", "--name", "Bert", "--out", "bert.opt"]);
    expect(written).toMatchObject({ exitCode: 0, talk: expect.stringContaining("optspec explain bert.opt --params model.json") });
    const explained = await optspec(folder, ["explain", "bert.opt", "--params", "model.json"]);
    expect(explained).toMatchObject({ exitCode: 0, out: written.out });
    const json = JSON.parse((await optspec(folder, ["rules", "infer", "--params", "model.json", "--format", "json"])).out);
    expect(json).toMatchObject({
      ok: true,
      families: [{ pattern: "^bert.layer.{n}", layers: 3, tensors: 6 }],
      embeddings: ["^bert.embeddings"],
    });
  });

  test("never overwrites, and refuses what is no name", async () => {
    const folder = temporaryFolder();
    put(folder, { "model.json": JSON.stringify(model), "mine.opt": "precious" });
    const ran = await optspec(folder, ["rules", "infer", "--params", "model.json", "--out", "mine.opt"]);
    expect(ran).toMatchObject({ exitCode: 2, talk: expect.stringContaining("mine.opt is there already") });
    expect(readFileSync(join(folder, "mine.opt"), "utf8")).toBe("precious");
    for (const name of ["1a", "a b", "x{}", "if"])
      expect(await optspec(folder, ["rules", "infer", "--params", "model.json", "--name", name]), name).toMatchObject({ exitCode: 2 });
    expect(await optspec(folder, ["rules", "infer"])).toMatchObject({ exitCode: 2 });
  });
});
