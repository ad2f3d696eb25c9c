/*
 * decimal.c -- see cdc/decimal.h.
 *
 * Decimals beyond 128 bits are divided by 10^19 limb by limb; that is quadratic, and the
 * largest numeric there is (147,455 digits) takes a fifth of a second. Its limbs use the
 * room at the end of the buffer that the digits will not reach.
 */
#include "cdc/decimal.h"

__extension__ typedef unsigned __int128 wide;

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
decimal_text(struct buffer *out, struct bytes unscaled, int32_t scale)
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
