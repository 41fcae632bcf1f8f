// `///` comments belong to the token that follows them.

import type { Lexed } from "../../../grammar/lexer.js";

/** Documentation by the offset of the token that follows it; lines are joined by "\n". */
export function collectDocs({ tokens, comments }: Lexed): Map<number, string> {
  const docs = new Map<number, string>();
  let next = 0;
  for (const { image, startOffset } of comments) {
    if (!/^\/\/\/(?!\/)/.test(image)) continue;
    while (next < tokens.length && tokens[next]!.startOffset < startOffset) next++;
    const token = tokens[next];
    if (token === undefined) break;
    const line = image.slice(3).replace(/^ /, "").trimEnd();
    const before = docs.get(token.startOffset);
    docs.set(token.startOffset, before === undefined ? line : `${before}\n${line}`);
  }
  return docs;
}
