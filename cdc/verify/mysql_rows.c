/*
 * mysql_rows.c -- rows.h by the MySQL client: rows as they come, each value with its length.
 *
 * Binary columns come as their bytes; texts in UTF-8, whatever the column's character set.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../client/mysql_conn.h"
#include "rows.h"

enum { TIMEOUT_SLACK_S = 30 };

struct mysql_rows {
    struct rows_reader base;
    MYSQL *conn;
    struct mysql_server server;
};

static int
no_memory(struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for rows");
}

static void
close_rows(struct rows_reader *base)
{
    struct mysql_rows *rows = (struct mysql_rows *)(void *)base;

    if (rows == NULL)
        return;
    if (rows->conn != NULL)
        mysql_close(rows->conn);
    free(rows);
}

static int
begin_session(struct mysql_rows *rows, struct error *err)
{
    if (mysql_run(rows->conn, err,
                  "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; SET SESSION TRANSACTION READ ONLY") == -1)
        return -1;
    if (rows->server.mariadb)
        return mysql_run(rows->conn, err, "SET SESSION max_statement_time = %d", ROWS_TIMEOUT_S);
    return mysql_run(rows->conn, err, "SET SESSION max_execution_time = %d", 1000 * ROWS_TIMEOUT_S);
}

static int
open_rows(struct rows_reader **out, const struct endpoint *to, struct error *err)
{
    struct mysql_rows *rows = calloc(1, sizeof(*rows));

    if (rows == NULL)
        return no_memory(err);
    rows->base.ops = &rows_mysql;
    rows->conn = mysql_connect_to(to, ROWS_TIMEOUT_S + TIMEOUT_SLACK_S, &rows->server, err);
    if (rows->conn == NULL || begin_session(rows, err) == -1) {
        close_rows(&rows->base);
        return -1;
    }
    *out = &rows->base;
    return 0;
}

/* ---- a table ---- */

static bool
is_among(const char *word, const char *const *words)
{
    while (*words != NULL && strcmp(word, *words) != 0)
        words++;
    return *words != NULL;
}

static const char *const raw_types[] = {"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit", "vector",
                                        NULL};
static const char *const geometry_types[] = {"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
                                             "multipolygon", "geometrycollection", "geomcollection", NULL};
static const char *const number_types[] = {"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double",
                                           "bit", "year", NULL};

/* A FLOAT is printed with six digits, unless it is made a double. ENUMs and SETs are in the order of their numbers, but
 * compared as texts. */
static int
take_expressions(const char *type, struct rows_column *column, struct arena *arena)
{
    struct buffer quoted = {0};
    const char *name;

    mysql_identifier(&quoted, column->name);
    name = buffer_cstr(&quoted);
    column->selected = strcmp(type, "float") == 0 || strcmp(type, "double") == 0 ? arena_printf(arena, "(%s + 0e0)", name)
                                                                                : arena_strdup(arena, name);
    column->ordered = strcmp(type, "enum") == 0 || strcmp(type, "set") == 0
                          ? arena_printf(arena, "(CONVERT(%s USING utf8mb4) COLLATE utf8mb4_bin)", name)
                          : column->selected;
    buffer_free(&quoted);
    return column->selected == NULL || column->ordered == NULL ? -1 : 0;
}

static int
take_column(MYSQL_ROW row, struct rows_column *column, struct arena *arena, struct error *err)
{
    const char *type = mysql_field(row, 1);

    column->name = arena_strdup(arena, mysql_field(row, 0));
    if (column->name == NULL || take_expressions(type, column, arena) == -1)
        return no_memory(err);
    column->form = is_among(type, raw_types) ? FORM_RAW : is_among(type, geometry_types) ? FORM_GEOMETRY : FORM_TEXT;
    column->number = is_among(type, number_types);
    column->padded = strcmp(type, "char") == 0;
    column->json = column->json_doubles = strcmp(type, "json") == 0; /* MariaDB's is longtext */
    column->not_null = strcmp(mysql_field(row, 2), "NO") == 0;
    return 0;
}

static int
fill_table(MYSQL_RES *res, const char *schema, const char *table, struct rows_table *out, struct error *err)
{
    struct buffer from = {0};
    MYSQL_ROW row;

    out->exists = mysql_num_rows(res) > 0;
    if (!out->exists)
        return 0;
    if (schema[0] != 0) {
        mysql_identifier(&from, schema);
        buffer_put_u8(&from, '.');
    }
    mysql_identifier(&from, table);
    out->from = arena_strdup(&out->arena, buffer_cstr(&from));
    buffer_free(&from);
    out->columns = arena_array(&out->arena, mysql_num_rows(res), sizeof(*out->columns));
    if (out->from == NULL || out->columns == NULL)
        return no_memory(err);
    while ((row = mysql_fetch_row(res)) != NULL) {
        if (take_column(row, &out->columns[out->ncolumns++], &out->arena, err) == -1)
            return -1;
    }
    return 0;
}

