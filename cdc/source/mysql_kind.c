/*
 * mysql_kind.c -- MySQL and MariaDB as kinds of source: what commands ask of them.
 *
 * A look is the server's facts (mysql_facts.c) and who holds the lease; what is made of it asks nobody, but for
 * `seconds_left`, which reads the head of one binlog file.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cdc/clock.h"
#include "cdc/json.h"
#include "cdc/source_kind.h"
#include "cdc/source_mysql.h"
#include "mysql_check.h"
#include "mysql_stream.h"

struct binlog_log {
    struct mysql_facts facts;
};

static int
open_mysql(struct source **out, const struct config *config, struct error *err)
{
    return mysql_source_open(out, config, false, err);
}

static int
open_mariadb(struct source **out, const struct config *config, struct error *err)
{
    return mysql_source_open(out, config, true, err);
}

/* ---- look ---- */

static int
ask_holder(MYSQL *conn, const struct config *config, struct source_look *out, struct error *err)
{
    char name[64], id[32];

    mysql_lease_name(config, name);
    if (mysql_ask_text(conn, id, sizeof(id), err, "SELECT COALESCE(IS_USED_LOCK('%s'), 0)", name) == -1)
        return -1;
    out->active = strcmp(id, "0") != 0;
    if (out->active)
        snprintf(out->holder, sizeof(out->holder), "connection %s", id);
    return 0;
}

static void
look_clear(struct source_look *look)
{
    position_clear(&look->confirmed);
    position_clear(&look->latest);
    if (look->log != NULL) {
        mysql_facts_clear(&look->log->facts);
        free(look->log);
    }
    *look = (struct source_look){.active = false};
}

