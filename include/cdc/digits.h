/*
 * digits.h -- integers as text, straight into memory that is known to be large enough.
 *
 * For the hot path only: printf costs as much as the rest of a row. Each function writes at
 * `at` and returns the end of what it wrote; none writes a NUL.
 */
#ifndef CDC_DIGITS_H
#define CDC_DIGITS_H

#include <stdint.h>
#include <string.h>

enum {
    DIGITS_UINT_MAX = 20, /* 18446744073709551615 */
    DIGITS_INT_MAX = 20,  /* -9223372036854775808 */
    DIGITS_LSN_MAX = 17,  /* FFFFFFFF/FFFFFFFF */
};

extern const char digits_pairs[200];     /* "00" "01" ... "99" */
extern const uint64_t digits_powers[20]; /* [0] is 0, else 10 to its index */

static inline uint8_t *
digits_two(uint8_t *at, unsigned v)
{
    memcpy(at, digits_pairs + 2u * v, 2);
    return at + 2;
}

/* How many digits a number has: 1 to 20. 1233 / 4096 is nearly the logarithm of 2. */
static inline unsigned
digits_count(uint64_t v)
{
    unsigned bits = 64u - (unsigned)__builtin_clzll(v | 1);
    unsigned guess = bits * 1233u >> 12;

    return guess + (v >= digits_powers[guess]);
}

static inline uint8_t *
digits_uint(uint8_t *at, uint64_t v)
{
    uint8_t *end = at + digits_count(v), *from = end;

    while (v >= 100) {
        uint64_t rest = v / 100;
        from -= 2;
        digits_two(from, (unsigned)(v - rest * 100));
        v = rest;
    }
    if (v >= 10)
        digits_two(at, (unsigned)v);
    else
        *at = (uint8_t)('0' + v);
    return end;
}

static inline uint8_t *
digits_int(uint8_t *at, int64_t v)
{
    uint64_t magnitude = (uint64_t)v;
    if (v < 0) {
        *at++ = '-';
        magnitude = 0 - magnitude;
    }
    return digits_uint(at, magnitude);
}

/* Upper case, no leading zeros. */
static inline uint8_t *
digits_hex(uint8_t *at, uint32_t v)
{
    unsigned shift = v == 0 ? 0u : (unsigned)(31 - __builtin_clz(v)) & ~3u;
    for (;; shift -= 4) {
        *at++ = (uint8_t)"0123456789ABCDEF"[(v >> shift) & 15u];
        if (shift == 0)
            return at;
    }
}

/* "16/B374D848", as the server writes it. */
static inline uint8_t *
digits_lsn(uint8_t *at, uint64_t lsn)
{
    at = digits_hex(at, (uint32_t)(lsn >> 32));
    *at++ = '/';
    return digits_hex(at, (uint32_t)lsn);
}

#endif
