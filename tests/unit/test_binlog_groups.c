/* test_binlog_groups.c -- a binlog's groups to frames: what bounds them, what is counted, where batches end. */
#include "binlog_scene.h"

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
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
