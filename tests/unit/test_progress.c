/* test_progress.c -- what may be confirmed: the least that every sink has, by batch and not by position. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../cdc/progress.h"

static struct position
at(uint64_t end)
{
    return (struct position){.kind = POSITION_LSN, .end = end};
}

static void
commit(struct progress *progress, int sink, uint64_t seq, uint64_t end)
{
    struct position place = at(end);

    progress_commit(progress, sink, seq, &place);
}

static void
assert_min(struct progress *progress, struct position want)
{
    struct position got = progress_min(progress);
    char a[POSITION_TEXT_MAX], b[POSITION_TEXT_MAX];

    if (!position_equal(&got, &want))
        fail_msg("%s, expected %s", position_print(&got, a), position_print(&want, b));
}

static const struct position none;

static void
nothing_is_confirmed_before_every_sink_has_committed(void **state)
{
    struct progress *progress = progress_new(3);

    (void)state;
    assert_min(progress, none);
    commit(progress, 0, 0, 100);
    assert_min(progress, none);
    commit(progress, 2, 5, 500);
    assert_min(progress, none);
    commit(progress, 1, 0, 100);
    assert_min(progress, at(100));
    progress_free(progress);
}

static void
one_sink_is_its_own_minimum(void **state)
{
    struct progress *progress = progress_new(1);

    (void)state;
    assert_min(progress, none);
    for (uint64_t seq = 0; seq < 5; seq++) {
        commit(progress, 0, seq, 100 + seq);
        assert_min(progress, at(100 + seq));
    }
    progress_free(progress);
}

static void
the_slowest_sink_decides(void **state)
{
    struct progress *progress = progress_new(3);

    (void)state;
    for (int sink = 0; sink < 3; sink++)
        commit(progress, sink, 0, 100);
    commit(progress, 0, 7, 700);
    commit(progress, 2, 4, 400);
    assert_min(progress, at(100));
    commit(progress, 1, 5, 500);
    assert_min(progress, at(400));
    commit(progress, 2, 9, 900);
    assert_min(progress, at(500));
    commit(progress, 1, 9, 900);
    assert_min(progress, at(700));
    commit(progress, 0, 9, 900);
    assert_min(progress, at(900));
    progress_free(progress);
}

static void
a_sink_that_is_ahead_counts_from_where_reading_begins(void **state)
{
    struct progress *progress = progress_new(2);
    struct position from = {.kind = POSITION_LSN, .end = 300, .open = 350, .done = 7};

    (void)state;
    progress_commit(progress, 0, 0, &from); /* its own place is 900 */
    assert_min(progress, none);
    progress_commit(progress, 1, 0, &from);
    assert_min(progress, from);
    commit(progress, 1, 1, 400);
    assert_min(progress, from);
    commit(progress, 0, 1, 400); /* it had that batch before */
    assert_min(progress, at(400));
    progress_free(progress);
}

static void
the_same_batch_again_changes_nothing(void **state)
{
    struct progress *progress = progress_new(1);

    (void)state;
    commit(progress, 0, 3, 300);
    commit(progress, 0, 3, 300);
    assert_min(progress, at(300));
    progress_free(progress);
    progress_free(NULL);
}

struct sink {
    struct progress *progress;
    int index;
    atomic_int *running;
};

static void *
sink_main(void *arg)
{
    struct sink *s = arg;

    for (uint64_t seq = 1; seq <= 20000; seq++)
        commit(s->progress, s->index, seq, seq * 10);
    atomic_fetch_sub(s->running, 1);
    return NULL;
}

static void
it_never_goes_back_while_sinks_commit(void **state)
{
    struct progress *progress = progress_new(3);
    atomic_int running = 3;
    struct sink sinks[3];
    pthread_t threads[3];
    uint64_t last = 0;

    (void)state;
    for (int i = 0; i < 3; i++)
        commit(progress, i, 0, 0);
    for (int i = 0; i < 3; i++) {
        sinks[i] = (struct sink){progress, i, &running};
        assert_int_equal(pthread_create(&threads[i], NULL, sink_main, &sinks[i]), 0);
    }
    while (atomic_load(&running) > 0) {
        struct position now = progress_min(progress);

        assert_true(now.end >= last);
        assert_int_equal(now.end % 10, 0);
        last = now.end;
    }
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_min(progress, at(200000));
    progress_free(progress);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_confirmed_before_every_sink_has_committed),
        cmocka_unit_test(one_sink_is_its_own_minimum),
        cmocka_unit_test(the_slowest_sink_decides),
        cmocka_unit_test(a_sink_that_is_ahead_counts_from_where_reading_begins),
        cmocka_unit_test(the_same_batch_again_changes_nothing),
        cmocka_unit_test(it_never_goes_back_while_sinks_commit),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
