/*
 * database_group.h -- which changes may be applied together, and in which order.
 *
 *     groups_add, add ... -> groups_flush (before a commit) -> add ...
 *     groups_forget: after a rollback
 *
 * Changes of different keys of one table may change places, so they are gathered by kind and go out as few statements.
 * A key that comes again sends out what waits for its table first. An `ordered` table (another unique index, a foreign
 * key) keeps the order of the log: one group is open at a time for all such tables together.
 *
 * Memory: a key is remembered while its change waits; rows point into batches until groups_flush has returned.
 */
#ifndef SINKS_DATABASE_GROUP_H
#define SINKS_DATABASE_GROUP_H

#include "database.h"

struct db_groups;

struct db_groups *groups_new(struct db *);
void groups_free(struct db_groups *);

/*
 * A change of `table`. `key`: the one that the row is found by; `new_key`: the one that it has afterwards (the same, unless
 * the change is one of the key); both empty for a table without key. `set` has a flag for each column, or is NULL: all.
 */
struct db_addition {
    struct db_table *table;
    enum db_op op;
    bool strict, rekeys;
    const bool *set;
    struct db_row row;
    struct bytes key, new_key;
};
int groups_add(struct db_groups *, const struct db_addition *, struct error *err);

/* All that waits, applied and answered. */
int groups_flush(struct db_groups *, struct error *err);
void groups_forget(struct db_groups *);

#endif
