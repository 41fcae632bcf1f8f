import { describe, expect, test } from "vitest";
import { type Compared, type LowPrecisionCase, lowPrecisionCases, runCase, type Spelling, wordsOf } from "./low-precision.js";
import { exampleText, type TargetName, withClause } from "./replay-case.js";

const targets: readonly TargetName[] = ["interpret", "cpu", "cpu-threads"];

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
