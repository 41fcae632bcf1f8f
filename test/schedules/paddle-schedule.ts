// Paddle's spelling of a schedule, its class and arguments in Python, as ours.

import type { Schedule } from "../../src/schedules/index.js";
import * as schedules from "../../src/schedules/index.js";

/** The fixtures spell functions in Python. */
const lambdas: Readonly<Record<string, (k: number) => number>> = { "0.95**k": (k) => 0.95 ** k, "0.95": () => 0.95 };

const makers = new Map<string, unknown>(Object.entries(schedules));

/** `T_max` is `tMax`. */
const camel = (name: string) =>
  name.replace(/_([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase()).replace(/^[A-Z]/, (capital) => capital.toLowerCase());

function argument(key: string, value: unknown): unknown {
  if (key === "lr_lambda") return lambdas[value as string]!;
  if (Array.isArray(value) && typeof value[0] === "string") return paddleSchedule(value[0], value[1] as Record<string, unknown>);
  return value;
}

/** `paddle.optimizer.lr.CosineAnnealingDecay` with its arguments; null is Python's way to leave one out. */
export function paddleSchedule(name: string, args: Readonly<Record<string, unknown>>): Schedule {
  const maker = camel(name.slice(name.lastIndexOf(".") + 1)).replace(/LR$/, "Lr");
  const given = Object.entries(args).filter(([, value]) => value !== null);
  return (makers.get(maker) as (options: unknown) => Schedule)(
    Object.fromEntries(given.map(([key, value]) => [camel(key), argument(key, value)])),
  );
}
