// The pool itself, with kernels made for it: that threads really run at once, and what becomes of one that fails or never ends.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import loadWabt from "wabt";
import { CHUNK_ELEMENTS, CHUNK_FIELDS, CHUNK_WORDS } from "../../src/contract/manifest.js";
import { cpu } from "../../src/runtime/cpu/index.js";
import type { Sweep } from "../../src/runtime/cpu/kernels.js";
import { createPool, type Pool, type SharedLaunch } from "../../src/runtime/cpu/pool.js";
import { withSharedMemory } from "../../src/runtime/cpu/shared-import.js";
import { type Call, divideWork, ITEM_WORDS, threadsFor } from "../../src/runtime/cpu/work.js";
import { DeviceLost } from "../../src/runtime/index.js";

const wabt = await loadWabt();

/** A module whose sweep first waits until `$param` sweeps run at the same time, and then does `then`. */
async function meeting(then: string): Promise<WebAssembly.Module> {
  const text = `(module
    (import "env" "memory" (memory 1 65536 shared))
    (func (export "step") (param $param i32) (param $grad i32) (param $state i32) (param $chunk i32) (param $count i32) (param $rows i32)
      (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
      (loop $wait (br_if $wait (i32.lt_u (i32.atomic.load (i32.const 0)) (local.get $param))))
      ${then}))`;
  const module = wabt.parseWat("meeting.wat", text, { threads: true });
  return WebAssembly.compile(new Uint8Array(module.toBinary({}).buffer));
}

/** One item for each thread. A thread that waits for the others in its first item can take no second one. */
async function bindMeeting(pool: Pool, threads: number, then = "") {
  const module = await meeting(then);
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
  const call = {
    arena: 0,
    sweep: "step",
    param: threads,
    grad: 0,
    state: 0,
    chunks: 1024,
    count: threads,
    rows: 0,
    scalars: 0,
    tensors: 0,
  };
  const table = new Uint32Array(CHUNK_WORDS * threads);
  for (let i = 0; i < threads; i++) table[CHUNK_WORDS * i + CHUNK_FIELDS.indexOf("count")] = 2 * CHUNK_ELEMENTS;
  const work = divideWork([call], ["step"], threads, () => table);
  const launch = await pool.bind({ module, memories: [memory], calls: [{ ...call, run: exports.step as Sweep }], work });
  return { launch, met: new Int32Array(memory.buffer) };
}

/** Runs `use` with a pool, and ends it. */
async function withPool(threads: number, use: (pool: Pool, failures: string[]) => Promise<void>, patienceMs = 20_000): Promise<void> {
  const failures: string[] = [];
  const pool = createPool({ threads, strict: true, patienceMs }, (reason) => failures.push(reason));
  try {
    await use(pool, failures);
  } finally {
    pool.end();
  }
}

function errorOf(pool: Pool, launch: SharedLaunch): unknown {
  try {
    pool.run(launch, 0, 0);
  } catch (error) {
    return error;
  }
  return null;
}

describe("threads", () => {
  test.each([2, 3, 5])("%i of them run at once, step after step", async (threads) => {
    await withPool(threads, async (pool) => {
      const { launch, met } = await bindMeeting(pool, threads);
      for (let step = 1; step <= 50; step++) {
        met[0] = 0;
        pool.run(launch, 0, 0);
        expect(met[0]).toBe(threads);
      }
    });
  });

  test("that start later know what was bound before", async () => {
    await withPool(3, async (pool) => {
      const small = await bindMeeting(pool, 2);
      const large = await bindMeeting(pool, 3);
      for (let step = 1; step <= 20; step++) {
        for (const [{ launch, met }, threads] of [
          [small, 2],
          [large, 3],
        ] as const) {
          met[0] = 0;
          pool.run(launch, 0, 0);
          expect(met[0]).toBe(threads);
        }
      }
      pool.release([small.launch.id]);
      large.met[0] = 0;
      pool.run(large.launch, 0, 0);
      expect(large.met[0]).toBe(3);
    });
  });
});

