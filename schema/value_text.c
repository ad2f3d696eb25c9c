/*
 * value_text.c -- see value_text.h.
 *
 * Decimals beyond 128 bits are divided by 10^19 limb by limb; that is quadratic, and the
 * largest numeric there is (147,455 digits) takes a fifth of a second. Its limbs use the
 * room at the end of the buffer that the digits will not reach.
 */
#include "value_text.h"

#include <math.h>

#include "cdc/batch.h"
#include "cdc/digits.h"

__extension__ typedef unsigned __int128 wide;

/* Year, month and day of a day since 1970-01-01; the reverse of what the decoder does. */
static void
civil_of(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t from_march_0 = days + 719468;
    int64_t era = floor_div(from_march_0, 146097);
    uint32_t of_era = (uint32_t)(from_march_0 - era * 146097);
    uint32_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * y + y / 4 - y / 100);
    uint32_t from_march = (5 * of_year + 2) / 153;

    *day = of_year - (153 * from_march + 2) / 5 + 1;
    *month = from_march < 10 ? from_march + 3 : from_march - 9;
    *year = era * 400 + y + (*month <= 2 ? 1 : 0);
}

/* The same of a date that is none, packed as value.h says. */
static void
packed_of(int64_t packed, int64_t *year, unsigned *month, unsigned *day)
{
    *day = (unsigned)(packed % 32);
    *month = (unsigned)(packed / 32 % 13);
    *year = packed / 32 / 13;
}

static uint8_t *
put_year(uint8_t *at, int64_t year)
{
    uint64_t magnitude = (uint64_t)(year < 0 ? -year : year);

    if (year < 0)
        *at++ = '-';
    else if (year > 9999)
        *at++ = '+';
    if (magnitude > 9999)
        return digits_uint(at, magnitude);
    at = digits_two(at, (unsigned)magnitude / 100);
    return digits_two(at, (unsigned)magnitude % 100);
}

static size_t
put_infinity(uint8_t *at, bool negative)
{
    const char *text = negative ? "-infinity" : "infinity";

    memcpy(at, text, strlen(text));
    return strlen(text);
}

size_t
text_zoned(uint8_t *at, const struct value *value, unsigned digits)
{
    uint8_t *from = at;
    int64_t days = floor_div(value->i, MICROS_PER_DAY), year;
    int64_t rest = value->i % MICROS_PER_DAY;
    uint64_t of_day = (uint64_t)(rest < 0 ? rest + MICROS_PER_DAY : rest);
    uint32_t seconds = (uint32_t)(of_day / 1000000), fraction = (uint32_t)(of_day % 1000000);
    unsigned month, day;

    if (value->special == VALUE_FINITE)
        civil_of(days, &year, &month, &day);
    else if (value->special == VALUE_NO_DATE)
        packed_of(days, &year, &month, &day);
    else
        return put_infinity(at, value->special == VALUE_NEG_INFINITY);
    at = put_year(at, year);
    *at++ = '-';
    at = digits_two(at, month);
    *at++ = '-';
    at = digits_two(at, day);
    *at++ = 'T';
    at = digits_two(at, seconds / 3600);
    *at++ = ':';
    at = digits_two(at, seconds / 60 % 60);
    *at++ = ':';
    at = digits_two(at, seconds % 60);
    if (digits > 0) {
        *at = '.';
        digits_two(at + 1, fraction / 10000);
        digits_two(at + 3, fraction / 100 % 100);
        digits_two(at + 5, fraction % 100);
        at += 1 + (digits > 6 ? 6 : digits);
    }
    *at++ = 'Z';
    return (size_t)(at - from);
}

bool
wkb_point(struct bytes wkb, double point[2])
{
    enum { WKB_POINT = 1, BIG_ENDIAN_ORDER = 0 };
    struct cursor in = cursor_of(wkb);
    bool big = cursor_u8(&in) == BIG_ENDIAN_ORDER;
    uint32_t type = big ? cursor_be32(&in) : cursor_le32(&in);

    for (int i = 0; i < 2; i++) {
        uint64_t bits = big ? cursor_be64(&in) : cursor_le64(&in);
        memcpy(&point[i], &bits, sizeof(bits));
    }
    /* an empty point is written as one of NaNs */
    return cursor_done(&in) && type == WKB_POINT && isfinite(point[0]) && isfinite(point[1]);
}

size_t
text_sequence(uint8_t *at, const struct change *change)
{
    uint8_t *from = at;

    *at++ = '[';
    *at++ = '"';
    at = digits_uint(at, change->transaction->id.final);
    memcpy(at, "\",\"", 3);
    at = digits_uint(at + 3, change->lsn);
    *at++ = '"';
    *at++ = ']';
    return (size_t)(at - from);
}

