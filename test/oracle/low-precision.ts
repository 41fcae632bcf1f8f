// Recorded runs whose parameters, gradients and states are kept in 16 or 8 bits (test/fixtures/scripts/low_precision.py says how and by
// whom), and our run of the same on a target: what was recorded beside what is ours, in f32 numbers that hold either exactly.

import { readFileSync } from "node:fs";
import { readFloat32, readSafetensors, type Tensor } from "../../src/runtime/state/safetensors.js";
import { compileOne } from "./compile-one.js";
import { golden, openTarget, type TargetName } from "./replay-case.js";

export interface LowPrecisionCase {
  readonly source: string;
  readonly args: {
    readonly lr: number;
    readonly betas?: readonly [number, number];
    readonly eps?: number;
    readonly weight_decay: number;
    readonly momentum?: number;
    readonly amsgrad?: boolean;
  };
  readonly init: string;
  readonly inputs: string;
  readonly steps: number;
  readonly storage: {
    readonly param: "f32" | "bf16" | "f16";
    readonly grad: "f32" | "bf16" | "f16";
    readonly state: Readonly<Record<string, "f32" | "bf16" | "f16">>;
    readonly master: boolean;
  };
}

const folder = new URL("low-precision/", golden);
export const lowPrecisionCases = JSON.parse(readFileSync(new URL("cases.json", folder), "utf8")) as Readonly<
  Record<string, LowPrecisionCase>
>;

const files = new Map<string, ReadonlyMap<string, Tensor>>();
/** The tensors of a recorded file, read once. */
export function recorded(file: string): ReadonlyMap<string, Tensor> {
  const known = files.get(file) ?? readSafetensors(readFileSync(new URL(`${file}.safetensors`, folder))).tensors;
  files.set(file, known);
  return known;
}

/** How a case is spelled here. */
export interface Spelling {
  readonly text: string;
  readonly options: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Our states by theirs. */
  readonly states: Readonly<Record<string, string>>;
  /** Of every tensor of the recording, so many elements from the first on; all unless told. */
  readonly cut?: { readonly name: string; readonly from: string; readonly length: number };
}

/** An array of a kept step. */
export interface Compared {
  /** As the recording calls it: param/<step>/<param>, master/... or state/<step>/<param>/<state>. */
  readonly key: string;
  readonly ours: Float32Array;
  readonly theirs: Float32Array;
}

/** Runs a case's steps on a target; everything that was recorded, beside ours. */
export async function runCase(name: string, spelling: Spelling, target: TargetName): Promise<readonly Compared[]> {
  const { init, inputs, steps } = lowPrecisionCases[name]!;
  const { text, options, settings, states, cut } = spelling;
  const optimizer = await compileOne(text, [options]);
  const numbersOf = (tensor: Tensor) => (cut === undefined ? readFloat32(tensor) : readFloat32(tensor).slice(0, cut.length));
  const named = (prefix: string, file: string) =>
    [...recorded(file)].flatMap(([key, tensor]) => {
      const rest = key.startsWith(prefix) ? key.slice(prefix.length) : null;
      return rest === null ? [] : [[cut !== undefined && rest === cut.from ? cut.name : rest, tensor] as const];
    });
  const params = named("init/", init).map(([param, tensor]) => {
    const data = numbersOf(tensor);
    return { name: param, shape: cut === undefined ? tensor.shape : [data.length], data };
  });
  const opened = await openTarget(target, optimizer, { ...settings, params });
  const compared: Compared[] = [];
  try {
    for (let step = 1; step <= steps; step++) {
      await opened.step(new Map(named(`grad/${step}/`, inputs).map(([param, tensor]) => [param, numbersOf(tensor)])));
      for (const [key, tensor] of recorded(name)) {
        const [kind, at, recordedAs, state] = key.split("/") as [string, string, string, string?];
        const param = recordedAs === cut?.from ? cut.name : recordedAs;
        if (Number(at) !== step) continue;
        const what = kind === "param" ? null : kind === "master" ? "param.master" : states[state!];
        if (what === undefined) continue;
        compared.push({ key, ours: (await opened.read(param, what)) as Float32Array, theirs: readFloat32(tensor) });
      }
    }
  } finally {
    opened.destroy();
  }
  return compared;
}

/** The bits of numbers. */
export function wordsOf(numbers: Float32Array): Uint32Array {
  return new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
}
