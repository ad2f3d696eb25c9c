/*
 * postgres_numeric.c -- numeric to an exact unscaled integer.
 *
 * Binary (all big-endian):
 *
 *     u16 ndigits   i16 weight   u16 sign   u16 dscale   i16 digit[ndigits]
 *
 * ndigits is up to 36,864: PostgreSQL's own int16 wraps, its reader takes it as unsigned too.
 * digits in base 10000, value = sum of digit[i] * 10000^(weight - i); sign 0x0000 plus, 0x4000
 * minus, 0xC000 NaN, 0xD000 and 0xF000 plus and minus infinity. Text is plain decimal.
 *
 * Both are fed, most significant digit first, to an integer that stays in 128 bits up to 38
 * digits and continues in limbs beyond that. A numeric without precision has up to 147,455
 * digits; all of them are kept.
 *
 * Pure; any thread; limbs and results live in the arena.
 */
#include "postgres_types.h"

enum {
    SMALL_DIGITS = 38,  /* 10^38 < 2^127 */
    LIMB_DIGITS = 19,   /* 10^19 < 2^64 */
    DSCALE_MAX = 16383,
    SIGN_NEGATIVE = 0x4000,
    SIGN_NAN = 0xc000,
    SIGN_INFINITY = 0xd000,
    SIGN_NEG_INFINITY = 0xf000,
};

static const uint64_t ten_to[] = {
    1, 10, 100, 1000, 10000,
};

__extension__ typedef unsigned __int128 wide;

struct integer {
    wide small;
    uint64_t *limbs; /* NULL: it is in `small`. Least significant first */
    size_t nlimbs;
    uint64_t factor, addend; /* pushed and not yet in the limbs: n * factor + addend */
};

static bool
integer_init(struct integer *n, size_t digits, struct arena *arena)
{
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    if (digits > 2000) /* ten bytes may stand for 131,072 digits: a fuzzer would do nothing else */
        return false;
#endif
    *n = (struct integer){.factor = 1};
    if (digits <= SMALL_DIGITS)
        return true;
    n->limbs = arena_array(arena, digits / LIMB_DIGITS + 2, sizeof(*n->limbs));
    return n->limbs != NULL;
}

