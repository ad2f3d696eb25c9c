/*
 * pgoutput_frame.c -- see pgoutput_frame.h.
 *
 *     B  u64 final, i64 time, u32 xid
 *     C  u8 flags, u64 commit, u64 end, i64 time
 *     R  u32 relid, cstr schema ("" = pg_catalog), cstr table, u8 identity, u16 ncolumns,
 *        per column: u8 flags (1: identity), cstr name, u32 type, i32 typmod
 *     T  u32 nrelations, u8 flags, u32 relid ...
 *     I, U, D  u32 relid, then tuples (left to pgoutput_decode.c)
 *     Y (type), O (origin), M (message; not asked for): nothing to do
 *
 * What must stay true: every row change is counted whether it is wanted or not, so that a
 * position does not move when the table list does; `read` moves only over what is in a batch.
 */
#include "pgoutput_frame.h"

#include <assert.h>
#include <stdlib.h>

#include "cdc/log.h"
#include "postgres_types.h"

enum { COLUMNS_MAX = 1664, RELATIONS_MAX = 1 << 20 };

/* PostgreSQL counts microseconds from 2000-01-01. */
static const int64_t EPOCH_2000_US = INT64_C(946684800000000);

static int
protocol_error(struct error *err, const char *what)
{
    return error_set(err, ERROR_RETRY, "E_PROTOCOL", "pgoutput: %s", what);
}

