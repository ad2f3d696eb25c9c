/*
 * null.c -- takes everything, keeps nothing but its offset: for benchmarks and trials.
 *
 * What it commits really is stored (SQLite in state_dir), so a restart goes on where it was.
 * Runs on the sink's thread.
 */
#include <stdlib.h>

#include "cdc/log.h"
#include "cdc/report.h"
#include "cdc/sink.h"
#include "local_offset.h"

struct null_sink {
    struct sink base;
    struct local_offset local;
    unsigned long long events; /* committed in this process */
    unsigned long long bytes;
    unsigned long long pending_events;
    unsigned long long pending_bytes;
};

static struct null_sink *
from(struct sink *sink)
{
    return (struct null_sink *)(void *)sink;
}

static int
null_open(struct sink **out, const struct sink_context *context, struct error *err)
{
    struct null_sink *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory");
    s->base = (struct sink){.ops = &sink_null, .name = context->name};
    if (local_offset_open(&s->local, context, err) == -1) {
        free(s);
        return -1;
    }
    *out = &s->base;
    return 0;
}

static void
null_abort(struct sink *sink)
{
    from(sink)->pending_events = 0;
    from(sink)->pending_bytes = 0;
}

static int
null_fence(struct sink *sink, struct error *err)
{
    null_abort(sink);
    return local_offset_fence(&from(sink)->local, err);
}

static int
null_resume(struct sink *sink, struct offset *out, struct error *err)
{
    return local_offset_load(&from(sink)->local, out, err);
}

static int
null_write(struct sink *sink, const struct batch *batch, int index, uint32_t first,
           struct error *err)
{
    struct null_sink *s = from(sink);
    const struct events *events = &batch->events[index];
    (void)err;
    for (uint32_t i = 0; i < events->count; i++) {
        if (events->at[i].frame < first)
            continue;
        s->pending_events++;
        s->pending_bytes += events->at[i].key_length + events->at[i].value_length;
    }
    return 0;
}

static int
null_commit(struct sink *sink, const struct offset *offset, struct error *err)
{
    struct null_sink *s = from(sink);
    if (local_offset_store(&s->local, offset, err) == -1)
        return -1;
    s->events += s->pending_events;
    s->bytes += s->pending_bytes;
    null_abort(sink);
    return 0;
}

static int
null_flush(struct sink *sink, struct error *err)
{
    (void)sink;
    (void)err;
    return 0;
}

static void
null_check(struct sink *sink, struct report *report)
{
    local_offset_check(&from(sink)->local, report);
}

static int
null_remove(struct sink *sink, bool dry_run, struct buffer *said, struct error *err)
{
    return local_offset_remove(&from(sink)->local, dry_run, said, err);
}

static void
null_close(struct sink *sink)
{
    struct null_sink *s = from(sink);
    if (s == NULL)
        return;
    if (s->events > 0)
        log_info("null", "sink=%s events=%llu bytes=%llu taken and dropped", sink->name, s->events,
                 s->bytes);
    local_offset_close(&s->local);
    free(s);
}

static const struct option null_options[] = {{0}};

const struct sink_ops sink_null = {
    .type = "null",
    .guarantee = SINK_AT_LEAST_ONCE,
    .guarantee_text = "none to give: events are counted and dropped, only the position is kept",
    .options = null_options,
    .settings_size = 0,
    .open = null_open,
    .fence = null_fence,
    .resume = null_resume,
    .write = null_write,
    .commit = null_commit,
    .abort = null_abort,
    .flush = null_flush,
    .check = null_check,
    .remove = null_remove,
    .close = null_close,
};
