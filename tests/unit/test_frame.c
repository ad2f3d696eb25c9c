/*
 * test_frame.c -- pgoutput's messages to frames: bounds, counts, skipping, slices, relations, and every
 * way in which a stream can be wrong.
 *
 * Messages are handed over in memory of exactly their size, so that reading past one is seen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../cdc/decode/postgres_types.h"
#include "../../cdc/decode/pgoutput_frame.h"

enum { ITEMS = 16400, UNWANTED = 16401, ENUM_TYPE = 20000, OTHER_TYPE = 600 };

struct scene {
    struct framer framer;
    struct batch *batch;
    struct error err;
    bool full;
};

static bool
wants(void *arg, const char *schema, const char *table)
{
    (void)arg;
    (void)schema;
    return strcmp(table, "unwanted") != 0;
}

static bool
is_enum(void *arg, uint32_t oid)
{
    (void)arg;
    return oid == ENUM_TYPE;
}

static void
scene_open(struct scene *s)
{
    *s = (struct scene){.batch = batch_new()};
    s->framer = (struct framer){.wants = wants, .is_enum = is_enum, .batch_size = 1000};
    assert_int_equal(framer_init(&s->framer, &s->err), 0);
    framer_connected(&s->framer);
}

static void
scene_close(struct scene *s)
{
    batch_free(s->batch);
    framer_free(&s->framer);
}

/* ---- messages ---- */

static int
send_cut(struct scene *s, const struct buffer *m, size_t len)
{
    uint8_t *exact = malloc(len == 0 ? 1 : len);
    int rc;

    memcpy(exact, m->at, len);
    s->err = (struct error)ERROR_INIT;
    s->full = false;
    rc = framer_message(&s->framer, 0x42, bytes_of(exact, len), s->batch, &s->full, &s->err);
    free(exact);
    return rc;
}

static int
send(struct scene *s, struct buffer m)
{
    int rc = send_cut(s, &m, m.len);

    buffer_free(&m);
    return rc;
}

static struct buffer
begin_message(uint64_t final)
{
    struct buffer m = {0};

    buffer_put_u8(&m, 'B');
    buffer_put_be64(&m, final);
    buffer_put_be64(&m, 1000000); /* a second into 2000 */
    buffer_put_be32(&m, 77);
    return m;
}

static struct buffer
late_begin_message(void)
{
    struct buffer m = begin_message(0x1000);

    memcpy(m.at + 9, "\x7f\xff\xff\xff\xff\xff\xff\xff", 8);
    return m;
}

static struct buffer
commit_message(uint8_t flags, uint64_t final, uint64_t end)
{
    struct buffer m = {0};

    buffer_put_u8(&m, 'C');
    buffer_put_u8(&m, flags);
    buffer_put_be64(&m, final);
    buffer_put_be64(&m, end);
    buffer_put_be64(&m, 1000000);
    return m;
}

static void
put_name(struct buffer *m, const char *name)
{
    buffer_put(m, name, strlen(name) + 1);
}

/* One column of this type, the key. */
static struct buffer
relation_message(uint32_t id, const char *table, uint32_t type)
{
    struct buffer m = {0};

    buffer_put_u8(&m, 'R');
    buffer_put_be32(&m, id);
    put_name(&m, "public");
    put_name(&m, table);
    buffer_put_u8(&m, 'd');
    buffer_put_be16(&m, 1);
    buffer_put_u8(&m, 1);
    put_name(&m, "id");
    buffer_put_be32(&m, type);
    buffer_put_be32(&m, UINT32_MAX);
    return m;
}

static struct buffer
row_message(char kind, uint32_t id, const char *value)
{
    struct buffer m = {0};

    buffer_put_u8(&m, (uint8_t)kind);
    buffer_put_be32(&m, id);
    buffer_put_u8(&m, kind == 'D' ? 'K' : 'N');
    buffer_put_be16(&m, 1);
    buffer_put_u8(&m, 't');
    buffer_put_be32(&m, (uint32_t)strlen(value));
    buffer_put_string(&m, value);
    return m;
}

static struct buffer
truncate_message(uint32_t announced, const uint32_t *ids, uint32_t count)
{
    struct buffer m = {0};

    buffer_put_u8(&m, 'T');
    buffer_put_be32(&m, announced);
    buffer_put_u8(&m, 3);
    for (uint32_t i = 0; i < count; i++)
        buffer_put_be32(&m, ids[i]);
    return m;
}

