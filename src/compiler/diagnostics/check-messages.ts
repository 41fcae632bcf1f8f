// What the checker says: about names, types, extents, stages, declarations and what is left unused. Rules have a table of their own.

import type { Message } from "./diagnostic.js";
import { didYouMean, extentPhrase, listed } from "./phrases.js";
import { ruleMessages } from "./rule-messages.js";
import { scheduleMessages } from "./schedule-messages.js";

const withHelp = (message: string, help: string | undefined): Message => (help === undefined ? { message } : { message, help });

interface Named {
  readonly name: string;
}
interface Near extends Named {
  readonly nearest: readonly string[];
}
interface Extents extends Named {
  readonly extent: string;
  readonly of: string;
}

const storeMessages = {
  "store-unknown": ({ name, nearest }: Near) =>
    withHelp(`there is no state \`${name}\` to be kept`, didYouMean(nearest) ?? "`store` says how `param`, `grad` and states are kept"),
  "store-twice": ({ name }: Named) => withHelp(`how \`${name}\` is kept is said twice`, "leave one of the two out"),
  "store-not-elements": ({ name, extent }: Named & { extent: string }) =>
    withHelp(
      extent === "host"
        ? `\`${name}\` is a number of the host and kept in f64`
        : `\`${name}\` has ${extentPhrase(extent)} and is kept in f32`,
      "only a state with a number for each element can be kept in less",
    ),
  "store-condition": ({ name }: Named) =>
    withHelp(`\`${name}\` is kept in the same way for all parameters`, "only states may be kept in a format `when` a condition holds"),
  "store-format": ({ name, format }: Named & { format: string }) =>
    withHelp(`\`${name}\` cannot be kept in ${format}`, "its formats are f32, f16 and bf16"),
  "store-block": ({ block, only }: { block: number; only: number }) =>
    withHelp(`8-bit numbers come in blocks of ${only}, not of ${block}`, `write \`block ${only}\``),
  "store-master": ({ name, format, master }: Named & { format: string; master: string }) => {
    if (name !== "param") return withHelp(`\`${name}\` has no master`, "a master is kept beside `param` alone");
    return format === "f32"
      ? withHelp("an f32 parameter is its own master", "leave `master` out, or keep `param` in f16 or bf16")
      : withHelp(`${format} is no half of f32, so there is no ${master}`, "write `f16 master f32` or `bf16 master remainder`");
  },
} as const;

