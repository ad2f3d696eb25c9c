/* test_json.c -- the JSON writer: escapes, numbers that read back, base64. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cdc/digits.h"
#include "cdc/json.h"

static struct buffer out;

static const char *
text_of(const char *text, size_t len)
{
    buffer_reset(&out);
    json_text(&out, bytes_of(text, len));
    return buffer_cstr(&out);
}

static const char *
double_of(double v)
{
    buffer_reset(&out);
    json_double(&out, v);
    return buffer_cstr(&out);
}

static const char *
float_of(float v)
{
    buffer_reset(&out);
    json_float(&out, v);
    return buffer_cstr(&out);
}

static void
text_is_escaped_where_json_asks_for_it(void **state)
{
    (void)state;
    assert_string_equal(text_of("", 0), "\"\"");
    assert_string_equal(text_of("plain text of some length", 25), "\"plain text of some length\"");
    assert_string_equal(text_of("a\"b\\c/d", 7), "\"a\\\"b\\\\c/d\"");
    assert_string_equal(text_of("\b\t\n\f\r", 5), "\"\\b\\t\\n\\f\\r\"");
    assert_string_equal(text_of("\0\1\x1f\x7f", 4), "\"\\u0000\\u0001\\u001f\x7f\"");
    assert_string_equal(text_of("1234567\"", 8), "\"1234567\\\"\"");
    assert_string_equal(text_of("12345678\n", 9), "\"12345678\\n\"");
}

static void
every_byte_is_escaped_at_every_place_of_a_word(void **state)
{
    (void)state;
    for (int c = 0; c < 0x80; c++) {
        for (size_t place = 0; place < 17; place++) {
            char text[18], expect[40];
            size_t n = 0;

            memset(text, 'x', 17);
            text[place] = (char)c;
            expect[n++] = '"';
            for (size_t i = 0; i < 17; i++) {
                if (i != place)
                    expect[n++] = 'x';
                else if (c == '"' || c == '\\')
                    n += (size_t)sprintf(expect + n, "\\%c", c);
                else if (c == 8 || c == 9 || c == 10 || c == 12 || c == 13)
                    n += (size_t)sprintf(expect + n, "\\%c", "btn-fr"[c - 8]);
                else if (c < 0x20)
                    n += (size_t)sprintf(expect + n, "\\u%04x", (unsigned)c);
                else
                    expect[n++] = (char)c;
            }
            expect[n++] = '"';
            expect[n] = 0;
            assert_string_equal(text_of(text, 17), expect);
        }
    }
}

static void
utf8_passes_and_anything_else_is_replaced(void **state)
{
    (void)state;
    assert_string_equal(text_of("h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x98\x80", 15),
                        "\"h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x98\x80\"");
    assert_string_equal(text_of("a\xff" "b", 3), "\"a\xef\xbf\xbd" "b\"");
    assert_string_equal(text_of("\xc0\x80", 2), "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* overlong */
    assert_string_equal(text_of("\xed\xa0\x80", 3),
                        "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""); /* a surrogate */
    assert_string_equal(text_of("\xf4\x90\x80\x80", 4),
                        "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
    assert_string_equal(text_of("\xe2\x82", 2), "\"\xef\xbf\xbd\xef\xbf\xbd\""); /* cut */
}

static void
integers_are_written_to_the_last_one(void **state)
{
    (void)state;
    buffer_reset(&out);
    json_int(&out, INT64_MIN);
    buffer_put_u8(&out, ' ');
    json_int(&out, INT64_MAX);
    buffer_put_u8(&out, ' ');
    json_int(&out, 0);
    buffer_put_u8(&out, ' ');
    json_int(&out, -7);
    buffer_put_u8(&out, ' ');
    json_uint(&out, UINT64_MAX);
    buffer_put_u8(&out, ' ');
    json_uint(&out, 100);
    assert_string_equal(buffer_cstr(&out), "-9223372036854775808 9223372036854775807 0 -7 "
                                           "18446744073709551615 100");
}

static void
integers_around_every_power_of_ten_are_right(void **state)
{
    uint64_t power = 1;
    (void)state;

    for (int zeros = 0; zeros < 20; zeros++, power *= 10) {
        for (uint64_t v = power - 1; v <= power + 1; v++) {
            char text[24];

            snprintf(text, sizeof(text), "%llu", (unsigned long long)v);
            buffer_reset(&out);
            json_uint(&out, v);
            assert_string_equal(buffer_cstr(&out), text);
        }
    }
}

static void
doubles_are_short(void **state)
{
    (void)state;
    assert_string_equal(double_of(0), "0.0");
    assert_string_equal(double_of(-0.0), "-0.0");
    assert_string_equal(double_of(3), "3.0");
    assert_string_equal(double_of(0.1), "0.1");
    assert_string_equal(double_of(-1234.56), "-1234.56");
    assert_string_equal(double_of(0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(double_of(607213041978.9073), "607213041978.9073"); /* not ....9074 */
    assert_string_equal(double_of(1e300), "1e+300");
    assert_string_equal(double_of(5e-324), "5e-324");
    assert_string_equal(float_of(0.1f), "0.1");
    assert_string_equal(float_of(16777216.0f), "16777216.0");
    assert_string_equal(float_of(3.14159274f), "3.1415927");
}

static void
numbers_that_json_has_no_word_for_are_strings(void **state)
{
    (void)state;
    assert_string_equal(double_of((double)NAN), "\"NaN\"");
    assert_string_equal(double_of((double)INFINITY), "\"Infinity\"");
    assert_string_equal(float_of(-INFINITY), "\"-Infinity\"");
}

static void
every_double_reads_back_as_itself(void **state)
{
    static const double edges[] = {DBL_MAX, DBL_MIN, DBL_EPSILON, 1e15, 999999999999999.9,
                                   9007199254740993.0, 123456789.123456789, 1e-4, 9.9e-5,
                                   2.2250738585072011e-308, 0.0001220703125};
    uint64_t seed = 42;
    (void)state;

    for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
        assert_true(strtod(double_of(edges[i]), NULL) == edges[i]);
    for (int i = 0; i < 200000; i++) {
        double v;
        float f;
        uint32_t half;

        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        memcpy(&v, &seed, 8);
        if (isfinite(v))
            assert_true(strtod(double_of(v), NULL) == v);
        v = (double)(int64_t)(seed >> 24) / (double)(1u << (i % 24));
        assert_true(strtod(double_of(v), NULL) == v);
        v = (double)(seed >> 32) / 100;
        assert_true(strtod(double_of(v), NULL) == v);
        half = (uint32_t)(seed >> 32);
        memcpy(&f, &half, 4);
        if (isfinite(f))
            assert_true(strtof(float_of(f), NULL) == f);
        f = (float)(half >> 8) / 1000;
        assert_true(strtof(float_of(f), NULL) == f);
    }
}

static void
base64_pads(void **state)
{
    static const char *const expect[] = {"\"\"", "\"AA==\"", "\"AP8=\"", "\"AP8Q\"", "\"AP8QgA==\""};
    static const uint8_t raw[] = {0x00, 0xff, 0x10, 0x80};
    (void)state;

    for (size_t n = 0; n <= 4; n++) {
        buffer_reset(&out);
        json_base64(&out, bytes_of(raw, n));
        assert_string_equal(buffer_cstr(&out), expect[n]);
    }
}

static void
an_lsn_is_written_as_the_server_does(void **state)
{
    static const struct {
        uint64_t lsn;
        const char *text;
    } cases[] = {{0, "0/0"}, {0x16B3748, "0/16B3748"}, {0x16B374D848, "16/B374D848"},
                 {UINT64_MAX, "FFFFFFFF/FFFFFFFF"}};
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[32] = "";
        *digits_lsn((uint8_t *)text, cases[i].lsn) = 0;
        assert_string_equal(text, cases[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped_where_json_asks_for_it),
        cmocka_unit_test(every_byte_is_escaped_at_every_place_of_a_word),
        cmocka_unit_test(utf8_passes_and_anything_else_is_replaced),
        cmocka_unit_test(integers_are_written_to_the_last_one),
        cmocka_unit_test(integers_around_every_power_of_ten_are_right),
        cmocka_unit_test(doubles_are_short),
        cmocka_unit_test(numbers_that_json_has_no_word_for_are_strings),
        cmocka_unit_test(every_double_reads_back_as_itself),
        cmocka_unit_test(base64_pads),
        cmocka_unit_test(an_lsn_is_written_as_the_server_does),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    buffer_free(&out);
    return failed;
}
