import assert from "node:assert/strict";
import { findQemu } from "../../../lib/vm/qemu/find_qemu.ts";

/** Runs `body` with these variables set, and puts back what they were. */
async function withEnv(
  variables: Readonly<Record<string, string>>,
  body: () => Promise<void>,
): Promise<void> {
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  try {
    await body();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

/** A program that prints `text`. */
async function program(directory: string, name: string, text: string): Promise<string> {
  const path = `${directory}/${name}`;
  await Deno.writeTextFile(path, `#!/bin/sh\necho '${text}'\n`, { mode: 0o755 });
  return path;
}

Deno.test("QEMU is found on the PATH, or where SCHEDSCOPE_QEMU says, with its version", async () => {
  const found = await findQemu();
  assert.match(found.version, /^\d+\.\d+/);
  assert.ok(found.path.startsWith("/"));
  const directory = await Deno.makeTempDir();
  try {
    const path = await program(directory, "mine", "QEMU emulator version 9.1.50 (v9.1.0-1-gabc)");
    await withEnv({ SCHEDSCOPE_QEMU: path }, async () => {
      assert.deepEqual(await findQemu(), { path, version: "9.1.50" });
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("no QEMU, one that is none or is too old, and a missing setpriv: what to install", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const remedy = /apt-get install qemu-system-x86/;
    await withEnv({ PATH: directory, SCHEDSCOPE_QEMU: "" }, async () => {
      await assert.rejects(findQemu(), { name: "LackingError", message: /is not installed/, remedy });
    });
    for (
      const [text, message] of [
        ["hello", /does not say that it is QEMU/],
        ["QEMU emulator version 2.11.1", /QEMU 2.11.1, and QEMU 5 or newer/],
      ] as const
    ) {
      const path = await program(directory, crypto.randomUUID(), text);
      await withEnv({ SCHEDSCOPE_QEMU: path }, async () => {
        await assert.rejects(findQemu(), { name: "LackingError", message, remedy });
      });
    }
    await withEnv({ SCHEDSCOPE_QEMU: `${directory}/nothing` }, async () => {
      await assert.rejects(findQemu(), { name: "LackingError", message: /does not run/, remedy });
    });
    const path = await program(directory, "qemu-system-x86_64", "QEMU emulator version 9.0.0");
    await withEnv({ PATH: directory, SCHEDSCOPE_QEMU: path }, async () => {
      await assert.rejects(findQemu(), { name: "LackingError", message: /setpriv/, remedy: /util-linux/ });
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
