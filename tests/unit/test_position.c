/* test_position.c -- covers, done, advance and meet, and the text form both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cdc/error.h"
#include "cdc/position.h"

static const struct position none;

static struct position
at(uint64_t end)
{
    return (struct position){.kind = POSITION_LSN, .end = end};
}

static struct position
inside(uint64_t end, uint64_t open, uint64_t done)
{
    return (struct position){.kind = POSITION_LSN, .end = end, .open = open, .done = done};
}

static struct transaction
txn(uint64_t final, uint64_t end)
{
    return (struct transaction){.final = final, .end = end};
}

static void
assert_place(struct position got, struct position want)
{
    char a[POSITION_TEXT_MAX], b[POSITION_TEXT_MAX];

    if (!position_equal(&got, &want))
        fail_msg("%s, expected %s", position_print(&got, a), position_print(&want, b));
}

static void
a_transaction_is_covered_when_its_commit_starts_before_the_end(void **state)
{
    struct position pos = at(0x1000);
    struct transaction before = txn(0xfff, 0x1000), first = txn(0x1000, 0x1030);

    (void)state;
    assert_true(position_covers(&pos, &before));
    assert_false(position_covers(&pos, &first)); /* the server's rule: it starts at the confirmed place */
    assert_false(position_covers(&none, &before));
}

static void
nothing_of_a_new_transaction_is_done_and_all_of_a_covered_one(void **state)
{
    struct position pos = inside(0x1000, 0x2000, 7);
    struct transaction before = txn(0xfff, 0x1000), open = txn(0x2000, 0x2030), later = txn(0x3000, 0x3030);
    struct transaction between = txn(0x1800, 0x1830);

    (void)state;
    assert_true(position_done(&pos, &before) == UINT64_MAX);
    assert_int_equal(position_done(&pos, &open), 7);
    assert_int_equal(position_done(&pos, &later), 0);
    assert_int_equal(position_done(&pos, &between), 0);
    assert_int_equal(position_done(&none, &open), 0);
}

static void
a_count_belongs_to_its_transaction_only(void **state)
{
    struct position pos = at(0x1000);
    struct transaction one = txn(0x2000, 0x2030), two = txn(0x3000, 0x3030);

    (void)state;
    position_advance_part(&pos, &one, 5);
    assert_place(pos, inside(0x1000, 0x2000, 5));
    assert_int_equal(position_done(&pos, &two), 0);
    position_advance_whole(&pos, &one);
    assert_place(pos, at(0x2030));
    position_advance_part(&pos, &two, 1);
    assert_place(pos, inside(0x2030, 0x3000, 1));
    assert_true(position_covers(&pos, &one));
}

static void
the_first_transaction_gives_a_position_to_one_that_had_none(void **state)
{
    struct position pos = none;
    struct transaction one = txn(0x2000, 0x2030);

    (void)state;
    position_advance_part(&pos, &one, 1);
    assert_place(pos, inside(0, 0x2000, 1));
    position_advance_whole(&pos, &one);
    assert_place(pos, at(0x2030));
}

static void
two_positions_meet_at_the_older_one(void **state)
{
    /* oldest first */
    const struct position line[] = {at(0x1000), at(0x1800), inside(0x1000, 0x2000, 1),
                                    inside(0x1000, 0x2000, 4), inside(0x1000, 0x2000, 5), at(0x2030),
                                    inside(0x2030, 0x3000, 1), at(0x3030)};
    size_t n = sizeof(line) / sizeof(line[0]);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++)
            assert_place(position_meet(&line[i], &line[k]), line[i < k ? i : k]);
        assert_place(position_meet(&line[i], &none), none);
        assert_place(position_meet(&none, &line[i]), none);
    }
    assert_place(position_meet(&none, &none), none);
}

static void
the_text_form_reads_back_as_the_same_position(void **state)
{
    const struct position places[] = {none, at(1), at(0x16B374D848), at(UINT64_MAX),
                                      inside(0x10, 0x20, 0), inside(0x10, 0x20, 1234),
                                      inside(0x10, 0x10, 1),
                                      inside(UINT64_MAX, UINT64_MAX, UINT64_MAX - 1)};

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct error err = ERROR_INIT;
        struct position back;
        char text[POSITION_TEXT_MAX];

        if (position_parse(&back, position_print(&places[i], text), &err) == -1)
            fail_msg("%s: %s", text, err.text);
        assert_place(back, places[i]);
    }
}

