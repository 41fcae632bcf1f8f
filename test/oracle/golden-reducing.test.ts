// The shipped specs that reduce equal other people's implementations, on every target.

import { describe, expect, test } from "vitest";
import { openDawn } from "../device/webgpu/dawn.js";
import { paddleLambCases, reducingCases } from "./reducing-cases.js";
import { replayCase, type TargetName } from "./replay-case.js";

const { why } = await openDawn();
const targets: readonly TargetName[] = ["interpret", "interpret64", "cpu", "cpu-threads", "webgpu"];

/** Every case is kernels to compile: where that takes long, one of each optimizer and library. */
const chosen: Partial<Record<TargetName, RegExp>> = { "cpu-threads": /-wd-a$|exclude/, webgpu: /-wd-a$|exclude/ };

for (const target of targets) {
  const lambs = paddleLambCases(target === "interpret64").map((lamb) => ({ ...lamb, name: `paddle-${lamb.name}` }));
  const cases = [...reducingCases(), ...lambs].filter(({ name }) => chosen[target]?.test(name) ?? true);
  describe.skipIf(target === "webgpu" && why !== undefined)(`on ${target}`, () => {
    test.each(cases)("$name", async (golden) => {
      const rows = await replayCase(golden, target);
      expect(rows.filter((row) => row.firstDeviation !== null)).toEqual([]);
      expect(rows.filter((row) => row.name.startsWith("param/")).length).toBeGreaterThan(5);
    });
  });
}
