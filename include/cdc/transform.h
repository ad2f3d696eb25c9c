/*
 * transform.h -- a change in; the same change, altered, or nothing, out.
 *
 * Transforms stand between decoder and encoders, in the order of the configuration. They
 * don't move positions, since positions count raw changes. Pure, like decoders.
 */
#ifndef CDC_TRANSFORM_H
#define CDC_TRANSFORM_H

#include "cdc/arena.h"
#include "cdc/change.h"
#include "cdc/error.h"

struct transform;

enum transform_result { TRANSFORM_PASS = 0, TRANSFORM_DROP = 1 }; /* -1: *err is set */

struct transform_ops {
    const char *name;
    int (*apply)(const struct transform *, struct change *, struct arena *, struct error *err);
    void (*close)(struct transform *);
};

struct transform {
    const struct transform_ops *ops;
};

static inline int
transform_apply(const struct transform *t, struct change *change, struct arena *arena,
                struct error *err)
{
    return t->ops->apply(t, change, arena, err);
}

/* For tests and as the example: drops the rows of one table. */
struct transform *transform_memory_new(const char *schema, const char *table);

#endif
