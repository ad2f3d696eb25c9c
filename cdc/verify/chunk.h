/*
 * chunk.h -- some rows of one side, packed, to be found by their keys.
 *
 * Memory: CHUNK_BYTES and one row. Rows are found until the chunk is read into again.
 */
#ifndef CDC_VERIFY_CHUNK_H
#define CDC_VERIFY_CHUNK_H

#include "pair.h"

enum { CHUNK_BYTES = 4 << 20, CHUNK_ROWS = 2000, CHUNK_KEYS = 500 };

struct chunk_row {
    size_t at;
    uint32_t len, key_len;
    uint32_t copies; /* of its key */
    uint32_t others; /* for who compares: rows of this key on the other side, */
    bool same;       /* and whether the first of them is the same */
};

struct chunk {
    struct buffer bytes;
    struct chunk_row *rows;
    uint32_t n;
    uint32_t taken;     /* rows of the answer that are in it: n and their copies */
    uint32_t *slots; /* by hash of the key: index + 1 */
    bool full;       /* what came further was left out */
    struct buffer last; /* the last row's key as the side wrote it; kept until the next chunk is read */
};

/* Both begin with an empty chunk. */
int chunk_read_after(struct chunk *, const struct pair *, enum verify_side, uint16_t ncolumns, const struct bytes *own_key,
                     uint32_t limit, struct error *err);
int chunk_read_keys(struct chunk *, const struct pair *, enum verify_side, uint16_t ncolumns, const struct bytes *keys,
                    uint32_t nkeys, struct error *err);
void chunk_free(struct chunk *);

struct chunk_row *chunk_find(const struct chunk *, struct bytes key);

static inline struct bytes
chunk_bytes(const struct chunk *chunk, const struct chunk_row *row)
{
    return bytes_of(chunk->bytes.at + row->at, row->len);
}

static inline struct bytes
chunk_key(const struct chunk *chunk, const struct chunk_row *row)
{
    return bytes_of(chunk->bytes.at + row->at, row->key_len);
}

/* Ask this side, and take its answer. The statement is given up. */
int side_read(const struct pair *, enum verify_side, struct buffer *sql, rows_take *, void *own, struct error *err);

#endif
