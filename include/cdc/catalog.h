/*
 * catalog.h -- what the log does not say about a table: NOT NULL, the primary key, enum labels.
 *
 * Asked once for each relation, from a shape thread, on a connection of its own with
 * lock_timeout 1 s; where the answer can't be had in time, or the column does not match
 * (same name and same type), what it would have told is unknown and the column is nullable.
 * The answer is of now, the relation of some moment in the log: hints, never promises; a NULL
 * in a column said to be NOT NULL is met by asking for a new, looser plan.
 *
 * Threads: calls are made under the shape cache's lock, one at a time.
 * Memory: the answer lives in the arena given.
 */
#ifndef CDC_CATALOG_H
#define CDC_CATALOG_H

#include "cdc/arena.h"
#include "cdc/error.h"
#include "cdc/relation.h"

struct catalog_column {
    bool known;               /* the catalogue has this column with this type */
    bool not_null;
    bool is_enum;
    const char *enum_labels;  /* "a,b,c" in their order, or NULL */
    const char *default_text; /* a constant's text, or NULL: none, or an expression */
    const char *declared;     /* its type as the server writes it, "numeric(10,2)", "int(10) unsigned"; NULL: not known */
};

struct catalog_table {
    bool exists;                    /* false: dropped since */
    struct catalog_column *columns; /* relation->ncolumns of them */
    uint16_t *key;                  /* indexes of the primary key's columns, in key order */
    uint16_t nkey;                  /* 0: none, or not all of its columns are in the relation */
};

struct catalog;

struct catalog_ops {
    const char *name;
    int (*lookup)(struct catalog *, const struct relation *, struct arena *,
                  struct catalog_table *out, struct error *err);
    void (*close)(struct catalog *);
};

struct catalog {
    const struct catalog_ops *ops;
};

static inline int
catalog_lookup(struct catalog *c, const struct relation *rel, struct arena *arena,
               struct catalog_table *out, struct error *err)
{
    return c->ops->lookup(c, rel, arena, out, err);
}

/* Says of every table: the identity's columns are the key and NOT NULL; nothing else known. */
struct catalog *catalog_memory_new(void);

#endif
