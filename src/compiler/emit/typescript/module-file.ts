// The generated module: the manifest, how each build's kernels are loaded, and `create`. No `node:` module, no file is read by name.

import type { CodeBlockWriter } from "ts-morph";
import { docLines, javascriptString } from "../escape.js";
import type { EmitRequest } from "../files.js";
import { javascriptLiteral } from "../json.js";
import { importSymbols } from "../runtime-symbols.js";
import { importStatements, type Statements } from "./emit-typescript.js";
import { nameModule } from "./module-names.js";

export function moduleFile({ spec, manifest }: EmitRequest): Statements {
  const names = nameModule(spec);
  const { imports, local } = importSymbols(["createOptimizer"], names.namer);
  return [
    ...importStatements(imports),
    (writer) =>
      writer
        .blankLine()
        .write(`const ${names.manifest} = ${javascriptLiteral(manifest, javascriptString)};`)
        .blankLine(),
    (writer) => {
      writer.write(`const ${names.definition} = `).inlineBlock(() => {
        writer.writeLine(`manifest: ${names.manifest},`);
        writer.write("kernels: ").inlineBlock(() => {
          for (const { key } of manifest.builds) writeKernels(writer, key);
        });
        writer.write(",");
      });
      writer.write(";").blankLine();
    },
    (writer) => {
      if (spec.doc !== null) for (const line of docLines(spec.doc)) writer.writeLine(line);
      writer.write(`export const ${names.optimizer} = `).inlineBlock(() => {
        writer.writeLine(`name: ${javascriptString(spec.name)},`);
        writer.writeLine(`definition: ${names.definition},`);
        writer.write("create(device, settings) ").inlineBlock(() => {
          writer.write(`return ${local.createOptimizer}(${names.definition}, device, settings);`);
        });
        writer.write(",");
      });
      writer.write(";");
    },
  ];
}

function writeKernels(writer: CodeBlockWriter, key: string): void {
  writer.write(`${javascriptString(key)}: `).inlineBlock(() => {
    for (const [kind, extension] of Object.entries({ wgsl: "wgsl", wasm: "wasm", cuda: "cu" })) {
      writer.writeLine(`${kind}: async () => (await import(${javascriptString(`./${key}.${extension}.js`)})).default,`);
    }
  });
  writer.write(",").newLine();
}
