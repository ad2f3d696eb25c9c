/*
 * test_encoder.c -- plans and events: Debezium's golden vectors (with the differences that the
 * design asks for), keys, deletes, truncates, names, and values that do not fit.
 *
 * Our bytes are also read back by avro-c (encoder_setup.h).
 */
#include "encoder_setup.h"

/* ---- golden vectors ---- */

enum { GOLDEN_COLUMNS = 9 };

static struct setup
golden(void)
{
    const struct column columns[GOLDEN_COLUMNS] = {
        col("id", TYPE_INT32), col("first_name", TYPE_TEXT), col("email", TYPE_TEXT),
        decimal("balance", 12, 2), col("created_at", TYPE_TIMESTAMPTZ), col("born", TYPE_DATE),
        col("attrs", TYPE_JSON), col("active", TYPE_BOOL), col("score", TYPE_INT32),
    };
    struct setup s = setup_of("inventory", "golden", columns, GOLDEN_COLUMNS);

    first_is_key(&s);
    not_null(&s, 1, NULL);
    not_null(&s, 7, "true");
    s.table.columns[8] = (struct catalog_column){.known = true, .default_text = "42"};
    return s;
}

static struct value *
sally(void)
{
    struct value *row = arena_array(&arena, GOLDEN_COLUMNS, sizeof(*row));

    row[0] = integer(1001);
    row[1] = text("Sally");
    row[2] = text("sally@acme.com");
    row[3] = number("\x01\xe2\x40", 3, 2);
    row[4] = integer(1577934245678000);
    row[5] = integer(10956);
    row[6] = text("{\"a\": 1}");
    row[7] = integer(1);
    row[8] = integer(7);
    return row;
}

#define GOLDEN_ROW \
    "d20f0a53616c6c79021c73616c6c794061636d652e636f6d020601e2400236323032302d30312d3032543033" \
    "3a30343a30352e3637383030305a0298ab0102107b2261223a20317d01020e"
#define GOLDEN_SOURCE \
    "0a302e312e30" "14706f737467726573716c" "12646273657276657231" "d6ade1aac068" \
    "000a66616c7365" "0873686f70" "02325b22333230363338343038222c22333230363338343038225d" \
    "02aaf4cc88ceb6b006" "0290e8ec98f3d1aaea31" "12696e76656e746f7279" "0c676f6c64656e" \
    "02b20c" "0290b7e4b102" "000000" "00"
#define GOLDEN_TIMES "02d4afe1aac068" "02f2afdc88ceb6b006" "02d092d691f4d1aaea31"

static void
schemas_are_debeziums_but_for_defaults(void **state)
{
    struct setup s = golden();
    (void)state;

    must_plan(&s);
    assert_string_equal(plan_topic(s.plan), "dbserver1.inventory.golden");
    assert_string_equal(plan_key_schema(s.plan),
        "{\"type\":\"record\",\"name\":\"Key\",\"namespace\":\"dbserver1.inventory.golden\","
        "\"fields\":[{\"name\":\"id\",\"type\":\"int\"}],"
        "\"connect.name\":\"dbserver1.inventory.golden.Key\"}");
    assert_string_equal(plan_value_schema(s.plan),
        "{\"type\":\"record\",\"name\":\"Envelope\",\"namespace\":\"dbserver1.inventory.golden\","
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
        "{\"name\":\"active\",\"type\":\"boolean\",\"default\":true},"
        "{\"name\":\"score\",\"type\":[\"null\",\"int\"],\"default\":null}],"
        "\"connect.name\":\"dbserver1.inventory.golden.Value\"}],\"default\":null},"
        "{\"name\":\"after\",\"type\":[\"null\",\"Value\"],\"default\":null},"
        "{\"name\":\"source\",\"type\":{\"type\":\"record\",\"name\":\"Source\","
        "\"namespace\":\"io.debezium.connector.postgresql\",\"fields\":["
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
        "{\"name\":\"schema\",\"type\":\"string\"},{\"name\":\"table\",\"type\":\"string\"},"
        "{\"name\":\"txId\",\"type\":[\"null\",\"long\"],\"default\":null},"
        "{\"name\":\"lsn\",\"type\":[\"null\",\"long\"],\"default\":null},"
        "{\"name\":\"xmin\",\"type\":[\"null\",\"long\"],\"default\":null},"
        "{\"name\":\"origin\",\"type\":[\"null\",\"string\"],\"default\":null},"
        "{\"name\":\"origin_lsn\",\"type\":[\"null\",\"long\"],\"default\":null}],"
        "\"connect.version\":1,\"connect.name\":\"io.debezium.connector.postgresql.Source\"}},"
        "{\"name\":\"transaction\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"block\","
        "\"namespace\":\"event\",\"fields\":[{\"name\":\"id\",\"type\":\"string\"},"
        "{\"name\":\"total_order\",\"type\":\"long\"},"
        "{\"name\":\"data_collection_order\",\"type\":\"long\"}],\"connect.version\":1,"
        "\"connect.name\":\"event.block\"}],\"default\":null},"
        "{\"name\":\"op\",\"type\":\"string\"},"
        "{\"name\":\"ts_ms\",\"type\":[\"null\",\"long\"],\"default\":null},"
        "{\"name\":\"ts_us\",\"type\":[\"null\",\"long\"],\"default\":null},"
        "{\"name\":\"ts_ns\",\"type\":[\"null\",\"long\"],\"default\":null}],"
        "\"connect.version\":2,\"connect.name\":\"dbserver1.inventory.golden.Envelope\"}");
    done(&s);
}