const nameMessages = {
  "unknown-name": ({ name, nearest }: Near) =>
    withHelp(`there is no \`${name}\` here`, name === "k" ? "the steps taken before this one are `t - 1`" : didYouMean(nearest)),
  "unknown-function": ({ name, isValue, nearest }: Near & { isValue: boolean }) =>
    isValue
      ? withHelp(`\`${name}\` is a value, not a function`, `write \`${name} * (...)\` to multiply`)
      : withHelp(`there is no function \`${name}\``, didYouMean(nearest)),
  "function-as-value": ({ name }: Named) => withHelp(`\`${name}\` is a function and needs arguments`, `write \`${name}(...)\``),
  "used-before-declaration": ({ name, what }: Named & { what: string }) =>
    withHelp(`\`${name}\` is ${what} that is declared further down`, "move the declaration above this place"),
  "not-visible-here": ({ name, what, where, help }: Named & { what: string; where: string; help: string }) =>
    withHelp(`\`${name}\` is ${what} and cannot be used ${where}`, help),
  "unknown-member": ({ member, hyper }: { member: string; hyper: string | null }) =>
    hyper === null
      ? withHelp(`\`.${member}\` does not belong to this`, "only a hyper has members: `.peak`, `.base` and `.ratio`")
      : withHelp(
          `a hyper has no \`.${member}\``,
          `\`${hyper}.peak\` is the value as given, \`${hyper}.base\` with its schedule, \`${hyper}.ratio\` the product of its rules`,
        ),
  "cannot-index": ({ name }: Named) =>
    withHelp(`\`${name}\` cannot be indexed`, "`shape[0]` is the first dimension, `numel[model]` the number of all elements"),
  "shape-without-axis": () => withHelp("`shape` needs an axis", "write `shape[0]` for the first dimension"),
  "axis-not-whole": () =>
    withHelp(
      "an axis is a whole number that stands in the text, from 0",
      "`shape[0]` is the first dimension; `rows` and `cols` are the last two",
    ),
  "duplicate-name": ({ name }: Named) => withHelp(`\`${name}\` is declared twice`, "rename one of the two"),
  "reserved-name": ({ name, what }: Named & { what: string }) =>
    withHelp(`${what} cannot be called \`${name}\`: the language has that name`, `choose another name, such as \`${name}_\``),
  "names-collide": ({ name, other, spelled }: Named & { other: string; spelled: string }) =>
    withHelp(
      `\`${name}\` and \`${other}\` cannot be told apart in generated code, where this one is \`${spelled}\``,
      "rename one of the two",
    ),
  "optimizers-collide": ({ name, other }: Named & { other: string }) =>
    withHelp(
      name === other ? `two declarations are called \`${name}\`` : `\`${name}\` and \`${other}\` would share a folder`,
      "rename one of the two",
    ),
  "local-hides": ({ name, what }: Named & { what: string }) =>
    withHelp(
      `\`${name}\` is ${what}; a local name would hide it`,
      what === "a state" || what === "the parameter" ? `write \`${name} <- ...\` to give it a new value` : "choose another name",
    ),
  "shadowed-name": ({ name, what }: Named & { what: string }): Message => ({
    severity: "warning",
    message: `the local \`${name}\` has the name of ${what}`,
    help: "choose another name, so that a reader is not misled",
  }),
  "second-definition": ({ name }: Named) =>
    withHelp(`\`${name}\` is defined twice in this block`, `write \`${name} <- ...\` for a new value`),
  "pinned-local": ({ name }: Named) =>
    withHelp(`\`${name}\` is read by a declaration above and keeps its value`, "define a local of another name"),
  "declaration-of-changed": () =>
    withHelp("this reads a local that has had more than one value", "define a local by one `=` above the declaration"),
  "assign-to-unknown": ({ name, nearest }: Near) =>
    withHelp(
      `there is no state or local \`${name}\` to give a value to`,
      didYouMean(nearest) ?? `\`${name} = ...\` defines a local, \`state ${name} = 0\` declares a state`,
    ),
  "cannot-assign": ({ name, what }: Named & { what: string }) =>
    withHelp(
      `\`${name}\` is ${what} and cannot be given a new value`,
      what === "a hyper"
        ? "the caller sets hypers; use a local, or a `host state` to remember a number"
        : what === "the gradient"
          ? "define a local: `g = ...`"
          : "use a local of another name",
    ),
  "function-writes": ({ name, kind }: Named & { kind: string }) =>
    withHelp(`a \`${kind}\` cannot change \`${name}\``, "return the new value and write `<-` where the function is called"),
  "option-as-value": ({ name, words }: Named & { words: readonly string[] }) =>
    withHelp(`\`${name}\` is an option and has no value of its own`, `compare it with one of its words: \`${name} == ${words[0]}\``),
  "unknown-option-word": ({
    option,
    word,
    words,
    nearest,
  }: {
    option: string;
    word: string | null;
    words: readonly string[];
    nearest: readonly string[];
  }) =>
    withHelp(
      word === null
        ? `\`${option}\` is compared with something that is not one of its words`
        : `\`${word}\` is not a word of the option \`${option}\``,
      didYouMean(nearest) ?? `\`${option}\` is ${listed(words, "or")}`,
    ),
} as const;

