/*
 * mysql_check.c -- the whole server: what is refused at the start, and what `check` says.
 *
 * innodb_flush_log_at_trx_commit and sync_binlog are global, so we can't set them for ourselves. The first other than 1 is
 * refused: what was committed, and confirmed to the source, would be lost with a crash. The second is warned of only,
 * although with a binlog on a crash of the machine may take back transactions as well: MariaDB's default is 0, a crash of
 * the server alone loses nothing, and a position that has gone back is found at the next start (E_GAP and its kin).
 */
#include <stdio.h>
#include <strings.h>

#include "cdc/log.h"
#include "mysql_sink.h"

enum { OLDEST_MYSQL = 80000, OLDEST_MARIADB = 100500, PACKET_LEAST = 4 << 20 };

static bool
is_on(const char *value)
{
    return strcasecmp(value, "ON") == 0 || (value[0] != 0 && strcmp(value, "0") != 0 && strcasecmp(value, "OFF") != 0);
}

static int
check_kind(struct db *db, struct error *err)
{
    const struct mysql_server *server = &mysink_session_of(db)->server;
    bool mariadb = db->engine == &db_mariadb;

    if (server->mariadb != mariadb)
        return error_set(err, ERROR_CONFIG, "E_SERVER_KIND", "the server is %.60s; set type: %s", server->version_text,
                         server->mariadb ? "mariadb" : "mysql");
    if (server->version < (unsigned)(mariadb ? OLDEST_MARIADB : OLDEST_MYSQL))
        return error_set(err, ERROR_CONFIG, "E_VERSION", "%.60s is too old; %s or newer is needed", server->version_text,
                         mariadb ? "MariaDB 10.5" : "MySQL 8.0");
    return 0;
}

static int
check_writable(struct db *db, struct error *err)
{
    static const char *const names[] = {"read_only", "super_read_only"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char value[32];

        if (mysql_variable(mysink_session_of(db)->conn, names[i], value, sizeof(value), err) == -1)
            return -1;
        if (is_on(value))
            return error_set(err, ERROR_CONFIG, "E_TARGET_READONLY", "the target is read-only: %s = %s", names[i], value);
    }
    return 0;
}

static int
check_durable(struct db *db, struct error *err)
{
    char value[32];

    if (mysql_variable(mysink_session_of(db)->conn, "innodb_flush_log_at_trx_commit", value, sizeof(value), err) == -1)
        return -1;
    if (strcmp(value, "1") == 0)
        return 0;
    return error_set(err, ERROR_CONFIG, "E_TARGET_DURABILITY",
                     "innodb_flush_log_at_trx_commit = %s: a crash would lose what was confirmed to the source. Run: SET GLOBAL "
                     "innodb_flush_log_at_trx_commit = 1, and set it in the server's file", value);
}

/* What sync_binlog is, where that matters and it is not 1; "" otherwise. */
static int
unsynced_binlog(struct db *db, char *value, size_t size, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);
    char log_bin[32];

    if (mysql_variable(s->conn, "log_bin", log_bin, sizeof(log_bin), err) == -1 ||
        mysql_variable(s->conn, "sync_binlog", value, size, err) == -1)
        return -1;
    if (!is_on(log_bin) || strcmp(value, "1") == 0)
        value[0] = 0;
    return 0;
}

int
mysink_check_server(struct db *db, struct error *err)
{
    return check_kind(db, err) == -1 || check_writable(db, err) == -1 ? -1 : check_durable(db, err);
}

void
mysink_warn(struct db *db)
{
    struct error ignored;
    char sync[32];

    if (unsynced_binlog(db, sync, sizeof(sync), &ignored) == 0 && sync[0] != 0)
        log_warn("mysql", "sink=%s sync_binlog=%s a crash of the target's machine may take back what was confirmed to the source",
                 db->sink, sync);
}

/* ---- check ---- */

static void
finding(struct report *report, enum finding kind, const char *code, const char *cure, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

static void
finding(struct report *report, enum finding kind, const char *code, const char *cure, const char *fmt, ...)
{
    char text[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    report_add(report, kind, code, text, cure);
}

static void
report_settings(struct db *db, struct report *report)
{
    struct mysink_session *s = mysink_session_of(db);
    struct error err = ERROR_INIT;
    char value[32];

    finding(report, FINDING_OK, "", NULL, "sink %s: %s answers, may be written to and keeps what is committed", db->sink,
            s->server.version_text);
    if (unsynced_binlog(db, value, sizeof(value), &err) == -1)
        report_error(report, &err, NULL);
    else if (value[0] != 0)
        finding(report, FINDING_WARN, "E_TARGET_DURABILITY", "SET GLOBAL sync_binlog = 1",
                "sink %s: sync_binlog = %s: a crash of the machine may take back what was confirmed to the source", db->sink,
                value);
    if (s->packet_max < PACKET_LEAST)
        finding(report, FINDING_WARN, "", "SET GLOBAL max_allowed_packet = 67108864",
                "sink %s: max_allowed_packet = %zu: a row must fit it, and so must a statement of many", db->sink, s->packet_max);
    if (mysql_variable(s->conn, "binlog_format", value, sizeof(value), &err) == 0 && strcasecmp(value, "STATEMENT") == 0)
        finding(report, FINDING_FAIL, "E_SQL", "SET GLOBAL binlog_format = 'ROW'",
                "sink %s: binlog_format = STATEMENT does not go with READ COMMITTED", db->sink);
}

/* Rights are tried where that changes nothing: no row fits. */
static void
report_offsets(struct db *db, struct report *report)
{
    static const char cure[] = "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER ON `%s`.* TO the sink's user";
    struct mysink_session *s = mysink_session_of(db);
    struct error err = ERROR_INIT;
    char count[8], grant[400];

    snprintf(grant, sizeof(grant), cure, s->database);
    if (mysql_ask_text(s->conn, count, sizeof(count), &err,
                       "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = "
                       "'rowferry_offsets'") == -1) {
        report_error(report, &err, NULL);
    } else if (strcmp(count, "0") == 0) {
        finding(report, FINDING_OK, "", NULL, "sink %s: table %s.rowferry_offsets will be made, which needs CREATE there", db->sink,
                s->database);
    } else if (mysql_run(s->conn, &err, "UPDATE rowferry_offsets SET epoch = epoch WHERE 1 = 0") == -1 ||
               mysql_run(s->conn, &err,
                         "INSERT INTO rowferry_offsets (pipeline, sink, shard, epoch, batch_no, position, owner) SELECT "
                         "pipeline, sink, shard, epoch, batch_no, position, owner FROM rowferry_offsets WHERE 1 = 0") == -1) {
        report_error(report, &err, grant);
    } else {
        finding(report, FINDING_OK, "", NULL, "sink %s: table %s.rowferry_offsets may be written", db->sink, s->database);
    }
}

void
mysink_check(struct db *db, struct report *report)
{
    report_settings(db, report);
    report_offsets(db, report);
}
