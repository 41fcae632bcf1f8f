// Parameters, gradients and states in 16 and 8 bits against other people's libraries: torch's runs in every bit where the spec orders its
// operations as torch does, within a few units where the shipped specs order them otherwise, and in 8 bits by the distance from f32.

import { describe, expect, test } from "vitest";
import { readFloat32 } from "../../src/runtime/state/safetensors.js";
import { openDawn } from "../device/webgpu/dawn.js";
import { type Compared, type LowPrecisionCase, lowPrecisionCases, recorded, runCase, type Spelling, wordsOf } from "./low-precision.js";
import { exampleText, type TargetName, withClause } from "./replay-case.js";

const { why } = await openDawn();
const targets: readonly TargetName[] = ["interpret", "cpu", "cpu-threads", ...(why === undefined ? (["webgpu"] as const) : [])];

/** AdamW as torch's fused kernel orders it. */
const torchAdamW = `
optimizer AdamW {
  hyper lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.01
  option amsgrad = false
  state m, v = 0
  state vmax = 0 when amsgrad
  p = param * (1 - lr * weight_decay)
  m <- m + (1 - beta1) * (grad - m)
  v <- v * beta2 + (1 - beta2) * grad * grad
  if amsgrad { vmax <- max(vmax, v) }
  second = if amsgrad then vmax else v
  param <- p - lr / (1 - beta1^t) * m / (sqrt(second) / sqrt(1 - beta2^t) + epsilon)
}`;

const theirStates = { exp_avg: "m", exp_avg_sq: "v", max_exp_avg_sq: "vmax", momentum_buffer: "momentum_buffer" };

function spell(text: string, { args, storage }: LowPrecisionCase): Spelling {
  const { lr, betas, eps, weight_decay: weightDecay, momentum, amsgrad } = args;
  const kept = Object.entries(storage.state).map(([state, format]) => `${theirStates[state as keyof typeof theirStates]}: ${format}`);
  return {
    text: kept.length === 0 ? text : withClause(text, `store { ${kept.join("\n")} }`),
    options: {
      param_dtype: storage.param,
      grad_dtype: storage.grad,
      ...(storage.master && { master: "f32" }),
      ...(amsgrad !== undefined && { amsgrad: String(amsgrad) }),
    },
    settings: {
      lr,
      weightDecay,
      ...(betas !== undefined && { beta1: betas[0], beta2: betas[1], epsilon: eps }),
      ...(momentum !== undefined && { momentum }),
    },
    states: theirStates,
  };
}

const inBits = Object.keys(lowPrecisionCases).filter((name) => !name.includes("torchao") && !name.includes("8bit"));

/** Elements that differ. */
function different({ ours, theirs }: Compared): number {
  const [a, b] = [wordsOf(ours), wordsOf(theirs)];
  return a.reduce((count, bits, i) => count + (bits === b[i] ? 0 : 1), Math.abs(a.length - b.length));
}

describe.each(targets)("torch's runs on %s", (target) => {
  test.each(inBits)("%s, in every bit", async (name) => {
    const text = name.startsWith("sgd") ? exampleText("sgd") : torchAdamW;
    const compared = await runCase(name, spell(text, lowPrecisionCases[name]!), target);
    expect(compared.filter((one) => different(one) > 0).map((one) => `${one.key}: ${different(one)} of ${one.ours.length}`)).toEqual([]);
    expect(compared.length).toBeGreaterThanOrEqual(20);
  });
});

const bfloat16Ulp = (size: number) => 2 ** (Math.floor(Math.log2(size)) - 7);

/** How many elements differ, and the largest distance in units of bfloat16 at a size of at least `least`. */
function distance(all: readonly Compared[], least: number) {
  const ulps = all.flatMap(({ ours, theirs }) =>
    [...ours].map((x, i) => Math.abs(x - theirs[i]!) / bfloat16Ulp(Math.max(Math.abs(theirs[i]!), least))),
  );
  return { elements: ulps.length, different: ulps.filter((ulp) => ulp > 0).length, most: Math.max(...ulps) };
}

const kindOf = (compared: readonly Compared[], kind: string, steps = /./) =>
  compared.filter(({ key }) => key.startsWith(`${kind}/`) && steps.test(key.split("/")[1]!));

