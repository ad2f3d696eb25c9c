/*
 * test_encoder_binlog.c -- events of MySQL and MariaDB: Debezium's golden vectors, the types that
 * PostgreSQL has not, dates that are none, rows that were not sent whole, keys, long ids.
 *
 * The vectors are Debezium's but for what the design asks for: our version, no transaction block,
 * no query, `score` with its NULL branch first, and the processing time of our clock.
 */
#include "encoder_setup.h"

static const struct gtid_origin origin = {
    .uuid = {0x9a, 0xc2, 0xa3, 0x76, 0xe6, 0x59, 0x11, 0xf1, 0x9c, 0x9c, 0x02, 0xfc, 0, 0, 0, 1},
};

static const struct transaction first_transaction = {
    .server_id = 223344,
    .thread_id = 43,
    .gtid = {.origin = &origin, .number = 50},
    .begin = {.base = "mysql-bin", .number = 1, .pos = 20210},
    .commit_us = 1795341190769823,
};

static struct setup
binlog_setup(const char *schema, const char *table, const struct column *columns, uint16_t count)
{
    struct setup s = setup_of(schema, table, columns, count);

    s.settings.connector = CONNECTOR_MYSQL;
    s.settings.pipeline = "dbserver2";
    s.settings.database = "not this";
    s.batch->transactions[0].id = first_transaction;
    s.change.lsn = 20518;
    return s;
}

/* What the log says of a primary key. */
static void
log_key(struct setup *s, uint16_t count, const uint16_t *columns)
{
    s->rel->key = arena_copy(&s->rel->arena, columns, count * sizeof(*columns));
    s->rel->nkey = count;
    for (uint16_t i = 0; i < count; i++)
        s->rel->columns[columns[i]].identity = s->rel->columns[columns[i]].not_null = true;
}

static void
first_is_log_key(struct setup *s)
{
    log_key(s, 1, (const uint16_t[]){0});
}

static struct column
with_precision(struct column column, int32_t precision)
{
    column.precision = precision;
    return column;
}

static struct column
with_labels(struct column column, const char *labels)
{
    column.labels = labels;
    return column;
}

static struct column
with_length(struct column column, int32_t length)
{
    column.length = length;
    return column;
}

static struct value
geometry(const void *wkb, size_t len, int32_t srid)
{
    return number(wkb, len, srid);
}

/* ---- golden vectors ---- */

enum { GOLDEN_COLUMNS = 9 };

static struct setup
golden(void)
{
    const struct column columns[GOLDEN_COLUMNS] = {
        col("id", TYPE_INT32),
        col("first_name", TYPE_TEXT),
        col("email", TYPE_TEXT),
        decimal("balance", 12, 2),
        with_precision(col("created_at", TYPE_TIMESTAMPTZ), 3),
        col("born", TYPE_DATE),
        col("attrs", TYPE_JSON),
        col("active", TYPE_INT16),
        col("score", TYPE_INT32),
    };
    struct setup s = binlog_setup("inventory", "golden", columns, GOLDEN_COLUMNS);

    first_is_log_key(&s);
    s.rel->columns[1].not_null = s.rel->columns[7].not_null = true;
    not_null(&s, 7, "1");
    s.table.columns[8] = (struct catalog_column){.known = true, .default_text = "42"};
    return s;
}

static struct value *
sally(bool email)
{
    struct value *row = arena_array(&arena, GOLDEN_COLUMNS, sizeof(*row));

    row[0] = integer(1001);
    row[1] = text("Sally");
    row[2] = email ? text("sally@acme.com") : null_value;
    row[3] = number("\x01\xe2\x40", 3, 2);
    row[4] = integer(1577934245678000);
    row[5] = integer(10956);
    row[6] = text("{\"a\":1}");
    row[7] = integer(1);
    row[8] = integer(7);
    return row;
}

#define SALLY "d20f0a53616c6c79"
#define EMAIL "021c73616c6c794061636d652e636f6d"
#define NO_EMAIL "00"
#define REST \
    "020601e2400230323032302d30312d30325430333a30343a30352e3637385a0298ab01020e7b2261223a317d" \
    "02020e"
#define SOURCE_START "0a302e312e30" "0a6d7973716c" "12646273657276657232"
#define SOURCE_MIDDLE "000a66616c7365" "12696e76656e746f7279" "00"
#define SOURCE_END "020c676f6c64656e" "e0a11b"
#define GTID "024e39616332613337362d653635392d313166312d396339632d3032666330303030303030313a"
#define FILE_NAME "206d7973716c2d62696e2e303030303031"
#define TIMES "02d4afe1aac068" "02f2afdc88ceb6b006" "02d092d691f4d1aaea31"

