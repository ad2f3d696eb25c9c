/*
 * mysql_offsets.c -- rowferry_offsets, in the database that the url names; and DDL, which the row's intent guards.
 *
 * DDL commits by itself here. So it runs between our transactions: first its text is written into the row, if the row is
 * still ours; then it runs; then the text goes again. Who takes over finds the text of one that may have been under way,
 * and says so: what came of it, the target's catalogue tells, which is asked anyway. Every statement may run twice.
 */
#include "mysql_sink.h"

#include <stdio.h>
#include <stdlib.h>

#include "cdc/failpoint.h"
#include "cdc/log.h"

enum { NO_SUCH_TABLE = 1146, COLUMN_EXISTS = 1060 };

static const char offsets_sql[] =
    "CREATE TABLE IF NOT EXISTS rowferry_offsets ("
    "pipeline varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
    "sink varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
    "shard varchar(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
    "epoch bigint unsigned NOT NULL, batch_no bigint unsigned NOT NULL, "
    "position longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
    "owner varchar(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, "
    "intent longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL, "
    "updated_at timestamp(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), "
    "PRIMARY KEY (pipeline, sink, shard)) ENGINE=InnoDB";

/* Statements of ours, run to the last. */
static int
run(struct mysink_session *s, struct buffer *sql, const char *what, struct error *err)
{
    int next;

    if (buffer_failed(sql))
        return error_set(err, ERROR_FATAL, "", "out of memory for a statement");
    if (mysql_real_query(s->conn, (const char *)sql->at, sql->len) != 0)
        return mysink_failed(s->conn, what, err);
    do {
        MYSQL_RES *res = mysql_store_result(s->conn);

        if (res != NULL)
            mysql_free_result(res);
        next = mysql_next_result(s->conn);
    } while (next == 0);
    return next > 0 ? mysink_failed(s->conn, what, err) : 0;
}

void
mysink_put_row_key(const struct db *db, struct buffer *out)
{
    buffer_put_string(out, "pipeline = ");
    mysql_literal(out, db->pipeline);
    buffer_put_string(out, " AND sink = ");
    mysql_literal(out, db->sink);
    buffer_put_string(out, " AND shard = ''");
}

static int
check_engine(struct mysink_session *s, struct error *err)
{
    char engine[64] = "";

    if (mysql_ask_text(s->conn, engine, sizeof(engine), err,
                       "SELECT COALESCE(MAX(ENGINE), '') FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND "
                       "TABLE_NAME = 'rowferry_offsets'") == -1)
        return -1;
    if (strcmp(engine, "InnoDB") == 0)
        return 0;
    return error_set(err, ERROR_CONFIG, "E_TARGET_ENGINE",
                     "table %s.rowferry_offsets has engine %.60s: ALTER TABLE `%s`.rowferry_offsets ENGINE=InnoDB", s->database,
                     engine[0] != 0 ? engine : "none", s->database);
}

int
mysink_make_offsets(struct db *db, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);
    struct error ignored;
    char there[8];

    /* who may not make tables may still use one that is there */
    if (mysql_ask_text(s->conn, there, sizeof(there), &ignored, "SELECT COUNT(*) FROM rowferry_offsets WHERE 1 = 0") == -1 &&
        mysql_real_query(s->conn, offsets_sql, sizeof(offsets_sql) - 1) != 0)
        return mysink_failed(s->conn, "CREATE TABLE rowferry_offsets", err);
    return check_engine(s, err);
}

