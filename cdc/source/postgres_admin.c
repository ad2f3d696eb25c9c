/*
 * postgres_admin.c -- what the commands ask the source server: a look at the slot, `check`, `remove`; and
 * the tables made later.
 *
 * Each call has a connection of its own, so it works whether the pipeline runs or not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/log.h"
#include "postgres_admin.h"
#include "postgres_tables.h"

/* Into a look whose `slot` is there; what else it holds is overwritten. */
static int
ask(PGconn *conn, const char *slot, struct source_look *out, struct error *err)
{
    struct postgres_slot *own = out->slot;
    PGresult *res = pg_query(
        conn, err,
        "SELECT s.slot_name IS NOT NULL, s.active, s.active_pid, s.confirmed_flush_lsn, s.restart_lsn, "
        "now_lsn, CASE WHEN s.restart_lsn IS NULL THEN 0 ELSE pg_wal_lsn_diff(now_lsn, s.restart_lsn) END, "
        "s.safe_wal_size, s.wal_status, (SELECT system_identifier FROM pg_control_system()), "
        "current_database(), CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM "
        "pg_control_checkpoint()) ELSE ('x' || substr(pg_walfile_name(now_lsn), 1, 8))::bit(32)::int END FROM (SELECT CASE WHEN "
        "pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS now_lsn) n "
        "LEFT JOIN pg_replication_slots s ON s.slot_name = '%s'",
        slot);

    if (res == NULL)
        return -1;
    out->has_place = pg_true(res, 0, 0);
    out->active = pg_true(res, 0, 1);
    own->active_pid = atoi(pg_text(res, 0, 2));
    if (out->active)
        snprintf(out->holder, sizeof(out->holder), "server process %d", own->active_pid);
    if (out->has_place)
        out->confirmed.kind = POSITION_LSN;
    lsn_parse(&out->confirmed.end, pg_text(res, 0, 3));
    lsn_parse(&own->restart, pg_text(res, 0, 4));
    out->latest.kind = POSITION_LSN;
    lsn_parse(&out->latest.end, pg_text(res, 0, 5));
    own->retained_bytes = strtoll(pg_text(res, 0, 6), NULL, 10);
    own->safe_bytes = PQgetisnull(res, 0, 7) ? -1 : strtoll(pg_text(res, 0, 7), NULL, 10);
    snprintf(own->wal_status, sizeof(own->wal_status), "%s", pg_text(res, 0, 8));
    snprintf(out->identity.id, sizeof(out->identity.id), "postgresql:%.40s/%.100s", pg_text(res, 0, 9),
             pg_text(res, 0, 10));
    out->identity.timeline = (uint32_t)strtoul(pg_text(res, 0, 11), NULL, 10);
    snprintf(out->database, sizeof(out->database), "%s", pg_text(res, 0, 10));
    PQclear(res);
    return 0;
}

int
postgres_look(const struct config *config, struct source_look *out, struct error *err)
{
    PGconn *conn = pg_connect(config, false, "ask", err);
    char slot[64];
    int rc = -1;

    *out = (struct source_look){.slot = calloc(1, sizeof(*out->slot))};
    if (out->slot == NULL) {
        error_set(err, ERROR_FATAL, "", "out of memory for a look at the server");
    } else {
        out->slot->safe_bytes = -1;
        postgres_slot_name(config, slot);
        rc = conn != NULL ? ask(conn, slot, out, err) : -1;
    }
    PQfinish(conn);
    return rc;
}

void
postgres_look_clear(struct source_look *look)
{
    position_clear(&look->confirmed);
    position_clear(&look->latest);
    free(look->slot);
    *look = (struct source_look){.slot = NULL};
}

/* ---- check ---- */

static void
check_setting(PGconn *conn, struct report *report, const char *name, const char *wanted,
              const char *cure)
{
    struct error err = ERROR_INIT;
    PGresult *res = pg_query(conn, &err, "SELECT current_setting('%s')", name);
    char what[200];

    if (res == NULL) {
        report_error(report, &err, NULL);
        return;
    }
    snprintf(what, sizeof(what), "%s = %s", name, pg_text(res, 0, 0));
    if (strcmp(pg_text(res, 0, 0), wanted) == 0)
        report_add(report, FINDING_OK, "", what, NULL);
    else
        report_add(report, FINDING_FAIL, "E_WAL_LEVEL", what, cure);
    PQclear(res);
}

