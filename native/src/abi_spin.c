#include "schedscope.h"
#include "spin.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HANDLES 16

enum { FREE, OPEN, RUNNING, ENDED };

static struct {
	struct ss_spin spin;
	int state;
} slots[HANDLES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int32_t schedscope_abi(void)
{
	return SCHEDSCOPE_ABI;
}

int32_t schedscope_gettid(void)
{
	return (int32_t)syscall(SYS_gettid);
}

/* NUL-ended texts to an argument vector of at most `max`. Returns the count, -EINVAL if the last one does not end. */
static int split(char *text, uint32_t size, char **argv, int max)
{
	int argc = 1;
	argv[0] = "spin";
	if (size && text[size - 1])
		return -EINVAL;
	for (uint32_t at = 0; at < size; at += (uint32_t)strlen(text + at) + 1) {
		if (argc == max - 1)
			return -E2BIG;
		argv[argc++] = text + at;
	}
	argv[argc] = NULL;
	return argc;
}

int32_t schedscope_spin_open(const uint8_t *args, uint32_t args_size, uint8_t *message, uint32_t message_size)
{
	char *argv[64], *reason = (char *)message, *text = malloc(args_size + 1);
	struct ss_spin_options options;
	if (!text)
		return -ENOMEM;
	if (message_size)
		message[0] = 0;
	memcpy(text, args, args_size);
	text[args_size] = 0;
	pthread_mutex_lock(&lock); /* getopt has global state */
	int rc = split(text, args_size, argv, 64);
	if (rc >= 0)
		rc = ss_spin_parse(&options, rc, argv, reason, message_size);
	if (!rc && !options.shm[0]) {
		snprintf(reason, message_size, "--shm is needed");
		rc = -EINVAL;
	}
	int handle = 0;
	while (handle < HANDLES && slots[handle].state != FREE)
		handle++;
	if (!rc && handle == HANDLES)
		rc = -EMFILE;
	if (!rc)
		rc = ss_spin_open(&slots[handle].spin, &options, reason, message_size);
	if (!rc)
		slots[handle].state = OPEN;
	pthread_mutex_unlock(&lock);
	free(text);
	return rc > 0 ? -EINVAL : rc < 0 ? rc : handle;
}

/* Goes from state `from` to `to`. Returns 0 or the error that the present state means. */
static int step(int32_t handle, int from, int to)
{
	if (handle < 0 || handle >= HANDLES)
		return -EBADF;
	pthread_mutex_lock(&lock);
	int state = slots[handle].state;
	int rc = state == from ? 0 : state == FREE ? -EBADF : state == RUNNING ? -EBUSY : -EALREADY;
	if (!rc)
		slots[handle].state = to;
	pthread_mutex_unlock(&lock);
	return rc;
}

int32_t schedscope_spin_run(int32_t handle)
{
	int rc = step(handle, OPEN, RUNNING);
	if (rc)
		return rc;
	rc = ss_spin_run(&slots[handle].spin);
	step(handle, RUNNING, ENDED);
	return rc;
}

int32_t schedscope_spin_stop(int32_t handle)
{
	if (handle < 0 || handle >= HANDLES)
		return -EBADF;
	pthread_mutex_lock(&lock);
	int rc = slots[handle].state == FREE ? -EBADF : 0;
	if (!rc)
		ss_spin_stop(&slots[handle].spin, SS_STOP_SIGNAL);
	pthread_mutex_unlock(&lock);
	return rc;
}

int32_t schedscope_spin_close(int32_t handle)
{
	int rc = step(handle, ENDED, FREE);
	if (rc == -EALREADY)
		rc = step(handle, OPEN, FREE);
	if (rc)
		return rc;
	ss_spin_close(&slots[handle].spin);
	return 0;
}
