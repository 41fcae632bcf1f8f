// Text to binary by wabt, which is loaded when the first module is wanted. The module carries its origin in a custom section.

import { GENERATOR } from "../generator.js";

type Wabt = Awaited<ReturnType<typeof import("wabt")>>;
let wabt: Promise<Wabt> | undefined;

/** The binary of a module; the same bytes for the same text. */
export async function assemble(name: string, wat: string, origin: string): Promise<Uint8Array<ArrayBuffer>> {
  wabt ??= import("wabt").then((loaded) => loaded.default());
  const module = (await wabt).parseWat(name, wat, { simd: true });
  try {
    const { buffer } = module.toBinary({});
    const section = customSection(GENERATOR.name, origin);
    const binary = new Uint8Array(buffer.length + section.length);
    binary.set(buffer);
    binary.set(section, buffer.length);
    return binary;
  } finally {
    module.destroy();
  }
}

/** https://webassembly.github.io/spec/core/binary/modules.html#custom-section; it may stand at the end. */
function customSection(name: string, text: string): number[] {
  const bytes = (part: string) => [...new TextEncoder().encode(part)];
  const content = [...leb128(bytes(name).length), ...bytes(name), ...bytes(text)];
  return [0, ...leb128(content.length), ...content];
}

function leb128(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb128(value >>> 7)];
}
