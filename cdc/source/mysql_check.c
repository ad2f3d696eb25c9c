/* mysql_check.c -- `check` of a MySQL or MariaDB: the server's settings, the user's rights, the captured tables. */
#include "mysql_check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cdc/report.h"
#include "cdc/source_kind.h"
#include "mysql_rights.h"
#include "mysql_stream.h"

/* ---- settings ---- */

static void
check_variable(MYSQL *conn, struct report *report, const char *name, const char *wanted, bool must, const char *code,
               const char *cure)
{
    struct error err = ERROR_INIT;
    char found[64], what[200];

    if (mysql_variable(conn, name, found, sizeof(found), &err) == -1) {
        report_error(report, &err, NULL);
        return;
    }
    snprintf(what, sizeof(what), "%s = %s", name, found[0] != 0 ? found : "(not there)");
    if (strcasecmp(found, wanted) == 0)
        report_add(report, FINDING_OK, "", what, NULL);
    else
        report_add(report, must ? FINDING_FAIL : FINDING_WARN, code, what, cure);
}

static void
check_settings(MYSQL *conn, bool mariadb, struct report *report)
{
    check_variable(conn, report, "log_bin", "ON", true, "E_BINLOG_OFF",
                   "in the server's configuration: log_bin and a server_id of its own; then restart it");
    check_variable(conn, report, "binlog_format", "ROW", true, "E_BINLOG_FORMAT",
                   mariadb ? "SET GLOBAL binlog_format = 'ROW';  -- and in the configuration"
                           : "SET PERSIST binlog_format = 'ROW';");
    check_variable(conn, report, "binlog_row_metadata", "FULL", true, "E_ROW_METADATA",
                   mariadb ? "SET GLOBAL binlog_row_metadata = 'FULL';  -- and in the configuration"
                           : "SET PERSIST binlog_row_metadata = 'FULL';");
    check_variable(conn, report, "binlog_row_image", "FULL", false, "",
                   mariadb ? "SET GLOBAL binlog_row_image = 'FULL';  -- updates then have every column"
                           : "SET PERSIST binlog_row_image = 'FULL';  -- updates then have every column");
    check_variable(conn, report, "sync_binlog", "1", false, "",
                   "SET GLOBAL sync_binlog = 1;  -- or a crash may take back what was delivered");
    if (mariadb)
        check_variable(conn, report, "gtid_strict_mode", "ON", false, "E_GTID_ORDER",
                       "SET GLOBAL gtid_strict_mode = ON;  -- numbers that go back stop the pipeline");
    else
        check_variable(conn, report, "gtid_mode", "ON", false, "",
                       "SET PERSIST gtid_mode = ON;  -- step by step; without, another server can't be followed");
}

/* ---- rights ---- */

static void
lacks(MYSQL *conn, struct report *report, enum finding finding, const char *what, const char *rights, const char *on)
{
    struct buffer cure = {0};

    mysql_put_grant(conn, rights, on, &cure);
    report_add(report, finding, "E_PRIVILEGE", what, buffer_cstr(&cure));
    buffer_free(&cure);
}

/* 1: it is among what is granted, here or by a role that is active. */
static int
has_replication(MYSQL *conn, struct report *report)
{
    struct error err = ERROR_INIT;
    MYSQL_RES *res = mysql_ask(conn, &err, "SHOW GRANTS");
    int may = 0;
    MYSQL_ROW row;

    if (res == NULL) {
        report_error(report, &err, NULL);
        return -1;
    }
    while ((row = mysql_fetch_row(res)) != NULL)
        may = may || strstr(row[0], "REPLICATION SLAVE") != NULL || strstr(row[0], "REPLICATION REPLICA") != NULL ||
              strstr(row[0], "ALL PRIVILEGES ON *.*") != NULL;
    mysql_free_result(res);
    return may;
}

/* What `run` asks at its start is asked here: whether it may is the server's to say. */
static bool
may_see_log(MYSQL *conn, const struct mysql_server *server, struct report *report)
{
    struct error err = ERROR_INIT;
    struct mysql_facts facts;
    int rc = mysql_facts_ask(conn, server, &facts, &err);

    mysql_facts_clear(&facts);
    if (rc == 0)
        return true;
    if (strcmp(err.code, "E_PRIVILEGE") == 0)
        lacks(conn, report, FINDING_FAIL, "the user may not see where the log ends and which files there are",
              server->mariadb ? "BINLOG MONITOR" : "REPLICATION CLIENT", "*.*");
    else
        report_error(report, &err, NULL);
    return false;
}

static void
check_rights(MYSQL *conn, const struct mysql_server *server, struct report *report)
{
    struct error err = ERROR_INIT;
    uint64_t open;
    int may = has_replication(conn, report);
    bool sees = may_see_log(conn, server, report);

    if (may == 0)
        lacks(conn, report, FINDING_FAIL, "the user may not read the binlog (or by a role that is not active)",
              "REPLICATION SLAVE", "*.*");
    else if (may == 1 && sees)
        report_add(report, FINDING_OK, "", "the user may read the binlog", NULL);
    if (mysql_xa_ask(conn, &open, &err) == 0)
        return;
    if (strcmp(err.code, "E_PRIVILEGE") == 0)
        lacks(conn, report, FINDING_WARN,
              "the user may not see prepared XA transactions: the first start can't wait for them, and the commit of one "
              "would stop the pipeline",
              "XA_RECOVER_ADMIN", "*.*");
    else
        report_error(report, &err, NULL);
}

/* ---- tables ---- */

/* That a key is there, MariaDB shows to who sees the table; what it does, only to who has another right than SELECT on the
 * whole database: on the table alone it does not count. */