static int
look_at(MYSQL *conn, const struct config *config, const struct mysql_server *server, struct source_look *out,
        struct error *err)
{
    out->log = calloc(1, sizeof(*out->log));
    if (out->log == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory");
    if (mysql_check_kind(config, server, err) == -1 || mysql_facts_ask(conn, server, &out->log->facts, err) == -1 ||
        ask_holder(conn, config, out, err) == -1 || mysql_facts_latest(&out->log->facts, &out->latest, err) == -1)
        return -1;
    out->identity = out->log->facts.identity;
    return 0;
}

static int
look(const struct config *config, struct source_look *out, struct error *err)
{
    struct mysql_server server;
    MYSQL *conn;
    int rc;

    *out = (struct source_look){.active = false};
    conn = mysql_connect_source(config, COMMAND_TIMEOUT_S, &server, err);
    if (conn == NULL)
        return -1;
    rc = look_at(conn, config, &server, out, err);
    mysql_close(conn);
    return rc;
}

/* What was purged between the two looks was still there when the offsets were read. */
static void
look_join(struct source_look *now, const struct source_look *before)
{
    struct mysql_facts *facts = now->log != NULL ? &now->log->facts : NULL;

    if (facts == NULL || before->log == NULL || facts->gone == NULL || before->log->facts.gone == NULL)
        return;
    gtid_set_release(facts->gone);
    facts->gone = gtid_set_keep(before->log->facts.gone);
}

/* ---- judging ---- */

static const char *
cure_of(const struct error *err)
{
    static const struct {
        const char *code, *cure;
    } cures[] = {
        {"E_BINLOG_PURGED", "the rows must be read again from the tables; then keep the binlog longer "
                            "(binlog_expire_logs_seconds). See the runbook of E_BINLOG_PURGED; `offsets skip` accepts the loss"},
        {"E_DIVERGED", "the sink holds what this server does not know (a failover, a reset, a restored backup): see the "
                       "runbook of E_DIVERGED"},
        {"E_SOURCE_CHANGED", "point source.url at the server that it was; or, if this one really continues it, `offsets set`"},
        {"E_POSITION_FOREIGN", "let the old server finish the transaction, or see the runbook of E_POSITION_FOREIGN"},
        {"E_GTID_ANONYMOUS", "SET PERSIST gtid_mode = ON, step by step as the server's manual says"},
        {"E_XA_ROWS_LOST", "roll it back and do it again while it is not decided: see the runbook of E_XA_ROWS_LOST"},
    };

    for (size_t i = 0; i < sizeof(cures) / sizeof(cures[0]); i++) {
        if (strcmp(err->code, cures[i].code) == 0)
            return cures[i].cure;
    }
    return NULL;
}

/* It goes on, until that is committed: better known before. */
static int
judge_xa(const struct mysql_facts *facts, const struct place *place, struct error *err)
{
    const struct xa_prepared *xa = mysql_facts_lost_xa(facts, place);

    if (xa == NULL)
        return 0;
    return error_set(err, ERROR_REFUSED, "E_XA_ROWS_LOST",
                     "XA transaction %s is prepared, and the binlog with its rows was purged: if it is committed, the "
                     "pipeline stops there",
                     xa->xid);
}

static int
judge(const struct source_look *look, const char *sink, const struct offset *offset, bool settled,
      const char **cure, struct error *err)
{
    struct error why = ERROR_INIT;
    bool ahead;

    *cure = NULL;
    if (offset->state == OFFSET_NONE && settled) {
        *cure = "give it a position of its own: rowferry offsets set FILE POS --sink NAME";
        return error_set(err, ERROR_REFUSED, "E_NEW_SINK",
                         "sink %s has no record while another sink has a position", sink);
    }
    if (offset->state != OFFSET_AT)
        return 0;
    if (mysql_facts_fit(&look->log->facts, offset, &ahead, &why) == 0 &&
        judge_xa(&look->log->facts, offset->position.place, &why) == 0)
        return 0;
    *err = why;
    *cure = cure_of(err);
    if (*cure == NULL)
        *cure = "see the runbook of its code";
    return error_prefix(err, "sink %s: ", sink);
}

static int
may_move(const struct config *config, const struct source_look *look, struct error *err)
{
    char name[64];

    mysql_lease_name(config, name);
    if (!look->active)
        return 0;
    return error_set(err, ERROR_REFUSED, "E_LEASE_HELD", "%s has the lock %s: stop the pipeline first", look->holder,
                     name);
}

static int
reaches(const struct source_look *look, const struct position *to, struct error *err)
{
    struct offset there = {.state = OFFSET_AT, .position = *to, .source = look->identity}; /* borrows */
    bool ahead;

    if (to->kind != POSITION_BINLOG) {
        char text[POSITION_TEXT_MAX];

        return error_set(err, ERROR_CONFIG, "E_POSITION", "%s is not a place in this log", position_print(to, text));
    }
    return mysql_facts_fit(&look->log->facts, &there, &ahead, err);
}

/* With GTIDs any server of the same history will do, and whether this is one `reaches` tells. */
static int
may_import(const struct source_look *look, const struct offset *saved, struct error *err)
{
    if (saved->position.kind == POSITION_BINLOG && saved->position.place->set != NULL)
        return 0;
    if (strcmp(saved->source.id, look->identity.id) == 0)
        return 0;
    return error_set(err, ERROR_REFUSED, "E_SOURCE_CHANGED",
                     "the saved position belongs to %.160s, and this server is %.160s", saved->source.id,
                     look->identity.id);
}

static int
recount(const struct config *config, const struct position *from, struct position *to, struct error *err)
{
    return mysql_recount(config, source_kind_of(config)->connector == CONNECTOR_MARIADB, from, to, err);
}

/* ---- how far ---- */

static uint64_t
between_files(const struct mysql_facts *facts, const struct log_place *from, const struct log_place *to)
{
    uint64_t bytes = 0;

    if (from->number == to->number)
        return to->pos > from->pos ? to->pos - from->pos : 0;
    for (int i = 0; i < facts->nfiles; i++) {
        const struct log_place *file = &facts->files[i].place;

        if (file->number == from->number && file->pos > from->pos)
            bytes += file->pos - from->pos;
        else if (file->number > from->number && file->number < to->number)
            bytes += file->pos;
    }
    return bytes + to->pos;
}

static struct distance
mariadb_between(const struct gtid_set *from, const struct gtid_set *to)
{
    struct buffer list = {0};
    struct distance d = {DISTANCE_TRANSACTIONS, 0};

    gtid_set_print(to, &list);
    for (const char *at = buffer_cstr(&list); *at != 0;) {
        size_t len = strcspn(at, ",");
        char text[GTID_TEXT_MAX];
        struct gtid last, have;

        snprintf(text, sizeof(text), "%.*s", (int)len, at);
        if (gtid_parse(&last, text, NULL) == 0) {
            if (!gtid_set_domain(from, last.domain, &have))
                have.number = 0;
            d.amount += last.number > have.number ? last.number - have.number : 0;
        }
        at += len + (at[len] == ',');
    }
    buffer_free(&list);
    return d;
}

static struct distance
distance(const struct source_look *look, const struct position *from, const struct position *to)
{
    const struct place *a = from->place, *b = to != NULL ? to->place : look->latest.place;
    struct distance d = {DISTANCE_TRANSACTIONS, 0};
    struct gtid_set *rest;

    if (a == NULL || b == NULL || (a->set == NULL) != (b->set == NULL))
        return (struct distance){DISTANCE_UNKNOWN, 0};
    if (a->set == NULL)
        return (struct distance){DISTANCE_BYTES, between_files(&look->log->facts, &a->at, &b->at)};
    if (gtid_set_kind(a->set) != gtid_set_kind(b->set))
        return (struct distance){DISTANCE_UNKNOWN, 0};
    if (gtid_set_kind(a->set) == GTID_MARIADB)
        return mariadb_between(a->set, b->set);
    rest = gtid_set_subtract(b->set, a->set);
    if (rest == NULL)
        return (struct distance){DISTANCE_UNKNOWN, 0};
    d.amount = gtid_set_count(rest);
    gtid_set_release(rest);
    return d;
}

/* ---- how long ---- */

/* When the file behind this one was begun: that is when this one was written last. */
static int
file_begun(const struct config *config, const struct log_place *file, int64_t *seconds, struct error *err)
{
    struct wire_start start = {.server_id = mysql_server_id(config, ROLE_LOOK), .at = *file, .until_end = true};
    struct mysql_server server;
    struct wire wire = {.conn = NULL};
    MYSQL *conn = mysql_connect_source(config, COMMAND_TIMEOUT_S, &server, err);
    int rc = -1;

    start.at.pos = 4;
    if (conn != NULL && mysql_dump_session(conn, config, server.mariadb, ROLE_LOOK, NULL, err) == 0 &&
        wire_open(&wire, conn, &start, err) == 0) {
        struct bytes raw;

        while ((rc = wire_read(&wire, &raw, err)) == 1 && (raw.len < 8 || raw.at[4] != EVENT_FORMAT_DESCRIPTION))
            ;
        if (rc == 1) {
            struct cursor in = cursor_of(raw);

            *seconds = cursor_le32(&in);
        }
    }
    wire_close(&wire);
    if (conn != NULL)
        mysql_close(conn);
    return rc == 1 ? 0 : -1;
}

/* The file of the position, or an older one with rows of an XA transaction that is open. */
static const struct log_place *
oldest_needed(const struct place *place)
{
    if (place->xa != NULL && log_place_before(&place->xa->at[0].begin, &place->at))
        return &place->xa->at[0].begin;
    return &place->at;
}

static int64_t
seconds_left(const struct config *config, const struct source_look *look, const struct offset *offset)
{
    const struct mysql_facts *facts = look->log != NULL ? &look->log->facts : NULL;
    const struct place *place = offset->position.place;
    struct error ignored = ERROR_INIT;
    int64_t begun, now;
    int i;

    if (facts == NULL || facts->expire_s == 0 || offset->state != OFFSET_AT || place == NULL ||
        strcmp(place->server, facts->name) != 0)
        return -1;
    i = mysql_facts_file(facts, oldest_needed(place));
    if (i == -1)
        return 0;
    if (i == facts->nfiles - 1)
        return facts->expire_s; /* it is still written */
    if (file_begun(config, &facts->files[i + 1].place, &begun, &ignored) == -1)
        return -1;
    now = clock_wall_us() / 1000000;
    return begun + facts->expire_s > now ? begun + facts->expire_s - now : 0;
}

/* ---- status ---- */

static void
put_status(const struct config *config, const struct source_look *look, struct buffer *out)
{
    const struct mysql_facts *facts = &look->log->facts;
    char name[64], file[LOG_FILE_MAX];

    mysql_lease_name(config, name);
    if (look->active)
        buffer_printf(out, "  lock %s: %s has it\n", name, look->holder);
    else
        buffer_printf(out, "  lock %s: nobody has it\n", name);
    log_file_print(&facts->end, file);
    buffer_printf(out, "  the log ends at %s/%" PRIu64, file, facts->end.pos);
    if (facts->nfiles > 0) {
        log_file_print(&facts->files[0].place, file);
        buffer_printf(out, " and begins with %s", file);
    }
    if (facts->expire_s > 0)
        buffer_printf(out, "; a file is kept for %" PRId64 " s after its last write\n", facts->expire_s);
    else
        buffer_put_string(out, "; files are kept for ever\n");
}

static void
put_status_json(const struct config *config, const struct source_look *look, const struct error *trouble,
                struct buffer *out)
{
    const struct mysql_facts *facts = look->log != NULL ? &look->log->facts : NULL;
    struct buffer latest = {0};
    char name[64], file[LOG_FILE_MAX] = "";

