import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readFloat32, readFloat64, readSafetensors, type Tensor, tensorOf, writeSafetensors } from "../../src/runtime/state/safetensors.js";
import { optspec, put } from "./command.js";
import { temporaryFolder } from "./folder.js";

const golden = join(import.meta.dirname, "../fixtures/golden");
const adamwdl = join(import.meta.dirname, "../../examples/adamwdl.opt");
const adamw = join(import.meta.dirname, "../../examples/adamw.opt");

const spec = `optimizer Momentum {
  hyper lr = 0.5 in [0, inf)
  hyper decay = 0.5
  option sign: plus | minus = minus
  state velocity = 0
  host state seen = 0
  seen <- seen + 1
  velocity <- decay * velocity + grad
  if sign == plus { param <- param + seen / seen * lr * velocity } else { param <- param - seen / seen * lr * velocity }
}
`;

/** Exact in binary, so that every target must agree to the bit. */
const run = { init: { a: [1, 2], "b/c": [4] }, grads: [{ a: [1, 1], "b/c": [2] }, { a: [0.5, 0.25] }, { a: [1, 0], "b/c": [1] }] };

function runFile(): Uint8Array {
  const f32 = (values: readonly number[]) => tensorOf([values.length], Float32Array.from(values));
  const entries: [string, Tensor][] = Object.entries(run.init).map(([name, values]) => [`init/${name}`, f32(values)]);
  run.grads.forEach((grads, i) => {
    for (const [name, values] of Object.entries(grads)) entries.push([`grad/${i + 1}/${name}`, f32(values)]);
  });
  return writeSafetensors(new Map(entries));
}

/** What the spec's three lines give, by hand: `b/c` stands still in step 2, its velocity too. */
const expected = {
  "param/1/a": [0.5, 1.5],
  "param/2/a": [0, 1.125],
  "param/3/a": [-0.75, 0.9375],
  "param/1/b/c": [3],
  "param/2/b/c": [3],
  "param/3/b/c": [2],
  "state/1/a/velocity": [1, 1],
  "state/2/a/velocity": [1, 0.75],
  "state/3/a/velocity": [1.5, 0.375],
  "state/1/b/c/velocity": [2],
  "state/2/b/c/velocity": [2],
  "state/3/b/c/velocity": [2],
};

function prepared(): string {
  const folder = temporaryFolder();
  put(folder, { "m.opt": spec, "run.safetensors": runFile() });
  return folder;
}

const replay = (folder: string, ...args: string[]) => optspec(folder, ["replay", "m.opt", "--run", "run.safetensors", ...args]);

function written(folder: string, file: string): Record<string, number[]> {
  const { tensors } = readSafetensors(readFileSync(join(folder, file)));
  return Object.fromEntries(
    [...tensors].map(([name, tensor]) => [name, [...(tensor.dtype === "F64" ? readFloat64 : readFloat32)(tensor)]]),
  );
}

