/*
 * sink.h -- where changes go, and how we know that they arrived.
 *
 *     open -> fence -> resume -> write, write, commit, write ... -> close
 *
 * write takes a batch (or the part of it that this sink's position does not cover yet) and may keep
 * pointers into it until the next commit, abort or flush. commit returns 0 only once all that was
 * written AND the position are durable in one atomic step; nothing else moves progress. Any
 * failure says by its kind what now:
 *
 *   ERROR_RETRY   the far side is away: abort, pause, fence, resume
 *   ERROR_REWIND  outcome unknown: abort, fence, resume; the position is then the one before or
 *                 the one that was being committed
 *   ERROR_DATA    this change can never pass
 *   ERROR_FENCED  another instance writes now: stop
 *   ERROR_CONFIG, ERROR_REFUSED, ERROR_FATAL: stop and say why
 *
 * Threads: open runs on the main thread; from then on one thread makes every call.
 * Memory: batches are borrowed as said; everything else is copied.
 */
#ifndef CDC_SINK_H
#define CDC_SINK_H

#include <assert.h>

#include "cdc/batch.h"
#include "cdc/offset.h"
#include "cdc/option.h"

struct sink;
struct report;

/* What a reader of the far side may rely on. Printed at start-up. */
enum sink_guarantee {
    SINK_EXACTLY_ONCE,  /* rows and position commit in one transaction */
    SINK_AT_LEAST_ONCE, /* may repeat; every event carries a stable id */
};

/* Who asks, for sinks of every kind. Strings live as long as the sink. */
struct sink_context {
    const char *pipeline;
    const char *name;      /* the sink's, from its section */
    const char *state_dir; /* NULL when not configured */
    const void *settings;  /* filled from ops->options */
};

struct sink_ops {
    const char *type;                 /* as in the configuration: "kafka" */
    enum sink_guarantee guarantee;
    const char *guarantee_text;       /* one line for people */
    const struct option *options;     /* what its section may say beside the common ones; ends in {0} */
    size_t settings_size;

    bool rows; /* it is given packed rows (row.h): what concerns topics, formats and the registry is not for it */

    /* What is wrong about its settings as a whole; *key names the option. May be NULL. Connects nothing. */
    int (*settle)(const void *settings, const char **key, struct error *err);

    /* Make the object; connects nothing. On failure nothing is left behind. */
    int (*open)(struct sink **out, const struct sink_context *, struct error *err);

    /* Connect with a new epoch: when it returns, no older instance can write any more, and what
     * was in doubt is decided. May be called again at any time: it starts over. */
    int (*fence)(struct sink *, struct error *err);

    /* The offset record as it durably is. Also without fence (for `offsets show`). */
    int (*resume)(struct sink *, struct offset *out, struct error *err);

    /* Write the events of frames [first, batch->nframes) of this batch, as `index` of batch->events. */
    int (*write)(struct sink *, const struct batch *, int index, uint32_t first, struct error *err);

    /* Make everything written and this offset durable in one step (also without any write).
     * The sink sets epoch, batch_no and written_us itself. */
    int (*commit)(struct sink *, const struct offset *, struct error *err);

    /* Nothing of what was written since the last commit may become visible. Never fails: where
     * the far side can't be asked, the next fence sees to it. */
    void (*abort)(struct sink *);

    /* Wait until nothing written points into a batch any more (`whole` transactions only). */
    int (*flush)(struct sink *, struct error *err);

    /* `check`: say what is wrong and how to mend it. */
    void (*check)(struct sink *, struct report *);

    /* `remove`: delete the offset (never data). With dry_run only says what it would do. */
    int (*remove)(struct sink *, bool dry_run, struct buffer *said, struct error *err);

    void (*close)(struct sink *); /* NULL is allowed */
};

/* Each sink embeds this as its first member. */
struct sink {
    const struct sink_ops *ops;
    const char *name;
    /* Set by a write that fails with ERROR_CONFIG for one change that the far side has no place for (its table does not
     * fit): the pipeline then delivers what came before that change's transaction, and stops there. */
    const struct batch *refused;
    uint32_t refused_frame;
};

static inline int
sink_write(struct sink *sink, const struct batch *batch, int index, uint32_t first,
           struct error *err)
{
    assert(first <= batch->nframes);
    return sink->ops->write(sink, batch, index, first, err);
}

static inline int
sink_commit(struct sink *sink, const struct offset *offset, struct error *err)
{
    assert(offset->state != OFFSET_NONE);
    return sink->ops->commit(sink, offset, err);
}

extern const struct sink_ops sink_kafka;
extern const struct sink_ops sink_postgresql, sink_mysql, sink_mariadb;
extern const struct sink_ops sink_stdout;
extern const struct sink_ops sink_null;
extern const struct sink_ops sink_memory; /* tests: keeps what was committed, fails on request */

/* All of them; ends in NULL. */
extern const struct sink_ops *const sinks_all[];

#endif
