/*
 * mysql_source.c -- the MySQL and MariaDB source: the binlog dump, and the second one beside it.
 *
 * One thread. The dump is asked for by the first read, from the place where the framer stands: after a reconnect that is
 * where it stopped. The server gets no acknowledgement, so confirm has nothing to do; it sends a heartbeat when it has
 * nothing else, so a connection that is silent for longer is dead.
 *
 * The lease is a lock of the `ask` connection: it is looked at every few seconds, since it goes with the connection.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/clock.h"
#include "cdc/failpoint.h"
#include "cdc/log.h"
#include "cdc/source_mysql.h"
#include "mysql_stream.h"

enum { EVENTS_PER_READ = 4096, REPLAY_PER_STEP = 256 };

/* ---- what the framer asks ---- */

static bool
wants_table(void *arg, const char *schema, const char *table)
{
    const struct mysql_source *my = arg;

    return config_wants(&my->config->source, schema, table);
}

static bool
wants_schema(void *arg, const char *schema)
{
    const struct mysql_source *my = arg;

    for (const char **glob = my->config->source.tables; *glob != NULL; glob++) {
        const char *dot = strchr(*glob, '.');
        char part[256];

        snprintf(part, sizeof(part), "%.*s", dot != NULL ? (int)(dot - *glob) : 0, *glob);
        if (option_glob(part, schema))
            return true;
    }
    return false;
}

static enum binlog_charset
charset_of(void *arg, uint32_t collation)
{
    (void)arg;
    return binlog_charset_of_collation(collation);
}

static int
relation_now(void *arg, const char *schema, const char *table, struct relation **out, struct error *err)
{
    struct mysql_source *my = arg;

    return mysql_relation_now(my->ask, my->mariadb, schema, table, out, err);
}

/* ---- the dump ---- */

static int
open_dump(struct mysql_source *my, struct error *err)
{
    const struct binlog_framer *f = &my->framer;
    struct wire_start start = {.server_id = mysql_server_id(my->config, ROLE_STREAM),
                               .annotate = my->mariadb && my->config->source.rows_query};

    if (f->gtids == NULL)
        start.at = f->done_at;
    else if (!my->mariadb)
        start.gtids = f->gtids;
    if (f->gtids != NULL && !my->facts.by_gtid)
        return error_set(err, ERROR_REFUSED, "E_GTID_ANONYMOUS",
                         "positions are sets of GTIDs, and gtid_mode of this server is not ON");
    my->dump = mysql_connect_again(my, err);
    if (my->dump == NULL ||
        mysql_dump_session(my->dump, my->config, my->mariadb, ROLE_STREAM, my->mariadb ? f->gtids : NULL, err) == -1 ||
        wire_open(&my->wire, my->dump, &start, err) == -1)
        return -1;
    my->streaming = true;
    my->heard_ms = clock_monotonic_ms();
    log_info("mysql", "server=%s server_id=%u streaming", my->facts.identity.id, start.server_id);
    return 0;
}

static int
source_lease_check(struct source *source, struct error *err)
{
    struct mysql_source *my = mysql_from(source);
    char name[64], got[16];

    mysql_lease_name(my->config, name);
    if (mysql_ask_text(my->ask, got, sizeof(got), err, "SELECT COALESCE(IS_USED_LOCK('%s') = CONNECTION_ID(), 0)",
                       name) == -1)
        return -1;
    if (strcmp(got, "1") == 0)
        return 0;
    return error_set(err, ERROR_RETRY, "E_LEASE_HELD", "the lock %s is not ours any more", name);
}

int
mysql_look_after_lease(struct mysql_source *my, struct error *err)
{
    if (clock_monotonic_ms() < my->lease_due)
        return 0;
    my->lease_due = clock_monotonic_ms() + LEASE_LOOK_MS;
    return source_lease_check(&my->base, err);
}

/* ---- rows of an XA transaction, read again ---- */

static void
close_second(struct mysql_source *my)
{
    wire_close(&my->second_wire);
    if (my->second != NULL)
        mysql_close(my->second);
    my->second = NULL;
}

/* MySQL: by GTID, which any server of the same history can do; MariaDB: at the place where it was prepared. */
static int
open_second(struct mysql_source *my, const struct xa_prepared *xa, struct error *err)
{
    struct wire_start start = {.server_id = mysql_server_id(my->config, ROLE_REPLAY), .until_end = true};
    struct gtid_set *one = NULL, *rest = NULL;
    int rc = -1;

    start.at = xa->begin;
    if (!my->mariadb && xa->gtid.number != 0 && my->framer.gtids != NULL) {
        one = gtid_set_new(GTID_MYSQL);
        if (one == NULL || gtid_set_add(one, &xa->gtid, err) == -1 ||
            (rest = gtid_set_subtract(my->framer.gtids, one)) == NULL) {
            gtid_set_release(one);
            return error_set(err, ERROR_FATAL, "", "out of memory for a set of GTIDs");
        }
        start.gtids = rest;
        start.at = (struct log_place){0};
    }
    my->second = mysql_connect_again(my, err);
    if (my->second != NULL &&
        mysql_dump_session(my->second, my->config, my->mariadb, ROLE_REPLAY, NULL, err) == 0 &&
        wire_open(&my->second_wire, my->second, &start, err) == 0)
        rc = 0;
    my->second_checksums = my->checksums;
    my->second_checked = false;
    gtid_set_release(one);
    gtid_set_release(rest);
    return rc;
}

