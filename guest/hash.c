/*
 * guest/hash.c - see guest/hash.h.
 *
 * After each step the upper half of the product depends on all that came before. With a factor that
 * nobody knows one cannot say which bytes undo what others did.
 */
#include "guest/hash.h"

#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

typedef struct Secret {
	uint64_t start, factor;
} Secret;

static Secret secret(void)
{
	const void *bytes = (const void *)(uintptr_t)getauxval(AT_RANDOM);
	Secret own = {0};

	if (bytes)
		memcpy(&own, bytes, sizeof(own));
	own.factor |= 1; /* else the product loses bits */
	return own;
}

guint linux_name_hash(gconstpointer name)
{
	const Secret own = secret();
	uint64_t hash = own.start;

	for (const uint8_t *c = name; *c; c++)
		hash = (hash ^ *c) * own.factor;
	return hash >> 32;
}

guint linux_number_hash(gconstpointer number)
{
	const Secret own = secret();
	uint64_t value;

	memcpy(&value, number, sizeof(value));
	return (value ^ own.start) * own.factor >> 32;
}
