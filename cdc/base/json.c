/*
 * json.c -- JSON out, straight into a buffer.
 *
 * Strings are copied a word at a time between the characters that need an escape. Numbers avoid
 * printf where they can: integers by pairs of digits, doubles by a search for the fewest
 * decimals that read back as the same double, which covers what people put in databases;
 * the rest goes through printf with 15, 16 and 17 digits.
 *
 * Pure functions; any thread.
 */
#include "cdc/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cdc/digits.h"

const char digits_pairs[200] = "00010203040506070809101112131415161718192021222324"
                               "25262728293031323334353637383940414243444546474849"
                               "50515253545556575859606162636465666768697071727374"
                               "75767778798081828384858687888990919293949596979899";

/* Bytes that a JSON string can't hold as they are: controls, the quote, the backslash. */
static inline bool
needs_escape(uint8_t c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* The top bit of each of eight bytes that can't go out as it is and is not known to be one
 * character: exact up to the first of them, since a borrow only goes upwards. */
static inline uint64_t
eight_special(const uint8_t *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = ones << 7;
    uint64_t w, quote, backslash;

    memcpy(&w, at, 8);
    quote = w ^ (ones * '"');
    backslash = w ^ (ones * '\\');
    return (w | (w - ones * 0x20) | (quote - ones) | (backslash - ones)) & tops;
}

/* Length of the well-formed UTF-8 sequence at `at`, 0 if there is none (RFC 3629). */
static size_t
sequence_length(const uint8_t *at, const uint8_t *end)
{
    uint8_t c = at[0], low = 0x80, high = 0xbf;
    size_t len;

    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        len = 2;
    else if (c >= 0xe0 && c <= 0xef)
        len = 3;
    else if (c >= 0xf0 && c <= 0xf4)
        len = 4;
    else
        return 0;
    if (c == 0xe0)
        low = 0xa0; /* else overlong */
    else if (c == 0xed)
        high = 0x9f; /* else a surrogate */
    else if (c == 0xf0)
        low = 0x90;
    else if (c == 0xf4)
        high = 0x8f; /* else past U+10FFFF */
    if ((size_t)(end - at) < len || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}

static uint8_t *
store_escape(uint8_t *p, uint8_t c)
{
    static const char shorthand[32] = {
        [8] = 'b', [9] = 't', [10] = 'n', [12] = 'f', [13] = 'r',
    };

    *p++ = '\\';
    if (c >= 0x20 || shorthand[c] != 0) {
        *p++ = c >= 0x20 ? c : (uint8_t)shorthand[c];
        return p;
    }
    memcpy(p, "u00", 3);
    p[3] = (uint8_t)("01"[c >> 4]);
    p[4] = (uint8_t)("0123456789abcdef"[c & 15]);
    return p + 5;
}

/* One character from *at, which is not a plain one or stands near the end. */
static uint8_t *
store_character(uint8_t *p, const uint8_t **at, const uint8_t *end)
{
    uint8_t c = **at;
    size_t len;

    if (c < 0x80) {
        *at += 1;
        if (needs_escape(c))
            return store_escape(p, c);
        *p++ = c;
        return p;
    }
    len = sequence_length(*at, end);
    if (len == 0) {
        *at += 1;
        memcpy(p, "\xef\xbf\xbd", 3);
        return p + 3;
    }
    memcpy(p, *at, len);
    *at += len;
    return p + len;
}

/* At least PIECE characters, or all: `p` has room for six bytes each and a word more. */
enum { PIECE = 512, ESCAPE_MAX = 6 };

static uint8_t *
store_piece(uint8_t *p, const uint8_t **from, const uint8_t *end)
{
    const uint8_t *at = *from;
    const uint8_t *stop = end - at > PIECE ? at + PIECE : end;

    while (at < stop) {
        if (end - at >= 8) {
            uint64_t special = eight_special(at);
            unsigned plain = special == 0 ? 8u : (unsigned)__builtin_ctzll(special) / 8u;
            memcpy(p, at, 8);
            p += plain;
            at += plain;
            if (plain == 8)
                continue;
        }
        p = store_character(p, &at, end);
    }
    *from = at;
    return p;
}

void
json_text(struct buffer *out, struct bytes text)
{
    const uint8_t *at = text.at;
    const uint8_t *end = text.len > 0 ? at + text.len : at;
    size_t left = text.len;

    buffer_put_u8(out, '"');
    while (left > 0) {
        size_t piece = left > PIECE ? PIECE : left;
        uint8_t *p = buffer_room(out, ESCAPE_MAX * piece + 16);
        if (p == NULL)
            return;
        out->len += (size_t)(store_piece(p, &at, end) - p);
        left = (size_t)(end - at);
    }
    buffer_put_u8(out, '"');
}

void
json_cstring(struct buffer *out, const char *text)
{
    json_text(out, bytes_of_string(text));
}

void
json_member(struct buffer *out, const char *before, const char *name, const char *text)
{
    buffer_printf(out, "%s\"%s\":", before, name);
    json_cstring(out, text);
}

void
json_int(struct buffer *out, int64_t v)
{
    uint8_t *p = buffer_room(out, DIGITS_INT_MAX);
    if (p != NULL)
        out->len += (size_t)(digits_int(p, v) - p);
}

void
json_uint(struct buffer *out, uint64_t v)
{
    uint8_t *p = buffer_room(out, DIGITS_UINT_MAX);
    if (p != NULL)
        out->len += (size_t)(digits_uint(p, v) - p);
}

/* NaN and infinities have no JSON number; the names are those that Java and PostgreSQL use. */
static bool
put_not_finite(struct buffer *out, double v)
{
    if (isfinite(v))
        return false;
    buffer_put_string(out, isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    return true;
}

/*
 * The fewest decimals n / 10^k that read back as v. Both are exact below 2^53 and 10^22,
 * and one division rounds once: what a correct reader gets too. `as_float` asks for the
 * float that v was. False when there are none, or the exponent form is the shorter one.
 */
static bool
put_decimal(struct buffer *out, double v, bool as_float)
{
    static const double ten[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10};
    double magnitude = fabs(v);
    uint64_t whole = 0, power = 1;
    unsigned k;

    if (magnitude >= 1e15 || (magnitude < 1e-4 && v != 0))
        return false;
    for (k = 0; k <= 10; k++, power *= 10) {
        double scaled = magnitude * ten[k];
        if (scaled >= 9e15)
            return false;
        whole = (uint64_t)(scaled + 0.5);
        double back = (double)whole / ten[k];
        if (as_float ? (float)back == (float)magnitude : back == magnitude)
            break;
    }
    if (k > 10)
        return false;

    uint8_t *p = buffer_room(out, 2 * DIGITS_UINT_MAX + 4), *at = p;
    if (p == NULL)
        return true;
    if (signbit(v))
        *at++ = '-';
    at = digits_uint(at, whole / power);
    *at++ = '.'; /* even for 3.0: a reader that guesses types shall see a fraction */
    if (k == 0) {
        *at++ = '0';
    } else {
        uint64_t fraction = whole % power;
        for (unsigned i = k; i-- > 0; fraction /= 10)
            at[i] = (uint8_t)('0' + fraction % 10);
        at += k;
    }
    out->len += (size_t)(at - p);
    return true;
}

void
json_double(struct buffer *out, double v)
{
    char text[40];

    if (put_not_finite(out, v) || put_decimal(out, v, false))
        return;
    /* 15 digits are the fewest that tell all doubles apart, but for the subnormal ones */
    for (int digits = fabs(v) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buffer_put_string(out, text);
}

void
json_float(struct buffer *out, float v)
{
    char text[40];

    if (put_not_finite(out, (double)v) || put_decimal(out, (double)v, true))
        return;
    for (int digits = fabsf(v) < FLT_MIN ? 1 : 6; digits <= 9; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, (double)v);
        if (strtof(text, NULL) == v)
            break;
    }
    buffer_put_string(out, text);
}

void
json_base64(struct buffer *out, struct bytes raw)
{
    static const char alphabet[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "abcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t *p = buffer_room(out, (raw.len + 2) / 3 * 4 + 2), *at = p;
    size_t i = 0;

    if (p == NULL)
        return;
    *at++ = '"';
    for (; raw.len - i >= 3; i += 3, at += 4) {
        uint32_t w = (uint32_t)raw.at[i] << 16 | (uint32_t)raw.at[i + 1] << 8 | raw.at[i + 2];
        at[0] = (uint8_t)alphabet[w >> 18];
        at[1] = (uint8_t)alphabet[(w >> 12) & 63];
        at[2] = (uint8_t)alphabet[(w >> 6) & 63];
        at[3] = (uint8_t)alphabet[w & 63];
    }
    if (i < raw.len) {
        bool two = raw.len - i == 2;
        uint32_t w = (uint32_t)raw.at[i] << 16 | (two ? (uint32_t)raw.at[i + 1] << 8 : 0);
        at[0] = (uint8_t)alphabet[w >> 18];
        at[1] = (uint8_t)alphabet[(w >> 12) & 63];
        at[2] = two ? (uint8_t)alphabet[(w >> 6) & 63] : '=';
        at[3] = '=';
        at += 4;
    }
    *at++ = '"';
    out->len += (size_t)(at - p);
}
