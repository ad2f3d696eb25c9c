/*
 * test_binlog_types.c -- every type of a row image, edge values first. The bytes are those that
 * MySQL 9.7.4 and MariaDB 10.11.19 wrote, unless said.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../cdc/decode/binlog_types.h"
#include "../../schema/value_text.h"

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

static const char *
hex_of(struct bytes bytes)
{
    char *hex = arena_alloc(&arena, 2 * bytes.len + 1);

    for (size_t i = 0; i < bytes.len; i++)
        sprintf(hex + 2 * i, "%02x", bytes.at[i]);
    return hex;
}

static const char *
decimal_of(const struct value *value)
{
    struct buffer text = {0};
    const uint8_t *at = value->bytes.at;
    const char *copy;

    assert_true(value->bytes.len > 0); /* and in its shortest form */
    if (value->bytes.len > 1)
        assert_false((at[0] == 0x00 && at[1] < 0x80) || (at[0] == 0xff && at[1] >= 0x80));
    decimal_text(&text, value->bytes, value->scale);
    copy = arena_strdup(&arena, buffer_cstr(&text));
    buffer_free(&text);
    return copy;
}

/* A value as one line: what the expectations below are written in. */
static const char *
said(const struct column *column, const struct value *value)
{
    assert_int_equal(value->state, VALUE_SET);
    if (value->special == VALUE_NO_DATE)
        return arena_printf(&arena, "none %" PRId64, value->i);
    assert_int_equal(value->special, VALUE_FINITE);
    switch (column->type) {
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        return arena_printf(&arena, "%.17g", value->f);
    case TYPE_DECIMAL:
        return decimal_of(value);
    case TYPE_TEXT:
    case TYPE_JSON:
    case TYPE_UUID:
    case TYPE_ENUM:
    case TYPE_SET:
        return arena_printf(&arena, "%.*s", (int)value->bytes.len, (const char *)value->bytes.at);
    case TYPE_BYTES:
    case TYPE_BITS:
    case TYPE_VECTOR:
        return hex_of(value->bytes);
    case TYPE_GEOMETRY:
    case TYPE_POINT:
        return arena_printf(&arena, "%d:%s", value->scale, hex_of(value->bytes));
    default:
        return arena_printf(&arena, "%" PRId64, value->i);
    }
}

static struct column
column_of(const struct binlog_column *how)
{
    struct column column = {.name = "c", .binlog = how};

    if (binlog_type_prepare(&column, &arena, &err) == -1)
        fail_msg("type %u: %s", how->type, err.text);
    return column;
}

/* NULL: refused. The cursor must be at its end, after skipping too. */
static const char *
decoded(const struct binlog_column *how, struct bytes raw)
{
    struct column column = column_of(how);
    struct cursor in = cursor_of(raw), skipped = in;
    struct value value;

    assert_int_equal(binlog_value_skip(&column, &skipped), 0);
    assert_true(cursor_done(&skipped));
    if (binlog_value(&column, &in, &arena, &value, &err) == -1) {
        assert_int_equal(err.kind, ERROR_DATA);
        assert_non_null(strstr(err.text, "column c: "));
        return NULL;
    }
    assert_true(cursor_done(&in));
    return said(&column, &value);
}

static const struct bytes labels[] = {{(const uint8_t *)"a", 1},
                                      {(const uint8_t *)"b,c", 3},
                                      {(const uint8_t *)"\xc3\xa9", 2}};

#define TYPE(name) .type = BINLOG_##name
#define DECIMAL(p, s) {TYPE(NEWDECIMAL), .precision = (p), .scale = (s)}
#define FRACTION(name, digits) {TYPE(name), .fraction = (digits)}
#define CHARS(name, bytes, set)                                                                    \
    {                                                                                              \
        TYPE(name), .width = (bytes) > 255 ? 2 : 1, .max_bytes = (bytes),                          \
                    .charset = BINLOG_CHARSET_##set                                                \
    }
#define BLOB(prefix, set) {TYPE(BLOB), .width = (prefix), .charset = BINLOG_CHARSET_##set}
#define DISGUISED(as, bytes)                                                                       \
    {                                                                                              \
        TYPE(STRING), .width = 1, .max_bytes = (bytes), .charset = BINLOG_CHARSET_BINARY,          \
                      .disguise = DISGUISE_##as                                                    \
    }
