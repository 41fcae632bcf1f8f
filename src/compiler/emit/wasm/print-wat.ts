// The WebAssembly module of a build: an exported function for each sweep and each finish. The import has a maximum, all that 32 bits
// address, so that the runtime can turn it into a shared memory's by one bit; a memory of any size fits it.

import { usedDeclarations } from "../declarations.js";
import type { PlannedBuild } from "../files.js";
import { launchesOf } from "../sweeps.js";
import { wasmDeclarations } from "./dialect.js";
import { finishFunctions, foldFunctions } from "./finish.js";
import { foldLines } from "./fold-lines.js";
import { sweepFunctions } from "./sweep.js";

/** The module of one build; `head` is the comment at the top of the file. */
export function printWat(build: PlannedBuild, head: string): string {
  const launches = launchesOf(build);
  const finishes = launches.filter((place) => place.kind === "finish");
  const functions = [
    ...foldFunctions(finishes),
    ...launches.flatMap((place) => (place.kind === "sweep" ? sweepFunctions(build, place) : finishFunctions(build, place))),
  ];
  const called = usedDeclarations(
    Object.fromEntries(Object.entries(wasmDeclarations).map(([name, lines]) => [name, lines.join("\n")])),
    functions.flat().join("\n"),
  );
  const text = [...[...called.keys()].map((name) => wasmDeclarations[name]!), ...functions]
    .map((lines) =>
      lines
        .flatMap(foldLines)
        .map((line) => `  ${line}`.trimEnd())
        .join("\n"),
    )
    .join("\n\n");
  return `${head}\n\n(module\n  (import "env" "memory" (memory 1 65536))\n\n${text}\n)\n`;
}