static void
integer_settle(struct integer *n)
{
    uint64_t carry = n->addend;

    for (size_t i = 0; i < n->nlimbs; i++) {
        wide product = (wide)n->limbs[i] * n->factor + carry;
        n->limbs[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    if (carry != 0)
        n->limbs[n->nlimbs++] = carry;
    n->factor = 1;
    n->addend = 0;
}

/* n * factor + digits, factor at most 10000. */
static inline void
integer_push(struct integer *n, uint64_t factor, uint64_t digits)
{
    if (n->limbs == NULL) {
        n->small = n->small * factor + digits;
        return;
    }
    n->factor *= factor;
    n->addend = n->addend * factor + digits;
    if (n->factor > UINT64_C(100000000000000)) /* another 10000 would still fit */
        integer_settle(n);
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

static int
small_bytes(const struct integer *n, bool negative, struct arena *arena, struct bytes *out)
{
    wide v = negative ? 0 - n->small : n->small;
    uint8_t *at = arena_alloc(arena, 16);

    if (at == NULL)
        return -1;
    if (n->small <= INT64_MAX) {
        uint64_t low = (uint64_t)v;
        uint64_t spread = low ^ (negative && low != 0 ? UINT64_MAX : 0);
        size_t bits = spread == 0 ? 1 : 65u - (size_t)__builtin_clzll(spread);
        size_t len = (bits + 7) / 8;
        store_be64(at, low);
        *out = bytes_of(at + 8 - len, len);
        return 0;
    }
    store_be64(at, (uint64_t)(v >> 64));
    store_be64(at + 8, (uint64_t)v);
    *out = shortest(at, 16);
    return 0;
}

/* -1: out of memory. */
static int
integer_bytes(struct integer *n, bool negative, struct arena *arena, struct bytes *out)
{
    if (n->limbs == NULL)
        return small_bytes(n, negative, arena, out);
    integer_settle(n);
    size_t len = (n->nlimbs + 1) * 8; /* one limb of sign */
    uint8_t *at = arena_alloc(arena, len);
    if (at == NULL)
        return -1;
    uint64_t carry = 1;
    for (size_t i = 0; i < n->nlimbs; i++) {
        uint64_t limb = n->limbs[i];
        if (negative) {
            limb = ~limb + carry;
            carry = carry && limb == 0;
        }
        store_be64(at + len - 8 * (i + 1), limb);
    }
    store_be64(at, negative && !carry ? UINT64_MAX : 0);
    *out = shortest(at, len);
    return 0;
}

static int
finish(const struct column *column, struct integer *n, bool negative, int32_t scale,
       struct arena *arena, struct value *out, struct error *err)
{
    out->scale = scale;
    if (integer_bytes(n, negative, arena, &out->bytes) == -1)
        return error_set(err, ERROR_FATAL, "", "out of memory for column %s", column->name);
    return 0;
}

static int
special(struct value *out, enum value_special which)
{
    out->special = (uint8_t)which;
    out->bytes = bytes_of("", 1); /* one zero byte: never an empty integer */
    return 0;
}

/* What follows the header of a binary value. */
struct digits {
    struct cursor in;
    int count;    /* base-10000 digits left to use */
    int exponent; /* zeros that follow the last of them; negative: decimal digits to cut */
};

/* Leave out what is past the scale: whole base-10000 digits. False if that would change the
 * value, which the server never sends. */
static bool
cut_digits(struct digits *d)
{
    while (d->exponent <= -4 && d->count > 0) {
        const uint8_t *last = d->in.at + 2 * (d->count - 1);
        if (last[0] != 0 || last[1] != 0)
            return false;
        d->count--;
        d->exponent += 4;
    }
    if (d->count == 0)
        d->exponent = 0;
    return true;
}

static bool
push_digits(struct digits *d, struct integer *n)
{
    for (; d->count > 0; d->count--) {
        unsigned digit = cursor_be16(&d->in);
        unsigned cut = 1;

        if (digit > 9999)
            return false;
        if (d->count == 1 && d->exponent < 0)
            cut = (unsigned)ten_to[-d->exponent];
        if (digit % cut != 0)
            return false;
        integer_push(n, 10000 / cut, digit / cut);
    }
    for (; d->exponent > 0; d->exponent -= 4)
        integer_push(n, ten_to[d->exponent < 4 ? d->exponent : 4], 0);
    return true;
}

int
postgres_numeric_binary(const struct column *column, struct bytes raw, struct arena *arena,
                        struct value *out, struct error *err)
{
    struct cursor in = cursor_of(raw);
    struct digits d = {.count = cursor_be16(&in)};
    int weight = (int16_t)cursor_be16(&in);
    unsigned sign = cursor_be16(&in);
    int32_t scale = cursor_be16(&in);
    struct integer n;

    if (cursor_short(&in) || cursor_left(&in) != 2 * (size_t)d.count)
        return postgres_bad_value(column, "a numeric of the wrong length", err);
    if (sign == SIGN_NAN)
        return special(out, VALUE_NAN);
    if (sign == SIGN_INFINITY)
        return special(out, VALUE_INFINITY);
    if (sign == SIGN_NEG_INFINITY)
        return special(out, VALUE_NEG_INFINITY);
    if ((sign != 0 && sign != SIGN_NEGATIVE) || scale > DSCALE_MAX)
        return postgres_bad_value(column, "a numeric with a header that makes no sense", err);
    if (column->type == TYPE_DECIMAL)
        scale = column->scale;
    d.in = in;
    d.exponent = 4 * (weight + 1 - d.count) + scale;
    if (!cut_digits(&d))
        return postgres_bad_value(column, "a numeric with more decimals than its scale", err);
    size_t total = 4u * (size_t)d.count + (d.exponent > 0 ? (size_t)d.exponent : 0u);
    if (!integer_init(&n, total, arena))
        return error_set(err, ERROR_FATAL, "", "out of memory for column %s", column->name);
    if (!push_digits(&d, &n))
        return postgres_bad_value(column, "a numeric with digits that make no sense", err);
    return finish(column, &n, sign == SIGN_NEGATIVE, scale, arena, out, err);
}

/* Split "-12.50" into its digits before and after the point; false if it is not a number. */
static bool
split_decimal(struct bytes text, bool *negative, struct bytes *whole, struct bytes *fraction)
{
    const uint8_t *at = text.at, *end = text.at + text.len;

    *negative = at < end && *at == '-';
    if (*negative)
        at++;
    *whole = bytes_of(at, 0);
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    whole->len = (size_t)(at - whole->at);
    if (at < end && *at == '.')
        at++;
    *fraction = bytes_of(at, 0);
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    fraction->len = (size_t)(at - fraction->at);
    return at == end && whole->len + fraction->len > 0;
}

static void
push_text(struct integer *n, struct bytes digits)
{
    for (size_t i = 0; i < digits.len; i++)
        integer_push(n, 10, (uint64_t)(digits.at[i] - '0'));
}

int
postgres_numeric_text(const struct column *column, struct bytes text, struct arena *arena,
                      struct value *out, struct error *err)
{
    struct bytes whole, fraction;
    struct integer n;
    bool negative;

    if (bytes_equal(text, bytes_of("NaN", 3)))
        return special(out, VALUE_NAN);
    if (bytes_equal(text, bytes_of("Infinity", 8)))
        return special(out, VALUE_INFINITY);
    if (bytes_equal(text, bytes_of("-Infinity", 9)))
        return special(out, VALUE_NEG_INFINITY);
    if (!split_decimal(text, &negative, &whole, &fraction))
        return postgres_bad_value(column, "not a numeric", err);
    if (fraction.len > DSCALE_MAX)
        return postgres_bad_value(column, "a numeric with too many decimals", err);
    size_t scale = column->type == TYPE_DECIMAL ? (size_t)column->scale : fraction.len;
    while (fraction.len > scale) {
        if (fraction.at[--fraction.len] != '0')
            return postgres_bad_value(column, "a numeric with more decimals than its scale", err);
    }
    if (!integer_init(&n, whole.len + scale, arena))
        return error_set(err, ERROR_FATAL, "", "out of memory for column %s", column->name);
    push_text(&n, whole);
    push_text(&n, fraction);
    for (size_t i = fraction.len; i < scale; i++)
        integer_push(&n, 10, 0);
    return finish(column, &n, negative, (int32_t)scale, arena, out, err);
}
