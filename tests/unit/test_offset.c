/*
 * test_offset.c -- the offset record, and the two places that keep it: both must do the same.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "cdc/offsets.h"
#include "cdc/xa.h"

static struct error err;

static struct offset
example(void)
{
    struct offset o = {
        .state = OFFSET_AT,
        .position = {.kind = POSITION_LSN, .end = 0x16B3748, .open = 0x16C0000, .done = 1234},
        .options_hash = "5f0c11aa22bb33cc",
        .epoch = 3,
        .batch_no = 812,
        .written_us = 1718000000000000,
    };
    snprintf(o.source.id, sizeof(o.source.id), "postgresql:7301/shop");
    o.source.timeline = 4;
    return o;
}

static void
assert_same(const struct offset *a, const struct offset *b)
{
    assert_int_equal(a->state, b->state);
    assert_true(position_equal(&a->position, &b->position));
    assert_string_equal(a->source.id, b->source.id);
    assert_int_equal(a->source.timeline, b->source.timeline);
    assert_string_equal(a->options_hash, b->options_hash);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->batch_no, b->batch_no);
    assert_int_equal(a->written_us, b->written_us);
}

static void
a_record_reads_back_as_it_was(void **state)
{
    struct offset in = example(), out;
    struct buffer text = {0};
    (void)state;
    offset_encode(&in, &text);
    assert_int_equal(offset_decode(&out, bytes_of(text.at, text.len), &err), 0);
    assert_same(&in, &out);
    buffer_reset(&text);
    in.position = (struct position){.kind = POSITION_LSN, .end = 1};
    in.epoch = INT64_MAX;
    snprintf(in.source.id, sizeof(in.source.id), "postgresql:1/we\"ird\\ sch\xc3\xb6n");
    offset_encode(&in, &text);
    assert_int_equal(offset_decode(&out, bytes_of(text.at, text.len), &err), 0);
    assert_same(&in, &out);
    buffer_free(&text);
}

static void
starting_is_a_record_without_a_position(void **state)
{
    struct offset in = {.state = OFFSET_STARTING, .epoch = 1}, out;
    struct buffer text = {0};
    (void)state;
    offset_encode(&in, &text);
    assert_int_equal(offset_decode(&out, bytes_of(text.at, text.len), &err), 0);
    assert_int_equal(out.state, OFFSET_STARTING);
    assert_int_equal(out.position.kind, POSITION_NONE);
    buffer_free(&text);
}

#define REST                                                                                       \
    ",\"source\":\"s\",\"timeline\":1,\"options\":\"\",\"epoch\":1,\"batch_no\":1,\"written_us\":" \
    "1}"
#define GOOD "{\"v\":1,\"state\":\"at\",\"position\":\"lsn:0/1\"" REST

static void
what_is_not_whole_is_corrupt_and_never_none(void **state)
{
    static const char *const bad[] = {
        "",
        "x",
        "null",
        "[]",
        "{}",
        "{\"v\":1}",
        "{\"v\":0,\"state\":\"at\",\"position\":\"lsn:0/1\"" REST,
        "{\"v\":\"1\",\"state\":\"at\",\"position\":\"lsn:0/1\"" REST,
        "{\"v\":1,\"state\":\"none\",\"position\":\"none\"" REST,
        "{\"v\":1,\"state\":\"at\",\"position\":\"none\"" REST,
        "{\"v\":1,\"state\":\"at\",\"position\":\"\"" REST,
        "{\"v\":1,\"state\":\"at\",\"position\":\"lsn:0/0\"" REST,
        "{\"v\":1,\"state\":\"at\",\"position\":\"lsn:0/1x\"" REST,
        "{\"v\":1,\"state\":\"at\",\"position\":1" REST,
        "{\"v\":1,\"state\":\"starting\",\"position\":\"lsn:0/1\"" REST,
        "{\"v\":1,\"state\":\"AT\",\"position\":\"lsn:0/1\"" REST,
        "{\"v\":1,\"v\":1,\"state\":\"at\",\"position\":\"lsn:0/1\"" REST,
        GOOD "x",
        "{\"v\":1,\"state\":\"at\",\"position\":\"lsn:0/1\",\"source\":\"s\",\"timeline\":1,"
        "\"options\":\"\",\"epoch\":-1,\"batch_no\":1,\"written_us\":1}",
        "{\"v\":1,\"state\":\"at\",\"position\":\"lsn:0/1\",\"source\":\"s\",\"timeline\":1,"
        "\"options\":\"\",\"epoch\":18446744073709551615,\"batch_no\":1,\"written_us\":1}",
        "{\"v\":1,\"state\":\"at\",\"position\":\"lsn:0/1\",\"source\":\"s\",\"timeline\":1,"
        "\"options\":\"\",\"epoch\":1.5,\"batch_no\":1,\"written_us\":1}",
        "{\"v\":1,\"state\":\"at\",\"position\":\"lsn:0/1\",\"source\":\"s\","
        "\"timeline\":4294967296,\"options\":\"\",\"epoch\":1,\"batch_no\":1,\"written_us\":1}",
        "{\"v\":1,\"state\":\"at\",\"position\":\"lsn:0/1\",\"source\":\"a\\u001b[31m\","
        "\"timeline\":1,\"options\":\"\",\"epoch\":1,\"batch_no\":1,\"written_us\":1}",
        "{\"v\":1,\"state\":\"at\",\"position\":\"lsn:0/1\",\"source\":\"a\\u0000b\","
        "\"timeline\":1,\"options\":\"\",\"epoch\":1,\"batch_no\":1,\"written_us\":1}",
        "{\"v\":1,\"state\":\"at\",\"position\":\"lsn:0/1\",\"source\":\"s\",\"timeline\":1,"
        "\"options\":\"01234567890123456789\",\"epoch\":1,\"batch_no\":1,\"written_us\":1}",
    };
    struct offset out;
    (void)state;
    assert_int_equal(offset_decode(&out, bytes_of_string(GOOD), &err), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct offset before = example();
        out = before;
        err = (struct error)ERROR_INIT;
        if (offset_decode(&out, bytes_of_string(bad[i]), &err) != -1)
            fail_msg("was taken: %s", bad[i]);
        assert_int_equal(err.kind, ERROR_REFUSED);
        assert_string_equal(err.code, "E_OFFSET_CORRUPT");
        assert_same(&before, &out);
    }
}

static void
every_shorter_record_is_corrupt(void **state)
{
    struct offset out;
    (void)state;
    for (size_t len = 0; len < strlen(GOOD); len++)
        assert_int_equal(offset_decode(&out, bytes_of(GOOD, len), &err), -1);
}

static void
a_newer_version_is_refused_by_its_own_name(void **state)
{
    struct offset out;
    (void)state;
    assert_int_equal(offset_decode(&out, bytes_of_string("{\"v\":3,\"gtid\":\"x\"}"), &err), -1);
    assert_int_equal(err.kind, ERROR_REFUSED);
    assert_string_equal(err.code, "E_OFFSET_VERSION");
}

static void
fields_that_are_not_known_are_passed_over(void **state)
{
    struct offset out;
    (void)state;
    assert_int_equal(
        offset_decode(&out,
                      bytes_of_string("{\"later\":[1],\"v\":1,\"state\":\"at\",\"position\":"
                                      "\"lsn:0/1\"" REST),
                      &err),
        0);
}

static void
a_huge_record_is_refused_unread(void **state)
{
    size_t len = 3 << 20;
    char *text = malloc(len);
    struct offset out;
    (void)state;
    assert_non_null(text);
    memset(text, '[', len);
    assert_int_equal(offset_decode(&out, bytes_of(text, len), &err), -1);
    assert_int_equal(offset_decode(&out, bytes_of(text, 60000), &err), -1);
    free(text);
}

/* ---- version 2 ---- */