static void
mysqls_schemas_are_debeziums_but_for_defaults(void **state)
{
    struct setup s = golden();
    (void)state;

    must_plan(&s);
    assert_string_equal(plan_topic(s.plan), "dbserver2.inventory.golden");
    assert_string_equal(plan_key_schema(s.plan),
        "{\"type\":\"record\",\"name\":\"Key\",\"namespace\":\"dbserver2.inventory.golden\","
        "\"fields\":[{\"name\":\"id\",\"type\":\"int\"}],"
        "\"connect.name\":\"dbserver2.inventory.golden.Key\"}");
    assert_string_equal(plan_value_schema(s.plan),
        "{\"type\":\"record\",\"name\":\"Envelope\",\"namespace\":\"dbserver2.inventory.golden\","
        "\"fields\":[{\"name\":\"before\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Value\","
        "\"fields\":[{\"name\":\"id\",\"type\":\"int\"},{\"name\":\"first_name\",\"type\":\"string\"},"
        "{\"name\":\"email\",\"type\":[\"null\",\"string\"],\"default\":null},"
        "{\"name\":\"balance\",\"type\":[\"null\",{\"type\":\"bytes\",\"scale\":2,\"precision\":12,"
        "\"connect.version\":1,\"connect.parameters\":{\"scale\":\"2\","
        "\"connect.decimal.precision\":\"12\"},"
        "\"connect.name\":\"org.apache.kafka.connect.data.Decimal\",\"logicalType\":\"decimal\"}],"
        "\"default\":null},{\"name\":\"created_at\",\"type\":[\"null\",{\"type\":\"string\","
        "\"connect.version\":1,\"connect.name\":\"io.debezium.time.ZonedTimestamp\"}],"
        "\"default\":null},{\"name\":\"born\",\"type\":[\"null\",{\"type\":\"int\","
        "\"connect.version\":1,\"connect.name\":\"io.debezium.time.Date\"}],\"default\":null},"
        "{\"name\":\"attrs\",\"type\":[\"null\",{\"type\":\"string\",\"connect.version\":1,"
        "\"connect.name\":\"io.debezium.data.Json\"}],\"default\":null},"
        "{\"name\":\"active\",\"type\":{\"type\":\"int\",\"connect.type\":\"int16\"},\"default\":1},"
        "{\"name\":\"score\",\"type\":[\"null\",\"int\"],\"default\":null}],"
        "\"connect.name\":\"dbserver2.inventory.golden.Value\"}],\"default\":null},"
        "{\"name\":\"after\",\"type\":[\"null\",\"Value\"],\"default\":null},"
        "{\"name\":\"source\",\"type\":{\"type\":\"record\",\"name\":\"Source\","
        "\"namespace\":\"io.debezium.connector.mysql\",\"fields\":["
        "{\"name\":\"version\",\"type\":\"string\"},{\"name\":\"connector\",\"type\":\"string\"},"
        "{\"name\":\"name\",\"type\":\"string\"},{\"name\":\"ts_ms\",\"type\":\"long\"},"
        "{\"name\":\"snapshot\",\"type\":[{\"type\":\"string\",\"connect.version\":1,"
        "\"connect.parameters\":{\"allowed\":\"true,first,first_in_data_collection,"
        "last_in_data_collection,last,false,incremental\"},\"connect.default\":\"false\","
        "\"connect.name\":\"io.debezium.data.Enum\"},\"null\"],\"default\":\"false\"},"
        "{\"name\":\"db\",\"type\":\"string\"},"
        "{\"name\":\"sequence\",\"type\":[\"null\",\"string\"],\"default\":null},"
        "{\"name\":\"ts_us\",\"type\":[\"null\",\"long\"],\"default\":null},"
        "{\"name\":\"ts_ns\",\"type\":[\"null\",\"long\"],\"default\":null},"
        "{\"name\":\"table\",\"type\":[\"null\",\"string\"],\"default\":null},"
        "{\"name\":\"server_id\",\"type\":\"long\"},"
        "{\"name\":\"gtid\",\"type\":[\"null\",\"string\"],\"default\":null},"
        "{\"name\":\"file\",\"type\":\"string\"},{\"name\":\"pos\",\"type\":\"long\"},"
        "{\"name\":\"row\",\"type\":\"int\"},"
        "{\"name\":\"thread\",\"type\":[\"null\",\"long\"],\"default\":null},"
        "{\"name\":\"query\",\"type\":[\"null\",\"string\"],\"default\":null}],"
        "\"connect.version\":1,\"connect.name\":\"io.debezium.connector.mysql.Source\"}},"
        "{\"name\":\"transaction\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"block\","
        "\"namespace\":\"event\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},"
        "{\"name\":\"total_order\",\"type\":\"long\"},"
        "{\"name\":\"data_collection_order\",\"type\":\"long\"}],\"connect.version\":1,"
        "\"connect.name\":\"event.block\"}],\"default\":null},"
        "{\"name\":\"op\",\"type\":\"string\"},"
        "{\"name\":\"ts_ms\",\"type\":[\"null\",\"long\"],\"default\":null},"
        "{\"name\":\"ts_us\",\"type\":[\"null\",\"long\"],\"default\":null},"
        "{\"name\":\"ts_ns\",\"type\":[\"null\",\"long\"],\"default\":null}],"
        "\"connect.version\":2,\"connect.name\":\"dbserver2.inventory.golden.Envelope\"}");
    done(&s);
}

static void
golden_place(struct setup *s, uint64_t number, int64_t commit_us, uint64_t pos)
{
    s->batch->transactions[0].id.gtid.number = number;
    s->batch->transactions[0].id.commit_us = commit_us;
    s->change.lsn = pos;
}

static void
insert_update_delete_and_truncate_have_debeziums_bytes(void **state)
{
    struct setup s = golden();
    (void)state;

    s.settings.truncate = TRUNCATE_EMIT;
    must_plan(&s);
    s.change.new_row = sally(true);
    must_encode(&s, 1);
    assert_string_equal(hex_of(key_at(&s, 0)), "0000000001" "d20f");
    assert_string_equal(hex_of(value_at(&s, 0)),
        "0000000002" "00" "02" SALLY EMAIL REST SOURCE_START "e299e4aac068" SOURCE_MIDDLE
        "02beb2e99eceb6b006" "02b0b4b2e7a0d3aaea31" SOURCE_END GTID "3530" FILE_NAME "ccc002" "00"
        "0256" "00" "00" "0263" TIMES);

    golden_place(&s, 51, 1795341190775050, 20963);
    s.change.op = CHANGE_UPDATE;
    s.change.old_kind = OLD_ROW;
    s.change.old_row = sally(true);
    s.change.new_row = sally(false);
    must_encode(&s, 2);
    assert_string_equal(hex_of(value_at(&s, 1)),
        "0000000002" "02" SALLY EMAIL REST "02" SALLY NO_EMAIL REST SOURCE_START "ee99e4aac068"
        SOURCE_MIDDLE "029484ea9eceb6b006" "02a0bcb0eca0d3aaea31" SOURCE_END GTID "3531" FILE_NAME
        "c6c702" "00" "0256" "00" "00" "0275" TIMES);

    golden_place(&s, 52, 1795341190778814, 21441);
    s.change.op = CHANGE_DELETE;
    s.change.old_row = sally(false);
    s.change.new_row = NULL;
    must_encode(&s, 4);
    assert_string_equal(hex_of(value_at(&s, 2)),
        "0000000002" "02" SALLY NO_EMAIL REST "00" SOURCE_START "f499e4aac068" SOURCE_MIDDLE
        "02fcbeea9eceb6b006" "02e0f8fbefa0d3aaea31" SOURCE_END GTID "3532" FILE_NAME "82cf02" "00"
        "0256" "00" "00" "0264" TIMES);
    assert_int_equal(event_at(&s, 3)->flags, EVENT_VALUE_NULL);

    golden_place(&s, 53, 1795341190790000, 21635);
    s.batch->transactions[0].id.thread_id = 0;
    s.change.op = CHANGE_TRUNCATE;
    must_encode(&s, 5);
    assert_string_equal(hex_of(value_at(&s, 4)),
        "0000000002" "00" "00" SOURCE_START "8c9ae4aac068" SOURCE_MIDDLE
        "02e0edeb9eceb6b006" "0280b6d1faa0d3aaea31" SOURCE_END GTID "3533" FILE_NAME "86d202" "00"
        "00" "00" "00" "0274" TIMES);
    done(&s);
}

