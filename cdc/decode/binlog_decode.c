/*
 * binlog_decode.c -- a row event to its changes.
 *
 *     WRITE, UPDATE, DELETE   u48 table id, u16 flags, [v2: u16 length of extra data, itself included]
 *                             packed ncolumns, bitmap of the columns that are there (UPDATE: two), rows
 *     row                     image; UPDATE: two, the old one first
 *     image                   bitmap of those that are NULL among those that are there, then the values
 *     PARTIAL_UPDATE_ROWS     as UPDATE; the new image begins with packed options and, with bit 0 of them, a bitmap of
 *                             the JSON columns of which only the difference is written
 *
 * A column that is not there has not changed: VALUE_UNCHANGED, never NULL. An update's are filled in from the old
 * image where it has them. The frame is the event from its header on, without checksum.
 *
 * Sources: protocols B7, B11; MySQL 9.7.4, MariaDB 10.11.19. Pure; any thread.
 */
#include "binlog_event.h"
#include "binlog_json.h"
#include "binlog_types.h"
#include "cdc/decoder.h"

enum { PARTIAL_JSON = 1 };

static int
malformed(const struct rows *rows, const char *what, struct error *err)
{
    const struct relation *rel = rows->frame->relation;

    return error_set(err, ERROR_DATA, "E_PROTOCOL", "table %s.%s: row %u: %s", rel->schema, rel->table, rows->row,
                     what);
}

static bool
bit(struct bytes bitmap, unsigned i)
{
    return (bitmap.at[i / 8] >> (i % 8) & 1) != 0;
}

static uint16_t
count_bits(struct bytes bitmap, unsigned nbits)
{
    uint16_t n = 0;

    for (unsigned i = 0; i < nbits; i++)
        n += bit(bitmap, i);
    return n;
}

/* ---- the head of the event ---- */

static enum change_op
op_of(uint8_t type)
{
    switch (type) {
    case EVENT_UPDATE_ROWS_V1:
    case EVENT_UPDATE_ROWS:
    case EVENT_PARTIAL_UPDATE_ROWS:
    case EVENT_MARIADB_UPDATE_ROWS_COMPRESSED_V1:
    case EVENT_MARIADB_UPDATE_ROWS_COMPRESSED:
        return CHANGE_UPDATE;
    case EVENT_DELETE_ROWS_V1:
    case EVENT_DELETE_ROWS:
    case EVENT_MARIADB_DELETE_ROWS_COMPRESSED_V1:
    case EVENT_MARIADB_DELETE_ROWS_COMPRESSED:
        return CHANGE_DELETE;
    default:
        return CHANGE_INSERT;
    }
}

static bool
has_extra(uint8_t type)
{
    return (type >= EVENT_WRITE_ROWS && type <= EVENT_DELETE_ROWS) || type == EVENT_PARTIAL_UPDATE_ROWS ||
           type >= EVENT_MARIADB_WRITE_ROWS_COMPRESSED;
}

/* The rows of a compressed event, inflated into the frame's arena. */
static int
inflate_rows(struct rows *rows, struct arena *arena, struct error *err)
{
    struct buffer text = {0};
    void *copy;

    if (binlog_inflate(bytes_of(rows->in.at, cursor_left(&rows->in)), UINT32_C(1) << 30, &text, err) == -1) {
        buffer_free(&text);
        return malformed(rows, "its compressed rows can't be inflated", err);
    }
    copy = arena_copy(arena, text.at, text.len);
    rows->in = cursor_of(bytes_of(copy, text.len));
    buffer_free(&text);
    return copy != NULL ? 0 : error_set(err, ERROR_FATAL, "", "out of memory for the rows of an event");
}

static int
rows_begin(struct rows *rows, const struct batch *batch, const struct frame *frame, struct arena *arena,
           struct error *err)
{
    unsigned ncolumns = frame->relation->ncolumns, map = (ncolumns + 7) / 8;

    *rows = (struct rows){.batch = batch, .frame = frame};
    if (frame->kind == FRAME_TRUNCATE)
        return 0; /* its message may be nowhere */
    rows->in = cursor_of(batch_message(batch, frame));
    cursor_le32(&rows->in);
    rows->type = cursor_u8(&rows->in);
    cursor_bytes(&rows->in, EVENT_HEADER_BYTES - 5);
    cursor_le(&rows->in, 6);
    cursor_le16(&rows->in);
    if (has_extra(rows->type)) {
        uint16_t extra = cursor_le16(&rows->in);

        cursor_bytes(&rows->in, extra >= 2 ? extra - 2u : SIZE_MAX);
    }
    if (cursor_packed(&rows->in) != ncolumns)
        return malformed(rows, "the event has another number of columns than its table map", err);
    rows->op = (uint8_t)op_of(rows->type);
    rows->before = rows->after = cursor_bytes(&rows->in, map);
    if (rows->op == CHANGE_UPDATE)
        rows->after = cursor_bytes(&rows->in, map);
    if (cursor_short(&rows->in))
        return malformed(rows, "the event ends in its head", err);
    rows->nbefore = count_bits(rows->before, ncolumns);
    rows->nafter = count_bits(rows->after, ncolumns);
    return rows->type >= EVENT_MARIADB_WRITE_ROWS_COMPRESSED_V1 ? inflate_rows(rows, arena, err) : 0;
}

