/*
 * test_small_sinks.c -- stdout, null and memory: what is visible when, and who is fenced.
 *
 * Standard output is a pipe here; cmocka's own words go to stderr meanwhile.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../sinks/memory.h"
#include "cdc/log.h"
#include "cdc/report.h"
#include "cdc/sink.h"

static char folder[] = "/tmp/test_sinks_XXXXXX";
static struct error err;
static struct route route = {.topic = "shop.public.orders"};

/* ---- a batch of n frames, each with one event ---- */

static struct batch *
batch_of(const char *const *values, uint32_t n)
{
    struct batch *batch = batch_new();
    struct relation *rel = relation_new(1, "public", "orders", 0);
    struct transaction id = {.final = 0x100, .end = 0x110};
    assert_non_null(batch);
    assert_non_null(rel);
    relation_seal(rel);
    assert_non_null(batch_add_transaction(batch, &id, 1, &err));
    for (uint32_t i = 0; i < n; i++) {
        struct frame frame = {.relation = rel, .ordinal = i, .kind = FRAME_ROW};
        struct event *event = events_add(&batch->events[0], &err);
        struct buffer *encoded = &batch->events[0].encoded;
        assert_int_equal(batch_add_frame(batch, &frame, bytes_of("", 0), &err), 0);
        assert_non_null(event);
        *event = (struct event){.route = &route, .frame = i, .flags = EVENT_KEY_NULL};
        event->value_offset = (uint32_t)encoded->len;
        event->value_length = (uint32_t)strlen(values[i]);
        buffer_put_string(encoded, values[i]);
    }
    batch->end = (struct position){.kind = POSITION_LSN, .end = 0x110};
    relation_release(rel);
    return batch;
}

static struct offset
offset_at(uint64_t end)
{
    return (struct offset){.state = OFFSET_AT, .position = {.kind = POSITION_LSN, .end = end}};
}

static struct sink *
open_sink(const struct sink_ops *ops, const void *settings)
{
    static struct sink_context context;
    struct sink *sink = NULL;
    context = (struct sink_context){"shop", "out", folder, settings};
    if (ops->open(&sink, &context, &err) == -1)
        fail_msg("%s", err.text);
    return sink;
}

