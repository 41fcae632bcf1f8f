// The shipped specs equal other people's implementations on the CUDA device too: NVRTC and the runtime are real, the driver pretends.

import { afterAll, describe, expect, test } from "vitest";
import { deviceTarget } from "../../../src/tools/replay-targets.js";
import { absentCases, adamwdlCases, correctedCases, paddleAdamCases, zooCases } from "../../oracle/golden-cases.js";
import { type OpenTarget, replayCase } from "../../oracle/replay-case.js";
import { leftInDriver, playMachine, pretendCuda, whyNoPretence } from "./pretend.js";

const cases = [...adamwdlCases(), ...correctedCases(), ...paddleAdamCases(), ...absentCases(), ...zooCases()];

const onCuda: OpenTarget = async ({ definition }, settings) => {
  playMachine({});
  const { cuda } = definition.kernels[definition.manifest.builds[0]!.key]!;
  const device = await pretendCuda(await cuda!());
  const target = await deviceTarget(definition, device, settings);
  return {
    ...target,
    destroy() {
      target.destroy();
      device.destroy();
    },
  };
};

describe.skipIf(whyNoPretence !== undefined)("golden runs on CUDA", () => {
  afterAll(() => expect(leftInDriver()).toBe(0));

  test.each(cases)("$name", async (golden) => {
    const rows = await replayCase(golden, onCuda);
    expect(rows.filter((row) => row.firstDeviation !== null)).toEqual([]);
    expect(rows.filter((row) => row.name.startsWith("param/")).length).toBeGreaterThan(5);
  });
});
