// ARCHITECTURE.md says which room may import from which; here its table meets the import statements.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { ts } from "ts-morph";
import { expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** From a room (a folder or file, as `src/rules`) to what it may import: rooms, packages, or `node:` for all of Node. */
type Table = ReadonlyMap<string, readonly string[]>;

/** The markdown table whose columns are "room" and "may import". */
function readTable(markdown: string): Table {
  const cells = (line: string): string[] =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.replaceAll("`", "").trim());
  const lines = markdown.split("\n");
  const head = lines.findIndex((line) => cells(line)[0]?.toLowerCase() === "room" && cells(line)[1]?.toLowerCase() === "may import");
  const table = new Map<string, readonly string[]>();
  if (head < 0) return table;
  for (const line of lines.slice(head + 2)) {
    const [room, may] = cells(line);
    if (room === undefined || may === undefined) break;
    table.set(room, may === "nothing" || may === "" ? [] : may.split(",").map((name) => name.trim()));
  }
  return table;
}

/** The narrowest room that holds a file. */
function roomOf(table: Table, file: string): string | undefined {
  const holding = [...table.keys()].filter((room) => file === room || file.startsWith(`${room}/`));
  return holding.sort((a, b) => b.length - a.length)[0];
}

interface Import {
  readonly from: string;
  /** A file of the project, or a package. */
  readonly to: string;
}

/** Static, dynamic and type-only imports. */
function importsOf(file: string, text: string): Import[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => {
    if (!fileName.startsWith(".")) return { from: file, to: packageOf(fileName) };
    return { from: file, to: relative(ROOT, join(ROOT, dirname(file), fileName)).replace(/\.js$/, ".ts") };
  });
}

function packageOf(specifier: string): string {
  if (specifier.startsWith("node:")) return "node:";
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Imports that the table does not allow, as texts. */
function trespasses(table: Table, imports: readonly Import[]): string[] {
  return imports.flatMap(({ from, to }) => {
    const room = roomOf(table, from);
    if (room === undefined) return [`${from} is in no room`];
    const other = roomOf(table, to) ?? to;
    return other === room || table.get(room)!.includes(other) ? [] : [`${from} imports ${to}: ${room} may not import ${other}`];
  });
}

/** A way from a room back to itself, or null. */
function findCycle(table: Table): readonly string[] | null {
  const done = new Set<string>();
  const visit = (room: string, path: readonly string[]): readonly string[] | null => {
    if (path.includes(room)) return [...path.slice(path.indexOf(room)), room];
    if (done.has(room)) return null;
    for (const next of table.get(room) ?? []) {
      const cycle = visit(next, [...path, room]);
      if (cycle !== null) return cycle;
    }
    done.add(room);
    return null;
  };
  for (const room of table.keys()) {
    const cycle = visit(room, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

const sources = ["src", "grammar"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`),
);
const table = readTable(readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8"));
const imports = sources.flatMap((file) => importsOf(file, readFileSync(join(ROOT, file), "utf8")));

test("every import is one that ARCHITECTURE.md allows", () => {
  expect(trespasses(table, imports)).toEqual([]);
});

test("the table names rooms that exist, and no room leads back to itself", () => {
  expect([...table.keys()].filter((room) => !existsSync(join(ROOT, room)))).toEqual([]);
  expect(findCycle(table)).toBeNull();
});

test("the check itself sees a trespass, a cycle, a stray file and every kind of import", () => {
  const small = readTable(
    "text\n| Room | May import |\n|---|---|\n| `src/a` | nothing |\n| `src/b` | `src/a`, `node:` |\n\n| other | table |",
  );
  expect([...small]).toEqual([
    ["src/a", []],
    ["src/b", ["src/a", "node:"]],
  ]);
  const found = importsOf("src/a/x.ts", 'import type { T } from "../b/y.js"; export * from "./z.js"; const m = import("node:fs");');
  expect(found.map(({ to }) => to)).toEqual(["src/b/y.ts", "src/a/z.ts", "node:"]);
  expect(trespasses(small, found)).toEqual([
    "src/a/x.ts imports src/b/y.ts: src/a may not import src/b",
    "src/a/x.ts imports node:: src/a may not import node:",
  ]);
  expect(trespasses(small, [{ from: "src/c.ts", to: "src/a/x.ts" }])).toEqual(["src/c.ts is in no room"]);
  expect(findCycle(small)).toBeNull();
  expect(
    findCycle(
      new Map([
        ["a", ["b"]],
        ["b", ["c"]],
        ["c", ["b"]],
      ]),
    ),
  ).toEqual(["b", "c", "b"]);
  expect(packageOf("@scope/name/deep")).toBe("@scope/name");
});