size_t
text_event_id(uint8_t *at, const struct change *change, unsigned output)
{
    return event_id_text(&change->transaction->id, change->ordinal, change->row, output, (char *)at);
}

/* The magnitude of a two's complement integer of at most 16 bytes. */
static wide
small_magnitude(struct bytes n, bool negative)
{
    wide v = negative ? ~(wide)0 : 0;

    for (size_t i = 0; i < n.len; i++)
        v = v << 8 | n.at[i];
    return negative ? 0 - v : v;
}

/* Digits right-aligned before `end`; returns where they begin. */
static uint8_t *
small_digits(uint8_t *end, wide v)
{
    while (v > UINT64_MAX) {
        uint64_t low = (uint64_t)(v % 10000000000000000000u);
        v /= 10000000000000000000u;
        for (int i = 0; i < 19; i++, low /= 10)
            *--end = (uint8_t)('0' + low % 10);
    }
    uint64_t rest = (uint64_t)v;
    do
        *--end = (uint8_t)('0' + rest % 10);
    while ((rest /= 10) != 0);
    return end;
}

/* The magnitude as limbs of 64 bits, most significant first; `limbs` need not be aligned. */
static void
load_limbs(uint8_t *limbs, size_t count, struct bytes n, bool negative)
{
    uint64_t carry = 1;

    for (size_t i = count; i-- > 0;) {
        uint64_t limb = negative ? UINT64_MAX : 0;
        for (size_t b = 0; b < 8; b++) {
            size_t from_end = 8 * (count - 1 - i) + b;
            if (from_end >= n.len)
                break;
            limb &= ~(UINT64_C(0xff) << 8 * b);
            limb |= (uint64_t)n.at[n.len - 1 - from_end] << 8 * b;
        }
        if (negative) {
            limb = ~limb + carry;
            carry = carry && limb == 0;
        }
        memcpy(limbs + 8 * i, &limb, 8);
    }
}

#define TEN_19 UINT64_C(10000000000000000000)

/* high:low / 10^19, high < 10^19, without a division: N. Moeller and T. Granlund, "Improved Division by
 * Invariant Integers", 2011, algorithm 4. The constant is (2^128 - 1) / 10^19 - 2^64. */
static inline uint64_t
divide_by_ten_19(uint64_t high, uint64_t low, uint64_t *rest)
{
    wide q = (wide)high * UINT64_C(0xd83c94fb6d2ac34a) + ((wide)high << 64 | low);
    uint64_t quotient = (uint64_t)(q >> 64) + 1;
    uint64_t r = low - quotient * TEN_19;

    if (r > (uint64_t)q) {
        quotient--;
        r += TEN_19;
    }
    if (r >= TEN_19) {
        quotient++;
        r -= TEN_19;
    }
    *rest = r;
    return quotient;
}

static uint8_t *
large_digits(uint8_t *end, uint8_t *limbs, size_t count)
{
    const uint8_t *last = end - 1;
    size_t first = 0;

    while (first < count) {
        uint64_t rest = 0;
        for (size_t i = first; i < count; i++) {
            uint64_t limb;
            memcpy(&limb, limbs + 8 * i, 8);
            limb = divide_by_ten_19(rest, limb, &rest);
            memcpy(limbs + 8 * i, &limb, 8);
            if (limb == 0 && i == first)
                first++;
        }
        for (int i = 0; i < 19; i++, rest /= 10)
            *--end = (uint8_t)('0' + rest % 10);
    }
    while (end < last && *end == '0')
        end++;
    return end;
}

void
text_decimal(struct buffer *out, struct bytes unscaled, int32_t scale)
{
    bool negative = unscaled.len > 0 && unscaled.at[0] >= 0x80;
    size_t decimals = scale > 0 ? (size_t)scale : 0;
    size_t digits_max = unscaled.len * 5 / 2 + 24; /* log10(256) = 2.41 */
    size_t limbs = unscaled.len / 8 + 1;
    size_t text_max = digits_max + decimals + 4;
    uint8_t *p = buffer_room(out, text_max + digits_max + 8 * limbs), *at = p;

    if (p == NULL)
        return;
    uint8_t *end = p + text_max + digits_max, *from;
    if (unscaled.len <= 16) {
        from = small_digits(end, small_magnitude(unscaled, negative));
    } else {
        load_limbs(end, limbs, unscaled, negative);
        from = large_digits(end, end, limbs);
    }
    size_t count = (size_t)(end - from);
    if (negative)
        *at++ = '-';
    size_t whole = count > decimals ? count - decimals : 0;
    memmove(at, from, whole);
    at += whole;
    if (whole == 0)
        *at++ = '0';
    if (decimals > 0) {
        *at++ = '.';
        memset(at, '0', decimals - (count - whole));
        at += decimals - (count - whole);
        memmove(at, from + whole, count - whole);
        at += count - whole;
    }
    out->len += (size_t)(at - p);
}