static void
an_insert_has_debeziums_bytes(void **state)
{
    struct setup s = golden();
    (void)state;

    must_plan(&s);
    s.change.new_row = sally();
    must_encode(&s, 1);
    assert_string_equal(hex_of(key_at(&s, 0)), "0000000001" "d20f");
    assert_string_equal(hex_of(value_at(&s, 0)),
                        "0000000002" "00" "02" GOLDEN_ROW GOLDEN_SOURCE "0263" GOLDEN_TIMES);
    assert_int_equal(event_at(&s, 0)->flags, 0);
    assert_contains(read_back(&s, value_at(&s, 0)), "\"sequence\": {\"string\": "
                                                    "\"[\\\"320638408\\\",\\\"320638408\\\"]\"}");
    done(&s);
}

static void
an_update_has_no_before_unless_the_server_sent_the_whole_old_row(void **state)
{
    struct setup s = golden();
    (void)state;

    must_plan(&s);
    s.change.op = CHANGE_UPDATE;
    s.change.new_row = sally();
    must_encode(&s, 1);
    assert_string_equal(hex_of(value_at(&s, 0)),
                        "0000000002" "00" "02" GOLDEN_ROW GOLDEN_SOURCE "0275" GOLDEN_TIMES);
    s.change.old_kind = OLD_ROW;
    s.change.old_row = sally();
    must_encode(&s, 2);
    assert_string_equal(hex_of(value_at(&s, 1)),
                        "0000000002" "02" GOLDEN_ROW "02" GOLDEN_ROW GOLDEN_SOURCE "0275"
                        GOLDEN_TIMES);
    done(&s);
}

static void
a_delete_invents_nothing_and_has_its_tombstone(void **state)
{
    struct setup s = golden();
    (void)state;

    must_plan(&s);
    s.change.op = CHANGE_DELETE;
    s.change.old_kind = OLD_KEY;
    s.change.old_row = sally();
    for (int i = 1; i < GOLDEN_COLUMNS; i++)
        s.change.old_row[i] = null_value;
    must_encode(&s, 2);
    assert_string_equal(hex_of(value_at(&s, 0)),
                        "0000000002" "00" "00" GOLDEN_SOURCE "0264" GOLDEN_TIMES);
    assert_int_equal(event_at(&s, 0)->output, 0);
    assert_string_equal(hex_of(key_at(&s, 1)), "0000000001" "d20f");
    assert_int_equal(event_at(&s, 1)->flags, EVENT_VALUE_NULL);
    assert_int_equal(event_at(&s, 1)->value_length, 0);
    assert_int_equal(event_at(&s, 1)->output, 1);
    done(&s);
}

static void
json_is_debeziums_without_schemas(void **state)
{
    struct setup s = golden();
    (void)state;

    s.settings.format = FORMAT_JSON;
    must_plan(&s);
    assert_null(plan_value_schema(s.plan));
    s.change.new_row = sally();
    must_encode(&s, 1);
    assert_string_equal(string_of(key_at(&s, 0)), "{\"id\":1001}");
    assert_string_equal(string_of(value_at(&s, 0)),
        "{\"before\":null,\"after\":{\"id\":1001,\"first_name\":\"Sally\","
        "\"email\":\"sally@acme.com\",\"balance\":\"AeJA\","
        "\"created_at\":\"2020-01-02T03:04:05.678000Z\",\"born\":10956,"
        "\"attrs\":\"{\\\"a\\\": 1}\",\"active\":true,\"score\":7},"
        "\"source\":{\"version\":\"0.1.0\",\"connector\":\"postgresql\",\"name\":\"dbserver1\","
        "\"ts_ms\":1795341167467,\"snapshot\":\"false\",\"db\":\"shop\","
        "\"sequence\":\"[\\\"320638408\\\",\\\"320638408\\\"]\",\"ts_us\":1795341167467797,"
        "\"ts_ns\":1795341167467797000,\"schema\":\"inventory\",\"table\":\"golden\","
        "\"txId\":793,\"lsn\":320638408,\"xmin\":null,\"origin\":null,\"origin_lsn\":null},"
        "\"transaction\":null,\"op\":\"c\",\"ts_ms\":1795341167594,\"ts_us\":1795341167594489,"
        "\"ts_ns\":1795341167594489000}");
    done(&s);
}

static void
a_line_is_one_object_with_everything(void **state)
{
    struct setup s = golden();
    (void)state;

    s.settings.format = FORMAT_JSON;
    s.settings.envelope = ENVELOPE_PLAIN;
    s.settings.line = true;
    must_plan(&s);
    s.change.ordinal = 1234;
    s.change.new_row = sally();
    must_encode(&s, 1);
    assert_string_equal(string_of(value_at(&s, 0)),
        "{\"id\":\"0/131C8DC8/1234/0\",\"table\":\"inventory.golden\",\"key\":{\"id\":1001},"
        "\"value\":{\"id\":1001,\"first_name\":\"Sally\",\"email\":\"sally@acme.com\","
        "\"balance\":\"1234.56\",\"created_at\":\"2020-01-02T03:04:05.678000Z\",\"born\":10956,"
        "\"attrs\":\"{\\\"a\\\": 1}\",\"active\":true,\"score\":7,\"__op\":\"c\","
        "\"__ts_us\":1795341167467797,\"__id\":\"0/131C8DC8/1234/0\"}}");
    s.change.op = CHANGE_DELETE;
    s.change.old_kind = OLD_KEY;
    s.change.old_row = s.change.new_row;
    must_encode(&s, 3);
    assert_string_equal(string_of(value_at(&s, 2)),
        "{\"id\":\"0/131C8DC8/1234/1\",\"table\":\"inventory.golden\",\"key\":{\"id\":1001},"
        "\"value\":null}");
    done(&s);
}

static void
the_id_in_an_event_is_the_one_that_sinks_print(void **state)
{
    struct setup s = golden();
    char id[EVENT_ID_MAX];
    (void)state;

    s.settings.format = FORMAT_JSON;
    s.settings.line = true;
    must_plan(&s);
    struct frame frame = {.relation = s.rel, .ordinal = UINT64_MAX, .lsn = 1};
    assert_int_equal(batch_add_frame(s.batch, &frame, bytes_of("", 0), &err), 0);
    s.change.ordinal = UINT64_MAX;
    s.batch->transactions[0].id.final = UINT64_MAX;
    s.change.new_row = sally();
    must_encode(&s, 1);
    event_id_print(s.batch, event_at(&s, 0), id);
    assert_contains(string_of(value_at(&s, 0)), id);
    done(&s);
}