/* ---- what a good stream says ---- */

static void
good(struct scene *s, struct buffer m)
{
    char kind = (char)m.at[0];

    if (send(s, m) == -1)
        fail_msg("%c: %s", kind, s->err.text);
}

static void
begin(struct scene *s, uint64_t final)
{
    good(s, begin_message(final));
}

static void
commit(struct scene *s, uint64_t final)
{
    good(s, commit_message(0, final, final + 0x30));
}

static void
rows(struct scene *s, uint32_t id, int count)
{
    for (int i = 0; i < count; i++)
        good(s, row_message('I', id, "value"));
}

static void
describe(struct scene *s)
{
    good(s, relation_message(ITEMS, "items", OID_TEXT));
    good(s, relation_message(UNWANTED, "unwanted", OID_TEXT));
}

/* A transaction with so many rows of `items`. */
static void
transaction(struct scene *s, uint64_t final, int count)
{
    begin(s, final);
    rows(s, ITEMS, count);
    commit(s, final);
}

static void
assert_read(const struct scene *s, uint64_t end, uint64_t open, uint64_t done)
{
    struct position want = {.kind = POSITION_LSN, .end = end, .open = open, .done = done};
    char a[POSITION_TEXT_MAX], b[POSITION_TEXT_MAX];

    if (!position_equal(&s->framer.read, &want))
        fail_msg("read is %s, expected %s", position_print(&s->framer.read, a), position_print(&want, b));
}

/* What was sent is refused as nonsense, and nothing has moved. */
static void
refuse_as(struct scene *s, struct buffer m, enum error_kind kind, const char *code)
{
    struct position read = s->framer.read;
    uint32_t frames = s->batch->nframes;
    bool inside = s->framer.in_transaction;

    assert_int_equal(send(s, m), -1);
    assert_int_equal(s->err.kind, kind);
    assert_string_equal(s->err.code, code);
    assert_true(position_equal(&read, &s->framer.read));
    assert_int_equal(s->batch->nframes, frames);
    assert_int_equal(s->framer.in_transaction, inside);
}

static void
refuse(struct scene *s, struct buffer m)
{
    refuse_as(s, m, ERROR_RETRY, "E_PROTOCOL");
}

/* ---- the tests: a good stream ---- */

static void
a_transaction_becomes_frames_with_its_bounds(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    begin(&s, 0x1000);
    describe(&s);
    good(&s, row_message('I', ITEMS, "one"));
    good(&s, row_message('U', ITEMS, "two"));
    good(&s, row_message('D', ITEMS, "two"));
    assert_read(&s, 0, 0x1000, 3);
    commit(&s, 0x1000);
    assert_read(&s, 0x1030, 0, 0);
    framer_finish(&s.framer, s.batch);

    assert_int_equal(s.batch->nframes, 3);
    assert_int_equal(s.batch->ntransactions, 1);
    assert_true(s.batch->transactions[0].starts && s.batch->transactions[0].ends);
    assert_int_equal(s.batch->transactions[0].id.final, 0x1000);
    assert_int_equal(s.batch->transactions[0].id.end, 0x1030);
    assert_int_equal(s.batch->transactions[0].id.xid, 77);
    assert_true(s.batch->transactions[0].id.commit_us == INT64_C(946684801000000));
    for (uint32_t i = 0; i < 3; i++) {
        const struct frame *frame = &s.batch->frames[i];

        assert_int_equal(frame->ordinal, i);
        assert_int_equal(frame->lsn, 0x42);
        assert_int_equal(frame->kind, FRAME_ROW);
        assert_string_equal(frame->relation->table, "items");
        assert_int_equal(batch_message(s.batch, frame).at[0], "IUD"[i]);
    }
    assert_false(s.batch->mid_transaction);
    assert_int_equal(s.batch->end.end, 0x1030);
    assert_int_equal(s.batch->end_number, 1);
    scene_close(&s);
}

