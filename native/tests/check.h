/* What a test program needs: CHECK fails with the place and the values, SKIP says why and exits 77. */
#ifndef SS_CHECK_H
#define SS_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition, ...) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition); \
			fprintf(stderr, __VA_ARGS__); \
			fputc('\n', stderr); \
			exit(1); \
		} \
	} while (0)

#define SKIP(...) \
	do { \
		fprintf(stderr, "skipped: "); \
		fprintf(stderr, __VA_ARGS__); \
		fputc('\n', stderr); \
		exit(77); \
	} while (0)

#endif
