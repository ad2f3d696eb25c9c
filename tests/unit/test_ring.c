/* test_ring.c -- the queue: order, several sinks, going back, letting go, limits, closing; with threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "../../cdc/ring.h"

enum { SLOTS = 512, PLENTY = 1 << 30, SOON_MS = 10000 };

/* ---- one thread ---- */

/* A batch with this much in it, put; returns its seq. */
static uint64_t
put(struct ring *ring, size_t bytes)
{
    struct batch *batch = ring_reserve(ring, 0);

    assert_non_null(batch);
    if (bytes > 0)
        assert_non_null(buffer_room(&batch->raw, bytes));
    ring_put(ring, batch);
    return batch->seq;
}

static void
shape_next(struct ring *ring, uint64_t seq)
{
    struct batch *batch = ring_take(ring);

    assert_int_equal(batch->seq, seq);
    ring_shaped(ring, batch);
}

static void
put_shaped(struct ring *ring, int count)
{
    for (int i = 0; i < count; i++)
        shape_next(ring, put(ring, 0));
}

static void
assert_next(struct ring *ring, int sink, uint64_t seq)
{
    struct batch *batch = ring_next(ring, sink, 0);

    if (seq == 0) {
        assert_null(batch);
        return;
    }
    assert_non_null(batch);
    assert_int_equal(batch->seq, seq);
}

static void
batches_come_in_the_order_they_were_put(void **state)
{
    struct ring *ring = ring_new(1, PLENTY);

    (void)state;
    assert_true(ring_empty(ring));
    assert_int_equal(put(ring, 0), 1);
    assert_int_equal(put(ring, 0), 2);
    assert_false(ring_empty(ring));
    assert_next(ring, 0, 0); /* not shaped yet */
    shape_next(ring, 1);
    assert_next(ring, 0, 1);
    assert_next(ring, 0, 0);
    shape_next(ring, 2);
    assert_next(ring, 0, 2);
    assert_false(ring_empty(ring)); /* had, not released */
    ring_release(ring, 0, 2);
    assert_true(ring_empty(ring));
    ring_free(ring);
}

static void
a_batch_that_is_shaped_early_waits_for_those_before_it(void **state)
{
    struct ring *ring = ring_new(1, PLENTY);
    struct batch *one, *two, *three;

    (void)state;
    put(ring, 0);
    put(ring, 0);
    put(ring, 0);
    one = ring_take(ring);
    two = ring_take(ring);
    three = ring_take(ring);
    ring_shaped(ring, three);
    assert_next(ring, 0, 0);
    ring_shaped(ring, one);
    assert_next(ring, 0, 1);
    assert_next(ring, 0, 0);
    assert_true(ring_wait_turn(ring, two->seq)); /* all before it are shaped: no wait */
    ring_shaped(ring, two);
    assert_next(ring, 0, 2);
    assert_next(ring, 0, 3);
    ring_free(ring);
}

static void
what_a_sink_has_not_been_given_yet_is_known(void **state)
{
    struct ring *ring = ring_new(2, PLENTY);
    struct batch *batch;

    (void)state;
    assert_false(ring_has(ring, 0));
    batch = ring_reserve(ring, 0);
    assert_true(ring_has(ring, 0)); /* the reader may have something in hand */
    ring_put(ring, batch);
    assert_true(ring_has(ring, 0)); /* not shaped yet */
    shape_next(ring, 1);
    assert_next(ring, 0, 1);
    assert_false(ring_has(ring, 0));
    assert_true(ring_has(ring, 1));
    assert_true(ring_rewind(ring, 0, 1));
    assert_true(ring_has(ring, 0));
    ring_free(ring);
}

static void
each_sink_goes_at_its_own_pace(void **state)
{
    struct ring *ring = ring_new(3, PLENTY);

    (void)state;
    put_shaped(ring, 3);
    for (int sink = 0; sink < 3; sink++) {
        for (uint64_t seq = 1; seq <= 3; seq++)
            assert_next(ring, sink, seq);
    }
    ring_release(ring, 0, 3);
    ring_release(ring, 2, 1);
    assert_false(ring_empty(ring));
    assert_true(ring_rewind(ring, 1, 1)); /* sink 1 has let go of nothing */
    assert_next(ring, 1, 1);
    ring_release(ring, 1, 1);
    ring_release(ring, 2, 3);
    assert_false(ring_empty(ring));
    assert_next(ring, 1, 2);
    assert_next(ring, 1, 3);
    ring_release(ring, 1, 3);
    assert_true(ring_empty(ring));
    ring_free(ring);
}

