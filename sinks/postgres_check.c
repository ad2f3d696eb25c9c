/*
 * postgres_check.c -- what an operator must know about a target before rows go there.
 *
 * Read-only servers and fsync = off are refused by connect already.
 */
#include "postgres_target.h"

#include <stdio.h>

static void
check_server(struct pg_session *s, struct report *report)
{
    struct error err = ERROR_INIT;
    char what[200];
    PGresult *res = pg_query(s->conn, &err, "SELECT current_user, current_database(), current_setting('server_version'), "
                                            "current_setting('full_page_writes')::bool, current_setting('synchronous_commit')");

    if (res == NULL) {
        report_error(report, &err, NULL);
        return;
    }
    snprintf(what, sizeof(what), "PostgreSQL %.40s, database %.63s, role %.63s", pg_text(res, 0, 2), pg_text(res, 0, 1),
             pg_text(res, 0, 0));
    report_add(report, FINDING_OK, "", what, NULL);
    if (!pg_true(res, 0, 3))
        report_add(report, FINDING_WARN, "E_TARGET_DURABILITY", "full_page_writes is off: a page that is half written in a crash is lost",
                   "ALTER SYSTEM SET full_page_writes = on; SELECT pg_reload_conf()");
    PQclear(res);
    if (s->version < 130000)
        report_add(report, FINDING_WARN, "", "the target is older than PostgreSQL 13, which nothing has been tried with", NULL);
}

/* The table of offsets: there and ours to write, or ours to make. */
static void
check_offsets(struct pg_session *s, struct report *report)
{
    struct error err = ERROR_INIT;
    struct buffer name = {0}, schema = {0}, cure = {0};
    PGresult *res;

    pg_literal(&name, s->offsets);
    pg_literal(&schema, s->schema);
    res = pg_query(s->conn, &err,
                   "SELECT to_regclass(%s) IS NOT NULL, to_regclass(%s) IS NULL OR (has_table_privilege(to_regclass(%s), 'SELECT') AND "
                   "has_table_privilege(to_regclass(%s), 'INSERT') AND has_table_privilege(to_regclass(%s), 'UPDATE')), "
                   "has_schema_privilege(%s, 'CREATE')",
                   buffer_cstr(&name), buffer_cstr(&name), buffer_cstr(&name), buffer_cstr(&name), buffer_cstr(&name),
                   buffer_cstr(&schema));
    if (res == NULL) {
        report_error(report, &err, NULL);
    } else if (!pg_true(res, 0, 1)) {
        buffer_printf(&cure, "GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO %s", s->offsets, PQuser(s->conn));
        report_add(report, FINDING_FAIL, "E_PRIVILEGE", "the role may not write rowferry_offsets", buffer_cstr(&cure));
    } else if (!pg_true(res, 0, 0) && !pg_true(res, 0, 2)) {
        buffer_printf(&cure, "GRANT CREATE ON SCHEMA \"%s\" TO %s", s->schema, PQuser(s->conn));
        report_add(report, FINDING_FAIL, "E_PRIVILEGE", "rowferry_offsets is missing, and the role may not make it", buffer_cstr(&cure));
    } else {
        report_add(report, FINDING_OK, "", pg_true(res, 0, 0) ? "rowferry_offsets is there" : "rowferry_offsets will be made", NULL);
    }
    PQclear(res);
    buffer_free(&name);
    buffer_free(&schema);
    buffer_free(&cure);
}

/* Which tables come, is not known here: what is asked is whether they could be made. */
static void
check_making(struct db *db, struct report *report)
{
    struct pg_session *s = session_of(db);
    struct error err = ERROR_INIT;
    struct buffer cure = {0};
    PGresult *res;

    if (db->settings->schema == DB_FIXED)
        return;
    res = pg_query(s->conn, &err, "SELECT has_database_privilege(current_database(), 'CREATE'), quote_ident(current_database())");
    if (res == NULL) {
        report_error(report, &err, NULL);
    } else if (!pg_true(res, 0, 0)) {
        buffer_printf(&cure, "GRANT CREATE ON DATABASE %s TO %s", pg_text(res, 0, 1), PQuser(s->conn));
        report_add(report, FINDING_WARN, "E_PRIVILEGE", "the role may not make schemas: those of the tables must be there", buffer_cstr(&cure));
    }
    PQclear(res);
    buffer_free(&cure);
}

void
target_check(struct db *db, struct report *report)
{
    struct pg_session *s = session_of(db);

    check_server(s, report);
    check_offsets(s, report);
    check_making(db, report);
}
