/*
 * binlog_scene.h -- a binlog's framer and a stream of events to it, for the tests of each part of it.
 *
 * Events are made by hand (binlog_events.h) and handed over in memory of exactly their size. A scene is a stream of
 * one file: it keeps the place behind the last event.
 */
#ifndef TEST_BINLOG_SCENE_H
#define TEST_BINLOG_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../cdc/decode/binlog_frame.h"
#include "binlog_events.h"
#include "cdc/decoder.h"

#define UUID "00000000-0000-0000-0000-000000000001"
#define OTHER_UUID "00000000-0000-0000-0000-000000000002"

enum { ITEMS = 100, UNWANTED = 101, OTHER = 102, NO_TABLE = 0xffffff, STMT_END = 1, SIZE = 1000 };

struct scene {
    struct binlog_framer framer;
    struct batch *batch;
    struct error err;
    bool full;
    bool mariadb;
    bool checksum;
    bool blind;         /* events don't say where they are */
    uint16_t flags;
    uint32_t server_id;
    char file[40];
    uint64_t pos, begin; /* behind the last event, and where it begins */
    const char *refuse;  /* by `describe`, with this code */
    int described, looked;
};

/* ---- what the framer asks ---- */

static inline bool
wants(void *arg, const char *schema, const char *table)
{
    (void)arg;
    return strcmp(schema, "shop") == 0 && strcmp(table, "unwanted") != 0;
}

static inline bool
wants_schema(void *arg, const char *schema)
{
    (void)arg;
    return strcmp(schema, "shop") == 0;
}

static inline enum binlog_charset
charset_of(void *arg, uint32_t collation)
{
    (void)arg;
    return binlog_charset_of_collation(collation);
}

static inline int
describe(void *arg, struct relation *rel, struct binlog_column *columns, unsigned missing, struct error *err)
{
    struct scene *s = arg;

    (void)columns;
    s->described++;
    if (s->refuse != NULL)
        return error_set(err, ERROR_CONFIG, s->refuse, "it is not known what its columns are");
    for (uint16_t i = 0; (missing & MISSING_NAMES) && i < rel->ncolumns; i++)
        rel->columns[i].name = arena_printf(&rel->arena, "d%u", i);
    return 0;
}

static inline int
relation_now(void *arg, const char *schema, const char *table, struct relation **out, struct error *err)
{
    struct scene *s = arg;

    s->looked++;
    *out = NULL;
    if (strcmp(table, "broken") == 0)
        return error_set(err, ERROR_RETRY, "", "the server is away");
    if (strcmp(table, "gone") == 0)
        return 0;
    *out = relation_new(0, schema, table, 0);
    relation_seal(*out);
    return 0;
}

static inline void
scene_open_as(struct scene *s, bool mariadb)
{
    struct binlog_framer_settings set = {
        .reading = {.mariadb = mariadb, .charset_of = charset_of, .describe = describe, .arg = s},
        .wants = wants,
        .wants_schema = wants_schema,
        .relation_now = relation_now,
        .arg = s,
        .batch_size = SIZE,
        .event_max = 1 << 16,
    };

    *s = (struct scene){.batch = batch_new(), .mariadb = mariadb, .server_id = 1};
    assert_int_equal(binlog_framer_init(&s->framer, &set, &s->err), 0);
}

static inline void
scene_close(struct scene *s)
{
    batch_free(s->batch);
    binlog_framer_free(&s->framer);
}

/* ---- events ---- */

static inline int
feed(struct scene *s, struct buffer event)
{
    uint8_t *exact = malloc(event.len);
    int rc;

    memcpy(exact, event.at, event.len);
    s->err = (struct error)ERROR_INIT;
    s->full = false;
    rc = binlog_framer_event(&s->framer, bytes_of(exact, event.len), s->batch, &s->full, &s->err);
    free(exact);
    buffer_free(&event);
    return rc;
}

static inline int
send(struct scene *s, uint8_t type, struct buffer body)
{
    size_t size = EVENT_HEADER_BYTES + body.len + (s->checksum ? EVENT_CHECKSUM_BYTES : 0);
    struct event_form form = {.timestamp = 1700000000, .server_id = s->server_id, .flags = s->flags,
                              .checksum = s->checksum};

    s->begin = s->pos;
    s->pos += size;
    form.log_pos = s->blind ? 0 : (uint32_t)s->pos;
    return feed(s, event_make(type, body, &form));
}

static inline void
good(struct scene *s, uint8_t type, struct buffer body)
{
    if (send(s, type, body) == -1)
        fail_msg("event %u: %s %s", type, s->err.code, s->err.text);
}

static inline void
refuse(struct scene *s, uint8_t type, struct buffer body, enum error_kind kind, const char *code)
{
    if (send(s, type, body) == 0)
        fail_msg("event %u was taken", type);
    assert_string_equal(s->err.code, code);
    assert_int_equal(s->err.kind, kind);
}

/* The rotate that no file has. */
static inline void
fake_rotate(struct scene *s, const char *file, uint64_t pos)
{
    struct event_form form = {.flags = EVENT_FLAG_ARTIFICIAL, .checksum = s->checksum};

    snprintf(s->file, sizeof(s->file), "%s", file);
    s->pos = pos;
    if (feed(s, event_make(EVENT_ROTATE, body_rotate(file, pos), &form)) == -1)
        fail_msg("%s", s->err.text);
}

