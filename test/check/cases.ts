// For every message a text and the places where it must appear; nothing else may be said about the text.

export type Cases = Readonly<Record<string, readonly string[]>>;

export const nameCases = {
  "unknown-name": [
    "x = «lrr» * grad  param <- param - x",
    "x = «k» * grad  param <- param - x",
    "fn f(x) = x * «foo»  param <- param - f(grad)",
    "fn f(x) = x * «foo»",
    "hyper a = «lr2»  param <- param * a",
    "if «unknown» > 1 { param <- param }",
    "fn f(x) = x + «m»\n optimizer A { hyper lr = 1  param <- param - lr * f(grad) }\n fn g(y) = y * «nowhere»",
  ],
  "unknown-function": ["x = «sqrtt»(grad)  param <- param - x", "param <- param - «lr»(grad)"],
  "function-as-value": ["param <- param - «sqrt»", "fn f(x) = x  param <- param - f(grad) * «f»"],
  "used-before-declaration": ["param <- param - «m»  state m = 0  m <- grad"],
  "not-visible-here": [
    "state m = 0  fn f(x) = x + «m»  m <- f(grad)",
    "state m = 0  state z = «m»  m <- m + z  z <- m",
    "state m = «grad»  m <- m + grad",
    "state m = «t»  m <- m + grad",
    "state m = «first»  m <- m + grad",
    "hyper a = «rank»  param <- param * a",
    "option o = false  hyper a = if «o» then 1 else 2  param <- if o then param * a else param",
    "eta = lr * t  state m = «eta»  m <- m + eta * grad",
    "rules scale lr { else => «param» }",
    'rules scale lr { "a" and «t» > 3 => 2   else => 1 }',
    "state m = 0  m <- m + grad  rules scale lr { else => «m» }",
    'rules scale lr { "a.*" and «index» > 3 => 2   else => 1 }',
  ],
  "unknown-member": ["param <- param - lr.«foo»", "param <- param - grad.«peak»"],
  "cannot-index": ["param <- param - «grad[0]»"],
  "shape-without-axis": ["param <- param * «shape»"],
  "axis-not-whole": ["param <- param * shape[«0.5»]", "param <- param * shape[«rank»]", "param <- param * shape[«-1»]"],
  "duplicate-name": [
    "hyper a = 1, «a» = 2  param <- param * a",
    "hyper a = 1  state «a» = 0  param <- param * a",
    "fn f(x) = x  fn «f»(x) = x  param <- f(param)",
  ],
  "reserved-name": [
    "hyper «t» = 1  param <- param * t",
    "state «param» = 0",
    "option «grad» = false",
    "state «rank» = 0  param <- param * rank",
  ],
  "names-collide": [
    "hyper β1 = 1, «beta1» = 2  param <- param * β1 * beta1",
    "hyper Rate = 1, «rate» = 2  param <- param * Rate * rate",
    "hyper weight_decay = 1, «weightDecay» = 2  param <- param * weight_decay * weightDecay",
    "state my_m = 0  state «myM» = 0  my_m <- myM  myM <- my_m",
    "hyper big_m = 1  state «bigM» = 0  bigM <- bigM * big_m",
  ],
  "optimizers-collide": [
    "optimizer A { hyper lr = 1  param <- param * lr }  optimizer «A» { hyper lr = 1  param <- param * lr }",
    "optimizer Sgd { hyper lr = 1  param <- param * lr }  optimizer «SGD» { hyper lr = 1  param <- param * lr }",
  ],
  "local-hides": [
    "state m = 0  m <- m + grad  «m» = grad",
    "«lr» = 3",
    "«param» = grad",
    "«grad» = param * 2",
    "option o = false  «o» = 3  param <- if o then param else grad",
  ],
  "shadowed-name": [
    "«rank» = 3  param <- param * rank",
    "«ratio» = 3  param <- param * ratio",
    "«sqrt» = 3  param <- param * sqrt",
    "fn f(x) { «first» = x  return first }  param <- f(param)",
  ],
  "second-definition": ["x = grad  «x» = param  param <- param - x", "fn f(a) { b = a  «b» = a  return b }  param <- f(grad)"],
  "pinned-local": ["big = rank > 1  state m = 0 when big  «big» <- rank > 2  if big { m <- m + grad }"],
  "declaration-of-changed": ["big = rank > 1  big <- rank > 2  state m = 0 when «big»  m <- m + grad"],
  "assign-to-unknown": ["«x» <- grad", "fn f(a) { «b» <- a  return a }  param <- f(grad)"],
  "cannot-assign": ["«lr» <- 3", "«grad» <- param", "«t» <- 3", "option o = false  «o» <- 3  param <- if o then param else grad"],
  "function-writes": [
    "fn f(a) { «param» <- a  return a }  param <- f(grad)",
    "state m = 0  fn f(a) { «m» <- a  return a }  m <- m + f(grad)",
  ],
  "option-as-value": [
    "option o: a | b = a  param <- param * «o»",
    "option o: a | b = a  option p: c | d = c  param <- if «o» == «p» then param else grad",
  ],
  "unknown-option-word": [
    "option o: plain | other = plain  if o == «plane» { param <- param - 1 }",
    "option o: plain | other = plain  if o == «3» { param <- param - 1 }",
    "option o: 3 | 5 = 5  if o == «4» { param <- param - o }",
    "option o: plain | other = plain  if «lr * 2» != o { param <- param - 1 }",
  ],
} as const satisfies Cases;

