/* The agent's programs: started, fed, listened to, killed, reaped. */
#include "agent.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static const char *value_of(char **env, const char *name)
{
	size_t length = strlen(name);
	for (; *env; env++)
		if (!strncmp(*env, name, length) && (*env)[length] == '=')
			return *env + length + 1;
	return NULL;
}

/* The agent's environment with `count` others in its variables' place or beside them. */
static char **environment(int clear, char *const *others, size_t count)
{
	size_t own = 0, n = 0;
	while (!clear && environ[own])
		own++;
	char **env = calloc(own + count + 1, sizeof *env);
	if (!env)
		return NULL;
	for (size_t i = 0; i < own; i++) {
		size_t length = strcspn(environ[i], "="), j = 0;
		while (j < count && (strncmp(others[j], environ[i], length) || others[j][length] != '='))
			j++;
		if (j == count)
			env[n++] = environ[i];
	}
	for (size_t i = 0; i < count; i++)
		env[n++] = others[i];
	return env;
}

/* The program's file, as execvp looks for it, but in the PATH that it will have. Returns 0 or an errno. */
static int look_up(const char *name, char **env, char *found, size_t size)
{
	if (strchr(name, '/')) {
		if (strlen(name) >= size)
			return ENAMETOOLONG;
		strcpy(found, name);
		return 0;
	}
	const char *path = value_of(env, "PATH");
	int error = ENOENT;
	if (!path)
		path = "/bin:/sbin:/usr/bin:/usr/sbin";
	for (const char *at = path; *name; at++) {
		size_t length = strcspn(at, ":");
		struct stat st;
		int n = snprintf(found, size, "%.*s/%s", length ? (int)length : 1, length ? at : ".", name);
		if (n > 0 && (size_t)n < size && !stat(found, &st) && S_ISREG(st.st_mode)) {
			if (!access(found, X_OK))
				return 0;
			error = EACCES;
		}
		at += length;
		if (!*at)
			break;
	}
	return error;
}

static int spawn(pid_t *pid, const char *file, char **argv, char **env, const char *cwd, int in, int out, int err)
{
	posix_spawnattr_t attributes;
	posix_spawn_file_actions_t actions;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, err, 2);
	int rc = *cwd ? posix_spawn_file_actions_addchdir_np(&actions, cwd) : 0;
	if (!rc)
		rc = posix_spawn(pid, file, &actions, &attributes, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return rc;
}

/* Both ends are never 0, 1 or 2, so that the child can put them there. Returns 0 or an errno. */
static int pipe_above_2(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	for (int i = 0; i < 2; i++) {
		if (ends[i] > 2)
			continue;
		int higher = fcntl(ends[i], F_DUPFD_CLOEXEC, 3);
		if (higher < 0)
			return errno;
		close(ends[i]);
		ends[i] = higher;
	}
	return 0;
}

