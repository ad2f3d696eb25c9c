/*
 * test_binlog_frame.c -- a binlog's events to frames: groups, counts, positions, resuming, tables, payloads, XA, and
 * all that stops.
 *
 * Events are made by hand (binlog_events.h) and handed over in memory of exactly their size. A scene is a stream of
 * one file: it keeps the place behind the last event.
 */
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

static bool
wants(void *arg, const char *schema, const char *table)
{
    (void)arg;
    return strcmp(schema, "shop") == 0 && strcmp(table, "unwanted") != 0;
}

static bool
wants_schema(void *arg, const char *schema)
{
    (void)arg;
    return strcmp(schema, "shop") == 0;
}

static enum binlog_charset
charset_of(void *arg, uint32_t collation)
{
    (void)arg;
    return binlog_charset_of_collation(collation);
}

static int
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

static int
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

static void
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

static void
scene_close(struct scene *s)
{
    batch_free(s->batch);
    binlog_framer_free(&s->framer);
}

/* ---- events ---- */

static int
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

static int
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

static void
good(struct scene *s, uint8_t type, struct buffer body)
{
    if (send(s, type, body) == -1)
        fail_msg("event %u: %s %s", type, s->err.code, s->err.text);
}

static void
refuse(struct scene *s, uint8_t type, struct buffer body, enum error_kind kind, const char *code)
{
    if (send(s, type, body) == 0)
        fail_msg("event %u was taken", type);
    assert_string_equal(s->err.code, code);
    assert_int_equal(s->err.kind, kind);
}

/* The rotate that no file has. */
static void
fake_rotate(struct scene *s, const char *file, uint64_t pos)
{
    struct event_form form = {.flags = EVENT_FLAG_ARTIFICIAL, .checksum = s->checksum};

    snprintf(s->file, sizeof(s->file), "%s", file);
    s->pos = pos;
    if (feed(s, event_make(EVENT_ROTATE, body_rotate(file, pos), &form)) == -1)
        fail_msg("%s", s->err.text);
}

static void
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

static void
connect_at(struct scene *s, const char *file, uint64_t pos)
{
    binlog_framer_connected(&s->framer, s->checksum, s->mariadb ? "7" : UUID);
    fake_rotate(s, file, pos);
    format(s);
}

static void
resume(struct scene *s, const char *from)
{
    struct position position = {.kind = POSITION_NONE};

    if (position_parse(&position, from, &s->err) == -1)
        fail_msg("%s: %s", from, s->err.text);
    assert_int_equal(binlog_framer_resume(&s->framer, &position, 1, &s->err), 0);
    position_clear(&position);
}

static void
scene_open(struct scene *s, const char *from)
{
    scene_open_as(s, strncmp(from, "mariadb:", 8) == 0);
    resume(s, from);
    connect_at(s, "binlog.000001", 4);
}

static void
begin(struct scene *s, uint64_t number)
{
    if (s->mariadb) {
        good(s, EVENT_MARIADB_GTID, body_mariadb_gtid(0, number, MARIADB_ROWS, ""));
    } else {
        good(s, number == 0 ? EVENT_ANONYMOUS_GTID : EVENT_GTID, body_gtid(1, number, 1234567));
        good(s, EVENT_QUERY, body_query("shop", "BEGIN"));
    }
}

static void
end(struct scene *s)
{
    good(s, EVENT_XID, body_xid());
}

static void
maps(struct scene *s)
{
    good(s, EVENT_TABLE_MAP, body_map(ITEMS, "items", 2));
    good(s, EVENT_TABLE_MAP, body_map(UNWANTED, "unwanted", 2));
}

/* So many events of one row each, and the statement goes on. */
static void
rows(struct scene *s, uint64_t id, int n)
{
    for (int i = 0; i < n; i++)
        good(s, s->mariadb ? EVENT_WRITE_ROWS_V1 : EVENT_WRITE_ROWS,
             body_rows(s->mariadb ? EVENT_WRITE_ROWS_V1 : EVENT_WRITE_ROWS, id, 0, 2, 1));
}

static void
transaction(struct scene *s, uint64_t number, int n)
{
    begin(s, number);
    maps(s);
    rows(s, ITEMS, n);
    end(s);
}

static void
query(struct scene *s, const char *text)
{
    good(s, EVENT_QUERY, body_query("shop", text));
}

/* A statement that is a group. */
static void
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
static void
ends_at(struct scene *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
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

static void
next_batch(struct scene *s)
{
    batch_reset(s->batch, 0);
}

static void
assert_frames(const struct scene *s, uint32_t n)
{
    if (s->batch->nframes != n)
        fail_msg("%u frames, expected %u", s->batch->nframes, n);
}

/* The only frame of its kind, and the last: its code and a part of its text. */
static void
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

static const char *
table_of(const struct scene *s, uint32_t frame)
{
    return s->batch->frames[frame].relation->table;
}

/* ---- groups ---- */

static void
a_group_of_mysql_becomes_frames_with_its_bounds(void **state)
{
    struct scene s;
    uint64_t began, first, after;
    struct batch_transaction *t;

    (void)state;
    scene_open(&s, "gtid:");
    s.server_id = 9;
    began = s.pos;
    begin(&s, 7);
    maps(&s);
    good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 2, 3));
    first = s.begin;
    good(&s, EVENT_UPDATE_ROWS, body_rows(EVENT_UPDATE_ROWS, ITEMS, 0, 2, 1));
    good(&s, EVENT_DELETE_ROWS, body_rows(EVENT_DELETE_ROWS, ITEMS, STMT_END, 2, 1));
    end(&s);
    after = s.pos;
    assert_frames(&s, 3);
    assert_int_equal(s.batch->ntransactions, 1);
    t = &s.batch->transactions[0];
    assert_true(t->starts && t->ends);
    assert_int_equal(t->number, 1);
    assert_int_equal(t->id.gtid.number, 7);
    assert_int_equal(t->id.server_id, 9);
    assert_int_equal(t->id.thread_id, 77);
    assert_int_equal(t->id.commit_us, 1234567);
    assert_int_equal(t->id.begin.number, 1);
    assert_int_equal(t->id.begin.pos, began);
    assert_int_equal(t->id.after.pos, after);
    for (uint32_t i = 0; i < 3; i++) {
        const struct frame *frame = &s.batch->frames[i];

        assert_int_equal(frame->kind, FRAME_ROW);
        assert_int_equal(frame->ordinal, i);
        assert_int_equal(batch_message(s.batch, frame).at[4], EVENT_WRITE_ROWS + i);
        assert_string_equal(frame->relation->table, "items");
    }
    assert_int_equal(s.batch->frames[0].lsn, first);
    ends_at(&s, "gtid:" UUID ":7@binlog.000001/%llu", (unsigned long long)after);
    scene_close(&s);
}

static void
a_group_of_mariadb_ends_by_xid_or_with_its_statement(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "mariadb:");
    transaction(&s, 5, 2);
    assert_frames(&s, 2);
    assert_true(s.batch->transactions[0].ends);
    assert_int_equal(s.batch->transactions[0].id.commit_us, INT64_C(1700000000000000));
    assert_int_equal(s.batch->transactions[0].id.thread_id, 0);
    ends_at(&s, "mariadb:0-1-5@binlog.000001/%llu", (unsigned long long)s.pos);
    alone(&s, 6, "create table t (id int)");
    ends_at(&s, "mariadb:0-1-6@binlog.000001/%llu", (unsigned long long)s.pos);
    s.server_id = 3;
    good(&s, EVENT_MARIADB_GTID, body_mariadb_gtid(9, 1, MARIADB_ALONE, ""));
    query(&s, "drop table t");
    ends_at(&s, "mariadb:0-1-6,9-3-1@binlog.000001/%llu", (unsigned long long)s.pos);
    assert_frames(&s, 2);
    scene_close(&s);
}

static void
a_statement_that_is_a_group_of_mysql_ends_it(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    alone(&s, 1, "create table t (id int)");
    assert_false(s.framer.group.open);
    transaction(&s, 2, 1);
    ends_at(&s, "gtid:" UUID ":1-2@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
a_definition_inside_a_group_does_not_end_it(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    query(&s, "CREATE TABLE `cs` (`id` int) START TRANSACTION");
    maps(&s);
    rows(&s, ITEMS, 1);
    assert_true(s.framer.group.open);
    query(&s, "SAVEPOINT `a`");
    query(&s, "# Dummy");
    assert_true(s.framer.group.open);
    end(&s);
    assert_frames(&s, 1);
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
row_events_count_whether_they_are_wanted_or_not(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    rows(&s, UNWANTED, 2);
    ends_at(&s, "gtid:+" UUID ":1/2/0/" UUID);
    rows(&s, ITEMS, 1);
    rows(&s, UNWANTED, 1);
    rows(&s, ITEMS, 1);
    end(&s);
    assert_frames(&s, 2);
    assert_int_equal(s.batch->frames[0].ordinal, 2);
    assert_int_equal(s.batch->frames[1].ordinal, 4);
    scene_close(&s);
}

static void
an_event_of_no_table_ends_a_statement_and_counts_nothing(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    rows(&s, ITEMS, 1);
    good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, NO_TABLE, STMT_END, 0, 0));
    assert_frames(&s, 1);
    refuse(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 2, 1), ERROR_RETRY, "E_PROTOCOL");
    scene_close(&s);
}

