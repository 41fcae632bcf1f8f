// The language's own library, in the language. Members that need a state or a reduction come with those constructs.

/**
 * Parsed like any other source; a call of a member is inlined at its place. `half_wave(x)` is (1 - cos(pi x)) / 2 for x from 0 to 1, by the
 * terms of the sine up to the 21st power, whose remainder is below 2e-18 there.
 */
export const prelude = `
fn clamp(x, low, high) = min(max(x, low), high)
fn clip(x, c) = clamp(x, -c, c)
fn lerp(a, b, weight) = a + weight * (b - a)
fn ratio(a, b, otherwise) = if b != 0 then a / b else otherwise
fn floored_modulo(a, b) = a - b * floor(a / b)
fn half_wave(x) = sine(1.5707963267948966 * x) ^ 2
fn sine(y) = y * sine_terms(y * y)
fn sine_terms(z) = 1 - z / 6 * (1 - z / 20 * (1 - z / 42 * (1 - z / 72 * (1 - z / 110 * (1 - z / 156 * (1 - z / 210 * (1 - z / 272 * (1 - z / 342 * (1 - z / 420)))))))))
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
