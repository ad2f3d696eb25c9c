/* position.c -- see cdc/position.h. Values only, any thread. */
#include "cdc/position.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cdc/digits.h"
#include "cdc/error.h"

/* The server's own rule: a commit whose record starts before the confirmed place is done. */
bool
position_covers(const struct position *pos, const struct transaction *txn)
{
#ifdef MUTANT_NO_SKIP
    (void)pos, (void)txn;
    return false;
#else
    return pos->kind == POSITION_LSN && txn->final < pos->end;
#endif
}

uint64_t
position_done(const struct position *pos, const struct transaction *txn)
{
    if (position_covers(pos, txn))
        return UINT64_MAX;
#ifndef MUTANT_NO_SKIP
    if (pos->kind == POSITION_LSN && pos->open != 0 && pos->open == txn->final)
        return pos->done;
#endif
    return 0;
}

void
position_advance_whole(struct position *pos, const struct transaction *txn)
{
    assert(txn->end > txn->final);
#ifndef MUTANT_NO_SKIP
    assert(pos->kind == POSITION_NONE || txn->end >= pos->end);
#endif
    *pos = (struct position){POSITION_LSN, txn->end, 0, 0};
}

void
position_advance_part(struct position *pos, const struct transaction *txn, uint64_t changes)
{
#ifndef MUTANT_NO_SKIP
    assert(!position_covers(pos, txn));
    assert(pos->open != txn->final || changes >= pos->done);
#endif
    pos->kind = POSITION_LSN;
    pos->open = txn->final;
    pos->done = changes;
}

/* By place in the log: inside a transaction that is its commit record, with so many changes done. A
 * heartbeat's end may lie past the end that a position inside the next transaction still names. */
static bool
lsn_before(const struct position *a, const struct position *b)
{
    uint64_t a_at = a->open != 0 ? a->open : a->end, b_at = b->open != 0 ? b->open : b->end;
    uint64_t a_done = a->open != 0 ? a->done : 0, b_done = b->open != 0 ? b->done : 0;

    if (a_at != b_at)
        return a_at < b_at;
    if (a_done != b_done)
        return a_done < b_done;
    return a->end < b->end;
}

struct position
position_meet(const struct position *a, const struct position *b)
{
    if (a->kind == POSITION_NONE || b->kind == POSITION_NONE)
        return (struct position){POSITION_NONE, 0, 0, 0};
    return lsn_before(a, b) ? *a : *b;
}

bool
position_equal(const struct position *a, const struct position *b)
{
    return a->kind == b->kind && a->end == b->end && a->open == b->open && a->done == b->done;
}

const char *
lsn_print(uint64_t lsn, char *text)
{
    snprintf(text, LSN_TEXT_MAX, "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32), (uint32_t)lsn);
    return text;
}

size_t
log_file_print(const struct log_place *place, char *text)
{
    size_t base = strlen(place->base);
    uint8_t *at = (uint8_t *)text + base;

    memcpy(text, place->base, base);
    *at++ = '.';
    for (uint32_t least = 100000; least > place->number && least > 1; least /= 10)
        *at++ = '0'; /* six digits at least */
    at = digits_uint(at, place->number);
    *at = 0;
    return (size_t)((char *)at - text);
}

size_t
transaction_print(const struct transaction *transaction, char *text)
{
    size_t n;

    if (transaction->final != 0)
        return (size_t)((char *)digits_lsn((uint8_t *)text, transaction->final) - text);
    if (transaction->gtid.number != 0)
        return gtid_print(&transaction->gtid, text);
    n = log_file_print(&transaction->begin, text);
    text[n++] = ':';
    return (size_t)((char *)digits_uint((uint8_t *)text + n, transaction->begin.pos) - text);
}

/* One half: 1 to 8 hex digits; returns the end or NULL. */
static const char *
parse_hex(const char *p, uint32_t *out)
{
    uint32_t v = 0;
    int n = 0;

    for (; n < 9; n++, p++) {
        int d;
        if (*p >= '0' && *p <= '9')
            d = *p - '0';
        else if (*p >= 'a' && *p <= 'f')
            d = *p - 'a' + 10;
        else if (*p >= 'A' && *p <= 'F')
            d = *p - 'A' + 10;
        else
            break;
        if (n == 8)
            return NULL;
        v = (v << 4) | (uint32_t)d;
    }
    *out = v;
    return n > 0 ? p : NULL;
}

static const char *
parse_lsn(const char *p, uint64_t *out)
{
    uint32_t high, low;

    p = parse_hex(p, &high);
    if (p == NULL || *p++ != '/')
        return NULL;
    p = parse_hex(p, &low);
    *out = ((uint64_t)high << 32) | low;
    return p;
}

bool
lsn_parse(uint64_t *out, const char *text)
{
    const char *end = parse_lsn(text, out);

    return end != NULL && *end == 0;
}

const char *
position_print(const struct position *pos, char *text)
{
    char end[LSN_TEXT_MAX], open[LSN_TEXT_MAX];

    if (pos->kind == POSITION_NONE)
        snprintf(text, POSITION_TEXT_MAX, "none");
    else if (pos->open == 0)
        snprintf(text, POSITION_TEXT_MAX, "lsn:%s", lsn_print(pos->end, end));
    else
        snprintf(text, POSITION_TEXT_MAX, "lsn:%s+%s/%" PRIu64, lsn_print(pos->end, end),
                 lsn_print(pos->open, open), pos->done);
    return text;
}

/* "+LSN/COUNT"; the caller has eaten the plus. */
static bool
parse_open(const char *p, struct position *pos)
{
    uint64_t count = 0;
    int digits = 0;

    p = parse_lsn(p, &pos->open);
    if (p == NULL || *p++ != '/')
        return false;
    for (; *p >= '0' && *p <= '9'; p++, digits++) {
        if (__builtin_mul_overflow(count, UINT64_C(10), &count) ||
            __builtin_add_overflow(count, (uint64_t)(*p - '0'), &count))
            return false;
    }
    pos->done = count;
    return digits > 0 && *p == 0 && pos->open >= pos->end && count != UINT64_MAX;
}

int
position_parse(struct position *out, const char *text, struct error *err)
{
    struct position pos = {POSITION_LSN, 0, 0, 0};
    const char *p = text;

    if (strcmp(text, "none") == 0) {
        *out = (struct position){POSITION_NONE, 0, 0, 0};
        return 0;
    }
    if (strncmp(p, "lsn:", 4) == 0)
        p += 4;
    p = parse_lsn(p, &pos.end);
    if (p == NULL || (*p != 0 && *p != '+') || (*p == '+' && !parse_open(p + 1, &pos)))
        return error_set(err, ERROR_CONFIG, "E_POSITION",
                         "\"%.60s\" is not a position: expected lsn:HI/LO or "
                         "lsn:HI/LO+HI/LO/COUNT, hexadecimal",
                         text);
    if (pos.end == 0)
        return error_set(err, ERROR_CONFIG, "E_POSITION", "0/0 is not a position in any log");
    *out = pos;
    return 0;
}
