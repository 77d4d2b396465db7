import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";

/**
 * Every option in the text of a `.config`, by its name without `CONFIG_`: `y`, `m`, `n` where the text says that it is not set, else
 * the number or the text without its quotes.
 */
export function parseKernelConfig(text: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const line of text.split("\n")) {
    const set = /^CONFIG_(\w+)=(.*?)\s*$/.exec(line);
    if (set !== null) {
      const value = set[2]!;
      options.set(set[1]!, value.startsWith('"') ? value.slice(1, -1).replace(/\\(["\\])/g, "$1") : value);
      continue;
    }
    const unset = /^# CONFIG_(\w+) is not set\s*$/.exec(line);
    if (unset !== null) options.set(unset[1]!, "n");
  }
  return options;
}

/** The release that the text of a `.config` says it is for: `# Linux/x86 6.12.117 Kernel Configuration`. */
export function configRelease(text: string): string | undefined {
  return /^# Linux\/\S+ (\S+) Kernel Configuration$/m.exec(text)?.[1];
}

/** The text of the configuration within the kernel `bytes` (CONFIG_IKCONFIG, kernel/configs.c); undefined where there is none. */
export function embeddedConfig(bytes: Uint8Array): string | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = buffer.indexOf("IKCFG_ST"); at >= 0; at = buffer.indexOf("IKCFG_ST", at + 8)) {
    const start = at + 8;
    if (buffer[start] !== 0x1f || buffer[start + 1] !== 0x8b) continue;
    const end = buffer.indexOf("IKCFG_ED", start);
    if (end < 0) continue;
    try {
      return new TextDecoder().decode(gunzipSync(buffer.subarray(start, end), { maxOutputLength: 2 ** 26 }));
    } catch {
      // The mark may stand in other data.
    }
  }
  return undefined;
}
