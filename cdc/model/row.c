/* row.c -- see cdc/row.h. */
#include "cdc/row.h"

enum { STATE_BITS = 3 }; /* value_special stands above them */

static bool
is_bytes(enum value_type type)
{
    switch (type) {
    case TYPE_DECIMAL:
    case TYPE_NUMERIC:
    case TYPE_TEXT:
    case TYPE_BYTES:
    case TYPE_UUID:
    case TYPE_JSON:
    case TYPE_ENUM:
    case TYPE_OTHER:
    case TYPE_BITS:
    case TYPE_SET:
    case TYPE_GEOMETRY:
    case TYPE_POINT:
    case TYPE_VECTOR:
        return true;
    default:
        return false;
    }
}

static bool
has_scale(enum value_type type)
{
    return type == TYPE_DECIMAL || type == TYPE_NUMERIC || type == TYPE_GEOMETRY || type == TYPE_POINT;
}

void
row_put_value(struct buffer *out, enum value_type type, const struct value *value)
{
    buffer_put_u8(out, (uint8_t)(value->state | value->special << STATE_BITS));
    if (value->state != VALUE_SET)
        return;
    if (has_scale(type))
        buffer_put_le32(out, (uint32_t)value->scale);
    if (!is_bytes(type)) {
        buffer_put_le64(out, (uint64_t)value->i); /* f has the same bits */
        return;
    }
    /* NaN and infinities have none */
    buffer_put_le32(out, value->special == VALUE_FINITE ? (uint32_t)value->bytes.len : 0);
    if (value->special == VALUE_FINITE)
        buffer_put(out, value->bytes.at, value->bytes.len);
}

void
row_put(struct buffer *out, const struct relation *rel, const struct value *row)
{
    for (uint16_t i = 0; i < rel->ncolumns; i++)
        row_put_value(out, rel->columns[i].type, &row[i]);
}

static void
read_value(struct cursor *in, enum value_type type, struct value *out)
{
    uint8_t first = cursor_u8(in);

    *out = (struct value){.state = first & ((1u << STATE_BITS) - 1), .special = (uint8_t)(first >> STATE_BITS)};
    if (out->state != VALUE_SET)
        return;
    if (has_scale(type))
        out->scale = (int32_t)cursor_le32(in);
    if (is_bytes(type))
        out->bytes = cursor_bytes(in, cursor_le32(in));
    else
        out->i = (int64_t)cursor_le64(in);
}

static void
read_row(struct cursor *in, const struct relation *rel, struct value *row)
{
    for (uint16_t i = 0; i < rel->ncolumns; i++)
        read_value(in, rel->columns[i].type, &row[i]);
}

int
row_read(const struct relation *rel, struct bytes value, struct row_change *out, struct error *err)
{
    struct cursor in = cursor_of(value);

    out->op = (enum change_op)cursor_u8(&in);
    out->old_kind = (enum old_kind)cursor_u8(&in);
    if (out->op != CHANGE_DELETE && out->op != CHANGE_TRUNCATE)
        read_row(&in, rel, out->new_row);
    if (out->old_kind != OLD_NONE)
        read_row(&in, rel, out->old_row);
    if (!cursor_done(&in))
        return error_set(err, ERROR_FATAL, "", "table %s.%s: a packed row is not as long as it was", rel->schema, rel->table);
    return 0;
}

uint16_t
row_key_values(struct bytes key, const struct relation *rel, uint16_t *columns, struct value *values)
{
    struct cursor in = cursor_of(key);
    uint16_t count = cursor_le16(&in);

    if (count > rel->ncolumns)
        return 0;
    for (uint16_t k = 0; k < count; k++) {
        uint16_t column = cursor_le16(&in);

        if (column >= rel->ncolumns)
            return 0;
        if (columns != NULL)
            columns[k] = column;
        read_value(&in, rel->columns[column].type, &values[k]);
    }
    return cursor_done(&in) ? count : 0;
}

uint16_t
row_key_columns(struct bytes key, const struct relation *rel, uint16_t *columns)
{
    struct cursor in = cursor_of(key);
    uint16_t count = cursor_le16(&in);

    for (uint16_t k = 0; k < count && k < rel->ncolumns; k++) {
        struct value value;

        columns[k] = cursor_le16(&in);
        if (columns[k] >= rel->ncolumns)
            return 0;
        read_value(&in, rel->columns[columns[k]].type, &value);
    }
    return cursor_done(&in) ? count : 0;
}
