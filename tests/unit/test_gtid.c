/*
 * test_gtid.c -- GTIDs and sets of them, against bitmaps; text and bytes both ways; binlogs' names.
 *
 * The oracle: a set over a few origins and the numbers up to NUMBERS is an array of booleans. What sets do
 * is compared with what arrays do, over thousands of random cases from a fixed seed.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "../../cdc/model/gtid_set.h"
#include "cdc/gtid.h"
#include "cdc/position.h"

enum { ORIGINS = 6, NUMBERS = 200, DOMAINS = 7, THREADS = 4, NAMES = 500 };

#define UUID_A "3e11fa47-71ca-11e1-9e33-c80aa9429562"
#define UUID_B "3e11fa47-71ca-11e1-9e33-c80aa9429563"
#define UUID_C "ffffffff-ffff-ffff-ffff-ffffffffffff"
#define LAST_NUMBER (INT64_MAX - 1)

/* In the order that sets have them in. */
static const struct {
    const char *uuid, *tag;
} universe[ORIGINS] = {
    {"00000000-0000-0000-0000-000000000000", "zero"}, {UUID_A, ""}, {UUID_A, "_x"}, {UUID_A, "tag_a"},
    {UUID_B, ""}, {UUID_C, "z9"},
};

struct model {
    bool has[ORIGINS][NUMBERS + 2]; /* 0 and NUMBERS + 1 never */
};

static uint64_t seed;

static uint64_t
random_below(uint64_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % n;
}

static const struct gtid_origin *
origin_of(const char *uuid, const char *tag)
{
    struct gtid gtid;
    char text[GTID_TEXT_MAX];

    snprintf(text, sizeof(text), "%s:%s%s1", uuid, tag, tag[0] != 0 ? ":" : "");
    assert_int_equal(gtid_parse(&gtid, text, NULL), 0);
    return gtid.origin;
}

static const struct gtid_origin *
origin(size_t i)
{
    return origin_of(universe[i].uuid, universe[i].tag);
}

static struct gtid_set *
parsed(enum gtid_kind kind, const char *text)
{
    struct error err = ERROR_INIT;
    struct gtid_set *set = NULL;

    if (gtid_set_parse(&set, kind, text, &err) == -1)
        fail_msg("\"%.200s\": %s", text, err.text);
    return set;
}

/* A string for the test to free. */
static char *
printed(const struct gtid_set *set)
{
    struct buffer out = {0};
    char *text;

    gtid_set_print(set, &out);
    text = strdup(buffer_cstr(&out));
    assert_non_null(text);
    buffer_free(&out);
    return text;
}

static void
assert_prints(const struct gtid_set *set, const char *want)
{
    char *text = printed(set);

    assert_string_equal(text, want);
    free(text);
}

static void
assert_refused(int done, const struct error *err)
{
    assert_int_equal(done, -1);
    assert_int_equal(err->kind, ERROR_CONFIG);
    assert_string_equal(err->code, "E_GTID");
}

/* --- the oracle --------------------------------------------------------------------------------------- */

static void
model_add(struct model *model, size_t i, uint64_t first, uint64_t last)
{
    for (uint64_t n = first; n <= last; n++)
        model->has[i][n] = true;
}

static uint64_t
model_count(const struct model *model)
{
    uint64_t count = 0;

    for (size_t i = 0; i < ORIGINS; i++) {
        for (size_t n = 1; n <= NUMBERS; n++)
            count += model->has[i][n];
    }
    return count;
}

static bool
model_subset(const struct model *a, const struct model *b)
{
    for (size_t i = 0; i < ORIGINS; i++) {
        for (size_t n = 1; n <= NUMBERS; n++) {
            if (a->has[i][n] && !b->has[i][n])
                return false;
        }
    }
    return true;
}

/* The canonical text, made the slow way. */
static void
model_print(const struct model *model, struct buffer *out)
{
    const char *uuid = "";

    for (size_t i = 0; i < ORIGINS; i++) {
        bool begun = false;

        for (size_t n = 1; n <= NUMBERS; n++) {
            size_t last = n;

            if (!model->has[i][n])
                continue;
            while (model->has[i][last + 1])
                last++;
            if (!begun && strcmp(uuid, universe[i].uuid) != 0)
                buffer_printf(out, "%s%s", out->len > 0 ? "," : "", universe[i].uuid);
            if (!begun && universe[i].tag[0] != 0)
                buffer_printf(out, ":%s", universe[i].tag);
            begun = true;
            uuid = universe[i].uuid;
            buffer_printf(out, ":%zu", n);
            if (last > n)
                buffer_printf(out, "-%zu", last);
            n = last;
        }
    }
}

static struct gtid_set *
through_bytes(const struct gtid_set *set)
{
    struct error err = ERROR_INIT;
    struct gtid_set *back = NULL;
    struct buffer out = {0};

    gtid_set_encode(set, &out);
    if (gtid_set_decode(&back, bytes_of(out.at, out.len), &err) == -1)
        fail_msg("%s", err.text);
    buffer_free(&out);
    return back;
}

static void
assert_same(struct gtid_set *a, const struct gtid_set *b)
{
    assert_true(gtid_set_equal(a, b));
    assert_true(gtid_set_equal(b, a));
    gtid_set_release(a);
}

/* The set is the model in every way that there is to ask it. */
static void
assert_is(const struct gtid_set *set, const struct model *model)
{
    struct buffer want = {0};

    for (size_t i = 0; i < ORIGINS; i++) {
        struct gtid gtid = {.origin = origin(i)};

        for (gtid.number = 0; gtid.number <= NUMBERS + 1; gtid.number++) {
            if (gtid_set_contains(set, &gtid) != model->has[i][gtid.number])
                fail_msg("origin %zu, number %d", i, (int)gtid.number);
        }
    }
    assert_int_equal(gtid_set_count(set), model_count(model));
    assert_int_equal(gtid_set_empty(set), model_count(model) == 0);
    model_print(model, &want);
    assert_prints(set, buffer_cstr(&want));
    assert_int_equal(set->text, want.len > 0 ? want.len + 1 : 0); /* what the limit is asked with */
    assert_same(parsed(GTID_MYSQL, buffer_cstr(&want)), set);
    assert_same(through_bytes(set), set);
    assert_same(gtid_set_copy(set), set);
    buffer_free(&want);
}

