/*
 * test_pipeline.c -- whole pipelines from memory to memory: every step fails once, nothing is lost,
 * repeated or out of order.
 *
 * The server and the sink's store outlive the pipeline, so a failure that ends it is followed by a new one
 * on the same two, as after a kill.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../cdc/pipeline.h"
#include "../../cdc/source/memory.h"
#include "../../sinks/memory.h"
#include "cdc/encoder.h"
#include "cdc/log.h"

struct scene {
    struct memory_server server;
    struct memory_store store, second; /* of the second sink, where there is one */
    struct config *config;
    int rows; /* changes in the log */
};

static const char config_text[] = "pipeline: test\n"
                                  "source: {type: postgresql, url: 'postgresql://x@y/z', tables: ['public.*']}\n"
                                  "batch: {threads: 2, size: 4KiB, buffer: 256KiB}\n"
                                  "sinks:\n"
                                  "  - {name: out, type: memory, format: json, transaction: %s}\n";

/* Transactions of 1 to 40 rows, updates, key changes and deletes among them. */
static void
write_log(struct scene *s, int transactions)
{
    char id[20], text[20];
    const char *values[2] = {id, text};

    for (int t = 0; t < transactions; t++) {
        int rows = t % 7 == 3 ? 40 : 1 + t % 3;

        memory_begin(&s->server);
        for (int r = 0; r < rows; r++) {
            snprintf(id, sizeof(id), "%d", s->rows);
            snprintf(text, sizeof(text), "row %d", s->rows);
            memory_insert(&s->server, values, 2);
            s->rows++;
        }
        memory_commit(&s->server);
    }
}

static void
scene_open_sinks(struct scene *s, const char *transaction, int transactions, int sinks)
{
    struct error err = ERROR_INIT;
    char text[1024];

    *s = (struct scene){0};
    memory_server_init(&s->server);
    snprintf(text, sizeof(text), config_text, transaction);
    if (sinks == 2)
        strcat(text, "  - {name: two, type: memory, format: json}\n");
    if (config_parse(&s->config, "test.yaml", bytes_of_string(text), &err) == -1)
        fail_msg("%s", err.text);
    ((struct memory_settings *)s->config->sinks[0].settings)->store = &s->store;
    if (sinks == 2)
        ((struct memory_settings *)s->config->sinks[1].settings)->store = &s->second;
    write_log(s, transactions);
}

static void
scene_open(struct scene *s, const char *transaction, int transactions)
{
    scene_open_sinks(s, transaction, transactions, 1);
}

static void
scene_close(struct scene *s)
{
    config_free(s->config);
    memory_store_clear(&s->store);
    memory_store_clear(&s->second);
    memory_server_clear(&s->server);
}

struct waiter {
    struct scene *scene;
    struct pipeline *pipeline;
    atomic_bool ended;
};

/* Stops the pipeline once the server has been told of the end of its log. */
static void *
wait_for_end(void *arg)
{
    struct waiter *w = arg;

    for (int i = 0; i < 20000 && !atomic_load(&w->ended); i++) {
        struct timespec t = {0, 500000};

        nanosleep(&t, NULL);
        if (w->scene->server.confirmed == w->scene->server.lsn)
            break;
    }
    pipeline_stop(w->pipeline);
    return NULL;
}

static void
open_sink(struct scene *s, int i, struct sink **sink, struct encoder **encoder, struct error *err)
{
    struct sink_context context = {.pipeline = "test", .name = s->config->sinks[i].name,
                                   .settings = s->config->sinks[i].settings};
    struct encoder_settings set;

    assert_int_equal(sink_memory.open(sink, &context, err), 0);
    assert_int_equal(config_encoder(s->config, i, "test", NULL, &set), 0);
    *encoder = encoder_new(&set, err);
    assert_non_null(*encoder);
}