static void
rows_that_are_not_wanted_are_counted_and_left_out(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    begin(&s, 0x1000);
    describe(&s);
    rows(&s, UNWANTED, 2);
    assert_read(&s, 0, 0x1000, 2);
    rows(&s, ITEMS, 1);
    rows(&s, UNWANTED, 1);
    commit(&s, 0x1000);
    assert_int_equal(s.batch->nframes, 1);
    assert_int_equal(s.batch->frames[0].ordinal, 2);
    assert_true(s.batch->transactions[0].starts); /* nothing of it is in an earlier batch */
    assert_false(s.full);

    begin(&s, 0x2000);
    rows(&s, UNWANTED, 1);
    commit(&s, 0x2000);
    assert_int_equal(s.batch->ntransactions, 1);
    assert_read(&s, 0x2030, 0, 0);
    scene_close(&s);
}

static void
a_truncate_counts_one_for_each_relation(void **state)
{
    const uint32_t ids[] = {ITEMS, UNWANTED, ITEMS};
    struct scene s;

    (void)state;
    scene_open(&s);
    begin(&s, 0x1000);
    describe(&s);
    rows(&s, ITEMS, 1);
    good(&s, truncate_message(3, ids, 3));
    assert_read(&s, 0, 0x1000, 4);
    assert_int_equal(s.batch->nframes, 3);
    assert_int_equal(s.batch->frames[1].kind, FRAME_TRUNCATE);
    assert_int_equal(s.batch->frames[1].ordinal, 1);
    assert_int_equal(s.batch->frames[1].length, 0);
    assert_int_equal(s.batch->frames[2].ordinal, 3);
    good(&s, truncate_message(0, ids, 0));
    commit(&s, 0x1000);
    scene_close(&s);
}

static void
types_origins_and_messages_change_nothing(void **state)
{
    static const char kinds[] = "YOM";
    struct scene s;

    (void)state;
    scene_open(&s);
    for (int inside = 0; inside < 2; inside++) {
        for (size_t i = 0; i < 3; i++) {
            struct buffer m = {0};

            buffer_put_u8(&m, (uint8_t)kinds[i]);
            buffer_put_string(&m, inside ? "" : "anything");
            good(&s, m);
        }
        if (!inside)
            begin(&s, 0x1000);
    }
    commit(&s, 0x1000);
    assert_int_equal(s.batch->nframes, 0);
    scene_close(&s);
}

/* ---- skipping ---- */

static void
what_the_position_covers_is_dropped(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    describe(&s);
    s.framer.read = (struct position){.kind = POSITION_LSN, .end = 0x2030};
    transaction(&s, 0x1000, 3);
    transaction(&s, 0x2000, 3);
    assert_int_equal(s.batch->nframes, 0);
    assert_int_equal(s.batch->ntransactions, 0);
    assert_read(&s, 0x2030, 0, 0);
    assert_int_equal(s.framer.number, 0);
    transaction(&s, 0x2030, 1); /* starts where the last one ended */
    assert_int_equal(s.batch->nframes, 1);
    assert_int_equal(s.framer.number, 1);
    assert_read(&s, 0x2060, 0, 0);
    scene_close(&s);
}

static void
inside_a_transaction_the_changes_that_are_done_are_dropped(void **state)
{
    const uint32_t ids[] = {ITEMS, ITEMS};

    (void)state;
    for (uint64_t done = 0; done <= 5; done++) {
        struct scene s;

        scene_open(&s);
        describe(&s);
        s.framer.read = (struct position){.kind = POSITION_LSN, .end = 0x1030, .open = 0x2000, .done = done};
        transaction(&s, 0x1000, 2); /* covered */
        begin(&s, 0x2000);
        rows(&s, ITEMS, 1);
        rows(&s, UNWANTED, 1);
        good(&s, truncate_message(2, ids, 2)); /* a position may stand inside it */
        rows(&s, ITEMS, 1);
        commit(&s, 0x2000);
        assert_read(&s, 0x2030, 0, 0);
        for (uint32_t i = 0; i < s.batch->nframes; i++)
            assert_true(s.batch->frames[i].ordinal >= done);
        assert_int_equal(s.batch->nframes, 5 - done - (done <= 1 ? 1 : 0));
        if (s.batch->nframes > 0)
            assert_true(s.batch->transactions[0].starts && s.batch->transactions[0].ends);
        scene_close(&s);
    }
}

static void
another_transaction_in_the_place_of_the_open_one_is_a_divergence(void **state)
{
    static const uint64_t others[] = {0x1030, 0x1fff, 0x2001, 0x3000};

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct scene s;

        scene_open(&s);
        describe(&s);
        s.framer.read = (struct position){.kind = POSITION_LSN, .end = 0x1030, .open = 0x2000, .done = 4};
        transaction(&s, 0x1000, 1);
        refuse_as(&s, begin_message(others[i]), ERROR_REFUSED, "E_DIVERGED");
        assert_non_null(strstr(s.err.text, "0/2000"));
        scene_close(&s);
    }
}

