// The shipped specs equal other people's implementations, on every target.

import { describe, expect, test } from "vitest";
import { openDawn } from "../device/webgpu/dawn.js";
import { absentCases, adamwdlCases, correctedCases, paddleAdamCases, zooCases } from "./golden-cases.js";
import { replayCase, type TargetName } from "./replay-case.js";

const { why } = await openDawn();
const families = {
  AdamWDL: adamwdlCases(),
  "AdamWDL, corrected": correctedCases(),
  "Adam and AdamW by Paddle": paddleAdamCases(),
  zoo: zooCases(),
  "absent gradients": absentCases(),
};
const targets: readonly TargetName[] = ["interpret", "interpret64", "cpu", "cpu-threads", "webgpu"];

for (const [family, cases] of Object.entries(families)) {
  describe.each(targets)(`${family} on %s`, (target) => {
    const recorded = cases.filter(({ onlyNarrow }) => target !== "interpret64" || onlyNarrow !== true);
    test.skipIf(target === "webgpu" && why !== undefined).each(recorded)("$name", async (golden) => {
      const rows = await replayCase(golden, target);
      expect(rows.filter((row) => row.firstDeviation !== null)).toEqual([]);
      expect(rows.filter((row) => row.name.startsWith("param/")).length).toBeGreaterThan(5);
    });
  });
}
