/*
 * postgres_stream.h -- what the two halves of the PostgreSQL source share: postgres_start.c (the lease, the
 * set-up, the checks of a start) and postgres_source.c (the stream after it). Nobody else includes it.
 *
 * Threads: the source's.
 */
#ifndef CDC_POSTGRES_STREAM_H
#define CDC_POSTGRES_STREAM_H

#include "../decode/pgoutput_frame.h"
#include "cdc/offset.h"
#include "postgres_admin.h"
#include "postgres_tables.h"

/* One line of TIMELINE_HISTORY: this timeline ended at that place. */
struct timeline_end {
    uint32_t timeline;
    uint64_t end;
};

enum { TIMELINES_MAX = 256 };

struct postgres_source {
    struct source base;
    const struct config *config;
    PGconn *ask;    /* ordinary */
    PGconn *stream; /* replication; NULL between start and stop */
    struct framer framer;
    uint32_t *enums;
    int nenums;
    bool text_only;      /* a type without binary decoder came: text for this connection */
    uint64_t sent_high;  /* the highest place that the server has named */
    uint64_t confirmed;  /* what may be told as flushed; 0: nothing yet */
    uint64_t told;       /* what was told last */
    int64_t status_due;  /* clock_monotonic_ms */
    bool reply_wanted;   /* asked for; answered at once, and again when `confirmed` moves */
    struct source_start found;  /* by the last start */
    struct timeline_end history[TIMELINES_MAX];
    int nhistory;
    size_t since_read;   /* bytes got out since the last PQconsumeInput */
    bool under_load;
};

static inline struct postgres_source *
postgres_from(struct source *source)
{
    return (struct postgres_source *)source;
}

/* The operations of source.h that belong to a start. */
int postgres_has_place(struct source *, struct error *err);
int postgres_start(struct source *, bool first, struct source_start *out, struct error *err);
int postgres_check_offset(struct source *, const struct offset *, struct error *err);
void postgres_resume(struct source *, const struct position *from, uint64_t next_number);

/* Both connections closed; the rest stays. */
void postgres_disconnect(struct postgres_source *);

#endif