static void
a_transaction_that_comes_again_with_less_than_is_delivered_is_a_divergence(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    describe(&s);
    s.framer.read = (struct position){.kind = POSITION_LSN, .end = 0x1030, .open = 0x2000, .done = 4};
    begin(&s, 0x2000);
    rows(&s, ITEMS, 3);
    refuse_as(&s, commit_message(0, 0x2000, 0x2030), ERROR_REFUSED, "E_DIVERGED");
    assert_read(&s, 0x1030, 0x2000, 4);
    scene_close(&s);
}

static void
after_a_reconnect_the_half_transaction_goes_on_where_it_was(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    describe(&s);
    transaction(&s, 0x1000, 1);
    begin(&s, 0x2000);
    rows(&s, ITEMS, 3);
    framer_connected(&s.framer); /* the server begins again at a place that it knows */
    assert_false(s.framer.in_transaction);
    assert_read(&s, 0x1030, 0x2000, 3);
    transaction(&s, 0x1000, 1);
    transaction(&s, 0x2000, 5);
    transaction(&s, 0x3000, 1);
    assert_int_equal(s.batch->nframes, 1 + 5 + 1);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(s.batch->frames[1 + i].ordinal, i);
    assert_int_equal(s.batch->ntransactions, 3); /* one entry for both halves */
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(s.batch->transactions[i].number, i + 1);
    scene_close(&s);
}

/* ---- batches ---- */

static void
a_batch_is_full_at_the_first_commit_past_its_size(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.framer.batch_size = 100;
    describe(&s);
    transaction(&s, 0x1000, 2); /* 2 x 18 bytes */
    assert_false(s.full);
    begin(&s, 0x2000);
    rows(&s, ITEMS, 6);
    assert_false(s.full); /* past the size, but inside */
    commit(&s, 0x2000);
    assert_true(s.full);
    scene_close(&s);
}

static void
a_large_transaction_is_cut_into_slices(void **state)
{
    struct scene s;
    uint64_t next = 0;
    int slices = 0;

    (void)state;
    scene_open(&s);
    s.framer.batch_size = 100;
    describe(&s);
    begin(&s, 0x1000);
    for (int i = 0; i < 100; i++) {
        rows(&s, ITEMS, 1);
        if (!s.full)
            continue;
        assert_true(s.batch->raw.len >= 200 && s.batch->raw.len < 200 + 18);
        framer_finish(&s.framer, s.batch);
        assert_true(s.batch->mid_transaction);
        assert_int_equal(s.batch->end.open, 0x1000);
        assert_int_equal(s.batch->end.done, i + 1);
        assert_int_equal(s.batch->transactions[0].starts, slices == 0);
        assert_false(s.batch->transactions[0].ends);
        assert_int_equal(s.batch->transactions[0].number, 1);
        for (uint32_t k = 0; k < s.batch->nframes; k++)
            assert_int_equal(s.batch->frames[k].ordinal, next++);
        batch_reset(s.batch, 0);
        slices++;
    }
    assert_true(slices >= 5);
    rows(&s, ITEMS, 1);
    commit(&s, 0x1000);
    assert_true(s.full); /* small, but it began inside */
    framer_finish(&s.framer, s.batch);
    assert_false(s.batch->mid_transaction);
    assert_true(s.batch->transactions[0].ends && !s.batch->transactions[0].starts);
    scene_close(&s);
}

static void
asking_in_the_middle_of_a_batch_changes_nothing(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.framer.batch_size = 20;
    describe(&s);
    begin(&s, 0x1000);
    rows(&s, ITEMS, 3);
    assert_true(s.full);
    framer_finish(&s.framer, s.batch);
    batch_reset(s.batch, 0);
    s.framer.batch_size = 1000;
    rows(&s, ITEMS, 1);
    framer_finish(&s.framer, s.batch); /* read() does so each time */
    commit(&s, 0x1000);
    assert_true(s.full);
    scene_close(&s);
}