static void
check_hidden_keys(MYSQL *conn, const struct config *config, struct report *report)
{
    struct error err = ERROR_INIT;
    MYSQL_RES *res;
    MYSQL_ROW row;
    char what[600];

    res = mysql_ask(conn, &err,
                    "SELECT k.TABLE_SCHEMA, k.TABLE_NAME, k.CONSTRAINT_NAME FROM information_schema.KEY_COLUMN_USAGE k "
                    "LEFT JOIN information_schema.REFERENTIAL_CONSTRAINTS r ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND "
                    "r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME WHERE k.ORDINAL_POSITION = 1 AND "
                    "k.REFERENCED_TABLE_NAME IS NOT NULL AND r.CONSTRAINT_NAME IS NULL");
    if (res == NULL)
        report_error(report, &err, NULL);
    while (res != NULL && (row = mysql_fetch_row(res)) != NULL) {
        struct buffer on = {0};

        if (!config_wants(&config->source, mysql_field(row, 0), mysql_field(row, 1)))
            continue;
        mysql_identifier(&on, mysql_field(row, 0));
        buffer_put_string(&on, ".*");
        snprintf(what, sizeof(what),
                 "%s.%s: the user may not see what foreign key %s does; rows that one deletes or changes are not in this "
                 "server's log",
                 mysql_field(row, 0), mysql_field(row, 1), mysql_field(row, 2));
        lacks(conn, report, FINDING_WARN, what, "REFERENCES", buffer_cstr(&on));
        buffer_free(&on);
    }
    if (res != NULL)
        mysql_free_result(res);
}

/* Changes of child rows by a foreign key are not in the log of these servers. */
static void
check_cascades(MYSQL *conn, const struct config *config, const struct mysql_server *server, struct report *report)
{
    struct error err = ERROR_INIT;
    MYSQL_RES *res;
    MYSQL_ROW row;
    char what[600];

    if (!server->mariadb && server->version >= 90600)
        return;
    res = mysql_ask(conn, &err,
                    "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS "
                    "WHERE DELETE_RULE IN ('CASCADE', 'SET NULL') OR UPDATE_RULE IN ('CASCADE', 'SET NULL')");
    if (res == NULL)
        report_error(report, &err, NULL);
    while (res != NULL && (row = mysql_fetch_row(res)) != NULL) {
        if (!config_wants(&config->source, mysql_field(row, 0), mysql_field(row, 1)))
            continue;
        snprintf(what, sizeof(what), "%s.%s: rows that foreign key %s deletes or changes are not in this server's log",
                 mysql_field(row, 0), mysql_field(row, 1), mysql_field(row, 2));
        report_add(report, FINDING_WARN, "", what, "delete the child rows by a statement of the application");
    }
    if (res != NULL)
        mysql_free_result(res);
    if (server->mariadb)
        check_hidden_keys(conn, config, report);
}

static void
check_tables(MYSQL *conn, const struct config *config, struct report *report)
{
    struct error err = ERROR_INIT;
    struct mysql_tables tables;
    char what[600];

    if (mysql_tables_ask(conn, config, &tables, &err) == -1) {
        report_error(report, &err, NULL);
        return;
    }
    if (tables.unmatched != NULL) {
        snprintf(what, sizeof(what), "source.tables: \"%.200s\" matches no table", tables.unmatched);
        report_add(report, FINDING_FAIL, "E_NO_TABLE", what, NULL);
    }
    for (int i = 0; i < tables.n; i++) {
        const struct mysql_table *t = &tables.at[i];

        snprintf(what, sizeof(what), "%s.%s: %s", t->schema, t->table,
                 t->has_key ? "captured, key: the primary key" : "captured, without a primary key: its events have no key");
        report_add(report, t->has_key ? FINDING_OK : FINDING_WARN, "", what,
                   t->has_key ? NULL : "name key columns under key:, or add a primary key");
        if (mysql_engine_has_transactions(t->engine))
            continue;
        snprintf(what, sizeof(what), "%s.%s: engine %s has no transactions", t->schema, t->table, t->engine);
        report_add(report, config->source.nontransactional == NONTRANSACTIONAL_ACCEPT ? FINDING_WARN : FINDING_FAIL,
                   "E_NOT_TRANSACTIONAL", what, "ALTER TABLE ... ENGINE = InnoDB, or nontransactional: accept");
    }
    mysql_tables_free(&tables);
}

/* ---- all of it ---- */

int
mysql_check_kind(const struct config *config, const struct mysql_server *server, struct error *err)
{
    bool mariadb = source_kind_of(config)->connector == CONNECTOR_MARIADB;

    if (server->mariadb == mariadb)
        return 0;
    return error_set(err, ERROR_CONFIG, "E_SERVER_KIND", "source: the server is %.60s; set type: %s",
                     server->version_text, server->mariadb ? "mariadb" : "mysql");
}

void
mysql_check(const struct config *config, struct report *report)
{
    struct error err = ERROR_INIT;
    struct mysql_server server;
    MYSQL *conn = mysql_connect_source(config, COMMAND_TIMEOUT_S, &server, &err);
    char what[120];

    if (conn == NULL) {
        report_error(report, &err, "look at source.url, the user's grants and the server's log");
        return;
    }
    snprintf(what, sizeof(what), "%s answers", server.version_text);
    if (mysql_check_kind(config, &server, &err) == -1)
        report_error(report, &err, NULL);
    else
        report_add(report, FINDING_OK, "", what, NULL);
    check_settings(conn, server.mariadb, report);
    check_rights(conn, &server, report);
    check_tables(conn, config, report);
    check_cascades(conn, config, &server, report);
    mysql_close(conn);
}
