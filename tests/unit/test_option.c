/*
 * test_option.c -- texts to settings by a table: units, bounds, words, names that are nearly
 * right, and the reference page.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdint.h>
#include <stdio.h>

#include "cdc/option.h"

struct settings {
    const char *text;
    bool flag;
    int64_t number;
    int64_t size;
    int64_t pause_ms;
    int word;
    const char **list;
    struct option_pair *map;
    const char *file;
};

#define AT(member) offsetof(struct settings, member)

static const char *const words[] = {"avro", "json", NULL};

static const struct option table[] = {
    {.name = "text", .type = OPTION_STRING, .offset = AT(text), .fallback = "here", .help = "T."},
    {.name = "flag", .type = OPTION_BOOL, .offset = AT(flag), .fallback = "true", .help = "F."},
    {.name = "number",
     .type = OPTION_INT,
     .offset = AT(number),
     .fallback = "7",
     .min = -3,
     .max = 9,
     .help = "N."},
    {.name = "size", .type = OPTION_SIZE, .offset = AT(size), .fallback = "64KiB", .help = "S."},
    {.name = "pause",
     .type = OPTION_DURATION,
     .offset = AT(pause_ms),
     .fallback = "1s",
     .max = 60000,
     .help = "P."},
    {.name = "word",
     .type = OPTION_ENUM,
     .offset = AT(word),
     .fallback = "json",
     .words = words,
     .help = "W."},
    {.name = "list", .type = OPTION_LIST, .offset = AT(list), .help = "L."},
    {.name = "map", .type = OPTION_MAP, .offset = AT(map), .help = "M."},
    {.name = "file",
     .type = OPTION_PATH,
     .offset = AT(file),
     .secret = true,
     .required = true,
     .help = "P."},
    {0},
};

static struct settings settings;
static struct error err;

static int
set(const char *name, const char *text)
{
    err = (struct error)ERROR_INIT;
    return option_set(option_find(table, name), &settings, text, &err);
}

static void
defaults_fill_every_row(void **state)
{
    (void)state;
    memset(&settings, 0xff, sizeof(settings));
    assert_int_equal(option_defaults(table, &settings, &err), 0);
    assert_string_equal(settings.text, "here");
    assert_true(settings.flag);
    assert_int_equal(settings.number, 7);
    assert_int_equal(settings.size, 65536);
    assert_int_equal(settings.pause_ms, 1000);
    assert_int_equal(settings.word, 1);
    assert_null(settings.list);
    assert_null(settings.map);
    assert_null(settings.file);
}

static void
a_wrong_default_is_an_error(void **state)
{
    static const struct option wrong[] = {
        {.name = "n", .type = OPTION_INT, .offset = AT(number), .fallback = "x"}, {0}};
    (void)state;
    assert_int_equal(option_defaults(wrong, &settings, &err), -1);
    assert_non_null(strstr(err.text, "default of n"));
}

static void
sizes_have_binary_units(void **state)
{
    int64_t v;
    (void)state;
    assert_int_equal(option_parse_size("1000", &v, &err), 0);
    assert_int_equal(v, 1000);
    assert_int_equal(option_parse_size("3B", &v, &err), 0);
    assert_int_equal(v, 3);
    assert_int_equal(option_parse_size("16MiB", &v, &err), 0);
    assert_int_equal(v, 16 << 20);
    assert_int_equal(option_parse_size("2GiB", &v, &err), 0);
    assert_int_equal(v, INT64_C(2) << 30);
}

static void
a_size_that_is_none_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "KiB",
                                      "-1",
                                      "1.5MiB",
                                      "16MB",
                                      "16 MiB",
                                      "0x10",
                                      "1e3",
                                      "+1",
                                      "16mib",
                                      " 1",
                                      "1 ",
                                      "9223372036854775808",
                                      "9999999TiB",
                                      "99999999999999999999KiB"};
    int64_t v;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err = (struct error)ERROR_INIT;
        if (option_parse_size(bad[i], &v, &err) != -1)
            fail_msg("\"%s\" was taken as %lld", bad[i], (long long)v);
        assert_int_equal(err.kind, ERROR_CONFIG);
    }
    assert_int_equal(option_parse_size("9223372036854775807", &v, &err), 0);
    assert_int_equal(v, INT64_MAX);
}

static void
durations_need_a_unit(void **state)
{
    int64_t v;
    (void)state;
    assert_int_equal(option_parse_duration("200ms", &v, &err), 0);
    assert_int_equal(v, 200);
    assert_int_equal(option_parse_duration("5m", &v, &err), 0);
    assert_int_equal(v, 300000);
    assert_int_equal(option_parse_duration("2h", &v, &err), 0);
    assert_int_equal(v, 7200000);
    assert_int_equal(option_parse_duration("0", &v, &err), 0);
    assert_int_equal(v, 0);
    assert_int_equal(option_parse_duration("10", &v, &err), -1);
    assert_int_equal(option_parse_duration("10 s", &v, &err), -1);
    assert_int_equal(option_parse_duration("-1s", &v, &err), -1);
    assert_int_equal(option_parse_duration("9223372036854775807s", &v, &err), -1);
}

static void
numbers_keep_their_bounds(void **state)
{
    (void)state;
    assert_int_equal(set("number", "-3"), 0);
    assert_int_equal(settings.number, -3);
    assert_int_equal(set("number", "-4"), -1);
    assert_non_null(strstr(err.text, "at least -3"));
    assert_int_equal(set("number", "10"), -1);
    assert_non_null(strstr(err.text, "at most 9"));
    assert_int_equal(set("number", "1x"), -1);
    assert_int_equal(set("number", ""), -1);
    assert_int_equal(set("pause", "61s"), -1);
    assert_non_null(strstr(err.text, "60000ms"));
    assert_int_equal(settings.number, -3);
}

static void
only_true_and_false_are_booleans(void **state)
{
    static const char *const bad[] = {"yes", "no", "on", "off", "1", "0", "True", "FALSE", ""};
    (void)state;
    assert_int_equal(set("flag", "false"), 0);
    assert_false(settings.flag);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(set("flag", bad[i]), -1);
    assert_false(settings.flag);
}

static void
an_unknown_word_is_told_the_known_ones(void **state)
{
    (void)state;
    assert_int_equal(set("word", "avro"), 0);
    assert_int_equal(settings.word, 0);
    assert_int_equal(set("word", "protobuf"), -1);
    assert_non_null(strstr(err.text, "avro, json"));
}

static void
control_characters_are_refused_everywhere(void **state)
{
    (void)state;
    assert_int_equal(set("text", "a\nb"), -1);
    assert_int_equal(set("text", "a\033[31m"), -1);
    assert_int_equal(set("text", "a\x7f"), -1);
    assert_int_equal(set("word", "json\r"), -1);
    assert_int_equal(set("text", "sch\xc3\xb6n"), 0);
}

static void
a_path_must_be_readable(void **state)
{
    (void)state;
    assert_int_equal(set("file", "/dev/null"), 0);
    assert_string_equal(settings.file, "/dev/null");
    assert_int_equal(set("file", "/does/not/exist"), -1);
    assert_non_null(strstr(err.text, "/does/not/exist"));
}

static void
the_nearest_name_is_near_or_nothing(void **state)
{
    (void)state;
    assert_string_equal(option_nearest(table, "nubmer"), "number");
    assert_string_equal(option_nearest(table, "texts"), "text");
    assert_string_equal(option_nearest(table, "wrd"), "word");
    assert_null(option_nearest(table, "brokers"));
    assert_null(option_nearest(table, ""));
    char long_name[200];
    memset(long_name, 'a', sizeof(long_name));
    long_name[199] = '\0';
    assert_null(option_nearest(table, long_name));
}

static void
globs_match_whole_strings(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"orders", "orders", true},
        {"orders", "orders2", false},
        {"orders*", "orders", true},
        {"orders_?", "orders_1", true},
        {"orders_?", "orders_", false},
        {"*", "", true},
        {"", "", true},
        {"", "a", false},
        {"*_log", "a_log_log", true},
        {"a*b*c", "aXbXbXc", true},
        {"a*b*c", "aXbXbX", false},
        {"[ab]", "a", false},
        {"[ab]", "[ab]", true},
        {"**", "x", true},
        {"?", "", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (option_glob(cases[i].pattern, cases[i].text) != cases[i].match)
            fail_msg("%s over %s", cases[i].pattern, cases[i].text);
    }
}

static void
a_hostile_glob_ends_soon(void **state)
{
    char pattern[2001], text[20001];
    (void)state;
    for (size_t i = 0; i < 2000; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[2000] = '\0';
    memset(text, 'a', 20000);
    text[20000] = '\0';
    assert_true(option_glob(pattern, text));
    text[19999] = 'b';
    assert_false(option_glob(pattern, text));
}

static void
the_reference_names_every_row(void **state)
{
    struct buffer out = {0};
    (void)state;
    option_document(table, true, &out);
    for (const struct option *row = table; row->name != NULL; row++) {
        char name[64];
        snprintf(name, sizeof(name), "| `%s` |", row->name);
        assert_non_null(strstr(buffer_cstr(&out), name));
    }
    assert_non_null(strstr(buffer_cstr(&out), "required"));
    assert_non_null(strstr(buffer_cstr(&out), "Never printed"));
    buffer_reset(&out);
    option_document(table, false, &out);
    assert_non_null(strstr(buffer_cstr(&out), "word (avro | json, default json)"));
    buffer_free(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_fill_every_row),
        cmocka_unit_test(a_wrong_default_is_an_error),
        cmocka_unit_test(sizes_have_binary_units),
        cmocka_unit_test(a_size_that_is_none_is_refused),
        cmocka_unit_test(durations_need_a_unit),
        cmocka_unit_test(numbers_keep_their_bounds),
        cmocka_unit_test(only_true_and_false_are_booleans),
        cmocka_unit_test(an_unknown_word_is_told_the_known_ones),
        cmocka_unit_test(control_characters_are_refused_everywhere),
        cmocka_unit_test(a_path_must_be_readable),
        cmocka_unit_test(the_nearest_name_is_near_or_nothing),
        cmocka_unit_test(globs_match_whole_strings),
        cmocka_unit_test(a_hostile_glob_ends_soon),
        cmocka_unit_test(the_reference_names_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
