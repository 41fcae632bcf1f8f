import { expect, test } from "vitest";
import { openDawn, openTint } from "./dawn.js";
import { roundTrip } from "./round-trip.js";

const { gpu, why } = await openDawn();

test.skipIf(why !== undefined)("a real adapter answers and computes", async () => {
  expect(await roundTrip(gpu)).toMatchObject({ adapter: expect.stringMatching(/./), right: 1_000 });
});

test("Tint refuses a wrong shader and names the place", async () => {
  const adapter = await (await openTint()).requestAdapter();
  const device = await adapter!.requestDevice();
  device.pushErrorScope("validation");
  const wrong = device.createShaderModule({ code: "fn f() -> f32 { return 1u; }" });
  const right = device.createShaderModule({ code: "fn f() -> f32 { return 1; }" });
  expect((await right.getCompilationInfo()).messages).toEqual([]);
  expect((await wrong.getCompilationInfo()).messages[0]).toMatchObject({ type: "error", lineNum: 1 });
  expect(await device.popErrorScope()).not.toBeNull();
  device.destroy();
});
