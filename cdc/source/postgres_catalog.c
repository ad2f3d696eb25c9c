/*
 * postgres_catalog.c -- what pgoutput leaves out, asked on a connection of its own.
 *
 * Calls come under the shape cache's lock, one at a time. The answer is of now: a column counts as
 * known only if it has the same name and type as in the relation.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../decode/postgres_types.h"
#include "cdc/log.h"
#include "postgres_admin.h"
#include "postgres_tables.h"

struct postgres_catalog {
    struct catalog base;
    const struct config *config;
    PGconn *conn;
};

static int
connected(struct postgres_catalog *cat, struct error *err)
{
    if (cat->conn != NULL && PQstatus(cat->conn) == CONNECTION_OK)
        return 0;
    PQfinish(cat->conn);
    cat->conn = pg_connect(cat->config, false, "catalogue", err);
    if (cat->conn == NULL)
        return -1;
    return pg_command(cat->conn, err, "SET lock_timeout = '1s'; SET statement_timeout = '5s'");
}

/* A default that is a constant: 42, true, 'text'::type. Its text, or NULL. */
static const char *
constant_default(struct arena *arena, const char *expr)
{
    size_t n = strlen(expr);
    char *out, *to;

    if (n == 0)
        return NULL;
    if (strcmp(expr, "true") == 0 || strcmp(expr, "false") == 0)
        return arena_strdup(arena, expr);
    if (isdigit((unsigned char)expr[0]) || (expr[0] == '-' && isdigit((unsigned char)expr[1])))
        return strspn(expr, "-0123456789.") == n ? arena_strdup(arena, expr) : NULL;
    if (expr[0] != '\'')
        return NULL;
    out = to = arena_alloc(arena, n + 1);
    if (out == NULL)
        return NULL;
    for (expr++; *expr != 0; expr++) {
        if (*expr == '\'' && expr[1] == '\'')
            expr++;
        else if (*expr == '\'')
            break;
        *to++ = *expr;
    }
    /* 'text'::name and nothing behind it: anything else is an expression. */
    if (strncmp(expr, "'::", 3) != 0 || strpbrk(expr + 3, "'(+-*/|") != NULL)
        return NULL;
    return out;
}

static void
take_column(const PGresult *res, int row, const struct relation *rel, struct arena *arena,
            struct catalog_table *out)
{
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        struct catalog_column *col = &out->columns[i];

        if (strcmp(rel->columns[i].name, pg_text(res, row, 0)) != 0 ||
            rel->columns[i].type_id != (uint32_t)strtoul(pg_text(res, row, 1), NULL, 10))
            continue;
        col->known = true;
        col->not_null = pg_true(res, row, 2);
        col->is_enum = pg_text(res, row, 3)[0] == 'e';
        if (col->is_enum)
            col->enum_labels = arena_strdup(arena, pg_text(res, row, 4));
        col->default_text = constant_default(arena, pg_text(res, row, 5));
        if (rel->columns[i].typmod == (int32_t)strtol(pg_text(res, row, 6), NULL, 10))
            col->declared = arena_strdup(arena, pg_text(res, row, 7));
    }
}

static int
ask_columns(struct postgres_catalog *cat, const struct relation *rel, struct arena *arena,
            struct catalog_table *out, struct error *err)
{
    PGresult *res = pg_query(
        cat->conn, err,
        "SELECT a.attname, a.atttypid, a.attnotnull, t.typtype, (SELECT string_agg(e.enumlabel, ',' "
        "ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), CASE WHEN a.attgenerated = "
        "'' THEN pg_get_expr(d.adbin, d.adrelid) END, a.atttypmod, format_type(a.atttypid, a.atttypmod) FROM "
        "pg_attribute a JOIN pg_type t ON t.oid = "
        "a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE "
        "a.attrelid = %u AND a.attnum > 0 AND NOT a.attisdropped",
        rel->id);

    if (res == NULL)
        return -1;
    out->exists = PQntuples(res) > 0;
    for (int i = 0; i < PQntuples(res); i++)
        take_column(res, i, rel, arena, out);
    PQclear(res);
    return 0;
}

static int
ask_key(struct postgres_catalog *cat, const struct relation *rel, struct arena *arena,
        struct catalog_table *out, struct error *err)
{
    PGresult *res = pg_query(
        cat->conn, err,
        "SELECT a.attname FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY "
        "AS k(attnum, place) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
        "WHERE i.indrelid = %u AND i.indisprimary AND k.place <= i.indnkeyatts ORDER BY k.place",
        rel->id);

    if (res == NULL)
        return -1;
    out->key = arena_array(arena, (size_t)PQntuples(res) + 1, sizeof(*out->key));
    if (out->key == NULL) {
        PQclear(res);
        return error_set(err, ERROR_FATAL, "", "out of memory for a key");
    }
    for (int i = 0; i < PQntuples(res); i++) {
        for (uint16_t c = 0; c < rel->ncolumns; c++) {
            if (strcmp(rel->columns[c].name, pg_text(res, i, 0)) == 0)
                out->key[out->nkey++] = c;
        }
    }
    if (out->nkey != PQntuples(res))
        out->nkey = 0; /* not all of its columns are in the relation */
    PQclear(res);
    return 0;
}

