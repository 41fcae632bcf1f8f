// What the host knows of a device that may skip steps. The device decides alone, and counts what it was asked for and what it took; the
// host goes on as if all were taken, asks now and then, and where some were not takes step counts and host states back to what they were
// after as many steps. Coefficients of step n depend on n alone, so the device finds the right page by its own count, as long as the host
// is not so far ahead that a page would be overwritten, and nothing else that coefficients depend on changes before the device's word.

import { type BuildInfo, ROW_PAGES, type ScalerRole } from "../contract/manifest.js";
import type { HostSide } from "./coefficients.js";
import type { DeviceMemory } from "./device.js";
import { readScalerState, type ScalerState } from "./loss-scale.js";

/** Steps without a word of the device's: one fewer than pages, so that no count can be mistaken for another. */
export const MOST_AHEAD = ROW_PAGES - 1;

export interface Scaler {
  /** Place in the memory of scalars of the device's count, modulo ROW_PAGES. */
  readonly pageFrom: number;
  /** Completed steps, if all were taken that the device has said nothing of yet. */
  readonly steps: number;
  /** How many these are. */
  readonly pending: number;
  /** Counts a step that the device was given, whose counts and host states have been committed. */
  submitted(): void;
  /** Takes one back that the device refused as a whole. */
  refused(): void;
  /** Learns what became of the steps that are done by then. */
  ask(): Promise<void>;
  /** Goes on after this many steps, with the counts and host states as they are; nothing may be pending. */
  resume(steps: number): void;
  /** As the device said last. */
  state(): ScalerState;
  /** Throws where it is none, having changed nothing. */
  load(state: unknown): void;
  /** The scale of now. */
  scale(): Promise<number>;
}

export interface ScalerParts {
  readonly build: BuildInfo;
  readonly memory: DeviceMemory<unknown>;
  readonly host: HostSide;
  readonly start: ScalerState;
}

/** Null where the build skips nothing. */
export function createScaler({ build, memory, host, start }: ScalerParts): Scaler | null {
  const slots = new Map(build.states.flatMap(({ scaler, scalarSlot }) => (scaler === undefined ? [] : [[scaler, scalarSlot!] as const])));
  const scalars = memory.scalars;
  if (slots.size === 0 || scalars === undefined) return null;
  const slot = (role: ScalerRole) => slots.get(role)!;
  const first = Math.min(...slots.values());
  const length = Math.max(...slots.values()) + 1 - first;
  const before = Array.from({ length: ROW_PAGES }, () => ({ t: host.t.slice(), hostStates: host.hostStates.slice() }));
  let [steps, pending, calls] = [0, 0, 0];
  let known = start;
  let asking: Promise<void> = Promise.resolve();

  function put(role: ScalerRole, value: number): void {
    scalars!.write(slot(role), Float32Array.of(value));
  }

  function keep(): void {
    const { t, hostStates } = before[steps % ROW_PAGES]!;
    t.set(host.t);
    hostStates.set(host.hostStates);
  }

  function takeBack(skipped: number): void {
    if (skipped === 0) return;
    steps -= skipped;
    const { t, hostStates } = before[steps % ROW_PAGES]!;
    host.t.set(t);
    host.hostStates.set(hostStates);
  }

  function hear(numbers: Float32Array): void {
    const of = (role: ScalerRole) => numbers[slot(role) - first]!;
    const done = (of("calls") - calls + ROW_PAGES) % ROW_PAGES;
    const taken = (of("taken") + ROW_PAGES - ((steps - pending) % ROW_PAGES)) % ROW_PAGES;
    calls = of("calls");
    pending -= done;
    takeBack(done - taken);
    const [scale, growthFactor, backoffFactor] = [of("scale"), of("growth"), of("backoff")];
    known = { scale, growthFactor, backoffFactor, growthInterval: of("interval"), goodSteps: of("streak") };
  }

  function write(state: ScalerState): void {
    put("scale", state.scale);
    put("growth", state.growthFactor);
    put("backoff", state.backoffFactor);
    put("interval", state.growthInterval);
    put("streak", state.goodSteps);
    known = state;
  }

  write(start);
  keep();
  return {
    pageFrom: slot("taken"),
    get steps() {
      return steps;
    },
    get pending() {
      return pending;
    },
    submitted() {
      steps++;
      pending++;
      keep();
      if (scalars.peek !== undefined) hear(scalars.peek(first, length));
    },
    refused() {
      pending--;
      takeBack(1);
    },
    ask() {
      const read = async () => hear(await scalars.read(first, length));
      asking = asking.then(read, read);
      return asking;
    },
    resume(completed) {
      [steps, calls] = [completed, completed % ROW_PAGES];
      put("taken", calls);
      put("calls", calls);
      keep();
    },
    state: () => known,
    load: (state) => write(readScalerState(state)),
    scale: async () => (await scalars.read(slot("scale"), 1))[0]!,
  };
}
