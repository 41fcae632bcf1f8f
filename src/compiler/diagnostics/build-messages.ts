// Messages about the builds that a caller asks for.

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
} as const satisfies Record<string, (args: never) => Message>;
