/*
 * test_canonical.c -- one text for a value, whichever server wrote it.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../cdc/verify/canonical.h"

struct written {
    enum canonical_form form;
    const char *text;
    size_t len;
};
#define TEXT(literal) {FORM_TEXT, literal, sizeof(literal) - 1}
#define RAW(literal) {FORM_RAW, literal, sizeof(literal) - 1}
#define HEX(literal) {FORM_HEX, literal, sizeof(literal) - 1}
#define EWKB(literal) {FORM_EWKB, literal, sizeof(literal) - 1}
#define GEOMETRY(literal) {FORM_GEOMETRY, literal, sizeof(literal) - 1}

static void
assert_canonical(const struct canonical *how, const struct written *w, const char *wanted)
{
    struct buffer out = {0};

    canonical_put(how, w->form, bytes_of(w->text, w->len), &out);
    assert_string_equal(buffer_cstr(&out), wanted);
    buffer_free(&out);
}

/* All of these, up to one without text, are `wanted`. */
static void
assert_all(struct canonical how, const char *wanted, const struct written *w)
{
    for (; w->text != NULL; w++)
        assert_canonical(&how, w, wanted);
}
#define ALL(type_, wanted, ...) \
    assert_all((struct canonical){.type = type_}, wanted, (const struct written[]){__VA_ARGS__, {0}})
#define ALL_HOW(how, wanted, ...) assert_all((struct canonical)how, wanted, (const struct written[]){__VA_ARGS__, {0}})
#define HOW(...) {__VA_ARGS__}

static void
numbers_have_no_needless_zeros(void **state)
{
    (void)state;
    ALL(TYPE_INT32, "42", TEXT("42"), TEXT("0042"), TEXT("+42"), TEXT("42.000"));
    ALL(TYPE_INT64, "-9223372036854775808", TEXT("-9223372036854775808"));
    ALL(TYPE_INT16, "1", TEXT("1"), TEXT("t"));
    ALL(TYPE_INT16, "0", TEXT("f"), TEXT("0"), TEXT("-0"), TEXT("000"));
    ALL(TYPE_DECIMAL, "18446744073709551615", TEXT("18446744073709551615"));
    ALL(TYPE_DECIMAL, "12.5", TEXT("12.5"), TEXT("12.5000"), TEXT("012.50"));
    ALL(TYPE_NUMERIC, "0.0001", TEXT("0.00010"), TEXT(".0001"));
    ALL(TYPE_NUMERIC, "-0.5", TEXT("-.5"), TEXT("-0.50"));
    ALL(TYPE_NUMERIC, "0", TEXT("0.000"), TEXT("-0.0"), TEXT("0."));
    ALL(TYPE_NUMERIC, "100", TEXT("100"), TEXT("100.0"));
    ALL(TYPE_NUMERIC, "NaN", TEXT("NaN"));
    ALL(TYPE_NUMERIC, "-Infinity", TEXT("-Infinity"));
    ALL(TYPE_NUMERIC, "-", TEXT("-"));
    ALL(TYPE_NUMERIC, "", TEXT(""));
    ALL(TYPE_NUMERIC, "1e5", TEXT("1e5"));
    ALL(TYPE_YEAR, "0", TEXT("0000"), TEXT("0"));
    ALL(TYPE_YEAR, "2024", TEXT("2024"));
}

