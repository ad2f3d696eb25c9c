/*
 * mysql_engine.c -- the engine for MySQL and MariaDB: see database.h.
 *
 *     mysql_engine.c    the session, and its transaction
 *     mysql_offsets.c   the row of rowferry_offsets; DDL
 *     mysql_tables.c    a table of the target as it is      mysql_types.c   as it is to be
 *     mysql_apply.c     groups to statements                mysql_write.c   values to SQL
 *     mysql_guilty.c    which row it was                    mysql_errors.c  what the server's errors ask for
 *     mysql_check.c     what an operator must know
 *
 * While the server works on one text, the next is being written: at most one is out (mysink_flight), and its answer is read
 * before the next goes. Everything that asks something reads that answer first (mysink_land).
 *
 * A session that is cut off in the middle of a transaction must not keep its locks for long. MariaDB has a time-out for
 * that; on MySQL wait_timeout is short inside a transaction and long outside.
 */
#include "mysql_sink.h"

#include <stdlib.h>

#include "cdc/log.h"
#include "database_sink.h"

enum {
    READ_SECONDS = 60,  /* for an answer */
    LOCK_SECONDS = 20,  /* for a lock; less than the above */
    IDLE_SECONDS = 30,  /* between two statements of a transaction */
    NET_SECONDS = 30,
    REST_SECONDS = 28800, /* between two transactions */
};

static int
set_session(struct mysink_session *s, struct error *err)
{
    if (mysql_run(s->conn, err,
                  "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES,ERROR_FOR_DIVISION_BY_ZERO,"
                  "ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 1, "
                  "innodb_lock_wait_timeout = %d, lock_wait_timeout = %d, wait_timeout = %d, net_read_timeout = %d, "
                  "net_write_timeout = %d; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
                  LOCK_SECONDS, LOCK_SECONDS, REST_SECONDS, NET_SECONDS, NET_SECONDS) == -1)
        return -1;
    if (!s->server.mariadb)
        return 0;
    return mysql_run(s->conn, err, "SET SESSION idle_transaction_timeout = %d, idle_write_transaction_timeout = %d, max_statement_time = 0",
                     IDLE_SECONDS, IDLE_SECONDS);
}

static int
take_facts(struct mysink_session *s, struct error *err)
{
    char packet[32];

    if (mysql_ask_text(s->conn, s->database, sizeof(s->database), err, "SELECT COALESCE(DATABASE(), '')") == -1 ||
        mysql_ask_text(s->conn, packet, sizeof(packet), err, "SELECT @@max_allowed_packet") == -1)
        return -1;
    if (s->database[0] == 0)
        return error_set(err, ERROR_CONFIG, "E_DATABASE",
                         "the url must name a database: rowferry_offsets lives there (mysql://user@host/database)");
    s->packet_max = strtoull(packet, NULL, 10);
    return 0;
}

static void
engine_disconnect(struct db *db)
{
    struct mysink_session *s = mysink_session_of(db);

    if (s == NULL)
        return;
    if (s->conn != NULL)
        mysql_close(s->conn);
    buffer_free(&s->sql);
    free(s->room);
    free(s);
    db->own = NULL;
}

static int
engine_connect(struct db *db, struct error *err)
{
    struct mysink_session *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a session");
    db->own = s;
    s->conn = mysql_connect_to(&db->endpoint, READ_SECONDS, &s->server, err);
    if (s->conn != NULL && set_session(s, err) == 0 && take_facts(s, err) == 0 && mysink_check_server(db, err) == 0)
        return 0;
    engine_disconnect(db);
    return -1;
}

/* ---- texts and their answers ---- */

int
mysink_send(struct db *db, const struct mysink_flight *flight, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);

    if (buffer_failed(&s->sql))
        return error_set(err, ERROR_FATAL, "", "out of memory for a statement");
    if (s->sql.len + 1024 > s->packet_max)
        return error_set(err, ERROR_DATA, "E_VALUE", "a statement of %zu bytes does not pass the target's max_allowed_packet of %zu",
                         s->sql.len, s->packet_max);
    if (mysink_land(db, err) == -1)
        return -1;
    if (mysql_send_query(s->conn, (const char *)s->sql.at, s->sql.len) != 0)
        return mysink_failed(s->conn, "", err);
    s->flight = *flight;
    s->flight.out = true;
    return 0;
}

/* Whether as many rows were hit as the statement should have. */
static bool
hit_all(const struct mysink_flight *flight, unsigned statement, uint64_t rows)
{
    if (flight->form == FORM_BEGIN)
        return statement + 1 < flight->statements || rows == 1;
    if (!flight->group->strict || flight->group->op == DB_OP_UPSERT)
        return true;
    switch (flight->form) {
    case FORM_EACH:
        return rows == 1;
    case FORM_KEYS: /* a savepoint comes first */
        return statement + 1 < flight->statements || rows == flight->rows;
    default:
        return rows == flight->rows;
    }
}

/* What is left of the answers, after one that was not what it should be. */
static void
read_rest(struct mysink_session *s)
{
    while (mysql_next_result(s->conn) == 0)
        ;
}

static int
missed(struct db *db, const struct mysink_flight *flight, unsigned statement, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);

    read_rest(s);
    if (flight->form == FORM_BEGIN)
        return mysink_fenced(db, err);
    if (flight->form == FORM_EACH)
        return mysink_missing_row(db, flight->group, &flight->group->rows[flight->first + statement], err);
    error_set(err, ERROR_DATA, "E_CONFLICT", "rows that should be there are not");
    return mysink_find_guilty(db, flight, err);
}