describe("replay", () => {
  test.each(["interpret", "interpret64", "cpu"])("%s: a parameter without a gradient stands still, its states too", async (target) => {
    const folder = prepared();
    expect(await replay(folder, "--target", target, "--keep", "1,2,3", "--out", "out.safetensors")).toMatchObject({ exitCode: 0 });
    const out = written(folder, "out.safetensors");
    expect(out).toMatchObject(expected);
    const others = Object.keys(out).filter((key) => !(key in expected));
    expect(others.every((key) => /^state\/\d\/(a|b\/c|@all)\/seen$/.test(key))).toBe(true);
    if (target === "interpret64")
      expect(readSafetensors(readFileSync(join(folder, "out.safetensors"))).tensors.get("param/3/a")!.dtype).toBe("F64");
  });

  test("hypers, one value a step, and options", async () => {
    const folder = prepared();
    put(folder, { "lr.json": "[0.5, 0, 1]" });
    const args = ["--set", "lr=@lr.json", "--set", "decay=0", "--option", "sign=plus", "--keep", "1,2,3", "--out", "out.safetensors"];
    expect(await replay(folder, ...args)).toMatchObject({ exitCode: 0 });
    expect(written(folder, "out.safetensors")).toMatchObject({ "param/1/a": [1.5, 2.5], "param/2/a": [1.5, 2.5], "param/3/a": [2.5, 2.5] });
  });

  test("--steps stops early; without --keep the last step is kept", async () => {
    const folder = prepared();
    expect(await replay(folder, "--steps", "2", "--out", "out.safetensors")).toMatchObject({
      exitCode: 0,
      talk: expect.stringContaining("2 steps"),
    });
    expect(Object.keys(written(folder, "out.safetensors")).filter((key) => key.startsWith("param/"))).toEqual(["param/2/a", "param/2/b/c"]);
  });

  test("--against: agreement is 0, deviation is 1 and names the first step", async () => {
    const folder = prepared();
    await replay(folder, "--keep", "1,2,3", "--out", "gold.safetensors");
    expect(await replay(folder, "--target", "cpu", "--against", "gold.safetensors", "--rtol", "0")).toMatchObject({ exitCode: 0 });
    const gold = new Map(readSafetensors(readFileSync(join(folder, "gold.safetensors"))).tensors);
    gold.set("param/2/a", tensorOf([2], Float32Array.of(0, 1.25)));
    gold.set("state/3/a/momentum", tensorOf([2], Float32Array.of(9, 9)));
    writeFileSync(join(folder, "gold.safetensors"), writeSafetensors(gold));
    const ran = await replay(folder, "--against", "gold.safetensors");
    expect(ran).toMatchObject({ exitCode: 1, talk: expect.stringContaining("deviate") });
    expect(ran.out.split("\n")[1]).toMatch(/^!! {2}param\/a\s+1\.25e-1\s+1\.25e-1\s+1\.05e\+6\s+step 2$/);
    expect(await replay(folder, "--against", "gold.safetensors", "--atol", "0.125")).toMatchObject({ exitCode: 0 });
    expect(await replay(folder, "--against", "gold.safetensors", "--atol", "0.125", "--map", "momentum=velocity")).toMatchObject({
      exitCode: 1,
    });
    const json = JSON.parse((await replay(folder, "--against", "gold.safetensors", "--format", "json")).out);
    expect(json).toMatchObject({ command: "replay", ok: false, target: "interpret", steps: 3 });
    expect(json.tensors).toContainEqual(expect.objectContaining({ name: "param/a", absolute: 0.125, firstDeviation: 2 }));
  });

  test.each(["interpret", "cpu"])("%s equals Paddle's AdamW of every kept step, parameters and moments", async (target) => {
    const [run, gold] = ["inputs-a", "adamw-default"].map((name) => join(golden, "paddle-adamw", `${name}.safetensors`)) as [
      string,
      string,
    ];
    const args = ["replay", adamw, "--run", run, "--against", gold, "--target", target, "--map", "moment1=m", "--map", "moment2=v"];
    const ran = await optspec(temporaryFolder(), args);
    expect(ran).toMatchObject({ exitCode: 0 });
    expect(ran.out).toContain("state/w1/v");
    expect(await optspec(temporaryFolder(), [...args, "--set", "beta1=0.8"])).toMatchObject({ exitCode: 1 });
  });

  test("names: what rules see may differ from what the run says", async () => {
    const folder = temporaryFolder();
    const cases = JSON.parse(readFileSync(join(golden, "paddle-adamwdl/cases.json"), "utf8"));
    const { params } = cases["adamwdl-d080-n12"] as { params: readonly { param: string; staticName: string }[] };
    // The run under other names: only the map leads back to those that the rules know.
    const renamed = new Map(params.map(({ param }, i) => [param, `p${i}`]));
    const rename = (file: string) => {
      const { tensors } = readSafetensors(readFileSync(join(golden, "paddle-adamwdl", `${file}.safetensors`)));
      const names = (key: string) =>
        key.replace(/^((?:init|grad\/\d+|param\/\d+|param64\/\d+)\/)(.+)$/, (_, kind: string, name: string) => kind + renamed.get(name));
      return writeSafetensors(
        new Map([...tensors].filter(([key]) => !key.startsWith("state/")).map(([key, tensor]) => [names(key), tensor])),
      );
    };
    put(folder, {
      "run.safetensors": rename("inputs-wdl-a"),
      "gold.safetensors": rename("adamwdl-d080-n12"),
      "names.json": JSON.stringify(Object.fromEntries(params.map(({ param, staticName }) => [renamed.get(param), staticName]))),
    });
    const args = [
      "replay",
      adamwdl,
      "--run",
      "run.safetensors",
      "--against",
      "gold.safetensors",
      "--option",
      "decay=double",
      "--set",
      "layerwise_decay=0.8",
    ];
    expect(await optspec(folder, [...args, "--names", "names.json"])).toMatchObject({ exitCode: 0 });
    expect(await optspec(folder, [...args, "--names", "names.json", "--target", "interpret64"])).toMatchObject({ exitCode: 0 });
    expect((await optspec(folder, args)).exitCode).toBe(1);
  });

  test("a layer index beyond the layers is loud, and can be allowed", async () => {
    const folder = temporaryFolder();
    const run = join(golden, "paddle-adamwdl/inputs-wdl-a.safetensors");
    const args = ["replay", adamwdl, "--run", run, "--set", "n_layers=2", "--set", "layerwise_decay=0.9"];
    expect(await optspec(folder, args)).toMatchObject({ exitCode: 1, talk: expect.stringMatching(/layers\.11/) });
    expect(await optspec(folder, [...args, "--allow", "layer-index"])).toMatchObject({ exitCode: 0 });
  });
});

