/*
 * pipeline_sink.c -- a thread for each sink: write, choose the commit point, commit, go back.
 *
 *                   write ok                     commit ok
 *     batch ──────▶ written, not committed ────▶ durable: progress moves, slots are let go
 *                      │  any failure                ▲
 *                      ▼                             │ the position is the end of what was written
 *                   abort ▶ fence ▶ resume ──────────┤
 *                                                    │ the position is the start: written again from memory
 *                                                    ▼
 *                                                  batch
 *
 * Commit points: at once when nothing more is ready and the last commits were small; under load only
 * after a while or a number of events, so that transactions grow with the load and shrink when idle.
 */
#include <string.h>

#include "cdc/clock.h"
#include "pipeline_internal.h"

enum {
    LINGER_EVENTS = 500, /* a commit of at least so many events counts as load */
    LINGER_MS = 200,
    WAIT_MS = 100,
    KEEP_ALIVE_MS = 3000 * 1000, /* a commit at least so often keeps a producer's id known */
};

static bool
ended(const struct sink_stage *s)
{
    enum life life = life_of(s->pipeline);

    return life == LIFE_OVER || life == LIFE_RESTART;
}

static bool
is_whole(const struct sink_stage *s)
{
    return s->config->transaction == TRANSACTION_WHOLE;
}

/* The first frame of the batch that this sink does not have yet. */
static uint32_t
first_needed(const struct sink_stage *s, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->nframes; i++) {
        const struct frame *frame = &batch->frames[i];
        const struct transaction *txn = &batch->transactions[frame->transaction].id;

        if (frame->kind == FRAME_STOP || frame->ordinal >= position_done(&s->durable.position, txn))
            return i;
    }
    return batch->nframes;
}

static void
note_durable(struct sink_stage *s)
{
    offset_copy(&s->durable, &s->committing);
    s->durable_seq = s->written_seq;
    s->last_commit_events = s->events;
    s->events = s->bytes = 0;
    s->let_go = false;
    atomic_store(&s->pipeline->timeouts, 0);
    s->last_commit_ms = clock_monotonic_ms();
    progress_commit(s->pipeline->progress, s->index, s->durable_seq, &s->written);
    ring_release(s->pipeline->ring, s->index, s->durable_seq);
}

static bool
is_newer(const struct position *a, const struct position *than)
{
    struct position older = position_meet(a, than);
    bool newer = !position_equal(a, than) && position_equal(&older, than);

    position_clear(&older);
    return newer;
}

/* Neither has what the other has: with another order of commits on another server no one position can say both. */
static bool
went_apart(const struct sink_stage *s)
{
    return s->events > 0 && !position_equal(&s->written, &s->durable.position) &&
           !is_newer(&s->written, &s->durable.position) && !is_newer(&s->durable.position, &s->written);
}

static int
commit(struct sink_stage *s, struct error *err)
{
    int64_t began;

    if (s->written_seq == s->durable_seq)
        return 0;
    if (went_apart(s)) {
        char written[POSITION_TEXT_MAX], durable[POSITION_TEXT_MAX];

        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "sink %s has %.200s, and what was read since makes %.200s: the server's log has the same "
                         "transactions in another order",
                         s->sink->name, position_print(&s->durable.position, durable),
                         position_print(&s->written, written));
    }
    offset_copy(&s->committing, &s->durable);
    s->committing.state = OFFSET_AT;
    /* A batch that the sink was ahead of must not take its position back. */
    if (is_newer(&s->written, &s->durable.position))
        position_copy(&s->committing.position, &s->written);
    s->committing.source = s->pipeline->found.identity;
    memcpy(s->committing.options_hash, s->pipeline->found.options_hash,
           sizeof(s->committing.options_hash));
    if (position_equal(&s->committing.position, &s->durable.position) && s->events == 0 &&
        clock_monotonic_ms() - s->last_commit_ms < KEEP_ALIVE_MS) {
        note_durable(s); /* all of it was there before */
        return 0;
    }
    began = clock_monotonic_ms();
    if (sink_commit(s->sink, &s->committing, err) == -1)
        return -1;
    log_debug("sink", "sink=%s events=%llu bytes=%llu filled_ms=%lld commit_ms=%lld full=%d", s->sink->name,
              (unsigned long long)s->events, (unsigned long long)s->bytes,
              (long long)(s->events > 0 ? began - s->since_ms : 0),
              (long long)(clock_monotonic_ms() - began), ring_full(s->pipeline->ring));
    note_durable(s);
    return 0;
}