    mysql_lease_name(config, name);
    buffer_put_string(out, "\"log\":{\"lock\":");
    json_cstring(out, name);
    buffer_printf(out, ",\"active\":%s,\"holder\":", look->active ? "true" : "false");
    json_cstring(out, look->holder);
    position_put(&look->latest, &latest);
    buffer_put_string(out, ",\"latest\":");
    json_cstring(out, buffer_cstr(&latest));
    buffer_free(&latest);
    if (facts != NULL && facts->nfiles > 0)
        log_file_print(&facts->files[0].place, file);
    buffer_put_string(out, ",\"oldest_file\":");
    json_cstring(out, file);
    buffer_printf(out, ",\"expire_seconds\":%" PRId64, facts != NULL ? facts->expire_s : 0);
    if (trouble->kind != ERROR_NONE) {
        buffer_put_string(out, ",\"error\":{\"code\":");
        json_cstring(out, trouble->code);
        buffer_put_string(out, ",\"text\":");
        json_cstring(out, trouble->text);
        buffer_put_string(out, "}");
    }
    buffer_put_string(out, "}");
}

static const char *
next_step(const struct source_look *look)
{
    if (!look->active)
        return "start it: nobody reads the log, and the server throws it away after a while";
    return NULL;
}

/* ---- schema and remove ---- */

static int
relations_of(MYSQL *conn, bool mariadb, const struct mysql_tables *tables, struct relation **list,
             struct error *err)
{
    int n = 0;

