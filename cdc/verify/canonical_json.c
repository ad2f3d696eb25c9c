/*
 * canonical_json.c -- a JSON text to the one that all texts of the same value have; see canonical.h.
 *
 * A reader of its own, since libraries make doubles of numbers, and PostgreSQL's are exact. The text is read once; an
 * object's members are written behind each other, and then copied in the order of their keys.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "canonical.h"
#include "cdc/json.h"

enum { DEPTH_MAX = 512, DIGITS_MAX = 4096 };

struct reader {
    struct cursor in;
    unsigned depth;
    bool doubles;
};

static bool put_value(struct reader *, struct buffer *out);

static void
skip_space(struct cursor *in)
{
    while (in->at < in->end && (*in->at == ' ' || *in->at == '\t' || *in->at == '\n' || *in->at == '\r'))
        in->at++;
}

static bool
take(struct cursor *in, char c)
{
    skip_space(in);
    if (in->at == in->end || *in->at != (uint8_t)c)
        return false;
    in->at++;
    return true;
}

/* ---- strings ---- */

static bool
take_unit(struct cursor *in, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = cursor_u8(in);

        if (!isxdigit(c))
            return false;
        *out = *out << 4 | (uint32_t)(isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return true;
}

static void
put_utf8(struct buffer *out, uint32_t c)
{
    if (c < 0x80) {
        buffer_put_u8(out, (uint8_t)c);
        return;
    }
    if (c < 0x800) {
        buffer_put_u8(out, (uint8_t)(0xc0 | c >> 6));
    } else if (c < 0x10000) {
        buffer_put_u8(out, (uint8_t)(0xe0 | c >> 12));
        buffer_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 63)));
    } else {
        buffer_put_u8(out, (uint8_t)(0xf0 | c >> 18));
        buffer_put_u8(out, (uint8_t)(0x80 | (c >> 12 & 63)));
        buffer_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 63)));
    }
    buffer_put_u8(out, (uint8_t)(0x80 | (c & 63)));
}

/* Behind \u: a character, or two halves of one. */
static bool
take_escaped_character(struct cursor *in, struct buffer *out)
{
    struct cursor ahead;
    uint32_t c, low;

    if (!take_unit(in, &c))
        return false;
    ahead = *in;
    if (c >= 0xd800 && c < 0xdc00 && cursor_u8(&ahead) == '\\' && cursor_u8(&ahead) == 'u' && take_unit(&ahead, &low) &&
        low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        *in = ahead;
    }
    put_utf8(out, c);
    return true;
}

static bool
take_escape(struct cursor *in, struct buffer *out)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    uint8_t c = cursor_u8(in);
    const char *found = c != 0 ? strchr(letters, c) : NULL;

    if (c == 'u')
        return take_escaped_character(in, out);
    if (found == NULL)
        return false;
    buffer_put_u8(out, (uint8_t)meant[found - letters]);
    return true;
}

/* Behind the quote, without escapes. */
static bool
take_string(struct cursor *in, struct buffer *out)
{
    while (in->at < in->end) {
        uint8_t c = *in->at++;

        if (c == '"')
            return true;
        if (c != '\\')
            buffer_put_u8(out, c);
        else if (!take_escape(in, out))
            return false;
    }
    return false;
}

static bool
put_string(struct cursor *in, struct buffer *out)
{
    struct buffer text = {0};
    bool ok = take_string(in, &text) && !buffer_failed(&text);

    if (ok)
        json_text(out, bytes_of(text.at, text.len));
    buffer_free(&text);
    return ok;
}

/* ---- numbers ---- */

struct number {
    bool negative, fraction; /* it has a point or an exponent */
    char digits[DIGITS_MAX]; /* significant ones: none in front or at the end is 0 */
    int ndigits;
    int64_t point;           /* 0.DIGITS * 10^point */
};

static bool
take_digits(struct cursor *in, struct number *n, bool behind_point)
{
    const uint8_t *from = in->at;

    for (; in->at < in->end && isdigit(*in->at); in->at++) {
        if (n->ndigits == 0 && *in->at == '0') {
            n->point -= behind_point;
            continue;
        }
        if (n->ndigits == DIGITS_MAX)
            return false;
        n->digits[n->ndigits++] = (char)*in->at;
        n->point += !behind_point;
    }
    return in->at > from;
}

