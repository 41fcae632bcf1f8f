// Correct specs: published optimizers whose arithmetic is element-wise, and texts that use every construct that is compiled.

export const correct: Readonly<Record<string, string>> = {
  AdamBelief: `optimizer AdaBelief {
  hyper lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-16, weight_decay = 0
  option rectify = true
  state m, s = 0
  param <- param - lr * weight_decay * param
  m <- beta1 * m + (1 - beta1) * grad
  s <- beta2 * s + (1 - beta2) * (grad - m)^2 + epsilon
  mhat = m / (1 - beta1^t)
  rho_inf = 2 / (1 - beta2) - 1
  rho = rho_inf - 2 * t * beta2^t / (1 - beta2^t)
  if rectify {
    if rho >= 5 {
      r = sqrt((1 - beta2^t) * (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
      param <- param - lr * r * mhat / (sqrt(s) + epsilon)
    } else { param <- param - lr * mhat }
  } else {
    param <- param - lr * mhat / (sqrt(s) / sqrt(1 - beta2^t) + epsilon)
  }
}`,
  AdaBound: `optimizer AdaBound {
  hyper lr = 1e-3, beta1 = 0.9, beta2 = 0.999, final_lr = 0.1, gamma = 1e-3, epsilon = 1e-8
  option amsbound = false
  state m, v = 0
  state vmax = 0 when amsbound
  m <- beta1 * m + (1 - beta1) * grad
  v <- beta2 * v + (1 - beta2) * grad^2
  if amsbound { vmax <- max(vmax, v) }
  second = if amsbound then vmax else v
  final = final_lr * lr / lr.peak
  lower = final * (1 - 1 / (gamma * t + 1))
  upper = final * (1 + 1 / (gamma * t))
  alpha = lr * sqrt(1 - beta2^t) / (1 - beta1^t)
  param <- param - clamp(alpha / (sqrt(second) + epsilon), lower, upper) * m
}`,
  AdaPNM: `optimizer AdaPNM {
  hyper lr = 1e-3, beta1 = 0.9, beta3 = 1
  state odd, even = 0
  if t % 2 == 1 { odd  <- lerp(odd,  grad, 1 - beta1^2) }
  else          { even <- lerp(even, grad, 1 - beta1^2) }
  pos = if t % 2 == 1 then odd else even
  neg = if t % 2 == 1 then even else odd
  noise = sqrt((1 + beta3)^2 + beta3^2)
  param <- param - lr * ((1 + beta3) * pos - beta3 * neg) / noise
}`,
  FTRL: `optimizer FTRL {
  hyper lr = 1e-3, lr_power = -0.5, beta = 0, lambda1 = 0, lambda2 = 0
  state z, n = 0
  n <- n + grad^2
  sigma = (n^-lr_power - old(n)^-lr_power) / lr
  z <- z + grad - sigma * param
  param <- if abs(z) <= lambda1 then 0 else (sign(z) * lambda1 - z) / ((beta + sqrt(n)) / lr + lambda2)
}`,
  GrokFast: `optimizer GrokFastAdamW {
  hyper lr = 1e-4, decay = 0.98, lamb = 2, after_step = 0
  option enabled = true, normalize_lr = true
  state e = 0 when enabled
  eta = if enabled and normalize_lr then lr / (1 + lamb) else lr
  if enabled and t > after_step { e <- if t == after_step + 1 then grad else decay * e + (1 - decay) * grad }
  g = if enabled and t > after_step then grad + lamb * e else grad
  param <- param - eta * g
}`,
  LaProp: `optimizer LaProp {
  hyper lr = 4e-4, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-15, weight_decay = 0
  state m, v = 0
  host state l1 = 0
  v <- beta2 * v + (1 - beta2) * grad^2
  l1 <- beta1 * l1 + (1 - beta1) * lr
  c1 = if lr > 0 then l1 / lr else 0
  m <- beta1 * m + (1 - beta1) * lr * grad / (sqrt(v / (1 - beta2^t)) + epsilon)
  param <- (param - m / c1) * (1 - lr * weight_decay)
}`,
  MADGRAD: `optimizer MADGRAD {
  hyper lr = 1e-2, momentum = 0.9, weight_decay = 0, epsilon = 1e-6, lr_eps = 1e-6
  option decouple = false
  state v, s = 0
  state x0 = param
  lambda = (lr + lr_eps) * sqrt(t)
  g = if decouple then grad else grad + weight_decay * param
  anchor = if momentum == 0 then param + s / (cbrt(v) + epsilon) else x0
  v <- v + lambda * g^2
  s <- s + lambda * g
  z = anchor - s / (cbrt(v) + epsilon)
  shrink = if decouple then (lr + lr_eps) * weight_decay * param else 0
  param <- momentum * param + (1 - momentum) * z - shrink
}`,
  NAdam: `optimizer NAdam {
  hyper lr = 2e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, psi = 4e-3
  state m, v = 0
  host state prod = 1
  mu  = beta1 * (1 - 0.5 * 0.96^(t * psi))
  mu1 = beta1 * (1 - 0.5 * 0.96^((t + 1) * psi))
  prod <- prod * mu
  m <- beta1 * m + (1 - beta1) * grad
  v <- beta2 * v + (1 - beta2) * grad^2
  mhat = mu1 * m / (1 - prod * mu1) + (1 - mu) * grad / (1 - prod)
  param <- param - lr * mhat / (sqrt(v / (1 - beta2^t)) + epsilon)
}`,
  Rprop: `optimizer Rprop {
  hyper lr = 1e-2, minus = 0.5, plus = 1.2, smallest = 1e-6, largest = 50
  state eta = lr
  state prev = 0
  s = grad * prev
  eta <- clamp(eta * (if s > 0 then plus else if s < 0 then minus else 1), smallest, largest)
  g = if s < 0 then 0 else grad
  prev <- g
  param <- param - sign(g) * eta
}`,
  WordsOfTargets: `optimizer Class {
  hyper lambda = 1, λ1 = 2, fn_ = 3, var = 4, in_ = 5, float = 6, while = 7, __proto__ = 8, constructor = 9
  state global, workgroup, default = 0
  global <- global * var + grad * λ1 + while
  workgroup <- global / fn_ + in_ * float
  default <- default + __proto__ * constructor
  param <- param - lambda * workgroup + default
}`,
  Host: `optimizer Host {
  hyper lr = 1, n: int = 3 in [1, 10], warm: bool = true, p = 0
  if p > 0 { param <- param * (1 / p) }
  fixed hyper depth: int = 2, wide: bool = false
  host state W: model = 0
  host state steps, best = 1
  W <- W + lr * t
  steps <- steps + 1
  if t > n and warm { best <- max(best, steps) }
  big = depth > 1 and rank >= 2 and not wide
  state extra = 0 when big
  if big { extra <- extra + grad * shape[1] + numel[model] / numel }
  u = if big then extra else grad
  param <- param - (W + steps + best) * u * (if warm == wide then 1 else 0)
}`,
  Functions: `fn scaled(x; by) { y = x * by  if by > 1 { y <- y / by }  z = y + 1  return z }
fn twice(x, y) = scaled(scaled(x; y); by = y)
optimizer Functions {
  hyper lr = 1
  option keep: 3 | 4 | 10 = 10, mode: a | b | c = a, flag = true
  fn decayed(x) = if mode == a or flag then x * lr else x - keep
  u = grad |> twice(lr) |> decayed()
  w = if isfinite(u) and (mode != b) == flag then softplus(u) + tanh(u) + exp(-abs(u)) + log(1 + u^2) else bf16(u)
  param <- param - w * 2^keep * (if keep == 3 then 1 else 0) + atan2(u, 1) % 3 + floor(u) - ceil(u)
}`,
  Reductions: `optimizer Reductions {
  hyper lr = 1e-3, beta = 0.9, c = 1, scale = 2
  option where: tensor | model = tensor
  state far: model = norm[model](param)
  state own: tensor = rms(param) when rank >= 1
  state seen, calls: model = 0
  n = if where == tensor then norm(grad) else norm[model](grad)
  far <- max(far, norm[model](grad - param))
  if far > c { seen <- seen + scale * any_one(mean[model](grad)) }
  calls <- calls + t + 1e-3 * sum[model](n + numel)
  if rank >= 1 { own <- own + dot(grad, param) / numel + max(abs(grad)) - min[tensor](grad) }
  u = if n > c then grad * (c / n) else rms(grad) * grad
  held = if rank >= 1 then own else 1
  param <- param - lr * beta * u * (far + seen + calls) / (1 + abs(held)) * (if any(grad > 1) or any[model](rank > 2) then 1 else 2)
  fn any_one(x) = if x > 0 then 1 else x
}`,
  Transforms: `transform twice(x; beta, start) {
  state count: tensor = start
  host state W = 0
  inner = ema(x; beta)
  W <- W + beta
  count <- count + 1
  return (ema(inner; beta) + inner) / (count + W)
}
optimizer Transforms {
  hyper lr = 1e-3, beta1 = 0.9, beta2 = 0.99, weight_decay = 0.01, c = 1
  option smooth = true
  transform own(g) {
    state kept: like g = 0 when rank > 1
    if rank > 1 { kept <- g - old(kept) }
    return if rank > 1 then kept else g
  }
  g = grad |> clip_value(c) |> with_l2(param, weight_decay)
  u = adam(g; beta1, beta2, 1e-8)
  v = twice(g; beta = beta1, start = 1) + own(u)
  w = if smooth then ema(v; 0.5) else with_l1(v, param, weight_decay)
  top = running_max(norm(w))
  if rank > 1 { w <- momentum(w; 0.9) }
  param <- decayed(param, lr * weight_decay) - lr / (1 + top) * w
}`,
  Clipping: `optimizer Clipping {
  hyper lr = 1e-3, c = 1
  option by: global | tensor | agc | torch | tensor_torch = global
  g = if by == global then grad |> clip_global_norm(c) else if by == tensor then grad |> clip_norm(c)
    else if by == agc then grad |> agc(param, 0.01, 1e-3) else if by == torch then grad |> clip_global_norm_torch(c)
    else grad |> clip_norm_torch(c)
  u = momentum(g; 0.9)
  param <- param - lr * (u |> cautious(grad, 0.1) |> trust_ratio(param))
}`,
  ManyLevels: `optimizer ManyLevels {
  hyper lr = 1e-3, beta1 = 0.9, beta2 = 0.99, weight_decay = 0.01, c = 1
  g = grad |> clip_global_norm(c) |> clip_norm(c) |> clip_value(c) |> with_l2(param, weight_decay)
  u = adam(g; beta1, beta2, 1e-8)
  v = ema(u; 0.3) + ema(g; 0.2)
  w = momentum(v; 0.9)
  top = running_max(norm(w))
  param <- decayed(param, lr * weight_decay) - lr / (1 + top) * (agc(w, param, 0.01, 1e-3) |> cautious(grad, 0.1) |> trust_ratio(param))
}`,
  Rules: `optimizer Rules {
  hyper lr = 1e-3, weight_decay = 0.01 in [0, 1], layer_decay = 0.9 in (0, 1]
  hyper n_layers: int = 12 in [3, inf)
  fn at(id) = max(0.05, layer_decay ^ (n_layers + 1 - id))
  set small = rank < 2 or "bias$" or contains("norm")
  param <- param * (1 - lr * weight_decay) - lr * grad
  rules scale lr {
    "^(cls_token|pos_embed|patch_embed)" => at(0)
    "^blocks.{n}" and n < n_layers       => at(n + 1)
    "^stages.{s: 0..1}.**.{b}" or "^other.{b}.{s}" => at(3 + floor(b / 3) + s % 2)
    "^norm*"                             => at(n_layers)
    dtype != "F32" and (cols > 4 or shape[0] >= 3) => if first then lr.peak else 2 ^ -1
    optional "gone"                      => error("this should be gone")
    else                                 => 1
  }
  rules set weight_decay { small => 0   rows == cols and not "head" => weight_decay / cols   lr.ratio < 0.5 => 0.5   else => weight_decay }
  rules freeze { "frozen.{w: word}" => true   "embed" => n_layers > 3   else => false }
}`.replace("n_layers > 3", "rank > 3"),
};
