// What `npm start` and `npm test` need on a fresh clone: npm packages, the project's own bundle and, for tests, software graphics drivers
// and NVIDIA's compilers, which need no GPU.
// Plain Node without any package, because it runs before there are any. Says in one line what it installs; silent where all is there.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = [20, 19];
const PURPOSES = ["start", "test"];

/**
 * In the order in which they build on one another.
 * `system` provisions are Debian packages; without them, and without those that `mayFail`, tests are skipped outside CI.
 * @type {readonly { name: string, purposes: readonly string[], system?: string, mayFail?: true, missing: () => boolean, install: () => void }[]}
 */
const PROVISIONS = [
  { name: "npm packages", purposes: ["start", "test"], missing: packagesAreStale, install: installPackages },
  {
    name: "bundle in dist/",
    purposes: ["start", "test"],
    missing: bundleIsStale,
    install: () => run(process.execPath, ["scripts/bundle.mjs"]),
  },
  systemPackage("chromium", ["/usr/bin/chromium"]),
  systemPackage("g++", ["/usr/bin/g++"]),
  systemPackage("mesa-vulkan-drivers", [
    "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json",
    "/usr/share/vulkan/icd.d/lvp_icd.aarch64.json",
    "/usr/share/vulkan/icd.d/lvp_icd.json",
  ]),
  { name: "NVIDIA's compilers (Python wheels)", purposes: ["test"], mayFail: true, missing: wheelsAreStale, install: installWheels },
];

/** Registers and instructions are recorded for these versions. */
const WHEELS = [
  ...["nvcc", "crt", "runtime", "nvrtc", "cuobjdump", "nvdisasm"].map((name) => `nvidia-cuda-${name}==13.5.37`),
  "nvidia-nvvm==13.5.37",
  "nvidia-cuda-cccl==13.3.5.0.6",
];
const WHEELS_STAMP = join(ROOT, ".venv/wheels.json");

function wheelsAreStale() {
  return !existsSync(WHEELS_STAMP) || readFileSync(WHEELS_STAMP, "utf8") !== JSON.stringify(WHEELS);
}

function installWheels() {
  const venv = join(ROOT, ".venv");
  if (!existsSync(join(venv, "bin/pip"))) {
    if (spawnSync("python3", ["-c", "import ensurepip"]).status !== 0 && canInstallSystemPackages()) installSystemPackage("python3-venv");
    run("python3", ["-m", "venv", venv]);
  }
  run(join(venv, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", ...WHEELS]);
  writeFileSync(WHEELS_STAMP, JSON.stringify(WHEELS));
}

/** @param {string} name @param {readonly string[]} signs Any of these files shows that the package is there. */
function systemPackage(name, signs) {
  return {
    name: `Debian package ${name}`,
    purposes: ["test"],
    system: name,
    missing: () => !signs.some((path) => existsSync(path)),
    install: () => installSystemPackage(name),
  };
}

/** Whether node_modules differs from the lock file; packages for other platforms may be absent. */
function packagesAreStale() {
  const installed = join(ROOT, "node_modules/.package-lock.json");
  if (!existsSync(installed)) return true;
  const wanted = readJson(join(ROOT, "package-lock.json")).packages;
  const present = readJson(installed).packages;
  return Object.entries(wanted).some(([path, entry]) => {
    if (path === "") return false;
    return present[path] === undefined ? entry.optional !== true : present[path].version !== entry.version;
  });
}

function installPackages() {
  const options = ["ci", "--include=dev", "--include=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
  const npm = process.env.npm_execpath;
  if (npm !== undefined && /npm-cli\.c?js$/.test(npm)) run(process.execPath, [npm, ...options]);
  else run(process.platform === "win32" ? "npm.cmd" : "npm", options);
}

function bundleIsStale() {
  const made = join(ROOT, "dist/types/runtime/index.d.ts"); // what the bundle makes last
  if (!existsSync(made)) return true;
  const time = statSync(made).mtimeMs;
  return ["src", "grammar", "scripts/bundle.mjs", "package-lock.json"].some((path) => newest(join(ROOT, path)) > time);
}

/** @param {string} path @returns {number} */
function newest(path) {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return readdirSync(path).reduce((time, name) => Math.max(time, newest(join(path, name))), mtimeMs);
}

let aptIsFresh = false;

/** @param {string} name */
function installSystemPackage(name) {
  if (!aptIsFresh) run("apt-get", ["update", "-q"]);
  aptIsFresh = true;
  run("apt-get", ["install", "-q", "-y", "--no-install-recommends", name], { DEBIAN_FRONTEND: "noninteractive" });
}

/** @param {string} path */
function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/**
 * Runs a command in silence; shows what it said where it fails.
 * @param {string} command @param {readonly string[]} args @param {Record<string, string>} extra
 */
function run(command, args, extra = {}) {
  const result = spawnSync(command, args, { cwd: ROOT, env: { ...process.env, ...extra }, encoding: "utf8", maxBuffer: 1 << 28 });
  if (result.status === 0) return;
  process.stdout.write("\n");
  process.stderr.write(`${result.stdout ?? ""}${result.stderr ?? ""}`);
  throw new Error(`"${[command, ...args].join(" ")}" failed${result.error ? `: ${result.error.message}` : ""}`);
}

function canInstallSystemPackages() {
  return process.platform === "linux" && existsSync("/usr/bin/apt-get") && process.getuid?.() === 0;
}

/** @param {string} purpose */
function setUp(purpose) {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const tooOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
  if (tooOld)
    throw new Error(`optspec needs Node ${OLDEST_NODE.join(".")} or newer; this is ${process.versions.node} (${process.execPath})`);
  const inCi = process.env.CI === "true";
  for (const { name, purposes, system, mayFail, missing, install } of PROVISIONS) {
    if (!purposes.includes(purpose) || !missing()) continue;
    if (system !== undefined && !canInstallSystemPackages()) {
      const hint = `${name} is missing: apt-get install ${system} (or your system's equal)`;
      if (inCi) throw new Error(hint);
      process.stdout.write(`setup: ${hint}; tests that need it are skipped\n`);
      continue;
    }
    const started = performance.now();
    process.stdout.write(`setup: ${name} ... `);
    try {
      install();
    } catch (error) {
      if (mayFail === undefined || inCi) throw error;
      process.stdout.write(`setup: ${name} could not be installed; tests that need them are skipped\n`);
      continue;
    }
    process.stdout.write(`${((performance.now() - started) / 1_000).toFixed(1)} s\n`);
  }
}

const purpose = process.argv[2] ?? "";
try {
  if (!PURPOSES.includes(purpose)) throw new Error(`usage: node scripts/setup.mjs ${PURPOSES.join("|")}`);
  setUp(purpose);
} catch (error) {
  process.stderr.write(`setup failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