static bool
take_exponent(struct cursor *in, struct number *n)
{
    bool negative = false;
    int64_t exponent = 0;
    const uint8_t *from;

    if (in->at < in->end && (*in->at == '-' || *in->at == '+'))
        negative = *in->at++ == '-';
    for (from = in->at; in->at < in->end && isdigit(*in->at) && exponent < 100000000; in->at++)
        exponent = exponent * 10 + (*in->at - '0');
    n->point += negative ? -exponent : exponent;
    return in->at > from && (in->at == in->end || !isdigit(*in->at));
}

static bool
read_number(struct cursor *in, struct number *n)
{
    n->negative = n->fraction = false;
    n->ndigits = 0;
    n->point = 0;
    if (in->at < in->end && *in->at == '-')
        n->negative = *in->at++ == '-';
    if (!take_digits(in, n, false))
        return false;
    if (in->at < in->end && *in->at == '.') {
        n->fraction = true;
        in->at++;
        if (!take_digits(in, n, true))
            return false;
    }
    if (in->at < in->end && (*in->at | 0x20) == 'e') {
        n->fraction = true;
        in->at++;
        if (!take_exponent(in, n))
            return false;
    }
    while (n->ndigits > 0 && n->digits[n->ndigits - 1] == '0')
        n->ndigits--;
    return true;
}

static void
write_number(const struct number *n, struct buffer *out)
{
    if (n->ndigits == 0) {
        buffer_put_u8(out, '0');
        return;
    }
    if (n->negative)
        buffer_put_u8(out, '-');
    if (n->point >= n->ndigits && n->point <= 40) {
        buffer_printf(out, "%.*s%.*s", n->ndigits, n->digits, (int)(n->point - n->ndigits),
                      "0000000000000000000000000000000000000000");
    } else if (n->point > 0 && n->point < n->ndigits) {
        buffer_printf(out, "%.*s.%.*s", (int)n->point, n->digits, n->ndigits - (int)n->point, n->digits + n->point);
    } else if (n->point <= 0 && n->point > -8) {
        buffer_printf(out, "0.%.*s%.*s", (int)-n->point, "00000000", n->ndigits, n->digits);
    } else {
        buffer_printf(out, "%.*se%" PRId64, n->ndigits, n->digits, n->point - n->ndigits);
    }
}

