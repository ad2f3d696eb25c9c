/*
 * memory.c -- the example of a transform, used by tests: drops the rows of one table.
 */
#include "cdc/transform.h"

#include <stdlib.h>

struct transform_memory {
    struct transform base;
    struct arena arena;
    const char *schema, *table;
};

static int
memory_apply(const struct transform *base, struct change *change, struct arena *arena,
             struct error *err)
{
    const struct transform_memory *memory = (const struct transform_memory *)base;

    (void)arena;
    (void)err;
    if (strcmp(change->relation->schema, memory->schema) == 0 &&
        strcmp(change->relation->table, memory->table) == 0)
        return TRANSFORM_DROP;
    return TRANSFORM_PASS;
}

static void
memory_close(struct transform *base)
{
    struct transform_memory *memory = (struct transform_memory *)base;

    if (memory == NULL)
        return;
    arena_free(&memory->arena);
    free(memory);
}

static const struct transform_ops memory_ops = {
    .name = "memory",
    .apply = memory_apply,
    .close = memory_close,
};

struct transform *
transform_memory_new(const char *schema, const char *table)
{
    struct transform_memory *memory = calloc(1, sizeof(*memory));

    if (memory == NULL)
        return NULL;
    memory->base.ops = &memory_ops;
    memory->schema = arena_strdup(&memory->arena, schema);
    memory->table = arena_strdup(&memory->arena, table);
    if (memory->schema == NULL || memory->table == NULL) {
        memory_close(&memory->base);
        return NULL;
    }
    return &memory->base;
}
