/*
 * stdout.c -- one JSON line for each event, on standard output.
 *
 *     write: lines are gathered     commit: write(2) until all are out, then store the offset
 *
 * A crash between the two shows the lines again after the restart; nothing is ever left out.
 * That is why the guarantee is "at least once": a pipe can't hold lines and position in one
 * step. Each line has the event's id, the same every time, so a reader can tell.
 *
 * Runs on the sink's thread. Lines held back are bounded by the commit size, which is why this
 * sink refuses `transaction: whole` (config.c).
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cdc/failpoint.h"
#include "cdc/report.h"
#include "cdc/sink.h"
#include "local_offset.h"

enum { LINES_KEEP = 1 << 20 };

struct stdout_sink {
    struct sink base;
    struct local_offset local;
    struct buffer lines;
};

static struct stdout_sink *
from(struct sink *sink)
{
    return (struct stdout_sink *)(void *)sink;
}

static int
stdout_open(struct sink **out, const struct sink_context *context, struct error *err)
{
    struct stdout_sink *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory");
    s->base = (struct sink){.ops = &sink_stdout, .name = context->name};
    if (local_offset_open(&s->local, context, err) == -1) {
        free(s);
        return -1;
    }
    *out = &s->base;
    return 0;
}

static void
stdout_abort(struct sink *sink)
{
    struct stdout_sink *s = from(sink);
    buffer_reset(&s->lines);
    if (s->lines.cap > LINES_KEEP)
        buffer_free(&s->lines);
}

static int
stdout_fence(struct sink *sink, struct error *err)
{
    stdout_abort(sink);
    return local_offset_fence(&from(sink)->local, err);
}

static int
stdout_resume(struct sink *sink, struct offset *out, struct error *err)
{
    return local_offset_load(&from(sink)->local, out, err);
}

static int
stdout_write(struct sink *sink, const struct batch *batch, int index, uint32_t first,
             struct error *err)
{
    struct stdout_sink *s = from(sink);
    const struct events *events = &batch->events[index];
    for (uint32_t i = 0; i < events->count; i++) {
        const struct event *event = &events->at[i];
        if (event->frame < first || (event->flags & EVENT_VALUE_NULL) != 0)
            continue;
        buffer_put(&s->lines, events->encoded.at + event->value_offset, event->value_length);
        buffer_put_u8(&s->lines, '\n');
    }
    if (buffer_failed(&s->lines))
        return error_set(err, ERROR_FATAL, "", "sink %s: out of memory", sink->name);
    return 0;
}

/* All of it, also to a pipe that somebody made non-blocking. */
static int
write_all(const char *name, const struct buffer *lines, struct error *err)
{
    size_t done = 0;
    while (done < lines->len) {
        ssize_t n = write(STDOUT_FILENO, lines->at + done, lines->len - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd fd = {.fd = STDOUT_FILENO, .events = POLLOUT};
            poll(&fd, 1, 1000);
        } else if (errno != EINTR) {
            return error_set(err, ERROR_FATAL, "E_STDOUT", "sink %s: standard output: %s", name,
                             strerror(errno));
        }
    }
    return 0;
}

static int
stdout_commit(struct sink *sink, const struct offset *offset, struct error *err)
{
    struct stdout_sink *s = from(sink);
    if (write_all(sink->name, &s->lines, err) == -1)
        return -1;
    stdout_abort(sink); /* the lines are out: they must not go out again */
    if (failpoint("stdout.written") == -1)
        return error_set(err, ERROR_REWIND, "", "sink %s: failpoint", sink->name);
    return local_offset_store(&s->local, offset, err);
}

/* Lines are copied in write: nothing points into a batch. */
static int
stdout_flush(struct sink *sink, struct error *err)
{
    (void)sink;
    (void)err;
    return 0;
}

static void
stdout_check(struct sink *sink, struct report *report)
{
    local_offset_check(&from(sink)->local, report);
}

static int
stdout_remove(struct sink *sink, bool dry_run, struct buffer *said, struct error *err)
{
    return local_offset_remove(&from(sink)->local, dry_run, said, err);
}

static void
stdout_close(struct sink *sink)
{
    struct stdout_sink *s = from(sink);
    if (s == NULL)
        return;
    local_offset_close(&s->local);
    buffer_free(&s->lines);
    free(s);
}

static const struct option stdout_options[] = {{0}};

const struct sink_ops sink_stdout = {
    .type = "stdout",
    .guarantee = SINK_AT_LEAST_ONCE,
    .guarantee_text = "at least once: after a crash the last lines may come again, each with the "
                      "same id",
    .options = stdout_options,
    .settings_size = 0,
    .open = stdout_open,
    .fence = stdout_fence,
    .resume = stdout_resume,
    .write = stdout_write,
    .commit = stdout_commit,
    .abort = stdout_abort,
    .flush = stdout_flush,
    .check = stdout_check,
    .remove = stdout_remove,
    .close = stdout_close,
};