static void begin(struct ss_agent *a, struct ss_agent_request *r, int with_stdin, const char *cwd, char **argv, char **env)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
	char file[4096];
	struct stat st;
	const char *what = "cannot be started";
	int rc = look_up(argv[0], env, file, sizeof file);
	if (rc) {
		what = rc == ENOENT ? "is in no directory of PATH" : "may not be executed";
	} else if (*cwd && (stat(cwd, &st) < 0 || !S_ISDIR(st.st_mode))) {
		rc = errno == ENOENT ? ENOENT : ENOTDIR;
		what = "cannot be started: its working directory is not there";
	} else if (!(rc = pipe_above_2(out)) && !(rc = pipe_above_2(err))) {
		if (with_stdin)
			rc = pipe_above_2(in);
		else if ((in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
			rc = errno;
	}
	if (!rc && with_stdin && !(r->input = malloc(SS_AGENT_WINDOW)))
		rc = ENOMEM;
	pid_t pid = 0;
	if (!rc)
		rc = spawn(&pid, file, argv, env, cwd, in[0], out[1], err[1]);
	close_fd(&in[0]);
	close_fd(&out[1]);
	close_fd(&err[1]);
	r->file = in[1];
	r->out = out[0];
	r->err = err[0];
	if (rc) {
		ss_agent_error(a, r->id, rc, "%.200s %s: %s", argv[0], what, strerror(rc));
		ss_agent_free(r);
		return;
	}
	r->pid = pid;
	int *const ends[] = {&r->file, &r->out, &r->err};
	for (int i = 0; i < 3; i++)
		if (*ends[i] >= 0)
			fcntl(*ends[i], F_SETFL, O_NONBLOCK);
	fcntl(r->out, F_SETPIPE_SZ, SS_AGENT_CHUNK);
	uint8_t payload[4];
	ss_agent_put_u32(payload, (uint32_t)pid);
	ss_agent_send(a, SS_R_STARTED, r->id, payload, sizeof payload);
}

void ss_agent_exec(struct ss_agent *a, uint32_t id, struct ss_agent_cursor *c)
{
	uint32_t flags = ss_agent_u32(c);
	uint64_t credit = ss_agent_u64(c);
	size_t argc = ss_agent_u16(c), envc = ss_agent_u16(c), n = 0;
	const char *cwd = ss_agent_text(c);
	char **texts = calloc(argc + 1 + envc + 1, sizeof *texts);
	if (!texts) {
		ss_agent_error(a, id, ENOMEM, "no memory for the program's arguments");
		return;
	}
	char **argv = texts, **others = texts + argc + 1;
	for (; n < argc && !c->bad; n++)
		argv[n] = (char *)ss_agent_text(c);
	for (n = 0; n < envc && !c->bad; n++)
		others[n] = (char *)ss_agent_text(c);
	if (c->bad || !argc) {
		ss_agent_broken(a, "EXEC %u: its payload is too short or has no arguments", id);
	} else {
		struct ss_agent_request *r = ss_agent_new(a, id, SS_IS_EXEC);
		char **env = r ? environment(!!(flags & SS_EXEC_CLEAR_ENV), others, envc) : NULL;
		if (env) {
			r->credit = credit;
			r->allowance = SS_AGENT_WINDOW;
			begin(a, r, !!(flags & SS_EXEC_STDIN), cwd, argv, env);
		} else if (r) {
			ss_agent_error(a, id, ENOMEM, "no memory for the program's environment");
			ss_agent_free(r);
		}
		free(env);
	}
	free(texts);
}

void ss_agent_exec_input(struct ss_agent *a, struct ss_agent_request *r, const uint8_t *bytes, size_t size)
{
	if (r->file < 0 || r->input_ended) {
		/* The program has closed its stdin: what comes is read and forgotten. */
		r->input_bytes = 0;
		uint8_t payload[8];
		ss_agent_put_u64(payload, size);
		r->allowance += size;
		ss_agent_send(a, SS_R_CREDIT, r->id, payload, sizeof payload);
		return;
	}
	if (r->input_head + r->input_bytes + size > SS_AGENT_WINDOW) {
		memmove(r->input, r->input + r->input_head, r->input_bytes);
		r->input_head = 0;
	}
	memcpy(r->input + r->input_head + r->input_bytes, bytes, size);
	r->input_bytes += size;
	ss_agent_exec_write(a, r);
}

void ss_agent_exec_end(struct ss_agent_request *r)
{
	r->input_ended = 1;
	if (!r->input_bytes)
		close_fd(&r->file);
}

void ss_agent_exec_write(struct ss_agent *a, struct ss_agent_request *r)
{
	size_t taken = 0;
	while (r->file >= 0 && r->input_bytes) {
		ssize_t n = write(r->file, r->input + r->input_head, r->input_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			close_fd(&r->file);
			taken += r->input_bytes;
			r->input_bytes = 0;
			break;
		}
		taken += (size_t)n;
		r->input_head += (size_t)n;
		r->input_bytes -= (size_t)n;
	}
	if (!r->input_bytes) {
		r->input_head = 0;
		if (r->input_ended)
			close_fd(&r->file);
	}
	if (taken) {
		uint8_t payload[8];
		ss_agent_put_u64(payload, taken);
		r->allowance += taken;
		ss_agent_send(a, SS_R_CREDIT, r->id, payload, sizeof payload);
	}
}

void ss_agent_exec_read(struct ss_agent *a, struct ss_agent_request *r, int is_err)
{
	int *fd = is_err ? &r->err : &r->out;
	uint64_t *left = is_err ? &r->err_left : &r->out_left;
	size_t size = r->credit < SS_AGENT_CHUNK ? (size_t)r->credit : SS_AGENT_CHUNK;
	if (!r->pid && *left < size)
		size = (size_t)*left;
	uint8_t *room = size ? ss_agent_room(a, size) : NULL;
	if (!room)
		return;
	ssize_t n = read(*fd, room, size);
	if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
		if (!r->pid && errno == EAGAIN)
			*left = 0;
		return;
	}
	if (n <= 0) {
		*left = 0;
		close_fd(fd);
		return;
	}
	ss_agent_put(a, is_err ? SS_R_STDERR : SS_R_STDOUT, r->id, (size_t)n);
	r->credit -= (uint64_t)n;
	*(is_err ? &r->err_resume_ms : &r->out_resume_ms) = n < SS_AGENT_SMALL ? ss_agent_ms() + SS_AGENT_PIPE_PAUSE : 0;
	if (!r->pid)
		*left -= (uint64_t)n;
}

