// Every message of the compiler, by code. Each room's messages are a table of their own; here they become one.

import { buildMessages } from "./build-messages.js";
import { checkMessages } from "./check-messages.js";
import type { Severity } from "./diagnostic.js";
import { syntaxMessages } from "./syntax-messages.js";

export interface Message {
  readonly message: string;
  /** "error" unless given. */
  readonly severity?: Severity;
  readonly caption?: string;
  readonly help?: string;
}

export const catalogue = { ...syntaxMessages, ...checkMessages, ...buildMessages };
export type Code = keyof typeof catalogue;
