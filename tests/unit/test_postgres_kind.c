/*
 * test_postgres_kind.c -- what commands make of a look at a PostgreSQL server: each case of judge, of moves and of
 * status, without one.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>

#include "../../cdc/source/postgres_admin.h"
#include "cdc/offset.h"

static const struct source_kind *const kind = &source_postgresql;
static struct error err;
static struct config config = {.pipeline = "shop"};

/* A slot that stands at 0/100 on a server whose log ends at 0/900. */
static struct postgres_slot slot;
static struct source_look look;
static struct offset offset;

static int
set_up(void **state)
{
    (void)state;
    err = (struct error)ERROR_INIT;
    slot = (struct postgres_slot){
        .restart = 0x80, .retained_bytes = 2048, .safe_bytes = -1, .wal_status = "reserved"};
    look = (struct source_look){
        .identity = {"postgresql:7/shop", 2},
        .has_place = true,
        .confirmed = {.kind = POSITION_LSN, .end = 0x100},
        .latest = {.kind = POSITION_LSN, .end = 0x900},
        .slot = &slot,
    };
    offset = (struct offset){
        .state = OFFSET_AT,
        .position = {.kind = POSITION_LSN, .end = 0x500},
        .source = {"postgresql:7/shop", 2},
    };
    return 0;
}

static void
assert_code(int rc, const char *code)
{
    assert_int_equal(rc, -1);
    assert_int_equal(err.kind, ERROR_REFUSED);
    assert_string_equal(err.code, code);
}

/* ---- judge ---- */

static void
judged(bool settled, const char *code)
{
    const char *cure = "";
    int rc = kind->judge(&look, "events", &offset, settled, &cure, &err);
    if (code == NULL) {
        assert_int_equal(rc, 0);
        assert_null(cure);
    } else {
        assert_code(rc, code);
        assert_non_null(cure);
    }
}

static void
an_offset_that_fits_is_well(void **state)
{
    (void)state;
    judged(true, NULL);
    offset.position.end = 0x100;
    judged(true, NULL);
    offset.position.end = 0x900;
    judged(true, NULL);
    offset.source.timeline = 1;
    judged(true, NULL);
    offset = (struct offset){.state = OFFSET_STARTING};
    judged(false, NULL);
}

static void
what_the_slot_has_passed_is_a_gap(void **state)
{
    (void)state;
    offset.position.end = 0xff;
    judged(true, "E_GAP");
    assert_non_null(strstr(err.text, "lsn:0/FF"));
}

static void
what_the_server_does_not_know_has_diverged(void **state)
{
    (void)state;
    offset.position.end = 0x901;
    judged(true, "E_DIVERGED");
    offset.position.end = 0x500;
    offset.source.timeline = 3;
    judged(true, "E_DIVERGED");
}

static void
the_first_trouble_is_the_starts(void **state)
{
    (void)state;
    offset.position.end = 0xff;
    snprintf(offset.source.id, sizeof(offset.source.id), "postgresql:8/shop");
    judged(true, "E_SOURCE_CHANGED");
    snprintf(slot.wal_status, sizeof(slot.wal_status), "lost");
    judged(true, "E_WAL_LOST");
    look = (struct source_look){.slot = &slot};
    judged(true, "E_SLOT_MISSING");
}

static void
a_sink_without_record_is_new_or_the_slot_is_unknown(void **state)
{
    (void)state;
    offset = (struct offset){.state = OFFSET_NONE};
    judged(false, "E_SLOT_UNKNOWN");
    judged(true, "E_NEW_SINK");
    look.has_place = false;
    judged(true, "E_NEW_SINK");
    judged(false, NULL); /* a first start makes the slot */
}

/* ---- moves ---- */

static void
only_a_pipeline_that_is_stopped_may_be_moved(void **state)
{
    (void)state;
    assert_int_equal(kind->may_move(&config, &look, &err), 0);
    look.active = true;
    snprintf(look.holder, sizeof(look.holder), "server process 4711");
    assert_code(kind->may_move(&config, &look, &err), "E_SLOT_ACTIVE");
    assert_string_equal(err.text, "slot rowferry_shop is in use by server process 4711: stop the pipeline first");
    look.active = false;
    snprintf(slot.wal_status, sizeof(slot.wal_status), "lost");
    assert_code(kind->may_move(&config, &look, &err), "E_WAL_LOST");
    look.has_place = false;
    assert_code(kind->may_move(&config, &look, &err), "E_SLOT_MISSING");
}

