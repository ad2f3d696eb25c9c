/* mysql_facts.c -- see mysql_facts.h. */
#include "mysql_facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FILES_MAX = 1 << 20 };

void
mysql_facts_clear(struct mysql_facts *facts)
{
    gtid_set_release(facts->done);
    gtid_set_release(facts->gone);
    free(facts->state);
    free(facts->files);
    *facts = (struct mysql_facts){.by_gtid = false};
}

/* ---- asking ---- */

static int
ask_name(MYSQL *conn, struct mysql_facts *facts, struct error *err)
{
    if (mysql_ask_text(conn, facts->name, sizeof(facts->name), err,
                       facts->server.mariadb ? "SELECT @@global.server_id" : "SELECT @@global.server_uuid") == -1)
        return -1;
    snprintf(facts->identity.id, sizeof(facts->identity.id), "%s:%s", facts->server.mariadb ? "mariadb" : "mysql",
             facts->name);
    return 0;
}

static int
ask_mode(MYSQL *conn, struct mysql_facts *facts, struct error *err)
{
    char text[32];

    if (mysql_variable(conn, "log_bin", text, sizeof(text), err) == -1)
        return -1;
    facts->log_bin = strcasecmp(text, "ON") == 0;
    facts->by_gtid = facts->server.mariadb;
    if (!facts->server.mariadb) {
        if (mysql_variable(conn, "gtid_mode", text, sizeof(text), err) == -1)
            return -1;
        facts->by_gtid = strcasecmp(text, "ON") == 0;
    }
    if (mysql_variable(conn, "binlog_expire_logs_seconds", text, sizeof(text), err) == -1)
        return -1;
    facts->expire_s = strtoll(text, NULL, 10);
    if (facts->expire_s == 0) {
        if (mysql_variable(conn, "expire_logs_days", text, sizeof(text), err) == -1)
            return -1;
        facts->expire_s = (int64_t)(strtod(text, NULL) * 86400);
    }
    return 0;
}

