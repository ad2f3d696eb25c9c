/*
 * mysql_catalog.c -- what the log leaves out about a table: the defaults of its columns.
 *
 * NOT NULL, key and labels are in the relation, as the log described it. A default is only asked for where a schema
 * can say it (a NOT NULL column's), and only believed as a constant.
 *
 * Calls come under the shape cache's lock, one at a time.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cdc/log.h"
#include "cdc/source_mysql.h"
#include "../client/mysql_conn.h"

enum { ASK_TIMEOUT_S = 15 };

struct mysql_catalog {
    struct catalog base;
    const struct config *config;
    MYSQL *conn;
    struct mysql_server server;
};

static int
connected(struct mysql_catalog *cat, struct error *err)
{
    if (cat->conn != NULL && mysql_ping(cat->conn) == 0)
        return 0;
    if (cat->conn != NULL)
        mysql_close(cat->conn);
    cat->conn = mysql_connect_source(cat->config, ASK_TIMEOUT_S, &cat->server, err);
    return cat->conn != NULL ? 0 : -1;
}

/* MySQL has the bare text of a constant; MariaDB writes an expression: 'text' in quotes, numbers bare. Both: b'101'. */
static const char *
constant_default(const struct mysql_catalog *cat, struct arena *arena, MYSQL_ROW row)
{
    const char *text = row[1];
    size_t n;
    char *out, *to;

    if (text == NULL || strstr(mysql_field(row, 2), "DEFAULT_GENERATED") != NULL)
        return NULL;
    if (!cat->server.mariadb)
        return strcasecmp(text, "CURRENT_TIMESTAMP") == 0 ? NULL : arena_strdup(arena, text);
    n = strlen(text);
    if (strncmp(text, "b'", 2) == 0)
        return arena_strdup(arena, text);
    if (text[0] != '\'')
        return n > 0 && strspn(text, "-0123456789.") == n ? arena_strdup(arena, text) : NULL;
    out = to = arena_alloc(arena, n + 1);
    for (text++; out != NULL && *text != 0; text++) {
        if (*text == '\'' && text[1] != '\'')
            break;
        if (*text == '\'')
            text++;
        *to++ = *text;
    }
    return out;
}

static int
ask_columns(struct mysql_catalog *cat, const struct relation *rel, struct arena *arena, struct catalog_table *out,
             struct error *err)
{
    struct buffer schema = {0}, table = {0};
    MYSQL_RES *res;
    MYSQL_ROW row;

    mysql_literal(&schema, rel->schema);
    mysql_literal(&table, rel->table);
    res = mysql_ask(cat->conn, err,
                    "SELECT COLUMN_NAME, COLUMN_DEFAULT, EXTRA, COLUMN_TYPE FROM information_schema.COLUMNS WHERE "
                    "TABLE_SCHEMA = %s AND TABLE_NAME = %s",
                    buffer_cstr(&schema), buffer_cstr(&table));
    buffer_free(&schema);
    buffer_free(&table);
    if (res == NULL)
        return -1;
    while ((row = mysql_fetch_row(res)) != NULL) {
        for (uint16_t i = 0; i < rel->ncolumns; i++) {
            if (strcmp(rel->columns[i].name, mysql_field(row, 0)) != 0)
                continue;
            out->columns[i].declared = arena_strdup(arena, mysql_field(row, 3));
            if (rel->columns[i].not_null)
                out->columns[i].default_text = constant_default(cat, arena, row);
        }
    }
    mysql_free_result(res);
    return 0;
}

static int
catalog_ask(struct catalog *base, const struct relation *rel, struct arena *arena, struct catalog_table *out,
            struct error *err)
{
    struct mysql_catalog *cat = (struct mysql_catalog *)base;

    *out = (struct catalog_table){.exists = true, .key = rel->key, .nkey = rel->nkey};
    out->columns = arena_array(arena, rel->ncolumns, sizeof(*out->columns));
    if (out->columns == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a table's catalogue");
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        out->columns[i].known = true;
        out->columns[i].not_null = rel->columns[i].not_null;
        out->columns[i].is_enum = rel->columns[i].type == TYPE_ENUM;
        out->columns[i].enum_labels = rel->columns[i].labels;
    }
    if (connected(cat, err) == -1)
        return -1;
    return ask_columns(cat, rel, arena, out, err);
}

static void
catalog_close(struct catalog *base)
{
    struct mysql_catalog *cat = (struct mysql_catalog *)base;

    if (cat == NULL)
        return;
    if (cat->conn != NULL)
        mysql_close(cat->conn);
    free(cat);
}

static const struct catalog_ops catalog_mysql = {"mysql", catalog_ask, catalog_close};

int
mysql_catalog_open(struct catalog **out, const struct config *config, struct error *err)
{
    struct mysql_catalog *cat = calloc(1, sizeof(*cat));

    if (cat == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the catalogue");
    cat->base.ops = &catalog_mysql;
    cat->config = config;
    *out = &cat->base;
    return 0;
}
