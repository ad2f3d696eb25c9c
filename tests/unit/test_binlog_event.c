/*
 * test_binlog_event.c -- headers, checksums and bodies of a binlog's events, and what kind of statement a text is.
 *
 * Events are in memory of exactly their size, and each body is also read cut short at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../cdc/decode/binlog_query.h"
#include "binlog_events.h"
#include "cdc/xa.h"

static struct error err;

static void
fails(int rc, enum error_kind kind, const char *code)
{
    assert_int_equal(rc, -1);
    assert_string_equal(err.code, code);
    assert_int_equal(err.kind, kind);
    assert_true(err.text[0] != 0);
    err = (struct error)ERROR_INIT;
}

/* The body as an event of this type; its memory is a static copy of exactly its size. */
static struct binlog_event
event_of(uint8_t type, struct buffer body)
{
    static uint8_t *exact; /* the last one is left */
    struct binlog_event event = {.type = type, .server_id = 9};

    free(exact);
    exact = malloc(body.len > 0 ? body.len : 1);
    if (body.len > 0)
        memcpy(exact, body.at, body.len);
    event.body = bytes_of(exact, body.len);
    buffer_free(&body);
    return event;
}

static struct buffer
hex(const char *text)
{
    struct buffer out = {0};

    for (; *text != 0; text++) {
        unsigned byte;

        if (*text == ' ')
            continue;
        assert_int_equal(sscanf(text, "%2x", &byte), 1);
        buffer_put_u8(&out, (uint8_t)byte);
        text++;
    }
    return out;
}

/* ---- headers and checksums ---- */

static void
a_header_is_read(void **state)
{
    struct event_form form = {.timestamp = 1700000000, .server_id = 7, .log_pos = 1234, .flags = 0x81};
    struct binlog_event event;

    (void)state;
    for (int sum = 0; sum < 2; sum++) {
        struct buffer raw;

        form.checksum = sum != 0;
        raw = event_make(EVENT_XID, body_xid(), &form);
        assert_int_equal(binlog_event_read(&event, bytes_of(raw.at, raw.len), sum != 0, &err), 0);
        assert_int_equal(event.timestamp, 1700000000);
        assert_int_equal(event.type, EVENT_XID);
        assert_int_equal(event.server_id, 7);
        assert_int_equal(event.size, raw.len);
        assert_int_equal(event.log_pos, 1234);
        assert_int_equal(event.flags, 0x81);
        assert_int_equal(event.body.len, 8);
        assert_int_equal(event.whole.len, 27);
        assert_ptr_equal(event.whole.at, raw.at);
        buffer_free(&raw);
    }
}

static void
what_is_not_an_event_is_refused(void **state)
{
    struct event_form form = {.checksum = true};
    struct buffer raw = event_make(EVENT_XID, body_xid(), &form);
    struct binlog_event event;

    (void)state;
    for (size_t i = 0; i < raw.len; i++) {
        struct buffer bad = body_of(raw.at, raw.len), cut = body_of(raw.at, i);

        bad.at[i] ^= 0x10;
        fails(binlog_event_read(&event, bytes_of(bad.at, bad.len), true, &err), ERROR_RETRY,
              i >= 9 && i < 13 ? "E_PROTOCOL" : "E_CHECKSUM");
        fails(binlog_event_read(&event, bytes_of(cut.at, i), true, &err), ERROR_RETRY, "E_PROTOCOL");
        fails(binlog_event_read(&event, bytes_of(cut.at, i), false, &err), ERROR_RETRY, "E_PROTOCOL");
        buffer_free(&bad);
        buffer_free(&cut);
    }
    assert_int_equal(binlog_event_read(&event, bytes_of(raw.at, raw.len), false, &err), 0);
    assert_int_equal(event.body.len, 12); /* its checksum is taken for a part of it */
    buffer_free(&raw);
}