static void
a_sink_goes_back_to_what_it_has_not_released(void **state)
{
    struct ring *ring = ring_new(2, PLENTY);

    (void)state;
    put_shaped(ring, 4);
    for (uint64_t seq = 1; seq <= 4; seq++)
        assert_next(ring, 0, seq);
    ring_release(ring, 0, 2);
    assert_false(ring_rewind(ring, 0, 2)); /* gone for it, though sink 1 still holds it */
    assert_next(ring, 0, 0);
    assert_true(ring_rewind(ring, 0, 3));
    assert_next(ring, 0, 3);
    assert_next(ring, 0, 4);
    assert_true(ring_rewind(ring, 0, 5)); /* where it stands */
    assert_next(ring, 0, 0);
    assert_next(ring, 1, 1);
    ring_free(ring);
}

static void
releasing_again_or_less_takes_nothing_back(void **state)
{
    struct ring *ring = ring_new(1, PLENTY);

    (void)state;
    put_shaped(ring, 3);
    for (uint64_t seq = 1; seq <= 3; seq++)
        assert_next(ring, 0, seq);
    ring_release(ring, 0, 2);
    ring_release(ring, 0, 1);
    ring_release(ring, 0, 2);
    assert_false(ring_rewind(ring, 0, 2));
    assert_true(ring_rewind(ring, 0, 3));
    ring_free(ring);
}

static void
the_reader_waits_when_all_slots_are_taken(void **state)
{
    struct ring *ring = ring_new(1, PLENTY);

    (void)state;
    for (int round = 0; round < 3; round++) {
        put_shaped(ring, SLOTS);
        assert_true(ring_full(ring));
        assert_null(ring_reserve(ring, 0));
        assert_null(ring_reserve(ring, 5));
        assert_next(ring, 0, (uint64_t)round * SLOTS + 1);
        ring_release(ring, 0, (uint64_t)round * SLOTS + 1);
        assert_false(ring_full(ring));
        struct batch *batch = ring_reserve(ring, 0);
        assert_non_null(batch);
        assert_false(ring_full(ring)); /* the reader has a batch in hand */
        ring_unreserve(ring, batch);
        for (uint64_t seq = (uint64_t)round * SLOTS + 2; seq <= (uint64_t)(round + 1) * SLOTS; seq++) {
            assert_next(ring, 0, seq);
            ring_release(ring, 0, seq);
        }
        assert_true(ring_empty(ring));
    }
    ring_free(ring);
}

static void
the_reader_waits_when_the_bytes_are_used_up(void **state)
{
    struct ring *ring = ring_new(1, 100000);

    (void)state;
    for (int i = 0; i < 3; i++)
        shape_next(ring, put(ring, 40000)); /* the last one may pass the limit */
    assert_true(ring_full(ring));
    assert_null(ring_reserve(ring, 0));
    assert_next(ring, 0, 1);
    ring_release(ring, 0, 1);
    assert_false(ring_full(ring));
    assert_int_equal(put(ring, 0), 4);
    ring_free(ring);
}

static void
what_shaping_adds_counts_too(void **state)
{
    struct ring *ring = ring_new(1, 100000);
    struct batch *batch;

    (void)state;
    put(ring, 1000);
    batch = ring_take(ring);
    assert_non_null(buffer_room(&batch->events[0].encoded, 200000));
    assert_false(ring_full(ring));
    ring_shaped(ring, batch);
    assert_true(ring_full(ring));
    assert_next(ring, 0, 1);
    ring_release(ring, 0, 1);
    assert_false(ring_full(ring)); /* all of it is given back */
    batch = ring_reserve(ring, 0);
    assert_non_null(batch);
    ring_unreserve(ring, batch);
    ring_free(ring);
}

