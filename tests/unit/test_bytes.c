/* test_bytes.c -- the cursor at its end, the buffer at its limit, the arena, UTF-8, digits. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cdc/arena.h"
#include "cdc/bytes.h"
#include "cdc/digits.h"

#define TEXT(s) bytes_of(s, sizeof(s) - 1)

/* ---- cursor ---- */

static void
a_cursor_reads_big_endian_words_straight_down(void **state)
{
    struct cursor in = cursor_of(TEXT("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"));

    (void)state;
    assert_int_equal(cursor_u8(&in), 0x01);
    assert_int_equal(cursor_be16(&in), 0x0203);
    assert_int_equal(cursor_be32(&in), 0x04050607);
    assert_false(cursor_done(&in));
    assert_true(cursor_be64(&in) == UINT64_C(0x08090a0b0c0d0e0f));
    assert_true(cursor_done(&in));
    assert_false(cursor_short(&in));
}

static void
a_cursor_past_its_end_yields_zeros_and_stays_there(void **state)
{
    struct cursor in = cursor_of(TEXT("\xff\xff\xff"));

    (void)state;
    assert_int_equal(cursor_be32(&in), 0);
    assert_true(cursor_short(&in));
    assert_int_equal(cursor_left(&in), 0);
    assert_int_equal(cursor_u8(&in), 0);
    assert_int_equal(cursor_be16(&in), 0);
    assert_true(cursor_be64(&in) == 0);
    assert_string_equal(cursor_string(&in, NULL), "");
    assert_int_equal(cursor_bytes(&in, 1).len, 0);
    assert_false(cursor_done(&in)); /* at the end, but by no honest way */
}

static void
an_empty_cursor_is_done_and_short_only_when_read(void **state)
{
    struct cursor in = cursor_of((struct bytes){NULL, 0});

    (void)state;
    assert_true(cursor_done(&in));
    assert_int_equal(cursor_bytes(&in, 0).len, 0);
    assert_true(cursor_done(&in));
    assert_int_equal(cursor_u8(&in), 0);
    assert_true(cursor_short(&in));
}

static void
a_length_larger_than_what_is_left_is_short_however_large(void **state)
{
    static const size_t lengths[] = {4, 5, UINT32_MAX, SIZE_MAX / 2, SIZE_MAX};

    (void)state;
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct cursor in = cursor_of(TEXT("abc"));

        assert_null(cursor_take(&in, lengths[i]));
        assert_true(cursor_short(&in));
    }
}

static void
a_string_needs_its_nul_inside_the_cursor(void **state)
{
    static const char raw[] = {'a', 'b', 0, 0, 'c', 'd'};
    struct cursor in = cursor_of(bytes_of(raw, sizeof(raw)));
    size_t len = 99;

    (void)state;
    assert_string_equal(cursor_string(&in, &len), "ab");
    assert_int_equal(len, 2);
    assert_string_equal(cursor_string(&in, &len), "");
    assert_int_equal(len, 0);
    assert_false(cursor_short(&in));
    assert_string_equal(cursor_string(&in, &len), ""); /* "cd" has no end */
    assert_int_equal(len, 0);
    assert_true(cursor_short(&in));
}

/* ---- buffer ---- */

static void
a_buffer_keeps_what_is_put_while_it_grows(void **state)
{
    struct buffer out = {0};

    (void)state;
    for (uint32_t i = 0; i < 5000; i++)
        buffer_put_be32(&out, i);
    assert_false(buffer_failed(&out));
    assert_int_equal(out.len, 20000);
    struct cursor in = cursor_of(bytes_of(out.at, out.len));
    for (uint32_t i = 0; i < 5000; i++)
        assert_int_equal(cursor_be32(&in), i);
    assert_true(cursor_done(&in));
    buffer_free(&out);
    assert_null(out.at);
}

