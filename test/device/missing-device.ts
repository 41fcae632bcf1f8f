// What a missing device means: in CI the set-up must have provided it, so it is a failure; on a person's machine the tests that need
// it are skipped and the reason is printed once.

const said = new Set<string>();

/** Throws in CI; elsewhere prints why the tests of `device` are skipped, and returns the reason. */
export function missingDevice(device: string, why: string): string {
  if (process.env.CI === "true") throw new Error(`${device} is missing although this is CI: ${why}`);
  if (!said.has(device)) process.stderr.write(`skipped: everything that needs ${device}: ${why}\n`);
  said.add(device);
  return why;
}
