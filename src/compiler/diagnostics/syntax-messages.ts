// Messages of the syntax room.

import type { Message } from "./catalogue.js";

export const syntaxMessages = {} as const satisfies Record<string, (args: never) => Message>;
