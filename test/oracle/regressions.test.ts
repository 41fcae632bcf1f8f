// Bugs that other optimizers had, each with the report it is named after; what must come out instead follows from a closed form or from exact
// binary arithmetic. Two more are held elsewhere: a resumed run that takes its decay from the constructor (Megatron-LM #7468), in
// test/state/refusals.test.ts, and a "global" norm that Paddle takes of each group, in clip.test.ts. What needs a shader of its own is
// run on WebGPU where the bug was one of a kernel.

import { readdirSync } from "node:fs";
import { cpu } from "optspec/cpu";
import { webgpu } from "optspec/webgpu";
import { describe, expect, test } from "vitest";
import type { CompiledOptimizer } from "../../src/compiler/compile.js";
import type { OptimizerDefinition } from "../../src/contract/manifest.js";
import type { Device } from "../../src/runtime/device.js";
import { createOptimizer, type Optimizer, type OptimizerTypes } from "../../src/runtime/index.js";
import { readSafetensors, type Tensor, writeSafetensors } from "../../src/runtime/state/safetensors.js";
import { warmupCosine } from "../../src/schedules/index.js";
import { interpreterTarget, type ReplaySettings } from "../../src/tools/replay-targets.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { compileOne } from "./compile-one.js";
import { exampleText, withClause } from "./replay-case.js";

interface AnyTypes extends OptimizerTypes {
  readonly mutable: string;
}
type Gradients = Readonly<Record<string, readonly number[]>>;
type Given = Readonly<Record<string, unknown>>;

/** A run on one target. */
interface Run {
  step(gradients: Gradients): Promise<void>;
  read(param: string, state?: string): Promise<readonly number[]>;
  t(param: string): Promise<number>;
  /** Goes on as a run that has taken this many steps. */
  resumeAt(steps: number): Promise<void>;
}

const { gpu, why } = await openDawn();
const targets = ["interpret", "cpu", "webgpu"] as const;
type Target = (typeof targets)[number];
const unavailable = (target: Target) => target === "webgpu" && why !== undefined;
const exact = targets.filter((target) => target !== "webgpu");

const floats = (gradients: Gradients) => new Map(Object.entries(gradients).map(([name, list]) => [name, Float32Array.from(list)]));

const compiled = new Map<string, Promise<CompiledOptimizer>>();
/** Compiled once, whatever the targets. */
function build(text: string, options: Readonly<Record<string, string>> = {}): Promise<CompiledOptimizer> {
  const key = `${JSON.stringify(options)} ${text}`;
  if (!compiled.has(key)) compiled.set(key, compileOne(text, [options]));
  return compiled.get(key)!;
}

function interpreted({ definition, plans }: CompiledOptimizer, settings: ReplaySettings): Run {
  const { interpreter, step, read } = interpreterTarget({ definition, ir: plans[0]!.ir, arithmetic: "f32" }, settings);
  return {
    step: (gradients) => step(floats(gradients)),
    read: async (param, state) => [...(await read(param, state ?? null))!],
    t: async (param) => interpreter.t(param),
    resumeAt: async (steps) => interpreter.resume(steps, () => steps),
  };
}

function running(optimizer: Optimizer<unknown, AnyTypes>): Run {
  return {
    step: (gradients) => optimizer.step({ gradients: floats(gradients) }),
    read: async (param, state) => [...(await optimizer.download(param, state as never))],
    async t(param) {
      await optimizer.idle();
      return optimizer.t(param);
    },
    async resumeAt(steps) {
      const file = readSafetensors(new Uint8Array(await (await optimizer.save()).arrayBuffer()));
      const count = new Uint8Array(BigInt64Array.of(BigInt(steps)).buffer);
      const counted = ([key, tensor]: [string, Tensor]) => [key, key.startsWith("t/") ? { ...tensor, bytes: count } : tensor] as const;
      const metadata = new Map([...file.metadata, ["steps", String(steps)] as const]);
      await optimizer.load(writeSafetensors(new Map([...file.tensors].map(counted)), metadata));
    },
  };
}

/** One number for each parameter, zero at first, unless the settings say more. */
async function start(target: Target, one: CompiledOptimizer, names: readonly string[], given: Given = {}): Promise<Run> {
  const settings = { params: names.map((name) => ({ name, shape: [1] })), gradients: "some", ...given } as const;
  if (target === "interpret") return interpreted(one, settings);
  const device: Device = target === "cpu" ? await cpu() : await webgpu({ gpu });
  return running(await createOptimizer<unknown, AnyTypes>(one.definition, device, settings));
}

const close = (ours: number, right: number, relative: number) =>
  expect(Math.abs(ours - right)).toBeLessThanOrEqual(relative * Math.abs(right));

