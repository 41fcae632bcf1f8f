// Threads outside Node. In a page: where it is cross-origin isolated they train with the same bits, elsewhere one does, and who demands more hears why.

import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { type PageOptions, runInChromium, whyNoChromium } from "./chromium.js";
import { runInDeno, whyNoDeno } from "./deno.js";

interface Trained {
  readonly digest: number;
  readonly shared: boolean;
  readonly name: string;
}

interface Results {
  readonly alone: Trained;
  readonly all: Trained;
  readonly three: Trained | string;
}

const entry = fileURLToPath(new URL("threads.entry.ts", import.meta.url));
const train = async (options: PageOptions) => (await runInChromium(entry, options)) as Results;

describe.skipIf(whyNoChromium() !== undefined)("a page in Chromium", () => {
  test("that is cross-origin isolated trains on threads, with the bits of one", async () => {
    const { alone, all, three } = await train({ isolated: true });
    expect(alone).toMatchObject({ shared: false, name: "WebAssembly SIMD, one thread" });
    expect(three).toEqual({ digest: alone.digest, shared: true, name: "WebAssembly SIMD, 3 threads" });
    expect(all.digest).toBe(alone.digest);
  });

  test("that is not isolated trains on one thread, and refuses a demand for three with the headers to serve", async () => {
    const { alone, all, three } = await train({});
    expect(all).toEqual(alone);
    expect(three).toMatch(/^no-device: cpu\(\) cannot use 3 threads: this page may not share memory .*Cross-Origin-Embedder-Policy/);
  });

  test("whose policy refuses our workers trains without them, and refuses a demand for three", async () => {
    const policy = "default-src 'self' 'unsafe-inline' 'unsafe-eval'; script-src 'self' 'unsafe-eval'; worker-src 'self'";
    const { alone, all, three } = await train({ isolated: true, policy });
    expect(all.digest).toBe(alone.digest);
    expect(three).toMatch(/^no-device: a worker thread of cpu\(\) does not start: .*worker-src blob:/);
  });
});

test.skipIf(whyNoDeno() !== undefined)("a script in Deno trains on threads without asking for permissions, and ends", async () => {
  const { alone, three } = (await runInDeno(entry)) as Results;
  expect(three).toEqual({ digest: alone.digest, shared: true, name: "WebAssembly SIMD, 3 threads" });
});