static void
what_stands_outside_of_a_group_is_refused(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    refuse(&s, EVENT_XID, body_xid(), ERROR_RETRY, "E_PROTOCOL");
    refuse(&s, EVENT_QUERY, body_query("shop", "BEGIN"), ERROR_RETRY, "E_PROTOCOL");
    refuse(&s, EVENT_XA_PREPARE, body_xa_prepare(false, "x", ""), ERROR_RETRY, "E_PROTOCOL");
    refuse(&s, EVENT_TRANSACTION_PAYLOAD, body_payload((struct buffer){0}, true), ERROR_RETRY, "E_PROTOCOL");
    good(&s, EVENT_TABLE_MAP, body_map(ITEMS, "items", 2));
    refuse(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 2, 1), ERROR_RETRY, "E_PROTOCOL");
    begin(&s, 1);
    refuse(&s, EVENT_GTID, body_gtid(1, 2, 0), ERROR_RETRY, "E_PROTOCOL");
    refuse(&s, EVENT_WRITE_ROWS, body_of("abc", 3), ERROR_RETRY, "E_PROTOCOL");
    assert_frames(&s, 0);
    scene_close(&s);
    scene_open(&s, "gtid:"); /* of the other kind of server */
    refuse(&s, EVENT_MARIADB_GTID, body_mariadb_gtid(0, 1, MARIADB_ROWS, ""), ERROR_RETRY, "E_PROTOCOL");
    scene_close(&s);
    scene_open(&s, "mariadb:");
    refuse(&s, EVENT_GTID, body_gtid(1, 1, 0), ERROR_RETRY, "E_PROTOCOL");
    scene_close(&s);
}

/* ---- bounds ---- */

static void
a_batch_is_full_at_the_first_end_past_its_size(void **state)
{
    struct scene s;
    uint64_t n = 0;

    (void)state;
    scene_open(&s, "gtid:");
    while (!s.full && n < 100)
        transaction(&s, ++n, 3);
    assert_true(s.batch->raw.len >= SIZE);
    assert_true(s.batch->raw.len - s.batch->raw.len / n < SIZE);
    assert_int_equal(s.batch->ntransactions, n);
    ends_at(&s, "gtid:" UUID ":1-%llu@binlog.000001/%llu", (unsigned long long)n, (unsigned long long)s.pos);
    scene_close(&s);
}

