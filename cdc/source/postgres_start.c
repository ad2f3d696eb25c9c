/*
 * postgres_start.c -- the start of the PostgreSQL source: the set-up, the lease, what a start must check.
 *
 *     ordinary connection:  version, tables, publication
 *     replication:          IDENTIFY_SYSTEM, TIMELINE_HISTORY, CREATE_REPLICATION_SLOT when this is a first
 *                           start, START_REPLICATION ... 0/0, which is the lease
 *     ordinary again:       where the slot stands; nobody else can move it now
 *
 * The source's thread. Nothing is confirmed and no frame is read before the caller has asked
 * check_offset for every sink.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/clock.h"
#include "cdc/failpoint.h"
#include "cdc/log.h"
#include "postgres_stream.h"

void
postgres_slot_name(const struct config *config, char *out)
{
    if (config->source.slot != NULL && config->source.slot[0] != 0)
        snprintf(out, 64, "%s", config->source.slot);
    else
        snprintf(out, 64, "rowferry_%.54s", config->pipeline);
}

void
postgres_publication_name(const struct config *config, char *out)
{
    if (config->source.publication != NULL && config->source.publication[0] != 0)
        snprintf(out, 64, "%s", config->source.publication);
    else
        snprintf(out, 64, "rowferry_%.54s", config->pipeline);
}

static int
check_server(struct postgres_source *pg, struct error *err)
{
    PGresult *res = pg_query(pg->ask, err, "SELECT current_setting('wal_level'), pg_is_in_recovery()");
    int rc = 0;

    if (res == NULL)
        return -1;
    if (PQserverVersion(pg->ask) < 130000)
        rc = error_set(err, ERROR_CONFIG, "E_VERSION", "source: PostgreSQL 13 or newer is needed");
    else if (strcmp(pg_text(res, 0, 0), "logical") != 0)
        rc = error_set(err, ERROR_CONFIG, "E_WAL_LEVEL",
                       "source: wal_level is %s; run: ALTER SYSTEM SET wal_level = logical; and restart "
                       "the server",
                       pg_text(res, 0, 0));
    PQclear(res);
    return rc;
}

static int
identify(PGconn *stream, struct source_identity *out, struct error *err)
{
    PGresult *res = PQexec(stream, "IDENTIFY_SYSTEM");

    if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1 || PQnfields(res) < 4) {
        pg_error(stream, res, err, "IDENTIFY_SYSTEM");
        PQclear(res);
        return -1;
    }
    snprintf(out->id, sizeof(out->id), "postgresql:%.40s/%.100s", pg_text(res, 0, 0),
             pg_text(res, 0, 3));
    out->timeline = (uint32_t)strtoul(pg_text(res, 0, 1), NULL, 10);
    PQclear(res);
    return 0;
}

/* Where the server's earlier timelines ended: a file of "timeline TAB place TAB reason" lines. */
static int
ask_history(struct postgres_source *pg, uint32_t timeline, struct error *err)
{
    char sql[60], *copy, *save = NULL;
    PGresult *res;

    pg->nhistory = 0;
    if (timeline <= 1)
        return 0;
    snprintf(sql, sizeof(sql), "TIMELINE_HISTORY %u", timeline);
    res = PQexec(pg->stream, sql);
    if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1 || PQnfields(res) < 2) {
        pg_error(pg->stream, res, err, sql);
        PQclear(res);
        return -1;
    }
    copy = strdup(pg_text(res, 0, 1));
    PQclear(res);
    if (copy == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the timeline history");
    for (char *line = strtok_r(copy, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        struct timeline_end *end = &pg->history[pg->nhistory];
        char place[32];

        if (pg->nhistory == TIMELINES_MAX) {
            free(copy);
            return error_set(err, ERROR_FATAL, "", "more than %d timelines", TIMELINES_MAX);
        }
        if (sscanf(line, "%u %31s", &end->timeline, place) == 2 && lsn_parse(&end->end, place))
            pg->nhistory++;
    }
    free(copy);
    return 0;
}

static int
create_slot(struct postgres_source *pg, const char *slot, struct error *err)
{
    PGresult *res;
    char sql[160];

    snprintf(sql, sizeof(sql), "CREATE_REPLICATION_SLOT \"%s\" LOGICAL pgoutput NOEXPORT_SNAPSHOT", slot);
    log_info("postgres", "slot=%s creating; waits for transactions that run now to end", slot);
    res = PQexec(pg->stream, sql);
    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

        if (state != NULL && strcmp(state, "42710") == 0) {
            PQclear(res); /* another instance was quicker: it is there, which is what we want */
            return 0;
        }
        pg_error(pg->stream, res, err, sql);
        if (state != NULL && strcmp(state, "53400") == 0)
            error_set(err, ERROR_CONFIG, "E_SLOTS_FULL",
                      "source: all replication slots are in use; raise max_replication_slots");
        PQclear(res);
        return -1;
    }
    log_info("postgres", "slot=%s consistent_point=%s created", slot, pg_text(res, 0, 1));
    PQclear(res);
    return 0;
}

