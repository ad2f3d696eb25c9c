/* binlog_digits.c -- see binlog_digits.h. Pure; any thread. */
#include "binlog_digits.h"

enum { GROUP = 9 };

/* Bytes for 0 to 9 digits. */
static const uint8_t bytes_for[GROUP + 1] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
static const uint32_t ten_to[GROUP + 1] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
};

/* `first` is XORed into the first byte: the sign's bit, in the number's first group only. */
static bool
take_group(struct cursor *in, unsigned digits, uint8_t first, bool negative, uint8_t *out)
{
    unsigned len = bytes_for[digits];
    const uint8_t *at = cursor_take(in, len);
    uint32_t v = 0;

    if (at == NULL)
        return false;
    for (unsigned i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)(at[i] ^ (i == 0 ? first : 0) ^ (negative ? 0xff : 0));
        v = v << 8 | byte;
    }
    if (v >= ten_to[digits])
        return false;
    for (unsigned i = digits; i-- > 0; v /= 10)
        out[i] = (uint8_t)('0' + v % 10);
    return true;
}

bool
binlog_digits(struct cursor *in, unsigned digits, unsigned scale, bool *negative,
              uint8_t out[BINLOG_DIGITS_MAX])
{
    unsigned whole = digits - scale, done = 0;
    uint8_t sign = 0x80;

    if (digits == 0 || digits > BINLOG_DIGITS_MAX || scale > digits || cursor_left(in) == 0)
        return false;
    *negative = (in->at[0] & 0x80) == 0;
    while (done < digits) {
        /* the whole part's short group is its first one, the fraction's its last */
        unsigned left = done < whole ? (whole - done) % GROUP : digits - done;
        unsigned n = left == 0 || left > GROUP ? GROUP : left;
        if (!take_group(in, n, sign, *negative, out + done))
            return false;
        sign = 0;
        done += n;
    }
    return true;
}
