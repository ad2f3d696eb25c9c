/* doubt.c -- see doubt.h and verify.h. */
#include "doubt.h"

#include <stdlib.h>

#include "passed.h"

struct looker {
    struct doubts *doubts;
    struct chunk sides[2];
    struct bytes *keys;  /* CHUNK_KEYS of them */
    uint32_t at_once;    /* so many rows fitted last time */
    struct arena scratch;
};

static uint64_t
hash_of(struct bytes row)
{
    uint64_t hash = bytes_hash(BYTES_HASH_SEED, row.at, row.len);

    return row.len == 0 ? 0 : hash == 0 ? 1 : hash;
}

static int
no_memory(struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for rows that differ");
}

int
doubts_add(struct doubts *d, struct bytes key, struct bytes row, struct error *err)
{
    struct doubt doubt = {d->keys.len, (uint32_t)key.len, 0, hash_of(row)};

    buffer_put(&d->keys, key.at, key.len);
    buffer_put(&d->list, &doubt, sizeof(doubt));
    return buffer_failed(&d->keys) || buffer_failed(&d->list) ? no_memory(err) : 0;
}

static struct doubt *
doubt_at(const struct doubts *d, size_t i)
{
    return (struct doubt *)(void *)d->list.at + i;
}

static size_t
count(const struct doubts *d)
{
    return d->list.len / sizeof(struct doubt);
}

static struct bytes
key_at(const struct doubts *d, size_t i)
{
    const struct doubt *doubt = doubt_at(d, i);

    return bytes_of(d->keys.at + doubt->key, doubt->key_len);
}

/* ---- telling ---- */

/* Names, and the values of both sides; those of a side without the row are NULL. */
static struct verify_column *
columns_of(struct looker *l, uint16_t ncolumns, struct bytes source, struct bytes target)
{
    const struct pair *pair = l->doubts->pair;
    struct verify_column *columns = arena_array(&l->scratch, ncolumns, sizeof(*columns));
    struct bytes *fields = arena_array(&l->scratch, ncolumns, sizeof(*fields));

    if (columns == NULL || fields == NULL)
        return NULL;
    if (source.len > 0)
        pair_unpack(source, ncolumns, fields);
    for (uint16_t i = 0; i < ncolumns; i++)
        columns[i] = (struct verify_column){.name = pair->columns[i].name, .source = fields[i]};
    memset(fields, 0, ncolumns * sizeof(*fields));
    if (target.len > 0)
        pair_unpack(target, ncolumns, fields);
    for (uint16_t i = 0; i < ncolumns; i++)
        columns[i].target = fields[i];
    return columns;
}

static bool
is_same(const struct verify_column *column)
{
    return (column->source.at == NULL) == (column->target.at == NULL) && bytes_equal(column->source, column->target);
}

static uint16_t
keep_different(struct verify_column *columns, uint16_t n)
{
    uint16_t kept = 0;

    for (uint16_t i = 0; i < n; i++) {
        if (!is_same(&columns[i]))
            columns[kept++] = columns[i];
    }
    return kept;
}

static int
tell(struct looker *l, struct bytes key, struct bytes source, struct bytes target, uint32_t copies, struct error *err)
{
    struct doubts *d = l->doubts;
    struct verify_row row = {.kind = VERIFY_DIFFERS, .nkey = d->pair->nkey, .copies = copies};
    struct verify_column *columns;

    arena_reset(&l->scratch);
    row.key = columns_of(l, row.nkey, key, bytes_of(NULL, 0));
    columns = columns_of(l, d->pair->ncolumns, source, target);
    if (row.key == NULL || columns == NULL)
        return no_memory(err);
    if (source.len == 0) {
        row.kind = VERIFY_SURPLUS;
    } else if (target.len == 0) {
        row.kind = VERIFY_MISSING;
    } else {
        row.ncolumns = keep_different(columns, d->pair->ncolumns);
        row.columns = columns;
    }
    d->table->counts[row.kind]++;
    d->listener->row(d->listener->own, d->table, &row);
    return 0;
}

/* ---- looking again ---- */

