// Replaces the functions that kernels do not have by operations that they have, at stage device only; the host keeps its own.
// The f64 interpreter runs the IR before this pass, every f32 target after it.

import type { Builder } from "../ir/builder.js";
import { type DeviceOp, type Op, ops } from "../ir/ops.js";
import { rebuild } from "../ir/rebuild.js";
import type { Ir, ValueId } from "../ir/value.js";
import { atan2, cbrt, exp, log, softplus, tanh } from "./elementary.js";
import { createNotation, type Notation } from "./notation.js";
import { pow } from "./power.js";

/** The same IR in operations of kernels. */
export function expandMath(ir: Ir): Ir {
  return rebuild(ir, (value, args, builder) => {
    if (value.kind !== "apply" || value.stage !== "device" || isDeviceOp(value.op)) return null;
    const [x, y] = onDevice(builder, args);
    return expansions[value.op](createNotation(builder), x!, y ?? x!);
  });
}

function isDeviceOp(op: Op): op is DeviceOp {
  return ops[op].device;
}

const expansions: Readonly<Record<Exclude<Op, DeviceOp>, (n: Notation, x: ValueId, y: ValueId) => ValueId>> = {
  exp,
  log,
  tanh,
  cbrt,
  softplus,
  atan2,
  pow,
};

/** A number of the host among the arguments becomes one of the device first, or its part of the expansion would be f64. */
function onDevice(builder: Builder, args: readonly ValueId[]): readonly ValueId[] {
  const { add, exponent, mantissa } = createNotation(builder);
  const device = args.find((arg) => builder.value(arg).stage === "device")!;
  // A mantissa is in [1, 2), whatever the bits, so its exponent is 0.
  const zero = () => exponent(mantissa(device));
  return args.map((arg) => (builder.value(arg).stage === "device" ? arg : add(arg, zero())));
}