/* MySQL keeps integers of 64 bits, signed or not, and all else as a double. */
static bool
fits_integer(const struct number *n, struct bytes text)
{
    char copy[24], *end;

    if (n->fraction || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = 0;
    if (n->ndigits < 19 && n->point < 19)
        return true;
    if (n->point > 20)
        return false;
    __extension__ unsigned __int128 v = 0;
    for (end = copy + n->negative; *end != 0; end++)
        v = v * 10 + (unsigned)(*end - '0');
    return v <= (n->negative ? (uint64_t)INT64_MAX + 1 : UINT64_MAX);
}

static bool
put_number(struct reader *r, struct buffer *out)
{
    const uint8_t *from = r->in.at;
    struct number n;
    char text[64];
    struct bytes written;

    if (!read_number(&r->in, &n))
        return false;
    written = bytes_of(from, (size_t)(r->in.at - from));
    if (r->doubles && !fits_integer(&n, written)) {
        struct buffer copy = {0};
        struct cursor in;

        buffer_put(&copy, written.at, written.len);
        snprintf(text, sizeof(text), "%.17g", strtod(buffer_cstr(&copy), NULL));
        buffer_free(&copy);
        in = cursor_of(bytes_of_string(text));
        if (!read_number(&in, &n))
            return false; /* it is infinite as a double */
    }
    write_number(&n, out);
    return true;
}

/* ---- objects and arrays ---- */

struct member {
    const struct buffer *all; /* keys and values, behind each other: for the order, which is by key, then by place */
    size_t key, key_len, value, value_len;
};

static int
compare_members(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
    int order = memcmp(x->all->at + x->key, y->all->at + y->key, n);

    if (order == 0 && x->key_len != y->key_len)
        order = x->key_len < y->key_len ? -1 : 1;
    if (order == 0)
        order = x->key < y->key ? -1 : 1;
    return order;
}

static bool
is_same_key(const struct member *x, const struct member *y)
{
    return x->key_len == y->key_len && memcmp(x->all->at + x->key, y->all->at + y->key, x->key_len) == 0;
}

static bool
take_member(struct reader *r, struct buffer *all, struct member *m)
{
    m->all = all;
    m->key = all->len;
    skip_space(&r->in);
    if (r->in.at == r->in.end || *r->in.at++ != '"' || !put_string(&r->in, all) || !take(&r->in, ':'))
        return false;
    m->key_len = all->len - m->key;
    m->value = all->len;
    if (!put_value(r, all))
        return false;
    m->value_len = all->len - m->value;
    return true;
}

static bool
take_members(struct reader *r, struct buffer *all, struct buffer *members)
{
    struct member m;

    if (take(&r->in, '}'))
        return true;
    do {
        if (!take_member(r, all, &m))
            return false;
        buffer_put(members, &m, sizeof(m));
    } while (take(&r->in, ','));
    return take(&r->in, '}');
}

static bool
put_object(struct reader *r, struct buffer *out)
{
    struct buffer all = {0}, members = {0};
    bool ok = take_members(r, &all, &members) && !buffer_failed(&all) && !buffer_failed(&members);
    size_t n = members.len / sizeof(struct member);
    struct member *m = (struct member *)(void *)members.at;
    bool first = true;

    if (ok && n > 1)
        qsort(m, n, sizeof(*m), compare_members);
    buffer_put_u8(out, '{');
    for (size_t i = 0; ok && i < n; i++) {
        if (i + 1 < n && is_same_key(&m[i], &m[i + 1]))
            continue;
        if (!first)
            buffer_put_u8(out, ',');
        first = false;
        buffer_put(out, all.at + m[i].key, m[i].key_len);
        buffer_put_u8(out, ':');
        buffer_put(out, all.at + m[i].value, m[i].value_len);
    }
    buffer_put_u8(out, '}');
    buffer_free(&all);
    buffer_free(&members);
    return ok;
}

static bool
put_array(struct reader *r, struct buffer *out)
{
    buffer_put_u8(out, '[');
    if (!take(&r->in, ']')) {
        for (bool first = true; first || take(&r->in, ','); first = false) {
            if (!first)
                buffer_put_u8(out, ',');
            if (!put_value(r, out))
                return false;
        }
        if (!take(&r->in, ']'))
            return false;
    }
    buffer_put_u8(out, ']');
    return true;
}

/* ---- values ---- */

static bool
put_word(struct cursor *in, const char *word, struct buffer *out)
{
    size_t len = strlen(word);

    if (cursor_left(in) < len || memcmp(in->at, word, len) != 0)
        return false;
    in->at += len;
    buffer_put_string(out, word);
    return true;
}

static bool
put_value(struct reader *r, struct buffer *out)
{
    bool ok = false;

    skip_space(&r->in);
    if (r->in.at == r->in.end || r->depth == DEPTH_MAX)
        return false;
    r->depth++;
    switch (*r->in.at) {
    case '{':
        r->in.at++;
        ok = put_object(r, out);
        break;
    case '[':
        r->in.at++;
        ok = put_array(r, out);
        break;
    case '"':
        r->in.at++;
        ok = put_string(&r->in, out);
        break;
    case 't':
        ok = put_word(&r->in, "true", out);
        break;
    case 'f':
        ok = put_word(&r->in, "false", out);
        break;
    case 'n':
        ok = put_word(&r->in, "null", out);
        break;
    default:
        ok = put_number(r, out);
    }
    r->depth--;
    return ok;
}

bool
canonical_json_put(struct bytes json, bool doubles, struct buffer *out)
{
    struct reader r = {.in = cursor_of(json), .doubles = doubles};
    size_t before = out->len;

    if (put_value(&r, out)) {
        skip_space(&r.in);
        if (r.in.at == r.in.end)
            return true;
    }
    out->len = before;
    return false;
}
