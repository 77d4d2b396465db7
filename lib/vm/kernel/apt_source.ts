import { findProgram } from "../../tools/apt.ts";
import { LackingError, VmError } from "../errors.ts";
import type { KernelSource, KernelSourceOptions } from "./kernel_source.ts";
import { runProgram, type RunProgramOptions } from "./run_program.ts";

/** Sources in a Debian package whose version is not known before the lists of the archive are read. */
export interface AptSource {
  /** The package. */
  readonly package: string;
  /** Reads the lists, those of the backports included, into `directory`, without a change to this machine's. */
  readLists(directory: string): Promise<KernelSource>;
}

/** What the unpacked sources and the two forms of the archive take. */
const BYTES = 1_700_000_000;

/** Unpacks a tarball below a directory; returns the kernel tree in it. */
type Unpack = (path: string, directory: string, options: KernelSourceOptions) => Promise<string>;

/** The sources in the Debian package `name`: as installed, else as the archive's lists on this machine have it, else to be asked for. */
export async function resolveAptSource(
  name: string,
  unpack: Unpack,
  options: KernelSourceOptions,
): Promise<KernelSource | AptSource> {
  if (!/^[a-z0-9][a-z0-9+.-]+$/.test(name)) {
    throw new VmError(`apt:${name} names no package; give apt:linux-source-6.12 or apt:linux-source-6.1`);
  }
  if (findProgram("apt-get") === undefined || findProgram("dpkg-deb") === undefined) {
    throw new LackingError(
      `apt:${name} needs apt, which this machine does not have`,
      "give a directory or a tarball of kernel sources (https://kernel.org)",
    );
  }
  const installed = await installedSource(name, unpack, options);
  if (installed !== undefined) return installed;
  const version = await candidate(name, [], options);
  if (version !== undefined) return archiveSource(name, version, [], unpack);
  return {
    package: name,
    readLists: (directory) => readLists(name, directory, unpack, options),
  };
}

function only({ signal }: KernelSourceOptions): RunProgramOptions {
  return signal === undefined ? {} : { signal };
}

async function installedSource(
  name: string,
  unpack: Unpack,
  options: KernelSourceOptions,
): Promise<KernelSource | undefined> {
  const query = await runProgram(
    ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name],
    only(options),
  );
  const version = /^installed (\S+)/.exec(query.stdout)?.[1];
  if (version === undefined) return undefined;
  const files = (await runProgram(["dpkg", "-L", name], only(options))).stdout.split("\n");
  const tarball = files.find((file) => /\/linux-source-[\d.]+\.tar\.\w+$/.test(file));
  if (tarball === undefined || findProgram(tarball) === undefined) return undefined;
  return {
    identity: `apt ${name} ${version}`,
    bytes: BYTES,
    obtain: (directory, options) => unpack(tarball, directory, options),
  };
}

/** The version of the package that apt would install, with these options of apt; undefined where it knows none. */
async function candidate(
  name: string,
  apt: readonly string[],
  options: KernelSourceOptions,
): Promise<string | undefined> {
  const policy = await runProgram(["apt-cache", ...apt, "policy", name], only(options));
  // Where there is no package of the name, apt takes it for a pattern, and tells of others.
  const told = policy.stdout.split(/^(?=\S)/m).find((part) => part.startsWith(`${name}:\n`));
  const version = told === undefined ? undefined : /^\s*Candidate: (\S+)$/m.exec(told)?.[1];
  return version === undefined || version === "(none)" ? undefined : version;
}