const smallest = "the smallest number that every device keeps is 1.18e-38";
const lossesInF32 = {
  infinite: ["where only finite numbers may enter", "choose by a condition, or use a large number"],
  "no number": ["which is not a number", "look at what it is computed from"],
  infinity: ["and 32-bit arithmetic makes it infinite", "the largest number is 3.4e38"],
  zero: ["and 32-bit arithmetic makes it zero", smallest],
  subnormal: ["and many devices make a number that small zero", smallest],
} as const;

const expressionMessages = {
  "not-available-yet": ({ what, instead }: { what: string; instead?: string }): Message => ({
    message: `${what} is not available yet`,
    help:
      instead === undefined
        ? "the language has it; this version reduces to `tensor` and `model` only, and has no matrices"
        : `use ${instead}`,
  }),
  "literal-out-of-range": ({ text, becomes }: { text: string; becomes: string }) =>
    withHelp(
      `\`${text}\` becomes ${becomes}, also in 64-bit arithmetic`,
      becomes === "infinity" ? "infinity is written `inf`" : "write 0 if that is meant",
    ),
  "not-in-f32": ({ value, becomes }: { value: number; becomes: keyof typeof lossesInF32 }) => {
    const [loss, help] = lossesInF32[becomes];
    return withHelp(`${value} enters a kernel here, ${loss}`, help);
  },
  "string-outside-rules": () => withHelp("a string has no value here", "patterns stand in `rules`, left of `=>`"),
  "needs-number": () => withHelp("a number is needed here, and this is a condition", "write `if c then 1 else 0`"),
  "needs-condition": () => withHelp("a condition is needed here, and this is a number", "compare it: `x != 0`"),
  "compared-with-other-type": () => withHelp("a number and a condition cannot be compared", "compare numbers with numbers"),
  "branches-differ": ({ yes, no }: { yes: string; no: string }) =>
    withHelp(`\`then\` gives a ${yes} and \`else\` a ${no}`, "both sides must be numbers or both conditions"),
  "division-by-zero": () => withHelp("this divides by zero", "`ratio(a, b, otherwise)` gives `otherwise` where b is 0"),
  "wrong-argument-count": ({ name, takes, given }: Named & { takes: number; given: number }) =>
    withHelp(`\`${name}\` takes ${takes} argument${takes === 1 ? "" : "s"}, not ${given}`, undefined),
  "argument-has-no-name": ({ name, argument }: Named & { argument: string }) =>
    withHelp(`\`${name}\` takes its arguments by position`, `leave \`${argument} =\` out`),
  "wrong-argument": ({ name, problem, signature }: Named & { problem: string; signature: string }) =>
    withHelp(`in this call of \`${name}\`, ${problem}`, `it is called as \`${signature}\``),
  "recursive-function": ({ name }: Named) =>
    withHelp(`\`${name}\` calls itself`, "functions are inlined, so they cannot call themselves, also not through another"),
  "transform-in-function": ({ name }: Named) =>
    withHelp(`\`${name}\` keeps states, and a \`fn\` has none`, `make the \`fn\` a \`transform\`, or hand in what \`${name}(...)\` gives`),
  "function-without-return": ({ name }: Named) => withHelp(`\`${name}\` returns nothing`, "its last statement must be `return ...`"),
  "return-not-last": () =>
    withHelp("`return` stands once, as the last statement of a function", "choose the value before: `return if c then a else b`"),
  "return-outside-function": () => withHelp("`return` belongs into a `fn`", "write `x = ...` for a local, `x <- ...` for a new value"),
  "declaration-in-function": ({ kind, of }: { kind: string; of: string }) =>
    withHelp(
      `a \`${of}\` cannot declare a \`${kind}\``,
      kind === "state" ? "a `transform` has states of its own" : "declare it in the optimizer",
    ),
  "function-name-taken": ({ name }: Named) => withHelp(`\`${name}\` is a function of the language`, "choose another name"),
  "old-of-what": () => withHelp("`old` takes the name of a state, `param` or `grad`", "write `old(m)`"),
  "only-in-rules": ({ name }: Named) =>
    withHelp(`\`${name}(...)\` stands in \`rules\` only`, name === "error" ? "right of `=>`" : "left of `=>`"),
  "error-needs-text": () => withHelp("`error` takes one text", 'write `error("no rule for this parameter")`'),
  "nested-too-deeply": ({ most }: { most: number }) =>
    withHelp(`expressions nest deeper than ${most} here, functions included`, "name a part of it: `x = ...`"),
} as const;

