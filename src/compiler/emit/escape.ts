// One escaper for each kind of place where a text of the user's enters generated code: a comment or a string.
// After it, no text ends its comment or string, hides what follows, or breaks a line where the target does not expect it.

/** Ends a line in some target: LF, VT, FF, CR, NEL and the two Unicode separators. */
const lineBreak = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/u;
/** Control characters but the tab, byte-order marks, and what reorders or hides the text around it. */
const unprintable = /(?!\t)\p{Cc}|[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|\p{Cs}/gu;

function printableLines(text: string): string[] {
  return text.split(lineBreak).map((line) => line.replace(unprintable, "\ufffd").trimEnd());
}

/** Comment lines that each begin with `mark`: `//`, `;;` or `#`. A line never ends in the backslash that would join the next to it in C. */
export function lineComment(mark: "//" | ";;" | "#", text: string): string[] {
  return printableLines(text).map((line) => `${mark} ${line.replace(/\\$/, "\\.")}`.trimEnd());
}

/** The inside of a `/** ... *\/` comment, its lines joined by newlines. */
export function docComment(text: string): string {
  return printableLines(text)
    .map((line) => line.replaceAll("*/", "*\\/").replaceAll("/*", "/\\*"))
    .join("\n");
}

/** A whole documentation comment, in lines. */
export function docLines(text: string): string[] {
  const lines = docComment(text)
    .split("\n")
    .map((line) => ` * ${line}`.trimEnd());
  return ["/**", ...lines, " */"];
}

/** A double-quoted literal of JavaScript and TypeScript. */
export function javascriptString(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029]|[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, unicodeEscape);
}

/** The same text as a template literal, which keeps its lines. */
export function javascriptTemplate(text: string): string {
  const escaped = text
    .replace(/[`\\]|\$(?=\{)/g, "\\$&")
    .replaceAll("\r", "\\r")
    .replace(/[\u2028\u2029]/g, unicodeEscape);
  return `\`${escaped}\``;
}

/** A string literal of the WebAssembly text format. */
export function watString(text: string): string {
  const bytes = [...new TextEncoder().encode(text)].map((byte) => {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
    return plain ? String.fromCharCode(byte) : `\\${byte.toString(16).padStart(2, "0")}`;
  });
  return `"${bytes.join("")}"`;
}

function unicodeEscape(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