static void
mysqls_json_is_debeziums(void **state)
{
    struct setup s = golden();
    (void)state;

    s.settings.format = FORMAT_JSON;
    must_plan(&s);
    s.change.new_row = sally(true);
    must_encode(&s, 1);
    assert_string_equal(string_of(key_at(&s, 0)), "{\"id\":1001}");
    assert_string_equal(string_of(value_at(&s, 0)),
        "{\"before\":null,\"after\":{\"id\":1001,\"first_name\":\"Sally\","
        "\"email\":\"sally@acme.com\",\"balance\":\"AeJA\","
        "\"created_at\":\"2020-01-02T03:04:05.678Z\",\"born\":10956,\"attrs\":\"{\\\"a\\\":1}\","
        "\"active\":1,\"score\":7},\"source\":{\"version\":\"0.1.0\",\"connector\":\"mysql\","
        "\"name\":\"dbserver2\",\"ts_ms\":1795341190769,\"snapshot\":\"false\",\"db\":\"inventory\","
        "\"sequence\":null,\"ts_us\":1795341190769823,\"ts_ns\":1795341190769823000,"
        "\"table\":\"golden\",\"server_id\":223344,"
        "\"gtid\":\"9ac2a376-e659-11f1-9c9c-02fc00000001:50\",\"file\":\"mysql-bin.000001\","
        "\"pos\":20518,\"row\":0,\"thread\":43,\"query\":null},\"transaction\":null,\"op\":\"c\","
        "\"ts_ms\":1795341167594,\"ts_us\":1795341167594489,\"ts_ns\":1795341167594489000}");
    done(&s);
}

/* ---- the source block ---- */

static void
mariadbs_source_has_its_own_name_and_gtid_and_no_thread(void **state)
{
    static const enum format formats[] = {FORMAT_AVRO, FORMAT_JSON};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct setup s = golden();

        s.settings.connector = CONNECTOR_MARIADB;
        s.settings.format = formats[i];
        s.batch->transactions[0].id.gtid = (struct gtid){.server = 223344, .number = 21};
        s.change.row = 12;
        must_plan(&s);
        s.change.new_row = sally(true);
        must_encode(&s, 1);
        if (formats[i] == FORMAT_JSON) {
            const char *json = string_of(value_at(&s, 0));
            assert_contains(json, "\"connector\":\"mariadb\",\"name\":\"dbserver2\"");
            assert_contains(json, "\"gtid\":\"0-223344-21\",\"file\":\"mysql-bin.000001\",");
            assert_contains(json, ",\"row\":12,\"thread\":null,\"query\":null}");
        } else {
            const char *schema = plan_value_schema(s.plan);
            assert_contains(schema, "\"namespace\":\"io.debezium.connector.mariadb\"");
            assert_contains(schema, "\"connect.name\":\"io.debezium.connector.mariadb.Source\"");
            assert_null(strstr(schema, "mysql"));
            const char *json = read_back(&s, value_at(&s, 0));
            assert_contains(json, "\"connector\": \"mariadb\"");
            assert_contains(json, "\"gtid\": {\"string\": \"0-223344-21\"}");
            assert_contains(json, "\"row\": 12, \"thread\": null, \"query\": null");
        }
        done(&s);
    }
}

static void
a_transaction_without_a_gtid_has_none(void **state)
{
    static const enum format formats[] = {FORMAT_AVRO, FORMAT_JSON};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct setup s = golden();

        s.settings.format = formats[i];
        s.batch->transactions[0].id.gtid = (struct gtid){0};
        must_plan(&s);
        s.change.new_row = sally(true);
        must_encode(&s, 1);
        if (formats[i] == FORMAT_JSON)
            assert_contains(string_of(value_at(&s, 0)),
                            "\"gtid\":null,\"file\":\"mysql-bin.000001\",");
        else
            assert_contains(read_back(&s, value_at(&s, 0)),
                            "\"gtid\": null, \"file\": \"mysql-bin.000001\"");
        done(&s);
    }
}

/* A GTID with a tag and a long name of a file: lengths that take two bytes in Avro. */
static const struct gtid_origin tagged = {
    .uuid = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
             0xff, 0xff},
    .tag = "a_tag_of_thirty_two_characters_x",
};
#define LONG_BASE "0123456789012345678901234567890123456789012345678901234567890123"
#define LONG_GTID "ffffffff-ffff-ffff-ffff-ffffffffffff:a_tag_of_thirty_two_characters_x:" \
    "9223372036854775806"

static void
be_long(struct setup *s)
{
    s->batch->transactions[0].id = (struct transaction){
        .server_id = UINT32_MAX,
        .thread_id = UINT32_MAX,
        .gtid = {.origin = &tagged, .number = INT64_MAX - 1},
        .begin = {.base = LONG_BASE, .number = UINT32_MAX, .pos = INT64_MAX},
        .commit_us = INT64_MAX,
    };
    s->change.lsn = INT64_MAX;
    s->change.ordinal = UINT64_MAX;
    s->change.row = INT32_MAX;
}

static void
the_longest_source_block_fits(void **state)
{
    static const enum format formats[] = {FORMAT_AVRO, FORMAT_JSON};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct setup s = golden();

        s.settings.format = formats[i];
        be_long(&s);
        must_plan(&s);
        s.change.new_row = sally(true);
        must_encode(&s, 1);
        if (formats[i] == FORMAT_JSON)
            assert_contains(string_of(value_at(&s, 0)),
                "\"ts_us\":9223372036854775807,\"ts_ns\":9223372036854775807,"
                "\"table\":\"golden\",\"server_id\":4294967295,\"gtid\":\"" LONG_GTID "\","
                "\"file\":\"" LONG_BASE ".4294967295\",\"pos\":9223372036854775807,"
                "\"row\":2147483647,\"thread\":4294967295,\"query\":null}");
        else
            assert_contains(read_back(&s, value_at(&s, 0)),
                "\"table\": {\"string\": \"golden\"}, \"server_id\": 4294967295, "
                "\"gtid\": {\"string\": \"" LONG_GTID "\"}, \"file\": \"" LONG_BASE ".4294967295\", "
                "\"pos\": 9223372036854775807, \"row\": 2147483647, "
                "\"thread\": {\"long\": 4294967295}, \"query\": null");
        done(&s);
    }
}

static void
a_files_name_has_six_digits_at_least_and_is_escaped(void **state)
{
    static const struct {
        struct log_place place;
        const char *text;
    } rows[] = {
        {{"b", 1, 4}, "\"b.000001\""},
        {{"b", 99999, 4}, "\"b.099999\""},
        {{"b", 100000, 4}, "\"b.100000\""},
        {{"b", 12345678, 4}, "\"b.12345678\""},
        {{"a\"b\\", 7, 4}, "\"a\\\"b\\\\.000007\""},
        {{NULL, 0, 0}, "\"\""},
    };
    struct setup s = golden();
    (void)state;

    s.settings.format = FORMAT_JSON;
    must_plan(&s);
    s.change.new_row = sally(true);
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        s.batch->transactions[0].id.begin = rows[i].place;
        must_encode(&s, i + 1);
        assert_contains(string_of(value_at(&s, i)),
                        arena_printf(&arena, "\"file\":%s,\"pos\":", rows[i].text));
    }
    done(&s);
}