/* The row, by a SELECT whose answer is next. */
static int
read_row(struct mysink_session *s, struct db_record *out, struct buffer *intent, struct error *err)
{
    MYSQL_RES *res = mysql_store_result(s->conn);
    MYSQL_ROW row;

    *out = (struct db_record){.exists = false};
    if (res == NULL)
        return mysink_failed(s->conn, "rowferry_offsets", err);
    row = mysql_fetch_row(res);
    if (row != NULL) {
        out->exists = true;
        out->epoch = strtoull(mysql_field(row, 0), NULL, 10);
        out->batch_no = strtoull(mysql_field(row, 1), NULL, 10);
        buffer_put_string(&out->position, mysql_field(row, 2));
        buffer_put_string(&out->owner, mysql_field(row, 3));
        buffer_put_string(intent, mysql_field(row, 4));
    }
    mysql_free_result(res);
    if (!buffer_failed(&out->position) && !buffer_failed(&out->owner) && !buffer_failed(intent))
        return 0;
    db_record_free(out);
    return error_set(err, ERROR_FATAL, "", "out of memory for an offset");
}

static int
select_row(struct db *db, struct db_record *out, struct buffer *intent, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);
    struct buffer sql = {0};
    int rc;

    buffer_put_string(&sql, "SELECT epoch, batch_no, position, owner, intent FROM rowferry_offsets WHERE ");
    mysink_put_row_key(db, &sql);
    if (buffer_failed(&sql))
        rc = error_set(err, ERROR_FATAL, "", "out of memory for a statement");
    else if (mysql_real_query(s->conn, (const char *)sql.at, sql.len) == 0)
        rc = read_row(s, out, intent, err);
    else
        rc = mysink_failed(s->conn, "rowferry_offsets", err);
    buffer_free(&sql);
    return rc;
}

int
mysink_load(struct db *db, struct db_record *out, struct error *err)
{
    struct buffer intent = {0};
    int rc;

    *out = (struct db_record){.exists = false};
    rc = select_row(db, out, &intent, err);
    buffer_free(&intent);
    return rc == -1 && mysql_errno(mysink_session_of(db)->conn) == NO_SUCH_TABLE ? 0 : rc;
}

/* Waits for the lock of a transaction whose outcome nobody knows yet: innodb_lock_wait_timeout is the bound. */
static int
raise_epoch(struct db *db, const char *owner, struct error *err)
{
    struct buffer sql = {0};
    int rc;

    buffer_put_string(&sql, "BEGIN; INSERT INTO rowferry_offsets (pipeline, sink, shard, epoch, batch_no, position, owner) VALUES (");
    mysql_literal(&sql, db->pipeline);
    buffer_put_string(&sql, ", ");
    mysql_literal(&sql, db->sink);
    buffer_put_string(&sql, ", '', 1, 0, '', ");
    mysql_literal(&sql, owner);
    buffer_put_string(&sql, ") ON DUPLICATE KEY UPDATE epoch = epoch + 1, owner = ");
    mysql_literal(&sql, owner);
    rc = run(mysink_session_of(db), &sql, "takeover", err);
    buffer_free(&sql);
    return rc;
}

/* Of one who stopped while a statement ran; the catalogue says what came of it. */
static int
settle_intent(struct db *db, struct buffer *intent, struct error *err)
{
    struct buffer sql = {0};
    int rc;

    if (intent->len == 0)
        return 0;
    log_warn("mysql", "sink=%s a statement may have been cut off; the target's tables are looked at again: %.300s", db->sink,
             buffer_cstr(intent));
    buffer_put_string(&sql, "UPDATE rowferry_offsets SET intent = NULL WHERE ");
    mysink_put_row_key(db, &sql);
    rc = run(mysink_session_of(db), &sql, "takeover", err);
    buffer_free(&sql);
    return rc;
}

int
mysink_takeover(struct db *db, const char *owner, struct db_record *out, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);
    struct buffer intent = {0};
    int rc = raise_epoch(db, owner, err);

    if (rc == 0)
        rc = select_row(db, out, &intent, err);
    if (rc == 0)
        rc = settle_intent(db, &intent, err);
    if (rc == 0 && mysql_query(s->conn, "COMMIT") != 0)
        rc = mysink_failed(s->conn, "takeover", err);
    buffer_free(&intent);
    if (rc == -1)
        mysql_query(s->conn, "ROLLBACK"); /* where it fails the session is gone, and that does it as well */
    else
        mysink_warn(db);
    return rc;
}

