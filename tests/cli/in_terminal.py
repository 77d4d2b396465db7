"""Runs a program in a terminal of its own and does to it what a person does.

Standard input: JSON {"command": [...], "rows": 24, "columns": 100, "steps": [...]}, where a step is one of
  {"until": "text", "times": 1}   wait until the program has written text as often from this step on
  {"sleep": seconds}
  {"key": "text"}                 type it
  {"resize": [rows, columns]}
  {"signal": number}
Standard output: JSON {"code", "signal", "same", "output", "pid"}; "same" is whether the terminal's settings (those of
stty -g) are after the program what they were before.
"""

import base64
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

LIMIT = 40  # seconds for a step
job = json.load(sys.stdin)
master, slave = pty.openpty()


def resize(rows, columns):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


resize(job.get("rows", 24), job.get("columns", 100))
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.close(master)
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.execvp(job["command"][0], job["command"])

output = b""


def read(seconds):
    global output
    ready, _, _ = select.select([master], [], [], seconds)
    if ready:
        try:
            output += os.read(master, 65536)
        except OSError:
            time.sleep(0.05)


problem = None
for step in job["steps"]:
    end = time.time() + LIMIT
    if "until" in step:
        begin = len(output)
        wanted = step["until"].encode()
        while output[begin:].count(wanted) < step.get("times", 1):
            if time.time() > end or os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                problem = "waited in vain for " + step["until"]
                break
            read(0.1)
    elif "sleep" in step:
        end = time.time() + step["sleep"]
        while time.time() < end:
            read(max(0, end - time.time()))
    elif "key" in step:
        os.write(master, step["key"].encode())
    elif "resize" in step:
        resize(*step["resize"])
    elif "signal" in step:
        os.kill(pid, step["signal"])
    if problem:
        break

end = time.time() + LIMIT
status = None
while status is None and time.time() < end:
    read(0.05)
    done, code = os.waitpid(pid, os.WNOHANG)
    if done:
        status = code
if status is None:
    problem = problem or "it did not end"
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
for _ in range(20):
    read(0.01)
json.dump(
    {
        "pid": pid,
        "problem": problem,
        "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "same": termios.tcgetattr(slave) == before,
        "output": base64.b64encode(output).decode(),
    },
    sys.stdout,
)
