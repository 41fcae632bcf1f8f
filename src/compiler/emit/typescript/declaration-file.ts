// The types of a wrapper: every hyper, option and state of the spec with its doc comment, and exactly the builds that exist.

import { StructureKind } from "ts-morph";
import type { BuildInfo, DeviceStateInfo } from "../../../contract/manifest.js";
import { docComment, docLines, javascriptString } from "../escape.js";
import type { EmitRequest } from "../files.js";
import { importSymbols, type RuntimeSymbol } from "../runtime-symbols.js";
import { buildsType } from "./builds-type.js";
import { importStatements, type Statements } from "./emit-typescript.js";
import { hyperDoc } from "./hyper-doc.js";
import { type ModuleNames, nameModule } from "./module-names.js";

const symbols = [
  "BaseSettings",
  "Device",
  "GroupSettings",
  "HyperValue",
  "Optimizer",
  "OptimizerDefinition",
] as const satisfies readonly RuntimeSymbol[];
type Local = Readonly<Record<(typeof symbols)[number], string>>;

export function declarationFile(request: EmitRequest): Statements {
  const names = nameModule(request.spec);
  const numbers = request.manifest.hypers.filter((hyper) => hyper.type !== "bool" && !hyper.fixed);
  const used = symbols.filter((symbol) => symbol !== "HyperValue" || numbers.length > 0);
  const { imports, local } = importSymbols<(typeof symbols)[number]>(used, names.namer);
  return [...importStatements(imports), ...settingsTypes(request, names, local), ...optimizerTypes(request, names, local)];
}

/** What `create` takes. */
function settingsTypes({ spec, manifest }: EmitRequest, names: ModuleNames, local: Local): Statements {
  return [
    {
      kind: StructureKind.Interface,
      name: names.hypers,
      isExported: true,
      docs: docOf(`Hyperparameters of ${spec.name}.`),
      properties: manifest.hypers.map((hyper, i) => ({
        name: hyper.key,
        isReadonly: true,
        hasQuestionToken: true,
        type: hyper.type === "bool" ? "boolean" : hyper.fixed ? "number" : local.HyperValue,
        docs: docOf(hyperDoc(spec, spec.hypers[i]!, spec.schedules)),
      })),
    },
    (writer) =>
      writer
        .blankLine()
        .writeLine(`/** The builds of ${docComment(spec.name)} that exist. */`)
        .write(`export type ${names.options} = ${buildsType(manifest.options, manifest.builds)};`)
        .blankLine()
        .writeLine(`/** What ${docComment(spec.name)} is made with. */`)
        .write(
          `export type ${names.settings} = ${local.BaseSettings} & ${local.GroupSettings}<${names.hypers}> & ${names.hypers} & ${names.options};`,
        )
        .blankLine(),
  ];
}

