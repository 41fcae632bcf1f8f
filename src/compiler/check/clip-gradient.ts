// Gradient clipping for any optimizer, for builds that ask for it: the option `grad_clip` with its hypers, and at the start of the text a
// new value of `grad`. By value, by the norm of each parameter, or by the norm of all of them, in Paddle's forms (paddle.nn.ClipGradBy*).
// Norms hold from 1e-30 to 1e36, as tests show: where squares over- or underflow, a sum of numbers scaled by a power of two takes over, as in
// Blue 1978, "A Portable Fortran Program to Find the Euclidean Norm of a Vector". The sum of ordinary numbers is the plain one, bit by bit.

import type { Extent } from "../ir/extent.js";
import type { HyperSpec, OptionSpec, Range, Spec, TypedExpr, TypedStatement } from "./spec.js";
import { apply, literal, select } from "./typed.js";

export const CLIP_OPTION = "grad_clip";
export const NO_CLIP = "none";
/** A hyper that a text may declare itself, to decide it by rules; gradient clipping reads it. */
export const NEED_CLIP = "need_clip";

/** The spec with gradient clipping; as it was where its own text uses one of the names. */
export function withGradientClip(spec: Spec): Spec {
  const names = new Set([...spec.hypers, ...spec.options, ...spec.states].map(({ name }) => name));
  const own = (name: string) => names.has(name);
  if ([CLIP_OPTION, "clip_min", "clip_max", "clip_norm"].some(own)) return spec;
  const hypers = clipHypers(spec).filter(({ name }) => !own(name));
  return {
    ...spec,
    options: [...spec.options, clipOption(spec)],
    hypers: [...spec.hypers, ...hypers],
    body: [...clips(spec), ...spec.body],
  };
}

function clipOption({ span }: Spec): OptionSpec {
  const doc = "How gradients are clipped, before anything else: each number to [clipMin, clipMax], or by a norm of at most clipNorm.";
  return { name: CLIP_OPTION, doc, kind: "words", words: [NO_CLIP, "value", "norm", "global_norm"], value: NO_CLIP, span };
}

const positive: Range = { low: 0, high: Number.POSITIVE_INFINITY, lowClosed: false, highClosed: false };

function clipHypers(spec: Spec): readonly HyperSpec[] {
  const { span } = spec;
  const make = (name: string, doc: string, value: TypedExpr, more: Partial<HyperSpec> = {}): HyperSpec => {
    return { name, doc, type: "number", fixed: false, value, range: null, globalBecause: null, span, ...more };
  };
  const one = literal(1, span);
  return [
    make("clip_max", "Largest number of a gradient clipped by value. Default: 1.", one),
    make("clip_min", "Smallest number of a gradient clipped by value. Default: -clipMax.", apply("neg", [hyper(spec, "clip_max")], span)),
    make("clip_norm", "Largest norm of gradients clipped by norm. Default: 1.", one, { range: positive, globalBecause: span }),
    make(NEED_CLIP, "False: this gradient is neither clipped nor counted in the norm of all. Default: true.", literal(1, span, "boolean"), {
      type: "bool",
    }),
  ];
}

function hyper({ span }: Spec, name: string): TypedExpr {
  const type = name === NEED_CLIP ? "boolean" : "number";
  return { kind: "hyper", hyper: name, form: "value", extent: name === "clip_norm" ? "model" : "tensor", stage: "step", type, span };
}

function clips(spec: Spec): readonly TypedStatement[] {
  const { span } = spec;
  const grad: TypedExpr = { kind: "cell", cell: "grad", version: "current", extent: "elem", stage: "device", type: "number", span };
  const limit = hyper(spec, "clip_norm");
  const byWord = {
    value: apply("min", [apply("max", [grad, hyper(spec, "clip_min")], span), hyper(spec, "clip_max")], span),
    norm: apply("mul", [grad, scaleOf(normOf(spec, grad, "tensor"), limit)], span),
    global_norm: apply("mul", [grad, globalScale(normOf(spec, grad, "model"), limit)], span),
  };
  return Object.entries(byWord).map(([word, clipped]): TypedStatement => {
    const condition: TypedExpr = { kind: "option-is", option: CLIP_OPTION, word, extent: "model", stage: "build", type: "boolean", span };
    const value = select(hyper(spec, NEED_CLIP), clipped, grad, span);
    const assign: TypedStatement = { kind: "assign-cell", cell: "grad", value, span };
    // biome-ignore lint/suspicious/noThenProperty: the name of the contract
    return { kind: "if", condition, then: [assign], otherwise: [], span };
  });
}

/** 1 where the norm is within the limit. */
function scaleOf(norm: TypedExpr, limit: TypedExpr): TypedExpr {
  const { span } = norm;
  const within = apply("le", [norm, limit], span);
  return select(within, literal(1, span), apply("div", [limit, norm], span), span);
}

/** limit / max(norm, limit), as Paddle has it for all parameters together. */
function globalScale(norm: TypedExpr, limit: TypedExpr): TypedExpr {
  return apply("div", [limit, apply("max", [norm, limit], norm.span)], norm.span);
}

/**
 * From SMALLEST_SUM on, the plain sum of up to 2^30 squares loses nothing to squares below 2^-126; below, no square of a number scaled UP
 * overflows. Where the plain sum overflows, numbers whose squares are not LARGE are nothing beside it.
 */
const SMALLEST_SUM = 2 ** -64;
const UP = 2 ** 90;
const LARGE = 2 ** 64;
const DOWN = 2 ** -64;

function normOf(spec: Spec, grad: TypedExpr, to: Extent): TypedExpr {
  const { span } = spec;
  const num = (value: number) => literal(value, span);
  const mul = (x: TypedExpr, y: TypedExpr) => apply("mul", [x, y], span);
  const counted = select(hyper(spec, NEED_CLIP), grad, num(0), span);
  const square = (x: TypedExpr) => mul(x, x);
  const sum = (arg: TypedExpr, site: number): TypedExpr => {
    return { kind: "reduce", by: "sum", to, arg, site, extent: to, stage: "device", type: "number", span };
  };
  const squared = square(counted);
  // A processor takes many times as long for a square that underflows: ordinary numbers become 0 before they are scaled down.
  const large = select(apply("lt", [num(LARGE), squared], span), counted, num(0), span);
  // The text's own sites count from 0.
  const plain = sum(squared, -3);
  const up = sum(square(mul(counted, num(UP))), -2);
  const down = sum(square(mul(large, num(DOWN))), -1);
  const rootOf = (x: TypedExpr, scale: number) => mul(apply("sqrt", [x], span), num(1 / scale));
  const holds = apply("and", [apply("isfinite", [plain], span), apply("le", [num(SMALLEST_SUM), plain], span)], span);
  const scaled = select(apply("lt", [num(1), plain], span), rootOf(down, DOWN), rootOf(up, UP), span);
  return select(holds, apply("sqrt", [plain], span), scaled, span);
}
