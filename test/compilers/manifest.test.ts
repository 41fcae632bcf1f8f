import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { FormulaTable } from "../../src/contract/host-formula.js";
import type { Manifest } from "../../src/contract/manifest.js";
import { compiled, compiledExamples, textsOf } from "./examples.js";
import { type Schema, schemaErrors } from "./json-schema.js";

const schema = JSON.parse(readFileSync(new URL("../../src/contract/manifest.schema.json", import.meta.url), "utf8")) as Schema;

const everything = `
/// Everything that a manifest can say.
optimizer Everything {
  hyper lr = 1e-3 in [0, inf)
  hyper beta = 0.9 in [0, 1)
  hyper gamma = 1 - beta
  hyper nesterov: bool = true
  fixed hyper n_layers: int = 12 in [1, inf)
  schedule lr = 0 -> 1 cosine 100; hold 50
  option k: 4 | 10 = 10
  option amsgrad = false
  host state total = 0
  state m = 0
  state anchor = param
  state v = 0 when rank >= 2
  total <- total + lr.peak
  m <- beta * m + gamma * grad
  u = if nesterov then grad + beta * m else m
  if rank >= 2 { v <- if amsgrad then max(v, abs(u)) else abs(u) + v }
  param <- param - lr / (total * k) * (u + (param - anchor)) + (if rank >= 2 then v else 0) * shape[0]
  rules scale lr {
    "^encoder.layers.{layer: 0..11}.(q|k)_proj" and rank == 2 => 0.8 ^ (n_layers - layer)
    not "**.bias$" or "head?.*" => 0.5
    else => 1
  }
  order depth { "layers.{n}" => (1, n)   "^norm" => (1, last)   else => 0 }
  rules scale beta { else => 0.9 ^ (depth.max - depth) }
  rules use { rank < 2 => SGD(lr = 1)   else => this }
}
ruleset Frozen { freeze { "^frozen" => true   else => false } }
optimizer Composed = Everything with Frozen`;

const optimizers = [...(await compiledExamples()), ...(await compiled(everything))];
const manifests = textsOf(optimizers, "manifest.json").map(({ path, content }) => [path, JSON.parse(content) as Manifest] as const);

test.each(manifests)("%s satisfies the published schema, and is what the runtime is given", (path, manifest) => {
  expect(schemaErrors(schema, manifest)).toEqual([]);
  const optimizer = optimizers.find(({ folder }) => path === `${folder}/manifest.json`)!;
  expect(manifest).toEqual(JSON.parse(JSON.stringify(optimizer.definition.manifest)));
});

test("the schema refuses what is not a manifest", () => {
  const [, manifest] = manifests[0]!;
  const [build] = manifest.builds;
  for (const wrong of [
    {},
    { ...manifest, manifestVersion: 1 },
    { ...manifest, more: 1 },
    { ...manifest, builds: [] },
    { ...manifest, schedules: [] },
    { ...manifest, schedules: [{ hyper: "lr" }] },
    { ...manifest, hypers: [{ ...manifest.hypers[0]!, fixed: 1 }] },
    { ...manifest, defaults: [{ op: "apply", fn: "rm", args: [0] }] },
    { ...manifest, builds: [{ ...build, key: "../up" }] },
    { ...manifest, builds: [{ ...build, programs: [{ ...build!.programs[0]!, rowWidth: 6 }] }] },
  ])
    expect(schemaErrors(schema, wrong)).not.toEqual([]);
});

describe("formula tables", () => {
  const tables = manifests.flatMap(([path, { defaults, rules, builds }]): [string, FormulaTable][] => [
    [`${path} defaults`, defaults],
    [`${path} rules`, rules.formulas],
    ...builds.map((build): [string, FormulaTable] => [`${path} ${build.key}`, build.host]),
  ]);

  test.each(tables)("%s: arguments stand before their users", (_, table) => {
    for (const [id, value] of table.entries()) if ("args" in value) for (const arg of value.args) expect(arg).toBeLessThan(id);
  });

  test.each(manifests)("%s: every formula of a build is used", (_, { builds }) => {
    for (const { host, hostStates, programs } of builds) {
      const variants = programs.flatMap((program) => program.variants);
      const used = new Set([
        ...hostStates.map(({ init }) => init),
        ...variants.flatMap(({ when, coefficients, hostStores }) => [
          ...when.map(({ condition }) => condition),
          ...[...coefficients, ...hostStores].map(({ value }) => value),
        ]),
      ]);
      for (let id = host.length - 1; id >= 0; id--) {
        const value = host[id]!;
        expect(used.has(id), `formula ${id}`).toBe(true);
        if ("args" in value) for (const arg of value.args) used.add(arg);
      }
    }
  });
});

test("what a spec says is in its manifest", () => {
  const manifest = manifests.find(([path]) => path.startsWith("everything/"))![1];
  expect(manifest.optimizer).toEqual({ name: "Everything", doc: "Everything that a manifest can say." });
  expect(manifest.hypers.map(({ key, type, fixed }) => [key, type, fixed])).toEqual([
    ["lr", "number", false],
    ["beta", "number", false],
    ["gamma", "number", false],
    ["nesterov", "bool", false],
    ["nLayers", "int", true],
  ]);
  expect(manifest.hypers[1]!.range).toEqual({ low: 0, high: 1, lowClosed: true, highClosed: false });
  const [build] = manifest.builds;
  expect(build!.states.map(({ name, init }) => [name, init])).toEqual([
    ["m", 0],
    ["anchor", null],
    ["v", 0],
  ]);
  expect(build!.hostStates.map(({ name }) => name)).toEqual(["total"]);
  expect(build!.programs.map(({ entry }) => entry)).toEqual(["init", "step"]);
  const [, step] = build!.programs;
  expect(step!.variants.map(({ stateOffsets }) => stateOffsets)).toContainEqual([0, 4, -1]);
  expect(step!.variants.map(({ stateOffsets }) => stateOffsets)).toContainEqual([0, 4, 8]);
  expect(build!.facts).toEqual(expect.arrayContaining(["rank", "shape[0]", "lr.peak", "beta"]));
});
