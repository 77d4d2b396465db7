/* The agent's loop over a socketpair: what is answered, in which order, what ends a connection, and what never does. */
#include "../src/agent.h"
#include "check.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int line = -1;
static pid_t agent = -1;
static char directory[] = "/tmp/schedscope-agent-XXXXXX";

static struct {
	uint32_t size, id;
	int type;
	uint8_t payload[SS_AGENT_MAX_PAYLOAD + 1];
} got;

static void put(const void *bytes, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = send(line, (const char *)bytes + at, size - at, MSG_NOSIGNAL);
		CHECK(n > 0, "%s", strerror(errno));
		at += (size_t)n;
	}
}

static size_t head(uint8_t *at, int type, uint32_t id, size_t size)
{
	ss_agent_put_u32(at, (uint32_t)size);
	at[4] = (uint8_t)type;
	ss_agent_put_u32(at + 5, id);
	return SS_AGENT_HEAD;
}

static void ask(int type, uint32_t id, const void *payload, size_t size)
{
	static uint8_t frame[SS_AGENT_HEAD + SS_AGENT_MAX_PAYLOAD];
	head(frame, type, id, size);
	if (size)
		memcpy(frame + SS_AGENT_HEAD, payload, size);
	put(frame, SS_AGENT_HEAD + size);
}

/* Reads all of `size`, or returns 0 at the end of the connection. */
static int take(void *bytes, size_t size)
{
	for (size_t at = 0; at < size;) {
		struct pollfd set = {.fd = line, .events = POLLIN};
		CHECK(poll(&set, 1, 30000) > 0, "the agent has said nothing for 30 s");
		ssize_t n = read(line, (char *)bytes + at, size - at);
		if (n <= 0)
			return 0;
		at += (size_t)n;
	}
	return 1;
}

/* The next frame; 0 at the end. */
static int next(void)
{
	uint8_t bytes[SS_AGENT_HEAD];
	if (!take(bytes, sizeof bytes))
		return 0;
	struct ss_agent_cursor c = {bytes, bytes + sizeof bytes, 0};
	got.size = ss_agent_u32(&c);
	got.type = *c.at++;
	got.id = ss_agent_u32(&c);
	CHECK(got.size <= SS_AGENT_MAX_PAYLOAD, "%u", got.size);
	got.payload[got.size] = 0;
	return take(got.payload, got.size);
}

static void expect(int type, uint32_t id)
{
	CHECK(next(), "the connection has ended");
	CHECK(got.type == type && got.id == id, "found type 0x%x of %u (%s) where 0x%x of %u was due", got.type, got.id,
	      got.type == SS_R_ERROR ? (char *)got.payload + 4 : (char *)got.payload, type, id);
}

static void greet(uint64_t nonce)
{
	uint8_t payload[28];
	memcpy(payload, SS_AGENT_MAGIC, 16);
	ss_agent_put_u32(ss_agent_put_u64(payload + 16, nonce), SS_AGENT_VERSION);
	ask(SS_HELLO, 0, payload, sizeof payload);
}

/* An agent in a process of its own, which exits with 10 and why serving has ended. */
static void start(int greeted)
{
	int ends[2];
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "%s", strerror(errno));
	agent = fork();
	if (!agent) {
		static struct ss_agent a;
		close(ends[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_CHILD_SUBREAPER, 1);
		CHECK(ss_agent_open(&a, 0) == 0, "open");
		a.transport = "a test";
		int end = ss_agent_serve(&a, ends[1], ends[1]);
		/* What was killed is reaped as well. */
		for (int i = 0; i < 200; i++) {
			ss_agent_wait(&a, -1, 10);
			siginfo_t info;
			if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
				break;
		}
		ss_agent_close(&a);
		exit(10 + end);
	}
	close(ends[1]);
	line = ends[0];
	if (greeted) {
		greet(1);
		expect(SS_R_HELLO, 0);
	}
}

static void finish(int end)
{
	int status;
	close(line);
	CHECK(waitpid(agent, &status, 0) == agent, "%s", strerror(errno));
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 10 + end, "status 0x%x, expected end %d", status, end);
}

static void run(uint32_t id, uint32_t flags, uint64_t credit, const char *cwd, const char *env, const char *command)
{
	uint8_t payload[4096], *at = payload;
	at = ss_agent_put_u32(at, flags);
	at = ss_agent_put_u64(at, credit);
	*at++ = 3, *at++ = 0;
	*at++ = env ? 1 : 0, *at++ = 0;
	const char *texts[] = {cwd, "/bin/sh", "-c", command, env};
	for (int i = 0; i < 4 + !!env; i++)
		at = (uint8_t *)stpcpy((char *)at, texts[i]) + 1;
	ask(SS_EXEC, id, payload, (size_t)(at - payload));
}