/* ---- ids ---- */

static void
a_long_id_reads_back_from_the_plain_envelope(void **state)
{
    static const struct gtid mariadb = {.domain = UINT32_MAX, .server = 1, .number = 5};
    char id[EVENT_ID_MAX];
    (void)state;

    for (int i = 0; i < 4; i++) {
        struct setup s = golden();
        struct frame frame = {.relation = s.rel, .ordinal = UINT64_MAX, .lsn = 1};

        s.settings.envelope = ENVELOPE_PLAIN;
        be_long(&s);
        if (i == 1)
            s.batch->transactions[0].id.gtid = mariadb;
        else if (i == 2)
            s.batch->transactions[0].id.gtid.number = 0; /* named by file and place */
        else if (i == 3)
            frame.ordinal = s.change.ordinal = 0;
        assert_int_equal(batch_add_frame(s.batch, &frame, bytes_of("", 0), &err), 0);
        must_plan(&s);
        s.change.new_row = sally(true);
        must_encode(&s, 1);
        assert_int_equal(event_at(&s, 0)->row, INT32_MAX);
        event_id_print(s.batch, event_at(&s, 0), id);
        assert_true(i == 1 || strlen(id) >= 64);
        assert_contains(read_back(&s, value_at(&s, 0)),
                        arena_printf(&arena, "\"__id\": \"%s\"}", id));
        done(&s);
    }
}

static void
ids_of_63_64_and_65_bytes_read_back(void **state)
{
    struct setup s = golden();
    struct frame frame = {.relation = s.rel};
    static const char *const tags[] = {"", "a", "ab", "abc", "abcd"};
    (void)state;

    s.settings.envelope = ENVELOPE_PLAIN;
    must_plan(&s);
    s.change.new_row = sally(true);
    assert_int_equal(batch_add_frame(s.batch, &frame, bytes_of("", 0), &err), 0);
    for (uint32_t i = 0; i < 5; i++) {
        struct gtid_origin *of = arena_copy(&arena, &origin, sizeof(origin));
        char id[EVENT_ID_MAX];

        strcpy(of->tag, tags[i]);
        s.batch->transactions[0].id.gtid = (struct gtid){.origin = of, .number = INT64_MAX - 1};
        must_encode(&s, i + 1);
        size_t len = event_id_print(s.batch, event_at(&s, i), id);
        assert_int_equal(len, i == 0 ? 62 : 63 + i); /* a tag has its colon */
        assert_contains(read_back(&s, value_at(&s, i)),
                        arena_printf(&arena, "\"__id\": \"%s\"}", id));
    }
    done(&s);
}

static void
lines_have_the_id_of_a_binlogs_row(void **state)
{
    struct setup s = golden();
    (void)state;

    s.settings.format = FORMAT_JSON;
    s.settings.envelope = ENVELOPE_PLAIN;
    s.settings.line = true;
    must_plan(&s);
    s.change.ordinal = 3;
    s.change.row = 12;
    s.change.op = CHANGE_DELETE;
    s.change.old_kind = OLD_ROW;
    s.change.old_row = sally(true);
    must_encode(&s, 2);
    assert_contains(string_of(value_at(&s, 0)),
                    "{\"id\":\"9ac2a376-e659-11f1-9c9c-02fc00000001:50/3/12/0\",\"table\":");
    assert_contains(string_of(value_at(&s, 1)),
                    "{\"id\":\"9ac2a376-e659-11f1-9c9c-02fc00000001:50/3/12/1\",\"table\":");
    assert_int_equal(event_at(&s, 1)->row, 12);
    done(&s);
}

/* ---- types ---- */

#define POINT_1_2 "\x01\x01\0\0\0" "\0\0\0\0\0\0\xf0\x3f" "\0\0\0\0\0\0\0\x40"
#define POINT_1_2_BIG "\0\0\0\0\x01" "\x3f\xf0\0\0\0\0\0\0" "\x40\0\0\0\0\0\0\0"
#define POINT_LEN 21
#define COLLECTION_EMPTY "\x01\x07\0\0\0\0\0\0\0"
#define VECTOR "\0\0\xc0\x3f" "\0\0\0\xbf" "\0\0\x80\x7f" /* 1.5, -0.5, infinity */

enum { TYPE_COLUMNS = 14 };

static struct setup
new_types(void)
{
    const struct column columns[TYPE_COLUMNS] = {
        col("id", TYPE_INT32),
        with_length(col("bits", TYPE_BITS), 12),
        with_labels(col("s", TYPE_SET), "x,y,\"z\""),
        col("y", TYPE_YEAR),
        col("g", TYPE_GEOMETRY),
        col("g2", TYPE_GEOMETRY),
        col("p", TYPE_POINT),
        col("p2", TYPE_POINT),
        col("v", TYPE_VECTOR),
        col("v0", TYPE_VECTOR),
        with_labels(col("e", TYPE_ENUM), "log,of the"),
        decimal("u", 20, 0),
        with_precision(col("t", TYPE_TIME), 6),
        col("s0", TYPE_SET),
    };
    struct setup s = binlog_setup("shop", "t", columns, TYPE_COLUMNS);

    first_is_log_key(&s);
    return s;
}

static struct value *
new_values(void)
{
    struct value *row = arena_array(&arena, TYPE_COLUMNS, sizeof(*row));

    row[0] = integer(1);
    row[1] = number("\xff\x0a", 2, 0);
    row[2] = text("x,\"z\"");
    row[3] = integer(2155);
    row[4] = geometry(COLLECTION_EMPTY, 9, 0);
    row[5] = geometry(POINT_1_2, POINT_LEN, 4326);
    row[6] = geometry(POINT_1_2, POINT_LEN, 0);
    row[7] = geometry(POINT_1_2_BIG, POINT_LEN, -1);
    row[8] = number(VECTOR, 12, 0);
    row[9] = number("", 0, 0);
    row[10] = text("log");
    row[11] = number("\0\xff\xff\xff\xff\xff\xff\xff\xff", 9, 0);
    row[12] = integer(-3020399000000);
    row[13] = text("");
    return row;
}

