/*
 * test_binlog_json.c -- binary JSON to the server's own text, and what is refused.
 *
 * tests/golden/binlog-json.txt is what MySQL wrote and showed (capture_json.py says how); what
 * follows it here are documents that no server makes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../cdc/decode/binlog_digits.h"
#include "../../cdc/decode/binlog_json.h"

static struct arena arena;
static struct buffer out;
static struct error err;

static unsigned
nibble(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a') + 10;
}

/* Spaces stand where it is easier to read. */
static struct bytes
unhex(const char *hex)
{
    uint8_t *from = arena_alloc(&arena, strlen(hex)), *at = from;

    for (; *hex != 0; hex++) {
        if (*hex == ' ')
            continue;
        *at++ = (uint8_t)(nibble(hex[0]) << 4 | nibble(hex[1]));
        hex++;
    }
    return bytes_of(from, (size_t)(at - from));
}

/* NULL diffs: the document as it is. The text, or NULL when it was refused as it should be. */
static const char *
text_of(struct bytes document, const struct bytes *diffs)
{
    int status;

    buffer_reset(&out);
    buffer_put(&out, "=", 1);
    status = diffs == NULL ? binlog_json_text(document, &out, &err)
                           : binlog_json_patched(document, *diffs, &out, &err);
    assert_false(buffer_failed(&out));
    assert_int_equal(out.max, 0);
    assert_int_equal(out.at[0], '=');
    if (status == 0)
        return buffer_cstr(&out) + 1;
    assert_int_equal(out.len, 1);
    assert_int_equal(err.kind, ERROR_DATA);
    assert_string_equal(err.code, "E_PROTOCOL");
    assert_non_null(strstr(err.text, "binary JSON: "));
    return NULL;
}

/* "" for what was refused, so that it can be compared. */
static const char *
text(const char *hex)
{
    const char *got = text_of(unhex(hex), NULL);

    return got != NULL ? got : "";
}

static const char *
patched(const char *hex, const char *diffs)
{
    struct bytes list = unhex(diffs);

    return text_of(unhex(hex), &list);
}

static void
refused(const char *hex, const char *why)
{
    if (text(hex)[0] != 0)
        fail_msg("%s came out as %s", hex, buffer_cstr(&out));
    if (strstr(err.text, why) == NULL)
        fail_msg("%s: %s, not %s", hex, err.text, why);
}

/* ---- what a server wrote ---- */

/* TAB LENGTH TAB COUNT TAB: the last LENGTH characters COUNT times in all. */
static char *
expanded(char **line, int end)
{
    struct buffer plain = {0};
    char *at = *line;

    for (; *at != end; at++) {
        if (*at != '\t') {
            buffer_put(&plain, at, 1);
            continue;
        }
        size_t len = strtoul(at + 1, &at, 10);
        size_t count = strtoul(at + 1, &at, 10);
        assert_int_equal(*at, '\t');
        for (assert_non_null(buffer_room(&plain, len * count)); count > 1; count--)
            buffer_put(&plain, plain.at + plain.len - len, len);
    }
    *line = at + 1;
    char *copy = arena_strdup(&arena, buffer_cstr(&plain));
    buffer_free(&plain);
    return copy;
}

struct golden {
    struct bytes document, diffs;
    bool has_diffs;
    const char *text;
};

static void
each_golden(void (*check)(const struct golden *))
{
    FILE *file = fopen("tests/golden/binlog-json.txt", "r");
    char *line = NULL;
    size_t cap = 0, count = 0;

    assert_non_null(file);
    while (getline(&line, &cap, file) > 0) {
        char *at = line, *document, *diffs;
        struct golden g;
        if (line[0] == '#')
            continue;
        document = expanded(&at, ' ');
        diffs = expanded(&at, ' ');
        g.document = unhex(document);
        g.has_diffs = strcmp(diffs, "-") != 0;
        g.diffs = g.has_diffs ? unhex(diffs) : (struct bytes){0};
        g.text = expanded(&at, '\n');
        check(&g);
        arena_reset(&arena);
        count++;
    }
    assert_true(count > 300);
    free(line);
    fclose(file);
}