static uint64_t time_ns(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_usec * 1000u;
}

void ss_agent_exec_settle(struct ss_agent *a, struct ss_agent_request *r)
{
	if (r->pid || r->out_left || r->err_left)
		return;
	uint8_t payload[32], *at = payload;
	at = ss_agent_put_u32(at, WIFEXITED(r->status) ? (uint32_t)WEXITSTATUS(r->status) : UINT32_MAX);
	at = ss_agent_put_u32(at, WIFSIGNALED(r->status) ? (uint32_t)WTERMSIG(r->status) : 0);
	at = ss_agent_put_u64(at, time_ns(r->usage.ru_utime));
	at = ss_agent_put_u64(at, time_ns(r->usage.ru_stime));
	ss_agent_put_u64(at, (uint64_t)r->usage.ru_maxrss);
	ss_agent_send(a, SS_R_EXIT, r->id, payload, sizeof payload);
	ss_agent_free(r);
}

void ss_agent_exec_cancel(struct ss_agent *a, struct ss_agent_request *r)
{
	r->canceled = 1;
	r->out_left = r->err_left = 0;
	close_fd(&r->file);
	close_fd(&r->out);
	close_fd(&r->err);
	if (r->pid)
		kill(-r->pid, SIGKILL);
	ss_agent_exec_settle(a, r);
}

void ss_agent_reap(struct ss_agent *a)
{
	int status;
	struct rusage usage;
	for (pid_t pid; (pid = wait4(-1, &status, WNOHANG, &usage)) > 0;) {
		for (int i = 0; i < SS_AGENT_REQUESTS; i++) {
			struct ss_agent_request *r = &a->requests[i];
			if (r->kind != SS_IS_EXEC || r->pid != pid)
				continue;
			r->pid = 0;
			r->status = status;
			r->usage = usage;
			close_fd(&r->file);
			/* What it wrote is in the pipes by now; what its children write from here on is theirs. */
			int bytes = 0;
			r->out_left = r->out >= 0 && !ioctl(r->out, FIONREAD, &bytes) ? (uint64_t)bytes : 0;
			r->err_left = r->err >= 0 && !ioctl(r->err, FIONREAD, &bytes) ? (uint64_t)bytes : 0;
			ss_agent_exec_settle(a, r);
			break;
		}
	}
}