static void
the_new_types_have_debeziums_schemas(void **state)
{
    struct setup s = new_types();
    (void)state;

    s.table.columns[10] = (struct catalog_column){.known = true, .is_enum = true,
                                                  .enum_labels = "of today"};
    must_plan(&s);
    const char *schema = plan_value_schema(s.plan);
    static const char *const expect[] = {
        "{\"name\":\"bits\",\"type\":[\"null\",{\"type\":\"bytes\",\"connect.version\":1,"
        "\"connect.parameters\":{\"length\":\"12\"},\"connect.name\":\"io.debezium.data.Bits\"}],"
        "\"default\":null}",
        "{\"name\":\"s\",\"type\":[\"null\",{\"type\":\"string\",\"connect.version\":1,"
        "\"connect.parameters\":{\"allowed\":\"x,y,\\\"z\\\"\"},"
        "\"connect.name\":\"io.debezium.data.EnumSet\"}],\"default\":null}",
        "{\"name\":\"y\",\"type\":[\"null\",{\"type\":\"int\",\"connect.version\":1,"
        "\"connect.name\":\"io.debezium.time.Year\"}],\"default\":null}",
        "{\"name\":\"g\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Geometry\","
        "\"namespace\":\"io.debezium.data.geometry\",\"fields\":["
        "{\"name\":\"wkb\",\"type\":\"bytes\"},"
        "{\"name\":\"srid\",\"type\":[\"null\",\"int\"],\"default\":null}],"
        "\"connect.doc\":\"Geometry\",\"connect.version\":1,"
        "\"connect.name\":\"io.debezium.data.geometry.Geometry\"}],\"default\":null},"
        "{\"name\":\"g2\",\"type\":[\"null\",\"io.debezium.data.geometry.Geometry\"],"
        "\"default\":null},"
        "{\"name\":\"p\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Point\","
        "\"namespace\":\"io.debezium.data.geometry\",\"fields\":["
        "{\"name\":\"x\",\"type\":\"double\"},{\"name\":\"y\",\"type\":\"double\"},"
        "{\"name\":\"wkb\",\"type\":[\"null\",\"bytes\"],\"default\":null},"
        "{\"name\":\"srid\",\"type\":[\"null\",\"int\"],\"default\":null}],"
        "\"connect.doc\":\"Geometry (POINT)\",\"connect.version\":1,"
        "\"connect.name\":\"io.debezium.data.geometry.Point\"}],\"default\":null},"
        "{\"name\":\"p2\",\"type\":[\"null\",\"io.debezium.data.geometry.Point\"],"
        "\"default\":null}",
        "{\"name\":\"v\",\"type\":[\"null\",{\"type\":\"array\",\"items\":\"float\","
        "\"connect.version\":1,\"connect.name\":\"io.debezium.data.FloatVector\"}],"
        "\"default\":null}",
        "\"connect.parameters\":{\"allowed\":\"log,of the\"},"
        "\"connect.name\":\"io.debezium.data.Enum\"}",
        "\"connect.parameters\":{\"scale\":\"0\",\"connect.decimal.precision\":\"20\"}",
        "{\"name\":\"t\",\"type\":[\"null\",{\"type\":\"long\",\"connect.version\":1,"
        "\"connect.name\":\"io.debezium.time.MicroTime\"}],\"default\":null}",
        "{\"name\":\"s0\",\"type\":[\"null\",{\"type\":\"string\",\"connect.version\":1,"
        "\"connect.name\":\"io.debezium.data.EnumSet\"}],\"default\":null}",
    };
    for (size_t i = 0; i < sizeof(expect) / sizeof(expect[0]); i++)
        assert_contains(schema, expect[i]);
    done(&s);
}

/* An event that avro-c has read. */
struct reading {
    avro_schema_t schema;
    avro_value_iface_t *iface;
    avro_value_t value;
};

static struct reading
reading_of(const struct setup *s, struct bytes message)
{
    struct cursor in = cursor_of(message);
    struct reading r;

    assert_int_equal(cursor_u8(&in), 0);
    const char *text = schemas_memory_text(s->settings.schemas, (int32_t)cursor_be32(&in));
    assert_int_equal(avro_schema_from_json_length(text, strlen(text), &r.schema), 0);
    r.iface = avro_generic_class_from_schema(r.schema);
    assert_int_equal(avro_generic_value_new(r.iface, &r.value), 0);
    avro_reader_t reader = avro_reader_memory((const char *)in.at, (int64_t)cursor_left(&in));
    if (avro_value_read(reader, &r.value) != 0)
        fail_msg("avro-c: %s", avro_strerror());
    char left;
    assert_int_not_equal(avro_read(reader, &left, 1), 0);
    avro_reader_free(reader);
    return r;
}

static void
reading_done(struct reading *r)
{
    avro_value_decref(&r->value);
    avro_value_iface_decref(r->iface);
    avro_schema_decref(r->schema);
}

/* The field of a record; of a union its branch. */
static avro_value_t
member(avro_value_t *record, const char *name)
{
    avro_value_t field, branch;

    if (avro_value_get_by_name(record, name, &field, NULL) != 0)
        fail_msg("no field %s", name);
    if (avro_value_get_type(&field) != AVRO_UNION)
        return field;
    assert_int_equal(avro_value_get_current_branch(&field, &branch), 0);
    return branch;
}

static const char *
bytes_in(avro_value_t *record, const char *name)
{
    avro_value_t field = member(record, name);
    const void *at;
    size_t len;

    assert_int_equal(avro_value_get_bytes(&field, &at, &len), 0);
    return hex_of(bytes_of(at, len));
}

static const char *
text_in(avro_value_t *record, const char *name)
{
    avro_value_t field = member(record, name);
    const char *at;
    size_t len;

    assert_int_equal(avro_value_get_string(&field, &at, &len), 0);
    return at;
}

static int64_t
long_in(avro_value_t *record, const char *name)
{
    avro_value_t field = member(record, name);
    int64_t v = -99;

    assert_int_equal(avro_value_get_long(&field, &v), 0);
    return v;
}

static int
int_in(avro_value_t *record, const char *name)
{
    avro_value_t field = member(record, name);
    int32_t v = -99;

    assert_int_equal(avro_value_get_int(&field, &v), 0);
    return v;
}

static double
double_in(avro_value_t *record, const char *name)
{
    avro_value_t field = member(record, name);
    double v = -99;

    assert_int_equal(avro_value_get_double(&field, &v), 0);
    return v;
}

static bool
null_in(avro_value_t *record, const char *name)
{
    avro_value_t field = member(record, name);

    return avro_value_get_type(&field) == AVRO_NULL;
}

static void
check_point(avro_value_t *row, const char *name, const char *wkb)
{
    avro_value_t point = member(row, name);

    assert_true(double_in(&point, "x") == 1.0);
    assert_true(double_in(&point, "y") == 2.0);
    assert_string_equal(bytes_in(&point, "wkb"), wkb);
}

