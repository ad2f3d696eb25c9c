/*
 * postgres_admin.h -- what postgres_kind.c puts together: the source, its catalogue, and what commands ask a
 * PostgreSQL server.
 *
 * The questions use an ordinary connection of their own and may be asked at any time from one thread. Nobody
 * outside the PostgreSQL source includes this: the way in is source_postgresql (cdc/source_kind.h).
 */
#ifndef CDC_POSTGRES_ADMIN_H
#define CDC_POSTGRES_ADMIN_H

#include "cdc/source_kind.h"

/* Names of slot and publication when the configuration gives none. Into `out` (64 bytes). */
void postgres_slot_name(const struct config *, char *out);
void postgres_publication_name(const struct config *, char *out);

int postgres_source_open(struct source **out, const struct config *, struct error *err);

/* The catalogue connection of the shape threads. */
int postgres_catalog_open(struct catalog **out, const struct config *, struct error *err);

/* What a look at a PostgreSQL server has beside what all have: the slot's, zeros where it does not exist. */
struct postgres_slot {
    int active_pid;
    uint64_t restart;
    int64_t retained_bytes;
    int64_t safe_bytes; /* -1: no limit */
    char wal_status[16];
};

/* source_kind's: look, check, relations, remove. */
int postgres_look(const struct config *, struct source_look *out, struct error *err);
void postgres_look_clear(struct source_look *);
void postgres_check(const struct config *, struct report *);
int postgres_relations(const struct config *, struct relation ***out, struct error *err);
int postgres_remove(const struct config *, bool dry_run, struct buffer *said, struct error *err);

/* While running: a table made later that the configuration wants joins the publication, with a WARN
 * that names the position; where we may not add it, the WARN has the SQL. Never fails: trouble is logged.
 * The first call makes *watch. */
struct postgres_watch;
void postgres_watch_look(struct postgres_watch **watch, const struct config *);
void postgres_watch_close(struct postgres_watch *);

#endif
