// What the checker says of `schedule`.

import type { Message } from "./diagnostic.js";
import { didYouMean, listed } from "./phrases.js";

const example = "`schedule lr = 0 -> 1 linear 2000; hold 10000; -> 0.1 cosine 5000`";

export const scheduleMessages = {
  "schedule-of-no-hyper": ({ name, nearest }: { name: string; nearest: readonly string[] }) => ({
    message: `\`${name}\` is no hyper, and a schedule multiplies one`,
    help: didYouMean(nearest) ?? `name the hyper: ${example}`,
  }),
  "schedule-of-fixed": ({ name, type }: { name: string; type: string }) => ({
    message: `\`${name}\` ${type === "bool" ? "is true or false" : "is fixed"}, and a schedule changes a number from step to step`,
    help: type === "bool" ? "declare it as a number" : "declare it without `fixed`",
  }),
  "schedule-twice": ({ name }: { name: string }) => ({
    message: `\`${name}\` has two schedules`,
    help: "write one, with pieces separated by `;`, or the product of both as an expression of `k`",
  }),
  "schedule-of-itself": ({ name }: { name: string }) => ({
    message: `the schedule of \`${name}\` reads \`${name}\`, which it multiplies`,
    help: "write the multiplier alone: 1 leaves the hyper as it is given",
  }),
  "schedule-steps": ({ value }: { value: number }) => ({
    message: `a piece of a schedule lasts a whole number of steps above 0, not ${value}`,
    help: `write for example ${example}`,
  }),
  "unknown-ramp": ({ name, known }: { name: string; known: readonly string[] }) => ({
    message: `there is no ramp \`${name}\``,
    help: `ramps are ${listed(known, "and")}: ${example}`,
  }),
  "exponential-to-zero": () => ({
    message: "an exponential ramp multiplies step by step, and so neither starts from nor reaches 0 or less",
    help: "give both ends above 0: `1 -> 0.01 exponential 5000`",
  }),
} as const satisfies Record<string, (args: never) => Message>;