/* What a refused START means. */
static int
start_error(struct postgres_source *pg, const PGresult *res, const char *slot, bool first,
            struct error *err)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);

    if (state != NULL && strcmp(state, "55006") == 0)
        return error_set(err, ERROR_RETRY, "E_SLOT_ACTIVE", "another instance runs: %s", primary);
    if (state != NULL && strcmp(state, "42704") == 0)
        return error_set(err, first ? ERROR_RETRY : ERROR_REFUSED, "E_SLOT_MISSING",
                         "slot \"%s\" does not exist though a sink has a position: changes since it was "
                         "dropped are lost to us; see the runbook",
                         slot);
    if (state != NULL && strcmp(state, "55000") == 0)
        return error_set(err, ERROR_REFUSED, "E_WAL_LOST", "slot \"%s\" can't be read any more: %s%s%s%s",
                         slot, primary, detail != NULL ? " (" : "", detail != NULL ? detail : "",
                         detail != NULL ? ")" : "");
    return pg_error(pg->stream, res, err, "START_REPLICATION");
}

/* 'pub1','pub2' inside a single-quoted option: double quotes around each name. */
static void
put_publications(struct postgres_source *pg, const struct pg_tables *tables, struct buffer *sql)
{
    char name[64];
    struct buffer list = {0};

    postgres_publication_name(pg->config, name);
    pg_identifier(&list, name);
    if (tables->inserts_publication) {
        publication_inserts_name(pg->config, name);
        buffer_put_u8(&list, ',');
        pg_identifier(&list, name);
    }
    pg_literal(sql, buffer_cstr(&list));
    buffer_free(&list);
}

static int
start_stream(struct postgres_source *pg, const struct pg_tables *tables, const char *slot, bool first,
             struct error *err)
{
    struct buffer sql = {0};
    PGresult *res;
    int rc = 0;

    buffer_put_string(&sql, "START_REPLICATION SLOT ");
    pg_identifier(&sql, slot);
    buffer_put_string(&sql, " LOGICAL 0/0 (proto_version '1', publication_names ");
    put_publications(pg, tables, &sql);
    buffer_put_string(&sql, pg->framer.binary ? ", binary 'true')" : ")");
    res = PQexec(pg->stream, buffer_cstr(&sql));
    if (PQresultStatus(res) != PGRES_COPY_BOTH)
        rc = start_error(pg, res, slot, first, err);
    PQclear(res);
    buffer_free(&sql);
    return rc;
}

/* Binary when the server can and every captured column has a decoder. */
static void
choose_format(struct postgres_source *pg, const struct pg_tables *tables)
{
    pg->framer.binary = PQserverVersion(pg->ask) >= 140000 && !pg->text_only;
    for (int i = 0; i < tables->n && pg->framer.binary; i++) {
        if (tables->at[i].unlisted_type) {
            pg->framer.binary = false;
            log_info("postgres", "table=%s.%s column=%s format=text its type is read as text",
                     tables->at[i].schema, tables->at[i].table, tables->at[i].unlisted);
        }
    }
    pg->text_only = false;
}

/* Where the server is: asked after START, so nobody else can move the slot any more. */
static int
ask_slot(struct postgres_source *pg, const char *slot, struct source_start *out, struct error *err)
{
    PGresult *res = pg_query(pg->ask, err,
                             "SELECT s.confirmed_flush_lsn, CASE WHEN pg_is_in_recovery() THEN "
                             "pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, s.wal_status FROM "
                             "pg_replication_slots s WHERE s.slot_name = '%s'",
                             slot);
    int rc = 0;

    if (res == NULL)
        return -1;
    out->confirmed = out->latest = (struct position){.kind = POSITION_LSN};
    if (PQntuples(res) != 1 || !lsn_parse(&out->confirmed.end, pg_text(res, 0, 0)) ||
        !lsn_parse(&out->latest.end, pg_text(res, 0, 1)))
        rc = error_set(err, ERROR_RETRY, "E_SLOT_MISSING", "slot \"%s\" vanished while starting", slot);
    else if (strcmp(pg_text(res, 0, 2), "lost") == 0)
        rc = error_set(err, ERROR_REFUSED, "E_WAL_LOST", "slot \"%s\": its WAL was removed", slot);
    PQclear(res);
    return rc;
}

