// Builds that keep numbers in 16 and 8 bits, and those that skip steps, compiled where the check is packed.

import { compileOne } from "../../test/oracle/compile-one.js";
import { keptBuilds } from "../../test/oracle/kept-builds.js";
import { exampleText } from "../../test/oracle/replay-case.js";
import type { NamedSubject } from "./bits.js";

/** A subject, and how many bytes of an element a step of a large tensor reads and writes. */
export type KeptSubject = NamedSubject & { readonly bytes: number };

/** In f32, with every step taken: what the others are measured against. */
const plain = { AdamWPlain: { text: exampleText("adamw"), options: {}, bytes: 28 } };

export async function keptSubjects(): Promise<readonly KeptSubject[]> {
  const builds = Object.entries({ ...plain, ...keptBuilds });
  return Promise.all(
    builds.map(async ([name, { text, options, bytes }]): Promise<KeptSubject> => {
      const { definition, plans } = await compileOne(text.replace(/optimizer (\w+)/, `optimizer ${name}`), [options]);
      const [kernels] = Object.values(definition.kernels);
      return {
        name,
        manifest: definition.manifest,
        ir: plans[0]!.ir,
        wgsl: "",
        wasm: await kernels!.wasm(),
        cuda: await kernels!.cuda!(),
        bytes,
      };
    }),
  );
}
