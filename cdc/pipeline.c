/*
 * pipeline.c -- the map: one run from the leases to the last confirm.
 *
 *     first:   no position anywhere and no slot: `starting` into each sink that lacks it
 *     K1, K6:  source start (the lease; streams from the confirmed place, frames wait)
 *     K2:      every sink: fence          K3: the lease once more
 *     K4:      every sink: resume         K5: does the source still have what comes after?
 *     threads: reader ▸ ring ▸ shapers ▸ ring ▸ sinks ▸ progress ▸ reader confirms
 *
 * A run ends by stop, by a failure that needs a person, or by LIFE_RESTART: memory is dropped and the
 * next run begins at the leases.
 */
#include "pipeline.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cdc/clock.h"
#include "cdc/failpoint.h"
#include "pipeline_internal.h"

void
pipeline_fail(struct pipeline *p, const struct error *err)
{
    pthread_mutex_lock(&p->lock);
    if (p->failure.kind == ERROR_NONE)
        p->failure = *err;
    pthread_mutex_unlock(&p->lock);
    atomic_store(&p->life, LIFE_OVER);
    if (p->ring != NULL)
        ring_close(p->ring);
}

void
pipeline_restart(struct pipeline *p, const char *why)
{
    int running = LIFE_RUNNING;

    log_warn("pipeline", "starting over: %s", why);
    if (!atomic_compare_exchange_strong(&p->life, &running, LIFE_RESTART) && running == LIFE_DRAINING)
        atomic_store(&p->life, LIFE_OVER);
    ring_close(p->ring);
}

bool
pipeline_lease(struct pipeline *p)
{
    unsigned question = atomic_fetch_add(&p->lease_asked, 1) + 1;

    while ((int)(atomic_load(&p->lease_sure) - question) < 0) {
        if (life_of(p) == LIFE_DRAINING && !atomic_load(&p->lease))
            return false;
        if (!pipeline_pause(p, 20))
            return false;
    }
    return true;
}

bool
pipeline_pause(struct pipeline *p, int ms)
{
    for (; ms > 0; ms -= 20) {
        struct timespec t = {0, 20 * 1000000};
        enum life life = life_of(p);

        if (life == LIFE_OVER || life == LIFE_RESTART)
            return false;
        nanosleep(&t, NULL);
    }
    return true;
}

int
pipeline_backoff(int *ms)
{
    int now = *ms;

    *ms = now * 2 < PAUSE_MOST_MS ? now * 2 : PAUSE_MOST_MS;
    return now / 2 + (int)((unsigned)(clock_wall_us() ^ (clock_wall_us() >> 7)) % (unsigned)(now / 2 + 1));
}

struct pipeline *
pipeline_new(const struct pipeline_parts *parts, struct error *err)
{
    struct pipeline *p = calloc(1, sizeof(*p));

    if (p == NULL) {
        error_set(err, ERROR_FATAL, "", "out of memory for a pipeline");
        return NULL;
    }
    p->parts = *parts;
    p->nsinks = parts->config->nsinks;
    p->next_number = 1;
    pthread_mutex_init(&p->lock, NULL);
    for (int i = 0; i < p->nsinks; i++) {
        p->stages[i].pipeline = p;
        p->stages[i].index = i;
        p->stages[i].sink = parts->sinks[i];
        p->stages[i].config = &parts->config->sinks[i];
    }
    return p;
}