#define UUID "3e11fa47-71ca-11e1-9e33-c80aa9429562"

/* Text, out of it, and in again. */
static void
reads_back(const struct offset *in)
{
    struct buffer text = {0}, again = {0};
    struct offset out;

    offset_encode(in, &text);
    if (offset_decode(&out, bytes_of(text.at, text.len), &err) == -1)
        fail_msg("%s: %s", buffer_cstr(&text), err.text);
    assert_same(in, &out);
    assert_int_equal(in->position.rows, out.position.rows);
    assert_string_equal(in->position.place->server, out.position.place->server);
    offset_encode(&out, &again);
    assert_string_equal(buffer_cstr(&text), buffer_cstr(&again));
    assert_non_null(strstr(buffer_cstr(&text), "{\"v\":2,"));
    offset_clear(&out);
    buffer_free(&text);
    buffer_free(&again);
}

static void
a_binlogs_record_reads_back_as_it_was(void **state)
{
    static const char *const positions[] = {
        "gtid:", "gtid:" UUID ":1-5:tag:7@binlog.000003/900", "gtid:" UUID ":1-5+" UUID ":6/3/40/" UUID,
        "mariadb:0-1-5,7-1-1@bin.000001/4", "file:binlog.000003/900+binlog.000003:950/1/2/" UUID, "file:bi\"n.000003/4",
        "file:a+b@c.000003/4+a+b@c.000003:9/1/2/" UUID};
    (void)state;
    for (size_t i = 0; i < sizeof(positions) / sizeof(positions[0]); i++) {
        struct offset in = example();
        in.position = (struct position){.kind = POSITION_NONE};
        assert_int_equal(position_parse(&in.position, positions[i], &err), 0);
        if (in.position.open == 0)
            snprintf(in.position.place->server, SERVER_NAME_MAX, "%s", i % 2 == 0 ? UUID : "");
        reads_back(&in);
        offset_clear(&in);
    }
}