static void
a_heartbeat_moves_between_transactions_only(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    describe(&s);
    framer_keepalive(&s.framer, 0x500);
    assert_read(&s, 0x500, 0, 0);
    framer_keepalive(&s.framer, 0x400); /* never back */
    assert_read(&s, 0x500, 0, 0);
    begin(&s, 0x1000);
    framer_keepalive(&s.framer, 0x1000);
    assert_read(&s, 0x500, 0, 0);
    rows(&s, ITEMS, 1);
    framer_keepalive(&s.framer, 0x1000);
    assert_read(&s, 0x500, 0x1000, 1);
    framer_connected(&s.framer);
    framer_keepalive(&s.framer, 0x1000); /* the open transaction has still to come again */
    assert_read(&s, 0x500, 0x1000, 1);
    transaction(&s, 0x1000, 2);
    framer_keepalive(&s.framer, 0x2000);
    assert_read(&s, 0x2000, 0, 0);
    framer_finish(&s.framer, s.batch);
    assert_int_equal(s.batch->end.end, 0x2000);
    scene_close(&s);
}

/* ---- relations ---- */

static void
the_same_description_again_keeps_the_relation_and_its_plans(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    describe(&s);
    transaction(&s, 0x1000, 1);
    framer_connected(&s.framer);
    describe(&s);
    transaction(&s, 0x2000, 1);
    assert_ptr_equal(s.batch->frames[0].relation, s.batch->frames[1].relation);
    assert_int_equal(s.batch->nrelations, 1);
    scene_close(&s);
}

static void
a_changed_description_holds_from_the_next_row_on(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    describe(&s);
    begin(&s, 0x1000);
    rows(&s, ITEMS, 1);
    good(&s, relation_message(ITEMS, "items", OID_INT4));
    rows(&s, ITEMS, 1);
    good(&s, relation_message(ITEMS, "renamed", OID_INT4));
    rows(&s, ITEMS, 1);
    good(&s, relation_message(ITEMS, "unwanted", OID_INT4));
    rows(&s, ITEMS, 1);
    commit(&s, 0x1000);
    assert_int_equal(s.batch->nframes, 3);
    assert_int_equal(s.batch->frames[0].relation->columns[0].type, TYPE_TEXT);
    assert_int_equal(s.batch->frames[1].relation->columns[0].type, TYPE_INT32);
    assert_string_equal(s.batch->frames[1].relation->table, "items");
    assert_string_equal(s.batch->frames[2].relation->table, "renamed");
    scene_close(&s);
}

static void
many_relations_are_all_found_again(void **state)
{
    enum { MANY = 3000 };
    char name[20];
    struct scene s;

    (void)state;
    scene_open(&s);
    s.framer.batch_size = 1 << 20;
    begin(&s, 0x1000);
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "t%u", i);
        good(&s, relation_message(i * 64, name, OID_TEXT));
    }
    for (uint32_t i = 0; i < MANY; i++)
        rows(&s, i * 64, 1);
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "t%u", i);
        assert_string_equal(s.batch->frames[i].relation->table, name);
    }
    assert_int_equal(s.framer.relations_count, MANY);
    scene_close(&s);
}

static void
an_empty_schema_is_pg_catalog_and_enums_are_told_apart(void **state)
{
    struct scene s;
    struct buffer m = {0};

    (void)state;
    scene_open(&s);
    buffer_put_u8(&m, 'R');
    buffer_put_be32(&m, ITEMS);
    put_name(&m, "");
    put_name(&m, "t");
    buffer_put_u8(&m, 'f');
    buffer_put_be16(&m, 2);
    for (uint32_t i = 0; i < 2; i++) {
        buffer_put_u8(&m, (uint8_t)i);
        put_name(&m, i == 0 ? "a" : "b");
        buffer_put_be32(&m, i == 0 ? ENUM_TYPE : OTHER_TYPE);
        buffer_put_be32(&m, UINT32_MAX);
    }
    good(&s, m);
    transaction(&s, 0x1000, 1);
    const struct relation *rel = s.batch->frames[0].relation;
    assert_string_equal(rel->schema, "pg_catalog");
    assert_int_equal(rel->replica_identity, IDENTITY_FULL);
    assert_int_equal(rel->columns[0].type, TYPE_ENUM);
    assert_int_equal(rel->columns[1].type, TYPE_OTHER);
    assert_false(rel->columns[0].identity);
    assert_true(rel->columns[1].identity);
    scene_close(&s);
}