static void
words_go_in_as_they_come_out(void **state)
{
    struct buffer out = {0};

    (void)state;
    buffer_put_u8(&out, 0xfe);
    buffer_put_be16(&out, 0x0203);
    buffer_put_be32(&out, 0x04050607);
    buffer_put_be64(&out, UINT64_C(0x08090a0b0c0d0e0f));
    buffer_put_string(&out, "xyz");
    buffer_put(&out, NULL, 0);
    assert_true(bytes_equal(bytes_of(out.at, out.len),
                            TEXT("\xfe\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0fxyz")));
    buffer_free(&out);
}

static void
a_buffer_at_its_limit_drops_and_remembers_until_it_is_reset(void **state)
{
    struct buffer out = {.max = 10};

    (void)state;
    buffer_put_string(&out, "0123456789");
    assert_false(buffer_failed(&out));
    assert_true(out.cap <= 10);
    buffer_put_u8(&out, 'x');
    assert_true(buffer_failed(&out));
    assert_int_equal(out.len, 10);
    assert_string_equal(buffer_cstr(&out), "");
    assert_null(buffer_room(&out, 1));
    buffer_reset(&out);
    assert_false(buffer_failed(&out));
    buffer_put_string(&out, "abc");
    assert_string_equal(buffer_cstr(&out), "abc");
    buffer_free(&out);
}

static void
a_size_that_overflows_is_a_failure_and_not_a_small_buffer(void **state)
{
    struct buffer out = {0};

    (void)state;
    buffer_put_u8(&out, 1);
    assert_null(buffer_room(&out, SIZE_MAX));
    assert_true(buffer_failed(&out));
    buffer_free(&out);
}

static void
formatted_text_of_any_length_goes_in_whole(void **state)
{
    (void)state;
    for (int len = 0; len < 600; len++) {
        struct buffer out = {0};

        buffer_put_u8(&out, '<');
        buffer_printf(&out, "%0*d", len, 0);
        buffer_put_u8(&out, '>');
        assert_int_equal(out.len, (len == 0 ? 1 : len) + 2);
        assert_int_equal(strlen(buffer_cstr(&out)), out.len);
        assert_int_equal(out.at[out.len - 1], '>');
        buffer_free(&out);
    }
}

static void
a_string_of_an_empty_buffer_is_empty(void **state)
{
    struct buffer out = {0};

    (void)state;
    assert_string_equal(buffer_cstr(&out), "");
    assert_int_equal(out.len, 0);
    buffer_free(&out);
}

/* ---- arena ---- */

static void
an_arena_gives_zeroed_and_aligned_memory_that_does_not_overlap(void **state)
{
    struct arena arena = {0};
    struct {
        uint8_t *at;
        size_t size;
    } got[400];

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 400; i++) {
            got[i].size = i * 7 % 90 + (i % 50 == 0 ? 20000 : 0);
            got[i].at = arena_alloc(&arena, got[i].size);
            assert_non_null(got[i].at);
            assert_int_equal((uintptr_t)got[i].at % 16, 0);
            for (size_t k = 0; k < got[i].size; k++)
                assert_int_equal(got[i].at[k], 0);
            memset(got[i].at, (int)(i % 251 + 1), got[i].size);
        }
        for (size_t i = 0; i < 400; i++) {
            for (size_t k = 0; k < got[i].size; k++)
                assert_int_equal(got[i].at[k], i % 251 + 1);
        }
        arena_reset(&arena);
    }
    arena_free(&arena);
    assert_int_equal(arena.total, 0);
}

static void
a_reset_arena_does_not_keep_a_huge_block(void **state)
{
    struct arena arena = {0};

    (void)state;
    assert_non_null(arena_alloc(&arena, 10));
    assert_non_null(arena_alloc(&arena, 1 << 20));
    arena_reset(&arena);
    assert_true(arena.total < 64 * 1024);
    assert_non_null(arena_alloc(&arena, 10));
    arena_reset(&arena);
    arena_reset(&arena);
    assert_true(arena.total < 64 * 1024);
    arena_free(&arena);
}