static int
describe(struct rows_reader *base, const char *schema, const char *table, struct rows_table *out, struct error *err)
{
    struct mysql_rows *rows = (struct mysql_rows *)(void *)base;
    struct buffer quoted_schema = {0}, quoted_table = {0};
    MYSQL_RES *res;
    int rc;

    *out = (struct rows_table){.exists = false};
    if (schema[0] != 0)
        mysql_literal(&quoted_schema, schema);
    else
        buffer_put_string(&quoted_schema, "DATABASE()");
    mysql_literal(&quoted_table, table);
    res = mysql_ask(rows->conn, err,
                    "SELECT COLUMN_NAME, LOWER(DATA_TYPE), IS_NULLABLE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s "
                    "AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
                    buffer_cstr(&quoted_schema), buffer_cstr(&quoted_table));
    buffer_free(&quoted_schema);
    buffer_free(&quoted_table);
    if (res == NULL)
        return -1;
    rc = fill_table(res, schema, table, out, err);
    mysql_free_result(res);
    return rc;
}

/* ---- literals ---- */

/* Only what is a number goes without quotes. */
static bool
is_number(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (memchr("0123456789+-.eE", text.at[i], 15) == NULL)
            return false;
    }
    return text.len > 0;
}

static void
put_hex_of(struct bytes text, struct buffer *sql)
{
    buffer_put_string(sql, "X'");
    for (size_t i = 0; i < text.len; i++)
        buffer_printf(sql, "%02x", text.at[i]);
    buffer_put_u8(sql, '\'');
}

static void
put_bits(struct bytes bits, struct buffer *sql)
{
    uint64_t v = 0;

    for (size_t i = 0; i < bits.len; i++)
        v = v << 1 | (bits.at[i] == '1');
    buffer_printf(sql, "%" PRIu64, v);
}

/* With its length: a text may have a NUL in it. */
static void
put_text(struct bytes text, struct buffer *sql)
{
    buffer_put_u8(sql, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\'')
            buffer_put_u8(sql, '\'');
        buffer_put_u8(sql, text.at[i]);
    }
    buffer_put_u8(sql, '\'');
}

static void
put_digits(struct bytes canonical, struct buffer *sql)
{
    for (size_t i = 0; i < canonical.len; i++) {
        if (canonical.at[i] != '-')
            buffer_put_u8(sql, canonical.at[i]);
    }
}

static void
put_value(const struct rows_column *column, enum value_type type, struct bytes canonical, struct buffer *sql)
{
    if (type == TYPE_BOOL && column->number) {
        buffer_put_u8(sql, bytes_equal(canonical, bytes_of_string("true")) ? '1' : '0');
    } else if (type == TYPE_BITS && column->number) {
        put_bits(canonical, sql);
    } else if (column->number && is_number(canonical)) {
        buffer_put(sql, canonical.at, canonical.len);
    } else if (type == TYPE_BYTES || (type == TYPE_UUID && column->form == FORM_RAW)) {
        buffer_put_string(sql, "X'");
        put_digits(canonical, sql);
        buffer_put_u8(sql, '\'');
    } else if (column->form == FORM_RAW) {
        put_hex_of(canonical, sql);
    } else {
        put_text(canonical, sql);
    }
}

/* A BIT's bytes, the most significant first. */
static void
put_number_of(struct bytes bits, struct buffer *sql)
{
    uint64_t v = 0;

    for (size_t i = 0; i < bits.len; i++)
        v = v << 8 | bits.at[i];
    buffer_printf(sql, "%" PRIu64, v);
}

static void
put_own(const struct rows_column *column, struct bytes field, struct buffer *sql)
{
    if (column->number && column->form == FORM_RAW)
        put_number_of(field, sql);
    else if (column->number)
        buffer_put(sql, field.at, field.len);
    else if (column->form == FORM_RAW)
        put_hex_of(field, sql);
    else
        put_text(field, sql);
}

/* ---- reading ---- */

static int
take_answer(MYSQL *conn, MYSQL_RES *res, rows_take *take, void *own, struct error *err)
{
    unsigned n = mysql_num_fields(res);
    struct bytes *fields = calloc(n + 1, sizeof(*fields));
    MYSQL_ROW row;
    int rc = fields == NULL ? no_memory(err) : 0;

    while ((row = mysql_fetch_row(res)) != NULL) {
        unsigned long *lengths = mysql_fetch_lengths(res);

        if (rc != 0)
            continue;
        for (unsigned i = 0; i < n; i++)
            fields[i] = bytes_of(row[i], row[i] != NULL ? lengths[i] : 0);
        rc = take(own, fields, err);
    }
    if (rc != -1 && mysql_errno(conn) != 0)
        rc = mysql_failed(conn, "rows", err);
    free(fields);
    return rc;
}

static int
read_rows(struct rows_reader *base, struct bytes sql, rows_take *take, void *own, struct error *err)
{
    struct mysql_rows *rows = (struct mysql_rows *)(void *)base;
    MYSQL_RES *res;
    int rc;

    if (mysql_real_query(rows->conn, (const char *)sql.at, sql.len) != 0)
        return mysql_failed(rows->conn, "rows", err);
    res = mysql_use_result(rows->conn);
    if (res == NULL)
        return mysql_failed(rows->conn, "rows", err);
    rc = take_answer(rows->conn, res, take, own, err);
    mysql_free_result(res);
    return rc == -1 ? -1 : 0;
}

const struct rows_ops rows_mysql = {
    .compares_rows = false,
    .open = open_rows,
    .describe = describe,
    .put_name = mysql_identifier,
    .put_value = put_value,
    .put_own = put_own,
    .read = read_rows,
    .close = close_rows,
};