static void
positions_are_printed_as_the_server_prints_them(void **state)
{
    struct position place = at(0x16B374D848), part = inside(0x16B374D848, UINT64_C(0x170000000A), 1234);
    char text[POSITION_TEXT_MAX];

    (void)state;
    assert_string_equal(position_print(&none, text), "none");
    assert_string_equal(position_print(&place, text), "lsn:16/B374D848");
    assert_string_equal(position_print(&part, text), "lsn:16/B374D848+17/A/1234");
    assert_string_equal(lsn_print(0, text), "0/0");
    assert_string_equal(lsn_print(UINT64_MAX, text), "FFFFFFFF/FFFFFFFF");
}

static void
a_bare_lsn_in_either_case_is_a_position(void **state)
{
    struct error err = ERROR_INIT;
    struct position pos;

    (void)state;
    assert_int_equal(position_parse(&pos, "16/b374d848", &err), 0);
    assert_place(pos, at(0x16B374D848));
    assert_int_equal(position_parse(&pos, "00000016/B374D848", &err), 0);
    assert_place(pos, at(0x16B374D848));
    assert_int_equal(position_parse(&pos, "0/10+0/20/3", &err), 0);
    assert_place(pos, inside(0x10, 0x20, 3));
}

static void
what_is_not_a_position_is_refused_and_leaves_the_old_one(void **state)
{
    static const char *const texts[] = {
        "", " ", "lsn:", "none ", "None", "0/0", "lsn:0/0", "16", "16/", "/16", "16/B374D848 ", " 0/1",
        "+0/1", "-0/1", "0x1/2", "0/1/2", "123456789/1", "0/123456789", "0/000000001", "G/1", "0/G",
        "lsn:lsn:0/1", "LSN:0/1", "0/1+", "0/1+0/2", "0/1+0/2/", "0/1+0/2/x", "0/1+0/2/1x", "0/1+0/2/-1",
        "0/1+0/2/ 1", "0/1+2/1", "0/10+0/F/1", "0/1+0/2/18446744073709551615",
        "0/1+0/2/18446744073709551616", "0/1+0/2/99999999999999999999999", "0/1+0/2/1+0/3/1", "0/1\n",
        "3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5", "mysql-bin.000003:154",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct position pos = at(7);
        struct error err = ERROR_INIT;

        if (position_parse(&pos, texts[i], &err) != -1)
            fail_msg("\"%s\" is taken for a position", texts[i]);
        assert_int_equal(err.kind, ERROR_CONFIG);
        assert_string_equal(err.code, "E_POSITION");
        assert_place(pos, at(7));
    }
}

static void
an_lsn_is_read_whole_or_not_at_all(void **state)
{
    uint64_t lsn;

    (void)state;
    assert_true(lsn_parse(&lsn, "0/0"));
    assert_true(lsn == 0);
    assert_true(lsn_parse(&lsn, "FFFFFFFF/FFFFFFFF"));
    assert_true(lsn == UINT64_MAX);
    assert_false(lsn_parse(&lsn, "0/1 "));
    assert_false(lsn_parse(&lsn, "0/1/1"));
    assert_false(lsn_parse(&lsn, "lsn:0/1"));
    assert_false(lsn_parse(&lsn, ""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_is_covered_when_its_commit_starts_before_the_end),
        cmocka_unit_test(nothing_of_a_new_transaction_is_done_and_all_of_a_covered_one),
        cmocka_unit_test(a_count_belongs_to_its_transaction_only),
        cmocka_unit_test(the_first_transaction_gives_a_position_to_one_that_had_none),
        cmocka_unit_test(two_positions_meet_at_the_older_one),
        cmocka_unit_test(the_text_form_reads_back_as_the_same_position),
        cmocka_unit_test(positions_are_printed_as_the_server_prints_them),
        cmocka_unit_test(a_bare_lsn_in_either_case_is_a_position),
        cmocka_unit_test(what_is_not_a_position_is_refused_and_leaves_the_old_one),
        cmocka_unit_test(an_lsn_is_read_whole_or_not_at_all),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
