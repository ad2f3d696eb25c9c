/* test_binlog_stream.c -- compressed transactions and checksums. */
#include "binlog_scene.h"

/* ---- compressed transactions ---- */

static struct buffer
inner_rows(unsigned n, bool compressed)
{
    struct buffer events = {0};

    put_inner(&events, EVENT_QUERY, body_query("shop", "BEGIN"));
    put_inner(&events, EVENT_TABLE_MAP, body_map(ITEMS, "items", 2));
    for (unsigned i = 0; i < n; i++)
        put_inner(&events, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 2, 1));
    put_inner(&events, EVENT_XID, body_xid());
    return body_payload(events, compressed);
}

/* Until the payload is empty, or the batch is full. */
static void
go_on(struct scene *s)
{
    s->full = false;
    while (binlog_framer_more(&s->framer) && !s->full) {
        if (binlog_framer_continue(&s->framer, s->batch, &s->full, &s->err) == -1)
            fail_msg("%s", s->err.text);
    }
}

static void
a_compressed_transaction_is_read_event_by_event(void **state)
{
    struct scene s;

    (void)state;
    for (int compressed = 0; compressed < 2; compressed++) {
        scene_open(&s, "gtid:");
        good(&s, EVENT_GTID, body_gtid(1, 1, 1234567));
        good(&s, EVENT_TRANSACTION_PAYLOAD, inner_rows(3, compressed != 0));
        assert_frames(&s, 0);
        go_on(&s);
        assert_frames(&s, 3);
        assert_int_equal(s.batch->frames[2].ordinal, 2);
        assert_int_equal(s.batch->frames[2].lsn, s.begin);
        assert_int_equal(s.batch->transactions[0].id.thread_id, 77);
        assert_false(binlog_framer_more(&s.framer));
        transaction(&s, 2, 1);
        ends_at(&s, "gtid:" UUID ":1-2@binlog.000001/%llu", (unsigned long long)s.pos);
        scene_close(&s);
    }
}

static void
resuming_inside_a_compressed_transaction_skips_too(void **state)
{
    struct scene s;
    unsigned seen = 0;

    (void)state;
    scene_open(&s, "gtid:+" UUID ":1/40/40/" UUID);
    good(&s, EVENT_GTID, body_gtid(1, 1, 1234567));
    good(&s, EVENT_TRANSACTION_PAYLOAD, inner_rows(200, true));
    while (binlog_framer_more(&s.framer)) {
        go_on(&s);
        for (uint32_t i = 0; i < s.batch->nframes; i++)
            assert_int_equal(s.batch->frames[i].ordinal, 40 + seen++);
        next_batch(&s);
    }
    assert_int_equal(seen, 160);
    scene_close(&s);
    scene_open(&s, "gtid:" UUID ":1");
    good(&s, EVENT_GTID, body_gtid(1, 1, 1234567));
    good(&s, EVENT_TRANSACTION_PAYLOAD, inner_rows(200, true));
    go_on(&s);
    assert_frames(&s, 0);
    assert_false(s.framer.group.open);
    scene_close(&s);
}

static int
all_of(struct scene *s)
{
    int rc = 0;

    while (rc == 0 && binlog_framer_more(&s->framer))
        rc = binlog_framer_continue(&s->framer, s->batch, &s->full, &s->err);
    return rc;
}

static void
a_payload_that_holds_what_it_may_not_is_refused(void **state)
{
    static const uint8_t types[] = {EVENT_TRANSACTION_PAYLOAD, EVENT_GTID, EVENT_ROTATE, EVENT_ANONYMOUS_GTID,
                                    EVENT_GTID_TAGGED, EVENT_MARIADB_GTID};
    struct scene s;
    struct buffer cut;

    (void)state;
    for (size_t i = 0; i < sizeof(types); i++) {
        struct buffer events = {0};

        scene_open(&s, "gtid:");
        good(&s, EVENT_GTID, body_gtid(1, 1, 0));
        put_inner(&events, EVENT_XID, body_xid());
        put_inner(&events, types[i], body_gtid(1, 2, 0));
        good(&s, EVENT_TRANSACTION_PAYLOAD, body_payload(events, true));
        if (all_of(&s) != -1)
            fail_msg("type %u was taken", types[i]);
        assert_string_equal(s.err.code, "E_PROTOCOL");
        scene_close(&s);
    }
    for (size_t less = 1; less < 30; less += 7) {
        scene_open(&s, "gtid:");
        good(&s, EVENT_GTID, body_gtid(1, 1, 0));
        cut = inner_rows(2, true);
        cut.len -= less;
        refuse(&s, EVENT_TRANSACTION_PAYLOAD, cut, ERROR_RETRY, "E_PROTOCOL");
        scene_close(&s);
    }
    scene_open(&s, "gtid:");
    good(&s, EVENT_GTID, body_gtid(1, 1, 0));
    cut = inner_rows(2, true);
    cut.at[cut.len - 1] ^= 0xff;
    cut.at[cut.len - 20] ^= 0xff;
    good(&s, EVENT_TRANSACTION_PAYLOAD, cut);
    assert_int_equal(all_of(&s), -1);
    assert_string_equal(s.err.code, "E_PROTOCOL");
    connect_at(&s, "binlog.000001", 4); /* and is gone after a reconnect */
    assert_false(binlog_framer_more(&s.framer));
    scene_close(&s);
}