describe.each(targets)("the step counter on %s", (target) => {
  test.skipIf(unavailable(target))("torchao #4915: a counter in bf16 stops at 256", async () => {
    // Under a gradient of 1 bias correction makes every step of Adam exactly lr; with a count that has stopped it would shrink by 8 %.
    const run = await start(target, await build(exampleText("adamw")), ["w"], { lr: 2 ** -10, beta2: 0.9999, weightDecay: 0 });
    let before = 0;
    for (let step = 1; step <= 300; step++) {
      await run.step({ w: [1] });
      if (step < 250) continue;
      const [now] = await run.read("w");
      if (step > 250) close(now! - before, -(2 ** -10), 1e-4);
      before = now!;
    }
    close(before, -300 * 2 ** -10, 1e-4);
    expect(await run.t("w")).toBe(300);
  });

  test.skipIf(unavailable(target))("and one in f32 at 2^24: it counts on, beyond 2^32 too", async () => {
    const text = "optimizer Late { hyper from = 0  param <- param - (t - from) * grad }";
    for (const from of [2 ** 24, 2 ** 32]) {
      const run = await start(target, await build(text), ["w"], { from });
      await run.resumeAt(from - 1);
      for (let step = 0; step < 4; step++) await run.step({ w: [1] });
      expect(await run.read("w")).toEqual([-(0 + 1 + 2 + 3)]);
      expect(await run.t("w")).toBe(from + 3);
    }
  });

  test.skipIf(unavailable(target))("AiDotNet.Tensors #719: its bits are not read as a float", async () => {
    const run = await start(target, await build("optimizer Counted { param <- param - t * grad }"), ["w"]);
    for (let step = 0; step < 4; step++) await run.step({ w: [1] });
    expect(await run.read("w")).toEqual([-(1 + 2 + 3 + 4)]);
  });

  test.skipIf(unavailable(target))("there is no step 0 to divide by", async () => {
    const run = await start(target, await build("optimizer Early { param <- param - grad / t }"), ["w"]);
    await run.step({ w: [1] });
    expect(await run.read("w")).toEqual([-1]);
  });

  test.skipIf(unavailable(target))("tt-metal #55935: betas of 0.999 and 0.9999 are two numbers", async () => {
    for (const beta2 of [0.999, 0.9999]) {
      const run = await start(target, await build(exampleText("adamw")), ["w"], { lr: 0.5, beta2, weightDecay: 0 });
      await run.step({ w: [1] });
      expect(await run.read("w", "v")).toEqual([Math.fround(1 - beta2)]);
      close((await run.read("w"))[0]!, -0.5, 1e-6);
    }
  });
});

describe.each(exact)("skipped steps on %s", (target) => {
  test("OLMo-core #317: who has no gradient neither counts nor forgets", async () => {
    const settings = { lr: 0.125, weightDecay: 0.5, ...values("a", "b", "c") };
    const run = await start(target, await build(exampleText("adamw")), ["a", "b", "c"], settings);
    const alone = await start(target, await build(exampleText("adamw")), ["b"], { ...settings, ...values("b") });
    for (const [step, g] of [1, -2, 3, 0.5].entries()) {
      const present = step % 2 === 0;
      await run.step({ a: [g], ...(present && { b: [g] }) });
      if (present) await alone.step({ b: [g] });
    }
    expect([await run.t("a"), await run.t("b"), await run.t("c")]).toEqual([4, 2, 0]);
    for (const state of [undefined, "m", "v"]) expect(await run.read("b", state)).toEqual(await alone.read("b", state));
    expect([await run.read("c"), await run.read("c", "m"), await run.read("c", "v")]).toEqual([[1], [0], [0]]);
  });

  test("OLMo-core #317: a step that is skipped for a gradient that is not finite is as if it had never been", async () => {
    const one = await build(exampleText("adamw"), { non_finite: "skip" });
    const settings = { lr: 0.125, weightDecay: 0.5, ...values("a", "b") };
    const [run, without] = [await start(target, one, [], settings), await start(target, one, [], settings)];
    for (const [a, b] of [
      [1, 2],
      [Number.NaN, 3],
      [-1, 0.5],
      [4, Number.NEGATIVE_INFINITY],
      [2, 2],
    ] as const) {
      await run.step({ a: [a], b: [b] });
      if (Number.isFinite(a + b)) await without.step({ a: [a], b: [b] });
    }
    expect([await run.t("a"), await run.t("b"), await without.t("a")]).toEqual([3, 3, 3]);
    for (const name of ["a", "b"])
      for (const state of [undefined, "m", "v"]) expect(await run.read(name, state)).toEqual(await without.read(name, state));
  });
});

