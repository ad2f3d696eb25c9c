/*
 * binlog_types.c -- binlog_value and binlog_value_skip; see binlog_types.h. Decimals, dates,
 * compressed values and addresses are in files of their own.
 *
 * Each value of each row passes binlog_value: nothing is allocated where bytes can be borrowed, and
 * a short cursor is looked at once, behind the switch (it yields zeros until then). What metadata
 * says was checked by binlog_type_prepare, and is trusted here.
 */
#include "binlog_types_internal.h"

#include "binlog_json.h"

int
binlog_bad_value(const struct column *column, const char *code, const char *what, struct error *err)
{
    return error_set(err, ERROR_DATA, code, "column %s: %s", column->name, what);
}

int
binlog_no_memory(const struct column *column, struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for column %s", column->name);
}

static inline uint64_t
prefix(struct cursor *in, unsigned width)
{
    return width == 1 ? cursor_u8(in) : width == 2 ? cursor_le16(in) : cursor_le(in, width);
}

static inline struct bytes
prefixed(struct cursor *in, unsigned width)
{
    return cursor_bytes(in, prefix(in, width));
}

static int
text_value(const struct column *column, struct bytes raw, struct arena *arena, struct value *out,
           struct error *err)
{
    enum binlog_charset charset = column->binlog->charset;

    /* Encoders look at every text once more, whatever made it, and answer with E_TEXT_ENCODING too:
     * what is UTF-8 already is not read here. */
    if (charset == BINLOG_CHARSET_UTF8MB4 || charset == BINLOG_CHARSET_UTF8MB3 ||
        charset == BINLOG_CHARSET_BINARY) {
        out->bytes = raw;
        return 0;
    }
    switch (binlog_charset_utf8(charset, raw, arena, &out->bytes)) {
    case 0:
        return 0;
    case 1:
        return error_set(err, ERROR_DATA, "E_TEXT_ENCODING", "column %s: the text is not valid %s",
                         column->name, binlog_charset_name(charset));
    default:
        return error_set(err, ERROR_FATAL, "",
                         "column %s: out of memory, or the C library can't convert from %s",
                         column->name, binlog_charset_name(charset));
    }
}

/* UUID, INET6, INET4: all bytes are there again. */
static int
disguised_value(const struct column *column, struct bytes raw, struct arena *arena,
                struct value *out, struct error *err)
{
    uint8_t full[16] = {0};
    uint8_t *text = arena_alloc(arena, BINLOG_INET_TEXT_MAX);

    if (text == NULL)
        return binlog_no_memory(column, err);
    if (raw.len > 0)
        memcpy(full, raw.at, raw.len);
    if (column->binlog->disguise == DISGUISE_UUID)
        out->bytes = bytes_of(text, binlog_uuid_text(full, text));
    else
        out->bytes = bytes_of(text, binlog_inet_text(full, column->binlog->max_bytes, text));
    return 0;
}

/* CHAR comes without its spaces, and stays so; BINARY without its zeros, which are put back. */
static int
string_value(const struct column *column, struct bytes raw, struct arena *arena, struct value *out,
             struct error *err)
{
    const struct binlog_column *how = column->binlog;
    uint8_t *full;

    if (raw.len > how->max_bytes)
        return binlog_bad_value(column, "E_PROTOCOL", "a value longer than its column", err);
    if (how->disguise != DISGUISE_NONE)
        return disguised_value(column, raw, arena, out, err);
    if (how->charset != BINLOG_CHARSET_BINARY || raw.len == how->max_bytes)
        return text_value(column, raw, arena, out, err);
    full = arena_alloc(arena, how->max_bytes); /* zeros */
    if (full == NULL)
        return binlog_no_memory(column, err);
    if (raw.len > 0)
        memcpy(full, raw.at, raw.len);
    out->bytes = bytes_of(full, how->max_bytes);
    return 0;
}

static int
vector_value(const struct column *column, struct bytes raw, struct value *out, struct error *err)
{
    if (raw.len % sizeof(float) != 0)
        return binlog_bad_value(column, "E_PROTOCOL", "a vector that ends inside a number", err);
    out->bytes = raw;
    return 0;
}

static int
compressed_value(const struct column *column, struct bytes raw, struct arena *arena,
                 struct value *out, struct error *err)
{
    switch (binlog_decompress(raw, arena, &raw)) {
    case 0:
        return text_value(column, raw, arena, out, err);
    case 1:
        return binlog_bad_value(column, "E_PROTOCOL", "a compressed value that makes no sense",
                                err);
    default:
        return binlog_no_memory(column, err);
    }
}

static int
bit_value(const struct column *column, struct cursor *in, struct arena *arena, struct value *out,
          struct error *err)
{
    size_t len = column->binlog->width;
    const uint8_t *raw = cursor_take(in, len);
    uint8_t *low_first;

