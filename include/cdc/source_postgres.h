/*
 * source_postgres.h -- the PostgreSQL source and what the commands ask a PostgreSQL server.
 *
 * The source implements source.h with libpq's replication protocol and pgoutput. The questions
 * below use an ordinary connection of their own and may be asked at any time from one thread.
 */
#ifndef CDC_SOURCE_POSTGRES_H
#define CDC_SOURCE_POSTGRES_H

#include "cdc/catalog.h"
#include "cdc/config.h"
#include "cdc/report.h"
#include "cdc/source.h"

/* Names of slot and publication when the configuration gives none. Into `out` (64 bytes). */
void postgres_slot_name(const struct config *, char *out);
void postgres_publication_name(const struct config *, char *out);

int postgres_source_open(struct source **out, const struct config *, struct error *err);

/* The catalogue connection of the shape threads. */
int postgres_catalog_open(struct catalog **out, const struct config *, struct error *err);

/* What the server says of the slot; for status, offsets and check. */
struct postgres_slot {
    bool exists;
    bool active;
    int active_pid;
    uint64_t confirmed;
    uint64_t restart;
    uint64_t server_now;       /* pg_current_wal_lsn */
    int64_t retained_bytes;
    int64_t safe_bytes;        /* -1: no limit */
    char wal_status[16];
    struct source_identity identity;
    int server_version;
    char database[64];
};
int postgres_slot_ask(const struct config *, struct postgres_slot *out, struct error *err);

/* Everything `check` looks at on this server. */
void postgres_check(const struct config *, struct report *);

/* Relations as the catalogue has them now, for `rowferry schema`: one reference each. The
 * array ends in NULL and is freed by the caller with free(). */
int postgres_relations(const struct config *, struct relation ***out, struct error *err);

/* While running: a table made later that the configuration wants joins the publication, with a WARN
 * that names the position; where we may not add it, the WARN has the SQL. Never fails: trouble is logged.
 * The first call makes *watch. */
struct postgres_watch;
void postgres_watch_look(struct postgres_watch **watch, const struct config *);
void postgres_watch_close(struct postgres_watch *);

/* Drop slot and publication; with dry_run only says so. */
int postgres_remove(const struct config *, bool dry_run, struct buffer *said, struct error *err);

#endif