static char out[1 << 16], err[1 << 16];
static int32_t code, killed_by;

/* Takes what a program says up to its EXIT. */
static void collect(uint32_t id)
{
	size_t outs = 0, errs = 0;
	for (;;) {
		CHECK(next(), "the connection has ended");
		CHECK(got.id == id, "%u", got.id);
		if (got.type == SS_R_STDOUT && outs + got.size < sizeof out) {
			memcpy(out + outs, got.payload, got.size);
			outs += got.size;
		} else if (got.type == SS_R_STDERR && errs + got.size < sizeof err) {
			memcpy(err + errs, got.payload, got.size);
			errs += got.size;
		} else if (got.type == SS_R_EXIT) {
			break;
		} else {
			CHECK(got.type == SS_R_CREDIT || got.type == SS_R_STARTED, "0x%x: %s", got.type, got.payload + 4);
		}
	}
	out[outs] = err[errs] = 0;
	struct ss_agent_cursor c = {got.payload, got.payload + got.size, 0};
	code = (int32_t)ss_agent_u32(&c);
	killed_by = (int32_t)ss_agent_u32(&c);
}

static void programs(void)
{
	start(1);
	run(1, 0, 1 << 20, "", NULL, "echo out; echo err >&2; exit 7");
	collect(1);
	CHECK(code == 7 && !killed_by && !strcmp(out, "out\n") && !strcmp(err, "err\n"), "%d %d %s %s", code, killed_by, out, err);
	run(2, 0, 1 << 20, "/proc", "GREETING=a=b", "pwd; echo $GREETING; cat; kill -9 $$");
	collect(2);
	CHECK(code == -1 && killed_by == SIGKILL && !strcmp(out, "/proc\na=b\n"), "%d %d %s", code, killed_by, out);
	run(3, SS_EXEC_STDIN, 1 << 20, "", NULL, "read x; echo got $x; read y || echo end");
	ask(SS_INPUT, 3, "line\n", 5);
	ask(SS_END, 3, NULL, 0);
	collect(3);
	CHECK(code == 0 && !strcmp(out, "got line\nend\n"), "%s", out);
	/* A program that does not read its stdin is no reason to wait. */
	run(4, SS_EXEC_STDIN, 1 << 20, "", NULL, "exit 3");
	ask(SS_INPUT, 4, got.payload, 200000);
	ask(SS_END, 4, NULL, 0);
	collect(4);
	CHECK(code == 3, "%d", code);
	run(5, 0, 1 << 20, "/not/there", NULL, "true");
	expect(SS_R_ERROR, 5);
	CHECK(strstr((char *)got.payload + 4, "working directory"), "%s", got.payload + 4);
	/* Its own session and group; what a child in the background holds open does not keep it. */
	run(6, 0, 1 << 20, "", NULL, "sleep 1 & test $(cut -d' ' -f5 /proc/$$/stat) = $$ && echo own; cut -d' ' -f6 /proc/$$/stat | grep -qx $$ && echo session");
	collect(6);
	CHECK(code == 0 && !strcmp(out, "own\nsession\n"), "%d %s", code, out);
	finish(SS_END_CLOSED);
}

static uint64_t now_ms(void)
{
	return ss_agent_ms();
}

