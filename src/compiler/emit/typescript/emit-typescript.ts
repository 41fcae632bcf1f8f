// The wrapper: a small module over the runtime and its types, printed by ts-morph from structures, in memory, without type checking.

import { IndentationText, Project, type SourceFileStructure, StructureKind } from "ts-morph";
import type { EmitRequest, OutputFile } from "../files.js";
import { fileHead, type NamedSource } from "../generator.js";
import type { RuntimeImport } from "../runtime-symbols.js";
import { declarationFile } from "./declaration-file.js";
import { moduleFile } from "./module-file.js";

let project: Project | undefined;

/** `NAME.js` and `NAME.d.ts`. */
export function emitTypescript(request: EmitRequest): readonly OutputFile[] {
  const stem = `${request.folder}/${request.folder}`;
  return [
    { path: `${stem}.js`, content: printFile(request.spec, `${stem}.js`, moduleFile(request)) },
    { path: `${stem}.d.ts`, content: printFile(request.spec, `${stem}.d.ts`, declarationFile(request)) },
  ];
}

/** The parts of a file, in order. */
export type Statements = Exclude<NonNullable<SourceFileStructure["statements"]>, string | ((...args: never) => unknown)>;

/** A file of statements, headed by what it was made from. */
export function printFile(spec: NamedSource, path: string, statements: Statements): string {
  project ??= new Project({
    useInMemoryFileSystem: true,
    skipLoadingLibFiles: true,
    compilerOptions: { allowJs: true },
    manipulationSettings: { indentationText: IndentationText.TwoSpaces },
  });
  const file = project.createSourceFile(path, { statements }, { overwrite: true });
  const text = file.getFullText().replace(/\n{3,}/g, "\n\n");
  file.forget();
  return `${fileHead("//", spec)}\n\n${text}`;
}

/** Imports of runtime symbols as ts-morph prints them. */
export function importStatements(imports: readonly RuntimeImport[]): Statements {
  return imports.map(({ module, isTypeOnly, names }) => ({
    kind: StructureKind.ImportDeclaration,
    moduleSpecifier: module,
    isTypeOnly,
    namedImports: names.map(({ symbol, local }) => (symbol === local ? { name: symbol } : { name: symbol, alias: local })),
  }));
}
