/*
 * postgres_engine.c -- PostgreSQL as a target: the session, the row of rowferry_offsets, begin and commit.
 *
 * Between begin and commit the connection is in pipeline mode; questions (describe, DDL, COPY) leave it for as long as they
 * take. A session that had trouble is not mended: it says so until it is closed.
 */
#include "postgres_target.h"

#include <stdio.h>
#include <stdlib.h>

#include "cdc/log.h"
#include "database_sink.h"

/*
 * What the role or the database would otherwise decide. A plan is made once, by index and never by hash or scan: rows come
 * in small numbers for tables of any size, and a plan made while a table was empty would stay.
 * No time-out of ours is longer than 30 s, so that a session that is left behind holds the row of rowferry_offsets no
 * longer than that.
 */
static const char session_settings[] =
    "SET idle_in_transaction_session_timeout = '30s'; SET lock_timeout = '30s'; SET tcp_user_timeout = '30s'; "
    "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3; "
    "SET default_transaction_isolation = 'read committed'; SET default_transaction_deferrable = off; "
    "SET standard_conforming_strings = on; "
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; "
    "SET enable_mergejoin = off; SET enable_bitmapscan = off; SET jit = off";

/* ---- connect ---- */

static int
check_server(struct db *db, struct error *err)
{
    struct pg_session *s = session_of(db);
    PGresult *res = pg_query(s->conn, err,
                             "SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')::bool, "
                             "current_setting('fsync')::bool, current_setting('synchronous_commit'), current_schema(), "
                             "current_setting('full_page_writes')::bool");
    int rc = 0;

    if (res == NULL)
        return -1;
    if (pg_true(res, 0, 0))
        rc = error_set(err, ERROR_CONFIG, "E_TARGET_READONLY", "the target is a standby (pg_is_in_recovery)");
    else if (pg_true(res, 0, 1))
        rc = error_set(err, ERROR_CONFIG, "E_TARGET_READONLY", "default_transaction_read_only is on. Run: ALTER ROLE %s SET "
                       "default_transaction_read_only = off", PQuser(s->conn));
    else if (!pg_true(res, 0, 2))
        rc = error_set(err, ERROR_CONFIG, "E_TARGET_DURABILITY", "fsync is off: what the target has committed may be gone after a "
                       "crash, and the source would not send it again. Run: ALTER SYSTEM SET fsync = on; SELECT pg_reload_conf()");
    else if (strcmp(pg_text(res, 0, 3), "off") == 0)
        rc = pg_command(s->conn, err, "SET synchronous_commit = on");
    s->half_pages = !pg_true(res, 0, 5);
    s->schema = strdup(PQgetisnull(res, 0, 4) ? "public" : pg_text(res, 0, 4));
    PQclear(res);
    return rc;
}

static int
name_offsets(struct pg_session *s, struct error *err)
{
    struct buffer name = {0};

    if (s->schema != NULL)
        pg_identifier(&name, s->schema);
    buffer_put_string(&name, ".rowferry_offsets");
    s->offsets = s->schema == NULL || buffer_failed(&name) ? NULL : strdup(buffer_cstr(&name));
    buffer_free(&name);
    return s->offsets != NULL ? 0 : error_set(err, ERROR_FATAL, "", "out of memory for a session");
}

/* The functions are the superuser's until somebody is allowed them. */
static int
origin_error(const struct pg_session *s, struct error *err)
{
    if (strcmp(err->code, "E_SQL") != 0 || strstr(err->text, "42501") == NULL)
        return -1;
    return error_set(err, ERROR_CONFIG, "E_PRIVILEGE", "replication_origin takes rights. Run: GRANT EXECUTE ON FUNCTION "
                     "pg_replication_origin_oid, pg_replication_origin_create, pg_replication_origin_session_setup, "
                     "pg_replication_origin_drop TO %s", PQuser(s->conn));
}

/* 'rowferry_<pipeline>_<sink>', as a literal. */
static void
origin_name(const struct db *db, struct buffer *quoted)
{
    struct buffer name = {0};

    buffer_printf(&name, "rowferry_%s_%s", db->pipeline, db->sink);
    pg_literal(quoted, buffer_cstr(&name));
    buffer_free(&name);
}

