// PyTorch's schedulers of the same meaning, at each of 201 steps (test/fixtures/scripts/torch_schedules.py made the fixture).

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { PlateauSchedule, Schedule } from "../../src/schedules/index.js";
import * as schedules from "../../src/schedules/index.js";

interface TorchSchedule {
  readonly class: string;
  readonly schedule: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly lr: readonly number[];
  readonly metrics?: readonly number[];
}

const golden = JSON.parse(
  readFileSync(new URL("../fixtures/golden/torch-schedules.json", import.meta.url), "utf8"),
) as readonly TorchSchedule[];
const makers = new Map<string, unknown>(Object.entries(schedules));

describe.each(golden.map((entry) => [`${entry.class} ${JSON.stringify(entry.args)}`, entry] as const))("%s", (_, entry) => {
  test("equals it to 1e-12 at every step", () => {
    const schedule = (makers.get(entry.schedule) as (args: unknown) => Schedule)(entry.args);
    const far = entry.lr.flatMap((expected, k) => {
      if (entry.metrics && k > 0) (schedule as PlateauSchedule).step(entry.metrics[k - 1]!);
      const found = schedule(k);
      return Math.abs(found - expected) <= 1e-12 * Math.abs(expected) ? [] : [{ k, expected, found }];
    });
    expect(far).toEqual([]);
  });
});
