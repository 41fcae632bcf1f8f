// A file that does not fit is refused with names and a way out, and nothing is changed by it.

import { cpu } from "optspec/cpu";
import { beforeEach, describe, expect, test } from "vitest";
import { createOptimizer, type LoadOptions, type Optimizer, type OptimizerError, type StateSource } from "../../src/runtime/index.js";
import { readSafetensors, type Tensor, tensorOf, writeSafetensors } from "../../src/runtime/state/safetensors.js";
import { type HandAdamTypes, handAdam } from "../runtime/hand-made.js";

type Adam = Optimizer<Float32Array, HandAdamTypes>;
type Bytes = Uint8Array<ArrayBuffer>;

const params = [
  { name: "layers.0.w", shape: [3, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  { name: "bias", shape: [2], data: Float32Array.of(7, 8) },
  { name: "s", shape: [], data: Float32Array.of(9) },
];
const gradients = { "layers.0.w": new Float32Array(6).fill(0.5), bias: Float32Array.of(1, -1), s: Float32Array.of(2) };

const bytesOf = async (optimizer: Adam): Promise<Bytes> => new Uint8Array(await (await optimizer.save()).arrayBuffer());

async function trained(settings: object = {}, steps = 2): Promise<Adam> {
  const optimizer = await createOptimizer<Float32Array, HandAdamTypes>(handAdam(), await cpu({ threads: 1 }), { params, ...settings });
  for (let i = 0; i < steps; i++) await optimizer.step({ gradients });
  return optimizer;
}

/** A good file with other tensors or other metadata. */
function changed(file: Bytes, change: (tensors: Map<string, Tensor>, metadata: Map<string, string>) => void): Bytes {
  const read = readSafetensors(file);
  const [tensors, metadata] = [new Map(read.tensors), new Map(read.metadata)];
  change(tensors, metadata);
  return writeSafetensors(tensors, metadata);
}

/** A good file whose header has another text of equal or other length. */
function reworded(file: Bytes, change: (header: string) => string): Bytes {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  const header = new TextEncoder().encode(change(new TextDecoder().decode(file.subarray(8, 8 + length))));
  const made = new Uint8Array(8 + header.length + file.length - 8 - length);
  new DataView(made.buffer).setBigUint64(0, BigInt(header.length), true);
  made.set(header, 8);
  made.set(file.subarray(8 + length), 8 + header.length);
  return made;
}

function claiming(file: Bytes, length: bigint): Bytes {
  const made = file.slice();
  new DataView(made.buffer).setBigUint64(0, length, true);
  return made;
}

async function* pieces(file: Bytes, size = 7): AsyncGenerator<Bytes> {
  for (let at = 0; at < file.length; at += size) yield file.slice(at, at + size);
}

const refusal = async (promise: Promise<unknown>): Promise<OptimizerError> =>
  promise.then(
    () => {
      throw new Error("it was not refused");
    },
    (error: OptimizerError) => error,
  );

let good: Bytes;
let optimizer: Adam;
let before: Bytes;
beforeEach(async () => {
  const saved = await trained();
  good = await bytesOf(saved);
  saved.destroy();
  optimizer = await trained({ lr: 0.5 }, 1);
  before = await bytesOf(optimizer);
});

async function refused(source: StateSource, code: string, ...parts: readonly (string | RegExp)[]): Promise<void> {
  const error = await refusal(optimizer.load(source));
  expect([error.name, error.code]).toEqual(["OptimizerError", code]);
  for (const part of parts) expect(error.message).toMatch(part);
  expect(Buffer.compare(await bytesOf(optimizer), before)).toBe(0);
  await optimizer.step({ gradients });
  before = await bytesOf(optimizer);
}

type Damage = readonly [name: string, damage: (file: Bytes) => Bytes, code: string, ...parts: (string | RegExp)[]];

const damages: readonly Damage[] = [
  ["empty", () => new Uint8Array(0), "state-file", "8 bytes of header length"],
  ["a picture", () => new Uint8Array(5_000).fill(0x89), "state-file", "header claims"],
  ["a header longer than the file", (file) => claiming(file, BigInt(file.length)), "state-file", "only"],
  ["a header longer than any memory", (file) => claiming(file, 2n ** 62n), "state-file", "allows 100000000"],
  ["a header cut short", (file) => claiming(file, 40n), "state-file", "not JSON"],
  ["data cut off", (file) => file.slice(0, -4), "state-file", "cut off"],
  ["a byte too many", (file) => Uint8Array.of(...file, 0), "state-file", "belong to no tensor"],
  [
    "a length that lies",
    (file) => reworded(file, (text) => text.replace('"shape":[3,2]', '"shape":[3,3]')),
    "state-file",
    "needs 36 bytes",
    "layers.0.w",
  ],
  [
    "a shape of negative sizes",
    (file) => reworded(file, (text) => text.replace('"shape":[3,2]', '"shape":[-3,-2]')),
    "state-file",
    "not a list of whole numbers",
  ],
  [
    "ranges that overlap",
    (file) => reworded(file, (text) => text.replace(/"data_offsets":\[24,32\]/, '"data_offsets":[16,24]')),
    "state-file",
    "inside another one",
  ],
  ["a key twice", (file) => reworded(file, (text) => text.replace('"param/bias"', '"param/s"')), "state-file", "stands twice"],
  ["no metadata", (file) => changed(file, (_, metadata) => metadata.clear()), "state-file", 'no "format": "optspec"', "convert_state.py"],
  ["metadata of another program", (file) => changed(file, (_, m) => m.set("format", "pt")), "state-file", "no saved state"],
  [
    "a later format",
    (file) => changed(file, (_, m) => m.set("format_version", "2")),
    "state-file",
    'format version "2"',
    "version of optspec",
  ],
  ["no steps", (file) => changed(file, (_, m) => m.delete("steps")), "state-file", '"steps"'],
  ["negative steps", (file) => changed(file, (_, m) => m.set("steps", "-1")), "state-file", '"steps"'],
  ["more steps than can be counted", (file) => changed(file, (_, m) => m.set("steps", "9007199254740992")), "state-file", '"steps"'],
  ["hypers that are no JSON", (file) => changed(file, (_, m) => m.set("hypers", "{")), "state-file", '"hypers"'],
  ["hypers that are texts", (file) => changed(file, (_, m) => m.set("hypers", '{"lr":"much"}')), "state-file", '"lr"'],
  ["a hyper twice", (file) => changed(file, (_, m) => m.set("hypers", '{"lr":1,"lr":2}')), "state-file", "twice"],
  ["options that are numbers", (file) => changed(file, (_, m) => m.set("options", '{"decay":1}')), "state-file", "options"],
  ["frozen that is no list", (file) => changed(file, (_, m) => m.set("frozen", '{"length":1}')), "state-file", "frozen"],
  ["brackets without end", (file) => changed(file, (_, m) => m.set("hypers", "[".repeat(100_000))), "state-file", "nested"],
  [
    "a negative count of steps",
    (file) => changed(file, (t) => t.set("t/s", { dtype: "I64", shape: [], bytes: new Uint8Array(8).fill(0xff) })),
    "state-file",
    '"t/s" is -1',
  ],
  [
    "a count beyond counting",
    (file) => changed(file, (t) => t.set("t/s", { dtype: "I64", shape: [], bytes: new Uint8Array(8).fill(0x7f) })),
    "state-file",
    '"t/s"',
  ],
  [
    "a state less",
    (file) => changed(file, (t) => t.delete("state.m/bias")),
    "state-mismatch",
    /missing in the file: "state.m\/bias"\n/,
    "partial: true",
  ],
  ["a parameter less", (file) => changed(file, (t) => t.delete("param/s")), "state-mismatch", 'missing in the file: "param/s"'],
  [
    "a state more",
    (file) => changed(file, (t) => t.set("state.vmax/s", tensorOf([], Float32Array.of(1)))),
    "state-mismatch",
    'only in the file: "state.vmax/s"',
  ],
  [
    "another shape",
    (file) => changed(file, (t) => t.set("state.v/layers.0.w", tensorOf([2, 3], new Float32Array(6)))),
    "state-mismatch",
    "F32 of shape [2, 3] in the file and F32 of shape [3, 2] here",
  ],
  [
    "another dtype",
    (file) => changed(file, (t) => t.set("state.v/bias", tensorOf([2], new Float64Array(2)))),
    "state-mismatch",
    "F64 of shape [2] in the file",
  ],
  [
    "another optimizer",
    (file) => changed(file, (_, m) => m.set("optimizer", "Lion")),
    "state-mismatch",
    'saved by "Lion", and this is "HandAdam"',
  ],
  [
    "another text of the optimizer",
    (file) => changed(file, (_, m) => m.set("spec_sha256", "0123456789abcdef")),
    "state-mismatch",
    "another text of HandAdam",
    "0123456789ab",
  ],
  [
    "another option",
    (file) => changed(file, (_, m) => m.set("options", '{"decay":"ratio"}')),
    "state-mismatch",
    'option "decay" was "ratio" and is "base" here',
  ],
  [
    "an option that is not there",
    (file) => changed(file, (_, m) => m.set("options", '{"decay":"base","__proto__":"x"}')),
    "state-mismatch",
    '"__proto__"',
  ],
  [
    "another fixed hyper",
    (file) => changed(file, (_, m) => m.set("hypers", m.get("hypers")!.replace('"n_layers":12', '"n_layers":24'))),
    "state-mismatch",
    /nLayers.*24.*12/,
  ],
  ["a hyper out of its range", (file) => changed(file, (_, m) => m.set("hypers", '{"beta1":1.5}')), "state-mismatch", /beta1.*\[0, 1\)/],
  ["a hyper that is not there", (file) => changed(file, (_, m) => m.set("hypers", '{"momentum":0.5}')), "state-mismatch", '"momentum"'],
  [
    "a hyper that was a function",
    (file) => changed(file, (_, m) => m.set("hypers", '{"lr":{"function":0.25}}')),
    "state-mismatch",
    /lr.*function.*0\.25/,
  ],
  [
    "a schedule that is not there",
    (file) => changed(file, (_, m) => m.set("schedule/lr", '{"best":1}')),
    "state-mismatch",
    "schedule/lr, which is not used here",
  ],
  [
    "a scaler that is not there",
    (file) => changed(file, (_, m) => m.set("scaler", '{"scale":1}')),
    "state-mismatch",
    "scaler, which is not used here",
  ],
  ["strangers frozen", (file) => changed(file, (_, m) => m.set("frozen", '["x"]')), "state-mismatch", 'frozen that are not here: "x"'],
];

describe("refused, with everything as it was", () => {
  test.each(damages.map(([name, damage, code, ...parts]) => ({ name, damage, code, parts })))("$name", async ({ damage, code, parts }) => {
    expect(damage(good)).not.toEqual(good);
    await refused(damage(good), code, ...parts);
  });

  test("the same file undamaged is loaded", async () => {
    expect(
      Buffer.compare(
        reworded(good, (text) => text),
        good,
      ),
    ).toBe(0);
    await optimizer.load(good);
    expect(Buffer.compare(await bytesOf(optimizer), good)).toBe(0);
  });

  test("every cut of a file, from bytes and from a Blob", async () => {
    for (let length = 0; length < good.length; length += 13) {
      expect((await refusal(optimizer.load(good.subarray(0, length)))).code).toBe("state-file");
      expect((await refusal(optimizer.load(new Blob([good.slice(0, length)])))).code).toBe("state-file");
    }
    expect(Buffer.compare(await bytesOf(optimizer), before)).toBe(0);
  });

  test("every byte of a header replaced is refused or loaded, never anything else", async () => {
    const length = 8 + Number(new DataView(good.buffer).getBigUint64(0, true));
    for (let at = 0; at < length; at += 3) {
      const bent = good.slice();
      bent[at]! ^= 0x15;
      const answer = await optimizer.load(bent).then(
        () => "loaded",
        (error: OptimizerError) => error.code,
      );
      expect(["loaded", "state-file", "state-mismatch"]).toContain(answer);
      await optimizer.step({ gradients });
    }
  });

  test("what holds no bytes", async () => {
    await refused("checkpoint.safetensors" as never, "invalid-data", "load(file(path))", "optspec/node");
    await refused(null as never, "invalid-data", "Blob");
    await refused(new TransformStream<Bytes>({}, undefined, undefined).writable as never, "invalid-data", "ReadableStream");
    expect(await refusal(optimizer.save("checkpoint.safetensors" as never))).toMatchObject({
      code: "invalid-data",
      message: expect.stringContaining("save(file(path))"),
    });
    expect(await refusal(optimizer.save({} as never))).toMatchObject({ code: "invalid-data" });
  });

  test("many names are told in few", async () => {
    const many = changed(good, (tensors) => {
      for (let i = 0; i < 1_000; i++) tensors.set(`state.m/evil\u001b[31m${i}`, tensorOf([], Float32Array.of(1)));
    });
    const { message } = await refusal(optimizer.load(many));
    expect(message.length).toBeLessThan(1_000);
    expect(message).toMatch("and 995 more");
    expect(message).not.toContain("\u001b");
  });
});

describe("from a stream", () => {
  test("a whole one is loaded, in pieces of any size", async () => {
    for (const size of [1, 7, 64, 100_000]) {
      await optimizer.step({ gradients });
      await optimizer.load(pieces(good, size));
      expect(Buffer.compare(await bytesOf(optimizer), good)).toBe(0);
    }
    await optimizer.step({ gradients });
    await optimizer.load(new Blob([good]).stream());
    expect(Buffer.compare(await bytesOf(optimizer), good)).toBe(0);
  });

  test("what is wrong in the header is found before anything is changed", async () => {
    const bad = damages.filter(([name]) => !["data cut off", "a byte too many"].includes(name));
    for (const [, damage, code] of bad) {
      const error = await refusal(optimizer.load(pieces(damage(good))));
      // Without a known end a header longer than the stream is one that is cut off.
      expect(error.code).toBe(code);
    }
    expect(Buffer.compare(await bytesOf(optimizer), before)).toBe(0);
  });

  test.each([
    ["breaks off", (file: Bytes) => file.slice(0, -4), "cut off"],
    ["goes on after its end", (file: Bytes) => Uint8Array.of(...file, 0), "goes on after byte"],
  ])("one that %s leaves nothing that trains on, until a load is whole", async (_, damage, message) => {
    expect(await refusal(optimizer.load(pieces(damage(good))))).toMatchObject({
      code: "state-file",
      message: expect.stringContaining(message),
    });
    const half = { code: "half-loaded", message: expect.stringContaining("load again") };
    expect(await refusal(optimizer.step({ gradients }))).toMatchObject(half);
    expect(await refusal(optimizer.save())).toMatchObject(half);
    expect(() => optimizer.set({ lr: 1 })).toThrow("load again");
    expect(await refusal(optimizer.load(changed(good, (tensors) => tensors.delete("t/s"))))).toMatchObject({ code: "state-mismatch" });
    expect(await refusal(optimizer.step({ gradients }))).toMatchObject(half);
    await optimizer.load(good);
    expect(Buffer.compare(await bytesOf(optimizer), good)).toBe(0);
    await optimizer.step({ gradients });
  });

  test("step counts after tensors are told before anything is written", async () => {
    // The same contents, with the counts at the end of the data.
    const { tensors, metadata } = readSafetensors(good);
    const entries: [string, unknown][] = [["__metadata__", Object.fromEntries(metadata)]];
    const data: Uint8Array[] = [];
    let at = 0;
    for (const [name, { dtype, shape, bytes }] of [...tensors].sort(
      ([a], [b]) => Number(a.startsWith("t/")) - Number(b.startsWith("t/")),
    )) {
      entries.push([name, { dtype, shape, data_offsets: [at, at + bytes.length] }]);
      data.push(bytes);
      at += bytes.length;
    }
    const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
    const length = new BigUint64Array([BigInt(header.length)]);
    const file = new Uint8Array(await new Blob([length, header, ...(data as Bytes[])]).arrayBuffer());
    expect(await refusal(optimizer.load(pieces(file)))).toMatchObject({
      code: "state-file",
      message: expect.stringContaining("Blob or a file"),
    });
    expect(Buffer.compare(await bytesOf(optimizer), before)).toBe(0);
    await optimizer.load(file);
    expect(Buffer.compare(await bytesOf(optimizer), good)).toBe(0);
  });
});

describe("partial", () => {
  const partly = (file: Bytes, options: LoadOptions = {}) => optimizer.load(file, { partial: true, ...options });

  test("a parameter's states and count are taken together or not at all; the rest is listed", async () => {
    const file = changed(good, (tensors, metadata) => {
      tensors.delete("state.m/bias");
      tensors.set("state.v/layers.0.w", tensorOf([2, 3], new Float32Array(6)));
      tensors.set("state.m/head", tensorOf([1], Float32Array.of(1)));
      metadata.set("spec_sha256", "0123456789abcdef");
    });
    const report = await partly(file);
    expect([...report.loaded].sort()).toEqual(["param/bias", "param/layers.0.w", "param/s", "state.m/s", "state.v/s", "t/s"]);
    expect(report).toMatchObject({ steps: 2, missing: ["state.m/bias"], extra: ["state.m/head"] });
    expect(report.different).toEqual([
      expect.stringMatching(/another text/),
      expect.stringMatching(/"state.v\/layers.0.w" is F32 of shape \[2, 3\]/),
    ]);
    const [after, saved, own] = [await bytesOf(optimizer), good, before].map((bytes) => readSafetensors(bytes).tensors);
    for (const [key, tensor] of after!)
      expect([key, tensor.bytes]).toEqual([key, (report.loaded.includes(key) ? saved! : own!).get(key)!.bytes]);
    expect([optimizer.steps, optimizer.t("s"), optimizer.t("bias")]).toEqual([2, 2, 1]);
    await optimizer.step({ gradients });
  });

  test("nothing that fits is an error", async () => {
    const strange = changed(good, (tensors) => {
      for (const key of [...tensors.keys()]) tensors.delete(key);
      tensors.set("param/x", tensorOf([], Float32Array.of(1)));
    });
    expect(await refusal(partly(strange))).toMatchObject({
      code: "state-mismatch",
      message: expect.stringContaining("nothing in it fits"),
    });
    expect(Buffer.compare(await bytesOf(optimizer), before)).toBe(0);
  });

  test("damage is refused all the same", async () => {
    expect(await refusal(partly(good.slice(0, -4)))).toMatchObject({ code: "state-file" });
    expect(Buffer.compare(await bytesOf(optimizer), before)).toBe(0);
  });
});

describe("what is loaded", () => {
  test("Megatron-LM #7468: hypers, weight decay among them, are those of the file, not of creation, unless the caller says so", async () => {
    const saved = await trained({ lr: 0.125, weightDecay: 0.5 });
    saved.set({ beta1: 0.75 });
    const file = await bytesOf(saved);
    await optimizer.load(file);
    expect(optimizer.hypers).toMatchObject({ lr: 0.125, weightDecay: 0.5, beta1: 0.75 });
    const other = await trained({ lr: 0.25, weightDecay: 0 });
    await other.load(file, { hypers: "given" });
    expect(other.hypers).toMatchObject({ lr: 0.25, weightDecay: 0, beta1: 0.9 });
  });

  test("another text of the optimizer is taken where the caller says so, and only that", async () => {
    const file = changed(good, (_, metadata) => metadata.set("spec_sha256", "0123456789abcdef"));
    expect((await refusal(optimizer.load(file))).message).toMatch('{ spec: "any" }');
    expect(await optimizer.load(file, { spec: "any" })).toMatchObject({ different: [], steps: 2 });
    expect(Buffer.compare(await bytesOf(optimizer), good)).toBe(0);
    for (const change of [
      (tensors: Map<string, Tensor>) => void tensors.delete("t/s"),
      (_: Map<string, Tensor>, metadata: Map<string, string>) => void metadata.set("optimizer", "Lion"),
    ])
      expect((await refusal(optimizer.load(changed(file, change), { spec: "any" }))).code).toBe("state-mismatch");
  });

  test("a function of the step goes on where the saved one was", async () => {
    const asked: number[] = [];
    const lr = (step: number) => {
      asked.push(step);
      return 0.1 / (1 + step);
    };
    const saved = await trained({ lr }, 3);
    const resumed = await trained({ lr }, 0);
    await resumed.load(await bytesOf(saved));
    asked.length = 0;
    await resumed.step({ gradients });
    expect(asked).toEqual([3]);
    expect(await refusal(optimizer.load(await bytesOf(saved)))).toMatchObject({
      code: "state-mismatch",
      message: expect.stringMatching(/lr/),
    });
    await optimizer.load(await bytesOf(saved), { hypers: "given" });
  });

  test("a file without parameters leaves them as they are, and so does `params: false`", async () => {
    const saved = await trained();
    const states = new Uint8Array(await (await saved.save(null, { params: false })).arrayBuffer());
    expect([...readSafetensors(states).tensors.keys()].some((key) => key.startsWith("param/"))).toBe(false);
    const own = await optimizer.download("bias");
    for (const [file, options] of [
      [states, {}],
      [good, { params: false }],
    ] as const) {
      await optimizer.step({ gradients });
      const now = await optimizer.download("bias");
      expect((await optimizer.load(file, options)).loaded).not.toContain("param/bias");
      expect(await optimizer.download("bias")).toEqual(now);
      expect(await optimizer.download("bias", "m")).toEqual(await saved.download("bias", "m"));
      expect(optimizer.t("bias")).toBe(2);
    }
    expect(await optimizer.download("bias")).not.toEqual(own);
  });

  test("NaN, infinities, subnormals and signed zeros keep their bits", async () => {
    const bits = Uint32Array.of(0x7fc12345, 0x7f800001, 0xff800000, 0x80000000, 0x00000001, 0x807fffff);
    for (const what of ["param", "m", "v"] as const) optimizer.upload("layers.0.w", new Float32Array(bits.buffer), what);
    const other = await trained();
    await other.load(await bytesOf(optimizer));
    for (const what of ["param", "m", "v"] as const) {
      const { buffer } = await other.download("layers.0.w", what);
      expect(new Uint32Array(buffer)).toEqual(bits);
    }
  });
});
