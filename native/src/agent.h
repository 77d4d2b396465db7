/* The agent in a guest: one thread, one poll loop, one connection. What is said over it is in agent_protocol.h. */
#ifndef SS_AGENT_H
#define SS_AGENT_H

#include "../include/agent_protocol.h"
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum {
	/* Bytes that one turn of one request reads; programs' pipes are as large. */
	SS_AGENT_CHUNK = 256 << 10,
	SS_AGENT_IN = SS_AGENT_MAX_PAYLOAD + SS_AGENT_HEAD + (64 << 10),
	SS_AGENT_OUT = 2 << 20,
	/* Above so many bytes that wait for the host nothing is read for it any more, */
	SS_AGENT_OUT_DATA = 128 << 10,
	/* and above so many it is not listened to: it asks, and does not read the answers. */
	SS_AGENT_OUT_DEAF = 1 << 20,
	/* Pause in ms of a PULL that follows, once it has read all. */
	SS_AGENT_FOLLOW_PAUSE = 20,
	/* Pause in ms of a pipe that gave less than SS_AGENT_SMALL: what is written line by line is not to be sent line by line. */
	SS_AGENT_PIPE_PAUSE = 2,
	SS_AGENT_SMALL = 16 << 10,
};

enum ss_agent_kind { SS_NO_REQUEST, SS_IS_EXEC, SS_IS_PUSH, SS_IS_PULL, SS_IS_LIST };

struct ss_agent_request {
	enum ss_agent_kind kind;
	uint32_t id;
	uint64_t credit;   /* bytes that may be sent */
	uint64_t allowance; /* bytes of INPUT that may still come */
	uint64_t bytes;	   /* so far */
	int file;	   /* PUSH, PULL; EXEC: stdin */
	/* EXEC */
	int out, err;
	pid_t pid; /* 0 when it was reaped */
	int canceled;
	uint64_t out_resume_ms, err_resume_ms;
	uint64_t out_left, err_left; /* when it was reaped: what is still in the pipes */
	int status;
	struct rusage usage;
	uint8_t *input; /* what the program has not read yet */
	size_t input_head, input_bytes;
	int input_ended;
	/* PULL */
	uint32_t unit, flags;
	uint64_t limit;
	int ending, ready;
	uint64_t resume_ms;
	/* PUSH */
	char *path, *temporary;
	/* LIST */
	DIR *directory;
};

/* Why ss_agent_serve has returned. */
enum ss_agent_end { SS_END_CLOSED, SS_END_BROKEN, SS_END_POWER_OFF, SS_END_REBOOT };

struct ss_agent {
	int in, out;
	int signals; /* a signalfd */
	int is_init;
	const char *transport;
	int greeted;
	uint64_t nonce;
	uint8_t *input, *output;
	size_t input_bytes, output_head, output_bytes;
	struct ss_agent_request requests[SS_AGENT_REQUESTS];
	unsigned turn;
	int end; /* -1, or an enum ss_agent_end */
	char reason[256];
};

/* Blocks the signals that the loop takes and ignores SIGPIPE. Returns 0 or negative errno. */
int ss_agent_open(struct ss_agent *a, int is_init);
void ss_agent_close(struct ss_agent *a);

/* Serves one connection until it ends; `in` and `out`, which may be the same, are made nonblocking and stay open. `reason` says why it ended. */
enum ss_agent_end ss_agent_serve(struct ss_agent *a, int in, int out);

/*
 * Reaps and takes signals until `fd` (or nothing, with -1) is readable or `ms` (-1: for ever) are over. Returns 1 if it is readable, 0 if
 * not; `a->end` is set if a signal asked for an end.
 */
int ss_agent_wait(struct ss_agent *a, int fd, int ms);

/* From here on: between the agent's own files. */

/* Room for a frame of up to `size` bytes; NULL if there is none. It is sent by ss_agent_put with what it came to. */
uint8_t *ss_agent_room(struct ss_agent *a, size_t size);
void ss_agent_put(struct ss_agent *a, int type, uint32_t id, size_t size);
/* A whole frame. */
void ss_agent_send(struct ss_agent *a, int type, uint32_t id, const void *payload, size_t size);
__attribute__((format(printf, 4, 5))) void ss_agent_error(struct ss_agent *a, uint32_t id, int error, const char *format, ...);
/* The host broke the rules: the connection ends. */
__attribute__((format(printf, 2, 3))) void ss_agent_broken(struct ss_agent *a, const char *format, ...);

/* A payload that is being read; `bad` once it was too short. */
struct ss_agent_cursor {
	const uint8_t *at, *end;
	int bad;
};
uint16_t ss_agent_u16(struct ss_agent_cursor *c);
uint32_t ss_agent_u32(struct ss_agent_cursor *c);
uint64_t ss_agent_u64(struct ss_agent_cursor *c);
const char *ss_agent_text(struct ss_agent_cursor *c);
uint8_t *ss_agent_put_u32(uint8_t *at, uint32_t value);
uint8_t *ss_agent_put_u64(uint8_t *at, uint64_t value);

struct ss_agent_request *ss_agent_find(struct ss_agent *a, uint32_t id);
/* A new one, or NULL: then the host was told. */
struct ss_agent_request *ss_agent_new(struct ss_agent *a, uint32_t id, enum ss_agent_kind kind);
/* Closes all that it has open; a program that still runs is killed with its group. */
void ss_agent_free(struct ss_agent_request *r);

void ss_agent_exec(struct ss_agent *a, uint32_t id, struct ss_agent_cursor *c);
void ss_agent_exec_input(struct ss_agent *a, struct ss_agent_request *r, const uint8_t *bytes, size_t size);
void ss_agent_exec_end(struct ss_agent_request *r);
void ss_agent_exec_write(struct ss_agent *a, struct ss_agent_request *r);
/* One turn of reading, from its stderr or else stdout. */
void ss_agent_exec_read(struct ss_agent *a, struct ss_agent_request *r, int is_err);
void ss_agent_exec_cancel(struct ss_agent *a, struct ss_agent_request *r);
/* Sends EXIT and frees it if it is over. */
void ss_agent_exec_settle(struct ss_agent *a, struct ss_agent_request *r);
void ss_agent_reap(struct ss_agent *a);

void ss_agent_push(struct ss_agent *a, uint32_t id, struct ss_agent_cursor *c);
void ss_agent_push_input(struct ss_agent *a, struct ss_agent_request *r, const uint8_t *bytes, size_t size);
void ss_agent_push_end(struct ss_agent *a, struct ss_agent_request *r);
void ss_agent_pull(struct ss_agent *a, uint32_t id, struct ss_agent_cursor *c);
void ss_agent_pull_read(struct ss_agent *a, struct ss_agent_request *r);
void ss_agent_list(struct ss_agent *a, uint32_t id, struct ss_agent_cursor *c);
void ss_agent_list_read(struct ss_agent *a, struct ss_agent_request *r);

uint64_t ss_agent_ms(void);

#endif