static void
check_vector(avro_value_t *row, const char *name, size_t count, const float *floats)
{
    avro_value_t vector = member(row, name);
    size_t size;

    assert_int_equal(avro_value_get_size(&vector, &size), 0);
    assert_int_equal(size, count);
    for (size_t i = 0; i < count; i++) {
        avro_value_t element;
        float f;

        assert_int_equal(avro_value_get_by_index(&vector, i, &element, NULL), 0);
        assert_int_equal(avro_value_get_float(&element, &f), 0);
        assert_true(f == floats[i]);
    }
}

static void
the_new_types_read_back_in_avro(void **state)
{
    const float floats[] = {1.5f, -0.5f, INFINITY};
    struct setup s = new_types();
    (void)state;

    must_plan(&s);
    s.change.new_row = new_values();
    must_encode(&s, 1);
    struct reading r = reading_of(&s, value_at(&s, 0));
    avro_value_t row = member(&r.value, "after");
    assert_string_equal(bytes_in(&row, "bits"), "ff0a");
    assert_int_equal(int_in(&row, "y"), 2155);
    avro_value_t g = member(&row, "g"), g2 = member(&row, "g2");
    assert_string_equal(bytes_in(&g, "wkb"), "010700000000000000");
    assert_true(null_in(&g, "srid"));
    assert_string_equal(bytes_in(&g2, "wkb"), "0101000000000000000000f03f0000000000000040");
    assert_int_equal(int_in(&g2, "srid"), 4326);
    check_point(&row, "p", "0101000000000000000000f03f0000000000000040");
    check_point(&row, "p2", "00000000013ff00000000000004000000000000000");
    avro_value_t p = member(&row, "p"), p2 = member(&row, "p2");
    assert_true(null_in(&p, "srid"));
    assert_int_equal(int_in(&p2, "srid"), -1);
    check_vector(&row, "v", 3, floats);
    check_vector(&row, "v0", 0, floats);
    assert_string_equal(bytes_in(&row, "u"), "00ffffffffffffffff");
    assert_string_equal(text_in(&row, "s"), "x,\"z\"");
    assert_string_equal(text_in(&row, "e"), "log");
    assert_string_equal(text_in(&row, "s0"), "");
    assert_true(long_in(&row, "t") == -3020399000000);
    reading_done(&r);
    done(&s);
}

static void
the_new_types_have_their_json(void **state)
{
    static const enum envelope envelopes[] = {ENVELOPE_DEBEZIUM, ENVELOPE_PLAIN};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct setup s = new_types();

        s.settings.format = FORMAT_JSON;
        s.settings.envelope = envelopes[i];
        must_plan(&s);
        s.change.new_row = new_values();
        must_encode(&s, 1);
        assert_contains(string_of(value_at(&s, 0)),
            "{\"id\":1,\"bits\":\"/wo=\",\"s\":\"x,\\\"z\\\"\",\"y\":2155,"
            "\"g\":{\"wkb\":\"AQcAAAAAAAAA\",\"srid\":null},"
            "\"g2\":{\"wkb\":\"AQEAAAAAAAAAAADwPwAAAAAAAABA\",\"srid\":4326},"
            "\"p\":{\"x\":1.0,\"y\":2.0,\"wkb\":\"AQEAAAAAAAAAAADwPwAAAAAAAABA\",\"srid\":null},"
            "\"p2\":{\"x\":1.0,\"y\":2.0,\"wkb\":\"AAAAAAE/8AAAAAAAAEAAAAAAAAAA\",\"srid\":-1},"
            "\"v\":[1.5,-0.5,\"Infinity\"],\"v0\":[],\"e\":\"log\",\"u\":");
        assert_contains(string_of(value_at(&s, 0)),
                        i == 0 ? "\"u\":\"AP//////////\",\"t\":-3020399000000,\"s0\":\"\"}"
                               : "\"u\":\"18446744073709551615\",\"t\":-3020399000000,\"s0\":\"\",");
        done(&s);
    }
}

static void
a_null_of_a_new_type_is_null(void **state)
{
    struct setup s = new_types();
    struct value row[TYPE_COLUMNS] = {{0}};
    (void)state;

    row[0] = integer(1);
    must_plan(&s);
    s.change.new_row = row;
    must_encode(&s, 1);
    struct reading r = reading_of(&s, value_at(&s, 0));
    avro_value_t after = member(&r.value, "after");
    for (uint16_t i = 1; i < TYPE_COLUMNS; i++)
        assert_true(null_in(&after, s.rel->columns[i].name));
    reading_done(&r);
    done(&s);
}

/* A record is written out once in each schema: the key's does not lean on the value's. */
static void
a_key_of_points_defines_the_point_itself(void **state)
{
    const struct column columns[] = {col("p", TYPE_POINT), col("q", TYPE_POINT),
                                     col("g", TYPE_GEOMETRY)};
    struct value row[3] = {geometry(POINT_1_2, POINT_LEN, 0), geometry(POINT_1_2, POINT_LEN, 1),
                           geometry(COLLECTION_EMPTY, 9, 0)};
    struct setup s = binlog_setup("shop", "t", columns, 3);
    (void)state;

    log_key(&s, 3, (const uint16_t[]){1, 2, 0});
    must_plan(&s);
    const char *schema = plan_key_schema(s.plan);
    assert_contains(schema, "\"fields\":[{\"name\":\"q\",\"type\":{\"type\":\"record\","
                            "\"name\":\"Point\"");
    assert_contains(schema, "{\"name\":\"g\",\"type\":{\"type\":\"record\",\"name\":\"Geometry\"");
    assert_contains(schema, "{\"name\":\"p\",\"type\":\"io.debezium.data.geometry.Point\"}");
    /* Debezium's Geometry is optional by itself, NOT NULL or not */
    assert_contains(plan_value_schema(s.plan), "{\"name\":\"g\",\"type\":[\"null\",{");
    s.change.new_row = row;
    must_encode(&s, 1);
    struct reading r = reading_of(&s, key_at(&s, 0));
    avro_value_t q = member(&r.value, "q"), p = member(&r.value, "p");
    assert_int_equal(int_in(&q, "srid"), 1);
    assert_true(null_in(&p, "srid"));
    reading_done(&r);
    r = reading_of(&s, value_at(&s, 0));
    reading_done(&r);
    done(&s);
}