static int
slot_exists(struct postgres_source *pg, const char *slot, bool *exists, struct error *err)
{
    PGresult *res =
        pg_query(pg->ask, err, "SELECT database FROM pg_replication_slots WHERE slot_name = '%s'", slot);

    if (res == NULL)
        return -1;
    *exists = PQntuples(res) == 1;
    PQclear(res);
    return 0;
}

void
postgres_disconnect(struct postgres_source *pg)
{
    PQfinish(pg->stream);
    PQfinish(pg->ask);
    pg->stream = pg->ask = NULL;
}

/* The tables, for the plan that a start prints. */
static void
print_tables(const struct pg_tables *tables)
{
    for (int i = 0; i < tables->n && i < 50; i++) {
        const struct pg_table *t = &tables->at[i];

        log_info("postgres", "table=%s.%s identity=%s%s", t->schema, t->table,
                 t->identity == 'f'   ? "full"
                 : t->identity == 'i' ? "index"
                 : t->identity == 'n' ? "nothing"
                                      : "default",
                 t->published_inserts ? " publishes=inserts" : "");
    }
    if (tables->n > 50)
        log_info("postgres", "and %d tables more", tables->n - 50);
}

/* After the first start a table that can't be published must not stop those that are. */
static int
publish(struct postgres_source *pg, struct pg_tables *tables, bool first, struct error *err)
{
    struct error why = ERROR_INIT;

    if (tables->unmatched != NULL)
        log_warn("postgres", "code=E_NO_TABLE source.tables: \"%s\" matches no table any more; leave it "
                 "there until the pipeline has caught up", tables->unmatched);
    if (publication_prepare(pg->ask, pg->config, tables, first, &why) == 0)
        return 0;
    if (first || why.kind != ERROR_CONFIG) {
        *err = why;
        return -1;
    }
    log_warn("postgres", "code=%s %s", why.code, why.text);
    return 0;
}

static int
connect_and_start(struct postgres_source *pg, bool first, struct source_start *out, struct error *err)
{
    struct pg_tables tables = {0};
    char slot[64];
    bool exists;
    int rc = -1;

    postgres_slot_name(pg->config, slot);
    pg->ask = pg_connect(pg->config, false, "ask", err);
    if (pg->ask == NULL || check_server(pg, err) == -1 || slot_exists(pg, slot, &exists, err) == -1 ||
        tables_ask(pg->ask, pg->config, first, &tables, err) == -1)
        goto out;
    free(pg->enums);
    pg->enums = NULL;
    pg->nenums = 0;
    if (!exists && !first) {
        error_set(err, ERROR_REFUSED, "E_SLOT_MISSING",
                  "slot \"%s\" does not exist though a sink has a position: changes since it was "
                  "dropped are lost to us; see the runbook",
                  slot);
        goto out;
    }
    if (enums_ask(pg->ask, &pg->enums, &pg->nenums, err) == -1 ||
        publish(pg, &tables, first, err) == -1)
        goto out;
    if (failpoint("first.publication") == -1)
        goto out;
    choose_format(pg, &tables);
    print_tables(&tables);
    pg->stream = pg_connect(pg->config, true, "stream", err);
    if (pg->stream == NULL || identify(pg->stream, &out->identity, err) == -1 ||
        ask_history(pg, out->identity.timeline, err) == -1 ||
        publication_hash(pg->ask, pg->config, out->options_hash, err) == -1)
        goto out;
    out->created = false;
    if (!exists) {
        if (create_slot(pg, slot, err) == -1)
            goto out;
        out->created = true;
        if (failpoint("first.slot") == -1)
            goto out;
    }
    if (start_stream(pg, &tables, slot, first, err) == -1 || ask_slot(pg, slot, out, err) == -1)
        goto out;
    rc = 0;
out:
    tables_free(&tables);
    if (rc == -1)
        postgres_disconnect(pg);
    return rc;
}

