/*
 * schemas.h -- schema text to id: the one question that shaping asks the outside.
 *
 * Implementations: the registry client (schema/registry.h) and a memory one for tests, which
 * numbers what it is given from 1.
 *
 * register_schema returns the id for (subject, schema text), registering it or only looking it
 * up as configured. It may take seconds and is called under the shape cache's lock, in the order of
 * the log. Errors: ERROR_RETRY (registry away), ERROR_CONFIG with E_SCHEMA_INCOMPATIBLE,
 * E_SCHEMA_UNKNOWN (look-up only), E_REGISTRY_AUTH, E_REGISTRY_ANSWER.
 */
#ifndef CDC_SCHEMAS_H
#define CDC_SCHEMAS_H

#include <stdint.h>

#include "cdc/error.h"

struct schemas;

struct schemas_ops {
    const char *name;
    int (*register_schema)(struct schemas *, const char *subject, const char *schema, int32_t *id,
                           struct error *err);
    void (*close)(struct schemas *);
};

struct schemas {
    const struct schemas_ops *ops;
};

static inline int
schemas_register(struct schemas *s, const char *subject, const char *schema, int32_t *id,
                 struct error *err)
{
    return s->ops->register_schema(s, subject, schema, id, err);
}

struct schemas *schemas_memory_new(void);
/* For tests: the text registered under an id; NULL when there is none. */
const char *schemas_memory_text(const struct schemas *, int32_t id);

#endif
