/*
 * position.c -- see cdc/position.h: the operations of both kinds. Values only, any thread.
 *
 * A binlog's place is never changed once it is made: each step of an advance makes another. The reader does not
 * advance this way (its framer keeps a set of its own and makes a place for each batch), so what is slow here
 * is rare.
 */
#include "cdc/position.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "cdc/digits.h"
#include "cdc/error.h"
#include "cdc/xa.h"

/* ---- copies ---- */

struct place *
place_keep(struct place *place)
{
    if (place != NULL)
        atomic_fetch_add_explicit(&place->references, 1, memory_order_relaxed);
    return place;
}

void
place_release(struct place *place)
{
    if (place == NULL || atomic_fetch_sub_explicit(&place->references, 1, memory_order_acq_rel) != 1)
        return;
    gtid_set_release(place->set);
    xa_release(place->xa);
    free(place);
}

void
position_copy(struct position *to, const struct position *from)
{
    struct place *old = to->place;

    place_keep(from->place);
    *to = *from;
    place_release(old);
}

void
position_move(struct position *to, struct position *from)
{
    struct place *old = to->place;

    *to = *from;
    *from = (struct position){.kind = POSITION_NONE};
    place_release(old);
}

void
position_clear(struct position *pos)
{
    place_release(pos->place);
    *pos = (struct position){.kind = POSITION_NONE};
}

/* A place like that one, to be changed; NULL without memory. */
static struct place *
place_like(const struct place *from)
{
    struct place *place = calloc(1, sizeof(*place));

    if (place == NULL)
        return NULL;
    if (from != NULL) {
        place->set = gtid_set_keep(from->set);
        place->at = from->at;
        place->inside = from->inside;
        place->inside_at = from->inside_at;
        memcpy(place->server, from->server, sizeof(place->server));
        place->xa = xa_keep(from->xa);
    }
    atomic_init(&place->references, 1);
    return place;
}

/* ---- a transaction against a position ---- */

static bool
place_covers(const struct place *place, const struct transaction *txn)
{
    if (place->set != NULL && txn->gtid.number != 0)
        return gtid_set_contains(place->set, &txn->gtid);
    return log_place_before(&txn->begin, &place->at) && !log_place_equal(&txn->begin, &place->at);
}

static bool
is_inside(const struct place *place, const struct transaction *txn)
{
    if (place->inside.number != 0)
        return gtid_equal(&place->inside, &txn->gtid);
    return place->inside_at.number != 0 && log_place_equal(&place->inside_at, &txn->begin);
}

/* PostgreSQL's own rule: a commit whose record starts before the confirmed place is done. */
bool
position_covers(const struct position *pos, const struct transaction *txn)
{
#ifdef MUTANT_NO_SKIP
    (void)pos, (void)txn, (void)place_covers;
    return false;
#else
    if (pos->kind == POSITION_BINLOG)
        return place_covers(pos->place, txn);
    return pos->kind == POSITION_LSN && txn->final < pos->end;
#endif
}

uint64_t
position_done(const struct position *pos, const struct transaction *txn)
{
    if (position_covers(pos, txn))
        return UINT64_MAX;
#ifdef MUTANT_NO_SKIP
    (void)is_inside;
#else
    if (pos->kind == POSITION_BINLOG)
        return pos->open != 0 && is_inside(pos->place, txn) ? pos->done : 0;
    if (pos->kind == POSITION_LSN && pos->open != 0 && pos->open == txn->final)
        return pos->done;
#endif
    return 0;
}

/* ---- advance ---- */

static void
close_inside(struct position *pos)
{
    pos->open = pos->done = pos->rows = 0;
    if (pos->place != NULL) {
        pos->place->inside = (struct gtid){0};
        pos->place->inside_at = (struct log_place){0};
    }
}

/* A copy of the position's place in its stead, and the only reference to it; false without memory. */
static bool
own_place(struct position *pos)
{
    struct place *place = place_like(pos->place);

    place_release(pos->place);
    pos->place = place;
    if (place == NULL)
        *pos = (struct position){.kind = POSITION_NONE};
    return place != NULL;
}

static void
binlog_advance_whole(struct position *pos, const struct transaction *txn)
{
    if (!own_place(pos))
        return;
    close_inside(pos);
    if (txn->after.number != 0)
        pos->place->at = txn->after;
    if (pos->place->set != NULL && txn->gtid.number != 0) {
        struct gtid_set *set = gtid_set_copy(pos->place->set);

        gtid_set_release(pos->place->set);
        pos->place->set = set;
        if (set == NULL || gtid_set_add(set, &txn->gtid, NULL) == -1)
            position_clear(pos);
    }
}

static void
binlog_advance_part(struct position *pos, const struct transaction *txn, uint64_t changes)
{
    bool again = pos->open != 0 && is_inside(pos->place, txn);

    if (!again && !own_place(pos))
        return;
    pos->open = 1;
    pos->done = changes;
    if (again)
        return;
    pos->rows = 0;
    pos->place->inside = pos->place->set != NULL ? txn->gtid : (struct gtid){0}; /* by place, as the position is */
    pos->place->inside_at = txn->begin;
}