    if (raw == NULL)
        return 0; /* binlog_value sees it */
    if (column->type == TYPE_BOOL) {
        out->i = raw[0] & 1;
        return 0;
    }
    low_first = arena_alloc(arena, len);
    if (low_first == NULL)
        return binlog_no_memory(column, err);
    for (size_t i = 0; i < len; i++)
        low_first[i] = raw[len - 1 - i];
    out->bytes = bytes_of(low_first, len);
    return 0;
}

static int
enum_value(const struct column *column, uint64_t index, struct value *out, struct error *err)
{
    const struct binlog_column *how = column->binlog;

    out->bytes = bytes_of("", 0); /* index 0: what the server keeps of a value that was none */
    if (index > how->nlabels)
        return error_set(err, ERROR_DATA, "E_VALUE", "column %s: label %u of %u", column->name,
                         (unsigned)index, how->nlabels);
    if (index > 0)
        out->bytes = how->labels[index - 1];
    return 0;
}

static int
set_value(const struct column *column, uint64_t members, struct arena *arena, struct value *out,
          struct error *err)
{
    const struct binlog_column *how = column->binlog;
    size_t len = 0;
    uint8_t *all, *at;

    out->bytes = bytes_of("", 0);
    if (members == 0)
        return 0;
    if (how->nlabels < 64 && members >> how->nlabels != 0)
        return error_set(err, ERROR_DATA, "E_VALUE",
                         "column %s: a member past the last of its %u labels", column->name,
                         how->nlabels);
    if ((members & (members - 1)) == 0) {
        out->bytes = how->labels[__builtin_ctzll(members)];
        return 0;
    }
    for (uint64_t left = members; left != 0; left &= left - 1)
        len += how->labels[__builtin_ctzll(left)].len + 1;
    all = at = arena_alloc(arena, len);
    if (all == NULL)
        return binlog_no_memory(column, err);
    for (uint64_t left = members; left != 0; left &= left - 1) {
        struct bytes label = how->labels[__builtin_ctzll(left)];
        if (label.len > 0)
            memcpy(at, label.at, label.len);
        at += label.len;
        *at++ = ',';
    }
    out->bytes = bytes_of(all, len - 1);
    return 0;
}

/* A u32 with the SRID, then WKB. MariaDB keeps an empty value where NULL was forced into a column
 * that has none. */
static int
geometry_value(const struct column *column, struct bytes raw, struct value *out, struct error *err)
{
    struct cursor in = cursor_of(raw);

    if (raw.len == 0) {
        out->bytes = raw;
        return 0;
    }
    out->scale = (int32_t)cursor_le32(&in);
    out->bytes = bytes_of(in.at, cursor_left(&in));
    if (cursor_short(&in))
        return binlog_bad_value(column, "E_PROTOCOL", "a geometry without its SRID", err);
    return 0;
}

static int
json_value(const struct column *column, struct bytes raw, struct arena *arena, struct value *out,
           struct error *err)
{
    struct buffer text = {.max = BINLOG_JSON_TEXT_MAX};
    const uint8_t *copy;
    int status = binlog_json_text(raw, &text, err);

    if (status == -1) {
        buffer_free(&text);
        return error_prefix(err, "column %s: ", column->name);
    }
    copy = arena_copy(arena, text.at, text.len);
    out->bytes = bytes_of(copy, text.len);
    buffer_free(&text);
    return copy == NULL ? binlog_no_memory(column, err) : 0;
}

static int
decimal_value(const struct column *column, struct cursor *in, struct arena *arena,
              struct value *out, struct error *err)
{
    if (binlog_decimal(in, column->binlog->precision, column->binlog->scale, arena, out, err) == 0)
        return 0;
    return error_prefix(err, "column %s: ", column->name);
}

static inline int64_t
integer(const struct binlog_column *how, uint64_t v, unsigned bits)
{
    return how->is_unsigned ? (int64_t)v : (int64_t)(v << (64 - bits)) >> (64 - bits);
}

static double
float_of(uint32_t bits)
{
    float f;

    memcpy(&f, &bits, sizeof(f));
    return (double)f;
}

static double
double_of(uint64_t bits)
{
    double f;

    memcpy(&f, &bits, sizeof(f));
    return f;
}

/* A short cursor gives nonsense here, and binlog_value says so. */
static inline int
take_value(const struct column *column, struct cursor *in, struct arena *arena, struct value *out,
           struct error *err)
{
    const struct binlog_column *how = column->binlog;
    struct bytes raw;

