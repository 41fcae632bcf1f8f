// Reading chevrotain's concrete syntax: children by name. After a mistake any child may be absent, and a supplied token has no place.

import type { CstNode, IToken } from "chevrotain";
import type { Span } from "../source.js";

export type { CstNode, IToken } from "chevrotain";

export function nodesOf(parent: CstNode, name: string): CstNode[] {
  return (parent.children[name] ?? []) as CstNode[];
}

export function nodeOf(parent: CstNode, name: string): CstNode | undefined {
  return nodesOf(parent, name)[0];
}

/** The only child of a node of alternatives. */
export function choiceOf(parent: CstNode): CstNode | undefined {
  for (const children of Object.values(parent.children)) {
    const first = children[0];
    if (first !== undefined && "children" in first) return first;
  }
  return undefined;
}

/** Tokens that stand in the text, in order. */
export function tokensOf(parent: CstNode, name: string): IToken[] {
  return ((parent.children[name] ?? []) as IToken[]).filter((token) => !Number.isNaN(token.startOffset));
}

export function tokenOf(parent: CstNode, name: string): IToken | undefined {
  return tokensOf(parent, name)[0];
}

export function spanOfToken(token: IToken): Span {
  return { from: token.startOffset, to: token.startOffset + token.image.length };
}

export function spanOfNode(node: CstNode): Span {
  const { startOffset = Number.NaN, endOffset = Number.NaN } = node.location ?? {};
  if (Number.isNaN(startOffset)) return { from: 0, to: 0 };
  return { from: startOffset, to: Number.isNaN(endOffset) ? startOffset : endOffset + 1 };
}