static void
floats_are_compared_by_value(void **state)
{
    (void)state;
    ALL(TYPE_FLOAT32, "0.1", TEXT("0.1"), TEXT("0.10000000149011612"), TEXT("1e-1"));
    ALL(TYPE_FLOAT64, "0.1", TEXT("0.1"), TEXT("0.10000000000000001"));
    ALL(TYPE_FLOAT64, "0.10000000149011612", TEXT("0.10000000149011612"));
    ALL(TYPE_FLOAT64, "NaN", TEXT("NaN"));
    ALL(TYPE_FLOAT64, "-Infinity", TEXT("-Infinity"), TEXT("-inf"));
    ALL(TYPE_FLOAT64, "abc", TEXT("abc"));
    {
        struct buffer a = {0}, b = {0};

        canonical_put(&(struct canonical){.type = TYPE_FLOAT64}, FORM_TEXT, bytes_of_string("-0"), &a);
        canonical_put(&(struct canonical){.type = TYPE_FLOAT64}, FORM_TEXT, bytes_of_string("0.0"), &b);
        assert_string_equal(buffer_cstr(&a), buffer_cstr(&b));
        buffer_free(&a);
        buffer_free(&b);
    }
}

static void
booleans_have_many_words(void **state)
{
    (void)state;
    ALL(TYPE_BOOL, "true", TEXT("t"), TEXT("true"), TEXT("1"), RAW("\1"));
    ALL(TYPE_BOOL, "false", TEXT("f"), TEXT("false"), TEXT("0"), RAW("\0"));
    ALL(TYPE_BOOL, "2", TEXT("2"));
}

static void
texts_stay_but_for_padding(void **state)
{
    (void)state;
    ALL(TYPE_TEXT, "a  ", TEXT("a  "), RAW("a  "), HEX("\\x612020"));
    ALL_HOW(HOW(.type = TYPE_TEXT, .padded = true), "a", TEXT("a  "), TEXT("a"));
    ALL_HOW(HOW(.type = TYPE_TEXT, .padded = true), "", TEXT("   "), TEXT(""));
    ALL_HOW(HOW(.type = TYPE_TEXT, .padded = true), " a", TEXT(" a"));
    ALL(TYPE_ENUM, "it's", TEXT("it's"));
    ALL(TYPE_SET, "a,c", TEXT("a,c"));
    ALL(TYPE_OTHER, "{1,2}", TEXT("{1,2}"));
    ALL(TYPE_TEXT, "\\x0", HEX("\\x0")); /* half a byte is none */
}

static void
bytes_are_digits(void **state)
{
    (void)state;
    ALL(TYPE_BYTES, "00ff5c", RAW("\0\xff\\"), HEX("\\x00ff5c"), HEX("\\x00FF5C"));
    ALL(TYPE_BYTES, "", RAW(""), HEX("\\x"));
    ALL(TYPE_BYTES, "6162", TEXT("ab"));
}

static void
uuids_have_one_form(void **state)
{
    (void)state;
    ALL(TYPE_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", TEXT("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"),
        TEXT("a0eebc999c0b4ef8bb6d6bb9bd380a11"), RAW("\xa0\xee\xbc\x99\x9c\x0b\x4e\xf8\xbb\x6d\x6b\xb9\xbd\x38\x0a\x11"),
        HEX("\\xa0eebc999c0b4ef8bb6d6bb9bd380a11"));
    ALL(TYPE_UUID, "not one", TEXT("not one"));
    ALL(TYPE_UUID, "a0eebc99", TEXT("a0eebc99"));
}