static void
check_role(PGconn *conn, struct report *report)
{
    struct error err = ERROR_INIT;
    PGresult *res = pg_query(
        conn, &err, "SELECT current_user, rolreplication OR rolsuper, rolsuper FROM pg_roles WHERE rolname = current_user");
    char what[200], cure[200];

    if (res == NULL) {
        report_error(report, &err, NULL);
        return;
    }
    snprintf(what, sizeof(what), "role %.60s may replicate", pg_text(res, 0, 0));
    snprintf(cure, sizeof(cure), "ALTER ROLE \"%.60s\" REPLICATION;", pg_text(res, 0, 0));
    if (pg_true(res, 0, 1))
        report_add(report, FINDING_OK, "", what, NULL);
    else
        report_add(report, FINDING_FAIL, "E_AUTH", "the role lacks REPLICATION", cure);
    PQclear(res);
}

static void
check_retention(PGconn *conn, struct report *report)
{
    struct error err = ERROR_INIT;
    PGresult *res = pg_query(conn, &err, "SELECT current_setting('max_slot_wal_keep_size')");

    if (res == NULL)
        return;
    if (strcmp(pg_text(res, 0, 0), "-1") == 0)
        report_add(report, FINDING_WARN, "E_WAL_UNLIMITED",
                   "max_slot_wal_keep_size is unlimited: while rowferry is stopped the server keeps WAL "
                   "until its disk is full",
                   "ALTER SYSTEM SET max_slot_wal_keep_size = '64GB'; SELECT pg_reload_conf();");
    else
        report_add(report, FINDING_OK, "", "slot retention is limited", NULL);
    PQclear(res);
}

static void
check_slot(PGconn *conn, const struct config *config, struct report *report)
{
    struct error err = ERROR_INIT;
    struct postgres_slot slot = {0};
    struct source_look look = {.slot = &slot};
    char name[64], what[200];

    postgres_slot_name(config, name);
    if (ask(conn, name, &look, &err) == -1) {
        report_error(report, &err, NULL);
        return;
    }
    if (!look.has_place) {
        snprintf(what, sizeof(what), "slot %s does not exist yet; the first run makes it", name);
        report_add(report, FINDING_OK, "", what, NULL);
        return;
    }
    snprintf(what, sizeof(what), "slot %s: wal_status %s, %lld bytes of WAL kept%s", name,
             slot.wal_status, (long long)slot.retained_bytes, look.active ? ", in use" : "");
    if (strcmp(slot.wal_status, "lost") == 0)
        report_add(report, FINDING_FAIL, "E_WAL_LOST", what, "see the runbook of E_WAL_LOST");
    else if (strcmp(slot.wal_status, "unreserved") == 0)
        report_add(report, FINDING_WARN, "", what, "start the pipeline now: the next checkpoint cuts it off");
    else
        report_add(report, FINDING_OK, "", what, NULL);
}

static void
check_table(const struct config *config, const struct pg_table *t, struct report *report)
{
    char what[300], cure[300];
    struct buffer name = {0};

    pg_identifier(&name, t->schema);
    buffer_put_u8(&name, '.');
    pg_identifier(&name, t->table);
    if (!t->has_identity && config->source.keyless == KEYLESS_REFUSE) {
        snprintf(what, sizeof(what), "%s has no replica identity: publishing it would make its own "
                 "UPDATE and DELETE fail", buffer_cstr(&name));
        snprintf(cure, sizeof(cure), "ALTER TABLE %s REPLICA IDENTITY FULL;", buffer_cstr(&name));
        report_add(report, FINDING_FAIL, "E_NO_IDENTITY", what, cure);
    } else if (t->identity != 'f') {
        snprintf(what, sizeof(what), "%s: captured; updates and deletes come without the old row", 
                 buffer_cstr(&name));
        report_add(report, FINDING_OK, "", what, NULL);
    } else {
        snprintf(what, sizeof(what), "%s: captured with the whole old row", buffer_cstr(&name));
        report_add(report, FINDING_OK, "", what, NULL);
    }
    if (t->unlisted_type) {
        snprintf(what, sizeof(what), "%s: column %s is read as text, so the whole stream is", 
                 buffer_cstr(&name), t->unlisted);
        report_add(report, FINDING_WARN, "", what, NULL);
    }
    buffer_free(&name);
}

