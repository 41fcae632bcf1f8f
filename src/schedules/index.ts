// What "optspec/schedules" exports: values that follow the optimizer's completed steps, for any hyper of any wrapper.

export { isStatefulSchedule, type Schedule, type ScheduleState, type StatefulSchedule } from "../contract/schedule.js";
export { constant, product, type SequencePart, scale, sequence, type WarmupOptions, warmup } from "./compose.js";
export {
  type CosineAnnealingOptions,
  type CyclicOptions,
  cosineAnnealingDecay,
  cosineAnnealingWarmRestarts,
  cyclicLr,
  type OneCycleOptions,
  oneCycleLr,
  type WarmRestartsOptions,
} from "./cycles.js";
export {
  exponentialDecay,
  type GammaOptions,
  inverseTimeDecay,
  type LambdaOptions,
  type LinearOptions,
  lambdaDecay,
  linearLr,
  type MultiStepOptions,
  multiStepDecay,
  type NoamOptions,
  naturalExpDecay,
  noamDecay,
  type PiecewiseOptions,
  type PolynomialOptions,
  piecewiseDecay,
  polynomialDecay,
  type StepOptions,
  stepDecay,
} from "./decays.js";
export { type MultiplicativeOptions, multiplicativeDecay, type PlateauOptions, type PlateauSchedule, reduceOnPlateau } from "./plateau.js";
export {
  type InverseSquareRootOptions,
  inverseSquareRoot,
  type WarmupCosineOptions,
  type WarmupStableDecayOptions,
  warmupCosine,
  warmupStableDecay,
} from "./published.js";
export type { ScheduleInput } from "./schedule.js";
export {
  type AnnealingWithWarmupOptions,
  type ConstWithWarmupOptions,
  type CosineWithWarmupOptions,
  constScheduleWithWarmup,
  cosineAnnealingWithWarmupDecay,
  cosineDecayWithWarmup,
  type LinearWarmupOptions,
  linearAnnealingWithWarmupDecay,
  linearDecayWithWarmup,
  linearWarmup,
  type PolyWithWarmupOptions,
  polyDecayWithWarmup,
} from "./warmups.js";
