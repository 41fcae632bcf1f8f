// The caller's buffers outside Node: Chromium's and Deno's implementations of WebGPU know a buffer by other objects and refuse it in
// other ways than Dawn in Node.

import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runInChromium, whyNoChromium } from "./chromium.js";
import { runInDeno, whyNoDeno } from "./deno.js";

const entry = fileURLToPath(new URL("caller-buffers.entry.ts", import.meta.url));
const same = { differing: { whole: 0, aligned: 0, odd: 0, unaligned: 0 }, refusal: "refused, 4 steps" };

test.skipIf(whyNoChromium() !== undefined)("a page in Chromium", async () => {
  expect(await runInChromium(entry)).toEqual(same);
});

test.skipIf(whyNoDeno() !== undefined)("a script in Deno", async () => {
  expect(await runInDeno(entry)).toEqual(same);
});