static void
what_is_no_point_or_vector_is_an_error(void **state)
{
    static const struct {
        enum value_type type;
        struct bytes bytes;
    } rows[] = {
        {TYPE_POINT, {(const uint8_t *)"", 0}},
        {TYPE_POINT, {(const uint8_t *)POINT_1_2, POINT_LEN - 1}},
        {TYPE_POINT, {(const uint8_t *)POINT_1_2 "\0", POINT_LEN + 1}},
        {TYPE_POINT, {(const uint8_t *)COLLECTION_EMPTY, 9}},
        /* empty: NaN, NaN */
        {TYPE_POINT,
         {(const uint8_t *)"\x01\x01\0\0\0" "\0\0\0\0\0\0\xf8\x7f" "\0\0\0\0\0\0\xf8\x7f",
          POINT_LEN}},
        /* a line's type; a point's with a third dimension */
        {TYPE_POINT,
         {(const uint8_t *)"\x01\x02\0\0\0" "\0\0\0\0\0\0\xf0\x3f" "\0\0\0\0\0\0\0\x40",
          POINT_LEN}},
        {TYPE_POINT,
         {(const uint8_t *)"\x01\xe9\x03\0\0" "\0\0\0\0\0\0\xf0\x3f" "\0\0\0\0\0\0\0\x40",
          POINT_LEN}},
        {TYPE_VECTOR, {(const uint8_t *)VECTOR, 11}},
        {TYPE_VECTOR, {(const uint8_t *)VECTOR, 1}},
    };
    (void)state;

    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        const struct column columns[] = {col("id", TYPE_INT32), col("c", rows[i / 2].type)};
        struct value row[2] = {integer(1), {.state = VALUE_SET, .bytes = rows[i / 2].bytes}};
        struct setup s = binlog_setup("shop", "t", columns, 2);

        first_is_log_key(&s);
        s.settings.format = i % 2 == 0 ? FORMAT_AVRO : FORMAT_JSON;
        must_plan(&s);
        s.change.new_row = row;
        refused(&s, "E_VALUE", rows[i / 2].type == TYPE_POINT
                                   ? "column c is not a point with two coordinates"
                                   : "column c is not a vector of floats");
        done(&s);
    }
}

/* ---- dates that are none ---- */

static struct value
no_date(int64_t year, int64_t month, int64_t day, int64_t micros)
{
    struct value value = integer(((year * 13 + month) * 32 + day) * 86400000000 + micros);

    value.special = VALUE_NO_DATE;
    return value;
}

static struct value
no_day(int64_t year, int64_t month, int64_t day)
{
    struct value value = integer((year * 13 + month) * 32 + day);

    value.special = VALUE_NO_DATE;
    return value;
}

static void
dates_that_are_none_have_numbers_and_texts_of_their_own(void **state)
{
    const struct column columns[] = {
        col("id", TYPE_INT32),
        col("day", TYPE_DATE),
        with_precision(col("ms", TYPE_TIMESTAMP), 3),
        with_precision(col("us", TYPE_TIMESTAMP), 6),
        with_precision(col("z0", TYPE_TIMESTAMPTZ), 0),
        with_precision(col("z3", TYPE_TIMESTAMPTZ), 3),
    };
    static const struct {
        int64_t year, month, day, micros;
        const char *avro, *json;
    } rows[] = {
        {0, 0, 0, 0,
         "\"day\": {\"int\": -2147483648}, \"ms\": {\"long\": -9223372036854775808}, "
         "\"us\": {\"long\": -9223372036854775808}, "
         "\"z0\": {\"string\": \"0000-00-00T00:00:00Z\"}, "
         "\"z3\": {\"string\": \"0000-00-00T00:00:00.000Z\"}",
         "\"day\":-2147483648,\"ms\":-9223372036854775808,\"us\":-9223372036854775808,"
         "\"z0\":\"0000-00-00T00:00:00Z\",\"z3\":\"0000-00-00T00:00:00.000Z\""},
        /* (2024 * 13 + 0) * 32 + 15 = 841999 days, and 5 hours 6 minutes 7.654321 seconds */
        {2024, 0, 15, 18367654321,
         "\"day\": {\"int\": -2146641649}, \"ms\": {\"long\": -9223299288122808154}, "
         "\"us\": {\"long\": -9150623304887121487}, "
         "\"z0\": {\"string\": \"2024-00-15T05:06:07Z\"}, "
         "\"z3\": {\"string\": \"2024-00-15T05:06:07.654Z\"}",
         "\"day\":-2146641649,\"ms\":-9223299288122808154,\"us\":-9150623304887121487,"
         "\"z0\":\"2024-00-15T05:06:07Z\",\"z3\":\"2024-00-15T05:06:07.654Z\""},
        {9999, 12, 31, 86399999999, "\"z3\": {\"string\": \"9999-12-31T23:59:59.999Z\"}",
         "\"z3\":\"9999-12-31T23:59:59.999Z\""},
    };
    static const enum format formats[] = {FORMAT_AVRO, FORMAT_JSON};
    (void)state;

    for (size_t f = 0; f < 2; f++) {
        struct setup s = binlog_setup("shop", "t", columns, 6);

        first_is_log_key(&s);
        s.settings.format = formats[f];
        must_plan(&s);
        for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            struct value row[6] = {integer(1), no_day(rows[i].year, rows[i].month, rows[i].day)};

            for (int c = 2; c < 6; c++)
                row[c] = no_date(rows[i].year, rows[i].month, rows[i].day, rows[i].micros);
            s.change.new_row = row;
            must_encode(&s, i + 1);
            if (formats[f] == FORMAT_AVRO)
                assert_contains(read_back(&s, value_at(&s, i)), rows[i].avro);
            else
                assert_contains(string_of(value_at(&s, i)), rows[i].json);
        }
        done(&s);
    }
}

/* ---- rows that were not sent whole ---- */

static void
a_column_outside_the_row_image_is_left_out_of_json(void **state)
{
    const struct column columns[] = {
        col("y", TYPE_YEAR), col("id", TYPE_INT32), col("g", TYPE_GEOMETRY),
        with_labels(col("s", TYPE_SET), "a,b"), col("t", TYPE_TEXT), col("p", TYPE_POINT),
    };
    struct value row[6] = {unchanged, integer(1), unchanged, unchanged, unchanged, unchanged};
    struct value only_key[6] = {unchanged, integer(1), unchanged, unchanged, unchanged, unchanged};
    (void)state;

    for (int i = 0; i < 3; i++) {
        struct setup s = binlog_setup("shop", "t", columns, 6);

        log_key(&s, 1, (const uint16_t[]){1});
        s.settings.format = FORMAT_JSON;
        s.settings.envelope = i == 0 ? ENVELOPE_DEBEZIUM : ENVELOPE_PLAIN;
        s.settings.line = i == 2;
        must_plan(&s);
        s.change.op = CHANGE_UPDATE;
        s.change.old_kind = OLD_ROW;
        s.change.old_row = only_key;
        s.change.new_row = row;
        must_encode(&s, 1);
        const char *json = string_of(value_at(&s, 0));
#define SENT "{\"id\":1,\"s\":\"__debezium_unavailable_value\",\"t\":\"__debezium_unavailable_value\""
        if (i == 0)
            assert_contains(json, "{\"before\":" SENT "},\"after\":" SENT "},\"source\":{");
        else
            assert_contains(json, SENT ",\"__op\":\"u\",");
        done(&s);
    }
}

