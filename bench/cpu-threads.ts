// From which size on a second thread is worth waking: AdamW on one thread and on two, from 16,384 elements to 4 Mi, in paired rounds.
// `ELEMENTS_PER_THREAD` of the CPU device is chosen by this table: the smallest size from which two threads are never slower.

import { cpu } from "optspec/cpu";
import { AdamW } from "../generated/adamw/adamw.js";
import { type Contestant, interleave, median, pairedRatio, publish, type Timing } from "./rounds.js";

const SIZES = [14, 15, 16, 17, 18, 19, 20, 22].map((power) => 2 ** power);
/** Elements updated in one round: enough to be timed, whatever the size. */
const WORK = 2 ** 24;
const ROUNDS = 15;
/** The model from which the CPU device wakes a second thread unless told otherwise. */
const THRESHOLD = 2 * 65_536;

async function contestant(elements: number, threads: number, idle: number): Promise<Contestant> {
  const device = await cpu({ threads, elementsPerThread: 1 });
  const optimizer = await AdamW.create(device, { params: [{ name: "p", shape: [elements] }] });
  const { param, grad } = optimizer.tensor("p");
  for (let i = 0; i < elements; i++) [param[i], grad[i]] = [Math.sin(i), Math.cos(i * 1.7)];
  return {
    name: `${threads}`,
    async round(steps) {
      const times: number[] = [];
      for (let i = 0; i < steps; i++) {
        // As in training, where other work stands between two steps and the workers have gone to sleep.
        if (idle > 0) await new Promise((resolve) => setTimeout(resolve, idle));
        const start = performance.now();
        await optimizer.step();
        times.push(performance.now() - start);
      }
      return median(times) / 1e3;
    },
    close: () => device.destroy(),
  };
}

interface Pair {
  readonly elements: number;
  readonly one: Timing;
  readonly two: Timing;
}

async function measure(elements: number, idle: number): Promise<Pair> {
  const pair = [await contestant(elements, 1, idle), await contestant(elements, 2, idle)];
  const steps = idle > 0 ? 15 : Math.max(5, Math.min(500, WORK / elements));
  const [one, two] = await interleave(pair, ROUNDS, () => steps);
  for (const { close } of pair) close!();
  return { elements, one: one!, two: two! };
}

const back: Pair[] = [];
const asleep: Pair[] = [];
for (const elements of SIZES) {
  back.push(await measure(elements, 0));
  asleep.push(await measure(elements, 2));
}
const microseconds = ({ median: seconds }: Timing) => (seconds * 1e6).toFixed(1);
/** How many times as fast two threads are. */
const gain = ({ one, two }: Pair) => pairedRatio(two, one);
publish("cpu-threads", {
  title: "AdamW on one thread and two, us a step (median); the second thread awake, and asleep for 2 ms before each step",
  rows: [
    ["elements", "one", "two", "gain", "one, asleep", "two, asleep", "gain"],
    ...back.map((pair, i) => {
      const cold = asleep[i]!;
      const row = [pair, cold].flatMap((each) => [microseconds(each.one), microseconds(each.two), gain(each).toFixed(2)]);
      return [String(pair.elements), ...row];
    }),
  ],
  claims: [...back, ...asleep]
    .filter(({ elements }) => elements >= THRESHOLD)
    .map((pair, i, all) => ({
      claim: `gain of the second thread, ${i < all.length / 2 ? "awake" : "asleep"}, at ${pair.elements} elements`,
      measured: gain(pair),
      atLeast: 1,
    })),
});
process.exit(0);
