/*
 * local_offset.h -- the offset of a sink that can't keep its own: stdout and null.
 *
 * A struct to embed. It holds the epoch that fence gave and counts the commits, so that the
 * two sinks are only about where lines go.
 *
 * Threads: the sink's. Memory: local_offset_close frees all.
 */
#ifndef SINKS_LOCAL_OFFSET_H
#define SINKS_LOCAL_OFFSET_H

#include "cdc/offsets.h"
#include "cdc/sink.h"

struct local_offset {
    struct offsets *offsets;
    const char *pipeline;
    const char *sink;
    const char *state_dir;
    uint64_t epoch; /* 0: not fenced yet, or lost since */
    uint64_t batch_no;
};

/* ERROR_CONFIG naming state_dir where the context has none. */
int local_offset_open(struct local_offset *, const struct sink_context *, struct error *err);
void local_offset_close(struct local_offset *);

int local_offset_fence(struct local_offset *, struct error *err);
int local_offset_load(struct local_offset *, struct offset *out, struct error *err);
/* Sets epoch, batch_no and written_us and stores. */
int local_offset_store(struct local_offset *, const struct offset *, struct error *err);
void local_offset_check(struct local_offset *, struct report *);
int local_offset_remove(struct local_offset *, bool dry_run, struct buffer *said,
                        struct error *err);

#endif
