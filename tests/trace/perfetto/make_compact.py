"""Makes a Perfetto trace of compact scheduler events, as Perfetto's recorder writes them, out of JSON lines."""
import json
import sys
import zlib

from perfetto.protos.perfetto.trace import perfetto_trace_pb2

source, target, packing = sys.argv[1:4]
by_cpu = {}
with open(source) as file:
    for line in file:
        event = json.loads(line)
        if event["event"] in ("sched:sched_switch", "sched:sched_waking"):
            by_cpu.setdefault(event["cpu"], []).append(event)

trace = perfetto_trace_pb2.Trace()
snapshot = trace.packet.add().clock_snapshot
for clock, stamp in ((6, 5000), (1, 1_700_000_000_000_005_000)):
    one = snapshot.clocks.add()
    one.clock_id, one.timestamp = clock, stamp
tree = trace.packet.add()
process = tree.process_tree.processes.add()
process.pid, process.ppid = 424242, 1
process.cmdline.append("/usr/bin/a-program-with-a-long-name")
thread = tree.process_tree.threads.add()
thread.tid, thread.tgid, thread.name = 424243, 424242, "worker"
trace.packet.add().trace_config.duration_ms = 7

bundles = []
for cpu, events in by_cpu.items():
    for start in range(0, len(events), 500):
        bundle = perfetto_trace_pb2.FtraceEventBundle()
        compact = bundle.compact_sched
        names = {}

        def intern(name):
            if name not in names:
                names[name] = len(names)
                compact.intern_table.append(name)
            return names[name]

        last = {"switch": 0, "waking": 0}
        for event in events[start : start + 500]:
            fields, stamp = event["fields"], int(event["stamp"])
            kind = "switch" if event["event"].endswith("switch") else "waking"
            delta, last[kind] = stamp - last[kind], stamp
            if kind == "switch":
                compact.switch_timestamp.append(delta)
                compact.switch_prev_state.append(fields["prev_state"])
                compact.switch_next_pid.append(fields["next_pid"])
                compact.switch_next_prio.append(fields["next_prio"])
                compact.switch_next_comm_index.append(intern(fields["next_comm"]))
            else:
                compact.waking_timestamp.append(delta)
                compact.waking_pid.append(fields["pid"])
                compact.waking_target_cpu.append(fields["target_cpu"])
                compact.waking_prio.append(fields["prio"])
                compact.waking_comm_index.append(intern(fields["comm"]))
                compact.waking_common_flags.append(event["flags"])
        # The recorder writes the CPU behind the events of some bundles.
        bundle.cpu = cpu
        bundles.append((int(events[start]["stamp"]), bundle))
bundles.sort(key=lambda each: each[0])
inner = perfetto_trace_pb2.Trace()
for _, bundle in bundles:
    inner.packet.add().ftrace_events.CopyFrom(bundle)
stats = inner.packet.add().ftrace_stats
stats.phase = 2
one = stats.cpu_stats.add()
one.cpu, one.overrun = 0, 12
if packing == "zlib":
    trace.packet.add().compressed_packets = zlib.compress(inner.SerializeToString())
else:
    trace.MergeFrom(inner)
with open(target, "wb") as file:
    file.write(trace.SerializeToString())
