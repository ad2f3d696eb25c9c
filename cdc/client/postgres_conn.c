/*
 * postgres_conn.c -- see postgres_conn.h. Each connection belongs to one thread.
 *
 * The server's notices go to the log: PostgreSQL 18 says "skipped loading publication" that way.
 */
#include "postgres_conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/log.h"

/* A role's or database's own settings would otherwise change the text formats. */
static const char session_options[] =
    "-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c TimeZone=UTC "
    "-c bytea_output=hex -c statement_timeout=0 -c idle_in_transaction_session_timeout=0 "
    "-c lock_timeout=0";

struct params {
    const char *keys[64];
    const char *values[64];
    int n;
};

static void
add(struct params *p, const char *key, const char *value)
{
    if (p->n < 62) {
        p->keys[p->n] = key;
        p->values[p->n] = value;
        p->n++;
    }
}

static const char *
given_value(const PQconninfoOption *given, const char *key)
{
    for (; given->keyword != NULL; given++) {
        if (strcmp(given->keyword, key) == 0 && given->val != NULL)
            return given->val;
    }
    return "";
}

static bool
has(const PQconninfoOption *given, const char *key)
{
    return given_value(given, key)[0] != 0;
}

static void
notice(void *arg, const char *message)
{
    size_t n = strlen(message);

    (void)arg;
    while (n > 0 && message[n - 1] == '\n')
        n--;
    log_info("postgres", "server says: %.*s", (int)(n > 400 ? 400 : n), message);
}

static void
one_line(char *out, size_t size, const char *message)
{
    size_t n = 0;

    for (; *message != 0 && n + 1 < size; message++)
        out[n++] = *message == '\n' ? ' ' : *message;
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = 0;
}

static int
connect_error(PGconn *conn, struct error *err)
{
    char text[400];

    if (conn == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a connection");
    one_line(text, sizeof(text), PQerrorMessage(conn));
    /* libpq gives no SQLSTATE for a refused connection: the words are all there is. */
    if (strstr(text, "password authentication failed") != NULL ||
        strstr(text, "no pg_hba.conf entry") != NULL || strstr(text, "role \"") != NULL ||
        strstr(text, "no password supplied") != NULL || strstr(text, "must be superuser") != NULL ||
        strstr(text, "permission denied") != NULL)
        return error_set(err, ERROR_CONFIG, "E_AUTH", "%s", text);
    if (strstr(text, "database \"") != NULL && strstr(text, "does not exist") != NULL)
        return error_set(err, ERROR_CONFIG, "E_DATABASE", "%s", text);
    if (strstr(text, "certificate") != NULL || strstr(text, "does not support SSL") != NULL)
        return error_set(err, ERROR_CONFIG, "E_TLS", "%s", text);
    return error_set(err, ERROR_RETRY, "E_UNREACHABLE", "%s", text);
}

PGconn *
pg_connect_to(const struct endpoint *to, bool replication, const char *label, struct error *err)
{
    struct params p = {.n = 0};
    char name[120], options[1024], *parse_error = NULL, *password = NULL;
    PQconninfoOption *given = PQconninfoParse(to->url, &parse_error);
    PGconn *conn = NULL;

    if (given == NULL) {
        error_set(err, ERROR_CONFIG, "E_CONFIG", "url: %s", parse_error);
        PQfreemem(parse_error);
        return NULL;
    }
    if (to->password_file != NULL) {
        password = config_secret(to->password_file, err);
        if (password == NULL)
            goto out;
    }
    snprintf(name, sizeof(name), "rowferry %s %s", to->pipeline, label);
    for (PQconninfoOption *o = given; o->keyword != NULL; o++) {
        if (o->val != NULL && strcmp(o->keyword, "options") != 0)
            add(&p, o->keyword, o->val);
    }
    if (!has(given, "sslmode"))
        add(&p, "sslmode", "verify-full");
    if (!has(given, "connect_timeout"))
        add(&p, "connect_timeout", strcmp(label, "watch") == 0 ? "3" : "10");
    if (!has(given, "tcp_user_timeout"))
        add(&p, "tcp_user_timeout", "30000");
    /* Whoever gives options keeps them; ours come last and win, since decoding rests on them. */
    snprintf(options, sizeof(options), "%s %s", given_value(given, "options"), session_options);
    add(&p, "options", options);
    add(&p, "keepalives_idle", "10");
    add(&p, "keepalives_interval", "5");
    add(&p, "keepalives_count", "3");
    add(&p, "client_encoding", "UTF8");
    add(&p, "application_name", name);
    if (password != NULL)
        add(&p, "password", password);
    if (replication)
        add(&p, "replication", "database");
    conn = PQconnectdbParams(p.keys, p.values, 0);
    if (conn == NULL || PQstatus(conn) != CONNECTION_OK) {
        connect_error(conn, err);
        PQfinish(conn);
        conn = NULL;
    } else {
        PQsetNoticeProcessor(conn, notice, NULL);
    }
out:
    config_secret_free(password);
    PQconninfoFree(given);
    return conn;
}

PGconn *
pg_connect(const struct config *config, bool replication, const char *label, struct error *err)
{
    struct endpoint source = {config->pipeline, config->source.url, config->source.password_file};

    return pg_connect_to(&source, replication, label, err);
}

int
pg_error(PGconn *conn, const PGresult *res, struct error *err, const char *what)
{
    const char *state = res != NULL ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
    const char *detail = res != NULL ? PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL) : NULL;
    const char *primary = res != NULL ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    enum error_kind kind = ERROR_CONFIG;
    char text[400];

    one_line(text, sizeof(text), primary != NULL ? primary : PQerrorMessage(conn));
    if (state == NULL || strncmp(state, "08", 2) == 0 || strncmp(state, "57", 2) == 0 ||
        strncmp(state, "53", 2) == 0 || strncmp(state, "40", 2) == 0 ||
        strncmp(state, "55P03", 5) == 0)
        kind = ERROR_RETRY; /* gone, shutting down, full, deadlock, lock time-out */
    return error_set(err, kind, kind == ERROR_RETRY ? "E_UNREACHABLE" : "E_SQL",
                     "%s: %s%s%s%s%s%s", what, text, detail != NULL ? " (" : "",
                     detail != NULL ? detail : "", detail != NULL ? ")" : "",
                     state != NULL ? " SQLSTATE " : "", state != NULL ? state : "");
}

