/*
 * database.h -- the database sinks: rows and position in one transaction of the target.
 *
 *     database.c        the sink: fence, resume, write, commit, abort; the same for every server
 *     database_table.c  a table of the source and the target's table that keeps step with it
 *     database_group.c  which changes may be applied together, and in which order
 *     an engine         (postgres_engine.c, mysql_engine.c) speaks to one family of servers
 *
 * A transaction of the target:
 *
 *     BEGIN
 *     UPDATE rowferry_offsets SET batch_no = batch_no + 1 WHERE key AND epoch = mine AND batch_no = mine   one row: fence, lock
 *     groups of changes
 *     UPDATE rowferry_offsets SET position = ... WHERE key
 *     COMMIT
 *
 * Outcome unknown (no answer to COMMIT): abort closes the session, and fence's takeover waits for the row's lock until
 * the server has decided; what it then returns is the truth.
 *
 * Threads: the sink's. Memory: groups point into batches, which the pipeline keeps until commit, abort or flush.
 * Errors of engines, without the sink's name, which database.c puts before them:
 *   ERROR_RETRY    the server is away or full, or asked us to do it again: E_TARGET_BUSY (deadlock, serialization, lock
 *                  time-out: all of it was rolled back)
 *   ERROR_REWIND   COMMIT was sent and not answered
 *   ERROR_FENCED   the row of rowferry_offsets is another epoch's
 *   ERROR_DATA     E_CONFLICT (row there already, row missing), E_VALUE (does not fit; column and kind of value)
 *   ERROR_CONFIG   E_TARGET_TABLE, E_TARGET_COLUMN, E_TARGET_KEY (with the statement to run), E_TARGET_ENGINE,
 *                  E_TARGET_READONLY, E_TARGET_DURABILITY, E_PRIVILEGE, E_SQL
 */
#ifndef SINKS_DATABASE_H
#define SINKS_DATABASE_H

#include "../cdc/client/endpoint.h"
#include "cdc/catalog.h"
#include "cdc/report.h"
#include "cdc/row.h"
#include "cdc/sink.h"

enum db_apply { DB_REPLICA, DB_UPSERTS, DB_APPEND, DB_SOFT_DELETE };
enum db_schema { DB_CREATE, DB_EVOLVE, DB_FIXED };
enum db_on_conflict { DB_STOP, DB_OVERWRITE };

/* What a sink's section says. */
struct db_settings {
    const char *url, *password_file;
    int apply, schema, on_conflict; /* the enums above */
    const char *table;              /* pattern of the target's name: "{schema}.{table}" */
    bool replication_origin;        /* PostgreSQL only: mark what we write */
};
extern const struct option db_options[]; /* ends in {0} */

/* ---- a table ---- */

struct db_column {
    const char *name; /* the same in the target */
    bool key;
    const void *own;  /* the engine's: how a value of it is written for the target's type */
};

/*
 * A relation and the table that it goes to. Made when the first change of a relation comes, kept until the target is
 * connected anew or the relation is gone. `columns` are the relation's, in its order.
 */
struct db_table {
    struct relation *relation; /* with a reference */
    const struct catalog_table *told; /* NULL: nothing */
    const char *schema, *name; /* in the target; schema "": where the connection is */
    const char *shown;         /* the same for people: "dw.orders" */
    struct db_column *columns;
    uint16_t *key;             /* columns, in the key's order */
    uint16_t nkey;             /* 0: no key */
    bool exists;               /* set by describe */
    const char *extra;         /* set by describe: a column of the target that the relation does not have, and that is neither
                                * generated nor one of ours below; NULL: none */
    bool ordered;              /* set by describe: other unique indexes, enforced foreign keys (from it or to it), or a key
                                * that compares by more than bytes: order counts beyond equal keys */
    void *own;                 /* the engine's; freed by its forget */
    struct db_table *next;
    struct arena arena;        /* owns all but relation */
};

/* The target's own columns beside those of the row: append and soft-delete. Names that no source's column may have. */
#define DB_COLUMN_OP "rowferry_op"                /* append: c, u, d, t */
#define DB_COLUMN_ID "rowferry_id"                /* append: the event's id, its key */
#define DB_COLUMN_TIME "rowferry_time"            /* append: the commit's time */
#define DB_COLUMN_DELETED "rowferry_deleted"      /* soft-delete: false, or true once the source has deleted it */

/* ---- what is applied at once ---- */

enum db_op {
    DB_OP_INSERT,   /* a row that must not be there */
    DB_OP_UPSERT,   /* there or not */
    DB_OP_UPDATE,   /* by key; only the columns of `set` */
    DB_OP_DELETE,   /* by key; without one by the whole old row, one row for each change */
    DB_OP_HISTORY,  /* append: the row (a delete's: its key or old row) with op, id and time */
    DB_OP_MARK,     /* soft-delete: set rowferry_deleted, by key */
    DB_OP_TRUNCATE, /* one row, which has no values */
};

