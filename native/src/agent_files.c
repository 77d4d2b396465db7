/* The agent's files: in, out, and what is in a directory. */
#include "agent.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void done(struct ss_agent *a, struct ss_agent_request *r)
{
	uint8_t payload[8];
	ss_agent_put_u64(payload, r->bytes);
	ss_agent_send(a, SS_R_DONE, r->id, payload, sizeof payload);
	ss_agent_free(r);
}

static void failed(struct ss_agent *a, struct ss_agent_request *r, int error, const char *verb)
{
	ss_agent_error(a, r->id, error, "%.400s: cannot %s after %llu bytes: %s", r->path ? r->path : "?", verb, (unsigned long long)r->bytes,
		       strerror(error));
	ss_agent_free(r);
}

void ss_agent_push(struct ss_agent *a, uint32_t id, struct ss_agent_cursor *c)
{
	uint32_t mode = ss_agent_u32(c), flags = ss_agent_u32(c);
	const char *path = ss_agent_text(c);
	if (c->bad) {
		ss_agent_broken(a, "PUSH %u: its payload is too short", id);
		return;
	}
	struct ss_agent_request *r = ss_agent_new(a, id, SS_IS_PUSH);
	if (!r)
		return;
	r->allowance = SS_AGENT_WINDOW;
	r->flags = flags;
	r->path = strdup(path);
	int in_place = !!(flags & (SS_PUSH_IN_PLACE | SS_PUSH_APPEND));
	if (!r->path || (!in_place && asprintf(&r->temporary, "%s.schedscope-%d-%u", path, (int)getpid(), id) < 0)) {
		r->temporary = NULL;
		failed(a, r, ENOMEM, "be written");
		return;
	}
	int how = O_WRONLY | O_CLOEXEC | O_NOCTTY;
	how |= !in_place ? O_CREAT | O_EXCL : flags & SS_PUSH_APPEND ? O_APPEND : O_TRUNC;
	if (in_place && !(flags & SS_PUSH_IN_PLACE))
		how |= O_CREAT;
	r->file = open(r->temporary ? r->temporary : path, how, mode & 07777);
	if (r->file < 0) {
		int error = errno;
		free(r->temporary);
		r->temporary = NULL;
		failed(a, r, error, "be written");
	} else if (r->temporary) {
		fchmod(r->file, mode & 07777);
	}
}

void ss_agent_push_input(struct ss_agent *a, struct ss_agent_request *r, const uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = write(r->file, bytes + at, size - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			failed(a, r, n ? errno : ENOSPC, "be written");
			return;
		}
		at += (size_t)n;
		r->bytes += (uint64_t)n;
	}
	uint8_t payload[8];
	ss_agent_put_u64(payload, size);
	r->allowance += size;
	ss_agent_send(a, SS_R_CREDIT, r->id, payload, sizeof payload);
}

void ss_agent_push_end(struct ss_agent *a, struct ss_agent_request *r)
{
	int rc = close(r->file);
	r->file = -1;
	if (rc < 0 || (r->temporary && rename(r->temporary, r->path) < 0)) {
		failed(a, r, errno, "be written");
		return;
	}
	free(r->temporary);
	r->temporary = NULL;
	done(a, r);
}

void ss_agent_pull(struct ss_agent *a, uint32_t id, struct ss_agent_cursor *c)
{
	uint32_t flags = ss_agent_u32(c), unit = ss_agent_u32(c);
	uint64_t credit = ss_agent_u64(c), limit = ss_agent_u64(c);
	const char *path = ss_agent_text(c);
	if (c->bad || unit > SS_AGENT_CHUNK) {
		ss_agent_broken(a, "PULL %u: its payload is too short, or its unit is more than %d bytes", id, SS_AGENT_CHUNK);
		return;
	}
	struct ss_agent_request *r = ss_agent_new(a, id, SS_IS_PULL);
	if (!r)
		return;
	r->flags = flags;
	r->unit = unit;
	r->credit = credit;
	r->limit = limit;
	r->path = strdup(path);
	/* Nonblocking: a file that gives nothing must not keep all others waiting. */
	r->file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	if (r->file < 0)
		failed(a, r, errno, "be read");
	else if (!fstat(r->file, &st) && S_ISDIR(st.st_mode))
		failed(a, r, EISDIR, "be read");
}

