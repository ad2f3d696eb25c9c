/*
 * mysql_ahead.h -- the statements that change tables, from a place in the log to its end.
 *
 * The catalogue knows the present only. It is believed of an older place if no statement between that place and the end
 * of the log speaks of the table. What was read for one table is kept for the next: a long log is read once, not once
 * for each table.
 *
 *     mysql_ahead_find, find ... (places only go forward)     mysql_ahead_clear when the log is another one
 *
 * Threads: the source's. Memory: at most AHEAD_BYTES of texts; where more stand ahead nothing is kept, and each call
 * reads them anew.
 */
#ifndef CDC_MYSQL_AHEAD_H
#define CDC_MYSQL_AHEAD_H

#include "cdc/log_place.h"
#include "cdc/offset.h"

struct mysql_source;

struct mysql_ahead_statement {
    struct log_place group; /* where the group that it is in begins */
    size_t offset, len;     /* in texts */
};

/* What stands between `from` and `to`, both at the begin of a group; number 0: nothing is known. */
struct mysql_ahead {
    char server[SERVER_NAME_MAX]; /* whose log it is */
    struct log_place from, to;
    struct mysql_ahead_statement *at;
    size_t n, cap;
    struct buffer texts;
};

/*
 * Does a statement behind the open group speak of the table? Statements of that group itself don't count: it can only
 * be the one that made the table which the group fills. 1: the first 100 bytes of it are in `text`; 0: none; -1.
 * Reading for longer than READ_AHEAD_MS ends in ERROR_RETRY; the next call goes on where it ended.
 */
enum { MYSQL_AHEAD_TEXT = 101, READ_AHEAD_MS = 20 * 1000 };
int mysql_ahead_find(struct mysql_source *, const char *table, char text[MYSQL_AHEAD_TEXT], struct error *err);

void mysql_ahead_clear(struct mysql_ahead *);

#endif