static int
set_origin(struct db *db, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct buffer quoted = {0};
    int rc;

    origin_name(db, &quoted);
    rc = pg_command(s->conn, err, "SELECT pg_replication_origin_create(%s) WHERE pg_replication_origin_oid(%s) IS NULL",
                    buffer_cstr(&quoted), buffer_cstr(&quoted));
    if (rc == 0)
        rc = pg_command(s->conn, err, "SELECT pg_replication_origin_session_setup(%s)", buffer_cstr(&quoted));
    buffer_free(&quoted);
    return rc == 0 ? 0 : origin_error(s, err);
}

static int
drop_origin(struct db *db, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct buffer quoted = {0};
    int rc;

    origin_name(db, &quoted);
    rc = pg_command(s->conn, err, "SELECT pg_replication_origin_drop(%s) WHERE pg_replication_origin_oid(%s) IS NOT NULL",
                    buffer_cstr(&quoted), buffer_cstr(&quoted));
    buffer_free(&quoted);
    return rc == 0 ? 0 : origin_error(s, err);
}

static int
pg_target_connect(struct db *db, struct error *err)
{
    struct pg_session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a session");
    db->own = s;
    s->conn = pg_connect_to(&db->endpoint, false, db->sink, err);
    if (s->conn == NULL)
        return -1;
    s->version = PQserverVersion(s->conn);
    if (pg_command(s->conn, err, "%s", session_settings) == -1)
        return -1;
    if (s->version >= 140000 && pg_command(s->conn, err, "SET client_connection_check_interval = '5s'") == -1)
        return -1;
    return check_server(db, err) == -1 ? -1 : name_offsets(s, err);
}

static void
pg_target_disconnect(struct db *db)
{
    struct pg_session *s = session_of(db);

    if (s == NULL)
        return;
    PQfinish(s->conn);
    for (uint16_t i = 0; i < s->nparams; i++)
        buffer_free(&s->params[i]);
    free(s->params);
    free(s->room);
    free(s->key);
    free(s->order);
    free(s->sent);
    free(s->offsets);
    free(s->schema);
    free(s);
    db->own = NULL;
}

/* ---- the row of rowferry_offsets ---- */

static bool
offsets_exist(struct pg_session *s, struct error *err, bool *failed)
{
    struct buffer name = {0};
    PGresult *res;
    bool there;

    pg_literal(&name, s->offsets);
    res = pg_query(s->conn, err, "SELECT to_regclass(%s) IS NOT NULL", buffer_cstr(&name));
    buffer_free(&name);
    *failed = res == NULL;
    there = res != NULL && pg_true(res, 0, 0);
    PQclear(res);
    return there;
}

/* Few rows that change all the time: room in each page keeps them where they are. */
static int
pg_target_make_offsets(struct db *db, struct error *err)
{
    struct pg_session *s = session_of(db);
    bool failed;

    if (offsets_exist(s, err, &failed))
        return 0;
    if (failed)
        return -1;
    if (pg_command(s->conn, err,
                   "CREATE TABLE IF NOT EXISTS %s (pipeline text NOT NULL, sink text NOT NULL, shard text NOT NULL, epoch "
                   "bigint NOT NULL, batch_no bigint NOT NULL, position text NOT NULL, owner text NOT NULL, updated_at "
                   "timestamptz NOT NULL, PRIMARY KEY (pipeline, sink, shard)) WITH (fillfactor = 10)",
                   s->offsets) == 0)
        return 0;
    if (strstr(err->text, "42501") != NULL)
        return error_set(err, ERROR_CONFIG, "E_PRIVILEGE", "%s is missing and may not be made. Run: GRANT CREATE ON SCHEMA \"%s\" TO %s",
                         s->offsets, s->schema, PQuser(s->conn));
    if (strstr(err->text, "23505") != NULL) /* another instance makes it right now */
        err->kind = ERROR_RETRY;
    return -1;
}

static void
take_record(const PGresult *res, struct db_record *out)
{
    *out = (struct db_record){.exists = PQntuples(res) > 0};
    if (!out->exists)
        return;
    out->epoch = strtoull(pg_text(res, 0, 0), NULL, 10);
    out->batch_no = strtoull(pg_text(res, 0, 1), NULL, 10);
    buffer_put_string(&out->position, pg_text(res, 0, 2));
    buffer_put_string(&out->owner, pg_text(res, 0, 3));
}