static void
prepared_transactions_go_with_the_position(void **state)
{
    struct offset in = example(), copy = {.state = OFFSET_NONE};
    struct xa_prepared xa = {.begin = {"", 0, 0}};
    (void)state;
    in.position = (struct position){.kind = POSITION_NONE};
    assert_int_equal(position_parse(&in.position, "gtid:" UUID ":1-5@binlog.000003/900", &err), 0);
    for (unsigned i = 0; i < XA_MAX; i++) {
        struct xa_list *more;
        /* the longest that there is, and one without GTID */
        snprintf(xa.xid, sizeof(xa.xid), "X'%0128x',X'%0128x',%u", i, i, i);
        assert_int_equal(gtid_parse(&xa.gtid, i % 2 == 0 ? UUID ":tag_of_thirty_two_letters_______:5" : UUID ":1", &err),
                         0);
        if (i == 7)
            xa.gtid = (struct gtid){.number = 0};
        assert_int_equal(log_place_parse(&xa.begin, bytes_of_string(i == 9 ? "b\"+@.000002" : "binlog.000002"), i + 4), 0);
        assert_int_equal(xa_with(in.position.place->xa, &xa, &more, &err), 0);
        xa_release(in.position.place->xa);
        in.position.place->xa = more;
    }
    reads_back(&in);
    offset_copy(&copy, &in);
    assert_same(&copy, &in);
    offset_copy(&copy, &copy);
    offset_clear(&in);
    assert_int_equal(copy.position.place->xa->count, XA_MAX);
    offset_move(&in, &copy);
    assert_int_equal(copy.state, OFFSET_NONE);
    reads_back(&in);
    offset_clear(&in);
}

