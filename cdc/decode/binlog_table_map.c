/*
 * binlog_table_map.c -- see binlog_table_map.h.
 *
 *     body   u48 table id, u16 flags, u8 length + schema + 0, u8 length + table + 0
 *     shape  packed ncolumns, a type byte for each, packed length + metadata, bitmap of nullable columns,
 *            then fields: u8 kind, packed length, value
 */
#include "binlog_table_map.h"

#include <stdio.h>

#include "binlog_types.h"

enum { COLUMNS_MAX = 4096, LABELS_MAX = 65536 };

/* Optional fields (MySQL 8.0.1, MariaDB 10.5). */
enum {
    FIELD_SIGNEDNESS = 1,
    FIELD_DEFAULT_CHARSET = 2,
    FIELD_COLUMN_CHARSET = 3,
    FIELD_COLUMN_NAME = 4,
    FIELD_SET_LABELS = 5,
    FIELD_ENUM_LABELS = 6,
    FIELD_GEOMETRY_TYPE = 7,
    FIELD_PRIMARY_KEY = 8,
    FIELD_PRIMARY_KEY_PREFIX = 9,
    FIELD_ENUM_SET_DEFAULT_CHARSET = 10,
    FIELD_ENUM_SET_COLUMN_CHARSET = 11,
};

struct reader {
    const struct binlog_reading *reading;
    struct relation *rel;
    struct binlog_column *columns;
    bool has_names;
    struct error *err;
};

static int
malformed(struct error *err, const char *what)
{
    return error_set(err, ERROR_RETRY, "E_PROTOCOL", "binlog: %s", what);
}

static int
no_memory(struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for a table map");
}

int
binlog_table_name_read(struct bytes body, struct binlog_table_name *out, struct error *err)
{
    struct cursor in = cursor_of(body);

    out->table_id = cursor_le(&in, 6);
    cursor_le16(&in);
    out->schema = cursor_bytes(&in, cursor_u8(&in));
    cursor_u8(&in);
    out->table = cursor_bytes(&in, cursor_u8(&in));
    if (cursor_u8(&in) != 0 || cursor_short(&in) || out->table.len == 0 ||
        memchr(out->schema.at, 0, out->schema.len) != NULL || memchr(out->table.at, 0, out->table.len) != NULL)
        return malformed(err, "a table map is malformed");
    out->shape = cursor_bytes(&in, cursor_left(&in));
    return 0;
}

/* ---- types and their metadata ---- */

static unsigned
bytes_for(uint32_t max_bytes)
{
    return max_bytes > 255 ? 2 : 1;
}

/* STRING's two bytes hide ENUM and SET, and the ninth and tenth bit of a length. */
static void
string_metadata(struct binlog_column *col, uint8_t high, uint8_t low)
{
    if (high == BINLOG_ENUM || high == BINLOG_SET) {
        col->type = high;
        col->width = low;
        return;
    }
    if ((high & 0x30) != 0x30) {
        col->type = high | 0x30;
        col->max_bytes = low + ((((uint32_t)high & 0x30) ^ 0x30) << 4);
    } else {
        col->type = high;
        col->max_bytes = low;
    }
    col->width = (uint8_t)bytes_for(col->max_bytes);
}