static void
a_batch_is_empty_when_it_is_used_again(void **state)
{
    struct ring *ring = ring_new(1, PLENTY);
    struct transaction t = {.final = 1};

    (void)state;
    for (int i = 0; i < 40; i++) {
        struct batch *batch = ring_reserve(ring, 0);

        assert_int_equal(batch->raw.len, 0);
        assert_int_equal(batch->nframes, 0);
        assert_int_equal(batch->ntransactions, 0);
        assert_int_equal(batch->events[0].encoded.len, 0);
        assert_int_equal(batch->end.kind, POSITION_NONE);
        buffer_put_string(&batch->raw, "something");
        assert_non_null(batch_add_transaction(batch, &t, 1, NULL));
        batch->end.kind = POSITION_LSN;
        if (i % 3 == 0) {
            ring_unreserve(ring, batch);
            continue;
        }
        ring_put(ring, batch);
        uint64_t seq = batch->seq;
        shape_next(ring, seq);
        buffer_put_string(&batch->events[0].encoded, "more");
        assert_next(ring, 0, seq);
        ring_release(ring, 0, seq);
    }
    ring_free(ring);
}

static void
a_closed_ring_gives_nothing_to_anybody(void **state)
{
    struct ring *ring = ring_new(1, PLENTY);

    (void)state;
    put_shaped(ring, 1);
    put(ring, 0);
    ring_close(ring);
    assert_null(ring_take(ring));
    assert_null(ring_next(ring, 0, SOON_MS));
    assert_null(ring_reserve(ring, SOON_MS));
    assert_false(ring_wait_turn(ring, 3));
    assert_false(ring_empty(ring)); /* what is in it is freed with it */
    ring_free(ring);
    ring_free(NULL);
}

/* ---- threads ---- */

struct waiter {
    struct ring *ring;
    char what; /* take, next, reserve, wait_turn */
    bool got;
};

static void *
wait_in(void *arg)
{
    struct waiter *w = arg;
    struct batch *batch;

    switch (w->what) {
    case 't':
        w->got = ring_take(w->ring) != NULL;
        break;
    case 'n':
        w->got = ring_next(w->ring, 0, SOON_MS) != NULL;
        break;
    case 'r':
        batch = ring_reserve(w->ring, SOON_MS);
        w->got = batch != NULL;
        if (w->got)
            ring_unreserve(w->ring, batch);
        break;
    default:
        w->got = ring_wait_turn(w->ring, 1000);
        break;
    }
    return NULL;
}

static void
nap(long ms)
{
    struct timespec t = {0, ms * 1000000};

    nanosleep(&t, NULL);
}

static void
closing_wakes_everybody_who_waits(void **state)
{
    struct ring *ring = ring_new(1, 1); /* one batch of any size fills it */
    struct waiter waiters[] = {{ring, 't', true}, {ring, 'n', true}, {ring, 'r', true}, {ring, 'w', true}};
    pthread_t threads[4];

    (void)state;
    put(ring, 10);
    shape_next(ring, 1);
    assert_next(ring, 0, 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wait_in, &waiters[i]), 0);
    nap(30);
    ring_close(ring);
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_false(waiters[i].got);
    }
    ring_free(ring);
}

static void
letting_go_wakes_the_reader(void **state)
{
    struct ring *ring = ring_new(1, 1);
    struct waiter reader = {ring, 'r', false};
    pthread_t thread;

    (void)state;
    put(ring, 10);
    shape_next(ring, 1);
    assert_next(ring, 0, 1);
    assert_int_equal(pthread_create(&thread, NULL, wait_in, &reader), 0);
    nap(30);
    ring_release(ring, 0, 1);
    pthread_join(thread, NULL);
    assert_true(reader.got);
    ring_close(ring);
    ring_free(ring);
}

enum { SINKS = 3, SHAPERS = 3, BATCHES = 3000 };

struct works {
    struct ring *ring;
    atomic_int wrong;
    atomic_int sinks_done;
};

struct worker {
    struct works *works;
    int index;
    uint32_t seed;
};

static uint32_t
dice(struct worker *w, uint32_t sides)
{
    w->seed = w->seed * UINT32_C(1664525) + UINT32_C(1013904223);
    return (w->seed >> 8) % sides;
}