int
postgres_has_place(struct source *source, struct error *err)
{
    struct postgres_source *pg = postgres_from(source);
    char slot[64];
    bool exists;

    postgres_disconnect(pg);
    postgres_slot_name(pg->config, slot);
    pg->ask = pg_connect(pg->config, false, "ask", err);
    if (pg->ask == NULL || slot_exists(pg, slot, &exists, err) == -1)
        return -1;
    postgres_disconnect(pg);
    return exists ? 1 : 0;
}

int
postgres_start(struct source *source, bool first, struct source_start *out, struct error *err)
{
    struct postgres_source *pg = postgres_from(source);

    postgres_disconnect(pg);
    if (connect_and_start(pg, first, out, err) == -1)
        return -1;
    pg->found = *out;
    PQsetnonblocking(pg->stream, 1);
    framer_connected(&pg->framer);
    pg->sent_high = out->confirmed.end;
    pg->confirmed = pg->told = 0;
    pg->status_due = clock_monotonic_ms() + pg->config->source.status_ms;
    pg->reply_wanted = false;
    pg->since_read = 0;
    pg->under_load = false;
    log_info("postgres", "server=%s timeline=%u version=%d format=%s streaming", out->identity.id,
             out->identity.timeline, PQserverVersion(pg->stream), pg->framer.binary ? "binary" : "text");
    if (failpoint("src.connected") == -1)
        return error_set(err, ERROR_RETRY, "", "failpoint");
    return 0;
}

static int
check_timeline(struct postgres_source *pg, const struct offset *offset, struct error *err)
{
    uint64_t place = offset->position.open != 0 ? offset->position.open : offset->position.end;
    char at[LSN_TEXT_MAX], end[LSN_TEXT_MAX];

    if (offset->source.timeline > pg->found.identity.timeline)
        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "the sink followed timeline %u, the server is on %u: it is an older copy",
                         offset->source.timeline, pg->found.identity.timeline);
    if (offset->source.timeline == pg->found.identity.timeline)
        return 0;
    for (int i = 0; i < pg->nhistory; i++) {
        if (pg->history[i].timeline != offset->source.timeline)
            continue;
        if (place <= pg->history[i].end)
            return 0;
        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "the sink has changes up to %s, but timeline %u ended at %s: the new "
                         "primary lost what lies between",
                         lsn_print(place, at), offset->source.timeline,
                         lsn_print(pg->history[i].end, end));
    }
    return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                     "the sink followed timeline %u, which is no ancestor of the server's timeline %u",
                     offset->source.timeline, pg->found.identity.timeline);
}

int
postgres_check_offset(struct source *source, const struct offset *offset, struct error *err)
{
    struct postgres_source *pg = postgres_from(source);
    const struct source_start *found = &pg->found;
    char at[LSN_TEXT_MAX], place[LSN_TEXT_MAX];

    if (strcmp(offset->source.id, found->identity.id) != 0)
        return error_set(err, ERROR_REFUSED, "E_SOURCE_CHANGED",
                         "the position belongs to %s, this server is %s", offset->source.id,
                         found->identity.id);
    if (check_timeline(pg, offset, err) == -1)
        return -1;
    lsn_print(offset->position.end, at);
#ifndef MUTANT_NO_GAP
    if (offset->position.end < found->confirmed.end)
        return error_set(err, ERROR_REFUSED, "E_GAP",
                         "the slot stands at %s, past the sink's position %s: the changes between are "
                         "not in the stream any more (slot recreated, advanced by hand, or read by "
                         "somebody else)",
                         lsn_print(found->confirmed.end, place), at);
#endif
    if (offset->position.end > found->latest.end)
        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "the sink has changes up to %s, the server's log ends at %s: it was restored or "
                         "replaced by an older copy",
                         at, lsn_print(found->latest.end, place));
    if (offset->position.open != 0 && strcmp(offset->options_hash, found->options_hash) != 0)
        return error_set(err, ERROR_REFUSED, "E_OPTIONS_CHANGED",
                         "the publication changed while a transaction was half delivered: its changes "
                         "can't be counted any more; put the publication back until it is through");
    return 0;
}

void
postgres_resume(struct source *source, const struct position *from, uint64_t next_number)
{
    struct postgres_source *pg = postgres_from(source);

    pg->framer.read = *from;
    if (next_number > pg->framer.number + 1)
        pg->framer.number = next_number - 1;
}
