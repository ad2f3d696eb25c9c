/*
 * pipeline_reader.c -- the source thread: read, hand on, confirm.
 *
 * It never waits for a sink: when the ring is full it only serves the connection, so keepalives are
 * answered whatever the sinks do. What it confirms is the minimum over the sinks' commits.
 */
#include <string.h>

#include "cdc/clock.h"
#include "pipeline_internal.h"

enum { READ_WAIT_MS = 50, SERVE_WAIT_MS = 5, HEARTBEAT_MOST_MS = 3600 * 1000 };

struct reader {
    struct pipeline *p;
    struct source *source;
    struct batch *batch;       /* being filled; NULL: none in hand */
    struct position handed;    /* end of the last batch that was put */
    int64_t handed_ms;
    int pause_ms;              /* before the next try to connect; back to the first once something was handed on */
    int broken;                /* bytes that made no sense, in a row */
};

enum { BROKEN_MOST = 10 };

static void
confirm(struct reader *r)
{
#ifdef MUTANT_ACK_EARLY
    struct position end = {.kind = POSITION_NONE};

    position_copy(&end, &r->handed);
#else
    struct position end = progress_min(r->p->progress);
#endif

    r->source->ops->confirm(r->source, &end);
    position_clear(&end);
}

static void
hand_on(struct reader *r)
{
    position_copy(&r->handed, &r->batch->end);
    r->handed_ms = clock_monotonic_ms();
    r->source->asked = false;
    if (r->batch->nframes > 0) {
        r->pause_ms = PAUSE_FIRST_MS;
        r->broken = 0;
    }
    ring_put(r->p->ring, r->batch);
    r->batch = NULL;
}

/* A position that moved without changes is handed on too: every so often, and before a stop. */
static bool
heartbeat_due(const struct reader *r)
{
    int64_t quiet = clock_monotonic_ms() - r->handed_ms;

    if (r->batch->end.kind == POSITION_NONE)
        return false;
    if (r->source->asked && !position_equal(&r->batch->end, &r->handed))
        return true; /* the server waits for us: it may want to shut down */
    if (position_equal(&r->batch->end, &r->handed))
        return quiet >= HEARTBEAT_MOST_MS; /* keeps the producer's id alive in Kafka */
    return quiet >= r->p->parts.config->source.heartbeat_ms;
}

/* Does the server still fit what the sinks have? Another timeline asks for a fresh start too, since
 * the offsets must name it. */
static int
check_again(struct reader *r, const struct source_start *found, struct error *err)
{
    const struct pipeline *p = r->p;
    struct offset sinks = {.state = OFFSET_AT, .source = p->found.identity};
    const struct position *read;
    int rc;

    if (found->identity.timeline != p->found.identity.timeline)
        return error_set(err, ERROR_RETRY, "", "the server is on timeline %u now, it was on %u",
                         found->identity.timeline, p->found.identity.timeline);
    if (strcmp(found->options_hash, p->found.options_hash) != 0)
        return error_set(err, ERROR_RETRY, "", "the publication has changed");
    memcpy(sinks.options_hash, p->found.options_hash, sizeof(sinks.options_hash));
    sinks.position = progress_min(p->progress);
    rc = r->source->ops->check_offset(r->source, &sinks, err);
    /* What was read of a log that ends before it now will not come again as it was. */
    read = r->batch != NULL && r->batch->end.kind != POSITION_NONE ? &r->batch->end : &r->handed;
    if (rc == 0 && read->kind != POSITION_NONE) {
        position_copy(&sinks.position, read);
        rc = r->source->ops->check_offset(r->source, &sinks, err);
    }
    offset_clear(&sinks);
    return rc;
}

/*
 * The connection is gone; memory stays. The source goes on from where it was, so what comes again is
 * dropped there. A server that does not fit any more (E_GAP) may only mean that another instance ran
 * in between: a restart of the whole run finds out.
 */
static int
reconnect(struct reader *r, const struct error *why)
{
    struct pipeline *p = r->p;
    struct log_repeat trouble = {0};
    struct error err = *why;

    atomic_store(&p->lease, false);
    while (life_of(p) == LIFE_RUNNING) {
        struct source_start found = {0};

        if (log_repeat_due(&trouble))
            log_warn("reader", "code=%s %s; connecting again", err.code, err.text);
        if (!pipeline_pause(p, pipeline_backoff(&r->pause_ms)))
            return -1;
        if (r->source->ops->start(r->source, false, &found, &err) == 0) {
            int fits = check_again(r, &found, &err);

            source_start_clear(&found);
            if (fits == -1) {
                pipeline_restart(p, err.text);
                return -1;
            }
            atomic_store(&p->lease, true);
            log_info("reader", "streaming again");
            return 0;
        }
        if (err.kind != ERROR_RETRY) {
            pipeline_fail(p, &err);
            return -1;
        }
    }
    return -1;
}

