// Headless Chromium with WebGPU on SwiftShader. A script is bundled, served with a page from 127.0.0.1 (WebGPU needs a secure context) and
// answers with one JSON value: what its export `run` resolves to. Debian's package is the browser; nothing is downloaded.

import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Browser, chromium, type Page } from "playwright-core";
import { bundle } from "./bundle.js";
import { missingDevice } from "./missing-device.js";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan", "--no-sandbox"];
const TYPES: Readonly<Record<string, string>> = { "/": "text/html", "/script.js": "text/javascript" };

const browser = (): string | undefined => [process.env.OPTSPEC_CHROMIUM, ...PLACES].find((path) => path !== undefined && existsSync(path));

/** Why there is no Chromium here; undefined where there is one. Throws in CI. */
export function whyNoChromium(): string | undefined {
  if (browser() !== undefined) return undefined;
  return missingDevice("Chromium", "it is not installed; on Debian: apt-get install chromium; elsewhere name it in OPTSPEC_CHROMIUM");
}

/** Starts the browser; whoever asks for it closes it. */
export const launchChromium = () => chromium.launch({ executablePath: browser()!, args: FLAGS, timeout: 0 });

/** A page without time limits of its own: the test has one. */
export async function openPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  return page;
}

/** With these a page may share memory between threads. */
export const ISOLATION = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

export interface PageOptions {
  /** Served so that the page is cross-origin isolated. */
  readonly isolated?: boolean;
  /** Its content security policy. */
  readonly policy?: string;
  /** Paths of files that are served too, by their addresses. */
  readonly files?: Readonly<Record<string, string>>;
}

async function serve(files: Readonly<Record<string, string | Buffer>>, { isolated, policy }: PageOptions): Promise<Server> {
  const headers = { ...(isolated && ISOLATION), ...(policy !== undefined && { "content-security-policy": policy }) };
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    const text = Object.hasOwn(files, path) ? files[path] : undefined;
    response.writeHead(text === undefined ? 404 : 200, {
      ...headers,
      "content-type": TYPES[path] ?? (path.endsWith(".wasm") ? "application/wasm" : "text/plain"),
    });
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** Runs the export `run` of the module at `entry` in a page, and resolves to what it returns. */
export async function runInChromium(entry: string, options: PageOptions = {}): Promise<unknown> {
  const more = Object.entries(options.files ?? {}).map(([address, path]) => [address, readFileSync(path)] as const);
  const files = {
    ...Object.fromEntries(more),
    "/": "<!doctype html><meta charset=utf-8><title>test</title>",
    "/script.js": await bundle(entry),
  };
  const server = await serve(files, options);
  const started = await launchChromium();
  try {
    const page = await openPage(started);
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return await page.evaluate('import("/script.js").then(({ run }) => run())');
  } finally {
    await started.close();
    server.close();
  }
}
