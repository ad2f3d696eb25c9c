/*
 * memory.c -- see memory.h.
 *
 * Written events are pointers into batches (struct pending) until commit or flush copies them,
 * so a pipeline that lets go of a batch too early is caught by the address sanitizer.
 *
 * Runs on the sink's thread. The store's flag is a spin lock: held for memory copies only.
 */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "cdc/clock.h"
#include "cdc/report.h"

/* Copied (`copy` is used) or still borrowed (`event` of `batch`). */
struct pending {
    const struct batch *batch;
    const struct event *event;
    int index;
    struct memory_event copy;
};

struct memory_sink {
    struct sink base;
    struct memory_store own;
    struct memory_store *store;
    uint64_t epoch;
    uint64_t batch_no;
    bool fenced; /* since the last failure */
    struct pending *pending;
    size_t count, cap;
};

static struct memory_sink *
from(struct sink *sink)
{
    return (struct memory_sink *)(void *)sink;
}

static void
lock(struct memory_store *store)
{
    while (atomic_flag_test_and_set_explicit(&store->busy, memory_order_acquire))
        ;
}

static void
unlock(struct memory_store *store)
{
    atomic_flag_clear_explicit(&store->busy, memory_order_release);
}

static void
free_event(struct memory_event *event)
{
    free(event->topic);
    free(event->key);
    free(event->value);
    memset(event, 0, sizeof(*event));
}

void
memory_store_clear(struct memory_store *store)
{
    for (size_t i = 0; i < store->count; i++)
        free_event(&store->events[i]);
    free(store->events);
    offset_clear(&store->offset);
    memset(store, 0, sizeof(*store));
}

/* Counts the call; -1 if this is the one that must fail. */
static int
step(struct memory_sink *s, const char *call, struct error *err)
{
    struct memory_store *store = s->store;
    bool fails;
    enum error_kind kind;
    lock(store);
    fails = false;
    kind = store->fail_kind != ERROR_NONE ? store->fail_kind : ERROR_RETRY;
    if (store->fail_only == NULL || strcmp(store->fail_only, call) == 0) {
        store->calls++;
        if (store->fail_at != 0)
            fails = store->calls == store->fail_at ||
                    (store->keep_failing && store->calls > store->fail_at);
    }
    store->failed = store->failed || fails;
    unlock(store);
    if (!fails)
        return 0;
    s->fenced = false;
    return error_set(err, kind, "", "sink %s: %s fails as planned", s->base.name, call);
}

/* ---- pending events ------------------------------------------------------------------------- */

static int
copy_bytes(uint8_t **out, const uint8_t *at, uint32_t len)
{
    *out = malloc(len > 0 ? len : 1);
    if (*out == NULL)
        return -1;
    if (len > 0)
        memcpy(*out, at, len);
    return 0;
}

static int
copy_event(struct pending *p, struct error *err)
{
    struct memory_event *to = &p->copy;
    const struct event *event = p->event;
    if (p->batch == NULL)
        return 0;
    const uint8_t *encoded = p->batch->events[p->index].encoded.at;
    to->topic = strdup(event->route->topic);
    event_id_print(p->batch, event, to->id);
    to->output = event->output;
    to->flags = event->flags;
    if ((event->flags & EVENT_KEY_NULL) == 0) {
        to->key_length = event->key_length;
        if (copy_bytes(&to->key, encoded + event->key_offset, event->key_length) == -1)
            goto no_memory;
    }
    if ((event->flags & EVENT_VALUE_NULL) == 0) {
        to->value_length = event->value_length;
        if (copy_bytes(&to->value, encoded + event->value_offset, event->value_length) == -1)
            goto no_memory;
    }
    if (to->topic == NULL)
        goto no_memory;
    p->batch = NULL;
    return 0;

no_memory:
    free_event(to);
    return error_set(err, ERROR_FATAL, "", "out of memory");
}

static int
copy_all(struct memory_sink *s, struct error *err)
{
    for (size_t i = 0; i < s->count; i++) {
        if (copy_event(&s->pending[i], err) == -1)
            return -1;
    }
    return 0;
}

static struct pending *
add_pending(struct memory_sink *s, struct error *err)
{
    if (s->count == s->cap) {
        size_t cap = s->cap > 0 ? s->cap * 2 : 64;
        struct pending *grown = realloc(s->pending, cap * sizeof(*grown));
        if (grown == NULL) {
            error_set(err, ERROR_FATAL, "", "out of memory");
            return NULL;
        }
        s->pending = grown;
        s->cap = cap;
    }
    struct pending *p = &s->pending[s->count++];
    memset(p, 0, sizeof(*p));
    return p;
}

static void
memory_abort(struct sink *sink)
{
    struct memory_sink *s = from(sink);
    for (size_t i = 0; i < s->count; i++)
        free_event(&s->pending[i].copy);
    s->count = 0;
}

/* ---- the seam ---------------------------------------------------------------------------------
 */

static int
memory_open(struct sink **out, const struct sink_context *context, struct error *err)
{
    const struct memory_settings *settings = context->settings;
    struct memory_sink *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory");
    s->base = (struct sink){.ops = &sink_memory, .name = context->name};
    s->store = settings != NULL && settings->store != NULL ? settings->store : &s->own;
    *out = &s->base;
    return 0;
}