static int
write_from(struct sink_stage *s, const struct batch *batch, uint32_t first, uint32_t end,
           struct error *err)
{
    const struct events *events = &batch->events[s->index];

    if (first >= end)
        return 0;
    if (sink_write(s->sink, batch, s->index, first, err) == -1)
        return -1;
    if (s->events == 0)
        s->since_ms = clock_monotonic_ms();
    s->events += events->count;
    s->bytes += events->encoded.len;
    return 0;
}

static const struct position *
last_place(const struct sink_stage *s)
{
    return s->written_seq != s->durable_seq ? &s->written : &s->durable.position;
}

/* Some of this transaction is done at `pos`, and not all. */
static bool
is_inside(const struct position *pos, const struct transaction *txn)
{
    uint64_t done = pos->open != 0 ? position_done(pos, txn) : 0;

    return done > 0 && done != UINT64_MAX;
}

/* Rows of the transaction that `end` is inside of, up to and without frame `stop` of this batch. */
static uint64_t
rows_inside(const struct sink_stage *s, const struct position *end, const struct batch *batch, uint32_t stop)
{
    const struct position *last = last_place(s);
    struct transaction open = {0};
    uint64_t rows;

    if (end->kind != POSITION_BINLOG || end->open == 0)
        return end->rows;
    open.gtid = end->place->inside;
    open.begin = end->place->inside_at;
    rows = last->kind == POSITION_BINLOG && is_inside(last, &open) ? last->rows : 0;
    for (uint32_t i = first_needed(s, batch); i < stop; i++) {
        const struct frame *frame = &batch->frames[i];

        if (is_inside(end, &batch->transactions[frame->transaction].id))
            rows += frame->rows;
    }
    return rows;
}

/* Into s->written the place just before this frame. */
static int
go_before(struct sink_stage *s, const struct batch *batch, uint32_t index, struct error *err)
{
    const struct frame *frame = &batch->frames[index];
    struct position at = {.kind = POSITION_NONE};

    position_copy(&at, last_place(s));
    for (uint32_t t = 0; t < frame->transaction; t++) {
        if (!position_covers(&at, &batch->transactions[t].id))
            position_advance_whole(&at, &batch->transactions[t].id);
    }
    if (frame->ordinal > 0 && at.kind != POSITION_NONE)
        position_advance_part(&at, &batch->transactions[frame->transaction].id, frame->ordinal);
    if (at.kind == POSITION_NONE)
        return error_set(err, ERROR_FATAL, "", "out of memory for a position");
    at.rows = rows_inside(s, &at, batch, index);
    /* Row events are counted as the server cut them that this batch came from. */
    if (at.kind == POSITION_BINLOG && at.open != 0 && at.place != last_place(s)->place)
        memcpy(at.place->server, batch->end.place->server, sizeof(at.place->server));
    position_move(&s->written, &at);
    return 0;
}

/*
 * A change of this batch could not be encoded. What came before it is delivered, so that the position
 * stands right at it; then a person has to decide. A `whole` sink stops before the change's transaction.
 */
static int
stop_before_failed(struct sink_stage *s, struct batch *batch, uint32_t first, struct error *err)
{
    struct events *events = &batch->events[s->index];
    uint32_t end = events->failed_frame;
    struct error why = events->failed;

    if (is_whole(s)) {
        while (end > 0 && batch->frames[end - 1].transaction == batch->frames[end].transaction)
            end--;
        if (end == 0 && s->mid_transaction) {
            *err = why; /* its earlier slices go with the abort */
            return -1;
        }
    }
    while (events->count > 0 && events->at[events->count - 1].frame >= end)
        events->count--;
    if (write_from(s, batch, first, end, err) == -1)
        return -1;
    if (go_before(s, batch, end, err) == -1)
        return -1;
    s->written_seq = batch->seq;
    s->stop = why; /* should the commit's answer be lost, this is what follows once it is found */
    s->stop_seq = batch->seq;
    if (commit(s, err) == -1)
        return -1;
    *err = why;
    return -1;
}