#define LABELS(name, bytes) {TYPE(name), .width = (bytes), .nlabels = 3, .labels = labels}
#define COMPRESSED(name, prefix, set) \
    {TYPE(name##_COMPRESSED), .width = (prefix), .max_bytes = 1001, .charset = BINLOG_CHARSET_##set}

struct example {
    struct binlog_column how;
    const char *hex, *expect; /* NULL: refused */
};

static const struct example examples[] = {
    {{TYPE(TINY)}, "80", "-128"},
    {{TYPE(TINY)}, "7f", "127"},
    {{TYPE(TINY), .is_unsigned = true}, "80", "128"},
    {{TYPE(TINY), .is_unsigned = true}, "ff", "255"},
    {{TYPE(SHORT)}, "0080", "-32768"},
    {{TYPE(SHORT)}, "ff7f", "32767"},
    {{TYPE(SHORT), .is_unsigned = true}, "ffff", "65535"},
    {{TYPE(INT24)}, "000080", "-8388608"},
    {{TYPE(INT24)}, "ffff7f", "8388607"},
    {{TYPE(INT24)}, "ffffff", "-1"},
    {{TYPE(INT24), .is_unsigned = true}, "ffffff", "16777215"},
    {{TYPE(LONG)}, "00000080", "-2147483648"},
    {{TYPE(LONG)}, "ffffff7f", "2147483647"},
    {{TYPE(LONG), .is_unsigned = true}, "ffffffff", "4294967295"},
    {{TYPE(LONGLONG)}, "0000000000000080", "-9223372036854775808"},
    {{TYPE(LONGLONG)}, "ffffffffffffff7f", "9223372036854775807"},
    {{TYPE(LONGLONG), .is_unsigned = true}, "0000000000000000", "0"},
    {{TYPE(LONGLONG), .is_unsigned = true}, "7f00000000000000", "127"},
    {{TYPE(LONGLONG), .is_unsigned = true}, "8000000000000000", "128"},
    {{TYPE(LONGLONG), .is_unsigned = true}, "ffffffffffffff7f", "9223372036854775807"},
    {{TYPE(LONGLONG), .is_unsigned = true}, "0000000000000080", "9223372036854775808"},
    {{TYPE(LONGLONG), .is_unsigned = true}, "ffffffffffffffff", "18446744073709551615"},
    {{TYPE(FLOAT)}, "0000c0bf", "-1.5"},
    {{TYPE(FLOAT)}, "cdcccc3d", "0.10000000149011612"},
    {{TYPE(DOUBLE)}, "0100000000000000", "4.9406564584124654e-324"},
    {{TYPE(YEAR), .is_unsigned = true}, "00", "0"},
    {{TYPE(YEAR), .is_unsigned = true}, "01", "1901"},
    {{TYPE(YEAR), .is_unsigned = true}, "64", "2000"},
    {{TYPE(YEAR), .is_unsigned = true}, "ff", "2155"},

    {DECIMAL(65, 30), "85f5e0ff3b9ac9ff3b9ac9ff3b9ac9ff3b9ac9ff3b9ac9ff3b9ac9ff03e7",
     "99999999999999999999999999999999999.999999999999999999999999999999"},
    {DECIMAL(65, 30), "7a0a1f00c4653600c4653600c4653600c4653600c4653600c4653600fc18",
     "-99999999999999999999999999999999999.999999999999999999999999999999"},
    {DECIMAL(65, 30), "800000000000000000000000000000000000000000000000000000000000",
     "0.000000000000000000000000000000"},
    {DECIMAL(65, 30), "800000000000000000000000000000000000000000000000000000000001",
     "0.000000000000000000000000000001"},
    {DECIMAL(65, 30), "7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe",
     "-0.000000000000000000000000000001"},
    {DECIMAL(20, 6), "7fffffffed2978f26787", "-1234567.891000"},
    {DECIMAL(20, 6), "80000000000000000000", "0.000000"},
    {DECIMAL(20, 6), "80000000000001000000", "1.000000"},
    {DECIMAL(20, 6), "7ffffffffffffeffffff", "-1.000000"},
    {DECIMAL(5, 5), "7ffffe", "-0.00001"},
    {DECIMAL(5, 5), "81869f", "0.99999"},
    {DECIMAL(38, 0), "e33b9ac9ff3b9ac9ff3b9ac9ff3b9ac9ff",
     "99999999999999999999999999999999999999"},
    {DECIMAL(38, 0), "1cc4653600c4653600c4653600c4653600",
     "-99999999999999999999999999999999999999"},
    {DECIMAL(38, 0), "8000000000000000121aa0c6092a4ae5ff", "18446744073709551615"},
    {DECIMAL(38, 0), "7fffffffffffffffede55f39f6d5b519ff", "-18446744073709551616"},
    {DECIMAL(39, 0), "83e73b9ac9ff3b9ac9ff3b9ac9ff3b9ac9ff",
     "999999999999999999999999999999999999999"},
    {DECIMAL(39, 0), "815410d493c837efd0e716540e472dc9fa00",
     "340282366920938463463374607431768211456"},
    {DECIMAL(39, 0), "7eabef2b6c37c8102f18e9abf1b8d23605ff",
     "-340282366920938463463374607431768211456"},
    {DECIMAL(39, 0), "7f55f795b61be408178cd70893dccb4d9dff",
     "-170141183460469231731687303715884105728"},
    {DECIMAL(39, 0), "800000000000000000000000000000000000", "0"},
    {DECIMAL(10, 2), "80bc614e5a", "12345678.90"},
    {DECIMAL(10, 2), "7ffffffffe", "-0.01"},
    {DECIMAL(10, 2), "7fffffffff", "0.00"}, /* a negative zero, that no server writes */
    {DECIMAL(18, 0), "bb9ac9ff3b9ac9ff", "999999999999999999"},
    {DECIMAL(18, 0), "44653600c4653600", "-999999999999999999"},
    {DECIMAL(18, 0), "7fffffffffffff7f", "-128"},
    {DECIMAL(18, 0), "80000000000000ff", "255"},
    {DECIMAL(3, 1), "1cf6", "-99.9"},
    {DECIMAL(3, 1), "73f7", "-12.8"},
    {DECIMAL(3, 1), "8c08", "12.8"},
    {DECIMAL(3, 1), "e408", NULL},     /* 100.8 */
    {DECIMAL(3, 1), "8c0a", NULL},     /* 12.10 */
    {DECIMAL(9, 0), "bb9aca00", NULL}, /* 10^9 */

    {{TYPE(DATE)}, "22d00f", "19724"},   /* 2024-01-02 */
    {{TYPE(DATE)}, "9f1f4e", "2932896"}, /* 9999-12-31 */
    {{TYPE(DATE)}, "000000", "none 0"},
    {{TYPE(DATE)}, "0fd00f", "none 841999"}, /* 2024-00-15 */
    {{TYPE(DATE)}, "5fd00f", "none 842079"}, /* 2024-02-31 */
    {{TYPE(DATE)}, "00d00f", "none 841984"}, /* 2024-00-00 */
    {{TYPE(DATE)}, "210000", "-719528"},     /* 0000-01-01 */
    {{TYPE(DATE)}, "210200", "-719162"},     /* 0001-01-01 */
    {{TYPE(DATE)}, "5da00f", "11016"},       /* 2000-02-29 */
    {{TYPE(DATE)}, "5dd80e", "none 790493"}, /* 1900-02-29 */
    {{TYPE(DATE)}, "a1d10f", NULL},          /* month 13 */
    {{TYPE(DATE)}, "21204e", NULL},          /* year 10000 */

    {FRACTION(DATETIME2, 0), "fef3ff7efb", "253402300799000000"},
    {FRACTION(DATETIME2, 1), "99b2bac8b846", "1709210096700000"},
    {FRACTION(DATETIME2, 2), "99b2bec8b84e", "none 72755670896780000"},
    {FRACTION(DATETIME2, 3), "99027f7efb2706", "-1000"},
    {FRACTION(DATETIME2, 4), "80000000000000", "none 0"},
    {FRACTION(DATETIME2, 5), "99b21e108300000a", "none 72748717323000010"},
    {FRACTION(DATETIME2, 6), "9902c20000000001", "1"},
    {FRACTION(DATETIME2, 0), "7fffffffff", NULL},
    {FRACTION(DATETIME2, 0), "9902c38000", NULL},       /* 24:00:00 */
    {FRACTION(DATETIME2, 0), "9902c20f00", NULL},       /* 00:60:00 */
    {FRACTION(DATETIME2, 0), "9902c2003c", NULL},       /* 00:00:60 */
    {FRACTION(DATETIME2, 1), "9902c2000064", NULL},     /* .100 */
    {FRACTION(DATETIME2, 6), "9902c200000f4240", NULL}, /* 1,000,000 microseconds */
    {FRACTION(DATETIME2, 0), "ffffffffff", NULL},

    {FRACTION(TIMESTAMP2, 0), "7fffffff", "2147483647000000"},
    {FRACTION(TIMESTAMP2, 0), "ffffffff", "4294967295000000"},
    {FRACTION(TIMESTAMP2, 0), "80000000", "2147483648000000"},
    {FRACTION(TIMESTAMP2, 1), "3a7b837246", "981173106700000"},
    {FRACTION(TIMESTAMP2, 2), "3a7b83724e", "981173106780000"},
    {FRACTION(TIMESTAMP2, 3), "3a7b83721ed2", "981173106789000"},
    {FRACTION(TIMESTAMP2, 4), "000000000000", "none 0"},
    {FRACTION(TIMESTAMP2, 5), "3a7b83720c0a12", "981173106789010"},
    {FRACTION(TIMESTAMP2, 6), "00000001000001", "1000001"},
    {FRACTION(TIMESTAMP2, 0), "00000000", "none 0"},
    {FRACTION(TIMESTAMP2, 1), "0000000032", "500000"}, /* MariaDB's 1970-01-01 00:00:00.5 */
    {FRACTION(TIMESTAMP2, 6), "00000001ffffff", NULL},

    {FRACTION(TIME2, 0), "7fffff", "-1000000"},
    {FRACTION(TIME2, 0), "4b9105", "-3020399000000"},
    {FRACTION(TIME2, 0), "b46efb", "3020399000000"},
    {FRACTION(TIME2, 0), "800000", "0"},
    {FRACTION(TIME2, 1), "7ffffff6", "-100000"},
    {FRACTION(TIME2, 1), "7ffffef6", "-1100000"},
    {FRACTION(TIME2, 1), "8000010a", "1100000"},
    {FRACTION(TIME2, 1), "7fffc000", "-60000000"},
    {FRACTION(TIME2, 2), "7fffffff", "-10000"},
    {FRACTION(TIME2, 2), "7fef7c9d", "-3723990000"},
    {FRACTION(TIME2, 2), "b46efa63", "3020398990000"},
    {FRACTION(TIME2, 2), "7ff00000", "-3600000000"},
    {FRACTION(TIME2, 3), "7ffffffff6", "-1000"},
    {FRACTION(TIME2, 3), "7f3747e12e", "-45296789000"},
    {FRACTION(TIME2, 3), "8000011388", "1500000"},
    {FRACTION(TIME2, 3), "7fffff0000", "-1000000"},
    {FRACTION(TIME2, 4), "7fffffffff", "-100"},
    {FRACTION(TIME2, 4), "817efb270f", "86399999900"},
    {FRACTION(TIME2, 5), "7ffffffffff6", "-10"},
    {FRACTION(TIME2, 5), "4b9105f0bdca", "-3020398999990"},
    {FRACTION(TIME2, 6), "7fffffffffff", "-1"},
    {FRACTION(TIME2, 6), "4b9105000000", "-3020399000000"},
    {FRACTION(TIME2, 6), "b46efa0f423f", "3020398999999"},
    {FRACTION(TIME2, 6), "7ffffeffffff", "-1000001"},
    {FRACTION(TIME2, 6), "b46efb0f423f", "3020399999999"},
    {FRACTION(TIME2, 6), "4b9104f0bdc1", "-3020399999999"},
    {FRACTION(TIME2, 0), "b47000", NULL}, /* 839:00:00 */
    {FRACTION(TIME2, 0), "800f00", NULL}, /* 00:60:00 */
    {FRACTION(TIME2, 0), "80003c", NULL},
    {FRACTION(TIME2, 2), "80000064", NULL},
    {FRACTION(TIME2, 0), "000000", NULL},

    /* of before MySQL 5.6, as MariaDB writes them with mysql56_temporal_format=OFF */
    {{TYPE(TIME)}, "590a80", "-3020399000000"},
    {{TYPE(TIME)}, "a7f57f", "3020399000000"},
    {{TYPE(TIME)}, "ffffff", "-1000000"},
    {{TYPE(TIME)}, "40e201", "45296000000"},
    {{TYPE(TIME)}, "ffff7f", NULL},
    {{TYPE(TIME)}, "000080", NULL},
    {{TYPE(TIME)}, "3c0000", NULL}, /* 00:00:60 */
    {{TYPE(DATETIME)}, "f67cac8b68120000", "1709251198000000"},
    {{TYPE(DATETIME)}, "0000000000000000", "none 0"},
    {{TYPE(DATETIME)}, "c0edcd05f15a0000", "253402214400000000"},
    {{TYPE(DATETIME)}, "40c3775418090000", "-30610224000000000"},
    {{TYPE(DATETIME)}, "ffffffffffffffff", NULL},
    {{TYPE(DATETIME)}, "400bfa09f15a0000", NULL}, /* 9999-13-01 */
    {{TYPE(DATETIME)}, "00c9e08568120000", NULL}, /* 2024-01-32 */
    {{TYPE(DATETIME)}, "40637f16f35a0000", NULL}, /* 10000-01-01 */
    {{TYPE(DATETIME)}, "c06c0b8468120000", NULL}, /* 24:00:00 */
    {{TYPE(DATETIME)}, "b0da078468120000", NULL}, /* 00:60:00 */
    {{TYPE(TIMESTAMP)}, "72837b3a", "981173106000000"},
    {{TYPE(TIMESTAMP)}, "01000000", "1000000"},
    {{TYPE(TIMESTAMP)}, "00000000", "none 0"},

    {{TYPE(BIT), .bits = 1, .width = 1}, "01", "1"},
    {{TYPE(BIT), .bits = 1, .width = 1}, "00", "0"},
    {{TYPE(BIT), .bits = 7, .width = 1}, "55", "55"},
    {{TYPE(BIT), .bits = 12, .width = 2}, "0aab", "ab0a"},
    {{TYPE(BIT), .bits = 64, .width = 8}, "8000000000000001", "0100000000000080"},

    {LABELS(ENUM, 1), "00", ""},
    {LABELS(ENUM, 1), "02", "b,c"},
    {LABELS(ENUM, 2), "0300", "\xc3\xa9"},
    {LABELS(ENUM, 1), "04", NULL},
    {LABELS(ENUM, 2), "ffff", NULL},
    {LABELS(SET, 1), "00", ""},
    {LABELS(SET, 1), "02", "b,c"},
    {LABELS(SET, 1), "05", "a,\xc3\xa9"},
    {LABELS(SET, 1), "07", "a,b,c,\xc3\xa9"},
    {LABELS(SET, 1), "08", NULL},
    {LABELS(SET, 8), "0000000000000080", NULL},

    {CHARS(STRING, 40, UTF8MB4), "00", ""},
    {CHARS(STRING, 40, UTF8MB4), "026120", "a "},
    {CHARS(STRING, 1020, UTF8MB4), "0100ff", "\xff"}, /* encoders look at it */
    {CHARS(STRING, 10, LATIN1), "026ce9", "l\xc3\xa9"},
    {CHARS(STRING, 10, ASCII), "01e9", NULL},
    {CHARS(STRING, 2, LATIN1), "03616161", NULL}, /* longer than its column */
    {CHARS(STRING, 8, BINARY), "020102", "0102000000000000"},
    {CHARS(STRING, 8, BINARY), "00", "0000000000000000"},
    {CHARS(STRING, 8, BINARY), "080000000000000001", "0000000000000001"},
    {CHARS(STRING, 0, BINARY), "00", ""},
    {CHARS(VARCHAR, 10, UTF8MB4), "03616263", "abc"},
    {CHARS(VARCHAR, 1200, UTF8MB4), "0300616263", "abc"},
    {CHARS(VARCHAR, 8, BINARY), "020102", "0102"},
    {CHARS(VAR_STRING, 300, LATIN1), "010080", "\xe2\x82\xac"},
    {BLOB(1, UTF8MB4), "0161", "a"},
    {BLOB(2, LATIN1), "0100e9", "\xc3\xa9"},
    {BLOB(3, UTF8MB3), "020000c3a9", "\xc3\xa9"},
    {BLOB(4, ASCII), "0100000061", "a"},
    {BLOB(1, BINARY), "0100", "00"},
    {BLOB(2, BINARY), "0000", ""},
    {BLOB(3, BINARY), "020000ff00", "ff00"},
    {BLOB(4, BINARY), "0100000080", "80"},

    {{TYPE(GEOMETRY), .width = 4},
     "19000000000000000101000000000000000000f03f0000000000000040",
     "0:0101000000000000000000f03f0000000000000040"},
    {{TYPE(GEOMETRY), .width = 4, .geometry = 1},
     "19000000e61000000101000000000000000000f03f0000000000000040",
     "4326:0101000000000000000000f03f0000000000000040"},
    {{TYPE(GEOMETRY), .width = 4}, "00000000", "0:"}, /* MariaDB: INSERT IGNORE of NULL */
    {{TYPE(GEOMETRY), .width = 4}, "03000000000000", NULL},
    {{TYPE(VECTOR), .width = 4}, "0c0000000000803f0000004000004040", "0000803f0000004000004040"},
    {{TYPE(VECTOR), .width = 4}, "0300000000803f", NULL},
    {{TYPE(VARCHAR), .width = 1, .max_bytes = 8, .charset = BINLOG_CHARSET_BINARY,
      .disguise = DISGUISE_VECTOR},
     "080000803f00000040",
     "0000803f00000040"},

    {DISGUISED(UUID, 16), "00", "00000000-0000-0000-0000-000000000000"},
    {DISGUISED(UUID, 16), "0f123e4567e89b12d3a4564266141740",
     "123e4567-e89b-12d3-a456-426614174000"},
    {DISGUISED(UUID, 16), "10ffffffffffffffffffffffffffffffff",
     "ffffffff-ffff-ffff-ffff-ffffffffffff"},
    {DISGUISED(UUID, 16), "11ffffffffffffffffffffffffffffffffff", NULL},
    {DISGUISED(INET4, 4), "00", "0.0.0.0"},
    {DISGUISED(INET4, 4), "010a", "10.0.0.0"},
    {DISGUISED(INET4, 4), "04c0a80063", "192.168.0.99"},
    {DISGUISED(INET4, 4), "04ffffffff", "255.255.255.255"},
    {DISGUISED(INET4, 4), "050000000000", NULL},
    {DISGUISED(INET6, 16), "00", "::"},
    {DISGUISED(INET6, 16), "1000000000000000000000000000000001", "::1"},
    {DISGUISED(INET6, 16), "1000000000000000000000ffff01020304", "::ffff:1.2.3.4"},
    {DISGUISED(INET6, 16), "1000000000000000000000000001020304", "::1.2.3.4"},
    {DISGUISED(INET6, 16), "1020010db8000000000000000000000001", "2001:db8::1"},
    {DISGUISED(INET6, 16), "1020010db8000000010001000100010001", "2001:db8::1:1:1:1:1"},
    {DISGUISED(INET6, 16), "1020010000000000010000000000000001", "2001:0:0:1::1"},
    {DISGUISED(INET6, 16), "0e0001000000000002000000000003", "1::2:0:0:3:0"},
    {DISGUISED(INET6, 16), "02fe80", "fe80::"},
    {DISGUISED(INET6, 16), "0c00000000000000000000ffff", "::ffff:0.0.0.0"},
    {DISGUISED(INET6, 16), "0e0000000000000000000000000001", "::0.1.0.0"},
    {DISGUISED(INET6, 16), "0f000000000000000000000000000001", "::100"},
    {DISGUISED(INET6, 16), "0400000001", "0:1::"},
    {DISGUISED(INET6, 16), "0e0001000200030004000500060007", "1:2:3:4:5:6:7::"},
    {DISGUISED(INET6, 16), "1000000002000300040005000600070008", "::2:3:4:5:6:7:8"},
    {DISGUISED(INET6, 16), "10abcdef0123456789abcdef0123456789",
     "abcd:ef01:2345:6789:abcd:ef01:2345:6789"},
    {DISGUISED(INET6, 16), "1000000000000000000000fffe01020304", "::fffe:102:304"},

    {COMPRESSED(VARCHAR, 2, UTF8MB4), "0000", ""},
    {COMPRESSED(VARCHAR, 2, UTF8MB4), "06000073686f7274", "short"},
    {COMPRESSED(BLOB, 2, BINARY), "02000000", "00"},
    {COMPRESSED(VARCHAR, 1, LATIN1), "0200e9", "\xc3\xa9"},
    {COMPRESSED(VARCHAR, 2, UTF8MB4), "0300c07800", NULL},                     /* another method */
    {COMPRESSED(VARCHAR, 2, UTF8MB4), "0d008b02584b4c4a1c85a390ea1000", NULL}, /* another length */
    {COMPRESSED(VARCHAR, 2, UTF8MB4), "0d008a02594b4c4a1c85a390ea1000", NULL},
    {COMPRESSED(VARCHAR, 2, UTF8MB4), "0c008a02584b4c4a1c85a390ea10", NULL}, /* cut off */
    {COMPRESSED(VARCHAR, 2, UTF8MB4), "0e008a02584b4c4a1c85a390ea100000",
     NULL},                                                                    /* more behind it */
    {COMPRESSED(VARCHAR, 2, UTF8MB4), "0d008f025800000000000000000000", NULL}, /* 2^50 bytes */
    {COMPRESSED(VARCHAR, 2, UTF8MB4), "05008c40000000", NULL}, /* 1 GiB of nothing */
    {COMPRESSED(VARCHAR, 2, UTF8MB4), "1300820258789c4b4c4a1c85a390ea10004e68e486",
     NULL}, /* Adler-32 */
};

enum { EXAMPLES = sizeof(examples) / sizeof(examples[0]) };

static void
values_are_what_the_servers_show(void **state)
{
    (void)state;
    for (size_t i = 0; i < EXAMPLES; i++) {
        const struct example *example = &examples[i];
        const char *text = decoded(&example->how, unhex(example->hex));
        if (text == NULL && example->expect == NULL)
            continue;
        if (text == NULL || example->expect == NULL || strcmp(text, example->expect) != 0)
            fail_msg("type %u, %s: %s instead of %s", example->how.type, example->hex,
                     text == NULL ? err.text : text,
                     example->expect == NULL ? "an error" : example->expect);
    }
}

/* With and without zlib's header; column_compression_zlib_wrap=ON writes it. */
static void
compressed_values_come_out_whole(void **state)
{
    static const struct binlog_column varchar = COMPRESSED(VARCHAR, 2, UTF8MB4),
                                      blob = COMPRESSED(BLOB, 2, BINARY),
                                      gbk = {TYPE(VARCHAR_COMPRESSED), .width = 1,
                                             .max_bytes = 201};
    struct binlog_column how = gbk;
    const char *text;

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        text = decoded(&varchar, unhex(i == 0 ? "0d008a02584b4c4a1c85a390ea1000"
                                              : "1300820258789c4b4c4a1c85a390ea10004e68e485"));
        assert_non_null(text);
        assert_int_equal(strlen(text), 600);
        for (size_t at = 0; at < 600; at += 2)
            assert_memory_equal(text + at, "ab", 2);
    }
    text =
        decoded(&blob, unhex("1e008a2710edc2010900000002a0fe9fae1d81681a000000000000000000b837"));
    assert_non_null(text);
    assert_int_equal(strlen(text), 20000);
    for (size_t at = 0; at < 20000; at += 4)
        assert_memory_equal(text + at, "00ff", 4);
    how.charset = binlog_charset_named("gbk");
    text = decoded(&how, unhex("0989643bf2f808cd2100"));
    assert_non_null(text);
    assert_int_equal(strlen(text), 150);
    for (size_t at = 0; at < 150; at += 3)
        assert_memory_equal(text + at, "\xe4\xbd\xa0", 3);
}

static void
bits_of_every_width_come_low_byte_first(void **state)
{
    (void)state;
    for (unsigned bits = 2; bits <= 64; bits++) {
        struct binlog_column how = {TYPE(BIT), .bits = (uint16_t)bits,
                                    .width = (uint8_t)((bits + 7) / 8)};
        struct column column = column_of(&how);
        uint8_t wire[8];
        struct cursor in = cursor_of(bytes_of(wire, how.width));
        struct value value;

        assert_int_equal(column.type, TYPE_BITS);
        assert_int_equal(column.length, bits);
        for (unsigned i = 0; i < how.width; i++)
            wire[i] = (uint8_t)(i == 0 ? 1u << (bits - 1) % 8 : i);
        assert_int_equal(binlog_value(&column, &in, &arena, &value, &err), 0);
        assert_int_equal(value.bytes.len, how.width);
        for (unsigned i = 0; i < how.width; i++)
            assert_int_equal(value.bytes.at[i], wire[how.width - 1 - i]);
    }
}

/* As the server packs them: the whole seconds are rounded down, the fraction keeps the sign. */
static void
times_of_every_fraction_and_sign(void **state)
{
    static const int64_t amounts[] = {0,
                                      1,
                                      9,
                                      10,
                                      99,
                                      100,
                                      999999,
                                      1000000,
                                      1000001,
                                      1500000,
                                      59999999,
                                      60000000,
                                      3599999999,
                                      3600000000,
                                      45296789012,
                                      3020398999999,
                                      3020399999999};
    static const int64_t units[] = {1000000, 100000, 10000, 1000, 100, 10, 1};

    (void)state;
    for (unsigned n = 0; n < 2 * sizeof(amounts) / sizeof(amounts[0]); n++) {
        for (uint8_t digits = 0; digits <= 6; digits++) {
            struct binlog_column how = FRACTION(TIME2, digits);
            int64_t micros = amounts[n / 2] / units[digits] * units[digits] * (n % 2 == 0 ? 1 : -1);
            int64_t amount = micros < 0 ? -micros : micros, seconds = amount / 1000000;
            int64_t packed =
                ((seconds / 3600) << 12 | (seconds / 60 % 60) << 6 | seconds % 60) * (1 << 24) +
                amount % 1000000;
            int64_t places = digits == 0 ? 0 : digits < 3 ? 10000 : digits < 5 ? 100 : 1;
            unsigned len = (digits + 1u) / 2;
            uint64_t whole, part;
            uint8_t wire[6];

            if (micros < 0)
                packed = -packed;
            whole = (uint64_t)((packed >> 24) + 0x800000);
            part = places == 0 ? 0 : (uint64_t)(packed % (1 << 24) / places);
            if (digits >= 5)
                part = (uint64_t)packed & 0xffffff;
            for (unsigned i = 0; i < 3; i++)
                wire[i] = (uint8_t)(whole >> (16 - 8 * i));
            for (unsigned i = 0; i < len; i++)
                wire[3 + i] = (uint8_t)(part >> (8 * (len - 1 - i)));
            const char *text = decoded(&how, bytes_of(wire, 3 + len));
            assert_non_null(text);
            assert_string_equal(text, arena_printf(&arena, "%" PRId64, micros));
        }
    }
}

static void
every_day_of_the_calendar_is_counted(void **state)
{
    static const unsigned longest[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const struct binlog_column how = {TYPE(DATE)};
    struct column column = column_of(&how);
    int64_t days = -719528; /* 0000-01-01 */

    (void)state;
    for (unsigned year = 0; year <= 9999; year++) {
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        for (unsigned month = 1; month <= 12; month++) {
            for (unsigned day = 0; day <= 31; day++) {
                unsigned v = year << 9 | month << 5 | day;
                uint8_t wire[3] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16)};
                struct cursor in = cursor_of(bytes_of(wire, 3));
                bool real = day > 0 && day <= longest[month - 1] + (month == 2 && leap);
                struct value value;

                assert_int_equal(binlog_value(&column, &in, &arena, &value, &err), 0);
                assert_int_equal(value.special, real ? VALUE_FINITE : VALUE_NO_DATE);
                assert_int_equal(value.i, real ? days : (int64_t)(year * 13 + month) * 32 + day);
                days += real;
            }
        }
    }
    assert_int_equal(days, 2932897);
}

