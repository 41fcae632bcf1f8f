// Calls that look right and would train on nothing.

import { cpu } from "optspec/cpu";
import { expect, test } from "vitest";
import { AdamW } from "../../generated/adamw/adamw.js";

const params = [{ name: "w", shape: [4] }];

test("gradients handed over without their key are refused, and no step is taken", async () => {
  const optimizer = await AdamW.create(await cpu(), { params });
  const gradients = { w: new Float32Array(4) };
  await expect(optimizer.step(gradients as never)).rejects.toMatchObject({
    code: "invalid-gradient",
    message: expect.stringContaining("step({ gradients"),
  });
  await expect(optimizer.step(new Map(Object.entries(gradients)) as never)).rejects.toMatchObject({ code: "invalid-gradient" });
  await expect(optimizer.step({ gradients, gradient: 1 } as never)).rejects.toMatchObject({ code: "invalid-gradient" });
  expect(optimizer.steps).toBe(0);
  await optimizer.step({ gradients });
  expect(optimizer.steps).toBe(1);
  optimizer.destroy();
});

test("a device that was not awaited, or is none, is named", async () => {
  await expect(AdamW.create(cpu() as never, { params })).rejects.toMatchObject({ message: expect.stringContaining("await") });
  await expect(AdamW.create({} as never, { params })).rejects.toMatchObject({ message: expect.stringContaining("not a device") });
});
