/*
 * offsets.h -- a place for the offsets of sinks that can't keep their own (stdout, null).
 *
 * open -> load / store / audit -> close. store is durable when it returns. store fails with ERROR_FENCED
 * when the record's epoch is not the one that load or fence gave: somebody took over.
 *
 * Threads: one thread at a time for each handle; several processes may hold the same file.
 */
#ifndef CDC_OFFSETS_H
#define CDC_OFFSETS_H

#include "cdc/offset.h"

struct offsets;

struct offsets_ops {
    const char *name;
    int (*load)(struct offsets *, const char *pipeline, const char *sink, struct offset *out,
                struct error *err);
    /* Take the record over: epoch = epoch + 1; later stores by older epochs fail. */
    int (*fence)(struct offsets *, const char *pipeline, const char *sink, uint64_t *epoch,
                 struct error *err);
    int (*store)(struct offsets *, const char *pipeline, const char *sink, const struct offset *,
                 struct error *err);
    int (*remove)(struct offsets *, const char *pipeline, const char *sink, struct error *err);
    void (*close)(struct offsets *);
};

struct offsets {
    const struct offsets_ops *ops;
};

/* SQLite, WAL mode, synchronous=FULL, in `state_dir`/offsets.db; both folder and file are made. */
int offsets_sqlite_open(struct offsets **out, const char *state_dir, struct error *err);
struct offsets *offsets_memory_new(void);

#endif