static int
refused(struct db *db, const struct mysink_flight *flight, unsigned statement, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);

    mysink_failed(s->conn, "", err);
    if (flight->form == FORM_BEGIN || err->kind == ERROR_RETRY)
        return -1;
    if (flight->form == FORM_EACH)
        return mysink_name_row(db, flight->group, &flight->group->rows[flight->first + statement], err);
    return err->kind == ERROR_DATA ? mysink_find_guilty(db, flight, err)
                                   : error_prefix(err, "table %s: ", ((struct mysink_table *)flight->group->table->own)->name);
}

int
mysink_land(struct db *db, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);
    struct mysink_flight flight = s->flight;

    if (!flight.out)
        return 0;
    s->flight.out = false;
    for (unsigned i = 0; i < flight.statements; i++) {
        if ((i == 0 ? (int)mysql_read_query_result(s->conn) : mysql_next_result(s->conn)) != 0)
            return refused(db, &flight, i, err);
        if (!hit_all(&flight, i, mysql_affected_rows(s->conn)))
            return missed(db, &flight, i, err);
    }
    return 0;
}

/* ---- the transaction ---- */

static int
engine_begin(struct db *db, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);
    struct mysink_flight flight = {.form = FORM_BEGIN, .statements = s->server.mariadb ? 2 : 3};

    buffer_reset(&s->sql);
    if (!s->server.mariadb)
        buffer_printf(&s->sql, "SET SESSION wait_timeout = %d; ", IDLE_SECONDS);
    buffer_put_string(&s->sql, "BEGIN; UPDATE rowferry_offsets SET batch_no = batch_no + 1 WHERE ");
    mysink_put_row_key(db, &s->sql);
    buffer_printf(&s->sql, " AND epoch = %llu AND batch_no = %llu", (unsigned long long)db->epoch,
                  (unsigned long long)db->batch_no);
    s->begun = true;
    return mysink_send(db, &flight, err);
}

/* The client library's own numbers, as opposed to an answer of the server's. */
static bool
is_no_answer(unsigned number)
{
    return number == 0 || (number >= 2000 && number < 3000) || number >= 5000;
}

/* The answer to the position, and that to COMMIT. Without it, or with one that does not say "rolled back", the outcome is
 * open. */
static int
read_commit(struct mysink_session *s, struct error *err)
{
    for (unsigned i = 0; i < 2; i++) {
        if ((i == 0 ? (int)mysql_read_query_result(s->conn) : mysql_next_result(s->conn)) == 0)
            continue;
        mysink_failed(s->conn, i == 0 ? "rowferry_offsets" : "COMMIT", err);
        if (is_no_answer(mysql_errno(s->conn)) || (i == 1 && strcmp(err->code, "E_TARGET_BUSY") != 0)) {
            err->kind = ERROR_REWIND;
            error_prefix(err, "it is not known whether the transaction was committed: ");
        }
        return -1;
    }
    return 0;
}

static int
engine_commit(struct db *db, struct bytes position, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);

    if (mysink_land(db, err) == -1)
        return -1;
    buffer_reset(&s->sql);
    buffer_put_string(&s->sql, "UPDATE rowferry_offsets SET position = ");
    mysink_put_string(&s->sql, position);
    buffer_put_string(&s->sql, " WHERE ");
    mysink_put_row_key(db, &s->sql);
    buffer_put_string(&s->sql, "; COMMIT");
    if (!s->server.mariadb)
        buffer_printf(&s->sql, "; SET SESSION wait_timeout = %d", REST_SECONDS);
    if (buffer_failed(&s->sql))
        return error_set(err, ERROR_FATAL, "", "out of memory for a statement");
    if (mysql_send_query(s->conn, (const char *)s->sql.at, s->sql.len) != 0) {
        mysink_failed(s->conn, "COMMIT", err);
        err->kind = ERROR_REWIND; /* some of it may have gone out, or all */
        return -1;
    }
    if (read_commit(s, err) == -1)
        return -1;
    s->begun = false;
    read_rest(s);
    return 0;
}

static void
engine_rollback(struct db *db)
{
    struct mysink_session *s = mysink_session_of(db);

    if (s->flight.out) {
        s->flight.out = false;
        if (mysql_read_query_result(s->conn) == 0)
            read_rest(s);
    }
    mysql_query(s->conn, "ROLLBACK"); /* a session that is gone has rolled back, or will */
    s->begun = false;
}

static int
engine_drain(struct db *db, struct error *err)
{
    return mysink_land(db, err);
}

#define MYSQL_ENGINE(TITLE)                                                                                            \
    {                                                                                                                  \
        .title = TITLE, .name_max = 64, .name_max_in_characters = true, .ddl_commits = true,                           \
        .connect = engine_connect, .disconnect = engine_disconnect, .make_offsets = mysink_make_offsets,               \
        .takeover = mysink_takeover, .load = mysink_load, .forget_offset = mysink_forget_offset,                       \
        .begin = engine_begin, .commit = engine_commit, .rollback = engine_rollback, .describe = mysink_describe,      \
        .create_sql = mysink_create_sql, .add_column_sql = mysink_add_column_sql, .run_ddl = mysink_run_ddl,           \
        .forget = mysink_forget, .apply = mysink_apply, .drain = engine_drain, .check = mysink_check,                  \
    }

const struct db_engine db_mysql = MYSQL_ENGINE("MySQL");
const struct db_engine db_mariadb = MYSQL_ENGINE("MariaDB");

DATABASE_SINK(mysql, "mysql");
DATABASE_SINK(mariadb, "mariadb");
