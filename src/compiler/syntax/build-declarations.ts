// Declarations of a body. One line of the text may declare several names; each becomes a node of its own.

import { joinSpans, type Span } from "../source.js";
import type {
  EntryDecl, ExtentSyntax, HyperDecl, Identifier, IntervalSyntax, Item, OptionDecl, OptionWord, OrderDecl, RuleBlockSyntax, ScheduleDecl,
  SchedulePiece, StateDecl, StoreEntry,
} from "./ast.js"; // biome-ignore format: a list
import { buildExpr } from "./build-expression.js";
import { extentOf } from "./build-extent.js";
import { type Building, docBefore, identifier } from "./building.js";
import { type CstNode, type IToken, nodeOf, nodesOf, spanOfNode, spanOfToken, tokenOf, tokensOf } from "./cst.js";
import { numberValue } from "./literals.js";

type BuildInner = (body: CstNode, kind: "entry" | "wrap") => Item[];

/** The declarations of one item; none where the parser gave up their names. */
export function buildDeclarations(build: Building, node: CstNode, inner: BuildInner): Item[] {
  switch (node.name) {
    case "hyperDecl":
      return hypers(build, node);
    case "optionDecl":
      return options(build, node);
    case "keptDecl":
      return tokenOf(node, "Input") === undefined ? states(build, node) : input(build, node);
    case "rulesDecl":
      return nodesOf(node, "ruleBlock").flatMap((block) => ruleBlock(build, block));
    case "ruleBlock":
      return ruleBlock(build, node);
    case "setDecl":
      return withName(node, (name, span) => [{ kind: "set", name, condition: buildExpr(build, nodeOf(node, "expr"), span), span }]);
    case "orderDecl":
      return withName(node, (name, span) => [order(build, node, name, span)]);
    case "storeDecl":
      return [{ kind: "store", entries: nodesOf(node, "storeEntry").flatMap((entry) => storeEntry(build, entry)), span: spanOfNode(node) }];
    case "scheduleDecl":
      return withName(node, (name, span) => [schedule(build, node, name, span)]);
    case "entryDecl":
      return entry(build, node, inner);
    case "wrapDecl": {
      const body = nodeOf(node, "body");
      const kind = tokenOf(node, "Before") === undefined ? "after" : "before";
      return [{ kind, body: body === undefined ? [] : inner(body, "wrap"), span: spanOfNode(node) }];
    }
    default:
      return [];
  }
}

function withName(node: CstNode, make: (name: Identifier, span: Span) => Item[]): Item[] {
  const name = tokenOf(node, "name");
  return name === undefined ? [] : make(identifier(name), spanOfNode(node));
}

/** Reports `==` and `<-` where a declaration takes `=`. */
function checkDefines(build: Building, node: CstNode, name: string): void {
  const sign = tokenOf(node, "Defines");
  if (sign === undefined || sign.tokenType.name === "Equals") return;
  if (sign.tokenType.name === "EqualEqual") build.reporter.report("definition-by-comparison", { name }, spanOfToken(sign));
  else build.reporter.report("declaration-by-arrow", { name }, spanOfToken(sign));
}

// ---- hyper, option, state, input ----------------------------------------------------------------

function hypers(build: Building, node: CstNode): HyperDecl[] {
  const fixed = tokenOf(node, "Fixed");
  const doc = docBefore(build, fixed ?? tokenOf(node, "Hyper"));
  return nodesOf(node, "hyperEntry").flatMap((entryNode): HyperDecl[] => {
    const name = tokenOf(entryNode, "name");
    if (name === undefined) return [];
    checkDefines(build, entryNode, name.image);
    const span = spanOfNode(entryNode);
    const interval = nodeOf(entryNode, "interval");
    return [
      {
        kind: "hyper",
        doc: docBefore(build, name) ?? doc,
        fixed: fixed !== undefined,
        name: identifier(name),
        type: hyperType(build, tokenOf(entryNode, "type")),
        value: buildExpr(build, nodeOf(entryNode, "expr"), span),
        interval: interval === undefined ? null : buildInterval(build, interval),
        span,
      },
    ];
  });
}

function hyperType(build: Building, type: IToken | undefined): HyperDecl["type"] {
  if (type === undefined) return "number";
  if (type.image === "int" || type.image === "bool") return type.image;
  build.reporter.report("hyper-type", { type: type.image }, spanOfToken(type));
  return "number";
}