describe.each(targets)("the shipped specs in bfloat16 on %s", (target) => {
  const shipped = [
    ["adamw", ["m", "v"]],
    ["adamwdl", ["moment1", "moment2"]],
  ] as const;

  async function run(name: string, file: string, [m, v]: readonly [string, string], kept: string) {
    const text = kept === "f32" ? exampleText(file) : withClause(exampleText(file), `store { ${m}: ${kept}\n ${v}: ${kept} }`);
    const spelling = spell(text, { ...lowPrecisionCases[name]!, storage: { ...lowPrecisionCases[name]!.storage, state: {} } });
    const settings = { ...spelling.settings, allow: ["matches-nothing"] };
    return runCase(name, { ...spelling, settings, states: { exp_avg: m, exp_avg_sq: v } }, target);
  }

  // beta1 * m + (1 - beta1) * grad and m + (1 - beta1) * (grad - m) differ in the last places of binary32, which decide how a moment is
  // rounded about once in 2^14 times; such a unit of m then fades by beta1 a step, so that at most ten times its size is ever there, and
  // moves the parameter by as large a part of lr as it is of m: parameters are compared in units at lr or above.
  test.each(shipped.flatMap(([file, states]) => ["a", "b"].map((set) => [file, set, states] as const)))(
    "%s, set %s: all bits of the parameters for 5 steps, then a few units in a few elements",
    async (file, set, states) => {
      const name = `adamw-fused-bf16-${set}`;
      const compared = await run(name, file, states, "bf16");
      const { lr } = lowPrecisionCases[name]!.args;
      expect(distance(kindOf(compared, "param", /^[125]$/), lr).different).toBe(0);
      const params = distance(kindOf(compared, "param", /^20$/), lr);
      expect(params.different).toBeLessThan(0.01 * params.elements);
      expect(params.most).toBeLessThanOrEqual(4);
      const moments = distance(kindOf(compared, "state"), 2 ** -126);
      expect(moments.different).toBeLessThan(0.02 * moments.elements);
      expect(moments.most).toBeLessThanOrEqual(10);
    },
  );

  test.each(shipped.flatMap(([file, states]) => ["a", "b"].map((set) => [file, set, states] as const)))(
    "%s, set %s, with a master: all bits of the parameters",
    async (file, set, states) => {
      const compared = await run(`adamw-master-pbf16-gbf16-mf32-vf32-${set}`, file, states, "f32");
      expect(kindOf(compared, "param").filter((one) => different(one) > 0)).toEqual([]);
      expect(kindOf(compared, "param")).toHaveLength(20);
    },
  );

  test("torch's order against torchao, whose coefficients are f32: at most a unit", async () => {
    const name = "adamw-torchao-bf16-a";
    const compared = await runCase(name, spell(torchAdamW, lowPrecisionCases[name]!), target);
    const { different: count, most, elements } = distance(compared, 2 ** -126);
    expect(most).toBeLessThanOrEqual(1);
    expect(count).toBeLessThan(0.001 * elements);
  });
});

describe.each(targets)("moments in 8 bits on %s", (target) => {
  const reference = "adamw-8bit-reference";
  const [tame, wide] = [
    [0, 4096],
    [4096, 5120],
  ] as const;
  const clause = "store { m: q8(signed, block 256) when numel >= 4096\n v: q8(unsigned, block 256) when numel >= 4096 }";
  const gold = (file: string, key: string) => readFloat32(recorded(file).get(key)!);

  /** How far parameters end from those of f32 moments, of the way that these went; over the blocks [from, to). */
  function strayed(params: Float32Array, [from, to]: readonly [number, number]): number {
    const [start, end] = [gold("inputs-8bit", "init/wide"), gold(reference, `param/20/wide`)];
    let [off, way] = [0, 0];
    for (let i = from; i < Math.min(to, params.length); i++) {
      off += (params[i]! - end[i]!) ** 2;
      way += (end[i]! - start[i]!) ** 2;
    }
    return Math.sqrt(off / way);
  }

  const inEightBits = (cut?: Spelling["cut"]) =>
    runCase(reference, { ...spell(withClause(torchAdamW, clause), lowPrecisionCases[reference]!), ...(cut && { cut }) }, target);

  test("f32 moments of the same run are torch's in every bit", async () => {
    const compared = await runCase(reference, spell(torchAdamW, lowPrecisionCases[reference]!), target);
    expect(compared.map((one) => [one.key, different(one)])).toEqual([...recorded(reference).keys()].map((key) => [key, 0]));
  });

  test("as near to f32 as torchao and bitsandbytes where a block's gradients are of like size, nearer where they are decades apart", async () => {
    const compared = await inEightBits();
    const { ours } = compared.find(({ key }) => key === "param/20/wide")!;
    const [torchao, bitsandbytes] = [gold("adamw-8bit-torchao", "param/20/wide"), gold("adamw-8bit-bitsandbytes", "param/20/odd")];
    // Half a step here is up to 1/17 of any number; the dynamic map has 1/64 of a decade near the largest, which tame blocks use most, and
    // coarser ones below. Their medians of errors in m and v (3.3 % and 2.3 %, ours 4.4 % and 4.5 %) make 1.42 times the distance.
    for (const theirs of [torchao, bitsandbytes]) expect(strayed(ours, tame)).toBeLessThan(1.42 * strayed(theirs, tame));
    expect(strayed(ours, tame)).toBeLessThan(0.05);
    // Where theirs keeps a second moment as 0, or m as a number that it is not, steps are many times too large.
    expect(strayed(ours, wide)).toBeLessThan(0.1);
    expect(strayed(torchao, wide)).toBeGreaterThan(10 * strayed(ours, wide));
    expect(strayed(bitsandbytes, wide)).toBeGreaterThan(4 * strayed(ours, wide));
    const v = compared.find(({ key }) => key === "state/20/wide/exp_avg_sq")!;
    expect(v.ours.every((second, i) => second > 0 === v.theirs[i]! > 0)).toBe(true);
  });

  test("a last block of 136: all blocks before it are as in the longer tensor", async () => {
    const odd = await inEightBits({ name: "odd", from: "wide", length: 5000 });
    const whole = await inEightBits();
    expect(odd.map(({ key }) => key)).toEqual(whole.map(({ key }) => key));
    for (const [i, { ours }] of odd.entries()) {
      expect(ours).toHaveLength(5000);
      expect(wordsOf(ours.slice(0, 4864))).toEqual(wordsOf(whole[i]!.ours.slice(0, 4864)));
      expect(ours.slice(4864).every(Number.isFinite)).toBe(true);
    }
  });
});