static int
memory_fence(struct sink *sink, struct error *err)
{
    struct memory_sink *s = from(sink);
    memory_abort(sink);
    if (step(s, "fence", err) == -1)
        return -1;
    lock(s->store);
    s->epoch = ++s->store->epoch;
    s->batch_no = s->store->offset.batch_no;
    unlock(s->store);
    s->fenced = true;
    return 0;
}

static int
memory_resume(struct sink *sink, struct offset *out, struct error *err)
{
    struct memory_sink *s = from(sink);
    if (step(s, "resume", err) == -1)
        return -1;
    lock(s->store);
    *out = (struct offset){.state = OFFSET_NONE};
    offset_copy(out, &s->store->offset);
    unlock(s->store);
    return 0;
}

static int
must_be_fenced(const struct memory_sink *s, const char *call, struct error *err)
{
    if (s->fenced)
        return 0;
    return error_set(err, ERROR_FATAL, "", "sink %s: %s after a failure, without a fence",
                     s->base.name, call);
}

static int
memory_write(struct sink *sink, const struct batch *batch, int index, uint32_t first,
             struct error *err)
{
    struct memory_sink *s = from(sink);
    const struct events *events = &batch->events[index];
    if (must_be_fenced(s, "write", err) == -1 || step(s, "write", err) == -1)
        return -1;
    for (uint32_t i = 0; i < events->count; i++) {
        struct pending *p;
        if (events->at[i].frame < first)
            continue;
        p = add_pending(s, err);
        if (p == NULL)
            return -1;
        p->batch = batch;
        p->event = &events->at[i];
        p->index = index;
    }
    return 0;
}

/* Move the copies over; the store's lock is held. */
static int
publish(struct memory_sink *s, const struct offset *offset, struct error *err)
{
    struct memory_store *store = s->store;
    size_t needed = store->count + s->count;
    if (needed > store->cap) {
        size_t cap = needed * 2;
        struct memory_event *grown = realloc(store->events, cap * sizeof(*grown));
        if (grown == NULL)
            return error_set(err, ERROR_FATAL, "", "out of memory");
        store->events = grown;
        store->cap = cap;
    }
    s->batch_no++;
    for (size_t i = 0; i < s->count; i++) {
        s->pending[i].copy.epoch = s->epoch;
        s->pending[i].copy.batch_no = s->batch_no;
        store->events[store->count++] = s->pending[i].copy;
    }
    s->count = 0;
    offset_copy(&store->offset, offset);
    store->offset.epoch = s->epoch;
    store->offset.batch_no = s->batch_no;
    store->offset.written_us = clock_wall_us();
    store->commits++;
    return 0;
}

static int
memory_commit(struct sink *sink, const struct offset *offset, struct error *err)
{
    struct memory_sink *s = from(sink);
    int rc = 0;
    if (must_be_fenced(s, "commit", err) == -1 || copy_all(s, err) == -1)
        return -1;
    int failed = step(s, "commit", err);
    if (failed == -1 && !s->store->commit_lands)
        return -1;
    lock(s->store);
    if (s->epoch != s->store->epoch)
        rc = error_set(err, ERROR_FENCED, "E_FENCED", "sink %s: another instance has taken over",
                       sink->name);
    else
        rc = publish(s, offset, failed == 0 ? err : NULL);
    unlock(s->store);
    return failed == 0 ? rc : -1;
}

static int
memory_flush(struct sink *sink, struct error *err)
{
    struct memory_sink *s = from(sink);
    if (step(s, "flush", err) == -1)
        return -1;
    return copy_all(s, err);
}

static void
memory_check(struct sink *sink, struct report *report)
{
    (void)sink;
    report_add(report, FINDING_WARN, "", "a memory sink keeps nothing: it is for tests", NULL);
}

static int
memory_remove(struct sink *sink, bool dry_run, struct buffer *said, struct error *err)
{
    struct memory_sink *s = from(sink);
    (void)err;
    buffer_printf(said, "%s the offset of sink %s from memory\n",
                  dry_run ? "would delete" : "deleting", sink->name);
    if (!dry_run)
        offset_clear(&s->store->offset);
    return 0;
}

static void
memory_close(struct sink *sink)
{
    struct memory_sink *s = from(sink);
    if (s == NULL)
        return;
    memory_abort(sink);
    free(s->pending);
    memory_store_clear(&s->own);
    free(s);
}

static const struct option memory_options[] = {{0}};

const struct sink_ops sink_memory = {
    .type = "memory",
    .guarantee = SINK_EXACTLY_ONCE,
    .guarantee_text = "exactly once, until the process ends: for tests",
    .options = memory_options,
    .settings_size = sizeof(struct memory_settings),
    .open = memory_open,
    .fence = memory_fence,
    .resume = memory_resume,
    .write = memory_write,
    .commit = memory_commit,
    .abort = memory_abort,
    .flush = memory_flush,
    .check = memory_check,
    .remove = memory_remove,
    .close = memory_close,
};
