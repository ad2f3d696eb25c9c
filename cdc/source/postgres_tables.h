/*
 * postgres_tables.h -- which tables the configuration means, and whether they can be published.
 *
 * Asked of the live catalogue at each start, by `check`, and now and then while running (tables made
 * later). Memory: the list is freed by tables_free.
 */
#ifndef CDC_POSTGRES_TABLES_H
#define CDC_POSTGRES_TABLES_H

#include "cdc/report.h"
#include "../client/postgres_conn.h"

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
    const char *unmatched;    /* the first glob that matches nothing; the configuration's */
    bool inserts_publication; /* the insert-only one exists */
};

/* Permanent tables that the configuration wants, in order of schema and name. A glob that matches
 * nothing is ERROR_CONFIG E_NO_TABLE when this is a first start (or `check`); later it is only noted: a
 * table may be dropped while rows of it are still in the log, and those are wanted. */
int tables_ask(PGconn *, const struct config *, bool first, struct pg_tables *out, struct error *err);
void tables_free(struct pg_tables *);

/* Enum types of the database: a sorted array of OIDs, freed by the caller. */
int enums_ask(PGconn *, uint32_t **oids, int *n, struct error *err);

/* Make (only when `first`) or complete the publication(s). ERROR_CONFIG E_PUBLICATION with the SQL to run
 * when we may not; E_NO_IDENTITY for a table without identity, unless keyless: inserts puts it into the
 * insert-only publication; ERROR_REFUSED E_PUBLICATION when the main one is gone though the slot is there.
 * After a first start CONFIG is a warning to the caller: the tables that are published go on. */
int publication_prepare(PGconn *, const struct config *, struct pg_tables *, bool first,
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
