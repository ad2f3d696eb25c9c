/*
 * offset.h -- a position as a sink keeps it, in the same transaction as its data.
 *
 * `starting` is a record that counts as no position: it says that this pipeline was set up
 * and had not read anything yet, so a slot without any position is ours and not a mistake.
 *
 * Stored as one JSON object with a version; a newer version is refused (E_OFFSET_VERSION), an
 * unreadable one too (E_OFFSET_CORRUPT): never guessed, never taken as "none". Version 1 has PostgreSQL's
 * positions, version 2 binlogs' too, with the XA transactions that are prepared there.
 *
 * An offset holds a position, so it is copied by offset_copy and cleared when it goes away. Where a function
 * fills one in (`out`), what was there is overwritten and not given up; what is there then is the caller's.
 */
#ifndef CDC_OFFSET_H
#define CDC_OFFSET_H

#include "cdc/bytes.h"
#include "cdc/error.h"
#include "cdc/position.h"
#include "cdc/source.h"

enum offset_state {
    OFFSET_NONE = 0, /* no record at all */
    OFFSET_STARTING, /* set up, nothing read yet */
    OFFSET_AT,       /* `position` is durable here */
};

struct offset {
    enum offset_state state;
    struct position position;
    struct source_identity source;
    char options_hash[20]; /* of what ordinals depend on: publications and their contents */
    uint64_t epoch;        /* writer's; grows with each fence */
    uint64_t batch_no;     /* commits so far */
    int64_t written_us;    /* wall clock of the writer, for people */
};

/* `to` held an offset (or zeros) and gives up what it counted. */
void offset_copy(struct offset *to, const struct offset *from);
void offset_move(struct offset *to, struct offset *from); /* `from` is empty after it */
void offset_clear(struct offset *);

/* JSON out; JSON in (any bytes may come: they are checked). */
void offset_encode(const struct offset *, struct buffer *out);
int offset_decode(struct offset *out, struct bytes record, struct error *err);

#endif