const flowMessages = {
  "extent-too-wide": ({ name, extent, of }: Extents) =>
    withHelp(
      `\`${name}\` keeps ${extentPhrase(extent)}, and this has ${extentPhrase(of)}`,
      extent === "elem"
        ? undefined
        : `reduce it, as in \`mean${extent === "tensor" ? "" : `[${extent.replace(":", "(")}${extent.includes(":") ? ")" : ""}]`}(...)\`, or declare \`${name}\` wider`,
    ),
  "condition-too-wide": ({ name, extent, of }: Extents) =>
    withHelp(
      `\`${name}\` keeps ${extentPhrase(extent)} and is written under a condition that has ${extentPhrase(of)}`,
      `move the condition into the value: \`${name} <- if ... then ... else ${name}\`, over values that fit`,
    ),
  "device-into-host": ({ name, governs, of }: Named & { governs: boolean; of: string }) =>
    withHelp(
      `\`${name}\` is kept by the host, and this ${governs ? "condition " : ""}is computed on the device: the host would have to wait for it`,
      of === "model" || of === "tensor"
        ? `keep it on the device: \`state ${name}: ${of} = ...\``
        : `keep it on the device: \`state ${name} = ...\`, a number for each element, or \`state ${name}: model = ...\` of a reduction`,
    ),
  "nothing-to-reduce": ({ name, to, of }: { name: string; to: string; of: string }) =>
    withHelp(
      `this already is ${extentPhrase(of)}: \`${name}${to === "tensor" ? "" : `[${to}]`}\` has nothing to reduce`,
      of === "tensor" ? `leave \`${name}\` out, or reduce over the parameters: \`${name}[model](...)\`` : `leave \`${name}\` out`,
    ),
  "reduction-under-condition": ({ name, to, of }: { name: string; to: string; of: string }) =>
    withHelp(
      `\`${name}${to === "tensor" ? "" : `[${to}]`}\` reduces to ${extentPhrase(to)}, and stands under a condition that has ${extentPhrase(of)}`,
      `name its value above the condition, or reduce over a part: \`sum${to === "tensor" ? "" : `[${to}]`}(if ... then ... else 0)\``,
    ),
  "when-not-setup": ({ stage }: { stage: string }) =>
    withHelp(
      `whether a state exists must be known at set-up, and this is known ${stage === "step" ? "at each step" : "on the device alone"}`,
      "use options, `rank`, `shape[i]`, `numel` or a `fixed hyper`",
    ),
  "state-may-not-exist": ({ name, condition }: Named & { condition: string }) =>
    withHelp(
      `\`${name}\` does not exist here unless \`${condition}\``,
      `put it under \`if ${condition}\`; the condition may be one of several joined by \`and\``,
    ),
  "host-state-extent": ({ name, extent }: Named & { extent: string }) =>
    withHelp(
      `the host cannot keep ${extentPhrase(extent)} for \`${name}\``,
      "leave `host` out to keep it on the device, or leave the extent out",
    ),
  "extent-not-whole": ({ kind }: { kind: string }) =>
    withHelp(`\`${kind}\` takes a whole number that stands in the text`, kind === "axis" ? "`axis(0)` is the first" : "`block(256)`"),
} as const;

