// What a worker runs, as text: no bundler has to find, emit or serve a second file, and what a build step does to this project's functions
// (helpers it injects, names it shortens) cannot reach it. Node gets it as the source of a `Worker`, a browser as a Blob.
// The words of the control block are the whole language between the threads while a step runs; messages only bind and release launches.

import { COUNTED_PAGES } from "./memory.js";
import type { Call } from "./work.js";

/** Words of the control block, an Int32Array over shared memory. */
export const CONTROL = {
  /** Bumped whenever workers have a reason to look; they sleep on it. */
  epoch: 0,
  /** Number of messages posted so far; a worker that has handled fewer returns to its event loop. */
  mail: 1,
  /** 1 while there may be items to take. */
  open: 2,
  /** Number of workers that may be inside an item; the calling thread sleeps on it. */
  active: 3,
  launch: 4,
  sweep: 5,
  /** Byte offset of the step's page of coefficient rows. */
  page: 6,
  /** Length of the message of the first worker that failed, and its characters. */
  failure: 7,
  failureText: 8,
  failureLength: 120,
  /** The next item of each range, each in a cache line of its own. */
  next: 128,
  nextStride: 16,
} as const;

/** What a worker is told, outside of steps. `mail` counts the messages. */
export interface BindMessage {
  readonly mail: number;
  readonly bind: number;
  readonly module: WebAssembly.Module;
  readonly memories: readonly WebAssembly.Memory[];
  readonly calls: readonly Call[];
  readonly items: Int32Array;
  readonly bounds: Int32Array;
  readonly ranges: number;
}

export interface ReleaseMessage {
  readonly mail: number;
  readonly release: readonly number[];
}

/** A worker's first message. */
export interface StartMessage {
  readonly mail: number;
  readonly control: Int32Array;
  /** Its own range; the calling thread has range 0. */
  readonly range: number;
}

/** A worker's answer to a StartMessage or a BindMessage. */
export interface Answer {
  readonly mail: number;
  readonly problem: string | null;
}

const body = `
const launches = new Map();
let control, own, handled;
port.onmessage = ({ data }) => {
  let problem = null;
  try {
    if (data.control) ({ control, range: own } = data);
    if (data.bind !== undefined) launches.set(data.bind, bind(data));
    for (const id of data.release ?? []) launches.delete(id);
  } catch (error) {
    problem = String(error);
  }
  handled = data.mail;
  if (!data.release) port.postMessage({ mail: handled, problem });
  work();
};
function bind({ module, memories, calls, items, bounds, ranges }) {
  for (const { buffer } of memories) {
    const pages = Math.min(buffer.byteLength / 65536, ${COUNTED_PAGES}); // as memory.ts counts it on the calling thread
    new WebAssembly.Memory({ initial: pages, maximum: pages });
  }
  const exports = memories.map((memory) => new WebAssembly.Instance(module, { env: { memory } }).exports);
  return { calls: calls.map((call) => ({ ...call, run: exports[call.arena][call.sweep] })), items, bounds, ranges };
}
function work() {
  for (;;) {
    const epoch = Atomics.load(control, ${CONTROL.epoch});
    if (Atomics.load(control, ${CONTROL.mail}) !== handled) return;
    Atomics.add(control, ${CONTROL.active}, 1);
    try {
      if (Atomics.load(control, ${CONTROL.open}) !== 0) takeShare();
    } catch (error) {
      const text = String(error).slice(0, ${CONTROL.failureLength});
      for (let i = 0; i < text.length; i++) control[${CONTROL.failureText} + i] = text.charCodeAt(i);
      Atomics.store(control, ${CONTROL.failure}, text.length);
    }
    if (Atomics.sub(control, ${CONTROL.active}, 1) === 1) Atomics.notify(control, ${CONTROL.active});
    Atomics.wait(control, ${CONTROL.epoch}, epoch);
  }
}
function takeShare() {
  const launch = launches.get(control[${CONTROL.launch}]);
  if (launch === undefined) return;
  const { calls, items, bounds, ranges } = launch;
  const page = control[${CONTROL.page}];
  const first = control[${CONTROL.sweep}] * (ranges + 1);
  for (let i = 0; i < ranges; i++) {
    const range = (own + i) % ranges;
    const next = ${CONTROL.next} + range * ${CONTROL.nextStride};
    const end = bounds[first + range + 1];
    for (let item = Atomics.add(control, next, 1); item < end; item = Atomics.add(control, next, 1)) {
      const call = calls[items[3 * item]];
      call.run(call.param, call.grad, call.state, items[3 * item + 1], items[3 * item + 2], call.rows + page, call.scalars, call.tensors);
    }
  }
}
`;

/** The program of a worker, for a `Worker` of Node's with `eval`, and for one of a page. */
export const workerText = {
  node: `const port = require("node:worker_threads").parentPort;${body}`,
  web: `const port = self;${body}`,
} as const;