static void
at_twice_its_size_a_batch_ends_inside_a_transaction(void **state)
{
    struct scene s;
    uint64_t first;
    unsigned n = 0;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    first = s.pos;
    begin(&s, 2);
    maps(&s);
    for (; !s.full; n++)
        rows(&s, ITEMS, 1);
    assert_true(s.batch->raw.len >= 2 * SIZE);
    assert_int_equal(s.batch->ntransactions, 2);
    assert_false(s.batch->transactions[1].ends);
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/%llu+" UUID ":2/%u/0/" UUID, (unsigned long long)first, n);
    next_batch(&s);
    rows(&s, ITEMS, 2);
    end(&s);
    assert_true(s.full); /* a batch that begins inside a transaction ends with it */
    assert_int_equal(s.batch->transactions[0].number, 2);
    assert_false(s.batch->transactions[0].starts);
    assert_true(s.batch->transactions[0].ends);
    assert_int_equal(s.batch->frames[0].ordinal, n);
    ends_at(&s, "gtid:" UUID ":1-2@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
a_batch_that_begins_inside_ends_with_it_though_nothing_more_of_it_is_wanted(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    rows(&s, ITEMS, 1);
    ends_at(&s, "gtid:+" UUID ":1/1/0/" UUID);
    next_batch(&s);
    rows(&s, UNWANTED, 1);
    end(&s);
    assert_true(s.full);
    assert_frames(&s, 0);
    transaction(&s, 2, 1);
    assert_false(s.full);
    scene_close(&s);

    scene_open(&s, "gtid:+" UUID ":1/1/1/" UUID);
    begin(&s, 1);
    maps(&s);
    rows(&s, ITEMS, 1);
    rows(&s, UNWANTED, 1);
    end(&s);
    assert_true(s.full);
    assert_frames(&s, 0);
    scene_close(&s);
}

static void
a_heartbeat_has_a_position_and_no_frames(void **state)
{
    struct scene s;
    const struct place *first;
    uint64_t here;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    here = s.pos;
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/%llu", (unsigned long long)s.pos);
    first = s.batch->end.place;
    next_batch(&s);
    good(&s, EVENT_HEARTBEAT, body_of("binlog.000001", 13));
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/%llu", (unsigned long long)here);
    assert_ptr_equal(s.batch->end.place, first); /* nothing has changed: the same place */
    s.pos = here;
    transaction(&s, 2, 0);
    assert_frames(&s, 0);
    ends_at(&s, "gtid:" UUID ":1-2@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
a_place_that_was_handed_out_does_not_change(void **state)
{
    struct scene s;
    struct position first = {.kind = POSITION_NONE};
    char text[POSITION_TEXT_MAX], before[POSITION_TEXT_MAX];

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/%llu", (unsigned long long)s.pos);
    position_copy(&first, &s.batch->end);
    position_print(&first, before);
    next_batch(&s);
    transaction(&s, 2, 1);
    ends_at(&s, "gtid:" UUID ":1-2@binlog.000001/%llu", (unsigned long long)s.pos);
    assert_string_equal(position_print(&first, text), before);
    position_clear(&first);
    scene_close(&s);
}

/* ---- positions, resuming ---- */

static void
without_gtids_the_position_is_a_place_in_a_file(void **state)
{
    struct scene s;
    uint64_t began, middle;

    (void)state;
    scene_open(&s, "file:binlog.000001/4");
    transaction(&s, 0, 2);
    ends_at(&s, "file:binlog.000001/%llu", (unsigned long long)s.pos);
    middle = began = s.pos;
    begin(&s, 0);
    maps(&s);
    rows(&s, ITEMS, 1);
    ends_at(&s, "file:binlog.000001/%llu+binlog.000001:%llu/1/0/" UUID, (unsigned long long)middle,
            (unsigned long long)began);
    rows(&s, ITEMS, 1);
    end(&s);
    good(&s, EVENT_ROTATE, body_rotate("binlog.000002", 4));
    ends_at(&s, "file:binlog.000002/4");
    fake_rotate(&s, "binlog.000002", 4);
    format(&s);
    ends_at(&s, "file:binlog.000002/4");
    assert_frames(&s, 4);
    scene_close(&s);
}

static void
what_is_covered_is_passed_over(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:" UUID ":1:3");
    transaction(&s, 1, 2);
    transaction(&s, 2, 1);
    begin(&s, 3);
    rows(&s, OTHER, 3); /* of a table that was not even described */
    query(&s, "insert into t values (1)");
    query(&s, "COMMIT");
    alone(&s, 1, "truncate t");
    begin(&s, 1);
    query(&s, "ROLLBACK");
    transaction(&s, 4, 1);
    assert_frames(&s, 2);
    assert_int_equal(s.batch->transactions[0].id.gtid.number, 2);
    assert_int_equal(s.batch->transactions[1].id.gtid.number, 4);
    assert_int_equal(s.batch->transactions[1].number, 2);
    scene_close(&s);
    scene_open(&s, "file:binlog.000001/500");
    transaction(&s, 0, 2);
    assert_true(s.begin < 500);
    s.pos = 500;
    transaction(&s, 0, 1); /* right there */
    assert_frames(&s, 1);
    scene_close(&s);
}

static void
resuming_inside_a_transaction_skips_exactly_what_is_done(void **state)
{
    static const char *const places[] = {"gtid:" UUID ":1+" UUID ":2/3/9/" UUID,
                                         "file:binlog.000001/4+binlog.000001:900/3/9/" UUID};
    struct scene s;

    (void)state;
    for (int i = 0; i < 2; i++) {
        uint64_t number = i == 0 ? 2 : 0;

        scene_open(&s, places[i]);
        if (i == 0)
            transaction(&s, 1, 1);
        s.pos = 900;
        begin(&s, number);
        maps(&s);
        rows(&s, ITEMS, 2);
        rows(&s, UNWANTED, 1);
        assert_frames(&s, 0);
        rows(&s, ITEMS, 2);
        end(&s);
        assert_frames(&s, 2);
        assert_int_equal(s.batch->frames[0].ordinal, 3);
        assert_true(s.batch->transactions[0].starts);
        assert_true(s.batch->transactions[0].ends);
        if (i == 0)
            ends_at(&s, "gtid:" UUID ":1-2@binlog.000001/%llu", (unsigned long long)s.pos);
        else
            ends_at(&s, "file:binlog.000001/%llu", (unsigned long long)s.pos);
        scene_close(&s);
    }
}

static void
a_position_inside_stays_until_its_transaction_comes(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:" UUID ":1@binlog.000001/9+" UUID ":2/3/9/" UUID);
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/9+" UUID ":2/3/0/" UUID);
    begin(&s, 2);
    maps(&s);
    rows(&s, ITEMS, 1);
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/9+" UUID ":2/3/0/" UUID);
    scene_close(&s);
}

static void
another_transaction_in_place_of_the_open_one_is_refused(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:" UUID ":1+" UUID ":2/3/9/" UUID);
    refuse(&s, EVENT_GTID, body_gtid(1, 3, 0), ERROR_REFUSED, "E_DIVERGED");
    assert_non_null(strstr(s.err.text, UUID ":2"));
    assert_non_null(strstr(s.err.text, UUID ":3"));
    scene_close(&s);
    scene_open(&s, "mariadb:0-1-1+0-1-2/3/9/1");
    s.server_id = 2; /* the same number, from elsewhere */
    refuse(&s, EVENT_MARIADB_GTID, body_mariadb_gtid(0, 2, MARIADB_ROWS, ""), ERROR_REFUSED, "E_DIVERGED");
    scene_close(&s);
    scene_open(&s, "file:binlog.000001/4+binlog.000001:900/3/9/" UUID);
    s.pos = 800;
    refuse(&s, EVENT_ANONYMOUS_GTID, body_gtid(1, 0, 0), ERROR_REFUSED, "E_DIVERGED");
    scene_close(&s);
}

static void
an_open_transaction_that_came_again_shorter_is_refused(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:" UUID ":1+" UUID ":2/3/9/" UUID);
    begin(&s, 2);
    maps(&s);
    rows(&s, ITEMS, 2);
    refuse(&s, EVENT_XID, body_xid(), ERROR_REFUSED, "E_DIVERGED");
    scene_close(&s);
}

static void
numbers_of_a_domain_that_go_back_are_refused(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "mariadb:0-1-5,3-1-9");
    refuse(&s, EVENT_MARIADB_GTID, body_mariadb_gtid(0, 5, MARIADB_ROWS, ""), ERROR_REFUSED, "E_GTID_ORDER");
    good(&s, EVENT_MARIADB_GTID, body_mariadb_gtid(2, 1, MARIADB_ROWS, ""));
    end(&s);
    good(&s, EVENT_MARIADB_GTID, body_mariadb_gtid(0, 6, MARIADB_ROWS, ""));
    end(&s);
    s.server_id = 2;
    refuse(&s, EVENT_MARIADB_GTID, body_mariadb_gtid(0, 6, MARIADB_ROWS, ""), ERROR_REFUSED, "E_GTID_ORDER");
    refuse(&s, EVENT_MARIADB_GTID, body_mariadb_gtid(3, 8, MARIADB_ROWS, ""), ERROR_REFUSED, "E_GTID_ORDER");
    ends_at(&s, "mariadb:0-1-6,2-1-1,3-1-9@binlog.000001/%llu",
            (unsigned long long)(s.pos - 3 * (EVENT_HEADER_BYTES + 19) + EVENT_HEADER_BYTES + 19));
    scene_close(&s);
}

static void
an_anonymous_transaction_among_gtids_is_refused(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:" UUID ":1");
    refuse(&s, EVENT_ANONYMOUS_GTID, body_gtid(1, 0, 0), ERROR_REFUSED, "E_GTID_ANONYMOUS");
    scene_close(&s);
    scene_open(&s, "file:binlog.000001/4"); /* the other way round all is well */
    transaction(&s, 5, 1);
    assert_frames(&s, 1);
    assert_int_equal(s.batch->transactions[0].id.gtid.number, 5);
    ends_at(&s, "file:binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
after_a_reconnect_numbers_go_on(void **state)
{
    struct scene s;
    uint64_t here;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    here = s.pos;
    begin(&s, 2);
    maps(&s);
    rows(&s, ITEMS, 2);
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/%llu+" UUID ":2/2/0/" UUID, (unsigned long long)here);
    next_batch(&s);
    connect_at(&s, "binlog.000001", 4);
    transaction(&s, 1, 1); /* sent again */
    s.pos = here;
    begin(&s, 2);
    maps(&s);
    rows(&s, ITEMS, 3);
    end(&s);
    assert_frames(&s, 1);
    assert_int_equal(s.batch->frames[0].ordinal, 2);
    assert_int_equal(s.batch->transactions[0].number, 2);
    assert_false(s.batch->transactions[0].starts);
    transaction(&s, 3, 1);
    assert_int_equal(s.batch->transactions[1].number, 3);
    scene_close(&s);
}

static void
numbers_go_on_behind_those_that_were_given_before(void **state)
{
    struct position from = {.kind = POSITION_NONE};
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    assert_int_equal(position_parse(&from, "gtid:" UUID ":1", &s.err), 0);
    assert_int_equal(binlog_framer_resume(&s.framer, &from, 40, &s.err), 0);
    transaction(&s, 2, 1);
    assert_int_equal(s.batch->transactions[0].number, 40);
    assert_int_equal(binlog_framer_resume(&s.framer, &from, 3, &s.err), 0); /* never back */
    transaction(&s, 4, 1);
    assert_int_equal(s.batch->transactions[1].number, 41);
    position_clear(&from);
    scene_close(&s);
}

/* ---- files ---- */

static void
a_group_that_a_file_cuts_off_is_dropped_or_read_again(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    rows(&s, UNWANTED, 2);
    fake_rotate(&s, "binlog.000002", 4); /* nothing of it was wanted */
    format(&s);
    transaction(&s, 2, 1);
    assert_frames(&s, 1);
    begin(&s, 3);
    maps(&s);
    good(&s, EVENT_STOP, (struct buffer){0});
    assert_false(s.framer.group.open);
    transaction(&s, 4, 1);
    begin(&s, 5);
    maps(&s);
    rows(&s, ITEMS, 1);
    refuse(&s, EVENT_STOP, (struct buffer){0}, ERROR_RETRY, "E_PROTOCOL");
    scene_close(&s);
}

static void
a_cut_group_that_was_open_before_stays_open(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:+" UUID ":1/1/1/" UUID);
    begin(&s, 1);
    maps(&s);
    rows(&s, ITEMS, 1);
    rows(&s, UNWANTED, 2);
    good(&s, EVENT_STOP, (struct buffer){0});
    ends_at(&s, "gtid:+" UUID ":1/1/0/" UUID);
    refuse(&s, EVENT_GTID, body_gtid(1, 2, 0), ERROR_REFUSED, "E_DIVERGED");
    scene_close(&s);
}

static void
places_go_beyond_four_gigabytes(void **state)
{
    struct scene s;
    uint64_t began = (UINT64_C(1) << 32) - 60;

    (void)state;
    scene_open(&s, "file:binlog.000001/4");
    s.pos = began;
    transaction(&s, 0, 2);
    assert_true(s.pos > UINT32_MAX);
    assert_true(s.batch->transactions[0].id.begin.pos == began);
    assert_true(s.batch->frames[1].lsn > UINT32_MAX);
    ends_at(&s, "file:binlog.000001/%llu", (unsigned long long)s.pos);
    s.pos = (UINT64_C(2) << 32) - 60;
    transaction(&s, 0, 2);
    ends_at(&s, "file:binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
events_that_do_not_say_where_they_are_are_counted(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "mariadb:");
    begin(&s, 1);
    s.blind = true;
    maps(&s);
    rows(&s, ITEMS, 2);
    assert_int_equal(s.batch->frames[1].lsn, s.begin);
    s.blind = false;
    end(&s);
    ends_at(&s, "mariadb:0-1-1@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
what_no_file_has_does_not_move_the_place(void **state)
{
    struct scene s;
    uint64_t here;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    here = s.pos;
    s.flags = EVENT_FLAG_ARTIFICIAL;
    good(&s, EVENT_MARIADB_GTID_LIST, body_of("\0\0\0\0", 4));
    s.flags = 0;
    s.pos = here + 5000;
    good(&s, EVENT_HEARTBEAT, body_of("binlog.000001", 13));
    good(&s, EVENT_HEARTBEAT_V2, body_of("\0", 1));
    format(&s);
    assert_int_equal(s.framer.at.pos, here);
    fake_rotate(&s, "binlog.000001", 4); /* as after a reconnect: the position does not go back */
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/%llu", (unsigned long long)here);
    scene_close(&s);
}

static void
a_file_name_that_is_none_is_the_operators(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    refuse(&s, EVENT_ROTATE, body_rotate("nonsense", 4), ERROR_CONFIG, "E_PROTOCOL");
    refuse(&s, EVENT_ROTATE, body_rotate("", 4), ERROR_RETRY, "E_PROTOCOL");
    scene_close(&s);
}

/* ---- tables ---- */

static void
an_id_may_stand_for_another_table_later(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    begin(&s, 2);
    refuse(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 2, 1), ERROR_RETRY, "E_PROTOCOL");
    good(&s, EVENT_TABLE_MAP, body_map(ITEMS, "others", 3));
    good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 3, 1));
    assert_string_equal(table_of(&s, 0), "items");
    assert_string_equal(table_of(&s, 1), "others");
    assert_int_equal(s.batch->frames[1].relation->ncolumns, 3);
    scene_close(&s);
}

static void
a_statement_ends_what_its_tables_are(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, STMT_END, 2, 1));
    refuse(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 2, 1), ERROR_RETRY, "E_PROTOCOL");
    maps(&s);
    rows(&s, ITEMS, 1);
    assert_frames(&s, 2);
    scene_close(&s);
}

static void
a_new_id_with_the_same_shape_keeps_the_relation(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    good(&s, EVENT_TABLE_MAP, body_map(1, "items", 2));
    rows(&s, 1, 1);
    good(&s, EVENT_TABLE_MAP, body_map(2, "items", 2));
    rows(&s, 2, 1);
    good(&s, EVENT_TABLE_MAP, body_map(3, "items", 3));
    good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, 3, 0, 3, 1));
    assert_ptr_equal(s.batch->frames[0].relation, s.batch->frames[1].relation);
    assert_ptr_not_equal(s.batch->frames[0].relation, s.batch->frames[2].relation);
    assert_int_equal(s.batch->frames[0].relation->ncolumns, 2); /* the batch keeps it */
    end(&s);
    next_batch(&s);
    connect_at(&s, "binlog.000001", 4);
    begin(&s, 2);
    good(&s, EVENT_TABLE_MAP, body_map(1, "items", 3));
    good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, 1, 0, 3, 1));
    assert_frames(&s, 1);
    scene_close(&s);
}