static void
times_have_no_needless_digits(void **state)
{
    (void)state;
    ALL(TYPE_TIME, "12:00:00.5", TEXT("12:00:00.5"), TEXT("12:00:00.500000"), TEXT("12:00:00.5000"));
    ALL(TYPE_TIME, "24:00:00", TEXT("24:00:00"), TEXT("1 day"), TEXT("1 day 00:00:00"));
    ALL(TYPE_TIME, "-838:59:59", TEXT("-838:59:59"), TEXT("-838:59:59.000"), TEXT("-34 days -22:59:59"));
    ALL(TYPE_TIME, "838:59:59", TEXT("838:59:59"), TEXT("34 days 22:59:59"));
    ALL(TYPE_TIME, "-00:00:00.000001", TEXT("-00:00:00.000001"));
    ALL(TYPE_TIME, "1 mon", TEXT("1 mon"));
    ALL(TYPE_TIME, "999999999 days", TEXT("999999999 days"));
    ALL(TYPE_TIME, "-21:56:56", TEXT("-1 days +02:03:04"), TEXT("-21:56:56"));
    ALL(TYPE_TIME, "12:00", TEXT("12:00"));
    ALL(TYPE_TIMESTAMP, "2024-02-29 12:34:56.7", TEXT("2024-02-29 12:34:56.7"), TEXT("2024-02-29 12:34:56.700000"));
    ALL(TYPE_TIMESTAMP, "2024-02-29 00:00:00", TEXT("2024-02-29 00:00:00"), TEXT("2024-02-29 00:00:00.000"));
    ALL(TYPE_TIMESTAMPTZ, "2024-02-29 10:00:00", TEXT("2024-02-29 10:00:00+00"), TEXT("2024-02-29 10:00:00.000000"),
        TEXT("2024-02-29 10:00:00Z"));
    ALL(TYPE_TIMESTAMPTZ, "0044-03-15 12:00:00.5 BC", TEXT("0044-03-15 12:00:00.5+00 BC"));
    ALL(TYPE_TIMESTAMP, "infinity", TEXT("infinity"));
    ALL(TYPE_TIMESTAMP, "", TEXT(""));
    ALL(TYPE_DATE, "0000-00-00", TEXT("0000-00-00"));
}

static void
bits_have_no_zeros_in_front(void **state)
{
    (void)state;
    ALL(TYPE_BITS, "100000001", RAW("\1\1"), TEXT("000100000001"), HEX("\\x0101"));
    ALL(TYPE_BITS, "0x1", TEXT("0x1"));
    ALL(TYPE_BITS, "0", RAW("\0\0"), TEXT("0000"), TEXT(""));
}

static void
geometries_are_their_wkb(void **state)
{
    (void)state;
    ALL(TYPE_GEOMETRY, "4326;0101", GEOMETRY("\xe6\x10\0\0\1\1"));
    ALL(TYPE_POINT, "0;0101", RAW("\1\1"), HEX("\\x0101"));
    ALL_HOW(HOW(.type = TYPE_POINT, .wkb_only = true), "0101", GEOMETRY("\xe6\x10\0\0\1\1"), HEX("\\x0101"));
    ALL(TYPE_POINT, "4326;0101000000abcd", EWKB("0101000020E6100000ABCD"), GEOMETRY("\xe6\x10\0\0\1\1\0\0\0\xab\xcd"));
    ALL(TYPE_POINT, "0;0101000000abcd", EWKB("0101000000ABCD"));
    ALL(TYPE_POINT, "4326;0000000001abcd", EWKB("0020000001000010E6ABCD"));
    ALL_HOW(HOW(.type = TYPE_POINT, .wkb_only = true), "0101000000abcd", EWKB("0101000020E6100000ABCD"));
    ALL(TYPE_POINT, "POINT(1 2)", EWKB("POINT(1 2)"));
}

static void
vectors_are_lists(void **state)
{
    (void)state;
    ALL(TYPE_VECTOR, "[1.0,2.5]", RAW("\0\0\x80\x3f\0\0\x20\x40"), TEXT("[1,2.5]"), TEXT("[1, 2.5]"), TEXT("{1,2.5}"),
        HEX("\\x0000803f00002040"));
    ALL(TYPE_VECTOR, "[]", RAW(""), TEXT("[]"));
    ALL(TYPE_VECTOR, "[", TEXT("["));
}

