"""A process that looks like a virtual machine of two CPUs: its threads have the names that QEMU gives them.

Usage: machine.py SECONDS

Prints its process, and for each of the two threads that stand for virtual CPUs its number and the CPU time that it used, ns.
"""
import hashlib
import os
import sys
import threading
import time

seconds = float(sys.argv[1])
block = bytes(1 << 20)
used = {}


def name(text):
    with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as comm:
        comm.write(text)


def vcpu(number):
    name(f"CPU {number}/KVM")
    stop = time.monotonic() + seconds
    began = time.thread_time_ns()
    while time.monotonic() < stop:
        for _ in range(5):
            hashlib.sha256(block)  # lets the other threads run
        time.sleep(0.004 * (number + 1))
    used[threading.get_native_id()] = time.thread_time_ns() - began


name("qemu-system-x86")
threads = [threading.Thread(target=vcpu, args=(number,)) for number in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(os.getpid())
for tid, ns in used.items():
    print(tid, ns)
