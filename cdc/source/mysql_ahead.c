/* mysql_ahead.c -- see mysql_ahead.h. */
#include "mysql_ahead.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "../decode/binlog_query.h"
#include "cdc/clock.h"
#include "cdc/log.h"
#include "mysql_stream.h"

enum { AHEAD_BYTES = 4 << 20 };

/* ---- what is kept ---- */

void
mysql_ahead_clear(struct mysql_ahead *ahead)
{
    free(ahead->at);
    buffer_free(&ahead->texts);
    *ahead = (struct mysql_ahead){.n = 0};
}

/* False: no room, or no memory. */
static bool
keep(struct mysql_ahead *ahead, const struct log_place *group, struct bytes text)
{
    if (ahead->texts.len + text.len > AHEAD_BYTES)
        return false;
    if (ahead->n == ahead->cap) {
        size_t cap = ahead->cap == 0 ? 16 : 2 * ahead->cap;
        struct mysql_ahead_statement *grown = realloc(ahead->at, cap * sizeof(*grown));

        if (grown == NULL)
            return false;
        ahead->at = grown;
        ahead->cap = cap;
    }
    ahead->at[ahead->n] = (struct mysql_ahead_statement){*group, ahead->texts.len, text.len};
    buffer_put(&ahead->texts, text.at, text.len);
    if (buffer_failed(&ahead->texts))
        return false;
    ahead->n++;
    return true;
}

/* Forget what stands before `begin`; everything, if that lies outside of what was read, or in another server's log. */
static void
begin_at(struct mysql_ahead *ahead, const struct log_place *begin, const char *server)
{
    size_t old = 0;

    if (ahead->from.number == 0 || strcmp(ahead->server, server) != 0 || !log_place_before(&ahead->from, begin) ||
        !log_place_before(begin, &ahead->to)) {
        mysql_ahead_clear(ahead);
        snprintf(ahead->server, sizeof(ahead->server), "%s", server);
        ahead->to = *begin;
    }
    ahead->from = *begin;
    while (old < ahead->n && !log_place_before(begin, &ahead->at[old].group))
        old++;
    if (old == 0)
        return;
    size_t gone = old < ahead->n ? ahead->at[old].offset : ahead->texts.len;
    ahead->texts.len -= gone;
    memmove(ahead->texts.at, ahead->texts.at + gone, ahead->texts.len);
    ahead->n -= old;
    memmove(ahead->at, ahead->at + old, ahead->n * sizeof(*ahead->at));
    for (size_t i = 0; i < ahead->n; i++)
        ahead->at[i].offset -= gone;
}

/* ---- does a statement speak of the table? ---- */

static bool
is_name_part(uint8_t c)
{
    return isalnum(c) || c == '_' || c == '$' || c >= 0x80;
}

/* A statement that changes the table has its name in it, as a word. */
static bool
speaks_of(struct bytes text, const char *table)
{
    size_t n = strlen(table);

    for (size_t i = 0; i + n <= text.len; i++) {
        if (strncasecmp((const char *)text.at + i, table, n) == 0 &&
            (i == 0 || !is_name_part(text.at[i - 1]) || !is_name_part((uint8_t)table[0])) &&
            (i + n == text.len || !is_name_part(text.at[i + n]) || !is_name_part((uint8_t)table[n - 1])))
            return true;
    }
    return false;
}

struct search {
    struct mysql_ahead *ahead;
    const char *table;
    char *found; /* the statement's beginning; "" until there is one */
    struct log_place at, group;
    bool checksums;
    bool full; /* not all of it could be kept */
    int64_t until;
    struct buffer scratch;
};

static void
look_at(struct search *s, const struct log_place *group, struct bytes text)
{
    if (!log_place_equal(group, &s->ahead->from) && speaks_of(text, s->table))
        snprintf(s->found, MYSQL_AHEAD_TEXT, "%.*s", (int)(text.len < 100 ? text.len : 100), (const char *)text.at);
}

static void
look_at_kept(struct search *s)
{
    for (size_t i = 0; i < s->ahead->n && s->found[0] == 0; i++) {
        const struct mysql_ahead_statement *statement = &s->ahead->at[i];

        look_at(s, &statement->group, bytes_of(s->ahead->texts.at + statement->offset, statement->len));
    }
}

