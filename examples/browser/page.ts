// The page: controls, live curves, the numbers of both runs, and the ratio table. Training itself is the worker's.

import text from "../adamwdl.opt?raw";
import type { Course } from "../digits/train.js";
import { chart } from "../digits/views/chart.js";
import { count, duration, percent } from "../digits/views/units.js";
import type { DeviceKind, News, Order } from "./messages.js";
import { ratioRows } from "./ratio-table.js";

function element<E extends HTMLElement>(id: string, type: new () => E): E {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${type.name} "${id}"`);
  return found;
}

const form = element("settings", HTMLFormElement);
const go = element("go", HTMLButtonElement);
const status = element("status", HTMLElement);
const progress = element("progress", HTMLProgressElement);
const curves = element("curves", HTMLElement);
const results = element("results", HTMLTableSectionElement);
const ratios = element("ratios", HTMLTableSectionElement);

let training: Worker | null = null;

function readOrder(): Order {
  const data = new FormData(form);
  return { device: data.get("device") as DeviceKind, steps: Number(data.get("steps")), decay: Number(data.get("decay")) };
}

/** Ends what runs. `state` is for the eye and for tests: "idle", "running", "done", "failed". */
function finish(state: "idle" | "done" | "failed", words: string): void {
  training?.terminate();
  training = null;
  go.textContent = "Train";
  document.body.dataset.state = state;
  status.textContent = words;
}

function start(order: Order): void {
  const started = performance.now();
  document.body.dataset.state = "running";
  go.textContent = "Stop";
  status.textContent = "loading 10,000 handwritten digits …";
  progress.max = order.steps;
  progress.value = 0;
  let device = "";
  training = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  training.onmessage = ({ data }: MessageEvent<News>) => {
    switch (data.kind) {
      case "awake":
        training?.postMessage(order);
        return;
      case "ready":
        device = data.device;
        status.textContent = `${count(data.numbers)} parameters on ${device}`;
        ratios.replaceChildren(...ratioRows(data.table));
        return;
      case "step":
        showStep(data.step, order.steps, data.courses);
        status.textContent = `step ${count(data.step)} of ${count(order.steps)} on ${device}`;
        if (data.step === order.steps)
          finish("done", `${count(order.steps)} steps on ${device} in ${duration(performance.now() - started)}`);
        return;
      case "failed":
        finish("failed", `stopped: ${data.message}`);
        return;
      default:
        data satisfies never;
    }
  };
  training.onerror = (event) => finish("failed", `stopped: ${event.message || "the worker did not start"}`);
}

function showStep(step: number, steps: number, courses: readonly Course[]): void {
  progress.value = step;
  // The numbers behind the curves, for tools and tests.
  curves.dataset.losses = JSON.stringify(courses.map(({ losses }) => losses));
  curves.innerHTML = chart(`AdamWDL, ${count(step)} of ${count(steps)} steps`, courses);
  results.replaceChildren(
    ...courses.map(({ label, losses, accuracies, gradientTime, updateTime }) => {
      const recent = losses.slice(-20);
      const accuracy = accuracies.at(-1);
      const row = document.createElement("tr");
      const cells = [
        label,
        (recent.reduce((sum, loss) => sum + loss, 0) / recent.length).toFixed(3),
        accuracy === undefined ? "–" : percent(accuracy.accuracy),
        duration(gradientTime / losses.length),
        duration(updateTime / losses.length),
      ];
      for (const cell of cells) row.insertCell().textContent = cell;
      return row;
    }),
  );
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (training === null) start(readOrder());
  else finish("idle", "stopped");
});

const gpu = element("webgpu", HTMLInputElement);
gpu.disabled = !("gpu" in navigator);
if (gpu.disabled) element("no-webgpu", HTMLElement).hidden = false;
element("spec", HTMLElement).textContent = text;
finish("idle", "ready");