static void
column_metadata(struct cursor *in, struct binlog_column *col)
{
    uint8_t a, b;

    switch (col->type) {
    case BINLOG_FLOAT:
    case BINLOG_DOUBLE:
        cursor_u8(in);
        break;
    case BINLOG_VARCHAR:
    case BINLOG_VAR_STRING:
    case BINLOG_VARCHAR_COMPRESSED:
        col->max_bytes = cursor_le16(in);
        col->width = (uint8_t)bytes_for(col->max_bytes);
        break;
    case BINLOG_BIT:
        a = cursor_u8(in);
        b = cursor_u8(in);
        col->bits = (uint16_t)(a + 8 * b);
        col->width = (uint8_t)((col->bits + 7) / 8);
        break;
    case BINLOG_TIMESTAMP2:
    case BINLOG_DATETIME2:
    case BINLOG_TIME2:
        col->fraction = cursor_u8(in);
        break;
    case BINLOG_JSON:
    case BINLOG_BLOB:
    case BINLOG_GEOMETRY:
    case BINLOG_VECTOR:
    case BINLOG_BLOB_COMPRESSED:
        col->width = cursor_u8(in);
        break;
    case BINLOG_NEWDECIMAL:
        col->precision = cursor_u8(in);
        col->scale = cursor_u8(in);
        break;
    case BINLOG_ENUM: /* never alone, but its shape is known */
    case BINLOG_SET:
    case BINLOG_STRING:
        a = cursor_u8(in);
        b = cursor_u8(in);
        string_metadata(col, a, b);
        break;
    default:
        break;
    }
}

static bool
metadata_is_sane(const struct binlog_column *col)
{
    switch (col->type) {
    case BINLOG_BIT:
        return col->bits >= 1 && col->bits <= 64;
    case BINLOG_TIMESTAMP2:
    case BINLOG_DATETIME2:
    case BINLOG_TIME2:
        return col->fraction <= 6;
    case BINLOG_JSON:
    case BINLOG_BLOB:
    case BINLOG_GEOMETRY:
    case BINLOG_VECTOR:
    case BINLOG_BLOB_COMPRESSED:
        return col->width >= 1 && col->width <= 4;
    case BINLOG_NEWDECIMAL:
        return col->precision >= 1 && col->precision <= 65 && col->scale <= 30 && col->scale <= col->precision;
    case BINLOG_ENUM:
        return col->width == 1 || col->width == 2;
    case BINLOG_SET:
        return col->width >= 1 && col->width <= 8;
    default:
        return true;
    }
}

static int
read_columns(struct reader *r, struct cursor *in)
{
    struct relation *rel = r->rel;
    struct bytes types = cursor_bytes(in, rel->ncolumns), nullable;
    struct cursor meta = cursor_of(cursor_bytes(in, cursor_packed(in)));

    nullable = cursor_bytes(in, (rel->ncolumns + 7u) / 8);
    if (cursor_short(in))
        return malformed(r->err, "a table map ends early");
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        struct binlog_column *col = &r->columns[i];

        col->type = types.at[i];
        column_metadata(&meta, col);
        if (cursor_short(&meta) || !metadata_is_sane(col))
            return error_set(r->err, ERROR_RETRY, "E_PROTOCOL", "binlog: column %u has metadata that make no sense",
                             i);
        rel->columns[i].not_null = (nullable.at[i / 8] >> (i % 8) & 1) == 0;
        rel->columns[i].binlog = col;
    }
    return 0;
}

/* ---- which columns a field speaks of ---- */

static bool
is_numeric(const struct binlog_column *col)
{
    switch (col->type) {
    case BINLOG_TINY:
    case BINLOG_SHORT:
    case BINLOG_INT24:
    case BINLOG_LONG:
    case BINLOG_LONGLONG:
    case BINLOG_FLOAT:
    case BINLOG_DOUBLE:
    case BINLOG_NEWDECIMAL:
    case BINLOG_DECIMAL:
    case BINLOG_YEAR:
        return true;
    default:
        return false;
    }
}

/* The servers do not count the same ones. */
static bool
is_character(const struct reader *r, const struct binlog_column *col)
{
    switch (col->type) {
    case BINLOG_STRING:
    case BINLOG_VARCHAR:
    case BINLOG_VAR_STRING:
    case BINLOG_BLOB:
        return true;
    case BINLOG_VECTOR:
        return !r->reading->mariadb;
    case BINLOG_GEOMETRY:
    case BINLOG_BLOB_COMPRESSED:
    case BINLOG_VARCHAR_COMPRESSED:
        return r->reading->mariadb;
    default:
        return false;
    }
}

