/*
 * database_sink.h -- an engine as a sink: what database.c does for all of them, put together.
 *
 * Each engine's file ends in DATABASE_SINK(postgresql, "postgresql"), for its `db_postgresql`.
 */
#ifndef SINKS_DATABASE_SINK_H
#define SINKS_DATABASE_SINK_H

#include "database.h"

int db_sink_open(const struct db_engine *, const struct sink_ops *, struct sink **out, const struct sink_context *,
                 struct error *err);
int db_sink_settle(const struct db_engine *, const struct db_settings *, const char **key, struct error *err);
int db_sink_fence(struct sink *, struct error *err);
int db_sink_resume(struct sink *, struct offset *out, struct error *err);
int db_sink_write(struct sink *, const struct batch *, int index, uint32_t first, struct error *err);
int db_sink_commit(struct sink *, const struct offset *, struct error *err);
void db_sink_abort(struct sink *);
int db_sink_flush(struct sink *, struct error *err);
void db_sink_check(struct sink *, struct report *);
int db_sink_remove(struct sink *, bool dry_run, struct buffer *said, struct error *err);
void db_sink_close(struct sink *);

#define DATABASE_SINK(NAME, TYPE)                                                                                      \
    static int open_##NAME(struct sink **out, const struct sink_context *context, struct error *err)                  \
    {                                                                                                                  \
        return db_sink_open(&db_##NAME, &sink_##NAME, out, context, err);                                             \
    }                                                                                                                  \
    static int settle_##NAME(const void *settings, const char **key, struct error *err)                                \
    {                                                                                                                  \
        return db_sink_settle(&db_##NAME, settings, key, err);                                                         \
    }                                                                                                                  \
    const struct sink_ops sink_##NAME = {                                                                              \
        .type = TYPE,                                                                                                  \
        .guarantee = SINK_EXACTLY_ONCE,                                                                                \
        .guarantee_text = "exactly once: rows and position commit in one transaction",                                 \
        .options = db_options,                                                                                         \
        .settings_size = sizeof(struct db_settings),                                                                   \
        .rows = true,                                                                                                  \
        .settle = settle_##NAME,                                                                                       \
        .open = open_##NAME,                                                                                           \
        .fence = db_sink_fence,                                                                                        \
        .resume = db_sink_resume,                                                                                      \
        .write = db_sink_write,                                                                                        \
        .commit = db_sink_commit,                                                                                      \
        .abort = db_sink_abort,                                                                                        \
        .flush = db_sink_flush,                                                                                        \
        .check = db_sink_check,                                                                                        \
        .remove = db_sink_remove,                                                                                      \
        .close = db_sink_close,                                                                                        \
    }

#endif