static void
a_format_says_whether_there_are_checksums(void **state)
{
    struct event_form form = {.checksum = true};
    char version[51];
    bool sums;

    (void)state;
    for (uint8_t algorithm = 0; algorithm < 2; algorithm++) {
        struct buffer raw = event_make(EVENT_FORMAT_DESCRIPTION, body_format(4, 19, algorithm), &form);

        assert_int_equal(binlog_format_read(bytes_of(raw.at, raw.len), &sums, version, &err), 0);
        assert_int_equal(sums, algorithm);
        assert_string_equal(version, "9.7.4");
        raw.at[30] ^= 1; /* of the version */
        if (algorithm == 1)
            fails(binlog_format_read(bytes_of(raw.at, raw.len), &sums, version, &err), ERROR_RETRY, "E_CHECKSUM");
        else
            assert_int_equal(binlog_format_read(bytes_of(raw.at, raw.len), &sums, version, &err), 0);
        buffer_free(&raw);
    }
}

static void
a_format_of_another_kind_is_refused(void **state)
{
    static const struct {
        uint16_t version;
        uint8_t header, algorithm;
        enum error_kind kind;
    } cases[] = {{3, 19, 1, ERROR_RETRY}, {4, 20, 1, ERROR_RETRY}, {4, 19, 2, ERROR_CONFIG}, {4, 19, 255, ERROR_CONFIG}};
    struct event_form form = {.checksum = true};
    char version[51];
    bool sums;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buffer raw = event_make(EVENT_FORMAT_DESCRIPTION,
                                       body_format(cases[i].version, cases[i].header, cases[i].algorithm), &form);

        fails(binlog_format_read(bytes_of(raw.at, raw.len), &sums, version, &err), cases[i].kind, "E_PROTOCOL");
        buffer_free(&raw);
    }
    for (size_t len = 0; len < 57; len += 8) {
        struct buffer body = body_format(4, 19, 1), raw;

        body.len = len;
        raw = event_make(EVENT_FORMAT_DESCRIPTION, body, &form);
        fails(binlog_format_read(bytes_of(raw.at, raw.len), &sums, version, &err), ERROR_RETRY, "E_PROTOCOL");
        buffer_free(&raw);
    }
}

static void
a_rotate_names_the_next_file(void **state)
{
    struct binlog_event event = event_of(EVENT_ROTATE, body_rotate("my.log-bin.1000007", UINT64_C(1) << 40));
    struct log_place place;
    char name[LOG_FILE_MAX];

    (void)state;
    assert_int_equal(binlog_rotate_read(&event, &place, &err), 0);
    assert_int_equal(place.number, 1000007);
    assert_true(place.pos == UINT64_C(1) << 40);
    log_file_print(&place, name);
    assert_string_equal(name, "my.log-bin.1000007");
    for (size_t i = 0; i < 3; i++) {
        static const char *const bad[] = {"binlog", "binlog.", "binlog.x"};

        event = event_of(EVENT_ROTATE, body_rotate(bad[i], 4));
        fails(binlog_rotate_read(&event, &place, &err), ERROR_CONFIG, "E_PROTOCOL");
    }
    event = event_of(EVENT_ROTATE, body_rotate("", 4));
    fails(binlog_rotate_read(&event, &place, &err), ERROR_RETRY, "E_PROTOCOL");
    event = event_of(EVENT_ROTATE, body_of("1234567", 7));
    fails(binlog_rotate_read(&event, &place, &err), ERROR_RETRY, "E_PROTOCOL");
}

/* ---- GTIDs ---- */

static void
gtid_is(const struct binlog_gtid_event *event, const char *want)
{
    char text[GTID_TEXT_MAX];

    gtid_print(&event->gtid, text);
    assert_string_equal(text, want);
}

static void
gtids_of_mysql_are_read(void **state)
{
    struct binlog_gtid_event gtid;
    struct binlog_event event = event_of(EVENT_GTID, body_gtid(5, 77, INT64_C(1700000000123456)));
    struct buffer old = body_gtid(5, 78, 0);

    (void)state;
    assert_int_equal(binlog_gtid_read(&event, &gtid, &err), 0);
    gtid_is(&gtid, "00000000-0000-0000-0000-000000000005:77");
    assert_int_equal(gtid.commit_us, INT64_C(1700000000123456));
    assert_true(gtid.transactional);
    event = event_of(EVENT_GTID, body_gtid(5, 79, INT64_C(1700000000123456) | INT64_C(1) << 55));
    assert_int_equal(binlog_gtid_read(&event, &gtid, &err), 0); /* another time follows */
    assert_int_equal(gtid.commit_us, INT64_C(1700000000123456));
    event = event_of(EVENT_ANONYMOUS_GTID, body_gtid(0, 0, 1234));
    assert_int_equal(binlog_gtid_read(&event, &gtid, &err), 0);
    assert_int_equal(gtid.gtid.number, 0);
    assert_int_equal(gtid.commit_us, 1234);
    old.len = 25; /* 5.6 */
    event = event_of(EVENT_GTID, old);
    assert_int_equal(binlog_gtid_read(&event, &gtid, &err), 0);
    assert_int_equal(gtid.gtid.number, 78);
    assert_int_equal(gtid.commit_us, 0);
}