static bool
is_labelled(const struct binlog_column *col)
{
    return col->type == BINLOG_ENUM || col->type == BINLOG_SET;
}

static bool
belongs(const struct reader *r, const struct binlog_column *col, bool labelled)
{
    return labelled ? is_labelled(col) : is_character(r, col);
}

/* ---- the fields ---- */

static int
signedness(struct reader *r, struct bytes value)
{
    size_t n = 0;

    for (uint16_t i = 0; i < r->rel->ncolumns; i++) {
        if (!is_numeric(&r->columns[i]))
            continue;
        if (n / 8 >= value.len)
            return malformed(r->err, "a table map's signs end early");
        r->columns[i].is_unsigned = (value.at[n / 8] << (n % 8) & 0x80) != 0;
        n++;
    }
    return 0;
}

/* One collation for each column that it is about. */
static int
column_charsets(struct reader *r, struct cursor *in, bool labelled)
{
    for (uint16_t i = 0; i < r->rel->ncolumns; i++) {
        if (belongs(r, &r->columns[i], labelled))
            r->columns[i].charset = r->reading->charset_of(r->reading->arg, (uint32_t)cursor_packed(in));
    }
    return cursor_done(in) ? 0 : malformed(r->err, "a table map has character sets for other columns");
}

/* One for all, then pairs of an index among those columns and a collation. */
static int
default_charset(struct reader *r, struct cursor *in, bool labelled)
{
    enum binlog_charset charset = r->reading->charset_of(r->reading->arg, (uint32_t)cursor_packed(in));
    uint16_t *at = arena_array(&r->rel->arena, r->rel->ncolumns, sizeof(*at));
    uint16_t n = 0;

    if (at == NULL)
        return no_memory(r->err);
    for (uint16_t i = 0; i < r->rel->ncolumns; i++) {
        if (!belongs(r, &r->columns[i], labelled))
            continue;
        r->columns[i].charset = charset;
        at[n++] = i;
    }
    while (cursor_left(in) > 0) {
        uint64_t index = cursor_packed(in);
        uint32_t collation = (uint32_t)cursor_packed(in);

        if (cursor_short(in) || index >= n)
            return malformed(r->err, "a table map has a character set for a column that is not there");
        r->columns[at[index]].charset = r->reading->charset_of(r->reading->arg, collation);
    }
    return cursor_short(in) ? malformed(r->err, "a table map's character sets end early") : 0;
}

static int
column_names(struct reader *r, struct cursor *in)
{
    for (uint16_t i = 0; i < r->rel->ncolumns; i++) {
        struct bytes name = cursor_bytes(in, cursor_u8(in));
        char *copy;

        if (cursor_short(in) || name.len == 0 || memchr(name.at, 0, name.len) != NULL)
            return malformed(r->err, "a table map's column names make no sense");
        copy = arena_alloc(&r->rel->arena, name.len + 1);
        if (copy == NULL)
            return no_memory(r->err);
        memcpy(copy, name.at, name.len);
        r->rel->columns[i].name = copy;
    }
    r->has_names = true;
    return 0;
}

static int
labels_of(struct reader *r, struct cursor *in, struct binlog_column *col)
{
    uint64_t n = cursor_packed(in);
    struct bytes *labels;

    if (cursor_short(in) || n > LABELS_MAX || n > cursor_left(in))
        return malformed(r->err, "a table map's labels make no sense");
    labels = arena_array(&r->rel->arena, (size_t)n, sizeof(*labels));
    if (labels == NULL)
        return no_memory(r->err);
    for (uint64_t i = 0; i < n; i++) {
        struct bytes text = cursor_bytes(in, cursor_packed(in));

        if (cursor_short(in))
            return malformed(r->err, "a table map's labels end early");
        labels[i] = bytes_of(arena_copy(&r->rel->arena, text.at, text.len), text.len);
        if (labels[i].at == NULL)
            return no_memory(r->err);
    }
    col->nlabels = (uint16_t)n;
    col->labels = labels;
    return 0;
}