static int
ask_record(struct db *db, const char *fmt, const char *owner, struct db_record *out, struct error *err)
{
    struct pg_session *s = session_of(db);
    const char *values[] = {db->pipeline, db->sink, owner};
    struct buffer sql = {0};
    PGresult *res;
    int rc = 0;

    for (; *fmt != 0; fmt++) { /* % stands for the table */
        if (*fmt == '%')
            buffer_put_string(&sql, s->offsets);
        else
            buffer_put_u8(&sql, (uint8_t)*fmt);
    }
    res = PQexecParams(s->conn, buffer_cstr(&sql), owner != NULL ? 3 : 2, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(res) == PGRES_TUPLES_OK)
        take_record(res, out);
    else
        rc = target_error(db, res, NULL, err);
    PQclear(res);
    buffer_free(&sql);
    return rc;
}

/*
 * Sessions of this pipeline and sink that hold a transaction open. The lease is ours, so nobody is behind them: a client that
 * died behind something that keeps the connection up, in the middle of a COPY, where no time-out of the server's ends it.
 * A name that the server has cut at 63 bytes may be another sink's.
 */
static int
end_predecessors(struct db *db, struct error *err)
{
    PGresult *res = pg_query(session_of(db)->conn, err,
                             "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
                             "current_setting('application_name') AND usename = current_user AND datname = current_database() "
                             "AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND octet_length(application_name) < 63");

    if (res == NULL)
        return -1;
    for (int i = 0; i < PQntuples(res); i++)
        log_warn("postgres", "sink=%s server process %s held the row of rowferry_offsets, and was ended", db->sink, pg_text(res, i, 0));
    PQclear(res);
    return 0;
}

static int
take_over(struct db *db, const char *owner, struct db_record *out, struct error *err)
{
    return ask_record(db,
                      "INSERT INTO % AS o (pipeline, sink, shard, epoch, batch_no, position, owner, updated_at) VALUES ($1, $2, "
                      "'', 1, 0, '', $3, clock_timestamp()) ON CONFLICT (pipeline, sink, shard) DO UPDATE SET epoch = o.epoch + 1, "
                      "owner = $3, updated_at = clock_timestamp() RETURNING epoch, batch_no, position, owner",
                      owner, out, err);
}

int
pg_target_takeover(struct db *db, const char *owner, struct db_record *out, struct error *err)
{
    int rc = take_over(db, owner, out, err);

    if (rc == -1 && strcmp(err->code, "E_TARGET_BUSY") == 0 && end_predecessors(db, err) == 0)
        rc = take_over(db, owner, out, err);
    if (rc == -1)
        return -1;
    if (session_of(db)->half_pages)
        log_warn("postgres", "sink=%s full_page_writes is off in the target: a page that is half written in a crash is lost", db->sink);
    /* not before: the predecessor's session has the origin until its transaction is over */
    return db->settings->replication_origin ? set_origin(db, err) : 0;
}

static int
pg_target_load(struct db *db, struct db_record *out, struct error *err)
{
    bool failed;

    *out = (struct db_record){.exists = false};
    if (!offsets_exist(session_of(db), err, &failed))
        return failed ? -1 : 0;
    return ask_record(db, "SELECT epoch, batch_no, position, owner FROM % WHERE pipeline = $1 AND sink = $2 AND shard = ''",
                      NULL, out, err);
}

static int
pg_target_forget_offset(struct db *db, bool dry_run, bool *was_there, struct error *err)
{
    struct db_record record;
    int rc = pg_target_load(db, &record, err);

    *was_there = rc == 0 && record.exists;
    db_record_free(&record);
    if (rc == -1 || dry_run || !*was_there)
        return rc;
    rc = ask_record(db, "DELETE FROM % WHERE pipeline = $1 AND sink = $2 AND shard = '' RETURNING epoch, batch_no, position, owner",
                    NULL, &record, err);
    if (rc == 0)
        db_record_free(&record);
    return rc == 0 && db->settings->replication_origin ? drop_origin(db, err) : rc;
}

/* ---- a transaction ---- */

static const char fence_name[] = "rf_fence", position_name[] = "rf_position";