static void
a_binlogs_record_that_is_not_whole_is_corrupt(void **state)
{
#define PLACE(position, rest) "{\"v\":2,\"state\":\"at\",\"position\":\"" position "\"" rest REST
#define XA(entry) PLACE("gtid:", ",\"server\":\"s\",\"xa\":[" entry "]")
    static const char *const good[] = {
        PLACE("gtid:", ",\"server\":\"s\""),
        PLACE("gtid:", ",\"server\":\"\",\"xa\":[]"),
        PLACE("gtid:+" UUID ":1/1/1/s", ",\"server\":\"s\""),
        PLACE("lsn:0/1", ""),
        XA("{\"xid\":\"X'61',X'',1\",\"gtid\":\"\",\"at\":\"binlog.000001/4\"}"),
    };
    static const char *const bad[] = {
        PLACE("gtid:", ""),
        PLACE("gtid:", ",\"server\":1"),
        PLACE("gtid:", ",\"server\":\"0123456789012345678901234567890123456789\""),
        PLACE("gtid:", ",\"server\":\"\\u001b\""),
        PLACE("gtid:+" UUID ":1/1/1/s", ",\"server\":\"other\""),
        PLACE("gtid:x", ",\"server\":\"s\""),
        PLACE("gtid:", ",\"server\":\"s\",\"xa\":{}"),
        PLACE("gtid:", ",\"server\":\"s\",\"xa\":null"),
        XA("1"),
        XA("{}"),
        XA("{\"xid\":\"\",\"gtid\":\"\",\"at\":\"binlog.000001/4\"}"),
        XA("{\"xid\":\"x\",\"at\":\"binlog.000001/4\"}"),
        XA("{\"xid\":\"x\",\"gtid\":\"\"}"),
        XA("{\"xid\":\"x\",\"gtid\":\"x\",\"at\":\"binlog.000001/4\"}"),
        XA("{\"xid\":\"x\",\"gtid\":\"\",\"at\":\"binlog.000001\"}"),
        XA("{\"xid\":\"x\",\"gtid\":\"\",\"at\":\"binlog/4\"}"),
        XA("{\"xid\":\"x\",\"gtid\":\"\",\"at\":\"binlog.000001/4+binlog.000001:4/1/1/s\"}"),
        XA("{\"xid\":\"x\",\"gtid\":\"\",\"at\":\"\"}"),
        XA("{\"xid\":\"x\",\"gtid\":\"\",\"at\":\"binlog.000001/4\"},1"),
    };
    struct buffer large = {0};
    struct offset out;
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        if (offset_decode(&out, bytes_of_string(good[i]), &err) == -1)
            fail_msg("%s: %s", good[i], err.text);
        offset_clear(&out);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct offset before = example();
        out = before;
        if (offset_decode(&out, bytes_of_string(bad[i]), &err) != -1)
            fail_msg("was taken: %s", bad[i]);
        assert_string_equal(err.code, "E_OFFSET_CORRUPT");
        assert_same(&before, &out);
    }
    for (size_t len = 0; len < strlen(good[4]); len++)
        assert_int_equal(offset_decode(&out, bytes_of(good[4], len), &err), -1);
    buffer_put_string(&large, "{\"v\":2,\"state\":\"at\",\"position\":\"gtid:\",\"server\":\"s\",\"xa\":[");
    for (unsigned i = 0; i <= XA_MAX; i++) /* one too many */
        buffer_printf(&large, "%s{\"xid\":\"%u\",\"gtid\":\"\",\"at\":\"binlog.000001/4\"}", i > 0 ? "," : "", i);
    buffer_put_string(&large, "]" REST);
    assert_int_equal(offset_decode(&out, bytes_of(large.at, large.len), &err), -1);
    assert_string_equal(err.code, "E_OFFSET_CORRUPT");
    buffer_free(&large);
}

/* ---- where records are kept ---- */

static char folder[] = "/tmp/test_offset_XXXXXX";
static char state_dir[64], file[80];

static void
wipe_folder(void)
{
    static const char *const names[] = {"offsets.db", "offsets.db-wal", "offsets.db-shm"};
    char path[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/%s", state_dir, names[i]);
        unlink(path);
    }
    rmdir(state_dir);
}

static struct offsets *
open_store(bool sqlite)
{
    struct offsets *store = NULL;
    if (!sqlite)
        return offsets_memory_new();
    assert_int_equal(offsets_sqlite_open(&store, state_dir, &err), 0);
    return store;
}

