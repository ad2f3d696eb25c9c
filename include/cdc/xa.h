/*
 * xa.h -- XA transactions that are prepared and not yet decided, as a position remembers them.
 *
 * A binlog has the rows of an XA transaction where it was prepared; whether they count is said later, in another
 * group. Rows are not kept meanwhile: the list has the transaction's xid, its GTID and where its first event
 * stands, and the rows are read again from there at XA COMMIT.
 *
 * A list is immutable and counted; each change makes another. NULL is the empty list. At most XA_MAX entries.
 * Threads: any.
 */
#ifndef CDC_XA_H
#define CDC_XA_H

#include <stdatomic.h>

#include "cdc/log_place.h"

enum {
    XA_MAX = 1000,
    XA_XID_MAX = 288, /* "X'..',X'..',n": two times 64 bytes in hexadecimal and a number, with its NUL */
};

struct xa_prepared {
    char xid[XA_XID_MAX]; /* as XA statements in the binlog write it; compared byte by byte */
    struct gtid gtid;     /* of the group that prepared it; number 0: none */
    struct log_place begin;
};

struct xa_list {
    atomic_uint references;
    uint32_t count;
    struct xa_prepared at[]; /* in the order of the log */
};

struct xa_list *xa_keep(struct xa_list *);
void xa_release(struct xa_list *);

const struct xa_prepared *xa_find(const struct xa_list *, const char *xid);

/* *out is the list with, or without, this entry; one reference for the caller. -1: ERROR_FATAL without memory,
 * ERROR_REFUSED with E_XA_TOO_MANY. */
int xa_with(const struct xa_list *, const struct xa_prepared *, struct xa_list **out, struct error *err);
int xa_without(const struct xa_list *, const char *xid, struct xa_list **out, struct error *err);

bool xa_equal(const struct xa_list *, const struct xa_list *);

#endif