/* ---- the plain envelope ---- */

static void
a_plain_row_carries_its_own_three_fields(void **state)
{
    struct setup s = golden();
    (void)state;

    s.settings.envelope = ENVELOPE_PLAIN;
    must_plan(&s);
    s.change.new_row = sally();
    must_encode(&s, 1);
    const char *json = read_back(&s, value_at(&s, 0));
    assert_contains(json, "\"id\": 1001");
    assert_contains(json, "\"first_name\": {\"string\": \"Sally\"}");
    assert_contains(json, "\"__op\": \"c\"");
    assert_contains(json, "\"__ts_us\": 1795341167467797");
    assert_contains(json, "\"__id\": \"0/131C8DC8/0/0\"");
    s.change.op = CHANGE_DELETE;
    s.change.old_kind = OLD_ROW;
    s.change.old_row = s.change.new_row;
    must_encode(&s, 3);
    json = read_back(&s, value_at(&s, 1));
    assert_contains(json, "\"id\": 1001");
    assert_contains(json, "\"first_name\": null");
    assert_contains(json, "\"__op\": \"d\"");
    done(&s);
}

static void
a_plain_truncate_has_no_values_and_no_key(void **state)
{
    struct setup s = golden();
    (void)state;

    s.settings.envelope = ENVELOPE_PLAIN;
    s.settings.truncate = TRUNCATE_EMIT;
    must_plan(&s);
    s.change.op = CHANGE_TRUNCATE;
    must_encode(&s, 1);
    assert_int_equal(event_at(&s, 0)->flags, EVENT_KEY_NULL | EVENT_BROADCAST);
    const char *json = read_back(&s, value_at(&s, 0));
    assert_contains(json, "\"id\": null");
    assert_contains(json, "\"__op\": \"t\"");
    done(&s);
}

/* ---- every type, read back by avro-c ---- */

enum { ALL_COLUMNS = 22 };

static struct setup
all_types(void)
{
    struct column columns[ALL_COLUMNS] = {
        col("id", TYPE_INT64), col("b", TYPE_BOOL), col("i2", TYPE_INT16), col("i4", TYPE_INT32),
        col("f4", TYPE_FLOAT32), col("f8", TYPE_FLOAT64), decimal("d", 38, 10),
        col("n", TYPE_NUMERIC), col("n2", TYPE_NUMERIC), col("t", TYPE_TEXT),
        col("raw", TYPE_BYTES), col("u", TYPE_UUID), col("j", TYPE_JSON), col("e", TYPE_ENUM),
        col("day", TYPE_DATE), col("t3", TYPE_TIME), col("t6", TYPE_TIME),
        col("ts3", TYPE_TIMESTAMP), col("ts6", TYPE_TIMESTAMP), col("tz", TYPE_TIMESTAMPTZ),
        col("tz0", TYPE_TIMESTAMPTZ), col("o", TYPE_OTHER),
    };

    columns[15].precision = 3;
    columns[17].precision = 0;
    columns[20].precision = 0;
    struct setup s = setup_of("public", "all", columns, ALL_COLUMNS);
    first_is_key(&s);
    s.table.columns[13] = (struct catalog_column){.known = true, .is_enum = true,
                                                  .enum_labels = "sad,ok,\"happy\""};
    return s;
}

static struct value *
all_values(void)
{
    static const char raw[] = {'a', 0x01, (char)0xff};
    struct value *row = arena_array(&arena, ALL_COLUMNS, sizeof(*row));

    row[0] = integer(INT64_MIN);
    row[1] = integer(0);
    row[2] = integer(-32768);
    row[3] = integer(INT32_MAX);
    row[4] = (struct value){.state = VALUE_SET, .f = 0.5};
    row[5] = (struct value){.state = VALUE_SET, .f = -1e300};
    row[6] = number("\x80", 1, 10);
    row[7] = number("\x01\xe2\x40", 3, 2);
    row[8] = number("\xff", 1, 16383);
    row[9] = text("h\xc3\xa9llo");
    row[10] = number(raw, 3, 0);
    row[11] = text("123e4567-e89b-12d3-a456-426614174000");
    row[12] = text("[1]");
    row[13] = text("ok");
    row[14] = integer(-719162);
    row[15] = integer(86400000000);
    row[16] = integer(86400000000);
    row[17] = integer(-1);
    row[18] = integer(-1);
    row[19] = integer(-62135596800000000);
    row[20] = integer(253402300800000000);
    row[21] = text("(1,2)");
    return row;
}