static int
catalog_ask(struct catalog *base, const struct relation *rel, struct arena *arena,
            struct catalog_table *out, struct error *err)
{
    struct postgres_catalog *cat = (struct postgres_catalog *)base;
    struct error why = ERROR_INIT;

    *out = (struct catalog_table){0};
    out->columns = arena_array(arena, rel->ncolumns, sizeof(*out->columns));
    if (out->columns == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a table's catalogue");
    if (connected(cat, &why) == 0 && ask_columns(cat, rel, arena, out, &why) == 0 &&
        ask_key(cat, rel, arena, out, &why) == 0)
        return 0;
    if (cat->conn != NULL && PQstatus(cat->conn) == CONNECTION_OK &&
        (strstr(why.text, "55P03") != NULL || strstr(why.text, "57014") != NULL)) {
        /* Somebody holds the table: what the catalogue would have told stays unknown. But where the key
         * comes from the catalogue alone, an unknown one would change the events: ask again. */
        if (rel->replica_identity != IDENTITY_DEFAULT) {
            *err = why;
            err->kind = ERROR_RETRY;
            return -1;
        }
        log_warn("postgres", "table=%s.%s the catalogue did not answer in time; columns count as nullable",
                 rel->schema, rel->table);
        out->exists = true;
        out->nkey = 0;
        memset(out->columns, 0, rel->ncolumns * sizeof(*out->columns));
        return 0;
    }
    *err = why;
    return -1;
}

static void
catalog_close(struct catalog *base)
{
    struct postgres_catalog *cat = (struct postgres_catalog *)base;

    if (cat == NULL)
        return;
    PQfinish(cat->conn);
    free(cat);
}

static const struct catalog_ops catalog_postgres = {"postgresql", catalog_ask, catalog_close};

int
postgres_catalog_open(struct catalog **out, const struct config *config, struct error *err)
{
    struct postgres_catalog *cat = calloc(1, sizeof(*cat));

    if (cat == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the catalogue");
    cat->base.ops = &catalog_postgres;
    cat->config = config;
    *out = &cat->base;
    return 0;
}

/* ---- relations as the catalogue has them now ---- */

static struct relation *
relation_now(PGconn *conn, const struct pg_table *table, struct error *err)
{
    PGresult *res = pg_query(
        conn, err,
        "SELECT a.attname, a.atttypid, a.atttypmod, t.typtype, EXISTS (SELECT 1 FROM pg_index i WHERE "
        "i.indrelid = a.attrelid AND a.attnum = ANY (i.indkey) AND CASE c.relreplident WHEN 'd' THEN "
        "i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END) OR c.relreplident = 'f' FROM "
        "pg_attribute a JOIN pg_type t ON t.oid = a.atttypid JOIN pg_class c ON c.oid = a.attrelid WHERE "
        "a.attrelid = %u AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY "
        "a.attnum",
        table->oid);
    struct relation *rel;

    if (res == NULL)
        return NULL;
    rel = relation_new(table->oid, table->schema, table->table, (uint16_t)PQntuples(res));
    if (rel == NULL) {
        PQclear(res);
        error_set(err, ERROR_FATAL, "", "out of memory for a relation");
        return NULL;
    }
    rel->replica_identity = (enum replica_identity)table->identity;
    rel->captured = true;
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        struct column *col = &rel->columns[i];

        col->name = arena_strdup(&rel->arena, pg_text(res, i, 0));
        col->type_id = (uint32_t)strtoul(pg_text(res, i, 1), NULL, 10);
        col->typmod = (int32_t)strtol(pg_text(res, i, 2), NULL, 10);
        col->type = postgres_type_of(col->type_id, col->typmod, col);
        if (col->type == TYPE_OTHER && pg_text(res, i, 3)[0] == 'e')
            col->type = TYPE_ENUM;
        col->identity = pg_true(res, i, 4);
    }
    PQclear(res);
    relation_seal(rel);
    return rel;
}

int
postgres_relations(const struct config *config, struct relation ***out, struct error *err)
{
    PGconn *conn = pg_connect(config, false, "schema", err);
    struct pg_tables tables = {0};
    struct relation **list = NULL;
    int rc = -1;

    if (conn == NULL || tables_ask(conn, config, true, &tables, err) == -1)
        goto out;
    list = calloc((size_t)tables.n + 1, sizeof(struct relation *));
    if (list == NULL) {
        error_set(err, ERROR_FATAL, "", "out of memory for relations");
        goto out;
    }
    for (int i = 0; i < tables.n; i++) {
        list[i] = relation_now(conn, &tables.at[i], err);
        if (list[i] == NULL) {
            for (int k = 0; k < i; k++)
                relation_release(list[k]);
            free(list);
            goto out;
        }
    }
    *out = list;
    rc = 0;
out:
    tables_free(&tables);
    PQfinish(conn);
    return rc;
}
