// Messages about builds: those that a caller asks for, and what a build does when it is tried.

import type { Message } from "./catalogue.js";

const listed = (words: readonly string[]) => words.map((word) => `\`${word}\``).join(", ");

export const buildMessages = {
  "unknown-build-option": ({ optimizer, option, options }: { optimizer: string; option: string; options: readonly string[] }): Message => ({
    message: `a build of \`${optimizer}\` sets \`${option}\`, which is not one of its options`,
    caption: options.length === 0 ? "has no options" : `has ${listed(options)}`,
    help: "change `builds` in the configuration, or add the option to the spec",
  }),
  "unknown-build-word": ({
    optimizer,
    option,
    word,
    words,
  }: {
    optimizer: string;
    option: string;
    word: string;
    words: readonly string[];
  }): Message => ({
    message: `a build of \`${optimizer}\` sets \`${option}\` to \`${word}\`, which it cannot be`,
    caption: `is one of ${listed(words)}`,
    help: "change `builds` in the configuration, or add the word to the option",
  }),
  "first-step-not-finite": ({ optimizer, cell }: { optimizer: string; cell: string }): Message => ({
    message: `with the default hypers, a gradient of zeros makes \`${cell}\` of \`${optimizer}\` infinite or NaN at the first step`,
    caption: cell === "param" ? "in this update" : "becomes infinite or NaN",
    help: "an unused embedding row has such a gradient: add a small `epsilon` where the update divides, or say what 0 / 0 is with `ratio(a, b, otherwise)`",
  }),
} as const satisfies Record<string, (args: never) => Message>;
