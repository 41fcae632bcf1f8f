// What threads need of the platform, found without an import of `node:`: bundlers for browsers never meet one. In Node (and Deno, Bun)
// workers come from `process.getBuiltinModule`, in a page from a Blob, which needs `worker-src blob:` where a content security policy rules.

import { type Answer, workerText } from "./worker-text.js";

/** A started thread. It never keeps the process alive. */
export interface Thread {
  post(message: unknown): void;
  end(): void;
}

export interface ThreadEvents {
  answer(answer: Answer): void;
  /** It will not answer any more. */
  gone(reason: string): void;
}

/** As far as it is needed here, https://nodejs.org/api/worker_threads.html#class-worker. */
interface NodeWorker {
  on(event: "message", listener: (answer: Answer) => void): void;
  on(event: "error", listener: (error: unknown) => void): void;
  on(event: "exit", listener: (code: number) => void): void;
  postMessage(message: unknown): void;
  terminate(): Promise<number>;
  unref(): void;
}

interface NodeModules {
  readonly "node:worker_threads": { readonly Worker: new (text: string, options: object) => NodeWorker };
  readonly "node:os": { availableParallelism(): number };
}

type GetBuiltinModule = <Name extends keyof NodeModules>(name: Name) => NodeModules[Name] | undefined;

const { process: host, crossOriginIsolated: isolated } = globalThis as {
  readonly process?: { readonly versions?: { readonly node?: string }; readonly getBuiltinModule?: GetBuiltinModule };
  readonly crossOriginIsolated?: boolean;
};
const builtin = host?.versions?.node === undefined ? undefined : host.getBuiltinModule;

/** The number of cores this program may use. */
export function coreCount(): number {
  return builtin?.("node:os")?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;
}

/** Why threads cannot share memory here, with a way out; null where they can. */
export function whyNoSharing(): string | null {
  if (builtin === undefined && isolated === false) {
    const headers = "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";
    return `this page may not share memory between threads, because it is not cross-origin isolated: serve it with the headers ${headers}`;
  }
  const workers = builtin !== undefined || typeof Worker === "function";
  if (typeof SharedArrayBuffer === "function" && workers) return null;
  return "this platform has no shared memory or no workers (needed: Node 20.16, Chrome 91, Firefox 89, Safari 16.4)";
}

/** False on the main thread of a page, which must not sleep. */
export function maySleep(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0);
    return true;
  } catch {
    return false;
  }
}

/** Starts a thread on the worker's text. Throws, or tells `gone`, where that is refused. */
export function startThread(events: ThreadEvents): Thread {
  const modules = builtin?.("node:worker_threads");
  return modules === undefined ? startInPage(events) : startInNode(modules.Worker, events);
}

function startInNode(NodeWorker: NodeModules["node:worker_threads"]["Worker"], events: ThreadEvents): Thread {
  // The program's own loaders and flags are none of the worker's business.
  const worker = new NodeWorker(workerText.node, { eval: true, execArgv: [], name: "optspec" });
  worker.on("message", events.answer);
  worker.on("error", (error) => events.gone(String(error)));
  worker.on("exit", (code) => events.gone(`it ended with code ${code}`));
  worker.unref(); // behind the listeners: a new listener refs it again
  return { post: (message) => worker.postMessage(message), end: () => void worker.terminate() };
}

function startInPage(events: ThreadEvents): Thread {
  const address = URL.createObjectURL(new Blob([workerText.web], { type: "text/javascript" }));
  try {
    const worker = new Worker(address, { name: "optspec" });
    worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      URL.revokeObjectURL(address);
      events.answer(data);
    };
    worker.onerror = (event) => {
      URL.revokeObjectURL(address);
      event.preventDefault();
      events.gone(event.message || "the page's content security policy may refuse it: allow worker-src blob:");
    };
    return { post: (message) => worker.postMessage(message), end: () => worker.terminate() };
  } catch (cause) {
    URL.revokeObjectURL(address);
    throw cause;
  }
}