// The calling thread has the first item, whose table entry is at 1024; the worker meets it in the second.
const inWorker = (then: string) => `(if (i32.ne (local.get $chunk) (i32.const 1024)) (then ${then}))`;

describe("a worker", () => {
  test("whose kernel traps ends the device with the trap's message, now and from then on", async () => {
    await withPool(2, async (pool, failures) => {
      const { launch } = await bindMeeting(pool, 2, inWorker("unreachable"));
      for (const error of [errorOf(pool, launch), errorOf(pool, launch)]) {
        expect(error).toBeInstanceOf(DeviceLost);
        expect(String(error)).toMatch(/a kernel failed on the CPU: RuntimeError: unreachable/);
      }
      expect(failures).toHaveLength(1);
    });
  });

  test("whose kernel never ends is not waited for without end", async () => {
    await withPool(
      2,
      async (pool) => {
        const { launch } = await bindMeeting(pool, 2, inWorker("(loop $forever (br $forever))"));
        expect(String(errorOf(pool, launch))).toMatch(/DeviceLost: the device was lost: a worker thread has not finished .* for 0\.2 s/);
      },
      200,
    );
  });

  test("that does not know the kernel's export is refused before the first step", async () => {
    await withPool(2, async (pool) => {
      const module = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
      const work = divideWork([], ["step"], 2, () => new Uint32Array());
      const calls = [
        { arena: 7, sweep: "step", param: 0, grad: 0, state: 0, chunks: 0, count: 0, rows: 0, scalars: 0, tensors: 0, run: () => {} },
      ];
      await expect(pool.bind({ module, memories: [], calls, work })).rejects.toMatchObject({ code: "no-device" });
    });
  });

  test("that has ended is only missing", async () => {
    const pool = createPool({ threads: 2, strict: true, patienceMs: 1000 }, () => {});
    const module = await meeting("");
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    const { exports } = await WebAssembly.instantiate(module, { env: { memory } });
    // Nobody waits for anybody: `$param` is 1.
    const call = { arena: 0, sweep: "step", param: 1, grad: 0, state: 0, chunks: 1024, count: 8, rows: 0, scalars: 0, tensors: 0 };
    const table = new Uint32Array(8 * CHUNK_WORDS).fill(2 * CHUNK_ELEMENTS);
    const work = divideWork([call], ["step"], 2, () => table);
    const launch = await pool.bind({ module, memories: [memory], calls: [{ ...call, run: exports.step as Sweep }], work });
    pool.end();
    pool.run(launch, 0, 0);
    expect(new Int32Array(memory.buffer)[0]).toBe(8);
  });
});