static void
gtids_without_a_number_are_refused(void **state)
{
    static const uint64_t bad[] = {0, INT64_MAX, UINT64_MAX};
    struct binlog_gtid_event gtid;
    struct binlog_event event;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        event = event_of(EVENT_GTID, body_gtid(5, bad[i], 0));
        fails(binlog_gtid_read(&event, &gtid, &err), ERROR_RETRY, "E_PROTOCOL");
    }
    for (size_t len = 0; len < 25; len++) {
        struct buffer cut = body_gtid(5, 1, 0);

        cut.len = len;
        event = event_of(EVENT_GTID, cut);
        fails(binlog_gtid_read(&event, &gtid, &err), ERROR_RETRY, "E_PROTOCOL");
    }
    event = event_of(EVENT_MARIADB_GTID, body_mariadb_gtid(0, 0, 0, ""));
    fails(binlog_gtid_read(&event, &gtid, &err), ERROR_RETRY, "E_PROTOCOL");
}

/* As MySQL 9.7.4 wrote it. */
static const char golden_tagged[] = "02 72 00 00 00 02 72 8a 98 9502 9903 ae 22 c503 3502 2903 04 f103 00 00 00 02 04 04 06 0a "
                                    "6d79746167 08 18 0a 28 0c 7f ad455550da6006 10 51 05 12 83 12 0b";

static void
a_tagged_gtid_is_read(void **state)
{
    struct binlog_gtid_event gtid;
    struct binlog_event event = event_of(EVENT_GTID_TAGGED, hex(golden_tagged));
    int taken = 0;

    (void)state;
    assert_int_equal(event.body.len, 57);
    assert_int_equal(binlog_gtid_read(&event, &gtid, &err), 0);
    gtid_is(&gtid, "39454ca5-e657-11f1-8dca-02fc00000001:mytag:1");
    assert_true(gtid.commit_us > INT64_C(1700000000000000) && gtid.commit_us < INT64_C(1900000000000000));
    for (size_t len = 0; len < 57; len++) {
        struct buffer cut = hex(golden_tagged);

        cut.len = len;
        event = event_of(EVENT_GTID_TAGGED, cut);
        taken += binlog_gtid_read(&event, &gtid, &err) == 0;
    }
    assert_int_equal(taken, 0); /* it says how long it is */
}

static void
a_tagged_gtid_of_later_servers_is_read_as_far_as_it_may(void **state)
{
    static const struct {
        const char *body;
        bool good;
    } cases[] = {
        /* version, size, last field that must be known, then fields */
        {"02 2c 00 02 0000000000000000000000000000000a 04 04", true},
        {"02 2c 18 02 0000000000000000000000000000000a 04 04", true},
        {"02 30 18 02 0000000000000000000000000000000a 04 04 18 00", false}, /* 12, and must be */
        {"02 30 16 02 0000000000000000000000000000000a 04 04 18 00", true},  /* 12, and need not */
        {"04 2c 00 02 0000000000000000000000000000000a 04 04", false},       /* version 2 */
        {"02 02 00 02 0000000000000000000000000000000a 04 04", false},       /* shorter than its head */
        {"02 80 00 02 0000000000000000000000000000000a 04 04", false},       /* longer than it is */
        {"02 2c 00 02 0000000000000000000000000000000a 04 00", false},       /* number 0 */
        {"02 2c 00 02 0000000000000000000000000000000a 04 02", false},       /* number -1 */
        {"02 32 00 02 0000000000000000000000000000000a 04 04 06 02 39", false}, /* tag "9" */
        {"02 32 00 02 0000000000000000000000000000000a 04 04 06 42 39", false}, /* tag of 33 bytes */
    };
    struct binlog_gtid_event gtid;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct binlog_event event = event_of(EVENT_GTID_TAGGED, hex(cases[i].body));

        if ((binlog_gtid_read(&event, &gtid, &err) == 0) != cases[i].good)
            fail_msg("%s: %s", cases[i].body, err.text);
        if (cases[i].good)
            gtid_is(&gtid, "00000000-0000-0000-0000-000000000005:1");
    }
}

