// Calls that look right and would train on nothing.

import { cpu } from "optspec/cpu";
import { expect, test } from "vitest";
import { AdamW } from "../../generated/adamw/adamw.js";
import { createOptimizer } from "../../src/runtime/index.js";

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

test("what is no change of hypers, no step, no definition, is refused in words", async () => {
  const optimizer = await AdamW.create(await cpu(), { params });
  for (const changes of [null, undefined, 3, "lr", [0.1]])
    expect(() => optimizer.set(changes as never)).toThrow(expect.objectContaining({ code: "invalid-setting" }));
  await expect(optimizer.step([] as never)).rejects.toMatchObject({ code: "invalid-gradient" });
  await expect(optimizer.step({ gradients: Promise.resolve({}) } as never)).rejects.toMatchObject({
    message: expect.stringContaining("await"),
  });
  for (const definition of [null, undefined, {}, { manifest: null }])
    await expect(createOptimizer(definition as never, await cpu(), { params })).rejects.toMatchObject({ code: "manifest" });
  await expect(AdamW.create(await cpu(), { params, names: [] as never })).rejects.toMatchObject({ code: "invalid-setting" });
  optimizer.destroy();
});

test("a function that a step asks cannot step, set or destroy, and nothing is left half done", async () => {
  const gradients = { w: new Float32Array([1, 2, 3, 4]) };
  for (const act of ["step", "set", "encode", "destroy"] as const) {
    let answer: unknown;
    const optimizer = await AdamW.create(await cpu(), { params, lr: 0.1 });
    optimizer.set({
      lr: (step) => {
        if (step === 1) {
          const acts = {
            step: () => optimizer.step({ gradients }),
            set: () => optimizer.set({ lr: 1 }),
            encode: () => optimizer.encode({} as never),
            destroy: () => optimizer.destroy(),
          };
          try {
            answer = acts[act]();
          } catch (error) {
            answer = Promise.reject(error);
          }
        }
        return 0.1;
      },
    });
    await optimizer.step({ gradients });
    await optimizer.step({ gradients });
    await expect(answer).rejects.toMatchObject({ code: "busy" });
    expect([optimizer.steps, optimizer.t("w"), optimizer.hypers.lr]).toEqual([2, 2, 0.1]);
    optimizer.destroy();
  }
});