static int
write_batch(struct sink_stage *s, struct batch *batch, struct error *err)
{
    const struct events *events = &batch->events[s->index];
    uint32_t first = first_needed(s, batch);
    uint64_t rows;

    if (events->failed.kind != ERROR_NONE && events->failed_frame >= first)
        return stop_before_failed(s, batch, first, err);
    if (write_from(s, batch, first, batch->nframes, err) == -1)
        return -1;
    rows = rows_inside(s, &batch->end, batch, batch->nframes);
    s->written_seq = batch->seq;
    position_copy(&s->written, &batch->end);
    s->written.rows = rows;
    s->mid_transaction = batch->mid_transaction;
    return 0;
}

/* Slices of a transaction too large for memory: let them go once nothing points into them. */
static int
let_go(struct sink_stage *s, struct error *err)
{
    if (s->sink->ops->flush(s->sink, err) == -1)
        return -1;
    s->let_go = true;
    ring_release(s->pipeline->ring, s->index, s->written_seq);
    return 0;
}

static bool
may_commit(const struct sink_stage *s)
{
    return s->written_seq != s->durable_seq && !(is_whole(s) && s->mid_transaction);
}

static bool
must_commit(const struct sink_stage *s)
{
    return s->events >= (uint64_t)s->config->commit_events ||
           s->bytes >= (uint64_t)s->config->commit_bytes ||
           (s->events > 0 && clock_monotonic_ms() - s->since_ms >= s->config->commit_ms) ||
           (ring_full(s->pipeline->ring) && !ring_ready(s->pipeline->ring, s->index));
}

/* How long to wait for more before committing what there is. */
static int
linger(const struct sink_stage *s)
{
    int64_t left;

    if (s->events == 0 || s->last_commit_events < LINGER_EVENTS ||
        life_of(s->pipeline) == LIFE_DRAINING)
        return 0;
    left = s->since_ms + LINGER_MS - clock_monotonic_ms();
    return left > 0 ? (int)left : 0;
}

static int
step(struct sink_stage *s, struct error *err)
{
    struct batch *batch =
        ring_next(s->pipeline->ring, s->index, may_commit(s) ? linger(s) : WAIT_MS);

    if (batch != NULL) {
        if (write_batch(s, batch, err) == -1)
            return -1;
        if (!must_commit(s))
            return 0;
    }
    if (may_commit(s))
        return commit(s, err);
    if (s->mid_transaction && is_whole(s) && ring_full(s->pipeline->ring))
        return let_go(s, err);
    return 0;
}

/* Where the sink stands after a fence: before what was written, or behind it. */
static int
find_place(struct sink_stage *s, struct error *err)
{
    struct offset now = {.state = OFFSET_NONE};
    char want[POSITION_TEXT_MAX], got[POSITION_TEXT_MAX];

    if (s->sink->ops->resume(s->sink, &now, err) == -1)
        return -1;
    if (now.state == OFFSET_AT && position_equal(&now.position, &s->committing.position) &&
        !position_equal(&now.position, &s->durable.position)) {
        log_info("sink", "sink=%s position=%s the commit had arrived", s->sink->name,
                 position_print(&now.position, got));
        offset_move(&s->committing, &now);
        note_durable(s);
        return 0;
    }
    if (now.state != s->durable.state || !position_equal(&now.position, &s->durable.position)) {
        error_set(err, ERROR_REFUSED, "E_POSITION_MOVED",
                  "sink %s stands at %s, expected %s: somebody else wrote its offset", s->sink->name,
                  position_print(&now.position, got), position_print(&s->durable.position, want));
        offset_clear(&now);
        return -1;
    }
    offset_move(&s->durable, &now);
    return 0;
}

static void
forget_written(struct sink_stage *s)
{
    s->written_seq = s->durable_seq;
    s->events = s->bytes = 0;
    s->mid_transaction = false;
}

/* The place is known: what comes after it is in memory, or the run begins again. */
static int
go_on(struct sink_stage *s)
{
    forget_written(s);
    if (s->stop.kind != ERROR_NONE && s->durable_seq >= s->stop_seq) {
        pipeline_fail(s->pipeline, &s->stop);
        return -1;
    }
    s->stop.kind = ERROR_NONE;
    if (!ring_rewind(s->pipeline->ring, s->index, s->durable_seq + 1)) {
        pipeline_restart(s->pipeline, "what has to be written again is not in memory any more");
        return -1;
    }
    log_info("sink", "sink=%s going on", s->sink->name);
    return 0;
}