static void
check_text(const struct golden *g)
{
    const char *got = text_of(g->document, g->has_diffs ? &g->diffs : NULL);

    if (got == NULL)
        fail_msg("%s: %s", g->text, err.text);
    assert_string_equal(got, g->text);
    if (!g->has_diffs) { /* no diffs are no change */
        got = text_of(g->document, &g->diffs);
        assert_non_null(got);
        assert_string_equal(got, g->text);
    }
}

static void
test_golden(void **state)
{
    (void)state;
    each_golden(check_text);
}

/* Cut short at any place, or with a byte broken: refused or read as something else, never past its
 * end. The copies are exactly as long as they may be read, for the sanitizer. */
static void
check_broken(const struct golden *g)
{
    size_t total = g->document.len + g->diffs.len;

    if (total > 400)
        return;
    for (size_t i = 0; i < total; i++) {
        bool in_document = i < g->document.len;
        size_t len = in_document ? i : g->document.len;
        uint8_t *document = malloc(g->document.len + 1), *diffs = malloc(g->diffs.len + 1);
        memcpy(document, g->document.at, g->document.len);
        if (g->diffs.len > 0)
            memcpy(diffs, g->diffs.at, g->diffs.len);
        uint8_t *broken = in_document ? document + i : diffs + (i - g->document.len);
        for (int bit = 0; bit < 8; bit += 3) {
            *broken ^= (uint8_t)(1 << bit);
            struct bytes list = bytes_of(diffs, g->diffs.len);
            text_of(bytes_of(document, g->document.len), g->has_diffs ? &list : NULL);
            *broken ^= (uint8_t)(1 << bit);
        }
        free(document);
        free(diffs);

        document = malloc(len > 0 ? len : 1);
        memcpy(document, g->document.at, len);
        struct bytes list = {g->diffs.at, in_document ? g->diffs.len : i - g->document.len};
        text_of(bytes_of(document, len), g->has_diffs ? &list : NULL);
        free(document);
    }
}

static void
test_broken(void **state)
{
    (void)state;
    each_golden(check_broken);
}

/* ---- scalars ---- */

static const struct {
    const char *hex, *text;
} scalars[] = {
    {"", "null"},
    {"0400", "null"},
    {"0401", "true"},
    {"0402", "false"},
    {"050080", "-32768"},
    {"06ffff", "65535"},
    {"0700000080", "-2147483648"},
    {"08ffffffff", "4294967295"},
    {"090000000000000080", "-9223372036854775808"},
    {"0affffffffffffffff", "18446744073709551615"},
    {"0b0000000000000080", "-0.0"},
    {"0b000000000000f03f", "1.0"},
    {"0b9a9999999999b93f", "0.1"},
    {"0bf8ff3326f56b0c43", "999999999999999.0"},
    {"0b00003426f56b0c43", "1e15"},
    {"0b0080e03779c34143", "1e16"},
    {"0b03eb2af2548b1143", "1234567890123456.8"},
    {"0b095d27f716ac6142", "607213041978.9073"}, /* ....9074 reads back too */
    {"0b000000000000303d", "0.00000000000005684341886080802"}, /* powers of two */
    {"0b000000000000103d", "0.000000000000014210854715202004"},
    {"0b1656e79eaf03d23c", "0.000000000000001"},
    {"0b6cc85ab491d5d13c", "9.9e-16"},
    {"0b0100000000000000", "5e-324"},
    {"0bffffffffffffefff", "-1.7976931348623157e308"},
    {"0c00", "\"\""},
    {"0c03220a5c", "\"\\\"\\n\\\\\""},
    {"0c83000102ff", "\"\\u0001\\u0002\xef\xbf\xbd\""}, /* a length need not be short */
    {"0ff6070b027ffffffecd", "-1.50"},
    {"0ff603010185", "0.5"},
    {"0ff604030080ea", "234"},
    {"0f0b080000004837ffffff", "\"-12:34:56.000000\""},
    {"0f0a08000000000044b219", "\"2024-01-02\""},
    {"0f0c0870580a053144b219", "\"2024-01-02 03:04:05.678000\""},
    {"0f070870580a053144b219", "\"2024-01-02 03:04:05.678000\""},
    {"0f0c080000000000000000", "\"0000-00-00 00:00:00.000000\""},
    {"0ffc0200ff", "\"base64:type252:AP8=\""},
    {"0fff00", "\"base64:type255:\""},
    {"050100ffff", "1"}, /* what stands behind a value is nobody's */
};