void
position_advance_whole(struct position *pos, const struct transaction *txn)
{
    if (pos->kind == POSITION_BINLOG) {
        binlog_advance_whole(pos, txn);
        return;
    }
    assert(txn->end > txn->final);
#ifndef MUTANT_NO_SKIP
    assert(pos->kind == POSITION_NONE || txn->end >= pos->end);
#endif
    *pos = (struct position){.kind = POSITION_LSN, .end = txn->end};
}

void
position_advance_part(struct position *pos, const struct transaction *txn, uint64_t changes)
{
    if (pos->kind == POSITION_BINLOG) {
        binlog_advance_part(pos, txn, changes);
        return;
    }
#ifndef MUTANT_NO_SKIP
    assert(!position_covers(pos, txn));
    assert(pos->open != txn->final || changes >= pos->done);
#endif
    pos->kind = POSITION_LSN;
    pos->open = txn->final;
    pos->done = changes;
}

/* ---- meet ---- */

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

static struct position
kept(const struct position *pos)
{
    struct position copy = *pos;

    place_keep(copy.place);
    return copy;
}

static const struct log_place *
file_place(const struct position *pos)
{
    return pos->open != 0 ? &pos->place->inside_at : &pos->place->at;
}

/* Logs without GTIDs: files are in order. */
static struct position
file_meet(const struct position *a, const struct position *b)
{
    const struct log_place *a_at = file_place(a), *b_at = file_place(b);

    if (log_place_equal(a_at, b_at))
        return kept(a->done <= b->done ? a : b);
    if (log_place_before(a_at, b_at))
        return kept(a);
    return log_place_before(b_at, a_at) ? kept(b) : (struct position){.kind = POSITION_NONE};
}

/* What is prepared at the meeting place: an entry of either whose preparing group both have. */
static struct xa_list *
xa_meet(const struct place *a, const struct place *b, const struct gtid_set *both)
{
    struct xa_list *list = NULL;

    for (int side = 0; side < 2; side++) {
        const struct xa_list *from = side == 0 ? a->xa : b->xa;

        for (uint32_t i = 0; from != NULL && i < from->count; i++) {
            struct xa_list *more;

            if (!gtid_set_contains(both, &from->at[i].gtid) || xa_with(list, &from->at[i], &more, NULL) == -1)
                continue;
            xa_release(list);
            list = more;
        }
    }
    return list;
}

/* Into *out the inside of `a` as far as `b` has it too. */
static void
meet_inside(struct position *out, const struct position *a, const struct position *b)
{
    struct transaction txn = {.gtid = a->place->inside, .begin = a->place->inside_at};
    uint64_t theirs;

    if (a->open == 0)
        return;
    theirs = position_done(b, &txn);
    out->done = theirs < a->done ? theirs : a->done;
    if (out->done == 0)
        return;
    out->open = 1;
    out->rows = out->done == a->done ? a->rows : b->rows;
    out->place->inside = a->place->inside;
    out->place->inside_at = a->place->inside_at;
    memcpy(out->place->server, a->place->server, sizeof(a->place->server));
}

static struct position
set_meet(const struct position *a, const struct position *b)
{
    struct position out = {.kind = POSITION_BINLOG};
    const struct position *older = gtid_set_subset(a->place->set, b->place->set)   ? a
                                   : gtid_set_subset(b->place->set, a->place->set) ? b
                                                                                   : NULL;

    out.place = place_like((older != NULL ? older : a)->place);
    if (out.place == NULL)
        return (struct position){.kind = POSITION_NONE};
    close_inside(&out);
    if (older == NULL) {
        gtid_set_release(out.place->set);
        xa_release(out.place->xa);
        out.place->xa = NULL;
        out.place->set = gtid_set_intersect(a->place->set, b->place->set);
        if (out.place->set == NULL) {
            position_clear(&out);
            return out;
        }
        out.place->xa = xa_meet(a->place, b->place, out.place->set);
        if (log_place_before(&b->place->at, &a->place->at))
            out.place->at = b->place->at;
    }
    meet_inside(&out, a, b);
    if (out.open == 0)
        meet_inside(&out, b, a);
    return out;
}

struct position
position_meet(const struct position *a, const struct position *b)
{
    if (a->kind == POSITION_NONE || a->kind != b->kind)
        return (struct position){.kind = POSITION_NONE};
    if (a->kind == POSITION_LSN)
        return lsn_before(a, b) ? *a : *b;
    if (a->place->set == NULL || b->place->set == NULL)
        return file_meet(a, b);
    return set_meet(a, b);
}

/* ---- the same? ---- */

static bool
place_equal(const struct position *a, const struct position *b)
{
    const struct place *x = a->place, *y = b->place;

    if (x == y)
        return true;
    if ((x->set == NULL) != (y->set == NULL))
        return false;
    if (x->set == NULL ? !log_place_equal(&x->at, &y->at) : !gtid_set_equal(x->set, y->set))
        return false;
    if (a->open != 0 && x->inside.number != 0 ? !gtid_equal(&x->inside, &y->inside)
                                              : a->open != 0 && !log_place_equal(&x->inside_at, &y->inside_at))
        return false;
    if (a->open != 0 && strcmp(x->server, y->server) != 0)
        return false; /* the same count of events that another server cut is another place */
    return xa_equal(x->xa, y->xa);
}

bool
position_equal(const struct position *a, const struct position *b)
{
    return a->kind == b->kind && a->end == b->end && a->open == b->open && a->done == b->done &&
           (a->kind != POSITION_BINLOG || place_equal(a, b));
}
