/*
 * test_postgres_types.c -- every type from text and from binary, edge values first. The binary
 * forms are those that PostgreSQL 15 and 18 send.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../cdc/decode/postgres_types.h"
#include "cdc/decoder.h"

static struct arena arena;
static struct error err;

static struct bytes
unhex(const char *hex)
{
    size_t len = strlen(hex) / 2;
    uint8_t *at = arena_alloc(&arena, len);

    for (size_t i = 0; i < len; i++) {
        unsigned v = 0;
        sscanf(hex + 2 * i, "%2x", &v);
        at[i] = (uint8_t)v;
    }
    return bytes_of(at, len);
}

/* A value as one line: what the expectations below are written in. */
static const char *
said(const struct column *column, const struct value *value)
{
    static const char *const special[] = {"", "NaN", "Infinity", "-Infinity"};
    char *hex;

    assert_int_equal(value->state, VALUE_SET);
    if (value->special != VALUE_FINITE)
        return special[value->special];
    switch (column->type) {
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        return arena_printf(&arena, "%.17g", value->f);
    case TYPE_DECIMAL:
    case TYPE_NUMERIC:
        hex = arena_alloc(&arena, 2 * value->bytes.len + 1);
        for (size_t i = 0; i < value->bytes.len; i++)
            sprintf(hex + 2 * i, "%02x", value->bytes.at[i]);
        return arena_printf(&arena, "%s/%d", hex, value->scale);
    case TYPE_TEXT:
    case TYPE_JSON:
    case TYPE_UUID:
    case TYPE_ENUM:
    case TYPE_OTHER:
    case TYPE_BYTES:
        return arena_printf(&arena, "%.*s", (int)value->bytes.len, (const char *)value->bytes.at);
    default:
        return arena_printf(&arena, "%" PRId64, value->i);
    }
}

static struct column
column_of(uint32_t oid, int32_t typmod)
{
    struct column column = {.name = "c", .type_id = oid, .typmod = typmod};

    postgres_type_of(oid, typmod, &column);
    return column;
}

/* NULL: refused. */
static const char *
from_text(uint32_t oid, int32_t typmod, const char *text)
{
    struct column column = column_of(oid, typmod);
    struct value value;

    if (postgres_value_text(&column, bytes_of_string(text), &arena, &value, &err) == -1) {
        assert_int_equal(err.kind, ERROR_DATA);
        assert_non_null(strstr(err.text, "column c"));
        return NULL;
    }
    return said(&column, &value);
}

static const char *
from_binary(uint32_t oid, int32_t typmod, const char *hex)
{
    struct column column = column_of(oid, typmod);
    struct value value;

    if (postgres_value_binary(&column, unhex(hex), &arena, &value, &err) == -1) {
        assert_int_equal(err.kind, ERROR_DATA);
        return NULL;
    }
    return said(&column, &value);
}

#define NUMERIC(p, s) ((((p) << 16) | ((s) & 0x7ff)) + 4)