export const expressionCases = {
  "literal-out-of-range": ["param <- param * «1e999»", "param <- param * «1e-999»"],
  "not-in-f32": [
    "param <- param * «1e-300»",
    "param <- param + «1e39»",
    "param <- param + «1e-40»",
    "hyper tiny = 1e-60  param <- param + «tiny»",
    "param <- if rank > 1 then param * «(1e-30 * 1e-30)» else param",
    "option o = false  x = if o then «1e-300» else 1  param <- param * x",
    "x = «1e-300»  y = x * grad  param <- param - y",
    "state m = «1e-50»  m <- m + grad",
    "param <- «1e-50»",
    "param <- min(param, «inf»)",
    "hyper cap = inf in (0, inf]  param <- min(param, «cap»)",
    "param <- param * «sqrt(-1)»",
    "param <- param * clamp(grad, «-1e300», 1)",
  ],
  "string-outside-rules": ['param <- param * «"a"»'],
  "needs-number": [
    "param <- param * «(1 < 2)»",
    "param <- param * sqrt(«first»)",
    "hyper b: bool = true  param <- param * «b»",
    "hyper b: bool = true  param <- if b then param else param * «b.peak»",
  ],
  "needs-condition": [
    "param <- if «lr» then param else grad",
    "if «1» { param <- grad }",
    "param <- if not «lr» then param else grad",
    "state m = 0 when «1»  m <- m + grad",
  ],
  "compared-with-other-type": ["param <- if «lr == first» then param else grad"],
  "branches-differ": ["x = «if first then 1 else true»  param <- param * x"],
  "division-by-zero": ["param <- param / «0»", "param <- param % «0»", "param <- param / «(1 - 1)»"],
  "wrong-argument-count": ["param <- «sqrt(param, grad)»", "param <- «atan2(param)»"],
  "argument-has-no-name": ["param <- sqrt(«x = param»)"],
  "wrong-argument": [
    "fn f(x, a) = x * a  param <- «f(param)»",
    "fn f(x, a) = x * a  param <- f(param, 1, «2»)",
    "fn f(x, a) = x * a  param <- f(param, «b» = 1)",
    "fn f(x, a) = x * a  param <- f(param, 1, «a» = 1)",
    "fn f(x, a) = x * a  param <- f(x = param, «1»)",
    "fn f(x; a) = x * a  param <- f(param, «1»)",
    "fn f(x, a) = x * a  param <- f(param; «1»)",
    "param <- «clamp(param, 1)»",
  ],
  "recursive-function": ["fn f(x) = «f(x)»  param <- f(param)", "fn f(x) = g(x)  fn g(x) = «f(x)»  param <- f(param)"],
  "function-without-return": ["fn «f»(x) { x <- x + 1 }  param <- f(param)"],
  "return-not-last": ["fn f(x) { if x > 0 { «return x» } return -x }  param <- f(param)"],
  "return-outside-function": ["«return grad»"],
  "declaration-in-function": ["fn f(x) { fn «g»(y) = y  return x }  param <- f(param)"],
  "function-name-taken": ["fn «sqrt»(x) = x  param <- sqrt(param)"],
  "old-of-what": ["param <- «old(lr)»", "param <- «old(param, grad)»", "x = grad  param <- x + «old(x)»"],
  "only-in-rules": ['param <- param * «error("no")»', 'if «contains»("x") { param <- grad }'],
  "error-needs-text": ["rules scale lr { else => «error(1)» }"],
  "nested-too-deeply": [],
} as const satisfies Cases;

