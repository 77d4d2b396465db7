#include "abi_handle.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

pthread_mutex_t ss_abi_lock = PTHREAD_MUTEX_INITIALIZER;

char *ss_abi_arguments(const uint8_t *texts, uint32_t size, char *name, char **argv, int *argc)
{
	char *text = malloc((size_t)size + 1);
	*argc = text ? 1 : -ENOMEM;
	if (!text)
		return NULL;
	memcpy(text, texts, size);
	text[size] = 0;
	argv[0] = name;
	if (size && text[size - 1])
		*argc = -EINVAL;
	for (uint32_t at = 0; *argc > 0 && at < size; at += (uint32_t)strlen(text + at) + 1) {
		if (*argc == SS_ARGUMENTS - 1)
			*argc = -E2BIG;
		else
			argv[(*argc)++] = text + at;
	}
	if (*argc < 0) {
		free(text);
		return NULL;
	}
	argv[*argc] = NULL;
	return text;
}

int ss_abi_step(int32_t handle, enum ss_handle_state *states, enum ss_handle_state from, enum ss_handle_state to)
{
	if (handle < 0 || handle >= SS_HANDLES)
		return -EBADF;
	pthread_mutex_lock(&ss_abi_lock);
	enum ss_handle_state state = states[handle];
	int rc = state == from ? 0 : state == SS_HANDLE_FREE ? -EBADF : state == SS_HANDLE_RUNNING || state == SS_HANDLE_CLOSING ? -EBUSY : -EALREADY;
	if (!rc)
		states[handle] = to;
	pthread_mutex_unlock(&ss_abi_lock);
	return rc;
}

int ss_abi_close(int32_t handle, enum ss_handle_state *states)
{
	int rc = ss_abi_step(handle, states, SS_HANDLE_ENDED, SS_HANDLE_CLOSING);
	return rc == -EALREADY ? ss_abi_step(handle, states, SS_HANDLE_OPEN, SS_HANDLE_CLOSING) : rc;
}

int ss_abi_free_handle(const enum ss_handle_state *states)
{
	for (int handle = 0; handle < SS_HANDLES; handle++)
		if (states[handle] == SS_HANDLE_FREE)
			return handle;
	return -EMFILE;
}
