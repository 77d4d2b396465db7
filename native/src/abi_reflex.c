#include "reflex.h"
#include "schedscope.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HANDLES 16
#define ARGUMENTS 64

enum { FREE, OPEN, RUNNING, ENDED };

static struct {
	struct ss_reflex reflex;
	int state;
} slots[HANDLES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* NUL-ended texts to an argument vector. Returns the count, -EINVAL if the last one does not end, -E2BIG. */
static int split(char *text, uint32_t size, char **argv)
{
	int argc = 1;
	argv[0] = "reflex";
	if (size && text[size - 1])
		return -EINVAL;
	for (uint32_t at = 0; at < size; at += (uint32_t)strlen(text + at) + 1) {
		if (argc == ARGUMENTS - 1)
			return -E2BIG;
		argv[argc++] = text + at;
	}
	argv[argc] = NULL;
	return argc;
}

int32_t schedscope_reflex_open(const uint8_t *args, uint32_t args_size, uint8_t *message, uint32_t message_size)
{
	char *argv[ARGUMENTS], *text = malloc((size_t)args_size + 1);
	struct ss_reflex_options options;
	if (!text)
		return -ENOMEM;
	if (message_size)
		message[0] = 0;
	memcpy(text, args, args_size);
	text[args_size] = 0;
	pthread_mutex_lock(&lock); /* getopt has global state */
	int rc = split(text, args_size, argv), handle = 0;
	if (rc >= 0)
		rc = ss_reflex_parse(&options, rc, argv, (char *)message, message_size);
	if (rc > 0)
		rc = -EINVAL; /* --help */
	while (handle < HANDLES && slots[handle].state != FREE)
		handle++;
	if (!rc && handle == HANDLES)
		rc = -EMFILE;
	if (!rc)
		rc = ss_reflex_open(&slots[handle].reflex, &options, (char *)message, message_size);
	if (!rc)
		slots[handle].state = OPEN;
	pthread_mutex_unlock(&lock);
	free(text);
	return rc < 0 ? rc : handle;
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

int32_t schedscope_reflex_run(int32_t handle)
{
	int rc = step(handle, OPEN, RUNNING);
	if (rc)
		return rc;
	rc = ss_reflex_run(&slots[handle].reflex);
	step(handle, RUNNING, ENDED);
	return rc;
}

int32_t schedscope_reflex_stop(int32_t handle)
{
	if (handle < 0 || handle >= HANDLES)
		return -EBADF;
	pthread_mutex_lock(&lock);
	int rc = slots[handle].state == FREE ? -EBADF : 0;
	if (!rc)
		ss_reflex_stop(&slots[handle].reflex, SS_REFLEX_SIGNAL);
	pthread_mutex_unlock(&lock);
	return rc;
}

int32_t schedscope_reflex_result(int32_t handle, uint8_t *text, uint32_t size)
{
	int rc = step(handle, ENDED, ENDED);
	if (rc)
		return rc;
	const struct ss_reflex *r = &slots[handle].reflex;
	char *json = NULL;
	size_t length = 0;
	FILE *out;
	if (r->message[0]) {
		length = strlen(r->message);
		json = strdup(r->message);
	} else if ((out = open_memstream(&json, &length))) {
		ss_reflex_json(out, r);
		fclose(out);
	}
	if (!json)
		return -ENOMEM;
	if (length <= size)
		memcpy(text, json, length);
	free(json);
	return (int32_t)length;
}

int32_t schedscope_reflex_close(int32_t handle)
{
	int rc = step(handle, ENDED, FREE);
	if (rc == -EALREADY)
		rc = step(handle, OPEN, FREE);
	if (rc)
		return rc;
	ss_reflex_close(&slots[handle].reflex);
	return 0;
}
