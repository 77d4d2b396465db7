#include "abi_handle.h"
#include "schedscope.h"
#include "spin.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct ss_spin slots[SS_HANDLES];
static enum ss_handle_state states[SS_HANDLES];

int32_t schedscope_abi(void)
{
	return SCHEDSCOPE_ABI;
}

int32_t schedscope_gettid(void)
{
	return (int32_t)syscall(SYS_gettid);
}

int32_t schedscope_spin_open(const uint8_t *args, uint32_t args_size, uint8_t *message, uint32_t message_size)
{
	char *argv[SS_ARGUMENTS], *reason = (char *)message;
	struct ss_spin_options options;
	int rc, handle = -1;
	if (message_size)
		message[0] = 0;
	char *text = ss_abi_arguments(args, args_size, "spin", argv, &rc);
	if (!text)
		return rc;
	pthread_mutex_lock(&ss_abi_lock);
	rc = ss_spin_parse(&options, rc, argv, reason, message_size);
	if (rc > 0)
		rc = -EINVAL; /* --help */
	if (!rc && !options.shm[0]) {
		snprintf(reason, message_size, "--shm is needed");
		rc = -EINVAL;
	}
	if (!rc) {
		handle = ss_abi_free_handle(states);
		rc = handle < 0 ? handle : ss_spin_open(&slots[handle], &options, reason, message_size);
	}
	if (!rc)
		states[handle] = SS_HANDLE_OPEN;
	pthread_mutex_unlock(&ss_abi_lock);
	free(text);
	return rc < 0 ? rc : handle;
}

int32_t schedscope_spin_run(int32_t handle)
{
	int rc = ss_abi_step(handle, states, SS_HANDLE_OPEN, SS_HANDLE_RUNNING);
	if (rc)
		return rc;
	rc = ss_spin_run(&slots[handle]);
	ss_abi_step(handle, states, SS_HANDLE_RUNNING, SS_HANDLE_ENDED);
	return rc;
}

int32_t schedscope_spin_stop(int32_t handle)
{
	if (handle < 0 || handle >= SS_HANDLES)
		return -EBADF;
	pthread_mutex_lock(&ss_abi_lock);
	int rc = states[handle] == SS_HANDLE_FREE || states[handle] == SS_HANDLE_CLOSING ? -EBADF : 0;
	if (!rc)
		ss_spin_stop(&slots[handle], SS_STOP_SIGNAL);
	pthread_mutex_unlock(&ss_abi_lock);
	return rc;
}

int32_t schedscope_spin_close(int32_t handle)
{
	int rc = ss_abi_close(handle, states);
	if (rc)
		return rc;
	ss_spin_close(&slots[handle]);
	return ss_abi_step(handle, states, SS_HANDLE_CLOSING, SS_HANDLE_FREE);
}
