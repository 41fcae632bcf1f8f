// What the builders of the tree share.

import type { Reporter } from "../diagnostics/report.js";
import type { SourceText } from "../source.js";
import type { Identifier } from "./ast.js";
import { type IToken, spanOfToken } from "./cst.js";

export interface Building {
  readonly source: SourceText;
  readonly reporter: Reporter;
  /** Documentation by the offset of the token that follows it. */
  readonly docs: ReadonlyMap<number, string>;
  /** A `}` is missing somewhere: then what stands in which body means nothing. */
  readonly bracesBroken: boolean;
}

export function identifier(token: IToken): Identifier {
  return { name: token.image, span: spanOfToken(token) };
}

export function docBefore(build: Building, token: IToken | undefined): string | null {
  return token === undefined ? null : (build.docs.get(token.startOffset) ?? null);
}
