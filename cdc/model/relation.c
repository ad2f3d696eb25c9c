/* relation.c -- see cdc/relation.h. Immutable once sealed; the count is atomic. */
#include "cdc/relation.h"

#include <stdlib.h>

struct relation *
relation_new(uint32_t id, const char *schema, const char *table, uint16_t ncolumns)
{
    struct relation *rel = calloc(1, sizeof(*rel));

    if (rel == NULL)
        return NULL;
    atomic_init(&rel->references, 1);
    rel->id = id;
    rel->ncolumns = ncolumns;
    rel->schema = arena_strdup(&rel->arena, schema);
    rel->table = arena_strdup(&rel->arena, table);
    rel->columns = arena_array(&rel->arena, ncolumns, sizeof(*rel->columns));
    if (rel->schema == NULL || rel->table == NULL || rel->columns == NULL) {
        relation_release(rel);
        return NULL;
    }
    return rel;
}

static uint64_t
hash_string(uint64_t seed, const char *s)
{
    return bytes_hash(seed, s, strlen(s) + 1);
}

void
relation_seal(struct relation *rel)
{
    uint64_t h = BYTES_HASH_SEED;
    uint8_t identity = (uint8_t)rel->replica_identity;

    h = bytes_hash(h, &rel->id, sizeof(rel->id));
    h = hash_string(h, rel->schema);
    h = hash_string(h, rel->table);
    h = bytes_hash(h, &identity, 1);
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        const struct column *col = &rel->columns[i];
        int32_t facts[8] = {(int32_t)col->type, (int32_t)col->type_id, col->typmod, col->identity ? 1 : 0,
                            col->not_null ? 1 : 0, col->length, col->precision, col->scale};

        h = hash_string(h, col->name);
        h = bytes_hash(h, facts, sizeof(facts));
        if (col->labels != NULL)
            h = hash_string(h, col->labels);
    }
    h = bytes_hash(h, rel->key, rel->nkey * sizeof(*rel->key));
    rel->hash = h;
}

struct relation *
relation_keep(struct relation *rel)
{
    atomic_fetch_add_explicit(&rel->references, 1, memory_order_relaxed);
    return rel;
}

void
relation_release(struct relation *rel)
{
    void *shape;

    if (rel == NULL)
        return;
    if (atomic_fetch_sub_explicit(&rel->references, 1, memory_order_acq_rel) != 1)
        return;
    shape = atomic_load_explicit(&rel->shape, memory_order_acquire);
    if (shape != NULL && rel->shape_free != NULL)
        rel->shape_free(shape);
    arena_free(&rel->arena);
    free(rel);
}
