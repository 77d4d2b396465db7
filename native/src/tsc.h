/* The cycle counter: x86-64 TSC, arm64 virtual counter. */
#ifndef SS_TSC_H
#define SS_TSC_H

#include <stdint.h>

#if defined(__x86_64__)

/* Not ordered with the instructions around it: the cheapest sample (16 ticks where the ordered one takes 30). */
static inline uint64_t ss_tsc(void)
{
	uint32_t lo, hi;
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

/* After all earlier instructions; *cpu is where it was read. Linux keeps the CPU in bits 0-11 of TSC_AUX. */
static inline uint64_t ss_tsc_cpu(uint32_t *cpu)
{
	uint32_t lo, hi, aux;
	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux)::"memory");
	*cpu = aux & 0xfff;
	return (uint64_t)hi << 32 | lo;
}

#elif defined(__aarch64__)

#include <sched.h>

static inline uint64_t ss_tsc(void)
{
	uint64_t value;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
	return value;
}

/* The counter names no CPU: the kernel is asked, a few ns later, which only the path for gaps pays. */
static inline uint64_t ss_tsc_cpu(uint32_t *cpu)
{
	uint64_t value;
	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(value)::"memory");
	int now = sched_getcpu();
	*cpu = now < 0 ? 0 : (uint32_t)now;
	return value;
}

#else
#error "schedscope needs the TSC of x86-64 or the virtual counter of arm64"
#endif

#endif
