import { fakeBzImage, fakeVmlinux, pack } from "./fake_kernel.ts";

/**
 * A kernel tree whose make takes a moment: it "configures" by taking over what it is given, without the lines in the file `drop`, and
 * "compiles" by copying a bzImage. It appends a line to `$COUNT` for each compilation, and sleeps where a file `slow` is in it.
 */
export async function fakeTree(directory: string): Promise<string> {
  const tree = `${directory}/linux`;
  await Deno.mkdir(`${tree}/arch/x86`, { recursive: true });
  await Deno.writeFile(`${tree}/fake`, fakeBzImage(await pack(fakeVmlinux(), "gzip")));
  await Deno.writeTextFile(`${tree}/Kbuild`, "obj-y += nothing.o\n");
  await Deno.writeTextFile(`${tree}/Kconfig`, "config SCHED_CORE\n\tbool\nconfig HWLAT_TRACER\n\tbool\n");
  await Deno.writeTextFile(`${tree}/drop`, "CONFIG_NOTHING\n");
  await Deno.writeTextFile(
    `${tree}/Makefile`,
    `allnoconfig:
	@echo "# Linux/x86 6.6.6 Kernel Configuration" > $(O)/.config
	@echo "CONFIG_EVENT_TRACING=y" >> $(O)/.config
	@grep -v -f drop $(KCONFIG_ALLCONFIG) >> $(O)/.config
bzImage:
	@if [ -e broken ]; then echo "fake.c:3:1: error: nothing works" >&2; exit 1; fi
	@echo $$$$ >> $$COUNT
	@if [ -e slow ]; then sleep 30; fi
	@mkdir -p $(O)/arch/x86/boot
	@echo "  CC      fake.o"
	@cp fake $(O)/arch/x86/boot/bzImage
mrproper:
	@rm -f .config
`,
  );
  return tree;
}