/* May we make or complete it ourselves? CREATE on the database, and owner of every table. */
static bool
may_publish(PGconn *conn, const struct pg_tables *tables)
{
    struct error err = ERROR_INIT;
    bool may = true;

    for (int i = -1; i < tables->n && may; i++) {
        PGresult *res =
            i < 0 ? pg_query(conn, &err, "SELECT has_database_privilege(current_database(), 'CREATE')")
                  : pg_query(conn, &err, "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = %u",
                             tables->at[i].oid);

        may = res != NULL && PQntuples(res) == 1 && pg_true(res, 0, 0);
        PQclear(res);
    }
    return may;
}

static void
check_publication(PGconn *conn, const struct config *config, struct pg_tables *tables,
                  struct report *report)
{
    struct error err = ERROR_INIT;
    struct buffer sql = {0};
    char name[64], what[200];
    bool exists = false;

    postgres_publication_name(config, name);
    if (publication_missing(conn, config, tables, &exists, &sql, &err) == -1) {
        report_error(report, &err, NULL);
    } else if (sql.len == 0) {
        snprintf(what, sizeof(what), "publication %s has every table that is wanted", name);
        report_add(report, FINDING_OK, "", what, NULL);
    } else if (may_publish(conn, tables)) {
        snprintf(what, sizeof(what), "publication %s %s; the next run does it", name,
                 exists ? "lacks tables" : "does not exist yet");
        report_add(report, FINDING_OK, "", what, NULL);
    } else {
        snprintf(what, sizeof(what), "publication %s %s, and this role may not change that", name,
                 exists ? "lacks tables" : "does not exist");
        report_add(report, FINDING_FAIL, "E_PUBLICATION", what, buffer_cstr(&sql));
    }
    buffer_free(&sql);
}

void
postgres_check(const struct config *config, struct report *report)
{
    struct error err = ERROR_INIT;
    struct pg_tables tables = {0};
    PGconn *conn = pg_connect(config, false, "check", &err);
    char what[120];

    if (conn == NULL) {
        report_error(report, &err, "look at source.url, pg_hba.conf and the server's log");
        return;
    }
    snprintf(what, sizeof(what), "PostgreSQL %d.%d answers", PQserverVersion(conn) / 10000,
             PQserverVersion(conn) % 10000);
    if (PQserverVersion(conn) >= 130000)
        report_add(report, FINDING_OK, "", what, NULL);
    else
        report_add(report, FINDING_FAIL, "E_VERSION", what, "PostgreSQL 13 or newer is needed");
    check_setting(conn, report, "wal_level", "logical",
                  "ALTER SYSTEM SET wal_level = logical;  -- and restart the server");
    check_role(conn, report);
    check_retention(conn, report);
    check_slot(conn, config, report);
    if (tables_ask(conn, config, true, &tables, &err) == -1) {
        report_error(report, &err, NULL);
    } else {
        for (int i = 0; i < tables.n; i++)
            check_table(config, &tables.at[i], report);
        check_publication(conn, config, &tables, report);
        tables_free(&tables);
    }
    PQfinish(conn);
}

/* ---- tables made later ---- */

struct postgres_watch {
    PGconn *conn;
    struct log_repeat trouble;
};

