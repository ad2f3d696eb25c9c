/*
 * binlog_json.h -- MySQL's binary JSON to the text that the server itself prints, and partial updates of it.
 *
 * The text is that of `SELECT CAST(column AS CHAR)` on MySQL 9.7.4, to the byte: ", " and ": " between things,
 * keys in stored order, doubles as the server writes them, decimals exact, dates and times quoted, other
 * opaque values "base64:typeNN:...". Seen equal on what tests/golden/capture_json.py asks a server.
 *
 * Every offset and length is checked against its container; depth is at most 100 (the server's own limit), the
 * text at most BINLOG_JSON_TEXT_MAX bytes (or what `out` may still hold, if that is less). The work is bounded by the
 * length of the document; with diffs, by their number times the entries of the containers that they change.
 * Pure; any thread. Source: protocols B11.
 * Errors: ERROR_DATA with E_PROTOCOL; the caller adds column, table and position. Nothing is appended then.
 */
#ifndef CDC_BINLOG_JSON_H
#define CDC_BINLOG_JSON_H

#include "cdc/arena.h"
#include "cdc/bytes.h"
#include "cdc/error.h"

enum { BINLOG_JSON_DEPTH_MAX = 100 };
#define BINLOG_JSON_TEXT_MAX (UINT32_C(1) << 30)

/* The document as text, appended to `out`. An empty slice is the JSON null literal. */
int binlog_json_text(struct bytes document, struct buffer *out, struct error *err);

/* The document after a diff list of PARTIAL_UPDATE_ROWS (without its u4 length), as text, appended. An empty
 * list leaves it as it is. A diff that finds no place is an error: the document is not the one it was made of. */
int binlog_json_patched(struct bytes document, struct bytes diffs, struct buffer *out, struct error *err);

#endif