static void
keeps_and_fences(bool sqlite)
{
    struct offsets *store = open_store(sqlite);
    struct offset in = example(), out;
    uint64_t epoch = 0, newer = 0;
    assert_int_equal(store->ops->load(store, "shop", "a", &out, &err), 0);
    assert_int_equal(out.state, OFFSET_NONE);
    assert_int_equal(out.epoch, 0);
    assert_int_equal(store->ops->fence(store, "shop", "a", &epoch, &err), 0);
    assert_int_equal(epoch, 1);
    assert_int_equal(store->ops->load(store, "shop", "a", &out, &err), 0);
    assert_int_equal(out.state, OFFSET_NONE);
    assert_int_equal(out.epoch, 1);
    in.epoch = epoch;
    assert_int_equal(store->ops->store(store, "shop", "a", &in, &err), 0);
    assert_int_equal(store->ops->load(store, "shop", "a", &out, &err), 0);
    assert_same(&in, &out);
    assert_int_equal(store->ops->fence(store, "shop", "a", &newer, &err), 0);
    assert_int_equal(newer, 2);
    in.batch_no++;
    assert_int_equal(store->ops->store(store, "shop", "a", &in, &err), -1);
    assert_int_equal(err.kind, ERROR_FENCED);
    assert_int_equal(store->ops->load(store, "shop", "a", &out, &err), 0);
    assert_int_equal(out.batch_no, 812);
    assert_int_equal(out.epoch, 2);
    assert_int_equal(store->ops->load(store, "shop", "b", &out, &err), 0);
    assert_int_equal(out.state, OFFSET_NONE);
    assert_int_equal(store->ops->load(store, "other", "a", &out, &err), 0);
    assert_int_equal(out.state, OFFSET_NONE);
    assert_int_equal(store->ops->remove(store, "shop", "a", &err), 0);
    assert_int_equal(store->ops->remove(store, "shop", "a", &err), 0);
    assert_int_equal(store->ops->load(store, "shop", "a", &out, &err), 0);
    assert_int_equal(out.state, OFFSET_NONE);
    store->ops->close(store);
}

static void
memory_keeps_offsets_and_fences(void **state)
{
    (void)state;
    keeps_and_fences(false);
}

static void
sqlite_keeps_offsets_and_fences(void **state)
{
    (void)state;
    keeps_and_fences(true);
    wipe_folder();
}

static void
sqlite_remembers_after_closing_and_is_private(void **state)
{
    struct offsets *store = open_store(true);
    struct offset in = example(), out;
    struct stat info;
    (void)state;
    assert_int_equal(store->ops->fence(store, "shop", "a", &in.epoch, &err), 0);
    assert_int_equal(store->ops->store(store, "shop", "a", &in, &err), 0);
    store->ops->close(store);
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    store = open_store(true);
    assert_int_equal(store->ops->load(store, "shop", "a", &out, &err), 0);
    assert_same(&in, &out);
    store->ops->close(store);
    wipe_folder();
}

static void
looking_makes_no_file(void **state)
{
    struct offsets *store = open_store(true);
    struct offset out;
    struct stat info;
    (void)state;
    assert_int_equal(store->ops->load(store, "shop", "a", &out, &err), 0);
    assert_int_equal(store->ops->remove(store, "shop", "a", &err), 0);
    assert_int_equal(stat(state_dir, &info), -1);
    store->ops->close(store);
}

static void
two_handles_on_one_file_fence_each_other(void **state)
{
    struct offsets *a = open_store(true), *b = open_store(true);
    struct offset in = example();
    uint64_t old_epoch, new_epoch;
    (void)state;
    assert_int_equal(a->ops->fence(a, "shop", "s", &old_epoch, &err), 0);
    assert_int_equal(b->ops->fence(b, "shop", "s", &new_epoch, &err), 0);
    in.epoch = old_epoch;
    assert_int_equal(a->ops->store(a, "shop", "s", &in, &err), -1);
    assert_int_equal(err.kind, ERROR_FENCED);
    in.epoch = new_epoch;
    assert_int_equal(b->ops->store(b, "shop", "s", &in, &err), 0);
    a->ops->close(a);
    b->ops->close(b);
    wipe_folder();
}

