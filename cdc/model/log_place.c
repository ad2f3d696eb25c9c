/* log_place.c -- a binlog's file name to its interned base and its number; see cdc/position.h. */
#include "cdc/intern.h"
#include "cdc/position.h"

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
    if (memchr(file.at, 0, len) != NULL)
        return -1; /* it is a string from here on */
    memcpy(base, file.at, len);
    base[len] = 0;
    interned = intern(base, len + 1);
    if (interned == NULL)
        return -1;
    *out = (struct log_place){interned, number, pos};
    return 0;
}
