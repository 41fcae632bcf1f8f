// What random programs are made of. A new function, constant or reduction is a row here; the writer asks for rows by extent and stage.

/** When a value is known, earliest first. */
export const stages = ["build", "setup", "step", "device"] as const;
export type Stage = (typeof stages)[number];

/** What a value keeps of a parameter, least first. */
export const extents = ["model", "tensor", "elem"] as const;
export type Extent = (typeof extents)[number];

/** A form of expression: `$0`, `$1`, ... are numbers. On the host, forms that stay finite: an infinite coefficient is refused, not compared. */
interface Form {
  readonly device: string;
  readonly host?: string;
  /** Dozens of operations on the device: a few in a program, so that drivers compile it soon. */
  readonly costly?: true;
}

export const forms: readonly Form[] = [
  { device: "($0 + $1)" },
  { device: "($0 - $1)" },
  { device: "($0 * $1)" },
  { device: "($0 / $1)", host: "ratio($0, $1, 0.5)" },
  { device: "(-$0)" },
  { device: "abs($0)" },
  { device: "sqrt($0)", host: "sqrt(abs($0))" },
  { device: "sign($0)" },
  { device: "min($0, $1)" },
  { device: "max($0, $1)" },
  { device: "max($0, $1, $2)" },
  { device: "clamp($0, $1, $2)" },
  { device: "clip($0, $1)" },
  { device: "lerp($0, $1, $2)" },
  { device: "ratio($0, $1, $2)" },
  { device: "($0 |> clip(abs($1)))" },
  { device: "floor($0)" },
  { device: "ceil($0)" },
  { device: "bf16($0)" },
  { device: "($0 % $1)", host: "($0 % 3)" },
  { costly: true, device: "exp($0)", host: "exp(clip($0, 4))" },
  { costly: true, device: "log($0)", host: "log(1 + abs($0))" },
  { costly: true, device: "tanh($0)" },
  { costly: true, device: "cbrt($0)" },
  { costly: true, device: "atan2($0, $1)" },
  { costly: true, device: "softplus($0)", host: "softplus(clip($0, 4))" },
  { device: "$0^2" },
  { device: "$0^3" },
  { device: "$0^7", host: "clip($0, 2)^7" },
  { device: "$0^-1", host: "ratio(1, $0, 2)" },
  { device: "$0^-3", host: "(0.5 + abs($0))^-3" },
  { device: "$0^0" },
  { costly: true, device: "$0^0.5", host: "abs($0)^0.5" },
  { costly: true, device: "$0^-1.5", host: "(1 + abs($0))^-1.5" },
  { costly: true, device: "abs($0)^$1", host: "clip(abs($0), 4)^clip($1, 3)" },
];

/** Truths over numbers. */
export const comparisons: readonly string[] = ["($0 < $1)", "($0 <= $1)", "($0 > $1)", "($0 >= $1)", "($0 == $1)", "($0 != $1)"];

/** Truths over truths. */
export const connectives: readonly string[] = ["not $0", "($0 and $1)", "($0 or $1)", "($0 == $1)", "($0 != $1)"];

/** Reductions of one value, or of two, into one number for a tensor or for the model. */
export const reductions: readonly { readonly name: string; readonly takes: 1 | 2 }[] = [
  { name: "sum", takes: 1 },
  { name: "norm", takes: 1 },
  { name: "mean", takes: 1 },
  { name: "max", takes: 1 },
  { name: "min", takes: 1 },
  { name: "rms", takes: 1 },
  { name: "dot", takes: 2 },
];

/** Members of the prelude that reduce, and how far; and those that keep states, which a `fn` cannot. */
export const members: readonly { readonly text: string; readonly reducesTo: Extent | null }[] = [
  { text: "ema($0; 0.9)", reducesTo: null },
  { text: "momentum($0; 0.5)", reducesTo: null },
  { text: "running_max($0)", reducesTo: null },
  { text: "adam($0; 0.9, 0.99, 1e-6)", reducesTo: null },
  { text: "clip_norm($0, 0.1 + abs($1))", reducesTo: "tensor" },
  { text: "agc($0, $1, 0.01, 1e-3)", reducesTo: "tensor" },
  { text: "trust_ratio($0, $1)", reducesTo: "tensor" },
  { text: "clip_global_norm($0, 0.5)", reducesTo: "model" },
  { text: "clip_global_norm_torch($0, 2)", reducesTo: "model" },
];

/** Numbers that a text may hold; on the device also the edges of f32. */
export const literals = {
  host: ["1", "0.5", "2", "0", "3", "0.1", "1.5", "10", "1e-3", "0.999", "1e-8", "machine_epsilon"],
  device: ["1", "0", "0.5", "2", "-0", "0.1", "3.75", "1e-3", "1e-30", "1.2e-38", "3e38", "1e30", "16777216", "0.3333333333333333", "1e-8"],
} as const;

/** Facts of parameters. */
export const facts: readonly { readonly stage: Stage; readonly extent: Extent; readonly text: string }[] = [
  { stage: "step", extent: "tensor", text: "t" },
  { stage: "setup", extent: "tensor", text: "rank" },
  { stage: "setup", extent: "tensor", text: "numel" },
  { stage: "setup", extent: "model", text: "numel[model]" },
  { stage: "setup", extent: "tensor", text: "(if rank >= 2 then cols else 1)" },
  { stage: "setup", extent: "tensor", text: "(if rank >= 1 then shape[0] else 4)" },
];

/** Lists of parameters' shapes: none, one, three and five elements, and more than one chunk with a rest. */
export const models: readonly (readonly (readonly number[])[])[] = [
  [[3]],
  [[5], []],
  [[0], [1], [3], [1, 5], [2, 2, 2]],
  [[4], [0, 3], [2, 3]],
  [[16_391]],
  [[37, 443], [5], [], [16_384]],
];

/** What states of elements may be kept in. */
export const storeFormats = ["bf16", "f16", "q8(signed, block 256)", "q8(unsigned, block 256)"];