static void
run_sql(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void
a_corrupt_row_is_refused(void **state)
{
    struct offsets *store = open_store(true);
    struct offset out;
    uint64_t epoch;
    (void)state;
    assert_int_equal(store->ops->fence(store, "shop", "a", &epoch, &err), 0);
    run_sql("UPDATE offsets SET record = 'rubbish'");
    assert_int_equal(store->ops->load(store, "shop", "a", &out, &err), -1);
    assert_string_equal(err.code, "E_OFFSET_CORRUPT");
    run_sql("UPDATE offsets SET record = NULL, epoch = -5");
    assert_int_equal(store->ops->load(store, "shop", "a", &out, &err), -1);
    assert_string_equal(err.code, "E_OFFSET_CORRUPT");
    store->ops->close(store);
    wipe_folder();
}

static void
a_file_that_is_no_database_is_refused(void **state)
{
    struct offsets *store = open_store(true);
    struct offset out;
    FILE *f;
    (void)state;
    assert_int_equal(mkdir(state_dir, 0700), 0);
    f = fopen(file, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        fputs("not a database at all, only text\n", f);
    fclose(f);
    assert_int_equal(store->ops->load(store, "shop", "a", &out, &err), -1);
    assert_int_equal(err.kind, ERROR_REFUSED);
    assert_string_equal(err.code, "E_OFFSET_CORRUPT");
    store->ops->close(store);
    wipe_folder();
}

static void
a_file_of_a_newer_version_is_refused(void **state)
{
    struct offsets *store = open_store(true);
    struct offset out;
    uint64_t epoch;
    (void)state;
    assert_int_equal(store->ops->fence(store, "shop", "a", &epoch, &err), 0);
    run_sql("PRAGMA user_version = 2");
    store->ops->close(store);
    store = open_store(true);
    assert_int_equal(store->ops->load(store, "shop", "a", &out, &err), -1);
    assert_string_equal(err.code, "E_OFFSET_VERSION");
    store->ops->close(store);
    wipe_folder();
}

static void
a_folder_that_can_not_be_made_is_named(void **state)
{
    struct offsets *store = NULL;
    uint64_t epoch;
    (void)state;
    assert_int_equal(offsets_sqlite_open(&store, "/dev/null/state", &err), 0);
    assert_int_equal(store->ops->fence(store, "shop", "a", &epoch, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFIG);
    assert_non_null(strstr(err.text, "/dev/null"));
    store->ops->close(store);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_back_as_it_was),
        cmocka_unit_test(starting_is_a_record_without_a_position),
        cmocka_unit_test(what_is_not_whole_is_corrupt_and_never_none),
        cmocka_unit_test(every_shorter_record_is_corrupt),
        cmocka_unit_test(a_newer_version_is_refused_by_its_own_name),
        cmocka_unit_test(fields_that_are_not_known_are_passed_over),
        cmocka_unit_test(a_huge_record_is_refused_unread),
        cmocka_unit_test(a_binlogs_record_reads_back_as_it_was),
        cmocka_unit_test(prepared_transactions_go_with_the_position),
        cmocka_unit_test(a_binlogs_record_that_is_not_whole_is_corrupt),
        cmocka_unit_test(memory_keeps_offsets_and_fences),
        cmocka_unit_test(sqlite_keeps_offsets_and_fences),
        cmocka_unit_test(sqlite_remembers_after_closing_and_is_private),
        cmocka_unit_test(looking_makes_no_file),
        cmocka_unit_test(two_handles_on_one_file_fence_each_other),
        cmocka_unit_test(a_corrupt_row_is_refused),
        cmocka_unit_test(a_file_that_is_no_database_is_refused),
        cmocka_unit_test(a_file_of_a_newer_version_is_refused),
        cmocka_unit_test(a_folder_that_can_not_be_made_is_named),
    };
    int failed;
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(state_dir, sizeof(state_dir), "%s/state", folder);
    snprintf(file, sizeof(file), "%s/offsets.db", state_dir);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