static void
a_type_that_is_read_as_text_ends_a_binary_session_if_it_is_wanted(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.framer.binary = true;
    good(&s, relation_message(UNWANTED, "unwanted", OTHER_TYPE));
    good(&s, relation_message(ITEMS, "items", ENUM_TYPE));
    good(&s, relation_message(ITEMS, "items", OID_XML)); /* its binary form is its text */
    refuse_as(&s, relation_message(ITEMS, "items", OTHER_TYPE), ERROR_RETRY, "E_BINARY_TYPE");
    s.framer.binary = false;
    good(&s, relation_message(ITEMS, "items", OTHER_TYPE));
    scene_close(&s);
}

/* ---- what makes no sense ---- */

static void
bounds_out_of_place_are_refused(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    describe(&s);
    refuse(&s, commit_message(0, 0x1000, 0x1030)); /* without a begin */
    refuse(&s, begin_message(0));
    refuse(&s, late_begin_message()); /* a time that is none */
    begin(&s, 0x1000);
    refuse(&s, begin_message(0x1000)); /* inside a transaction */
    refuse(&s, begin_message(0x2000));
    refuse(&s, commit_message(0, 0x1001, 0x1030));
    refuse(&s, commit_message(0, 0xfff, 0x1030));
    refuse(&s, commit_message(0, 0x1000, 0x1000)); /* ends where it starts */
    refuse(&s, commit_message(0, 0x1000, 0xfff));
    refuse(&s, commit_message(1, 0x1000, 0x1030)); /* flags that nobody has defined */
    commit(&s, 0x1000);
    refuse(&s, commit_message(0, 0x1000, 0x1030));
    scene_close(&s);
}

static void
rows_and_truncates_out_of_place_are_refused(void **state)
{
    const uint32_t known[] = {ITEMS, ITEMS}, unknown[] = {4711};
    struct scene s;

    (void)state;
    scene_open(&s);
    describe(&s);
    refuse(&s, row_message('I', ITEMS, "x"));
    refuse(&s, truncate_message(1, known, 1));
    begin(&s, 0x1000);
    refuse(&s, row_message('I', 4711, "x")); /* not described */
    refuse(&s, row_message('U', 0, "x"));
    refuse(&s, truncate_message(1, unknown, 1));
    refuse(&s, truncate_message(2, known, 1)); /* announces more than it has, or less */
    refuse(&s, truncate_message(1, known, 2));
    refuse(&s, truncate_message(UINT32_MAX, known, 2));
    refuse(&s, truncate_message(UINT32_C(0x40000001), known, 1)); /* times four it wraps to 4 */
    commit(&s, 0x1000);
    scene_close(&s);
}

static void
unknown_and_empty_messages_are_refused(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    for (int kind = 0; kind < 256; kind++) {
        struct buffer m = {0};

        if (memchr("YOM", kind, 3) != NULL)
            continue;
        buffer_put_u8(&m, (uint8_t)kind); /* the known ones are cut short */
        refuse(&s, m);
    }
    refuse(&s, (struct buffer){.at = malloc(1)});
    scene_close(&s);
}

static struct buffer
raw_relation(uint8_t identity, uint16_t announced, uint16_t columns)
{
    struct buffer m = {0};

    buffer_put_u8(&m, 'R');
    buffer_put_be32(&m, ITEMS);
    put_name(&m, "public");
    put_name(&m, "items");
    buffer_put_u8(&m, identity);
    buffer_put_be16(&m, announced);
    for (uint16_t i = 0; i < columns; i++) {
        buffer_put_u8(&m, 0);
        put_name(&m, "c");
        buffer_put_be32(&m, OID_TEXT);
        buffer_put_be32(&m, UINT32_MAX);
    }
    return m;
}

static void
relations_that_make_no_sense_are_refused(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    for (int identity = 0; identity < 256; identity++) {
        if (identity == 0 || strchr("dnfi", identity) == NULL)
            refuse(&s, raw_relation((uint8_t)identity, 1, 1));
    }
    refuse(&s, raw_relation('d', 2, 1));
    refuse(&s, raw_relation('d', 1, 2));
    refuse(&s, raw_relation('d', 1665, 1665)); /* more than a table can have */
    refuse(&s, raw_relation('d', UINT16_MAX, 3));
    begin(&s, 0x1000);
    refuse(&s, row_message('I', ITEMS, "x")); /* none of these was taken */
    good(&s, raw_relation('d', 1664, 1664));
    good(&s, raw_relation('n', 0, 0));
    rows(&s, ITEMS, 1);
    scene_close(&s);
}

