import { describe, expect, test } from "vitest";
import { tensorOf, writeSafetensors } from "../../src/runtime/state/safetensors.js";
import { ParamListError, readParamList } from "../../src/tools/param-list.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const read = (text: string) => readParamList(bytes(text));

const listed = [
  { name: "w", shape: [2, 3] },
  { name: "b", shape: [] },
];

describe("a parameter list", () => {
  test.each([
    ["a list of objects", '[{"name":"w","shape":[2,3]},{"name":"b","shape":[]}]'],
    ["a list of tuples", '[["w",[2,3]],["b",[]]]'],
    ["a list inside a description of the model", '{"model":"m","params":[["w",[2,3]],["b",[]]]}'],
    ["an object of shapes", '{"w":[2,3],"b":[]}'],
    ["lines", "# a model\nw [2, 3]\n\n  b []\r\n"],
    ["lines as PyTorch prints sizes", "w (2,3)\nb ()\n"],
  ])("as %s", (_, text) => {
    expect(read(text)).toEqual({ kind: "list", list: { params: listed, withoutShape: 0, skipped: [] } });
  });

  test("names without shapes are counted", () => {
    expect(read("w\nb\n")).toMatchObject({
      list: {
        withoutShape: 2,
        params: [
          { name: "w", shape: [] },
          { name: "b", shape: [] },
        ],
      },
    });
    expect(read('["w"]')).toMatchObject({ list: { withoutShape: 1 } });
  });

  test("dtypes and aliases", () => {
    const { list } = read('[{"name":"w","shape":[1],"dtype":"bf16","aliases":["v"]}]') as { list: unknown };
    expect(list).toMatchObject({ params: [{ name: "w", shape: [1], dtype: "BF16", aliases: ["v"] }] });
  });

  test("of a safetensors file the header is enough; integers are no parameters", () => {
    const file = writeSafetensors(
      new Map([
        ["w", tensorOf([2, 3], new Float32Array(6))],
        ["steps", { dtype: "I64", shape: [1], bytes: new Uint8Array(8) }],
      ]),
    );
    expect(readParamList(file.subarray(0, file.length - 32), file.length)).toEqual({
      kind: "list",
      list: { params: [{ name: "w", shape: [2, 3], dtype: "F32" }], withoutShape: 0, skipped: ["steps"] },
    });
  });

  test("of a saved run its parameters are the list, and not its states", () => {
    const saved = (...keys: string[]) =>
      writeSafetensors(new Map(keys.map((key) => [key, tensorOf([2], new Float32Array(2))])), new Map([["format", "optspec"]]));
    expect(readParamList(saved("param/w", "state.m/w", "state.d"))).toEqual({
      kind: "list",
      list: { params: [{ name: "w", shape: [2], dtype: "F32" }], withoutShape: 0, skipped: [] },
    });
    expect(() => readParamList(saved("state.m/w"))).toThrow("was saved without them");
  });

  test("an index names the files beside it, and nothing else", () => {
    const index = (...files: string[]) =>
      JSON.stringify({ metadata: {}, weight_map: Object.fromEntries(files.map((f, i) => [`w${i}`, f])) });
    expect(read(index("a.safetensors", "b.safetensors", "a.safetensors"))).toEqual({
      kind: "shards",
      files: ["a.safetensors", "b.safetensors"],
    });
    for (const file of ["../a", "/etc/passwd", "..", "", "a\\b"]) expect(() => read(index(file)), file).toThrow(ParamListError);
  });

  test("PyTorch's index gives names alone, for its shards are pickles", () => {
    const weight_map = { "layers.1.w": "pytorch_model-00002-of-00002.bin", "layers.0.w": "pytorch_model-00001-of-00002.bin" };
    expect(read(JSON.stringify({ metadata: { total_size: 8 }, weight_map }))).toEqual({
      kind: "list",
      list: {
        params: [
          { name: "layers.1.w", shape: [] },
          { name: "layers.0.w", shape: [] },
        ],
        withoutShape: 2,
        skipped: [],
      },
    });
    for (const file of ["../a.bin", "/etc/a.bin"])
      expect(() => read(JSON.stringify({ weight_map: { w: file } })), file).toThrow(ParamListError);
    expect(() => readParamList(new Uint8Array([0x50, 0x4b, 3, 4, 0]))).toThrow(/a zip of pickles/);
  });

  test("a parameter called params is a parameter", () => {
    expect(read('{"params":[2,3]}')).toMatchObject({ list: { params: [{ name: "params", shape: [2, 3] }] } });
    expect(read('{"__proto__":[2]}')).toMatchObject({ list: { params: [{ name: "__proto__", shape: [2] }] } });
  });

  test.each([
    ["nothing", "", /empty/],
    ["an empty list", "[]", /empty/],
    ["half of JSON", '[{"name":', /not JSON/],
    ["a number in a list", "[1]", /entry 1/],
    ["no name", '[{"shape":[1]}]', /entry 1.*no name/],
    ["one name twice in a list", '[["w",[1]],["w",[1]]]', /listed twice: entry 1 and entry 2/],
    ["one name twice in lines", "w [1]\nw [1]", /listed twice: line 1 and line 2/],
    ["one name twice in an object", '{"w":[1],"w":[1]}', /twice/],
    ["a shape with half an element", '{"w":[0.5]}', /whole numbers/],
    ["a shape below zero", '{"w":[-1]}', /whole numbers/],
    ["a line of many words", "some words here", /line 1/],
    ["a shape of words", "w [a, b]", /whole numbers/],
    ["aliases that are no list", '[{"name":"w","shape":[1],"aliases":"v"}]', /aliases/],
  ])("with a mistake: %s", (_, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test("bytes that are neither", () => expect(() => readParamList(new Uint8Array([0xff, 0x00, 0xfe]))).toThrow(/neither text nor/));
});
