// What the checker says of `schedule`; `around` gives every text a hyper `lr`.

import type { Cases } from "./cases.js";

export const scheduleCases = {
  "schedule-of-no-hyper": ["schedule «warm» = 0 -> 1 linear 10", "state m = 0  m <- m + grad  schedule «m» = 1 / (k + 1)"],
  "schedule-of-fixed": [
    "fixed hyper n: int = 12  param <- param * n  schedule «n» = -> 0 linear 10",
    "hyper on: bool = true  param <- if on then param else grad  schedule «on» = -> 0 linear 10",
  ],
  "schedule-of-itself": ["schedule «lr» = lr * k", "schedule «lr» = 0 -> lr.ratio linear 10"],
  "schedule-twice": ["schedule lr = 0 -> 1 linear 10  schedule «lr» = -> 0 linear 10"],
  "schedule-steps": [
    "schedule lr = 0 -> 1 linear «0»",
    "schedule lr = 0 -> 1 linear «2.5»; hold 3",
    "schedule lr = 0 -> 1 linear 10; hold «-3»; -> 0 cosine 5",
  ],
  "unknown-ramp": ["schedule lr = 0 -> 1 «cosin» 10"],
  "exponential-to-zero": ["schedule lr = «-> 0 exponential 10»", "schedule lr = hold 3; «0 -> 1 exponential 10»"],
} as const satisfies Cases;

/** Names that a schedule does not see. */
export const unseenBySchedules = {
  "not-visible-here": [
    "schedule lr = 1 / «t»",
    "schedule lr = if «first» then 0 else 1",
    "schedule lr = 1 / «rank»",
    "schedule lr = 1 / «shape[0]»",
    "schedule lr = 1 / «numel[model]»",
    "schedule lr = «grad»",
    "state m = 0  m <- m + grad  schedule lr = «m»",
    "schedule lr = «sum[model](k)»",
    "option o = false  param <- if o then param else grad  schedule lr = if «o» then 1 else 2",
  ],
  "unknown-name": [
    "x = grad * 2  param <- param - x  schedule lr = «x»",
    "schedule lr = 1  param <- param - «k»",
    "fn f(x) = x + «k»  schedule lr = f(1)",
  ],
} as const satisfies Cases;