static int
ask_end(MYSQL *conn, struct mysql_facts *facts, struct error *err)
{
    bool new_name = !facts->server.mariadb && facts->server.version >= 80200;
    MYSQL_RES *res = mysql_ask(conn, err, new_name ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS");
    MYSQL_ROW row = res != NULL ? mysql_fetch_row(res) : NULL;
    int rc = 0;

    if (res == NULL)
        return -1;
    if (row != NULL && log_place_parse(&facts->end, bytes_of_string(mysql_field(row, 0)),
                                       strtoull(mysql_field(row, 1), NULL, 10)) == -1)
        rc = error_set(err, ERROR_CONFIG, "E_PROTOCOL", "source: \"%.100s\" is not a file of a binlog",
                       mysql_field(row, 0));
    mysql_free_result(res);
    return rc;
}

static int
ask_files(MYSQL *conn, struct mysql_facts *facts, struct error *err)
{
    MYSQL_RES *res = mysql_ask(conn, err, "SHOW BINARY LOGS");
    MYSQL_ROW row;
    uint64_t n;

    if (res == NULL)
        return -1;
    n = mysql_num_rows(res);
    if (n > FILES_MAX)
        n = FILES_MAX;
    facts->files = calloc(n + 1, sizeof(*facts->files));
    while (facts->files != NULL && (uint64_t)facts->nfiles < n && (row = mysql_fetch_row(res)) != NULL) {
        if (log_place_parse(&facts->files[facts->nfiles].place, bytes_of_string(mysql_field(row, 0)),
                            strtoull(mysql_field(row, 1), NULL, 10)) == 0)
            facts->nfiles++;
    }
    mysql_free_result(res);
    return facts->files != NULL ? 0 : error_set(err, ERROR_FATAL, "", "out of memory for the list of binlogs");
}

static int
ask_set(MYSQL *conn, enum gtid_kind kind, const char *sql, struct gtid_set **out, struct error *err)
{
    struct buffer text = {0};
    int rc = mysql_ask_long(conn, &text, err, "%s", sql);

    if (rc == 0)
        rc = gtid_set_parse(out, kind, buffer_cstr(&text), err);
    buffer_free(&text);
    return rc;
}

static int
ask_mysql_sets(MYSQL *conn, struct mysql_facts *facts, struct error *err)
{
    if (ask_set(conn, GTID_MYSQL, "SELECT @@global.gtid_purged", &facts->gone, err) == -1)
        return -1;
    return ask_set(conn, GTID_MYSQL, "SELECT @@global.gtid_executed", &facts->done, err);
}

static int
ask_mariadb_sets(MYSQL *conn, struct mysql_facts *facts, struct error *err)
{
    struct buffer state = {0}, name = {0};
    char file[LOG_FILE_MAX] = "", sql[2 * LOG_FILE_MAX + 80];
    int rc;

    if (facts->nfiles > 0)
        log_file_print(&facts->files[0].place, file);
    mysql_literal(&name, file);
    snprintf(sql, sizeof(sql), "SELECT COALESCE(BINLOG_GTID_POS(%s, 4), '')", buffer_cstr(&name));
    buffer_free(&name);
    if (ask_set(conn, GTID_MARIADB, sql, &facts->gone, err) == -1 ||
        ask_set(conn, GTID_MARIADB, "SELECT @@global.gtid_binlog_pos", &facts->done, err) == -1)
        return -1;
    rc = mysql_ask_long(conn, &state, err, "SELECT @@global.gtid_binlog_state");
    facts->state = rc == 0 ? strdup(buffer_cstr(&state)) : NULL;
    buffer_free(&state);
    if (rc == 0 && facts->state == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the state of the binlog");
    return rc;
}

/* The place in the file before the sets: then the sets have all that stands before it, which is all that it is for. */
int
mysql_facts_ask(MYSQL *conn, const struct mysql_server *server, struct mysql_facts *out, struct error *err)
{
    *out = (struct mysql_facts){.server = *server};
    if (ask_name(conn, out, err) == -1 || ask_mode(conn, out, err) == -1 || ask_end(conn, out, err) == -1)
        return -1;
    if (out->end.number == 0)
        return 0;
    if (ask_files(conn, out, err) == -1)
        return -1;
    if (!out->by_gtid)
        return 0;
    return server->mariadb ? ask_mariadb_sets(conn, out, err) : ask_mysql_sets(conn, out, err);
}

int
mysql_facts_latest(const struct mysql_facts *facts, struct position *out, struct error *err)
{
    *out = (struct position){.kind = POSITION_NONE};
    if (facts->end.number == 0)
        return error_set(err, ERROR_CONFIG, "E_BINLOG_OFF",
                         "source: the server writes no binlog; start it with log_bin and a server_id of its own");
    out->place = calloc(1, sizeof(*out->place));
    if (out->place == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a position");
    out->kind = POSITION_BINLOG;
    atomic_init(&out->place->references, 1);
    out->place->set = facts->done != NULL ? gtid_set_keep(facts->done) : NULL;
    out->place->at = facts->end;
    memcpy(out->place->server, facts->name, sizeof(facts->name));
    return 0;
}

int
mysql_facts_file(const struct mysql_facts *facts, const struct log_place *place)
{
    for (int i = 0; i < facts->nfiles; i++) {
        if (facts->files[i].place.base == place->base && facts->files[i].place.number == place->number)
            return i;
    }
    return -1;
}

/* By file on the server that wrote it, by GTID on another MySQL; of another MariaDB nobody can say. */
static bool
is_gone(const struct mysql_facts *facts, const struct place *place, const struct xa_prepared *xa)
{
    if (strcmp(place->server, facts->name) == 0)
        return mysql_facts_file(facts, &xa->begin) == -1;
    return !facts->server.mariadb && facts->gone != NULL && xa->gtid.number != 0 &&
           gtid_set_contains(facts->gone, &xa->gtid);
}

const struct xa_prepared *
mysql_facts_lost_xa(const struct mysql_facts *facts, const struct place *place)
{
    for (uint32_t i = 0; place->xa != NULL && i < place->xa->count; i++) {
        if (is_gone(facts, place, &place->xa->at[i]))
            return &place->xa->at[i];
    }
    return NULL;
}

/* ---- does a position fit? ---- */

static int
refuse_purged(const char *what, struct error *err)
{
    return error_set(err, ERROR_REFUSED, "E_BINLOG_PURGED",
                     "%s: the changes between are not in the log any more, and must be read anew from the tables",
                     what);
}

static int
fit_mysql(const struct mysql_facts *facts, const struct gtid_set *set, bool *ahead, struct error *err)
{
    *ahead = !gtid_set_subset(set, facts->done);
    if (*ahead)
        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "the sink has transactions that the server does not have in gtid_executed: it was reset, "
                         "restored from an older copy, or is not the server that was followed (a crash with "
                         "sync_binlog other than 1 does this too)");
    if (!gtid_set_subset(facts->gone, set))
        return refuse_purged("the server has purged transactions that the sink does not have (gtid_purged)", err);
    return 0;
}

/* gtid_binlog_state names the last sequence of each server in each domain. */
static bool
state_has(const char *state, const struct gtid *gtid)
{
    while (*state != 0) {
        unsigned domain, server;
        unsigned long long number;

        if (sscanf(state, "%u-%u-%llu", &domain, &server, &number) == 3 && domain == gtid->domain &&
            server == gtid->server && number >= gtid->number)
            return true;
        state += strcspn(state, ",");
        state += *state == ',';
    }
    return false;
}

/* Each GTID of the list, in its printed form. */
static int
all_known(const struct mysql_facts *facts, const char *list, struct error *err)
{
    for (const char *at = list; *at != 0;) {
        size_t len = strcspn(at, ",");
        char text[GTID_TEXT_MAX];
        struct gtid gtid;

        snprintf(text, sizeof(text), "%.*s", (int)len, at);
        if (gtid_parse(&gtid, text, err) == -1)
            return -1;
        if (!state_has(facts->state, &gtid))
            return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                             "the sink has %s, which the server's binlog does not have (%.200s): it was reset, restored "
                             "from an older copy, or is not the server that was followed",
                             text, facts->state);
        at += len + (at[len] == ',');
    }
    return 0;
}

static int
fit_mariadb(const struct mysql_facts *facts, const struct gtid_set *set, bool *ahead, struct error *err)
{
    struct buffer list = {0};
    int rc;

    gtid_set_print(set, &list);
    rc = all_known(facts, buffer_cstr(&list), err);
    buffer_free(&list);
    *ahead = rc == -1;
    if (rc == -1)
        return -1;
    /* What the oldest file that is left begins behind must be in the list already. */
    if (!gtid_set_subset(facts->gone, set))
        return refuse_purged("the oldest binlog that the server has begins behind the sink's position", err);
    return 0;
}

/* A place in a file: only on the server that wrote it, while the file is there and as long. */
static int
fit_file(const struct mysql_facts *facts, const struct log_place *at, struct error *err)
{
    int i = mysql_facts_file(facts, at);
    char file[LOG_FILE_MAX];

    log_file_print(at, file);
    if (i == -1 && facts->nfiles > 0 && log_place_before(&facts->files[facts->nfiles - 1].place, at))
        return error_set(err, ERROR_REFUSED, "E_DIVERGED", "the server's log ends before %s: it was reset or restored",
                         file);
    if (i == -1)
        return refuse_purged("the binlog file of the sink's position is gone", err);
    if (facts->files[i].place.pos < at->pos)
        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "binlog %s ends before the sink's position in it: the log was reset or restored", file);
    return 0;
}