function buildInterval(build: Building, node: CstNode): IntervalSyntax | null {
  const [low, high] = nodesOf(node, "expr");
  const span = spanOfNode(node);
  if (low === undefined || high === undefined || node.recoveredNode === true) return null;
  const closes = (name: string, at: number) => tokensOf(node, name).some((token) => token.startOffset === at);
  return {
    low: buildExpr(build, low, span),
    high: buildExpr(build, high, span),
    lowClosed: closes("LBracket", span.from),
    highClosed: closes("RBracket", span.to - 1),
    span,
  };
}

function options(build: Building, node: CstNode): OptionDecl[] {
  const doc = docBefore(build, tokenOf(node, "Option"));
  return nodesOf(node, "optionEntry").flatMap((entryNode): OptionDecl[] => {
    const name = tokenOf(entryNode, "name");
    const value = nodesOf(entryNode, "value").flatMap(optionWord)[0];
    if (name === undefined || value === undefined) return [];
    checkDefines(build, entryNode, name.image);
    const words = nodesOf(entryNode, "word").flatMap(optionWord);
    return [
      {
        kind: "option",
        doc: docBefore(build, name) ?? doc,
        name: identifier(name),
        words: words.length > 0 ? words : null,
        value,
        span: spanOfNode(entryNode),
      },
    ];
  });
}

function optionWord(node: CstNode): OptionWord[] {
  const token = tokenOf(node, "AnyWord") ?? tokenOf(node, "Number");
  return token === undefined ? [] : [{ text: token.image, span: spanOfToken(token) }];
}

function states(build: Building, node: CstNode): StateDecl[] {
  const host = tokenOf(node, "Host");
  const doc = docBefore(build, host ?? tokenOf(node, "State"));
  const span = spanOfNode(node);
  const extentNode = nodeOf(node, "extent");
  const whenNode = nodeOf(node, "condition");
  const entries = nodesOf(node, "stateEntry").flatMap((entryNode) => {
    const name = tokenOf(entryNode, "name");
    return name === undefined ? [] : [{ name, ring: nodeOf(entryNode, "expr"), entryNode }];
  });
  const first = entries[0];
  if (first === undefined) return [];
  checkDefines(build, node, first.name.image);
  const extent = extentNode === undefined ? null : buildExtent(build, extentNode);
  const value = buildExpr(build, nodeOf(node, "expr"), span);
  const when = whenNode === undefined ? null : buildExpr(build, whenNode, span);
  return entries.map(({ name, ring, entryNode }) => ({
    kind: "state",
    doc: docBefore(build, name) ?? doc,
    host: host !== undefined,
    name: identifier(name),
    ring: ring === undefined ? null : buildExpr(build, ring, spanOfNode(entryNode)),
    extent,
    value,
    when,
    span,
  }));
}

function input(build: Building, node: CstNode): Item[] {
  const host = tokenOf(node, "Host");
  const extent = nodeOf(node, "extent");
  return withName(node, (name, span) => [
    {
      kind: "input",
      doc: docBefore(build, host ?? tokenOf(node, "Input")),
      host: host !== undefined,
      name,
      extent: extent === undefined ? null : buildExtent(build, extent),
      span,
    },
  ]);
}

function buildExtent(build: Building, node: CstNode): ExtentSyntax | null {
  const name = tokenOf(node, "name");
  if (name === undefined) return null;
  const span = spanOfNode(node);
  const of = tokenOf(node, "of");
  if (of !== undefined) return { kind: "like", of: identifier(of), span };
  const inner = nodeOf(node, "expr");
  return extentOf(build, name.image, span, inner === undefined ? null : buildExpr(build, inner, span));
}

// ---- rules and order -----------------------------------------------------------------------------

function ruleBlock(build: Building, node: CstNode): RuleBlockSyntax[] {
  const verb = (["scale", "set", "freeze", "use"] as const).find(
    (word) => tokenOf(node, word[0]!.toUpperCase() + word.slice(1)) !== undefined,
  );
  if (verb === undefined) return [];
  const target = tokenOf(node, "target");
  const span = spanOfNode(node);
  const takesHyper = verb === "scale" || verb === "set";
  if (takesHyper !== (target !== undefined))
    build.reporter.report("rules-target", { verb, takesHyper }, { from: span.from, to: span.from + verb.length });
  return [
    {
      kind: "rules",
      override: tokenOf(node, "Override") !== undefined,
      verb,
      target: target === undefined ? null : identifier(target),
      arms: nodesOf(node, "arm").map((arm) => {
        const place = spanOfNode(arm);
        const condition = nodeOf(arm, "condition");
        return {
          optional: tokenOf(arm, "Optional") !== undefined,
          condition: condition === undefined ? null : buildExpr(build, condition, place),
          value: buildExpr(build, nodeOf(arm, "expr"), place),
          span: place,
        };
      }),
      span,
    },
  ];
}

