// The module of a ruleset: a function from its hypers to rules that any wrapper takes. Data alone: no kernel, no import at run time.

import { StructureKind } from "ts-morph";
import type { RulesetModule } from "../../../contract/rules.js";
import type { RulesetSpec } from "../../check/spec.js";
import { docComment, docLines, javascriptString } from "../escape.js";
import type { OutputFile } from "../files.js";
import { javascriptLiteral } from "../json.js";
import { createNamer } from "../namer.js";
import { importSymbols } from "../runtime-symbols.js";
import { importStatements, printFile, type Statements } from "./emit-typescript.js";
import { hyperDoc } from "./hyper-doc.js";

export interface RulesetRequest {
  readonly spec: RulesetSpec;
  readonly ruleset: RulesetModule;
  /** Stem of the files, and name of the folder. */
  readonly folder: string;
}

/** `NAME.js` and `NAME.d.ts`. */
export function emitRuleset(request: RulesetRequest): readonly OutputFile[] {
  const { folder, spec } = request;
  const stem = `${folder}/${folder}`;
  return [
    { path: `${stem}.js`, content: printFile(spec, `${stem}.js`, moduleFile(request)) },
    { path: `${stem}.d.ts`, content: printFile(spec, `${stem}.d.ts`, declarationFile(request)) },
  ];
}

function nameRuleset({ name }: RulesetSpec) {
  const namer = createNamer("typescript");
  const own = namer(name);
  return { create: namer(lowerFirst(own)), hypers: namer(`${own}Hypers`), ruleSet: namer("ruleSet"), namer };
}

/** `SwinLayerDecay` becomes `swinLayerDecay`, `BERTDecay` becomes `bertDecay`. */
function lowerFirst(name: string): string {
  return name.replace(/^[A-Z]+(?=[A-Z][a-z])|^[A-Z]+(?![a-z])|^[A-Z]/, (capitals) => capitals.toLowerCase());
}

function moduleFile({ spec, ruleset }: RulesetRequest): Statements {
  const names = nameRuleset(spec);
  const given = ruleset.hypers.length === 0 ? "" : "hypers = {}";
  return [
    (writer) => writer.write(`const ${names.ruleSet} = ${javascriptLiteral(ruleset, javascriptString)};`).blankLine(),
    (writer) => {
      if (spec.doc !== null) for (const line of docLines(spec.doc)) writer.writeLine(line);
      writer.write(`export function ${names.create}(${given}) `).inlineBlock(() => {
        writer.write(`return { ruleSet: ${names.ruleSet}, hypers${given === "" ? ": {}" : ""} };`);
      });
    },
  ];
}

function declarationFile({ spec, ruleset }: RulesetRequest): Statements {
  const names = nameRuleset(spec);
  const decided = new Set(ruleset.fixedByConditions);
  const isFixed = ({ fixed, name }: RulesetModule["hypers"][number]) => fixed || decided.has(name);
  const moving = ruleset.hypers.some((hyper) => hyper.type !== "bool" && !isFixed(hyper));
  const { imports, local } = importSymbols(moving ? (["HyperValue", "Rules"] as const) : (["Rules"] as const), names.namer);
  const hyperValue = "HyperValue" in local ? local.HyperValue : "number";
  const text = spec.doc ?? `The rules ${spec.name}.`;
  return [
    ...importStatements(imports),
    ...(ruleset.hypers.length === 0
      ? []
      : [
          {
            kind: StructureKind.Interface as const,
            name: names.hypers,
            isExported: true,
            docs: [{ description: docComment(`Hyperparameters of the rules ${spec.name}.`) }],
            properties: ruleset.hypers.map((hyper, i) => ({
              name: hyper.key,
              isReadonly: true,
              hasQuestionToken: true,
              type: hyper.type === "bool" ? "boolean" : isFixed(hyper) ? "number" : hyperValue,
              docs: [{ description: `\n${docComment(hyperDoc(spec, spec.hypers[i]!))}` }],
            })),
          },
        ]),
    (writer) => {
      writer.blankLine();
      for (const line of docLines(text)) writer.writeLine(line);
      const given = ruleset.hypers.length === 0 ? "" : `hypers?: ${names.hypers}`;
      writer.write(`export declare function ${names.create}(${given}): ${local.Rules};`);
    },
  ];
}
