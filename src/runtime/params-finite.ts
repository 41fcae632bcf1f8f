// Whether training has run away, read back from the device in pieces.

import type { Session } from "./session.js";

/** Elements of a piece. */
const PIECE = 1 << 20;

/** Whether every element of every parameter is a finite number. */
export async function paramsFinite({ settings, storage }: Session<unknown>): Promise<boolean> {
  for (const [param, { numel }] of settings.params.entries()) {
    for (let first = 0; first < numel; first += PIECE) {
      const piece = await storage.read(param, "param", first, Math.min(PIECE, numel - first));
      if (!piece.every(Number.isFinite)) return false;
    }
  }
  return true;
}
