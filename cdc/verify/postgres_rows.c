/* postgres_rows.c -- rows.h by libpq: single-row mode, text form. */
#include <stdlib.h>
#include <string.h>

#include "../client/postgres_conn.h"
#include "rows.h"

struct postgres_rows {
    struct rows_reader base;
    PGconn *conn;
};

static int
no_memory(struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for rows");
}

static void
close_rows(struct rows_reader *base)
{
    struct postgres_rows *rows = (struct postgres_rows *)(void *)base;

    if (rows == NULL)
        return;
    PQfinish(rows->conn);
    free(rows);
}

static int
open_rows(struct rows_reader **out, const struct endpoint *to, struct error *err)
{
    struct postgres_rows *rows = calloc(1, sizeof(*rows));

    if (rows == NULL)
        return no_memory(err);
    rows->base.ops = &rows_postgres;
    rows->conn = pg_connect_to(to, false, "verify", err);
    if (rows->conn == NULL ||
        pg_command(rows->conn, err,
                   "SET statement_timeout = '%ds'; SET lock_timeout = '10s'; SET default_transaction_read_only = on",
                   ROWS_TIMEOUT_S) == -1) {
        close_rows(&rows->base);
        return -1;
    }
    *out = &rows->base;
    return 0;
}

/* ---- a table ---- */

/* For a column of bytea: the bytes themselves, the digits of a UUID, or a text's bytes. */
static void
put_hex(enum value_type type, struct bytes canonical, struct buffer *out)
{
    buffer_put_string(out, "\\x");
    for (size_t i = 0; i < canonical.len; i++) {
        if (type != TYPE_BYTES && type != TYPE_UUID)
            buffer_printf(out, "%02x", canonical.at[i]);
        else if (canonical.at[i] != '-')
            buffer_put_u8(out, canonical.at[i]);
    }
}

static void
put_value(const struct rows_column *column, enum value_type type, struct bytes canonical, struct buffer *sql)
{
    struct buffer text = {0};

    if (column->form == FORM_HEX)
        put_hex(type, canonical, &text);
    else if (type != TYPE_BYTES || !canonical_unhex(canonical, &text))
        buffer_put(&text, canonical.at, canonical.len);
    pg_literal(sql, buffer_cstr(&text));
    if (buffer_failed(&text))
        sql->failed = true;
    buffer_free(&text);
}

/* The server takes back what it has written. */
static void
put_own(const struct rows_column *column, struct bytes field, struct buffer *sql)
{
    (void)column;
    pg_literal(sql, (const char *)field.at); /* libpq ends a field with a NUL */
}

static int
take_column(const PGresult *res, int row, struct rows_table *table)
{
    struct rows_column *column = &table->columns[row];
    const char *type = pg_text(res, row, 1);
    struct buffer quoted = {0};

    pg_identifier(&quoted, pg_text(res, row, 0));
    column->name = arena_strdup(&table->arena, pg_text(res, row, 0));
    column->selected = column->ordered = arena_strdup(&table->arena, buffer_cstr(&quoted));
    column->form = strcmp(type, "bytea") == 0 ? FORM_HEX : strcmp(type, "geometry") == 0 ? FORM_EWKB : FORM_TEXT;
    column->padded = strcmp(type, "bpchar") == 0;
    column->type = arena_strdup(&table->arena, pg_text(res, row, 5));
    column->json = strcmp(type, "json") == 0 || strcmp(type, "jsonb") == 0;
    column->not_null = pg_true(res, row, 2);
    buffer_free(&quoted);
    return column->name == NULL || column->type == NULL || column->selected == NULL || column->selected[0] == 0 ? -1 : 0;
}