static void
an_arena_refuses_sizes_that_overflow(void **state)
{
    struct arena arena = {0};

    (void)state;
    assert_null(arena_array(&arena, SIZE_MAX / 8, 16));
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 14));
    assert_non_null(arena_array(&arena, 0, 16));
    assert_non_null(arena_alloc(&arena, 0));
    arena_free(&arena);
}

static void
copies_in_an_arena_are_copies(void **state)
{
    struct arena arena = {0};
    char text[] = "text";

    (void)state;
    char *copy = arena_strdup(&arena, text);
    char *made = arena_printf(&arena, "%s-%d", text, 42);
    uint8_t *raw = arena_copy(&arena, "a\0b", 3);
    text[0] = 'X';
    assert_string_equal(copy, "text");
    assert_string_equal(made, "text-42");
    assert_memory_equal(raw, "a\0b", 3);
    assert_non_null(arena_copy(&arena, NULL, 0));
    arena_free(&arena);
}

/* ---- UTF-8 ---- */

/* By the book: decode, then check length, surrogates and range. */
static bool
valid_by_the_book(const uint8_t *p, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    for (size_t i = 0; i < len;) {
        size_t n = p[i] < 0x80 ? 1 : p[i] >> 5 == 6 ? 2 : p[i] >> 4 == 14 ? 3 : p[i] >> 3 == 30 ? 4 : 0;
        uint32_t c = n == 1 ? p[i] : p[i] & (0x7fu >> n);

        if (n == 0 || i + n > len)
            return false;
        for (size_t k = 1; k < n; k++) {
            if ((p[i + k] & 0xc0) != 0x80)
                return false;
            c = c << 6 | (p[i + k] & 0x3f);
        }
        if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
        i += n;
    }
    return true;
}

static void
utf8_is_judged_as_by_the_book_for_all_short_sequences(void **state)
{
    uint8_t *two = malloc(2), *four = malloc(4); /* of exact size: reading past the end is seen */

    (void)state;
    for (unsigned v = 0; v < 0x10000; v++) {
        two[0] = (uint8_t)(v >> 8);
        two[1] = (uint8_t)v;
        if (bytes_utf8_valid(bytes_of(two, 2)) != valid_by_the_book(two, 2))
            fail_msg("%02x %02x", two[0], two[1]);
    }
    for (unsigned a = 0xe0; a < 0x100; a++) {
        for (unsigned v = 0; v < 0x10000; v++) {
            four[0] = (uint8_t)a;
            four[1] = (uint8_t)(v >> 8);
            four[2] = (uint8_t)v;
            four[3] = 0xbf;
            if (bytes_utf8_valid(bytes_of(four, 4)) != valid_by_the_book(four, 4) ||
                bytes_utf8_valid(bytes_of(four, 3)) != valid_by_the_book(four, 3))
                fail_msg("%02x %02x %02x", four[0], four[1], four[2]);
        }
    }
    free(two);
    free(four);
}

static void
one_bad_byte_anywhere_in_a_long_text_is_found(void **state)
{
    (void)state;
    for (size_t len = 1; len < 40; len++) {
        uint8_t *text = malloc(len);

        memset(text, 'a', len);
        assert_true(bytes_utf8_valid(bytes_of(text, len)));
        for (size_t i = 0; i < len; i++) {
            text[i] = 0x80;
            assert_false(bytes_utf8_valid(bytes_of(text, len)));
            text[i] = 0xc3; /* cut or followed by ASCII */
            assert_false(bytes_utf8_valid(bytes_of(text, len)));
            if (i + 1 < len) {
                text[i + 1] = 0xa9;
                assert_true(bytes_utf8_valid(bytes_of(text, len)));
                text[i + 1] = 'a';
            }
            text[i] = 'a';
        }
        free(text);
    }
    assert_true(bytes_utf8_valid((struct bytes){NULL, 0}));
}