void
pipeline_free(struct pipeline *p)
{
    if (p == NULL)
        return;
    for (int i = 0; i < p->nsinks; i++) {
        offset_clear(&p->stages[i].durable);
        offset_clear(&p->stages[i].committing);
        position_clear(&p->stages[i].written);
    }
    source_start_clear(&p->found);
    position_clear(&p->from);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

void
pipeline_stop(struct pipeline *p)
{
    int running = LIFE_RUNNING;

    if (atomic_exchange(&p->stop_asked, true)) {
        atomic_store(&p->life, LIFE_OVER);
        return;
    }
    atomic_compare_exchange_strong(&p->life, &running, LIFE_DRAINING);
}

/* ---- start ---- */

static int
read_offset(struct sink_stage *s, struct error *err)
{
    offset_clear(&s->durable);
    if (s->sink->ops->resume(s->sink, &s->durable, err) == -1)
        return error_prefix(err, "sink %s: ", s->sink->name);
    return 0;
}

static int
read_offsets(struct pipeline *p, struct error *err)
{
    for (int i = 0; i < p->nsinks; i++) {
        if (read_offset(&p->stages[i], err) == -1)
            return -1;
    }
    return 0;
}

static bool
any_state(const struct pipeline *p, enum offset_state state)
{
    for (int i = 0; i < p->nsinks; i++) {
        if (p->stages[i].durable.state == state)
            return true;
    }
    return false;
}

static int
write_offset(struct sink_stage *s, enum offset_state state, const struct position *at,
             struct error *err)
{
    struct offset offset = {.state = OFFSET_NONE};
    int rc;

    offset_copy(&offset, &s->durable);
    offset.state = state;
    position_copy(&offset.position, at);
    offset.source = s->pipeline->found.identity;
    memcpy(offset.options_hash, s->pipeline->found.options_hash, sizeof(offset.options_hash));
    rc = sink_commit(s->sink, &offset, err);
    if (rc == 0)
        offset_move(&s->durable, &offset);
    offset_clear(&offset);
    return rc == 0 ? 0 : error_prefix(err, "sink %s: ", s->sink->name);
}

/* `starting` into every sink without a record, before there is a slot. After the fence it is asked again:
 * an instance that began in the same moment may have come further than we have. */
static int
mark_starting(struct pipeline *p, struct error *err)
{
    struct position none = {.kind = POSITION_NONE};

    for (int i = 0; i < p->nsinks; i++) {
        struct sink_stage *s = &p->stages[i];

        if (s->durable.state != OFFSET_NONE)
            continue;
        if (s->sink->ops->fence(s->sink, err) == -1)
            return error_prefix(err, "sink %s: ", s->sink->name);
        if (read_offset(s, err) == -1)
            return -1;
        if (s->durable.state == OFFSET_NONE && write_offset(s, OFFSET_STARTING, &none, err) == -1)
            return -1;
    }
    return failpoint("first.starting") == -1 ? error_set(err, ERROR_RETRY, "", "failpoint") : 0;
}

/* K2, K3, K4. */
static int
fence_and_resume(struct pipeline *p, struct error *err)
{
    for (int i = 0; i < p->nsinks; i++) {
        struct sink *sink = p->stages[i].sink;

        if (sink->ops->fence(sink, err) == -1)
            return error_prefix(err, "sink %s: ", sink->name);
        /* Keepalives are answered while sinks take their time. */
        if (p->parts.source->ops->serve(p->parts.source, 0, err) == -1)
            return -1;
    }
    if (failpoint("ha.fence") == -1)
        return error_set(err, ERROR_RETRY, "", "failpoint");
    if (p->parts.source->ops->lease_check(p->parts.source, err) == -1)
        return -1;
    if (failpoint("ha.recheck") == -1)
        return error_set(err, ERROR_RETRY, "", "failpoint");
    return read_offsets(p, err);
}

/* Where a sink that is still starting begins: the place that the server keeps for us; where it keeps none, where
 * another sink stands, or the end of the log. */
static const struct position *
first_place(const struct pipeline *p)
{
    if (p->found.confirmed.kind != POSITION_NONE)
        return &p->found.confirmed;
    for (int i = 0; i < p->nsinks; i++) {
        if (p->stages[i].durable.state == OFFSET_AT)
            return &p->stages[i].durable.position;
    }
    return &p->found.latest;
}

/* K5, and the first positions of sinks that are still starting. */
static int
check_places(struct pipeline *p, struct error *err)
{
    bool settled = any_state(p, OFFSET_AT);

    for (int i = 0; i < p->nsinks; i++) {
        struct sink_stage *s = &p->stages[i];

        if (s->durable.state == OFFSET_NONE)
            return error_set(err, ERROR_REFUSED, settled ? "E_NEW_SINK" : "E_SLOT_UNKNOWN",
                             settled ? "sink %s has no record while another sink has a position; give it "
                                       "one with `offsets set`"
                                     : "the slot exists, but sink %s knows nothing of it; if it is "
                                       "ours: `offsets set --at-slot`",
                             s->sink->name);
        if (s->durable.state == OFFSET_AT &&
            p->parts.source->ops->check_offset(p->parts.source, &s->durable, err) == -1)
            return error_prefix(err, "sink %s: ", s->sink->name);
    }
    /* Only now: a place that is taken from another sink must be one that fits. */
    for (int i = 0; i < p->nsinks; i++) {
        struct sink_stage *s = &p->stages[i];

        if (s->durable.state == OFFSET_STARTING && write_offset(s, OFFSET_AT, first_place(p), err) == -1)
            return -1;
    }
    return 0;
}

static void
print_plan(struct pipeline *p)
{
    char at[POSITION_TEXT_MAX];

    log_info("pipeline", "pipeline=%s source=%s %s=%s", p->parts.config->pipeline, p->found.identity.id,
             p->found.confirmed.kind != POSITION_NONE ? "confirmed" : "latest",
             position_print(p->found.confirmed.kind != POSITION_NONE ? &p->found.confirmed : &p->found.latest, at));
    for (int i = 0; i < p->nsinks; i++)
        log_info("pipeline", "sink=%s type=%s position=%s guarantee=\"%s\"", p->stages[i].sink->name,
                 p->stages[i].sink->ops->type, position_print(&p->stages[i].durable.position, at),
                 p->stages[i].sink->ops->guarantee_text);
}

/* What every sink has: reading begins there. */
static int
find_oldest_place(struct pipeline *p, struct error *err)
{
    position_copy(&p->from, &p->stages[0].durable.position);
    for (int i = 1; i < p->nsinks; i++) {
        struct position both = position_meet(&p->from, &p->stages[i].durable.position);

        position_move(&p->from, &both);
    }
    if (p->from.kind == POSITION_NONE)
        return error_set(err, ERROR_REFUSED, "E_POSITION",
                         "the sinks' positions are not of one log: there is no place to read from");
    return 0;
}

static int
begin(struct pipeline *p, struct error *err)
{
    struct source *source = p->parts.source;
    bool first;

    if (read_offsets(p, err) == -1)
        return -1;
    first = !any_state(p, OFFSET_AT);
    if (first && any_state(p, OFFSET_NONE)) {
        /* A slot and no record at all is somebody else's, or ours with the sinks wiped. */
        int has_slot = source->ops->has_place(source, err);

        if (has_slot == -1)
            return -1;
        if (has_slot == 1 && !any_state(p, OFFSET_STARTING))
            return error_set(err, ERROR_REFUSED, "E_SLOT_UNKNOWN",
                             "the slot exists, but no sink knows anything of it; if it is ours: "
                             "`offsets set --at-slot`");
        if (mark_starting(p, err) == -1)
            return -1;
    }
    source_start_clear(&p->found);
    if (source->ops->start(source, first, &p->found, err) == -1)
        return -1;
    if (fence_and_resume(p, err) == -1 || check_places(p, err) == -1 || find_oldest_place(p, err) == -1) {
        source->ops->stop(source);
        return -1;
    }
    source->ops->resume(source, &p->from, p->next_number);
    print_plan(p);
    return 0;
}

/* ---- one run ---- */

static bool
wait_turn(void *arg, uint64_t seq)
{
    struct pipeline *p = arg;

    return ring_wait_turn(p->ring, seq);
}

static bool
stopping(void *arg)
{
    enum life life = life_of(arg);

    return life == LIFE_OVER || life == LIFE_RESTART;
}

static int
make_stages(struct pipeline *p, struct error *err)
{
    struct shape_settings set = {
        .decoder = p->parts.decoder,
        .catalog = p->parts.catalog,
        .encoders = p->parts.encoders,
        .names = p->names,
        .nsinks = p->nsinks,
        .transforms = p->parts.transforms,
        .wait_turn = wait_turn,
        .stopping = stopping,
        .arg = p,
    };
    for (int i = 0; i < p->nsinks; i++)
        p->names[i] = p->stages[i].sink->name;
    p->ring = ring_new(p->nsinks, (size_t)p->parts.config->batch.buffer);
    p->progress = progress_new(p->nsinks);
    p->shape = shape_new(&set);
    if (p->ring == NULL || p->progress == NULL || p->shape == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a run");
    for (int i = 0; i < p->nsinks; i++) {
        struct sink_stage *s = &p->stages[i];

        s->durable_seq = s->written_seq = 0;
        s->events = s->bytes = s->last_commit_events = 0;
        s->mid_transaction = s->let_go = false;
        s->stop.kind = ERROR_NONE;
        s->last_commit_ms = clock_monotonic_ms();
        progress_commit(p->progress, i, 0, &p->from); /* not its own place, which may be ahead */
    }
    return 0;
}

static void
free_stages(struct pipeline *p)
{
    shape_free(p->shape);
    progress_free(p->progress);
    ring_free(p->ring);
    p->shape = NULL;
    p->progress = NULL;
    p->ring = NULL;
}

static int
thread(pthread_t *out, void *(*main)(void *), void *arg, struct error *err)
{
    if (pthread_create(out, NULL, main, arg) != 0)
        return error_set(err, ERROR_FATAL, "", "can't make a thread");
    return 0;
}

static int
run_threads(struct pipeline *p, struct error *err)
{
    int nsinks = 0, rc = -1;

    p->nshapers = 0;
    atomic_store(&p->lease, true);
    for (; nsinks < p->nsinks; nsinks++) {
        atomic_fetch_add(&p->sinks_running, 1);
        if (thread(&p->stages[nsinks].thread, sink_main, &p->stages[nsinks], err) == -1) {
            atomic_fetch_sub(&p->sinks_running, 1);
            goto join;
        }
    }
    for (; p->nshapers < (int)p->parts.config->batch.threads && p->nshapers < 16; p->nshapers++) {
        if (thread(&p->shapers[p->nshapers], shaper_main, p, err) == -1)
            goto join;
    }
    rc = thread(&p->reader, reader_main, p, err);
    if (rc == 0)
        pthread_join(p->reader, NULL);
join:
    if (rc == -1)
        pipeline_fail(p, err);
    for (int i = 0; i < nsinks; i++)
        pthread_join(p->stages[i].thread, NULL);
    for (int i = 0; i < p->nshapers; i++)
        pthread_join(p->shapers[i], NULL);
    return rc;
}

/* 0: stopped, 1: again, -1: *err. */
static int
run_once(struct pipeline *p, struct error *err)
{
    int rc = 0;

    if (begin(p, err) == -1) {
        /* Another one starts in the same moment, and neither has the lease: the slot will say whose it is. */
        if (err->kind == ERROR_FENCED)
            err->kind = ERROR_RETRY;
        return -1;
    }
    if (make_stages(p, err) == 0)
        rc = run_threads(p, err);
    else
        rc = -1;
    free_stages(p);
    if (rc == -1)
        return -1;
    if (p->failure.kind != ERROR_NONE) {
        *err = p->failure;
        return -1;
    }
    return life_of(p) == LIFE_RESTART ? 1 : 0;
}

/* Asked to stop: what went wrong on the way is history. */
static int
stopped(struct error *err)
{
    err->kind = ERROR_NONE;
    return 0;
}

int
pipeline_run(struct pipeline *p, struct error *err)
{
    int pause_ms = PAUSE_FIRST_MS;
    struct log_repeat trouble = {0};

    for (;;) {
        int restart = LIFE_RESTART;
        int64_t began = clock_monotonic_ms();
        int rc = run_once(p, err);

        if (rc == 0 || (rc == 1 && atomic_load(&p->stop_asked)))
            return stopped(err);
        if (rc == -1 && err->kind != ERROR_RETRY && err->kind != ERROR_REWIND)
            return -1;
        if (atomic_load(&p->stop_asked))
            return stopped(err);
        if (rc == -1 && log_repeat_due(&trouble))
            log_warn("pipeline", "code=%s %s; trying again", err->code, err->text);
        if (clock_monotonic_ms() - began > 60000)
            pause_ms = PAUSE_FIRST_MS;
        atomic_compare_exchange_strong(&p->life, &restart, LIFE_RUNNING);
        p->failure.kind = ERROR_NONE;
        if (!pipeline_pause(p, pipeline_backoff(&pause_ms)) || atomic_load(&p->stop_asked))
            return stopped(err);
    }
}
