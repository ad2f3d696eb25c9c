/*
 * fuzz_binlog_rows.c -- any bytes as a table map, and as a row event of that table.
 *
 * Byte 0: bit 0 MariaDB; byte 1 is the row event's type; u2 length of the table map's body, little-endian; that body;
 * the row event's body. What is not refused must have every byte of every value.
 */
#include <stdlib.h>

#include "../../cdc/decode/binlog_event.h"
#include "../../cdc/decode/binlog_table_map.h"
#include "cdc/decoder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS_MAX = 5000 };

static void
expect(bool holds)
{
    if (!holds)
        abort();
}

static enum binlog_charset
charset_of(void *arg, uint32_t collation)
{
    (void)arg;
    return binlog_charset_of_collation(collation);
}

static int
describe(void *arg, struct relation *rel, struct binlog_column *columns, unsigned missing, struct error *err)
{
    (void)arg, (void)err;
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        if (missing & MISSING_NAMES) {
            rel->columns[i].name = "c";
            columns[i].charset = i % 2 == 0 ? BINLOG_CHARSET_BINARY : BINLOG_CHARSET_LATIN1;
            continue;
        }
        if (columns[i].type == BINLOG_STRING && columns[i].max_bytes == 16)
            columns[i].disguise = i % 3 == 0 ? DISGUISE_UUID : DISGUISE_INET6;
        if (columns[i].type == BINLOG_STRING && columns[i].max_bytes == 4)
            columns[i].disguise = DISGUISE_INET4;
    }
    return 0;
}

static bool
has_bytes(enum value_type type)
{
    switch (type) {
    case TYPE_BOOL:
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
    case TYPE_YEAR:
        return false;
    default:
        return true;
    }
}

static void
touch(const struct relation *rel, const struct value *row)
{
    uint8_t sum = 0;

    for (uint16_t i = 0; row != NULL && i < rel->ncolumns; i++) {
        expect(row[i].state <= VALUE_SET);
        if (row[i].state != VALUE_SET || !has_bytes(rel->columns[i].type))
            continue;
        for (size_t k = 0; k < row[i].bytes.len; k++)
            sum ^= row[i].bytes.at[k];
    }
    *(volatile uint8_t *)&sum = sum;
}

static void
check(const struct change *change)
{
    switch (change->op) {
    case CHANGE_INSERT:
        expect(change->new_row != NULL && change->old_kind == OLD_NONE);
        break;
    case CHANGE_UPDATE:
        expect(change->new_row != NULL && (change->old_kind == OLD_NONE) == (change->old_row == NULL));
        break;
    case CHANGE_DELETE:
        expect(change->new_row == NULL && change->old_row != NULL && change->old_kind != OLD_NONE);
        break;
    default:
        abort();
    }
    touch(change->relation, change->new_row);
    touch(change->relation, change->old_row);
}

static void
decode(struct relation *rel, uint8_t type, struct bytes body)
{
    struct batch *batch = batch_new();
    struct arena frame_arena = {0}, arena = {0};
    struct frame frame = {.relation = rel};
    struct buffer message = {0};
    struct error err = ERROR_INIT;
    struct change change;
    struct rows rows;
    int rc;

    buffer_put(&message, "\0\0\0\0", 4);
    buffer_put_u8(&message, type);
    buffer_put(&message, (const uint8_t[14]){0}, 14);
    buffer_put(&message, body.at, body.len);
    batch_add_transaction(batch, &(struct transaction){0}, 1, NULL);
    batch_add_frame(batch, &frame, bytes_of(message.at, message.len), NULL);
    buffer_free(&message);
    rc = decoder_binlog.begin(&rows, batch, &batch->frames[0], &frame_arena, &err);
    for (int n = 0; rc == 0 && n < ROWS_MAX; n++) {
        rc = decoder_binlog.next(&rows, &arena, &change, &err) - 1;
        if (rc == 0)
            check(&change);
        arena_reset(&arena);
    }
    if (err.kind != ERROR_NONE)
        expect(err.kind == ERROR_DATA && err.code[0] != 0 && err.text[0] != 0);
    arena_free(&frame_arena);
    arena_free(&arena);
    batch_free(batch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor in = cursor_of(bytes_of(data, size));
    struct binlog_reading reading = {.charset_of = charset_of, .describe = describe};
    struct error err = ERROR_INIT;
    struct binlog_table_name name;
    struct relation *rel;
    uint8_t type;
    size_t len;

    reading.mariadb = cursor_u8(&in) & 1;
    type = cursor_u8(&in);
    len = cursor_le16(&in);
    if (binlog_table_name_read(cursor_bytes(&in, len < cursor_left(&in) ? len : cursor_left(&in)), &name, &err) == 0 &&
        binlog_table_map_read(&reading, &name, &rel, &err) == 0) {
        decode(rel, type, bytes_of(in.at, cursor_left(&in)));
        relation_release(rel);
    } else {
        expect(err.kind == ERROR_RETRY || err.kind == ERROR_CONFIG || err.kind == ERROR_DATA);
    }
    return 0;
}