/*
 * With `apply: soft-delete` what is inserted, upserted or updated is not deleted (rowferry_deleted = false), and a truncate
 * marks every row. An update of the key is then a MARK of the old row and an UPSERT of the new one.
 */

struct db_row {
    const struct batch *batch; /* for the event's id, its relation, and the packed bytes */
    const struct events *events;
    const struct event *event;
};

/* Changes of one table and kind, of different keys unless the table has none: order inside does not matter. */
struct db_group {
    struct db_table *table;
    enum db_op op;
    bool *set;       /* INSERT, UPSERT, UPDATE: which columns have a value in every row (others: unchanged, not sent) */
    bool rekeys;     /* UPDATE: the key itself changes; else its columns need not be set */
    bool strict;     /* a row too many or too few is E_CONFLICT: INSERT, UPDATE, DELETE, MARK with on_conflict: stop */
    struct db_row *rows;
    uint32_t nrows, rows_cap;
    uint64_t bytes;  /* packed */
};

/* Unpack a row of a group: `room` has space for 2 * ncolumns values. */
int db_row_read(const struct db_group *, const struct db_row *, struct value *room, struct row_change *out,
                struct error *err);
static inline struct bytes
db_row_key(const struct db_row *row)
{
    return bytes_of(row->events->encoded.at + row->event->key_offset, row->event->key_length);
}
static inline struct bytes
db_row_value(const struct db_row *row)
{
    return bytes_of(row->events->encoded.at + row->event->value_offset, row->event->value_length);
}
/* "table s.t, event 0/16C0000/1234/0", for errors. */
void db_row_name(const struct db_group *, const struct db_row *, char *text, size_t size);

/* ---- the record ---- */

/* A row of rowferry_offsets: (pipeline, sink, shard) its key; shard is '' for now. */
struct db_record {
    bool exists;
    uint64_t epoch, batch_no;
    struct buffer position; /* offset.h's JSON; empty: none yet */
    struct buffer owner;    /* who fenced last, for people: "host pid" */
};
void db_record_free(struct db_record *);

/* ---- an engine ---- */

struct db;

struct db_engine {
    const char *title;  /* "PostgreSQL" */
    size_t name_max;    /* bytes (PostgreSQL 63) or characters (MySQL 64) of a name */
    bool name_max_in_characters;
    bool ddl_commits;   /* implicitly: by the intent row */

    /* Connect; the session's settings (time-outs of at most 30 s, UTC, durability set where it may be). `own` is
     * allocated here. Checks that hold for the whole server: read-only, durability. */
    int (*connect)(struct db *, struct error *err);
    void (*disconnect)(struct db *);

    /* CREATE TABLE rowferry_offsets where it is missing. */
    int (*make_offsets)(struct db *, struct error *err);
    /* epoch = epoch + 1 (the row is made where it is missing), in a transaction of its own; waits for the row's lock. */
    int (*takeover)(struct db *, const char *owner, struct db_record *out, struct error *err);
    /* Only look; no table: exists is false. */
    int (*load)(struct db *, struct db_record *out, struct error *err);
    int (*forget_offset)(struct db *, bool dry_run, bool *was_there, struct error *err);

    /* BEGIN and the first statement. May be sent without waiting; trouble then comes with a later call. */
    int (*begin)(struct db *, struct error *err);
    /* The last statement and COMMIT; returns when it is durable. ERROR_REWIND when that is not known. */
    int (*commit)(struct db *, struct bytes position, struct error *err);
    /* Also when the session is broken. */
    void (*rollback)(struct db *);

    /* Fill exists, ordered, columns[].own, own from the target's catalogue. A column that it lacks has own NULL. */
    int (*describe)(struct db *, struct db_table *, struct error *err);
    /* CREATE TABLE, or ALTER TABLE ... ADD of one column, as text for people and for us. */
    int (*create_sql)(struct db *, const struct db_table *, struct buffer *out, struct error *err);
    int (*add_column_sql)(struct db *, const struct db_table *, uint16_t column, struct buffer *out, struct error *err);
    int (*run_ddl)(struct db *, const char *sql, struct error *err);
    void (*forget)(struct db_table *);

    /* Apply a group; rows in any order. May return before the server has answered; the group stays until drain. */
    int (*apply)(struct db *, const struct db_group *, struct error *err);
    /* All answers are here: groups and their rows are not needed any more. Called after every few MiB at the latest. */
    int (*drain)(struct db *, struct error *err);

    void (*check)(struct db *, struct report *);
};

extern const struct db_engine db_postgresql, db_mysql, db_mariadb;

/* What an engine works with. */
struct db {
    const struct db_engine *engine;
    const struct db_settings *settings;
    struct endpoint endpoint;
    const char *pipeline, *sink;
    uint64_t epoch, batch_no; /* as begin needs them; database.c keeps them */
    void *own;                /* the engine's session; NULL: not connected */
};

#endif