const declarationMessages = {
  "default-out-of-range": ({ name, value, interval }: Named & { value: number; interval: string }) =>
    withHelp(`the default of \`${name}\` is ${value}, outside its own range ${interval}`, "change one of the two"),
  "default-not-whole": ({ name, value }: Named & { value: number }) =>
    withHelp(`\`${name}\` is an \`int\`, and its default is ${value}`, "write a whole number, or leave `: int` out"),
  "default-not-finite": ({ name, value }: Named & { value: number }) =>
    withHelp(`the default of \`${name}\` is ${value}`, `a range that holds infinity allows it: \`hyper ${name} = inf in [0, inf]\``),
  "range-not-constant": () => withHelp("the ends of a range are numbers that stand in the text", "`in [0, 1)`"),
  "range-of-bool": ({ name }: Named) => withHelp(`\`${name}\` is a \`bool\` and has no range`, "leave `in ...` out"),
  "range-empty": ({ low, high }: { low: number; high: number }) =>
    withHelp(
      `no number lies between ${low} and ${high} as this range says it`,
      "the low end comes first; `[` and `]` include an end, `(` and `)` do not",
    ),
  "duplicate-word": ({ name, word }: Named & { word: string }) => withHelp(`the option \`${name}\` has \`${word}\` twice`, "leave one out"),
  "option-default": ({ name, word, words }: Named & { word: string; words: readonly string[] }) =>
    withHelp(`\`${word}\` is not a word of the option \`${name}\``, `choose ${listed(words, "or")}`),
  "option-without-words": ({ name, word }: Named & { word: string }) =>
    withHelp(
      `the words of the option \`${name}\` are missing`,
      `write \`option ${name}: ${word} | other = ${word}\`, or \`= false\` for a switch`,
    ),
} as const;

const useMessages = {
  "unused-value": ({ name }: Named) => withHelp(`\`${name}\` is computed and never used`, "use it, or delete the line"),
  "unused-hyper": ({ name, what }: Named & { what: string }) =>
    withHelp(`nothing uses the ${what} \`${name}\``, "use it, or delete it: who sets it would expect an effect"),
  "nothing-to-build": (): Message => ({
    severity: "warning",
    message: "this file has no optimizer and no ruleset: nothing is built from it",
    help: "`optimizer Name { ... }`; `optspec init` writes one to begin with",
  }),
  "param-never-written": ({ name }: Named) =>
    withHelp(`\`${name}\` never changes \`param\`: it would train nothing`, "write `param <- param - lr * grad`, or whatever its step is"),
  "state-never-read": ({ name, written }: Named & { written: boolean }) =>
    withHelp(
      `the state \`${name}\` is ${written ? "written and never read" : "never used"}`,
      "read it, or delete it: it costs memory for every parameter",
    ),
  "state-never-written": ({ name }: Named) =>
    withHelp(`the state \`${name}\` keeps its initial value for ever`, `write \`${name} <- ...\`, or use the number itself`),
} as const;

const limitMessages = {
  "optimizer-too-large": ({ most }: { most: number }) =>
    withHelp(
      `this optimizer has more than ${most} operations once its functions are inlined`,
      "make functions that call others twice name the result: `x = f(a)`",
    ),
  "too-many-states": ({ count, most }: { count: number; most: number }) =>
    withHelp(`an optimizer has at most ${most} states, and this has ${count}`, undefined),
  "too-many-variants": ({ most }: { most: number }) =>
    withHelp(
      `the conditions of this optimizer that the host decides make more than ${most} kernels`,
      "make some of them an `option`, or compute their values on the host: `c = if t > 10 then 1 else 0`",
    ),
  "too-many-coefficients": ({ count, most }: { count: number; most: number }) =>
    withHelp(
      `${count} values of the host enter the kernel, and a row holds ${most}`,
      "compute some of them together before they meet a device value",
    ),
} as const;

export const checkMessages = {
  ...storeMessages,
  ...nameMessages,
  ...expressionMessages,
  ...flowMessages,
  ...declarationMessages,
  ...useMessages,
  ...limitMessages,
  ...ruleMessages,
  ...scheduleMessages,
} as const satisfies Record<string, (args: never) => Message>;