static void
json_is_compared_by_value(void **state)
{
    (void)state;
    ALL(TYPE_JSON, "{\"a\":[1,2.5,true,null],\"b\":{}}", TEXT("{\"b\": {}, \"a\": [1, 2.50, true, null]}"),
        TEXT(" {\"a\" :[1.0,25e-1, true,null ],\n\"b\":{ } } "));
    ALL(TYPE_JSON, "{\"a\":2}", TEXT("{\"a\": 1, \"a\": 2}"));
    ALL(TYPE_JSON, "{\"a\":1,\"aa\":2}", TEXT("{\"aa\": 2, \"a\": 1}"));
    ALL(TYPE_JSON, "\"\xc3\xa9\xf0\x9f\x98\x80\\n\"", TEXT("\"\\u00e9\\ud83d\\ude00\\n\""), TEXT("\"\xc3\xa9\xf0\x9f\x98\x80\\u000a\""));
    ALL(TYPE_JSON, "\"/\"", TEXT("\"\\/\""), TEXT("\"/\""));
    ALL(TYPE_JSON, "1000", TEXT("1e3"), TEXT("1000"), TEXT("1000.000"), TEXT("1E+3"), TEXT("0.1e4"));
    ALL(TYPE_JSON, "-0.001", TEXT("-0.001"), TEXT("-1e-3"), TEXT("-0.00100"));
    ALL(TYPE_JSON, "0", TEXT("0"), TEXT("-0"), TEXT("0.0e10"));
    ALL(TYPE_JSON, "1e400", TEXT("1e400"), TEXT("10e399"));
    ALL(TYPE_JSON, "123456789012345678901234567890.123456789", TEXT("123456789012345678901234567890.1234567890"));
    ALL(TYPE_JSON, "{\"a\":1} x", TEXT("{\"a\":1} x")); /* no JSON: as it is */
    ALL(TYPE_JSON, "{\"a\"", TEXT("{\"a\""));
    ALL(TYPE_JSON, "", TEXT(""));
    ALL(TYPE_JSON, "tru", TEXT("tru"));
    ALL(TYPE_JSON, "\"\\u12\"", TEXT("\"\\u12\""));
    ALL(TYPE_JSON, "1e99999999999", TEXT("1e99999999999"));
}

static void
json_fractions_may_be_doubles(void **state)
{
    (void)state;
    ALL_HOW(HOW(.type = TYPE_JSON, .json_doubles = true), "0.12345678901234568", TEXT("0.1234567890123456789"),
            TEXT("0.12345678901234568"));
    ALL_HOW(HOW(.type = TYPE_JSON, .json_doubles = true), "1", TEXT("1.0"), TEXT("1"));
    ALL_HOW(HOW(.type = TYPE_JSON, .json_doubles = true), "18446744073709551615", TEXT("18446744073709551615"));
    ALL_HOW(HOW(.type = TYPE_JSON, .json_doubles = true), "-9223372036854775808", TEXT("-9223372036854775808"));
    ALL_HOW(HOW(.type = TYPE_JSON, .json_doubles = true), "18446744073709552000", TEXT("18446744073709551616"),
            TEXT("18446744073709552000.0"));
    ALL_HOW(HOW(.type = TYPE_JSON, .json_doubles = true), "1e400", TEXT("1e400")); /* no double: as it is */
}

static void
json_that_is_too_deep_stays_as_it_is(void **state)
{
    struct buffer deep = {0}, out = {0};

    (void)state;
    for (int i = 0; i < 100000; i++)
        buffer_put_string(&deep, "[ ");
    assert_false(canonical_json_put(bytes_of(deep.at, deep.len), false, &out));
    assert_int_equal(out.len, 0);
    buffer_free(&deep);
    buffer_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_no_needless_zeros),
        cmocka_unit_test(floats_are_compared_by_value),
        cmocka_unit_test(booleans_have_many_words),
        cmocka_unit_test(texts_stay_but_for_padding),
        cmocka_unit_test(bytes_are_digits),
        cmocka_unit_test(uuids_have_one_form),
        cmocka_unit_test(times_have_no_needless_digits),
        cmocka_unit_test(bits_have_no_zeros_in_front),
        cmocka_unit_test(geometries_are_their_wkb),
        cmocka_unit_test(vectors_are_lists),
        cmocka_unit_test(json_is_compared_by_value),
        cmocka_unit_test(json_fractions_may_be_doubles),
        cmocka_unit_test(json_that_is_too_deep_stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
