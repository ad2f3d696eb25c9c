/*
 * binlog_json_read.c -- binary JSON: pieces and containers, each checked against what holds it.
 *
 * See binlog_json_internal.h for the layout. Pure; any thread.
 */
#include "binlog_json_internal.h"

int
binlog_json_bad(struct error *err, const char *what)
{
    return error_set(err, ERROR_DATA, "E_PROTOCOL", "binary JSON: %s", what);
}

/* ---- how long a value is ---- */

static bool
is_large(uint8_t type)
{
    return type == BIN_LARGE_OBJECT || type == BIN_LARGE_ARRAY;
}

/* Seven bits a byte, the low ones first, the top bit set when more follow. */
static size_t
take_length(struct cursor *in)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = cursor_u8(in);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return (size_t)v;
    }
    in->past_end = true;
    return 0;
}

/* Move the cursor past one value of this type. */
static void
skip_value(struct cursor *in, uint8_t type)
{
    unsigned word;
    uint64_t size;

    switch (type) {
    case BIN_SMALL_OBJECT:
    case BIN_SMALL_ARRAY:
    case BIN_LARGE_OBJECT:
    case BIN_LARGE_ARRAY:
        word = is_large(type) ? 4 : 2;
        cursor_take(in, word);
        size = cursor_le(in, word);
        cursor_take(in, size < 2 * word ? SIZE_MAX : (size_t)size - 2 * word);
        break;
    case BIN_LITERAL:
        cursor_take(in, 1);
        break;
    case BIN_INT16:
    case BIN_UINT16:
        cursor_take(in, 2);
        break;
    case BIN_INT32:
    case BIN_UINT32:
        cursor_take(in, 4);
        break;
    case BIN_INT64:
    case BIN_UINT64:
    case BIN_DOUBLE:
        cursor_take(in, 8);
        break;
    case BIN_OPAQUE:
        cursor_take(in, 1); /* a column's type */
        /* fall through */
    case BIN_STRING:
        cursor_take(in, take_length(in));
        break;
    default:
        in->past_end = true;
    }
}

/* The value that begins where `within` does. What stands behind it in there is somebody else's, or
 * a gap. */
static int
piece_at(uint8_t type, struct bytes within, struct binlog_json_piece *out, struct error *err)
{
    struct cursor in = cursor_of(within);

    skip_value(&in, type);
    if (cursor_short(&in))
        return binlog_json_bad(err, "a value of an unknown type, or past its container's end");
    *out = (struct binlog_json_piece){type, bytes_of(within.at, (size_t)(in.at - within.at))};
    return 0;
}

int
binlog_json_root(struct bytes document, struct binlog_json_piece *out, struct error *err)
{
    static const uint8_t null[] = {0};

    if (document.len == 0) {
        *out = (struct binlog_json_piece){BIN_LITERAL, bytes_of(null, sizeof(null))};
        return 0;
    }
    return piece_at(document.at[0], bytes_of(document.at + 1, document.len - 1), out, err);
}

/* ---- containers ---- */

static inline unsigned
word_of(const struct binlog_json_container *c)
{
    return c->large ? 4 : 2;
}

static size_t
header_size(const struct binlog_json_container *c)
{
    size_t word = word_of(c), entry = 1 + word;

    if (c->is_object)
        entry += word + 2;
    return 2 * word + c->count * entry; /* below 2^36 */
}

int
binlog_json_open(const struct binlog_json_piece *piece, struct binlog_json_container *out,
                 struct error *err)
{
    struct cursor in = cursor_of(piece->bytes);

    *out = (struct binlog_json_container){
        .bytes = piece->bytes,
        .is_object = binlog_json_is_object(piece),
        .large = is_large(piece->type),
    };
    out->count = (uint32_t)cursor_le(&in, word_of(out));
    if (header_size(out) > piece->bytes.len)
        return binlog_json_bad(err, "more entries than their container has room for");
    out->room = piece->bytes.len - header_size(out);
    return 0;
}

/* Whether the value stands in its entry, instead of an offset. */
static bool
is_inline(uint8_t type, bool large)
{
    switch (type) {
    case BIN_LITERAL:
    case BIN_INT16:
    case BIN_UINT16:
        return true;
    case BIN_INT32:
    case BIN_UINT32:
        return large;
    default:
        return false;
    }
}

static struct cursor
cursor_from(const struct binlog_json_container *c, size_t offset)
{
    struct cursor in = cursor_of(c->bytes);

    cursor_take(&in, offset);
    return in;
}

/* The end of a container from an offset on; nothing may point into its header. */
static bool
behind_header(const struct binlog_json_container *c, size_t offset, struct bytes *out)
{
    if (offset < header_size(c) || offset > c->bytes.len)
        return false;
    *out = bytes_of(c->bytes.at + offset, c->bytes.len - offset);
    return true;
}

static bool
entry_key(const struct binlog_json_container *c, uint32_t i, struct bytes *out)
{
    size_t word = word_of(c);
    struct cursor in = cursor_from(c, 2 * word + i * (word + 2));
    size_t offset = (size_t)cursor_le(&in, (unsigned)word);
    size_t len = cursor_le16(&in);

    if (!behind_header(c, offset, out) || out->len < len)
        return false;
    out->len = len;
    return true;
}

/* The room that the value takes behind the header comes back in *size. */
static int
entry_value(const struct binlog_json_container *c, uint32_t i, struct binlog_json_piece *out,
            size_t *size, struct error *err)
{
    size_t word = word_of(c);
    size_t keys = c->is_object ? c->count * (word + 2) : 0;
    struct cursor in = cursor_from(c, 2 * word + keys + i * (1 + word));
    uint8_t type = cursor_u8(&in);
    struct bytes within;

    *size = 0;
    if (is_inline(type, c->large))
        return piece_at(type, cursor_bytes(&in, word), out, err);
    if (!behind_header(c, (size_t)cursor_le(&in, (unsigned)word), &within))
        return binlog_json_bad(err, "a value's offset outside its container");
    if (piece_at(type, within, out, err) == -1)
        return -1;
    *size = out->bytes.len;
    return 0;
}

static int
read_entry(const struct binlog_json_container *c, uint32_t i, struct binlog_json_entry *out,
           size_t *size, struct error *err)
{
    *out = (struct binlog_json_entry){0};
    if (c->is_object && !entry_key(c, i, &out->key))
        return binlog_json_bad(err, "a key outside its container");
    if (entry_value(c, i, &out->value, size, err) == -1)
        return -1;
    *size += out->key.len;
    return 0;
}

int
binlog_json_entry(const struct binlog_json_container *c, uint32_t i, struct binlog_json_entry *out,
                  struct error *err)
{
    size_t size;

    return read_entry(c, i, out, &size, err);
}

int
binlog_json_take(struct binlog_json_container *c, uint32_t i, struct binlog_json_entry *out,
                 struct error *err)
{
    size_t size;

    if (read_entry(c, i, out, &size, err) == -1)
        return -1;
    if (size > c->room)
        return binlog_json_bad(err, "values that overlap");
    c->room -= size;
    return 0;
}
