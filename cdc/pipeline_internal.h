/*
 * pipeline_internal.h -- what the stages of one pipeline share.
 *
 * The reader's and each sink's state belong to their threads; `life` and what is atomic are everybody's.
 */
#ifndef CDC_PIPELINE_INTERNAL_H
#define CDC_PIPELINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "cdc/log.h"
#include "cdc/offset.h"
#include "pipeline.h"
#include "progress.h"
#include "ring.h"
#include "shape.h"

enum life {
    LIFE_RUNNING,
    LIFE_DRAINING, /* the reader reads no more; what was read is finished */
    LIFE_RESTART,  /* drop memory, begin again at the leases */
    LIFE_OVER,
};

/* Starts at most this fast after a failure. */
enum { PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 5000, DRAIN_MS = 8000 };

struct sink_stage {
    struct pipeline *pipeline;
    int index;
    struct sink *sink;
    const struct config_sink *config;
    pthread_t thread;
    struct offset durable;      /* what the sink is known to have */
    struct offset committing;   /* what a commit under way would make of it */
    uint64_t durable_seq;       /* last batch that is in `durable` */
    uint64_t written_seq;       /* last batch that was written */
    struct position written;    /* its end */
    bool mid_transaction;       /* it ended inside one */
    bool let_go;                /* slices of this transaction were released before their commit */
    uint64_t events, bytes;     /* written and not committed */
    int64_t since_ms;           /* when the first of them was written */
    struct error stop;          /* why to stop once `stop_seq` is durable: a change can't be encoded */
    uint64_t stop_seq;
    uint64_t last_commit_events;
    int64_t last_commit_ms;     /* when the last commit returned */
};

struct pipeline {
    struct pipeline_parts parts;
    int nsinks;
    struct ring *ring;
    struct progress *progress;
    struct shape *shape;
    struct sink_stage stages[BATCH_SINKS_MAX];
    pthread_t reader, shapers[16];
    int nshapers;
    struct source_start found;
    struct position from;     /* where this run's reading began: no sink is behind it */
    uint64_t next_number;
    const char *names[BATCH_SINKS_MAX];
    atomic_int timeouts;      /* `whole` transactions in a row that outlived the broker's patience */

    atomic_int life;          /* enum life */
    atomic_bool stop_asked;
    atomic_bool lease;        /* the stream is connected */
    atomic_uint lease_asked, lease_sure; /* the reader answers questions by number */
    atomic_int sinks_running;
    pthread_mutex_t lock;     /* of failure */
    struct error failure;     /* the first that ended the run */
};

static inline enum life
life_of(const struct pipeline *p)
{
    return (enum life)atomic_load(&p->life);
}

/* End this run because of *err; only the first counts. */
void pipeline_fail(struct pipeline *, const struct error *);
/* End this run and begin again at the leases. */
void pipeline_restart(struct pipeline *, const char *why);
/* Is the lease ours right now? The reader asks the server; false when the run ends or drains without. */
bool pipeline_lease(struct pipeline *);
/* Sleep in small pieces; false when the run ends meanwhile. */
bool pipeline_pause(struct pipeline *, int ms);
/* The next pause of a row: twice the last, with jitter. */
int pipeline_backoff(int *ms);

void *reader_main(void *);
void *shaper_main(void *);
void *sink_main(void *);

#endif
