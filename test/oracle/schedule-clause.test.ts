// Paddle's runs under schedules, with the schedule written into the text of the optimizer.

import { describe, expect, test } from "vitest";
import { openDawn } from "../device/webgpu/dawn.js";
import { adamwdlCases, paddleAdamCases } from "./golden-cases.js";
import { type ReplayCase, replayCase, type TargetName, withClause } from "./replay-case.js";

const { why } = await openDawn();
const targets: readonly TargetName[] = ["interpret", "interpret64", "cpu", "webgpu"];

/** A golden case with `lr` as a number under this clause. */
function under(cases: readonly ReplayCase[], name: string, clause: string): ReplayCase {
  const found = cases.find((each) => each.name === name)!;
  expect(typeof found.settings.lr).toBe("function");
  const wide = found.wideText && { wideText: withClause(found.wideText, clause) };
  return { ...found, text: withClause(found.text, clause), ...wide, settings: { ...found.settings, lr: 0.01 } };
}

const cases = [
  under(paddleAdamCases(), "adamw-sched-poly", "schedule lr = 0.01 + 0.99 * (1 - min(k, 15) / 15)^2"),
  under(adamwdlCases(), "adamwdl-d075-n24-linear", "schedule lr = 0 -> 1 linear 5; -> 0 linear 15"),
  under(adamwdlCases(), "adamw-ratio-d065-n24-nodecay-linear", "schedule lr = if k < 4 then k / 4 else max(0, (20 - k) / 16)"),
];

describe.each(targets)("on %s", (target) => {
  test.skipIf(target === "webgpu" && why !== undefined).each(cases)("$name", async (golden) => {
    const rows = await replayCase(golden, target);
    expect(rows.filter((row) => row.firstDeviation !== null)).toEqual([]);
    expect(rows.filter((row) => row.name.startsWith("param/")).length).toBeGreaterThan(5);
  });
});
