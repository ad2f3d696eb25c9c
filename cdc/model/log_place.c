/* log_place.c -- see cdc/log_place.h. */
#include "cdc/log_place.h"

#include "cdc/digits.h"
#include "cdc/intern.h"

/* 1 to 10 digits that fit; 0 is no number, since a log_place of number 0 is none. */
static bool
parse_number(const uint8_t *at, size_t len, uint32_t *out)
{
    uint64_t number = 0;

    if (len < 1 || len > 10)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        number = number * 10 + (uint64_t)(at[i] - '0');
    }
    *out = (uint32_t)number;
    return number > 0 && number <= UINT32_MAX;
}

int
log_place_parse(struct log_place *out, struct bytes file, uint64_t pos)
{
    char base[LOG_BASE_MAX];
    uint32_t number;
    size_t len = file.len;
    const char *interned;

    while (len > 0 && file.at[len - 1] != '.')
        len--;
    if (len < 2 || len > LOG_BASE_MAX || !parse_number(file.at + len, file.len - len, &number))
        return -1;
    len--; /* the dot */
    if (memchr(file.at, 0, len) != NULL || memchr(file.at, '/', len) != NULL)
        return -1; /* it is a string from here on, and a slash ends it in the text of a position */
    memcpy(base, file.at, len);
    base[len] = 0;
    interned = intern(base, len + 1);
    if (interned == NULL)
        return -1;
    *out = (struct log_place){interned, number, pos};
    return 0;
}

size_t
log_file_print(const struct log_place *place, char *text)
{
    uint8_t digits[DIGITS_UINT_MAX];
    size_t base = strlen(place->base), n = (size_t)(digits_uint(digits, place->number) - digits);
    size_t zeros = n < 6 ? 6 - n : 0; /* the servers write six at least */

    memcpy(text, place->base, base);
    text[base] = '.';
    memset(text + base + 1, '0', zeros);
    memcpy(text + base + 1 + zeros, digits, n);
    text[base + 1 + zeros + n] = 0;
    return base + 1 + zeros + n;
}

bool
log_place_before(const struct log_place *a, const struct log_place *b)
{
    if (a->base != b->base)
        return false;
    return a->number != b->number ? a->number < b->number : a->pos <= b->pos;
}

bool
log_place_equal(const struct log_place *a, const struct log_place *b)
{
    return a->base == b->base && a->number == b->number && a->pos == b->pos;
}