/** Parameters of one number, 1. */
const values = (...names: readonly string[]) => ({ params: names.map((name) => ({ name, shape: [1], data: Float32Array.of(1) })) });

describe.each(exact)("weight decay on %s", (target) => {
  // Coupled with the gradient, decoupled from it, and behind a reduction.
  test.each(["adamw", "adam", "sgd", "lion", "lamb", "lars"])(
    "frozen parameters of %s do not decay, nor do those without a gradient",
    async (spec) => {
      const frozen = withClause(exampleText(spec), 'rules freeze { "^frozen" => true  else => false }');
      const run = await start(target, await build(frozen), [], { weightDecay: 0.5, ...values("w", "frozen", "absent") });
      for (let step = 0; step < 3; step++) await run.step({ w: [0.25] });
      expect([await run.read("frozen"), await run.read("absent")]).toEqual([[1], [1]]);
      expect([await run.t("w"), await run.t("frozen"), await run.t("absent")]).toEqual([3, 0, 0]);
      expect((await run.read("w"))[0]).toBeLessThan(1);
    },
  );

  test("what is masked does not decay, and is updated all the same", async () => {
    const settings = { lr: 0.5, weightDecay: 0.5, applyDecay: ({ name }: { name: string }) => name === "w", ...values("w", "bias") };
    const run = await start(target, await build(exampleText("adamw")), [], settings);
    await run.step({ w: [0], bias: [0] });
    expect([await run.read("w"), await run.read("bias")]).toEqual([[0.75], [1]]);
    await run.step({ w: [1], bias: [1] });
    expect((await run.read("bias"))[0]).toBeLessThan(1);
  });
});

interface Module {
  readonly name: string;
  readonly definition: OptimizerDefinition;
}

/** Every optimizer that is shipped, as generated. */
const generated = new URL("../../generated/", import.meta.url);
const shipped = await Promise.all(
  readdirSync(new URL("../../examples/", import.meta.url))
    .filter((file) => file.endsWith(".opt"))
    .map(async (file) => {
      const name = file.slice(0, -".opt".length);
      const module = (await import(new URL(`${name}/${name}.js`, generated).href)) as Readonly<Record<string, Module>>;
      return Object.values(module)[0]!;
    }),
);

/** What three steps make of two matrices. */
async function trained({ definition }: Module, given: Given): Promise<readonly number[]> {
  const params = ["encoder.layers.0.w", "embedding"].map((name, i) => ({
    name,
    shape: [2, 3],
    data: Float32Array.of(1, -2, 3, 0.5, i, 2),
  }));
  const settings = Object.hasOwn(Object.fromEntries(definition.manifest.hypers.map(({ key }) => [key, 0])), "weightDecay")
    ? { weightDecay: 0, ...given }
    : given;
  const optimizer = await createOptimizer<unknown, AnyTypes>(definition, await cpu(), { params, ...settings });
  for (let step = 1; step <= 3; step++)
    await optimizer.step({ gradients: Object.fromEntries(params.map(({ name, data }) => [name, data.map((x) => Math.cos(x * step))])) });
  const all = await Promise.all(params.map(async ({ name }) => [...(await optimizer.download(name))]));
  optimizer.destroy();
  return all.flat();
}

describe("learning rates of layers", () => {
  test("all shipped optimizers are looked at", () => expect(shipped.length).toBeGreaterThanOrEqual(16));

  test.each(shipped)("timm #2532: lr_scale acts, as a smaller lr does: $name", async (module) => {
    const { hypers, defaults } = module.definition.manifest;
    const at = hypers.find(({ key }) => key === "lr")!.value;
    const literal = typeof at === "number" ? defaults[at] : undefined;
    const lr = literal?.op === "literal" ? Number(literal.value) : 1;
    const scaled = await trained(module, { lr, lrRatio: () => 0.5 });
    expect(scaled).toEqual(await trained(module, { lr: lr / 2, lrRatio: () => 1 }));
    expect(scaled).not.toEqual(await trained(module, { lr, lrRatio: () => 1 }));
  });

  test.each(exact)("mmengine #1612: a schedule leaves the ratios of layers as they are, on %s", async (target) => {
    const schedule = warmupCosine({ peak: 0.5, warmup: 3, total: 9 });
    const names = ["encoder.layers.0.w", "encoder.layers.1.w", "embedding", "head"];
    const groups = [{ params: names.slice(0, 3) }, { params: ["head"], lr: 4 }];
    const settings = { lr: schedule, weightDecay: 0, layerwiseDecay: 0.5, nLayers: 2, groups };
    const run = await start(target, await build(exampleText("adamwdl")), names, settings);
    // By the formula: 0.5^(2 - layer), 0.5^(2 + 1), and the group's factor alone.
    const ratios = [0.25, 0.5, 0.125, 4];
    let [rates, before] = [0, names.map(() => 0)];
    for (let step = 0; step < 9; step++) {
      await run.step(Object.fromEntries(names.map((name) => [name, [1]])));
      const now = (await Promise.all(names.map((name) => run.read(name)))).flat();
      // Under a gradient of 1 a step of Adam is its learning rate; the roundings of the sum so far count too.
      for (const [i, ratio] of ratios.entries())
        expect(Math.abs(now[i]! - before[i]! + schedule(step) * ratio)).toBeLessThanOrEqual(1e-5 * ratio * (rates + schedule(step)));
      rates += schedule(step);
      before = now;
    }
    expect(rates).toBeGreaterThan(1);
  });
});

