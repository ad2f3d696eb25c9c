/*
 * whole.c -- see whole.h.
 *
 * Sums don't depend on the order, and count a row as often as it is there. Two of 64 bits, of different hashes: that two
 * different tables have the same ones does not happen by chance.
 */
#include "whole.h"

#include "chunk.h"
#include "passed.h"

enum { LOOKS = 6, STRIKES = 3 };

struct sum {
    uint64_t rows, first, second;
};

struct summing {
    const struct pair *pair;
    enum verify_side side;
    struct buffer row;
    struct sum sum;
};

/* So that all bits of a hash count in all bits of a sum (SplitMix64). */
static uint64_t
mixed(uint64_t h)
{
    h = (h ^ h >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    h = (h ^ h >> 27) * UINT64_C(0x94d049bb133111eb);
    return h ^ h >> 31;
}

static int
take_row(void *own, const struct bytes *fields, struct error *err)
{
    struct summing *s = own;

    buffer_reset(&s->row);
    pair_pack(s->pair, s->side, s->pair->ncolumns, fields, &s->row);
    if (buffer_failed(&s->row))
        return error_set(err, ERROR_FATAL, "", "out of memory for a row");
    s->sum.rows++;
    s->sum.first += mixed(bytes_hash(BYTES_HASH_SEED, s->row.at, s->row.len));
    s->sum.second += mixed(bytes_hash(mixed(s->row.len), s->row.at, s->row.len));
    return 0;
}

static int
read_sum(const struct pair *pair, enum verify_side side, struct sum *out, struct error *err)
{
    struct summing s = {.pair = pair, .side = side};
    struct buffer sql = {0};
    int rc;

    pair_sql_all(pair, side, &sql);
    rc = side_read(pair, side, &sql, take_row, &s, err);
    buffer_free(&s.row);
    *out = s.sum;
    return rc;
}

static bool
is_same(const struct sum *a, const struct sum *b)
{
    return a->rows == b->rows && a->first == b->first && a->second == b->second;
}

int
whole_compare(const struct config *config, int sink, const struct pair *pair, struct verify_table *table, struct error *err)
{
    struct sum before, now, there;
    int strikes = 0;

    if (read_sum(pair, SOURCE, &now, err) == -1)
        return -1;
    for (int i = 0; i < LOOKS; i++) {
        before = now;
        if ((i > 0 && passed_wait(config, sink, err) == -1) || read_sum(pair, TARGET, &there, err) == -1 ||
            read_sum(pair, SOURCE, &now, err) == -1)
            return -1;
        table->source_rows = now.rows;
        table->target_rows = there.rows;
        if (is_same(&there, &before) || is_same(&there, &now))
            return 0;
        strikes += i > 0 && is_same(&before, &now);
        if (strikes == STRIKES) {
            table->whole_differs = true;
            return 0;
        }
    }
    table->unsettled = 1;
    return 0;
}
