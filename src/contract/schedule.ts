// Values that follow the step: what `optspec/schedules` makes, what settings take for a hyper, what is saved with an optimizer.

/**
 * A hyper's value as a pure function of the optimizer's completed steps, from 0.
 * A function with a `peak`: rules and groups that replace the peak keep the schedule's shape, value(step) / peak.
 */
export interface Schedule {
  (step: number): number;
  /** The value as given, before the schedule: `lr.peak` of the language. */
  readonly peak: number;
}

/** Plain JSON, every number finite. */
export type ScheduleState = { readonly [key: string]: ScheduleState | readonly ScheduleState[] | number | string | boolean | null };

/** A schedule that also depends on what it was told (ReduceOnPlateau) or carries a running product (MultiplicativeDecay). */
export interface StatefulSchedule extends Schedule {
  /** What must be saved to go on exactly. */
  state(): ScheduleState;
  /** Takes a saved state. Throws where it is not one of this kind of schedule, having changed nothing. */
  load(state: unknown): void;
}

/** Whether a hyper's value has state to save. */
export function isStatefulSchedule(value: unknown): value is StatefulSchedule {
  return typeof value === "function" && "state" in value && typeof value.state === "function" && "load" in value;
}
