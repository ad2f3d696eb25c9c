/*
 * binlog_query.h -- what kind of statement a QUERY event holds: by its first words, without parsing SQL.
 *
 * Only what shapes a group has to be told apart: its begin and end, savepoints, XA; a TRUNCATE, since it has no row
 * events; a change that the log has only as a statement; and all else, DDL, which changes no rows.
 *
 * Pure. Comments (also those with a version in them) are passed over, case does not matter.
 */
#ifndef CDC_BINLOG_QUERY_H
#define CDC_BINLOG_QUERY_H

#include "cdc/bytes.h"

enum binlog_query_kind {
    QUERY_BEGIN,
    QUERY_COMMIT,
    QUERY_ROLLBACK,
    QUERY_SAVEPOINT,   /* also RELEASE SAVEPOINT */
    QUERY_ROLLBACK_TO,
    QUERY_XA_START,
    QUERY_XA_END,
    QUERY_XA_PREPARE,
    QUERY_XA_COMMIT,
    QUERY_XA_ROLLBACK,
    QUERY_TRUNCATE,
    QUERY_STATEMENT, /* INSERT, UPDATE, DELETE, REPLACE, LOAD, CALL ...: rows that the log does not have */
    QUERY_DDL,
    QUERY_ACCOUNT,   /* CREATE USER, GRANT, SET PASSWORD ...: changes no table, and may hold a password */
    QUERY_NOTHING,   /* a comment, or nothing at all */
};

enum binlog_query_kind binlog_query_kind(struct bytes text);

/* XA START, COMMIT ...: its xid in the form of binlog_xa_prepare_read, lower case, without spaces. False: no xid that
 * fits into `size` bytes. */
bool binlog_query_xid(struct bytes text, char *xid, size_t size);

/* TRUNCATE [TABLE] [schema.]table, into `schema` and `table` (of 256 bytes each; schema "" where the text has none).
 * False: it is not that. */
bool binlog_query_truncated(struct bytes text, char *schema, char *table);

#endif
