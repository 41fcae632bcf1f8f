// Messages of the check room.

import type { Message } from "./catalogue.js";

export const checkMessages = {} as const satisfies Record<string, (args: never) => Message>;