export const flowCases = {
  "extent-too-wide": [
    "host state W: model = 0  W <- «W + rank»  param <- param * W",
    "host state W: tensor = 0  host state M: model = 0  W <- W + t  M <- «W»  param <- param * M * W",
  ],
  "condition-too-wide": [
    "host state W: model = 0  if «rank > 1» { W <- W + 1 }  param <- param * W",
    "host state W: model = 0  if «first» { W <- 1 }  param <- param * W",
  ],
  "device-into-host": [
    "host state W = 0  W <- «W + grad»  param <- param * W",
    "host state W = 0  if «grad > 0» { W <- 1 }  param <- param * W",
    "host state W = «param»  param <- param * W",
  ],
  "when-not-setup": [
    "state m = 0 when «lr > 0»  m <- m + grad",
    "state m = 0 when «t > 3»  m <- m + grad",
    "state m = 0 when «grad > 0»  m <- m + grad",
  ],
  "state-may-not-exist": [
    "option o = false  state m = 0 when o  «m» <- «m» + grad",
    "option o = false  option p = false  state m = 0 when o and p  if o { param <- param - «m»  if p { m <- m + grad } }",
    "option o: a | b | c = a  state m = 0 when o == a  if o != b { param <- param - «m»  «m» <- grad }",
    "state m = 0 when rank >= 2  if rank > 0 { «m» <- grad }  if rank == 2 { param <- param - m }",
    "option o = false  state m = 0 when o  if o { m <- grad }  param <- if not o then old(«m») else param",
  ],
  "host-state-extent": ["host state W: «row» = 0  W <- W + 1  param <- param * W"],
  "extent-not-whole": ["state a: axis(«0.5») = 0  a <- a + grad", "state a: block(«0») = 0  a <- a + grad"],
} as const satisfies Cases;

export const declarationCases = {
  "default-out-of-range": [
    "hyper a = «2» in [0, 1]  param <- param * a",
    "hyper a = «1» in [0, 1)  param <- param * a",
    "hyper a = «0» in (0, 1)  param <- param * a",
    "hyper a = «inf» in [0, inf)  param <- param * a",
  ],
  "default-not-whole": ["hyper a: int = «1.5»  param <- param * a"],
  "default-not-finite": ["hyper a = «inf»  param <- param * a", "hyper a = «log(-1)»  param <- param * a"],
  "range-not-constant": ["hyper a = 1 in [0, «lr»]  param <- param * a"],
  "range-of-bool": ["hyper a: bool = true in «[0, 1]»  param <- if a then param else grad"],
  "range-empty": ["hyper a = 1 in «[2, 0]»  param <- param * a", "hyper a = 1 in «[1, 1)»  param <- param * a"],
  "duplicate-word": [
    "option o: a | b | «a» = a  param <- if o == a then param else grad",
    "option o: 1 | 2 | «1.0» = 1  param <- param * o",
  ],
  "option-default": ["option o: a | b = «c»  param <- if o == a then param else grad"],
  "option-without-words": ["option o = «a»  param <- if o then param else grad"],
} as const satisfies Cases;

export const useCases = {
  "unused-value": ["«x» = grad * 2", "if first { «x» = grad }", "fn f(a) { «b» = a  return a }  param <- f(f(grad))"],
  "unused-hyper": ["hyper «a» = 1", "option «o» = false"],
  "state-never-read": ["state «m» = 0  m <- grad", "state «m» = 0"],
  "state-never-written": ["state «m» = 0  param <- param - m"],
} as const satisfies Cases;

