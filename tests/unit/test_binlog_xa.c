/* test_binlog_xa.c -- XA transactions: prepared, decided, their rows read again. */
#include "binlog_scene.h"

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