static void
test_scalars(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
        assert_string_equal(text(scalars[i].hex), scalars[i].text);
    }
}

static void
test_no_scalars(void **state)
{
    (void)state;
    refused("0d 00", "unknown type");
    refused("ff", "unknown type");
    refused("04", "past its container's end");
    refused("04 03", "a literal other than");
    refused("0b 00000000000000", "past its container's end");
    refused("0b 000000000000f07f", "not a number");
    refused("0b 010000000000f8ff", "not a number");
    refused("0c 04 616263", "past its container's end");
    refused("0c ffffffff0f 61", "past its container's end");
    refused("0c ffffffffff01 61", "past its container's end"); /* a length of six bytes */
    refused("0f f6", "past its container's end");
    refused("0f f6 02 0000", "a decimal that is none");
    refused("0f f6 03 5200 80", "a decimal that is none"); /* 82 digits */
    refused("0f f6 03 0102 81", "a decimal that is none"); /* scale above precision */
    refused("0f f6 03 0300 80", "a decimal that is none"); /* a byte too few */
    refused("0f f6 05 0201 8105 00", "a decimal that is none"); /* and one too many */
    refused("0f f6 06 0900 ffffffff", "a decimal that is none"); /* 2147483647 in nine digits */
    refused("0f f6 03 0100 8a", "a decimal that is none");       /* 10 in one */
    refused("0f 0a 07 00000000000000", "has not 8 bytes");
    refused("0f 0c 09 000000000000000000", "has not 8 bytes");
    refused("0f 0c 08 0000000080010000", "a date that is none"); /* 24:00 */
    refused("0f 0c 08 0000003c00000000", "a date that is none"); /* 60 seconds */
    refused("0f 0c 08 40420f0000000000", "a date that is none"); /* a million microseconds */
    refused("0f 0c 08 ffffffffffffff7f", "a date that is none");
    refused("0f 0c 08 ffffffffffffffff", "a date that is none");
    refused("0f 0b 08 0000000070340000", "a time that is none"); /* 839 hours */
    refused("0f 0b 08 000000000f000000", "a time that is none"); /* 60 minutes */
    refused("0f 0b 08 0000000000000080", "a time that is none");
}

/* Decimals of columns come through binlog_digits too: what is behind them is left alone. */
static void
test_digits(void **state)
{
    struct cursor in = cursor_of(unhex("7fffffffed2978f26787 80"));
    uint8_t digits[BINLOG_DIGITS_MAX];
    bool negative = false;

    (void)state;
    assert_true(binlog_digits(&in, 20, 6, &negative, digits));
    assert_true(negative);
    assert_memory_equal(digits, "00000001234567891000", 20);
    assert_int_equal(cursor_left(&in), 1);
    assert_true(binlog_digits(&in, 1, 1, &negative, digits));
    assert_false(negative);
    assert_int_equal(digits[0], '0');
    assert_false(binlog_digits(&in, 1, 1, &negative, digits));
    assert_false(binlog_digits(&in, 1, 2, &negative, digits));
}

/* ---- containers ---- */