static void
every_type_reads_back_in_avro(void **state)
{
    struct setup s = all_types();
    (void)state;

    must_plan(&s);
    s.change.new_row = all_values();
    must_encode(&s, 1);
    const char *json = read_back(&s, value_at(&s, 0));
    static const char *const expect[] = {
        "\"id\": -9223372036854775808", "\"b\": {\"boolean\": false}", "\"i2\": {\"int\": -32768}",
        "\"i4\": {\"int\": 2147483647}", "\"f4\": {\"float\": 0.5}",
        "\"f8\": {\"double\": -1.0000000000000001e300}", "\"d\": {\"bytes\": \"\\u0080\"}",
        "\"n\": {\"VariableScaleDecimal\": {\"scale\": 2, \"value\": \"\\u0001\\u00E2@\"}}",
        "\"scale\": 16383, \"value\": \"\\u00FF\"", "\"t\": {\"string\": \"h\\u00E9llo\"}",
        "\"raw\": {\"bytes\": \"a\\u0001\\u00FF\"}",
        "\"u\": {\"string\": \"123e4567-e89b-12d3-a456-426614174000\"}",
        "\"j\": {\"string\": \"[1]\"}", "\"e\": {\"string\": \"ok\"}",
        "\"day\": {\"int\": -719162}", "\"t3\": {\"int\": 86400000}",
        "\"t6\": {\"long\": 86400000000}", "\"ts3\": {\"long\": -1}", "\"ts6\": {\"long\": -1}",
        "\"tz\": {\"string\": \"0001-01-01T00:00:00.000000Z\"}",
        "\"tz0\": {\"string\": \"+10000-01-01T00:00:00Z\"}", "\"o\": {\"string\": \"(1,2)\"}",
    };
    for (size_t i = 0; i < sizeof(expect) / sizeof(expect[0]); i++)
        assert_contains(json, expect[i]);
    assert_contains(plan_value_schema(s.plan),
                    "{\"type\":\"string\",\"connect.version\":1,\"connect.parameters\":"
                    "{\"allowed\":\"sad,ok,\\\"happy\\\"\"},"
                    "\"connect.name\":\"io.debezium.data.Enum\"}");
    assert_contains(plan_value_schema(s.plan),
                    "{\"type\":\"int\",\"connect.version\":1,"
                    "\"connect.name\":\"io.debezium.time.Time\"}");
    assert_contains(plan_value_schema(s.plan), "\"io.debezium.time.MicroTime\"");
    assert_contains(plan_value_schema(s.plan), "\"io.debezium.time.Timestamp\"");
    assert_contains(plan_value_schema(s.plan), "\"io.debezium.time.MicroTimestamp\"");
    assert_contains(plan_value_schema(s.plan), "{\"type\":\"int\",\"connect.type\":\"int16\"}");
    done(&s);
}

static void
every_type_has_its_json(void **state)
{
    struct setup s = all_types();
    (void)state;

    s.settings.format = FORMAT_JSON;
    must_plan(&s);
    s.change.new_row = all_values();
    must_encode(&s, 1);
    assert_contains(string_of(value_at(&s, 0)),
        "\"after\":{\"id\":-9223372036854775808,\"b\":false,\"i2\":-32768,\"i4\":2147483647,"
        "\"f4\":0.5,\"f8\":-1e+300,\"d\":\"gA==\",\"n\":{\"scale\":2,\"value\":\"AeJA\"},"
        "\"n2\":{\"scale\":16383,\"value\":\"/w==\"},\"t\":\"h\xc3\xa9llo\",\"raw\":\"YQH/\","
        "\"u\":\"123e4567-e89b-12d3-a456-426614174000\",\"j\":\"[1]\",\"e\":\"ok\","
        "\"day\":-719162,\"t3\":86400000,\"t6\":86400000000,\"ts3\":-1,\"ts6\":-1,"
        "\"tz\":\"0001-01-01T00:00:00.000000Z\",\"tz0\":\"+10000-01-01T00:00:00Z\","
        "\"o\":\"(1,2)\"}");
    done(&s);
}

static const char *
plain_decimal(struct setup *s, struct value value)
{
    struct value row[2] = {integer(1), value};
    uint32_t before = s->batch->events[0].count;

    s->change.new_row = row;
    must_encode(s, before + 1);
    const char *json = string_of(value_at(s, before));
    const char *from = strstr(json, "\"n\":\"") + 5;
    return arena_printf(&arena, "%.*s", (int)strcspn(from, "\""), from);
}

