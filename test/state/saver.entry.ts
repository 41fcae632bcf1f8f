// Saves without end, into the files named after the first generation on the command line at once, until it is killed; into one file once,
// if that generation is 1. A generation is one number in all elements.

import { cpu } from "optspec/cpu";
import { file } from "optspec/node";
import { AdamW } from "../../generated/adamw/adamw.js";

const ELEMENTS = 150_000;
const [first, ...files] = process.argv.slice(2);
const device = await cpu({ threads: 1 });

async function save(path: string): Promise<void> {
  const optimizer = await AdamW.create(device, { params: [{ name: "w", shape: [ELEMENTS] }] });
  for (let generation = Number(first); ; generation++) {
    const data = new Float32Array(ELEMENTS).fill(generation);
    for (const what of ["param", "m", "v"] as const) optimizer.upload("w", data, what);
    optimizer.set({ lr: generation });
    process.stdout.write(".");
    await optimizer.save(file(path));
    if (generation === 1) return;
  }
}

await Promise.all(files.map(save));