/* Every shorter form of a message, and one that is longer. */
static void
refuse_cuts(struct buffer m, bool inside)
{
    for (size_t len = 0; len <= m.len + 1; len++) {
        struct buffer longer = {0};
        struct scene s;

        if (len == m.len)
            continue;
        scene_open(&s);
        describe(&s);
        if (inside)
            begin(&s, 0x1000);
        buffer_put(&longer, m.at, m.len);
        buffer_put_u8(&longer, 0);
        if (send_cut(&s, &longer, len) != -1)
            fail_msg("%c with %zu of %zu bytes is taken", m.at[0], len, m.len);
        assert_int_equal(s.err.kind, ERROR_RETRY);
        assert_string_equal(s.err.code, "E_PROTOCOL");
        assert_int_equal(s.framer.in_transaction, inside);
        assert_int_equal(s.framer.read.kind, POSITION_NONE);
        assert_int_equal(s.batch->nframes, 0);
        buffer_free(&longer);
        scene_close(&s);
    }
    buffer_free(&m);
}

static void
a_message_cut_short_at_any_byte_or_too_long_is_refused(void **state)
{
    const uint32_t ids[] = {ITEMS, UNWANTED};

    (void)state;
    refuse_cuts(begin_message(0x1000), false);
    refuse_cuts(commit_message(0, 0x1000, 0x1030), true);
    refuse_cuts(relation_message(4711, "other", OID_TEXT), true);
    refuse_cuts(truncate_message(2, ids, 2), true);
}

static void
a_row_is_refused_only_while_its_relation_is_not_to_be_read(void **state)
{
    struct buffer m = row_message('I', ITEMS, "x");
    struct scene s;

    (void)state;
    scene_open(&s);
    describe(&s);
    begin(&s, 0x1000);
    for (size_t len = 0; len < 5; len++)
        assert_int_equal(send_cut(&s, &m, len), -1);
    for (size_t len = 5; len <= m.len; len++) /* the rest is the decoder's */
        assert_int_equal(send_cut(&s, &m, len), 0);
    buffer_free(&m);
    scene_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_becomes_frames_with_its_bounds),
        cmocka_unit_test(rows_that_are_not_wanted_are_counted_and_left_out),
        cmocka_unit_test(a_truncate_counts_one_for_each_relation),
        cmocka_unit_test(types_origins_and_messages_change_nothing),
        cmocka_unit_test(what_the_position_covers_is_dropped),
        cmocka_unit_test(inside_a_transaction_the_changes_that_are_done_are_dropped),
        cmocka_unit_test(another_transaction_in_the_place_of_the_open_one_is_a_divergence),
        cmocka_unit_test(a_transaction_that_comes_again_with_less_than_is_delivered_is_a_divergence),
        cmocka_unit_test(after_a_reconnect_the_half_transaction_goes_on_where_it_was),
        cmocka_unit_test(a_batch_is_full_at_the_first_commit_past_its_size),
        cmocka_unit_test(a_large_transaction_is_cut_into_slices),
        cmocka_unit_test(asking_in_the_middle_of_a_batch_changes_nothing),
        cmocka_unit_test(a_heartbeat_moves_between_transactions_only),
        cmocka_unit_test(the_same_description_again_keeps_the_relation_and_its_plans),
        cmocka_unit_test(a_changed_description_holds_from_the_next_row_on),
        cmocka_unit_test(many_relations_are_all_found_again),
        cmocka_unit_test(an_empty_schema_is_pg_catalog_and_enums_are_told_apart),
        cmocka_unit_test(a_type_that_is_read_as_text_ends_a_binary_session_if_it_is_wanted),
        cmocka_unit_test(bounds_out_of_place_are_refused),
        cmocka_unit_test(rows_and_truncates_out_of_place_are_refused),
        cmocka_unit_test(unknown_and_empty_messages_are_refused),
        cmocka_unit_test(relations_that_make_no_sense_are_refused),
        cmocka_unit_test(a_message_cut_short_at_any_byte_or_too_long_is_refused),
        cmocka_unit_test(a_row_is_refused_only_while_its_relation_is_not_to_be_read),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