/* The slot where this id is or belongs. */
static struct relation **
relation_slot(struct relation **slots, uint32_t cap, uint32_t id)
{
    uint32_t i = (id * UINT32_C(2654435761)) & (cap - 1);

    while (slots[i] != NULL && slots[i]->id != id)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

int
framer_init(struct framer *framer, struct error *err)
{
    framer->relations_cap = 64;
    framer->relations = calloc(framer->relations_cap, sizeof(struct relation *));
    if (framer->relations == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the relation cache");
    return 0;
}

void
framer_connected(struct framer *framer)
{
    /* The server describes each relation again before its first row in a session; what we have
     * stays as a stock, so an unchanged one keeps its plan. */
    framer->in_transaction = false;
    framer->ordinal = 0;
    framer->done = 0;
}

void
framer_free(struct framer *framer)
{
    for (uint32_t i = 0; i < framer->relations_cap; i++)
        relation_release(framer->relations[i]);
    free(framer->relations);
    framer->relations = NULL;
    framer->relations_cap = framer->relations_count = 0;
}

static int
cache_grow(struct framer *framer, struct error *err)
{
    uint32_t cap = framer->relations_cap * 2;
    struct relation **slots;

    if (framer->relations_count * 2 < framer->relations_cap)
        return 0;
    if (cap > RELATIONS_MAX)
        return error_set(err, ERROR_FATAL, "", "more than %d relations", RELATIONS_MAX / 2);
    slots = calloc(cap, sizeof(*slots));
    if (slots == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the relation cache");
    for (uint32_t i = 0; i < framer->relations_cap; i++) {
        if (framer->relations[i] != NULL)
            *relation_slot(slots, cap, framer->relations[i]->id) = framer->relations[i];
    }
    free(framer->relations);
    framer->relations = slots;
    framer->relations_cap = cap;
    return 0;
}

static int
read_columns(struct framer *framer, struct cursor *in, struct relation *rel, struct error *err)
{
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        struct column *col = &rel->columns[i];

        col->identity = (cursor_u8(in) & 1) != 0;
        col->name = arena_strdup(&rel->arena, cursor_string(in, NULL));
        col->type_id = cursor_be32(in);
        col->typmod = (int32_t)cursor_be32(in);
        if (cursor_short(in))
            return protocol_error(err, "a relation message ends early");
        if (col->name == NULL)
            return error_set(err, ERROR_FATAL, "", "out of memory for a relation");
        col->type = postgres_type_of(col->type_id, col->typmod, col);
        if (col->type == TYPE_OTHER && framer->is_enum(framer->arg, col->type_id))
            col->type = TYPE_ENUM;
        if (framer->binary && rel->captured && col->type == TYPE_OTHER &&
            !postgres_type_listed(col->type_id)) /* xml is: its binary form is its text */
            return error_set(err, ERROR_RETRY, "E_BINARY_TYPE",
                             "%s.%s: column %s has type %u, which is read as text", rel->schema,
                             rel->table, col->name, col->type_id);
    }
    return 0;
}

static int
on_relation(struct framer *framer, struct cursor *in, struct error *err)
{
    uint32_t id = cursor_be32(in);
    const char *schema = cursor_string(in, NULL);
    const char *table = cursor_string(in, NULL);
    uint8_t identity = cursor_u8(in);
    uint16_t ncolumns = cursor_be16(in);
    struct relation *rel, **slot;

    if (cursor_short(in) || ncolumns > COLUMNS_MAX || strchr("dnfi", identity) == NULL ||
        identity == 0)
        return protocol_error(err, "a relation message is malformed");
    rel = relation_new(id, schema[0] != 0 ? schema : "pg_catalog", table, ncolumns);
    if (rel == NULL || cache_grow(framer, err) == -1) {
        relation_release(rel);
        return error_set(err, ERROR_FATAL, "", "out of memory for a relation");
    }
    rel->replica_identity = (enum replica_identity)identity;
    rel->captured = framer->wants(framer->arg, rel->schema, rel->table);
    if (read_columns(framer, in, rel, err) == -1 ||
        (!cursor_done(in) && protocol_error(err, "a relation message is too long") == -1)) {
        relation_release(rel);
        return -1;
    }
    relation_seal(rel);
    slot = relation_slot(framer->relations, framer->relations_cap, id);
    if (*slot != NULL && (*slot)->hash == rel->hash) {
        relation_release(rel); /* the same again: the old one has its plans */
        return 0;
    }
    if (*slot == NULL)
        framer->relations_count++;
    relation_release(*slot);
    *slot = rel;
    return 0;
}

static int
on_begin(struct framer *framer, struct cursor *in, struct error *err)
{
    struct transaction t = {0};
    int64_t since_2000;

    t.final = cursor_be64(in);
    since_2000 = (int64_t)cursor_be64(in);
    t.xid = cursor_be32(in);
    if (!cursor_done(in) || t.final == 0 ||
        __builtin_add_overflow(since_2000, EPOCH_2000_US, &t.commit_us))
        return protocol_error(err, "a begin message is malformed");
    if (framer->in_transaction)
        return protocol_error(err, "a begin inside a transaction");
    if (framer->read.open != 0 && t.final != framer->read.open &&
        !position_covers(&framer->read, &t)) {
        char open[LSN_TEXT_MAX], came[LSN_TEXT_MAX];

        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "the transaction at %s, of which %llu changes are delivered, did not "
                         "come again; the one at %s came in its place",
                         lsn_print(framer->read.open, open),
                         (unsigned long long)framer->read.done, lsn_print(t.final, came));
    }
    framer->in_transaction = true;
    framer->transaction = t;
    framer->ordinal = 0;
    framer->done = position_done(&framer->read, &t);
    if (framer->done != UINT64_MAX && framer->number_final != t.final) {
        framer->number++;
        framer->number_final = t.final;
        framer->begun = false;
    }
    return 0;
}

/* A transaction that came again with less in it than is delivered is not the one that was read. */
static int
diverged_inside(const struct framer *framer, struct error *err)
{
    char lsn[LSN_TEXT_MAX];

    return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                     "the transaction at %s came again with %llu changes, of which %llu are delivered",
                     lsn_print(framer->transaction.final, lsn), (unsigned long long)framer->ordinal,
                     (unsigned long long)framer->done);
}

static int
on_commit(struct framer *framer, struct cursor *in, struct batch *batch, bool *full,
          struct error *err)
{
    uint8_t flags = cursor_u8(in);
    uint64_t commit = cursor_be64(in);
    uint64_t end = cursor_be64(in);

    cursor_be64(in); /* time: Begin's */
    if (!cursor_done(in) || flags != 0)
        return protocol_error(err, "a commit message is malformed");
    if (!framer->in_transaction)
        return protocol_error(err, "a commit without a begin");
    if (commit != framer->transaction.final || end <= commit)
        return protocol_error(err, "a commit that does not fit its begin");
    if (framer->done != UINT64_MAX && framer->ordinal < framer->done)
        return diverged_inside(framer, err);
    framer->in_transaction = false;
    if (framer->done == UINT64_MAX)
        return 0; /* done before */
    framer->transaction.end = end;
    if (batch->ntransactions > 0) {
        struct batch_transaction *last = &batch->transactions[batch->ntransactions - 1];

        if (last->number == framer->number) {
            last->id.end = end;
            last->ends = true;
        }
    }
    position_advance_whole(&framer->read, &framer->transaction);
    *full = batch->raw.len >= framer->batch_size ||
            (batch->ntransactions == 1 && !batch->transactions[0].starts);
    return 0;
}