/* Some adds of one and of ranges, with the numbers near each other so that they meet. */
static struct gtid_set *
random_set(struct model *model)
{
    struct gtid_set *set = gtid_set_new(GTID_MYSQL);
    uint64_t adds = random_below(40), wide = 1 + random_below(NUMBERS), origins = 1 + random_below(ORIGINS);

    assert_non_null(set);
    memset(model, 0, sizeof(*model));
    for (; adds > 0; adds--) {
        size_t i = random_below(origins);
        uint64_t first = 1 + random_below(wide), last = first + random_below(1 + random_below(12));
        struct gtid gtid = {.origin = origin(i), .number = first};

        last = last > NUMBERS ? NUMBERS : last;
        if (random_below(3) > 0) {
            assert_int_equal(gtid_set_add_range(set, gtid.origin, first, last, NULL), 0);
            model_add(model, i, first, last);
            continue;
        }
        for (; gtid.number <= last; gtid.number++)
            assert_int_equal(gtid_set_add(set, &gtid, NULL), 0);
        model_add(model, i, first, last);
    }
    return set;
}

static void
sets_do_what_bitmaps_do(void **state)
{
    (void)state;
    seed = 20240611;
    for (int round = 0; round < 3000; round++) {
        struct model a, b, both, rest;
        struct gtid_set *x = random_set(&a), *y = random_set(&b);
        struct gtid_set *met = gtid_set_intersect(x, y), *left = gtid_set_subtract(x, y);

        for (size_t i = 0; i < sizeof(a.has) / sizeof(bool); i++) {
            ((bool *)both.has)[i] = ((bool *)a.has)[i] && ((bool *)b.has)[i];
            ((bool *)rest.has)[i] = ((bool *)a.has)[i] && !((bool *)b.has)[i];
        }
        assert_is(x, &a);
        assert_is(met, &both);
        assert_is(left, &rest);
        assert_int_equal(gtid_set_subset(x, y), model_subset(&a, &b));
        assert_int_equal(gtid_set_equal(x, y), memcmp(&a, &b, sizeof(a)) == 0);
        assert_true(gtid_set_subset(met, x) && gtid_set_subset(met, y) && gtid_set_subset(left, x));
        assert_int_equal(gtid_set_subset(x, met), model_subset(&a, &b));
        assert_same(gtid_set_intersect(y, x), met);
        gtid_set_release(x);
        gtid_set_release(y);
        gtid_set_release(met);
        gtid_set_release(left);
    }
}

static void
put_any_case(struct buffer *out, const char *text)
{
    for (; *text != 0; text++) {
        bool upper = *text >= 'a' && *text <= 'z' && random_below(2) == 0;

        buffer_put_u8(out, (uint8_t)(upper ? *text - 'a' + 'A' : *text));
    }
}

static void
put_space(struct buffer *out)
{
    static const char *const spaces[] = {"", "", "", "", " ", "\n", "\r\n", "\t ", "\v\f"};

    buffer_put_string(out, spaces[random_below(sizeof(spaces) / sizeof(spaces[0]))]);
}

static void
put_between(struct buffer *out, const char *c)
{
    put_space(out);
    buffer_put_string(out, c);
    put_space(out);
}

/* Texts as no server writes them: in any order, overlapping, with the same UUID and tag again and again. */
static void
any_text_of_a_set_is_that_set(void **state)
{
    (void)state;
    seed = 7;
    for (int round = 0; round < 2000; round++) {
        struct buffer text = {0};
        struct model model = {0};
        struct gtid_set *set;

        put_space(&text);
        for (uint64_t blocks = random_below(6), b = 0; b < blocks; b++) {
            size_t i = random_below(ORIGINS);

            if (b > 0)
                put_between(&text, ",");
            put_any_case(&text, universe[i].uuid);
            while (universe[i].tag[0] != 0 && i > 0 && strcmp(universe[i - 1].uuid, universe[i].uuid) == 0)
                i--; /* begin with the first tag of it, so that others can follow */
            for (;;) {
                if (universe[i].tag[0] != 0) {
                    put_between(&text, ":");
                    put_any_case(&text, universe[i].tag);
                }
                for (uint64_t k = random_below(5) + 1; k > 0; k--) {
                    uint64_t first = 1 + random_below(NUMBERS);
                    uint64_t last = first + random_below(NUMBERS + 1 - first);

                    put_between(&text, ":");
                    buffer_printf(&text, "%d", (int)first);
                    if (last > first || random_below(2) == 0) {
                        put_between(&text, "-");
                        buffer_printf(&text, "%d", (int)last);
                    }
                    model_add(&model, i, first, last);
                }
                if (i + 1 == ORIGINS || strcmp(universe[i].uuid, universe[i + 1].uuid) != 0 ||
                    random_below(2) == 0)
                    break;
                i++;
            }
        }
        put_space(&text);
        set = parsed(GTID_MYSQL, buffer_cstr(&text));
        assert_is(set, &model);
        gtid_set_release(set);
        buffer_free(&text);
    }
}

static void
bytes_in_any_order_are_put_in_order(void **state)
{
    (void)state;
    seed = 99;
    for (int round = 0; round < 2000; round++) {
        struct error err = ERROR_INIT;
        struct buffer out = {0};
        struct model model = {0};
        struct gtid_set *set;
        uint64_t blocks = random_below(8);

        buffer_put_le64(&out, 1 | blocks << 8 | UINT64_C(1) << 56);
        for (; blocks > 0; blocks--) {
            size_t i = random_below(ORIGINS), tag_len = strlen(universe[i].tag);
            uint64_t n = random_below(6);

            buffer_put(&out, origin(i)->uuid, 16);
            buffer_put_u8(&out, (uint8_t)(tag_len << 1));
            buffer_put(&out, universe[i].tag, tag_len);
            buffer_put_le64(&out, n);
            for (; n > 0; n--) {
                uint64_t first = 1 + random_below(NUMBERS);
                uint64_t last = first + random_below(NUMBERS + 1 - first);

                buffer_put_le64(&out, first);
                buffer_put_le64(&out, last + 1);
                model_add(&model, i, first, last);
            }
        }
        if (gtid_set_decode(&set, bytes_of(out.at, out.len), &err) == -1)
            fail_msg("%s", err.text);
        assert_is(set, &model);
        gtid_set_release(set);
        buffer_free(&out);
    }
}

