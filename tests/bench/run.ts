/**
 * Runs every benchmark beside this file, one after another, and prints one table of what schedscope and its peers took for the same work.
 * They print ratios to a peer measured in the same run, and never fail by time.
 *
 *     deno task bench:self              all
 *     deno task bench:self timehist     those whose name has this in it
 */
import { withClosingTable } from "./closing_table.ts";

const here = new URL(".", import.meta.url).pathname;
const names = [...Deno.readDirSync(here)].map((entry) => entry.name).filter((name) =>
  name.endsWith("_bench.ts")
).sort();
let failed = 0;
const table = await withClosingTable(async (env) => {
  for (
    const name of names.filter((name) =>
      Deno.args.length === 0 || Deno.args.some((word) => name.includes(word))
    )
  ) {
    console.log(`\n== ${name}`);
    const { success } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", here + name], env })
      .spawn()
      .status;
    if (!success) failed++;
  }
});
console.log(`\n== schedscope beside its peers, medians\n${table}`);
Deno.exit(failed === 0 ? 0 : 1);