static void *
reader_main(void *arg)
{
    struct worker *w = arg;

    for (int i = 0; i < BATCHES;) {
        struct batch *batch = ring_reserve(w->works->ring, 20);

        if (batch == NULL)
            continue;
        if (dice(w, 20) == 0) {
            ring_unreserve(w->works->ring, batch);
            continue;
        }
        buffer_put_be32(&batch->raw, (uint32_t)++i);
        buffer_room(&batch->raw, dice(w, 3000));
        ring_put(w->works->ring, batch);
    }
    while (atomic_load(&w->works->sinks_done) < SINKS)
        nap(2);
    if (!ring_empty(w->works->ring))
        atomic_fetch_add(&w->works->wrong, 1);
    ring_close(w->works->ring);
    return NULL;
}

static void *
shaper_main(void *arg)
{
    struct worker *w = arg;
    struct batch *batch;

    while ((batch = ring_take(w->works->ring)) != NULL) {
        if (dice(w, 10) == 0 && !ring_wait_turn(w->works->ring, batch->seq))
            break;
        for (int i = 0; i < SINKS; i++)
            buffer_put(&batch->events[i].encoded, batch->raw.at, batch->raw.len);
        ring_shaped(w->works->ring, batch);
    }
    return NULL;
}

static void *
sink_main(void *arg)
{
    struct worker *w = arg;
    struct ring *ring = w->works->ring;
    uint64_t want = 1, released = 0;

    while (released < BATCHES) {
        struct batch *batch = ring_next(ring, w->index, 5);

        if (batch != NULL) {
            struct events *events = &batch->events[w->index];
            struct cursor in = cursor_of(bytes_of(events->encoded.at, events->encoded.len));

            if (batch->seq != want || cursor_be32(&in) != want || !cursor_done(&in))
                atomic_fetch_add(&w->works->wrong, 1);
            want++;
        }
        if (dice(w, 25) == 0) { /* a failed commit */
            uint64_t back = released + 1 + dice(w, (uint32_t)(want - released));

            if (!ring_rewind(ring, w->index, back))
                atomic_fetch_add(&w->works->wrong, 1);
            want = back;
        } else if (want > released + 1 && (batch == NULL || dice(w, 8) == 0 || ring_full(ring))) {
            ring_release(ring, w->index, want - 1);
            released = want - 1;
        }
    }
    atomic_fetch_add(&w->works->sinks_done, 1);
    return NULL;
}

static void
every_sink_gets_everything_in_order_however_threads_race(void **state)
{
    struct works works = {.ring = ring_new(SINKS, 100000)};
    struct worker workers[1 + SHAPERS + SINKS];
    pthread_t threads[1 + SHAPERS + SINKS];

    (void)state;
    for (int i = 0; i < 1 + SHAPERS + SINKS; i++) {
        bool sink = i > SHAPERS;

        workers[i] = (struct worker){&works, sink ? i - 1 - SHAPERS : 0, (uint32_t)i * 77 + 1};
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i == 0 ? reader_main : sink ? sink_main : shaper_main, &workers[i]),
                         0);
    }
    for (int i = 0; i < 1 + SHAPERS + SINKS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&works.wrong), 0);
    ring_free(works.ring);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_come_in_the_order_they_were_put),
        cmocka_unit_test(a_batch_that_is_shaped_early_waits_for_those_before_it),
        cmocka_unit_test(what_a_sink_has_not_been_given_yet_is_known),
        cmocka_unit_test(each_sink_goes_at_its_own_pace),
        cmocka_unit_test(a_sink_goes_back_to_what_it_has_not_released),
        cmocka_unit_test(releasing_again_or_less_takes_nothing_back),
        cmocka_unit_test(the_reader_waits_when_all_slots_are_taken),
        cmocka_unit_test(the_reader_waits_when_the_bytes_are_used_up),
        cmocka_unit_test(what_shaping_adds_counts_too),
        cmocka_unit_test(a_batch_is_empty_when_it_is_used_again),
        cmocka_unit_test(a_closed_ring_gives_nothing_to_anybody),
        cmocka_unit_test(closing_wakes_everybody_who_waits),
        cmocka_unit_test(letting_go_wakes_the_reader),
        cmocka_unit_test(every_sink_gets_everything_in_order_however_threads_race),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
