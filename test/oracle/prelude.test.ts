// Members of the prelude against other people's answers and against their formulas in f64.

import { readFileSync } from "node:fs";
import { cpu } from "optspec/cpu";
import { describe, expect, test } from "vitest";
import { compile } from "../../src/compiler/compile.js";
import { lower } from "../../src/compiler/passes/lower.js";
import { readSafetensors } from "../../src/runtime/state/safetensors.js";
import { deviceTarget, interpreterTarget } from "../../src/tools/replay-targets.js";
import { golden, type ReplayCase, replayCase } from "./replay-case.js";

const targets = ["interpret64", "cpu"] as const;
type Target = (typeof targets)[number];
type Numbers = Readonly<Record<string, readonly number[]>>;

/** What some steps make of parameters under `param <- update`. */
async function after(target: Target, update: string, start: Numbers, steps: readonly Numbers[]): Promise<Numbers> {
  const text = `optimizer Sample { hyper lr = 1  param <- ${update} + 0 * lr }`;
  const { optimizers, diagnostics } = await compile({ path: "sample.opt", text }, { targets: [] });
  const [optimizer] = optimizers;
  if (optimizer === undefined) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  const { definition, spec } = optimizer;
  const params = Object.entries(start).map(([name, data]) => ({ name, shape: [data.length], data: Float32Array.from(data) }));
  const running =
    target === "cpu"
      ? await deviceTarget(definition, await cpu(), { params })
      : interpreterTarget({ definition, ir: lower(spec, {}), arithmetic: "f64" }, { params });
  for (const gradients of steps)
    await running.step(new Map(Object.entries(gradients).map(([name, data]) => [name, Float32Array.from(data)])));
  const found: Record<string, readonly number[]> = {};
  for (const { name } of params) found[name] = [...(await running.read(name, null))!];
  running.destroy();
  return found;
}

/** Relative to the largest number of each parameter: some roundings of f32, or of f64 over f32 inputs. */
function expectClose(ours: Numbers, right: Numbers, target: Target): void {
  for (const [name, expected] of Object.entries(right)) {
    const largest = Math.max(...expected.filter(Number.isFinite).map(Math.abs), 1e-37);
    for (const [i, y] of expected.entries()) {
      const x = ours[name]![i]!;
      if (Number.isNaN(y)) expect(x).toBeNaN();
      else expect(Math.abs(x - y) / largest, `${name}[${i}]: ${x} for ${y}`).toBeLessThan(target === "cpu" ? 1e-6 : 1e-13);
    }
  }
}

const clipCases = JSON.parse(readFileSync(new URL("paddle-clips/cases.json", golden), "utf8")) as Readonly<
  Record<string, { readonly args: Readonly<Record<string, number | null>>; readonly needClipFalse: readonly string[] }>
>;
const clips = readSafetensors(readFileSync(new URL("paddle-clips/clips.safetensors", golden))).tensors;

function recorded(name: string, kind: string): Numbers {
  const found: Record<string, readonly number[]> = {};
  for (const [key, { dtype, bytes }] of clips) {
    const [of, which, param] = key.split("/") as [string, string, string];
    const buffer = new Uint8Array(bytes).buffer;
    if (of === name && which === kind) found[param] = [...(dtype === "F64" ? new Float64Array(buffer) : new Float32Array(buffer))];
  }
  return found;
}

const norm = (...lists: readonly (readonly number[])[]) => Math.hypot(...lists.flat());
const scaled = (numbers: Numbers, by: (own: readonly number[]) => number): Numbers =>
  Object.fromEntries(Object.entries(numbers).map(([name, own]) => [name, own.map((x) => x * by(own))]));

describe.each(targets)("clips as Paddle recorded them, on %s", (target) => {
  // Of NaN there are recordings of several minds; the prelude lets it spread.
  const whole = Object.entries(clipCases).filter(([name, { needClipFalse }]) => needClipFalse.length === 0 && !/nan-(2|paddle)/.test(name));
  test.each(whole)("%s", async (name, { args }) => {
    const { clip_norm: c, max, min } = args;
    const gradients = recorded(name, "in");
    const all = norm(...Object.values(gradients));
    // Paddle's squares leave f32 here; the formula is right.
    const beyond = /-(overflow|huge|tiny)$/.test(name);
    const wide = recorded(name, "out64");
    const theirs = target === "interpret64" && Object.keys(wide).length > 0 ? wide : recorded(name, "out");
    const start = scaled(gradients, () => 0);
    if (c === undefined) {
      const update = typeof min === "number" ? `clamp(grad, ${min}, ${max})` : `(grad |> clip_value(${max}))`;
      expectClose(await after(target, update, start, [gradients]), theirs, target);
      return;
    }
    const global = name.includes("global");
    const right = scaled(gradients, (own) => (global ? c! / Math.max(all, c!) : norm(own) <= c! ? 1 : c! / norm(own)));
    const ours = await after(target, `(grad |> ${global ? "clip_global_norm" : "clip_norm"}(${c}))`, start, [gradients]);
    const f32Only = target === "interpret64" && Object.keys(wide).length === 0;
    expectClose(ours, beyond || f32Only ? right : theirs, target);
  });
});