static void
in_avro_a_column_that_was_not_sent_names_the_cure(void **state)
{
    static const enum connector connectors[] = {CONNECTOR_MYSQL, CONNECTOR_MARIADB};
    const struct column columns[] = {col("id", TYPE_INT32), col("g", TYPE_GEOMETRY)};
    struct value row[2] = {integer(1), unchanged};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct setup s = binlog_setup("shop", "t", columns, 2);

        first_is_log_key(&s);
        s.settings.connector = connectors[i];
        must_plan(&s);
        s.change.op = CHANGE_UPDATE;
        s.change.new_row = row;
        refused(&s, "E_VALUE", "column g was not sent");
        assert_contains(err.text, "binlog_row_image=FULL");
        assert_null(strstr(err.text, "IDENTITY"));
        done(&s);
    }
}

static void
a_delete_without_the_configured_key_names_the_cure(void **state)
{
    static const struct encoder_key keys[] = {{"shop.t", "b"}, {NULL, NULL}};
    const struct column columns[] = {col("a", TYPE_INT32), col("b", TYPE_INT32)};
    struct setup s = binlog_setup("shop", "t", columns, 2);
    struct value row[2] = {integer(1), null_value};
    (void)state;

    first_is_log_key(&s);
    s.settings.keys = keys;
    must_plan(&s);
    s.change.op = CHANGE_DELETE;
    s.change.old_kind = OLD_KEY;
    s.change.old_row = row;
    refused(&s, "E_KEY_UNKNOWN", "binlog_row_image=FULL");
    done(&s);
}

/* ---- keys and NOT NULL ---- */

static void
the_key_is_the_logs_in_its_order(void **state)
{
    static const struct encoder_key keys[] = {{"shop.t", "b"}, {NULL, NULL}};
    const struct column columns[] = {col("a", TYPE_INT32), col("b", TYPE_INT32),
                                     col("c", TYPE_INT32)};
    struct setup s = binlog_setup("shop", "t", columns, 3);
    struct value row[3] = {integer(1), integer(2), integer(3)};
    (void)state;

    log_key(&s, 2, (const uint16_t[]){2, 0});
    s.table.nkey = 1; /* what the catalogue says now does not matter */
    s.table.key[0] = 1;
    must_plan(&s);
    assert_contains(plan_key_schema(s.plan), "\"fields\":[{\"name\":\"c\",\"type\":\"int\"},"
                                             "{\"name\":\"a\",\"type\":\"int\"}]");
    s.change.new_row = row;
    must_encode(&s, 1);
    assert_string_equal(hex_of(key_at(&s, 0)), "0000000001" "06" "02");
    encoder_free(s.encoder);
    s.encoder = NULL;
    s.settings.keys = keys;
    must_plan(&s);
    assert_contains(plan_key_schema(s.plan), "\"fields\":[{\"name\":\"b\",\"type\":\"int\"}]");
    done(&s);

    s = binlog_setup("shop", "t", columns, 3); /* the log tells none: flags, in column order */
    s.rel->columns[2].identity = s.rel->columns[1].identity = true;
    must_plan(&s);
    assert_contains(plan_key_schema(s.plan), "\"fields\":[{\"name\":\"b\",\"type\":\"int\"},"
                                             "{\"name\":\"c\",\"type\":\"int\"}]");
    done(&s);
}

static void
not_null_is_what_the_log_says(void **state)
{
    const struct column columns[] = {col("id", TYPE_INT32), col("n", TYPE_YEAR),
                                     col("m", TYPE_INT32)};
    struct setup s = binlog_setup("shop", "t", columns, 3);
    struct value row[3] = {integer(1), null_value, null_value};
    bool nullable[3] = {false, true, false};
    uint16_t column = 99;
    (void)state;

    first_is_log_key(&s);
    s.rel->columns[1].not_null = true;
    not_null(&s, 1, "1999");
    not_null(&s, 2, "5"); /* the catalogue's is of another moment */
    must_plan(&s);
    assert_contains(plan_value_schema(s.plan),
                    "{\"name\":\"n\",\"type\":{\"type\":\"int\",\"connect.version\":1,"
                    "\"connect.name\":\"io.debezium.time.Year\"},\"default\":1999}");
    assert_contains(plan_value_schema(s.plan),
                    "{\"name\":\"m\",\"type\":[\"null\",\"int\"],\"default\":null}");
    s.change.new_row = row;
    assert_int_equal(encode(&s, &column), ENCODE_LOOSEN);
    assert_int_equal(column, 1);
    plan_free(s.plan);
    assert_int_equal(encoder_plan(s.encoder, s.rel, &s.table, nullable, &s.plan, &err), 0);
    must_encode(&s, 1);
    s.table.exists = false; /* nor does it matter that the table is gone */
    must_plan(&s);
    assert_contains(plan_value_schema(s.plan), "{\"name\":\"id\",\"type\":\"int\"}");
    done(&s);
}

int
main(void)
{
#define T(name) cmocka_unit_test_teardown(name, clear)
    const struct CMUnitTest tests[] = {
        T(mysqls_schemas_are_debeziums_but_for_defaults),
        T(insert_update_delete_and_truncate_have_debeziums_bytes),
        T(mysqls_json_is_debeziums),
        T(mariadbs_source_has_its_own_name_and_gtid_and_no_thread),
        T(a_transaction_without_a_gtid_has_none),
        T(the_longest_source_block_fits),
        T(a_files_name_has_six_digits_at_least_and_is_escaped),
        T(a_long_id_reads_back_from_the_plain_envelope),
        T(ids_of_63_64_and_65_bytes_read_back),
        T(lines_have_the_id_of_a_binlogs_row),
        T(the_new_types_have_debeziums_schemas),
        T(the_new_types_read_back_in_avro),
        T(the_new_types_have_their_json),
        T(a_null_of_a_new_type_is_null),
        T(a_key_of_points_defines_the_point_itself),
        T(what_is_no_point_or_vector_is_an_error),
        T(dates_that_are_none_have_numbers_and_texts_of_their_own),
        T(a_column_outside_the_row_image_is_left_out_of_json),
        T(in_avro_a_column_that_was_not_sent_names_the_cure),
        T(a_delete_without_the_configured_key_names_the_cure),
        T(the_key_is_the_logs_in_its_order),
        T(not_null_is_what_the_log_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