static int
all_labels(struct reader *r, struct cursor *in, uint8_t type)
{
    for (uint16_t i = 0; i < r->rel->ncolumns; i++) {
        if (r->columns[i].type == type && labels_of(r, in, &r->columns[i]) == -1)
            return -1;
    }
    return 0;
}

static int
geometry_types(struct reader *r, struct cursor *in)
{
    for (uint16_t i = 0; i < r->rel->ncolumns; i++) {
        if (r->columns[i].type == BINLOG_GEOMETRY)
            r->columns[i].geometry = (uint8_t)cursor_packed(in);
    }
    return cursor_short(in) ? malformed(r->err, "a table map's geometry types end early") : 0;
}

static int
primary_key(struct reader *r, struct cursor *in, bool prefixes)
{
    struct relation *rel = r->rel;

    rel->key = arena_array(&rel->arena, rel->ncolumns, sizeof(*rel->key));
    if (rel->key == NULL)
        return no_memory(r->err);
    while (cursor_left(in) > 0) {
        uint64_t index = cursor_packed(in);

        if (prefixes)
            cursor_packed(in);
        if (cursor_short(in) || index >= rel->ncolumns || rel->columns[index].identity)
            return malformed(r->err, "a table map's primary key makes no sense");
        rel->columns[index].identity = true;
        rel->key[rel->nkey++] = (uint16_t)index;
    }
    return 0;
}

static int
read_field(struct reader *r, uint8_t kind, struct bytes value)
{
    struct cursor in = cursor_of(value);

    switch (kind) {
    case FIELD_SIGNEDNESS:
        return signedness(r, value);
    case FIELD_DEFAULT_CHARSET:
        return default_charset(r, &in, false);
    case FIELD_COLUMN_CHARSET:
        return column_charsets(r, &in, false);
    case FIELD_ENUM_SET_DEFAULT_CHARSET:
        return default_charset(r, &in, true);
    case FIELD_ENUM_SET_COLUMN_CHARSET:
        return column_charsets(r, &in, true);
    case FIELD_COLUMN_NAME:
        return column_names(r, &in);
    case FIELD_SET_LABELS:
        return all_labels(r, &in, BINLOG_SET);
    case FIELD_ENUM_LABELS:
        return all_labels(r, &in, BINLOG_ENUM);
    case FIELD_GEOMETRY_TYPE:
        return geometry_types(r, &in);
    case FIELD_PRIMARY_KEY:
        return primary_key(r, &in, false);
    case FIELD_PRIMARY_KEY_PREFIX:
        return primary_key(r, &in, true);
    default:
        return 0; /* visibility, dimensions, and what later servers add: nothing depends on it */
    }
}

static int
read_fields(struct reader *r, struct cursor *in)
{
    while (cursor_left(in) > 0) {
        uint8_t kind = cursor_u8(in);
        struct bytes value = cursor_bytes(in, cursor_packed(in));

        if (cursor_short(in))
            return malformed(r->err, "a table map's fields end early");
        if (read_field(r, kind, value) == -1)
            return -1;
    }
    return 0;
}

/* ---- the whole ---- */

/* Labels come in their column's character set, which may stand behind them. */
static int
convert_labels(struct reader *r, struct binlog_column *col)
{
    struct bytes *labels = arena_array(&r->rel->arena, col->nlabels, sizeof(*labels));

    if (labels == NULL)
        return no_memory(r->err);
    for (uint16_t i = 0; i < col->nlabels; i++) {
        int rc = binlog_charset_utf8(col->charset, col->labels[i], &r->rel->arena, &labels[i]);

        if (rc == -1)
            return no_memory(r->err);
        if (rc == 1)
            return error_set(r->err, ERROR_CONFIG, "E_TEXT_ENCODING", "a label of an ENUM or SET is not valid in %s",
                             binlog_charset_name(col->charset));
    }
    col->labels = labels;
    return 0;
}