/* --- MySQL, case by case ------------------------------------------------------------------------------ */

static void
equal_origins_are_the_same_pointer(void **state)
{
    uint8_t uuid[16] = {0x3e, 0x11, 0xfa, 0x47, 0x71, 0xca, 0x11, 0xe1,
                        0x9e, 0x33, 0xc8, 0x0a, 0xa9, 0x42, 0x95, 0x62};
    const char *longest = "a2345678901234567890123456789012";

    (void)state;
    assert_ptr_equal(gtid_origin(uuid, "", 0), origin_of(UUID_A, ""));
    assert_ptr_equal(gtid_origin(uuid, "Tag_A", 5), origin_of(UUID_A, "tag_a"));
    assert_ptr_not_equal(gtid_origin(uuid, "tag_", 4), origin_of(UUID_A, "tag_a"));
    assert_string_equal(gtid_origin(uuid, "TAG_A", 5)->tag, "tag_a");
    assert_string_equal(gtid_origin(uuid, longest, GTID_TAG_MAX)->tag, longest);
    assert_null(gtid_origin(uuid, "a23456789012345678901234567890123", GTID_TAG_MAX + 1));
    assert_null(gtid_origin(uuid, "1a", 2));
    assert_null(gtid_origin(uuid, "a-b", 3));
    assert_null(gtid_origin(uuid, "a\0b", 3));
    assert_null(gtid_origin(uuid, "\xc3\xa9", 2));
}

