// One .wasm serves both kinds of memory. Compiled modules import `(memory 1 65536)`; a shared memory may only be imported by a module that
// says `shared`, which is one bit of the import's limits: 0x01 (has a maximum) becomes 0x03 (and is shared). Nothing else differs.
// https://webassembly.github.io/threads/core/binary/types.html#limits

import { OptimizerError } from "../errors.js";

const IMPORT_SECTION = 2;
const MEMORY_IMPORT = 2;
const HAS_MAXIMUM = 0x01;
const HAS_MAXIMUM_AND_SHARED = 0x03;

/** A copy of a module whose one import, a memory with a maximum, is declared shared. */
export function withSharedMemory(module: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const at = memoryLimits(module);
  if (module[at] !== HAS_MAXIMUM) throw new OptimizerError("manifest", "the kernel module's memory has no maximum: build the spec again");
  const patched = module.slice();
  patched[at] = HAS_MAXIMUM_AND_SHARED;
  return patched;
}

/** Where the limits of the imported memory start. */
function memoryLimits(module: Uint8Array): number {
  let at = 8; // behind "\0asm" and the version

  function number(): number {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = module[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }

  while (at < module.length) {
    const id = module[at++];
    const end = number() + at;
    if (id === IMPORT_SECTION && number() === 1) {
      for (const _ of ["module", "name"]) {
        const length = number();
        at += length;
      }
      if (module[at] === MEMORY_IMPORT) return at + 1;
    }
    at = end;
  }
  throw new OptimizerError("manifest", "the kernel module imports no memory: build the spec again");
}