static void
plain_json_has_the_exact_digits_of_decimals(void **state)
{
    const struct column columns[] = {col("id", TYPE_INT32), col("n", TYPE_NUMERIC)};
    struct setup s = setup_of("public", "n", columns, 2);
    struct value special = number("\0", 1, 0);
    (void)state;

    first_is_key(&s);
    s.settings.format = FORMAT_JSON;
    s.settings.envelope = ENVELOPE_PLAIN;
    must_plan(&s);
    assert_string_equal(plain_decimal(&s, number("\0", 1, 0)), "0");
    assert_string_equal(plain_decimal(&s, number("\0", 1, 3)), "0.000");
    assert_string_equal(plain_decimal(&s, number("\x80", 1, 0)), "-128");
    assert_string_equal(plain_decimal(&s, number("\xff", 1, 2)), "-0.01");
    assert_string_equal(plain_decimal(&s, number("\x01\xe2\x40", 3, 2)), "1234.56");
    /* 10^40 and its negative, 10^40 - 1 with 41 decimals */
    assert_string_equal(plain_decimal(&s, number("\x1d\x63\x29\xf1\xc3\x5c\xa4\xbf\xab\xb9\xf5"
                                                 "\x61\0\0\0\0\0", 17, 0)),
                        "10000000000000000000000000000000000000000");
    assert_string_equal(plain_decimal(&s, number("\xe2\x9c\xd6\x0e\x3c\xa3\x5b\x40\x54\x46\x0a"
                                                 "\x9f\0\0\0\0\0", 17, 1)),
                        "-1000000000000000000000000000000000000000.0");
    assert_string_equal(plain_decimal(&s, number("\x1d\x63\x29\xf1\xc3\x5c\xa4\xbf\xab\xb9\xf5"
                                                 "\x60\xff\xff\xff\xff\xff", 17, 41)),
                        "0.09999999999999999999999999999999999999999");
    /* -2^127, the last that fits 128 bits */
    assert_string_equal(plain_decimal(&s, number("\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, 0)),
                        "-170141183460469231731687303715884105728");
    special.special = VALUE_NEG_INFINITY;
    assert_string_equal(plain_decimal(&s, special), "-Infinity");
    done(&s);
}

static void
infinite_times_have_their_own_values(void **state)
{
    const struct column columns[] = {col("id", TYPE_INT32), col("day", TYPE_DATE),
                                     col("ts", TYPE_TIMESTAMP), col("tz", TYPE_TIMESTAMPTZ)};
    struct setup s = setup_of("public", "t", columns, 4);
    struct value row[4] = {integer(1), integer(0), integer(0), integer(0)};
    (void)state;

    first_is_key(&s);
    must_plan(&s);
    s.change.new_row = row;
    row[1].special = row[2].special = row[3].special = VALUE_INFINITY;
    must_encode(&s, 1);
    assert_contains(read_back(&s, value_at(&s, 0)),
                    "\"day\": {\"int\": 2147483647}, \"ts\": {\"long\": 9223372036854775807}, "
                    "\"tz\": {\"string\": \"infinity\"}");
    row[1].special = row[2].special = row[3].special = VALUE_NEG_INFINITY;
    must_encode(&s, 2);
    assert_contains(read_back(&s, value_at(&s, 1)),
                    "\"day\": {\"int\": -2147483648}, \"ts\": {\"long\": -9223372036854775808}, "
                    "\"tz\": {\"string\": \"-infinity\"}");
    done(&s);
}

static void
an_unchanged_value_has_a_marker_and_is_never_null(void **state)
{
    const struct column columns[] = {col("id", TYPE_INT32), col("t", TYPE_TEXT),
                                     col("b", TYPE_BYTES), col("o", TYPE_OTHER)};
    struct setup s = setup_of("public", "t", columns, 4);
    struct value row[4] = {integer(1), unchanged, unchanged, unchanged};
    (void)state;

    first_is_key(&s);
    must_plan(&s);
    s.change.op = CHANGE_UPDATE;
    s.change.new_row = row;
    must_encode(&s, 1);
    assert_contains(read_back(&s, value_at(&s, 0)),
                    "\"t\": {\"string\": \"__debezium_unavailable_value\"}, "
                    "\"b\": {\"bytes\": \"__debezium_unavailable_value\"}, "
                    "\"o\": {\"string\": \"__debezium_unavailable_value\"}");
    done(&s);
}

/* ---- what can't be said ---- */

static void
what_cannot_be_said_is_an_error_that_names_the_column(void **state)
{
    struct column columns[] = {col("id", TYPE_INT32), col("c", TYPE_TEXT)};
    static const enum format formats[] = {FORMAT_AVRO, FORMAT_JSON};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct value row[2] = {integer(1), text("\xff")};

        columns[1] = col("c", TYPE_TEXT);
        struct setup s = setup_of("public", "t", columns, 2);
        first_is_key(&s);
        s.settings.format = formats[i];
        must_plan(&s);
        s.change.new_row = row;
        refused(&s, "E_TEXT_ENCODING", "column c");
        done(&s);

        columns[1] = decimal("c", 10, 2);
        s = setup_of("public", "t", columns, 2);
        first_is_key(&s);
        s.settings.format = formats[i];
        must_plan(&s);
        s.change.new_row = row;
        row[1] = number("\0", 1, 0);
        row[1].special = VALUE_NAN;
        refused(&s, "E_VALUE", "column c");
        row[0] = null_value;
        refused(&s, "E_VALUE", "column id");
        done(&s);
    }
}

static void
what_was_not_sent_is_an_error_in_avro_and_left_out_in_json(void **state)
{
    const struct column columns[] = {decimal("n", 10, 2), col("id", TYPE_INT32),
                                     decimal("m", 10, 2)};
    static const enum envelope envelopes[] = {ENVELOPE_DEBEZIUM, ENVELOPE_PLAIN};
    struct value row[3] = {unchanged, integer(1), unchanged};
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        struct setup s = setup_of("public", "t", columns, 3);

        s.rel->columns[1].identity = true;
        s.settings.format = i < 2 ? FORMAT_AVRO : FORMAT_JSON;
        s.settings.envelope = envelopes[i % 2];
        must_plan(&s);
        s.change.op = CHANGE_UPDATE;
        s.change.new_row = row;
        if (i < 2) {
            refused(&s, "E_VALUE", "column n was not sent");
            assert_contains(err.text, "; ALTER TABLE ... REPLICA IDENTITY FULL");
            done(&s);
            continue;
        }
        must_encode(&s, 1);
        assert_contains(string_of(value_at(&s, 0)), i == 2 ? "\"after\":{\"id\":1},\"source\""
                                                           : "{\"id\":1,\"__op\":\"u\"");
        row[1] = unchanged; /* a key is never left out */
        refused(&s, "E_VALUE", "column id was not sent");
        row[1] = integer(1);
        done(&s);
    }
}

static void
null_in_a_not_null_column_asks_for_a_looser_plan(void **state)
{
    struct setup s = golden();
    bool nullable[GOLDEN_COLUMNS] = {false};
    uint16_t column = 99;
    (void)state;

    must_plan(&s);
    s.change.new_row = sally();
    must_encode(&s, 1);
    size_t len = s.batch->events[0].encoded.len;
    s.change.new_row[7] = null_value;
    assert_int_equal(encode(&s, &column), ENCODE_LOOSEN);
    assert_int_equal(column, 7);
    assert_int_equal(s.batch->events[0].count, 1);
    assert_int_equal(s.batch->events[0].encoded.len, len);
    nullable[7] = true;
    plan_free(s.plan);
    assert_int_equal(encoder_plan(s.encoder, s.rel, &s.table, nullable, &s.plan, &err), 0);
    assert_contains(plan_value_schema(s.plan),
                    "{\"name\":\"active\",\"type\":[\"null\",\"boolean\"],\"default\":null}");
    must_encode(&s, 2);
    done(&s);
}