static void
one_gtid_prints_and_reads_back(void **state)
{
    static const char *const texts[][2] = {
        {UUID_A ":1", UUID_A ":1"},
        {"3E11FA47-71CA-11E1-9E33-C80AA9429562:77", UUID_A ":77"},
        {" " UUID_A " : Tag_A : 9223372036854775806\n", UUID_A ":tag_a:9223372036854775806"},
        {UUID_C ":a2345678901234567890123456789012:9223372036854775806",
         UUID_C ":a2345678901234567890123456789012:9223372036854775806"},
        {"0-0-1", "0-0-1"},
        {" 4294967295-4294967295-9223372036854775806 ", "4294967295-4294967295-9223372036854775806"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct error err = ERROR_INIT;
        struct gtid gtid, back;
        char text[GTID_TEXT_MAX];

        if (gtid_parse(&gtid, texts[i][0], &err) == -1)
            fail_msg("%s: %s", texts[i][0], err.text);
        assert_int_equal(gtid_print(&gtid, text), strlen(texts[i][1]));
        assert_string_equal(text, texts[i][1]);
        assert_int_equal(gtid_parse(&back, text, &err), 0);
        assert_true(gtid_equal(&back, &gtid));
        back.number--;
        assert_false(gtid_equal(&back, &gtid));
    }
}

static void
gtids_of_other_origins_or_servers_differ(void **state)
{
    struct gtid a, b;

    (void)state;
    gtid_parse(&a, UUID_A ":5", NULL);
    gtid_parse(&b, UUID_A ":t:5", NULL);
    assert_false(gtid_equal(&a, &b));
    gtid_parse(&a, "0-1-5", NULL);
    assert_false(gtid_equal(&a, &b));
    gtid_parse(&b, "0-2-5", NULL);
    assert_false(gtid_equal(&a, &b));
    gtid_parse(&b, "1-1-5", NULL);
    assert_false(gtid_equal(&a, &b));
    gtid_parse(&b, "0-1-5", NULL);
    assert_true(gtid_equal(&a, &b));
}

static void
what_is_not_a_gtid_is_refused_and_leaves_the_old_one(void **state)
{
    static const char *const texts[] = {
        "", " ", ":", "-", UUID_A, UUID_A ":", UUID_A ":0", UUID_A ":01", UUID_A ":1-2", UUID_A ":1:2",
        UUID_A ":1,", UUID_A ":9223372036854775807", UUID_A ":18446744073709551617", UUID_A ":t",
        UUID_A ":t:",
        UUID_A ":t:u:1", UUID_A ":1t:1", UUID_A ":t-u:1", UUID_A ":a23456789012345678901234567890123:1",
        UUID_A "0:1", "3e11fa47-71ca-11e1-9e33-c80aa942956:1", "3e11fa4771ca11e19e33c80aa9429562:1",
        "{" UUID_A "}:1", "3e11fa47:71ca-11e1-9e33-c80aa9429562:1", "3e11fa4g-71ca-11e1-9e33-c80aa9429562:1",
        "0-1", "0-1-", "0-1-0", "0-1-05", "-0-1-5", "0--1-5", "0-1-5-", "0-1-5,", "0 - 1 - 5", "00-1-5",
        "4294967296-1-5", "0-4294967296-5", "0-1-9223372036854775807", "0-1-99999999999999999999", "+0-1-5",
        "0x0-1-5", "a-1-5",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct gtid gtid = {.domain = 1, .server = 2, .number = 3};
        struct error err = ERROR_INIT;

        if (gtid_parse(&gtid, texts[i], &err) != -1)
            fail_msg("\"%s\" is taken for a GTID", texts[i]);
        assert_refused(-1, &err);
        assert_true(gtid.origin == NULL && gtid.domain == 1 && gtid.server == 2 && gtid.number == 3);
    }
}

static void
texts_of_servers_are_read_and_printed_in_short(void **state)
{
    static const char *const texts[][2] = {
        {"", ""},
        {" \n", ""},
        {"3E11FA47-71CA-11E1-9E33-C80AA9429562:1-5", UUID_A ":1-5"},
        {UUID_C ":3,\n" UUID_A ":1-5:7-9", UUID_A ":1-5:7-9," UUID_C ":3"},
        {UUID_A ":1-3:4-5:6", UUID_A ":1-6"},
        {UUID_A ":5," UUID_A ":1-4", UUID_A ":1-5"},
        {UUID_A ":7-7", UUID_A ":7"},
        {UUID_A ":1-3:5:tag_a:1-2:7", UUID_A ":1-3:5:tag_a:1-2:7"},
        {UUID_A ":b:1:A:2:b:2", UUID_A ":a:2:b:1-2"},
        {UUID_A ":t:1," UUID_A ":1", UUID_A ":1:t:1"},
        {UUID_A ":1-9223372036854775806", UUID_A ":1-9223372036854775806"},
        {UUID_A ": 1 - 3 : 5 , " UUID_B " : 1", UUID_A ":1-3:5," UUID_B ":1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct gtid_set *set = parsed(GTID_MYSQL, texts[i][0]);

        assert_int_equal(gtid_set_kind(set), GTID_MYSQL);
        assert_prints(set, texts[i][1]);
        gtid_set_release(set);
    }
}

static void
what_is_not_a_set_is_refused_and_leaves_the_old_one(void **state)
{
    static const char *const texts[] = {
        ",", UUID_A, UUID_A ":", UUID_A ":1,", "," UUID_A ":1", UUID_A ":1,," UUID_B ":1",
        UUID_A ":1 " UUID_B ":1",
        UUID_A ":1;" UUID_B ":1", UUID_A ":0", UUID_A ":0-5", UUID_A ":5-3", UUID_A ":1-", UUID_A ":-3",
        UUID_A ":1-2-3", UUID_A ":1:", UUID_A "::1", UUID_A ":010", UUID_A ":0x10", UUID_A ":1-02",
        UUID_A ":1 2",
        UUID_A ":1-9223372036854775807", UUID_A ":9223372036854775807", UUID_A ":99999999999999999999999",
        UUID_A ":t", UUID_A ":1:t", UUID_A ":t:", UUID_A ":t:u:1", UUID_A ":1-t:2", UUID_A ":t.u:1",
        UUID_A ":1t:1",
        UUID_A ":a23456789012345678901234567890123:1", UUID_A ":1\x01", "+" UUID_A ":1", "none", "0-1-5",
        "3e11fa47-71ca-11e1-9e33c80aa9429562:1", "3e11fa47-71ca-11e1-9e33-:1", "3",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct gtid_set *set = NULL;
        struct error err = ERROR_INIT;

        if (gtid_set_parse(&set, GTID_MYSQL, texts[i], &err) != -1)
            fail_msg("\"%s\" is taken for a set", texts[i]);
        assert_refused(-1, &err);
        assert_null(set);
    }
}

static void
numbers_stay_in_their_bounds(void **state)
{
    static const uint64_t bad[] = {0, (uint64_t)INT64_MAX, UINT64_MAX};
    struct gtid_set *set = gtid_set_new(GTID_MYSQL);
    struct gtid gtid = {.origin = origin(1), .number = LAST_NUMBER};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct error err = ERROR_INIT;
        struct gtid other = {.origin = origin(1), .number = bad[i]};

        assert_refused(gtid_set_add(set, &other, &err), &err);
        err = (struct error)ERROR_INIT;
        assert_refused(gtid_set_add_range(set, origin(1), i == 0 ? 0 : 1, bad[i], &err), &err);
        assert_false(gtid_set_contains(set, &other));
    }
    assert_int_equal(gtid_set_add_range(set, origin(1), 5, 4, NULL), -1);
    assert_true(gtid_set_empty(set));
    assert_int_equal(gtid_set_add(set, &gtid, NULL), 0);
    assert_int_equal(gtid_set_add_range(set, origin(1), 1, LAST_NUMBER - 1, NULL), 0);
    assert_prints(set, UUID_A ":1-9223372036854775806");
    assert_true(gtid_set_count(set) == (uint64_t)LAST_NUMBER);
    for (size_t i = 0; i < 3; i++) {
        struct gtid other = {.origin = origin(1), .number = bad[i]};

        assert_false(gtid_set_contains(set, &other));
    }
    assert_int_equal(gtid_set_add_range(set, origin(2), 1, LAST_NUMBER, NULL), 0);
    assert_true(gtid_set_count(set) == (uint64_t)LAST_NUMBER * 2);
    assert_int_equal(gtid_set_add_range(set, origin(3), 1, LAST_NUMBER, NULL), 0);
    assert_true(gtid_set_count(set) == UINT64_MAX); /* as far as it can count */
    gtid_set_release(set);
}

/* --- bytes, case by case ------------------------------------------------------------------------------ */

#define BYTES_A "\x3e\x11\xfa\x47\x71\xca\x11\xe1\x9e\x33\xc8\x0a\xa9\x42\x95\x62"
#define U64(low) low "\0\0\0\0\0\0\0"

static const struct {
    const char *text;
    const char *bytes;
    size_t len;
} golden[] = {
    {"", U64("\0"), 8},
    {UUID_A ":1-5", U64("\1") BYTES_A U64("\1") U64("\1") U64("\6"), 48},
    {UUID_A ":1-5:7", U64("\1") BYTES_A U64("\2") U64("\1") U64("\6") U64("\7") U64("\10"), 64},
    {UUID_A ":tag:1-3", "\1\1\0\0\0\0\0\1" BYTES_A "\6tag" U64("\1") U64("\1") U64("\4"), 52},
    {UUID_A ":5:tag:1-3," UUID_C ":2",
     "\1\3\0\0\0\0\0\1" BYTES_A "\0" U64("\1") U64("\5") U64("\6") BYTES_A
     "\6tag" U64("\1") U64("\1") U64("\4")
     "\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377\377" "\0" U64("\1") U64("\2") U64("\3"),
     134},
    {UUID_A ":9223372036854775806",
     U64("\1") BYTES_A U64("\1") "\376\377\377\377\377\377\377\177" "\377\377\377\377\377\377\377\177", 48},
};

static void
bytes_are_those_of_the_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
        struct gtid_set *set = parsed(GTID_MYSQL, golden[i].text), *back = NULL;
        struct buffer out = {0};

        gtid_set_encode(set, &out);
        assert_int_equal(out.len, golden[i].len);
        assert_memory_equal(out.at, golden[i].bytes, out.len);
        assert_int_equal(gtid_set_decode(&back, bytes_of(golden[i].bytes, golden[i].len), NULL), 0);
        assert_same(back, set);
        gtid_set_release(set);
        buffer_free(&out);
    }
}

static void
bytes_that_are_cut_or_longer_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(golden) / sizeof(golden[0]); i++) {
        for (size_t len = 0; len <= golden[i].len + 1; len++) {
            struct error err = ERROR_INIT;
            struct gtid_set *set = NULL;
            uint8_t *exact = calloc(len + 1, 1); /* so that a sanitizer sees one byte too far */

            assert_non_null(exact);
            memcpy(exact + 1, golden[i].bytes, len < golden[i].len ? len : golden[i].len);
            if (len != golden[i].len) {
                assert_refused(gtid_set_decode(&set, bytes_of(exact + 1, len), &err), &err);
                assert_null(set);
            }
            free(exact);
        }
    }
}

