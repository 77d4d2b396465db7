import assert from "node:assert/strict";
import { nativeProgram } from "../../lib/native/mod.ts";

const MAIN = new URL("../../lib/cli/main.ts", import.meta.url).pathname;
const RUN = ["run", "-A", "-q", "--no-lock", MAIN, "spin", "-d", "50ms", "--max-gap", "0"];

interface Ended {
  readonly code: number;
  readonly err: string;
}

async function ended(
  program: string,
  args: readonly string[],
): Promise<Ended> {
  const { code, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    env: { NO_COLOR: "1" },
  }).output();
  return { code, err: new TextDecoder().decode(stderr).trim() };
}

const spin = (...args: string[]) => ended(Deno.execPath(), [...RUN, ...args]);

/** One sentence, no stack; wrong usage names where to look. */
function assertSentence({ err }: Ended, sentence: RegExp): void {
  const lines = err.split("\n").filter((line) => !line.startsWith("Try: "));
  assert.equal(lines.length, 1, err);
  assert.match(lines[0]!, sentence);
}

Deno.test("wrong usage ends with 2 and one sentence", async () => {
  const cases: [string[], RegExp][] = [
    [["--cpus", "3-1"], /^schedscope spin: --cpus: Expected a CPU list such as 0-3,8 but found "3-1"$/],
    [["-n", "0"], /Expected threads to be an integer of at least 1 but found 0/],
    [["-n", "5000"], /Expected threads to be at most 4096 but found 5000/],
    [["-n", "3", "--cookies"], /Expected an even number of threads for cookies but found 3/],
    [["--pairs", "1", "-n", "2"], /Expected threads or pairs but found both/],
    [["--policy", "fifo:0"], /Expected policy to be .* but found fifo:0/],
    [["--nice", "0,20"], /Expected nice to be at most 19 but found 20/],
    [["--group", "shares=1"], /Expected a group's shares to be an integer from 2 to 262144 but found 1/],
    [["--control", "0", "--cpus", "0"], /Expected control to be a CPU that is not among cpus but found 0/],
  ];
  const results = await Promise.all(cases.map(([args]) => spin(...args)));
  for (const [i, result] of results.entries()) {
    assert.equal(result.code, 2, `${cases[i]![0].join(" ")}: ${result.err}`);
    assertSentence(result, cases[i]![1]);
  }
});

Deno.test("what the machine lacks ends with 3 and one sentence with the remedy", async () => {
  const cases: [string[], RegExp][] = [
    [["--cgroup", "/sys/fs/cgroup/nowhere"], /there is no cgroup \/sys\/fs\/cgroup\/nowhere; remedy: mkdir /],
    [["--cpus", "0,1000"], /thread 0 could not get its CPUs: Invalid argument; remedy: name CPUs of /],
    [["--siblings-of", "1000"], /CPU 1000 is not there or not online; remedy: name one of \d/],
  ];
  const results = await Promise.all(cases.map(([args]) => spin(...args)));
  for (const [i, result] of results.entries()) {
    assert.equal(result.code, 3, `${cases[i]![0].join(" ")}: ${result.err}`);
    assertSentence(result, cases[i]![1]);
  }
});

Deno.test("more threads than pids.max allows ends with 3 and names the limit", async () => {
  const parent = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].find((directory) => {
    try {
      return Deno.statSync(`${directory}/cgroup.procs`).isFile;
    } catch {
      return false;
    }
  });
  const group = `${parent}/schedscope-test-${Deno.pid}`;
  try {
    await Deno.mkdir(group);
    await Deno.writeTextFile(`${group}/pids.max`, "100");
  } catch (error) {
    await Deno.remove(group).catch(() => {});
    return console.log(`  no pids controller here: ${error instanceof Error ? error.message : error}`);
  }
  try {
    const result = await ended("/bin/sh", [
      "-c",
      `echo $$ > ${group}/cgroup.procs && exec "$@"`,
      "sh",
      Deno.execPath(),
      ...RUN,
      "-n",
      "200",
    ]);
    assert.equal(result.code, 3, result.err);
    assertSentence(
      result,
      /cannot start thread \d+ of 200: .*; remedy: fewer threads, or a higher limit \(pids\.max/,
    );
  } finally {
    for (let left = 30; left > 0; left--) {
      try {
        await Deno.remove(group);
        break;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }
});

const FORBIDDEN: readonly (readonly [string[], RegExp])[] = [
  [
    ["--policy", "fifo:1"],
    /thread 0 could not get its policy: .*; remedy: run as root, or raise .*ulimit -r/,
  ],
  [["--nice", "-5"], /thread 0 could not get its nice value: .*; remedy: run as root, or raise .*ulimit -e/],
];

Deno.test("a policy or a nice value that is not permitted ends with 3 and says what would allow it", async () => {
  // Root without CAP_SYS_NICE: all else of the command works as it does for root.
  const without = ["--bounding-set=-sys_nice", "--inh-caps=-sys_nice", Deno.execPath(), ...RUN];
  for (const [args, sentence] of FORBIDDEN) {
    const result = await ended("setpriv", [...without, ...args]);
    assert.equal(result.code, 3, `${args.join(" ")}: ${result.err}`);
    assertSentence(result, sentence);
  }
});

Deno.test("the program says the same to the user nobody", async () => {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.chmod(directory, 0o755);
    const program = `${directory}/schedscope-spin`;
    await Deno.copyFile(nativeProgram("schedscope-spin"), program);
    await Deno.chmod(program, 0o755);
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", program, "--duration", "50ms"];
    for (const [args, sentence] of FORBIDDEN) {
      const result = await ended("setpriv", [...nobody, ...args]);
      assert.equal(result.code, 3, `${args.join(" ")}: ${result.err}`);
      assertSentence(result, sentence);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
