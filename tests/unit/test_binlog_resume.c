/* test_binlog_resume.c -- where the framer goes on: positions, reconnects, files that end and begin. */
#include "binlog_scene.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
