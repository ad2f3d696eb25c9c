/*
 * pgoutput_frame.h -- pgoutput's messages to frames in a batch: bounds and relations only.
 *
 * The one sequential piece of work in the flow, so it does as little as it can: it follows
 * Begin and Commit, keeps the relation cache, counts changes, drops what a position covers and
 * copies each row message, undecoded, beside its relation.
 *
 *     framer_init -> framer_connected -> framer_message ... (framer_connected again after each
 *     reconnect) -> framer_free
 *
 * Source of the layouts: PostgreSQL documentation, "Logical Replication Message Formats",
 * protocol version 1, as seen on 15.20 and 18.6.
 *
 * Threads: the source's. Memory: relations are references; batches the caller's.
 * Errors: ERROR_RETRY with E_PROTOCOL for bytes that make no sense (reconnect, never guess);
 * ERROR_RETRY with E_BINARY_TYPE when a captured column came whose type has no binary decoder
 * (reconnect in text).
 */
#ifndef CDC_PGOUTPUT_FRAME_H
#define CDC_PGOUTPUT_FRAME_H

#include "cdc/batch.h"

struct framer {
    /* what the owner sets */
    bool (*wants)(void *arg, const char *schema, const char *table);
    bool (*is_enum)(void *arg, uint32_t type_oid);
    void *arg;
    size_t batch_size; /* bytes */
    bool binary;       /* the session asked for binary values */

    /* where the reader is */
    struct position read;  /* all before it is in some batch, or was dropped as done */
    uint64_t number;       /* of the newest transaction */
    uint64_t number_final; /* its final LSN, to know it again after a reconnect */
    bool in_transaction;
    struct transaction transaction;
    uint64_t ordinal; /* of the next change */
    uint64_t done;    /* the first so many changes of this transaction are dropped */
    bool begun;       /* some change of it is in a batch, this one or one before */

    struct relation **relations; /* open addressing by id */
    uint32_t relations_cap, relations_count;
    uint64_t truncates; /* seen, for the log */
};

int framer_init(struct framer *, struct error *err);
/* A new connection: forget relations and the half transaction, keep read and numbers. */
void framer_connected(struct framer *);
void framer_free(struct framer *);

/* One message. *full says that the batch should be handed on now. */
int framer_message(struct framer *, uint64_t lsn, struct bytes message, struct batch *, bool *full,
                   struct error *err);

/* A keepalive's end of log: moves `read` if we stand between transactions. */
void framer_keepalive(struct framer *, uint64_t wal_end);

/* Write `read` and the numbers into a batch that is handed on. */
void framer_finish(struct framer *, struct batch *);

#endif
