// The figures against the table of performance that was counted by hand, and the claims against runs of the interpreter.

import { describe, expect, test } from "vitest";
import { createInterpreter } from "../../src/compiler/ir/interpret.js";
import { type BuildReport, reportOf } from "../../src/tools/report.js";
import { compiled, compiledExamples } from "../compilers/examples.js";
import { optspec, put } from "./command.js";
import { temporaryFolder } from "./folder.js";

const examples = await compiledExamples();
const reports = new Map(examples.map((example) => [example.name, reportOf(example)]));
const build = (name: string, options: Readonly<Record<string, string>> = {}): BuildReport =>
  reports.get(name)!.builds.find((one) => Object.entries(options).every(([key, word]) => one.options[key] === word))!;

describe("bytes of an f32 parameter, gradient and states in place", () => {
  test.each([
    ["AdamW", { amsgrad: "false" }, 28, 8],
    ["AdamW", { amsgrad: "true" }, 36, 12],
    ["AdamWDL", {}, 28, 8],
    ["Lion", {}, 20, 4],
  ])("%s %o: %i", (name, options, bytes, stateBytes) => {
    const { sweeps, variants } = build(name, options);
    expect(sweeps).toBe(1);
    for (const variant of variants) {
      expect(variant.bytes.read + variant.bytes.written).toBe(bytes);
      expect(variant.stateBytes).toBe(stateBytes);
    }
  });
});

describe("a gradient of zeros changes nothing but what is reported", () => {
  const cases = examples.flatMap((example) => example.plans.map((plan, i) => ({ example, plan, report: reportOf(example).builds[i]! })));
  test.each(cases.map((one) => [`${one.example.name} ${JSON.stringify(one.plan.options)}`, one] as const))(
    "%s",
    (_, { example, plan, report }) => {
      const defaults = { lr: 1e-2, weight_decay: 0.1, momentum: 0.9 } as Readonly<Record<string, number>>;
      const hyper = (_: number, name: string) =>
        defaults[name] ?? example.definition.manifest.hypers.find((h) => h.name === name)!.range?.low ?? 0.5;
      const param = { name: "w", shape: [4, 8], data: Float32Array.from({ length: 32 }, (_, i) => Math.sin(i + 1)) };
      const run = createInterpreter(plan.ir, { arithmetic: "f32", params: [param], hyper: (p, name) => Math.max(hyper(p, name), 1e-3) });
      for (let step = 0; step < 3; step++) run.step(new Map([["w", Float32Array.from({ length: 32 }, (_, i) => Math.cos(i * step + 2))]]));
      const states = plan.ir.cells.filter(({ role, home }) => role === "state" && home === "device").map(({ name }) => name);
      const look = () =>
        new Map([["param", run.param("w").slice()], ...states.map((s) => [s, run.state("w", s)?.slice() ?? null] as const)]);
      const before = look();
      run.step(new Map([["w", new Float32Array(32)]]));
      const after = look();
      const allowed = new Set(report.variants.flatMap((variant) => variant.changedByZeroGradient));
      for (const [name, values] of before) if (!allowed.has(name)) expect(after.get(name), name).toEqual(values);
    },
  );

  test("Adagrad without weight decay is exact, moments and weight decay are not", async () => {
    const [adagrad] = await compiled(`optimizer Plain {
      hyper lr = 0.01, epsilon = 1e-10
      state sum = 0
      sum <- sum + grad^2
      param <- param - lr * grad / (sqrt(sum) + epsilon)
    }`);
    expect(reportOf(adagrad!).builds[0]!.variants[0]!.changedByZeroGradient).toEqual([]);
    expect(build("AdamW").variants[0]!.changedByZeroGradient).toEqual(["param", "m", "v"]);
    expect(build("Adagrad").variants[0]!.changedByZeroGradient).toContain("param");
  });
});

describe("optspec report", () => {
  const spec =
    'optimizer Plain {\n  hyper lr = 0.1\n  param <- param - lr * grad\n  rules freeze { "frozen" => true   else => false }\n}\n';
  const list = '[{"name":"a","shape":[1000,1000]},{"name":"b","shape":[24]},{"name":"frozen","shape":[7]}]';

  test("a model's step: bytes, states and the time they imply", async () => {
    const folder = temporaryFolder();
    put(folder, { "plain.opt": spec, "list.json": list });
    const { exitCode, out } = await optspec(folder, [
      "report",
      "plain.opt",
      "--params",
      "list.json",
      "--bandwidth",
      "100",
      "--format",
      "json",
    ]);
    expect(exitCode).toBe(0);
    const { model, builds, hypers } = JSON.parse(out);
    expect(model).toMatchObject({
      parameters: 3,
      elements: 1_000_031,
      frozen: 1,
      bytes: 12 * 1_000_024,
      stateBytes: 0,
      operations: 2 * 1_000_024,
    });
    expect(model.seconds).toBeCloseTo(12_000_288 / 1e11, 12);
    expect(builds[0]).toMatchObject({ sweeps: 1, finishes: 0, streamable: true, sharedSums: [], inexact: [] });
    expect(hypers).toEqual({ perParameter: ["lr"], global: [] });
    const text = await optspec(folder, ["report", "plain.opt", "--params", "list.json"]);
    expect(text.out).toContain("12 bytes per parameter (8 read, 4 written), 0 of state, 2 operations");
    expect(text.out).toContain("sparse-exact: yes");
    expect(text.out).toContain("lazy rows: possible, and the same as a gradient of zeros in the other rows");
  });

  test("what shards reduce is said once, and shortened for people", async () => {
    const folder = temporaryFolder();
    const long = Array.from({ length: 20 }, (_, i) => `grad * ${i + 2}`).join(" + ");
    put(folder, {
      "sums.opt": `optimizer Sums { hyper lr = 0.1  param <- param - lr * grad * (norm[model](grad) + rms[model](grad) + sum(${long})) }`,
    });
    const { out } = await optspec(folder, ["report", "sums.opt"]);
    expect(out.split("sum[model](grad * grad)")).toHaveLength(2);
    expect(out).toContain("...\n");
    expect(out).toContain("lazy rows: possible, and what is reduced is of the rows present; other rows stay as they are");
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(120);
    const json = await optspec(folder, ["report", "sums.opt", "--format", "json"]);
    expect(JSON.parse(json.out).builds[0].sharedSums.at(-1)).toContain("grad * 21");
  });

  test("bad input says what to do", async () => {
    const folder = temporaryFolder();
    put(folder, { "plain.opt": spec, "wrong.opt": "optimizer {" });
    for (const bandwidth of ["0", "-1", "x", "Infinity"]) {
      const { exitCode, talk } = await optspec(folder, ["report", "plain.opt", "--bandwidth", bandwidth]);
      expect(exitCode).toBe(2);
      expect(talk).toContain("give GB/s");
    }
    expect((await optspec(folder, ["report", "wrong.opt"])).exitCode).toBe(1);
    const unknown = await optspec(folder, ["report", "plain.opt", "--option", "amsgrad=true"]);
    expect([unknown.exitCode, unknown.talk]).toEqual([1, expect.stringContaining("amsgrad")]);
  });
});
