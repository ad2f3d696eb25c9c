/*
 * binlog_charset_convert.c -- a text of one set to UTF-8; see binlog_charset_internal.h.
 *
 * What a server turns into "?" is not valid here; nor are surrogates, which MariaDB lets through in
 * ucs2 and utf32, and pairs of them in ucs2.
 */
#include "binlog_charset_internal.h"

enum { FOUR_ABOVE = 189000 }; /* GB18030: the code of four bytes that is U+10000 */

/* ---- one character ---- */

/* Takes a character off *at, which is before `end`: its code point, or -1. */
typedef int32_t next_char(const uint16_t *table, const uint8_t **at, const uint8_t *end);

static inline int32_t
next_single(const uint16_t *half, const uint8_t **at, const uint8_t *end)
{
    uint8_t byte = *(*at)++;
    int32_t point;

    (void)end;
    if (byte < 0x80)
        return byte;
    point = half[byte - 0x80];
    return point != 0 ? point : -1;
}

static inline int32_t
next_swe7(const uint16_t *half, const uint8_t **at, const uint8_t *end)
{
    uint8_t byte = *(*at)++;

    (void)end;
    return byte == 0 ? 0 : byte < 0x80 && half[byte] != 0 ? half[byte] : -1;
}

/* What is not ASCII and not a character of one byte. */
static inline int32_t
next_pair(const uint16_t *table, const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    int32_t point;

    if (end - p < 2)
        return -1;
    point = table[(p[0] - 0x80) * 256 + p[1]];
    *at += 2;
    return point != 0 ? point : -1;
}

static inline int32_t
next_double(const uint16_t *table, const uint8_t **at, const uint8_t *end)
{
    return **at < 0x80 ? *(*at)++ : next_pair(table, at, end);
}

static inline int32_t
next_shift_jis(const uint16_t *table, const uint8_t **at, const uint8_t *end)
{
    if (**at >= 0xa1 && **at <= 0xdf) /* kana of half width */
        return *(*at)++ - 0xa1 + 0xff61;
    return next_double(table, at, end);
}

static inline int32_t
next_euc_jp(const uint16_t *table, const uint8_t **at, const uint8_t *end)
{
    if (**at != 0x8f)
        return next_double(table, at, end);
    ++*at;
    return *at < end && **at >= 0x80 ? next_pair(table + CHARSET_PLANE, at, end) : -1;
}

static inline int32_t
next_gb18030(const uint16_t *table, const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    uint32_t n;

    if (p[0] < 0x80 || end - p < 4 || p[1] < 0x30 || p[1] > 0x39)
        return next_double(table, at, end);
    if (p[0] < 0x81 || p[0] > 0xfe || p[2] < 0x81 || p[2] > 0xfe || p[3] < 0x30 || p[3] > 0x39)
        return -1;
    *at += 4;
    n = ((p[0] - 0x81u) * 10 + (p[1] - 0x30u)) * 1260 + (p[2] - 0x81u) * 10 + (p[3] - 0x30u);
    if (n < CHARSET_FOUR)
        return table[CHARSET_PLANE + n];
    return n >= FOUR_ABOVE && n < FOUR_ABOVE + 0x100000 ? (int32_t)(n - FOUR_ABOVE + 0x10000) : -1;
}

static inline int32_t
next_ucs2(const uint16_t *table, const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    int32_t point;

    (void)table;
    if (end - p < 2)
        return -1;
    point = p[0] << 8 | p[1];
    *at += 2;
    return point >= 0xd800 && point <= 0xdfff ? -1 : point;
}

static inline int32_t
unit16(const uint8_t *at, bool little)
{
    return little ? at[1] << 8 | at[0] : at[0] << 8 | at[1];
}

static inline int32_t
next_16(const uint8_t **at, const uint8_t *end, bool little)
{
    int32_t first, second;

    if (end - *at < 2)
        return -1;
    first = unit16(*at, little);
    *at += 2;
    if (first < 0xd800 || first > 0xdfff)
        return first;
    if (first > 0xdbff || end - *at < 2)
        return -1;
    second = unit16(*at, little);
    *at += 2;
    if (second < 0xdc00 || second > 0xdfff)
        return -1;
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
}

static inline int32_t
next_utf16(const uint16_t *table, const uint8_t **at, const uint8_t *end)
{
    (void)table;
    return next_16(at, end, false);
}

static inline int32_t
next_utf16le(const uint16_t *table, const uint8_t **at, const uint8_t *end)
{
    (void)table;
    return next_16(at, end, true);
}