static bool
is_gtid_event(uint8_t type)
{
    return type == EVENT_GTID || type == EVENT_GTID_TAGGED || type == EVENT_ANONYMOUS_GTID ||
           type == EVENT_MARIADB_GTID;
}

/* Is the first group there the one that was prepared? Another server's file may have the same name. */
static int
check_second(struct mysql_source *my, struct bytes raw, const struct xa_prepared *xa, struct error *err)
{
    struct binlog_event event;
    struct binlog_gtid_event gtid;

    if (binlog_event_read(&event, raw, my->second_checksums, err) == -1 || binlog_gtid_read(&event, &gtid, err) == -1)
        return -1;
    my->second_checked = gtid_equal(&gtid.gtid, &xa->gtid);
    if (my->second_checked)
        return 0;
    return error_set(err, ERROR_REFUSED, "E_XA_ROWS_LOST", "another transaction stands there");
}

/* One event of the second dump. 1: go on, 0: the rows are all there, -1. */
static int
replay_one(struct mysql_source *my, const struct xa_prepared *xa, struct batch *batch, bool *full,
           struct error *err)
{
    char version[51];
    struct bytes raw;
    int rc;

    if (binlog_framer_replay_more(&my->framer)) {
        rc = binlog_framer_replay_continue(&my->framer, batch, full, err);
        return rc == -1 ? -1 : rc == 1 ? 0 : 1;
    }
    rc = wire_read(&my->second_wire, &raw, err);
    if (rc == 0)
        return error_set(err, ERROR_REFUSED, "E_XA_ROWS_LOST", "the log ends before the transaction is prepared");
    if (rc == -1)
        return -1;
    if (raw.len <= 4)
        return error_set(err, ERROR_RETRY, "E_PROTOCOL", "source: an event without header");
    if (raw.at[4] == EVENT_FORMAT_DESCRIPTION)
        return binlog_format_read(raw, &my->second_checksums, version, err) == -1 ? -1 : 1;
    if (raw.at[4] == EVENT_ROTATE || raw.at[4] == EVENT_HEARTBEAT || raw.at[4] == EVENT_PREVIOUS_GTIDS ||
        raw.at[4] == EVENT_MARIADB_GTID_LIST || raw.at[4] == EVENT_MARIADB_BINLOG_CHECKPOINT)
        return 1;
    if (is_gtid_event(raw.at[4])) {
        if (my->second_checked)
            return error_set(err, ERROR_REFUSED, "E_XA_ROWS_LOST", "the transaction there was not prepared");
        return check_second(my, raw, xa, err) == -1 ? -1 : 1;
    }
    if (!my->second_checked)
        return error_set(err, ERROR_REFUSED, "E_XA_ROWS_LOST", "no transaction begins there");
    rc = binlog_framer_replay_event(&my->framer, raw, my->second_checksums, batch, full, err);
    return rc == -1 ? -1 : rc == 1 ? 0 : 1;
}

/* Rows until they are all there, the batch is full, or others should have a turn. */
static int
replay(struct mysql_source *my, struct batch *batch, bool *full, struct error *err)
{
    struct xa_prepared xa = *binlog_framer_replay(&my->framer);
    int rc = 1;

    if (my->second == NULL && open_second(my, &xa, err) == -1)
        rc = -1;
    for (int i = 0; i < REPLAY_PER_STEP && rc == 1 && !*full; i++)
        rc = replay_one(my, &xa, batch, full, err);
    if (rc == 1)
        return 0;
    close_second(my);
    if (rc == 0 || err->kind != ERROR_REFUSED)
        return rc;
    *full = true;
    return binlog_framer_replay_lost(&my->framer, err->text, batch, err);
}

/* ---- read ---- */

static int
note_event(const struct bytes *raw)
{
    uint8_t type = raw->len > 4 ? raw->at[4] : 0;

    if (is_gtid_event(type))
        return failpoint("src.begin");
    return type == EVENT_XID ? failpoint("src.commit") : 0;
}

static int
read_event(struct mysql_source *my, struct batch *batch, bool *full, struct error *err)
{
    struct bytes raw;
    int rc = wire_read(&my->wire, &raw, err);

    if (rc != 1)
        return rc;
    if (note_event(&raw) == -1)
        return error_set(err, ERROR_RETRY, "", "failpoint");
    return binlog_framer_event(&my->framer, raw, batch, full, err);
}

/* A heartbeat comes when nothing else does. */
static int
check_silence(const struct mysql_source *my, struct error *err)
{
    if (clock_monotonic_ms() - my->heard_ms < SILENCE_MS)
        return 0;
    return error_set(err, ERROR_RETRY, "E_UNREACHABLE", "source: nothing came for %d seconds, not even a heartbeat",
                     SILENCE_MS / 1000);
}

