/* bytes.c -- see cdc/bytes.h. No state, any thread. */
#include "cdc/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

uint64_t
bytes_hash(uint64_t seed, const void *at, size_t len)
{
    const uint8_t *p = at;
    uint64_t h = seed;

    for (size_t i = 0; i < len; i++) {
        h ^= p[i];
        h *= UINT64_C(1099511628211);
    }
    return h;
}

/* Length of the well-formed sequence at p (1 to 4), 0 if there is none. */
static size_t
utf8_sequence(const uint8_t *p, size_t left)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t n;

    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        n = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        n = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        n = 4;
    else
        return 0;
    if (n > left)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0; /* overlong */
    else if (p[0] == 0xed)
        high = 0x9f; /* surrogates */
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f; /* above U+10FFFF */
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

bool
bytes_utf8_valid(struct bytes text)
{
    const uint8_t *p = text.at;
    const uint8_t *end = p + text.len;

    while (p < end) {
        uint64_t eight;
        size_t n;

        while (end - p >= 8) {
            memcpy(&eight, p, 8);
            if ((eight & UINT64_C(0x8080808080808080)) != 0)
                break;
            p += 8;
        }
        while (p < end && *p < 0x80)
            p++;
        if (p == end)
            break;
        n = utf8_sequence(p, (size_t)(end - p));
        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

const char *
cursor_string(struct cursor *in, size_t *len)
{
    const uint8_t *at = in->at;
    const uint8_t *nul = NULL;

    if (cursor_left(in) > 0)
        nul = memchr(at, 0, cursor_left(in));
    if (nul == NULL) {
        in->past_end = true;
        in->at = in->end;
        if (len != NULL)
            *len = 0;
        return "";
    }
    if (len != NULL)
        *len = (size_t)(nul - at);
    in->at = nul + 1;
    return (const char *)at;
}

bool
buffer_grow(struct buffer *out, size_t n)
{
    size_t need, cap;
    uint8_t *at;

    if (out->failed || __builtin_add_overflow(out->len, n, &need) ||
        (out->max != 0 && need > out->max)) {
        out->failed = true;
        return false;
    }
    if (need <= out->cap)
        return true;
    cap = out->cap < 256 ? 256 : out->cap + out->cap / 2;
    if (cap < need)
        cap = need;
    if (out->max != 0 && cap > out->max)
        cap = out->max;
    at = realloc(out->at, cap);
    if (at == NULL) {
        out->failed = true;
        return false;
    }
    out->at = at;
    out->cap = cap;
    return true;
}

void
buffer_free(struct buffer *out)
{
    free(out->at);
    *out = (struct buffer){0};
}

void
buffer_printf(struct buffer *out, const char *fmt, ...)
{
    char small[256];
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(small, sizeof(small), fmt, args);
    va_end(args);
    if (n < 0) {
        out->failed = true;
        return;
    }
    if ((size_t)n < sizeof(small)) {
        buffer_put(out, small, (size_t)n);
        return;
    }
    if (buffer_room(out, (size_t)n + 1) == NULL)
        return;
    va_start(args, fmt);
    vsnprintf((char *)out->at + out->len, (size_t)n + 1, fmt, args);
    va_end(args);
    out->len += (size_t)n;
}

const char *
buffer_cstr(struct buffer *out)
{
    if (out->failed || buffer_room(out, 1) == NULL)
        return "";
    out->at[out->len] = 0;
    return (const char *)out->at;
}

void
buffer_put_quoted(struct buffer *out, const char *text, char quote)
{
    buffer_put_u8(out, (uint8_t)quote);
    for (; *text != 0; text++) {
        if (*text == quote)
            buffer_put_u8(out, (uint8_t)quote);
        buffer_put_u8(out, (uint8_t)*text);
    }
    buffer_put_u8(out, (uint8_t)quote);
}