/* Fills `room`. Returns bytes, 0 at the end (for now), negative errno. */
static ssize_t fill(struct ss_agent_request *r, uint8_t *room, size_t size)
{
	if (!r->unit) {
		ssize_t n = read(r->file, room, size);
		return n >= 0 ? n : errno == EAGAIN ? 0 : -errno;
	}
	size_t have = 0;
	while (have + r->unit <= size) {
		ssize_t n = read(r->file, room + have, r->unit);
		if (n < 0 && errno != EAGAIN && !have)
			return -errno;
		if (n <= 0)
			break;
		memset(room + have + n, 0, r->unit - (size_t)n);
		have += r->unit;
	}
	return (ssize_t)have;
}

void ss_agent_pull_read(struct ss_agent *a, struct ss_agent_request *r)
{
	uint64_t left = r->limit - r->bytes, size = r->credit;
	/* Whoever follows asks poll(2) again soon: what is being written to is not to be read half full. */
	uint64_t most = r->flags & SS_PULL_FOLLOW && !r->ending ? SS_AGENT_CHUNK / 4 : SS_AGENT_CHUNK;
	size = size < left ? size : left;
	size = size < most ? size : most;
	if (r->unit)
		size -= size % r->unit;
	if (!left || (r->unit && left < r->unit)) {
		done(a, r);
		return;
	}
	uint8_t *room = size ? ss_agent_room(a, size) : NULL;
	if (!room)
		return;
	r->ready = 0;
	ssize_t n = fill(r, room, size);
	if (n == -EINTR)
		return;
	if (n < 0) {
		failed(a, r, (int)-n, "be read");
	} else if (n > 0) {
		ss_agent_put(a, SS_R_DATA, r->id, (size_t)n);
		r->credit -= (uint64_t)n;
		r->bytes += (uint64_t)n;
	} else if (!(r->flags & SS_PULL_FOLLOW) || r->ending) {
		done(a, r);
	} else {
		r->resume_ms = ss_agent_ms() + SS_AGENT_FOLLOW_PAUSE;
	}
}

void ss_agent_list(struct ss_agent *a, uint32_t id, struct ss_agent_cursor *c)
{
	const char *path = ss_agent_text(c);
	if (c->bad) {
		ss_agent_broken(a, "LIST %u: its payload is too short", id);
		return;
	}
	struct ss_agent_request *r = ss_agent_new(a, id, SS_IS_LIST);
	if (!r)
		return;
	r->path = strdup(path);
	r->directory = opendir(path);
	if (!r->directory)
		failed(a, r, errno, "be listed");
}

void ss_agent_list_read(struct ss_agent *a, struct ss_agent_request *r)
{
	size_t size = 0, most = SS_AGENT_CHUNK;
	uint8_t *room = ss_agent_room(a, most);
	if (!room)
		return;
	struct dirent *entry = NULL;
	errno = 0;
	while (size + 1 + NAME_MAX + 1 <= most && (entry = readdir(r->directory))) {
		const char *name = entry->d_name;
		if (!strcmp(name, ".") || !strcmp(name, ".."))
			continue;
		size_t length = strlen(name) + 1;
		room[size] = entry->d_type;
		memcpy(room + size + 1, name, length);
		size += 1 + length;
		r->bytes += 1 + length;
	}
	int error = errno;
	if (size)
		ss_agent_put(a, SS_R_DATA, r->id, size);
	if (!entry && error)
		failed(a, r, error, "be listed");
	else if (!entry)
		done(a, r);
}