static void
many_tables_and_many_ids_find_room(void **state)
{
    struct scene s;
    char name[20];

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    for (unsigned i = 0; i < 9000; i++) {
        snprintf(name, sizeof(name), "t%u", i % 500);
        good(&s, EVENT_TABLE_MAP, body_map(1000 + i, name, 1));
        good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, 1000 + i, 0, 1, 1));
        if (s.batch->nframes == 501) {
            assert_string_equal(table_of(&s, 500), table_of(&s, 0));
            assert_ptr_equal(s.batch->frames[500].relation, s.batch->frames[0].relation);
        }
    }
    assert_frames(&s, 9000);
    scene_close(&s);
}

static void
tables_that_are_not_wanted_need_not_be_understood(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    s.refuse = "E_ROW_METADATA";
    begin(&s, 1);
    good(&s, EVENT_TABLE_MAP, body_map_of(UNWANTED, "shop", "unwanted", 2, 20, false));
    good(&s, EVENT_TABLE_MAP, body_map_of(OTHER, "bank", "items", 2, 3, false));
    rows(&s, UNWANTED, 1);
    rows(&s, OTHER, 1);
    assert_int_equal(s.described, 0);
    end(&s);
    assert_frames(&s, 0);
    scene_close(&s);
}

static void
what_a_table_map_leaves_out_is_asked_for_once(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    for (uint64_t i = 1; i < 4; i++) {
        begin(&s, i);
        good(&s, EVENT_TABLE_MAP, body_map_of(ITEMS, "shop", "items", 2, 3, false));
        rows(&s, ITEMS, 1);
        end(&s);
    }
    assert_int_equal(s.described, 1);
    assert_string_equal(s.batch->frames[0].relation->columns[1].name, "d1");
    scene_close(&s);
}

static void
a_table_that_can_not_be_read_stops_behind_what_came_before(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    begin(&s, 2);
    maps(&s);
    rows(&s, ITEMS, 2);
    good(&s, EVENT_TABLE_MAP, body_map_of(OTHER, "shop", "arrays", 1, 20, true));
    stops(&s, 4, 2, "E_TYPE", "shop.arrays");
    assert_int_equal(s.batch->frames[3].transaction, 1);
    scene_close(&s);
    scene_open(&s, "gtid:");
    s.refuse = "E_ROW_METADATA";
    begin(&s, 1);
    good(&s, EVENT_TABLE_MAP, body_map_of(OTHER, "shop", "bare", 1, 3, false));
    stops(&s, 1, 0, "E_ROW_METADATA", "shop.bare");
    scene_close(&s);
    scene_open(&s, "gtid:");
    begin(&s, 1);
    refuse(&s, EVENT_TABLE_MAP, body_of("abc", 3), ERROR_RETRY, "E_PROTOCOL");
    scene_close(&s);
}

static struct buffer
sequence_map(uint64_t id)
{
    static const char *const names[] = {"next_not_cached_value", "minimum_value", "maximum_value", "start_value",
                                        "increment", "cache_size", "cycle_option", "cycle_count"};
    struct buffer body = body_map_of(id, "shop", "numbers", 8, 8, false);

    buffer_put_u8(&body, 4);
    put_packed(&body, 8 + strlen("next_not_cached_valueminimum_valuemaximum_valuestart_valueincrementcache_sizecycle_"
                                 "optioncycle_count"));
    for (int i = 0; i < 8; i++)
        buffer_printf(&body, "%c%s", (char)strlen(names[i]), names[i]);
    return body;
}

static void
a_sequence_of_mariadb_is_no_table(void **state)
{
    struct scene s;

    (void)state;
    for (int mariadb = 0; mariadb < 2; mariadb++) {
        scene_open(&s, mariadb ? "mariadb:" : "gtid:");
        begin(&s, 1);
        good(&s, EVENT_TABLE_MAP, sequence_map(ITEMS));
        good(&s, EVENT_WRITE_ROWS_V1, body_rows(EVENT_WRITE_ROWS_V1, ITEMS, 0, 8, 1));
        end(&s);
        assert_frames(&s, mariadb ? 0 : 1);
        scene_close(&s);
    }
}

/* ---- statements ---- */

static void
the_text_of_a_statement_goes_with_its_row_events(void **state)
{
    struct scene s;
    const struct frame *frames;

    (void)state;
    for (int mariadb = 0; mariadb < 2; mariadb++) {
        uint8_t type = mariadb ? EVENT_MARIADB_ANNOTATE_ROWS : EVENT_ROWS_QUERY;
        const char *mark = mariadb ? "" : "x";
        char text[40];

        scene_open(&s, mariadb ? "mariadb:" : "gtid:");
        s.framer.set.keep_query = true;
        begin(&s, 1);
        snprintf(text, sizeof(text), "%sinsert one", mark);
        good(&s, type, body_of(text, strlen(text)));
        maps(&s);
        rows(&s, ITEMS, 2);
        good(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, STMT_END, 2, 1));
        maps(&s);
        rows(&s, ITEMS, 1);
        snprintf(text, sizeof(text), "%sinsert two", mark);
        good(&s, type, body_of(text, strlen(text)));
        rows(&s, ITEMS, 1);
        end(&s);
        transaction(&s, 2, 1);
        frames = s.batch->frames;
        assert_frames(&s, 6);
        assert_int_equal(frames[0].query_length, 10);
        assert_memory_equal(s.batch->raw.at + frames[0].query, "insert one", 10);
        assert_int_equal(frames[2].query, frames[0].query);
        assert_int_equal(frames[2].query_length, 10);
        assert_int_equal(frames[3].query_length, 0);
        assert_memory_equal(s.batch->raw.at + frames[4].query, "insert two", 10);
        assert_int_equal(frames[5].query_length, 0);
        scene_close(&s);
    }
    scene_open(&s, "gtid:");
    begin(&s, 1);
    good(&s, EVENT_ROWS_QUERY, body_of("xinsert", 7));
    maps(&s);
    rows(&s, ITEMS, 1);
    assert_int_equal(s.batch->frames[0].query_length, 0);
    scene_close(&s);
}

static void
rows_changed_by_a_statement_stop(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    begin(&s, 2);
    maps(&s);
    rows(&s, ITEMS, 2);
    good(&s, EVENT_INTVAR, body_of("\2\0\0\0\0\0\0\0\0", 9));
    query(&s, "insert into t values (rand())");
    stops(&s, 4, 2, "E_STATEMENT", "insert into t values (rand())");
    scene_close(&s);
}