static void
gtids_of_mariadb_are_read(void **state)
{
    struct binlog_gtid_event gtid;
    struct binlog_event event = event_of(EVENT_MARIADB_GTID, body_mariadb_gtid(4294967295, 7, MARIADB_ROWS, ""));
    struct buffer alter = body_mariadb_gtid(1, 8, MARIADB_ALONE, ""), group = {0};

    (void)state;
    assert_int_equal(binlog_gtid_read(&event, &gtid, &err), 0);
    gtid_is(&gtid, "4294967295-9-7");
    assert_true(gtid.transactional && !gtid.standalone && !gtid.prepares_xa && !gtid.completes_xa);
    assert_int_equal(gtid.commit_us, 0);
    event = event_of(EVENT_MARIADB_GTID, body_mariadb_gtid(0, 7, MARIADB_ALONE | MARIADB_COMPLETES, "xid"));
    assert_int_equal(binlog_gtid_read(&event, &gtid, &err), 0);
    assert_true(gtid.standalone && gtid.completes_xa && !gtid.transactional && !gtid.half_alter);
    event = event_of(EVENT_MARIADB_GTID, body_mariadb_gtid(0, 7, MARIADB_ROWS | MARIADB_PREPARES, "xid"));
    assert_int_equal(binlog_gtid_read(&event, &gtid, &err), 0);
    assert_true(gtid.prepares_xa);
    alter.at[13] = 2;
    event = event_of(EVENT_MARIADB_GTID, alter);
    assert_int_equal(binlog_gtid_read(&event, &gtid, &err), 0);
    assert_true(gtid.half_alter);
    put_le(&group, 9, 8); /* a group commit: its number stands before the rest */
    put_le(&group, 0, 4);
    buffer_put_u8(&group, 2);
    put_le(&group, 0x0202, 8);
    buffer_put_u8(&group, 4);
    event = event_of(EVENT_MARIADB_GTID, group);
    assert_int_equal(binlog_gtid_read(&event, &gtid, &err), 0);
    assert_false(gtid.half_alter);
    for (size_t len = 0; len < 13; len++) {
        struct buffer cut = body_mariadb_gtid(1, 8, MARIADB_ALONE, "");

        cut.len = len;
        event = event_of(EVENT_MARIADB_GTID, cut);
        fails(binlog_gtid_read(&event, &gtid, &err), ERROR_RETRY, "E_PROTOCOL");
    }
}

/* ---- QUERY ---- */

static struct binlog_query_event
query_of(uint8_t type, struct buffer body)
{
    static struct binlog_event event;
    static struct buffer scratch;
    struct binlog_query_event query;

    event = event_of(type, body);
    if (binlog_query_read(&event, &scratch, &query, &err) == -1)
        fail_msg("%s", err.text);
    return query;
}

static void
a_query_is_read(void **state)
{
    struct binlog_query_event query = query_of(EVENT_QUERY, body_query("shop", "insert into t"));

    (void)state;
    assert_int_equal(query.thread_id, 77);
    assert_int_equal(query.error_code, 0);
    assert_int_equal(query.client_collation, 255);
    assert_int_equal(query.updated_count, -1);
    assert_true(bytes_equal(query.schema, bytes_of_string("shop")));
    assert_true(bytes_equal(query.text, bytes_of_string("insert into t")));
    query = query_of(EVENT_QUERY, body_query_status("", bytes_of(NULL, 0), ""));
    assert_int_equal(query.schema.len, 0);
    assert_int_equal(query.text.len, 0);
    assert_int_equal(query.client_collation, 0);
}

