/*
 * mysql_start.c -- a start of the MySQL and MariaDB source: the lease, the server's settings, and whether what a sink
 * has still fits.
 *
 *     GET_LOCK (who may run) -> settings -> where the log ends -> check_offset for each sink -> resume; the dump is
 *     asked for by the first read, from what was resumed
 *
 * The server keeps no place for us and gets no acknowledgement: that its log still reaches back to our position is
 * looked at here, at each connect, and said by `status` in seconds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cdc/clock.h"
#include "cdc/failpoint.h"
#include "cdc/log.h"
#include "mysql_rights.h"
#include "mysql_stream.h"

enum { AHEAD_WAIT_MS = 30 * 1000, AHEAD_STEP_MS = 500, OLDEST_VERSION_MYSQL = 50700, OLDEST_VERSION_MARIADB = 100500 };

/* ---- names ---- */

void
mysql_lease_name(const struct config *config, char *out)
{
    snprintf(out, 64, "rowferry.%.50s", config->pipeline);
}

static uint64_t
role_hash(const struct config *config, enum mysql_role role, uint64_t seed)
{
    static const char *const roles[] = {"stream", "replay", "look", "scan"};
    uint64_t h = bytes_hash(seed, config->pipeline, strlen(config->pipeline) + 1);

    return bytes_hash(h, roles[role], strlen(roles[role]) + 1);
}

/* The upper half of what a server id may be, where few give theirs by hand. */
uint32_t
mysql_server_id(const struct config *config, enum mysql_role role)
{
    if (config->source.server_id != 0)
        return (uint32_t)config->source.server_id + (uint32_t)role;
    return 0x80000000u | (uint32_t)(role_hash(config, role, BYTES_HASH_SEED) >> 33);
}

void
mysql_server_uuid(const struct config *config, enum mysql_role role, char *out)
{
    uint64_t high = role_hash(config, role, BYTES_HASH_SEED), low = role_hash(config, role, high);

    snprintf(out, 37, "%08x-%04x-5%03x-%04x-%012" PRIx64, (uint32_t)(high >> 32), (unsigned)(high >> 16) & 0xffff,
             (unsigned)high & 0xfff, 0x8000u | ((unsigned)(low >> 48) & 0x3fff), low & UINT64_C(0xffffffffffff));
}

/* ---- more connections ---- */

MYSQL *
mysql_connect_again(struct mysql_source *my, struct error *err)
{
    struct mysql_server server;
    char name[SERVER_NAME_MAX];
    MYSQL *conn = mysql_connect_source(my->config, READ_TIMEOUT_S, &server, err);

    if (conn == NULL)
        return NULL;
    if (mysql_ask_text(conn, name, sizeof(name), err,
                       my->mariadb ? "SELECT @@global.server_id" : "SELECT @@global.server_uuid") == 0) {
        if (strcmp(name, my->facts.name) == 0)
            return conn;
        error_set(err, ERROR_RETRY, "E_UNREACHABLE", "source: the address leads to server %s now, and to %s before", name,
                  my->facts.name);
    }
    mysql_close(conn);
    return NULL;
}

/* ---- the session of a dump ---- */

int
mysql_dump_session(MYSQL *conn, const struct config *config, bool mariadb, enum mysql_role role,
                   const struct gtid_set *from, struct error *err)
{
    char uuid[40];
    struct buffer set = {0}, literal = {0};
    int rc;

    mysql_server_uuid(config, role, uuid);
    if (mysql_run(conn, err,
                  "SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = "
                  "@@global.binlog_checksum, @master_heartbeat_period = %lld, @source_heartbeat_period = %lld, "
                  "@slave_uuid = '%s', @replica_uuid = '%s'",
                  HEARTBEAT_S * 1000000000LL, HEARTBEAT_S * 1000000000LL, uuid, uuid) == -1)
        return -1;
    if (!mariadb)
        return 0;
    if (mysql_run(conn, err, "SET @mariadb_slave_capability = 4, @slave_gtid_strict_mode = 1, "
                             "@slave_gtid_ignore_duplicates = 0") == -1)
        return -1;
    if (from == NULL)
        return 0;
    gtid_set_print(from, &set);
    mysql_literal(&literal, buffer_cstr(&set));
    rc = mysql_run(conn, err, "SET @slave_connect_state = %s", buffer_cstr(&literal));
    buffer_free(&set);
    buffer_free(&literal);
    return rc;
}