/* A program prints without end and the host takes nothing: others go on, and it can be killed. */
static void flow(void)
{
	start(1);
	run(1, 0, 100000, "", NULL, "yes");
	run(2, 0, 100000, "", NULL, "while :; do echo err >&2; done");
	uint64_t bytes = 0;
	for (int i = 0; i < 20;) {
		if (i == 0)
			ask(SS_CLOCK, 100, NULL, 0);
		CHECK(next(), "ended");
		if (got.type == SS_R_STDOUT || got.type == SS_R_STDERR)
			bytes += got.size;
		if (got.type == SS_R_CLOCK && ++i < 20)
			ask(SS_CLOCK, 100, NULL, 0);
	}
	/* Let them fill what they may. */
	struct timespec pause = {0, 200000000};
	nanosleep(&pause, NULL);
	ask(SS_CLOCK, 101, NULL, 0);
	do {
		CHECK(next(), "ended");
		if (got.type == SS_R_STDOUT || got.type == SS_R_STDERR)
			bytes += got.size;
	} while (got.id != 101);
	CHECK(bytes <= 200000, "%llu bytes where 200000 were allowed", (unsigned long long)bytes);
	/* Now a lot that nobody reads, and a kill behind it. */
	uint8_t credit[8];
	ss_agent_put_u64(credit, UINT64_MAX);
	ask(SS_CREDIT, 1, credit, sizeof credit);
	ask(SS_CREDIT, 1, credit, sizeof credit);
	nanosleep(&pause, NULL);
	char stopped[128];
	snprintf(stopped, sizeof stopped, "%s/stopped", directory);
	char command[256];
	snprintf(command, sizeof command, "echo > %s", stopped);
	run(3, 0, 0, "", NULL, command);
	struct stat st;
	for (uint64_t until = now_ms() + 20000; stat(stopped, &st) < 0;) {
		CHECK(now_ms() < until, "a program is not started while the host does not read");
		nanosleep(&(struct timespec){0, 10000000}, NULL);
	}
	unlink(stopped);
	ask(SS_CANCEL, 1, NULL, 0);
	uint8_t term[4];
	ss_agent_put_u32(term, SIGTERM);
	ask(SS_SIGNAL, 2, term, 4);
	ss_agent_put_u64(credit, 1 << 20);
	ask(SS_CREDIT, 2, credit, sizeof credit);
	for (int exits = 0; exits < 3;) {
		CHECK(next(), "ended");
		if (got.type == SS_R_EXIT)
			exits++;
	}
	finish(SS_END_CLOSED);
}

static void push_frame(int type, uint32_t id, uint32_t one, uint32_t two, const char *path)
{
	uint8_t payload[600], *at = ss_agent_put_u32(ss_agent_put_u32(payload, one), two);
	if (type == SS_PULL) {
		at = ss_agent_put_u64(at, UINT64_MAX);
		at = ss_agent_put_u64(at, UINT64_MAX);
	}
	strcpy((char *)at, path);
	ask(type, id, payload, (size_t)(at - payload) + strlen(path) + 1);
}

