// Optimizers that reduce: what people use, and what meets every corner of plans with several sweeps and finishes.

const hypers = "hyper lr = 1e-2, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-6, weight_decay = 0.1, max_norm = 1";
const moments = `state m, v = 0
  m <- beta1 * m + (1 - beta1) * g
  v <- beta2 * v + (1 - beta2) * g^2`;
const adam = "m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)";

export const reductionSpecs: Readonly<Record<string, string>> = {
  "clip by global norm and AdamW": `optimizer ClipAdamW {
  ${hypers}
  g = grad * (max_norm / max(norm[model](grad), max_norm))
  ${moments}
  param <- param * (1 - lr * weight_decay)
  param <- param - lr * (${adam})
}`,
  "clip by norm and momentum": `optimizer ClipSgd {
  hyper lr = 0.1, momentum = 0.9, max_norm = 0.5
  state m = 0
  n = norm(grad)
  m <- momentum * m + (if n <= max_norm then 1 else max_norm / n) * grad
  param <- param - lr * m
}`,
  Lamb: `optimizer Lamb {
  ${hypers}
  g = grad * (max_norm / max(norm[model](grad), max_norm))
  ${moments}
  u = ${adam} + weight_decay * param
  wn = norm(param)
  un = norm(u)
  param <- param - lr * (if wn > 0 and un > 0 then wn / un else 1) * u
}`,
  Prodigy: `optimizer Prodigy {
  hyper lr = 1, beta1 = 0.9, beta2 = 0.999, beta3 = sqrt(beta2), epsilon = 1e-8, d0 = 1e-6, coef = 1, weight_decay = 0.1
  state m, v, s = 0
  state p0 = param
  state d, dmax: model = d0
  state num: model = 0
  eta = d * lr * sqrt(1 - beta2^t) / (1 - beta1^t)
  num <- beta3 * num + d / d0 * eta * sum[model](grad * (p0 - param))
  m <- beta1 * m + (1 - beta1) * d * grad
  v <- beta2 * v + (1 - beta2) * (d * grad)^2
  s <- beta3 * s + d / d0 * eta * grad
  den = sum[model](abs(s))
  dhat = if den > 0 then coef * num / den else d
  dmax <- max(dmax, dhat)
  d <- min(dmax, if d == d0 then max(d, dhat) else d)
  param <- param - eta * weight_decay * param
  param <- param - eta * m / (sqrt(v) + d * epsilon)
}`,
  Novograd: `optimizer Novograd {
  hyper lr = 1e-2, beta1 = 0.95, beta2 = 0.98, epsilon = 1e-8, weight_decay = 0.01
  state m = 0
  state v: tensor = 0
  n = sum(grad^2)
  v <- if v == 0 then n else beta2 * v + (1 - beta2) * n
  m <- beta1 * m + (grad / (sqrt(v) + epsilon) + weight_decay * param)
  param <- param - lr * m
}`,
  "distance over gradients": `optimizer Dog {
  hyper relative = 1e-3, epsilon = 1e-8
  state p0 = param
  state rbar: model = 0
  state total: model = 0
  start = relative * (1 + norm[model](p0))
  rbar <- max(rbar, max(start, norm[model](param - p0)))
  total <- total + sum[model](grad^2)
  param <- param - rbar / sqrt(total + epsilon) * grad
}`,
  "extremes, dots and means": `optimizer Extremes {
  hyper lr = 0.1
  state largest: tensor = 0
  state smallest: model = 0
  largest <- max(largest, max(abs(grad)))
  smallest <- min(smallest, min[model](param))
  spread = max[model](param) - min[model](param)
  a = dot(param, grad) + mean(param) + rms(grad)
  b = dot[model](param, grad) + mean[model](grad) + rms[model](param)
  c = if any(grad > 9) then 0.5 else 1
  e = if any[model](param < -1e6) then 2 else 0.25
  param <- param - lr * c * e * (grad + a * 1e-3 + b * 1e-4) / (1 + spread + largest - smallest)
}`,
  "levels upon levels": `optimizer Levels {
  hyper lr = 0.01
  state m = 0
  a = norm(grad)
  u = grad / (1 + a)
  b = sum[model](abs(u))
  w = u / (1 + b) + param * 1e-3
  c = max(abs(w))
  d = norm[model](w * c)
  e = mean[model](c / (1 + d))
  m <- 0.9 * m + w * (d + e)
  param <- param - lr * m / (1 + norm(m))
}`,
  "variants that reduce differently": `optimizer Variants {
  hyper lr = 0.1
  state v: tensor = 1
  state m = 0 when rank >= 2
  if rank >= 2 {
    m <- 0.9 * m + grad / (1e-3 + norm(grad))
    param <- param - lr * m * max(abs(param))
  } else {
    v <- 0.5 * v + 0.5 * rms(grad)
    param <- param - lr * grad / (v + min(abs(grad)) + 1)
  }
  param <- param * (1 - 1e-3 * norm[model](grad) / (1 + norm[model](param)))
  rules freeze { "^frozen" => true   else => false }
}`,
  "numbers without elements": `optimizer Count {
  hyper lr = 0.1
  state seen: tensor = 0
  state all: model = 0
  seen <- seen + 1
  all <- all + sum[model](seen)
  param <- param - lr * grad / (1 + all)
}`,
  "states that start from a reduction": `optimizer Scaled {
  hyper lr = 0.1
  state start: tensor = norm(param)
  state level: model = norm[model](param)
  level <- 0.9 * level + 0.1 * max[model](start)
  param <- param - lr * grad * start / (1 + level)
}`,
};
