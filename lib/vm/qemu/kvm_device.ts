/** KVM as this machine offers it, by what can be seen without a guest. */
export interface KvmDevice {
  /** Why it cannot be used, a sentence; undefined where it may work. */
  readonly lacks: string | undefined;
  /** What to do about that. */
  readonly remedy: string | undefined;
  /** Changes whenever the device or the modules behind it do. */
  readonly identity: string;
  /** Whether guests may run guests with KVM. */
  readonly nested: boolean;
}

/** Where to look; for trees taken elsewhere. */
export interface KvmDeviceOptions {
  /** Default `/dev/kvm`. */
  readonly device?: string;
  /** Default `/sys/module`. */
  readonly modules?: string;
}

/** Looks at `/dev/kvm` and the modules behind it. */
export function kvmDevice(options: KvmDeviceOptions = {}): KvmDevice {
  const { device = "/dev/kvm", modules = "/sys/module" } = options;
  const none = (lacks: string, remedy: string): KvmDevice => ({ lacks, remedy, identity: "", nested: false });
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    return none(
      `KVM for x86-64 guests needs an x86-64 Linux host, and this is ${Deno.build.arch} ${Deno.build.os}`,
      "take the accelerator tcg",
    );
  }
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(device);
    Deno.openSync(device, { read: true, write: true }).close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return none(
        `there is no ${device}`,
        "load kvm_intel or kvm_amd (in a virtual machine: let its host allow nesting)",
      );
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      return none(
        `${device} may not be opened`,
        "add yourself to its group: sudo usermod -aG kvm $USER, then log in again",
      );
    }
    return none(
      `${device} cannot be opened (${error instanceof Error ? error.message : error})`,
      "take the accelerator tcg",
    );
  }
  const loaded = modulesOf(modules);
  const nested = ["kvm_intel", "kvm_amd"].some((name) =>
    /^[1Y]/.test(read(`${modules}/${name}/parameters/nested`))
  );
  return {
    lacks: undefined,
    remedy: undefined,
    identity: [info.rdev, info.ino, info.ctime?.getTime(), ...loaded, nested].join(" "),
    nested,
  };
}

function modulesOf(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => name.startsWith("kvm"))
      .sort();
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