static void
remove_state(void)
{
    static const char *const names[] = {"offsets.db", "offsets.db-wal", "offsets.db-shm"};
    char path[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
}

static int
forget(void **state)
{
    (void)state;
    remove_state();
    err = (struct error)ERROR_INIT;
    return 0;
}

/* ---- stdout ---- */

static int pipe_end, saved_stdout;

static void
catch_stdout(void)
{
    int ends[2];
    fflush(stdout);
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    pipe_end = ends[0];
    saved_stdout = dup(STDOUT_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
}

static void
give_stdout_back(void)
{
    dup2(saved_stdout, STDOUT_FILENO);
    close(saved_stdout);
    if (pipe_end != -1)
        close(pipe_end);
}

static const char *
caught(void)
{
    static char text[4096];
    ssize_t n = read(pipe_end, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void
lines_appear_with_the_commit_and_not_before(void **state)
{
    struct batch *batch = batch_of((const char *const[]){"{\"a\":1}", "{\"a\":2}"}, 2);
    struct sink *sink = open_sink(&sink_stdout, NULL);
    struct offset at = offset_at(0x110), got;
    (void)state;
    catch_stdout();
    int fenced = sink->ops->fence(sink, &err);
    int written = sink_write(sink, batch, 0, 0, &err);
    char before[4096], after[4096];
    snprintf(before, sizeof(before), "%s", caught());
    int committed = sink_commit(sink, &at, &err);
    snprintf(after, sizeof(after), "%s", caught());
    give_stdout_back();
    assert_int_equal(fenced, 0);
    assert_int_equal(written, 0);
    assert_string_equal(before, "");
    assert_int_equal(committed, 0);
    assert_string_equal(after, "{\"a\":1}\n{\"a\":2}\n");
    assert_int_equal(sink->ops->resume(sink, &got, &err), 0);
    assert_int_equal(got.state, OFFSET_AT);
    assert_int_equal(got.position.end, 0x110);
    assert_int_equal(got.batch_no, 1);
    assert_int_equal(got.epoch, 1);
    assert_true(got.written_us > 0);
    sink->ops->close(sink);
    batch_free(batch);
}

static void
what_was_aborted_never_appears(void **state)
{
    struct batch *batch = batch_of((const char *const[]){"one", "two", "three"}, 3);
    struct sink *sink = open_sink(&sink_stdout, NULL);
    struct offset at = offset_at(0x110);
    char text[4096];
    (void)state;
    catch_stdout();
    sink->ops->fence(sink, &err);
    sink_write(sink, batch, 0, 0, &err);
    sink->ops->abort(sink);
    sink_write(sink, batch, 0, 2, &err); /* the first two are done already */
    int rc = sink_commit(sink, &at, &err);
    snprintf(text, sizeof(text), "%s", caught());
    give_stdout_back();
    assert_int_equal(rc, 0);
    assert_string_equal(text, "three\n");
    sink->ops->close(sink);
    batch_free(batch);
}

static void
a_tombstone_is_no_line(void **state)
{
    struct batch *batch = batch_of((const char *const[]){"one", ""}, 2);
    struct sink *sink = open_sink(&sink_stdout, NULL);
    struct offset at = offset_at(0x110);
    char text[4096];
    (void)state;
    batch->events[0].at[1].flags |= EVENT_VALUE_NULL;
    catch_stdout();
    sink->ops->fence(sink, &err);
    sink_write(sink, batch, 0, 0, &err);
    sink_commit(sink, &at, &err);
    snprintf(text, sizeof(text), "%s", caught());
    give_stdout_back();
    assert_string_equal(text, "one\n");
    sink->ops->close(sink);
    batch_free(batch);
}

static void
a_reader_that_is_gone_stops_it_before_the_offset(void **state)
{
    struct batch *batch = batch_of((const char *const[]){"one"}, 1);
    struct sink *sink = open_sink(&sink_stdout, NULL);
    struct offset at = offset_at(0x110), got;
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    catch_stdout();
    sink->ops->fence(sink, &err);
    sink_write(sink, batch, 0, 0, &err);
    close(pipe_end);
    pipe_end = -1;
    int rc = sink_commit(sink, &at, &err);
    give_stdout_back();
    assert_int_equal(rc, -1);
    assert_int_equal(err.kind, ERROR_FATAL);
    assert_int_equal(sink->ops->resume(sink, &got, &err), 0);
    assert_int_equal(got.state, OFFSET_NONE);
    sink->ops->close(sink);
    batch_free(batch);
}

static void
without_state_dir_there_is_no_sink(void **state)
{
    struct sink_context context = {"shop", "out", NULL, NULL};
    struct sink *sink = NULL;
    (void)state;
    assert_int_equal(sink_stdout.open(&sink, &context, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFIG);
    assert_non_null(strstr(err.text, "state_dir"));
    assert_int_equal(sink_null.open(&sink, &context, &err), -1);
    assert_null(sink);
    sink_stdout.close(NULL);
    sink_null.close(NULL);
    sink_memory.close(NULL);
}

/* ---- null, and what stdout and null share ---- */

static void
the_older_of_two_writers_is_fenced(void **state)
{
    struct sink *old = open_sink(&sink_null, NULL), *new = open_sink(&sink_null, NULL);
    struct offset at = offset_at(0x110), later = offset_at(0x220), got;
    (void)state;
    assert_int_equal(old->ops->fence(old, &err), 0);
    assert_int_equal(sink_commit(old, &at, &err), 0);
    assert_int_equal(new->ops->fence(new, &err), 0);
    assert_int_equal(sink_commit(old, &later, &err), -1);
    assert_int_equal(err.kind, ERROR_FENCED);
    assert_int_equal(new->ops->resume(new, &got, &err), 0);
    assert_int_equal(got.position.end, 0x110);
    assert_int_equal(sink_commit(new, &later, &err), 0);
    assert_int_equal(new->ops->resume(new, &got, &err), 0);
    assert_int_equal(got.batch_no, 2);
    assert_int_equal(got.epoch, 2);
    old->ops->close(old);
    new->ops->close(new);
}

static void
a_commit_needs_a_fence(void **state)
{
    struct sink *sink = open_sink(&sink_null, NULL);
    struct offset at = offset_at(0x110);
    (void)state;
    assert_int_equal(sink_commit(sink, &at, &err), -1);
    assert_int_equal(err.kind, ERROR_REWIND);
    sink->ops->close(sink);
}

static void
starting_is_kept_and_removed(void **state)
{
    struct sink *sink = open_sink(&sink_null, NULL);
    struct offset starting = {.state = OFFSET_STARTING}, got;
    struct buffer said = {0};
    struct report report = {0};
    (void)state;
    assert_int_equal(sink->ops->fence(sink, &err), 0);
    assert_int_equal(sink_commit(sink, &starting, &err), 0);
    assert_int_equal(sink->ops->resume(sink, &got, &err), 0);
    assert_int_equal(got.state, OFFSET_STARTING);
    assert_int_equal(sink->ops->remove(sink, true, &said, &err), 0);
    assert_non_null(strstr(buffer_cstr(&said), "would delete"));
    assert_int_equal(sink->ops->resume(sink, &got, &err), 0);
    assert_int_equal(got.state, OFFSET_STARTING);
    sink->ops->check(sink, &report);
    assert_int_equal(report.failures, 0);
    assert_int_equal(sink->ops->remove(sink, false, &said, &err), 0);
    assert_int_equal(sink->ops->resume(sink, &got, &err), 0);
    assert_int_equal(got.state, OFFSET_NONE);
    buffer_free(&said);
    buffer_free(&report.text);
    sink->ops->close(sink);
}

/* ---- memory ---- */

static void
memory_shows_events_with_their_offset(void **state)
{
    struct memory_store store = {0};
    struct memory_settings settings = {&store};
    struct batch *batch = batch_of((const char *const[]){"one", "two"}, 2);
    struct sink *sink = open_sink(&sink_memory, &settings);
    struct offset at = offset_at(0x110), got;
    (void)state;
    assert_int_equal(sink->ops->fence(sink, &err), 0);
    assert_int_equal(sink->ops->resume(sink, &got, &err), 0);
    assert_int_equal(got.state, OFFSET_NONE);
    assert_int_equal(sink_write(sink, batch, 0, 0, &err), 0);
    assert_int_equal(store.count, 0);
    assert_int_equal(sink_commit(sink, &at, &err), 0);
    batch_free(batch);
    assert_int_equal(store.count, 2);
    assert_memory_equal(store.events[1].value, "two", 3);
    assert_string_equal(store.events[1].topic, "shop.public.orders");
    assert_string_equal(store.events[1].id, "0/100/1/0");
    assert_null(store.events[1].key);
    assert_int_equal(store.offset.position.end, 0x110);
    assert_int_equal(store.offset.batch_no, 1);
    sink->ops->close(sink);
    assert_int_equal(store.count, 2);
    memory_store_clear(&store);
}

static void
after_flush_a_batch_may_go(void **state)
{
    struct memory_store store = {0};
    struct memory_settings settings = {&store};
    struct batch *batch = batch_of((const char *const[]){"one"}, 1);
    struct sink *sink = open_sink(&sink_memory, &settings);
    struct offset at = offset_at(0x110);
    (void)state;
    assert_int_equal(sink->ops->fence(sink, &err), 0);
    assert_int_equal(sink_write(sink, batch, 0, 0, &err), 0);
    assert_int_equal(sink->ops->flush(sink, &err), 0);
    batch_free(batch);
    assert_int_equal(sink_commit(sink, &at, &err), 0);
    assert_memory_equal(store.events[0].value, "one", 3);
    sink->ops->close(sink);
    memory_store_clear(&store);
}

static void
the_call_that_was_chosen_fails_and_only_that(void **state)
{
    struct memory_store store = {.fail_at = 3, .fail_kind = ERROR_REWIND};
    struct memory_settings settings = {&store};
    struct batch *batch = batch_of((const char *const[]){"one"}, 1);
    struct sink *sink = open_sink(&sink_memory, &settings);
    struct offset at = offset_at(0x110), got;
    (void)state;
    assert_int_equal(sink->ops->fence(sink, &err), 0);
    assert_int_equal(sink_write(sink, batch, 0, 0, &err), 0);
    assert_int_equal(sink_commit(sink, &at, &err), -1);
    assert_int_equal(err.kind, ERROR_REWIND);
    assert_true(store.failed);
    assert_int_equal(store.count, 0);
    /* Going on without a fence is the caller's mistake. */
    assert_int_equal(sink_commit(sink, &at, &err), -1);
    assert_int_equal(err.kind, ERROR_FATAL);
    sink->ops->abort(sink);
    assert_int_equal(sink->ops->fence(sink, &err), 0);
    assert_int_equal(sink->ops->resume(sink, &got, &err), 0);
    assert_int_equal(got.state, OFFSET_NONE);
    assert_int_equal(sink_write(sink, batch, 0, 0, &err), 0);
    assert_int_equal(sink_commit(sink, &at, &err), 0);
    assert_int_equal(store.count, 1);
    sink->ops->close(sink);
    batch_free(batch);
    memory_store_clear(&store);
}

static void
a_commit_may_land_although_it_reports_a_failure(void **state)
{
    struct memory_store store = {
        .fail_at = 1, .fail_kind = ERROR_REWIND, .fail_only = "commit", .commit_lands = true};
    struct memory_settings settings = {&store};
    struct batch *batch = batch_of((const char *const[]){"one"}, 1);
    struct sink *sink = open_sink(&sink_memory, &settings);
    struct offset at = offset_at(0x110), got;
    (void)state;
    assert_int_equal(sink->ops->fence(sink, &err), 0);
    assert_int_equal(sink_write(sink, batch, 0, 0, &err), 0);
    assert_int_equal(sink_commit(sink, &at, &err), -1);
    assert_int_equal(err.kind, ERROR_REWIND);
    sink->ops->abort(sink);
    assert_int_equal(sink->ops->fence(sink, &err), 0);
    assert_int_equal(sink->ops->resume(sink, &got, &err), 0);
    assert_int_equal(got.position.end, 0x110);
    assert_int_equal(store.count, 1);
    sink->ops->close(sink);
    batch_free(batch);
    memory_store_clear(&store);
}

static void
a_memory_writer_that_was_replaced_is_fenced(void **state)
{
    struct memory_store store = {0};
    struct memory_settings settings = {&store};
    struct sink *old = open_sink(&sink_memory, &settings),
                *new = open_sink(&sink_memory, &settings);
    struct offset at = offset_at(0x110);
    (void)state;
    assert_int_equal(old->ops->fence(old, &err), 0);
    assert_int_equal(new->ops->fence(new, &err), 0);
    assert_int_equal(sink_commit(old, &at, &err), -1);
    assert_int_equal(err.kind, ERROR_FENCED);
    assert_int_equal(sink_commit(new, &at, &err), 0);
    old->ops->close(old);
    new->ops->close(new);
    memory_store_clear(&store);
}

static void
every_sink_has_a_name_a_guarantee_and_a_table(void **state)
{
    (void)state;
    for (int i = 0; sinks_all[i] != NULL; i++) {
        const struct sink_ops *ops = sinks_all[i];
        assert_non_null(ops->type);
        assert_true(strlen(ops->guarantee_text) > 10);
        assert_non_null(ops->options);
        assert_true(ops->open && ops->fence && ops->resume && ops->write && ops->commit &&
                    ops->abort && ops->flush && ops->check && ops->remove && ops->close);
        for (const struct option *row = ops->options; row->name != NULL; row++)
            assert_true(row->offset < ops->settings_size);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(lines_appear_with_the_commit_and_not_before, forget),
        cmocka_unit_test_setup(what_was_aborted_never_appears, forget),
        cmocka_unit_test_setup(a_tombstone_is_no_line, forget),
        cmocka_unit_test_setup(a_reader_that_is_gone_stops_it_before_the_offset, forget),
        cmocka_unit_test_setup(without_state_dir_there_is_no_sink, forget),
        cmocka_unit_test_setup(the_older_of_two_writers_is_fenced, forget),
        cmocka_unit_test_setup(a_commit_needs_a_fence, forget),
        cmocka_unit_test_setup(starting_is_kept_and_removed, forget),
        cmocka_unit_test_setup(memory_shows_events_with_their_offset, forget),
        cmocka_unit_test_setup(after_flush_a_batch_may_go, forget),
        cmocka_unit_test_setup(the_call_that_was_chosen_fails_and_only_that, forget),
        cmocka_unit_test_setup(a_commit_may_land_although_it_reports_a_failure, forget),
        cmocka_unit_test_setup(a_memory_writer_that_was_replaced_is_fenced, forget),
        cmocka_unit_test_setup(every_sink_has_a_name_a_guarantee_and_a_table, forget),
    };
    int failed;
    if (mkdtemp(folder) == NULL)
        return 1;
    log_setup(LOG_ERROR, false);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove_state();
    rmdir(folder);
    return failed;
}
