// Plans with reductions, as few passes over memory as the dependencies allow: the figures of the design, counted from the loads and stores.

import { describe, expect, test } from "vitest";
import { lower } from "../../src/compiler/passes/lower.js";
import { makePlan } from "../../src/compiler/passes/make-plan.js";
import type { Plan } from "../../src/compiler/passes/plan.js";
import { printPlan } from "../../src/compiler/passes/print-plan.js";
import { specOf } from "../check/marked.js";

const planOf = (text: string): Plan => makePlan(lower(specOf(text), {}), {});

function costs(plan: Plan) {
  const { phases, variants } = plan.programs.find(({ entry }) => entry === "step")!;
  return {
    bytes: variants.map(({ bytes }) => bytes.read + bytes.written),
    sweeps: phases.flatMap(({ sweeps }) => sweeps).length,
    finishes: phases.filter(({ finish }) => finish !== null).length,
  };
}

const adam = `m <- beta1 * m + (1 - beta1) * g
  v <- beta2 * v + (1 - beta2) * g^2
  u = m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon) + weight_decay * param`;
const hypers = "hyper lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-6, weight_decay = 0.01, max_norm = 1";
const clip = "g = grad * (max_norm / max(norm[model](grad), max_norm))";

const prodigy = `optimizer Prodigy {
  hyper lr = 1, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, d0 = 1e-6, coef = 1
  state m, v, s = 0
  state p0 = param
  state d, dmax: model = d0
  state num: model = 0
  beta3 = sqrt(beta2)
  eta = d * lr * sqrt(1 - beta2^t) / (1 - beta1^t)
  num <- beta3 * num + d / d0 * eta * sum[model](grad * (p0 - param))
  m <- beta1 * m + (1 - beta1) * d * grad
  v <- beta2 * v + (1 - beta2) * (d * grad)^2
  s <- beta3 * s + d / d0 * eta * grad
  den = sum[model](abs(s))
  if den > 0 { dmax <- max(dmax, coef * num / den)   d <- dmax }
  param <- param - eta * (m / (sqrt(v) + d * epsilon))
}`;

describe("bytes per element, sweeps, finishes", () => {
  test("global clip + AdamW: 32 in 2", () => {
    const plan = planOf(`optimizer A { ${hypers} state m, v = 0 ${clip} ${adam} param <- param - lr * u }`);
    expect(costs(plan)).toEqual({ bytes: [32], sweeps: 2, finishes: 1 });
  });

  test("Lamb: 44 in 3, moments are stored early and loaded anew", () => {
    const plan = planOf(`optimizer L { ${hypers} state m, v = 0 ${clip} ${adam} param <- param - lr * (norm(param) / norm(u)) * u }`);
    expect(costs(plan)).toEqual({ bytes: [44], sweeps: 3, finishes: 2 });
    expect(printPlan(plan)).toContain("load param, new m, new v");
  });

  test("Prodigy: 48 in 2, d never leaves the device", () => {
    expect(costs(planOf(prodigy))).toEqual({ bytes: [48], sweeps: 2, finishes: 1 });
  });

  test("a number that only the next step reads costs no sweep", () => {
    const plan = planOf(
      "optimizer D { hyper lr = 1 state d: model = 1  d <- max(d, norm[model](grad))  param <- param - lr * old(d) * grad }",
    );
    expect(costs(plan)).toEqual({ bytes: [12], sweeps: 1, finishes: 1 });
  });

  test("two norms of the same numbers are taken in one sweep", () => {
    const plan = planOf("optimizer T { hyper lr = 1  a = norm[model](grad)  b = norm(grad)  param <- param - lr * grad / (a + b) }");
    expect(costs(plan)).toEqual({ bytes: [16], sweeps: 2, finishes: 1 });
  });
});

describe("numbers between sweeps", () => {
  test("what the last finish overwrites is saved for the sweeps behind it", () => {
    const text = printPlan(planOf(prodigy));
    expect(text).toContain("model[5] = d\n");
    expect(text).toMatch(/sweep step2\n\s+load param, grad, m, v\n\s+d = model\[5\]\n\s+d' = model\[0\]/);
  });

  test("a parameter that is not counted gives nothing to the total, and its tensors say so", () => {
    const plan = planOf(`optimizer N {
      hyper lr = 1  hyper need_clip: bool = true
      n = norm[model](if need_clip then grad else 0)
      param <- param - lr * (if need_clip then grad / n else grad)
    }`);
    expect(costs(plan)).toEqual({ bytes: [16, 12], sweeps: 2, finishes: 1 });
    expect(printPlan(plan)).toMatch(/when not need_clip[\s\S]*each tensor\n\s+tensor\[0\] = 0\n\s+model\[0\] = sum of tensor\[0\]/);
  });

  test("a total of tensors' numbers, and a total of what it gives, are rounds of one finish", () => {
    const plan = planOf(`optimizer S {
      hyper lr = 1  state c: tensor = 0
      c <- 0.9 * c + norm(grad)
      total = sum[model](c)
      param <- param - lr * (c / total) * max[model](c / total) * grad
    }`);
    expect(costs(plan)).toEqual({ bytes: [16], sweeps: 2, finishes: 1 });
    const { finish } = plan.programs[0]!.phases[0]!;
    expect(finish!.rounds.map(({ totals }) => totals.length)).toEqual([1, 1, 0]);
    expect(plan.scalars).toEqual({ model: 2, tensor: 4, partial: 2 });
  });
});
