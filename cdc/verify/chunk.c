/* chunk.c -- see chunk.h. */
#include "chunk.h"

#include <stdlib.h>

enum { SLOTS = 4096 }; /* at least twice CHUNK_ROWS, a power of two */

static int
no_memory(struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for rows");
}

int
side_read(const struct pair *pair, enum verify_side side, struct buffer *sql, rows_take *take, void *own, struct error *err)
{
    int rc;

    buffer_cstr(sql); /* ends it with a NUL */
    rc = buffer_failed(sql) ? no_memory(err)
                            : pair->rows[side]->ops->read(pair->rows[side], bytes_of(sql->at, sql->len), take, own, err);
    buffer_free(sql);
    return rc == -1 ? error_prefix(err, "%s: ", side == SOURCE ? "source" : "target") : 0;
}

static uint32_t *
slot_of(const struct chunk *chunk, struct bytes key)
{
    uint32_t i = (uint32_t)bytes_hash(BYTES_HASH_SEED, key.at, key.len) & (SLOTS - 1);

    while (chunk->slots[i] != 0 && !bytes_equal(chunk_key(chunk, &chunk->rows[chunk->slots[i] - 1]), key))
        i = (i + 1) & (SLOTS - 1);
    return &chunk->slots[i];
}

struct chunk_row *
chunk_find(const struct chunk *chunk, struct bytes key)
{
    uint32_t found = *slot_of(chunk, key);

    return found == 0 ? NULL : &chunk->rows[found - 1];
}

struct filling {
    struct chunk *chunk;
    const struct pair *pair;
    enum verify_side side;
    uint16_t ncolumns;
};

/* The row that was packed last, behind `at`, joins; another of its key is only counted. */
static void
join(struct filling *f, size_t at)
{
    struct chunk *chunk = f->chunk;
    struct bytes packed = bytes_of(chunk->bytes.at + at, chunk->bytes.len - at);
    size_t key_len = pair_prefix(packed, f->pair->nkey);
    uint32_t *slot = slot_of(chunk, bytes_of(packed.at, key_len));

    if (*slot != 0) {
        chunk->rows[*slot - 1].copies++;
        chunk->bytes.len = at;
        return;
    }
    chunk->rows[chunk->n] = (struct chunk_row){at, (uint32_t)packed.len, (uint32_t)key_len, 1, 0, false};
    *slot = ++chunk->n;
}

static int
take_row(void *own, const struct bytes *fields, struct error *err)
{
    struct filling *f = own;
    struct chunk *chunk = f->chunk;
    size_t at = chunk->bytes.len;

    if (chunk->n == CHUNK_ROWS || at >= CHUNK_BYTES) {
        chunk->full = true;
        return 1;
    }
    pair_pack(f->pair, f->side, f->ncolumns, fields, &chunk->bytes);
    buffer_reset(&chunk->last);
    pair_pack_own_key(f->pair, fields, &chunk->last);
    if (buffer_failed(&chunk->bytes) || buffer_failed(&chunk->last) || chunk->bytes.len - at > UINT32_MAX)
        return no_memory(err);
    join(f, at);
    chunk->taken++;
    return 0;
}

static int
fill(struct chunk *chunk, const struct pair *pair, enum verify_side side, uint16_t ncolumns, struct buffer *sql,
     struct error *err)
{
    struct filling f = {chunk, pair, side, ncolumns};

    if (chunk->rows == NULL) {
        chunk->rows = calloc(CHUNK_ROWS, sizeof(*chunk->rows));
        chunk->slots = calloc(SLOTS, sizeof(*chunk->slots));
    }
    if (chunk->rows == NULL || chunk->slots == NULL) {
        buffer_free(sql);
        return no_memory(err);
    }
    if (chunk->bytes.cap > 2 * CHUNK_BYTES)
        buffer_free(&chunk->bytes); /* a large row's room is not kept */
    buffer_reset(&chunk->bytes);
    memset(chunk->slots, 0, SLOTS * sizeof(*chunk->slots));
    chunk->n = chunk->taken = 0;
    chunk->full = false;
    return side_read(pair, side, sql, take_row, &f, err);
}

int
chunk_read_after(struct chunk *chunk, const struct pair *pair, enum verify_side side, uint16_t ncolumns,
                 const struct bytes *own_key, uint32_t limit, struct error *err)
{
    struct buffer sql = {0};

    pair_sql_after(pair, side, ncolumns, own_key, limit, &sql);
    return fill(chunk, pair, side, ncolumns, &sql, err);
}

int
chunk_read_keys(struct chunk *chunk, const struct pair *pair, enum verify_side side, uint16_t ncolumns,
                const struct bytes *keys, uint32_t nkeys, struct error *err)
{
    struct buffer sql = {0};

    pair_sql_keys(pair, side, ncolumns, keys, nkeys, &sql);
    return fill(chunk, pair, side, ncolumns, &sql, err);
}

void
chunk_free(struct chunk *chunk)
{
    buffer_free(&chunk->bytes);
    buffer_free(&chunk->last);
    free(chunk->rows);
    free(chunk->slots);
    *chunk = (struct chunk){.n = 0};
}