static void
bytes_that_make_no_sense_are_refused(void **state)
{
#define BAD(bytes) {bytes, sizeof(bytes) - 1}
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {
        BAD("\377\377\377\377\377\377\377\377"),
        BAD("\2\1\0\0\0\0\0\1" BYTES_A "\0" U64("\1") U64("\1") U64("\4")), /* both ends say the format */
        BAD("\1\1\0\0\0\0\0\2" BYTES_A "\0" U64("\1") U64("\1") U64("\4")),
        BAD("\1\377\377\377\377\377\377\1" BYTES_A "\0" U64("\1") U64("\1") U64("\4")),
        BAD(U64("\2") BYTES_A U64("\1") U64("\1") U64("\6")),
        BAD(U64("\1") BYTES_A "\377\377\377\377\377\377\377\377" U64("\1") U64("\6")),
        BAD(U64("\1") BYTES_A "\1\0\0\0\0\0\0\20" U64("\1") U64("\6")), /* times 16 it is small again */
        BAD(U64("\1") BYTES_A U64("\1") U64("\0") U64("\6")),
        BAD(U64("\1") BYTES_A U64("\1") U64("\6") U64("\6")),
        BAD(U64("\1") BYTES_A U64("\1") U64("\6") U64("\5")),
        BAD(U64("\1") BYTES_A U64("\1") U64("\1") "\0\0\0\0\0\0\0\200"),
        BAD("\1\1\0\0\0\0\0\1" BYTES_A "\7tag" U64("\1") U64("\1") U64("\4")), /* more bytes of length */
        BAD("\1\1\0\0\0\0\0\1" BYTES_A "\6t-g" U64("\1") U64("\1") U64("\4")),
        BAD("\1\1\0\0\0\0\0\1" BYTES_A "\6\0\0\0" U64("\1") U64("\1") U64("\4")),
        BAD("\1\1\0\0\0\0\0\1" BYTES_A "\6" "1ab" U64("\1") U64("\1") U64("\4")),
        BAD("\1\1\0\0\0\0\0\1" BYTES_A "\102"
            "a23456789012345678901234567890123" U64("\1") U64("\1") U64("\4")),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct error err = ERROR_INIT;
        struct gtid_set *set = NULL;

        if (gtid_set_decode(&set, bytes_of(bad[i].bytes, bad[i].len), &err) != -1)
            fail_msg("bytes %zu are taken for a set", i);
        assert_refused(-1, &err);
        assert_null(set);
    }
}

/* --- limits ------------------------------------------------------------------------------------------- */

static const struct gtid_origin *
numbered_origin(uint32_t n)
{
    uint8_t uuid[16] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n};

    return gtid_origin(uuid, "", 0);
}

/* What fills a limit prints, and reads back; one more is refused, and changes nothing. */
static void
assert_full(struct gtid_set *set, const struct gtid *more)
{
    struct error err = ERROR_INIT;
    struct gtid_set *before = gtid_set_copy(set);
    char *text;

    assert_refused(gtid_set_add(set, more, &err), &err);
    text = printed(set);
    assert_true(strlen(text) <= GTID_SET_BYTES_MAX);
    assert_same(parsed(gtid_set_kind(set), text), before);
    if (gtid_set_kind(set) == GTID_MYSQL)
        assert_same(through_bytes(set), before);
    assert_same(before, set);
    free(text);
    gtid_set_release(set);
}

static void
a_set_has_so_many_origins_and_no_more(void **state)
{
    struct gtid_set *set = gtid_set_new(GTID_MYSQL), *list = gtid_set_new(GTID_MARIADB);
    struct gtid gtid = {.number = 1}, last = {.domain = GTID_ORIGINS_MAX, .server = 1, .number = 1};

    (void)state;
    for (uint32_t n = GTID_ORIGINS_MAX; n-- > 0;) { /* the slow way round */
        struct gtid entry = {.domain = n, .server = UINT32_MAX, .number = LAST_NUMBER};

        gtid.origin = numbered_origin(n);
        assert_int_equal(gtid_set_add(set, &gtid, NULL), 0);
        assert_int_equal(gtid_set_add(list, &entry, NULL), 0);
    }
    gtid.origin = numbered_origin(GTID_ORIGINS_MAX);
    assert_full(set, &gtid);
    assert_full(list, &last);
}

static void
a_set_has_so_many_intervals_and_no_more(void **state)
{
    struct gtid_set *set = gtid_set_new(GTID_MYSQL), *odd;
    struct gtid gtid = {.origin = origin(1)};

    (void)state;
    for (uint64_t n = 0; n < GTID_INTERVALS_MAX; n++)
        assert_int_equal(gtid_set_add_range(set, origin(1), 2 * n + 1, 2 * n + 1, NULL), 0);
    odd = gtid_set_copy(set);
    gtid.number = 2;
    assert_int_equal(gtid_set_add(odd, &gtid, NULL), 0); /* joins two */
    gtid.number = 2 * GTID_INTERVALS_MAX + 1;
    assert_int_equal(gtid_set_add(odd, &gtid, NULL), 0); /* so there is room for one */
    gtid.number += 2;
    assert_full(odd, &gtid);
    assert_full(set, &gtid);
}

/* Of longer numbers fewer fit: what a set prints must be readable. */
static void
a_set_has_so_many_bytes_of_text_and_no_more(void **state)
{
    struct gtid_set *set = gtid_set_new(GTID_MYSQL);
    struct gtid gtid = {.origin = origin(1), .number = LAST_NUMBER - 1000000};
    char *text;

    (void)state;
    for (size_t n = 0; n < (GTID_SET_BYTES_MAX - 36) / 20; n++) {
        assert_int_equal(gtid_set_add(set, &gtid, NULL), 0);
        gtid.number += 2;
    }
    text = printed(set);
    assert_int_equal(strlen(text), GTID_SET_BYTES_MAX);
    free(text);
    assert_full(gtid_set_copy(set), &gtid);
    gtid.number--; /* "-n" for the last one */
    assert_full(gtid_set_copy(set), &gtid);
    gtid.number -= 2; /* ":a:b" becomes ":a-b" */
    assert_int_equal(gtid_set_add(set, &gtid, NULL), 0);
    assert_int_equal(gtid_set_add(set, &gtid, NULL), 0);
    gtid_set_release(set);
}

