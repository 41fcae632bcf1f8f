import { beforeAll, describe, expect, test } from "vitest";
import { type CompiledOptimizer, compile } from "../../src/compiler/compile.js";
import { openTint } from "../device/webgpu/dawn.js";
import { compiled, textsOf } from "./examples.js";
import { type HostileKind, hostileDocs, hostileNames, objectWords, specWith } from "./hostile-names.js";
import { tintErrors } from "./tint.js";

const PER_SPEC = 16;
const kinds = ["state", "hyper", "number"] as const;

/** The names that the checker takes: all but the language's own words. */
async function accepted(names: readonly string[], kind: HostileKind): Promise<string[]> {
  const results = await Promise.all(
    names.map(async (name) => {
      const { diagnostics } = await compile({ path: "name.opt", text: specWith([name], kind) }, { targets: [] });
      return diagnostics.some(({ severity }) => severity === "error") ? [] : [name];
    }),
  );
  return results.flat();
}

const slices = (names: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(names.length / PER_SPEC) }, (_, i) => names.slice(i * PER_SPEC, (i + 1) * PER_SPEC));

const optimizers: CompiledOptimizer[] = [];
const taken = new Set<string>();
beforeAll(async () => {
  for (const kind of kinds) {
    const names = await accepted(hostileNames, kind);
    for (const name of names) taken.add(name);
    for (const [i, slice] of slices(names).entries()) optimizers.push(...(await compiled(specWith(slice, kind, `Hostile_${kind}_${i}`))));
  }
});

test("most reserved words, and every name that asks for trouble, are names that a spec may have", () => {
  const hard = [
    ...objectWords,
    "lane",
    "chunk",
    "main",
    "param_",
    "class",
    "await",
    "struct",
    "override",
    "lambda",
    "float4",
    "definition",
  ];
  expect(hard.filter((name) => hostileNames.includes(name) && !taken.has(name))).toEqual([]);
  expect(taken.size).toBeGreaterThan(0.9 * hostileNames.length);
});

test("WGSL with such names passes Tint", async () => {
  const gpu = await openTint();
  for (const { path, content } of textsOf(optimizers, ".wgsl")) expect(await tintErrors(gpu, content), path).toEqual([]);
});

test("the WebAssembly module with such names is valid", () => {
  const binaries = optimizers.flatMap(({ files }) => files).filter(({ path }) => path.endsWith(".wasm"));
  expect(binaries).toHaveLength(optimizers.length);
  for (const { path, content } of binaries) expect(WebAssembly.validate(content as Uint8Array<ArrayBuffer>), path).toBe(true);
});

test("settings keys are never members of every object, and no two are alike", () => {
  for (const { definition } of optimizers) {
    const keys = [...definition.manifest.hypers, ...definition.manifest.options].map(({ key }) => key);
    expect(keys.filter((key) => key in {})).toEqual([]);
    expect(new Set(keys).size).toBe(keys.length);
  }
});

describe("an optimizer's own name", () => {
  test.each(["string", "Promise", "definition", "Optimizer", "class", "await", "con", "__proto__", "constructor", "λ"])(
    "%s",
    async (name) => {
      const [optimizer] = await compiled(specWith(["m"], "state", name));
      expect(optimizer!.folder).toMatch(/^[a-z][a-z0-9_-]*$/);
      const module = await import(`data:text/javascript,${encodeURIComponent(wrapperOf(optimizer!))}`);
      const [exported] = Object.entries(module) as [string, { name: string; definition: unknown }][];
      expect(exported![0]).toMatch(/^[A-Za-z]\w*$/);
      expect(exported![1].name).toBe(name);
      expect(exported![1].definition).toHaveProperty("manifest.optimizer.name", name);
    },
  );
});

/** The module with its import replaced, so that a test may load it. */
function wrapperOf({ files, folder }: CompiledOptimizer): string {
  const text = files.find(({ path }) => path === `${folder}/${folder}.js`)!.content as string;
  return text.replace(
    /^import \{ createOptimizer(?: as (\w+))? \} from "optspec\/runtime";/m,
    (_, local) => `const ${local ?? "createOptimizer"} = () => {};`,
  );
}

describe("a doc comment that tries to end its comment", () => {
  test.each(hostileDocs)("%j", async (doc) => {
    const lines = doc.split(/\r\n|\n/).map((line) => `/// ${line}`);
    const text = [
      ...lines,
      "optimizer Docs {",
      ...lines,
      "hyper lr = 0.1",
      ...lines,
      "state m = 0",
      "m <- m + grad",
      "param <- param - lr * m",
      "}",
    ];
    const found = await compiled(text.join("\n"));
    const [optimizer] = found;
    const module = await import(`data:text/javascript,${encodeURIComponent(wrapperOf(optimizer!))}`);
    expect(Object.keys(module)).toEqual(["Docs"]);
    expect(module.Docs.definition.manifest).toEqual(optimizer!.definition.manifest);
    for (const { content } of textsOf(found, ".d.ts")) expect(content).not.toMatch(/^\s*(export )?const pwned/m);
  });
});
