import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runInChromium, whyNoChromium } from "./chromium.js";

test.skipIf(whyNoChromium() !== undefined)("a page's adapter answers and computes", async () => {
  const result = await runInChromium(fileURLToPath(new URL("adapter.entry.ts", import.meta.url)));
  expect(result).toMatchObject({ adapter: expect.stringMatching(/./), right: 1_000 });
});