static void
status_variables_are_passed_over_to_those_of_use(void **state)
{
    /* each code that is known, then 4 (charset) */
    static const char *const before[] = {
        "", "00 01020304", "01 0102030405060708", "02 03 737464 00", "03 01020304", "05 03 555443", "06 03 737464",
        "07 0102", "08 0102", "09 0102030405060708", "0a 01020304", "0b 02 6162 03 636465", "0c 02 6100 6200", "0d 010203",
        "0e 01", "10 01", "11 0102030405060708", "12 0102", "13 01", "14 01", "15 01", "80 010203", "81 0102030405060708",
        "00 01020304 01 0102030405060708 06 03 737464 03 01000100",
    };
    struct binlog_query_event query;

    (void)state;
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        struct buffer status = hex(before[i]);

        buffer_put(&status, "\4\10\0\41\0\377\0", 7);
        query = query_of(EVENT_QUERY, body_query_status("s", bytes_of(status.at, status.len), "x"));
        if (query.client_collation != 8)
            fail_msg("behind %s", before[i]);
        assert_true(bytes_equal(query.text, bytes_of_string("x")));
        buffer_free(&status);
    }
}

static void
status_variables_end_at_one_that_is_not_known(void **state)
{
    static const char *const before[] = {"0f 00", "16 00", "82 00", "ff", "0b 40 61", "0c 09 6100"};
    struct binlog_query_event query;

    (void)state;
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        struct buffer status = hex(before[i]);

        buffer_put(&status, "\4\10\0\41\0\377\0", 7);
        query = query_of(EVENT_QUERY, body_query_status("s", bytes_of(status.at, status.len), "x"));
        assert_int_equal(query.client_collation, 0);
        assert_int_equal(query.updated_count, -1);
        assert_true(bytes_equal(query.text, bytes_of_string("x")));
        buffer_free(&status);
    }
}

static void
updated_databases_are_named(void **state)
{
    struct buffer status = hex("0c 02 6100 626300 04 080021 00ff00");
    struct binlog_query_event query = query_of(EVENT_QUERY, body_query_status("s", bytes_of(status.at, status.len), "x"));

    (void)state;
    assert_int_equal(query.updated_count, 2);
    assert_int_equal(query.updated.len, 5);
    assert_memory_equal(query.updated.at, "a\0bc\0", 5);
    assert_int_equal(query.client_collation, 8);
    buffer_free(&status);
    query = query_of(EVENT_QUERY, body_query_status("s", bytes_of("\14\376", 2), "x"));
    assert_int_equal(query.updated_count, 254);
    assert_int_equal(query.updated.len, 0);
    query = query_of(EVENT_QUERY, body_query_status("s", bytes_of("\14\0", 2), "x"));
    assert_int_equal(query.updated_count, 0);
}

static void
a_query_cut_short_is_refused(void **state)
{
    struct buffer scratch = {0};
    struct binlog_query_event query;

    (void)state;
    for (size_t len = 0; len < 13 + 7 + 5; len++) {
        struct buffer cut = body_query("shop", "x");
        struct binlog_event event;

        cut.len = len;
        event = event_of(EVENT_QUERY, cut);
        fails(binlog_query_read(&event, &scratch, &query, &err), ERROR_RETRY, "E_PROTOCOL");
    }
    buffer_free(&scratch);
}

/* ---- MariaDB's compression ---- */

static struct buffer
block_of(const char *text, unsigned length_bytes)
{
    struct buffer out = {0};
    uLongf n = compressBound(strlen(text));

    buffer_put_u8(&out, (uint8_t)(0x80 | length_bytes));
    for (unsigned i = length_bytes; i-- > 0;)
        buffer_put_u8(&out, (uint8_t)(strlen(text) >> (8 * i)));
    assert_int_equal(compress(buffer_room(&out, n), &n, (const Bytef *)text, strlen(text)), Z_OK);
    out.len += n;
    return out;
}

static void
a_compressed_query_is_read(void **state)
{
    static const char text[] = "insert into t values (1), (1), (1), (1), (1), (1), (1), (1)";

    (void)state;
    for (unsigned n = 1; n <= 4; n++) {
        struct buffer body = body_query("shop", ""), block = block_of(text, n);
        struct binlog_query_event query;

        buffer_put(&body, block.at, block.len);
        query = query_of(EVENT_MARIADB_QUERY_COMPRESSED, body);
        assert_true(bytes_equal(query.text, bytes_of_string(text)));
        assert_true(bytes_equal(query.schema, bytes_of_string("shop")));
        buffer_free(&block);
    }
}

