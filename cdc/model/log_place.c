/* log_place.c -- see cdc/log_place.h. */
#include "cdc/log_place.h"

#include <pthread.h>
#include <stdlib.h>

#include "cdc/digits.h"

/* A server has one base, so there are as many as servers that a process has seen. */
struct base {
    struct base *next;
    char name[LOG_BASE_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct base *bases;

static const char *
intern(struct bytes name)
{
    struct base *at;

    pthread_mutex_lock(&lock);
    for (at = bases; at != NULL; at = at->next) {
        if (bytes_equal(name, bytes_of_string(at->name)))
            break;
    }
    if (at == NULL && (at = calloc(1, sizeof(*at))) != NULL) {
        memcpy(at->name, name.at, name.len);
        at->next = bases;
        bases = at;
    }
    pthread_mutex_unlock(&lock);
    return at != NULL ? at->name : NULL;
}

int
log_place_parse(struct log_place *out, struct bytes file, uint64_t pos)
{
    size_t dot = file.len, digits;
    uint64_t number = 0;

    while (dot > 0 && file.at[dot - 1] != '.')
        dot--;
    digits = file.len - dot;
    if (dot < 2 || dot > LOG_BASE_MAX || digits == 0 || digits > 10 || memchr(file.at, 0, file.len) != NULL)
        return -1;
    for (size_t i = dot; i < file.len; i++) {
        if (file.at[i] < '0' || file.at[i] > '9')
            return -1;
        number = number * 10 + (uint64_t)(file.at[i] - '0');
    }
    if (number == 0 || number > UINT32_MAX)
        return -1;
    out->base = intern(bytes_of(file.at, dot - 1));
    out->number = (uint32_t)number;
    out->pos = pos;
    return out->base != NULL ? 0 : -1;
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