/* One life of the process. */
static int
run_once(struct scene *s, struct error *err)
{
    struct sink *sinks[2] = {NULL, NULL};
    struct encoder *encoders[2];
    struct catalog *catalog = catalog_memory_new();
    struct pipeline_parts parts = {0};
    struct waiter w = {.scene = s};
    pthread_t thread;
    int rc;

    for (int i = 0; i < s->config->nsinks; i++)
        open_sink(s, i, &sinks[i], &encoders[i], err);
    assert_int_equal(memory_source_open(&parts.source, &s->server, err), 0);
    parts.config = s->config;
    parts.decoder = &decoder_pgoutput;
    parts.catalog = catalog;
    parts.sinks = sinks;
    parts.encoders = encoders;
    w.pipeline = pipeline_new(&parts, err);
    assert_non_null(w.pipeline);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_end, &w), 0);
    rc = pipeline_run(w.pipeline, err);
    atomic_store(&w.ended, true);
    pthread_join(thread, NULL);
    pipeline_free(w.pipeline);
    parts.source->ops->close(parts.source);
    catalog->ops->close(catalog);
    for (int i = 0; i < s->config->nsinks; i++) {
        sinks[i]->ops->close(sinks[i]);
        encoder_free(encoders[i]);
    }
    return rc;
}

/* Every row once, in the order of the log; every id once. */
static void
judge_store(const struct memory_store *store, size_t rows, const char *when)
{
    for (size_t i = 0; i < store->count; i++) {
        char want[40];

        snprintf(want, sizeof(want), "\"row %zu\"", i);
        if (memmem(store->events[i].value, store->events[i].value_length, want, strlen(want)) == NULL)
            fail_msg("%s: event %zu is not row %zu: %.*s", when, i, i, (int)store->events[i].value_length,
                     (const char *)store->events[i].value);
    }
    if (store->count != rows)
        fail_msg("%s: %zu of %zu rows arrived", when, store->count, rows);
}

static void
judge(struct scene *s, const char *when)
{
    judge_store(&s->store, (size_t)s->rows, when);
}

static void
run_to_the_end(struct scene *s, const char *when)
{
    struct error err = ERROR_INIT;

    for (int life = 0; life < 5; life++) {
        err.kind = ERROR_NONE;
        if (run_once(s, &err) == 0 && s->store.count >= (size_t)s->rows)
            break;
    }
    if (err.kind != ERROR_NONE)
        fail_msg("%s: %s %s", when, err.code, err.text);
    judge(s, when);
}

static void
everything_arrives_once_and_in_order(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "split", 200);
    run_to_the_end(&s, "no failure");
    assert_true(s.server.confirmed == s.server.lsn);
    scene_close(&s);
}

/* Fail each call of the sink in turn, with this kind, until a run needs fewer calls. */
static void
fail_each_sink_call(const char *transaction, enum error_kind kind, bool lands)
{
    char when[120];

    for (uint64_t k = 1;; k++) {
        struct scene s;
        bool failed;

        scene_open(&s, transaction, 24);
        s.store.fail_at = k;
        s.store.fail_kind = kind;
        s.store.commit_lands = lands;
        snprintf(when, sizeof(when), "%s, sink call %llu fails with %s%s", transaction,
                 (unsigned long long)k, error_kind_name(kind), lands ? " after it took effect" : "");
        run_to_the_end(&s, when);
        failed = s.store.failed;
        scene_close(&s);
        if (!failed)
            break;
        assert_true(k < 1000);
    }
}

static void
a_sink_that_fails_at_any_step_is_retried(void **state)
{
    (void)state;
    fail_each_sink_call("split", ERROR_RETRY, false);
    fail_each_sink_call("whole", ERROR_RETRY, false);
}

static void
a_lost_commit_answer_is_not_applied_twice(void **state)
{
    (void)state;
    fail_each_sink_call("split", ERROR_REWIND, false);
    fail_each_sink_call("split", ERROR_REWIND, true);
    fail_each_sink_call("whole", ERROR_REWIND, true);
}

static void
a_process_that_dies_at_any_step_goes_on_after_a_restart(void **state)
{
    (void)state;
    fail_each_sink_call("split", ERROR_FATAL, false);
    fail_each_sink_call("split", ERROR_FATAL, true);
}

