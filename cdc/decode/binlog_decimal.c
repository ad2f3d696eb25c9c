/*
 * binlog_decimal.c -- MySQL's packed decimal to an exact unscaled integer.
 *
 * Nine digits are four bytes, high first. What is left of the whole part stands before its nines,
 * what is left of the fraction behind its own, in as few bytes as hold it. The first bit is 1 for a
 * number that is not negative; with a negative one all bytes are inverted.
 *
 * Up to 38 digits stay in 128 bits; more go to limbs. 65 is the most that a server has, any number
 * up to 255 is taken here.
 *
 * Pure; any thread; results live in the arena.
 */
#include "binlog_types_internal.h"

enum {
    GROUP = 9,         /* digits in four bytes */
    SMALL_DIGITS = 38, /* 10^38 < 2^127 */
    DIGITS_MAX = 255,
    LIMBS_MAX = 14, /* 10^255 < 2^848 < 2^(64 * 14) */
};

__extension__ typedef unsigned __int128 wide;

static const uint8_t bytes_of_digits[] = {0, 1, 1, 2, 2, 3, 3, 4, 4, 4};
static const uint32_t ten_to[] = {1,      10,      100,      1000,      10000,
                                  100000, 1000000, 10000000, 100000000, 1000000000};

size_t
binlog_decimal_size(unsigned digits, unsigned scale)
{
    unsigned whole = digits - scale;

    return whole / GROUP * 4 + bytes_of_digits[whole % GROUP] + scale / GROUP * 4 +
           bytes_of_digits[scale % GROUP];
}

static inline void
store_be64(uint8_t *at, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(at, &v, 8);
}

/* The shortest two's complement of `len` big-endian bytes. */
static struct bytes
shortest(const uint8_t *at, size_t len)
{
    while (len > 1 && ((at[0] == 0x00 && at[1] < 0x80) || (at[0] == 0xff && at[1] >= 0x80))) {
        at++;
        len--;
    }
    return bytes_of(at, len);
}

/* The same of one word. `at` has room for eight bytes. */
static inline struct bytes
shortest_word(uint8_t *at, int64_t v)
{
    uint64_t spread = (uint64_t)(v ^ v >> 63);
    size_t len = spread == 0 ? 1 : (65u - (size_t)__builtin_clzll(spread) + 7) / 8;

    store_be64(at, (uint64_t)v);
    return bytes_of(at + 8 - len, len);
}

int
binlog_decimal_of(uint64_t v, struct arena *arena, struct value *out)
{
    uint8_t *at = arena_alloc(arena, 16); /* zeros */

    if (at == NULL)
        return -1;
    if (v <= INT64_MAX) {
        out->bytes = shortest_word(at, (int64_t)v);
    } else {
        store_be64(at + 8, v);
        out->bytes = bytes_of(at + 7, 9);
    }
    return 0;
}

/* ---- the number, group by group ---- */

struct packed {
    const uint8_t *at;
    uint32_t flip; /* all ones when negative */
    uint32_t sign; /* 0x80 until the first byte is taken */
    bool bad;
};

static inline uint32_t
take_group(struct packed *in, unsigned digits)
{
    unsigned n = bytes_of_digits[digits];
    uint32_t v = 0;

    if (n == 4) {
        memcpy(&v, in->at, 4);
        v = __builtin_bswap32(v);
    } else {
        for (unsigned i = 0; i < n; i++)
            v = v << 8 | in->at[i];
    }
    v ^= (in->flip >> (32 - 8 * n)) ^ in->sign << (8 * n - 8);
    in->sign = 0;
    in->at += n;
    in->bad |= v >= ten_to[digits];
    return v;
}

static inline wide
take_small(struct packed *in, unsigned digits, unsigned scale)
{
    unsigned whole = digits - scale;
    wide v = 0;

    if (whole % GROUP != 0)
        v = take_group(in, whole % GROUP);
    for (unsigned n = whole / GROUP; n > 0; n--)
        v = v * 1000000000 + take_group(in, GROUP);
    for (unsigned n = scale / GROUP; n > 0; n--)
        v = v * 1000000000 + take_group(in, GROUP);
    if (scale % GROUP != 0)
        v = v * ten_to[scale % GROUP] + take_group(in, scale % GROUP);
    return v;
}

struct limbs {
    uint64_t at[LIMBS_MAX]; /* the lowest first */
    size_t n;
};

static void
limbs_push(struct limbs *limbs, struct packed *in, unsigned digits)
{
    uint64_t carry = digits == 0 ? 0 : take_group(in, digits);

    for (size_t i = 0; i < limbs->n; i++) {
        wide product = (wide)limbs->at[i] * ten_to[digits] + carry;
        limbs->at[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    if (carry != 0)
        limbs->at[limbs->n++] = carry;
}

static int
take_large(struct packed *in, unsigned digits, unsigned scale, struct arena *arena,
           struct bytes *out)
{
    struct limbs limbs = {.n = 0};
    unsigned whole = digits - scale;
    uint64_t carry = 1;

    limbs_push(&limbs, in, whole % GROUP);
    for (unsigned n = whole / GROUP + scale / GROUP; n > 0; n--)
        limbs_push(&limbs, in, GROUP);
    limbs_push(&limbs, in, scale % GROUP);

    size_t len = (limbs.n + 1) * 8; /* one for the sign */
    uint8_t *at = arena_alloc(arena, len);
    if (at == NULL)
        return -1;
    for (size_t i = 0; i <= limbs.n; i++) {
        uint64_t limb = i < limbs.n ? limbs.at[i] : 0;
        if (in->flip != 0) {
            limb = ~limb + carry;
            carry = carry && limb == 0;
        }
        store_be64(at + len - 8 * (i + 1), limb);
    }
    *out = shortest(at, len);
    return 0;
}

static int
small_bytes(wide amount, bool negative, struct arena *arena, struct bytes *out)
{
    wide v = negative ? 0 - amount : amount;
    uint8_t *at = arena_alloc(arena, 16);

    if (at == NULL)
        return -1;
    if (amount <= INT64_MAX) {
        *out = shortest_word(at, (int64_t)v);
        return 0;
    }
    store_be64(at, (uint64_t)(v >> 64));
    store_be64(at + 8, (uint64_t)v);
    *out = shortest(at, 16);
    return 0;
}

int
binlog_decimal(struct cursor *in, unsigned digits, unsigned scale, struct arena *arena,
               struct value *out, struct error *err)
{
    struct packed packed = {.sign = 0x80};
    int status;

    if (digits == 0 || digits > DIGITS_MAX || scale > digits)
        return error_set(err, ERROR_DATA, "E_PROTOCOL",
                         "a decimal of %u digits, %u of them behind the point", digits, scale);
    packed.at = cursor_take(in, binlog_decimal_size(digits, scale));
    if (packed.at == NULL)
        return error_set(err, ERROR_DATA, "E_PROTOCOL", "a decimal that is cut off");
    packed.flip = packed.at[0] & 0x80 ? 0 : UINT32_MAX;
    out->state = VALUE_SET;
    out->special = VALUE_FINITE;
    out->scale = (int32_t)scale;
    if (digits <= SMALL_DIGITS)
        status = small_bytes(take_small(&packed, digits, scale), packed.flip != 0, arena,
                             &out->bytes);
    else
        status = take_large(&packed, digits, scale, arena, &out->bytes);
    if (packed.bad)
        return error_set(err, ERROR_DATA, "E_PROTOCOL", "a decimal with digits that make no sense");
    if (status == -1)
        return error_set(err, ERROR_FATAL, "", "out of memory for a decimal");
    return 0;
}
