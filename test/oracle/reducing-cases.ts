// Golden runs of optimizers that reduce: LAMB, LARS, NovoGrad, Prodigy and DoG by timm, optax, Paddle and the authors' own packages.

import { readFileSync } from "node:fs";
import { exampleText, golden, type ReplayCase, withClause } from "./replay-case.js";

interface GoldenCase {
  readonly args: Readonly<Record<string, unknown>>;
  readonly inputs: string;
}

function casesOf(family: string): readonly (readonly [name: string, golden: GoldenCase])[] {
  return Object.entries(JSON.parse(readFileSync(new URL(`${family}/cases.json`, golden), "utf8")) as Record<string, GoldenCase>);
}

type Described = Pick<ReplayCase, "text" | "options" | "settings" | "states"> & Partial<ReplayCase>;

const words = (options: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, String(value)]));

/** `betas`, or optax's `b1` and `b2`. */
function adamHypers({ betas, b1, b2, eps }: GoldenCase["args"]) {
  const [beta1, beta2] = (betas as readonly number[] | undefined) ?? [b1, b2];
  return { beta1, beta2, epsilon: eps };
}

const torchMoments = { m: "exp_avg", v: "exp_avg_sq" };
const optaxMoments = { m: "0.mu", v: "0.nu" };

function lamb(library: string, args: GoldenCase["args"]): Described {
  // torch-optimizer and pytorch_optimizer leave the moments uncorrected, which pytorch_optimizer makes good in the learning rate alone.
  // Decay is 0 in their runs, and no norm reaches their bound of 10.
  const corrected = library === "timm" || library === "optax";
  const clipped = library === "timm";
  const hypers = adamHypers(args);
  const lr = (step: number) => (args.lr as number) / (1 - (hypers.beta1 as number) ** (step + 1));
  return {
    text: exampleText("lamb"),
    options: words({ clipped, bias_correction: corrected, always_adapt: library !== "timm" }),
    settings: {
      ...(library === "po" && { lr }),
      ...hypers,
      weightDecay: args.weight_decay,
      ...(clipped && { maxNorm: args.max_grad_norm }),
    },
    states: library === "optax" ? optaxMoments : torchMoments,
    // Its trust ratio has epsilon in the denominator: below what an f32 run shows.
    ...(library === "po" && { wideText: exampleText("lamb").replace("u |> trust_ratio(param)", "norm(param) / (norm(u) + epsilon) * u") }),
  };
}

function lars(library: string, args: GoldenCase["args"]): Described {
  const optax = library === "optax";
  return {
    text: exampleText("lars"),
    options: words({ nesterov: args.nesterov, always_adapt: optax, joint_norm: optax, lr_in_buffer: optax }),
    settings: {
      momentum: args.momentum,
      dampening: args.dampening ?? 0,
      weightDecay: args.weight_decay,
      trust: args.trust_coeff ?? args.trust_coefficient,
      epsilon: args.eps,
    },
    // optax keeps the buffer with the other sign.
    states: optax ? {} : { b: "momentum_buffer" },
  };
}

function novograd(library: string, args: GoldenCase["args"]): Described {
  return {
    text: exampleText("novograd"),
    options: words({ grad_averaging: args.grad_averaging ?? false, skip_zeros: library === "timm" }),
    settings: { ...adamHypers(args), weightDecay: args.weight_decay },
    states: library === "optax" ? optaxMoments : torchMoments,
  };
}

function prodigy(library: string, args: GoldenCase["args"]): Described {
  const optax = library === "optax";
  return {
    text: exampleText("prodigy"),
    options: words({ bias_correction: optax || args.use_bias_correction }),
    settings: {
      ...adamHypers(args),
      weightDecay: args.weight_decay,
      d0: args.d0 ?? args.estim_lr0,
      coef: args.d_coef ?? args.estim_lr_coef,
    },
    states: optax
      ? { m: "exp_avg", v: "exp_avg_sq", s: "grad_sum", d: "estim_lr", num: "numerator_weighted" }
      : { ...torchMoments, s: "s", d: "d", dmax: "d_max", num: "d_numerator" },
  };
}

function dog(library: string, args: GoldenCase["args"]): Described {
  const first = args.reps_rel ?? (args.init_step as readonly unknown[])[1];
  return {
    text: exampleText("dog"),
    settings: { repsRel: first, epsilon: args.eps, weightDecay: args.weight_decay ?? 0 },
    states: library === "optax" ? { rbar: "1.max_dist", G: "1.sum_sq_norm_grads" } : { rbar: "rbar", G: "G" },
  };
}

const described = { lamb, lars, novograd, prodigy, dog };

/** The zoo's runs. */
export function reducingCases(): readonly ReplayCase[] {
  return casesOf("reducing").map(([name, { args, inputs }]) => {
    const [optimizer, library] = name.split("-") as [keyof typeof described, string];
    const { settings, ...more } = described[optimizer](library, args);
    const lr = args.lr ?? args.learning_rate;
    return { name, ...more, settings: { lr, ...settings }, run: `zoo/${inputs}`, gold: `reducing/${name}` };
  });
}

/** beta, beta^2, ... as Paddle has them: the first is as given, every further factor f32. */
const powersOf = (beta: number) => (step: number) => beta * Math.fround(beta) ** step;

/** paddle.optimizer.Lamb. Betas, epsilon and decay are f32 in its kernel, also in its float64 runs (`wide`). */
export function paddleLambCases(wide: boolean): readonly ReplayCase[] {
  return casesOf("paddle-lamb").map(([name, { args, inputs }]) => {
    const excluded = (args.exclude_from_weight_decay_fn as { readonly trueFor: readonly string[] } | null)?.trueFor ?? [];
    const rule = `rules set weight_decay { ${excluded.map((param) => `"^${param}$"`).join(" or ")} => 0  else => weight_decay }`;
    const own = exampleText("lamb");
    const text = wide
      ? own
          .replace("beta1^t", "power1")
          .replace("beta2^t", "power2")
          .replace("\n  option", "\n  hyper power1 = 0.9, power2 = 0.999\n  option")
      : own;
    const { learning_rate, beta1, beta2, epsilon, lamb_weight_decay } = args as Record<string, number>;
    const round = (x: number | undefined) => (wide ? Math.fround(x!) : x);
    const powers = { power1: powersOf(beta1!), power2: powersOf(beta2!) };
    return {
      name,
      text: excluded.length === 0 ? text : withClause(text, rule),
      options: words({ clipped: false, always_adapt: args.always_adapt }),
      settings: {
        lr: learning_rate,
        beta1: Math.fround(beta1!),
        beta2: Math.fround(beta2!),
        epsilon: round(epsilon),
        weightDecay: round(lamb_weight_decay),
        ...(wide && powers),
      },
      run: `paddle-lamb/${inputs}`,
      gold: `paddle-lamb/${name}`,
      states: { m: "moment1", v: "moment2" },
    };
  });
}
