/* The agent's loop. */
#include "agent.h"
#include "tsc.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum { HELLO_PAYLOAD = 16 + 8 + 4, LAST_WORDS_MS = 1000 };

uint64_t ss_agent_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	return clock_gettime(clock, &t) < 0 ? 0 : (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int ss_agent_open(struct ss_agent *a, int is_init)
{
	memset(a, 0, sizeof *a);
	a->in = a->out = a->signals = -1;
	a->is_init = is_init;
	a->transport = "";
	a->end = -1;
	a->input = malloc(SS_AGENT_IN);
	a->output = malloc(SS_AGENT_OUT);
	sigset_t set;
	sigemptyset(&set);
	static const int taken[] = {SIGCHLD, SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGPWR, SIGHUP};
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		sigaddset(&set, taken[i]);
	signal(SIGPIPE, SIG_IGN);
	if (!a->input || !a->output)
		return -ENOMEM;
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0 || (a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
		return -errno;
	return 0;
}

static void drop_all(struct ss_agent *a)
{
	for (int i = 0; i < SS_AGENT_REQUESTS; i++)
		if (a->requests[i].kind)
			ss_agent_free(&a->requests[i]);
}

void ss_agent_close(struct ss_agent *a)
{
	drop_all(a);
	if (a->signals >= 0)
		close(a->signals);
	free(a->input);
	free(a->output);
}

struct ss_agent_request *ss_agent_find(struct ss_agent *a, uint32_t id)
{
	for (int i = 0; i < SS_AGENT_REQUESTS; i++)
		if (a->requests[i].kind && a->requests[i].id == id)
			return &a->requests[i];
	return NULL;
}

struct ss_agent_request *ss_agent_new(struct ss_agent *a, uint32_t id, enum ss_agent_kind kind)
{
	if (ss_agent_find(a, id)) {
		ss_agent_broken(a, "request %u is begun while another of that number is open", id);
		return NULL;
	}
	for (int i = 0; i < SS_AGENT_REQUESTS; i++) {
		struct ss_agent_request *r = &a->requests[i];
		if (r->kind)
			continue;
		memset(r, 0, sizeof *r);
		r->kind = kind;
		r->id = id;
		r->file = r->out = r->err = -1;
		return r;
	}
	ss_agent_error(a, id, EAGAIN, "%d requests are open already", SS_AGENT_REQUESTS);
	return NULL;
}

void ss_agent_free(struct ss_agent_request *r)
{
	if (r->kind == SS_IS_EXEC && r->pid > 0)
		kill(-r->pid, SIGKILL);
	if (r->file >= 0)
		close(r->file);
	if (r->out >= 0)
		close(r->out);
	if (r->err >= 0)
		close(r->err);
	if (r->directory)
		closedir(r->directory);
	if (r->temporary)
		unlink(r->temporary);
	free(r->temporary);
	free(r->path);
	free(r->input);
	memset(r, 0, sizeof *r);
}

/* As init, these are what busybox and the kernel ask for: SIGUSR2 power off, SIGTERM and Ctrl-Alt-Del's SIGINT reboot. */
static void take_signals(struct ss_agent *a)
{
	struct signalfd_siginfo info;
	while (read(a->signals, &info, sizeof info) == sizeof info) {
		switch (info.ssi_signo) {
		case SIGUSR1:
		case SIGUSR2:
		case SIGPWR: a->end = SS_END_POWER_OFF; break;
		case SIGTERM:
		case SIGINT: a->end = SS_END_REBOOT; break;
		default: break;
		}
		if (a->end == SS_END_POWER_OFF || a->end == SS_END_REBOOT)
			snprintf(a->reason, sizeof a->reason, "signal %s", strsignal((int)info.ssi_signo));
	}
	ss_agent_reap(a);
}

int ss_agent_wait(struct ss_agent *a, int fd, int ms)
{
	struct pollfd set[] = {{.fd = a->signals, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
	int n = poll(set, 2, ms);
	if (n > 0 && set[0].revents)
		take_signals(a);
	return n > 0 && set[1].revents;
}

static uint8_t *put_clocks(uint8_t *at)
{
	uint64_t before = ss_tsc(), mono = clock_ns(CLOCK_MONOTONIC), after = ss_tsc();
	uint64_t raw = clock_ns(CLOCK_MONOTONIC_RAW), boot = clock_ns(CLOCK_BOOTTIME), wall = clock_ns(CLOCK_REALTIME);
	at = ss_agent_put_u64(ss_agent_put_u64(at, before), after);
	at = ss_agent_put_u64(ss_agent_put_u64(at, mono), raw);
	return ss_agent_put_u64(ss_agent_put_u64(at, boot), wall);
}

static void greet(struct ss_agent *a)
{
	uint8_t payload[16 + 8 + 6 * 4 + 6 * 8 + 7 * 128], *at = payload;
	struct utsname u;
	uname(&u);
	memcpy(at, SS_AGENT_MAGIC, 16);
	at = ss_agent_put_u64(at + 16, a->nonce);
	at = ss_agent_put_u32(at, SS_AGENT_VERSION);
	at = ss_agent_put_u32(at, a->is_init ? SS_AGENT_IS_INIT : 0);
	at = ss_agent_put_u32(at, (uint32_t)sysconf(_SC_NPROCESSORS_ONLN));
	at = ss_agent_put_u32(at, (uint32_t)sysconf(_SC_PAGESIZE));
	at = ss_agent_put_u32(at, SS_AGENT_WINDOW);
	at = ss_agent_put_u32(at, SS_AGENT_REQUESTS);
	at = put_clocks(at);
	const char *texts[] = {"schedscope-agent 0.1.0", u.sysname, u.nodename, u.release, u.version, u.machine, a->transport};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		at += snprintf((char *)at, 128, "%.127s", texts[i]) + 1;
	ss_agent_send(a, SS_R_HELLO, 0, payload, (size_t)(at - payload));
}

static void hello(struct ss_agent *a, struct ss_agent_cursor *c)
{
	const uint8_t *magic = c->at;
	if (c->end - c->at != HELLO_PAYLOAD || memcmp(magic, SS_AGENT_MAGIC, 16)) {
		ss_agent_broken(a, "HELLO without its magic text");
		return;
	}
	c->at += 16;
	uint64_t nonce = ss_agent_u64(c);
	uint32_t version = ss_agent_u32(c);
	if (a->greeted && nonce == a->nonce)
		return;
	drop_all(a);
	a->nonce = nonce;
	if (version != SS_AGENT_VERSION) {
		a->greeted = 1;
		ss_agent_broken(a, "the host speaks version %u of the protocol, this agent version %d", version, SS_AGENT_VERSION);
		return;
	}
	a->greeted = 1;
	greet(a);
}

static void input(struct ss_agent *a, struct ss_agent_request *r, const uint8_t *payload, size_t size)
{
	if (size > r->allowance) {
		ss_agent_broken(a, "INPUT of %zu bytes for request %u where %llu were allowed", size, r->id, (unsigned long long)r->allowance);
		return;
	}
	r->allowance -= size;
	if (r->kind == SS_IS_PUSH)
		ss_agent_push_input(a, r, payload, size);
	else if (r->kind == SS_IS_EXEC)
		ss_agent_exec_input(a, r, payload, size);
}

static void handle(struct ss_agent *a, int type, uint32_t id, const uint8_t *payload, size_t size)
{
	struct ss_agent_cursor c = {payload, payload + size, 0};
	uint8_t clocks[48];
	/* What has just ended may still be talked to: that was on the way. */
	struct ss_agent_request *r = type >= SS_INPUT && type <= SS_CREDIT ? ss_agent_find(a, id) : NULL;
	switch (type) {
	case SS_HELLO: hello(a, &c); break;
	case SS_EXEC: ss_agent_exec(a, id, &c); break;
	case SS_PUSH: ss_agent_push(a, id, &c); break;
	case SS_PULL: ss_agent_pull(a, id, &c); break;
	case SS_LIST: ss_agent_list(a, id, &c); break;
	case SS_INPUT:
		if (r)
			input(a, r, payload, size);
		break;
	case SS_END:
		if (r && r->kind == SS_IS_PUSH)
			ss_agent_push_end(a, r);
		else if (r && r->kind == SS_IS_EXEC)
			ss_agent_exec_end(r);
		else if (r)
			r->ending = 1;
		break;
	case SS_SIGNAL: {
		int number = (int)ss_agent_u32(&c);
		if (r && r->kind == SS_IS_EXEC && r->pid && !c.bad)
			kill(-r->pid, number);
		break;
	}
	case SS_CANCEL:
		if (r && r->kind == SS_IS_EXEC) {
			ss_agent_exec_cancel(a, r);
		} else if (r) {
			ss_agent_error(a, id, ECANCELED, "canceled");
			ss_agent_free(r);
		}
		break;
	case SS_CREDIT: {
		uint64_t bytes = ss_agent_u64(&c);
		if (r)
			r->credit = r->credit + bytes < r->credit ? UINT64_MAX : r->credit + bytes;
		break;
	}
	case SS_CLOCK:
		put_clocks(clocks);
		ss_agent_send(a, SS_R_CLOCK, id, clocks, sizeof clocks);
		break;
	case SS_POWER:
		a->end = ss_agent_u32(&c) ? SS_END_REBOOT : SS_END_POWER_OFF;
		snprintf(a->reason, sizeof a->reason, "%s as asked for", a->end == SS_END_REBOOT ? "reboot" : "power off");
		break;
	default: ss_agent_broken(a, "a frame of type %d, which there is none of", type); break;
	}
	if (c.bad && a->end < 0)
		ss_agent_broken(a, "a frame of type %d for request %u that is too short", type, id);
}

/* Takes apart what has come. */
static void take_frames(struct ss_agent *a)
{
	static const uint8_t begin[] = {HELLO_PAYLOAD, 0, 0, 0, SS_HELLO, 0, 0, 0, 0, 's', 'c', 'h', 'e', 'd', 's',
					'c', 'o', 'p', 'e', '-', 'a', 'g', 'e', 'n', 't'};
	size_t at = 0;
	while (a->end < 0 && a->output_bytes <= SS_AGENT_OUT_DEAF) {
		size_t have = a->input_bytes - at;
		if (!a->greeted && have >= sizeof begin) {
			const uint8_t *found = memmem(a->input + at, have, begin, sizeof begin);
			at = found ? (size_t)(found - a->input) : a->input_bytes - sizeof begin + 1;
			have = a->input_bytes - at;
			if (!found)
				break;
		}
		if (have < (a->greeted ? (size_t)SS_AGENT_HEAD : sizeof begin))
			break;
		struct ss_agent_cursor head = {a->input + at, a->input + at + SS_AGENT_HEAD, 0};
		uint32_t size = ss_agent_u32(&head);
		int type = *head.at++;
		uint32_t id = ss_agent_u32(&head);
		if (size > SS_AGENT_MAX_PAYLOAD) {
			ss_agent_broken(a, "a frame of %u bytes where at most %d are allowed", size, SS_AGENT_MAX_PAYLOAD);
			break;
		}
		if (have < SS_AGENT_HEAD + (size_t)size)
			break;
		handle(a, type, id, a->input + at + SS_AGENT_HEAD, size);
		at += SS_AGENT_HEAD + (size_t)size;
	}
	if (at) {
		memmove(a->input, a->input + at, a->input_bytes - at);
		a->input_bytes -= at;
	}
}

static void receive(struct ss_agent *a)
{
	ssize_t n = read(a->in, a->input + a->input_bytes, SS_AGENT_IN - a->input_bytes);
	if (n > 0) {
		a->input_bytes += (size_t)n;
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		a->end = SS_END_CLOSED;
		snprintf(a->reason, sizeof a->reason, "%s", n ? strerror(errno) : "the host closed the connection");
	}
}

static void transmit(struct ss_agent *a)
{
	while (a->output_bytes) {
		ssize_t n = write(a->out, a->output + a->output_head, a->output_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			a->end = SS_END_CLOSED;
			snprintf(a->reason, sizeof a->reason, "%s", strerror(errno));
			a->output_bytes = 0;
		}
		if (n <= 0)
			return;
		a->output_head += (size_t)n;
		a->output_bytes -= (size_t)n;
	}
}

/* Sends BYE and what is before it, as far as the host takes it within a second. */
static void say_goodbye(struct ss_agent *a)
{
	ss_agent_send(a, SS_R_BYE, 0, a->reason, strlen(a->reason) + 1);
	uint64_t until = ss_agent_ms() + LAST_WORDS_MS;
	for (uint64_t now; a->output_bytes && (now = ss_agent_ms()) < until;) {
		struct pollfd set = {.fd = a->out, .events = POLLOUT};
		if (poll(&set, 1, (int)(until - now)) > 0)
			transmit(a);
	}
}

enum { NOTHING, SIGNALS, HOST_IN, HOST_OUT, STDIN, STDOUT, STDERR, FILE_IN };

struct watch {
	struct pollfd set[3 + 3 * SS_AGENT_REQUESTS];
	struct {
		short what;
		short request;
	} of[3 + 3 * SS_AGENT_REQUESTS];
	nfds_t count;
};

static void add(struct watch *w, int fd, short events, int what, int request)
{
	w->set[w->count] = (struct pollfd){.fd = fd, .events = events};
	w->of[w->count].what = (short)what;
	w->of[w->count++].request = (short)request;
}

/* Adds a program's pipe, if it is not to pause; else `*timeout` is at most until its end. A program that has ended has nothing to wait for. */
static void add_pipe(struct watch *w, const struct ss_agent_request *r, int is_err, int index, uint64_t *now, int *timeout)
{
	uint64_t resume = r->pid ? is_err ? r->err_resume_ms : r->out_resume_ms : 0;
	if (resume && !*now)
		*now = ss_agent_ms();
	if (resume > *now) {
		int pause = (int)(resume - *now);
		*timeout = *timeout < 0 || pause < *timeout ? pause : *timeout;
		return;
	}
	add(w, is_err ? r->err : r->out, POLLIN, is_err ? STDERR : STDOUT, index);
}

/* What to wait for; returns for how long: 0 where there is something to do anyway. */
static int prepare(struct ss_agent *a, struct watch *w)
{
	int room = a->output_bytes <= SS_AGENT_OUT_DATA, timeout = -1;
	uint64_t now = 0;
	w->count = 0;
	add(w, a->signals, POLLIN, SIGNALS, 0);
	int listens = a->output_bytes <= SS_AGENT_OUT_DEAF && a->input_bytes < SS_AGENT_IN;
	if (listens)
		add(w, a->in, POLLIN, HOST_IN, 0);
	if (a->output_bytes)
		add(w, a->out, POLLOUT, HOST_OUT, 0);
	for (int i = 0; i < SS_AGENT_REQUESTS; i++) {
		struct ss_agent_request *r = &a->requests[i];
		int may = room && r->credit;
		switch (r->kind) {
		case SS_IS_EXEC:
			if (r->file >= 0 && r->input_bytes)
				add(w, r->file, POLLOUT, STDIN, i);
			if (may && r->out >= 0 && (r->pid || r->out_left))
				add_pipe(w, r, 0, i, &now, &timeout);
			if (may && r->err >= 0 && (r->pid || r->err_left))
				add_pipe(w, r, 1, i, &now, &timeout);
			break;
		case SS_IS_PULL:
			if (!may || r->credit < r->unit)
				break;
			if (!(r->flags & SS_PULL_FOLLOW) || r->ending) {
				r->ready = 1;
				timeout = 0;
			} else if (r->resume_ms > (now = now ? now : ss_agent_ms())) {
				int pause = (int)(r->resume_ms - now);
				timeout = timeout < 0 || pause < timeout ? pause : timeout;
			} else {
				add(w, r->file, POLLIN, FILE_IN, i);
			}
			break;
		case SS_IS_LIST:
			if (room)
				timeout = 0;
			break;
		default: break;
		}
	}
	return timeout;
}

/* One turn of each request, beginning with another one each time, so that none starves the others. */
static void produce(struct ss_agent *a)
{
	unsigned first = a->turn++ % SS_AGENT_REQUESTS;
	for (unsigned k = 0; k < SS_AGENT_REQUESTS && a->output_bytes <= SS_AGENT_OUT_DATA; k++) {
		struct ss_agent_request *r = &a->requests[(first + k) % SS_AGENT_REQUESTS];
		if (r->kind == SS_IS_PULL && r->ready)
			ss_agent_pull_read(a, r);
		else if (r->kind == SS_IS_LIST)
			ss_agent_list_read(a, r);
	}
}

static void turn(struct ss_agent *a, struct watch *w)
{
	int timeout = prepare(a, w);
	if (poll(w->set, w->count, timeout) < 0)
		return;
	/* The host first: what it ends or allows counts at once. Then programs, from another one on each time. */
	nfds_t start = 0;
	for (; start < w->count && w->of[start].what <= HOST_OUT; start++) {
		if (!w->set[start].revents)
			continue;
		switch (w->of[start].what) {
		case SIGNALS: take_signals(a); break;
		case HOST_IN: receive(a); break;
		case HOST_OUT: transmit(a); break;
		default: break;
		}
	}
	take_frames(a);
	nfds_t rest = w->count - start, shift = rest ? a->turn % rest : 0;
	for (nfds_t k = 0; k < rest && a->end < 0; k++) {
		nfds_t i = start + (k + shift) % rest;
		struct ss_agent_request *r = &a->requests[w->of[i].request];
		int fd = w->set[i].fd;
		if (!w->set[i].revents || !r->kind)
			continue;
		/* The request may be another one by now: then its files are others, or ask for the same. */
		if (w->of[i].what == STDIN && fd == r->file && r->kind == SS_IS_EXEC)
			ss_agent_exec_write(a, r);
		else if (w->of[i].what == STDOUT && fd == r->out)
			ss_agent_exec_read(a, r, 0);
		else if (w->of[i].what == STDERR && fd == r->err)
			ss_agent_exec_read(a, r, 1);
		else if (w->of[i].what == FILE_IN && fd == r->file && r->kind == SS_IS_PULL)
			r->ready = 1;
		if (r->kind == SS_IS_EXEC)
			ss_agent_exec_settle(a, r);
	}
	produce(a);
	transmit(a);
}

enum ss_agent_end ss_agent_serve(struct ss_agent *a, int in, int out)
{
	static struct watch watch;
	a->in = in;
	a->out = out;
	a->greeted = 0;
	a->end = -1;
	a->reason[0] = 0;
	a->input_bytes = a->output_bytes = a->output_head = 0;
	fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
	fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
	while (a->end < 0)
		turn(a, &watch);
	drop_all(a);
	if (a->greeted && a->end != SS_END_CLOSED)
		say_goodbye(a);
	a->in = a->out = -1;
	return (enum ss_agent_end)a->end;
}