static void
one_byte_of_text_too_many_is_refused(void **state)
{
    struct gtid_set *set = parsed(GTID_MYSQL, UUID_A ":100000000000000000," UUID_B ":1-9");
    struct gtid gtid = {.origin = origin(1), .number = LAST_NUMBER - 1000000};

    (void)state;
    while (set->text + 20 <= GTID_SET_BYTES_MAX + 1) {
        assert_int_equal(gtid_set_add(set, &gtid, NULL), 0);
        gtid.number += 2;
    }
    assert_int_equal(set->text, GTID_SET_BYTES_MAX + 1);
    gtid = (struct gtid){.origin = origin(4), .number = 10};
    assert_full(set, &gtid);
}

static void
texts_and_bytes_beyond_a_limit_are_refused(void **state)
{
    struct error err = ERROR_INIT;
    struct gtid_set *set = NULL;
    struct buffer text = {0}, bytes = {0};

    (void)state;
    buffer_put_string(&text, UUID_A ":1");
    while (text.len <= GTID_SET_BYTES_MAX)
        buffer_put_u8(&text, ' ');
    assert_refused(gtid_set_parse(&set, GTID_MYSQL, buffer_cstr(&text), &err), &err);
    assert_refused(gtid_set_parse(&set, GTID_MARIADB, buffer_cstr(&text), &err), &err);
    text.len--;
    gtid_set_release(parsed(GTID_MYSQL, buffer_cstr(&text)));

    buffer_put_le64(&bytes, 1);
    buffer_put(&bytes, BYTES_A, 16);
    buffer_put_le64(&bytes, GTID_INTERVALS_MAX + 1);
    for (uint64_t n = 1; n <= GTID_INTERVALS_MAX + 1; n++) {
        buffer_put_le64(&bytes, 3 * n);
        buffer_put_le64(&bytes, 3 * n + 2);
    }
    assert_refused(gtid_set_decode(&set, bytes_of(bytes.at, bytes.len), &err), &err);

    buffer_reset(&bytes); /* not too many intervals, but too many digits */
    buffer_put_le64(&bytes, 1);
    buffer_put(&bytes, BYTES_A, 16);
    buffer_put_le64(&bytes, GTID_INTERVALS_MAX);
    for (uint64_t n = GTID_INTERVALS_MAX; n > 0; n--) {
        buffer_put_le64(&bytes, LAST_NUMBER - 2 * n);
        buffer_put_le64(&bytes, LAST_NUMBER - 2 * n + 1);
    }
    assert_refused(gtid_set_decode(&set, bytes_of(bytes.at, bytes.len), &err), &err);

    buffer_reset(&text);
    for (int n = 0; n <= GTID_ORIGINS_MAX; n++)
        buffer_printf(&text, "%s%d-1-1", n > 0 ? "," : "", n);
    assert_refused(gtid_set_parse(&set, GTID_MARIADB, buffer_cstr(&text), &err), &err);

    buffer_reset(&bytes);
    buffer_put_le64(&bytes, GTID_ORIGINS_MAX + 1);
    for (uint32_t n = 0; n <= GTID_ORIGINS_MAX; n++) {
        buffer_put(&bytes, numbered_origin(n)->uuid, 16);
        buffer_put_le64(&bytes, 1);
        buffer_put_le64(&bytes, 1);
        buffer_put_le64(&bytes, 2);
    }
    assert_refused(gtid_set_decode(&set, bytes_of(bytes.at, bytes.len), &err), &err);
    assert_null(set);
    buffer_free(&text);
    buffer_free(&bytes);
}

/* Hostile order: this would take minutes if each were put in its place. */
static void
a_text_that_goes_backwards_is_read_as_fast(void **state)
{
    struct buffer text = {0};
    struct gtid_set *set;

    (void)state;
    buffer_put_string(&text, UUID_A);
    for (int n = GTID_INTERVALS_MAX; n > 0; n--)
        buffer_printf(&text, ":%d", 2 * n);
    set = parsed(GTID_MYSQL, buffer_cstr(&text));
    assert_int_equal(gtid_set_count(set), GTID_INTERVALS_MAX);
    gtid_set_release(set);
    buffer_free(&text);
}

/* Where what two sets make would be past a limit there is no set. */
static void
results_keep_the_limits_too(void **state)
{
    struct gtid_set *all = parsed(GTID_MYSQL, UUID_A ":1-1000000"), *holes = gtid_set_new(GTID_MYSQL);

    (void)state;
    for (uint64_t n = 1; n <= GTID_INTERVALS_MAX; n++)
        assert_int_equal(gtid_set_add_range(holes, origin(1), 2 * n, 2 * n, NULL), 0);
    assert_null(gtid_set_subtract(all, holes));
    gtid_set_release(all);
    gtid_set_release(holes);

    all = gtid_set_new(GTID_MYSQL);
    holes = gtid_set_new(GTID_MYSQL);
    for (uint64_t n = 1; n <= GTID_INTERVALS_MAX; n++) { /* each meets two of the other */
        assert_int_equal(gtid_set_add_range(all, origin(1), 4 * n + 1, 4 * n + 3, NULL), 0);
        assert_int_equal(gtid_set_add_range(holes, origin(1), 4 * n + 3, 4 * n + 5, NULL), 0);
    }
    assert_null(gtid_set_intersect(all, holes));
    gtid_set_release(all);
    gtid_set_release(holes);
}

/* --- sharing ------------------------------------------------------------------------------------------ */

static void
a_copy_may_be_changed_and_the_first_stays(void **state)
{
    struct gtid_set *set = parsed(GTID_MYSQL, UUID_A ":1-5"), *kept = gtid_set_keep(set);
    struct gtid_set *copy = gtid_set_copy(set);

    (void)state;
    assert_int_equal(gtid_set_add_range(copy, origin(4), 1, 2, NULL), 0);
    assert_int_equal(gtid_set_add_range(copy, origin(1), 6, 6, NULL), 0);
    assert_prints(copy, UUID_A ":1-6," UUID_B ":1-2");
    assert_prints(set, UUID_A ":1-5");
    gtid_set_release(set);
    assert_prints(kept, UUID_A ":1-5");
    assert_int_equal(gtid_set_add_range(kept, origin(1), 6, 6, NULL), 0); /* nobody else has it now */
    gtid_set_release(kept);
    gtid_set_release(copy);
    gtid_set_release(NULL);
}

