/*
 * libschedscope: the door between schedscope and C.
 *
 * Rules: scalars and buffers only, no callbacks, no pointers as integers, so that an FFI needs no right but to open this one
 * file. Buffers are read or written during the call and not kept. Handles are small integers. Every function returns 0 or a
 * positive count on success and a negative errno on failure. The functions may be called from any thread.
 */
#ifndef SCHEDSCOPE_H
#define SCHEDSCOPE_H

#include <stdint.h>

#define SCHEDSCOPE_ABI 1
#define SCHEDSCOPE_API __attribute__((visibility("default")))

/* Returns SCHEDSCOPE_ABI of the library. */
SCHEDSCOPE_API int32_t schedscope_abi(void);

/* Returns the kernel's id of the calling thread. */
SCHEDSCOPE_API int32_t schedscope_gettid(void);

/* --- spin: the threads run in this process. For runs that nothing disturbs start the program schedscope-spin instead. */

/*
 * Prepares a run. `args` are the options of schedscope-spin, each ended by NUL; --shm is where results go and is needed.
 * Returns a handle >= 0; -EINVAL or another negative errno with the reason in `message` (NUL-terminated); -EMFILE with 16 open.
 */
SCHEDSCOPE_API int32_t schedscope_spin_open(const uint8_t *args, uint32_t args_size, uint8_t *message, uint32_t message_size);

/* Runs it in threads of its own and returns when it has ended: call it from a thread that may block. Once per handle: -EALREADY. */
SCHEDSCOPE_API int32_t schedscope_spin_run(int32_t handle);

/* Ends the run, sleeping threads are woken. Returns 0 also if it has not begun or has ended; -EBADF for no such handle. */
SCHEDSCOPE_API int32_t schedscope_spin_stop(int32_t handle);

/* Frees the handle. Returns 0, -EBUSY while it runs, -EBADF for no such handle. */
SCHEDSCOPE_API int32_t schedscope_spin_close(int32_t handle);

/* --- reflex: the threads run in this process, as those of spin; the program is schedscope-reflex. */

/*
 * Prepares a run. `args` are the options of schedscope-reflex, each ended by NUL. Returns a handle >= 0; -EINVAL, -ERANGE (an option),
 * -EAGAIN, -EMFILE (a limit of the machine, or 16 open) or another negative errno with the reason in `message` (NUL-terminated).
 */
SCHEDSCOPE_API int32_t schedscope_reflex_open(const uint8_t *args, uint32_t args_size, uint8_t *message, uint32_t message_size);

/* Runs it in threads of its own and returns when all have ended: call it from a thread that may block. Once per handle: -EALREADY. */
SCHEDSCOPE_API int32_t schedscope_reflex_run(int32_t handle);

/* Ends the run, blocked readers are freed. Returns 0 also if it has not begun or has ended; -EBADF for no such handle. */
SCHEDSCOPE_API int32_t schedscope_reflex_stop(int32_t handle);

/*
 * Fills `text` with the JSON that the program prints, or with the reason if the run failed. Returns its length, not NUL-terminated; if
 * that is over `size`, nothing was filled. -EALREADY before the run, -EBUSY during it.
 */
SCHEDSCOPE_API int32_t schedscope_reflex_result(int32_t handle, uint8_t *text, uint32_t size);

/* Frees the handle. Returns 0, -EBUSY while it runs, -EBADF for no such handle. */
SCHEDSCOPE_API int32_t schedscope_reflex_close(int32_t handle);

/* --- the cycle counter */

/*
 * Calibrates for `brackets` times `bracket_ms` and fills info[0..4]: ticks per second, residual in ppm, invariant (0 or 1),
 * hypervisor (0 or 1), brackets; `clocksource` gets the kernel's clock source, NUL-terminated. Returns 0, -EINVAL or -ENOTSUP.
 */
SCHEDSCOPE_API int32_t schedscope_tsc_info(uint32_t brackets, uint32_t bracket_ms, double *info, uint8_t *clocksource,
					   uint32_t clocksource_size);

/* Fills pair[0] with the counter and pair[1] with CLOCK_MONOTONIC in ns of the same moment. Returns half the width of the reading in
 * ticks. */
SCHEDSCOPE_API int32_t schedscope_tsc_pair(uint64_t *pair);

/* --- where and how threads run; tid 0 is the calling thread */

/* Fills `mask` (bit n of byte n / 8 is CPU n). Returns the bytes the kernel filled, -EINVAL if `size` is too small for it. */
SCHEDSCOPE_API int32_t schedscope_affinity_get(int32_t tid, uint8_t *mask, uint32_t size);

/* Sets it. Returns 0, -EINVAL if no CPU of the mask is allowed, -EPERM, -ESRCH. */
SCHEDSCOPE_API int32_t schedscope_affinity_set(int32_t tid, const uint8_t *mask, uint32_t size);

/*
 * Fills attr[0..8] with what sched_getattr(2) knows: policy, flags, nice (two's complement), priority, runtime, deadline and
 * period in ns, util_min, util_max. For SCHED_OTHER and SCHED_BATCH runtime is the slice (Linux 6.12). Returns 0 or negative errno.
 */
SCHEDSCOPE_API int32_t schedscope_policy_get(int32_t tid, uint64_t *attr);

/* Sets the same with sched_setattr(2). Returns 0, -EPERM, -EINVAL, -EBUSY (deadline admission), -ESRCH. */
SCHEDSCOPE_API int32_t schedscope_policy_set(int32_t tid, const uint64_t *attr);

/*
 * prctl(PR_SCHED_CORE, command, pid, scope): command 0 get, 1 create, 2 share to, 3 share from; scope 0 thread, 1 thread group,
 * 2 process group. Get fills cookie[0] (0: none; compare for equality only), the others leave it. Returns 0, -EINVAL (kernel without
 * CONFIG_SCHED_CORE, or a wrong argument), -ENODEV (no SMT), -EPERM, -ESRCH.
 */
SCHEDSCOPE_API int32_t schedscope_core_sched(int32_t command, int32_t pid, int32_t scope, uint64_t *cookie);

#endif