export const ruleCases = {
  pattern: ['rules scale lr { «""» => 2   else => 1 }', 'rules scale lr { "encoder«.»" => 2   else => 1 }'],
  "pattern-hint": ['rules scale lr { "a«+»" => 2   else => 1 }'],
  "patterns-differ-in-case": ['rules scale lr { "bias" => 2   «"Bias"» => 3   else => 1 }'],
  "contains-needs-text": ['rules scale lr { «contains("")» => 2   else => 1 }', "rules scale lr { «contains(3)» => 2   else => 1 }"],
  "dtype-comparison": ['rules scale lr { dtype == «"f32"» => 2   else => 1 }', 'rules scale lr { dtype < «"F32"» => 2   else => 1 }'],
  "capture-hides": ['rules scale lr { «"a.{lr}"» => 2   else => 1 }', 'rules scale lr { «"a.{rank}"» => 2   else => 1 }'],
  "capture-twice": ['rules scale lr { "a.{n}" and «"b.{n}"» => n   else => 1 }'],
  "capture-not-bound": ['rules scale lr { "a.{n}" or "b" => «n»   else => 1 }', 'rules scale lr { not "a.{n}" => «n»   else => 1 }'],
  "word-capture-as-number": ['rules scale lr { "a.{w: word}" => «w»   else => 1 }'],
  "unused-capture": ['rules scale lr { «"a.{n}"» => 2   else => 1 }'],
  "index-in-rule": ["rules scale lr { else => 0.9 ^ «index» }"],
  "missing-else": ['rules scale «lr» { "a" => 2 }', 'rules «freeze» { "a" => true }'],
  "unreachable-arm": [
    'rules scale lr { else => 1   «"a" => 2» }',
    'rules scale lr { "a" => 2   «"a" => 3»   else => 1 }',
    'rules scale lr { "*emb*" => 2   «"word_embedding.weight" => 3»   else => 1 }',
    'rules scale lr { rank < 2 or "b" => 2   «rank < 2 => 3»   else => 1 }',
    'rules scale lr { "a.{n}" => n   «"a.{k: 0..11}" => k + 1»   else => 1 }',
  ],
  "negative-exponent": [
    "fixed hyper n: int = 12 in [1, inf)  rules scale lr { else => 0.5 ^ «(n - 2)» }",
    'hyper d = 0.5  fn at(i) = d ^ «(3 - i)»  rules scale lr { "a.{n}" => at(n)   "b" => at(4)   else => 1 }',
  ],
  "freeze-not-setup": ["rules freeze { else => «t > 3» }"],
  "rule-value-out-of-range": [
    "hyper a = 1 in [0, 2]  param <- param * a  rules set a { else => «3» }",
    "hyper n: int = 1  param <- param * n  rules set n { else => «1.5» }",
  ],
  "block-twice": ["rules set lr { else => 1 }  rules set «lr» { else => 2 }"],
  "rule-for-unknown": ["rules scale «lrr» { else => 1 }", "state m = 0  m <- m + grad  rules scale «m» { else => 1 }"],
  "rule-for-fixed": ["fixed hyper n: int = 2  param <- param * n  rules set «n» { else => 1 }"],
  "rule-for-global": ["host state W: model = 0  W <- W + lr  param <- param * W  rules scale «lr» { else => 1 }"],
  "scale-of-bool": ["hyper b: bool = true  param <- if b then param else grad  rules scale «b» { else => true }"],
  "ratio-cycle": [
    "optimizer A { hyper «lr» = 1, «wd» = 2  param <- param * lr * wd  rules scale lr { else => wd.ratio }  rules scale wd { else => lr.ratio } }",
  ],
  "unused-set": ['set «s» = "a"'],
} as const satisfies Cases;

export const limitCases = {
  "optimizer-too-large": [],
  "too-many-states": [],
  "too-many-variants": [],
  "too-many-coefficients": [],
} as const satisfies Cases;

/** Constructs that the grammar knows and this version does not compile. */
export const laterCases = {
  "not-available-yet": [
    "param <- param - «mean(grad)»",
    "param <- param - «norm[model](grad)»",
    "param <- param - «max[row](abs(grad))»",
    "param <- param - grad «@» grad",
    "param <- param - grad.«T»",
    "«every» 10 { param <- param * 2 }",
    "«repeat» 5 { param <- param * 2 }",
    "state h[«4»] = 0  h <- grad  param <- param - h[0]",
    "state v: «tensor» = 0  v <- v + 1  param <- param * v",
    "input «hessian»  param <- param * hessian",
    "«store { lr: bf16 }»",
    "schedule «s» = -> 1 linear 10; hold 5",
    'order «depth» { "a" => 0   else => 1 }  rules scale lr { else => lr.base ^ (depth.max - depth) }',
    "entry «eval» from train { param <- param * 2 }",
    "transform «r»(x; a) { state s = 0  s <- s + x * a  return s }  param <- param - r(grad; 2)",
    "hyper a = 1  «before» { grad <- grad * a }",
    'hyper a = 1  rules «use» { "a" => B(lr = a)   else => this }',
    "param <- param - «adam»(grad; 0.9, 0.999, 1e-8)",
    "param <- param - (grad |> «clip_global_norm»(1))",
    "option o = false  param <- if o then param else grad  rules scale lr { else => if «o» then 1 else 2 }",
    "optimizer A { hyper lr = 1  param <- param * lr }  optimizer B = «A» { hyper x = 1 }",
    "ruleset «R» { hyper a = 1 }",
  ],
} as const satisfies Cases;
