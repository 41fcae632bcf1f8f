import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // What generated modules and users import, as source.
    alias: {
      "optspec/runtime": source("runtime/index.ts"),
      "optspec/cpu": source("runtime/cpu/index.ts"),
      "optspec/cuda": source("runtime/cuda/index.ts"),
      "optspec/node": source("runtime/node/index.ts"),
      "optspec/schedules": source("schedules/index.ts"),
      "optspec/webgpu": source("runtime/webgpu/index.ts"),
    },
  },
  test: {
    include: ["test/**/*.test.ts"],
    // Forks, not threads: a Vulkan driver is named in the process's real environment.
    pool: "forks",
    maxWorkers: 2,
    // Against tests that hang, not slow machines: a software GPU driver on a busy one takes minutes for what takes seconds elsewhere.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