static void
a_source_that_fails_at_any_step_is_read_again(void **state)
{
    char when[80];

    (void)state;
    for (uint64_t k = 1; k < 120; k++) {
        struct scene s;

        scene_open(&s, "split", 24);
        s.server.fail_at = k;
        s.server.forgets = k % 2 == 0; /* and the slot goes back, as after a crash */
        s.server.earlier = 0x1000;
        snprintf(when, sizeof(when), "source call %llu fails", (unsigned long long)k);
        run_to_the_end(&s, when);
        scene_close(&s);
    }
}

/* What the server was told never passes what some sink has. */
static void
check_confirmed(const struct scene *s, const char *when)
{
    const struct offset *one = &s->store.offset, *two = &s->second.offset;

    if (one->state != OFFSET_AT || two->state != OFFSET_AT)
        return;
    if (s->server.confirmed > one->position.end || s->server.confirmed > two->position.end)
        fail_msg("%s: confirmed %llx, the sinks have %llx and %llx", when,
                 (unsigned long long)s->server.confirmed, (unsigned long long)one->position.end,
                 (unsigned long long)two->position.end);
}

/* One of them dies at call k in two lives, so the other gets ahead. */
static void
one_of_two_falls_behind(bool first, uint64_t k)
{
    struct error err = ERROR_INIT;
    struct memory_store *behind;
    struct scene s;
    char when[80];

    snprintf(when, sizeof(when), "the %s sink dies at call %llu, twice", first ? "first" : "second",
             (unsigned long long)k);
    scene_open_sinks(&s, "split", 24, 2);
    behind = first ? &s.store : &s.second;
    for (int life = 0; life < 6; life++) {
        behind->failed = false;
        behind->fail_at = life < 2 ? behind->calls + k : 0;
        behind->fail_kind = ERROR_FATAL;
        err.kind = ERROR_NONE;
        run_once(&s, &err);
        check_confirmed(&s, when);
        if (behind->count == (size_t)s.rows)
            break;
    }
    if (err.kind != ERROR_NONE)
        fail_msg("%s: %s %s", when, err.code, err.text);
    judge_store(&s.store, (size_t)s.rows, when);
    judge_store(&s.second, (size_t)s.rows, when);
    scene_close(&s);
}

static void
two_sinks_at_different_places_get_everything_once(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 40; k++) {
        one_of_two_falls_behind(true, k);
        one_of_two_falls_behind(false, k);
    }
}

static void
a_whole_transaction_is_one_commit(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "whole", 50);
    run_to_the_end(&s, "whole");
    for (size_t i = 1; i < s.store.count; i++) {
        const char *a = s.store.events[i - 1].id, *b = s.store.events[i].id;
        size_t n = strcspn(strchr(a, '/') + 1, "/") + (size_t)(strchr(a, '/') - a) + 1;

        if (strncmp(a, b, n + 1) == 0 && s.store.events[i - 1].batch_no != s.store.events[i].batch_no)
            fail_msg("transaction %.*s is in two commits", (int)n, a);
    }
    scene_close(&s);
}

static void
a_whole_transaction_larger_than_memory_survives_a_failure(void **state)
{
    char id[20], text[20];
    const char *values[2] = {id, text};

    (void)state;
    for (uint64_t k = 1; k < 60; k += 7) {
        struct scene s;
        char when[80];

        scene_open(&s, "whole", 3);
        memory_begin(&s.server);
        for (int r = 0; r < 20000; r++) {
            snprintf(id, sizeof(id), "%d", s.rows);
            snprintf(text, sizeof(text), "row %d", s.rows);
            memory_insert(&s.server, values, 2);
            s.rows++;
        }
        memory_commit(&s.server);
        s.server.per_read = 500;
        s.server.batch_size = 4096;
        s.store.fail_at = k;
        s.store.fail_kind = ERROR_REWIND;
        snprintf(when, sizeof(when), "a large transaction, call %llu fails", (unsigned long long)k);
        run_to_the_end(&s, when);
        scene_close(&s);
    }
}

