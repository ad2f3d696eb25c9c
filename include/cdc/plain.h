/*
 * plain.h -- words for people's terminals.
 */
#ifndef CDC_PLAIN_H
#define CDC_PLAIN_H

#include "cdc/bytes.h"

/* Foreign text (names, servers' words) with control characters escaped. */
void plain_put(struct buffer *out, const char *text);
/* 1536 as "1.5 KiB". */
void plain_put_bytes(struct buffer *out, uint64_t bytes);

#endif