/* ---- the rest ---- */

static void
equal_slices_have_equal_bytes_and_hashes(void **state)
{
    (void)state;
    assert_true(bytes_equal(TEXT("a\0b"), TEXT("a\0b")));
    assert_false(bytes_equal(TEXT("a\0b"), TEXT("a\0c")));
    assert_false(bytes_equal(TEXT("ab"), TEXT("abc")));
    assert_true(bytes_equal((struct bytes){NULL, 0}, TEXT("")));
    /* FNV-1a's own vectors */
    assert_true(bytes_hash(BYTES_HASH_SEED, "", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(bytes_hash(BYTES_HASH_SEED, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(bytes_hash(BYTES_HASH_SEED, "foobar", 6) == UINT64_C(0x85944171f73967e8));
    assert_true(bytes_hash(bytes_hash(BYTES_HASH_SEED, "foo", 3), "bar", 3) ==
                bytes_hash(BYTES_HASH_SEED, "foobar", 6));
}

static void
assert_digits(const uint8_t *from, const uint8_t *to, const char *want)
{
    assert_int_equal(to - from, strlen(want));
    assert_memory_equal(from, want, strlen(want));
}

static void
digits_are_what_printf_writes(void **state)
{
    uint64_t v = 1;

    (void)state;
    for (int i = 0; i < 400; i++) {
        uint64_t tries[] = {v, v - 1, v + 1, 0 - v, v >> (i % 64), v & UINT32_MAX};

        for (size_t k = 0; k < sizeof(tries) / sizeof(tries[0]); k++) {
            uint8_t at[32];
            char want[32];

            snprintf(want, sizeof(want), "%" PRIu64, tries[k]);
            assert_digits(at, digits_uint(at, tries[k]), want);
            snprintf(want, sizeof(want), "%" PRId64, (int64_t)tries[k]);
            assert_digits(at, digits_int(at, (int64_t)tries[k]), want);
            snprintf(want, sizeof(want), "%" PRIX32 "/%" PRIX32, (uint32_t)(tries[k] >> 32),
                     (uint32_t)tries[k]);
            assert_digits(at, digits_lsn(at, tries[k]), want);
        }
        v = i < 20 ? v * 10 : v * 3 + 7;
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_reads_big_endian_words_straight_down),
        cmocka_unit_test(a_cursor_past_its_end_yields_zeros_and_stays_there),
        cmocka_unit_test(an_empty_cursor_is_done_and_short_only_when_read),
        cmocka_unit_test(a_length_larger_than_what_is_left_is_short_however_large),
        cmocka_unit_test(a_string_needs_its_nul_inside_the_cursor),
        cmocka_unit_test(a_buffer_keeps_what_is_put_while_it_grows),
        cmocka_unit_test(words_go_in_as_they_come_out),
        cmocka_unit_test(a_buffer_at_its_limit_drops_and_remembers_until_it_is_reset),
        cmocka_unit_test(a_size_that_overflows_is_a_failure_and_not_a_small_buffer),
        cmocka_unit_test(formatted_text_of_any_length_goes_in_whole),
        cmocka_unit_test(a_string_of_an_empty_buffer_is_empty),
        cmocka_unit_test(an_arena_gives_zeroed_and_aligned_memory_that_does_not_overlap),
        cmocka_unit_test(a_reset_arena_does_not_keep_a_huge_block),
        cmocka_unit_test(an_arena_refuses_sizes_that_overflow),
        cmocka_unit_test(copies_in_an_arena_are_copies),
        cmocka_unit_test(utf8_is_judged_as_by_the_book_for_all_short_sequences),
        cmocka_unit_test(one_bad_byte_anywhere_in_a_long_text_is_found),
        cmocka_unit_test(equal_slices_have_equal_bytes_and_hashes),
        cmocka_unit_test(digits_are_what_printf_writes),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
