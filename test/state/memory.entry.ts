// Saves and loads a state of hundreds of megabytes in every form, and says by how much the process grew at its peak.

import { createReadStream } from "node:fs";
import { cpu } from "optspec/cpu";
import { file } from "optspec/node";
import { AdamW } from "../../generated/adamw/adamw.js";

const [path, elements] = [process.argv[2]!, Number(process.argv[3])];
const optimizer = await AdamW.create(await cpu({ threads: 1 }), { params: [{ name: "w", shape: [elements] }] });
// Every page of every arena is there before the first measurement.
const { param, grad } = optimizer.tensor("w");
for (let i = 0; i < elements; i++) param[i] = grad[i] = Math.fround(i * 1e-3);
await optimizer.step();

/** Megabytes. */
const peak = () => process.resourceUsage().maxRSS / 1024;

const report: Record<string, number> = {};
async function measure(what: string, work: () => Promise<unknown>): Promise<void> {
  const before = peak();
  await work();
  report[what] = peak() - before;
}

await measure("save", () => optimizer.save(file(path)));
await measure("save to a stream", () => optimizer.save(new WritableStream({ write: () => {} })));
await measure("load", () => optimizer.load(file(path)));
await measure("load from a stream", () => optimizer.load(createReadStream(path)));
const states = peak();
process.stdout.write(JSON.stringify({ report, states }));
