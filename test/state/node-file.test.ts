// Files on a disk: what is replaced, what is left, what is refused.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  createReadStream,
  createWriteStream,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { cpu } from "optspec/cpu";
import { file } from "optspec/node";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AdamW } from "../../generated/adamw/adamw.js";
import { AdamW as Wrapper } from "../../generated/adamw/adamw.js";

let folder = "";
let optimizer: AdamW<Float32Array>;
let expected: Buffer;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "optspec-file-"));
  optimizer = await Wrapper.create(await cpu({ threads: 1 }), { params: [{ name: "w", shape: [3], data: Float32Array.of(1, 2, 3) }] });
  await optimizer.step({ gradients: { w: Float32Array.of(1, 2, 3) } });
  expected = Buffer.from(await (await optimizer.save()).arrayBuffer());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a file is made, replaced and read, and nothing else is left in the folder", async () => {
  const path = join(folder, "run.safetensors");
  await optimizer.save(file(path));
  expect(readFileSync(path).equals(expected)).toBe(true);
  chmodSync(path, 0o640);
  await optimizer.step({ gradients: { w: Float32Array.of(1, 2, 3) } });
  await optimizer.save(file(path));
  expect(readFileSync(path).equals(expected)).toBe(false);
  expect(statSync(path).mode & 0o777).toBe(0o640);
  expect(readdirSync(folder)).toEqual(["run.safetensors"]);
  expect((await optimizer.load(file(path))).steps).toBe(2);
});

test("a link stays a link, and what it leads to is replaced", async () => {
  mkdirSync(join(folder, "runs"));
  writeFileSync(join(folder, "runs/1.safetensors"), "old");
  symlinkSync("runs/1.safetensors", join(folder, "latest"));
  await optimizer.save(file(join(folder, "latest")));
  expect(lstatSync(join(folder, "latest")).isSymbolicLink()).toBe(true);
  expect(readFileSync(join(folder, "runs/1.safetensors")).equals(expected)).toBe(true);
  expect(readdirSync(folder).sort()).toEqual(["latest", "runs"]);
  expect((await optimizer.load(file(join(folder, "latest")))).steps).toBe(1);
});

test("names as long as a file system allows, and of any characters", async () => {
  for (const name of ["a".repeat(255), `${"ü".repeat(120)}.safetensors`, "-rf $(x) \n.safetensors"]) {
    await optimizer.save(file(join(folder, name)));
    expect(readFileSync(join(folder, name)).equals(expected)).toBe(true);
  }
});

test("Node's own streams", async () => {
  const path = join(folder, "streamed");
  await optimizer.save(Writable.toWeb(createWriteStream(path)));
  expect(readFileSync(path).equals(expected)).toBe(true);
  await optimizer.step({ gradients: { w: Float32Array.of(1, 2, 3) } });
  await optimizer.load(createReadStream(path, { highWaterMark: 5 }));
  expect(optimizer.steps).toBe(1);
});

test("what cannot be written or read is refused, and leaves nothing behind", async () => {
  mkdirSync(join(folder, "sub"));
  const cases = [
    ["sub", /is there and is no file/],
    ["missing/run.safetensors", /cannot save to .*ENOENT/],
  ] as const;
  for (const [name, message] of cases)
    await expect(optimizer.save(file(join(folder, name)))).rejects.toMatchObject({
      code: "state-file",
      message: expect.stringMatching(message),
    });
  expect(readdirSync(folder)).toEqual(["sub"]);
  for (const [name, message] of [
    ["nothing", /cannot load .*ENOENT/],
    ["sub", /is no file|EISDIR/],
  ] as const)
    await expect(optimizer.load(file(join(folder, name)))).rejects.toMatchObject({
      code: "state-file",
      message: expect.stringMatching(message),
    });
  for (const path of ["", "a\0b", 7]) expect(() => file(path as string)).toThrow("file() takes a path");
});

test.skipIf(process.platform === "win32")("a pipe is not waited for", async () => {
  const pipe = join(folder, "pipe");
  expect(spawnSync("mkfifo", [pipe]).status).toBe(0);
  await expect(optimizer.load(file(pipe))).rejects.toMatchObject({ code: "state-file", message: expect.stringContaining("is no file") });
  await expect(optimizer.save(file(pipe))).rejects.toMatchObject({ code: "state-file" });
});

test.skipIf(!existsSync("/dev/full"))("a disk that is full", async () => {
  // Writes to /dev/full fail as on a full disk; through a stream, because the file beside it could be written.
  const stream = Writable.toWeb(createWriteStream("/dev/full"));
  await expect(optimizer.save(stream)).rejects.toMatchObject({ code: "state-file", message: expect.stringContaining("ENOSPC") });
  await optimizer.step({ gradients: { w: Float32Array.of(1, 2, 3) } });
});
