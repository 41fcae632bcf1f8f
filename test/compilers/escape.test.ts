import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { docComment, javascriptString, javascriptTemplate, lineComment, watString } from "../../src/compiler/emit/escape.js";
import { javascriptLiteral, prettyJson } from "../../src/compiler/emit/json.js";
import { createFileNamer, createKeyNamer, createNamer } from "../../src/compiler/emit/namer.js";
import { hexFloat } from "../../src/compiler/emit/numbers.js";
import { hostileDocs, refusedTexts } from "./hostile-names.js";

const pieces = [
  "*/",
  "/*",
  ";;",
  "(;",
  ";)",
  "`",
  "${",
  "\\",
  '"',
  "'",
  "\n",
  "\r",
  "\u2028",
  "\u2029",
  "\u0085",
  "\0",
  "\ud800",
  "é",
  "β",
  "#",
  " ",
];
const text = fc.oneof(
  fc.constantFrom(...hostileDocs, ...refusedTexts),
  fc.string({ unit: "binary" }),
  fc.array(fc.constantFrom(...pieces), { maxLength: 12 }).map((parts) => parts.join("")),
);
const evaluate = (code: string): unknown => new Function(`return (${code});`)();

describe("a text in generated code", () => {
  test("is the same text as a JavaScript string and template", () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(evaluate(javascriptString(value))).toBe(value);
        expect(evaluate(javascriptTemplate(value))).toBe(value);
      }),
    );
  });

  test("never ends a comment, nor a line of one", () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(evaluate(`/** ${docComment(value)} */ 1`)).toBe(1);
        expect(docComment(value)).not.toContain("*/");
        for (const mark of ["//", ";;", "#"] as const) {
          for (const line of lineComment(mark, value)) expect(line).toMatch(new RegExp(`^${mark}[^\\n\\v\\f\\r\\u0085\\u2028\\u2029]*$`));
          for (const line of lineComment(mark, value)) expect(line.endsWith("\\")).toBe(false);
        }
      }),
    );
  });

  test("is plain ASCII between the quotes of a WebAssembly string", () => {
    fc.assert(
      fc.property(text, (value) => {
        expect(watString(value)).toMatch(/^"([ !#-[\]-~]|\\[0-9a-f]{2})*"$/);
      }),
    );
  });
});

describe("data in generated code", () => {
  const value = fc.jsonValue().filter((json) => !JSON.stringify(json).includes("__proto__"));

  test("is the same as JSON and as JavaScript", () => {
    fc.assert(
      fc.property(value, (json) => {
        expect(JSON.parse(prettyJson(json))).toEqual(json);
        expect(evaluate(javascriptLiteral(json, javascriptString))).toEqual(json);
      }),
    );
  });

  test("keeps the sign of zero, infinities and a key that would set the prototype", () => {
    const data = { zero: -0, high: Infinity, low: -Infinity, options: Object.fromEntries([["__proto__", "x"]]) };
    for (const read of [JSON.parse(prettyJson(data)), evaluate(javascriptLiteral(data, javascriptString))]) {
      expect(Object.is(read.zero, -0)).toBe(true);
      expect([read.high, read.low]).toEqual([Infinity, -Infinity]);
      expect(Object.entries(read.options)).toEqual([["__proto__", "x"]]);
    }
  });

  test("a literal of binary32 is read back as its bits", () => {
    const read = (literal: string): number => {
      const [, sign, lead, fraction = "", exponent] = /^(-?)0x([01])\.?([0-9a-f]*)p([+-]\d+)$/.exec(literal) ?? [];
      if (lead === undefined) return Number(literal);
      return Number(`${sign}1`) * Number.parseInt(lead + fraction, 16) * 2 ** (Number(exponent) - 4 * fraction.length);
    };
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(Object.is(read(hexFloat(number)), number)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("names", () => {
  const name = fc.oneof(
    fc.string({ unit: fc.constantFrom(..."aB_1βΣ_") }),
    fc.constantFrom("class", "fn", "_", "__x", "x__y", "con", "constructor"),
  );

  test("become identifiers, each given out once", () => {
    fc.assert(
      fc.property(fc.array(name), fc.constantFrom("typescript", "wgsl", "cpp", "wat", "python"), (names, target) => {
        const given = names.map(createNamer(target as "wgsl"));
        expect(new Set(given).size).toBe(names.length);
        for (const identifier of given) expect(identifier).toMatch(/^[A-Za-z](?!.*__)\w*$/);
      }),
    );
  });

  test("become keys and file names, each given out once", () => {
    fc.assert(
      fc.property(fc.array(name), (names) => {
        const [keys, files] = [names.map(createKeyNamer(["params"])), names.map(createFileNamer())];
        expect([new Set(keys).size, new Set(files).size]).toEqual([names.length, names.length]);
        for (const key of keys) expect(key in {}).toBe(false);
        for (const file of files) expect(file).toMatch(/^[a-z0-9][a-z0-9_-]*$/);
      }),
    );
  });

  test.each([
    ["wgsl", "override", "override_"],
    ["typescript", "class", "class_"],
    ["python", "lambda", "lambda_"],
    ["cpp", "float", "float_"],
    ["wgsl", "β1", "beta1"],
    ["wgsl", "weight_decay", "weight_decay"],
  ] as const)("%s: %s is %s", (target, spec, identifier) => {
    expect(createNamer(target)(spec)).toBe(identifier);
  });
});
