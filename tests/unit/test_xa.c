/* test_xa.c -- the list of prepared XA transactions: what is put in and taken out, and who holds it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cdc/xa.h"

static struct error err;

static struct xa_prepared
entry(unsigned i)
{
    struct xa_prepared xa = {.gtid = {.domain = 0, .server = 1, .number = i}, .begin = {"binlog", 1, i}};

    snprintf(xa.xid, sizeof(xa.xid), "X'%04x',X'',1", i);
    return xa;
}

/* In place of the list. */
static void
put(struct xa_list **list, unsigned i)
{
    struct xa_prepared xa = entry(i);
    struct xa_list *more;

    assert_int_equal(xa_with(*list, &xa, &more, &err), 0);
    xa_release(*list);
    *list = more;
}

static void
drop(struct xa_list **list, unsigned i)
{
    struct xa_list *less;

    assert_int_equal(xa_without(*list, entry(i).xid, &less, &err), 0);
    xa_release(*list);
    *list = less;
}

static void
entries_stand_in_the_order_of_the_log(void **state)
{
    struct xa_list *list = NULL;

    (void)state;
    assert_null(xa_find(list, "X'0001',X'',1"));
    for (unsigned i = 1; i <= 3; i++)
        put(&list, i);
    assert_int_equal(list->count, 3);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(list->at[i - 1].begin.pos, i);
        assert_ptr_equal(xa_find(list, entry(i).xid), &list->at[i - 1]);
    }
    assert_null(xa_find(list, "x'0001',X'',1"));
    drop(&list, 2);
    assert_int_equal(list->count, 2);
    assert_int_equal(list->at[1].begin.pos, 3);
    drop(&list, 7); /* of which there is none */
    assert_int_equal(list->count, 2);
    drop(&list, 3);
    drop(&list, 1);
    assert_null(list);
    drop(&list, 1);
    assert_null(list);
}

static void
the_same_xid_again_takes_the_place_of_the_earlier_one(void **state)
{
    struct xa_list *list = NULL, *more;
    struct xa_prepared again = entry(1);

    (void)state;
    put(&list, 1);
    put(&list, 2);
    again.begin.pos = 900;
    assert_int_equal(xa_with(list, &again, &more, &err), 0);
    assert_int_equal(more->count, 2);
    assert_int_equal(more->at[0].begin.pos, 2);
    assert_int_equal(more->at[1].begin.pos, 900);
    assert_int_equal(list->at[0].begin.pos, 1); /* that one is as it was */
    xa_release(list);
    xa_release(more);
}

static void
more_than_the_most_are_refused(void **state)
{
    struct xa_list *list = NULL, *more = NULL;
    struct xa_prepared one = entry(XA_MAX + 1), again = entry(5);

    (void)state;
    for (unsigned i = 1; i <= XA_MAX; i++)
        put(&list, i);
    assert_int_equal(xa_with(list, &one, &more, &err), -1);
    assert_int_equal(err.kind, ERROR_REFUSED);
    assert_string_equal(err.code, "E_XA_TOO_MANY");
    assert_non_null(strstr(err.text, entry(1).xid));
    assert_int_equal(xa_with(list, &again, &more, &err), 0); /* no more than there were */
    assert_int_equal(more->count, XA_MAX);
    xa_release(more);
    xa_release(list);
}

static void
lists_are_equal_by_their_entries(void **state)
{
    struct xa_list *a = NULL, *b = NULL;

    (void)state;
    assert_true(xa_equal(a, b));
    put(&a, 1);
    assert_true(xa_equal(a, a));
    assert_false(xa_equal(a, b));
    assert_false(xa_equal(b, a));
    put(&b, 1);
    assert_true(xa_equal(a, b));
    b->at[0].begin.pos++;
    assert_false(xa_equal(a, b));
    b->at[0].begin.pos--;
    b->at[0].gtid.number++;
    assert_false(xa_equal(a, b));
    b->at[0].gtid.number--;
    put(&b, 2);
    assert_false(xa_equal(a, b));
    xa_release(a);
    xa_release(b);
}

static void
a_list_lives_as_long_as_somebody_holds_it(void **state)
{
    struct xa_list *list = NULL, *same;

    (void)state;
    assert_null(xa_keep(NULL));
    xa_release(NULL);
    put(&list, 1);
    same = xa_keep(list);
    assert_ptr_equal(same, list);
    xa_release(list);
    assert_string_equal(same->at[0].xid, entry(1).xid);
    xa_release(same);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_stand_in_the_order_of_the_log),
        cmocka_unit_test(the_same_xid_again_takes_the_place_of_the_earlier_one),
        cmocka_unit_test(more_than_the_most_are_refused),
        cmocka_unit_test(lists_are_equal_by_their_entries),
        cmocka_unit_test(a_list_lives_as_long_as_somebody_holds_it),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