static inline int32_t
next_utf32(const uint16_t *table, const uint8_t **at, const uint8_t *end)
{
    const uint8_t *p = *at;
    int32_t point;

    (void)table;
    if (end - p < 4 || p[0] != 0 || p[1] > 0x10)
        return -1;
    point = p[1] << 16 | p[2] << 8 | p[3];
    *at += 4;
    return point >= 0xd800 && point <= 0xdfff ? -1 : point;
}

/* ---- texts ---- */

static inline uint8_t *
put_utf8(uint8_t *out, uint32_t point)
{
    if (point < 0x80) {
        *out++ = (uint8_t)point;
        return out;
    }
    if (point < 0x800) {
        *out++ = (uint8_t)(0xc0 | point >> 6);
    } else {
        if (point < 0x10000) {
            *out++ = (uint8_t)(0xe0 | point >> 12);
        } else {
            *out++ = (uint8_t)(0xf0 | point >> 18);
            *out++ = (uint8_t)(0x80 | (point >> 12 & 0x3f));
        }
        *out++ = (uint8_t)(0x80 | (point >> 6 & 0x3f));
    }
    *out++ = (uint8_t)(0x80 | (point & 0x3f));
    return out;
}

/* How many bytes at the beginning are ASCII. */
static size_t
ascii_prefix(struct bytes text)
{
    size_t n = 0;

    for (uint64_t eight; text.len - n >= 8; n += 8) {
        memcpy(&eight, text.at + n, 8);
        if ((eight & UINT64_C(0x8080808080808080)) != 0)
            break;
    }
    while (n < text.len && text.at[n] < 0x80)
        n++;
    return n;
}

/* Twice over the text: what it needs, then what it is. The first `plain` bytes are copied as they
 * are. A copy of this is compiled for each `next`. */
static inline __attribute__((always_inline)) int
convert(next_char *next, const uint16_t *table, struct bytes text, size_t plain,
        struct arena *arena, struct bytes *out)
{
    const uint8_t *end = text.at + text.len;
    size_t len = plain;
    uint8_t *start, *to;

    for (const uint8_t *at = text.at + plain; at < end;) {
        int32_t point = next(table, &at, end);
        if (point < 0)
            return 1;
        len += 1u + (point >= 0x80) + (point >= 0x800) + (point >= 0x10000);
    }
    start = to = arena_alloc(arena, len);
    if (start == NULL)
        return -1;
    if (plain > 0)
        memcpy(to, text.at, plain);
    to += plain;
    for (const uint8_t *at = text.at + plain; at < end;)
        to = put_utf8(to, (uint32_t)next(table, &at, end));
    *out = bytes_of(start, len);
    return 0;
}

/* All sets in which a byte below 80 at the beginning of a character is ASCII. */
static int
convert_ascii_based(const struct charset *set, _Atomic(uint16_t *) *made, struct bytes text,
                    struct arena *arena, struct bytes *out)
{
    size_t plain = ascii_prefix(text);
    const uint16_t *table;

    if (plain == text.len) {
        *out = text;
        return 0;
    }
    if (set->family == FAMILY_ASCII)
        return 1;
    if (set->family == FAMILY_SINGLE)
        return convert(next_single, set->half, text, plain, arena, out);
    table = charset_table(set, made);
    if (table == NULL)
        return -1;
    switch ((enum family)set->family) {
    case FAMILY_SHIFT_JIS:
        return convert(next_shift_jis, table, text, plain, arena, out);
    case FAMILY_EUC_JP:
        return convert(next_euc_jp, table, text, plain, arena, out);
    case FAMILY_GB18030:
        return convert(next_gb18030, table, text, plain, arena, out);
    default:
        return convert(next_double, table, text, plain, arena, out);
    }
}

int
charset_convert(const struct charset *set, _Atomic(uint16_t *) *made, struct bytes text,
                struct arena *arena, struct bytes *out)
{
    switch ((enum family)set->family) {
    case FAMILY_UTF8:
        if (!bytes_utf8_valid(text))
            return 1;
        *out = text;
        return 0;
    case FAMILY_SWE7:
        return convert(next_swe7, set->half, text, 0, arena, out);
    case FAMILY_UCS2:
        return convert(next_ucs2, NULL, text, 0, arena, out);
    case FAMILY_UTF16:
        return convert(next_utf16, NULL, text, 0, arena, out);
    case FAMILY_UTF16LE:
        return convert(next_utf16le, NULL, text, 0, arena, out);
    case FAMILY_UTF32:
        return convert(next_utf32, NULL, text, 0, arena, out);
    default:
        return convert_ascii_based(set, made, text, arena, out);
    }
}
