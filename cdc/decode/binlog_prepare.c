/*
 * binlog_prepare.c -- binlog_type_prepare: what a column holds, and whether its description can be
 * trusted; see binlog_types.h.
 */
#include "binlog_types_internal.h"

/* TEXT, or what looks like it. */
static enum value_type
text_shape(const struct binlog_column *how, struct column *column)
{
    uint32_t bytes = how->max_bytes;

    switch ((enum binlog_disguise)how->disguise) {
    case DISGUISE_NONE:
        break;
    case DISGUISE_UUID:
        return TYPE_UUID;
    case DISGUISE_INET6:
    case DISGUISE_INET4:
        return TYPE_TEXT;
    case DISGUISE_VECTOR:
        return TYPE_VECTOR;
    }
    if (how->charset == BINLOG_CHARSET_BINARY)
        return TYPE_BYTES;
    if (how->type == BINLOG_BLOB || how->type == BINLOG_BLOB_COMPRESSED)
        return TYPE_TEXT;
    if (how->type == BINLOG_VARCHAR_COMPRESSED && bytes > 0)
        bytes--; /* its head is counted in */
    column->length = (int32_t)(bytes / binlog_charset_width(how->charset));
    return TYPE_TEXT;
}

static enum value_type
integer_shape(const struct binlog_column *how, struct column *column)
{
    if (how->type == BINLOG_TINY || (how->type == BINLOG_SHORT && !how->is_unsigned))
        return TYPE_INT16;
    if (how->type != BINLOG_LONGLONG)
        return how->type == BINLOG_LONG && how->is_unsigned ? TYPE_INT64 : TYPE_INT32;
    if (!how->is_unsigned)
        return TYPE_INT64;
    column->precision = 20;
    return TYPE_DECIMAL;
}

/* The type, with what belongs to it; TYPE_OTHER for one that can't be decoded. */
static enum value_type
shape(const struct binlog_column *how, struct column *column)
{
    switch ((enum binlog_type)how->type) {
    case BINLOG_TINY:
    case BINLOG_SHORT:
    case BINLOG_INT24:
    case BINLOG_LONG:
    case BINLOG_LONGLONG:
        return integer_shape(how, column);
    case BINLOG_FLOAT:
        return TYPE_FLOAT32;
    case BINLOG_DOUBLE:
        return TYPE_FLOAT64;
    case BINLOG_NEWDECIMAL:
        column->precision = how->precision;
        column->scale = how->scale;
        return TYPE_DECIMAL;
    case BINLOG_BIT:
        if (how->bits == 1)
            return TYPE_BOOL;
        column->length = how->bits;
        return TYPE_BITS;
    case BINLOG_YEAR:
        return TYPE_YEAR;
    case BINLOG_DATE:
        return TYPE_DATE;
    case BINLOG_TIME:
    case BINLOG_TIME2:
        column->precision = 6;
        return TYPE_TIME;
    case BINLOG_DATETIME:
    case BINLOG_DATETIME2:
        column->precision = how->fraction;
        return TYPE_TIMESTAMP;
    case BINLOG_TIMESTAMP:
    case BINLOG_TIMESTAMP2:
        column->precision = how->fraction;
        return TYPE_TIMESTAMPTZ;
    case BINLOG_VARCHAR:
    case BINLOG_VAR_STRING:
    case BINLOG_STRING:
    case BINLOG_BLOB:
    case BINLOG_BLOB_COMPRESSED:
    case BINLOG_VARCHAR_COMPRESSED:
        return text_shape(how, column);
    case BINLOG_ENUM:
        return TYPE_ENUM;
    case BINLOG_SET:
        return TYPE_SET;
    case BINLOG_JSON:
        return TYPE_JSON;
    case BINLOG_GEOMETRY:
        return how->geometry == 1 ? TYPE_POINT : TYPE_GEOMETRY;
    case BINLOG_VECTOR:
        return TYPE_VECTOR;
    case BINLOG_DECIMAL:
    case BINLOG_NULL:
    case BINLOG_TYPED_ARRAY:
        break;
    }
    return TYPE_OTHER;
}