static void
a_loosened_key_change_leaves_nothing_behind(void **state)
{
    struct setup s = golden();
    uint16_t column;
    (void)state;

    must_plan(&s);
    s.change.op = CHANGE_UPDATE;
    s.change.old_kind = OLD_KEY;
    s.change.old_row = sally();
    s.change.new_row = sally();
    s.change.new_row[0] = integer(5);
    s.change.new_row[7] = null_value; /* seen when delete and tombstone are written */
    assert_int_equal(encode(&s, &column), ENCODE_LOOSEN);
    assert_int_equal(s.batch->events[0].count, 0);
    assert_int_equal(s.batch->events[0].encoded.len, 0);
    done(&s);
}

/* ---- keys ---- */

static void
a_changed_key_is_delete_tombstone_create(void **state)
{
    struct setup s = golden();
    (void)state;

    must_plan(&s);
    s.change.op = CHANGE_UPDATE;
    s.change.old_kind = OLD_KEY;
    s.change.old_row = sally();
    s.change.new_row = sally();
    s.change.new_row[0] = integer(-1);
    must_encode(&s, 3);
    assert_string_equal(hex_of(key_at(&s, 0)), "0000000001" "d20f");
    assert_contains(read_back(&s, value_at(&s, 0)), "\"op\": \"d\"");
    assert_int_equal(event_at(&s, 1)->flags, EVENT_VALUE_NULL);
    assert_string_equal(hex_of(key_at(&s, 1)), "0000000001" "d20f");
    assert_string_equal(hex_of(key_at(&s, 2)), "0000000001" "01");
    assert_contains(read_back(&s, value_at(&s, 2)), "\"op\": \"c\"");
    assert_contains(read_back(&s, value_at(&s, 2)), "\"before\": null");
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(event_at(&s, i)->output, i);
    done(&s);
}

static void
an_old_key_that_is_the_same_is_a_plain_update(void **state)
{
    struct setup s = golden();
    (void)state;

    must_plan(&s);
    s.change.op = CHANGE_UPDATE;
    s.change.old_kind = OLD_KEY;
    s.change.old_row = sally();
    s.change.new_row = sally();
    must_encode(&s, 1);
    assert_contains(read_back(&s, value_at(&s, 0)), "\"op\": \"u\"");
    assert_contains(read_back(&s, value_at(&s, 0)), "\"before\": null");
    done(&s);
}

static void
without_tombstones_a_key_change_is_two_events(void **state)
{
    struct setup s = golden();
    (void)state;

    s.settings.tombstones = false;
    must_plan(&s);
    s.change.op = CHANGE_UPDATE;
    s.change.old_kind = OLD_KEY;
    s.change.old_row = sally();
    s.change.new_row = sally();
    s.change.new_row[0] = integer(-1);
    must_encode(&s, 2);
    done(&s);
}

static void
a_table_without_a_key_has_null_keys_and_no_tombstones(void **state)
{
    const struct column columns[] = {col("a", TYPE_INT32), col("b", TYPE_TEXT)};
    struct setup s = setup_of("public", "t", columns, 2);
    struct value row[2] = {integer(1), text("x")};
    (void)state;

    s.rel->replica_identity = IDENTITY_FULL;
    s.rel->columns[0].identity = s.rel->columns[1].identity = true;
    must_plan(&s);
    assert_null(plan_key_schema(s.plan));
    s.change.new_row = row;
    must_encode(&s, 1);
    assert_int_equal(event_at(&s, 0)->flags, EVENT_KEY_NULL);
    s.change.op = CHANGE_DELETE;
    s.change.old_kind = OLD_ROW;
    s.change.old_row = row;
    s.change.new_row = NULL;
    must_encode(&s, 2);
    assert_int_equal(event_at(&s, 1)->flags, EVENT_KEY_NULL);
    assert_contains(read_back(&s, value_at(&s, 1)), "\"b\": {\"string\": \"x\"}");
    done(&s);
}

static const char *
key_for(struct setup *s)
{
    must_plan(s);
    const char *schema = plan_key_schema(s->plan);
    if (schema == NULL)
        return "";
    const char *from = strstr(schema, "\"fields\":");
    struct buffer names = {0};
    while ((from = strstr(from, "\"name\":\"")) != NULL) {
        from += 8;
        buffer_put(&names, from, strcspn(from, "\""));
        buffer_put_u8(&names, ' ');
    }
    const char *copy = arena_strdup(&arena, buffer_cstr(&names));
    buffer_free(&names);
    return copy;
}

static void
the_key_comes_from_the_settings_then_the_log_then_the_catalogue(void **state)
{
    static const struct encoder_key keys[] = {{"other.*", "x"}, {"public.t?", "b , a"},
                                              {"*", "c"}, {NULL, NULL}};
    const struct column columns[] = {col("a", TYPE_INT32), col("b", TYPE_INT32),
                                     col("c", TYPE_INT32)};
    struct setup s = setup_of("public", "t1", columns, 3);
    (void)state;

    s.rel->columns[1].identity = true;
    assert_string_equal(key_for(&s), "b "); /* default: what the log flags */
    s.rel->replica_identity = IDENTITY_FULL;
    s.table.nkey = 2;
    s.table.key[0] = 2;
    s.table.key[1] = 0;
    assert_string_equal(key_for(&s), "c a "); /* full: the catalogue's, in its order */
    s.rel->replica_identity = IDENTITY_NOTHING;
    assert_string_equal(key_for(&s), "c a ");
    s.table.nkey = 0;
    assert_string_equal(key_for(&s), "");
    s.rel->replica_identity = IDENTITY_INDEX;
    assert_string_equal(key_for(&s), "");
    s.table.nkey = 2; /* not in the index: a delete could not carry it */
    assert_string_equal(key_for(&s), "b ");
    s.table.exists = false;
    assert_string_equal(key_for(&s), "b ");
    s.rel->replica_identity = IDENTITY_FULL;
    assert_int_equal(plan(&s), -1);
    assert_int_equal(err.kind, ERROR_CONFIG);
    assert_string_equal(err.code, "E_KEY_UNKNOWN");
    encoder_free(s.encoder);
    s.encoder = NULL;
    s.settings.keys = keys;
    assert_string_equal(key_for(&s), "b a ");
    done(&s);
}

