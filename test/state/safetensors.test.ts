import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Dtype, dtypes } from "../../src/runtime/state/dtype.js";
import { readFloat32, readFloat64, readSafetensors, type Tensor, tensorOf, writeSafetensors } from "../../src/runtime/state/safetensors.js";
import { SafetensorsError } from "../../src/runtime/state/safetensors-error.js";
import { readSafetensorsHeader } from "../../src/runtime/state/safetensors-header.js";

/** A file by hand: this header's text, then these many bytes of data. */
function file(header: string, dataBytes = 0, claimed?: bigint): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function codeOf(bytes: Uint8Array): string {
  try {
    readSafetensors(bytes);
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    expect(error.help).not.toBe("");
    return error.code;
  }
  return "read";
}

const f32 = (from: number, to: number, shape = `[${(to - from) / 4}]`) => `{"dtype":"F32","shape":${shape},"data_offsets":[${from},${to}]}`;

describe("a damaged file is refused before anything is allocated", () => {
  const cases: readonly (readonly [name: string, code: string, bytes: Uint8Array])[] = [
    ["empty", "too-short", new Uint8Array()],
    ["seven bytes", "too-short", new Uint8Array(7)],
    ["a header longer than the file", "header-size", file("{}", 0, 3n)],
    ["a header longer than any memory", "header-size", file("{}", 0, 2n ** 63n)],
    ["a header longer than the format allows", "header-size", file("{}", 0, 100_000_001n)],
    ["a header that is no text", "header-text", new Uint8Array([2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe])],
    ["a header that starts with a space", "header-text", file(" {}")],
    ["a header cut in the middle", "header-text", file(`{"a":${f32(0, 4).slice(0, 20)}`)],
    ["a list for a header", "header-text", file("[]")],
    ["two headers", "header-text", file("{}{}")],
    ["an entry that is a number", "header-shape", file('{"a":1}')],
    ["metadata that is no object", "header-shape", file('{"__metadata__":[]}')],
    ["metadata that holds a number", "header-shape", file('{"__metadata__":{"step":1}}')],
    ["one name twice", "duplicate-key", file(`{"a":${f32(0, 4)},"a":${f32(4, 8)}}`, 8)],
    ["one name twice, once escaped", "duplicate-key", file(`{"a":${f32(0, 4)},"\\u0061":${f32(4, 8)}}`, 8)],
    ["one key of an entry twice", "duplicate-key", file('{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', 4)],
    ["a tensor called __proto__", "forbidden-name", file(`{"__proto__":${f32(0, 4)}}`, 4)],
    ["an unknown dtype", "unknown-dtype", file('{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}', 4)],
    ["a dtype that every object has", "unknown-dtype", file('{"a":{"dtype":"toString","shape":[1],"data_offsets":[0,4]}}', 4)],
    ["no dtype", "unknown-dtype", file('{"a":{"shape":[1],"data_offsets":[0,4]}}', 4)],
    ["a negative size", "bad-shape", file(`{"a":${f32(0, 4, "[-1]")}}`, 4)],
    ["half a size", "bad-shape", file(`{"a":${f32(0, 4, "[0.5]")}}`, 4)],
    ["a size that is text", "bad-shape", file(`{"a":${f32(0, 4, '["1"]')}}`, 4)],
    ["a product that overflows", "bad-shape", file(`{"a":${f32(0, 4, "[4294967296,4294967296]")}}`, 4)],
    ["a product that wraps around to the right length in 64 bits", "bad-shape", file(`{"a":${f32(0, 0, "[4611686018427387904,4]")}}`)],
    ["one offset", "bad-offsets", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}', 4)],
    ["offsets backwards", "bad-offsets", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}', 4)],
    ["an offset below zero", "bad-offsets", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}', 4)],
    ["a shape longer than its bytes", "wrong-length", file(`{"a":${f32(0, 4, "[2]")}}`, 4)],
    ["a gap before the first tensor", "gap", file(`{"a":${f32(4, 8)}}`, 8)],
    ["a gap between tensors", "gap", file(`{"a":${f32(0, 4)},"b":${f32(8, 12)}}`, 12)],
    ["two tensors that overlap", "overlap", file(`{"a":${f32(0, 8)},"b":${f32(4, 12)}}`, 12)],
    ["two tensors in one place", "overlap", file(`{"a":${f32(0, 4)},"b":${f32(0, 4)}}`, 4)],
    ["data cut off", "truncated", file(`{"a":${f32(0, 8)}}`, 7)],
    ["bytes after the last tensor", "trailing-bytes", file(`{"a":${f32(0, 4)}}`, 5)],
  ];
  test.each(cases)("%s: %s", (_, code, bytes) => expect(codeOf(bytes)).toBe(code));

  test("brackets without end and names as long as the format allows", () => {
    expect(codeOf(file(`{"a":${"[".repeat(30_000_000)}`))).toBe("header-text");
    expect(codeOf(file(`{"a":${"[".repeat(100)}${"]".repeat(100)}}`))).toBe("header-text");
    const long = "a".repeat(20_000_000);
    expect(codeOf(file(`{"${long}":${f32(0, 4)},"${long}":${f32(4, 8)}}`, 8))).toBe("duplicate-key");
    expect(codeOf(file(`{"${"\\\\".repeat(5_000_000)}":${f32(0, 4)}}`, 4))).toBe("read");
  });

  test("every cut of a good file, and every byte of its header replaced, is refused or read, never a crash", () => {
    const good = writeSafetensors(
      new Map([
        ["w", tensorOf([2, 2], Float32Array.of(1, 2, 3, 4))],
        ["b", tensorOf([1], Float64Array.of(5))],
      ]),
    );
    for (let length = 0; length < good.length; length++) expect(codeOf(good.slice(0, length))).not.toBe("read");
    for (let at = 0; at < good.length; at++) {
      for (const byte of [0, 0x22, 0x5b, 0x7d, 0xff]) {
        const changed = good.slice();
        changed[at] = byte;
        expect(typeof codeOf(changed)).toBe("string");
      }
    }
  });
});

