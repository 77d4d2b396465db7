"""Prints what Perfetto's own definitions find in a trace, one JSON object in a line."""
import json
import sys

from perfetto.protos.perfetto.trace import perfetto_trace_pb2

trace = perfetto_trace_pb2.Trace()
with open(sys.argv[1], "rb") as file:
    trace.ParseFromString(file.read())


def unknown(message):
    """Whether any field is one that the definitions do not have."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    if len(UnknownFieldSet(message)) > 0:
        return True
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for each in value if field.is_repeated else [value]:
            if unknown(each):
                return True
    return False


print(json.dumps({"unknown": any(unknown(packet) for packet in trace.packet)}))
names, keys, tracks = {}, {}, {}
for packet in trace.packet:
    for one in packet.ftrace_events.event:
        kind = one.WhichOneof("event")
        fields = {field.name: value for field, value in getattr(one, kind).ListFields()}
        if kind == "generic":
            kind = one.generic.event_name
            fields = {
                field.name: getattr(field, field.WhichOneof("value")) for field in one.generic.field
            }
        print(json.dumps({
            "event": kind,
            "cpu": packet.ftrace_events.cpu,
            "ts": str(one.timestamp),
            "pid": one.pid,
            "flags": one.common_flags,
            "fields": fields,
        }))
    for thread in packet.process_tree.threads:
        print(json.dumps({"thread": thread.tid, "tgid": thread.tgid, "name": thread.name}))
    if packet.HasField("track_descriptor"):
        track = packet.track_descriptor
        tracks[track.uuid] = track.name
        print(json.dumps({
            "track": track.name,
            "parent": tracks.get(track.parent_uuid),
            "uuid": str(track.uuid),
            "parent_uuid": str(track.parent_uuid),
            "tid": track.thread.tid,
            "pid": track.thread.pid,
        }))
    for name in packet.interned_data.event_names:
        names[name.iid] = name.name
    for name in packet.interned_data.debug_annotation_names:
        keys[name.iid] = name.name
    if packet.HasField("track_event"):
        event = packet.track_event
        print(json.dumps({
            "slice": names.get(event.name_iid, ""),
            "type": event.type,
            "ts": str(packet.timestamp),
            "on": tracks[event.track_uuid],
            "uuid": str(event.track_uuid),
            "flow": [str(flow) for flow in event.flow_ids],
            "args": {
                keys[one.name_iid]: getattr(one, one.WhichOneof("value"))
                for one in event.debug_annotations
            },
        }))
    if packet.HasField("clock_snapshot"):
        print(json.dumps({
            "clocks": {str(clock.clock_id): str(clock.timestamp) for clock in packet.clock_snapshot.clocks},
            "primary": packet.clock_snapshot.primary_trace_clock,
        }))
    if packet.HasField("ftrace_stats"):
        print(json.dumps({"overrun": {one.cpu: one.overrun for one in packet.ftrace_stats.cpu_stats}}))
