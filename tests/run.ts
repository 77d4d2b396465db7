/**
 * Installs what the tests need, runs them all and closes with a line `N passed, N failed`.
 *
 *     deno task test              all tests: C programs, modules, documentation examples, notebooks
 *     deno task test --static     and the static gate: format, lint, types, documentation, package
 *     deno task test tests/frame  only these (any arguments of deno test)
 */
import { CORE_NEEDS, ensurePackages, type Need } from "../lib/tools/apt.ts";
import { ensureJupyter } from "../lib/tools/jupyter.ts";
import { perfettoPython } from "./trace/perfetto/perfetto_python.ts";

const NEEDS: readonly Need[] = [
  ...CORE_NEEDS,
  { program: "stress-ng", package: "stress-ng" },
  { program: "trace-cmd", package: "trace-cmd" },
  { program: "python3", package: "python3" },
  { program: "chromium", package: "chromium" },
  { program: "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", package: "fonts-dejavu-core" },
  { program: "/usr/lib/python3/dist-packages/pip/__init__.py", package: "python3-pip" },
  { program: "/usr/share/doc/python3-venv/copyright", package: "python3-venv" },
  { program: "setpriv", package: "util-linux" },
  { program: "mount", package: "mount" },
  { program: "ps", package: "procps" },
];

interface Tally {
  passed: number;
  failed: number;
}

const deno = Deno.execPath();
const total: Tally = { passed: 0, failed: 0 };
const args = Deno.args.filter((arg) => arg !== "--static");
const gate = Deno.args.includes("--static");

async function run(command: readonly string[]): Promise<boolean> {
  console.log(`\n$ ${command.map((word) => word === deno ? "deno" : word).join(" ")}`);
  const { success } = await new Deno.Command(command[0]!, { args: command.slice(1), stdin: "null" }).spawn()
    .status;
  return success;
}

/** One command that passes or fails as a whole. */
async function step(...command: string[]): Promise<void> {
  const success = await run(command);
  if (success) total.passed++;
  else {
    total.failed++;
    console.log(`FAILED: ${command.join(" ")}`);
  }
}

/** Runs `deno test` and adds up what its report counts. */
async function denoTest(...rest: string[]): Promise<void> {
  const report = await Deno.makeTempFile({ suffix: ".xml" });
  try {
    const success = await run([deno, "test", "-A", `--junit-path=${report}`, ...rest]);
    const head = /<testsuites[^>]*\btests="(\d+)"[^>]*\bfailures="(\d+)"[^>]*\berrors="(\d+)"/.exec(
      await Deno.readTextFile(report).catch(() => ""),
    );
    const bad = Number(head?.[2] ?? 0) + Number(head?.[3] ?? 0);
    total.passed += Number(head?.[1] ?? 0) - bad;
    total.failed += success ? bad : Math.max(1, bad);
  } finally {
    await Deno.remove(report);
  }
}

const { installed, missing, command } = await ensurePackages(NEEDS, { onProgress: console.log });
if (installed.length > 0) console.log(`installed: ${installed.join(", ")}`);
if (missing.length > 0) console.log(`still missing, tests that need them will fail: ${command}`);
await ensureJupyter({ log: console.log });
await perfettoPython(console.log);

if (gate) {
  await step(deno, "fmt", "--check");
  await step(deno, "lint");
  await step(deno, "check", "mod.ts", "lib", "tests", "examples");
  await step(deno, "run", "-A", "tests/notebooks_check.ts");
  await step(deno, "doc", "--lint", "mod.ts", ...await exportedModules());
  await step(deno, "publish", "--dry-run", "--allow-dirty");
}
if (args.length === 0) {
  await step("make", "-C", "native", "check");
  await denoTest("tests");
  await denoTest("--doc", "--permit-no-files", "mod.ts", "lib");
} else await denoTest(...args);

console.log(`\n${total.passed} passed, ${total.failed} failed`);
Deno.exit(total.failed === 0 ? 0 : 1);

async function exportedModules(): Promise<string[]> {
  const { exports } = JSON.parse(await Deno.readTextFile("deno.json")) as { exports: Record<string, string> };
  return Object.values(exports).filter((path) => path !== "./mod.ts");
}
