import assert from "node:assert/strict";
import { VmError } from "../../../lib/vm/errors.ts";
import { buildKernel } from "../../../lib/vm/kernel/build_kernel.ts";
import { fakeTree } from "./fake_tree.ts";

/**
 * Stand-ins for the programs of a Debian machine. They tell what they were asked in `asked`; the file `listed` says that the machine's
 * own lists have the package, `installed` that it is installed, `offline` that the archive cannot be reached.
 */
const PROGRAMS: Readonly<Record<string, string>> = {
  "dpkg-query": `if [ -e "$W/installed" ]; then echo "installed 1.2-3"; else exit 1; fi`,
  "dpkg": `echo "$W/linux-source-6.1.tar.gz"`,
  "apt-cache": `echo "apt-cache $*" >> "$W/asked"
case "$*" in
*search*) echo "linux-source-6.12 - sources"; exit;;
*none*) exit;;
*Dir::State::Lists*) version=1.2-3;;
*) if [ -e "$W/listed" ]; then version=1.2-2; fi;;
esac
if [ -n "$version" ]; then printf 'linux-source-6.1:\\n  Installed: (none)\\n  Candidate: %s\\n' "$version"; fi
printf 'linux-source-6.12:\\n  Installed: (none)\\n  Candidate: 9.9-9\\n'`,
  "apt-get": `echo "apt-get $*" >> "$W/asked"
if [ -e "$W/offline" ]; then echo "W: first" >&2; echo "E: Could not connect" >&2; exit 100; fi
for word; do
  case "$word" in
  Dir::Etc::SourceParts=*) cat "\${word#*=}"/schedscope-backports.sources >> "$W/asked" 2>/dev/null;;
  download) echo x > package.deb;;
  esac
done
exit 0`,
  "dpkg-deb": `mkdir -p usr/src && cp "$W/linux-source-6.1.tar.gz" usr/src/`,
};

interface Machine {
  /** Everything that was asked since the last time. */
  asked(): string;
  set(...files: readonly string[]): Promise<void>;
}

async function withApt(test: (machine: Machine) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  const names = ["SCHEDSCOPE_CACHE", "COUNT", "PATH", "W"] as const;
  const before = names.map((name) => Deno.env.get(name));
  try {
    await fakeTree(directory);
    await Deno.mkdir(`${directory}/bin`);
    for (const [name, script] of Object.entries(PROGRAMS)) {
      await Deno.writeTextFile(`${directory}/bin/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const tarball = `${directory}/linux-source-6.1.tar.gz`;
    await new Deno.Command("tar", { args: ["-czf", tarball, "-C", directory, "linux"] }).output();
    Deno.env.set("SCHEDSCOPE_CACHE", `${directory}/cache`);
    Deno.env.set("COUNT", `${directory}/count`);
    Deno.env.set("W", directory);
    Deno.env.set("PATH", `${directory}/bin:${Deno.env.get("PATH")}`);
    const states = ["listed", "installed", "offline"];
    await test({
      asked: () => {
        try {
          const text = Deno.readTextFileSync(`${directory}/asked`);
          Deno.removeSync(`${directory}/asked`);
          return text;
        } catch {
          return "";
        }
      },
      set: async (...files) => {
        for (const name of states) await Deno.remove(`${directory}/${name}`).catch(() => {});
        for (const name of files) await Deno.writeTextFile(`${directory}/${name}`, "");
      },
    });
    assert.deepEqual([...Deno.readDirSync(`${directory}/cache/build`)], []);
  } finally {
    names.forEach((name, i) =>
      before[i] === undefined ? Deno.env.delete(name) : Deno.env.set(name, before[i])
    );
    await Deno.remove(directory, { recursive: true });
  }
}

const source = "apt:linux-source-6.1";

Deno.test("the sources in a package: as installed, as listed, or from lists that are read aside", () =>
  withApt(async ({ asked, set }) => {
    await set("installed");
    const installed = await buildKernel({ source });
    assert.ok(!asked().includes("download"));

    await set("listed");
    const listed = await buildKernel({ source });
    assert.notEqual(listed.path, installed.path, "another version of the package");
    assert.match(asked(), /apt-get .*download linux-source-6\.1=1\.2-2\n/);

    // No version is known: the kernel that was built last will do, and nothing is asked of the archive.
    await set();
    assert.deepEqual(await buildKernel({ source }), { ...listed, cached: true });
    assert.ok(!asked().includes("apt-get"));
  }));

Deno.test("where this machine's lists have no such package they are read into the cache, with the backports, and not into the machine", () =>
  withApt(async ({ asked, set }) => {
    await set();
    const lines: string[] = [];
    const built = await buildKernel({ source, onProgress: (line) => lines.push(line) });
    assert.equal(built.cached, false);
    assert.deepEqual(lines.slice(0, 3), [
      "reading the package lists for linux-source-6.1",
      "downloading linux-source-6.1 1.2-3",
      "unpacking linux-source-6.1.tar.gz",
    ]);
    const all = asked();
    if (/^ID=debian$/m.test(await Deno.readTextFile("/etc/os-release"))) {
      assert.match(all, /^URIs: .*\nSuites: \w+-backports$/m);
    }
    const calls = all.split("\n").filter((line) => line.startsWith("apt-get"));
    assert.equal(calls.length, 2);
    for (const call of calls) assert.match(call, /Dir::State::Lists=\S*\/cache\/build\/lists-\w+\/lists/);
  }));

Deno.test("a package that is not there, and an archive that is not reached, are told in a sentence", () =>
  withApt(async ({ set }) => {
    await set();
    const failure = (source: string, message: RegExp) =>
      assert.rejects(buildKernel({ source }), (error) => {
        assert.ok(error instanceof VmError, String(error));
        assert.match(error.message, message);
        return true;
      });
    await failure("apt:linux-none", /^apt knows no package linux-none; it has apt:linux-source-6\.12$/);
    await set("listed", "offline");
    await failure(source, /^linux-source-6\.1 1\.2-2 could not be downloaded: Could not connect$/);
    await set("offline");
    await failure(
      "apt:linux-none",
      /^The package lists for linux-none could not be read: Could not connect$/,
    );
  }));
