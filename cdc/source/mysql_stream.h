/*
 * mysql_stream.h -- what the parts of the MySQL and MariaDB source share: mysql_start.c (lease, checks of a start),
 * mysql_source.c (the stream after it), mysql_columns.c (what a TABLE_MAP leaves out), mysql_ahead.c
 * (what changes tables further on). Nobody else includes it.
 *
 * Connections: `ask` holds the lease (GET_LOCK) and answers questions; `dump` streams; a third one is opened for a
 * moment where rows of an XA transaction, or DDL further on, have to be read.
 *
 * Threads: the source's.
 */
#ifndef CDC_MYSQL_STREAM_H
#define CDC_MYSQL_STREAM_H

#include "../decode/binlog_frame.h"
#include "cdc/offset.h"
#include "cdc/source.h"
#include "mysql_ahead.h"
#include "mysql_facts.h"
#include "mysql_wire.h"

enum { HEARTBEAT_S = 5, SILENCE_MS = 30 * 1000, READ_TIMEOUT_S = 60, LEASE_LOOK_MS = 5000, LEASE_IDLE_S = 60 };

/* Which of our server ids: two dumps of one id end each other. */
enum mysql_role { ROLE_STREAM, ROLE_REPLAY, ROLE_LOOK, ROLE_SCAN };

struct mysql_source {
    struct source base;
    const struct config *config;
    bool mariadb;
    MYSQL *ask, *dump, *second;
    struct wire wire, second_wire;
    bool streaming;        /* the dump was asked for */
    bool second_checksums;
    bool second_checked;   /* the first group there is the one that is wanted */
    struct mysql_server server;
    struct mysql_facts facts; /* of the last start */
    bool checksums;        /* the server writes them */
    struct binlog_framer framer;
    struct mysql_ahead ahead;
    struct error broken;   /* resume had no memory */
    int64_t lease_due;     /* clock_monotonic_ms */
    int64_t heard_ms;      /* when the dump last sent something, or could not have been heard */
};

static inline struct mysql_source *
mysql_from(struct source *source)
{
    return (struct mysql_source *)source;
}

/* Names that come from the pipeline's, never from the host: the lease (64 bytes), a server id, a uuid (37 bytes). */
void mysql_lease_name(const struct config *, char *out);
uint32_t mysql_server_id(const struct config *, enum mysql_role);
void mysql_server_uuid(const struct config *, enum mysql_role, char *out);

/* The session of a dump: checksums, heartbeats, who we are; MariaDB: where to begin (NULL: by place). */
int mysql_dump_session(MYSQL *, const struct config *, bool mariadb, enum mysql_role, const struct gtid_set *from,
                       struct error *err);

/* One more connection, to the server that the last start found: an address may lead to another one since. */
MYSQL *mysql_connect_again(struct mysql_source *, struct error *err);
/* The lease is ours still; asks every few seconds only. */
int mysql_look_after_lease(struct mysql_source *, struct error *err);

/* The operations of source.h that belong to a start. */
int mysql_start(struct source *, bool first, struct source_start *out, struct error *err);
int mysql_check_offset(struct source *, const struct offset *, struct error *err);
void mysql_disconnect(struct mysql_source *);

/* ---- mysql_columns.c ---- */

/* binlog_reading.describe: what this table's columns are, if the catalogue can be trusted to tell. */
int mysql_describe(void *source, struct relation *, struct binlog_column *, unsigned missing, struct error *err);
int mysql_relation_now(MYSQL *, bool mariadb, const char *schema, const char *table, struct relation **out,
                       struct error *err);

/* ---- tables ---- */

/* A captured table as information_schema has it. */
struct mysql_table {
    char *schema, *table, *engine;
    bool has_key;
};
struct mysql_tables {
    struct mysql_table *at;
    int n;
    const char *unmatched; /* a glob of `tables` that fits none; NULL: all do */
};
int mysql_tables_ask(MYSQL *, const struct config *, struct mysql_tables *, struct error *err);
void mysql_tables_free(struct mysql_tables *);
bool mysql_engine_has_transactions(const char *engine);

#endif