static void
a_configured_key_that_the_table_lacks_is_an_error(void **state)
{
    static const struct encoder_key keys[] = {{"public.t", "a,zz"}, {NULL, NULL}};
    const struct column columns[] = {col("a", TYPE_INT32)};
    struct setup s = setup_of("public", "t", columns, 1);
    (void)state;

    s.settings.keys = keys;
    assert_int_equal(plan(&s), -1);
    assert_int_equal(err.kind, ERROR_CONFIG);
    assert_contains(err.text, "zz");
    done(&s);
}

static void
a_delete_without_the_configured_key_is_an_error(void **state)
{
    static const struct encoder_key keys[] = {{"public.t", "b"}, {NULL, NULL}};
    const struct column columns[] = {col("a", TYPE_INT32), col("b", TYPE_INT32)};
    struct setup s = setup_of("public", "t", columns, 2);
    struct value row[2] = {integer(1), null_value};
    (void)state;

    first_is_key(&s);
    s.settings.keys = keys;
    must_plan(&s);
    s.change.op = CHANGE_DELETE;
    s.change.old_kind = OLD_KEY;
    s.change.old_row = row;
    refused(&s, "E_KEY_UNKNOWN", "REPLICA IDENTITY FULL");
    done(&s);
}

/* ---- truncates ---- */

static void
a_truncate_goes_by_its_policy(void **state)
{
    const struct column columns[] = {col("id", TYPE_INT32)};
    struct setup s = setup_of("public", "t", columns, 1);
    (void)state;

    first_is_key(&s);
    s.change.op = CHANGE_TRUNCATE;
    must_plan(&s);
    must_encode(&s, 0); /* warn: the caller's log line is all */
    encoder_free(s.encoder);
    s.encoder = NULL;
    s.settings.truncate = TRUNCATE_STOP;
    must_plan(&s);
    refused(&s, "E_TRUNCATE", "truncate");
    encoder_free(s.encoder);
    s.encoder = NULL;
    s.settings.truncate = TRUNCATE_EMIT;
    must_plan(&s);
    must_encode(&s, 1);
    assert_int_equal(event_at(&s, 0)->flags, EVENT_KEY_NULL | EVENT_BROADCAST);
    assert_contains(read_back(&s, value_at(&s, 0)), "\"before\": null, \"after\": null");
    assert_contains(read_back(&s, value_at(&s, 0)), "\"op\": \"t\"");
    done(&s);
}

/* ---- names ---- */

static void
names_are_made_fit_for_topics_and_avro(void **state)
{
    const struct column columns[] = {col("1st", TYPE_INT32), col("a-b", TYPE_INT32),
                                     col("caf\xc3\xa9", TYPE_INT32),
                                     col("\xf0\x9f\x98\x80", TYPE_INT32), col("A b", TYPE_INT32)};
    struct setup s = setup_of("my schema", "2-caf\xc3\xa9", columns, 5);
    (void)state;

    must_plan(&s);
    assert_string_equal(plan_topic(s.plan), "dbserver1.my_schema.2-caf_");
    assert_contains(plan_value_schema(s.plan), "\"namespace\":\"dbserver1.my_schema._2_caf_\"");
    assert_contains(plan_value_schema(s.plan), "{\"name\":\"_1st\"");
    assert_contains(plan_value_schema(s.plan), "{\"name\":\"a_b\"");
    assert_contains(plan_value_schema(s.plan), "{\"name\":\"caf_\"");
    assert_contains(plan_value_schema(s.plan), "{\"name\":\"__\"");
    assert_contains(plan_value_schema(s.plan), "{\"name\":\"A_b\"");
    done(&s);
}

static void
two_columns_that_become_one_field_are_refused(void **state)
{
    const struct column columns[] = {col("a-b", TYPE_INT32), col("a_b", TYPE_INT32)};
    struct setup s = setup_of("public", "t", columns, 2);
    (void)state;

    assert_int_equal(plan(&s), -1);
    assert_int_equal(err.kind, ERROR_CONFIG);
    assert_string_equal(err.code, "E_NAME_COLLISION");
    assert_contains(err.text, "a-b");
    assert_contains(err.text, "a_b");
    done(&s);
    s = setup_of("public", "t", columns, 2);
    s.settings.format = FORMAT_JSON;
    must_plan(&s); /* JSON has both as they are */
    done(&s);
}

static void
two_tables_that_become_one_topic_are_refused(void **state)
{
    const struct column columns[] = {col("a", TYPE_INT32)};
    struct setup s = setup_of("public", "a b", columns, 1);
    struct relation *other = relation_new(3, "public", "a_b", 1), *again;
    struct plan *second = NULL;
    (void)state;

    must_plan(&s);
    other->columns[0] = columns[0];
    assert_int_equal(encoder_plan(s.encoder, other, &s.table, NULL, &second, &err), -1);
    assert_int_equal(err.kind, ERROR_CONFIG);
    assert_string_equal(err.code, "E_NAME_COLLISION");
    assert_contains(err.text, "public.a b");
    assert_contains(err.text, "public.a_b");

    again = relation_new(9, "public", "a b", 1); /* the same table with another shape */
    again->columns[0] = col("z", TYPE_TEXT);
    assert_int_equal(encoder_plan(s.encoder, again, &s.table, NULL, &second, &err), 0);
    assert_string_equal(plan_topic(second), plan_topic(s.plan));
    plan_free(second);
    relation_release(other);
    relation_release(again);
    done(&s);
}

static void
a_column_named_like_plains_own_fields_is_refused(void **state)
{
    const struct column columns[] = {col("__id", TYPE_INT32)};
    struct setup s = setup_of("public", "t", columns, 1);
    (void)state;

    s.settings.envelope = ENVELOPE_PLAIN;
    assert_int_equal(plan(&s), -1);
    assert_string_equal(err.code, "E_NAME_COLLISION");
    done(&s);
}

