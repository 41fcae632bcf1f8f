// Messages about builds: those that a caller asks for, and what a build does when it is tried.

import type { Message } from "./diagnostic.js";

const listed = (words: readonly string[]) => words.map((word) => `\`${word}\``).join(", ");

export const buildMessages = {
  "unknown-build-option": ({ optimizer, option, options }: { optimizer: string; option: string; options: readonly string[] }): Message => ({
    message: `a build of \`${optimizer}\` sets \`${option}\`, which is not one of its options`,
    caption: options.length === 0 ? "has no options" : `has ${listed(options)}`,
    help: options.length === 0 ? "leave it out" : `write one of ${listed(options)}: in \`builds\` of the configuration, or behind --option`,
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
    help: `write one of ${listed(words)}: in \`builds\` of the configuration, or behind --option`,
  }),
  "storage-combination": ({ optimizer, problem }: { optimizer: string; problem: string }): Message => ({
    message: `a build of \`${optimizer}\` is kept in a way that cannot be`,
    help: problem,
  }),
  "first-step-not-finite": ({ optimizer, cell }: { optimizer: string; cell: string }): Message => ({
    message: `with the default hypers, a gradient of zeros makes \`${cell}\` of \`${optimizer}\` infinite or NaN at the first step`,
    caption: cell === "param" ? "in this update" : "becomes infinite or NaN",
    help: "an unused embedding row has such a gradient: add a small `epsilon` where the update divides, or say what 0 / 0 is with `ratio(a, b, otherwise)`",
  }),
} as const satisfies Record<string, (args: never) => Message>;
