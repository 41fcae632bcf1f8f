// A session as a state file sees it: everything that a run needs to go on, by name, wherever it lives.

import type { DeviceStateInfo, HostStateInfo } from "../contract/manifest.js";
import { QUANTIZED_BLOCK } from "../numeric/eight-bit.js";
import { isQuantized, type StorageFormat } from "../numeric/storage-formats.js";
import type { Session } from "./session.js";
import type { Dtype } from "./state/dtype.js";
import type { DeviceEntry, HostEntry, StateEntry, StateHolder } from "./state/holder.js";
import type { Plane } from "./storage.js";

export function holdSession(session: Session<unknown>): StateHolder {
  const { manifest, settings, hypers, stepper, host, scaler } = session;
  const { params, build } = settings;
  const schedules = hypers.stateful().map(({ setting, schedule }) => ({
    key: `schedule/${setting}`,
    state: () => schedule.state(),
    load: (state: unknown) => schedule.load(state),
  }));
  const parts = [
    ...schedules,
    ...(scaler === null ? [] : [{ key: "scaler", state: () => ({ ...scaler.state() }), load: (state: unknown) => scaler.load(state) }]),
  ];
  return {
    entries: entriesOf(session),
    parts,
    settle: () => stepper.settle(),
    values: () => ({
      optimizer: manifest.optimizer.name,
      specSha256: manifest.source.sha256,
      options: new Map(Object.entries(build.options)),
      steps: stepper.steps,
      hypers: hypers.saved(),
      parts: new Map(parts.map(({ key, state }) => [key, state()])),
      frozen: params.filter((_, param) => stepper.isHeld(param)).map(({ name }) => name),
    }),
    compareHypers: (saved) => hypers.compare(saved),
    resume(steps, frozen) {
      const held = frozen && new Set(frozen);
      if (held) for (const [param, { name }] of params.entries()) stepper.hold(param, held.has(name));
      // A host state of extent model was written at the first parameter.
      for (const [index, { extent }] of build.hostStates.entries()) {
        if (extent !== "model") continue;
        const width = build.hostStates.length;
        for (let param = 1; param < params.length; param++) host.hostStates[param * width + index] = host.hostStates[index]!;
      }
      stepper.resume(steps);
    },
  };
}

/** In no order that matters. */
function entriesOf(session: Session<unknown>): readonly StateEntry[] {
  const { params, build } = session.settings;
  return params.flatMap((_, param): StateEntry[] => [
    deviceEntry(session, param, null, "elements"),
    countEntry(session, param),
    ...build.states.flatMap((state, index) => {
      if (!keeps(session, param, state, index)) return [];
      const elements = deviceEntry(session, param, state, "elements");
      return isQuantized(state.format) ? [elements, deviceEntry(session, param, state, "scales")] : [elements];
    }),
    ...build.hostStates.flatMap((state, index) =>
      state.extent === "tensor" || param === 0 ? [hostEntry(session, param, state, index)] : [],
    ),
  ]);
}

/** What belongs to the model is kept once, with the first parameter. */
function keeps({ offsets }: Session<unknown>, param: number, { extent, scaler }: DeviceStateInfo, index: number): boolean {
  if (scaler !== undefined) return false; // told in one piece, as the part "scaler"
  return extent === "model" ? param === 0 : offsets[param]![index] !== -1;
}

/** What a number is in a file, as it is kept here. */
const dtypeOf = { f32: "F32", f16: "F16", bf16: "BF16", i16: "I16", q8s: "U8", q8u: "U8" } as const satisfies Record<StorageFormat, Dtype>;

/** A parameter, or with `state` one of its device states; of one in 8 bits its codes or its scales, one for each block. */
function deviceEntry({ settings, storage }: Session<unknown>, param: number, state: DeviceStateInfo | null, plane: Plane): DeviceEntry {
  const { name, shape, numel } = settings.params[param]!;
  const owner = state?.extent === "model" ? null : name;
  const what = state?.key ?? "param";
  const kind = state === null ? "param" : `state.${state.name}`;
  const dtype = plane === "scales" ? "F32" : dtypeOf[state?.format ?? settings.build.formats.param];
  return {
    place: "device",
    role: state === null ? "param" : "state",
    key: keyOf(plane === "scales" ? `${kind}.scale` : kind, owner),
    dtype,
    shape: plane === "scales" ? [Math.ceil(numel / QUANTIZED_BLOCK)] : state === null || state.extent === "elem" ? shape : [],
    param: owner,
    read: (first, length) => storage.readKept(param, what, plane, first, length),
    write: (first, bytes) => storage.writeKept(param, what, plane, first, bytes),
  };
}

function keyOf(kind: string, param: string | null): string {
  return param === null ? kind : `${kind}/${param}`;
}

function countEntry({ settings, host }: Session<unknown>, param: number): HostEntry {
  const { name } = settings.params[param]!;
  const set = (value: number) => void (host.t[param] = value);
  return { place: "host", role: "state", key: keyOf("t", name), dtype: "I64", shape: [], param: name, get: () => host.t[param]!, set };
}

function hostEntry({ settings, host }: Session<unknown>, param: number, { name, extent }: HostStateInfo, index: number): HostEntry {
  const owner = extent === "model" ? null : settings.params[param]!.name;
  const at = param * settings.build.hostStates.length + index;
  return {
    place: "host",
    role: "state",
    key: keyOf(`state.${name}`, owner),
    dtype: "F64",
    shape: [],
    param: owner,
    get: () => host.hostStates[at]!,
    set: (value) => void (host.hostStates[at] = value),
  };
}
