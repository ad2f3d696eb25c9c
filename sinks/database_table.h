/*
 * database_table.h -- a table of the source, and the target's table that keeps step with it.
 *
 * The target's name comes from the pattern `table`; the table is made where it is missing (schema: create, evolve), gets
 * columns that the source has got (evolve), or the sink stops with the statement to run (fixed).
 */
#ifndef SINKS_DATABASE_TABLE_H
#define SINKS_DATABASE_TABLE_H

#include "database.h"

/* Is the pattern one? Names in braces: schema, table, pipeline; at most one dot outside. -1 with ERROR_CONFIG. */
int table_pattern_check(const char *pattern, struct error *err);

/* The target's table for this relation, by the pattern; schema "" where it names none. Not checked for length. */
int table_target_name(const char *pattern, const char *pipeline, const struct relation *, struct arena *,
                      const char **schema, const char **name, struct error *err);

struct db_tables {
    struct db *db;
    struct db_table *first;
    struct db_table *last_used;
};

/*
 * The table of a relation; `key` is the packed key of a change of it. Where DDL has to be run and `may_ddl` is false, *out is
 * NULL and 0 is returned: end the transaction, and ask again with may_ddl. Nothing may wait for its target: an older
 * relation of the same one is forgotten.
 */
int table_of(struct db_tables *, struct relation *, struct bytes key, bool may_ddl, struct db_table **out,
             struct error *err);
/* The same, where it is known already: nothing is asked. NULL: not yet. */
struct db_table *table_known(struct db_tables *, const struct relation *);
/* What was learned of the target goes: another session may find another target. */
void tables_forget(struct db_tables *);

#endif