static void files(void)
{
	enum { BYTES = 5000000, PIECE = 100000 };
	static uint8_t pattern[BYTES], back[BYTES];
	char path[200];
	for (size_t i = 0; i < BYTES; i++)
		pattern[i] = (uint8_t)(i * 2654435761u >> 13);
	snprintf(path, sizeof path, "%s/file", directory);
	start(1);
	push_frame(SS_PUSH, 1, 0640, 0, path);
	uint64_t allowed = SS_AGENT_WINDOW;
	for (size_t at = 0; at < BYTES; at += PIECE) {
		struct stat st;
		CHECK(stat(path, &st) < 0, "the file is there before it is whole");
		while (allowed < PIECE) {
			expect(SS_R_CREDIT, 1);
			struct ss_agent_cursor c = {got.payload, got.payload + got.size, 0};
			allowed += ss_agent_u64(&c);
		}
		allowed -= PIECE;
		ask(SS_INPUT, 1, pattern + at, PIECE);
	}
	ask(SS_END, 1, NULL, 0);
	do
		CHECK(next(), "ended");
	while (got.type == SS_R_CREDIT);
	CHECK(got.type == SS_R_DONE, "%s", got.payload + 4);
	struct stat st;
	CHECK(stat(path, &st) == 0 && st.st_size == BYTES && (st.st_mode & 0777) == 0640, "%lld %o", (long long)st.st_size, st.st_mode);

	/* As it is, and in units: filled with zeros. */
	for (uint32_t unit = 0; unit <= 4096; unit += 4096) {
		push_frame(SS_PULL, 2, 0, unit, path);
		size_t at = 0;
		for (;;) {
			CHECK(next() && got.id == 2, "ended");
			if (got.type != SS_R_DATA)
				break;
			size_t left = BYTES - at, size = got.size < left ? got.size : left;
			memcpy(back + at, got.payload, size);
			for (size_t i = size; i < got.size; i++)
				CHECK(!got.payload[i], "filled with %d", got.payload[i]);
			CHECK(!unit || got.size % unit == 0, "%u", got.size);
			at += size;
		}
		CHECK(got.type == SS_R_DONE && at == BYTES && !memcmp(back, pattern, BYTES), "0x%x after %zu", got.type, at);
	}
	ask(SS_LIST, 3, directory, strlen(directory) + 1);
	expect(SS_R_DATA, 3);
	CHECK(got.size == 6 && !memcmp(got.payload + 1, "file", 5), "%u", got.size);
	expect(SS_R_DONE, 3);
	push_frame(SS_PULL, 4, 0, 0, "/not/there");
	expect(SS_R_ERROR, 4);
	CHECK(got.payload[0] == ENOENT && strstr((char *)got.payload + 4, "/not/there: cannot be read"), "%s", got.payload + 4);
	push_frame(SS_PULL, 5, 0, 0, directory);
	expect(SS_R_ERROR, 5);
	/* A push that is given up, and one into a file of the kernel, leave nothing behind. */
	push_frame(SS_PUSH, 6, 0600, 0, "/not/there");
	expect(SS_R_ERROR, 6);
	ask(SS_INPUT, 6, pattern, 1000);
	unlink(path);
	push_frame(SS_PUSH, 7, 0600, 0, path);
	ask(SS_INPUT, 7, pattern, 1000);
	expect(SS_R_CREDIT, 7);
	ask(SS_CANCEL, 7, NULL, 0);
	expect(SS_R_ERROR, 7);
	push_frame(SS_PUSH, 8, 0, SS_PUSH_IN_PLACE, "/proc/self/comm");
	ask(SS_INPUT, 8, "renamed", 7);
	ask(SS_END, 8, NULL, 0);
	expect(SS_R_CREDIT, 8);
	expect(SS_R_DONE, 8);
	push_frame(SS_PULL, 9, 0, 0, "/proc/self/comm");
	expect(SS_R_DATA, 9);
	CHECK(!memcmp(got.payload, "renamed\n", 8), "%s", got.payload);
	expect(SS_R_DONE, 9);
	/* A fifo: what is there, without waiting; and as it comes, until END. */
	CHECK(mkfifo(path, 0600) == 0, "%s", strerror(errno));
	int fifo = open(path, O_RDWR | O_CLOEXEC);
	CHECK(write(fifo, "one", 3) == 3, "%s", strerror(errno));
	push_frame(SS_PULL, 10, 0, 0, path);
	expect(SS_R_DATA, 10);
	expect(SS_R_DONE, 10);
	push_frame(SS_PULL, 11, SS_PULL_FOLLOW, 0, path);
	for (int i = 0; i < 3; i++) {
		CHECK(write(fifo, "more", 4) == 4, "%s", strerror(errno));
		expect(SS_R_DATA, 11);
		CHECK(got.size == 4, "%u", got.size);
		nanosleep(&(struct timespec){0, 40000000}, NULL);
	}
	CHECK(write(fifo, "last", 4) == 4, "%s", strerror(errno));
	ask(SS_END, 11, NULL, 0);
	expect(SS_R_DATA, 11);
	expect(SS_R_DONE, 11);
	close(fifo);
	unlink(path);
	finish(SS_END_CLOSED);
	CHECK(rmdir(directory) == 0, "%s is not empty", directory);
	CHECK(mkdir(directory, 0700) == 0, "%s", strerror(errno));
}

/* Greets behind rubbish, in pieces of one byte, and again. */
static void greetings(void)
{
	start(0);
	static const char rubbish[] = "\x05\0\0\0schedscope-agent schedscope-\x1c\0\0\0\x01\0\0\0\0schedscope-agen";
	put(rubbish, sizeof rubbish - 1);
	uint8_t frame[SS_AGENT_HEAD + 28];
	head(frame, SS_HELLO, 0, 28);
	memcpy(frame + 9, SS_AGENT_MAGIC, 16);
	ss_agent_put_u32(ss_agent_put_u64(frame + 25, 77), SS_AGENT_VERSION);
	for (size_t i = 0; i < sizeof frame; i++)
		put(frame + i, 1);
	expect(SS_R_HELLO, 0);
	CHECK(!memcmp(got.payload, SS_AGENT_MAGIC, 16) && got.payload[16] == 77, "not the answer");
	run(1, 0, 1 << 20, "", NULL, "sleep 60");
	expect(SS_R_STARTED, 1);
	greet(77);
	ask(SS_CLOCK, 2, NULL, 0);
	expect(SS_R_CLOCK, 2);
	/* Another host: the first one's program is gone, and its number free. */
	greet(78);
	expect(SS_R_HELLO, 0);
	run(1, 0, 1 << 20, "", NULL, "echo again");
	collect(1);
	CHECK(!strcmp(out, "again\n"), "%s", out);
	uint8_t what[4] = {0};
	ask(SS_POWER, 3, what, 4);
	expect(SS_R_BYE, 0);
	finish(SS_END_POWER_OFF);
}

