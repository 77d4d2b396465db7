// Records until it is killed: what the tests of left-overs need. Arguments: door, output.
import { startRecording } from "../../../lib/trace/record/mod.ts";
import type { Door } from "../../../lib/trace/record/doors.ts";

const [door, output] = Deno.args as [Door, string];
const recording = await startRecording({ door, output });
console.log(JSON.stringify({ pid: Deno.pid, instanceDir: recording.instanceDir ?? null }));
setInterval(() => {}, 1000);
