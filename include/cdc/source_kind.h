/*
 * source_kind.h -- the kinds of source: how each is made, and what commands may ask of it.
 *
 * A kind is a table of functions. `open` and `open_catalog` make what a pipeline runs with; all others are for
 * commands (check, status, offsets, schema, remove): each has a connection of its own, may be called at any
 * time, whether the pipeline runs or not, from one thread.
 *
 * A look is what the server says at one moment; judge, reach, distance and the like work on a look and ask
 * nobody. What is PostgreSQL's own (the slot) or a binlog's own stands in `slot` and `log`, for the kind itself and
 * for `status`.
 */
#ifndef CDC_SOURCE_KIND_H
#define CDC_SOURCE_KIND_H

#include "cdc/catalog.h"
#include "cdc/config.h"
#include "cdc/decoder.h"
#include "cdc/report.h"
#include "cdc/source.h"

struct source_look {
    struct source_identity identity;
    char database[64];         /* PostgreSQL's, for events; "" elsewhere */
    bool has_place;            /* the server keeps a place for us: the slot is there */
    bool active;               /* an instance runs: it has the lease */
    char holder[80];           /* who has it, for people: "server process 4711", "connection 12" */
    struct position confirmed; /* the place that the server keeps; NONE: it keeps none */
    struct position latest;    /* the end of its log */
    struct postgres_slot *slot; /* the kind's own; NULL for the others */
    struct binlog_log *log;
};

/* How much of the log lies between two positions. */
struct distance {
    enum distance_unit { DISTANCE_UNKNOWN, DISTANCE_BYTES, DISTANCE_TRANSACTIONS } unit;
    uint64_t amount;
};

struct source_kind {
    const char *type; /* as in the configuration */
    const char *title; /* for people: "PostgreSQL" */
    enum connector connector;
    const struct decoder_ops *decoder;
    const char *url_prefixes[3]; /* what source.url may begin with; ends in NULL */
    const char *lease; /* what the lease is called, for people: "slot", "lock" */

    int (*open)(struct source **out, const struct config *, struct error *err);
    int (*open_catalog)(struct catalog **out, const struct config *, struct error *err);

    /* The name that the lease goes by (slot, lock); two pipelines of one process may not share it. 64 bytes. */
    void (*lease_name)(const struct config *, char *out);

    /* Overwrites *out; look_clear when done, also after a failure. A look of zeros may be cleared too. */
    int (*look)(const struct config *, struct source_look *out, struct error *err);
    void (*look_clear)(struct source_look *);
    /* Offsets were read between two looks, and the pipeline may run: *now keeps its end of the log, and takes over
     * from `before` what the server could not go back behind. Else a sink that committed meanwhile would look as if it
     * were behind that place, or ahead of the server. NULL: nothing to take over. */
    void (*look_join)(struct source_look *now, const struct source_look *before);

    /* May a pipeline go on from this offset? -1 with ERROR_REFUSED and the code that `run` would stop with; *cure
     * says what mends it, and is NULL after 0 only. `settled`: some sink has a position already. */
    int (*judge)(const struct source_look *, const char *sink, const struct offset *, bool settled,
                 const char **cure, struct error *err);

    /* May a sink's offset be moved there? The pipeline has to be stopped, and the log must have what follows. */
    int (*may_move)(const struct config *, const struct source_look *, struct error *err);
    int (*reaches)(const struct source_look *, const struct position *, struct error *err);
    /* May a saved offset be put back here: is this the server that it belongs to, or one with its history? -1 with
     * E_SOURCE_CHANGED (a stranger's: only `offsets set` may move a sink over from it) or E_DIVERGED. Asked also of
     * the offset that a sink has before it is moved. */
    int (*may_import)(const struct source_look *, const struct offset *saved, struct error *err);

    /* Where a position inside a transaction, made on another server of the same history, stands on this one. Overwrites
     * *to. NULL: positions are the same on every server. */
    int (*recount)(const struct config *, const struct position *from, struct position *to, struct error *err);

    /* From one position to a later one; `to` NULL: to the end of the log. 0 when it is not later; UNKNOWN when they
     * are not of one log. */
    struct distance (*distance)(const struct source_look *, const struct position *from, const struct position *to);

    /* For so many seconds the server keeps what follows this offset; -1: nobody can say, or for ever. May ask the
     * server. NULL: nothing is thrown away while we need it. */
    int64_t (*seconds_left)(const struct config *, const struct source_look *, const struct offset *);

    /* For `status`: a few lines for people, each with its line end, after a look that was answered; `"slot":{...}` or
     * `"log":{...}` without a comma, also of a look of zeros, with `trouble` in it when it is not ERROR_NONE; what to
     * do next, NULL: nothing that concerns the source. */
    void (*put_status)(const struct config *, const struct source_look *, struct buffer *out);
    void (*put_status_json)(const struct config *, const struct source_look *, const struct error *trouble,
                            struct buffer *out);
    const char *(*next_step)(const struct source_look *);

    /* Everything that `check` looks at on this server. */
    void (*check)(const struct config *, struct report *);

    /* Relations as the catalogue has them now, for `schema`: one reference each. The array ends in NULL and is freed
     * by the caller with free(). */
    int (*relations)(const struct config *, struct relation ***out, struct error *err);

    /* Drop what the pipeline has on the server; with dry_run only say so. */
    int (*remove)(const struct config *, bool dry_run, struct buffer *said, struct error *err);

    /* While running, every so often, on a thread of its own: tables made later join. NULL: nothing to do. Never
     * fails: trouble is logged. The first call makes *watch. */
    void (*watch)(void **watch, const struct config *);
    void (*watch_close)(void *watch);
};

extern const struct source_kind source_postgresql, source_mysql, source_mariadb;

/* By config->source.type; never NULL. */
const struct source_kind *source_kind_of(const struct config *);

#endif
