#include "abi_handle.h"
#include "reflex.h"
#include "schedscope.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct ss_reflex slots[SS_HANDLES];
static enum ss_handle_state states[SS_HANDLES];

int32_t schedscope_reflex_open(const uint8_t *args, uint32_t args_size, uint8_t *message, uint32_t message_size)
{
	char *argv[SS_ARGUMENTS];
	struct ss_reflex_options options;
	int rc, handle = -1;
	if (message_size)
		message[0] = 0;
	char *text = ss_abi_arguments(args, args_size, "reflex", argv, &rc);
	if (!text)
		return rc;
	pthread_mutex_lock(&ss_abi_lock);
	rc = ss_reflex_parse(&options, rc, argv, (char *)message, message_size);
	if (rc > 0)
		rc = -EINVAL; /* --help */
	if (!rc) {
		handle = ss_abi_free_handle(states);
		rc = handle < 0 ? handle : ss_reflex_open(&slots[handle], &options, (char *)message, message_size);
	}
	if (!rc)
		states[handle] = SS_HANDLE_OPEN;
	pthread_mutex_unlock(&ss_abi_lock);
	free(text);
	return rc < 0 ? rc : handle;
}

int32_t schedscope_reflex_run(int32_t handle)
{
	int rc = ss_abi_step(handle, states, SS_HANDLE_OPEN, SS_HANDLE_RUNNING);
	if (rc)
		return rc;
	rc = ss_reflex_run(&slots[handle]);
	ss_abi_step(handle, states, SS_HANDLE_RUNNING, SS_HANDLE_ENDED);
	return rc;
}

int32_t schedscope_reflex_stop(int32_t handle)
{
	if (handle < 0 || handle >= SS_HANDLES)
		return -EBADF;
	pthread_mutex_lock(&ss_abi_lock);
	int rc = states[handle] == SS_HANDLE_FREE || states[handle] == SS_HANDLE_CLOSING ? -EBADF : 0;
	if (!rc)
		ss_reflex_stop(&slots[handle], SS_REFLEX_SIGNAL);
	pthread_mutex_unlock(&ss_abi_lock);
	return rc;
}

int32_t schedscope_reflex_result(int32_t handle, uint8_t *text, uint32_t size)
{
	int rc = ss_abi_step(handle, states, SS_HANDLE_ENDED, SS_HANDLE_ENDED);
	if (rc)
		return rc;
	const struct ss_reflex *r = &slots[handle];
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
	int rc = ss_abi_close(handle, states);
	if (rc)
		return rc;
	ss_reflex_close(&slots[handle]);
	return ss_abi_step(handle, states, SS_HANDLE_CLOSING, SS_HANDLE_FREE);
}
