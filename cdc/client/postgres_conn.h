/*
 * postgres_conn.h -- connections to a PostgreSQL server, as source or as sink, and small questions to it.
 *
 * Two kinds: `ordinary` (SQL, read-only questions and the set-up) and `replication`
 * (replication=database). Both pin the settings that the text formats depend on. Without sslmode in
 * the URL it is verify-full.
 *
 * Errors: ERROR_RETRY when the server is away or starting, ERROR_CONFIG with E_AUTH or E_DATABASE
 * when it refuses us. Results belong to the caller (PQclear).
 */
#ifndef CDC_POSTGRES_CONN_H
#define CDC_POSTGRES_CONN_H

#include <libpq-fe.h>

#include "cdc/config.h"
#include "endpoint.h"

/* A connection that is up, or NULL. `label` is part of application_name. */
PGconn *pg_connect_to(const struct endpoint *, bool replication, const char *label, struct error *err);
/* The same to the source of this configuration. */
PGconn *pg_connect(const struct config *, bool replication, const char *label, struct error *err);

/* Run one statement that must answer with rows; NULL and *err otherwise. */
PGresult *pg_query(PGconn *, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Run one statement whose rows nobody wants; -1 and *err on failure. */
int pg_command(PGconn *, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put the failed result's message into *err, with the kind that its SQLSTATE asks for. */
int pg_error(PGconn *, const PGresult *, struct error *err, const char *what);

/* "schema"."table" and 'literal', with their quotes, into a buffer. */
void pg_identifier(struct buffer *out, const char *name);
void pg_literal(struct buffer *out, const char *text);

/* One field as text; "" when NULL. */
const char *pg_text(const PGresult *, int row, int column);
bool pg_true(const PGresult *, int row, int column);

#endif
