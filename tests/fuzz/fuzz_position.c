/*
 * fuzz_position.c -- one or two positions as text, parted by a zero: what is taken is written and read as the same, and
 * keeps the laws of covers, done, advance and meet.
 */
#include <stdlib.h>

#include "cdc/error.h"
#include "cdc/position.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

static bool
take(struct bytes text, struct position *out)
{
    char *copy = strndup((const char *)text.at, text.len);
    struct error err = ERROR_INIT;
    int rc = position_parse(out, copy, &err);

    free(copy);
    expect(rc == 0 || (err.kind == ERROR_CONFIG && err.code[0] != 0));
    return rc == 0;
}

static void
write_and_read(const struct position *pos)
{
    struct buffer text = {0}, again = {0};
    struct position back = {.kind = POSITION_NONE};
    char shown[POSITION_TEXT_MAX];

    position_put(pos, &text);
    if (!take(bytes_of(text.at, text.len), &back))
        abort();
    expect(position_equal(pos, &back) && pos->rows == back.rows);
    position_put(&back, &again);
    expect(bytes_equal(bytes_of(text.at, text.len), bytes_of(again.at, again.len)));
    expect(strlen(position_print(pos, shown)) < POSITION_TEXT_MAX);
    position_clear(&back);
    buffer_free(&text);
    buffer_free(&again);
}

static void
advance(const struct position *pos)
{
    struct transaction txn;
    struct position on = {.kind = POSITION_NONE};

    if (pos->kind != POSITION_BINLOG || pos->open == 0)
        return;
    txn = (struct transaction){.gtid = pos->place->inside, .begin = pos->place->inside_at};
    if (txn.begin.number != 0 && txn.begin.pos >= UINT64_MAX - 100)
        return;
    expect(position_covers(pos, &txn) || position_done(pos, &txn) == pos->done);
    position_copy(&on, pos);
    txn.after = txn.begin;
    txn.after.pos += txn.begin.number != 0 ? 100 : 0;
    position_advance_whole(&on, &txn);
    if (on.kind != POSITION_NONE)
        expect(on.open == 0 && (position_covers(&on, &txn) || txn.begin.number == 0 || pos->place->set != NULL));
    position_clear(&on);
}

static void
meet(const struct position *a, const struct position *b)
{
    struct position one = position_meet(a, b), two = position_meet(b, a);
    bool parts = a->kind == POSITION_BINLOG && (a->open != 0 || b->open != 0); /* of two transactions one is kept */

    if (one.kind == POSITION_BINLOG && one.place->set != NULL && two.place->set != NULL)
        expect(gtid_set_subset(one.place->set, two.place->set) && gtid_set_subset(two.place->set, one.place->set));
    else if (!parts && a->kind == b->kind)
        expect(position_equal(&one, &two));
    if (one.kind == POSITION_BINLOG && one.place->set != NULL && a->place->set != NULL && b->place->set != NULL)
        expect(gtid_set_subset(one.place->set, a->place->set) && gtid_set_subset(one.place->set, b->place->set));
    position_clear(&one);
    position_clear(&two);
}

static void
meet_itself(const struct position *a)
{
    struct position met = position_meet(a, a);

    if (a->open == 0 || a->done > 0)
        expect(position_equal(&met, a));
    position_clear(&met);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *zero = size > 0 ? memchr(data, 0, size) : NULL;
    size_t first = zero != NULL ? (size_t)(zero - data) : size;
    struct position a = {.kind = POSITION_NONE}, b = {.kind = POSITION_NONE};

    if (!take(bytes_of(size > 0 ? data : (const uint8_t *)"", first), &a))
        return 0;
    write_and_read(&a);
    advance(&a);
    meet_itself(&a);
    if (zero != NULL && take(bytes_of(zero + 1, size - first - 1), &b)) {
        bool same_sets = a.kind != POSITION_BINLOG || b.kind != POSITION_BINLOG || a.place->set == NULL ||
                         b.place->set == NULL || gtid_set_kind(a.place->set) == gtid_set_kind(b.place->set);

        if (same_sets)
            meet(&a, &b);
    }
    position_clear(&a);
    position_clear(&b);
    return 0;
}
