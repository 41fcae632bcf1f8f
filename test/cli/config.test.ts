import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { optspec, put, sgd } from "./command.js";
import { contents, temporaryFolder } from "./folder.js";

const withOption =
  "optimizer Sgd {\n  hyper lr = 0.1 in [0, inf)\n  option sign: plus | minus = minus\n  if sign == plus { param <- param + lr * grad } else { param <- param - lr * grad }\n}\n";

test("optspec.config.json and .mjs say the same", async () => {
  const config = { specs: ["specs/**/*.opt"], out: "made", builds: { Sgd: [{ sign: "minus" }, { sign: "plus" }] } };
  const made = await Promise.all(
    [{ "optspec.config.json": JSON.stringify(config) }, { "optspec.config.mjs": `export default ${JSON.stringify(config)};` }].map(
      async (files) => {
        const folder = temporaryFolder();
        put(folder, { "specs/deep/s.opt": withOption, "not.opt": sgd("Other"), ...files });
        expect(await optspec(folder, ["build"])).toMatchObject({ exitCode: 0 });
        return contents(join(folder, "made"));
      },
    ),
  );
  expect(made[0]).toEqual(made[1]);
  expect(Object.keys(made[0]!)).toEqual(expect.arrayContaining(["sgd/minus.wgsl", "sgd/plus.wgsl"]));
});

describe("a config with a mistake", () => {
  test.each([
    ["no JSON", "{", /is not JSON/],
    ["a list", "[]", /holds no object/],
    ["an unknown key", '{"spec":[]}', /unknown key "spec"/],
    ["a key twice", '{"out":"a","out":"b"}', /twice/],
    ["specs that are no list", '{"specs":"*.opt"}', /"specs"/],
    ["out that is no path", '{"out":1}', /"out"/],
    ["out that leads outside", '{"out":"../elsewhere"}', /outside/],
    ["builds that are no object", '{"builds":[]}', /"builds"/],
    ["no build", '{"builds":{"Sgd":[]}}', /at least one build/],
    ["a build that is a word", '{"builds":{"Sgd":["minus"]}}', /not an object/],
    ["a word that is an object", '{"builds":{"Sgd":[{"sign":{}}]}}', /"sign"/],
    ["an optimizer that no spec has", '{"builds":{"Sdg":[{}]}}', /"Sdg"/],
  ])("%s", async (_, text, message) => {
    const folder = temporaryFolder();
    put(folder, { "s.opt": withOption, "optspec.config.json": text });
    const ran = await optspec(folder, ["build"]);
    expect(ran).toMatchObject({ exitCode: 2, talk: expect.stringMatching(message) });
    expect(ran.talk).toContain("help:");
    expect(existsSync(join(folder, "generated"))).toBe(false);
  });

  test.each([
    ["an option that the spec has not", '{"builds":{"Sgd":[{"sing":"plus"}]}}', /sing/],
    ["a word that the option has not", '{"builds":{"Sgd":[{"sign":"neutral"}]}}', /neutral/],
  ])("%s is a mistake shown at the spec", async (_, text, message) => {
    const folder = temporaryFolder();
    put(folder, { "s.opt": withOption, "optspec.config.json": text });
    expect(await optspec(folder, ["build"])).toMatchObject({ exitCode: 1, talk: expect.stringMatching(message) });
  });

  test("a config that throws, one that is missing, two at once", async () => {
    const folder = temporaryFolder();
    put(folder, { "s.opt": withOption, "optspec.config.mjs": 'throw new Error("my mistake");' });
    expect(await optspec(folder, ["build"])).toMatchObject({ exitCode: 2, talk: expect.stringContaining("my mistake") });
    expect(await optspec(folder, ["build", "--config", "none.json"])).toMatchObject({
      exitCode: 2,
      talk: expect.stringContaining("none.json"),
    });
    put(folder, { "optspec.config.json": "{}" });
    expect(await optspec(folder, ["build"])).toMatchObject({ exitCode: 2, talk: expect.stringContaining("both") });
    expect(await optspec(folder, ["build", "--config", "optspec.config.json"])).toMatchObject({ exitCode: 0 });
  });
});

test("explain and replay execute no config", async () => {
  const folder = temporaryFolder();
  const ran = join(folder, "ran");
  put(folder, {
    "s.opt": withOption,
    "p.txt": "w [2]\n",
    "optspec.config.mjs": `import { writeFileSync } from "node:fs"; writeFileSync(${JSON.stringify(ran)}, "");`,
  });
  expect((await optspec(folder, ["explain", "s.opt", "--params", "p.txt"])).exitCode).toBe(0);
  expect((await optspec(folder, ["replay", "s.opt", "--run", "p.txt"])).exitCode).not.toBe(0);
  expect(existsSync(ran)).toBe(false);
  await optspec(folder, ["build"]);
  expect(existsSync(ran)).toBe(true);
});
