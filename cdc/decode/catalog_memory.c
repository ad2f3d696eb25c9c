/*
 * catalog_memory.c -- a catalogue for tests, which knows no more than the log: the identity's
 * columns are the key and NOT NULL.
 */
#include "cdc/catalog.h"

#include <stdlib.h>

static int
memory_lookup(struct catalog *catalog, const struct relation *rel, struct arena *arena,
              struct catalog_table *out, struct error *err)
{
    (void)catalog;
    *out = (struct catalog_table){
        .exists = true,
        .columns = arena_array(arena, rel->ncolumns, sizeof(*out->columns)),
        .key = arena_array(arena, rel->ncolumns, sizeof(*out->key)),
    };
    if (out->columns == NULL || out->key == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a table's columns");
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        if (!rel->columns[i].identity)
            continue;
        out->columns[i].known = out->columns[i].not_null = true;
        out->key[out->nkey++] = i;
    }
    return 0;
}

static void
memory_close(struct catalog *catalog)
{
    free(catalog);
}

static const struct catalog_ops memory_ops = {
    .name = "memory",
    .lookup = memory_lookup,
    .close = memory_close,
};

struct catalog *
catalog_memory_new(void)
{
    struct catalog *catalog = calloc(1, sizeof(*catalog));

    if (catalog != NULL)
        catalog->ops = &memory_ops;
    return catalog;
}