static struct buffer
load_query(const char *text)
{
    struct buffer plain = body_query("shop", text), body = {0};

    buffer_put(&body, plain.at, 13);
    buffer_put(&body, "\1\0\0\0\0\0\0\0\0\0\0\0\0", 13);
    buffer_put(&body, plain.at + 13, plain.len - 13);
    buffer_free(&plain);
    return body;
}

static void
rows_loaded_by_a_statement_stop(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    good(&s, EVENT_BEGIN_LOAD_QUERY, body_of("\1\0\0\0abc", 7));
    good(&s, EVENT_APPEND_BLOCK, body_of("\1\0\0\0abc", 7));
    good(&s, EVENT_EXECUTE_LOAD_QUERY, load_query("load data infile 'x' into table t"));
    stops(&s, 1, 0, "E_STATEMENT", "load data");
    scene_close(&s);
}

static void
a_statement_of_another_database_is_nobodys_concern(void **state)
{
    static const uint8_t two[] = {12, 2, 'a', 0, 'b', 0}, shop[] = {12, 2, 'a', 0, 's', 'h', 'o', 'p', 0},
                         many[] = {12, 254}, none[] = {12, 0};
    static const struct {
        const char *schema;
        struct bytes status;
        bool stops;
    } cases[] = {
        {"bank", {NULL, 0}, true},  {"shop", {NULL, 0}, true},         {"", {NULL, 0}, true},
        {"shop", {two, 6}, false},  {"bank", {shop, 9}, true},         {"bank", {many, 2}, true},
        {"shop", {none, 2}, false}, {"shop", {two, 5}, true /* cut */},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scene s;

        scene_open(&s, "gtid:");
        begin(&s, 1);
        good(&s, EVENT_QUERY, body_query_status(cases[i].schema, cases[i].status, "update t set a = 1"));
        if (s.framer.stopped != cases[i].stops)
            fail_msg("case %zu", i);
        scene_close(&s);
    }
}

