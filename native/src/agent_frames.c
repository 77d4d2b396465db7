/* The agent's frames: what is to be sent is queued, what has come is taken apart. */
#include "agent.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

uint16_t ss_agent_u16(struct ss_agent_cursor *c)
{
	if (c->end - c->at < 2) {
		c->bad = 1;
		return 0;
	}
	c->at += 2;
	return (uint16_t)(c->at[-2] | c->at[-1] << 8);
}

uint32_t ss_agent_u32(struct ss_agent_cursor *c)
{
	uint32_t low = ss_agent_u16(c);
	return low | (uint32_t)ss_agent_u16(c) << 16;
}

uint64_t ss_agent_u64(struct ss_agent_cursor *c)
{
	uint64_t low = ss_agent_u32(c);
	return low | (uint64_t)ss_agent_u32(c) << 32;
}

const char *ss_agent_text(struct ss_agent_cursor *c)
{
	const uint8_t *nul = c->at < c->end ? memchr(c->at, 0, (size_t)(c->end - c->at)) : NULL;
	if (!nul) {
		c->bad = 1;
		return "";
	}
	const char *text = (const char *)c->at;
	c->at = nul + 1;
	return text;
}

uint8_t *ss_agent_put_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
	return at + 4;
}

uint8_t *ss_agent_put_u64(uint8_t *at, uint64_t value)
{
	return ss_agent_put_u32(ss_agent_put_u32(at, (uint32_t)value), (uint32_t)(value >> 32));
}

static uint8_t *space(struct ss_agent *a, size_t size)
{
	size_t whole = size + SS_AGENT_HEAD;
	if (!a->output_bytes)
		a->output_head = 0;
	if (a->output_bytes + whole > SS_AGENT_OUT)
		return NULL;
	if (a->output_head + a->output_bytes + whole > SS_AGENT_OUT) {
		memmove(a->output, a->output + a->output_head, a->output_bytes);
		a->output_head = 0;
	}
	return a->output + a->output_head + a->output_bytes + SS_AGENT_HEAD;
}

uint8_t *ss_agent_room(struct ss_agent *a, size_t size)
{
	return a->output_bytes > SS_AGENT_OUT_DATA ? NULL : space(a, size);
}

void ss_agent_put(struct ss_agent *a, int type, uint32_t id, size_t size)
{
	uint8_t *at = a->output + a->output_head + a->output_bytes;
	at = ss_agent_put_u32(at, (uint32_t)size);
	*at++ = (uint8_t)type;
	ss_agent_put_u32(at, id);
	a->output_bytes += size + SS_AGENT_HEAD;
}

void ss_agent_send(struct ss_agent *a, int type, uint32_t id, const void *payload, size_t size)
{
	/*
	 * There is room: data stops at SS_AGENT_OUT_DATA, the host is not heard above SS_AGENT_OUT_DEAF, and what comes unasked from
	 * there on, at most an EXIT, a DONE and a CREDIT for each request, is less than the rest.
	 */
	uint8_t *room = space(a, size);
	if (!room)
		return;
	memcpy(room, payload, size);
	ss_agent_put(a, type, id, size);
}

void ss_agent_error(struct ss_agent *a, uint32_t id, int error, const char *format, ...)
{
	uint8_t payload[4 + 600];
	char *text = (char *)ss_agent_put_u32(payload, (uint32_t)error);
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof payload - 4, format, args);
	va_end(args);
	ss_agent_send(a, SS_R_ERROR, id, payload, 4 + strlen(text) + 1);
}

void ss_agent_broken(struct ss_agent *a, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(a->reason, sizeof a->reason, format, args);
	va_end(args);
	a->end = SS_END_BROKEN;
}
