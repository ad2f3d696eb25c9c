/*
 * postgres_tables.h -- which tables the configuration means, and whether they can be published.
 *
 * Asked of the live catalogue at each start, by `check`, and now and then while running (tables made
 * later). Memory: the list is freed by tables_free.
 */
#ifndef CDC_POSTGRES_TABLES_H
#define CDC_POSTGRES_TABLES_H

#include "cdc/report.h"
#include "postgres_conn.h"

struct pg_table {
    char schema[64], table[64];
    uint32_t oid;
    char identity;     /* d, n, f, i as pg_class.relreplident has it */
    bool has_identity; /* updates and deletes can be published */
    bool published;    /* in the main publication */
    bool published_inserts; /* in the insert-only one */
    bool partition_leaf;
    bool unlisted_type;  /* a column's type is not in the list of binary decoders */
    char unlisted[64];   /* the first such column */
};

struct pg_tables {
    struct pg_table *at;
    int n;
};

/* Permanent tables that the configuration wants, in order of schema and name. A glob that matches
 * nothing is ERROR_CONFIG E_NO_TABLE. */
int tables_ask(PGconn *, const struct config *, struct pg_tables *out, struct error *err);
void tables_free(struct pg_tables *);

/* Enum types of the database: a sorted array of OIDs, freed by the caller. */
int enums_ask(PGconn *, uint32_t **oids, int *n, struct error *err);

/* Make or complete the publication(s); `created` says that one was made. When we may not, the error
 * is ERROR_CONFIG E_PUBLICATION with the SQL to run. A table without identity is refused
 * (E_NO_IDENTITY, with the SQL) or goes to the insert-only publication (keyless: inserts). */
int publication_prepare(PGconn *, const struct config *, struct pg_tables *, bool may_create,
                        struct error *err);

/* What the main publication lacks: the statement that would mend it is left in `sql` (empty: nothing
 * lacks). Changes nothing. */
int publication_missing(PGconn *, const struct config *, struct pg_tables *, bool *exists,
                        struct buffer *sql, struct error *err);

/* Only mark which of the tables are published already. */
int publication_members(PGconn *, const struct config *, struct pg_tables *, struct error *err);

/* A name for the second, insert-only publication; 64 bytes. */
void publication_inserts_name(const struct config *, char *out);

/* Hash of what ordinals depend on: the publications' names and their options, row filters and
 * column lists (not the list of tables: membership is read with the log's own snapshot). */
int publication_hash(PGconn *, const struct config *, char out[20], struct error *err);

#endif
