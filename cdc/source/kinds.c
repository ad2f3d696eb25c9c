/* kinds.c -- every kind of source there is, by its number in the configuration. See cdc/source_kind.h. */
#include <assert.h>

#include "cdc/source_kind.h"

static const struct source_kind *const kinds[] = {
    [CONNECTOR_POSTGRESQL] = &source_postgresql,
    [CONNECTOR_MYSQL] = &source_mysql,
    [CONNECTOR_MARIADB] = &source_mariadb,
};

const struct source_kind *
source_kind_of(const struct config *config)
{
    size_t type = (size_t)config->source.type;
    assert(type < sizeof(kinds) / sizeof(kinds[0]));
    return kinds[type];
}