/* When the rows of an XA transaction are gone, its commit can only stop us. */
static void
warn_of_old_xa(const struct mysql_source *my, const struct place *place)
{
    const struct xa_prepared *xa = mysql_facts_lost_xa(&my->facts, place);

    if (xa != NULL)
        log_warn("mysql",
                 "code=E_XA_ROWS_LOST XA transaction %s is prepared, and the binlog with its rows was purged: if it is "
                 "committed, the pipeline stops there",
                 xa->xid);
}

static int
ask_facts(struct mysql_source *my, struct error *err)
{
    mysql_facts_clear(&my->facts);
    return mysql_facts_ask(my->ask, &my->server, &my->facts, err);
}

int
mysql_check_offset(struct source *source, const struct offset *offset, struct error *err)
{
    struct mysql_source *my = mysql_from(source);
    int64_t until = clock_monotonic_ms() + AHEAD_WAIT_MS;
    bool ahead;

    for (;;) {
        struct timespec pause = {0, AHEAD_STEP_MS * 1000000L};

        if (mysql_facts_fit(&my->facts, offset, &ahead, err) == 0)
            break;
        /* A transaction may be in the stream before the server shows it: ask again for a while. */
        if (!ahead || clock_monotonic_ms() >= until)
            return -1;
        nanosleep(&pause, NULL);
        if (ask_facts(my, err) == -1)
            return -1;
    }
    warn_of_old_xa(my, offset->position.place);
    return 0;
}

/* ---- the server's settings ---- */

static int
want(MYSQL *conn, const char *name, const char *value, const char *code, const char *cure, struct error *err)
{
    char found[64];

    if (mysql_variable(conn, name, found, sizeof(found), err) == -1)
        return -1;
    if (strcasecmp(found, value) == 0)
        return 0;
    return error_set(err, ERROR_CONFIG, code, "source: %s is %s, and must be %s: %s", name, found, value, cure);
}

static void
warn_unless(MYSQL *conn, const char *name, const char *value, const char *why)
{
    struct error ignored = ERROR_INIT;
    char found[64];

    if (mysql_variable(conn, name, found, sizeof(found), &ignored) == 0 && found[0] != 0 &&
        strcasecmp(found, value) != 0)
        log_warn("mysql", "%s=%s %s", name, found, why);
}

static int
check_server(struct mysql_source *my, struct error *err)
{
    if (my->server.mariadb != my->mariadb)
        return error_set(err, ERROR_CONFIG, "E_SERVER_KIND", "source: the server is %.60s; set type: %s",
                         my->server.version_text, my->server.mariadb ? "mariadb" : "mysql");
    if (my->server.version < (my->mariadb ? OLDEST_VERSION_MARIADB : OLDEST_VERSION_MYSQL))
        return error_set(err, ERROR_CONFIG, "E_VERSION", "source: %.60s is too old; %s or newer is needed",
                         my->server.version_text, my->mariadb ? "MariaDB 10.5" : "MySQL 5.7");
    if (want(my->ask, "log_bin", "ON", "E_BINLOG_OFF", "start the server with log_bin", err) == -1 ||
        want(my->ask, "binlog_format", "ROW", "E_BINLOG_FORMAT", "SET PERSIST binlog_format = 'ROW' (MariaDB: SET GLOBAL)",
             err) == -1)
        return -1;
    warn_unless(my->ask, "binlog_row_image", "FULL", "updates may lack columns that did not change");
    warn_unless(my->ask, "binlog_row_metadata", "FULL", "names of columns must be taken from the catalogue");
    warn_unless(my->ask, "sync_binlog", "1", "a crash of the server may take back what was delivered");
    return 0;
}

/* ---- the lease ---- */

static int
take_lease(struct mysql_source *my, struct error *err)
{
    char name[64], got[32];

    /* Should this machine vanish without a word, the server lets the lock go after so long. */
    mysql_lease_name(my->config, name);
    if (mysql_run(my->ask, err, "SET SESSION wait_timeout = %d", (int)LEASE_IDLE_S) == -1 ||
        mysql_ask_text(my->ask, got, sizeof(got), err, "SELECT COALESCE(GET_LOCK('%s', 0), -1)", name) == -1)
        return -1;
    if (strcmp(got, "1") == 0)
        return 0;
    if (mysql_ask_text(my->ask, got, sizeof(got), err, "SELECT COALESCE(IS_USED_LOCK('%s'), 0)", name) == -1)
        return -1;
    return error_set(err, ERROR_RETRY, "E_LEASE_HELD", "another instance runs: connection %s has the lock %s", got, name);
}

