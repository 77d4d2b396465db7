"""A tenant of the machine: busy and asleep by turns on one CPU, writing down when.

Usage: tenants.py CPU BUSY_MS SLEEP_MS SECONDS

Prints a line `wall FROM TO` (ns of CLOCK_MONOTONIC) for each time it was busy, and `ran FROM TO` for each stretch of that in which no
two readings of the clock were further apart than 20 us: then it had the CPU.
"""
import os
import sys
import time

cpu, busy, sleep, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])
os.sched_setaffinity(0, {cpu})
clock = time.monotonic_ns
lines = []
stop = clock() + int(seconds * 1e9)
while True:
    start = run = last = clock()
    if start > stop:
        break
    end = start + int(busy * 1e6)
    while last < end:
        now = clock()
        if now - last > 20000:
            lines.append(f"ran {run} {last}")
            run = now
        last = now
    lines.append(f"ran {run} {last}")
    lines.append(f"wall {start} {last}")
    time.sleep(sleep / 1e3)
print(os.getpid())
print("\n".join(lines))
