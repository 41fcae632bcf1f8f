// The page that `optspec explain --html` writes, as a browser reads it: whatever names a model has, it is text and nothing else.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { optspec, put } from "../cli/command.js";
import { temporaryFolder } from "../cli/folder.js";
import { launchChromium, openPage, whyNoChromium } from "../device/chromium.js";

const rules = `ruleset Decay {
  hyper layer_decay = 0.5 in (0, 1]
  order depth { "layers.{n}" => (1, n)   else => 0 }
  scale lr { optional "</td><script>alert(1)</script>" => 2   else => layer_decay ^ (depth.max - depth) }
  set weight_decay { rank <= 1 => 0   else => weight_decay }
}
`;

const hostile = [
  "</script><script>document.title = 'taken'</script>",
  "<img src=x onerror=\"document.title = 'taken'\">",
  '" onmouseover="document.title = \'taken\'" x="',
  "a'b`c&lt;d&#60;e",
  "line\nbreak",
  "\u001b[31mred\u001b[0m",
  "\u202egnp.exe",
  "__proto__",
  "</title></svg></style><h1>x",
  "]]><!-- --!>",
];

async function page(names: readonly string[], read: (page: Awaited<ReturnType<typeof open>>["page"]) => Promise<void>) {
  const folder = temporaryFolder();
  const params = [...Array.from({ length: 12 }, (_, n) => `layers.${n}.w`), ...names].map((name) => ({ name, shape: [2, 2] }));
  put(folder, { "rules.opt": rules, "p.json": JSON.stringify([...params, { name: "head.b", shape: [2] }]) });
  const ran = await optspec(folder, ["explain", "rules.opt", "--params", "p.json", "--html", "table.html"]);
  expect(ran, ran.talk).toMatchObject({ exitCode: 0, talk: expect.stringContaining("the page is table.html") });
  const { browser, page: opened } = await open(join(folder, "table.html"));
  try {
    await read(opened);
  } finally {
    await browser.close();
  }
}

async function open(file: string) {
  const browser = await launchChromium();
  const opened = await openPage(browser);
  const asked: string[] = [];
  opened.on("request", (request) => asked.push(request.url()));
  opened.on("pageerror", (error) => asked.push(error.message));
  const address = pathToFileURL(file).href;
  await opened.goto(address);
  expect(asked).toEqual([address]);
  return { browser, page: opened };
}

/** As every table spells a character that could move a cursor or reorder letters. */
const spelled = (name: string) =>
  Array.from(name, (c) => ("\n\u001b\u202e".includes(c) ? `\\u{${c.charCodeAt(0).toString(16)}}` : c)).join("");

describe.skipIf(whyNoChromium() !== undefined)("the page of a table", () => {
  test("names are text", async () => {
    await page(hostile, async (opened) => {
      expect(await opened.title()).toBe("Decay over p.json");
      const tags = await opened.$$eval("body *", (all) => [...new Set(all.map(({ tagName }) => tagName.toLowerCase()))].sort());
      const ours = "circle details div h1 h2 line p polyline summary svg table tbody td text th title tr".split(" ");
      expect(tags).toEqual(ours);
      expect(
        await opened.$$eval("*", (all) =>
          all.flatMap((tag) => [...tag.attributes].map(({ name }) => name)).filter((name) => name.startsWith("on")),
        ),
      ).toEqual([]);
      const cells = await opened.$$eval("details td:first-child", (found) => found.map(({ textContent }) => textContent));
      expect(cells.slice(12, -1)).toEqual(hostile.map(spelled));
      const html = await opened.content();
      for (const unsafe of ["\u001b", "\u202e"]) expect(html).not.toContain(unsafe);
    });
  });

  test("a picture for each hyper: layers from left to right, lower ones lower", async () => {
    await page([], async (opened) => {
      expect(await opened.$$eval("h2", (found) => found.map(({ textContent }) => textContent))).toEqual([
        "lr ratio by depth",
        "weight_decay value by depth",
        "Families",
      ]);
      const dots = await opened.$$eval("svg[aria-label='lr ratio by depth'] circle", (found) =>
        found.map((dot) => [Number(dot.getAttribute("cx")), Number(dot.getAttribute("cy")), dot.textContent ?? ""] as const),
      );
      const layers = dots.filter(([, , title]) => title.includes("layers."));
      expect(layers.map(([, , title]) => title)).toEqual(
        Array.from({ length: 12 }, (_, n) => `lr ratio ${Number((0.5 ** (11 - n)).toPrecision(3))}: layers.${n}.w (matrix)`),
      );
      for (const [i, [x, y]] of layers.entries()) {
        const before = layers[i - 1];
        if (before === undefined) continue;
        expect(x).toBeGreaterThan(before[0]);
        expect(y).toBeLessThan(before[1]);
      }
      const sides = await opened.$$eval("svg[role=img]", (found) => found.map((svg) => svg.getBoundingClientRect().width > 500));
      expect(sides).toEqual([true, true]);
    });
  });
});

test("--html needs a list and a place to write", async () => {
  const folder = temporaryFolder();
  put(folder, { "rules.opt": rules, "p.json": '{"layers.0.w": [2, 2]}' });
  expect(await optspec(folder, ["explain", "rules.opt", "--html", "t.html"])).toMatchObject({
    exitCode: 2,
    talk: expect.stringContaining("--params"),
  });
  const ran = await optspec(folder, ["explain", "rules.opt", "--params", "p.json", "--html", "nowhere/t.html"]);
  expect(ran).toMatchObject({ exitCode: 2, talk: expect.stringContaining("cannot write nowhere/t.html") });
  const written = await optspec(folder, ["explain", "rules.opt", "--params", "p.json", "--html", "t.html"]);
  expect(written.exitCode).toBe(1);
  // A table with problems is worth looking at too.
  expect(readFileSync(join(folder, "t.html"), "utf8")).toMatch(
    /^<!doctype html>[\s\S]*<li class="error">error: line 5 of &#96;rules set weight_decay&#96; matches no/,
  );
});