/* The transaction's entry in this batch, made at its first frame there. */
static int
current_transaction(struct framer *framer, struct batch *batch, uint32_t *index,
                    struct error *err)
{
    struct batch_transaction *t;

    if (batch->ntransactions == 0 ||
        batch->transactions[batch->ntransactions - 1].number != framer->number) {
        t = batch_add_transaction(batch, &framer->transaction, framer->number, err);
        if (t == NULL)
            return -1;
        t->starts = !framer->begun;
        framer->begun = true;
    }
    *index = batch->ntransactions - 1;
    return 0;
}

/* One change of a relation: counted; put into the batch when wanted and not done before. */
static int
add_change(struct framer *framer, struct relation *rel, enum frame_kind kind, uint64_t lsn,
           struct bytes message, struct batch *batch, bool *full, struct error *err)
{
    struct frame frame = {.relation = rel, .ordinal = framer->ordinal, .lsn = lsn,
                          .kind = (uint8_t)kind};

    if (framer->done == UINT64_MAX || framer->ordinal < framer->done) {
        framer->ordinal++;
        return 0;
    }
    if (rel->captured) {
        if (current_transaction(framer, batch, &frame.transaction, err) == -1 ||
            batch_add_frame(batch, &frame, message, err) == -1)
            return -1;
    }
    framer->ordinal++;
    position_advance_part(&framer->read, &framer->transaction, framer->ordinal);
    *full = batch->raw.len >= 2 * framer->batch_size;
    return 0;
}

static struct relation *
known_relation(struct framer *framer, uint32_t id)
{
    return *relation_slot(framer->relations, framer->relations_cap, id);
}

static int
on_row(struct framer *framer, struct cursor *in, uint64_t lsn, struct bytes message,
       struct batch *batch, bool *full, struct error *err)
{
    struct relation *rel = known_relation(framer, cursor_be32(in));

    if (cursor_short(in) || rel == NULL)
        return protocol_error(err, "a row of a relation that was not described");
    if (!framer->in_transaction)
        return protocol_error(err, "a row outside a transaction");
    return add_change(framer, rel, FRAME_ROW, lsn, message, batch, full, err);
}

static int
on_truncate(struct framer *framer, struct cursor *in, uint64_t lsn, struct batch *batch,
            bool *full, struct error *err)
{
    uint32_t n = cursor_be32(in);

    cursor_u8(in); /* CASCADE, RESTART IDENTITY */
    if (!framer->in_transaction)
        return protocol_error(err, "a truncate outside a transaction");
    if (cursor_short(in) || cursor_left(in) != (size_t)n * 4)
        return protocol_error(err, "a truncate message is malformed");
    for (uint32_t i = 0; i < n; i++) {
        struct relation *rel = known_relation(framer, cursor_be32(in));

        if (rel == NULL)
            return protocol_error(err, "a truncate of a relation that was not described");
        framer->truncates++;
        if (add_change(framer, rel, FRAME_TRUNCATE, lsn, (struct bytes){NULL, 0}, batch, full,
                       err) == -1)
            return -1;
    }
    return 0;
}

int
framer_message(struct framer *framer, uint64_t lsn, struct bytes message, struct batch *batch,
               bool *full, struct error *err)
{
    struct cursor in = cursor_of(message);

    switch (cursor_u8(&in)) {
    case 'I':
    case 'U':
    case 'D':
        return on_row(framer, &in, lsn, message, batch, full, err);
    case 'B':
        return on_begin(framer, &in, err);
    case 'C':
        return on_commit(framer, &in, batch, full, err);
    case 'R':
        return on_relation(framer, &in, err);
    case 'T':
        return on_truncate(framer, &in, lsn, batch, full, err);
    case 'Y':
    case 'O':
    case 'M':
        return 0;
    default:
        return protocol_error(err, "an unknown message");
    }
}

void
framer_keepalive(struct framer *framer, uint64_t wal_end)
{
    /* read.open: a transaction was left in the middle and has not come again yet */
    if (framer->in_transaction || framer->read.open != 0 || wal_end <= framer->read.end)
        return;
    framer->read = (struct position){.kind = POSITION_LSN, .end = wal_end};
}

void
framer_finish(struct framer *framer, struct batch *batch)
{
    position_copy(&batch->end, &framer->read);
    batch->mid_transaction = framer->read.open != 0;
    batch->end_number = framer->number;
}