/* MariaDB's BINARY(16), BINARY(4) and long VARBINARY may be types of their own. */
static bool
may_be_disguised(const struct binlog_column *col)
{
    if (col->charset != BINLOG_CHARSET_BINARY)
        return false;
    if (col->type == BINLOG_STRING)
        return col->max_bytes == 16 || col->max_bytes == 4;
    return col->type == BINLOG_VARCHAR && col->max_bytes % 4 == 0 && col->max_bytes >= 4;
}

static unsigned
what_is_missing(const struct reader *r)
{
    unsigned missing = r->has_names ? 0 : MISSING_NAMES;

    for (uint16_t i = 0; r->reading->mariadb && i < r->rel->ncolumns; i++) {
        if (may_be_disguised(&r->columns[i]))
            missing |= MISSING_DISGUISES;
        if (binlog_is_old_time(r->columns[i].type))
            missing |= MISSING_FRACTIONS;
    }
    return missing;
}

static int
prepare_columns(struct reader *r)
{
    unsigned missing = what_is_missing(r);

    for (uint16_t i = 0; r->has_names && i < r->rel->ncolumns; i++) {
        if (r->columns[i].nlabels > 0 && convert_labels(r, &r->columns[i]) == -1)
            return -1;
    }
    if (missing != 0 && r->reading->describe(r->reading->arg, r->rel, r->columns, missing, r->err) == -1)
        return -1;
    for (uint16_t i = 0; i < r->rel->ncolumns; i++) {
        if (binlog_type_prepare(&r->rel->columns[i], &r->rel->arena, r->err) == -1)
            return -1;
    }
    return 0;
}

/* Two tables that look alike to readers may still be written differently. */
static void
seal(struct reader *r)
{
    relation_seal(r->rel);
    for (uint16_t i = 0; i < r->rel->ncolumns; i++) {
        const struct binlog_column *col = &r->columns[i];
        uint32_t facts[] = {col->type, col->disguise, col->is_unsigned, col->fraction, col->width, col->geometry,
                            col->bits, col->max_bytes, (uint32_t)col->charset};

        r->rel->hash = bytes_hash(r->rel->hash, facts, sizeof(facts));
    }
}

static int
read_all(struct reader *r, struct cursor *in)
{
    r->columns = arena_array(&r->rel->arena, r->rel->ncolumns, sizeof(*r->columns));
    if (r->columns == NULL)
        return no_memory(r->err);
    if (read_columns(r, in) == -1 || read_fields(r, in) == -1 || prepare_columns(r) == -1)
        return -1;
    r->rel->replica_identity = IDENTITY_DEFAULT;
    seal(r);
    return 0;
}

int
binlog_table_map_read(const struct binlog_reading *reading, const struct binlog_table_name *name,
                      struct relation **out, struct error *err)
{
    struct cursor in = cursor_of(name->shape);
    uint64_t ncolumns = cursor_packed(&in);
    char schema[256], table[256];
    struct reader r = {.reading = reading, .err = err};

    if (cursor_short(&in) || ncolumns == 0 || ncolumns > COLUMNS_MAX)
        return malformed(err, "a table map has no columns, or too many");
    snprintf(schema, sizeof(schema), "%.*s", (int)name->schema.len, (const char *)name->schema.at);
    snprintf(table, sizeof(table), "%.*s", (int)name->table.len, (const char *)name->table.at);
    r.rel = relation_new(0, schema, table, (uint16_t)ncolumns);
    if (r.rel == NULL)
        return no_memory(err);
    if (read_all(&r, &in) == -1) {
        error_prefix(err, "table %s.%s: ", schema, table);
        relation_release(r.rel);
        return -1;
    }
    *out = r.rel;
    return 0;
}
