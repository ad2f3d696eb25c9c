/*
 * position.h -- a place in a source's log.
 *
 * A position is the end of the last whole transaction that is done and, inside one, that
 * transaction's name and how many of its changes are done. The count belongs to that
 * transaction only. Positions have no order of their own (GTID sets will not have one):
 * three operations are all there is, covers, advance and meet. Inside a run the reader
 * numbers transactions with a u64, and queues, progress and minima use only those numbers.
 *
 * PostgreSQL (reliability: final(T) is where the commit record starts, as BEGIN and COMMIT
 * say; end(T) is COMMIT's end_lsn): end = end(T) of the last whole transaction,
 * open = final(T) of the one inside, done = its row changes counted from 0 in commit order;
 * a truncate counts one for each relation.
 *
 * Text form: "lsn:0/16B3748" or "lsn:0/16B3748+0/16C0000/1234" (end, open, done).
 */
#ifndef CDC_POSITION_H
#define CDC_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

enum position_kind {
    POSITION_NONE = 0,
    POSITION_LSN,
};

struct position {
    enum position_kind kind;
    uint64_t end;
    uint64_t open; /* 0: between transactions */
    uint64_t done;
};

/* A transaction as the log names it. */
struct transaction {
    uint64_t final; /* final(T); grows strictly from one transaction to the next */
    uint64_t end;   /* end(T); 0 while its COMMIT has not been seen */
    int64_t commit_us; /* since 1970, from the server; says nothing about order */
    uint32_t xid;
};

/* True if the whole of the transaction is done: skip it. */
bool position_covers(const struct position *, const struct transaction *);

/* How many of the transaction's first changes are done; UINT64_MAX if it is covered. */
uint64_t position_done(const struct position *, const struct transaction *);

/* Move over the whole transaction, or over its first `changes` changes. */
void position_advance_whole(struct position *, const struct transaction *);
void position_advance_part(struct position *, const struct transaction *, uint64_t changes);

/* The newest place that both have passed. NONE meets anything as NONE. */
struct position position_meet(const struct position *a, const struct position *b);

bool position_equal(const struct position *a, const struct position *b);

/* Print into `text` (at least POSITION_TEXT_MAX bytes); returns text. "none" for NONE. */
#define POSITION_TEXT_MAX 96
const char *position_print(const struct position *, char *text);
/* The reverse; -1 with ERROR_CONFIG and the reason. Accepts a bare LSN ("0/16B3748") too. */
int position_parse(struct position *out, const char *text, struct error *err);

/* "16/B374D848" both ways. */
#define LSN_TEXT_MAX 18
const char *lsn_print(uint64_t lsn, char *text);
bool lsn_parse(uint64_t *out, const char *text);

#endif
