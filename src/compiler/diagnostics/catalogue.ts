// Every message of the compiler, by code. Each room's messages are a table of their own; here they become one.

import { buildMessages } from "./build-messages.js";
import { checkMessages } from "./check-messages.js";
import { syntaxMessages } from "./syntax-messages.js";

export const catalogue = { ...syntaxMessages, ...checkMessages, ...buildMessages };
export type Code = keyof typeof catalogue;