static void
sets_have_up_to_64_members_and_enums_more(void **state)
{
    static struct bytes many[300];
    struct binlog_column set = {TYPE(SET), .width = 8, .nlabels = 64, .labels = many};
    struct binlog_column number = {TYPE(ENUM), .width = 2, .nlabels = 300, .labels = many};
    const char *text;

    (void)state;
    for (unsigned i = 0; i < 300; i++)
        many[i] = bytes_of_string(arena_printf(&arena, "m%u", i));
    assert_string_equal(decoded(&set, unhex("0000000000000080")), "m63");
    assert_string_equal(decoded(&set, unhex("0100000000000080")), "m0,m63");
    text = decoded(&set, unhex("ffffffffffffffff"));
    assert_int_equal(strlen(text), 10 * 3 + 54 * 4 - 1);
    assert_string_equal(text, column_of(&set).labels);
    assert_string_equal(decoded(&number, unhex("0001")), "m255");
    assert_string_equal(decoded(&number, unhex("2c01")), "m299");
    assert_null(decoded(&number, unhex("2d01")));
    assert_string_equal(err.code, "E_VALUE");
}

/* A value cut anywhere is an error, and nothing behind it is read (as ASan sees it). */
static void
a_value_that_is_cut_off_is_refused(void **state)
{
    static const struct binlog_column json = {TYPE(JSON), .width = 4};

    (void)state;
    for (size_t i = 0; i <= EXAMPLES; i++) {
        const struct binlog_column *how = i < EXAMPLES ? &examples[i].how : &json;
        struct bytes whole = unhex(i < EXAMPLES ? examples[i].hex : "0400000004000102");
        struct column column = column_of(how);

        for (size_t len = 0; len < whole.len; len++) {
            uint8_t *copy = test_malloc(len + 1);
            struct cursor in = cursor_of(bytes_of(memcpy(copy + 1, whole.at, len), len)),
                          skipped = in;
            struct value value;

            err = (struct error)ERROR_INIT;
            assert_int_equal(binlog_value(&column, &in, &arena, &value, &err), -1);
            assert_int_equal(err.kind, ERROR_DATA);
            assert_true(strcmp(err.code, "E_PROTOCOL") == 0 || strcmp(err.code, "E_VALUE") == 0);
            assert_non_null(strstr(err.text, "column c: "));
            assert_int_equal(binlog_value_skip(&column, &skipped), -1);
            test_free(copy);
        }
    }
}