static void
an_event_that_is_too_large_is_named(void **state)
{
    struct scene s;
    struct buffer large = {0}, events = {0};

    (void)state;
    scene_open(&s, "gtid:");
    buffer_room(&large, 70000);
    memset(large.at, 0, 70000);
    large.len = 70000;
    refuse(&s, EVENT_WRITE_ROWS, large, ERROR_CONFIG, "E_EVENT_SIZE");
    good(&s, EVENT_GTID, body_gtid(1, 1, 0));
    put_inner(&events, EVENT_USER_VAR, body_rows(EVENT_WRITE_ROWS, 1, 0, 2, 7500));
    assert_true(events.len > 1 << 16);
    events.len = 60000; /* its header is what counts */
    good(&s, EVENT_TRANSACTION_PAYLOAD, body_payload(events, true));
    assert_int_equal(all_of(&s), -1);
    assert_string_equal(s.err.code, "E_EVENT_SIZE");
    assert_int_equal(s.err.kind, ERROR_CONFIG);
    scene_close(&s);
}

/* ---- checksums ---- */

static void
checksums_are_looked_at_as_the_format_says(void **state)
{
    struct scene s;
    struct event_form form = {.checksum = true, .log_pos = 500};
    struct buffer bad;

    (void)state;
    scene_open_as(&s, false);
    resume(&s, "gtid:");
    s.checksum = true;
    connect_at(&s, "binlog.000001", 4);
    transaction(&s, 1, 1);
    assert_frames(&s, 1);
    assert_int_equal(batch_message(s.batch, &s.batch->frames[0]).len,
                     EVENT_HEADER_BYTES + 10 + 1 + 1 + 1 + 8); /* without it */
    bad = event_make(EVENT_GTID, body_gtid(1, 2, 0), &form);
    bad.at[30] ^= 1;
    assert_int_equal(feed(&s, bad), -1);
    assert_string_equal(s.err.code, "E_CHECKSUM");
    assert_int_equal(s.err.kind, ERROR_RETRY);
    s.checksum = false; /* the next file is written without */
    form = (struct event_form){.flags = EVENT_FLAG_ARTIFICIAL, .checksum = true};
    assert_int_equal(feed(&s, event_make(EVENT_ROTATE, body_rotate("binlog.000002", 4), &form)), 0);
    s.pos = 4;
    format(&s);
    transaction(&s, 2, 1);
    assert_frames(&s, 2);
    scene_close(&s);
}

static void
what_is_wrong_with_an_event_is_said_with_its_place(void **state)
{
    struct scene s;
    char place[60];

    (void)state;
    scene_open(&s, "gtid:");
    transaction(&s, 1, 1);
    refuse(&s, EVENT_WRITE_ROWS, body_rows(EVENT_WRITE_ROWS, ITEMS, 0, 2, 1), ERROR_RETRY, "E_PROTOCOL");
    snprintf(place, sizeof(place), "at binlog.000001/%llu: ", (unsigned long long)s.begin);
    assert_memory_equal(s.err.text, place, strlen(place));
    assert_null(strstr(s.err.text + strlen(place), "binlog.000001"));
    scene_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_compressed_transaction_is_read_event_by_event),
        cmocka_unit_test(resuming_inside_a_compressed_transaction_skips_too),
        cmocka_unit_test(a_payload_that_holds_what_it_may_not_is_refused),
        cmocka_unit_test(an_event_that_is_too_large_is_named),
        cmocka_unit_test(what_is_wrong_with_an_event_is_said_with_its_place),
        cmocka_unit_test(checksums_are_looked_at_as_the_format_says),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