    for (int i = 0; i < tables->n; i++) {
        if (mysql_relation_now(conn, mariadb, tables->at[i].schema, tables->at[i].table, &list[n], err) == -1)
            return -1;
        n += list[n] != NULL;
    }
    return 0;
}

static int
relations(const struct config *config, struct relation ***out, struct error *err)
{
    struct mysql_tables tables = {.n = 0};
    struct mysql_server server;
    MYSQL *conn = mysql_connect_source(config, COMMAND_TIMEOUT_S, &server, err);
    struct relation **list = NULL;
    int rc = -1;

    if (conn == NULL)
        return -1;
    if (mysql_check_kind(config, &server, err) == 0 && mysql_tables_ask(conn, config, &tables, err) == 0) {
        list = calloc((size_t)tables.n + 1, sizeof(struct relation *));
        rc = list == NULL ? error_set(err, ERROR_FATAL, "", "out of memory")
                          : relations_of(conn, server.mariadb, &tables, list, err);
    }
    for (struct relation **rel = list; rc == -1 && list != NULL && *rel != NULL; rel++)
        relation_release(*rel);
    if (rc == -1)
        free(list);
    else
        *out = list;
    mysql_tables_free(&tables);
    mysql_close(conn);
    return rc;
}

static int
remove_all(const struct config *config, bool dry_run, struct buffer *said, struct error *err)
{
    struct source_look found;
    int rc = look(config, &found, err);

    (void)dry_run;
    if (rc == 0)
        rc = may_move(config, &found, err);
    look_clear(&found);
    if (rc == 0)
        buffer_put_string(said, "the source server keeps nothing of this pipeline\n");
    return rc;
}

#define BINLOG_KIND                                                                                                    \
    .decoder = &decoder_binlog, .url_prefixes = {"mysql://", "mariadb://", NULL}, .open_catalog = mysql_catalog_open,  \
    .lease_name = mysql_lease_name, .look = look, .look_clear = look_clear, .look_join = look_join, .judge = judge, .may_move = may_move,      \
    .reaches = reaches, .may_import = may_import, .recount = recount, .distance = distance, .seconds_left = seconds_left,                  \
    .put_status = put_status, .put_status_json = put_status_json, .next_step = next_step, .check = mysql_check,              \
    .relations = relations, .remove = remove_all

const struct source_kind source_mysql = {
    .type = "mysql", .title = "MySQL", .connector = CONNECTOR_MYSQL, .lease = "lock", .open = open_mysql, BINLOG_KIND};

const struct source_kind source_mariadb = {
    .type = "mariadb", .title = "MariaDB", .connector = CONNECTOR_MARIADB, .lease = "lock", .open = open_mariadb, BINLOG_KIND};
