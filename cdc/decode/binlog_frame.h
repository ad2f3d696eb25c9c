/*
 * binlog_frame.h -- a binlog's events to frames in a batch: groups, tables, and what is done already.
 *
 * The sequential part of the flow, so it does as little as it can: it follows the groups (GTID ... XID), keeps the
 * tables, counts row events, drops what its position covers and copies each row event, undecoded, beside its
 * relation. Only where a transaction came compressed does it inflate, one event at a time.
 *
 *     init -> resume -> connected -> event, event ... (continue while `more` says so; replay_event while there is a
 *     `replay`) -> finish after each read -> connected again after each reconnect -> free
 *
 * XA: the rows of a transaction that is prepared are passed over and remembered by place. At its XA COMMIT `replay`
 * says from where they have to be read again: the owner reads them on a connection of its own and hands its events
 * to replay_event (and calls replay_continue while `replay_more` says so), which says when it has all.
 *
 * What a person has to decide (a change that the log has as a statement only, rows of a table without transactions,
 * an event that is not known, lost rows) becomes a FRAME_STOP behind all that came before it, so that this is
 * delivered and the position stands right there; after it the framer takes nothing more (`stopped`).
 *
 * Threads: the source's. Memory: relations are references; batches the caller's.
 * Errors: ERROR_RETRY with E_PROTOCOL, E_CHECKSUM (reconnect, never guess); ERROR_REFUSED with E_DIVERGED,
 * E_GTID_ORDER, E_GTID_ANONYMOUS; ERROR_CONFIG with E_EVENT_SIZE, E_TYPE, E_ROW_METADATA.
 */
#ifndef CDC_BINLOG_FRAME_H
#define CDC_BINLOG_FRAME_H

#include "binlog_event.h"
#include "binlog_payload.h"
#include "binlog_table_map.h"
#include "cdc/batch.h"
#include "cdc/xa.h"

/* What the owner sets before resume. */
struct binlog_framer_settings {
    struct binlog_reading reading;
    bool (*wants)(void *arg, const char *schema, const char *table);
    /* Might any table of this schema be wanted? */
    bool (*wants_schema)(void *arg, const char *schema);
    /* A table that was truncated before any row of it came: as it is now. NULL *out: it is gone. */
    int (*relation_now)(void *arg, const char *schema, const char *table, struct relation **out,
                        struct error *err);
    void *arg;
    size_t batch_size;         /* bytes */
    size_t event_max;          /* bytes of the largest event that is taken */
    bool warn_statements;      /* log what the log has as a statement only, and go on */
    bool accept_nontransactional;
    bool keep_query;           /* statements go with their row events */
    bool keep_ddl;             /* statements that change tables are frames of their own */
};

/* A table id of the session and the relation that it stands for. */
struct binlog_table {
    uint64_t id;
    uint64_t statement;   /* that its TABLE_MAP was last seen in */
    struct relation *relation;
    struct bytes shape;   /* with its names before it: the TABLE_MAP's body behind the id and flags; owned */
};

/* The group that is being read. */
struct binlog_group {
    bool open;
    struct transaction id;
    uint64_t done;      /* row events that are done before; UINT64_MAX: all of it */
    uint64_t ordinal;   /* of the next row event */
    bool standalone;    /* MariaDB: ends with its one QUERY */
    bool explicit_end;  /* BEGIN was seen, or MariaDB's group of rows: XID or COMMIT ends it */
    bool half;          /* MariaDB: of an ALTER that is not done, or is given up */
    bool unsafe;        /* MariaDB: it says that its rows are of tables without transactions */
    bool preparing;     /* an XA transaction: its rows are passed over */
    bool captured;      /* rows of it are in this batch or an earlier one */
    const struct relation *first; /* that they are of */
    char xid[XA_XID_MAX]; /* that is being prepared or committed */
};

struct binlog_framer {
    struct binlog_framer_settings set;

    /* the stream */
    bool checksums;
    struct log_place at;   /* behind the last event */
    char server[SERVER_NAME_MAX];
    struct binlog_payload payload;
    uint64_t payload_begin; /* where the payload's event stands */
    struct buffer query;   /* the statement of the row events to come */
    struct buffer scratch;

    /* what is read: all before it is in some batch, or was dropped as done */
    struct gtid_set *gtids; /* NULL: the log has none */
    bool gtids_shared;      /* some place holds it too: copy before the next change */
    struct log_place done_at;
    struct xa_list *xa;
    struct gtid inside;
    struct log_place inside_at;
    uint64_t inside_done;
    char inside_server[SERVER_NAME_MAX];

    struct binlog_group group;
    struct error unread;    /* why a table of what is delivered of it already can't be read */
    bool replaying;
    struct xa_prepared replay;
    struct binlog_payload replay_payload; /* such a transaction may be compressed, too */

    uint64_t number;              /* of the newest transaction */
    struct transaction number_id; /* to know it again after a reconnect */
    bool begun;                   /* its first change was given out */
    bool stopped;

    struct binlog_table *tables;  /* open addressing, by id */
    uint32_t tables_cap, tables_count;
    uint64_t statement;
    struct relation *unwanted;    /* stands for every table that is not wanted */
    struct relation **relations;  /* the newest of each name, by hash of the name */
    uint32_t relations_cap, relations_count;

    struct place *last;           /* made by the last finish; reused while nothing has changed */
    uint64_t changes, last_changes;
    uint64_t statements, truncates; /* seen, for logs */
};

int binlog_framer_init(struct binlog_framer *, const struct binlog_framer_settings *, struct error *err);
void binlog_framer_free(struct binlog_framer *);

/* Everything that `from` (a BINLOG position) covers is dropped when it comes. -1: ERROR_FATAL without memory. */
int binlog_framer_resume(struct binlog_framer *, const struct position *from, uint64_t next_number,
                         struct error *err);
/* A new session, with a server of this name, whose events have checksums until a format description says more. */
void binlog_framer_connected(struct binlog_framer *, bool checksums, const char *server);

/* The next event of the stream. *full: the batch should be handed on. */
int binlog_framer_event(struct binlog_framer *, struct bytes raw, struct batch *, bool *full, struct error *err);

/* A compressed transaction has more events: take the next one. */
bool binlog_framer_more(const struct binlog_framer *);
int binlog_framer_continue(struct binlog_framer *, struct batch *, bool *full, struct error *err);

/* Where rows have to be read again from, or NULL. */
const struct xa_prepared *binlog_framer_replay(const struct binlog_framer *);
/* An event from there. 1: that was the last one, go on with the stream; 0; -1. */
int binlog_framer_replay_event(struct binlog_framer *, struct bytes raw, bool checksum, struct batch *, bool *full,
                               struct error *err);
bool binlog_framer_replay_more(const struct binlog_framer *);
int binlog_framer_replay_continue(struct binlog_framer *, struct batch *, bool *full, struct error *err);
/* They can't be had: stop with E_XA_ROWS_LOST. */
int binlog_framer_replay_lost(struct binlog_framer *, const char *why, struct batch *, struct error *err);

/* Set batch->end and its numbers. -1: ERROR_FATAL. */
int binlog_framer_finish(struct binlog_framer *, struct batch *, struct error *err);

#endif
