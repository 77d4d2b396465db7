import assert from "node:assert/strict";
import { startHostAgent } from "./host_agent.ts";

Deno.test("an agent on this machine has this machine's clocks: the fit must find that out", async () => {
  await using agent = await startHostAgent();
  const { channel } = agent;
  await channel.clock({ samples: 100, timeout: 60_000 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { mono, boot, tsc, tscHz, rtt, used } = await channel.clock({
    samples: 300,
    over: 300,
    timeout: 60_000,
  });
  assert.ok(used >= 30 && rtt.min > 0 && rtt.min <= rtt.median);
  // Both ways are assumed to take the same: the quickest ping bounds what that can be wrong by.
  assert.ok(Math.abs(mono.offset) <= rtt.median, `${mono.offset} ns with ${JSON.stringify(rtt)}`);
  assert.ok(Math.abs(mono.rate - 1) < 1e-3, `${mono.rate}`);
  const reading = mono.guest + 1_000_000n;
  assert.ok(Math.abs(Number(mono.toHost(reading) - reading)) <= rtt.median + 1000);
  assert.ok(Math.abs(Number(boot.guest - mono.guest) - (boot.offset - mono.offset) * -1) < 1e6);
  assert.ok(tsc.rate > 0 && Math.abs(tscHz * tsc.rate - 1e9) < 1 && mono.sd <= mono.max);
  await assert.rejects(async () => await channel.clock({ samples: 3 }), /at least 10/);
});
