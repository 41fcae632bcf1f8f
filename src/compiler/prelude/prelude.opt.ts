// The language's own library, in the language. Members that need matrices come with them.

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

// Running values.
transform ema(x; beta) {
  state m: like x = 0
  m <- beta * m + (1 - beta) * x
  return m
}
transform momentum(g; beta) {
  state b: like g = 0
  b <- beta * b + g
  return b
}
transform running_max(x) {
  state top: like x = -inf
  top <- max(top, x)
  return top
}
transform adam(g; beta1, beta2, epsilon) {
  state m, v: like g = 0
  m <- beta1 * m + (1 - beta1) * g
  v <- beta2 * v + (1 - beta2) * g^2
  correction = sqrt(1 - beta2^t)
  return correction / (1 - beta1^t) * (m / (sqrt(v) + epsilon * correction))
}

// Weight decay: added to the gradient, or taken off the parameter.
fn with_l2(g, p, rate) = g + rate * p
fn with_l1(g, p, rate) = g + rate * sign(p)
fn decayed(p, rate) = p * (1 - rate)

// Clipping. A sum of squares that over- or underflows is replaced by one of numbers scaled by 2^-64 or 2^64: the same pass adds all three.
fn clip_value(g, c) = clip(g, c)
// A processor takes many times as long for a square that underflows: ordinary numbers become 0 before they are scaled.
fn scaled_down(g) = (if abs(g) > 2^32 then g else 0) * 2^-64
fn clip_norm(g, c) {
  n = root_of_squares(sum(g^2), sum((g * 2^64)^2), sum(scaled_down(g)^2))
  return if n <= c then g else g * (c / n)
}
fn clip_global_norm(g, c) {
  n = root_of_squares(sum[model](g^2), sum[model]((g * 2^64)^2), sum[model](scaled_down(g)^2))
  return g * (c / max(n, c))
}
fn root_of_squares(plain, up, down) {
  scaled = if plain > 1 then sqrt(down) * 2^64 else sqrt(up) * 2^-64
  return if isfinite(plain) and plain > 1e-18 then sqrt(plain) else scaled
}
fn clip_norm_torch(g, c) = g * min(1, c / (norm(g) + 1e-6))
fn clip_global_norm_torch(g, c) = g * min(1, c / (norm[model](g) + 1e-6))
fn agc(g, p, factor, epsilon) {
  n = norm(g)
  most = factor * max(norm(p), epsilon)
  return if n > most then g * (most / max(n, 1e-6)) else g
}

// Layer-wise adaptation.
fn trust_ratio(u, p) {
  w = norm(p)
  n = norm(u)
  return (if w > 0 and n > 0 then w / n else 1) * u
}
fn cautious(u, g, least) {
  mask = if u * g > 0 then 1 else 0
  return u * mask / max(mean(mask), least)
}
`;

/** Members that the language page names and that wait for matrices. */
export const laterPrelude = ["centralize", "flat", "msign_bf16", "newton_schulz"] as const;
