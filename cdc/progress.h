/*
 * progress.h -- what every sink has durably, and so what may be confirmed to the source.
 *
 * Only a sink's commit moves it. The minimum is taken by batch number, never by position; so a batch
 * ends at one place for all sinks, and batch 0 is where reading begins, also for a sink that is ahead.
 * Threads: any; one lock inside.
 */
#ifndef CDC_PROGRESS_H
#define CDC_PROGRESS_H

#include "cdc/position.h"

struct progress;

struct progress *progress_new(int nsinks);
void progress_free(struct progress *);

/* This sink has all up to batch `seq`, which ends at `end`, durably. */
void progress_commit(struct progress *, int sink, uint64_t seq, const struct position *end);

/* The newest position that every sink has durably; NONE before each has committed once. */
struct position progress_min(struct progress *);

#endif
