/*
 * position.h -- a place in a source's log.
 *
 * A position is the end of the last whole transaction that is done and, inside one, that transaction's name and
 * how many of its changes are done. The count belongs to that transaction only. Positions have no order of their
 * own (GTID sets have none): covers, advance and meet are all there is. Inside a run the reader numbers
 * transactions with a u64, and queues, progress and minima use only those numbers.
 *
 * PostgreSQL (final(T) is where the commit record starts, as BEGIN and COMMIT say; end(T) is COMMIT's end_lsn):
 * end = end(T) of the last whole transaction, open = final(T) of the one inside, done = its row changes
 * counted from 0 in commit order; a truncate counts one for each relation.
 *
 * MySQL and MariaDB: what is done is a set of GTIDs or, where the log has none, a place in a file; it stands in a
 * `struct place`, which is immutable and counted. Inside a transaction `done` counts row events and `rows` the
 * rows in them. Row events are cut by the server that writes them, so `done` holds on that server only.
 *
 * Copies: by position_copy, which counts; a position that goes away is cleared. (One of PostgreSQL's holds nothing
 * and may be copied as it is.) What a function returns or fills in is the caller's.
 *
 * Text: "lsn:0/16B3748" or "lsn:0/16B3748+0/16C0000/1234" (end, open, done);
 *       "gtid:SET", "mariadb:LIST" or "file:binlog.000003/1234", the first two perhaps followed by
 *       "@binlog.000003/1234" (where that is, for people); then, inside a transaction,
 *       "+TRANSACTION/EVENTS/ROWS/SERVER", of which at least one event is done. A file's name may hold "@" and "+".
 */
#ifndef CDC_POSITION_H
#define CDC_POSITION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cdc/log_place.h"

struct error;
struct xa_list;

enum position_kind {
    POSITION_NONE = 0,
    POSITION_LSN,
    POSITION_BINLOG,
};

/* A transaction as the log names it. The fields of the other family are zero. */
struct transaction {
    /* PostgreSQL */
    uint64_t final; /* final(T); grows strictly from one transaction to the next */
    uint64_t end;   /* end(T); 0 while its COMMIT has not been seen */
    uint32_t xid;
    /* MySQL and MariaDB */
    uint32_t server_id;     /* that it was first committed on */
    uint32_t thread_id;     /* of the session; 0: not told */
    struct gtid gtid;       /* number 0: anonymous */
    struct log_place begin; /* of its first event */
    struct log_place after; /* behind its last; number 0 while that has not been seen */
    /* both */
    int64_t commit_us; /* since 1970, from the server; says nothing about order */
};

enum { SERVER_NAME_MAX = 40 };

/* The part of a binlog position that has no fixed size. */
struct place {
    atomic_uint references;
    struct gtid_set *set;         /* every transaction that is done; NULL: a log without GTIDs */
    struct log_place at;          /* behind the last of them; with a set it is for people only */
    struct gtid inside;           /* the open transaction, by GTID ... */
    struct log_place inside_at;   /* ... or, without, by where it begins; number 0: none is open */
    char server[SERVER_NAME_MAX]; /* that wrote `at` and the open one: MySQL's server_uuid, MariaDB's server_id */
    struct xa_list *xa;           /* prepared before here and not yet decided; NULL: none */
};

struct position {
    enum position_kind kind;
    uint64_t end;
    uint64_t open; /* 0: between transactions; a binlog's: 1 inside one */
    uint64_t done; /* changes of the open one; a binlog's: row events */
    uint64_t rows; /* a binlog's: rows of captured tables in them; for people and another server */
    struct place *place; /* BINLOG */
};

/* Neither changes `from`; `to` held a position (or zeros) and gives up what it counted. */
void position_copy(struct position *to, const struct position *from);
void position_move(struct position *to, struct position *from); /* `from` is empty after it */
void position_clear(struct position *);

struct place *place_keep(struct place *);
void place_release(struct place *);

/* True if the whole of the transaction is done: skip it. */
bool position_covers(const struct position *, const struct transaction *);

/* How many of the transaction's first changes are done; UINT64_MAX if it is covered. */
uint64_t position_done(const struct position *, const struct transaction *);

/* Move over the whole transaction, or over its first `changes` changes. A binlog position that can't be made for
 * lack of memory becomes NONE. */
void position_advance_whole(struct position *, const struct transaction *);
void position_advance_part(struct position *, const struct transaction *, uint64_t changes);

/* The newest place that both have passed. NONE meets anything as NONE. */
struct position position_meet(const struct position *a, const struct position *b);

/* The same transactions are done, and the same part of the open one; where that stands does not count, unless a
 * place in a file is all there is. */
bool position_equal(const struct position *a, const struct position *b);

/* For logs and people: into `text` (at least POSITION_TEXT_MAX bytes), cut with "..." where it is longer; returns
 * text. "none" for NONE. */
#define POSITION_TEXT_MAX 320
const char *position_print(const struct position *, char *text);
/* All of it. */
void position_put(const struct position *, struct buffer *out);
/* The reverse; -1 with ERROR_CONFIG and the reason. Accepts a bare LSN ("0/16B3748") too. */
int position_parse(struct position *out, const char *text, struct error *err);

/* The transaction's name: "16/B374D848", "3e11fa47-…:77", "0-1-5", "binlog.000007:4711". At most
 * TRANSACTION_TEXT_MAX with its NUL; returns the length. */
#define TRANSACTION_TEXT_MAX 128
size_t transaction_print(const struct transaction *, char *text);

/* "16/B374D848" both ways. */
#define LSN_TEXT_MAX 18
const char *lsn_print(uint64_t lsn, char *text);
bool lsn_parse(uint64_t *out, const char *text);

#endif