static void
announce(PGconn *conn, const struct pg_table *before, const struct pg_table *after, int n)
{
    struct error err = ERROR_INIT;
    PGresult *res = pg_query(conn, &err, "SELECT pg_current_wal_lsn()");

    for (int i = 0; i < n && res != NULL; i++) {
        if ((after[i].published || after[i].published_inserts) &&
            !(before[i].published || before[i].published_inserts))
            log_warn("postgres", "table=%s.%s position=%s joins: rows written before are not in the stream",
                     after[i].schema, after[i].table, pg_text(res, 0, 0));
    }
    PQclear(res);
}

static int
look_at_tables(struct postgres_watch *watch, const struct config *config, struct error *err)
{
    struct pg_tables tables, before = {0};
    int rc = -1;

    if (watch->conn == NULL || PQstatus(watch->conn) != CONNECTION_OK) {
        PQfinish(watch->conn);
        watch->conn = pg_connect(config, false, "watch", err);
        if (watch->conn == NULL)
            return -1;
        /* It may wait neither for an index build nor beyond our own stop. */
        if (pg_command(watch->conn, err, "SET lock_timeout = '1s'; SET statement_timeout = '3s'") == -1)
            return -1;
    }
    if (tables_ask(watch->conn, config, false, &tables, err) == -1)
        return -1;
    before.at = calloc((size_t)tables.n + 1, sizeof(*before.at));
    if (before.at != NULL && publication_members(watch->conn, config, &tables, err) == 0) {
        memcpy(before.at, tables.at, (size_t)tables.n * sizeof(*before.at));
        rc = publication_prepare(watch->conn, config, &tables, false, err);
        announce(watch->conn, before.at, tables.at, tables.n);
    }
    free(before.at);
    tables_free(&tables);
    return rc;
}

void
postgres_watch_look(struct postgres_watch **at, const struct config *config)
{
    struct error err = ERROR_INIT;

    if (*at == NULL)
        *at = calloc(1, sizeof(**at));
    if (*at == NULL)
        return;
    if (look_at_tables(*at, config, &err) == 0)
        log_repeat_over(&(*at)->trouble);
    else if (log_repeat_due(&(*at)->trouble))
        log_warn("postgres", "code=%s tables: %s", err.code, err.text);
}

void
postgres_watch_close(struct postgres_watch *watch)
{
    if (watch == NULL)
        return;
    PQfinish(watch->conn);
    free(watch);
}

/* ---- remove ---- */

static int
drop_publication(PGconn *conn, const char *name, bool dry_run, struct buffer *said, struct error *err)
{
    struct buffer id = {0};
    int rc = 0;

    pg_identifier(&id, name);
    buffer_printf(said, "%s: DROP PUBLICATION IF EXISTS %s\n", dry_run ? "would run" : "ran",
                  buffer_cstr(&id));
    if (!dry_run)
        rc = pg_command(conn, err, "DROP PUBLICATION IF EXISTS %s", buffer_cstr(&id));
    buffer_free(&id);
    return rc;
}

int
postgres_remove(const struct config *config, bool dry_run, struct buffer *said, struct error *err)
{
    PGconn *conn = pg_connect(config, false, "remove", err);
    struct postgres_slot slot = {0};
    struct source_look look = {.slot = &slot};
    char name[64], publication[64], inserts[64];
    int rc = -1;

    if (conn == NULL)
        return -1;
    postgres_slot_name(config, name);
    postgres_publication_name(config, publication);
    publication_inserts_name(config, inserts);
    if (ask(conn, name, &look, err) == -1)
        goto out;
    if (look.active) {
        error_set(err, ERROR_REFUSED, "E_SLOT_ACTIVE", "slot %s is in use by pid %d: stop the pipeline first",
                  name, slot.active_pid);
        goto out;
    }
    if (look.has_place) {
        buffer_printf(said, "%s: drop slot %s\n", dry_run ? "would" : "did", name);
        if (!dry_run && pg_command(conn, err, "SELECT pg_drop_replication_slot('%s')", name) == -1)
            goto out;
    }
    if (drop_publication(conn, publication, dry_run, said, err) == -1 ||
        drop_publication(conn, inserts, dry_run, said, err) == -1)
        goto out;
    rc = 0;
out:
    PQfinish(conn);
    return rc;
}
