// 12 GB through the writer and the reader, by a holder that keeps nothing: every piece stands where the file says, beyond 2^32 bytes too.

import { expect, test } from "vitest";
import type { StateFile } from "../../src/runtime/state/byte-sinks.js";
import type { DeviceEntry, StateHolder } from "../../src/runtime/state/holder.js";
import { loadState } from "../../src/runtime/state/load-state.js";
import { PIECE_BYTES, saveState } from "../../src/runtime/state/save-state.js";

const ELEMENTS = 1_000_000_001;
const MARK_BYTES = 12;

test("12 GB in pieces", async () => {
  // The writer holds one piece back while it asks for the next one.
  const pieces = [0, 1].map(() => new Uint8Array(PIECE_BYTES));
  let turn = 0;
  /** A piece that names its tensor and place at its start. */
  const marked = (tensor: number, first: number, length: number) => {
    const piece = pieces[turn++ % pieces.length]!;
    const marks = new DataView(piece.buffer);
    marks.setFloat64(0, first, true);
    marks.setUint32(8, tensor, true);
    return piece.subarray(0, length * 4);
  };
  const written = [0, 0, 0];
  const entries = ["param/w", "state.m/w", "state.v/w"].map(
    (key, tensor): DeviceEntry => ({
      place: "device",
      role: tensor === 0 ? "param" : "state",
      key,
      dtype: "F32",
      shape: [ELEMENTS],
      param: "w",
      read: async (first, length) => marked(tensor, first, length),
      write(first, bytes) {
        if (bytes.length === 0) return;
        expect([key, first]).toEqual([key, written[tensor]]);
        if (bytes.length >= MARK_BYTES) {
          const view = new DataView(bytes.buffer, bytes.byteOffset);
          expect([key, view.getFloat64(0, true), view.getUint32(8, true)]).toEqual([key, first, tensor]);
        }
        written[tensor]! += bytes.length / 4;
      },
    }),
  );
  const holder: StateHolder = {
    entries,
    parts: [],
    settle: async () => {},
    values: () => ({ optimizer: "Huge", specSha256: null, options: new Map(), steps: 7, hypers: new Map(), parts: new Map(), frozen: [] }),
    compareHypers: () => ({ differences: [], take: () => {} }),
    resume: (steps) => expect(steps).toBe(7),
  };

  /** Where each piece began, and the header. */
  const starts = new Map<number, { readonly tensor: number; readonly first: number; readonly length: number }>();
  let header = new Uint8Array(0);
  let size = 0;
  let largest = 0;
  const disk: StateFile = {
    openSink: async () => ({
      async write(bytes) {
        largest = Math.max(largest, bytes.length);
        if (size === 0) header = bytes.slice();
        else if (bytes.length >= MARK_BYTES) {
          const view = new DataView(bytes.buffer, bytes.byteOffset);
          starts.set(size, { tensor: view.getUint32(8, true), first: view.getFloat64(0, true), length: bytes.length });
        }
        size += bytes.length;
      },
      commit: async () => {},
      abort: async (reason) => Promise.reject(reason),
    }),
    openSource: async () => ({
      size,
      async read(from, to) {
        largest = Math.max(largest, to - from);
        if (from < header.length) return header.slice(from, to);
        const start = starts.get(from);
        return start === undefined ? new Uint8Array(to - from) : marked(start.tensor, start.first, (to - from) / 4);
      },
      close: async () => {},
    }),
  };
  await saveState(holder, disk, {});
  expect(size).toBe(header.length + 3 * ELEMENTS * 4);
  expect(starts.size).toBeGreaterThan(3 * Math.floor((ELEMENTS * 4) / PIECE_BYTES));
  const report = await loadState(holder, disk, {}, () => {});
  expect(report).toMatchObject({ steps: 7, missing: [], extra: [], different: [] });
  expect(written).toEqual([ELEMENTS, ELEMENTS, ELEMENTS]);
  expect(largest).toBeLessThanOrEqual(PIECE_BYTES);
});
