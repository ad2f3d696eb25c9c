/*
 * relation.h -- the shape of one table at one moment of the log.
 *
 * A new description makes a new relation; one that exists never changes. Relations are
 * counted references: the reader's cache holds one, every batch that has a row of it holds
 * one. `shape` is where the shape threads keep the plan that they made for it (encoders,
 * routes, schema ids); it is set once, under the shape cache's lock, and freed with the
 * relation through `shape_free`. `told` belongs to it, for sinks that make tables.
 *
 * Threads: immutable but for the count, `told` and `shape`, which are atomic.
 */
#ifndef CDC_RELATION_H
#define CDC_RELATION_H

#include <stdatomic.h>

#include "cdc/arena.h"
#include "cdc/value.h"

enum replica_identity {
    IDENTITY_DEFAULT = 'd', /* the primary key */
    IDENTITY_NOTHING = 'n',
    IDENTITY_FULL = 'f',
    IDENTITY_INDEX = 'i',
};

struct catalog_table;

struct column {
    const char *name;
    enum value_type type;
    uint32_t type_id;  /* the server's: PostgreSQL's type OID, MySQL's type code */
    int32_t typmod;    /* the server's; -1: none */
    int32_t length;    /* TYPE_TEXT from char(n) or varchar(n): n; TYPE_BITS: bits; else 0 */
    int32_t precision; /* DECIMAL: digits; TIME and TIMESTAMP[TZ]: fraction digits or -1 */
    int32_t scale;     /* DECIMAL: digits after the point (a negative one is raised to 0) */
    bool identity;     /* part of the replica identity, as the log flagged it */
    bool not_null;     /* the log says so (binlog); PostgreSQL's log never does */
    const char *labels; /* ENUM, SET of a binlog: "a,b\,c" in their order; else NULL */
    const struct binlog_column *binlog; /* how a binlog writes it; NULL elsewhere */
};

struct relation {
    atomic_uint references;
    uint32_t id; /* the server's: PostgreSQL's relation OID */
    const char *schema;
    const char *table;
    enum replica_identity replica_identity;
    uint16_t ncolumns;
    struct column *columns;
    uint16_t *key;  /* a binlog's primary key, in key order; NULL: not told by the log */
    uint16_t nkey;
    bool captured;  /* the configuration wants its rows */
    uint64_t hash;  /* of everything above */
    _Atomic(const struct catalog_table *) told; /* what the catalogue said of it, once a row of it was shaped */
    _Atomic(void *) shape;
    void (*shape_free)(void *);
    struct arena arena; /* owns all of the above */
};

/* An empty relation with one reference; NULL when out of memory. */
struct relation *relation_new(uint32_t id, const char *schema, const char *table,
                              uint16_t ncolumns);
/* Computes `hash`; call when the last field is set. */
void relation_seal(struct relation *);
struct relation *relation_keep(struct relation *);
void relation_release(struct relation *); /* NULL is nothing */

#endif
