/*
 * test_postgres_target.c -- values to PostgreSQL's own bytes, and the text of the statements that carry them.
 *
 * The bytes are those that PostgreSQL's send functions give for the same value (SELECT int4send(...) and the like).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../sinks/postgres_target.h"

static struct error err;

/* ---- values ---- */

enum {
    BOOL = 16, BYTEA = 17, INT8 = 20, INT2 = 21, INT4 = 23, TEXT = 25, JSON = 114, FLOAT4 = 700, FLOAT8 = 701, BPCHAR = 1042,
    VARCHAR = 1043, DATE = 1082, TIME = 1083, TIMESTAMP = 1114, TIMESTAMPTZ = 1184, NUMERIC = 1700, UUID = 2950, JSONB = 3802,
    INTERVAL = 1186, BIT = 1560,
};

static struct target_column
target(uint32_t oid, int32_t typmod, char category, const struct column *source)
{
    struct target_column to = {.oid = oid, .typmod = typmod, .category = category, .type = "its_type", .declared = "its_type(n)"};

    target_column_settle(&to, source, false);
    return to;
}

/* The bytes in hex, or the error's text. */
static const char *
written(uint32_t oid, int32_t typmod, char category, enum value_type type, struct value value)
{
    static char text[4096];
    const struct column column = {.name = "c", .type = type, .length = type == TYPE_BITS ? 10 : 0};
    const struct target_column to = target(oid, typmod, category, &column);
    struct buffer out = {0};

    value.state = VALUE_SET;
    err = (struct error)ERROR_INIT;
    if (target_write(&out, &to, &column, &value, &err) == -1) {
        assert_int_equal(err.kind, ERROR_DATA);
        assert_string_equal(err.code, "E_VALUE");
        snprintf(text, sizeof(text), "%s", err.text);
    } else {
        assert_false(buffer_failed(&out));
        text[0] = 0;
        for (size_t i = 0; i < out.len && i < 2000; i++)
            snprintf(text + 2 * i, 3, "%02x", out.at[i]);
    }
    buffer_free(&out);
    return text;
}

static const char *
as_text(char category, enum value_type type, struct value value)
{
    static char text[4096];
    const struct column column = {.name = "c", .type = type, .length = type == TYPE_BITS ? 10 : 0};
    struct buffer out = {0};

    value.state = VALUE_SET;
    assert_int_equal(target_write_text(&out, category, &column, &value, &err), 0);
    snprintf(text, sizeof(text), "%s", buffer_cstr(&out));
    buffer_free(&out);
    return text;
}

#define I(v) ((struct value){.i = (v)})
#define F(v) ((struct value){.f = (v)})
#define B(text) ((struct value){.bytes = bytes_of((text), sizeof(text) - 1)})
#define D(unscaled, s) ((struct value){.scale = (s), .bytes = bytes_of((unscaled), sizeof(unscaled) - 1)})
#define SPECIAL(s) ((struct value){.special = (s)})
#define same(got, want) assert_string_equal(got, want)

static void
integers_have_the_targets_size_and_must_fit(void **state)
{
    (void)state;
    same(written(INT2, -1, 'N', TYPE_INT64, I(-2)), "fffe");
    same(written(INT4, -1, 'N', TYPE_INT16, I(7)), "00000007");
    same(written(INT8, -1, 'N', TYPE_INT32, I(-1)), "ffffffffffffffff");
    same(written(BOOL, -1, 'B', TYPE_INT16, I(1)), "01");
    same(written(INT4, -1, 'N', TYPE_BOOL, I(1)), "00000001");
    same(written(INT2, -1, 'N', TYPE_YEAR, I(2155)), "086b");
    same(written(INT8, -1, 'N', TYPE_BITS, B("\x01\x02")), "0000000000000201");
    same(written(INT2, -1, 'N', TYPE_INT32, I(32768)), "column c: the value does not fit into the target's its_type(n)");
    same(written(INT4, -1, 'N', TYPE_INT64, I(INT64_MIN)), "column c: the value does not fit into the target's its_type(n)");
    same(written(BOOL, -1, 'B', TYPE_INT16, I(2)), "column c: the target's boolean holds 0 and 1 only");
    same(written(INT8, -1, 'N', TYPE_BITS, B("\0\0\0\0\0\0\0\x80")), "column c: the value does not fit into the target's its_type(n)");
}

