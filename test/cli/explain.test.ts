import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { tensorOf, writeSafetensors } from "../../src/runtime/state/safetensors.js";
import { optspec, put } from "./command.js";
import { temporaryFolder } from "./folder.js";

const adamwdl = readFileSync(join(import.meta.dirname, "../../examples/adamwdl.opt"), "utf8");
const shapes = {
  "encoder.layers.0.weight": [2, 2],
  "encoder.layers.11.weight": [2, 2],
  "word_embeddings.weight": [3, 2],
  "head.bias": [2],
};

function prepared(): string {
  const folder = temporaryFolder();
  put(folder, { "a.opt": adamwdl, "p.json": JSON.stringify(shapes) });
  return folder;
}

const explain = (folder: string, ...args: string[]) => optspec(folder, ["explain", "a.opt", ...args]);
const ratios = (out: string): Record<string, number> =>
  Object.fromEntries(JSON.parse(out).params.map((p: { name: string; hypers: { lr: { ratio: number } } }) => [p.name, p.hypers.lr.ratio]));

describe("explain", () => {
  test("the ratios of AdamWDL, as its paper counts them", async () => {
    const { exitCode, out } = await explain(prepared(), "--params", "p.json", "--set", "layerwise_decay=0.5", "--json");
    expect(exitCode).toBe(0);
    expect(ratios(out)).toEqual({
      "encoder.layers.0.weight": 2 ** -12,
      "encoder.layers.11.weight": 0.5,
      "word_embeddings.weight": 2 ** -13,
      "head.bias": 1,
    });
  });

  test("every form of a list gives the same", async () => {
    const folder = prepared();
    const lines = Object.entries(shapes).map(([name, shape]) => `${name} [${shape}]`);
    const file = (names: readonly string[]) => writeSafetensors(new Map(names.map((name) => [name, tensorOf([2], new Float32Array(2))])));
    const names = Object.keys(shapes);
    put(folder, {
      "p.txt": lines.join("\n"),
      "p.txt.gz": gzipSync(lines.join("\n")),
      "p.safetensors": file(names),
      "one.safetensors": file(names.slice(0, 2)),
      "two.safetensors": file(names.slice(2)),
      "p.json.gz": gzipSync(JSON.stringify(shapes)),
      "p.safetensors.gz": gzipSync(file(names)),
      "pytorch_model.bin.index.json": JSON.stringify({
        weight_map: Object.fromEntries(names.map((name) => [name, "pytorch_model-1-of-1.bin"])),
      }),
      "model.safetensors.index.json": JSON.stringify({
        weight_map: Object.fromEntries(names.map((name, i) => [name, i < 2 ? "one.safetensors" : "two.safetensors"])),
      }),
    });
    const expected = ratios((await explain(folder, "--params", "p.json", "--json")).out);
    for (const list of [
      "p.txt",
      "p.txt.gz",
      "p.json.gz",
      "p.safetensors",
      "p.safetensors.gz",
      "model.safetensors.index.json",
      "pytorch_model.bin.index.json",
    ])
      expect(ratios((await explain(folder, "--params", list, "--json")).out), list).toEqual(expected);
  });

  test("of a model of 100 GB only the header is read", async () => {
    const folder = prepared();
    const header = Object.fromEntries(
      Object.keys(shapes).map((name, i) => [name, { dtype: "BF16", shape: [5e4, 25e4], data_offsets: [i * 25e9, (i + 1) * 25e9] }]),
    );
    const text = new TextEncoder().encode(JSON.stringify(header));
    const path = join(folder, "huge.safetensors");
    const start = new Uint8Array(8 + text.length);
    new DataView(start.buffer).setBigUint64(0, BigInt(text.length), true);
    start.set(text, 8);
    writeFileSync(path, start);
    truncateSync(path, start.length + 100e9); // a hole: it takes no room on the disk
    const { exitCode, out } = await explain(folder, "--params", "huge.safetensors", "--json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(out).params[0]).toMatchObject({ dtype: "BF16", shape: [50_000, 250_000] });
    truncateSync(path, start.length + 99e9);
    expect(await explain(folder, "--params", "huge.safetensors")).toMatchObject({ exitCode: 2 });
  });

  test("as a table, and the chain of one parameter", async () => {
    const folder = prepared();
    const table = await explain(folder, "--params", "p.json", "--set", "layerwise_decay=0.5");
    expect(table).toMatchObject({ exitCode: 0, out: expect.stringContaining("embedding") });
    const chain = await explain(folder, "head.bias", "--params", "p.json");
    expect(chain.out).toMatch(/rules scale lr[\s\S]*=> line \d+: else/);
    expect(await explain(folder, "haed.bias", "--params", "p.json")).toMatchObject({
      exitCode: 1,
      talk: expect.stringContaining("head.bias"),
    });
  });

  test("without parameters: the rules themselves", async () => {
    expect(await explain(prepared())).toMatchObject({
      exitCode: 0,
      out: expect.stringMatching(/^rules scale lr\n {2}line \d+: /),
      talk: expect.stringContaining("--params"),
    });
  });

  test("a layer index beyond the layers is an error at its arm, and can be allowed", async () => {
    const folder = prepared();
    const ran = await explain(folder, "--params", "p.json", "--set", "n_layers=6");
    expect(ran).toMatchObject({ exitCode: 1, talk: expect.stringMatching(/encoder\.layers\.11\.weight[\s\S]*a\.opt:\d+/) });
    expect((await explain(folder, "--params", "p.json", "--set", "n_layers=6", "--allow", "layer-index")).exitCode).toBe(0);
  });

  test("an arm that matches nothing of a whole model is an error", async () => {
    const folder = prepared();
    put(folder, { "few.txt": "head.bias [2]\n" });
    expect(await explain(folder, "--params", "few.txt")).toMatchObject({ exitCode: 1, talk: expect.stringContaining("a.opt:") });
  });

  test("names that rules see", async () => {
    const folder = prepared();
    put(folder, { "names.json": JSON.stringify({ "head.bias": "encoder.layers.11.bias" }) });
    const { out } = await explain(folder, "--params", "p.json", "--names", "names.json", "--set", "layerwise_decay=0.5", "--json");
    expect(ratios(out)["head.bias"]).toBe(0.5);
  });

  test.each([
    ["that is not there", "none.txt", undefined],
    ["that is damaged", "x.safetensors", writeSafetensors(new Map([["w", tensorOf([2], new Float32Array(2))]])).subarray(0, 40)],
    ["that is a damaged gzip file", "x.gz", new Uint8Array([0x1f, 0x8b, 1, 2, 3])],
    ["whose shards are not there", "x.index.json", '{"weight_map":{"w":"none.safetensors"}}'],
    ["whose index leads elsewhere", "x.index.json", '{"weight_map":{"w":"../p.json"}}'],
  ])("a list %s", async (_, file, content) => {
    const folder = prepared();
    if (content !== undefined) put(folder, { [file]: content });
    const ran = await explain(folder, "--params", file);
    expect(ran).toMatchObject({ exitCode: 2, out: "" });
    expect(ran.talk).toContain("help:");
  });
});