/* Three rows in one transaction, the second of which is no UTF-8, after some good transactions. */
static void
stop_at_a_bad_row(const char *transaction, int delivered_of_the_bad_one)
{
    const char *bad[2] = {"1000", "\xff\xfe"};
    struct error err = ERROR_INIT;
    struct scene s;
    char id[20], text[20];
    const char *values[2] = {id, text};
    int good;

    scene_open(&s, transaction, 5);
    good = s.rows;
    memory_begin(&s.server);
    for (int r = 0; r < 3; r++) {
        snprintf(id, sizeof(id), "%d", good + r);
        snprintf(text, sizeof(text), "row %d", good + r);
        memory_insert(&s.server, r == 1 ? bad : values, 2);
    }
    memory_commit(&s.server);
    assert_int_equal(run_once(&s, &err), -1);
    assert_string_equal(err.code, "E_TEXT_ENCODING");
    s.rows = good + delivered_of_the_bad_one;
    judge(&s, "up to the bad row");
    assert_int_equal(s.store.offset.position.done, delivered_of_the_bad_one);
    assert_true(s.server.confirmed < s.server.lsn);
    scene_close(&s);
}

static void
what_comes_before_a_bad_row_is_delivered_and_the_position_stands_at_it(void **state)
{
    (void)state;
    stop_at_a_bad_row("split", 1);
    stop_at_a_bad_row("whole", 0);
}

static void
refused(struct scene *s, const char *code)
{
    struct error err = ERROR_INIT;

    assert_int_equal(run_once(s, &err), -1);
    assert_string_equal(err.code, code);
    assert_int_equal(err.kind, ERROR_REFUSED);
}

static void
a_slot_that_moved_past_the_sink_is_a_gap(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "split", 10);
    run_to_the_end(&s, "first");
    write_log(&s, 5);
    s.server.confirmed = s.server.lsn;
    refused(&s, "E_GAP");
    scene_close(&s);
}

static void
a_missing_slot_is_not_made_again_when_a_sink_has_a_position(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "split", 10);
    run_to_the_end(&s, "first");
    s.server.slot = false;
    refused(&s, "E_SLOT_MISSING");
    scene_close(&s);
}

static void
a_slot_that_no_sink_knows_is_refused(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "split", 10);
    s.server.slot = true;
    s.server.confirmed = 0x1000;
    refused(&s, "E_SLOT_UNKNOWN");
    scene_close(&s);
}

static void
another_server_is_refused(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s, "split", 10);
    run_to_the_end(&s, "first");
    snprintf(s.server.system, sizeof(s.server.system), "memory:2/test");
    refused(&s, "E_SOURCE_CHANGED");
    scene_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_arrives_once_and_in_order),
        cmocka_unit_test(a_sink_that_fails_at_any_step_is_retried),
        cmocka_unit_test(a_lost_commit_answer_is_not_applied_twice),
        cmocka_unit_test(a_process_that_dies_at_any_step_goes_on_after_a_restart),
        cmocka_unit_test(a_source_that_fails_at_any_step_is_read_again),
        cmocka_unit_test(two_sinks_at_different_places_get_everything_once),
        cmocka_unit_test(a_whole_transaction_is_one_commit),
        cmocka_unit_test(a_whole_transaction_larger_than_memory_survives_a_failure),
        cmocka_unit_test(what_comes_before_a_bad_row_is_delivered_and_the_position_stands_at_it),
        cmocka_unit_test(a_slot_that_moved_past_the_sink_is_a_gap),
        cmocka_unit_test(a_missing_slot_is_not_made_again_when_a_sink_has_a_position),
        cmocka_unit_test(a_slot_that_no_sink_knows_is_refused),
        cmocka_unit_test(another_server_is_refused),
    };

    log_setup(getenv("LOG") != NULL ? LOG_DEBUG : LOG_ERROR, false);
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