    switch ((enum binlog_type)how->type) {
    case BINLOG_TINY:
        out->i = integer(how, cursor_u8(in), 8);
        return 0;
    case BINLOG_SHORT:
        out->i = integer(how, cursor_le16(in), 16);
        return 0;
    case BINLOG_INT24:
        out->i = integer(how, cursor_le(in, 3), 24);
        return 0;
    case BINLOG_LONG:
        out->i = integer(how, cursor_le32(in), 32);
        return 0;
    case BINLOG_LONGLONG:
        if (!how->is_unsigned) {
            out->i = (int64_t)cursor_le64(in);
            return 0;
        }
        return binlog_decimal_of(cursor_le64(in), arena, out) == 0 ? 0
                                                                   : binlog_no_memory(column, err);
    case BINLOG_FLOAT:
        out->f = float_of(cursor_le32(in));
        return 0;
    case BINLOG_DOUBLE:
        out->f = double_of(cursor_le64(in));
        return 0;
    case BINLOG_YEAR:
        out->i = cursor_u8(in);
        out->i += out->i == 0 ? 0 : 1900;
        return 0;
    case BINLOG_NEWDECIMAL:
        return decimal_value(column, in, arena, out, err);
    case BINLOG_DATE:
    case BINLOG_TIME:
    case BINLOG_TIME2:
    case BINLOG_DATETIME:
    case BINLOG_DATETIME2:
    case BINLOG_TIMESTAMP:
    case BINLOG_TIMESTAMP2:
        return binlog_time_value(column, in, out, err);
    case BINLOG_BIT:
        return bit_value(column, in, arena, out, err);
    case BINLOG_ENUM:
        return enum_value(column, prefix(in, how->width), out, err);
    case BINLOG_SET:
        return set_value(column, prefix(in, how->width), arena, out, err);
    case BINLOG_VARCHAR:
    case BINLOG_VAR_STRING:
    case BINLOG_STRING:
    case BINLOG_BLOB:
    case BINLOG_BLOB_COMPRESSED:
    case BINLOG_VARCHAR_COMPRESSED:
    case BINLOG_JSON:
    case BINLOG_GEOMETRY:
    case BINLOG_VECTOR:
        break;
    case BINLOG_DECIMAL:
    case BINLOG_NULL:
    case BINLOG_TYPED_ARRAY: /* binlog_type_prepare turned them away */
        return binlog_bad_value(column, "E_TYPE", "its type can't be decoded", err);
    }
    raw = prefixed(in, how->width);
    if (cursor_short(in))
        return 0;
    switch ((enum binlog_type)how->type) {
    case BINLOG_STRING:
        return string_value(column, raw, arena, out, err);
    case BINLOG_VARCHAR:
        if (how->disguise == DISGUISE_VECTOR)
            return vector_value(column, raw, out, err);
        return text_value(column, raw, arena, out, err);
    case BINLOG_BLOB_COMPRESSED:
    case BINLOG_VARCHAR_COMPRESSED:
        return compressed_value(column, raw, arena, out, err);
    case BINLOG_JSON:
        return json_value(column, raw, arena, out, err);
    case BINLOG_GEOMETRY:
        return geometry_value(column, raw, out, err);
    case BINLOG_VECTOR:
        return vector_value(column, raw, out, err);
    default:
        return text_value(column, raw, arena, out, err);
    }
}

int
binlog_value(const struct column *column, struct cursor *in, struct arena *arena, struct value *out,
             struct error *err)
{
    int status;

    *out = (struct value){.state = VALUE_SET};
    status = take_value(column, in, arena, out, err);
    if (status == 0 && cursor_short(in))
        return binlog_bad_value(column, "E_PROTOCOL", "a value that ends behind its row", err);
    return status;
}

int
binlog_value_skip(const struct column *column, struct cursor *in)
{
    const struct binlog_column *how = column->binlog;

    switch ((enum binlog_type)how->type) {
    case BINLOG_NULL:
        break;
    case BINLOG_TINY:
    case BINLOG_YEAR:
        cursor_take(in, 1);
        break;
    case BINLOG_SHORT:
        cursor_take(in, 2);
        break;
    case BINLOG_INT24:
        cursor_take(in, 3);
        break;
    case BINLOG_LONG:
    case BINLOG_FLOAT:
        cursor_take(in, 4);
        break;
    case BINLOG_LONGLONG:
    case BINLOG_DOUBLE:
        cursor_take(in, 8);
        break;
    case BINLOG_DATE:
    case BINLOG_TIME:
    case BINLOG_TIME2:
    case BINLOG_DATETIME:
    case BINLOG_DATETIME2:
    case BINLOG_TIMESTAMP:
    case BINLOG_TIMESTAMP2:
        cursor_take(in, binlog_time_size(how));
        break;
    case BINLOG_NEWDECIMAL:
        cursor_take(in, binlog_decimal_size(how->precision, how->scale));
        break;
    case BINLOG_BIT:
    case BINLOG_ENUM:
    case BINLOG_SET:
        cursor_take(in, how->width);
        break;
    case BINLOG_VARCHAR:
    case BINLOG_VAR_STRING:
    case BINLOG_STRING:
    case BINLOG_BLOB:
    case BINLOG_BLOB_COMPRESSED:
    case BINLOG_VARCHAR_COMPRESSED:
    case BINLOG_JSON:
    case BINLOG_GEOMETRY:
    case BINLOG_VECTOR:
        prefixed(in, how->width);
        break;
    case BINLOG_DECIMAL:
    case BINLOG_TYPED_ARRAY:
        return -1; /* nobody knows how long it is */
    }
    return cursor_short(in) ? -1 : 0;
}