static void says_why(const char *why)
{
	while (next())
		if (got.type == SS_R_BYE)
			break;
	CHECK(got.type == SS_R_BYE && strstr((char *)got.payload, why), "\"%s\" where \"%s\" was due", got.payload, why);
	finish(SS_END_BROKEN);
}

static void rules(void)
{
	uint8_t frame[64];
	start(1);
	head(frame, SS_PULL, 1, SS_AGENT_MAX_PAYLOAD + 1);
	put(frame, SS_AGENT_HEAD);
	says_why("a frame of 1048577 bytes");
	start(1);
	ask(99, 1, "", 0);
	says_why("type 99");
	for (int type = SS_EXEC; type <= SS_LIST; type++) {
		start(1);
		ask(type, 1, "abcdefghijkl", 12);
		says_why("too short");
	}
	start(1);
	ask(SS_SIGNAL, 1, "", 0);
	says_why("too short");
	start(1);
	run(1, 0, 0, "", NULL, "sleep 60");
	run(1, 0, 0, "", NULL, "sleep 60");
	says_why("request 1 is begun while");
	start(1);
	run(1, SS_EXEC_STDIN, 0, "", NULL, "sleep 60");
	ask(SS_INPUT, 1, got.payload, 700000);
	ask(SS_INPUT, 1, got.payload, 700000);
	says_why("INPUT of 700000 bytes");
	start(0);
	head(frame, SS_HELLO, 0, 28);
	memcpy(frame + 9, SS_AGENT_MAGIC, 16);
	ss_agent_put_u32(ss_agent_put_u64(frame + 25, 1), 9);
	put(frame, SS_AGENT_HEAD + 28);
	says_why("version 9");
	/* More than it takes at once is refused one by one. */
	start(1);
	for (uint32_t i = 1; i <= SS_AGENT_REQUESTS + 1; i++)
		push_frame(SS_PULL, i, SS_PULL_FOLLOW, 0, "/dev/null");
	expect(SS_R_ERROR, SS_AGENT_REQUESTS + 1);
	finish(SS_END_CLOSED);
}

/* Frames at random: it goes on or says why not. Texts have no end, so that nothing is run or written. */
static void random_frames(void)
{
	uint64_t state = 1;
	for (int round = 0; round < 60; round++) {
		start(1);
		for (int i = 0; i < 200; i++) {
			state = state * 6364136223846793005u + 1442695040888963407u;
			uint8_t payload[300];
			size_t size = (state >> 40) % sizeof payload;
			int type = (int)((state >> 33) % 15);
			for (size_t k = 0; k < size; k++) {
				state = state * 6364136223846793005u + 1442695040888963407u;
				payload[k] = (uint8_t)(state >> 56) | (type >= SS_EXEC && type <= SS_LIST ? 1 : 0);
			}
			uint8_t bytes[SS_AGENT_HEAD + sizeof payload];
			head(bytes, type, (uint32_t)(state >> 60), size);
			memcpy(bytes + SS_AGENT_HEAD, payload, size);
			if (send(line, bytes, SS_AGENT_HEAD + size, MSG_NOSIGNAL) < 0)
				break;
		}
		shutdown(line, SHUT_WR);
		while (next())
			;
		int status;
		close(line);
		CHECK(waitpid(agent, &status, 0) == agent, "%s", strerror(errno));
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) >= 10 && WEXITSTATUS(status) <= 13, "round %d: status 0x%x", round, status);
	}
}

/* What a host that is gone had started is gone too, and nothing stays unreaped. */
static void the_host_is_gone(void)
{
	start(1);
	run(1, 0, 1 << 20, "", NULL, "sleep 1000 & echo $! $$; wait");
	expect(SS_R_STARTED, 1);
	expect(SS_R_STDOUT, 1);
	int first, second;
	CHECK(sscanf((char *)got.payload, "%d %d", &first, &second) == 2, "%s", got.payload);
	CHECK(kill(first, 0) == 0 && kill(second, 0) == 0, "%s", strerror(errno));
	finish(SS_END_CLOSED);
	CHECK(kill(first, 0) < 0 && errno == ESRCH && kill(second, 0) < 0 && errno == ESRCH, "a program of a host that is gone is there");
}

int main(void)
{
	CHECK(mkdtemp(directory), "%s", strerror(errno));
	greetings();
	programs();
	flow();
	files();
	rules();
	random_frames();
	the_host_is_gone();
	CHECK(rmdir(directory) == 0, "%s is not empty", directory);
	return 0;
}
