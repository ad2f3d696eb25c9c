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

#include "cdc/gtid.h"

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

/* A place in a binlog: "binlog.000123" is base "binlog", number 123. number 0: none. */
struct log_place {
    const char *base; /* interned */
    uint32_t number;
    uint64_t pos;
};

/* A transaction as the log names it. The fields of the other family are zero. */
struct transaction {
    /* PostgreSQL */
    uint64_t final; /* final(T); grows strictly from one transaction to the next */
    uint64_t end;   /* end(T); 0 while its COMMIT has not been seen */
    uint32_t xid;
    /* MySQL and MariaDB */
    uint32_t server_id;      /* that it was first committed on */
    uint32_t thread_id;      /* of the session; 0: not told */
    struct gtid gtid;        /* number 0: anonymous */
    struct log_place begin;  /* of its first event */
    struct log_place after;  /* behind its last; number 0 while that has not been seen */
    /* both */
    int64_t commit_us; /* since 1970, from the server; says nothing about order */
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

/* The transaction's name: "16/B374D848", "3e11fa47-…:77", "0-1-5", "binlog.000007:4711". At most
 * TRANSACTION_TEXT_MAX with its NUL; returns the length. */
#define TRANSACTION_TEXT_MAX 128
size_t transaction_print(const struct transaction *, char *text);

/* The interned base of a binlog's file name (of LOG_BASE_MAX bytes with its NUL), and its number, 1 to 10
 * digits; -1: not such a name, or out of memory. Printing gives back the name: "binlog.000123". */
#define LOG_BASE_MAX 64
#define LOG_FILE_MAX (LOG_BASE_MAX + 12)
int log_place_parse(struct log_place *out, struct bytes file, uint64_t pos);
size_t log_file_print(const struct log_place *, char *text);

/* "16/B374D848" both ways. */
#define LSN_TEXT_MAX 18
const char *lsn_print(uint64_t lsn, char *text);
bool lsn_parse(uint64_t *out, const char *text);

#endif