/** The type and the value that carry the optimizer's name. */
function optimizerTypes({ spec, manifest }: EmitRequest, names: ModuleNames, local: Local): Statements {
  const text = spec.doc ?? `The optimizer ${spec.name}.`;
  const hypers = manifest.hypers.map((hyper) => `readonly ${hyper.key}: ${hyper.type === "bool" ? "boolean" : "number"}`);
  const mutable = manifest.hypers.filter((hyper) => !hyper.fixed).map((hyper) => hyper.key);
  const ofText = manifest.builds.flatMap((build) => build.states.filter(({ scaler }) => scaler === undefined));
  const states = new Map(ofText.map((state) => [state.key, state]));
  const ofParams = [...states.values()].filter(({ extent }) => extent !== "model");
  const ofModel = [...states.values()].filter(({ extent }) => extent === "model");
  return [
    {
      kind: StructureKind.Interface,
      name: names.states,
      isExported: true,
      docs: docOf(
        `States of ${spec.name}, by the key that \`download\` and \`upload\` take: an element for each of the parameter's${ofParams.some(isOneNumber) ? ", or one number" : ""}.`,
      ),
      properties: ofParams.map((state) => stateProperty(state, "Float32Array")),
    },
    ...(ofModel.length === 0
      ? []
      : [
          {
            kind: StructureKind.Interface,
            name: names.modelStates,
            isExported: true,
            docs: docOf(`States that a whole model has once, by the key that \`state\` and \`setState\` take.`),
            properties: ofModel.map((state) => stateProperty(state, "number")),
          } as const,
        ]),
    {
      kind: StructureKind.Interface,
      name: names.types,
      isExported: true,
      docs: docOf(`Names and types of what a running ${spec.name} has.`),
      properties: [
        { name: "hypers", isReadonly: true, type: hypers.length === 0 ? "Record<never, never>" : `{ ${hypers.join("; ")} }` },
        { name: "mutable", isReadonly: true, type: unionOf(mutable) },
        { name: "states", isReadonly: true, type: `keyof ${names.states}` },
        { name: "modelStates", isReadonly: true, type: ofModel.length === 0 ? "never" : `keyof ${names.modelStates}` },
      ],
    },
    {
      kind: StructureKind.TypeAlias,
      name: names.optimizer,
      isExported: true,
      docs: docOf(text),
      typeParameters: [{ name: "View", default: "unknown" }, ...formatParameters(manifest.builds)],
      type: `${local.Optimizer}<View, ${names.types}${hasFormats(manifest.builds) ? " & { readonly formats: Formats }" : ""}>`,
    },
    (writer) => {
      writer.blankLine();
      for (const line of docLines(text)) writer.writeLine(line);
      writer.write(`export declare const ${names.optimizer}: `).inlineBlock(() => {
        writer.writeLine(`readonly name: ${javascriptString(spec.name)};`);
        writer.writeLine(`readonly definition: ${local.OptimizerDefinition};`);
        writer.writeLine(
          "/** Checks the settings, makes the memory on the device, and compiles the kernels. Rejects with OptimizerError. */",
        );
        for (const { settings, formats } of formatsOf(manifest))
          writer.writeLine(
            `create<View>(device: ${local.Device}<View>, settings: ${names.settings}${settings}): Promise<${names.optimizer}<View${formats}>>;`,
          );
      });
      writer.write(";");
    },
  ];
}

/** How parameters and gradients are kept, as a type; only where some build keeps them in other than f32. */
const formatType = ({ param, grad }: BuildInfo["formats"]) =>
  `{ readonly param: ${javascriptString(param)}; readonly grad: ${javascriptString(grad)} }`;

const hasFormats = (builds: readonly BuildInfo[]) => builds.some(({ formats: { param, grad } }) => param !== "f32" || grad !== "f32");

function formatParameters(builds: readonly BuildInfo[]) {
  if (!hasFormats(builds)) return [];
  const types = [...new Set(builds.map(({ formats }) => formatType(formats)))];
  return [{ name: "Formats", constraint: types.join(" | "), default: types[0]! }];
}

/** The ways of keeping parameters and gradients that were built: what settings say of each, and the optimizer's type arguments. */
function formatsOf({ builds, options }: EmitRequest["manifest"]): readonly { readonly settings: string; readonly formats: string }[] {
  if (!hasFormats(builds)) return [{ settings: "", formats: "" }];
  const byDefault = builds[0]!.formats;
  return [...new Map(builds.map(({ formats }) => [formatType(formats), formats]))].map(([type, formats]) => {
    const said = (["param", "grad"] as const).flatMap((role) => {
      const option = options.find(({ name }) => name === `${role}_dtype`);
      const optional = formats[role] === byDefault[role] ? "?" : "";
      return option === undefined ? [] : [`readonly ${option.key}${optional}: ${javascriptString(formats[role])}`];
    });
    return { settings: ` & { ${said.join("; ")} }`, formats: `, ${type}` };
  });
}

const isOneNumber = ({ extent }: DeviceStateInfo) => extent === "tensor";

function stateProperty(state: DeviceStateInfo, type: string) {
  const docs = [state.doc, isOneNumber(state) ? "One number for each parameter." : null].filter((text) => text !== null);
  return { name: state.key, isReadonly: true, type, ...(docs.length > 0 && { docs: docOf(docs.join("\n")) }) };
}

function docOf(text: string) {
  const escaped = docComment(text);
  return [{ description: escaped.includes("\n") ? `\n${escaped}` : escaped }];
}

function unionOf(keys: readonly string[]): string {
  return [...new Set(keys)].map(javascriptString).join(" | ") || "never";
}
