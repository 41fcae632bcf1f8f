// Gradients in the caller's buffers. An own arena's kernel binds them where they are if it can; else, and in a shared arena, they are
// copied into ours on the device at the start of the submission.

import { formatBytes, type NumberFormat } from "../../numeric/storage-formats.js";
import type { CallerGradients } from "../device.js";
import { OptimizerError } from "../errors.js";
import { type CallerBuffer, checkUsage, readCallerBuffer } from "./caller-buffer.js";
import type { BufferRange, WebGpuArena } from "./memory.js";
import { isBindable, type OwnArena } from "./own-arena.js";

/** A copy that the next submission begins with. */
interface Copy {
  readonly from: CallerBuffer;
  readonly to: GPUBuffer;
  /** In bytes. */
  readonly at: number;
}

export interface WebGpuGradients extends CallerGradients {
  readonly copies: readonly Copy[];
}

export interface GradientParts {
  readonly device: GPUDevice;
  readonly format: NumberFormat;
  readonly arenas: readonly WebGpuArena[];
  /** An own arena's gradients in memory of ours, made when they are first asked for. */
  readonly ownGradient: (arena: number) => GPUBuffer;
}

export function createGradients({ device, format, arenas, ownGradient }: GradientParts): WebGpuGradients {
  const copies: Copy[] = [];
  const bytes = formatBytes[format];
  const callers = new Map(arenas.flatMap(({ own }) => (own === null ? [] : [[own.caller.buffer, own.caller.label] as const])));

  const bindsInPlace = (own: OwnArena | null, gradient: BufferRange): boolean =>
    own !== null && !own.staged && isBindable(device, gradient, format);

  return {
    copies,
    adopt(given, { arena, length }, label) {
      const found = readCallerBuffer(given, { elements: length, format, label }, "invalid-gradient");
      const param = callers.get(found.buffer);
      if (param !== undefined) {
        throw new OptimizerError(
          "invalid-gradient",
          `${label} is in the buffer of ${param}: a kernel may not read a buffer that it writes`,
        );
      }
      if (bindsInPlace(arenas[arena]!.own, found)) checkUsage(found, ["STORAGE"], "a kernel that reads it", "invalid-gradient");
      else checkUsage(found, ["COPY_SRC"], "copying it into the optimizer's memory", "invalid-gradient");
      return found;
    },
    has(arena) {
      const { own } = arenas[arena]!;
      return own === null || own.made !== null;
    },
    begin() {
      copies.length = 0;
    },
    use({ arena, offset, length }, source) {
      const { own, grad } = arenas[arena]!;
      if (length === 0) return;
      if (source === "none" || source === "ours") {
        if (own !== null) own.gradient = source === "none" ? null : { buffer: ownGradient(arena), offset: 0, size: length * bytes };
        return;
      }
      const from = source as CallerBuffer;
      if (bindsInPlace(own, from)) {
        own!.gradient = from;
        return;
      }
      const to = grad ?? ownGradient(arena);
      if (from.buffer !== to || from.offset !== offset * bytes) copies.push({ from, to, at: offset * bytes });
      if (own !== null) own.gradient = { buffer: to, offset: 0, size: length * bytes };
    },
  };
}
