import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(`./src/runtime/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // What generated modules and users import, as source.
    alias: {
      "optspec/runtime": source("index.ts"),
      "optspec/cpu": source("cpu/index.ts"),
      "optspec/cuda": source("cuda/index.ts"),
      "optspec/webgpu": source("webgpu/index.ts"),
    },
  },
  test: {
    include: ["test/**/*.test.ts"],
    // Forks, not threads: a Vulkan driver is named in the process's real environment.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
