/*
 * source.h -- where changes come from.
 *
 *     open -> start -> read, read, ... (confirm at any time) -> stop -> start ... -> close
 *
 * start takes the lease (who may run) and begins the stream at the place that the server
 * has as confirmed; nothing is confirmed and nothing is read before the caller has fenced
 * its sinks and read their positions (the order of K1-K6). read frames what has come into
 * a batch; it never waits longer than it is told to and answers the server's keepalives on
 * the way. confirm says what every required sink has durably; it is the only thing that
 * lets the server forget.
 *
 * Threads: one thread owns a source, `lease_held` and `identity` included.
 * Memory: batches are the caller's.
 */
#ifndef CDC_SOURCE_H
#define CDC_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "cdc/batch.h"

struct offset;
struct source;

enum {
    SOURCE_ID_MAX = 160,
};

/* Who the server is, for the offset record; another one is E_SOURCE_CHANGED. */
struct source_identity {
    char id[SOURCE_ID_MAX]; /* "postgresql:<systemid>/<database>", "mysql:<server_uuid>", "mariadb:<server_id>" */
    uint32_t timeline;      /* PostgreSQL's; 0 elsewhere */
};

/* What start found. */
struct source_start {
    struct source_identity identity;
    struct position confirmed; /* the server's own: it can't go back behind this; NONE: it keeps none for us */
    struct position latest;    /* the server's end of log at this moment */
    bool created;              /* the slot was made by this start */
    char options_hash[20];     /* of what ordinals inside a transaction depend on */
};

static inline void
source_start_clear(struct source_start *start)
{
    position_clear(&start->confirmed);
    position_clear(&start->latest);
}

/* What read returns; -1 with *err set is the third answer. */
enum source_read {
    SOURCE_MORE = 0, /* the batch is full, or there may be more at hand: call again */
    SOURCE_IDLE = 1, /* everything at hand is in the batch */
};

struct source_ops {
    const char *name;

    /* 1: the server keeps a place for us (the slot is there), 0: it does not, -1: *err. Asked before
     * start, takes nothing. */
    int (*has_place)(struct source *, struct error *err);

    /* Take the lease and open the stream. ERROR_RETRY while another instance holds it or the
     * server is away; ERROR_REFUSED with E_SLOT_MISSING, E_WAL_LOST ... where going on would
     * lose data. `first` says that no sink has a position: only then a slot may be made.
     * What *out held is overwritten; its positions are then the caller's to clear. */
    int (*start)(struct source *, bool first, struct source_start *out, struct error *err);

    /* K5: may a sink that stands at this offset go on from here? ERROR_REFUSED with E_GAP,
     * E_DIVERGED, E_SOURCE_CHANGED, E_OPTIONS_CHANGED. After start, before the first read. */
    int (*check_offset)(struct source *, const struct offset *, struct error *err);

    /* Drop everything that `from` covers when it comes (the transaction, and in it the
     * changes). Called once between start and the first read; not after a start that only
     * mends a broken connection: then the source goes on from where it was. */
    void (*resume)(struct source *, const struct position *from, uint64_t next_number);

    /* True while the lease is ours: a round trip to the server, not a guess (K3). */
    int (*lease_check)(struct source *, struct error *err);

    /* Append what has come to the batch, until it is full (batch size passed at a transaction
     * end, or inside a transaction when that alone is larger: *full is set), or nothing is left
     * at hand, or timeout_ms has passed without anything. Sets batch->end and its numbers. */
    int (*read)(struct source *, struct batch *, int timeout_ms, bool *full, struct error *err);

    /* Only serve the connection (keepalives, status) for at most timeout_ms; read nothing. */
    int (*serve)(struct source *, int timeout_ms, struct error *err);

    /* The newest position that every required sink has durably. */
    void (*confirm)(struct source *, const struct position *);

    /* Leave the stream in good order: sends the last confirm first. */
    void (*stop)(struct source *);
    void (*close)(struct source *);
};

/* Each source embeds this as its first member. */
struct source {
    const struct source_ops *ops;
    bool asked; /* the server wants to know our position now; cleared by who hands it on */
};

#endif