/* The broker ended a `whole` transaction for its age, again: it will not fit the next time either. */
static bool
hopeless(struct sink_stage *s, struct error *err)
{
    if (!is_whole(s) || strcmp(err->code, "E_TRANSACTION_TIMEOUT") != 0 ||
        atomic_fetch_add(&s->pipeline->timeouts, 1) < 1)
        return false;
    err->kind = ERROR_CONFIG;
    error_prefix(err, "a source transaction does not fit; raise transaction_timeout, or take "
                      "transaction: split: ");
    return true;
}

/* Abort, fence, ask; then go on from memory. 0: going on; -1: the run ends. */
static int
go_back(struct sink_stage *s, struct error *why)
{
    struct log_repeat trouble = {0};
    struct error err = *why;
    int pause_ms = PAUSE_FIRST_MS;

    while (!ended(s)) {
        if (log_repeat_due(&trouble))
            log_warn("sink", "sink=%s kind=%s code=%s %s; going back to the last commit", s->sink->name,
                     error_kind_name(err.kind), err.code, err.text);
        s->sink->ops->abort(s->sink);
        if (s->let_go) {
            pipeline_restart(s->pipeline, "a transaction larger than memory must be read again");
            return -1;
        }
        if (!pipeline_pause(s->pipeline, pipeline_backoff(&pause_ms)))
            return -1;
        /* Without the lease somebody else may be writing: don't fence them. */
        if (!pipeline_lease(s->pipeline))
            return -1;
        if (s->sink->ops->fence(s->sink, &err) == 0) {
            if (!pipeline_lease(s->pipeline))
                return -1;
            if (find_place(s, &err) == 0)
                return go_on(s);
        }
        if (err.kind != ERROR_RETRY && err.kind != ERROR_REWIND) {
            *why = err;
            pipeline_fail(s->pipeline, why);
            return -1;
        }
    }
    return -1;
}

/* Somebody fenced us. If the lease is ours all the same, they are gone: begin again, and fence them. */
static void
fenced(struct sink_stage *s, const struct error *err)
{
    if (pipeline_lease(s->pipeline))
        pipeline_restart(s->pipeline, err->text);
    else if (life_of(s->pipeline) != LIFE_RESTART) /* the reader may have got the lease, and more to say */
        pipeline_fail(s->pipeline, err);
}

/*
 * The sink knows the change that its far side has no place for. It counts as one that could not be encoded, and all is
 * written again: what came before it is then delivered, and whoever mends the far side does so for what follows only.
 */
static void
take_refusal(struct sink_stage *s, struct error *err)
{
    struct batch *batch = (struct batch *)(uintptr_t)s->sink->refused; /* ours: the sink only reads it */
    struct events *events;

    s->sink->refused = NULL;
    if (batch == NULL || s->let_go)
        return;
    events = &batch->events[s->index];
    if (events->failed.kind != ERROR_NONE)
        return;
    events->failed = *err;
    events->failed_frame = s->sink->refused_frame;
    err->kind = ERROR_REWIND;
}

/* What a failed step asks for. 0: going on; -1: this thread is done. */
static int
on_failure(struct sink_stage *s, struct error *err)
{
    take_refusal(s, err);
    if ((err->kind == ERROR_RETRY || err->kind == ERROR_REWIND) && !hopeless(s, err)) {
        position_copy(&s->committing.position, last_place(s));
        return go_back(s, err);
    }
    s->sink->ops->abort(s->sink);
    if (err->kind == ERROR_FENCED)
        fenced(s, err);
    else
        pipeline_fail(s->pipeline, err);
    return -1;
}

/* Stopping inside a `whole` transaction: its end will not come, so there is nothing to wait for. */
static bool
nothing_to_finish(const struct sink_stage *s)
{
    return life_of(s->pipeline) == LIFE_DRAINING && is_whole(s) && s->mid_transaction &&
           !ring_has(s->pipeline->ring, s->index);
}

void *
sink_main(void *arg)
{
    struct sink_stage *s = arg;

    pthread_setname_np(pthread_self(), "sink");
    while (!ended(s) && !nothing_to_finish(s)) {
        struct error err = ERROR_INIT;

        if (step(s, &err) == -1 && on_failure(s, &err) == -1)
            break;
    }
    /* Leave no open transaction behind, and no message that points into a batch. */
    s->sink->ops->abort(s->sink);
    atomic_fetch_sub(&s->pipeline->sinks_running, 1);
    return NULL;
}