static void
a_topic_that_kafka_would_refuse_is_refused_here(void **state)
{
    const struct column columns[] = {col("a", TYPE_INT32)};
    char pattern[300];
    struct setup s = setup_of("public", "t", columns, 1);
    (void)state;

    memset(pattern, 'x', sizeof(pattern));
    pattern[250] = 0;
    s.settings.topic = pattern;
    assert_int_equal(plan(&s), -1);
    assert_int_equal(err.kind, ERROR_CONFIG);
    done(&s);
    s = setup_of("public", "t", columns, 1);
    pattern[249] = 0;
    s.settings.topic = pattern;
    must_plan(&s);
    done(&s);
    s = setup_of("public", "t", columns, 1);
    s.settings.topic = "{schema}.{tabel}";
    assert_int_equal(plan(&s), -1);
    assert_contains(err.text, "{table}");
    done(&s);
}

static void
constant_defaults_of_not_null_columns_are_avro_defaults(void **state)
{
    const struct column columns[] = {
        col("b", TYPE_BOOL), col("i", TYPE_INT16), col("big", TYPE_INT16), col("f", TYPE_FLOAT64),
        col("t", TYPE_TEXT), col("d", TYPE_DATE), col("null", TYPE_INT32), col("e", TYPE_ENUM),
        col("bit", TYPE_BOOL),
    };
    struct setup s = setup_of("public", "t", columns, 9);
    const char *schema;
    (void)state;

    not_null(&s, 0, "f");
    not_null(&s, 1, "-7");
    not_null(&s, 2, "40000"); /* does not fit: no default rather than a wrong one */
    not_null(&s, 3, "1.5");
    not_null(&s, 4, "say \"hi\"");
    not_null(&s, 5, "2020-01-01");
    not_null(&s, 7, "b");
    not_null(&s, 8, "b'1'");
    s.table.columns[6] = (struct catalog_column){.known = true, .default_text = "1"};
    must_plan(&s);
    schema = plan_value_schema(s.plan);
    assert_contains(schema, "{\"name\":\"b\",\"type\":\"boolean\",\"default\":false}");
    assert_contains(schema, "\"connect.type\":\"int16\"},\"default\":-7}");
    assert_contains(schema, "{\"name\":\"big\",\"type\":{\"type\":\"int\","
                            "\"connect.type\":\"int16\"}}");
    assert_contains(schema, "{\"name\":\"f\",\"type\":\"double\",\"default\":1.5}");
    assert_contains(schema, "\"type\":\"string\",\"default\":\"say \\\"hi\\\"\"}");
    assert_contains(schema, "\"connect.name\":\"io.debezium.time.Date\"}}");
    assert_contains(schema, "{\"name\":\"null\",\"type\":[\"null\",\"int\"],\"default\":null}");
    assert_contains(schema, "\"connect.name\":\"io.debezium.data.Enum\"},\"default\":\"b\"}");
    assert_contains(schema, "{\"name\":\"bit\",\"type\":\"boolean\",\"default\":true}");
    done(&s);
}

static void
a_table_without_columns_is_encoded(void **state)
{
    static const enum envelope envelopes[] = {ENVELOPE_DEBEZIUM, ENVELOPE_PLAIN};
    struct value nothing = null_value;
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct setup s = setup_of("public", "t", NULL, 0);

        s.settings.format = FORMAT_JSON;
        s.settings.envelope = envelopes[i];
        must_plan(&s);
        s.change.new_row = &nothing;
        must_encode(&s, 1);
        assert_contains(string_of(value_at(&s, 0)), i == 0 ? "\"after\":{}" : "{\"__op\":\"c\"");
        done(&s);
    }
}

int
main(void)
{
#define T(name) cmocka_unit_test_teardown(name, clear)
    const struct CMUnitTest tests[] = {
        T(schemas_are_debeziums_but_for_defaults),
        T(an_insert_has_debeziums_bytes),
        T(an_update_has_no_before_unless_the_server_sent_the_whole_old_row),
        T(a_delete_invents_nothing_and_has_its_tombstone),
        T(json_is_debeziums_without_schemas),
        T(a_line_is_one_object_with_everything),
        T(the_id_in_an_event_is_the_one_that_sinks_print),
        T(a_plain_row_carries_its_own_three_fields),
        T(a_plain_truncate_has_no_values_and_no_key),
        T(every_type_reads_back_in_avro),
        T(every_type_has_its_json),
        T(plain_json_has_the_exact_digits_of_decimals),
        T(infinite_times_have_their_own_values),
        T(an_unchanged_value_has_a_marker_and_is_never_null),
        T(what_cannot_be_said_is_an_error_that_names_the_column),
        T(what_was_not_sent_is_an_error_in_avro_and_left_out_in_json),
        T(null_in_a_not_null_column_asks_for_a_looser_plan),
        T(a_loosened_key_change_leaves_nothing_behind),
        T(a_changed_key_is_delete_tombstone_create),
        T(an_old_key_that_is_the_same_is_a_plain_update),
        T(without_tombstones_a_key_change_is_two_events),
        T(a_table_without_a_key_has_null_keys_and_no_tombstones),
        T(the_key_comes_from_the_settings_then_the_log_then_the_catalogue),
        T(a_configured_key_that_the_table_lacks_is_an_error),
        T(a_delete_without_the_configured_key_is_an_error),
        T(a_truncate_goes_by_its_policy),
        T(names_are_made_fit_for_topics_and_avro),
        T(two_columns_that_become_one_field_are_refused),
        T(two_tables_that_become_one_topic_are_refused),
        T(a_column_named_like_plains_own_fields_is_refused),
        T(a_topic_that_kafka_would_refuse_is_refused_here),
        T(constant_defaults_of_not_null_columns_are_avro_defaults),
        T(a_table_without_columns_is_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
