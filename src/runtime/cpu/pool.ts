// Threads over shared memories: one wake and one join a sweep, through the words of the control block; nothing is posted or allocated in a
// step. The calling thread opens a step, wakes the workers, takes items like everybody, closes the step and waits for those still inside an
// item. A worker that wakes late finds the step closed and costs nothing; one that is gone is only missing.

import { DeviceLost, OptimizerError } from "../errors.js";
import type { Sweep } from "./kernels.js";
import { maySleep, startThread, type Thread } from "./platform.js";
import { type Call, ITEM_WORDS, type Work } from "./work.js";
import { type BindMessage, CONTROL, type ReleaseMessage, type StartMessage } from "./worker-text.js";

/** Looks at a word before going to sleep: an item is short, and so is most of the waiting for its end. */
const LOOKS = 2_000;

export interface PoolOptions {
  /** Most threads, the calling one among them. */
  readonly threads: number;
  /** True where fewer threads than wanted are an error, not a slower device. */
  readonly strict: boolean;
  /** After so long without an answer to a finished step, the device counts as lost. */
  readonly patienceMs: number;
}

/** A launch that the workers know. */
export interface SharedLaunch {
  readonly id: number;
  readonly work: Work;
  readonly calls: readonly (Call & { readonly run: Sweep })[];
}

export interface Pool {
  /** Tells the workers of a launch, and resolves when all of them can run it. */
  bind(parts: SharedParts): Promise<SharedLaunch>;
  /** Runs a sweep of a launch with the coefficient rows at a byte offset. Throws DeviceLost where a thread fails, now and from then on. */
  run(launch: SharedLaunch, sweep: number, page: number): void;
  release(launches: readonly number[]): void;
  end(): void;
}

interface SharedParts {
  readonly module: WebAssembly.Module;
  readonly memories: readonly WebAssembly.Memory[];
  readonly calls: SharedLaunch["calls"];
  readonly work: Work;
}

/** A worker. */
interface Member {
  readonly thread: Thread;
  /** Resolves with the answer to a message, by its number: null, or what went wrong. */
  answerTo(mail: number): Promise<string | null>;
  leave(reason: string): void;
}

