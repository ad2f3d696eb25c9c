/*
 * schemas_memory.c -- a registry in memory, for tests and for printing schemas: numbers what it
 * is given from 1, one number for each text, as registries do.
 *
 * Calls come one at a time (schemas.h).
 */
#include "cdc/schemas.h"

#include <stdlib.h>
#include <string.h>

#include "cdc/arena.h"

struct schemas_memory {
    struct schemas base;
    struct arena arena;
    struct known {
        const char *text;
        int32_t id;
        struct known *older;
    } *newest;
};

static int
memory_register(struct schemas *base, const char *subject, const char *schema, int32_t *id,
                struct error *err)
{
    struct schemas_memory *memory = (struct schemas_memory *)base;
    struct known *known;

    (void)subject;
    for (known = memory->newest; known != NULL; known = known->older) {
        if (strcmp(known->text, schema) == 0) {
            *id = known->id;
            return 0;
        }
    }
    known = arena_alloc(&memory->arena, sizeof(*known));
    if (known == NULL || (known->text = arena_strdup(&memory->arena, schema)) == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a schema");
    known->id = memory->newest == NULL ? 1 : memory->newest->id + 1;
    known->older = memory->newest;
    memory->newest = known;
    *id = known->id;
    return 0;
}

static void
memory_close(struct schemas *base)
{
    struct schemas_memory *memory = (struct schemas_memory *)base;

    if (memory == NULL)
        return;
    arena_free(&memory->arena);
    free(memory);
}

static const struct schemas_ops memory_ops = {
    .name = "memory",
    .register_schema = memory_register,
    .close = memory_close,
};

struct schemas *
schemas_memory_new(void)
{
    struct schemas_memory *memory = calloc(1, sizeof(*memory));

    if (memory == NULL)
        return NULL;
    memory->base.ops = &memory_ops;
    return &memory->base;
}

const char *
schemas_memory_text(const struct schemas *base, int32_t id)
{
    const struct schemas_memory *memory = (const struct schemas_memory *)base;

    for (const struct known *known = memory->newest; known != NULL; known = known->older) {
        if (known->id == id)
            return known->text;
    }
    return NULL;
}
