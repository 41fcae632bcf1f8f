import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type CompiledOptimizer, compile } from "../../src/compiler/compile.js";
import { GENERATOR } from "../../src/compiler/emit/generator.js";
import { runInDeno, whyNoDeno } from "../device/deno.js";
import { openTint } from "../device/webgpu/dawn.js";
import { compiledExamples, configuredBuilds, exampleTexts, textsOf } from "./examples.js";
import { tintErrors } from "./tint.js";

let optimizers: readonly CompiledOptimizer[] = [];
beforeAll(async () => {
  optimizers = await compiledExamples();
});

test("every configured build is made", () => {
  for (const [name, builds] of configuredBuilds) {
    const optimizer = optimizers.find((candidate) => candidate.name === name)!;
    expect(optimizer.definition.manifest.builds.map(({ options }) => options)).toMatchObject(builds);
    const kernels = optimizer.files.filter(({ path }) => path.endsWith(".wasm")).length;
    expect(kernels).toBe(builds.length);
  }
});

test("WGSL passes Tint", async () => {
  const gpu = await openTint();
  for (const { path, content } of textsOf(optimizers, ".wgsl")) expect(await tintErrors(gpu, content), path).toEqual([]);
  expect(await tintErrors(gpu, "fn f() { let x: f32 = 1u; }")).toHaveLength(1);
});

test.skipIf(whyNoDeno() !== undefined)("WGSL passes Naga", async () => {
  const texts = [...textsOf(optimizers, ".wgsl"), { path: "wrong", content: "fn f() { let x: f32 = 1u; }" }];
  const folder = await mkdtemp(join(tmpdir(), "optspec-naga-"));
  try {
    const naga = JSON.stringify(new URL("naga.ts", import.meta.url).pathname);
    const entry = `import { nagaErrors } from ${naga};\nexport const run = () => nagaErrors(${JSON.stringify(texts)});\n`;
    await writeFile(join(folder, "entry.ts"), entry);
    const errors = (await runInDeno(join(folder, "entry.ts"))) as { path: string }[];
    expect(errors.filter(({ path }) => path !== "wrong")).toEqual([]);
    expect(errors).toHaveLength(1);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("kernels hold no fma, no pow, and no condition of the host", () => {
  for (const { content } of textsOf(optimizers, ".wgsl")) expect(content).not.toMatch(/\b(fma|pow|exp|log)\(/);
});

test("the WebAssembly modules are valid, and the text of each module is its binary", async () => {
  const wabt = await (await import("wabt")).default();
  for (const { path, content } of textsOf(optimizers, ".wat")) {
    const binary = optimizers.flatMap(({ files }) => files).find((file) => file.path === path.replace(/wat$/, "wasm"))!
      .content as Uint8Array<ArrayBuffer>;
    expect(WebAssembly.validate(binary), path).toBe(true);
    const { buffer } = wabt.parseWat(path, content, { simd: true }).toBinary({});
    expect(binary.subarray(0, buffer.length)).toEqual(buffer);
    const module = await WebAssembly.compile(binary);
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "memory", kind: "memory" }]);
    const [origin] = WebAssembly.Module.customSections(module, GENERATOR.name);
    expect(new TextDecoder().decode(origin)).toContain(".opt");
  }
});

test("modules hold the same kernels as the files beside them", async () => {
  for (const { files } of optimizers) {
    for (const { path, content } of files.filter((file) => /\.(wgsl|wasm)\.js$/.test(file.path))) {
      const kernel = files.find((file) => `${file.path}.js` === path)!.content;
      const { default: embedded } = (await import(`data:text/javascript,${encodeURIComponent(content as string)}`)) as { default: string };
      if (typeof kernel === "string") expect(embedded).toBe(kernel);
      else expect(Buffer.from(embedded, "base64")).toEqual(Buffer.from(kernel));
    }
  }
});

describe("generated files", () => {
  test("are the same bytes every time, wherever the source lies", async () => {
    for (const [i, { path, text }] of exampleTexts.entries()) {
      const again = await compile({ path: `/somewhere/else/${path}`, text }, { builds: configuredBuilds });
      const first = optimizers.find(({ spec }) => spec.source.path === exampleTexts[i]!.path)!;
      expect(again.optimizers[0]!.files).toEqual(first.files);
    }
  });

  test("name their source and generator, no date and no path", () => {
    for (const { files, spec } of optimizers) {
      const source = spec.source.path.split("/").at(-1)!;
      for (const { path, content } of files) {
        const text = typeof content === "string" ? content : Buffer.from(content).toString("latin1");
        expect(text, path).toContain(source);
        expect(text, path).toContain(GENERATOR.version);
        expect(text, path).not.toMatch(/examples\/|20\d\d-\d\d-\d\d|\/home\/|\/tmp\//);
        expect(path).toMatch(/^[a-z0-9]+\/[a-z0-9_.-]+$/);
      }
    }
  });

  test("carry the version of the package", () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
    expect(GENERATOR.version).toBe(version);
  });
});

describe("a spec is tried before it is printed", () => {
  const ratio = "optimizer Ratio { hyper lr = 0.1 state m = 0 m <- m + grad param <- param - lr * (grad / sqrt(m * m)) }";

  test("a division of zero by zero is an error at the optimizer", async () => {
    const { diagnostics, optimizers: found } = await compile({ path: "ratio.opt", text: ratio });
    expect(diagnostics.map(({ code, severity }) => [code, severity])).toEqual([["first-step-not-finite", "error"]]);
    expect(found).toEqual([]);
  });

  test("with an epsilon it is right", async () => {
    const text = ratio.replace("sqrt(m * m)", "(sqrt(m * m) + 1e-8)");
    expect((await compile({ path: "ratio.opt", text })).diagnostics).toEqual([]);
  });
});

describe("what is asked for", () => {
  const source = {
    path: "a.opt",
    text: "optimizer A { option k: 4 | 10 = 10 option fast = false hyper lr = 1 param <- param - lr * (if fast then k * grad else grad) }",
  };

  test("a target alone", async () => {
    const { optimizers: found } = await compile(source, { targets: ["manifest"] });
    expect(found[0]!.files.map(({ path }) => path)).toEqual(["a/manifest.json"]);
    expect(await found[0]!.definition.kernels["10"]!.wgsl()).toContain("fn step(");
    expect(WebAssembly.validate(Buffer.from(await found[0]!.definition.kernels["10"]!.wasm(), "base64"))).toBe(true);
  });

  test("builds are completed with defaults, made once, and the first is the default", async () => {
    const builds = new Map([["A", [{ fast: "true" }, { k: "4" }, { fast: "true", k: "10" }]]]);
    const { optimizers: found } = await compile(source, { builds });
    expect(found[0]!.definition.manifest.builds.map(({ key, options }) => [key, options])).toEqual([
      ["10-fast", { k: "10", fast: "true" }],
      ["4", { k: "4", fast: "false" }],
    ]);
  });

  test.each([
    [{ slow: "true" }, "unknown-build-option"],
    [{ k: "5" }, "unknown-build-word"],
  ])("%j is refused", async (build, code) => {
    const { diagnostics, optimizers: found } = await compile(source, { builds: new Map([["A", [build as Record<string, string>]]]) });
    expect(diagnostics.map((diagnostic) => diagnostic.code)).toEqual([code]);
    expect(found).toEqual([]);
  });
});
