/*
 * binlog_json_internal.h -- a binary JSON document taken apart; what binlog_json*.c share.
 *
 * A piece is a value with exactly its bytes, checked against what holds it. A container (object or array) is
 *
 *     count   size   [offset, key length] * count   [type, value or offset] * count   keys and values
 *
 * in words of 2 bytes (small) or 4 (large); a key's length has always 2. Offsets count from `count`, `size` is all
 * of it. Objects have keys; their entries are sorted by the keys' length, then bytes. A server that changes
 * documents in place leaves gaps between values and puts them in any order: both are right.
 *
 * What bounds the work: the keys and values of a container together may not be larger than the room that it has for
 * them. So offsets that point many times at the same thing are refused, and no document has more values than bytes.
 */
#ifndef CDC_BINLOG_JSON_INTERNAL_H
#define CDC_BINLOG_JSON_INTERNAL_H

#include "binlog_json.h"

enum binlog_json_type {
    BIN_SMALL_OBJECT = 0x00,
    BIN_LARGE_OBJECT = 0x01,
    BIN_SMALL_ARRAY = 0x02,
    BIN_LARGE_ARRAY = 0x03,
    BIN_LITERAL = 0x04,
    BIN_INT16 = 0x05,
    BIN_UINT16 = 0x06,
    BIN_INT32 = 0x07,
    BIN_UINT32 = 0x08,
    BIN_INT64 = 0x09,
    BIN_UINT64 = 0x0a,
    BIN_DOUBLE = 0x0b,
    BIN_STRING = 0x0c,
    BIN_OPAQUE = 0x0f,
};

struct binlog_json_piece {
    uint8_t type; /* enum binlog_json_type */
    struct bytes bytes;
};

struct binlog_json_container {
    struct bytes bytes; /* from `count` on */
    uint32_t count;
    bool is_object, large;
    size_t room; /* for the keys and values that were not taken yet */
};

struct binlog_json_entry {
    struct bytes key; /* empty in an array */
    struct binlog_json_piece value;
};

/* Fill *err with "binary JSON: ..." and return -1. */
int binlog_json_bad(struct error *err, const char *what);

/* A whole document. */
int binlog_json_root(struct bytes document, struct binlog_json_piece *, struct error *err);

static inline bool
binlog_json_is_array(const struct binlog_json_piece *piece)
{
    return piece->type == BIN_SMALL_ARRAY || piece->type == BIN_LARGE_ARRAY;
}

static inline bool
binlog_json_is_object(const struct binlog_json_piece *piece)
{
    return piece->type == BIN_SMALL_OBJECT || piece->type == BIN_LARGE_OBJECT;
}

/* A piece that is an object or an array. */
int binlog_json_open(const struct binlog_json_piece *, struct binlog_json_container *,
                     struct error *err);

/* Entry `i`, below the count. _take also charges it to the room, and is called once for each entry before the
 * container may be trusted; _entry is for afterwards. */
int binlog_json_take(struct binlog_json_container *, uint32_t i, struct binlog_json_entry *,
                     struct error *err);
int binlog_json_entry(const struct binlog_json_container *, uint32_t i,
                      struct binlog_json_entry *, struct error *err);

/* A piece as text; `depth` is that of the containers around it. -1 with *err as it was when the buffer failed. */
int binlog_json_put(const struct binlog_json_piece *, unsigned depth, struct buffer *out,
                    struct error *err);
int binlog_json_put_scalar(const struct binlog_json_piece *, struct buffer *out,
                           struct error *err);

/* Around everything that is put: the limit of BINLOG_JSON_TEXT_MAX, and nothing appended when it failed. */
struct binlog_json_mark {
    size_t len, max;
    bool failed;
};
struct binlog_json_mark binlog_json_begin(struct buffer *out);
int binlog_json_end(struct buffer *out, struct binlog_json_mark, int status, struct error *err);

#endif
