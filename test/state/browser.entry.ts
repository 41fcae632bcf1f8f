// A page that saves into a Blob and into a file of its own file system, and goes on from both.

import { cpu } from "optspec/cpu";
import { AdamW } from "../../generated/adamw/adamw.js";

const gradients = (step: number) => ({
  w: Float32Array.from({ length: 1_500_000 }, (_, i) => Math.sin(i + step)),
  b: Float32Array.of(step),
});

async function create(): Promise<AdamW<Float32Array>> {
  const params = [
    { name: "w", shape: [1_500_000] },
    { name: "b", shape: [1] },
  ];
  return AdamW.create(await cpu({ threads: 1 }), { params, lr: (step) => 0.1 / (1 + step) });
}

const hex = async (bytes: ArrayBuffer) =>
  [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Hashes of the state at the end, by way; and what a failed save leaves. */
export async function run(): Promise<Record<string, unknown>> {
  const whole = await create();
  await whole.step({ gradients: gradients(1) });
  const blob = await whole.save();
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle("run.safetensors", { create: true });
  await whole.save(handle);
  const bytes = (await handle.getFile()).size;
  await whole.step({ gradients: gradients(2) });
  const expected = await hex(await (await whole.save()).arrayBuffer());
  const found: Record<string, unknown> = { expected, bytes };
  for (const [way, source] of Object.entries({ blob, handle, "a stream of the file": (await handle.getFile()).stream() })) {
    const resumed = await create();
    await resumed.load(source);
    await resumed.step({ gradients: gradients(2) });
    found[way] = await hex(await (await resumed.save()).arrayBuffer());
  }
  // A save that fails leaves the file that was there.
  const broken = {
    getFile: () => handle.getFile(),
    async createWritable() {
      const writer = (await handle.createWritable()).getWriter();
      const write = () => Promise.reject(new Error("quota exceeded"));
      return {
        getWriter: () => ({ ready: writer.ready, write, close: () => writer.close(), abort: (reason: unknown) => writer.abort(reason) }),
      };
    },
  };
  found.refusal = await whole.save(broken).catch((error: Error) => error.message);
  found.kept = (await handle.getFile()).size;
  return found;
}