/** A pool that starts its workers when a launch first wants them. `onFailure` hears why a step failed, once. */
export function createPool(options: PoolOptions, onFailure: (reason: string) => void): Pool {
  const { next, nextStride } = CONTROL;
  const control = new Int32Array(new SharedArrayBuffer(4 * (next + nextStride * options.threads)));
  const members = new Set<Member>();
  const bound = new Map<number, BindMessage>();
  const sleeps = maySleep();
  let mail = 0;
  let launches = 0;
  let starts: Promise<string | null>[] = [];
  let failure: string | null = null;

  function wake(workers: number): void {
    Atomics.add(control, CONTROL.epoch, 1);
    Atomics.notify(control, CONTROL.epoch, workers);
  }

  function post(message: BindMessage | ReleaseMessage): void {
    for (const { thread } of members) thread.post(message);
    Atomics.store(control, CONTROL.mail, message.mail);
    wake(members.size);
  }

  /** Starts one more worker, with the launches that the others know; the message that follows makes it read them all. Resolves with null, or with why there is none. */
  async function start(range: number): Promise<string | null> {
    try {
      const member = createMember(() => members.delete(member));
      members.add(member);
      const answer = member.answerTo(mail);
      member.thread.post({ mail, control, range } satisfies StartMessage);
      for (const message of bound.values()) member.thread.post({ ...message, mail });
      return await answer;
    } catch (error) {
      return String(error);
    }
  }

  async function bind({ module, memories, calls, work }: SharedParts): Promise<SharedLaunch> {
    const { items, bounds, ranges } = work;
    // Waiting keeps the process alive; the workers themselves never do.
    const hold = setInterval(() => {}, 2 ** 30);
    try {
      for (let range = starts.length + 1; range < ranges; range++) starts.push(start(range));
      const missing = (await Promise.all(starts)).find((problem) => problem !== null);
      if (missing !== undefined && options.strict) throw missingWorker(missing);
      const plain = calls.map(({ run: _, ...call }) => call);
      const message: BindMessage = { mail: ++mail, bind: launches++, module, memories, calls: plain, items, bounds, ranges };
      const answers = [...members].map((member) => member.answerTo(message.mail));
      bound.set(message.bind, message);
      post(message);
      const problem = (await Promise.all(answers)).find((answer) => answer !== null);
      if (problem !== undefined && options.strict) {
        release([message.bind]);
        throw missingWorker(problem);
      }
      return { id: message.bind, work, calls };
    } finally {
      clearInterval(hold);
    }
  }

  function release(ids: readonly number[]): void {
    for (const id of ids) bound.delete(id);
    if (members.size > 0 && ids.length > 0) post({ mail: ++mail, release: ids });
  }

  /** The calling thread's share: its own range, then what others have left. */
  function takeShare({ calls, work: { items, bounds, ranges } }: SharedLaunch, sweep: number, page: number): void {
    for (let range = 0; range < ranges; range++) {
      const word = next + range * nextStride;
      const end = bounds[sweep * (ranges + 1) + range + 1]!;
      for (let item = Atomics.add(control, word, 1); item < end; item = Atomics.add(control, word, 1)) {
        const call = calls[items[ITEM_WORDS * item]!]!;
        const chunks = items[ITEM_WORDS * item + 1]!;
        const count = items[ITEM_WORDS * item + 2]!;
        call.run(call.param, call.grad, call.state, chunks, count, call.rows + page, call.scalars, call.tensors);
      }
    }
  }

  /** Waits until no worker is inside an item. False: one of them does not come back. */
  function join(): boolean {
    for (let look = 0; look < LOOKS; look++) if (Atomics.load(control, CONTROL.active) === 0) return true;
    const deadline = performance.now() + options.patienceMs;
    for (;;) {
      const active = Atomics.load(control, CONTROL.active);
      if (active === 0) return true;
      if (performance.now() > deadline) return false;
      if (sleeps) Atomics.wait(control, CONTROL.active, active, options.patienceMs);
    }
  }

  function fail(reason: string): never {
    failure = reason;
    onFailure(reason);
    throw new DeviceLost(reason);
  }

  function runSweep(launch: SharedLaunch, sweep: number, page: number): void {
    const { bounds, ranges } = launch.work;
    for (let range = 0; range < ranges; range++) Atomics.store(control, next + range * nextStride, bounds[sweep * (ranges + 1) + range]!);
    Atomics.store(control, CONTROL.launch, launch.id);
    Atomics.store(control, CONTROL.sweep, sweep);
    Atomics.store(control, CONTROL.page, page);
    Atomics.store(control, CONTROL.open, 1);
    wake(ranges - 1);
    let problem: string | null = null;
    try {
      takeShare(launch, sweep, page);
    } catch (error) {
      problem = String(error);
    }
    Atomics.store(control, CONTROL.open, 0);
    if (!join()) fail(`a worker thread has not finished its part of a step for ${options.patienceMs / 1e3} s`);
    problem ??= workerProblem(control);
    if (problem !== null) fail(`a kernel failed on the CPU: ${problem}`);
  }

  return {
    bind,
    run(launch, sweep, page) {
      if (failure !== null) throw new DeviceLost(failure);
      runSweep(launch, sweep, page);
    },
    release,
    end() {
      for (const member of members) {
        member.thread.end();
        member.leave("the device was destroyed");
      }
      starts = [];
    },
  };
}

function createMember(onLeave: () => void): Member {
  const waiting = new Map<number, (problem: string | null) => void>();
  function leave(reason: string): void {
    onLeave();
    for (const tell of waiting.values()) tell(reason);
    waiting.clear();
  }
  const thread = startThread({
    answer({ mail, problem }) {
      waiting.get(mail)?.(problem);
      waiting.delete(mail);
    },
    gone: leave,
  });
  return { thread, leave, answerTo: (mail) => new Promise((resolve) => waiting.set(mail, resolve)) };
}

function missingWorker(problem: string): OptimizerError {
  const way = "Leave `threads` out: then fewer threads, or one, do the work";
  return new OptimizerError("no-device", `a worker thread of cpu() does not start: ${problem}. ${way}`);
}

/** What the first worker that failed wrote down. */
function workerProblem(control: Int32Array): string | null {
  const length = Atomics.load(control, CONTROL.failure);
  if (length === 0) return null;
  return String.fromCharCode(...control.subarray(CONTROL.failureText, CONTROL.failureText + length));
}