/* ---- what was not read yet ---- */

static int
on_query(struct search *s, const struct binlog_event *event, struct error *err)
{
    struct binlog_query_event query;

    if (binlog_query_read(event, &s->scratch, &query, err) == -1)
        return -1;
    if (binlog_query_kind(query.text) != QUERY_DDL)
        return 0;
    look_at(s, &s->group, query.text);
    s->full = s->full || !keep(s->ahead, &s->group, query.text);
    return 0;
}

/* Behind this event everything up to its group is known: here the reading may end. */
static int
on_group(struct search *s, const struct binlog_event *event, struct error *err)
{
    char file[LOG_FILE_MAX];

    s->group = s->at;
    s->group.pos -= event->size;
    if (s->full || clock_monotonic_ms() < s->until)
        return 0;
    s->ahead->to = s->group;
    log_file_print(&s->group, file);
    return error_set(err, ERROR_RETRY, "",
                     "the log is being read ahead for statements that speak of its tables; it is at %s:%" PRIu64
                     " and goes on from there",
                     file, s->group.pos);
}

static int
on_event(struct search *s, struct bytes raw, struct error *err)
{
    struct binlog_event event;
    char version[51];

    if (raw.len > 4 && raw.at[4] == EVENT_FORMAT_DESCRIPTION) {
        if (binlog_format_read(raw, &s->checksums, version, err) == -1 ||
            binlog_event_read(&event, raw, false, err) == -1)
            return -1;
        binlog_event_pass(&event, &s->at);
        return 0;
    }
    if (binlog_event_read(&event, raw, s->checksums, err) == -1)
        return -1;
    binlog_event_pass(&event, &s->at);
    if (event.type == EVENT_ROTATE)
        return binlog_rotate_read(&event, &s->at, err);
    if (event.type == EVENT_QUERY || event.type == EVENT_MARIADB_QUERY_COMPRESSED)
        return on_query(s, &event, err);
    return binlog_event_begins_group(&event) ? on_group(s, &event, err) : 0;
}

/* From the end of what is kept to the end of the log, over a connection of its own. */
static int
read_on(struct mysql_source *my, struct search *s, struct error *err)
{
    struct wire_start start = {.server_id = mysql_server_id(my->config, ROLE_SCAN), .at = s->ahead->to, .until_end = true};
    struct wire wire = {.conn = NULL};
    MYSQL *conn = mysql_connect_again(my, err);
    int rc = conn == NULL ? -1 : mysql_dump_session(conn, my->config, my->mariadb, ROLE_SCAN, NULL, err);

    s->at = s->group = start.at;
    if (rc == 0)
        rc = wire_open(&wire, conn, &start, err);
    while (rc == 0 && s->found[0] == 0) {
        struct bytes event;
        int got = wire_read(&wire, &event, err);

        if (got == 0)
            break;
        rc = got == -1 ? -1 : on_event(s, event, err);
        if (rc == 0)
            rc = mysql_look_after_lease(my, err);
    }
    wire_close(&wire);
    if (conn != NULL)
        mysql_close(conn);
    return rc;
}

int
mysql_ahead_find(struct mysql_source *my, const char *table, char text[MYSQL_AHEAD_TEXT], struct error *err)
{
    struct mysql_ahead *ahead = &my->ahead;
    struct search s = {.ahead = ahead, .table = table, .found = text, .checksums = my->checksums,
                       .until = clock_monotonic_ms() + READ_AHEAD_MS};
    struct log_place from;
    int rc = 0;

    text[0] = 0;
    begin_at(ahead, &my->framer.group.id.begin, my->facts.name);
    from = ahead->to;
    look_at_kept(&s);
    if (text[0] == 0)
        rc = read_on(my, &s, err);
    log_debug("mysql", "table=%s the log was read ahead from %" PRIu32 "/%" PRIu64 " to %" PRIu32 "/%" PRIu64, table,
              from.number, from.pos, s.at.number, s.at.pos);
    buffer_free(&s.scratch);
    if (text[0] != 0 || s.full || (rc == -1 && log_place_equal(&from, &ahead->to)))
        mysql_ahead_clear(ahead); /* it is known in part only */
    else if (rc == 0)
        ahead->to = s.at;
    return rc == -1 ? -1 : text[0] != 0;
}
