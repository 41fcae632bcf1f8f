// The language's own library, in the language. Members that need a state or a reduction come with those constructs.

/** Parsed like any other source; a call of a member is inlined at its place. */
export const prelude = `
fn clamp(x, low, high) = min(max(x, low), high)
fn clip(x, c) = clamp(x, -c, c)
fn lerp(a, b, weight) = a + weight * (b - a)
fn ratio(a, b, otherwise) = if b != 0 then a / b else otherwise
fn floored_modulo(a, b) = a - b * floor(a / b)
fn both_or_neither(a, b) = a and b or not a and not b
`;

/** Members that the language page names and that wait for reductions, transforms or matrices. */
export const laterPrelude = [
  "adam",
  "agc",
  "cautious",
  "centralize",
  "clip_global_norm",
  "clip_global_norm_torch",
  "clip_norm",
  "ema",
  "flat",
  "msign_bf16",
  "newton_schulz",
  "running_max",
  "trust_ratio",
] as const;