static void
test_containers(void **state)
{
    (void)state;
    /* gaps, values in any order, and entries that an update in place left behind */
    assert_string_equal(text("02 01000d00 050300 050300 050300"), "[3]");
    assert_string_equal(text("02 02000f00 0c0d00 0c0a00 0161 20 0162"), "[\"b\", \"a\"]");
    assert_string_equal(text("00 00000400"), "{}");
    assert_string_equal(text("03 0000000008000000"), "[]");

    refused("02 010003", "past its container's end");
    refused("02 00000300", "past its container's end"); /* less than its own header */
    refused("02 00000500", "past its container's end");
    refused("02 02000700 050100", "more entries");
    refused("03 ffffffff 08000000", "more entries");
    refused("01 ffffffff 08000000", "more entries");
    refused("02 01000900 0c0400 0161", "offset outside"); /* into the header */
    refused("02 01000900 0c0a00 0161", "offset outside"); /* past the end */
    refused("02 01000900 0c0900 0161", "past its container's end");
    refused("02 01000900 0c0800 0161", "past its container's end");
    refused("02 01000700 0d0700", "unknown type");
    /* a string past the end of its own container, though not of the one around it */
    refused("02 01001400 020700 01000800 0c0700 05 6162636465", "past its container's end");
    refused("02 02000e00 0c0a00 0c0a00 03616263", "overlap");
}

static void
test_keys(void **state)
{
    (void)state;
    assert_string_equal(text("00 01000c00 0b000100 050100 61"), "{\"a\": 1}");
    refused("00 01000c00 0b000200 050100 61", "a key outside");
    refused("00 01000c00 0a000100 050100 61", "a key outside");
    refused("00 01000c00 0d000000 050100 61", "a key outside");
    refused("00 02001400 12000200 12000200 050100 050200 6162", "overlap");
}

/* Arrays in each other, `depth` of them. */
static struct bytes
nested(unsigned depth)
{
    struct buffer all = {0};

    for (unsigned left = depth; left > 0; left--) {
        buffer_put_le16(&all, left > 1);
        buffer_put_le16(&all, (uint16_t)(7 * left - 3));
        if (left > 1)
            buffer_put(&all, "\2\7", 3);
    }
    uint8_t *at = arena_alloc(&arena, all.len + 1);
    at[0] = 2;
    memcpy(at + 1, all.at, all.len);
    buffer_free(&all);
    return bytes_of(at, 7 * depth - 2);
}

static void
test_depth(void **state)
{
    (void)state;
    assert_string_equal(text_of(nested(3), NULL), "[[[]]]");
    assert_int_equal(strlen(text_of(nested(BINLOG_JSON_DEPTH_MAX), NULL)), 200);
    assert_null(text_of(nested(BINLOG_JSON_DEPTH_MAX + 1), NULL));
    assert_non_null(strstr(err.text, "nested more deeply"));
    assert_null(text_of(nested(1000), NULL));
}

/* Forty arrays, each with the next one twice: 2^40 values if that were let through. */
static void
test_explosion(void **state)
{
    enum { LEVELS = 40 };
    uint8_t document[1 + 10 * LEVELS + 4] = {2}, *at = document + 1;

    (void)state;
    for (unsigned i = LEVELS; i > 0; i--, at += 10) {
        const uint16_t words[2] = {2, (uint16_t)(10 * i + 4)};
        memcpy(at, words, 4);
        memcpy(at + 4, "\2\12\0\2\12\0", 6);
    }
    memcpy(at, "\0\0\4\0", 4);
    assert_null(text_of(bytes_of(document, sizeof(document)), NULL));
    assert_non_null(strstr(err.text, "overlap"));
}

static void
test_too_long(void **state)
{
    (void)state;
    struct buffer small = {.max = 40};
    char long_text[2 * 45] = "0c 28 ";

    buffer_put_string(&small, "before");
    memset(long_text + 6, '6', 2 * 40);
    assert_int_equal(binlog_json_text(unhex(long_text), &small, &err), -1);
    assert_int_equal(err.kind, ERROR_DATA);
    assert_non_null(strstr(err.text, "too long"));
    assert_string_equal(buffer_cstr(&small), "before");
    assert_int_equal(small.max, 40);
    assert_int_equal(binlog_json_text(unhex("05 0100"), &small, &err), 0);
    assert_string_equal(buffer_cstr(&small), "before1");
    buffer_free(&small);
}

/* ---- partial updates ---- */

enum { REPLACE, INSERT, REMOVE };

