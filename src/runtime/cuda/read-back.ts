// Copies from the GPU into arrays, through one pinned piece of host memory that all readers of a device share in turn. Waiting for the
// stream leaves Node's event loop free.

import { OptimizerError } from "../errors.js";
import { type Driver, NOT_READY } from "./driver.js";

/** Bytes of the pinned piece; longer reads take several. */
const PIECE = 1 << 24;
/** Turns of the event loop before waiting by the clock. */
const EAGER = 50;

export interface Reader {
  /** So many bytes from an address, in an array of their own. */
  read(address: bigint, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Resolves when everything submitted so far is done. */
  idle(): Promise<void>;
  close(): void;
}

export function createReader(driver: Driver, stream: bigint): Reader {
  const { calls, check, koffi } = driver;
  let pinned: { readonly address: bigint; readonly bytes: Uint8Array<ArrayBuffer> } | null = null;
  let last: Promise<unknown> = Promise.resolve();

  function pin() {
    if (pinned !== null) return pinned;
    const address = driver.within(() =>
      driver.read((out) => calls.cuMemAllocHost(out, PIECE), `pinning ${PIECE} bytes of the host's memory`),
    );
    pinned = { address, bytes: new Uint8Array(koffi.view(address, PIECE)) };
    return pinned;
  }

  async function idle(): Promise<void> {
    const event = driver.within(() => {
      const made = driver.read((out) => calls.cuEventCreate(out, 2), "making an event");
      check(calls.cuEventRecord(made, stream), "recording an event");
      return made;
    });
    try {
      for (let turn = 0; ; turn++) {
        const answer = driver.within(() => calls.cuEventQuery(event));
        if (answer !== NOT_READY) return check(answer, "waiting for the GPU");
        await new Promise<void>((resolve) => (turn < EAGER ? setImmediate(resolve) : setTimeout(resolve, 1)));
      }
    } finally {
      driver.release(() => calls.cuEventDestroy(event));
    }
  }

  async function readNow(address: bigint, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = allocateArray(length);
    for (let at = 0; at < bytes.length; at += PIECE) {
      const size = Math.min(PIECE, bytes.length - at);
      const piece = pin();
      driver.within(() => check(calls.cuMemcpyDtoHAsync(piece.address, address + BigInt(at), size, stream), `reading ${size} bytes back`));
      await idle();
      bytes.set(piece.bytes.subarray(0, size), at);
    }
    return bytes;
  }

  return {
    read(address, length) {
      const reading = last.then(() => readNow(address, length));
      last = reading.catch(() => {});
      return reading;
    },
    idle,
    close() {
      const given = pinned;
      pinned = null;
      if (given !== null) driver.release(() => calls.cuMemFreeHost(given.address));
    },
  };
}

function allocateArray(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new OptimizerError("out-of-memory", `the host has no ${length} bytes to read into: ${String(cause)}`, { cause });
  }
}