static void
a_block_that_makes_no_sense_is_refused(void **state)
{
    static const char text[] = "0123456789012345678901234567890123456789";
    struct buffer good = block_of(text, 1), out = {0};

    (void)state;
    assert_int_equal(binlog_inflate(bytes_of(good.at, good.len), 40, &out, &err), 0);
    assert_true(bytes_equal(bytes_of(out.at, out.len), bytes_of_string(text)));
    fails(binlog_inflate(bytes_of(good.at, good.len), 39, &out, &err), ERROR_DATA, "E_EVENT_SIZE");
    for (size_t len = 0; len < good.len; len++) {
        uint8_t *exact = malloc(len + 1);

        memcpy(exact, good.at, len);
        fails(binlog_inflate(bytes_of(exact, len), 40, &out, &err), ERROR_RETRY, "E_PROTOCOL");
        free(exact);
    }
    for (unsigned head = 0; head < 256; head++) {
        if (head == 0x81 || head == 0x89) /* a bit that nobody uses */
            continue;
        good.at[0] = (uint8_t)head;
        assert_int_equal(binlog_inflate(bytes_of(good.at, good.len), SIZE_MAX, &out, &err), -1);
    }
    good.at[0] = 0x81;
    for (unsigned size = 0; size < 256; size++) { /* it has to be right */
        good.at[1] = (uint8_t)size;
        assert_int_equal(binlog_inflate(bytes_of(good.at, good.len), 1000, &out, &err), size == 40 ? 0 : -1);
    }
    assert_int_equal(out.len, 80);
    buffer_free(&good);
    good = hex("84 3fffffff 789c0300 00000001"); /* a gigabyte in eight bytes: no memory for that */
    fails(binlog_inflate(bytes_of(good.at, good.len), UINT32_C(1) << 30, &out, &err), ERROR_RETRY, "E_PROTOCOL");
    assert_true(out.cap < 1 << 20);
    buffer_free(&good);
    buffer_free(&out);
}

/* ---- XA ---- */

static void
an_xid_is_written_as_the_statements_write_it(void **state)
{
    struct binlog_event event = event_of(EVENT_XA_PREPARE, body_xa_prepare(true, "ab", ""));
    char xid[XA_XID_MAX], same[XA_XID_MAX], long_one[65];
    struct buffer large = {0};
    bool one_phase;

    (void)state;
    assert_int_equal(binlog_xa_prepare_read(&event, xid, &one_phase, &err), 0);
    assert_string_equal(xid, "X'6162',X'',1");
    assert_true(one_phase);
    assert_true(binlog_query_xid(bytes_of_string("XA COMMIT X'6162',X'',1"), same, sizeof(same)));
    assert_string_equal(same, xid);
    memset(long_one, '\xff', 64);
    long_one[64] = 0;
    buffer_put_u8(&large, 0);
    put_le(&large, UINT32_MAX, 4);
    put_le(&large, 64, 4);
    put_le(&large, 64, 4);
    buffer_put_string(&large, long_one);
    buffer_put_string(&large, long_one);
    event = event_of(EVENT_XA_PREPARE, large);
    assert_int_equal(binlog_xa_prepare_read(&event, xid, &one_phase, &err), 0);
    assert_false(one_phase);
    assert_int_equal(strlen(xid), 2 * (3 + 128 + 1) + 10);
    assert_true(strlen(xid) < XA_XID_MAX);
    for (size_t len = 0; len < 15; len++) {
        struct buffer cut = body_xa_prepare(true, "ab", "");

        cut.len = len;
        event = event_of(EVENT_XA_PREPARE, cut);
        fails(binlog_xa_prepare_read(&event, xid, &one_phase, &err), ERROR_RETRY, "E_PROTOCOL");
    }
    large = body_xa_prepare(true, "", "");
    large.at[5] = 65;
    buffer_room(&large, 200);
    memset(large.at + large.len, 0, 200);
    large.len += 200;
    event = event_of(EVENT_XA_PREPARE, large);
    fails(binlog_xa_prepare_read(&event, xid, &one_phase, &err), ERROR_RETRY, "E_PROTOCOL");
}