static const struct {
    uint32_t oid;
    int32_t typmod;
    const char *text, *binary, *expect;
} both_ways[] = {
    {OID_BOOL, -1, "t", "01", "1"},
    {OID_BOOL, -1, "f", "00", "0"},
    {OID_INT2, -1, "-32768", "8000", "-32768"},
    {OID_INT2, -1, "32767", "7fff", "32767"},
    {OID_INT4, -1, "-2147483648", "80000000", "-2147483648"},
    {OID_INT4, -1, "0", "00000000", "0"},
    {OID_INT8, -1, "-9223372036854775808", "8000000000000000", "-9223372036854775808"},
    {OID_INT8, -1, "9223372036854775807", "7fffffffffffffff", "9223372036854775807"},
    {OID_OID, -1, "4294967295", "ffffffff", "4294967295"},
    {OID_FLOAT4, -1, "0.1", "3dcccccd", "0.10000000149011612"},
    {OID_FLOAT4, -1, "-0", "80000000", "-0"},
    {OID_FLOAT8, -1, "0.1", "3fb999999999999a", "0.10000000000000001"},
    {OID_FLOAT8, -1, "1e+300", "7e37e43c8800759c", "1.0000000000000001e+300"},
    {OID_FLOAT8, -1, "NaN", "7ff8000000000000", "nan"},
    {OID_FLOAT8, -1, "-Infinity", "fff0000000000000", "-inf"},
    {OID_FLOAT8, -1, "5e-324", "0000000000000001", "4.9406564584124654e-324"},
    {OID_TEXT, -1, "", "", ""},
    {OID_VARCHAR, 14, "abc", "616263", "abc"},
    {OID_BPCHAR, 9, "ab   ", "6162202020", "ab   "},
    {OID_BYTEA, -1, "\\x", "", ""},
    {OID_BYTEA, -1, "\\x6162", "6162", "ab"},
    {OID_UUID, -1, "123e4567-e89b-12d3-a456-426614174000", "123e4567e89b12d3a456426614174000",
     "123e4567-e89b-12d3-a456-426614174000"},
    {OID_JSON, -1, "{\"a\": 1}", "7b2261223a20317d", "{\"a\": 1}"},
    {OID_JSONB, -1, "{\"a\": 1}", "017b2261223a20317d", "{\"a\": 1}"},
    {OID_XML, -1, "<a/>", "3c612f3e", "<a/>"},
    {OID_DATE, -1, "1970-01-01", "ffffd533", "0"},
    {OID_DATE, -1, "2000-02-29", "0000003b", "11016"},
    {OID_DATE, -1, "1999-12-31", "ffffffff", "10956"},
    {OID_DATE, -1, "0001-01-01", "fff4dbf9", "-719162"},
    {OID_DATE, -1, "0044-03-15 BC", "fff49d7b", "-735160"},
    {OID_DATE, -1, "4713-01-01 BC", "ffda97cd", "-2440550"},
    {OID_DATE, -1, "5874897-12-31", "7fda970c", "2145042905"},
    {OID_DATE, -1, "infinity", "7fffffff", "Infinity"},
    {OID_DATE, -1, "-infinity", "80000000", "-Infinity"},
    {OID_TIME, -1, "00:00:00", "0000000000000000", "0"},
    {OID_TIME, -1, "24:00:00", "000000141dd76000", "86400000000"},
    {OID_TIME, 3, "23:59:59.999", "000000141dd75c18", "86399999000"},
    {OID_TIMESTAMP, -1, "2000-01-01 00:00:00", "0000000000000000", "946684800000000"},
    {OID_TIMESTAMP, -1, "1999-12-31 23:59:59.999999", "ffffffffffffffff", "946684799999999"},
    {OID_TIMESTAMP, -1, "infinity", "7fffffffffffffff", "Infinity"},
    {OID_TIMESTAMP, -1, "-infinity", "8000000000000000", "-Infinity"},
    {OID_TIMESTAMP, -1, "0044-03-15 12:00:00 BC", "ff1af9e8fb46d000", "-63517780800000000"},
    {OID_TIMESTAMPTZ, -1, "2000-01-01 02:00:00+02", "0000000000000000", "946684800000000"},
    {OID_TIMESTAMPTZ, -1, "1999-12-31 18:30:00-05:30", "0000000000000000", "946684800000000"},
    {OID_TIMESTAMPTZ, -1, "2000-01-01 00:19:32.5+00:19:32", "000000000007a120",
     "946684800500000"},
    {OID_NUMERIC, -1, "0", "0000000000000000", "00/0"},
    {OID_NUMERIC, -1, "0.00", "0000000000000002", "00/2"},
    {OID_NUMERIC, -1, "12345678.0912", "000300010000000404d2162e0390", "1cbe98fa70/4"},
    {OID_NUMERIC, -1, "-1", "00010000400000000001", "ff/0"},
    {OID_NUMERIC, -1, "127", "0001000000000000007f", "7f/0"},
    {OID_NUMERIC, -1, "128", "00010000000000000080", "0080/0"},
    {OID_NUMERIC, -1, "-128", "00010000400000000080", "80/0"},
    {OID_NUMERIC, -1, "-129", "00010000400000000081", "ff7f/0"},
    {OID_NUMERIC, -1, "1.10", "00020000000000020001" "03e8", "6e/2"},
    {OID_NUMERIC, -1, "0.0001", "0001ffff000000040001", "01/4"},
    {OID_NUMERIC, -1, "10000000000000000000000000000000000000000", /* 10^40 */
     "0001000a000000000001", "1d6329f1c35ca4bfabb9f5610000000000/0"},
    {OID_NUMERIC, -1, "-10000000000000000000000000000000000000000", "0001000a400000000001",
     "e29cd60e3ca35b4054460a9f0000000000/0"},
    {OID_NUMERIC, -1, "99999999999999999999999999999999999999", /* 38 nines */
     "000a00090000" "0000" "0063" "270f270f270f270f270f270f270f270f270f",
     "4b3b4ca85a86c47a098a223fffffffff/0"},
    {OID_NUMERIC, -1, "NaN", "00000000c0000000", "NaN"},
    {OID_NUMERIC, -1, "Infinity", "00000000d0000020", "Infinity"},
    {OID_NUMERIC, -1, "-Infinity", "00000000f0000020", "-Infinity"},
    {OID_NUMERIC, NUMERIC(12, 2), "1234.56", "000200000000000204d215e0", "01e240/2"},
    {OID_NUMERIC, NUMERIC(12, 2), "-0.05", "0001ffff4000000201f4", "fb/2"},
    {OID_NUMERIC, NUMERIC(5, -2), "12300", "0002000100000000" "0001" "08fc", "300c/0"},
    {OID_NUMERIC, NUMERIC(3, 5), "0.00123", "0002ffff00000005000c" "0bb8", "7b/5"},
    {600, -1, "(1,2)", NULL, "(1,2)"},
};