static void
a_move_ends_between_the_slot_and_the_end_of_the_log(void **state)
{
    struct position to = {.kind = POSITION_LSN, .end = 0x100};
    (void)state;
    assert_int_equal(kind->reaches(&look, &to, &err), 0);
    to.end = 0x900;
    assert_int_equal(kind->reaches(&look, &to, &err), 0);
    to.end = 0x901;
    assert_code(kind->reaches(&look, &to, &err), "E_DIVERGED");
    to = (struct position){.kind = POSITION_LSN, .end = 0x500, .open = 0x901, .done = 1};
    assert_code(kind->reaches(&look, &to, &err), "E_DIVERGED");
    to = (struct position){.kind = POSITION_LSN, .end = 0xff};
    assert_code(kind->reaches(&look, &to, &err), "E_GAP");
    to.kind = POSITION_NONE;
    assert_int_equal(kind->reaches(&look, &to, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFIG);
}

static void
only_its_own_server_takes_a_saved_offset(void **state)
{
    (void)state;
    assert_int_equal(kind->may_import(&look, &offset, &err), 0);
    offset.source.timeline = 3;
    assert_code(kind->may_import(&look, &offset, &err), "E_DIVERGED");
    snprintf(offset.source.id, sizeof(offset.source.id), "postgresql:8/shop");
    assert_code(kind->may_import(&look, &offset, &err), "E_SOURCE_CHANGED");
}

static void
distances_are_bytes_and_never_negative(void **state)
{
    struct position binlog = {.kind = POSITION_BINLOG};
    struct distance d = kind->distance(&look, &offset.position, NULL);
    (void)state;
    assert_int_equal(d.unit, DISTANCE_BYTES);
    assert_int_equal(d.amount, 0x400);
    d = kind->distance(&look, &offset.position, &look.confirmed);
    assert_int_equal(d.unit, DISTANCE_BYTES);
    assert_int_equal(d.amount, 0);
    assert_int_equal(kind->distance(&look, &binlog, NULL).unit, DISTANCE_UNKNOWN);
}

/* While the pipeline runs: what was confirmed between the looks must not make an offset look lost. */
static void
the_second_look_keeps_the_first_ones_confirmed_place(void **state)
{
    struct source_look now = look;
    (void)state;
    now.confirmed.end = 0x600;
    now.latest.end = 0xa00;
    kind->look_join(&now, &look);
    assert_int_equal(now.confirmed.end, 0x100);
    assert_int_equal(now.latest.end, 0xa00);
    look = (struct source_look){.has_place = false}; /* the slot was made in between */
    now.confirmed.end = 0x600;
    kind->look_join(&now, &look);
    assert_int_equal(now.confirmed.end, 0x600);
}

/* ---- status ---- */

static void
assert_status(const char *wanted)
{
    struct buffer out = {0};
    kind->put_status(&config, &look, &out);
    assert_string_equal(buffer_cstr(&out), wanted);
    buffer_free(&out);
}

static void
status_has_its_lines(void **state)
{
    (void)state;
    assert_status("  slot rowferry_shop: nobody reads it\n"
                  "  confirmed 0/100, the log ends at 0/900; the server keeps 2.0 KiB for it "
                  "(wal_status reserved)\n");
    look.active = true;
    snprintf(look.holder, sizeof(look.holder), "server process 4711");
    slot.safe_bytes = 100;
    assert_status("  slot rowferry_shop: in use by server process 4711\n"
                  "  confirmed 0/100, the log ends at 0/900; the server keeps 2.0 KiB for it, and may "
                  "lose it after 100 bytes more (wal_status reserved)\n");
    look.has_place = false;
    assert_status("  slot rowferry_shop does not exist\n");
}

static void
assert_json(const struct error *trouble, const char *wanted)
{
    struct buffer out = {0};
    kind->put_status_json(&config, &look, trouble, &out);
    assert_string_equal(buffer_cstr(&out), wanted);
    buffer_free(&out);
}

static void
status_as_json_has_a_slot_also_without_an_answer(void **state)
{
    (void)state;
    assert_json(&err, "\"slot\":{\"name\":\"rowferry_shop\",\"exists\":true,\"active\":false,\"active_pid\":0,"
                      "\"confirmed\":\"0/100\",\"restart\":\"0/80\",\"server_now\":\"0/900\","
                      "\"wal_status\":\"reserved\",\"retained_bytes\":2048,\"safe_bytes\":null}");
    error_set(&err, ERROR_RETRY, "E_UNREACHABLE", "away");
    look = (struct source_look){.has_place = false};
    assert_json(&err, "\"slot\":{\"name\":\"rowferry_shop\",\"exists\":false,\"active\":false,\"active_pid\":0,"
                      "\"confirmed\":\"0/0\",\"restart\":\"0/0\",\"server_now\":\"0/0\",\"wal_status\":\"\","
                      "\"retained_bytes\":0,\"safe_bytes\":0,"
                      "\"error\":{\"code\":\"E_UNREACHABLE\",\"text\":\"away\"}}");
}

static void
the_next_step_is_named(void **state)
{
    (void)state;
    assert_non_null(strstr(kind->next_step(&look), "start it"));
    look.active = true;
    assert_null(kind->next_step(&look));
    snprintf(slot.wal_status, sizeof(slot.wal_status), "extended");
    assert_non_null(strstr(kind->next_step(&look), "disk"));
    snprintf(slot.wal_status, sizeof(slot.wal_status), "unreserved");
    assert_non_null(strstr(kind->next_step(&look), "catch up now"));
    look.has_place = false;
    assert_non_null(strstr(kind->next_step(&look), "rowferry run"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_offset_that_fits_is_well, set_up),
        cmocka_unit_test_setup(what_the_slot_has_passed_is_a_gap, set_up),
        cmocka_unit_test_setup(what_the_server_does_not_know_has_diverged, set_up),
        cmocka_unit_test_setup(the_first_trouble_is_the_starts, set_up),
        cmocka_unit_test_setup(a_sink_without_record_is_new_or_the_slot_is_unknown, set_up),
        cmocka_unit_test_setup(only_a_pipeline_that_is_stopped_may_be_moved, set_up),
        cmocka_unit_test_setup(a_move_ends_between_the_slot_and_the_end_of_the_log, set_up),
        cmocka_unit_test_setup(only_its_own_server_takes_a_saved_offset, set_up),
        cmocka_unit_test_setup(distances_are_bytes_and_never_negative, set_up),
        cmocka_unit_test_setup(the_second_look_keeps_the_first_ones_confirmed_place, set_up),
        cmocka_unit_test_setup(status_has_its_lines, set_up),
        cmocka_unit_test_setup(status_as_json_has_a_slot_also_without_an_answer, set_up),
        cmocka_unit_test_setup(the_next_step_is_named, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