static inline void
format(struct scene *s)
{
    struct event_form form = {.checksum = true};
    struct buffer body = body_format(4, EVENT_HEADER_BYTES, s->checksum ? 1 : 0);

    if (s->pos == 4) {
        s->pos += EVENT_HEADER_BYTES + body.len + EVENT_CHECKSUM_BYTES;
        form.log_pos = (uint32_t)s->pos;
    }
    if (feed(s, event_make(EVENT_FORMAT_DESCRIPTION, body, &form)) == -1)
        fail_msg("%s", s->err.text);
}

static inline void
connect_at(struct scene *s, const char *file, uint64_t pos)
{
    binlog_framer_connected(&s->framer, s->checksum, s->mariadb ? "7" : UUID);
    fake_rotate(s, file, pos);
    format(s);
}

static inline void
resume(struct scene *s, const char *from)
{
    struct position position = {.kind = POSITION_NONE};

    if (position_parse(&position, from, &s->err) == -1)
        fail_msg("%s: %s", from, s->err.text);
    assert_int_equal(binlog_framer_resume(&s->framer, &position, 1, &s->err), 0);
    position_clear(&position);
}

static inline void
scene_open(struct scene *s, const char *from)
{
    scene_open_as(s, strncmp(from, "mariadb:", 8) == 0);
    resume(s, from);
    connect_at(s, "binlog.000001", 4);
}

static inline void
begin(struct scene *s, uint64_t number)
{
    if (s->mariadb) {
        good(s, EVENT_MARIADB_GTID, body_mariadb_gtid(0, number, MARIADB_ROWS, ""));
    } else {
        good(s, number == 0 ? EVENT_ANONYMOUS_GTID : EVENT_GTID, body_gtid(1, number, 1234567));
        good(s, EVENT_QUERY, body_query("shop", "BEGIN"));
    }
}

static inline void
end(struct scene *s)
{
    good(s, EVENT_XID, body_xid());
}

static inline void
maps(struct scene *s)
{
    good(s, EVENT_TABLE_MAP, body_map(ITEMS, "items", 2));
    good(s, EVENT_TABLE_MAP, body_map(UNWANTED, "unwanted", 2));
}

/* So many events of one row each, and the statement goes on. */
static inline void
rows(struct scene *s, uint64_t id, int n)
{
    for (int i = 0; i < n; i++)
        good(s, s->mariadb ? EVENT_WRITE_ROWS_V1 : EVENT_WRITE_ROWS,
             body_rows(s->mariadb ? EVENT_WRITE_ROWS_V1 : EVENT_WRITE_ROWS, id, 0, 2, 1));
}

static inline void
transaction(struct scene *s, uint64_t number, int n)
{
    begin(s, number);
    maps(s);
    rows(s, ITEMS, n);
    end(s);
}

static inline void
query(struct scene *s, const char *text)
{
    good(s, EVENT_QUERY, body_query("shop", text));
}

/* A statement that is a group. */
static inline void
alone(struct scene *s, uint64_t number, const char *text)
{
    if (s->mariadb)
        good(s, EVENT_MARIADB_GTID, body_mariadb_gtid(0, number, MARIADB_ALONE, ""));
    else
        good(s, EVENT_GTID, body_gtid(1, number, 1234567));
    query(s, text);
}

/* ---- what is there ---- */

/* The batch is done; where it ends is this. */
static inline void ends_at(struct scene *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void
ends_at(struct scene *s, const char *fmt, ...)
{
    char want[400], got[POSITION_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    vsnprintf(want, sizeof(want), fmt, args);
    va_end(args);
    assert_int_equal(binlog_framer_finish(&s->framer, s->batch, &s->err), 0);
    assert_string_equal(position_print(&s->batch->end, got), want);
    assert_int_equal(s->batch->mid_transaction, s->batch->end.open != 0);
    assert_true(s->batch->end_number == s->framer.number);
}

static inline void
next_batch(struct scene *s)
{
    batch_reset(s->batch, 0);
}

static inline void
assert_frames(const struct scene *s, uint32_t n)
{
    if (s->batch->nframes != n)
        fail_msg("%u frames, expected %u", s->batch->nframes, n);
}

/* The only frame of its kind, and the last: its code and a part of its text. */
static inline void
stops(const struct scene *s, uint32_t frames, uint64_t ordinal, const char *code, const char *part)
{
    const struct frame *last = &s->batch->frames[frames - 1];
    struct bytes message;
    const char *said;

    assert_frames(s, frames);
    assert_int_equal(last->kind, FRAME_STOP);
    for (uint32_t i = 0; i + 1 < frames; i++)
        assert_int_not_equal(s->batch->frames[i].kind, FRAME_STOP);
    assert_int_equal(last->ordinal, ordinal);
    message = batch_message(s->batch, last);
    assert_string_equal((const char *)message.at, code);
    if (memmem(message.at + strlen(code) + 1, message.len - strlen(code) - 1, part, strlen(part)) == NULL)
        fail_msg("\"%.*s\" has no \"%s\"", (int)(message.len - strlen(code) - 1), message.at + strlen(code) + 1, part);
    said = (const char *)message.at + strlen(code) + 2; /* behind the zero and the kind */
    if (strncmp(said, "transaction ", 12) != 0 && strncmp(said, "before binlog.", 14) != 0)
        fail_msg("\"%.40s\" does not say where", said);
    assert_true(s->full);
    assert_true(s->framer.stopped);
}

static inline const char *
table_of(const struct scene *s, uint32_t frame)
{
    return s->batch->frames[frame].relation->table;
}

#endif