describe("what is written is read back", () => {
  const tensor = fc
    .record({
      dtype: fc.constantFrom(...(Object.keys(dtypes) as Dtype[])),
      shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 }),
    })
    .chain(({ dtype, shape }) => {
      const length = dtypes[dtype].bytes * shape.reduce((a, b) => a * b, 1);
      return fc.uint8Array({ minLength: length, maxLength: length }).map((bytes): Tensor => ({ dtype, shape, bytes }));
    });
  const name = fc
    .string({ unit: "binary", maxLength: 12 })
    .map((s) => s.replace(/\p{Surrogate}/gu, ""))
    .filter((s) => s !== "__proto__" && s !== "__metadata__");

  test("any dtypes, shapes, bits and names, at any alignment", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, tensor), { maxLength: 6 }),
        fc.dictionary(name, name),
        fc.integer({ min: 0, max: 7 }),
        (entries, metadata, shift) => {
          const tensors = new Map(entries);
          const written = writeSafetensors(tensors, new Map(Object.entries(metadata)));
          const moved = new Uint8Array(written.length + shift);
          moved.set(written, shift);
          const read = readSafetensors(moved.subarray(shift));
          expect(new Map([...read.tensors].map(([k, t]) => [k, { ...t, bytes: [...t.bytes] }]))).toEqual(
            new Map([...tensors].map(([k, t]) => [k, { ...t, bytes: [...t.bytes] }])),
          );
          expect(read.metadata).toEqual(new Map(Object.entries(metadata)));
        },
      ),
    );
  });

  test("the order of the tensors does not change the bytes", () => {
    const [a, b] = [tensorOf([1], Float32Array.of(1)), tensorOf([1], Float32Array.of(2))];
    const one = writeSafetensors(
      new Map([
        ["a", a],
        ["b", b],
      ]),
    );
    expect(
      writeSafetensors(
        new Map([
          ["b", b],
          ["a", a],
        ]),
      ),
    ).toEqual(one);
    expect(one.indexOf(0x7b)).toBe(8);
  });

  test("the header alone tells names, dtypes and shapes of a file whose data is elsewhere", () => {
    const written = writeSafetensors(new Map([["w", tensorOf([3, 5], new Float32Array(15))]]));
    const header = written.subarray(0, written.length - 60);
    expect(readSafetensorsHeader(header, written.length).tensors.get("w")).toEqual({
      name: "w",
      dtype: "F32",
      shape: [3, 5],
      from: 0,
      to: 60,
    });
    expect(() => readSafetensorsHeader(header)).toThrow(/cut off/);
  });
});

describe("numbers", () => {
  const tensor = (dtype: Dtype, ...bytes: number[]): Tensor => ({
    dtype,
    shape: [bytes.length / dtypes[dtype].bytes],
    bytes: Uint8Array.from(bytes),
  });

  test("every dtype by its published bits", () => {
    expect([...readFloat64(tensor("F16", 0x00, 0x3c, 0x01, 0x00, 0xff, 0x7b, 0x00, 0xfc, 0x00, 0x80))]).toEqual([
      1,
      2 ** -24,
      65504,
      -Infinity,
      -0,
    ]);
    expect(readFloat64(tensor("F16", 0x01, 0x7c))[0]).toBeNaN();
    expect([...readFloat64(tensor("BF16", 0x80, 0x3f, 0x01, 0x00, 0x80, 0xff))]).toEqual([1, 2 ** -133, -Infinity]);
    expect([...readFloat64(tensor("I64", 255, 255, 255, 255, 255, 255, 255, 255))]).toEqual([-1]);
    expect([...readFloat64(tensor("I32", 254, 255, 255, 255))]).toEqual([-2]);
    expect([...readFloat64(tensor("U8", 7, 255))]).toEqual([7, 255]);
    expect([...readFloat64(tensor("BOOL", 0, 1))]).toEqual([0, 1]);
    expect([...readFloat32(tensor("F64", 0, 0, 0, 0, 0, 0, 0xf8, 0x3f))]).toEqual([1.5]);
    expect(() => readFloat64(tensor("F8_E4M3", 0))).toThrow(SafetensorsError);
  });

  test("F32 keeps every bit, and is a copy even of a Buffer", () => {
    const bytes = Buffer.from([1, 0, 0x80, 0x7f, 0, 0, 0x80, 0x3f]);
    const read = readFloat32({ dtype: "F32", shape: [2], bytes });
    bytes.fill(0);
    expect([...new Uint32Array(read.buffer)]).toEqual([0x7f800001, 0x3f800000]);
  });

  test("each of the 65,536 binary16 values is the number that its fields say", () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const read = readFloat64({ dtype: "F16", shape: [65536], bytes: new Uint8Array(bits.buffer) });
    let previous = -1;
    for (let i = 0; i < 0x7c00; i++) {
      expect(read[i]!).toBeGreaterThan(previous);
      expect(read[i + 0x8000]).toBe(-read[i]!);
      previous = read[i]!;
    }
  });
});
