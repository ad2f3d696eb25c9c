/*
 * memory.h -- the source of tests: a server made of an array, and how it is made to fail.
 *
 * A memory_server outlives the sources that read it, as a real one does: it has a log of transactions
 * (pgoutput messages, as captured or as made by memory_*), a slot with a confirmed place, and re-sends
 * from there at each start. Failure number `fail_at` counts start, read, serve and lease_check calls.
 *
 * Threads: one source at a time; the test reads the server while none runs, but for `confirmed`.
 */
#ifndef CDC_SOURCE_MEMORY_H
#define CDC_SOURCE_MEMORY_H

#include "cdc/source.h"

struct memory_message {
    uint64_t lsn;
    uint8_t *at;
    size_t len;
};

struct memory_server {
    struct memory_message *messages; /* whole transactions, in commit order */
    size_t count, cap;
    uint64_t lsn;         /* end of log */
    uint32_t xid;
    uint64_t open_final;  /* of the transaction that is being written; 0: none */
    size_t open_begin;    /* index of its Begin */
    bool slot;
    _Atomic uint64_t confirmed; /* a test may look while a source runs */
    size_t batch_size;    /* bytes, for the framer */
    size_t per_read;      /* messages handed out by one read */
    uint64_t calls, fail_at;
    bool forgets;         /* a crash of the server: the next start goes back this far */
    uint64_t earlier;
    char system[32];      /* its identity */
};

void memory_server_init(struct memory_server *);
void memory_server_clear(struct memory_server *);

/* Write the log: begin, rows, commit. Values are text; NULL is NULL. The table has `columns` text columns,
 * of which the first is the key; its description is sent before the first row of a session by the
 * source itself. */
void memory_begin(struct memory_server *);
void memory_insert(struct memory_server *, const char *const *values, int columns);
void memory_update(struct memory_server *, const char *old_key, const char *const *values, int columns);
void memory_delete(struct memory_server *, const char *key, int columns);
void memory_truncate(struct memory_server *);
void memory_commit(struct memory_server *);

int memory_source_open(struct source **out, struct memory_server *, struct error *err);

#endif