static void
put_diff(struct buffer *list, int operation, const char *path, const char *value)
{
    buffer_put_u8(list, (uint8_t)operation);
    buffer_put_u8(list, (uint8_t)strlen(path));
    buffer_put_string(list, path);
    if (value != NULL) {
        struct bytes raw = unhex(value);
        buffer_put_u8(list, (uint8_t)raw.len);
        buffer_put(list, raw.at, raw.len);
    }
}

/* {"a": 1, "b": [1, 2], "dd": {"x": null}} */
#define DD "\"dd\": {\"x\": null}}"
#define DOCUMENT \
    "0003003300190001001a0001001b000200050100021d000027006162646402000a0005010005020001000c00" \
    "0b00010004000078"

static const struct {
    int operation;
    const char *path, *value, *text; /* NULL: refused, for this reason: */
    const char *why;
} one_diff[] = {
    {REPLACE, "$.a", "0401", "{\"a\": true, \"b\": [1, 2], " DD, NULL},
    {REPLACE, "$", "0401", "true", NULL},
    {REPLACE, "$.b[1]", "0c0178", "{\"a\": 1, \"b\": [1, \"x\"], " DD, NULL},
    {REPLACE, "$.b[last-1]", "0401", "{\"a\": 1, \"b\": [true, 2], " DD, NULL},
    {REPLACE, "$.dd.x", "", "{\"a\": 1, \"b\": [1, 2], " DD, NULL},
    {INSERT, "$.c", "0401", "{\"a\": 1, \"b\": [1, 2], \"c\": true, " DD, NULL},
    {INSERT, "$.B", "0401", "{\"B\": true, \"a\": 1, \"b\": [1, 2], " DD, NULL},
    {INSERT, "$.\"\"", "0401", "{\"\": true, \"a\": 1, \"b\": [1, 2], " DD, NULL},
    {INSERT, "$.dd.xx", "0401", "{\"a\": 1, \"b\": [1, 2], \"dd\": {\"x\": null, \"xx\": true}}", NULL},
    {INSERT, "$.b[0]", "0401", "{\"a\": 1, \"b\": [true, 1, 2], " DD, NULL},
    {INSERT, "$.b[1]", "0401", "{\"a\": 1, \"b\": [1, true, 2], " DD, NULL},
    {INSERT, "$.b[last]", "0401", "{\"a\": 1, \"b\": [1, true, 2], " DD, NULL},
    {INSERT, "$.b[2]", "0401", "{\"a\": 1, \"b\": [1, 2, true], " DD, NULL},
    {INSERT, "$.b[4294967295]", "0401", "{\"a\": 1, \"b\": [1, 2, true], " DD, NULL},
    {INSERT, "$.b[last-7]", "0401", "{\"a\": 1, \"b\": [true, 1, 2], " DD, NULL},
    {INSERT, "$.\"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0009\"", "0401",
     "{\"a\": 1, \"b\": [1, 2], \"dd\": {\"x\": null}, "
     "\"\xc3\xa9\xf0\x9f\x98\x80\\\"\\\\/\\b\\f\\n\\r\\t\\t\": true}", NULL},
    {REMOVE, "$.a", NULL, "{\"b\": [1, 2], " DD, NULL},
    {REMOVE, "$.\"dd\"", NULL, "{\"a\": 1, \"b\": [1, 2]}", NULL},
    {REMOVE, "$.\"\\u0064d\".x", NULL, "{\"a\": 1, \"b\": [1, 2], \"dd\": {}}", NULL},
    {REMOVE, "$.b[0]", NULL, "{\"a\": 1, \"b\": [2], " DD, NULL},
    {REMOVE, "$.b[last]", NULL, "{\"a\": 1, \"b\": [1], " DD, NULL},

    {REPLACE, "$.c", "0401", NULL, "the diff of $.c: nothing there to replace"},
    {REPLACE, "$.b[2]", "0401", NULL, "nothing there to replace"},
    {REPLACE, "$.b[last-2]", "0401", NULL, "nothing there to replace"},
    {INSERT, "$.a", "0401", NULL, "there already"},
    {INSERT, "$", "0401", NULL, "there already"},
    {REMOVE, "$.c", NULL, NULL, "nothing there to remove"},
    {REMOVE, "$.b[2]", NULL, NULL, "nothing there to remove"},
    {REMOVE, "$", NULL, NULL, "nothing there to remove"},
    {INSERT, "$.c.d", "0401", NULL, "no such place"},
    {INSERT, "$.b[9].d", "0401", NULL, "no such place"},
    {INSERT, "$.a.d", "0401", NULL, "a member of what is no object"},
    {INSERT, "$.b.d", "0401", NULL, "a member of what is no object"},
    {REPLACE, "$.a[0]", "0401", NULL, "a cell of what is no array"},
    {REPLACE, "$[0]", "0401", NULL, "a cell of what is no array"},
    {REPLACE, "$.a", "0403", NULL, "a literal other than"},
    {REPLACE, "$.a", "0c0261", NULL, "past its container's end"},
    {REPLACE, "", "0401", NULL, "not a path"},
    {REPLACE, ".a", "0401", NULL, "not a path"},
    {REPLACE, "$a", "0401", NULL, "not a path"},
    {REPLACE, "$.", "0401", NULL, "not a path"},
    {REPLACE, "$..a", "0401", NULL, "not a path"},
    {REPLACE, "$.a ", "0401", NULL, "nothing there"},
    {REPLACE, "$.b[", "0401", NULL, "not a path"},
    {REPLACE, "$.b[1", "0401", NULL, "not a path"},
    {REPLACE, "$.b[]", "0401", NULL, "not a path"},
    {REPLACE, "$.b[-1]", "0401", NULL, "not a path"},
    {REPLACE, "$.b[last-]", "0401", NULL, "not a path"},
    {REPLACE, "$.b[last+1]", "0401", NULL, "not a path"},
    {REPLACE, "$.b[4294967296]", "0401", NULL, "not a path"},
    {REPLACE, "$.b[1]x", "0401", NULL, "not a path"},
    {REPLACE, "$.\"a", "0401", NULL, "not a path"},
    {REPLACE, "$.\"a\\", "0401", NULL, "not a path"},
    {REPLACE, "$.\"a\\\"", "0401", NULL, "not a path"},
    {REPLACE, "$.\"\\x\"", "0401", NULL, "not a path"},
    {REPLACE, "$.\"\\u00g0\"", "0401", NULL, "not a path"},
    {REPLACE, "$.\"\\u00\"", "0401", NULL, "not a path"},
    {REPLACE, "$.\"\\ud83d\"", "0401", NULL, "not a path"},
    {REPLACE, "$.\"\\ud83d\\u0041\"", "0401", NULL, "not a path"},
    {REPLACE, "$.\"\\ude00\"", "0401", NULL, "not a path"},
};