function order(build: Building, node: CstNode, name: Identifier, span: Span): OrderDecl {
  const arms = nodesOf(node, "orderArm").map((arm) => {
    const place = spanOfNode(arm);
    const condition = nodeOf(arm, "condition");
    return {
      optional: tokenOf(arm, "Optional") !== undefined,
      condition: condition === undefined ? null : buildExpr(build, condition, place),
      tuple: nodesOf(arm, "component").map((component) => buildExpr(build, component, place)),
      span: place,
    };
  });
  return { kind: "order", name, arms, span };
}

// ---- store, schedule, entry ----------------------------------------------------------------------

function storeEntry(build: Building, node: CstNode): StoreEntry[] {
  const names = tokensOf(node, "name");
  const [name] = names;
  const codecToken = tokenOf(node, "codec");
  if (name === undefined || codecToken === undefined) return [];
  const codec = buildCodec(build, node, codecToken);
  const when = nodeOf(node, "expr");
  const span = spanOfNode(node);
  if (codec === null) return [];
  // A state of a transform is called by the name it is bound to: `u.m`.
  const whole = {
    name: names.map(({ image }) => image).join("."),
    span: { from: identifier(name).span.from, to: identifier(names.at(-1)!).span.to },
  };
  return [{ name: whole, codec, when: when === undefined ? null : buildExpr(build, when, span), span }];
}

function buildCodec(build: Building, node: CstNode, codec: IToken): StoreEntry["codec"] | null {
  const words = tokensOf(node, "word").map((token) => token.image);
  const master = tokensOf(node, "master").map((token) => token.image);
  const block = tokenOf(node, "Number");
  const plain = (["f32", "f16", "bf16"] as const).find((kind) => kind === codec.image);
  const word = (["f32", "remainder"] as const).find((kept) => kept === master[1]) ?? null;
  if (plain !== undefined && block === undefined && (master.length === 0 || word !== null)) return { kind: plain, master: word };
  const sign = words.length === 2 ? (["signed", "unsigned"] as const).find((word) => word === words[0]) : null;
  if (codec.image === "q8" && block !== undefined && sign !== undefined && words.at(-1) === "block") {
    return { kind: "q8", sign, block: numberValue(block.image) };
  }
  build.reporter.report("unknown-codec", { codec: codec.image }, spanOfToken(codec));
  return null;
}

function schedule(build: Building, node: CstNode, name: Identifier, span: Span): ScheduleDecl {
  checkDefines(build, node, name.name);
  const pieces = nodesOf(node, "piece");
  if (pieces.length === 0) return { kind: "schedule", name, body: buildExpr(build, nodeOf(node, "expr"), span), span };
  const body = pieces.flatMap((piece): SchedulePiece[] => {
    const place = spanOfNode(piece);
    const steps = buildExpr(build, nodeOf(piece, "steps"), place);
    if (tokenOf(piece, "Hold") !== undefined) return [{ kind: "hold", steps, span: place }];
    const shape = tokenOf(piece, "shape");
    if (shape === undefined) return [];
    const from = nodeOf(piece, "from");
    return [
      {
        kind: "ramp",
        from: from === undefined ? null : buildExpr(build, from, place),
        to: buildExpr(build, nodeOf(piece, "to"), place),
        shape: identifier(shape),
        steps,
        span: place,
      },
    ];
  });
  return { kind: "schedule", name, body, span };
}

function entry(build: Building, node: CstNode, inner: BuildInner): EntryDecl[] {
  const step = tokenOf(node, "Step");
  const name = step ?? tokenOf(node, "name");
  if (name === undefined) return [];
  const from = tokenOf(node, "from");
  const body = nodeOf(node, "body");
  return [
    {
      kind: "entry",
      doc: docBefore(build, step ?? tokenOf(node, "Entry")),
      name: identifier(name),
      from: from === undefined ? null : identifier(from),
      body: body === undefined ? [] : inner(body, "entry"),
      span: joinSpans(spanOfToken(name), spanOfNode(node)),
    },
  ];
}