/* 1: an event was taken, 0: none is at hand. */
static int
step(struct mysql_source *my, int timeout_ms, struct batch *batch, bool *full, struct error *err)
{
    int rc;

    if (binlog_framer_replay(&my->framer) != NULL)
        rc = replay(my, batch, full, err);
    else if (binlog_framer_more(&my->framer))
        rc = binlog_framer_continue(&my->framer, batch, full, err);
    else if (!wire_ready(&my->wire, timeout_ms))
        return check_silence(my, err);
    else
        rc = read_event(my, batch, full, err);
    my->heard_ms = clock_monotonic_ms();
    return rc == -1 ? -1 : 1;
}

static int
read_events(struct mysql_source *my, struct batch *batch, int timeout_ms, bool *full, struct error *err)
{
    if (my->broken.kind != ERROR_NONE) {
        *err = my->broken;
        return -1;
    }
    if (my->framer.stopped) {
        poll(NULL, 0, timeout_ms); /* a sink is about to say why */
        return SOURCE_IDLE;
    }
    if (failpoint("src.recv") == -1)
        return error_set(err, ERROR_RETRY, "", "failpoint");
    if (mysql_look_after_lease(my, err) == -1 || (!my->streaming && open_dump(my, err) == -1))
        return -1;
    for (int i = 0; i < EVENTS_PER_READ && !*full; i++) {
        int rc = step(my, i == 0 && batch->nframes == 0 ? timeout_ms : 0, batch, full, err);

        if (rc == -1)
            return -1;
        if (rc == 0)
            return SOURCE_IDLE;
    }
    return SOURCE_MORE;
}

static int
source_read(struct source *source, struct batch *batch, int timeout_ms, bool *full, struct error *err)
{
    struct mysql_source *my = mysql_from(source);
    int rc;

    *full = false;
    rc = read_events(my, batch, timeout_ms, full, err);
    /* After an error too: what is in the batch may be handed on. */
    if (my->broken.kind == ERROR_NONE && binlog_framer_finish(&my->framer, batch, rc == -1 ? NULL : err) == -1)
        return -1;
    return rc;
}

static int
source_serve(struct source *source, int timeout_ms, struct error *err)
{
    if (mysql_look_after_lease(mysql_from(source), err) == -1)
        return -1;
    mysql_from(source)->heard_ms = clock_monotonic_ms(); /* nobody listened */
    poll(NULL, 0, timeout_ms);
    return 0;
}

/* ---- the rest of source.h ---- */

static int
source_has_place(struct source *source, struct error *err)
{
    (void)source, (void)err;
    return 0; /* the server keeps none */
}

static void
source_resume(struct source *source, const struct position *from, uint64_t next_number)
{
    struct mysql_source *my = mysql_from(source);

    my->broken = (struct error)ERROR_INIT;
    binlog_framer_resume(&my->framer, from, next_number, &my->broken);
}

static void
source_confirm(struct source *source, const struct position *position)
{
    (void)source, (void)position;
}

static void
source_stop(struct source *source)
{
    mysql_disconnect(mysql_from(source));
}

static void
source_close(struct source *source)
{
    struct mysql_source *my = mysql_from(source);

    if (my == NULL)
        return;
    mysql_disconnect(my);
    mysql_facts_clear(&my->facts);
    binlog_framer_free(&my->framer);
    mysql_ahead_clear(&my->ahead);
    free(my);
}

static const struct source_ops mysql_ops = {
    .name = "binlog",
    .has_place = source_has_place,
    .start = mysql_start,
    .check_offset = mysql_check_offset,
    .resume = source_resume,
    .lease_check = source_lease_check,
    .read = source_read,
    .serve = source_serve,
    .confirm = source_confirm,
    .stop = source_stop,
    .close = source_close,
};

int
mysql_source_open(struct source **out, const struct config *config, bool mariadb, struct error *err)
{
    struct mysql_source *my = calloc(1, sizeof(*my));
    const struct config_source *source = &config->source;
    struct binlog_framer_settings set = {
        .reading = {.mariadb = mariadb, .charset_of = charset_of, .describe = mysql_describe, .arg = my},
        .wants = wants_table,
        .wants_schema = wants_schema,
        .relation_now = relation_now,
        .arg = my,
        .batch_size = (size_t)config->batch.size,
        .event_max = (size_t)source->event_size,
        .warn_statements = source->statements == STATEMENT_WARN,
        .accept_nontransactional = source->nontransactional == NONTRANSACTIONAL_ACCEPT,
        .keep_query = source->rows_query,
        .keep_ddl = source->schema_changes[0] != 0,
    };

    if (my == NULL || binlog_framer_init(&my->framer, &set, err) == -1) {
        free(my);
        return error_set(err, ERROR_FATAL, "", "out of memory for the source");
    }
    my->base.ops = &mysql_ops;
    my->config = config;
    my->mariadb = mariadb;
    *out = &my->base;
    return 0;
}