static struct bytes
row_in(const struct chunk *chunk, struct bytes key, uint32_t *copies)
{
    const struct chunk_row *row = chunk_find(chunk, key);

    *copies = row != NULL ? row->copies : 0;
    return row != NULL ? chunk_bytes(chunk, row) : bytes_of(NULL, 0);
}

/* 1: it is settled, 0: it stays in doubt. */
static int
judge(struct looker *l, struct doubt *doubt, struct bytes key, struct error *err)
{
    uint32_t copies, ignored;
    struct bytes source = row_in(&l->sides[SOURCE], key, &ignored), target = row_in(&l->sides[TARGET], key, &copies);
    uint64_t before = doubt->source_hash, now = hash_of(source), there = hash_of(target);

    doubt->source_hash = now;
    if (copies <= 1 && (there == before || there == now))
        return 1;
    if (before != now || ++doubt->strikes < DOUBT_STRIKES)
        return 0;
    return tell(l, key, source, target, copies, err) == -1 ? -1 : 1;
}

/* The target first: what the source has then is not older. */
static int
read_both(struct looker *l, size_t from, uint32_t n, struct error *err)
{
    const struct doubts *d = l->doubts;

    for (uint32_t i = 0; i < n; i++)
        l->keys[i] = key_at(d, from + i);
    if (chunk_read_keys(&l->sides[TARGET], d->pair, TARGET, d->pair->ncolumns, l->keys, n, err) == -1)
        return -1;
    return chunk_read_keys(&l->sides[SOURCE], d->pair, SOURCE, d->pair->ncolumns, l->keys, n, err);
}

/* As many as are at hand on both sides: of large rows fewer, but one always. */
static int
read_some(struct looker *l, size_t from, size_t left, uint32_t *n, struct error *err)
{
    for (;; l->at_once = *n / 2) {
        *n = left < l->at_once ? (uint32_t)left : l->at_once;
        if (read_both(l, from, *n, err) == -1)
            return -1;
        if (*n == 1 || (!l->sides[SOURCE].full && !l->sides[TARGET].full))
            break;
    }
    if (l->sides[SOURCE].bytes.len < CHUNK_BYTES / 2 && l->sides[TARGET].bytes.len < CHUNK_BYTES / 2)
        l->at_once = 2 * *n < CHUNK_KEYS ? 2 * *n : CHUNK_KEYS;
    return 0;
}

/* Every row in doubt once; those that stay in doubt move to the front. */
static int
look(struct looker *l, struct error *err)
{
    struct doubts *d = l->doubts;
    size_t all = count(d), kept = 0;
    uint32_t n;

    for (size_t from = 0; from < all; from += n) {
        if (read_some(l, from, all - from, &n, err) == -1)
            return -1;
        for (uint32_t i = 0; i < n; i++) {
            int settled = judge(l, doubt_at(d, from + i), key_at(d, from + i), err);

            if (settled == -1)
                return -1;
            if (settled == 0)
                *doubt_at(d, kept++) = *doubt_at(d, from + i);
        }
    }
    d->list.len = kept * sizeof(struct doubt);
    return 0;
}

int
doubts_settle(struct doubts *d, struct error *err)
{
    struct looker l = {.doubts = d, .at_once = CHUNK_KEYS};
    int rc = 0;

    l.keys = calloc(CHUNK_KEYS, sizeof(*l.keys));
    if (l.keys == NULL)
        rc = no_memory(err);
    for (int i = 0; rc == 0 && count(d) > 0 && i < DOUBT_LOOKS; i++) {
        rc = passed_wait(d->config, d->sink, err);
        if (rc == 0)
            rc = look(&l, err);
    }
    d->table->unsettled += count(d);
    buffer_reset(&d->keys);
    buffer_reset(&d->list);
    chunk_free(&l.sides[SOURCE]);
    chunk_free(&l.sides[TARGET]);
    arena_free(&l.scratch);
    free(l.keys);
    return rc;
}

void
doubts_free(struct doubts *d)
{
    buffer_free(&d->keys);
    buffer_free(&d->list);
}