static void
a_shared_set_is_never_changed(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        struct gtid_set *set = parsed(GTID_MARIADB, "0-1-5");
        struct gtid gtid = {.server = 1, .number = 6};

        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        signal(SIGABRT, SIG_DFL);
        gtid_set_keep(set);
        gtid_set_add(set, &gtid, NULL);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* --- MariaDB ------------------------------------------------------------------------------------------ */

/* last[d]: the last number of domain d, 0: none. The server is always d + 1. */
static struct gtid_set *
random_list(uint64_t last[DOMAINS])
{
    struct gtid_set *set = gtid_set_new(GTID_MARIADB);

    memset(last, 0, DOMAINS * sizeof(last[0]));
    for (uint64_t adds = random_below(12); adds > 0; adds--) {
        uint32_t d = (uint32_t)random_below(DOMAINS);
        struct gtid gtid = {.domain = d, .server = d + 1, .number = 1 + random_below(20)};

        assert_int_equal(gtid_set_add(set, &gtid, NULL), 0);
        last[d] = gtid.number;
    }
    return set;
}

static void
assert_list(const struct gtid_set *set, const uint64_t last[DOMAINS])
{
    struct buffer want = {0};
    uint64_t domains = 0;

    for (uint32_t d = 0; d < DOMAINS; d++) {
        struct gtid gtid = {.domain = d, .server = d + 1}, entry;

        for (gtid.number = 0; gtid.number <= 21; gtid.number++)
            assert_int_equal(gtid_set_contains(set, &gtid), gtid.number > 0 && gtid.number <= last[d]);
        gtid.number = last[d];
        assert_int_equal(gtid_set_domain(set, d, &entry), last[d] != 0);
        if (last[d] == 0)
            continue;
        assert_true(gtid_equal(&entry, &gtid));
        buffer_printf(&want, "%s%u-%u-%d", domains++ > 0 ? "," : "", d, d + 1, (int)last[d]);
    }
    assert_int_equal(gtid_set_count(set), domains);
    assert_int_equal(gtid_set_empty(set), domains == 0);
    assert_prints(set, buffer_cstr(&want));
    assert_same(parsed(GTID_MARIADB, buffer_cstr(&want)), set);
    assert_same(gtid_set_copy(set), set);
    buffer_free(&want);
}

static void
lists_of_domains_do_what_arrays_do(void **state)
{
    (void)state;
    seed = 4711;
    for (int round = 0; round < 3000; round++) {
        uint64_t a[DOMAINS], b[DOMAINS], both[DOMAINS];
        struct gtid_set *x = random_list(a), *y = random_list(b), *met = gtid_set_intersect(x, y);
        bool subset = true;

        for (size_t d = 0; d < DOMAINS; d++) {
            both[d] = a[d] < b[d] ? a[d] : b[d];
            subset = subset && a[d] <= b[d];
        }
        assert_list(x, a);
        assert_list(met, both);
        assert_int_equal(gtid_set_subset(x, y), subset);
        assert_int_equal(gtid_set_equal(x, y), memcmp(a, b, sizeof(a)) == 0);
        assert_same(gtid_set_intersect(y, x), met);
        gtid_set_release(x);
        gtid_set_release(y);
        gtid_set_release(met);
    }
}

static void
the_last_one_of_a_domain_counts(void **state)
{
    struct gtid_set *set = parsed(GTID_MARIADB, " 7-2-9 ,\n0-1-5,4294967295-3-1 "), *other, *met, *again;
    struct gtid gtid = {.domain = 7, .server = 4, .number = 3};

    (void)state;
    assert_prints(set, "0-1-5,7-2-9,4294967295-3-1");
    assert_int_equal(gtid_set_add(set, &gtid, NULL), 0);
    assert_prints(set, "0-1-5,7-4-3,4294967295-3-1"); /* the server's word, also when it goes back */
    gtid.number = (uint64_t)INT64_MAX;
    assert_int_equal(gtid_set_add(set, &gtid, NULL), -1);

    other = parsed(GTID_MARIADB, "7-2-3,8-1-1");
    assert_false(gtid_set_equal(set, other));
    met = gtid_set_intersect(set, other);
    again = gtid_set_intersect(other, set);
    assert_prints(met, "7-2-3"); /* the same from both sides, though servers differ */
    assert_same(again, met);
    gtid_set_release(met);
    gtid_set_release(other);
    gtid_set_release(set);
}

static void
what_is_not_a_list_is_refused(void **state)
{
    static const char *const texts[] = {
        ",", "0-1-5,", ",0-1-5", "0-1-5,,1-1-1", "0-1-5 1-1-1", "0-1-5,0-2-6", "0-1-5,0-1-5", "0-1", "0-1-0",
        "0-1-x",
        "0-1-5;", "0 -1-5", "4294967296-1-1", "0-1-9223372036854775807", UUID_A ":1", "none",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct gtid_set *set = NULL;
        struct error err = ERROR_INIT;

        if (gtid_set_parse(&set, GTID_MARIADB, texts[i], &err) != -1)
            fail_msg("\"%s\" is taken for a list", texts[i]);
        assert_refused(-1, &err);
        assert_null(set);
    }
}

static void
sets_of_two_kinds_are_never_equal(void **state)
{
    struct gtid_set *a = gtid_set_new(GTID_MYSQL), *b = gtid_set_new(GTID_MARIADB);

    (void)state;
    assert_false(gtid_set_equal(a, b));
    assert_int_equal(gtid_set_kind(b), GTID_MARIADB);
    gtid_set_release(a);
    gtid_set_release(b);
}

/* --- places in binlogs -------------------------------------------------------------------------------- */

static int
place_of(struct log_place *out, const char *file)
{
    return log_place_parse(out, bytes_of_string(file), 4);
}

#define SIXTY "a23456789012345678901234567890123456789012345678901234567890"

static void
a_binlogs_name_is_its_base_and_a_number(void **state)
{
    static const struct {
        const char *file, *base;
        uint32_t number;
        const char *again;
    } names[] = {
        {"binlog.000123", "binlog", 123, NULL},
        {"mysql-bin.999999", "mysql-bin", 999999, NULL},
        {"mysql-bin.1000000", "mysql-bin", 1000000, NULL},
        {"db.example.com-bin.4294967295", "db.example.com-bin", UINT32_MAX, NULL},
        {"b.1", "b", 1, "b.000001"},
        {"..0000000002", ".", 2, "..000002"},
        {"b\xc3\xbcro log.000007", "b\xc3\xbcro log", 7, NULL},
        {SIXTY "123.4294967295", SIXTY "123", UINT32_MAX, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct log_place place, same;
        char text[LOG_FILE_MAX];

        assert_int_equal(place_of(&place, names[i].file), 0);
        assert_string_equal(place.base, names[i].base);
        assert_int_equal(place.number, names[i].number);
        assert_int_equal(place.pos, 4);
        assert_int_equal(place_of(&same, names[i].file), 0);
        assert_ptr_equal(same.base, place.base);
        assert_int_equal(log_file_print(&place, text),
                         strlen(names[i].again != NULL ? names[i].again : names[i].file));
        assert_string_equal(text, names[i].again != NULL ? names[i].again : names[i].file);
    }
}

static void
what_is_not_a_binlogs_name_is_refused(void **state)
{
    static const char *const files[] = {
        "", ".", "binlog", "binlog.", ".000001", "binlog.00001a", "binlog. 00001", "binlog.-1", "binlog.+1",
        "binlog.000000", "binlog.4294967296", "binlog.9999999999", "binlog.00000000001", "binlog.index",
        "binlog.000001~", SIXTY "1234.000001", "log/binlog.000001",
    };
    struct log_place place = {"old", 1, 2};

    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (place_of(&place, files[i]) != -1)
            fail_msg("\"%s\" is taken for a binlog", files[i]);
    }
    assert_int_equal(log_place_parse(&place, bytes_of("bin\0log.000001", 14), 4), -1);
    assert_int_equal(log_place_parse(&place, bytes_of(NULL, 0), 4), -1);
    assert_string_equal(place.base, "old");
}

/* --- threads ------------------------------------------------------------------------------------------ */

struct interning {
    int step; /* each thread goes through the names in an order of its own */
    const struct gtid_origin *origins[NAMES];
    const char *bases[NAMES];
    struct gtid_set *shared;
};

static void *
intern_all(void *arg)
{
    struct interning *my = arg;

    for (int i = 0; i < NAMES; i++) {
        int n = i * my->step % NAMES;
        uint8_t uuid[16] = {0xee, (uint8_t)(n >> 8), (uint8_t)n};
        struct gtid gtid = {.number = 1};
        struct log_place place = {0};
        char file[LOG_FILE_MAX];

        snprintf(file, sizeof(file), "thread-%d.000001", n);
        log_place_parse(&place, bytes_of_string(file), 4);
        my->bases[n] = place.base;
        my->origins[n] = gtid.origin = gtid_origin(uuid, n % 2 == 0 ? "" : "odd", n % 2 == 0 ? 0 : 3);
        gtid_set_keep(my->shared);
        if (gtid_set_contains(my->shared, &gtid))
            my->origins[n] = NULL;
        gtid_set_release(my->shared);
    }
    return NULL;
}

static void
threads_that_intern_at_once_get_the_same(void **state)
{
    static const int steps[THREADS] = {1, NAMES - 1, 3, 7};
    static struct interning all[THREADS];
    pthread_t threads[THREADS];
    struct gtid_set *set = parsed(GTID_MYSQL, UUID_A ":1-5," UUID_B ":1");

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        all[i].step = steps[i];
        all[i].shared = set;
        assert_int_equal(pthread_create(&threads[i], NULL, intern_all, &all[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int n = 0; n < NAMES; n++) {
        assert_non_null(all[0].origins[n]);
        assert_non_null(all[0].bases[n]);
        for (int i = 1; i < THREADS; i++) {
            assert_ptr_equal(all[i].origins[n], all[0].origins[n]);
            assert_ptr_equal(all[i].bases[n], all[0].bases[n]);
        }
        for (int other = 0; other < n; other++)
            assert_ptr_not_equal(all[0].origins[n], all[0].origins[other]);
    }
    assert_int_equal(gtid_set_add_range(set, origin(1), 6, 6, NULL), 0); /* all have let it go */
    gtid_set_release(set);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_do_what_bitmaps_do),
        cmocka_unit_test(any_text_of_a_set_is_that_set),
        cmocka_unit_test(bytes_in_any_order_are_put_in_order),
        cmocka_unit_test(equal_origins_are_the_same_pointer),
        cmocka_unit_test(one_gtid_prints_and_reads_back),
        cmocka_unit_test(gtids_of_other_origins_or_servers_differ),
        cmocka_unit_test(what_is_not_a_gtid_is_refused_and_leaves_the_old_one),
        cmocka_unit_test(texts_of_servers_are_read_and_printed_in_short),
        cmocka_unit_test(what_is_not_a_set_is_refused_and_leaves_the_old_one),
        cmocka_unit_test(numbers_stay_in_their_bounds),
        cmocka_unit_test(bytes_are_those_of_the_server),
        cmocka_unit_test(bytes_that_are_cut_or_longer_are_refused),
        cmocka_unit_test(bytes_that_make_no_sense_are_refused),
        cmocka_unit_test(a_set_has_so_many_origins_and_no_more),
        cmocka_unit_test(a_set_has_so_many_intervals_and_no_more),
        cmocka_unit_test(a_set_has_so_many_bytes_of_text_and_no_more),
        cmocka_unit_test(one_byte_of_text_too_many_is_refused),
        cmocka_unit_test(texts_and_bytes_beyond_a_limit_are_refused),
        cmocka_unit_test(a_text_that_goes_backwards_is_read_as_fast),
        cmocka_unit_test(results_keep_the_limits_too),
        cmocka_unit_test(a_copy_may_be_changed_and_the_first_stays),
        cmocka_unit_test(a_shared_set_is_never_changed),
        cmocka_unit_test(lists_of_domains_do_what_arrays_do),
        cmocka_unit_test(the_last_one_of_a_domain_counts),
        cmocka_unit_test(what_is_not_a_list_is_refused),
        cmocka_unit_test(sets_of_two_kinds_are_never_equal),
        cmocka_unit_test(a_binlogs_name_is_its_base_and_a_number),
        cmocka_unit_test(what_is_not_a_binlogs_name_is_refused),
        cmocka_unit_test(threads_that_intern_at_once_get_the_same),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