describe("work", () => {
  const counts = fc.array(fc.array(fc.integer({ min: 1, max: CHUNK_ELEMENTS }), { maxLength: 60 }), { minLength: 1, maxLength: 4 });

  test("is cut so that every chunk of every bank belongs to one item, and every item to one range", () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 2, max: 9 }), fc.integer({ min: 1, max: 3 }), (banks, ranges, sweeps) => {
        const names = Array.from({ length: sweeps }, (_, i) => `sweep${i}`);
        const tables = banks.map((bank) =>
          Uint32Array.from(bank.flatMap((count) => CHUNK_FIELDS.map((field) => (field === "count" ? count : 0)))),
        );
        const call = { param: 0, grad: 0, state: 0, rows: 0, scalars: 0, tensors: 0, chunks: 0 };
        const calls = names.flatMap((sweep) => banks.map((bank, arena): Call => ({ ...call, arena, sweep, count: bank.length })));
        const { items, bounds } = divideWork(calls, names, ranges, ({ arena }) => tables[arena]!);
        const done = calls.map(({ count }) => new Array<number>(count).fill(0));
        for (const [s, sweep] of names.entries()) {
          const own = bounds.subarray(s * (ranges + 1), (s + 1) * (ranges + 1));
          expect([...own]).toEqual([...own].toSorted((a, b) => a - b));
          for (let item = own[0]!; item < own[ranges]!; item++) {
            const [at, address, chunks] = items.subarray(ITEM_WORDS * item, ITEM_WORDS * (item + 1)) as unknown as [number, number, number];
            expect(calls[at]!.sweep).toBe(sweep);
            for (let chunk = 0; chunk < chunks; chunk++) done[at]![address / (4 * CHUNK_WORDS) + chunk]!++;
          }
        }
        expect(done.flat().every((times) => times === 1)).toBe(true);
      }),
    );
  });

  test("is balanced by elements, one large tensor or thousands of small ones", () => {
    const balanceOf = (bank: readonly number[], ranges: number) => {
      const table = Uint32Array.from(bank.flatMap((count) => CHUNK_FIELDS.map((field) => (field === "count" ? count : 0))));
      const call: Call = {
        arena: 0,
        sweep: "step",
        param: 0,
        grad: 0,
        state: 0,
        rows: 0,
        scalars: 0,
        tensors: 0,
        chunks: 0,
        count: bank.length,
      };
      const { items, bounds } = divideWork([call], ["step"], ranges, () => table);
      const loads = Array.from({ length: ranges }, () => 0);
      for (let range = 0; range < ranges; range++) {
        for (let item = bounds[range]!; item < bounds[range + 1]!; item++) {
          const first = items[ITEM_WORDS * item + 1]! / (4 * CHUNK_WORDS);
          for (let chunk = 0; chunk < items[ITEM_WORDS * item + 2]!; chunk++) loads[range]! += bank[first + chunk]!;
        }
      }
      return Math.max(...loads) / (loads.reduce((sum, load) => sum + load) / ranges);
    };
    expect(balanceOf(new Array(1024).fill(CHUNK_ELEMENTS), 3)).toBeLessThan(1.01);
    expect(balanceOf(new Array(10_000).fill(1024), 4)).toBeLessThan(1.02);
  });

  test.each([
    [1_000, 8, 65_536, 1],
    [131_071, 8, 65_536, 1],
    [131_072, 8, 65_536, 2],
    [1e9, 8, 65_536, 8],
    [0, 8, 1, 1],
  ])("of %i elements on up to %i threads of at least %i each is for %i", (elements, threads, each, expected) => {
    expect(threadsFor(elements, threads, each)).toBe(expected);
  });
});

describe("a module's memory", () => {
  const binaryOf = (memory: string) => {
    const module = wabt.parseWat("one.wat", `(module (import "env" "memory" ${memory}) (func (export "f") (result i32) (memory.size)))`, {
      threads: true,
    });
    return new Uint8Array(module.toBinary({}).buffer);
  };

  test("becomes shared by one bit, as a compiler would have written it", () => {
    expect(withSharedMemory(binaryOf("(memory 1 65536)"))).toEqual(binaryOf("(memory 1 65536 shared)"));
  });

  test("without a maximum, or without a memory, is an older build's", () => {
    expect(() => withSharedMemory(binaryOf("(memory 1)"))).toThrow("no maximum: build the spec again");
    expect(() => withSharedMemory(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))).toThrow("imports no memory: build the spec again");
  });
});

describe("cpu()", () => {
  test.each([0, -1, 1.5, Number.NaN, "8", 4096])("refuses threads: %o", async (threads) => {
    await expect(cpu({ threads: threads as never })).rejects.toMatchObject({
      code: "invalid-setting",
      message: expect.stringMatching(/^threads must be/),
    });
  });

  test("says how many threads it has, and is lost when destroyed", async () => {
    const device = await cpu({ threads: 3 });
    expect(device.name).toBe("WebAssembly SIMD, 3 threads");
    device.destroy();
    expect(await device.lost).toEqual({ reason: "it was destroyed" });
  });
});
