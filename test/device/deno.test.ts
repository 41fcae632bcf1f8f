import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runInDeno, whyNoDeno } from "./deno.js";

test.skipIf(whyNoDeno() !== undefined)("Deno's adapter answers and computes", async () => {
  const result = await runInDeno(fileURLToPath(new URL("adapter.entry.ts", import.meta.url)));
  expect(result).toMatchObject({ adapter: expect.stringMatching(/./), right: 1_000 });
});
