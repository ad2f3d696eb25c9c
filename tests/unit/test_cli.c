/*
 * test_cli.c -- what commands say of distances and of moves, whatever the kind of source.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../cdc/cli/offsets.h"
#include "cdc/plain.h"

static const struct distance kib = {DISTANCE_BYTES, 1536}, twelve = {DISTANCE_TRANSACTIONS, 12},
                             one = {DISTANCE_TRANSACTIONS, 1}, unknown = {DISTANCE_UNKNOWN, 0};

/* Takes the buffer's text and empties it. */
static void
assert_said(struct buffer *out, const char *wanted)
{
    assert_string_equal(buffer_cstr(out), wanted);
    buffer_reset(out);
}

static void
terminals_are_not_played_with(void **state)
{
    struct buffer out = {0};
    (void)state;
    plain_put(&out, "a\x1b[31m\x7f\xc2\x9b" "\xc3\xa4\n");
    assert_said(&out, "a\\x1b[31m\\x7f\\u009b\xc3\xa4\\x0a");
    plain_put_bytes(&out, 1023);
    buffer_put_string(&out, ", ");
    plain_put_bytes(&out, 1536);
    buffer_put_string(&out, ", ");
    plain_put_bytes(&out, UINT64_MAX);
    assert_said(&out, "1023 bytes, 1.5 KiB, 16.0 EiB");
    buffer_free(&out);
}

static void
a_distance_has_a_unit(void **state)
{
    struct buffer out = {0};
    (void)state;
    cli_put_distance(&out, &kib);
    assert_said(&out, "1.5 KiB");
    cli_put_distance(&out, &twelve);
    assert_said(&out, "12 transactions");
    cli_put_distance(&out, &one);
    assert_said(&out, "1 transaction");
    cli_put_distance(&out, &unknown);
    assert_said(&out, "an unknown part of the log");
    cli_json_distance(&out, "", &kib);
    cli_json_distance(&out, "behind_", &kib);
    cli_json_distance(&out, "behind_", &twelve);
    cli_json_distance(&out, "behind_", &unknown);
    assert_said(&out, ",\"bytes\":1536,\"behind_bytes\":1536,\"behind_transactions\":12,"
                      "\"behind_transactions\":null");
    buffer_free(&out);
}

static void
describe(const char *wanted, enum move_direction direction, const struct distance *distance)
{
    struct sink sink = {.name = "events"};
    struct buffer out = {0};
    struct move m = {
        .act = "offsets set",
        .sink = &sink,
        .before = {.state = direction == MOVE_FIRST ? OFFSET_NONE : OFFSET_AT,
                   .position = {.kind = POSITION_LSN, .end = 0x100}},
        .after = {.state = OFFSET_AT, .position = {.kind = POSITION_LSN, .end = 0x200}},
        .direction = direction,
        .distance = *distance,
    };
    move_describe(&m, true, false, &out);
    assert_said(&out, wanted);
    buffer_free(&out);
}

static void
a_move_says_what_it_does(void **state)
{
#define MOVE "sink events: would move lsn:0/100 -> lsn:0/200\n  "
    (void)state;
    describe("sink events: lsn:0/200, it is there already\n", MOVE_NOWHERE, &unknown);
    describe(MOVE "1.5 KiB of log are read again: what was delivered from there on comes once more, and "
                  "readers see it twice\n", MOVE_BACK, &kib);
    describe(MOVE "12 transactions are read again: what was delivered from there on comes once more, and "
                  "readers see it twice\n", MOVE_BACK, &twelve);
    describe(MOVE "1.5 KiB of log are passed over: THE CHANGES IN THEM ARE LOST to this sink\n",
             MOVE_FORWARD, &kib);
    describe(MOVE "1 transaction is passed over: THE CHANGES IN IT ARE LOST to this sink\n", MOVE_FORWARD, &one);
    describe(MOVE "an unknown part of the log is passed over: THE CHANGES IN IT ARE LOST to this sink\n",
             MOVE_FORWARD, &unknown);
    describe("sink events: would move none -> lsn:0/200\n  it begins there; 1.5 KiB of log before it, which "
             "the slot still has, are not delivered\n", MOVE_FIRST, &kib);
    describe("sink events: would move none -> lsn:0/200\n  it begins there\n", MOVE_FIRST, &unknown);
    describe(MOVE "neither place holds the other: some changes may come once more, and SOME MAY BE LOST to "
                  "this sink\n", MOVE_ASIDE, &unknown);
}

static void
a_move_as_json_has_its_distance(void **state)
{
    struct sink sink = {.name = "events"};
    struct buffer out = {0};
    struct move m = {
        .act = "offsets set",
        .sink = &sink,
        .after = {.state = OFFSET_AT, .position = {.kind = POSITION_LSN, .end = 0x200}},
        .direction = MOVE_FIRST,
        .distance = {DISTANCE_BYTES, 0},
        .stranger = true,
    };
    (void)state;
    move_describe(&m, false, true, &out);
    assert_said(&out, "{\"sink\":\"events\",\"act\":\"offsets set\",\"before\":\"none\",\"after\":\"lsn:0/200\","
                      "\"direction\":\"first\",\"bytes\":0,\"effect\":\"it begins there\","
                      "\"other_source\":true,\"done\":true}");
    buffer_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terminals_are_not_played_with),
        cmocka_unit_test(a_distance_has_a_unit),
        cmocka_unit_test(a_move_says_what_it_does),
        cmocka_unit_test(a_move_as_json_has_its_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
