// What the checker says about `rules`.

import type { Message } from "./diagnostic.js";
import { didYouMean } from "./phrases.js";

const withHelp = (message: string, help: string | undefined): Message => (help === undefined ? { message } : { message, help });
const asWarning = (message: string, help: string): Message => ({ severity: "warning", message, help });
const asHint = (message: string, help: string | null): Message => ({ severity: "hint", message, ...(help !== null && { help }) });

interface Named {
  readonly name: string;
}

export const ruleMessages = {
  pattern: ({ message, help }: { message: string; help: string | null }) => withHelp(message, help ?? undefined),
  "pattern-hint": ({ message, help }: { message: string; help: string | null }) => asHint(message, help),
  "patterns-differ-in-case": ({ text, other }: { text: string; other: string }) =>
    asWarning(`"${text}" differs from "${other}" only in case`, "names are compared with their case; `(a|A)` takes both"),
  "contains-needs-text": () => withHelp("`contains` takes one text that is not empty", 'write `contains("bias")`'),
  "dtype-comparison": ({ nearest }: { nearest: readonly string[] }) =>
    withHelp(
      "`dtype` is compared by `==` or `!=` with the name of a type",
      didYouMean(nearest.map((name) => `"${name}"`)) ?? 'write `dtype == "F32"`',
    ),
  "capture-hides": ({ name, what }: Named & { what: string }) =>
    withHelp(`the capture \`{${name}}\` has the name of ${what}`, "rename the capture"),
  "capture-twice": ({ name }: Named) =>
    withHelp(`\`{${name}}\` is captured twice in one arm`, "rename one of them, and compare the two if they must be equal"),
  "capture-not-bound": ({ name }: Named) =>
    withHelp(
      `\`${name}\` is not captured by every way to this arm`,
      "capture it on both sides of `or`, or write two arms; `not` captures nothing",
    ),
  "word-capture-as-number": ({ name }: Named) =>
    withHelp(`\`{${name}: word}\` captures a text, which is no number`, `\`{${name}}\` captures digits`),
  "unused-capture": ({ name }: Named) =>
    asWarning(`the capture \`{${name}}\` is not used`, "write `*` for any text, or use it on the right"),
  "index-in-rule": () => asHint("`index` depends on the order in which the parameters are listed", "a pattern with a capture does not"),
  "missing-else": ({ neutral }: { neutral: string }) =>
    withHelp("these rules do not say what holds for every other parameter", `end with \`else => ${neutral}\``),
  "unreachable-arm": ({ line, afterElse }: { line: number; afterElse: boolean }) =>
    withHelp(
      afterElse
        ? "no parameter gets here: `else` stands above"
        : `no parameter gets here: the arm in line ${line} takes all that match this one`,
      "the first arm that matches wins: put the narrower arm above the wider",
    ),
  "order-decides": ({ line, example }: { line: number; example: string }) =>
    asHint(
      `this arm and the one in line ${line} both match \`${example}\`: the upper one decides`,
      "put first what shall win; a narrower pattern says it",
    ),
  "negative-exponent": ({ least }: { least: number }) =>
    withHelp(
      `this exponent can be ${least}: the factor would turn into its inverse`,
      "count so that the exponent is 0 or more for every hyper in its range",
    ),
  "freeze-not-setup": () =>
    withHelp("whether a parameter is frozen is decided at set-up, and this changes between steps", "use names, shapes and `fixed` hypers"),
  "rule-value-out-of-range": ({ name, value }: Named & { value: number }) =>
    withHelp(`${value} is no value for \`${name}\``, "give a number within its declaration"),
  "block-twice": ({ verb, hyper, line }: { verb: string; hyper: string | null; line: number }) =>
    withHelp(
      `\`rules ${verb}${hyper === null ? "" : ` ${hyper}`}\` stands twice, first in line ${line}`,
      verb === "set" ? "join the two, or mark one of them `override`" : "join the two",
    ),
  "rule-for-unknown": ({ name, what, nearest }: Named & { what: string | null; nearest: readonly string[] }) =>
    withHelp(
      what === null ? `there is no hyper \`${name}\` to decide` : `\`${name}\` is ${what}; rules decide hypers`,
      didYouMean(nearest),
    ),
  "rule-for-fixed": ({ name }: Named) =>
    withHelp(`\`${name}\` is \`fixed\`: it is one number for all parameters`, "leave `fixed` out to let rules decide it"),
  "rule-for-global": ({ name }: Named) =>
    withHelp(
      `\`${name}\` flows into a number of the whole model, so it cannot differ between parameters`,
      "scale the value where it is used for one parameter",
    ),
  "scale-of-bool": ({ name }: Named) => withHelp(`\`${name}\` is a \`bool\` and cannot be scaled`, `write \`rules set ${name}\``),
  "ratio-cycle": ({ name }: Named) =>
    withHelp(`the ratio of \`${name}\` depends on itself`, "let one of the rules read `.base` instead of `.ratio`"),
  "unused-set": ({ name, what }: Named & { what: "set" | "order" }) =>
    withHelp(`nothing uses the ${what} \`${name}\``, "use it in a rule, or delete it"),
  "last-not-at-end": () => withHelp("`last` stands at the end of a tuple", "`(1, last)` joins the greatest tuple that starts with 1"),
  "use-of-what": () => withHelp("`rules use` chooses an optimizer", "write `this`, the name of another one, or `AdamW(lr = 3e-4)`"),
  "use-needs-names": ({ optimizer }: { optimizer: string }) =>
    withHelp(`a hyper of \`${optimizer}\` is given by its name`, `write \`${optimizer}(lr = 3e-4)\``),
  "use-unknown-hyper": ({ name, optimizer, nearest }: Named & { optimizer: string; nearest: readonly string[] }) =>
    withHelp(`\`${optimizer}\` has no hyper \`${name}\``, didYouMean(nearest)),
  "unknown-base": ({ name, what, nearest }: Named & { what: "optimizer" | "ruleset"; nearest: readonly string[] }) =>
    withHelp(
      `there is no ${what} \`${name}\` in this file`,
      didYouMean(nearest) ??
        `write its text here, above or below${what === "ruleset" ? ", or take it when the optimizer is made, by `rules:`" : ""}`,
    ),
  "ruleset-twice": ({ name }: Named) => withHelp(`the rules of \`${name}\` are taken twice`, "leave one out: its scales would multiply"),
  "base-cycle": ({ name }: Named) => withHelp(`\`${name}\` is made from itself`, "name another optimizer"),
} as const satisfies Record<string, (args: never) => Message>;