static const char *
with_diffs(struct buffer *list)
{
    struct bytes diffs = bytes_of(list->at, list->len);
    const char *got = text_of(unhex(DOCUMENT), &diffs);

    buffer_free(list);
    return got;
}

static void
test_one_diff(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(one_diff) / sizeof(one_diff[0]); i++) {
        struct buffer list = {0};
        put_diff(&list, one_diff[i].operation, one_diff[i].path, one_diff[i].value);
        const char *got = with_diffs(&list);
        if (one_diff[i].text != NULL) {
            if (got == NULL)
                fail_msg("%s: %s", one_diff[i].path, err.text);
            assert_string_equal(got, one_diff[i].text);
        } else if (got != NULL || strstr(err.text, one_diff[i].why) == NULL) {
            fail_msg("%s: %s, not %s", one_diff[i].path, got != NULL ? got : err.text,
                     one_diff[i].why);
        }
    }
}

/* Each diff is of the document that the one before it left. */
static void
test_many_diffs(void **state)
{
    struct buffer list = {0};
    char path[32];

    (void)state;
    put_diff(&list, REPLACE, "$.a", "02 00000400");
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof(path), "$.a[%d]", i);
        put_diff(&list, INSERT, path, i % 2 ? "0401" : "0402");
    }
    for (int i = 0; i < 16; i++)
        put_diff(&list, REMOVE, "$.a[1]", NULL);
    put_diff(&list, REPLACE, "$.a[last]", "00 00000400");
    put_diff(&list, INSERT, "$.a[3].k", "0400");
    put_diff(&list, REMOVE, "$.b", NULL);
    put_diff(&list, INSERT, "$.b", "0400");
    put_diff(&list, REPLACE, "$.dd", "0400");
    assert_string_equal(with_diffs(&list),
                        "{\"a\": [false, true, false, {\"k\": null}], \"b\": null, \"dd\": null}");

    put_diff(&list, REPLACE, "$.dd", "0400");
    put_diff(&list, REMOVE, "$.dd.x", NULL);
    assert_null(with_diffs(&list));
}