static int
prepare_offsets(struct db *db, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct buffer fence = {0}, position = {0};
    int rc = -1;

    buffer_printf(&fence, "UPDATE %s SET batch_no = batch_no + 1 WHERE pipeline = $1 AND sink = $2 AND shard = '' AND epoch = "
                          "$3::bigint AND batch_no = $4::bigint", s->offsets);
    buffer_printf(&position, "UPDATE %s SET position = $3, updated_at = clock_timestamp() WHERE pipeline = $1 AND sink = $2 AND "
                             "shard = ''", s->offsets);
    if (buffer_failed(&fence) || buffer_failed(&position))
        error_set(err, ERROR_FATAL, "", "out of memory for a statement");
    else if (pipeline_prepare_named(db, fence_name, buffer_cstr(&fence), err) == 0)
        rc = pipeline_prepare_named(db, position_name, buffer_cstr(&position), err);
    buffer_free(&fence);
    buffer_free(&position);
    s->prepared = rc == 0;
    return rc;
}

static int
pg_target_begin(struct db *db, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct sent what = {.kind = SENT_FENCE};
    char epoch[24], batch_no[24];
    const char *values[] = {db->pipeline, db->sink, epoch, batch_no};

    snprintf(epoch, sizeof(epoch), "%llu", (unsigned long long)db->epoch);
    snprintf(batch_no, sizeof(batch_no), "%llu", (unsigned long long)db->batch_no);
    if (pipeline_enter(s, err) == -1)
        return -1;
    if (!s->prepared && prepare_offsets(db, err) == -1)
        return -1;
    if (pipeline_begin(db, err) == -1)
        return -1;
    return pipeline_send(db, &what, fence_name, 4, values, NULL, 0, err);
}

/* COMMIT goes out only when all that is before it has been counted. */
static int
pg_target_commit(struct db *db, struct bytes position, struct error *err)
{
    struct sent what = {.kind = SENT_POSITION};
    struct buffer text = {0};
    const char *values[] = {db->pipeline, db->sink, NULL};
    int rc;

    buffer_put(&text, position.at, position.len);
    values[2] = buffer_cstr(&text);
    rc = pipeline_send(db, &what, position_name, 3, values, NULL, 0, err);
    buffer_free(&text);
    if (rc == 0)
        rc = pipeline_drain(db, 0, err);
    if (rc == 0)
        rc = pipeline_commit(db, err);
    return rc == 0 ? pipeline_leave(db, err) : -1;
}

/* Nothing to mend: the server rolls back when the session ends, and if it is well, we tell it now. */
static void
pg_target_rollback(struct db *db)
{
    struct pg_session *s = session_of(db);
    struct error ignored = ERROR_INIT;

    if (s == NULL || s->broken)
        return;
    pipeline_leave(db, &ignored);
    if (!s->broken && PQtransactionStatus(s->conn) != PQTRANS_IDLE && pg_command(s->conn, &ignored, "ROLLBACK") == -1)
        s->broken = true;
}

static int
pg_target_drain(struct db *db, struct error *err)
{
    return pipeline_drain(db, 0, err);
}

/* In the transaction that is open, if one is. */
static int
pg_target_run_ddl(struct db *db, const char *sql, struct error *err)
{
    struct pg_session *s = session_of(db);
    bool open = PQpipelineStatus(s->conn) != PQ_PIPELINE_OFF;
    PGresult *res;
    int rc = 0;

    if (pipeline_leave(db, err) == -1)
        return -1;
    res = PQexec(s->conn, sql);
    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK) {
        rc = target_error(db, res, NULL, err);
        error_prefix(err, "%.300s: ", sql);
    }
    PQclear(res);
    return rc == 0 && open ? pipeline_enter(s, err) : rc;
}

const struct db_engine db_postgresql = {
    .title = "PostgreSQL",
    .name_max = 63,
    .connect = pg_target_connect,
    .disconnect = pg_target_disconnect,
    .make_offsets = pg_target_make_offsets,
    .takeover = pg_target_takeover,
    .load = pg_target_load,
    .forget_offset = pg_target_forget_offset,
    .begin = pg_target_begin,
    .commit = pg_target_commit,
    .rollback = pg_target_rollback,
    .describe = target_describe,
    .create_sql = target_create_sql,
    .add_column_sql = target_add_column_sql,
    .run_ddl = pg_target_run_ddl,
    .forget = target_forget,
    .apply = target_apply,
    .drain = pg_target_drain,
    .check = target_check,
};

DATABASE_SINK(postgresql, "postgresql");
