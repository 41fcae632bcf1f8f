// A recorded run: initial parameters and the gradients of every step, by name; and what a replay keeps of it.
//   init/<param>   grad/<step>/<param>   input/<step>/<name>[/<param>]        steps count from 1
//   param/<step>/<param>   state/<step>/<param>/<state>   state/<step>/@all/<state>

import { readFloat32, type Tensor } from "../runtime/state/safetensors.js";

/** A run that cannot be replayed; `help` is the way out. */
export class RunError extends Error {
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.name = "RunError";
    this.help = help;
  }
}

interface RunParam {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

export interface RecordedRun {
  /** In the file's order. */
  readonly params: readonly RunParam[];
  readonly steps: number;
  /** Gradients of a step by parameter name; a parameter that is absent has none. */
  gradients(step: number): ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  /** Whether every parameter has a gradient at every step. */
  readonly complete: boolean;
}

/** The run that these tensors hold. Gradients are read when their step asks for them. */
export function readRun(tensors: ReadonlyMap<string, Tensor>): RecordedRun {
  const params = new Map<string, RunParam>();
  for (const [key, tensor] of tensors) {
    if (!key.startsWith("init/")) continue;
    const name = key.slice("init/".length);
    params.set(name, { name, shape: tensor.shape, data: numbersOf(key, tensor) });
  }
  if (params.size === 0)
    throw new RunError(
      "the run holds no init/<param>",
      "record the initial parameters as init/<param>, and gradients as grad/<step>/<param>",
    );
  const byStep = new Map<number, Map<string, string>>();
  for (const [key, tensor] of tensors) {
    const place = splitStep(key, "grad");
    if (place !== null) addGradient(byStep, params, place, key, tensor);
  }
  const steps = Math.max(0, ...byStep.keys());
  if (steps === 0) throw new RunError("the run holds no grad/<step>/<param>", "record gradients as grad/<step>/<param>, steps from 1");
  for (let step = 1; step <= steps; step++)
    if (!byStep.has(step))
      throw new RunError(
        `the run has no gradients at step ${step}, but has some at step ${steps}`,
        "number the steps from 1 without a gap",
      );
  return {
    params: [...params.values()],
    steps,
    gradients: (step) => new Map([...byStep.get(step)!].map(([name, key]) => [name, numbersOf(key, tensors.get(key)!)])),
    complete: [...byStep.values()].every((step) => step.size === params.size),
  };
}

function addGradient(
  byStep: Map<number, Map<string, string>>,
  params: ReadonlyMap<string, RunParam>,
  place: StepPlace,
  key: string,
  tensor: Tensor,
): void {
  const param = params.get(place.rest);
  if (param === undefined)
    throw new RunError(
      `the run holds ${JSON.stringify(key)}, but no init/${place.rest}`,
      "record its initial value, or leave its gradients out",
    );
  if (param.shape.join() !== tensor.shape.join())
    throw new RunError(
      `${JSON.stringify(key)} has shape [${tensor.shape.join(", ")}], its parameter [${param.shape.join(", ")}]`,
      "record gradients in the parameter's shape",
    );
  const step = byStep.get(place.step) ?? new Map<string, string>();
  byStep.set(place.step, step.set(place.rest, key));
}

function numbersOf(key: string, tensor: Tensor): Float32Array<ArrayBuffer> {
  if (tensor.dtype !== "F32")
    throw new RunError(
      `${JSON.stringify(key)} is ${tensor.dtype}`,
      "record parameters and gradients as F32: the numbers that the optimizer was given",
    );
  return readFloat32(tensor);
}

export interface StepPlace {
  readonly step: number;
  /** What follows the step. */
  readonly rest: string;
}

/** The parts of `<kind>/<step>/<rest>`, or null for any other name. */
export function splitStep(key: string, kind: string): StepPlace | null {
  const [, step, rest] = key.startsWith(`${kind}/`) ? (/^([1-9]\d{0,8})\/(.+)$/s.exec(key.slice(kind.length + 1)) ?? []) : [];
  return step === undefined || rest === undefined ? null : { step: Number(step), rest };
}