function archiveSource(name: string, version: string, apt: readonly string[], unpack: Unpack): KernelSource {
  return {
    identity: `apt ${name} ${version}`,
    bytes: BYTES,
    obtain: async (directory, options) => {
      const into = `${directory}/package`;
      await Deno.mkdir(into, { recursive: true });
      options.onProgress?.(`downloading ${name} ${version}`);
      const download = await runProgram(
        ["apt-get", ...apt, "-o", "APT::Sandbox::User=root", "download", `${name}=${version}`],
        { ...only(options), cwd: into },
      );
      if (!download.success) throw aptError(`${name} ${version} could not be downloaded`, download.stderr);
      const file = [...Deno.readDirSync(into)].find((entry) => entry.name.endsWith(".deb"));
      if (file === undefined) {
        throw new VmError(`${name} ${version} could not be downloaded: apt left no file`);
      }
      const unpacked = await runProgram(["dpkg-deb", "-x", file.name, "."], { ...only(options), cwd: into });
      await Deno.remove(`${into}/${file.name}`);
      if (!unpacked.success) throw aptError(`${file.name} does not unpack`, unpacked.stderr);
      const sources = `${into}/usr/src`;
      const tarball = [...Deno.readDirSync(sources)].find((entry) => /\.tar\.\w+$/.test(entry.name));
      if (tarball === undefined) throw new VmError(`${name} has no tarball of kernel sources in usr/src`);
      const tree = await unpack(`${sources}/${tarball.name}`, directory, options);
      await Deno.remove(into, { recursive: true });
      return tree;
    },
  };
}

function aptError(what: string, said: string): VmError {
  const lines = said.split("\n").filter((line) => line.startsWith("E: ")).map((line) => line.slice(3));
  return new VmError(`${what}: ${lines[0] ?? (said.trim() || "apt said nothing")}`);
}

/** Reads the lists of this machine's archives, and of Debian's backports, into `directory`, and looks for the package there. */
async function readLists(
  name: string,
  directory: string,
  unpack: Unpack,
  options: KernelSourceOptions,
): Promise<KernelSource> {
  const parts = `${directory}/sources.d`;
  await Deno.mkdir(parts, { recursive: true });
  await Deno.mkdir(`${directory}/lists/partial`, { recursive: true });
  await Deno.mkdir(`${directory}/archives/partial`, { recursive: true });
  for (const entry of filesOf("/etc/apt/sources.list.d")) {
    if (/\.(list|sources)$/.test(entry)) {
      await Deno.copyFile(`/etc/apt/sources.list.d/${entry}`, `${parts}/${entry}`);
    }
  }
  const backports = backportsEntry();
  if (backports !== undefined) await Deno.writeTextFile(`${parts}/schedscope-backports.sources`, backports);
  const apt = [
    `Dir::State::Lists=${directory}/lists`,
    `Dir::Cache=${directory}`,
    `Dir::Etc::SourceParts=${parts}`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  options.onProgress?.(`reading the package lists for ${name}`);
  const update = await runProgram(["apt-get", ...apt, "update"], only(options));
  const version = await candidate(name, apt, options);
  if (version !== undefined) return archiveSource(name, version, apt, unpack);
  if (!update.success) throw aptError(`The package lists for ${name} could not be read`, update.stderr);
  const search = await runProgram(
    ["apt-cache", ...apt, "search", "--names-only", "^linux-source-[0-9.]+$"],
    only(options),
  );
  const known = search.stdout.split("\n").map((line) => line.split(" ")[0]!).filter((word) => word !== "");
  throw new VmError(
    `apt knows no package ${name}; ` +
      (known.length === 0
        ? "give a directory or a tarball of kernel sources"
        : `it has ${known.sort().map((word) => `apt:${word}`).join(", ")}`),
  );
}

function filesOf(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].filter(({ isFile }) => isFile).map(({ name }) => name);
  } catch {
    return [];
  }
}

/** The entry of the backports of this Debian release; undefined on other distributions. */
function backportsEntry(): string | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync("/etc/os-release");
  } catch {
    return undefined;
  }
  const codename = /^VERSION_CODENAME="?(\w+)/m.exec(text)?.[1];
  if (!/^ID="?debian"?$/m.test(text) || codename === undefined) return undefined;
  return [
    "Types: deb",
    "URIs: http://deb.debian.org/debian",
    `Suites: ${codename}-backports`,
    "Components: main",
    "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
    "",
  ].join("\n");
}