/* The table by its name as SQL would find it; views and the like too, for a target may be one. */
static PGresult *
ask_columns(PGconn *conn, const char *name, struct error *err)
{
    struct buffer literal = {0};
    PGresult *res;

    pg_literal(&literal, name);
    /* a domain reads as what it is of */
    res = pg_query(conn, err,
                   "SELECT a.attname, coalesce(b.typname, t.typname), a.attnotnull, c.relkind = 'r', format('%%I.%%I', "
                   "n.nspname, c.relname), format('%%I.%%I', tn.nspname, t.typname) FROM pg_class c JOIN pg_namespace n ON n.oid = "
                   "c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid JOIN "
                   "pg_namespace tn ON tn.oid = t.typnamespace LEFT JOIN pg_type b ON b.oid = t.typbasetype "
                   "WHERE c.oid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
                   buffer_cstr(&literal));
    buffer_free(&literal);
    return res;
}

static int
fill_table(const PGresult *res, struct rows_table *out, struct error *err)
{
    int n = PQntuples(res);

    out->exists = n > 0;
    if (n == 0)
        return 0;
    out->ncolumns = (uint16_t)n;
    out->columns = arena_array(&out->arena, (size_t)n, sizeof(*out->columns));
    /* a child table's rows are not its parent's, a partition's are */
    out->from = arena_printf(&out->arena, "%s%s", pg_true(res, 0, 3) ? "ONLY " : "", pg_text(res, 0, 4));
    if (out->columns == NULL || out->from == NULL)
        return no_memory(err);
    for (int i = 0; i < n; i++) {
        if (take_column(res, i, out) == -1)
            return no_memory(err);
    }
    return 0;
}

static int
describe(struct rows_reader *base, const char *schema, const char *table, struct rows_table *out, struct error *err)
{
    struct postgres_rows *rows = (struct postgres_rows *)(void *)base;
    struct buffer name = {0};
    PGresult *res;
    int rc;

    *out = (struct rows_table){.exists = false};
    if (schema[0] != 0) {
        pg_identifier(&name, schema);
        buffer_put_u8(&name, '.');
    }
    pg_identifier(&name, table);
    res = ask_columns(rows->conn, buffer_cstr(&name), err);
    buffer_free(&name);
    if (res == NULL)
        return -1;
    rc = fill_table(res, out, err);
    PQclear(res);
    return rc;
}

/* ---- reading ---- */

static int
take_rows(const PGresult *res, struct bytes *fields, rows_take *take, void *own, struct error *err)
{
    for (int row = 0; row < PQntuples(res); row++) {
        int rc;

        for (int i = 0; i < PQnfields(res); i++)
            fields[i] = PQgetisnull(res, row, i) ? bytes_of(NULL, 0)
                                                 : bytes_of(PQgetvalue(res, row, i), (size_t)PQgetlength(res, row, i));
        rc = take(own, fields, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* All of the answer, or the connection can't be used again. */
static int
take_answer(PGconn *conn, rows_take *take, void *own, struct error *err)
{
    struct bytes *fields = NULL;
    PGresult *res;
    int rc = 0;

    while ((res = PQgetResult(conn)) != NULL) {
        ExecStatusType status = PQresultStatus(res);

        if (rc == 0 && status == PGRES_SINGLE_TUPLE) {
            if (fields == NULL)
                fields = calloc((size_t)PQnfields(res) + 1, sizeof(*fields));
            rc = fields == NULL ? no_memory(err) : take_rows(res, fields, take, own, err);
        } else if (rc != -1 && status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK) {
            rc = pg_error(conn, res, err, "rows");
        }
        PQclear(res);
    }
    free(fields);
    return rc;
}

static int
read_rows(struct rows_reader *base, struct bytes sql, rows_take *take, void *own, struct error *err)
{
    struct postgres_rows *rows = (struct postgres_rows *)(void *)base;
    const char *text = (const char *)sql.at; /* a buffer_cstr */

    if (PQsendQuery(rows->conn, text) == 0 || PQsetSingleRowMode(rows->conn) == 0)
        return pg_error(rows->conn, NULL, err, "rows");
    return take_answer(rows->conn, take, own, err) == -1 ? -1 : 0;
}

const struct rows_ops rows_postgres = {
    .compares_rows = true,
    .open = open_rows,
    .describe = describe,
    .put_name = pg_identifier,
    .put_value = put_value,
    .put_own = put_own,
    .read = read_rows,
    .close = close_rows,
};