/* ---- the first start ---- */

/* Rows that are prepared and not decided are in the log before the place where we would begin. */
static int
wait_for_xa(struct mysql_source *my, struct error *err)
{
    struct error why = ERROR_INIT;
    uint64_t n;

    if (mysql_xa_ask(my->ask, &n, &why) == -1) {
        if (why.kind == ERROR_RETRY) {
            *err = why;
            return -1;
        }
        log_warn("mysql", "code=%s XA transactions that are prepared now can't be seen (%s); the commit of one would "
                 "stop the pipeline", why.code, why.text);
        return 0;
    }
    if (n == 0)
        return 0;
    return error_set(err, ERROR_RETRY, "E_XA_OPEN",
                     "%" PRIu64 " XA transactions are prepared and not decided; the first start waits until none is", n);
}

static int
check_tables(struct mysql_source *my, bool first, struct error *err)
{
    struct mysql_tables tables;
    int rc = 0;

    if (mysql_tables_ask(my->ask, my->config, &tables, err) == -1)
        return -1;
    if (tables.unmatched != NULL && first)
        rc = error_set(err, ERROR_CONFIG, "E_NO_TABLE", "source.tables: \"%s\" matches no table", tables.unmatched);
    else if (tables.unmatched != NULL)
        log_warn("mysql", "code=E_NO_TABLE source.tables: \"%s\" matches no table any more; leave it there until the "
                 "pipeline has caught up", tables.unmatched);
    for (int i = 0; rc == 0 && i < tables.n && i < 50; i++) {
        const struct mysql_table *t = &tables.at[i];

        log_info("mysql", "table=%s.%s engine=%s key=%s", t->schema, t->table, t->engine, t->has_key ? "primary" : "none");
        if (!mysql_engine_has_transactions(t->engine))
            log_warn("mysql", "table=%s.%s code=E_NOT_TRANSACTIONAL engine %s has no transactions; its changes %s",
                     t->schema, t->table, t->engine,
                     my->framer.set.accept_nontransactional ? "are taken as they come" : "stop the pipeline");
    }
    if (rc == 0 && tables.n > 50)
        log_info("mysql", "and %d tables more", tables.n - 50);
    mysql_tables_free(&tables);
    return rc;
}

/* ---- start ---- */

void
mysql_disconnect(struct mysql_source *my)
{
    MYSQL **all[] = {&my->second, &my->dump, &my->ask}; /* the lease goes last */

    wire_close(&my->wire);
    wire_close(&my->second_wire);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (*all[i] != NULL)
            mysql_close(*all[i]);
        *all[i] = NULL;
    }
    my->streaming = false;
}

static int
connect_and_ask(struct mysql_source *my, bool first, struct source_start *out, struct error *err)
{
    char checksum[32];

    my->ask = mysql_connect_source(my->config, READ_TIMEOUT_S, &my->server, err);
    if (my->ask == NULL || check_server(my, err) == -1 || take_lease(my, err) == -1 ||
        mysql_variable(my->ask, "binlog_checksum", checksum, sizeof(checksum), err) == -1 ||
        check_tables(my, first, err) == -1)
        return -1;
    my->checksums = strcasecmp(checksum, "NONE") != 0;
    if (ask_facts(my, err) == -1 || mysql_facts_latest(&my->facts, &out->latest, err) == -1)
        return -1;
    if (first && wait_for_xa(my, err) == -1) {
        position_clear(&out->latest);
        return -1;
    }
    return 0;
}

int
mysql_start(struct source *source, bool first, struct source_start *out, struct error *err)
{
    struct mysql_source *my = mysql_from(source);

    mysql_disconnect(my);
    *out = (struct source_start){.created = false};
    if (connect_and_ask(my, first, out, err) == -1) {
        mysql_disconnect(my);
        return -1;
    }
    out->identity = my->facts.identity;
    snprintf(out->options_hash, sizeof(out->options_hash), "binlog");
    binlog_framer_connected(&my->framer, my->checksums, my->facts.name);
    my->lease_due = clock_monotonic_ms() + LEASE_LOOK_MS;
    log_info("mysql", "server=%s version=%s positions=%s connected", my->facts.identity.id, my->server.version_text,
             my->facts.by_gtid ? "gtid" : "file");
    if (failpoint("src.connected") == -1) {
        position_clear(&out->latest);
        return error_set(err, ERROR_RETRY, "", "failpoint");
    }
    return 0;
}