int
mysql_facts_fit(const struct mysql_facts *facts, const struct offset *offset, bool *ahead, struct error *err)
{
    const struct position *pos = &offset->position;
    const struct place *place = pos->place;
    enum gtid_kind kind = facts->server.mariadb ? GTID_MARIADB : GTID_MYSQL;

    *ahead = false;
    if (facts->end.number == 0)
        return error_set(err, ERROR_CONFIG, "E_BINLOG_OFF", "source: the server writes no binlog");
    if (pos->kind != POSITION_BINLOG || (place->set != NULL && gtid_set_kind(place->set) != kind))
        return error_set(err, ERROR_REFUSED, "E_SOURCE_CHANGED",
                         "the position belongs to %.160s, another kind of server than %.160s", offset->source.id,
                         facts->identity.id);
    if (place->set == NULL && strcmp(offset->source.id, facts->identity.id) != 0)
        return error_set(err, ERROR_REFUSED, "E_SOURCE_CHANGED",
                         "the position is a place in a file of %.160s, this server is %.160s; only with GTIDs can one "
                         "go on from another",
                         offset->source.id, facts->identity.id);
    if (place->set != NULL && !facts->by_gtid)
        return error_set(err, ERROR_REFUSED, "E_GTID_ANONYMOUS",
                         "the position is a set of GTIDs, and gtid_mode of this server is not ON");
    if (pos->open != 0 && strcmp(place->server, facts->name) != 0)
        return error_set(err, ERROR_REFUSED, "E_POSITION_FOREIGN",
                         "the position stands inside a transaction, at row event %" PRIu64 " as server %s cut it, and "
                         "this is server %s; see the runbook",
                         pos->done, place->server, facts->name);
    if (place->set == NULL)
        return fit_file(facts, &place->at, err);
    return kind == GTID_MARIADB ? fit_mariadb(facts, place->set, ahead, err) : fit_mysql(facts, place->set, ahead, err);
}