static void
xids_are_found_in_statements(void **state)
{
    static const struct {
        const char *text, *xid; /* NULL: none */
    } cases[] = {
        {"XA START X'6B',X'62',7", "X'6b',X'62',7"},
        {"xa commit x'6b' , x'62' , 7", "X'6b',X'62',7"},
        {"XA COMMIT X'AbCdEf',X'',1 ONE PHASE", "X'abcdef',X'',1"},
        {"/* c */ XA /* d */ ROLLBACK /* e */ X'00',X'',4294967295", "X'00',X'',4294967295"},
        {"XA END X'',X'',1", "X'',X'',1"},
        {"XA COMMIT", NULL},
        {"XA", NULL},
        {"", NULL},
        {"XA COMMIT X'0123456789012345678901234567890123456789',X'',1", NULL}, /* too long for what is given */
    };
    char xid[40];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool found = binlog_query_xid(bytes_of_string(cases[i].text), xid, sizeof(xid));

        if (found != (cases[i].xid != NULL) || (found && strcmp(xid, cases[i].xid) != 0))
            fail_msg("%s: %s", cases[i].text, found ? xid : "none");
    }
}

/* ---- statements ---- */

static void
statements_are_told_apart_by_their_first_words(void **state)
{
    static const struct {
        const char *text;
        enum binlog_query_kind kind;
    } cases[] = {
        {"BEGIN", QUERY_BEGIN},
        {"begin", QUERY_BEGIN},
        {" /* c */ BeGiN", QUERY_BEGIN},
        {"COMMIT", QUERY_COMMIT},
        {"commit /* x */", QUERY_COMMIT},
        {"ROLLBACK", QUERY_ROLLBACK},
        {"ROLLBACK WORK", QUERY_ROLLBACK},
        {"ROLLBACK TO `a`", QUERY_ROLLBACK_TO},
        {"rollback work to savepoint a", QUERY_ROLLBACK_TO},
        {"SAVEPOINT `a`", QUERY_SAVEPOINT},
        {"release savepoint a", QUERY_SAVEPOINT},
        {"XA START X'61',X'',1", QUERY_XA_START},
        {"xa begin 'a'", QUERY_XA_START},
        {"XA END X'61',X'',1", QUERY_XA_END},
        {"XA PREPARE X'61',X'',1", QUERY_XA_PREPARE},
        {"XA COMMIT X'61',X'',1", QUERY_XA_COMMIT},
        {"XA ROLLBACK X'61',X'',1", QUERY_XA_ROLLBACK},
        {"XA RECOVER", QUERY_STATEMENT},
        {"TRUNCATE t", QUERY_TRUNCATE},
        {"truncate table t", QUERY_TRUNCATE},
        {"/*!40000 truncate */ t", QUERY_TRUNCATE},
        {"INSERT INTO t VALUES (1)", QUERY_STATEMENT},
        {"update t set a = 1", QUERY_STATEMENT},
        {"delete from t", QUERY_STATEMENT},
        {"replace t select 1", QUERY_STATEMENT},
        {"load data infile 'x' into table t", QUERY_STATEMENT},
        {"with a as (select 1) delete from t", QUERY_STATEMENT},
        {"call p()", QUERY_STATEMENT},
        {"frobnicate", QUERY_STATEMENT},
        {"(select 1)", QUERY_STATEMENT},
        {"BEGINNING", QUERY_STATEMENT},
        {"`begin`", QUERY_STATEMENT},
        {"create table t (a int)", QUERY_DDL},
        {"/* a comment before */ alter table t", QUERY_DDL},
        {"/*!50003 create */ trigger", QUERY_DDL},
        {"/*M!100401 CREATE TABLE t (a int) */", QUERY_DDL},
        {"/*! drop table t */", QUERY_DDL},
        {"-- a line\n# another\nDROP TABLE `t` /* generated by server */", QUERY_DDL},
        {"rename table a to b", QUERY_DDL},
        {"GRANT ALL ON *.* TO x", QUERY_ACCOUNT},
        {"set password for x = 'y'", QUERY_ACCOUNT},
        {"create or replace user x identified by 'y'", QUERY_ACCOUNT},
        {"ALTER USER x", QUERY_ACCOUNT},
        {"create table t select 1", QUERY_STATEMENT},
        {"create or replace table t (a int comment 'select') as\nselect * from u", QUERY_STATEMENT},
        {"create table t (a int comment 'it''s a \\' select', `select` int) comment \"select\"", QUERY_DDL},
        {"create temporary table t select 1", QUERY_DDL},
        {"create view v as select 1", QUERY_DDL},
        {"set statement max_statement_time = 1 for insert into t values (1)", QUERY_STATEMENT},
        {"set statement lock_wait_timeout = 1 for truncate t", QUERY_TRUNCATE},
        {"analyze table t", QUERY_DDL},
        {"analyze format=json update t set a = 1", QUERY_STATEMENT},
        {"flush tables", QUERY_DDL},
        {"", QUERY_NOTHING},
        {" \n;", QUERY_NOTHING},
        {"# Dummy event replacing event type 160 that slave cannot handle.", QUERY_NOTHING},
        {"/* nothing */", QUERY_NOTHING},
        {"/* never closed", QUERY_NOTHING},
        {"/*!50000", QUERY_NOTHING},
        {"--", QUERY_STATEMENT},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t len = strlen(cases[i].text);
        char *exact = malloc(len > 0 ? len : 1);
        enum binlog_query_kind kind;

        memcpy(exact, cases[i].text, len);
        kind = binlog_query_kind(bytes_of(exact, len));
        if (kind != cases[i].kind)
            fail_msg("\"%s\" is taken for %d", cases[i].text, (int)kind);
        free(exact);
    }
}