int
mysink_forget_offset(struct db *db, bool dry_run, bool *was_there, struct error *err)
{
    struct buffer sql = {0};
    struct db_record record;
    int rc = mysink_load(db, &record, err);

    if (rc == -1)
        return -1;
    *was_there = record.exists;
    db_record_free(&record);
    if (dry_run || !*was_there)
        return 0;
    buffer_put_string(&sql, "DELETE FROM rowferry_offsets WHERE ");
    mysink_put_row_key(db, &sql);
    rc = run(mysink_session_of(db), &sql, "rowferry_offsets", err);
    buffer_free(&sql);
    return rc;
}

int
mysink_fenced(struct db *db, struct error *err)
{
    struct db_record row = {.exists = false};
    struct buffer intent = {0};

    if (select_row(db, &row, &intent, err) == -1)
        return -1;
    if (!row.exists)
        error_set(err, ERROR_FENCED, "E_FENCED", "its row of rowferry_offsets is gone");
    else
        error_set(err, ERROR_FENCED, "E_FENCED", "%.200s has taken over: epoch %llu, ours is %llu (batch %llu, ours is %llu)",
                  buffer_cstr(&row.owner), (unsigned long long)row.epoch, (unsigned long long)db->epoch,
                  (unsigned long long)row.batch_no, (unsigned long long)db->batch_no);
    db_record_free(&row);
    buffer_free(&intent);
    return -1;
}

/* ---- DDL ---- */

static int
set_intent(struct db *db, const char *text, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);
    struct buffer sql = {0};
    int rc;

    buffer_put_string(&sql, "UPDATE rowferry_offsets SET intent = ");
    if (text != NULL) {
        char hash[24];

        snprintf(hash, sizeof(hash), "%016llx ", (unsigned long long)bytes_hash(BYTES_HASH_SEED, text, strlen(text)));
        buffer_put_string(&sql, "CONCAT('");
        buffer_put_string(&sql, hash);
        buffer_put_string(&sql, "', ");
        mysql_literal(&sql, text);
        buffer_put_string(&sql, ")");
    } else {
        buffer_put_string(&sql, "NULL");
    }
    buffer_put_string(&sql, " WHERE ");
    mysink_put_row_key(db, &sql);
    buffer_printf(&sql, " AND epoch = %llu AND batch_no = %llu", (unsigned long long)db->epoch,
                  (unsigned long long)db->batch_no);
    if (buffer_failed(&sql))
        rc = error_set(err, ERROR_FATAL, "", "out of memory for a statement");
    else if (mysql_real_query(s->conn, (const char *)sql.at, sql.len) != 0)
        rc = mysink_failed(s->conn, "rowferry_offsets", err);
    else
        rc = mysql_affected_rows(s->conn) == 1 ? 0 : mysink_fenced(db, err);
    buffer_free(&sql);
    return rc;
}

int
mysink_run_ddl(struct db *db, const char *text, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);
    struct buffer sql = {0};
    int rc;

    if (s->begun)
        return error_set(err, ERROR_FATAL, "", "a statement that commits by itself, inside a transaction");
    if (set_intent(db, text, err) == -1)
        return -1;
    if (failpoint("db.ddl.before") == -1)
        return error_set(err, ERROR_RETRY, "", "failpoint");
    buffer_put_string(&sql, text);
    rc = run(s, &sql, text, err);
    buffer_free(&sql);
    /* it ran before, or somebody else was first: the catalogue is looked at behind this */
    if (rc == -1 && mysql_errno(s->conn) == COLUMN_EXISTS && strncmp(text, "ALTER", 5) == 0)
        rc = 0;
    if (failpoint("db.ddl.after") == -1)
        return error_set(err, ERROR_RETRY, "", "failpoint");
    return rc == 0 ? set_intent(db, NULL, err) : -1;
}
