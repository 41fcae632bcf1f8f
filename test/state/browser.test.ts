import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runInChromium, whyNoChromium } from "../device/chromium.js";

test.skipIf(whyNoChromium() !== undefined)("a page saves into a Blob and into its own file system, and goes on from them", async () => {
  const found = (await runInChromium(fileURLToPath(new URL("browser.entry.ts", import.meta.url)))) as Record<string, unknown>;
  const { expected, bytes } = found as { readonly expected: string; readonly bytes: number };
  expect(expected).toMatch(/^[0-9a-f]{64}$/);
  expect(bytes).toBeGreaterThan(1_500_000 * 12);
  expect(found).toMatchObject({ blob: expected, handle: expected, "a stream of the file": expected, kept: bytes });
  expect(found.refusal).toMatch("quota exceeded");
});