static void
truncates_name_their_table(void **state)
{
    static const struct {
        const char *text, *schema, *table; /* NULL: none */
    } cases[] = {
        {"truncate t", "", "t"},
        {"TRUNCATE TABLE t", "", "t"},
        {"truncate table `a``b`", "", "a`b"},
        {"truncate \"a\"\"b\"", "", "a\"b"},
        {"truncate `s`.`t`", "s", "t"},
        {"truncate s . t wait 5", "s", "t"},
        {"truncate/**/table/**/s/**/./**/t", "s", "t"},
        {"truncate table_one", "", "table_one"},
        {"truncate tables", "", "tables"},
        {"truncate `table`", "", "table"},
        {"truncate \xc3\xa9$1", "", "\xc3\xa9$1"},
        {"/*!40000 truncate table */ t", "", "t"},
        {"truncate `t", NULL, NULL},
        {"truncate", NULL, NULL},
        {"truncate ``", NULL, NULL},
        {"truncate s.", NULL, NULL},
        {"truncate (", NULL, NULL},
        {"drop table t", NULL, NULL},
    };
    char schema[256], table[256], text[800];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool found = binlog_query_truncated(bytes_of_string(cases[i].text), schema, table);

        if (found != (cases[i].table != NULL) ||
            (found && (strcmp(schema, cases[i].schema) != 0 || strcmp(table, cases[i].table) != 0)))
            fail_msg("\"%s\": %s", cases[i].text, found ? table : "none");
    }
    memset(text, 'x', sizeof(text)); /* longer than any name: cut, not written past its end */
    memcpy(text, "truncate ", 9);
    assert_true(binlog_query_truncated(bytes_of(text, sizeof(text)), schema, table));
    assert_int_equal(strlen(table), 255);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_read),
        cmocka_unit_test(what_is_not_an_event_is_refused),
        cmocka_unit_test(a_format_says_whether_there_are_checksums),
        cmocka_unit_test(a_format_of_another_kind_is_refused),
        cmocka_unit_test(a_rotate_names_the_next_file),
        cmocka_unit_test(gtids_of_mysql_are_read),
        cmocka_unit_test(gtids_without_a_number_are_refused),
        cmocka_unit_test(a_tagged_gtid_is_read),
        cmocka_unit_test(a_tagged_gtid_of_later_servers_is_read_as_far_as_it_may),
        cmocka_unit_test(gtids_of_mariadb_are_read),
        cmocka_unit_test(a_query_is_read),
        cmocka_unit_test(status_variables_are_passed_over_to_those_of_use),
        cmocka_unit_test(status_variables_end_at_one_that_is_not_known),
        cmocka_unit_test(updated_databases_are_named),
        cmocka_unit_test(a_query_cut_short_is_refused),
        cmocka_unit_test(a_compressed_query_is_read),
        cmocka_unit_test(a_block_that_makes_no_sense_is_refused),
        cmocka_unit_test(an_xid_is_written_as_the_statements_write_it),
        cmocka_unit_test(xids_are_found_in_statements),
        cmocka_unit_test(statements_are_told_apart_by_their_first_words),
        cmocka_unit_test(truncates_name_their_table),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