/* The same bytes again and again, or somebody else under our name: a person has to look. */
static bool
heals(struct reader *r, const struct error *err)
{
    if (err->kind != ERROR_RETRY)
        return false;
    if (strcmp(err->code, "E_PROTOCOL") != 0 && strcmp(err->code, "E_CHECKSUM") != 0 &&
        strcmp(err->code, "E_SERVER_ID") != 0)
        return true;
    return ++r->broken < BROKEN_MOST;
}

static int
on_error(struct reader *r, const struct error *err)
{
    struct error why = *err;

    if (heals(r, err))
        return reconnect(r, err);
    if (why.kind == ERROR_RETRY)
        why.kind = ERROR_CONFIG;
    pipeline_fail(r->p, &why);
    return -1;
}

/* A sink that has to fence wants to know that the lease is ours. */
static int
answer_lease(struct reader *r, struct error *err)
{
    unsigned asked = atomic_load(&r->p->lease_asked);

    if (asked == atomic_load(&r->p->lease_sure))
        return 0;
    if (r->source->ops->lease_check(r->source, err) == -1)
        return -1;
    atomic_store(&r->p->lease_sure, asked);
    return 0;
}

/* Nothing more at hand inside a transaction means only that its rest is on the way: a small one is not cut. */
static bool
may_hand_on(const struct reader *r, bool full, bool idle)
{
    if (r->batch->nframes == 0)
        return full || (!r->batch->mid_transaction && heartbeat_due(r));
    return full || (idle && !r->batch->mid_transaction);
}

/* One turn. -1: the run ends. */
static int
turn(struct reader *r)
{
    struct error err = ERROR_INIT;
    bool full = false;
    int rc;

    confirm(r);
    if (answer_lease(r, &err) == -1)
        return on_error(r, &err);
    if (r->batch == NULL)
        r->batch = ring_reserve(r->p->ring, 0);
    if (r->batch == NULL) {
        if (r->source->ops->serve(r->source, SERVE_WAIT_MS, &err) == -1)
            return on_error(r, &err);
        return 0;
    }
    rc = r->source->ops->read(r->source, r->batch, READ_WAIT_MS, &full, &err);
    if (rc == -1)
        return on_error(r, &err);
    if (may_hand_on(r, full, rc == SOURCE_IDLE))
        hand_on(r);
    return 0;
}

/* Stopping: hand on what is there, keep the connection alive while the sinks finish. */
static void
drain(struct reader *r)
{
    int64_t until = clock_monotonic_ms() + DRAIN_MS;
    struct error err = ERROR_INIT;

    if (r->batch != NULL && (r->batch->nframes > 0 || !position_equal(&r->batch->end, &r->handed)) &&
        r->batch->end.kind != POSITION_NONE)
        hand_on(r);
    while (life_of(r->p) == LIFE_DRAINING && !ring_empty(r->p->ring) &&
           atomic_load(&r->p->sinks_running) > 0 && clock_monotonic_ms() < until) {
        confirm(r);
        /* Without a connection the sinks still finish what they have. */
        if (!atomic_load(&r->p->lease) || answer_lease(r, &err) == -1 ||
            r->source->ops->serve(r->source, SERVE_WAIT_MS, &err) == -1) {
            atomic_store(&r->p->lease, false);
            pipeline_pause(r->p, SERVE_WAIT_MS);
        }
    }
    confirm(r);
    if (ring_empty(r->p->ring))
        log_info("reader", "drained");
    else
        log_warn("reader", "stopping with changes in flight; they are read again at the next start");
}

void *
reader_main(void *arg)
{
    struct pipeline *p = arg;
    struct reader r = {.p = p, .source = p->parts.source, .handed_ms = clock_monotonic_ms(),
                        .pause_ms = PAUSE_FIRST_MS};

    pthread_setname_np(pthread_self(), "read");
    r.handed = progress_min(p->progress);
    while (life_of(p) == LIFE_RUNNING) {
        if (turn(&r) == -1)
            break;
    }
    if (life_of(p) == LIFE_DRAINING)
        drain(&r);
    if (r.batch != NULL)
        ring_unreserve(p->ring, r.batch);
    if (life_of(p) == LIFE_DRAINING)
        atomic_store(&p->life, LIFE_OVER);
    ring_close(p->ring);
    r.source->ops->stop(r.source);
    atomic_store(&p->lease, false);
    position_clear(&r.handed);
    return NULL;
}

void *
shaper_main(void *arg)
{
    struct pipeline *p = arg;
    struct shape_scratch scratch = {0};
    struct batch *batch;

    pthread_setname_np(pthread_self(), "shape");
    while ((batch = ring_take(p->ring)) != NULL) {
        struct error err = ERROR_INIT;

        if (shape_batch(p->shape, batch, &scratch, &err) == -1) {
            if (err.kind != ERROR_RETRY) /* RETRY: only because we are stopping */
                pipeline_fail(p, &err);
            break;
        }
        ring_shaped(p->ring, batch);
    }
    arena_free(&scratch.change);
    arena_free(&scratch.frame);
    return NULL;
}