static void
each_type_gives_the_same_value_from_text_and_from_binary(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(both_ways) / sizeof(both_ways[0]); i++) {
        const char *text = from_text(both_ways[i].oid, both_ways[i].typmod, both_ways[i].text);
        assert_non_null(text);
        assert_string_equal(text, both_ways[i].expect);
        if (both_ways[i].binary == NULL)
            continue;
        text = from_binary(both_ways[i].oid, both_ways[i].typmod, both_ways[i].binary);
        assert_non_null(text);
        assert_string_equal(text, both_ways[i].expect);
    }
}

static void
text_that_makes_no_sense_is_refused(void **state)
{
    static const struct {
        uint32_t oid;
        const char *text;
    } cases[] = {
        {OID_BOOL, "true"}, {OID_BOOL, ""}, {OID_INT2, "32768"}, {OID_INT2, "-32769"},
        {OID_INT4, "2147483648"}, {OID_INT8, "9223372036854775808"}, {OID_INT4, ""},
        {OID_INT4, "-"}, {OID_INT4, "1x"}, {OID_INT8, "99999999999999999999999"},
        {OID_FLOAT8, "0x10"}, {OID_FLOAT8, " 1"}, {OID_FLOAT8, ""}, {OID_FLOAT8, "1e"},
        {OID_BYTEA, "abc"}, {OID_BYTEA, "\\x1"}, {OID_BYTEA, "\\xzz"}, {OID_UUID, "123"},
        {OID_UUID, "123e4567-e89b-12d3-a456_426614174000"}, {OID_DATE, "2020-13-01"},
        {OID_DATE, "2020-01-00"}, {OID_DATE, "20-01-01"}, {OID_DATE, "2020-01-01 AD"},
        {OID_DATE, "2020-01-01x"}, {OID_TIME, "24:00:01"}, {OID_TIME, "1:00:00"},
        {OID_TIME, "10:60:00"}, {OID_TIMESTAMP, "2020-01-01"},
        {OID_TIMESTAMP, "2020-01-01 00:00:00+00"}, {OID_TIMESTAMPTZ, "2020-01-01 00:00:00"},
        {OID_TIMESTAMP, "294276-12-31 23:59:59.999999"}, /* past an int64 from 1970 */
        {OID_NUMERIC, ""}, {OID_NUMERIC, "-"}, {OID_NUMERIC, "."}, {OID_NUMERIC, "1e5"},
        {OID_NUMERIC, "1.2.3"}, {OID_NUMERIC, "nan"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (from_text(cases[i].oid, -1, cases[i].text) != NULL)
            fail_msg("\"%s\" was taken for a value of type %u", cases[i].text, cases[i].oid);
    }
}

static void
binary_that_makes_no_sense_is_refused(void **state)
{
    static const struct {
        uint32_t oid;
        const char *hex;
    } cases[] = {
        {OID_BOOL, ""}, {OID_BOOL, "0101"}, {OID_INT2, "01"}, {OID_INT4, "0000000000000001"},
        {OID_INT8, "000001"}, {OID_FLOAT4, "00000000000000"}, {OID_UUID, "00"},
        {OID_JSONB, "027b7d"}, {OID_JSONB, ""}, {OID_TIME, "000000141dd76001"},
        {OID_TIME, "ffffffffffffffff"}, {OID_DATE, "7ffffffe"},
        {OID_TIMESTAMP, "7ffffffffffffffe"}, /* past an int64 from 1970 */
        {OID_NUMERIC, ""}, {OID_NUMERIC, "00010000000000"}, {OID_NUMERIC, "0001000000000000"},
        {OID_NUMERIC, "ffff000000000000"}, {OID_NUMERIC, "00010000000000002710"}, /* 10000 */
        {OID_NUMERIC, "0000000012340000"}, {OID_NUMERIC, "000000000000ffff"},
        {OID_NUMERIC, "0001ffff000000020001"}, /* 0.0001 with two decimals */
        {600, "00"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (from_binary(cases[i].oid, -1, cases[i].hex) != NULL)
            fail_msg("%s was taken for a value of type %u", cases[i].hex, cases[i].oid);
    }
}

static void
a_numeric_takes_the_scale_that_its_column_declares(void **state)
{
    (void)state;
    assert_string_equal(from_text(OID_NUMERIC, NUMERIC(10, 4), "1.5"), "3a98/4");
    assert_string_equal(from_text(OID_NUMERIC, NUMERIC(10, 1), "1.500"), "0f/1");
    assert_null(from_text(OID_NUMERIC, NUMERIC(10, 1), "1.55"));
    assert_null(from_binary(OID_NUMERIC, NUMERIC(10, 1), "0002000000000002" "0001" "157c"));
}

static void
the_modifier_gives_length_precision_and_scale(void **state)
{
    struct column column;
    (void)state;

    column = column_of(OID_NUMERIC, NUMERIC(12, 2));
    assert_int_equal(column.type, TYPE_DECIMAL);
    assert_int_equal(column.precision, 12);
    assert_int_equal(column.scale, 2);
    column = column_of(OID_NUMERIC, 329730); /* numeric(5,-2), seen on 18 */
    assert_int_equal(column.precision, 7);
    assert_int_equal(column.scale, 0);
    column = column_of(OID_NUMERIC, NUMERIC(3, 5));
    assert_int_equal(column.precision, 5);
    assert_int_equal(column.scale, 5);
    assert_int_equal(column_of(OID_NUMERIC, -1).type, TYPE_NUMERIC);
    assert_int_equal(column_of(OID_VARCHAR, 24).length, 20);
    assert_int_equal(column_of(OID_TIMESTAMP, 3).precision, 3);
    assert_int_equal(column_of(OID_TIMESTAMPTZ, -1).precision, -1);
    assert_int_equal(column_of(600, -1).type, TYPE_OTHER);
}

static void
types_without_a_binary_decoder_are_not_listed(void **state)
{
    (void)state;
    assert_true(postgres_type_listed(OID_JSONB));
    assert_true(postgres_type_listed(OID_NUMERIC));
    assert_true(postgres_type_listed(OID_XML));
    assert_false(postgres_type_listed(600));  /* point */
    assert_false(postgres_type_listed(1007)); /* int4[] */
    assert_false(postgres_type_listed(70000));
}

/* ---- rows ---- */

/* id int4 (identity), note text */
static struct relation *
notes(void)
{
    struct relation *rel = relation_new(7, "public", "notes", 2);

    rel->columns[0] = (struct column){.name = "id", .type = TYPE_INT32, .type_id = OID_INT4,
                                      .identity = true};
    rel->columns[1] = (struct column){.name = "note", .type = TYPE_TEXT, .type_id = OID_TEXT};
    relation_seal(rel);
    return rel;
}

static int
decode_kind(struct relation *rel, enum frame_kind kind, const char *hex, struct change *change)
{
    struct batch *batch = batch_new();
    struct transaction id = {.final = 9};
    struct bytes message = unhex(hex);
    struct frame frame = {.relation = rel, .kind = (uint8_t)kind};
    int status;

    batch_add_transaction(batch, &id, 1, &err);
    batch_add_frame(batch, &frame, message, &err);
    /* the values below point into the arena's copy, which outlives the batch */
    buffer_free(&batch->raw);
    batch->raw = (struct buffer){.at = arena_copy(&arena, message.at, message.len),
                                 .len = message.len};
    status = decoder_pgoutput.decode(batch, &batch->frames[0], &arena, change, &err);
    batch->raw = (struct buffer){0};
    batch_free(batch);
    return status;
}

static int
decode(struct relation *rel, const char *hex, struct change *change)
{
    return decode_kind(rel, FRAME_ROW, hex, change);
}

#define ID_1 "74" "00000001" "31"
#define NOTE_X "74" "00000001" "78"

static void
an_unchanged_value_is_taken_from_the_whole_old_row(void **state)
{
    struct relation *rel = notes();
    struct change change;
    (void)state;

    assert_int_equal(decode(rel, "55" "00000007" "4f" "0002" ID_1 NOTE_X "4e" "0002" ID_1 "75",
                            &change), 0);
    assert_int_equal(change.op, CHANGE_UPDATE);
    assert_int_equal(change.old_kind, OLD_ROW);
    assert_string_equal(said(&rel->columns[1], &change.new_row[1]), "x");
    relation_release(rel);
}

static void
an_unchanged_key_is_taken_from_the_old_key_and_nothing_else_is(void **state)
{
    struct relation *rel = notes();
    struct change change;
    (void)state;

    assert_int_equal(decode(rel, "55" "00000007" "4b" "0002" ID_1 "6e" "4e" "0002" "75" "75",
                            &change), 0);
    assert_int_equal(change.old_kind, OLD_KEY);
    assert_int_equal(change.new_row[0].i, 1);
    assert_int_equal(change.new_row[1].state, VALUE_UNCHANGED);
    relation_release(rel);
}

static void
a_row_of_each_kind_is_decoded(void **state)
{
    struct relation *rel = notes();
    struct change change;
    (void)state;

    assert_int_equal(decode(rel, "49" "00000007" "4e" "0002" "62" "00000004" "00000005" "6e",
                            &change), 0);
    assert_int_equal(change.op, CHANGE_INSERT);
    assert_int_equal(change.old_kind, OLD_NONE);
    assert_int_equal(change.new_row[0].i, 5);
    assert_int_equal(change.new_row[1].state, VALUE_NULL);
    assert_int_equal(decode(rel, "44" "00000007" "4b" "0002" ID_1 "6e", &change), 0);
    assert_int_equal(change.op, CHANGE_DELETE);
    assert_int_equal(change.old_kind, OLD_KEY);
    assert_null(change.new_row);
    assert_int_equal(decode_kind(rel, FRAME_TRUNCATE, "54", &change), 0);
    assert_int_equal(change.op, CHANGE_TRUNCATE);
    assert_null(change.old_row);
    relation_release(rel);
}

static void
a_message_that_does_not_fit_is_refused_and_names_its_table(void **state)
{
    static const char *const cases[] = {
        "", "49", "49" "00000008" "4e" "0002" ID_1 NOTE_X,    /* another table */
        "49" "00000007" "4e" "0001" ID_1,                     /* too few columns */
        "49" "00000007" "4e" "0002" ID_1,                     /* cut */
        "49" "00000007" "4e" "0002" ID_1 "74" "000000ff" "78", /* a length past the end */
        "49" "00000007" "4e" "0002" ID_1 "7a",                /* an unknown kind */
        "49" "00000007" "4e" "0002" ID_1 NOTE_X "00",         /* too much */
        "49" "00000007" "4b" "0002" ID_1 NOTE_X,              /* an insert with a key */
        "44" "00000007" "4e" "0002" ID_1 NOTE_X,              /* a delete with a new row */
        "55" "00000007" "4b" "0002" ID_1 "6e",                /* an update without a new row */
        "42" "00000007" "4e" "0002" ID_1 NOTE_X,
        "49" "00000007" "4e" "0002" "74" "00000001" "7a" NOTE_X, /* "z" is no integer */
    };
    struct relation *rel = notes();
    struct change change;
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(decode(rel, cases[i], &change), -1);
        assert_int_equal(err.kind, ERROR_DATA);
        assert_non_null(strstr(err.text, "public.notes"));
    }
    relation_release(rel);
}

static void
a_table_without_columns_has_rows(void **state)
{
    struct relation *rel = relation_new(7, "public", "nothing", 0);
    struct change change;
    (void)state;

    assert_int_equal(decode(rel, "49" "00000007" "4e" "0000", &change), 0);
    assert_non_null(change.new_row);
    relation_release(rel);
}

/* The largest numeric there is goes through without loss and in bounded time. */
static void
a_numeric_of_131068_digits_is_exact(void **state)
{
    struct column column = column_of(OID_NUMERIC, -1);
    struct buffer text = {0}, binary = {0};
    struct value from, to;
    (void)state;

    buffer_put_be16(&binary, 32767);
    buffer_put_be16(&binary, 32767 - 4095);
    buffer_put_be16(&binary, 0x4000);
    buffer_put_be16(&binary, 16380);
    buffer_put_u8(&text, '-');
    for (int i = 0; i < 32767; i++) {
        unsigned digit = 1 + (unsigned)i * 7 % 9999;
        buffer_put_be16(&binary, (uint16_t)digit);
        if (i == 32767 - 4095 + 1)
            buffer_put_u8(&text, '.');
        buffer_printf(&text, "%04u", digit);
    }
    for (int i = 32767; i < 32767 + 1; i++)
        buffer_printf(&text, "0000");
    /* 28,673 digits before the point, 4,094 after it; one more of zeros up to the scale */
    assert_int_equal(postgres_value_binary(&column, bytes_of(binary.at, binary.len), &arena,
                                           &from, &err), 0);
    assert_int_equal(postgres_value_text(&column, bytes_of(text.at, text.len), &arena, &to, &err),
                     0);
    assert_int_equal(from.scale, 16380);
    assert_int_equal(to.scale, 16380);
    assert_int_equal(from.bytes.len, to.bytes.len);
    assert_memory_equal(from.bytes.at, to.bytes.at, from.bytes.len);
    buffer_free(&text);
    buffer_free(&binary);
}

static int
clear(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(each_type_gives_the_same_value_from_text_and_from_binary, clear),
        cmocka_unit_test_teardown(text_that_makes_no_sense_is_refused, clear),
        cmocka_unit_test_teardown(binary_that_makes_no_sense_is_refused, clear),
        cmocka_unit_test_teardown(a_numeric_takes_the_scale_that_its_column_declares, clear),
        cmocka_unit_test_teardown(the_modifier_gives_length_precision_and_scale, clear),
        cmocka_unit_test_teardown(types_without_a_binary_decoder_are_not_listed, clear),
        cmocka_unit_test_teardown(an_unchanged_value_is_taken_from_the_whole_old_row, clear),
        cmocka_unit_test_teardown(an_unchanged_key_is_taken_from_the_old_key_and_nothing_else_is,
                                  clear),
        cmocka_unit_test_teardown(a_row_of_each_kind_is_decoded, clear),
        cmocka_unit_test_teardown(a_message_that_does_not_fit_is_refused_and_names_its_table,
                                  clear),
        cmocka_unit_test_teardown(a_table_without_columns_has_rows, clear),
        cmocka_unit_test_teardown(a_numeric_of_131068_digits_is_exact, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
