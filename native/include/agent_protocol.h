/*
 * What schedscope-agent and lib/vm/agent/ say to one another over one stream of bytes: a virtio-serial port named
 * org.schedscope.agent, a second serial line, a unix socket, or stdin and stdout.
 *
 * A frame is a head of 9 bytes, { u32 length of the payload, u8 type, u32 id }, and its payload; all numbers are little-endian and
 * not aligned. No payload is longer than SS_AGENT_MAX_PAYLOAD. `id` names a request: the host chooses it, unused by any request that
 * is still open, and every frame about that request carries it. Frames of different requests come in any order; those of one request in the
 * order below. Texts are bytes that end with a NUL.
 *
 * A connection begins when the host sends HELLO: { magic[16], u64 nonce, u32 version }. The agent lets go of everything that an earlier
 * connection left (its programs are killed) and answers HELLO: { magic[16], u64 nonce, u32 version, u32 flags, u32 CPUs online, u32 bytes of a
 * page, u32 SS_AGENT_WINDOW, u32 most requests at once, 6 x u64 as in CLOCK, texts: agent's name and version, sysname, nodename, release,
 * version, machine, what it serves on }. Whatever comes before a HELLO is skipped, on both sides: after a snapshot, or when a host was killed, the
 * line may hold the rest of an older talk. A HELLO with the nonce of the connection that is on changes nothing, so that the
 * host may repeat it while there is no answer.
 *
 * host -> agent
 *   HELLO   above; id 0.
 *   EXEC    { u32 flags, u64 credit, u16 argc, u16 envc, texts: cwd ("" = as it is), argv..., NAME=VALUE... }: a program in a session of its own.
 *   PUSH    { u32 mode, u32 flags, text path }: a file is written from INPUT frames up to END, and comes to its name only then, whole.
 *   PULL    { u32 flags, u32 unit, u64 credit, u64 most bytes, text path }: a file is read. With `unit` each read asks for so many bytes
 *           and fills DATA with zeros to a multiple of it, as trace_pipe_raw needs. EAGAIN is the end of the file; but with FOLLOW it is waited
 *           for more, by poll(2), until END, and then read to its end.
 *   LIST    { text path }: names of a directory: DATA { u8 type as in readdir's d_type, text name } ..., DONE.
 *   INPUT   bytes for the stdin of EXEC or the file of PUSH: at most SS_AGENT_WINDOW, and as many more as CREDIT has allowed.
 *   END     no more INPUT (stdin is closed, the file is finished); for a PULL that follows: what is there, then no more.
 *   SIGNAL  { i32 signal }: to the process group of EXEC. Nothing is answered; a request that is gone is no error.
 *   CANCEL  ends a request: EXEC's process group is killed and EXIT comes when it is dead, others answer ERROR with ECANCELED.
 *   CREDIT  { u64 bytes }: so many more may be sent as STDOUT, STDERR (together) or DATA of this request.
 *   CLOCK   { }: read the clocks.
 *   POWER   { u32 what: 0 power off, 1 reboot }: sync(2), then BYE, then it is done. An agent that is not process 1 only exits.
 *
 * agent -> host
 *   HELLO   above; id 0.
 *   STARTED { i32 pid }: EXEC has begun.
 *   STDOUT, STDERR  what the program wrote.
 *   EXIT    { i32 code, i32 signal, u64 user ns, u64 system ns, u64 most KiB resident }: EXEC is over; code is -1 where a signal ended it, signal 0
 *           where none did. All it wrote before has been sent; what its children in the background write later has no place to go.
 *   DATA    bytes of PULL, entries of LIST.
 *   DONE    { u64 bytes }: PUSH, PULL or LIST is over.
 *   CREDIT  { u64 bytes }: so many more may be sent as INPUT.
 *   CLOCK   { u64 ticks before, ticks after, CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_REALTIME }; the ticks are rdtsc's, the rest ns.
 *   ERROR   { i32 errno, text what went wrong }: the request failed and is over.
 *   BYE     { text reason }; id 0: the agent ends the connection: the host broke these rules, or POWER.
 */
#ifndef SS_AGENT_PROTOCOL_H
#define SS_AGENT_PROTOCOL_H

#define SS_AGENT_MAGIC "schedscope-agent"
#define SS_AGENT_PORT "org.schedscope.agent"

enum {
	SS_AGENT_VERSION = 1,
	SS_AGENT_HEAD = 9,
	SS_AGENT_MAX_PAYLOAD = 1 << 20,
	/* Bytes of INPUT that may be on the way. */
	SS_AGENT_WINDOW = 1 << 20,
	/* Requests that may be open. */
	SS_AGENT_REQUESTS = 256,
};

enum ss_agent_ask {
	SS_HELLO = 1, SS_EXEC = 2, SS_PUSH = 3, SS_PULL = 4, SS_LIST = 5, SS_INPUT = 6, SS_END = 7, SS_SIGNAL = 8, SS_CANCEL = 9, SS_CREDIT = 10,
	SS_CLOCK = 11, SS_POWER = 12,
};

enum ss_agent_answer {
	SS_R_HELLO = 0x81, SS_R_STARTED = 0x82, SS_R_STDOUT = 0x83, SS_R_STDERR = 0x84, SS_R_EXIT = 0x85, SS_R_DATA = 0x86, SS_R_DONE = 0x87,
	SS_R_CREDIT = 0x88, SS_R_CLOCK = 0x89, SS_R_ERROR = 0x8a, SS_R_BYE = 0x8b,
};

enum {
	/* HELLO's flags: it is process 1. */
	SS_AGENT_IS_INIT = 1,
	/* EXEC's flags: stdin comes by INPUT (else it is /dev/null); nothing of the agent's own environment. */
	SS_EXEC_STDIN = 1, SS_EXEC_CLEAR_ENV = 2,
	/* PUSH's flags: append to the file; write into what is there, as files of the kernel (tracefs, sysctl) need, one write(2) per INPUT. */
	SS_PUSH_APPEND = 1, SS_PUSH_IN_PLACE = 2,
	SS_PULL_FOLLOW = 1,
};

#endif