/* ---- images ---- */

/* One image on its way. `json` has the binary documents of the old image, for what the new one changes in them. */
struct image {
    const struct relation *rel;
    struct bytes there;   /* bitmap over the columns */
    uint16_t count;       /* how many those are */
    struct bytes nulls;   /* over those that are there */
    struct bytes partial; /* over the JSON columns; length 0: none */
    struct bytes *json;
    const struct bytes *old_json; /* NULL: not wanted */
    struct value *row;
};

/* A JSON value's bytes without their length. */
static struct bytes
json_bytes(const struct column *column, struct cursor *in)
{
    return cursor_bytes(in, cursor_le(in, column->binlog->width));
}

/* The difference to the old document; one of no length is none at all. */
static int
patch_json(const struct rows *rows, const struct image *image, uint16_t i, struct cursor *in, struct arena *arena,
           struct value *out, struct error *err)
{
    struct bytes diffs = json_bytes(&image->rel->columns[i], in), old;
    struct buffer text = {0};
    int rc;

    out->state = VALUE_UNCHANGED;
    if (cursor_short(in))
        return malformed(rows, "it ends in the difference of a JSON document", err);
    old = image->old_json != NULL ? image->old_json[i] : bytes_of(NULL, 0);
    if (old.at == NULL && diffs.len == 0)
        return 0;
    if (old.at == NULL)
        return error_set(err, ERROR_DATA, "E_VALUE",
                         "column %s: the log has only the difference to a document that it leaves out: "
                         "binlog_row_value_options = PARTIAL_JSON needs binlog_row_image = FULL",
                         image->rel->columns[i].name);
    rc = binlog_json_patched(old, diffs, &text, err);
    if (rc == 0) {
        *out = (struct value){.state = VALUE_SET, .bytes = {arena_copy(arena, text.at, text.len), text.len}};
        if (out->bytes.at == NULL)
            rc = error_set(err, ERROR_FATAL, "", "out of memory for a JSON document");
    }
    buffer_free(&text);
    return rc == 0 ? 0 : error_prefix(err, "column %s: ", image->rel->columns[i].name);
}

static int
image_value(const struct rows *rows, struct image *image, uint16_t i, bool partial, struct cursor *in,
            struct arena *arena, struct error *err)
{
    const struct column *column = &image->rel->columns[i];

    if (partial)
        return patch_json(rows, image, i, in, arena, &image->row[i], err);
    if (image->json != NULL && column->binlog->type == BINLOG_JSON) {
        struct cursor again = *in;

        image->json[i] = json_bytes(column, &again);
        if (cursor_short(&again))
            image->json[i].at = NULL;
    }
    return binlog_value(column, in, arena, &image->row[i], err);
}

static int
some_columns(const struct rows *rows, struct image *image, struct cursor *in, struct arena *arena, struct error *err)
{
    const struct relation *rel = image->rel;
    unsigned there = 0, json = 0;

    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        bool is_json = rel->columns[i].binlog->type == BINLOG_JSON;
        bool partial = is_json && image->partial.len > 0 && bit(image->partial, json);

        json += is_json;
        if (!bit(image->there, i))
            image->row[i].state = VALUE_UNCHANGED;
        else if (!bit(image->nulls, there++) && image_value(rows, image, i, partial, in, arena, err) == -1)
            return -1;
    }
    return 0;
}

/* What most images are, so without a look at each column's bits. */
static int
all_columns(const struct image *image, struct cursor *in, struct arena *arena, struct error *err)
{
    const struct relation *rel = image->rel;

    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        if (!bit(image->nulls, i) && binlog_value(&rel->columns[i], in, arena, &image->row[i], err) == -1)
            return -1;
    }
    return 0;
}

static bool
is_whole(const struct image *image)
{
    return image->count == image->rel->ncolumns;
}

static int
read_image(const struct rows *rows, struct image *image, struct cursor *in, struct arena *arena,
           struct error *err)
{
    const struct relation *rel = image->rel;
    bool simple = is_whole(image) && image->json == NULL && image->partial.len == 0;
    int rc;

