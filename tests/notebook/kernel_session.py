"""Drives one Deno kernel: a JSON command per line on stdin, a JSON answer per line on stdout.

{"code": str, "interrupt_after": s | null, "listen": s, "timeout": s} executes a cell. The answer has the reply, the
messages that came before the cell was idle ("outputs"), those that came within "listen" seconds after it ("late") and
the seconds from the interrupt to the reply.
"""
import json
import queue
import sys
import time

from jupyter_client import KernelManager


def execute(client, manager, command):
    start = time.monotonic()
    msg_id = client.execute(command["code"])
    interrupt_at = command.get("interrupt_after")
    interrupted = replied = idle = reply = None
    outputs, late = [], []
    while reply is None or idle is None or time.monotonic() - idle < command["listen"]:
        now = time.monotonic() - start
        if now > command["timeout"]:
            return {"error": f"no reply within {command['timeout']} s", "outputs": outputs}
        if not manager.is_alive():
            return {"error": "the kernel died", "outputs": outputs}
        if interrupt_at is not None and interrupted is None and now >= interrupt_at:
            interrupted = time.monotonic()
            manager.interrupt_kernel()
        if reply is None:
            try:
                message = client.get_shell_msg(timeout=0)
                if message["parent_header"].get("msg_id") == msg_id:
                    reply, replied = message["content"], time.monotonic()
            except queue.Empty:
                pass
        try:
            message = client.get_iopub_msg(timeout=0.002)
        except queue.Empty:
            continue
        kind, content = message["msg_type"], message["content"]
        own = message["parent_header"].get("msg_id") == msg_id
        if kind == "status":
            if own and content["execution_state"] == "idle":
                idle = time.monotonic()
        elif kind != "execute_input":
            (late if idle or not own else outputs).append({"type": kind, "content": content})
    return {
        "reply": reply,
        "outputs": outputs,
        "late": late,
        "stopped_in": replied - interrupted if interrupted else None,
        "seconds": replied - start,
    }


def main():
    manager = KernelManager(kernel_name="deno")
    manager.start_kernel(cwd=sys.argv[1], stdout=sys.stderr, stderr=sys.stderr)
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        print(json.dumps({"ready": True}), flush=True)
        for line in sys.stdin:
            print(json.dumps(execute(client, manager, json.loads(line))), flush=True)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


main()
