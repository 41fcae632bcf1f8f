// What is seen while training runs: in a terminal a bar and one line a run, drawn in place; elsewhere a plain line now and then.

import type { Course } from "../train.js";
import { duration, percent } from "./units.js";

/** Colours the text of a run by its place in the list. */
export type Paint = (text: string, run: number) => string;

export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const BAR = 40;
const REDRAW_EVERY = 100;
const LINE_EVERY = 100;

/** Mean of the last 20 losses: single batches jump. */
function recentLoss({ losses }: Course): number {
  const last = losses.slice(-20);
  return last.reduce((sum, loss) => sum + loss, 0) / last.length;
}

function numbers(course: Course): string {
  const accuracy = course.accuracies.at(-1);
  return `loss ${recentLoss(course).toFixed(3)}   held-out ${accuracy === undefined ? "     –" : percent(accuracy.accuracy).padStart(6)}`;
}

/** The lines of the live view. */
export function progressLines(step: number, steps: number, elapsed: number, courses: readonly Course[]): string[] {
  const full = Math.floor((step / steps) * BAR);
  const left = Math.ceil(((elapsed / step) * (steps - step)) / 1_000);
  const width = Math.max(...courses.map(({ label }) => label.length));
  const bar = `${"━".repeat(full)}${"─".repeat(BAR - full)}`;
  const time = step === steps ? duration(elapsed) : `${left} s left`;
  return [
    `  ${bar}  ${String(step).padStart(String(steps).length)} / ${steps} steps   ${time}`,
    ...courses.map((course) => `  ${course.label.padEnd(width)}   ${numbers(course)}`),
  ];
}

/** Returns what to call after each step. */
export function showProgress(screen: Screen, steps: number, paint: Paint): (step: number, courses: readonly Course[]) => void {
  const started = performance.now();
  let drawn = 0;
  let height = 0;
  return (step, courses) => {
    const now = performance.now();
    if (!screen.isTTY) {
      if (step % LINE_EVERY !== 0 && step !== steps) return;
      const runs = courses.map((course) => `${course.label}: ${numbers(course)}`).join("   |   ");
      screen.write(`  step ${String(step).padStart(String(steps).length)} / ${steps}   ${runs}\n`);
      return;
    }
    if (now - drawn < REDRAW_EVERY && step !== steps) return;
    drawn = now;
    const lines = progressLines(step, steps, now - started, courses).map((line, index) => {
      const fitting = line.slice(0, (screen.columns || 80) - 1);
      return index === 0 ? fitting : paint(fitting, index - 1);
    });
    screen.write(`${height > 0 ? `\u001b[${height}A` : ""}${lines.map((line) => `\u001b[2K${line}\n`).join("")}`);
    height = lines.length;
  };
}
