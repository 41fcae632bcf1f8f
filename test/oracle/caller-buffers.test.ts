// Golden runs where parameters and gradients stand in the caller's WebGPU buffers, and where steps are encoded two to a command buffer.

import { describe, expect, test } from "vitest";
import { openDawn } from "../device/webgpu/dawn.js";
import { absentCases, adamwdlCases, correctedCases, zooCases } from "./golden-cases.js";
import { replayCase } from "./replay-case.js";

const { why } = await openDawn();
const cases = [...adamwdlCases(), ...correctedCases(), ...absentCases(), ...zooCases().filter(({ name }) => name.endsWith("-a"))];

describe.each(["webgpu-buffers", "webgpu-encode"] as const)("%s", (target) => {
  test.skipIf(why !== undefined).each(cases)("$name", async (golden) => {
    const rows = await replayCase(golden, target);
    expect(rows.filter((row) => row.firstDeviation !== null)).toEqual([]);
    expect(rows.filter((row) => row.name.startsWith("param/")).length).toBeGreaterThan(5);
  });
});