static void
floats(void **state)
{
    (void)state;
    same(written(FLOAT4, -1, 'N', TYPE_FLOAT32, F(1.5)), "3fc00000");
    same(written(FLOAT8, -1, 'N', TYPE_FLOAT64, F(-0.0)), "8000000000000000");
    same(written(FLOAT8, -1, 'N', TYPE_FLOAT32, F(0.5)), "3fe0000000000000");
    same(as_text('N', TYPE_FLOAT32, F((double)0.1f)), "0.1");
    same(as_text('N', TYPE_FLOAT64, F(0.1)), "0.1");
    same(as_text('N', TYPE_FLOAT64, F(1.0 / 3)), "0.3333333333333333");
    same(as_text('N', TYPE_FLOAT64, F(-__builtin_inf())), "-Infinity");
}

/* numeric_send: digits, weight, sign, scale, then the digits in base 10,000 */
static void
numerics(void **state)
{
    (void)state;
    same(written(NUMERIC, -1, 'N', TYPE_NUMERIC, D("\0", 0)), "0000000000000000");
    same(written(NUMERIC, -1, 'N', TYPE_NUMERIC, D("\0", 3)), "0000000000000003");
    same(written(NUMERIC, -1, 'N', TYPE_NUMERIC, D("\x04\xd2", 2)), "0002000000000002000c0d48");
    same(written(NUMERIC, -1, 'N', TYPE_NUMERIC, D("\xff", 0)), "00010000400000000001");
    same(written(NUMERIC, -1, 'N', TYPE_NUMERIC, D("\x27\x10", 0)), "00010001000000000001");      /* 10000 */
    same(written(NUMERIC, -1, 'N', TYPE_NUMERIC, D("\x01", 5)), "0001fffe0000000503e8");          /* 0.00001 */
    same(written(NUMERIC, -1, 'N', TYPE_NUMERIC, SPECIAL(VALUE_NAN)), "00000000c0000000");
    same(written(NUMERIC, -1, 'N', TYPE_NUMERIC, SPECIAL(VALUE_NEG_INFINITY)), "00000000f0000000");
    same(as_text('N', TYPE_NUMERIC, D("\x04\xd2", 2)), "12.34");
    same(as_text('N', TYPE_NUMERIC, D("\xff", 3)), "-0.001");
    same(as_text('N', TYPE_NUMERIC, D("\x27\x10", 2)), "100.00");
    same(as_text('N', TYPE_NUMERIC, D("\0\xff\xff\xff\xff\xff\xff\xff\xff", 0)), "18446744073709551615");
    /* 2 to the 127th and its negative: more than is counted in one word */
    same(as_text('N', TYPE_NUMERIC, D("\0\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 1)), "17014118346046923173168730371588410572.8");
    same(as_text('N', TYPE_NUMERIC, D("\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 0)), "-170141183460469231731687303715884105728");
    same(as_text('N', TYPE_NUMERIC, SPECIAL(VALUE_INFINITY)), "Infinity");
}

static void
a_numeric_is_not_rounded(void **state)
{
    const int32_t two_places = ((5 << 16) | 2) + 4, hundreds = ((3 << 16) | (0x7ff & -2)) + 4;

    (void)state;
    same(written(NUMERIC, two_places, 'N', TYPE_NUMERIC, D("\x7b", 2)), "0002000000000002" "000108fc");
    same(written(NUMERIC, two_places, 'N', TYPE_NUMERIC, D("\x0c\xe4", 3)), "0002000000000003" "00030bb8");   /* 3.300 */
    same(written(NUMERIC, two_places, 'N', TYPE_NUMERIC, D("\x7b", 3)), "column c: the value does not fit into the target's its_type(n)");
    same(written(NUMERIC, hundreds, 'N', TYPE_NUMERIC, D("\x64", 0)), "00010000000000000064");
    same(written(NUMERIC, hundreds, 'N', TYPE_NUMERIC, D("\x65", 0)), "column c: the value does not fit into the target's its_type(n)");
}

static void
texts_must_have_room_and_no_zero(void **state)
{
    (void)state;
    same(written(TEXT, -1, 'S', TYPE_TEXT, B("\xc3\xa9")), "c3a9");
    same(written(VARCHAR, 4 + 2, 'S', TYPE_TEXT, B("\xc3\xa9\xc3\xa9  ")), "c3a9c3a92020");
    same(written(VARCHAR, 4 + 2, 'S', TYPE_TEXT, B("abc")), "column c: the value does not fit into the target's its_type(n)");
    same(written(BPCHAR, 4 + 2, 'S', TYPE_INT32, I(100)), "column c: the value does not fit into the target's its_type(n)");
    same(written(TEXT, -1, 'S', TYPE_TEXT, B("a\0b")), "column c: text with U+0000 in it, which PostgreSQL refuses");
    same(written(TEXT, -1, 'S', TYPE_BYTES, B("ok")), "6f6b");
    same(written(TEXT, -1, 'S', TYPE_BYTES, B("\xff")), "column c: bytes that are no UTF-8 text, and the target's type is not bytea");
    same(written(BYTEA, -1, 'U', TYPE_BYTES, B("\0\xff")), "00ff");
    same(written(JSON, -1, 'U', TYPE_JSON, B("{}")), "7b7d");
    same(written(JSONB, -1, 'U', TYPE_JSON, B("{}")), "017b7d");
    same(written(UUID, -1, 'U', TYPE_UUID, B("00112233-4455-6677-8899-aabbccddeeff")), "00112233445566778899aabbccddeeff");
    same(written(TEXT, -1, 'S', TYPE_SET, B("a,b")), "612c62");
}

static void
dates_and_times_count_from_2000(void **state)
{
    (void)state;
    same(written(DATE, -1, 'D', TYPE_DATE, I(10958)), "00000001");
    same(written(DATE, -1, 'D', TYPE_DATE, SPECIAL(VALUE_INFINITY)), "7fffffff");
    same(written(TIME, -1, 'D', TYPE_TIME, I(86400000000)), "000000141dd76000");
    same(written(TIMESTAMP, -1, 'D', TYPE_TIMESTAMP, I(946684800000001)), "0000000000000001");
    same(written(TIMESTAMPTZ, -1, 'D', TYPE_TIMESTAMPTZ, SPECIAL(VALUE_NEG_INFINITY)), "8000000000000000");
    same(written(TIMESTAMP, 3, 'D', TYPE_TIMESTAMP, I(946684800123000)), "000000000001e078");
    same(written(TIMESTAMP, 3, 'D', TYPE_TIMESTAMP, I(946684800123400)), "column c: the value does not fit into the target's its_type(n)");
    same(written(DATE, -1, 'D', TYPE_DATE, SPECIAL(VALUE_NO_DATE)),
         "column c: PostgreSQL has no date with a month or day of zero, or past the month's end");
    same(written(TIME, -1, 'D', TYPE_TIME, I(-1)), "column c: PostgreSQL's time ends at 24:00: a column of type interval holds more");
    same(as_text('T', TYPE_TIME, I(-3020399000001)), "-838:59:59.000001");
    same(as_text('D', TYPE_DATE, I(19782)), "2024-02-29");
    same(as_text('D', TYPE_DATE, I(-719529)), "0002-12-31 BC");
    same(as_text('D', TYPE_TIMESTAMP, I(-1)), "1969-12-31 23:59:59.999999");
    same(as_text('D', TYPE_TIMESTAMPTZ, I(0)), "1970-01-01 00:00:00+00");
}

static void
what_has_no_form_of_its_own_is_cast_by_the_server(void **state)
{
    static const float numbers[] = {1, -0.5f};
    static const uint8_t point[] = "\x01\x01\0\0\0" "12345678" "12345678";
    const struct value vector = {.bytes = bytes_of(numbers, sizeof(numbers))};
    struct value wkb = {.bytes = bytes_of(point, 21)};

    (void)state;
    same(as_text('V', TYPE_BITS, B("\x01\x02")), "1000000001");
    same(as_text('N', TYPE_BITS, B("\x01\x02")), "513");
    same(as_text('N', TYPE_BOOL, I(1)), "1");
    same(as_text('S', TYPE_BOOL, I(1)), "true");
    same(as_text('A', TYPE_VECTOR, vector), "{1,-0.5}");
    same(as_text('U', TYPE_VECTOR, vector), "[1,-0.5]");
    same(as_text('U', TYPE_POINT, wkb), "010100000031323334353637383132333435363738");
    wkb.scale = 4326;
    same(as_text('U', TYPE_POINT, wkb), "0101000020e610000031323334353637383132333435363738");
    same(written(INTERVAL, -1, 'T', TYPE_TIME, I(0)), "30303a30303a3030");
}

/* ---- statements ---- */

enum { COLUMNS = 4 };

struct scene {
    struct relation *relation;
    struct db_table table;
    struct target_table target;
    struct target_column columns[COLUMNS];
    struct db_column named[COLUMNS];
    uint16_t key[1];
    bool set[COLUMNS];
    struct db_group group;
    struct db_settings settings;
    struct db db;
};

/* t (id bigint primary key, n numeric, e mood, g generated) */
static void
scene_open(struct scene *s)
{
    static const char *const names[] = {"id", "n", "e \"x\"", "g"};
    static const enum value_type types[] = {TYPE_INT64, TYPE_NUMERIC, TYPE_OTHER, TYPE_INT32};
    static const uint32_t oids[] = {INT8, NUMERIC, 70000, INT4};

    *s = (struct scene){.relation = relation_new(1, "public", "t", COLUMNS), .target = {.name = "\"s\".\"t\""}};
    assert_non_null(s->relation);
    for (uint16_t i = 0; i < COLUMNS; i++) {
        s->relation->columns[i] = (struct column){.name = names[i], .type = types[i]};
        s->columns[i] = (struct target_column){.oid = oids[i], .typmod = -1, .type = "mood", .declared = "mood", .generated = i == 3};
        target_column_settle(&s->columns[i], &s->relation->columns[i], i == 2);
        s->named[i] = (struct db_column){.name = names[i], .key = i == 0, .own = &s->columns[i]};
        s->set[i] = true;
    }
    s->table = (struct db_table){.relation = s->relation, .schema = "s", .name = "t", .columns = s->named, .key = s->key, .nkey = 1,
                                 .own = &s->target};
    s->group = (struct db_group){.table = &s->table, .set = s->set, .strict = true};
    s->db = (struct db){.settings = &s->settings};
}

static void
scene_close(struct scene *s)
{
    statements_free(&s->target);
    relation_release(s->relation);
}

static const char *
sql(struct scene *s, enum db_op op, bool each)
{
    struct statement *st;

    s->group.op = op;
    statements_free(&s->target);
    s->target.nstatements = 0;
    st = statement_for(&s->db, &s->group, each, &err);
    assert_non_null(st);
    return st->sql;
}

static void
statements_carry_rows_as_arrays(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    same(sql(&s, DB_OP_INSERT, false),
         "INSERT INTO \"s\".\"t\" (\"id\", \"n\", \"e \"\"x\"\"\") SELECT v.p0, v.p1, v.p2::mood FROM unnest($1::bigint[], "
         "$2::numeric[], $3::text[]) AS v(p0, p1, p2)");
    same(sql(&s, DB_OP_UPSERT, false),
         "INSERT INTO \"s\".\"t\" (\"id\", \"n\", \"e \"\"x\"\"\") SELECT v.p0, v.p1, v.p2::mood FROM unnest($1::bigint[], "
         "$2::numeric[], $3::text[]) AS v(p0, p1, p2) ON CONFLICT (\"id\") DO UPDATE SET \"n\" = EXCLUDED.\"n\", \"e \"\"x\"\"\" = "
         "EXCLUDED.\"e \"\"x\"\"\"");
    same(sql(&s, DB_OP_UPDATE, false),
         "UPDATE \"s\".\"t\" AS t SET \"n\" = v.p1, \"e \"\"x\"\"\" = v.p2::mood FROM unnest($1::bigint[], $2::numeric[], $3::text[]) "
         "WITH ORDINALITY AS v(p0, p1, p2, n) WHERE t.\"id\" = v.p0 RETURNING v.n");
    same(sql(&s, DB_OP_DELETE, false),
         "DELETE FROM \"s\".\"t\" AS t USING unnest($1::bigint[]) WITH ORDINALITY AS v(p0, n) WHERE t.\"id\" = v.p0 RETURNING v.n");
    s.group.strict = false;
    same(sql(&s, DB_OP_DELETE, false), "DELETE FROM \"s\".\"t\" AS t USING unnest($1::bigint[]) AS v(p0) WHERE t.\"id\" = v.p0");
    same(sql(&s, DB_OP_TRUNCATE, false), "TRUNCATE \"s\".\"t\"");
    scene_close(&s);
}

static void
a_single_row_goes_as_scalars(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.target.overriding = s.target.referenced = true;
    same(sql(&s, DB_OP_INSERT, true),
         "INSERT INTO \"s\".\"t\" (\"id\", \"n\", \"e \"\"x\"\"\") OVERRIDING SYSTEM VALUE VALUES ($1::bigint, $2::numeric, "
         "$3::text::mood)");
    same(sql(&s, DB_OP_TRUNCATE, true), "DELETE FROM \"s\".\"t\"");
    s.set[1] = false;
    s.group.rekeys = true;
    same(sql(&s, DB_OP_UPDATE, true),
         "UPDATE \"s\".\"t\" AS t SET \"id\" = $2::bigint, \"e \"\"x\"\"\" = $3::text::mood WHERE t.\"id\" = $1::bigint");
    s.group.rekeys = s.set[2] = false;
    same(sql(&s, DB_OP_UPDATE, true), "UPDATE \"s\".\"t\" AS t SET \"id\" = $1::bigint WHERE t.\"id\" = $1::bigint");
    scene_close(&s);
}

static void
a_row_without_a_key_is_found_by_all_of_it(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.table.nkey = 0;
    s.columns[2].comparable = false;
    same(sql(&s, DB_OP_DELETE, false),
         "DELETE FROM \"s\".\"t\" AS t WHERE ctid = (SELECT ctid FROM \"s\".\"t\" WHERE \"id\" IS NOT DISTINCT FROM $1::bigint AND "
         "\"n\" IS NOT DISTINCT FROM $2::numeric AND \"e \"\"x\"\"\"::text IS NOT DISTINCT FROM ($3::text::mood)::text LIMIT 1)");
    s.target.partitioned = true;
    assert_non_null(strstr(sql(&s, DB_OP_DELETE, false), "WHERE (tableoid, ctid) = (SELECT tableoid, ctid FROM "));
    scene_close(&s);
}

static void
modes_with_columns_of_their_own(void **state)
{
    struct scene s;

    (void)state;
    scene_open(&s);
    s.set[1] = s.set[2] = false;
    s.settings.apply = DB_APPEND;
    same(sql(&s, DB_OP_HISTORY, true),
         "INSERT INTO \"s\".\"t\" (\"id\", \"n\", \"e \"\"x\"\"\", \"rowferry_op\", \"rowferry_id\", \"rowferry_time\") VALUES ($1::bigint, "
         "$2::numeric, $3::text::mood, $4::text, $5::text, $6::timestamptz)");
    s.settings.apply = DB_SOFT_DELETE;
    same(sql(&s, DB_OP_MARK, true), "UPDATE \"s\".\"t\" AS t SET rowferry_deleted = true WHERE t.\"id\" = $1::bigint");
    same(sql(&s, DB_OP_UPSERT, true),
         "INSERT INTO \"s\".\"t\" (\"id\") VALUES ($1::bigint) ON CONFLICT (\"id\") DO UPDATE SET rowferry_deleted = false");
    same(sql(&s, DB_OP_TRUNCATE, true), "UPDATE \"s\".\"t\" SET rowferry_deleted = true WHERE NOT rowferry_deleted");
    scene_close(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_have_the_targets_size_and_must_fit),
        cmocka_unit_test(floats),
        cmocka_unit_test(numerics),
        cmocka_unit_test(a_numeric_is_not_rounded),
        cmocka_unit_test(texts_must_have_room_and_no_zero),
        cmocka_unit_test(dates_and_times_count_from_2000),
        cmocka_unit_test(what_has_no_form_of_its_own_is_cast_by_the_server),
        cmocka_unit_test(statements_carry_rows_as_arrays),
        cmocka_unit_test(a_single_row_goes_as_scalars),
        cmocka_unit_test(a_row_without_a_key_is_found_by_all_of_it),
        cmocka_unit_test(modes_with_columns_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
