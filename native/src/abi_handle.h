/* What the handles of the library's ABI have in common: their states, and arguments for getopt. */
#ifndef SCHEDSCOPE_ABI_HANDLE_H
#define SCHEDSCOPE_ABI_HANDLE_H
#include <pthread.h>
#include <stdint.h>

#define SS_HANDLES 16
#define SS_ARGUMENTS 64

enum ss_handle_state { SS_HANDLE_FREE, SS_HANDLE_OPEN, SS_HANDLE_RUNNING, SS_HANDLE_ENDED, SS_HANDLE_CLOSING };

/* Held over every look at a state, and over every use of getopt, whose state is global. */
extern pthread_mutex_t ss_abi_lock;

/*
 * Makes `argv` (SS_ARGUMENTS places, the first `name`) of NUL-ended texts. The pointers lead into the result, which the caller
 * frees. Returns NULL and puts -EINVAL (the last text does not end), -E2BIG or -ENOMEM into `argc`.
 */
char *ss_abi_arguments(const uint8_t *texts, uint32_t size, char *name, char **argv, int *argc);

/*
 * Goes from state `from` to `to`. Returns 0, or what the present state means: -EBADF free, -EBUSY running or closing, -EALREADY
 * another one. -EBADF for a handle out of range.
 */
int ss_abi_step(int32_t handle, enum ss_handle_state *states, enum ss_handle_state from, enum ss_handle_state to);

/* Goes to SS_HANDLE_CLOSING from SS_HANDLE_ENDED or SS_HANDLE_OPEN. Returns as ss_abi_step(). */
int ss_abi_close(int32_t handle, enum ss_handle_state *states);

/* A free handle, -EMFILE if there is none. The lock is held. */
int ss_abi_free_handle(const enum ss_handle_state *states);
#endif