    image->nulls = cursor_bytes(in, (image->count + 7u) / 8);
    image->row = arena_array(arena, rel->ncolumns, sizeof(*image->row));
    if (image->row == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a row");
    if (cursor_short(in))
        return malformed(rows, "it ends in the bitmap of its NULLs", err);
    rc = simple ? all_columns(image, in, arena, err) : some_columns(rows, image, in, arena, err);
    return rc == 0 ? 0 : error_prefix(err, "table %s.%s: row %u: ", rel->schema, rel->table, rows->row);
}

/* ---- changes ---- */

static unsigned
json_columns(const struct relation *rel)
{
    unsigned n = 0;

    for (uint16_t i = 0; i < rel->ncolumns; i++)
        n += rel->columns[i].binlog->type == BINLOG_JSON;
    return n;
}

/* What stands before the new image of a PARTIAL_UPDATE_ROWS. */
static int
read_options(struct rows *rows, struct image *after, struct error *err)
{
    uint64_t options = cursor_packed(&rows->in);

    if (options & ~(uint64_t)PARTIAL_JSON)
        return malformed(rows, "it has options that are not known", err);
    if (options & PARTIAL_JSON)
        after->partial = cursor_bytes(&rows->in, (json_columns(after->rel) + 7) / 8);
    return cursor_short(&rows->in) ? malformed(rows, "it ends in its options", err) : 0;
}

/* What is known of the old row: all of it, or at least its identity. */
static enum old_kind
kind_of_old(const struct image *before)
{
    bool identity = false;

    if (is_whole(before))
        return OLD_ROW;
    for (uint16_t i = 0; i < before->rel->ncolumns; i++) {
        if (!before->rel->columns[i].identity)
            continue;
        if (before->row[i].state == VALUE_UNCHANGED)
            return OLD_NONE;
        identity = true;
    }
    return identity ? OLD_KEY : OLD_NONE;
}

static void
fill_unchanged(const struct image *before, struct image *after)
{
    if (is_whole(after) && after->partial.len == 0)
        return;
    for (uint16_t i = 0; i < after->rel->ncolumns; i++) {
        if (after->row[i].state == VALUE_UNCHANGED)
            after->row[i] = before->row[i];
    }
}

static int
read_update(struct rows *rows, struct arena *arena, struct change *out, struct error *err)
{
    const struct relation *rel = rows->frame->relation;
    struct image before = {.rel = rel, .there = rows->before, .count = rows->nbefore};
    struct image after = {.rel = rel, .there = rows->after, .count = rows->nafter};

    if (rows->type == EVENT_PARTIAL_UPDATE_ROWS) {
        before.json = arena_array(arena, rel->ncolumns, sizeof(*before.json));
        if (before.json == NULL)
            return error_set(err, ERROR_FATAL, "", "out of memory for a row");
        after.old_json = before.json;
    }
    if (read_image(rows, &before, &rows->in, arena, err) == -1 ||
        (rows->type == EVENT_PARTIAL_UPDATE_ROWS && read_options(rows, &after, err) == -1) ||
        read_image(rows, &after, &rows->in, arena, err) == -1)
        return -1;
    fill_unchanged(&before, &after);
    out->op = CHANGE_UPDATE;
    out->old_kind = kind_of_old(&before);
    out->old_row = out->old_kind == OLD_NONE ? NULL : before.row;
    out->new_row = after.row;
    return 0;
}

static int
read_single(struct rows *rows, struct arena *arena, struct change *out, struct error *err)
{
    struct image image = {.rel = rows->frame->relation, .there = rows->before, .count = rows->nbefore};

    if (read_image(rows, &image, &rows->in, arena, err) == -1)
        return -1;
    out->op = rows->op;
    if (rows->op == CHANGE_INSERT) {
        out->new_row = image.row;
        return 0;
    }
    out->old_kind = kind_of_old(&image);
    if (out->old_kind == OLD_NONE)
        out->old_kind = OLD_KEY; /* no primary key: the columns that are there */
    out->old_row = image.row;
    return 0;
}

static int
rows_next(struct rows *rows, struct arena *arena, struct change *out, struct error *err)
{
    const struct frame *frame = rows->frame;
    const uint8_t *from = rows->in.at;
    int rc;

    *out = (struct change){
        .relation = frame->relation,
        .transaction = &rows->batch->transactions[frame->transaction],
        .ordinal = frame->ordinal,
        .row = rows->row,
        .lsn = frame->lsn,
    };
    if (frame->kind == FRAME_TRUNCATE) {
        out->op = CHANGE_TRUNCATE;
        return rows->row++ == 0 ? 1 : 0;
    }
    /* A row of which no column is written (INSERT () VALUES () without a key) has no bytes, and is one all the same. */
    if (cursor_left(&rows->in) == 0 && (rows->row > 0 || rows->nbefore > 0 || rows->nafter > 0))
        return 0;
    rc = rows->op == CHANGE_UPDATE ? read_update(rows, arena, out, err) : read_single(rows, arena, out, err);
    if (rc == -1)
        return -1;
    if (rows->in.at == from && cursor_left(&rows->in) > 0)
        return malformed(rows, "a row without any bytes, and more behind it", err);
    rows->row++;
    return 1;
}

const struct decoder_ops decoder_binlog = {
    .name = "binlog",
    .begin = rows_begin,
    .next = rows_next,
};
