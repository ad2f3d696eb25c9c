/*
 * doubt.h -- rows that differed when they were read: looked at again until it is certain. How, stands in verify.h.
 *
 * Memory: their keys, DOUBT_BYTES; while they are settled two chunks.
 */
#ifndef CDC_VERIFY_DOUBT_H
#define CDC_VERIFY_DOUBT_H

#include "chunk.h"

enum { DOUBT_BYTES = 16 << 20, DOUBT_STRIKES = 3, DOUBT_LOOKS = 10 };

struct doubt {
    size_t key;
    uint32_t key_len;
    uint32_t strikes;     /* looks at which the target had neither of two equal states of the source */
    uint64_t source_hash; /* of the row as it was last read in the source; 0: it was not there */
};

struct doubts {
    const struct config *config;
    int sink;
    const struct pair *pair;
    struct verify_table *table;
    const struct verify_listener *listener;
    struct buffer keys;
    struct buffer list; /* of struct doubt */
};

/* `row` as it was read in the source; nothing in it: it was not there. */
int doubts_add(struct doubts *, struct bytes key, struct bytes row, struct error *err);
static inline bool
doubts_full(const struct doubts *d)
{
    return d->keys.len + d->list.len >= DOUBT_BYTES;
}
/* What is then still different is counted and told; no row is in doubt any more. */
int doubts_settle(struct doubts *, struct error *err);
void doubts_free(struct doubts *);

#endif