static PGresult *
run(PGconn *conn, struct error *err, const char *fmt, va_list args)
{
    va_list again;
    PGresult *res = NULL;
    char *sql;
    int n;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    sql = n < 0 ? NULL : malloc((size_t)n + 1);
    if (sql == NULL) {
        error_set(err, ERROR_FATAL, "", "out of memory for a statement");
        return NULL;
    }
    vsnprintf(sql, (size_t)n + 1, fmt, args);
    res = PQexec(conn, sql);
    if (res == NULL || (PQresultStatus(res) != PGRES_TUPLES_OK &&
                        PQresultStatus(res) != PGRES_COMMAND_OK)) {
        pg_error(conn, res, err, sql);
        PQclear(res);
        res = NULL;
    }
    free(sql);
    return res;
}

PGresult *
pg_query(PGconn *conn, struct error *err, const char *fmt, ...)
{
    va_list args;
    PGresult *res;

    va_start(args, fmt);
    res = run(conn, err, fmt, args);
    va_end(args);
    return res;
}

int
pg_command(PGconn *conn, struct error *err, const char *fmt, ...)
{
    va_list args;
    PGresult *res;

    va_start(args, fmt);
    res = run(conn, err, fmt, args);
    va_end(args);
    if (res == NULL)
        return -1;
    PQclear(res);
    return 0;
}

void
pg_identifier(struct buffer *out, const char *name)
{
    buffer_put_quoted(out, name, '"');
}

/* standard_conforming_strings is on since 9.1; a backslash is itself only under E''. */
void
pg_literal(struct buffer *out, const char *text)
{
    if (strchr(text, '\\') == NULL) {
        buffer_put_quoted(out, text, '\'');
        return;
    }
    buffer_put_string(out, " E'");
    for (; *text != 0; text++) {
        if (*text == '\'' || *text == '\\')
            buffer_put_u8(out, (uint8_t)*text);
        buffer_put_u8(out, (uint8_t)*text);
    }
    buffer_put_u8(out, '\'');
}

const char *
pg_text(const PGresult *res, int row, int column)
{
    return PQgetisnull(res, row, column) ? "" : PQgetvalue(res, row, column);
}

bool
pg_true(const PGresult *res, int row, int column)
{
    return strcmp(pg_text(res, row, column), "t") == 0;
}