describe.each(targets)("gradients and states on %s", (target) => {
  test.skipIf(unavailable(target))("the global norm is that of all groups", async () => {
    const text = 'optimizer Plain { hyper lr = 1 in [0, inf)  param <- param - lr * grad  rules scale lr { "b" => 0.5  else => 1 } }';
    const groups = [{ params: ["a"] }, { params: ["b"], lr: 4 }];
    const run = await start(target, await build(text, { grad_clip: "global_norm" }), ["a", "b"], { groups, clipNorm: 1 });
    await run.step({ a: [3], b: [4] });
    // By each group's own norm both would be 1.
    close((await run.read("a"))[0]!, -3 / 5, 1e-6);
    close((await run.read("b"))[0]!, -(4 / 5) * 2, 1e-6);
  });

  test.skipIf(unavailable(target))("what was read before a store stays what it was, what is read after it is new", async () => {
    const text = `optimizer Orders {
      hyper lr = 1
      state m, n, q = 0
      before = m
      twice = before + before
      m <- m + grad
      param <- param + 100 * twice
      param <- param + 10 * m
      param <- param + old(m)
      start = param
      param <- param * 0
      n <- n + start
      q <- n + m
      n <- n + 1
      param <- param + lr * start + 0 * (n + q)
    }`;
    const run = await start(target, await build(text), ["w"]);
    let [p, m, n, q] = [0, 0, 0, 0];
    for (const g of [1, 2, -3]) {
      await run.step({ w: [g] });
      const old = m;
      m += g;
      p += 200 * old + 10 * m + old;
      n += p;
      q = n + m;
      n += 1;
      expect([await run.read("w"), await run.read("w", "m"), await run.read("w", "n"), await run.read("w", "q")]).toEqual([
        [p],
        [m],
        [n],
        [q],
      ]);
    }
  });

  test.skipIf(unavailable(target))("also where the store is in an earlier sweep than the use", async () => {
    const text = `optimizer Sweeps {
      hyper lr = 1
      state m = 0
      before = m
      m <- 0.5 * m + grad
      size = max(max[model](abs(m)), 1)
      param <- param - lr * (before + 0.25 * m) / size
      m <- m + max[model](abs(param))
    }`;
    const run = await start(target, await build(text), ["a", "b"]);
    const [p, m] = [
      { a: 0, b: 0 },
      { a: 0, b: 0 },
    ];
    for (const gradient of [
      { a: 4, b: -2 },
      { a: 0, b: 1 },
      { a: -8, b: 3 },
    ]) {
      await run.step({ a: [gradient.a], b: [gradient.b] });
      const old = { ...m };
      for (const name of ["a", "b"] as const) m[name] = Math.fround(Math.fround(0.5 * m[name]) + gradient[name]);
      const size = Math.max(Math.abs(m.a), Math.abs(m.b), 1);
      for (const name of ["a", "b"] as const)
        p[name] = Math.fround(p[name] - Math.fround(Math.fround(old[name] + Math.fround(0.25 * m[name])) / size));
      const largest = Math.max(Math.abs(p.a), Math.abs(p.b));
      for (const name of ["a", "b"] as const) m[name] = Math.fround(m[name] + largest);
      for (const name of ["a", "b"] as const) expect([await run.read(name), await run.read(name, "m")]).toEqual([[p[name]], [m[name]]]);
    }
  });
});

describe.each(exact)("the library of the language on %s", (target) => {
  test("a clamp keeps what is inside, and an average goes on from step to step", async () => {
    const text = "optimizer Library { hyper lr = 1  u = grad |> clip_value(1)  e = ema(u; 0.5)  param <- param * 0 - lr * e }";
    const names = ["low", "inside", "high"];
    const run = await start(target, await build(text), names);
    for (const part of [0.5, 0.75, 0.875]) {
      await run.step({ low: [-3], inside: [0.5], high: [3] });
      expect((await Promise.all(names.map((name) => run.read(name)))).flat()).toEqual([part, -0.5 * part, -part]);
    }
  });
});
