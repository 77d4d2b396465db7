"""Makes the Arrow files beside it, by pyarrow: `python3 make.py` in this directory."""
import datetime as dt
import pyarrow as pa
import pyarrow.ipc as ipc

COLUMNS = {
    "large": pa.array(["a", None, "ccc", "a"], pa.large_string()),
    "view": pa.array(["short", "longer than twelve bytes", None, "\ufeffmark"], pa.string_view()),
    "flag": pa.array([True, None, False, True]),
    "i8": pa.array([1, -2, 3, -4], pa.int8()),
    "u64": pa.array([0, 2**64 - 1, 7, 9], pa.uint64()),
    "gaps": pa.array([1, None, 3, None], pa.int64()),
    "f32": pa.array([0.5, float("nan"), None, -1.0], pa.float32()),
    "stamp": pa.array([0, 1, 2, 3], pa.timestamp("ns")),
    "day": pa.array([dt.date(1970, 1, 2)] * 4, pa.date32()),
    "clock": pa.array([1, 2, 3, 4], pa.time64("ns")),
    "took": pa.array([5, 6, 7, 8], pa.duration("us")),
    "dict": pa.array(["x", "y", None, "x"]).dictionary_encode(),
    "sliced": pa.array(["0", "1", "2", "3", "4", "5"])[1:5],
}
table = pa.table(COLUMNS)
with ipc.new_file("kinds.arrow", table.schema) as out:
    out.write_table(table.slice(0, 3))
    out.write_table(table.slice(3))

# A dictionary that is replaced, and one that grows.
schema = pa.schema([("comm", pa.dictionary(pa.int16(), pa.string())), ("n", pa.int32())])


def batch(codes, words, n):
    comm = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int16()), pa.array(words))
    return pa.record_batch([comm, pa.array(n, pa.int32())], schema=schema)


for name, deltas, words in [
    ("replaced.arrows", False, [["make", "cc1"], ["ld", "make"]]),
    ("grown.arrows", True, [["make", "cc1"], ["make", "cc1", "ld"]]),
]:
    with ipc.new_stream(name, schema, options=ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)) as out:
        out.write_batch(batch([0, 1, 0], words[0], [1, 2, 3]))
        out.write_batch(batch([1, 0, len(words[1]) - 1], words[1], [4, 5, 6]))

small = pa.table({"n": [1, 2, 3]})
with ipc.new_file("packed.arrow", small.schema, options=ipc.IpcWriteOptions(compression="zstd")) as out:
    out.write_table(small)
with ipc.new_file("nested.arrow", pa.schema([("list", pa.list_(pa.int32()))])) as out:
    out.write_table(pa.table({"list": [[1], [2, 3]]}, schema=pa.schema([("list", pa.list_(pa.int32()))])))
