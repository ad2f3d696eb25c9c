/*
 * pgoutput_decode.c -- a row message of pgoutput to a change.
 *
 *     Insert   'I'  u32 relation  'N' tuple
 *     Update   'U'  u32 relation  [('K' | 'O') tuple]  'N' tuple
 *     Delete   'D'  u32 relation  ('K' | 'O') tuple
 *     tuple    u16 count, then for each column one kind byte:
 *                  'n' null, 'u' unchanged and not sent (TOAST),
 *                  't' text or 'b' binary, each followed by u32 length and the bytes
 *
 * 'O' is the whole old row (REPLICA IDENTITY FULL), 'K' the identity's columns; a 'K' tuple
 * has an entry for every column, and the others' are 'n' that must not be read as NULL.
 *
 * Source: PostgreSQL documentation, "Logical Replication Message Formats", protocol version 1;
 * all tuple forms seen from 15.20 and 18.6. Pure; any thread.
 */
#include "cdc/decoder.h"

#include "postgres_types.h"

static int
table_error(const struct relation *rel, struct error *err)
{
    return error_prefix(err, "table %s.%s: ", rel->schema, rel->table);
}

static int
malformed(const struct relation *rel, const char *what, struct error *err)
{
    error_set(err, ERROR_DATA, "E_PROTOCOL", "%s", what);
    return table_error(rel, err);
}

static int
decode_value(struct cursor *in, const struct relation *rel, const struct column *column,
             struct arena *arena, struct value *value, struct error *err)
{
    uint8_t kind = cursor_u8(in);
    struct bytes sent;
    int status;

    switch (kind) {
    case 'n':
        value->state = VALUE_NULL;
        return 0;
    case 'u':
        value->state = VALUE_UNCHANGED;
        return 0;
    case 't':
    case 'b':
        sent = cursor_bytes(in, cursor_be32(in));
        if (cursor_short(in))
            return malformed(rel, "a row message that ends inside a value", err);
        status = kind == 'b' ? postgres_value_binary(column, sent, arena, value, err)
                             : postgres_value_text(column, sent, arena, value, err);
        return status == 0 ? 0 : table_error(rel, err);
    default:
        return malformed(rel, "a row message with an unknown kind of value", err);
    }
}

static int
decode_tuple(struct cursor *in, const struct relation *rel, struct arena *arena,
             struct value **out, struct error *err)
{
    uint16_t count = cursor_be16(in);
    struct value *row;

    if (count != rel->ncolumns) {
        error_set(err, ERROR_DATA, "E_PROTOCOL", "%u columns announced, %u sent",
                  (unsigned)rel->ncolumns, (unsigned)count);
        return table_error(rel, err);
    }
    row = arena_array(arena, count, sizeof(*row));
    if (row == NULL) {
        error_set(err, ERROR_FATAL, "", "out of memory for a row");
        return table_error(rel, err);
    }
    for (uint16_t i = 0; i < count; i++) {
        if (decode_value(in, rel, &rel->columns[i], arena, &row[i], err) == -1)
            return -1;
    }
    *out = row;
    return 0;
}

/* Values that were not sent again are taken from the old row where it has them: with 'O' all
 * columns, with 'K' the identity's (a TOASTed key is sent there although it is unchanged). */
static void
fill_unchanged(struct change *change)
{
    const struct relation *rel = change->relation;

    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        if (change->new_row[i].state != VALUE_UNCHANGED)
            continue;
        if (change->old_kind == OLD_ROW || rel->columns[i].identity)
            change->new_row[i] = change->old_row[i];
    }
}

/* The old tuple, if the cursor stands at one; `kind` is the byte that was read there. */
static int
decode_old(struct cursor *in, uint8_t kind, struct arena *arena, struct change *change,
           struct error *err)
{
    if (kind != 'K' && kind != 'O')
        return malformed(change->relation, "a row message with an unknown kind of row", err);
    change->old_kind = kind == 'O' ? OLD_ROW : OLD_KEY;
    return decode_tuple(in, change->relation, arena, &change->old_row, err);
}

static int
decode_new(struct cursor *in, uint8_t kind, struct arena *arena, struct change *change,
           struct error *err)
{
    if (kind != 'N')
        return malformed(change->relation, "a row message without a new row", err);
    if (decode_tuple(in, change->relation, arena, &change->new_row, err) == -1)
        return -1;
    if (change->old_kind != OLD_NONE)
        fill_unchanged(change);
    return 0;
}

static int
decode_row(struct cursor *in, struct arena *arena, struct change *change, struct error *err)
{
    uint8_t message = cursor_u8(in);
    uint32_t id = cursor_be32(in);
    uint8_t kind = cursor_u8(in);

    if (cursor_short(in) || id != change->relation->id)
        return malformed(change->relation, "a row message of another table", err);
    switch (message) {
    case 'I':
        change->op = CHANGE_INSERT;
        return decode_new(in, kind, arena, change, err);
    case 'U':
        change->op = CHANGE_UPDATE;
        if (kind != 'N') {
            if (decode_old(in, kind, arena, change, err) == -1)
                return -1;
            kind = cursor_u8(in);
        }
        return decode_new(in, kind, arena, change, err);
    case 'D':
        change->op = CHANGE_DELETE;
        return decode_old(in, kind, arena, change, err);
    default:
        return malformed(change->relation, "a message that is not a row", err);
    }
}

static int
pgoutput_decode(const struct batch *batch, const struct frame *frame, struct arena *arena,
                struct change *out, struct error *err)
{
    *out = (struct change){
        .old_kind = OLD_NONE,
        .relation = frame->relation,
        .transaction = &batch->transactions[frame->transaction],
        .ordinal = frame->ordinal,
        .lsn = frame->lsn,
    };
    if (frame->kind == FRAME_TRUNCATE) {
        out->op = CHANGE_TRUNCATE;
        return 0;
    }
    struct cursor in = cursor_of(batch_message(batch, frame));
    if (decode_row(&in, arena, out, err) == -1)
        return -1;
    if (!cursor_done(&in))
        return malformed(frame->relation, "a row message with bytes after its end", err);
    return 0;
}

const struct decoder_ops decoder_pgoutput = {
    .name = "pgoutput",
    .decode = pgoutput_decode,
};