static bool
is_disguise_of_its_type(const struct binlog_column *how)
{
    switch ((enum binlog_disguise)how->disguise) {
    case DISGUISE_NONE:
        return true;
    case DISGUISE_UUID:
    case DISGUISE_INET6:
    case DISGUISE_INET4:
        return how->type == BINLOG_STRING;
    case DISGUISE_VECTOR:
        return how->type == BINLOG_VARCHAR;
    }
    return false;
}

/* What binlog_value trusts. */
static bool
makes_sense(const struct binlog_column *how)
{
    if (!is_disguise_of_its_type(how))
        return false;
    switch ((enum binlog_type)how->type) {
    case BINLOG_NEWDECIMAL:
        return how->precision > 0 && how->scale <= how->precision;
    case BINLOG_TIME2:
    case BINLOG_DATETIME2:
    case BINLOG_TIMESTAMP2:
        return how->fraction <= 6;
    case BINLOG_BIT:
        return how->bits > 0 && how->bits <= 64 && how->width == (how->bits + 7) / 8;
    case BINLOG_ENUM:
        return how->width == 1 || how->width == 2;
    case BINLOG_SET:
        return how->width > 0 && how->width <= 8 && how->nlabels <= 64;
    case BINLOG_STRING:
        if (how->disguise != DISGUISE_NONE)
            return how->width == 1 && how->max_bytes == (how->disguise == DISGUISE_INET4 ? 4 : 16);
        return how->width == 1 || how->width == 2;
    case BINLOG_VARCHAR:
    case BINLOG_VAR_STRING:
    case BINLOG_VARCHAR_COMPRESSED:
        return how->width == 1 || how->width == 2;
    case BINLOG_BLOB:
    case BINLOG_BLOB_COMPRESSED:
    case BINLOG_JSON:
    case BINLOG_GEOMETRY:
    case BINLOG_VECTOR:
        return how->width >= 1 && how->width <= 4;
    default:
        return true;
    }
}

static bool
is_text(const struct column *column)
{
    return column->type == TYPE_TEXT && column->binlog->disguise == DISGUISE_NONE;
}

/* a,b\,c: a comma or a backslash of a label has a backslash before it, as in Debezium's list. */
static char *
join_labels(const struct binlog_column *how, struct arena *arena)
{
    size_t len = 1;
    char *all, *at;

    for (size_t i = 0; i < how->nlabels; i++)
        len += 2 * how->labels[i].len + 1;
    all = at = arena_alloc(arena, len);
    for (size_t i = 0; at != NULL && i < how->nlabels; i++) {
        const struct bytes *label = &how->labels[i];

        if (i > 0)
            *at++ = ',';
        for (size_t k = 0; k < label->len; k++) {
            if (label->at[k] == ',' || label->at[k] == '\\')
                *at++ = '\\';
            *at++ = (char)label->at[k];
        }
    }
    return all;
}

int
binlog_type_prepare(struct column *column, struct arena *arena, struct error *err)
{
    const struct binlog_column *how = column->binlog;

    column->type_id = how->type;
    column->typmod = -1;
    column->length = column->precision = column->scale = 0;
    column->labels = NULL;
    column->type = shape(how, column);
    if (column->type == TYPE_OTHER)
        return error_set(err, ERROR_DATA, "E_TYPE", "column %s: its type (%u) can't be decoded",
                         column->name, how->type);
    /* so written by MariaDB only, in a way of its own */
    if (binlog_is_old_time(how->type) && how->fraction != 0)
        return binlog_bad_value(column, "E_TYPE",
                                "times with fractions in the form of before MySQL 5.6 can't be "
                                "decoded: ALTER TABLE ... FORCE with mysql56_temporal_format=ON",
                                err);
    if (!makes_sense(how))
        return binlog_bad_value(column, "E_PROTOCOL", "a description that makes no sense", err);
    if (is_text(column) && how->charset == BINLOG_CHARSET_UNKNOWN)
        return binlog_bad_value(column, "E_TYPE", "its character set is not known", err);
    if (how->type == BINLOG_ENUM || how->type == BINLOG_SET) {
        column->labels = join_labels(how, arena);
        if (column->labels == NULL)
            return binlog_no_memory(column, err);
    }
    return 0;
}
