// From one holder to another without a file between them, in pieces.

import { dtypes } from "./dtype.js";
import type { StateEntry, StateHolder } from "./holder.js";
import { PIECE_BYTES } from "./save-state.js";

/**
 * Copies everything that both keep, step counts too, but for entries that are in one place for both; the keys that only the first one has.
 * The second must be new.
 */
export async function copyState(from: StateHolder, to: StateHolder, isShared: (entry: StateEntry) => boolean): Promise<readonly string[]> {
  const places = new Map(to.entries.map((entry) => [entry.key, entry]));
  const lost: string[] = [];
  for (const entry of from.entries) {
    if (isShared(entry)) continue;
    const place = places.get(entry.key);
    if (entry.place === "host" && place?.place === "host") place.set(entry.get());
    else if (entry.place === "device" && place?.place === "device") {
      const elements = entry.shape.reduce((product, size) => product * size, 1);
      const step = PIECE_BYTES / dtypes[entry.dtype].bytes;
      for (let first = 0; first < elements; first += step) place.write(first, await entry.read(first, Math.min(step, elements - first)));
    } else lost.push(entry.key);
  }
  const parts = new Map(to.parts.map((part) => [part.key, part]));
  for (const part of from.parts) parts.get(part.key)?.load(part.state());
  await to.settle();
  const { steps, frozen } = from.values();
  to.resume(steps, frozen);
  return lost;
}
