/**
 * Runs every benchmark beside this file, one after another. They print ratios to a peer measured in the same run, and never fail
 * by time.
 *
 *     deno task bench              all
 *     deno task bench timehist     those whose name has this in it
 */
const here = new URL(".", import.meta.url).pathname;
const names = [...Deno.readDirSync(here)].map((entry) => entry.name).filter((name) =>
  name.endsWith("_bench.ts")
).sort();
let failed = 0;
for (
  const name of names.filter((name) =>
    Deno.args.length === 0 || Deno.args.some((word) => name.includes(word))
  )
) {
  console.log(`\n== ${name}`);
  const { success } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", here + name] }).spawn()
    .status;
  if (!success) failed++;
}
Deno.exit(failed === 0 ? 0 : 1);