describe.each(targets)("formulas on %s", (target) => {
  const start: Numbers = { a: [3, -4, 0.5, 2], b: [2 ** -13, 2 ** -12], zero: [0, 0] };
  const g: Numbers = { a: [0.5, 1.5, -2, 0.25], b: [0.125, -0.5], zero: [1, -1] };
  const all = norm(...Object.values(g));

  test("norms of very large and very small gradients", async () => {
    for (const exponent of [-120, -80, -30, 0, 50, 80, 125]) {
      const gradients = scaled(g, () => 2 ** exponent);
      const c = 0.5 * 2 ** exponent;
      const ours = await after(
        target,
        `(grad |> clip_global_norm(${c}))`,
        scaled(start, () => 0),
        [gradients],
      );
      expectClose(
        ours,
        scaled(gradients, () => 0.5 / all),
        target,
      );
    }
  });

  test("PyTorch's clips", async () => {
    const nothing = scaled(start, () => 0);
    for (const c of [0.5, 100]) {
      expectClose(
        await after(target, `(grad |> clip_global_norm_torch(${c}))`, nothing, [g]),
        scaled(g, () => Math.min(1, c / (all + 1e-6))),
        target,
      );
      expectClose(
        await after(target, `(grad |> clip_norm_torch(${c}))`, nothing, [g]),
        scaled(g, (own) => Math.min(1, c / (norm(own) + 1e-6))),
        target,
      );
    }
  });

  test("adaptive clipping of each parameter (timm.utils.agc over whole tensors)", async () => {
    const ours = await after(target, "(grad |> agc(param, 0.1, 1e-3))", start, [g]);
    const right = Object.fromEntries(
      Object.entries(g).map(([name, own]) => {
        const most = Math.max(norm(start[name]!), 1e-3) * 0.1;
        const factor = norm(own) > most ? most / Math.max(norm(own), 1e-6) : 1;
        return [name, own.map((x) => x * factor)];
      }),
    );
    expectClose(ours, right, target);
  });

  test("the trust ratio gives a step the norm of the parameter, if both have one", async () => {
    const ours = await after(target, "(grad |> trust_ratio(param))", start, [g]);
    expectClose(
      ours,
      Object.fromEntries(
        Object.entries(g).map(([name, own]) => [name, own.map((x) => (name === "zero" ? x : (x * norm(start[name]!)) / norm(own)))]),
      ),
      target,
    );
  });

  test("cautious steps, decay", async () => {
    const masked = await after(target, "(param |> cautious(grad, 0.25))", start, [g]);
    // Of a, elements 0 and 3 agree with the gradient; of b the first; of zero none.
    expectClose(masked, { a: [6, 0, 0, 4], b: [2 ** -12, 0], zero: [0, 0] }, target);
    const decayed = await after(target, "decayed(with_l2(grad, param, 0.5), 0.25) + with_l1(grad, param, 2)", { a: start.a! }, [
      { a: g.a! },
    ]);
    expectClose(decayed, { a: g.a!.map((x, i) => (x + 0.5 * start.a![i]!) * 0.75 + x + 2 * Math.sign(start.a![i]!)) }, target);
  });

  test("running values", async () => {
    const steps = [1, -3, 2].map((x) => ({ a: [x] }));
    expectClose(await after(target, "ema(grad; 0.75)", { a: [0] }, steps), { a: [(0.25 * 0.75 - 0.75) * 0.75 + 0.5] }, target);
    expectClose(await after(target, "momentum(grad; 0.75)", { a: [0] }, steps), { a: [(1 * 0.75 - 3) * 0.75 + 2] }, target);
    expectClose(await after(target, "running_max(grad)", { a: [0] }, steps), { a: [2] }, target);
    expectClose(await after(target, "running_max(-abs(grad))", { a: [0] }, steps), { a: [-1] }, target);
  });
});

describe("AdamW of the prelude's parts, as PyTorch", () => {
  const text = `optimizer AdamW {
    hyper lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.01
    u = adam(grad; beta1, beta2, epsilon)
    param <- decayed(param, lr * weight_decay) - lr * u
  }`;
  const cases = JSON.parse(readFileSync(new URL("zoo/cases.json", golden), "utf8")) as Record<
    string,
    { args: Record<string, unknown>; inputs: string }
  >;
  test.each(["adamw-torch-wd-a", "adamw-torch-default-b"])("%s", async (name) => {
    const { args, inputs } = cases[name]!;
    const [beta1, beta2] = args.betas as readonly number[];
    const settings = { lr: args.lr, beta1, beta2, epsilon: args.eps, weightDecay: args.weight_decay };
    const states = { "u.m": "exp_avg", "u.v": "exp_avg_sq" };
    const one: ReplayCase = { name, text, settings, run: `zoo/${inputs}`, gold: `zoo/${name}`, states };
    for (const target of ["interpret", "interpret64", "cpu"] as const) {
      const rows = await replayCase(one, target);
      expect(rows.filter((row) => row.firstDeviation !== null)).toEqual([]);
      if (target !== "interpret64") expect(rows.map((row) => row.name)).toContain("state/w1/u.m");
    }
  });
});