static void
statements_may_be_passed_over(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    s.framer.set.warn_statements = true;
    begin(&s, 1);
    query(&s, "insert into t values (1)");
    assert_false(s.framer.stopped);
    end(&s);
    alone(&s, 2, "delete from t");
    transaction(&s, 3, 1);
    assert_frames(&s, 1);
    assert_int_equal(s.framer.statements, 2);
    ends_at(&s, "gtid:" UUID ":1-3@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
rows_of_a_table_without_transactions_stop_before_its_group(void **state)
{
    struct scene s;

    (void)state;
    for (int mariadb = 0; mariadb < 2; mariadb++) {
        scene_open(&s, mariadb ? "mariadb:" : "gtid:");
        transaction(&s, 1, 1);
        begin(&s, 2);
        maps(&s);
        rows(&s, UNWANTED, 1);
        rows(&s, ITEMS, 2);
        query(&s, "COMMIT");
        stops(&s, 2, 1, "E_NOT_TRANSACTIONAL", "shop.items");
        scene_close(&s);
        scene_open(&s, mariadb ? "mariadb:" : "gtid:");
        s.framer.set.accept_nontransactional = true;
        begin(&s, 1);
        maps(&s);
        rows(&s, ITEMS, 1);
        query(&s, "COMMIT");
        begin(&s, 2);
        maps(&s);
        rows(&s, UNWANTED, 1);
        s.framer.set.accept_nontransactional = false;
        query(&s, "commit");
        assert_frames(&s, 1);
        assert_false(s.framer.stopped);
        assert_false(s.framer.group.open);
        scene_close(&s);
    }
}

static void
rows_before_a_rollback_stop(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    rows(&s, ITEMS, 2);
    query(&s, "ROLLBACK");
    stops(&s, 1, 0, "E_NOT_TRANSACTIONAL", "was rolled back:");
    scene_close(&s);
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    rows(&s, ITEMS, 2);
    query(&s, "ROLLBACK TO `a`");
    stops(&s, 1, 0, "E_NOT_TRANSACTIONAL", "to a savepoint");
    scene_close(&s);
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    rows(&s, UNWANTED, 2);
    query(&s, "ROLLBACK TO `a`");
    assert_true(s.framer.group.open);
    query(&s, "ROLLBACK");
    assert_false(s.framer.group.open);
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
an_incident_and_an_event_that_is_not_known_stop(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    good(&s, EVENT_INCIDENT, body_of("\1\0\4lost", 7));
    stops(&s, 2, 0, "E_INCIDENT", "lost events (lost)");
    assert_int_equal(s.batch->ntransactions, 2);
    assert_int_equal(s.batch->transactions[1].number, 2);
    assert_true(s.batch->transactions[1].starts);
    assert_true(s.batch->transactions[0].ends);
    scene_close(&s);
    scene_open(&s, "gtid:");
    begin(&s, 1);
    maps(&s);
    rows(&s, ITEMS, 1);
    s.flags = EVENT_FLAG_IGNORABLE;
    good(&s, 199, body_of("abc", 3));
    assert_false(s.framer.stopped);
    s.flags = 0;
    good(&s, 199, body_of("abc", 3));
    stops(&s, 2, 1, "E_EVENT", "type 199");
    scene_close(&s);
}

static void
after_a_stop_a_resume_reads_again(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    begin(&s, 1);
    query(&s, "insert into t values (1)");
    stops(&s, 1, 0, "E_STATEMENT", "insert");
    next_batch(&s);
    resume(&s, "gtid:");
    assert_false(s.framer.stopped);
    s.framer.set.warn_statements = true;
    connect_at(&s, "binlog.000001", 4);
    begin(&s, 1);
    query(&s, "insert into t values (1)");
    end(&s);
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
what_else_servers_write_is_passed_over(void **state)
{
    static const uint8_t types[] = {EVENT_RAND, EVENT_USER_VAR, EVENT_IGNORABLE, EVENT_PREVIOUS_GTIDS,
                                    EVENT_TRANSACTION_CONTEXT, EVENT_VIEW_CHANGE, EVENT_MARIADB_BINLOG_CHECKPOINT,
                                    EVENT_MARIADB_GTID_LIST, EVENT_MARIADB_START_ENCRYPTION, EVENT_DELETE_FILE};
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    for (size_t i = 0; i < sizeof(types); i++)
        good(&s, types[i], body_of("abc", 3));
    transaction(&s, 1, 1);
    assert_frames(&s, 1);
    scene_close(&s);
}

/* ---- definitions, truncates ---- */

static void
definitions_are_frames_where_they_are_wanted(void **state)
{
    struct scene s;
    struct bytes message;

    (void)state;
    scene_open(&s, "gtid:");
    s.framer.set.keep_ddl = true;
    alone(&s, 1, "create table t (\xc3\xa9 int)");
    good(&s, EVENT_GTID, body_gtid(1, 2, 0));
    good(&s, EVENT_QUERY, body_query("bank", "drop table t"));
    good(&s, EVENT_GTID, body_gtid(1, 3, 0));
    good(&s, EVENT_QUERY, body_query_status("shop", bytes_of("\4\10\0\10\0\10\0", 7), "create table \xe9 (a int)"));
    good(&s, EVENT_GTID, body_gtid(1, 4, 0));
    good(&s, EVENT_QUERY, body_query_status("shop", bytes_of("\4\xff\0\xff\0\xff\0", 7), "create table \xe9 (a int)"));
    assert_frames(&s, 3);
    assert_int_equal(s.batch->frames[0].kind, FRAME_DDL);
    message = batch_message(s.batch, &s.batch->frames[0]);
    assert_int_equal(message.len, 5 + strlen("create table t (\xc3\xa9 int)"));
    assert_memory_equal(message.at, "shop\0create table t (\xc3\xa9 int)", message.len);
    message = batch_message(s.batch, &s.batch->frames[1]);
    assert_memory_equal(message.at, "shop\0create table \xc3\xa9 (a int)", message.len);
    message = batch_message(s.batch, &s.batch->frames[2]);
    assert_memory_equal(message.at, "shop\0(a text", 12);
    assert_int_equal(s.batch->ntransactions, 4);
    assert_true(s.batch->transactions[3].ends);
    ends_at(&s, "gtid:" UUID ":1-4@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
a_definition_counts_as_a_row_event_and_comes_once(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    s.framer.set.keep_ddl = true;
    begin(&s, 1);
    query(&s, "CREATE TABLE `items` (`id` int) START TRANSACTION");
    maps(&s);
    rows(&s, ITEMS, 2);
    assert_frames(&s, 3);
    assert_int_equal(s.batch->frames[0].ordinal, 0);
    assert_int_equal(s.batch->frames[1].ordinal, 1);
    ends_at(&s, "gtid:+" UUID ":1/3/0/" UUID);
    scene_close(&s);
    scene_open(&s, "gtid:+" UUID ":1/3/2/" UUID);
    s.framer.set.keep_ddl = true;
    begin(&s, 1);
    query(&s, "CREATE TABLE `items` (`id` int) START TRANSACTION");
    maps(&s);
    rows(&s, ITEMS, 3);
    end(&s);
    assert_frames(&s, 1);
    assert_int_equal(s.batch->frames[0].kind, FRAME_ROW);
    scene_close(&s);
}

static void
the_first_half_of_an_alter_says_nothing(void **state)
{
    struct scene s;
    struct buffer half = body_mariadb_gtid(0, 1, MARIADB_ALONE | 0x20, "");

    (void)state;
    half.at[13] = 2;
    scene_open(&s, "mariadb:");
    s.framer.set.keep_ddl = true;
    good(&s, EVENT_MARIADB_GTID, half);
    query(&s, "alter table t add b int");
    assert_frames(&s, 0);
    alone(&s, 2, "alter table t add b int");
    assert_frames(&s, 1);
    ends_at(&s, "mariadb:0-1-2@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
a_truncate_is_a_frame_of_its_table(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    alone(&s, 2, "truncate table items");
    alone(&s, 3, "TRUNCATE `shop` . `unseen`");
    alone(&s, 4, "truncate unseen");
    alone(&s, 5, "truncate unwanted");
    alone(&s, 6, "truncate bank.items");
    alone(&s, 7, "truncate gone");
    assert_frames(&s, 4);
    for (uint32_t i = 1; i < 4; i++) {
        assert_int_equal(s.batch->frames[i].kind, FRAME_TRUNCATE);
        assert_int_equal(s.batch->frames[i].length, 0);
        assert_int_equal(s.batch->frames[i].transaction, i);
        assert_true(s.batch->transactions[i].ends);
        assert_true(s.batch->frames[i].relation->captured);
    }
    assert_ptr_equal(s.batch->frames[1].relation, s.batch->frames[0].relation);
    assert_string_equal(table_of(&s, 2), "unseen");
    assert_ptr_equal(s.batch->frames[3].relation, s.batch->frames[2].relation);
    assert_int_equal(s.looked, 2); /* unseen once, and gone */
    ends_at(&s, "gtid:" UUID ":1-7@binlog.000001/%llu", (unsigned long long)s.pos);
    good(&s, EVENT_GTID, body_gtid(1, 8, 0));
    refuse(&s, EVENT_QUERY, body_query("shop", "truncate broken"), ERROR_RETRY, "");
    scene_close(&s);
}

/* ---- compressed transactions ---- */

static struct buffer
inner_rows(unsigned n, bool compressed)
{
    struct buffer events = {0};

    put_inner(&events, EVENT_QUERY, body_query("shop", "BEGIN"));
    put_inner(&events, EVENT_TABLE_MAP, body_map(ITEMS, "items", 2));
    for (unsigned i = 0; i < n; i++)
        put_inner(&events, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 2, 1));
    put_inner(&events, EVENT_XID, body_xid());
    return body_payload(events, compressed);
}

/* Until the payload is empty, or the batch is full. */
static void
go_on(struct scene *s)
{
    s->full = false;
    while (binlog_framer_more(&s->framer) && !s->full) {
        if (binlog_framer_continue(&s->framer, s->batch, &s->full, &s->err) == -1)
            fail_msg("%s", s->err.text);
    }
}

static void
a_compressed_transaction_is_read_event_by_event(void **state)
{
    struct scene s;

    (void)state;
    for (int compressed = 0; compressed < 2; compressed++) {
        scene_open(&s, "gtid:");
        good(&s, EVENT_GTID, body_gtid(1, 1, 1234567));
        good(&s, EVENT_TRANSACTION_PAYLOAD, inner_rows(3, compressed != 0));
        assert_frames(&s, 0);
        go_on(&s);
        assert_frames(&s, 3);
        assert_int_equal(s.batch->frames[2].ordinal, 2);
        assert_int_equal(s.batch->frames[2].lsn, s.begin);
        assert_int_equal(s.batch->transactions[0].id.thread_id, 77);
        assert_false(binlog_framer_more(&s.framer));
        transaction(&s, 2, 1);
        ends_at(&s, "gtid:" UUID ":1-2@binlog.000001/%llu", (unsigned long long)s.pos);
        scene_close(&s);
    }
}

static void
resuming_inside_a_compressed_transaction_skips_too(void **state)
{
    struct scene s;
    unsigned seen = 0;

    (void)state;
    scene_open(&s, "gtid:+" UUID ":1/40/40/" UUID);
    good(&s, EVENT_GTID, body_gtid(1, 1, 1234567));
    good(&s, EVENT_TRANSACTION_PAYLOAD, inner_rows(200, true));
    while (binlog_framer_more(&s.framer)) {
        go_on(&s);
        for (uint32_t i = 0; i < s.batch->nframes; i++)
            assert_int_equal(s.batch->frames[i].ordinal, 40 + seen++);
        next_batch(&s);
    }
    assert_int_equal(seen, 160);
    scene_close(&s);
    scene_open(&s, "gtid:" UUID ":1");
    good(&s, EVENT_GTID, body_gtid(1, 1, 1234567));
    good(&s, EVENT_TRANSACTION_PAYLOAD, inner_rows(200, true));
    go_on(&s);
    assert_frames(&s, 0);
    assert_false(s.framer.group.open);
    scene_close(&s);
}

static int
all_of(struct scene *s)
{
    int rc = 0;

    while (rc == 0 && binlog_framer_more(&s->framer))
        rc = binlog_framer_continue(&s->framer, s->batch, &s->full, &s->err);
    return rc;
}

static void
a_payload_that_holds_what_it_may_not_is_refused(void **state)
{
    static const uint8_t types[] = {EVENT_TRANSACTION_PAYLOAD, EVENT_GTID, EVENT_ROTATE, EVENT_ANONYMOUS_GTID,
                                    EVENT_GTID_TAGGED, EVENT_MARIADB_GTID};
    struct scene s;
    struct buffer cut;

    (void)state;
    for (size_t i = 0; i < sizeof(types); i++) {
        struct buffer events = {0};

        scene_open(&s, "gtid:");
        good(&s, EVENT_GTID, body_gtid(1, 1, 0));
        put_inner(&events, EVENT_XID, body_xid());
        put_inner(&events, types[i], body_gtid(1, 2, 0));
        good(&s, EVENT_TRANSACTION_PAYLOAD, body_payload(events, true));
        if (all_of(&s) != -1)
            fail_msg("type %u was taken", types[i]);
        assert_string_equal(s.err.code, "E_PROTOCOL");
        scene_close(&s);
    }
    for (size_t less = 1; less < 30; less += 7) {
        scene_open(&s, "gtid:");
        good(&s, EVENT_GTID, body_gtid(1, 1, 0));
        cut = inner_rows(2, true);
        cut.len -= less;
        refuse(&s, EVENT_TRANSACTION_PAYLOAD, cut, ERROR_RETRY, "E_PROTOCOL");
        scene_close(&s);
    }
    scene_open(&s, "gtid:");
    good(&s, EVENT_GTID, body_gtid(1, 1, 0));
    cut = inner_rows(2, true);
    cut.at[cut.len - 1] ^= 0xff;
    cut.at[cut.len - 20] ^= 0xff;
    good(&s, EVENT_TRANSACTION_PAYLOAD, cut);
    assert_int_equal(all_of(&s), -1);
    assert_string_equal(s.err.code, "E_PROTOCOL");
    connect_at(&s, "binlog.000001", 4); /* and is gone after a reconnect */
    assert_false(binlog_framer_more(&s.framer));
    scene_close(&s);
}

static void
an_event_that_is_too_large_is_named(void **state)
{
    struct scene s;
    struct buffer large = {0}, events = {0};

    (void)state;
    scene_open(&s, "gtid:");
    buffer_room(&large, 70000);
    memset(large.at, 0, 70000);
    large.len = 70000;
    refuse(&s, EVENT_WRITE_ROWS, large, ERROR_CONFIG, "E_EVENT_SIZE");
    good(&s, EVENT_GTID, body_gtid(1, 1, 0));
    put_inner(&events, EVENT_USER_VAR, body_rows(EVENT_WRITE_ROWS, 1, 0, 2, 7500));
    assert_true(events.len > 1 << 16);
    events.len = 60000; /* its header is what counts */
    good(&s, EVENT_TRANSACTION_PAYLOAD, body_payload(events, true));
    assert_int_equal(all_of(&s), -1);
    assert_string_equal(s.err.code, "E_EVENT_SIZE");
    assert_int_equal(s.err.kind, ERROR_CONFIG);
    scene_close(&s);
}

/* ---- checksums ---- */

static void
checksums_are_looked_at_as_the_format_says(void **state)
{
    struct scene s;
    struct event_form form = {.checksum = true, .log_pos = 500};
    struct buffer bad;

    (void)state;
    scene_open_as(&s, false);
    resume(&s, "gtid:");
    s.checksum = true;
    connect_at(&s, "binlog.000001", 4);
    transaction(&s, 1, 1);
    assert_frames(&s, 1);
    assert_int_equal(batch_message(s.batch, &s.batch->frames[0]).len,
                     EVENT_HEADER_BYTES + 10 + 1 + 1 + 1 + 8); /* without it */
    bad = event_make(EVENT_GTID, body_gtid(1, 2, 0), &form);
    bad.at[30] ^= 1;
    assert_int_equal(feed(&s, bad), -1);
    assert_string_equal(s.err.code, "E_CHECKSUM");
    assert_int_equal(s.err.kind, ERROR_RETRY);
    s.checksum = false; /* the next file is written without */
    form = (struct event_form){.flags = EVENT_FLAG_ARTIFICIAL, .checksum = true};
    assert_int_equal(feed(&s, event_make(EVENT_ROTATE, body_rotate("binlog.000002", 4), &form)), 0);
    s.pos = 4;
    format(&s);
    transaction(&s, 2, 1);
    assert_frames(&s, 2);
    scene_close(&s);
}

/* ---- XA ---- */

/* A group that prepares `xid`, with so many row events. */
static void
prepare(struct scene *s, uint64_t number, const char *xid, int n)
{
    char text[80];

    if (s->mariadb) {
        good(s, EVENT_MARIADB_GTID, body_mariadb_gtid(0, number, MARIADB_ROWS | MARIADB_PREPARES, xid));
    } else {
        good(s, number == 0 ? EVENT_ANONYMOUS_GTID : EVENT_GTID, body_gtid(1, number, 1234567));
        snprintf(text, sizeof(text), "XA START X'%02x',X'',1", (unsigned char)xid[0]);
        query(s, text);
    }
    maps(s);
    rows(s, ITEMS, n);
    if (!s->mariadb)
        query(s, "XA END X'61',X'',1");
    good(s, EVENT_XA_PREPARE, body_xa_prepare(false, xid, ""));
}

static void
decide(struct scene *s, uint64_t number, const char *xid, const char *how)
{
    char text[80];

    if (s->mariadb)
        good(s, EVENT_MARIADB_GTID, body_mariadb_gtid(0, number, MARIADB_ALONE | MARIADB_COMPLETES, xid));
    else
        good(s, number == 0 ? EVENT_ANONYMOUS_GTID : EVENT_GTID, body_gtid(1, number, 1234567));
    snprintf(text, sizeof(text), "XA %s X'%02x',X'',1", how, (unsigned char)xid[0]);
    query(s, text);
}

static int
replay(struct scene *s, uint8_t type, struct buffer body)
{
    struct buffer event = event_make(type, body, &(struct event_form){.server_id = 1, .checksum = true});
    int rc = binlog_framer_replay_event(&s->framer, bytes_of(event.at, event.len), true, s->batch, &s->full, &s->err);

    buffer_free(&event);
    return rc;
}

static void
replay_rows(struct scene *s, const char *xid, int n, int want)
{
    assert_int_equal(replay(s, EVENT_QUERY, body_query("shop", "XA START X'61',X'',1")), 0);
    assert_int_equal(replay(s, EVENT_TABLE_MAP, body_map(ITEMS, "items", 2)), 0);
    assert_int_equal(replay(s, EVENT_TABLE_MAP, body_map(UNWANTED, "unwanted", 2)), 0);
    for (int i = 0; i < n; i++)
        assert_int_equal(replay(s, EVENT_WRITE_ROWS_V1, body_rows(EVENT_WRITE_ROWS_V1, ITEMS, 0, 2, 1)), 0);
    assert_int_equal(replay(s, EVENT_XA_PREPARE, body_xa_prepare(false, xid, "")), want);
}

static void
an_xa_transaction_comes_where_it_is_committed(void **state)
{
    static const char *const starts[] = {"gtid:", "mariadb:", "file:binlog.000001/4"};

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct scene s;
        const struct xa_prepared *xa;
        uint64_t first, no = i == 2 ? 0 : 1;

        scene_open(&s, starts[i]);
        first = s.pos;
        prepare(&s, no, "a", 3);
        assert_true(s.full); /* the list has changed: the batch ends here */
        assert_frames(&s, 0);
        assert_int_equal(binlog_framer_finish(&s.framer, s.batch, &s.err), 0);
        xa = xa_find(s.batch->end.place->xa, "X'61',X'',1");
        assert_non_null(xa);
        assert_int_equal(xa->begin.pos, first);
        assert_int_equal(xa->gtid.number, no);
        next_batch(&s);
        transaction(&s, 2 * no, 1);
        assert_false(s.full);
        decide(&s, 3 * no, "a", "COMMIT");
        assert_frames(&s, 1);
        assert_true(s.framer.group.open);
        xa = binlog_framer_replay(&s.framer);
        assert_non_null(xa);
        assert_int_equal(xa->begin.pos, first);
        replay_rows(&s, "a", 3, 1);
        assert_null(binlog_framer_replay(&s.framer));
        assert_true(s.full);
        assert_frames(&s, 4);
        assert_int_equal(s.batch->frames[1].ordinal, 0);
        assert_int_equal(s.batch->frames[3].ordinal, 2);
        assert_int_equal(s.batch->transactions[1].id.gtid.number, 3 * no);
        assert_true(s.batch->transactions[1].ends);
        assert_int_equal(s.batch->transactions[1].id.after.pos, s.pos);
        assert_int_equal(binlog_framer_finish(&s.framer, s.batch, &s.err), 0);
        assert_null(s.batch->end.place->xa);
        scene_close(&s);
    }
}

static void
an_xa_transaction_that_is_rolled_back_never_comes(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    prepare(&s, 1, "a", 1);
    prepare(&s, 2, "b", 1);
    assert_int_equal(s.framer.xa->count, 2);
    decide(&s, 3, "a", "ROLLBACK");
    assert_true(s.full);
    assert_int_equal(s.framer.xa->count, 1);
    decide(&s, 4, "c", "ROLLBACK"); /* of before our time */
    assert_false(s.full);
    assert_frames(&s, 0);
    ends_at(&s, "gtid:" UUID ":1-4@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
an_xa_commit_in_one_phase_is_read_again_at_once(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    good(&s, EVENT_GTID, body_gtid(1, 1, 0));
    query(&s, "XA START X'61',X'',1");
    maps(&s);
    rows(&s, ITEMS, 2);
    query(&s, "XA END X'61',X'',1");
    good(&s, EVENT_XA_PREPARE, body_xa_prepare(true, "a", ""));
    assert_non_null(binlog_framer_replay(&s.framer));
    assert_frames(&s, 0);
    replay_rows(&s, "a", 2, 1);
    assert_frames(&s, 2);
    assert_false(s.full); /* the list is what it was */
    assert_null(s.framer.xa);
    transaction(&s, 2, 1);
    ends_at(&s, "gtid:" UUID ":1-2@binlog.000001/%llu", (unsigned long long)s.pos);
    scene_close(&s);
}

static void
an_xa_transaction_may_be_compressed(void **state)
{
    struct scene s;
    struct buffer events = {0};

    (void)state;
    scene_open(&s, "gtid:");
    prepare(&s, 1, "a", 0);
    decide(&s, 2, "a", "COMMIT");
    put_inner(&events, EVENT_QUERY, body_query("shop", "XA START X'61',X'',1"));
    put_inner(&events, EVENT_TABLE_MAP, body_map(ITEMS, "items", 2));
    put_inner(&events, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 2, 1));
    put_inner(&events, EVENT_XA_PREPARE, body_xa_prepare(false, "a", ""));
    assert_int_equal(replay(&s, EVENT_TRANSACTION_PAYLOAD, body_payload(events, true)), 0);
    for (int i = 0; i < 3; i++) {
        assert_true(binlog_framer_replay_more(&s.framer));
        assert_int_equal(binlog_framer_replay_continue(&s.framer, s.batch, &s.full, &s.err), 0);
    }
    assert_int_equal(binlog_framer_replay_continue(&s.framer, s.batch, &s.full, &s.err), 1);
    assert_false(binlog_framer_replay_more(&s.framer));
    assert_frames(&s, 1);
    scene_close(&s);
}

static void
resuming_inside_an_xa_commit_skips_what_is_done(void **state)
{
    struct scene s;
    struct position from = {.kind = POSITION_NONE};
    uint64_t decided;

    (void)state;
    scene_open(&s, "gtid:");
    prepare(&s, 1, "a", 3);
    decided = s.pos;
    decide(&s, 2, "a", "COMMIT");
    assert_int_equal(replay(&s, EVENT_TABLE_MAP, body_map(ITEMS, "items", 2)), 0);
    assert_int_equal(replay(&s, EVENT_WRITE_ROWS_V1, body_rows(EVENT_WRITE_ROWS_V1, ITEMS, 0, 2, 1)), 0);
    ends_at(&s, "gtid:" UUID ":1@binlog.000001/%llu+" UUID ":2/1/0/" UUID, (unsigned long long)decided);
    position_copy(&from, &s.batch->end);
    next_batch(&s);
    assert_int_equal(binlog_framer_resume(&s.framer, &from, 1, &s.err), 0);
    position_clear(&from);
    connect_at(&s, "binlog.000001", decided);
    assert_null(binlog_framer_replay(&s.framer));
    decide(&s, 2, "a", "COMMIT");
    replay_rows(&s, "a", 3, 1);
    assert_frames(&s, 2);
    assert_int_equal(s.batch->frames[0].ordinal, 1);
    scene_close(&s);
}

static void
rows_that_are_lost_stop(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    decide(&s, 2, "a", "COMMIT");
    stops(&s, 2, 0, "E_XA_ROWS_LOST", "X'61',X'',1");
    assert_null(binlog_framer_replay(&s.framer));
    scene_close(&s);
    scene_open(&s, "gtid:");
    prepare(&s, 1, "a", 1);
    decide(&s, 2, "a", "COMMIT");
    assert_int_equal(binlog_framer_replay_lost(&s.framer, "purged", s.batch, &s.err), 0);
    s.full = true;
    stops(&s, 1, 0, "E_XA_ROWS_LOST", "purged");
    assert_null(binlog_framer_replay(&s.framer));
    scene_close(&s);
}

static void
another_xa_transaction_where_one_was_prepared_is_refused(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:");
    prepare(&s, 1, "a", 1);
    decide(&s, 2, "a", "COMMIT");
    replay_rows(&s, "b", 1, -1);
    assert_string_equal(s.err.code, "E_PROTOCOL");
    scene_close(&s);
    scene_open(&s, "gtid:"); /* rows that went out already can't be prepared */
    begin(&s, 1);
    refuse(&s, EVENT_XA_PREPARE, body_xa_prepare(false, "a", ""), ERROR_RETRY, "E_PROTOCOL");
    scene_close(&s);
}

static void
what_is_covered_of_xa_changes_no_list(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "gtid:" UUID ":1-3");
    prepare(&s, 1, "a", 1);
    decide(&s, 2, "a", "COMMIT");
    decide(&s, 3, "b", "ROLLBACK");
    assert_null(binlog_framer_replay(&s.framer));
    assert_null(s.framer.xa);
    assert_false(s.framer.group.open);
    scene_close(&s);
}

static void
too_many_prepared_transactions_stop(void **state)
{
    struct scene s;
    struct xa_list *list = NULL;
    struct xa_prepared xa = {.begin = {"binlog", 1, 4}};

    (void)state;
    scene_open(&s, "gtid:");
    for (unsigned i = 0; i < XA_MAX; i++) {
        struct xa_list *more;

        snprintf(xa.xid, sizeof(xa.xid), "X'%08x',X'',1", i);
        assert_int_equal(xa_with(list, &xa, &more, &s.err), 0);
        xa_release(list);
        list = more;
    }
    s.framer.xa = list;
    good(&s, EVENT_GTID, body_gtid(1, 1, 0));
    query(&s, "XA START X'61',X'',1");
    good(&s, EVENT_XA_PREPARE, body_xa_prepare(false, "a", ""));
    stops(&s, 1, 0, "E_XA_TOO_MANY", "5transaction " UUID ":1: more than");
    scene_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_of_mysql_becomes_frames_with_its_bounds),
        cmocka_unit_test(a_group_of_mariadb_ends_by_xid_or_with_its_statement),
        cmocka_unit_test(a_statement_that_is_a_group_of_mysql_ends_it),
        cmocka_unit_test(a_definition_inside_a_group_does_not_end_it),
        cmocka_unit_test(row_events_count_whether_they_are_wanted_or_not),
        cmocka_unit_test(an_event_of_no_table_ends_a_statement_and_counts_nothing),
        cmocka_unit_test(what_stands_outside_of_a_group_is_refused),
        cmocka_unit_test(a_batch_is_full_at_the_first_end_past_its_size),
        cmocka_unit_test(at_twice_its_size_a_batch_ends_inside_a_transaction),
        cmocka_unit_test(a_batch_that_begins_inside_ends_with_it_though_nothing_more_of_it_is_wanted),
        cmocka_unit_test(a_heartbeat_has_a_position_and_no_frames),
        cmocka_unit_test(a_place_that_was_handed_out_does_not_change),
        cmocka_unit_test(without_gtids_the_position_is_a_place_in_a_file),
        cmocka_unit_test(what_is_covered_is_passed_over),
        cmocka_unit_test(resuming_inside_a_transaction_skips_exactly_what_is_done),
        cmocka_unit_test(a_position_inside_stays_until_its_transaction_comes),
        cmocka_unit_test(another_transaction_in_place_of_the_open_one_is_refused),
        cmocka_unit_test(an_open_transaction_that_came_again_shorter_is_refused),
        cmocka_unit_test(numbers_of_a_domain_that_go_back_are_refused),
        cmocka_unit_test(an_anonymous_transaction_among_gtids_is_refused),
        cmocka_unit_test(after_a_reconnect_numbers_go_on),
        cmocka_unit_test(numbers_go_on_behind_those_that_were_given_before),
        cmocka_unit_test(a_group_that_a_file_cuts_off_is_dropped_or_read_again),
        cmocka_unit_test(a_cut_group_that_was_open_before_stays_open),
        cmocka_unit_test(places_go_beyond_four_gigabytes),
        cmocka_unit_test(events_that_do_not_say_where_they_are_are_counted),
        cmocka_unit_test(what_no_file_has_does_not_move_the_place),
        cmocka_unit_test(a_file_name_that_is_none_is_the_operators),
        cmocka_unit_test(an_id_may_stand_for_another_table_later),
        cmocka_unit_test(a_statement_ends_what_its_tables_are),
        cmocka_unit_test(a_new_id_with_the_same_shape_keeps_the_relation),
        cmocka_unit_test(many_tables_and_many_ids_find_room),
        cmocka_unit_test(tables_that_are_not_wanted_need_not_be_understood),
        cmocka_unit_test(what_a_table_map_leaves_out_is_asked_for_once),
        cmocka_unit_test(a_table_that_can_not_be_read_stops_behind_what_came_before),
        cmocka_unit_test(a_sequence_of_mariadb_is_no_table),
        cmocka_unit_test(the_text_of_a_statement_goes_with_its_row_events),
        cmocka_unit_test(rows_changed_by_a_statement_stop),
        cmocka_unit_test(rows_loaded_by_a_statement_stop),
        cmocka_unit_test(a_statement_of_another_database_is_nobodys_concern),
        cmocka_unit_test(statements_may_be_passed_over),
        cmocka_unit_test(rows_of_a_table_without_transactions_stop_before_its_group),
        cmocka_unit_test(rows_before_a_rollback_stop),
        cmocka_unit_test(an_incident_and_an_event_that_is_not_known_stop),
        cmocka_unit_test(after_a_stop_a_resume_reads_again),
        cmocka_unit_test(what_else_servers_write_is_passed_over),
        cmocka_unit_test(definitions_are_frames_where_they_are_wanted),
        cmocka_unit_test(a_definition_counts_as_a_row_event_and_comes_once),
        cmocka_unit_test(the_first_half_of_an_alter_says_nothing),
        cmocka_unit_test(a_truncate_is_a_frame_of_its_table),
        cmocka_unit_test(a_compressed_transaction_is_read_event_by_event),
        cmocka_unit_test(resuming_inside_a_compressed_transaction_skips_too),
        cmocka_unit_test(a_payload_that_holds_what_it_may_not_is_refused),
        cmocka_unit_test(an_event_that_is_too_large_is_named),
        cmocka_unit_test(checksums_are_looked_at_as_the_format_says),
        cmocka_unit_test(an_xa_transaction_comes_where_it_is_committed),
        cmocka_unit_test(an_xa_transaction_that_is_rolled_back_never_comes),
        cmocka_unit_test(an_xa_commit_in_one_phase_is_read_again_at_once),
        cmocka_unit_test(an_xa_transaction_may_be_compressed),
        cmocka_unit_test(resuming_inside_an_xa_commit_skips_what_is_done),
        cmocka_unit_test(rows_that_are_lost_stop),
        cmocka_unit_test(another_xa_transaction_where_one_was_prepared_is_refused),
        cmocka_unit_test(what_is_covered_of_xa_changes_no_list),
        cmocka_unit_test(too_many_prepared_transactions_stop),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
