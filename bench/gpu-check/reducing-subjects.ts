// The optimizers that reduce, compiled where the check is packed: no compiler travels.

import { compileOne } from "../../test/oracle/compile-one.js";
import { reductionSpecs } from "../../test/oracle/reduction-specs.js";
import type { ReducingSubject } from "./reductions.js";

/** Under names that no shipped optimizer has: the kernels of all of them may meet in one program. */
export async function reducingSubjects(): Promise<readonly ReducingSubject[]> {
  return Promise.all(
    Object.entries(reductionSpecs).map(async ([title, text]) => {
      const { name, definition, plans } = await compileOne(text.replace(/optimizer (\w+)/, "optimizer Test$1"));
      return { title, name, manifest: definition.manifest, ir: plans[0]!.ir, cuda: await Object.values(definition.kernels)[0]!.cuda!() };
    }),
  );
}