describe("a replay that cannot be", () => {
  const missing = (name: string) => new RegExp(name.replace(/[.@]/g, "\\$&"));
  const refused: readonly (readonly [name: string, exitCode: number, message: RegExp, ...args: string[]])[] = [
    ["cuda without a GPU", 2, /no NVIDIA driver here/, "--target", "cuda"],
    ["an unknown target", 2, /Allowed choices/, "--target", "tpu"],
    ["an unknown hyper", 2, /no hyper lrr.*did you mean "lr"/, "--set", "lrr=1"],
    ["a hyper without a value", 2, /not name=value/, "--set", "lr"],
    ["a hyper that is no number", 2, /not a number/, "--set", "lr=fast"],
    ["a hyper out of range", 1, /lr must be in \[0, inf\)/, "--set", "lr=-1"],
    ["a file of values that is not there", 2, missing("none.json"), "--set", "lr=@none.json"],
    ["too few values", 2, /2 values of lr; step 3/, "--set", "lr=@two.json"],
    ["values that are no list", 2, /not a list/, "--set", "lr=@object.json"],
    ["an unknown option", 1, /sing/, "--option", "sing=plus"],
    ["an unknown word", 1, /neutral/, "--option", "sign=neutral"],
    ["more steps than the run has", 2, /steps 1 to 3/, "--steps", "4"],
    ["a kept step beyond", 2, /steps 1 to 3/, "--keep", "1,9"],
    ["a kept step that is none", 2, /steps 1 to 3/, "--keep", "1,,2"],
    ["a negative tolerance", 2, /--atol/, "--atol=-1", "--against", "run.safetensors"],
    ["names that are no object", 2, /not an object/, "--names", "two.json"],
    ["a check that cannot be waived", 2, /layer-index/, "--allow", "everything"],
    ["a gold without numbers", 2, /nothing of steps/, "--against", "run.safetensors"],
    ["a gold that is damaged", 1, /object\.json/, "--against", "object.json"],
    ["an optimizer that is not in the file", 2, /no optimizer Other/, "--optimizer", "Other"],
  ];
  test.each(refused.map(([name, exitCode, message, ...args]) => ({ name, exitCode, message, args })))(
    "$name",
    async ({ exitCode, message, args }) => {
      const folder = prepared();
      put(folder, { "two.json": "[1, 2]", "object.json": "{}" });
      const ran = await replay(folder, ...args);
      expect(ran.talk).toMatch(message);
      expect(ran.exitCode).toBe(exitCode);
    },
  );

  test("a run that is damaged, or no run", async () => {
    const folder = prepared();
    const good = runFile();
    for (const [bytes, message] of [
      [good.subarray(0, good.length - 1), /cut off/],
      [good.subarray(0, 20), /header/],
      [writeSafetensors(new Map()), /no init/],
      [new Uint8Array(), /8 bytes/],
    ] as const) {
      put(folder, { "run.safetensors": bytes });
      const ran = await replay(folder);
      expect(ran).toMatchObject({ exitCode: 1, talk: expect.stringMatching(message) });
      expect(ran.talk).toContain("run.safetensors");
      expect(ran.talk).toContain("help:");
    }
  });
});
