// A process that compares the batches of programs that it is asked for. Devices are opened anew for each: a GPU device keeps all that it compiled.

import { compareBatch, emptyTally, openTargets } from "./compare-batch.js";
import { programOf, sampleTapes } from "./programs.js";
import type { Target } from "./run-everywhere.js";
import type { Asked, Told } from "./share-batches.js";

const [seed, count, ...names] = process.argv.slice(2);
const tapes = sampleTapes(Number(seed), Number(count));

process.on("message", async ({ first, end }: Asked) => {
  const tally = emptyTally();
  const targets = await openTargets(names as Target["name"][]);
  const programs = tapes.slice(first, end).map((numbers, i) => programOf(numbers, first + i));
  await compareBatch(programs, targets, tally);
  for (const { device } of targets) device.destroy();
  process.send!({ first, tally } satisfies Told);
});