/* The golden list of the protocol's notes, without its length. */
static void
test_list(void **state)
{
    (void)state;
    assert_string_equal(patched(DOCUMENT, "00 03 242e61 03 050200 00 06 242e625b315d 03 0c0178"),
                        "{\"a\": 2, \"b\": [1, \"x\"], \"dd\": {\"x\": null}}");
    assert_string_equal(patched("", ""), "null");
    assert_string_equal(patched("", "00 01 24 02 0401"), "true");
    assert_string_equal(patched("0401", "00 01 24 00"), "null");
    assert_null(patched(DOCUMENT, "00"));
    assert_null(patched(DOCUMENT, "03 03 242e61"));
    assert_null(patched(DOCUMENT, "00 03 242e61"));
    assert_null(patched(DOCUMENT, "00 03 242e61 03 0502"));
    assert_null(patched(DOCUMENT, "00 fb 242e61 03 050200"));
    assert_null(patched(DOCUMENT, "02 feffffffffffffffff 242e61"));
    assert_null(patched("02 02000e00 0c0a00 0c0a00 03616263", "02 04 245b305d"));
    assert_non_null(strstr(err.text, "overlap"));
}

/* What diffs nest is counted with what was there. */
static void
test_depth_of_diffs(void **state)
{
    char path[512] = "$";
    struct buffer list = {0};

    (void)state;
    for (unsigned i = 0; i < BINLOG_JSON_DEPTH_MAX - 1; i++)
        strcat(path, "[0]");
    buffer_put_u8(&list, INSERT);
    buffer_put_u8(&list, 252);
    buffer_put_le16(&list, (uint16_t)strlen(path) + 3);
    buffer_printf(&list, "%s[0]%c", path, 2);
    buffer_put(&list, "\4\1", 2);
    struct bytes diffs = bytes_of(list.at, list.len);
    assert_int_equal(strlen(text_of(nested(BINLOG_JSON_DEPTH_MAX), &diffs)), 204);
    buffer_reset(&list);

    put_diff(&list, INSERT, "$[0][0][1]", "02 00000400");
    diffs = bytes_of(list.at, list.len);
    assert_int_equal(strlen(text_of(nested(BINLOG_JSON_DEPTH_MAX), &diffs)), 204);
    buffer_reset(&list);

    buffer_put_u8(&list, INSERT);
    buffer_put_u8(&list, 252);
    buffer_put_le16(&list, (uint16_t)strlen(path) + 3);
    buffer_printf(&list, "%s[0]%c", path, 5);
    buffer_put(&list, "\2\0\0\4\0", 5);
    diffs = bytes_of(list.at, list.len);
    assert_null(text_of(nested(BINLOG_JSON_DEPTH_MAX), &diffs));
    assert_non_null(strstr(err.text, "nested more deeply"));
    buffer_free(&list);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_scalars),       cmocka_unit_test(test_no_scalars),
        cmocka_unit_test(test_digits),        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_keys),          cmocka_unit_test(test_depth),
        cmocka_unit_test(test_explosion),     cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_one_diff),      cmocka_unit_test(test_many_diffs),
        cmocka_unit_test(test_list),          cmocka_unit_test(test_depth_of_diffs),
    };
    int status = cmocka_run_group_tests(tests, NULL, NULL);

    buffer_free(&out);
    arena_free(&arena);
    return status;
}