static void
errors_have_their_codes(void **state)
{
    static const struct example refused[] = {
        {CHARS(STRING, 10, ASCII), "01e9", "E_TEXT_ENCODING"},
        {LABELS(ENUM, 1), "04", "E_VALUE"},
        {LABELS(SET, 1), "08", "E_VALUE"},
        {DECIMAL(3, 1), "8c0a", "E_PROTOCOL"},
        {{TYPE(DATE)}, "a1d10f", "E_PROTOCOL"},
        {FRACTION(TIME2, 0), "b47000", "E_PROTOCOL"},
        {COMPRESSED(VARCHAR, 2, UTF8MB4), "0300c07800", "E_PROTOCOL"},
        {{TYPE(VECTOR), .width = 4}, "0300000000803f", "E_PROTOCOL"},
        {{TYPE(JSON), .width = 4}, "01000000ff", "E_PROTOCOL"},
        {FRACTION(DATETIME2, 1), "9902c20000", "E_PROTOCOL"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct column column = column_of(&refused[i].how);
        struct cursor in = cursor_of(unhex(refused[i].hex));
        struct value value;

        if (i == sizeof(refused) / sizeof(refused[0]) - 1)
            in.end--; /* cut off */
        assert_int_equal(binlog_value(&column, &in, &arena, &value, &err), -1);
        assert_int_equal(err.kind, ERROR_DATA);
        assert_string_equal(err.code, refused[i].expect);
    }
}

static void
columns_have_their_types(void **state)
{
    static const struct {
        struct binlog_column how;
        enum value_type type;
        int32_t length, precision, scale;
    } shapes[] = {
        {{TYPE(TINY)}, TYPE_INT16, 0, 0, 0},
        {{TYPE(TINY), .is_unsigned = true}, TYPE_INT16, 0, 0, 0},
        {{TYPE(SHORT)}, TYPE_INT16, 0, 0, 0},
        {{TYPE(SHORT), .is_unsigned = true}, TYPE_INT32, 0, 0, 0},
        {{TYPE(INT24)}, TYPE_INT32, 0, 0, 0},
        {{TYPE(INT24), .is_unsigned = true}, TYPE_INT32, 0, 0, 0},
        {{TYPE(LONG)}, TYPE_INT32, 0, 0, 0},
        {{TYPE(LONG), .is_unsigned = true}, TYPE_INT64, 0, 0, 0},
        {{TYPE(LONGLONG)}, TYPE_INT64, 0, 0, 0},
        {{TYPE(LONGLONG), .is_unsigned = true}, TYPE_DECIMAL, 0, 20, 0},
        {{TYPE(FLOAT)}, TYPE_FLOAT32, 0, 0, 0},
        {{TYPE(DOUBLE)}, TYPE_FLOAT64, 0, 0, 0},
        {DECIMAL(65, 30), TYPE_DECIMAL, 0, 65, 30},
        {{TYPE(BIT), .bits = 1, .width = 1}, TYPE_BOOL, 0, 0, 0},
        {{TYPE(BIT), .bits = 12, .width = 2}, TYPE_BITS, 12, 0, 0},
        {{TYPE(YEAR)}, TYPE_YEAR, 0, 0, 0},
        {{TYPE(DATE)}, TYPE_DATE, 0, 0, 0},
        {{TYPE(TIME)}, TYPE_TIME, 0, 6, 0},
        {FRACTION(TIME2, 3), TYPE_TIME, 0, 6, 0},
        {{TYPE(DATETIME)}, TYPE_TIMESTAMP, 0, 0, 0},
        {FRACTION(DATETIME2, 3), TYPE_TIMESTAMP, 0, 3, 0},
        {{TYPE(TIMESTAMP)}, TYPE_TIMESTAMPTZ, 0, 0, 0},
        {FRACTION(TIMESTAMP2, 6), TYPE_TIMESTAMPTZ, 0, 6, 0},
        {CHARS(STRING, 40, UTF8MB4), TYPE_TEXT, 10, 0, 0},
        {CHARS(STRING, 30, UTF8MB3), TYPE_TEXT, 10, 0, 0},
        {CHARS(STRING, 10, LATIN1), TYPE_TEXT, 10, 0, 0},
        {CHARS(STRING, 8, BINARY), TYPE_BYTES, 0, 0, 0},
        {CHARS(VARCHAR, 1200, UTF8MB4), TYPE_TEXT, 300, 0, 0},
        {CHARS(VARCHAR, 8, BINARY), TYPE_BYTES, 0, 0, 0},
        {BLOB(2, UTF8MB4), TYPE_TEXT, 0, 0, 0},
        {BLOB(4, BINARY), TYPE_BYTES, 0, 0, 0},
        {COMPRESSED(VARCHAR, 2, LATIN1), TYPE_TEXT, 1000, 0, 0},
        {COMPRESSED(BLOB, 2, LATIN1), TYPE_TEXT, 0, 0, 0},
        {COMPRESSED(BLOB, 2, BINARY), TYPE_BYTES, 0, 0, 0},
        {LABELS(ENUM, 1), TYPE_ENUM, 0, 0, 0},
        {LABELS(SET, 1), TYPE_SET, 0, 0, 0},
        {{TYPE(JSON), .width = 4}, TYPE_JSON, 0, 0, 0},
        {{TYPE(GEOMETRY), .width = 4}, TYPE_GEOMETRY, 0, 0, 0},
        {{TYPE(GEOMETRY), .width = 4, .geometry = 1}, TYPE_POINT, 0, 0, 0},
        {{TYPE(GEOMETRY), .width = 4, .geometry = 7}, TYPE_GEOMETRY, 0, 0, 0},
        {{TYPE(VECTOR), .width = 4}, TYPE_VECTOR, 0, 0, 0},
        {DISGUISED(UUID, 16), TYPE_UUID, 0, 0, 0},
        {DISGUISED(INET6, 16), TYPE_TEXT, 0, 0, 0},
        {DISGUISED(INET4, 4), TYPE_TEXT, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        struct column column = column_of(&shapes[i].how);
        if (column.type != shapes[i].type || column.length != shapes[i].length ||
            column.precision != shapes[i].precision || column.scale != shapes[i].scale)
            fail_msg("shape %zu: type %d, length %d, precision %d, scale %d", i, (int)column.type,
                     column.length, column.precision, column.scale);
        assert_int_equal(column.type_id, shapes[i].how.type);
        assert_int_equal(column.typmod, -1);
        if (column.type == TYPE_ENUM || column.type == TYPE_SET)
            assert_string_equal(column.labels, "a,b\\,c,\xc3\xa9");
        else
            assert_null(column.labels);
    }
}

static void
a_comma_in_a_label_is_none_between_two(void **state)
{
    static const struct bytes odd[] = {{(const uint8_t *)"a,b", 3}, {(const uint8_t *)"", 0},
                                       {(const uint8_t *)"c\\", 2}, {(const uint8_t *)",", 1}};
    struct binlog_column how = {TYPE(ENUM), .width = 1, .nlabels = 4, .labels = odd};

    (void)state;
    assert_string_equal(column_of(&how).labels, "a\\,b,,c\\\\,\\,");
}

static void
what_can_not_be_decoded_is_said_once(void **state)
{
    static const struct {
        struct binlog_column how;
        const char *code;
    } refused[] = {
        {{TYPE(DECIMAL)}, "E_TYPE"},
        {{TYPE(NULL)}, "E_TYPE"},
        {{TYPE(TYPED_ARRAY)}, "E_TYPE"},
        {{.type = 14}, "E_TYPE"},
        {{.type = 249}, "E_TYPE"},
        {FRACTION(TIME, 3), "E_TYPE"},
        {FRACTION(DATETIME, 6), "E_TYPE"},
        {FRACTION(TIMESTAMP, 1), "E_TYPE"},
        {CHARS(VARCHAR, 10, UNKNOWN), "E_TYPE"},
        {FRACTION(TIME2, 7), "E_PROTOCOL"},
        {FRACTION(DATETIME2, 7), "E_PROTOCOL"},
        {FRACTION(TIMESTAMP2, 255), "E_PROTOCOL"},
        {DECIMAL(0, 0), "E_PROTOCOL"},
        {DECIMAL(10, 11), "E_PROTOCOL"},
        {{TYPE(BIT), .bits = 0, .width = 0}, "E_PROTOCOL"},
        {{TYPE(BIT), .bits = 65, .width = 9}, "E_PROTOCOL"},
        {{TYPE(BIT), .bits = 9, .width = 1}, "E_PROTOCOL"},
        {{TYPE(BLOB), .width = 0, .charset = BINLOG_CHARSET_BINARY}, "E_PROTOCOL"},
        {{TYPE(BLOB), .width = 5, .charset = BINLOG_CHARSET_BINARY}, "E_PROTOCOL"},
        {{TYPE(STRING), .width = 3, .charset = BINLOG_CHARSET_BINARY}, "E_PROTOCOL"},
        {LABELS(ENUM, 3), "E_PROTOCOL"},
        {LABELS(SET, 9), "E_PROTOCOL"},
        {{TYPE(SET), .width = 8, .nlabels = 65, .labels = labels}, "E_PROTOCOL"},
        {DISGUISED(UUID, 17), "E_PROTOCOL"},
        {DISGUISED(INET4, 16), "E_PROTOCOL"},
        {DISGUISED(VECTOR, 16), "E_PROTOCOL"},
        {{TYPE(VARCHAR), .width = 1, .disguise = DISGUISE_UUID}, "E_PROTOCOL"},
        {{TYPE(LONG), .disguise = DISGUISE_INET4}, "E_PROTOCOL"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct column column = {.name = "c", .binlog = &refused[i].how};

        assert_int_equal(binlog_type_prepare(&column, &arena, &err), -1);
        assert_int_equal(err.kind, ERROR_DATA);
        if (strcmp(err.code, refused[i].code) != 0)
            fail_msg("%zu: %s, %s", i, err.code, err.text);
        assert_non_null(strstr(err.text, "column c: "));
    }
}

static void
a_decimal_by_itself_has_up_to_255_digits(void **state)
{
    uint8_t wire[128];
    struct cursor in = cursor_of(bytes_of(wire, sizeof(wire)));
    struct value value;
    const char *text;

    (void)state;
    memset(wire, 0, sizeof(wire));
    for (size_t group = 0; group < 28; group++) /* 255 is 3 and 28 times 9 */
        memcpy(wire + 2 + 4 * group, "\x3b\x9a\xc9\xff", 4);
    memcpy(wire, "\x83\xe7", 2);
    assert_int_equal(binlog_decimal(&in, 255, 0, &arena, &value, &err), 0);
    assert_int_equal(cursor_left(&in), sizeof(wire) - 114);
    text = decimal_of(&value);
    assert_int_equal(strlen(text), 255);
    assert_int_equal(strspn(text, "9"), 255);
    memset(wire, 0xff, sizeof(wire)); /* digits that make no sense, all of them */
    in = cursor_of(bytes_of(wire, sizeof(wire)));
    assert_int_equal(binlog_decimal(&in, 255, 0, &arena, &value, &err), -1);
    assert_string_equal(err.code, "E_PROTOCOL");
    assert_int_equal(binlog_decimal(&in, 256, 0, &arena, &value, &err), -1);
    assert_int_equal(binlog_decimal(&in, 0, 0, &arena, &value, &err), -1);
    assert_int_equal(binlog_decimal(&in, 5, 6, &arena, &value, &err), -1);
    /* in JSON: -1.50 of decimal(11,2) */
    in = cursor_of(unhex("7ffffffecd"));
    assert_int_equal(binlog_decimal(&in, 11, 2, &arena, &value, &err), 0);
    assert_string_equal(decimal_of(&value), "-1.50");
    assert_true(cursor_done(&in));
}

/* Text in UTF-8, bytes and labels stay where they are. */
static void
what_can_be_borrowed_is_not_copied(void **state)
{
    static const struct example borrowed[] = {
        {CHARS(VARCHAR, 10, UTF8MB4), "03616263", ""}, {CHARS(VARCHAR, 10, LATIN1), "03616263", ""},
        {CHARS(STRING, 3, BINARY), "03616263", ""},    {BLOB(1, BINARY), "03616263", ""},
        {COMPRESSED(VARCHAR, 1, UTF8MB4), "0400616263", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(borrowed) / sizeof(borrowed[0]); i++) {
        struct column column = column_of(&borrowed[i].how);
        struct bytes raw = unhex(borrowed[i].hex);
        struct cursor in = cursor_of(raw);
        struct value value;

        assert_int_equal(binlog_value(&column, &in, NULL, &value, &err), 0);
        assert_ptr_equal(value.bytes.at, raw.at + raw.len - 3);
        assert_int_equal(value.bytes.len, 3);
    }
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
        cmocka_unit_test_teardown(values_are_what_the_servers_show, clear),
        cmocka_unit_test_teardown(compressed_values_come_out_whole, clear),
        cmocka_unit_test_teardown(bits_of_every_width_come_low_byte_first, clear),
        cmocka_unit_test_teardown(times_of_every_fraction_and_sign, clear),
        cmocka_unit_test_teardown(every_day_of_the_calendar_is_counted, clear),
        cmocka_unit_test_teardown(sets_have_up_to_64_members_and_enums_more, clear),
        cmocka_unit_test_teardown(a_comma_in_a_label_is_none_between_two, clear),
        cmocka_unit_test_teardown(a_value_that_is_cut_off_is_refused, clear),
        cmocka_unit_test_teardown(errors_have_their_codes, clear),
        cmocka_unit_test_teardown(columns_have_their_types, clear),
        cmocka_unit_test_teardown(what_can_not_be_decoded_is_said_once, clear),
        cmocka_unit_test_teardown(a_decimal_by_itself_has_up_to_255_digits, clear),
        cmocka_unit_test_teardown(what_can_be_borrowed_is_not_copied, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
