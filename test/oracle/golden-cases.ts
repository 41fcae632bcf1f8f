// The golden runs that the shipped specs must equal: other people's implementations, their arguments spelled as our settings.

import { readFileSync } from "node:fs";
import { paddleSchedule } from "../schedules/paddle-schedule.js";
import { exampleText, golden, type ReplayCase, withClause } from "./replay-case.js";

type Json = number | string | boolean | null | readonly Json[] | { readonly [key: string]: Json };
interface GoldenCase {
  readonly args: Readonly<Record<string, Json>>;
  readonly inputs: string;
  readonly lrByStep: readonly number[] | null;
  readonly notes: string | null;
  readonly groups?: readonly PaddleGroup[] | null;
  readonly paramAttrs?: Readonly<Record<string, { readonly need_clip?: boolean }>>;
  readonly semantics?: string;
  readonly params?: readonly {
    readonly param: string;
    readonly dynamicName: string;
    readonly staticName: string;
    readonly ratio: number;
    readonly decays: boolean;
    readonly needClip?: boolean;
    readonly optimizeAttrLearningRate?: number;
  }[];
}

interface PaddleGroup {
  readonly params: readonly string[];
  readonly learning_rate?: number;
  readonly weight_decay?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

function casesOf(family: string): readonly (readonly [name: string, golden: GoldenCase])[] {
  return Object.entries(JSON.parse(readFileSync(new URL(`${family}/cases.json`, golden), "utf8")) as Record<string, GoldenCase>);
}

/** Their schedule, where they say which; else their learning rate by step, or its one number. */
function learningRate(lrByStep: readonly number[] | null, otherwise: Json | undefined): number | ((step: number) => number) {
  if (Array.isArray(otherwise) && typeof otherwise[0] === "string") return paddleSchedule(otherwise[0], otherwise[1]);
  return lrByStep === null ? (otherwise as number) : (step) => lrByStep[step]!;
}

/** Their clip as ours: the word of the build and its hypers. */
function clipOf({ grad_clip: clip }: GoldenCase["args"]) {
  if (!Array.isArray(clip)) return null;
  const [name, { clip_norm: clipNorm, max: clipMax }] = clip as unknown as [keyof typeof clipWords, Record<string, number>];
  return { options: { grad_clip: clipWords[name] }, settings: clipNorm === undefined ? { clipMax } : { clipNorm } };
}

const clipWords = { ClipGradByValue: "value", ClipGradByNorm: "norm", ClipGradByGlobalNorm: "global_norm" } as const;

const moments = { moment1: "moment1", moment2: "moment2" };

const adamHypers = (args: GoldenCase["args"]) => ({ beta1: args.beta1, beta2: args.beta2, epsilon: args.epsilon });

/** In f32 Paddle keeps the betas as f32 and subtracts them from 1 in f32: 1 - beta2 is off by 1.3e-5 at 0.999. */
const heldAsF32 = (args: GoldenCase["args"]) => ({ beta1: Math.fround(args.beta1 as number), beta2: Math.fround(args.beta2 as number) });

/** Paddle's kernel holds weight_decay as f32, also in its float64 runs; PaddleNLP's own decay, which comes before it, does not. */
const withDecayAsF32 = (text: string, product: string, decay: number) =>
  text.replace(product, product.replace("weight_decay", `weight_decay * ${decay === 0 ? 1 : Math.fround(decay) / decay}`));

/** AdamWDL by PaddleNLP (`double`), by Paddle's own AdamW with a ratio (`ratio`), and as it was once (`base`). */
export function adamwdlCases(): readonly ReplayCase[] {
  return casesOf("paddle-adamwdl").map(([name, { args, lrByStep, inputs, semantics, params }]): ReplayCase => {
    const decay = semantics!.startsWith("paddle-lr-ratio") ? "ratio" : semantics!.startsWith("adamwdl-classic") ? "base" : "double";
    const filtered = params!.some((p) => !p.decays);
    const halved = params!.filter((p) => (p.optimizeAttrLearningRate ?? 1) !== 1);
    let text = exampleText("adamwdl");
    if (filtered) text = withClause(text, 'rules set weight_decay { contains("bias") or contains("norm") => 0  else => weight_decay }');
    if (halved.length > 0) text = withClause(text, attributeRule(halved));
    const decayRate = args.weight_decay as number;
    const clip = clipOf(args);
    // `lr * layerwise_decay ** 0.5 if "weight" in name else lr`, in the place of the ratio by depth.
    const custom = name === "adamwdl-custom-fun-sqrt";
    const rate = args.layerwise_decay as number;
    return {
      name,
      text,
      options: { decay, ...clip?.options },
      // Their clip by norm has no kernel for float64.
      onlyNarrow: clip?.options.grad_clip === "norm",
      needClipFalse: params!.filter((p) => p.needClip === false).map((p) => p.param),
      settings: {
        ...clip?.settings,
        ...(custom && { lrRatio: (p: { name: string }) => (p.name.includes("weight") ? rate ** 0.5 : 1) }),
        lr: learningRate(lrByStep, args.learning_rate),
        ...adamHypers(args),
        weightDecay: decayRate,
        layerwiseDecay: custom ? 1 : rate,
        nLayers: args.n_layers,
        names: Object.fromEntries(params!.map((p) => [p.param, p.staticName])),
        // Not all of these lists have layers and embeddings; one counts layers beyond n_layers. The original says nothing of either.
        allow: ["matches-nothing", ...(name === "adamwdl-d090-n2-wd01" ? ["layer-index"] : [])],
      },
      run: `paddle-adamwdl/${inputs}`,
      gold: `paddle-adamwdl/${name}`,
      states: moments,
      narrow: heldAsF32(args),
      wideText: withDecayAsF32(text, "lr * weight_decay)", decayRate),
      wide: { rtol: 2e-12, atol: 1e-15 },
    };
  });
}

/** ParamAttr(learning_rate=x): one more factor on the learning rate of these parameters. */
function attributeRule(params: readonly { readonly staticName: string; readonly optimizeAttrLearningRate?: number }[]): string {
  const arms = params.map((p) => `"^${p.staticName}$" => ${p.optimizeAttrLearningRate}`);
  return `rules scale lr { ${arms.join("\n")}\n else => 1 }`;
}

/** AdamWDL's `corrected`, which no library ran: an independent float64 program of its formula. */
export function correctedCases(): readonly ReplayCase[] {
  return casesOf("corrected").map(
    ([name, { args, lrByStep, inputs }]): ReplayCase => ({
      name,
      text: exampleText("adamwdl"),
      options: { decay: "corrected" },
      settings: {
        lr: learningRate(lrByStep, args.learning_rate),
        ...adamHypers(args),
        weightDecay: args.weight_decay,
        layerwiseDecay: args.layerwise_decay,
        nLayers: args.n_layers,
      },
      run: `corrected/${inputs}`,
      gold: `corrected/${name}`,
      states: {},
      wide: { rtol: 2e-12, atol: 1e-15 },
    }),
  );
}

/** Adam with L2 and L1 regularisation, as paddle.optimizer.Adam: what is added to the gradient. */
const regularised = (penalty: string) => `
optimizer Adam {
  hyper lr = 1e-3 in [0, inf), beta1 = 0.9 in [0, 1), beta2 = 0.999 in [0, 1), epsilon = 1e-8 in (0, inf), weight_decay = 0 in [0, inf)
  state m, v = 0
  g = grad + weight_decay * ${penalty}
  m <- beta1 * m + (1 - beta1) * g
  v <- beta2 * v + (1 - beta2) * g^2
  param <- param - lr / (1 - beta1^t) * (m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon))
}`;

/** Their groups as ours: `learning_rate` multiplies in both; `round` as their f32 run holds the betas. */
function groupsOf(groups: readonly PaddleGroup[], round: (beta: number) => number) {
  const rounded = (key: "beta1" | "beta2", value: number | undefined) => (value === undefined ? {} : { [key]: round(value) });
  return groups.map(({ params, learning_rate: lr, weight_decay: decay, beta1, beta2, epsilon }) => ({
    params,
    ...(lr !== undefined && { lr }),
    // Paddle's kernel holds it as f32, in its float64 runs too.
    ...(decay !== undefined && { weightDecay: Math.fround(decay) }),
    ...rounded("beta1", beta1),
    ...rounded("beta2", beta2),
    ...(epsilon !== undefined && { epsilon }),
  }));
}

export function paddleAdamCases(): readonly ReplayCase[] {
  // Their "global" norm is of each group alone: see clip.test.ts.
  const ours = casesOf("paddle-adamw").filter(([name]) => name !== "adamw-groups-clip-global");
  return ours.map(([name, { args, lrByStep, inputs, groups, paramAttrs }]): ReplayCase => {
    const clip = clipOf(args);
    const decay = args.weight_decay ?? 0;
    const filter = args.apply_decay_param_fun as { readonly falseFor: readonly string[] } | null | undefined;
    const adam = name.startsWith("adam-");
    let text = adam ? regularised(Array.isArray(decay) ? "sign(param)" : "param") : exampleText("adamw");
    if (filter)
      text = withClause(
        text,
        `rules set weight_decay { ${filter.falseFor.map((p) => `"^${p}$"`).join(" or ")} => 0  else => weight_decay }`,
      );
    return {
      name,
      text,
      ...(!adam && { options: { amsgrad: String(args.amsgrad), ...clip?.options } }),
      needClipFalse: Object.entries(paramAttrs ?? {}).flatMap(([param, { need_clip }]) => (need_clip === false ? [param] : [])),
      settings: {
        ...clip?.settings,
        lr: learningRate(lrByStep, args.learning_rate),
        ...adamHypers(args),
        weightDecay: Array.isArray(decay) ? decay[1] : groups ? Math.fround(decay as number) : decay,
        ...(groups && { groups: groupsOf(groups, (beta) => beta) }),
      },
      run: `paddle-adamw/${inputs}`,
      gold: `paddle-adamw/${name}`,
      states: { m: "moment1", v: "moment2", vmax: "moment2_max" },
      narrow: { ...heldAsF32(args), ...(groups && { groups: groupsOf(groups, Math.fround) }) },
      ...(!adam && !groups && { wideText: withDecayAsF32(text, "lr * weight_decay", decay as number) }),
    };
  });
}

/** PyTorch, optax and the authors' own code. */
export function zooCases(): readonly ReplayCase[] {
  return casesOf("zoo").map(([name, { args, lrByStep, inputs }]): ReplayCase => {
    const [beta1, beta2] = (args.betas as readonly number[] | undefined) ?? [args.b1, args.b2];
    const common = { name, run: `zoo/${inputs}`, gold: `zoo/${name}` };
    const lr = learningRate(lrByStep, args.lr ?? args.learning_rate);
    const weightDecay = args.weight_decay ?? 0;
    if (name.startsWith("sgd")) {
      const momentum = args.momentum as number;
      const variant = momentum === 0 ? "plain" : args.nesterov ? "nesterov" : "momentum";
      const buffer = variant === "plain" ? {} : { momentum, dampening: args.dampening ?? 0 };
      const states = { momentum_buffer: name.includes("optax") ? "0.trace" : "momentum_buffer" };
      return { ...common, text: exampleText("sgd"), options: { variant }, settings: { lr, weightDecay, ...buffer }, states };
    }
    const torch = { ...common, ...torchCase(name.split("-")[0]!, args) };
    if (torch.text !== undefined) return { ...torch, text: torch.text, settings: { lr, weightDecay, ...torch.settings } };
    if (name.startsWith("lion"))
      return {
        ...common,
        text: exampleText("lion"),
        settings: { lr, beta1, beta2, weightDecay },
        states: { m: name.includes("optax") ? "0.mu" : "exp_avg" },
      };
    const optax = name.includes("optax");
    return {
      ...common,
      text: exampleText("adamw"),
      options: { amsgrad: String(args.amsgrad === true) },
      settings: { lr, beta1, beta2, epsilon: args.eps, weightDecay },
      states: { m: optax ? "0.mu" : "exp_avg", v: optax ? "0.nu" : "exp_avg_sq", vmax: "max_exp_avg_sq" },
    };
  });
}

const adamHypersOfTorch = ({ betas, eps }: GoldenCase["args"]) => {
  const [beta1, beta2] = betas as readonly number[];
  return { beta1, beta2, epsilon: eps };
};
const torchMoments = { m: "exp_avg", v: "exp_avg_sq" };

/** PyTorch's other element-wise optimizers: the spec, its options and hypers by their arguments, their states by ours. */
function torchCase(
  optimizer: string,
  args: GoldenCase["args"],
): Partial<Pick<ReplayCase, "text" | "options">> & Pick<ReplayCase, "settings" | "states"> {
  const text = () => exampleText(optimizer);
  const decoupled = String(args.decoupled_weight_decay === true);
  switch (optimizer) {
    case "adam":
      return { text: text(), settings: adamHypersOfTorch(args), states: torchMoments };
    case "adamax":
      return { text: text(), settings: adamHypersOfTorch(args), states: { m: "exp_avg", u: "exp_inf" } };
    case "nadam": {
      const settings = { ...adamHypersOfTorch(args), momentumDecay: args.momentum_decay };
      return { text: text(), options: { decoupled }, settings, states: torchMoments };
    }
    case "radam":
      return { text: text(), options: { decoupled }, settings: adamHypersOfTorch(args), states: torchMoments };
    case "adadelta":
      return { text: text(), settings: { rho: args.rho, epsilon: args.eps }, states: { v: "square_avg", u: "acc_delta" } };
    case "adagrad": {
      const settings = { lrDecay: args.lr_decay, initial: args.initial_accumulator_value, epsilon: args.eps };
      return { text: text(), settings, states: { h: "sum" } };
    }
    case "rmsprop": {
      const withMomentum = (args.momentum as number) > 0;
      const settings = { alpha: args.alpha, epsilon: args.eps, ...(withMomentum && { momentum: args.momentum }) };
      const options = { centered: String(args.centered), with_momentum: String(withMomentum) };
      return { text: text(), options, settings, states: { v: "square_avg", a: "grad_avg", buffer: "momentum_buffer" } };
    }
    default:
      return { settings: {}, states: {} };
  }
}

/** Gradients that are absent at some steps, by PyTorch. */
export function absentCases(): readonly ReplayCase[] {
  return casesOf("absent").map(([name, { args, inputs }]): ReplayCase => {
    const common = { name, run: `absent/${inputs}`, gold: `absent/${name}` };
    const {
      lr,
      betas,
      eps,
      momentum,
      dampening,
      weight_decay: weightDecay,
    } = args as Record<string, number> & { betas: readonly number[] };
    if (name.startsWith("sgd"))
      return {
        ...common,
        text: exampleText("sgd"),
        settings: { lr, momentum, dampening, weightDecay },
        states: { momentum_buffer: "momentum_buffer" },
      };
    return {
      ...common,
      text: exampleText("adamw"),
      options: { amsgrad: String(args.amsgrad === true) },
      settings: { lr, beta1: betas[0], beta2: betas[1], epsilon: eps, weightDecay },
      states: { m: "exp_avg", v: "exp_avg_sq", vmax: "max_exp_avg_sq" },
    };
  });
}
