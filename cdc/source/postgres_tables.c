/*
 * postgres_tables.c -- see postgres_tables.h. One thread at a time, on the connection given.
 *
 * A table without replica identity must never get into a publication that publishes updates: the
 * server would refuse the application's own UPDATE and DELETE from then on.
 */
#include "postgres_tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../decode/postgres_types.h"
#include "cdc/log.h"
#include "postgres_admin.h"

enum { SQL_SHOWN = 300 }; /* a longer statement does not fit into an error */

static const char tables_sql[] =
    "SELECT n.nspname, c.relname, c.oid, c.relreplident,"
    " CASE c.relreplident WHEN 'f' THEN true WHEN 'n' THEN false"
    "  WHEN 'i' THEN EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident)"
    "  ELSE EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) END,"
    " c.relispartition, rn.nspname, rc.relname"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_class rc ON c.relispartition AND rc.oid = pg_partition_root(c.oid)"
    " LEFT JOIN pg_namespace rn ON rn.oid = rc.relnamespace"
    " WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.oid >= 16384"
    " AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%%'"
    " ORDER BY 1, 2";

void
tables_free(struct pg_tables *tables)
{
    free(tables->at);
    *tables = (struct pg_tables){0};
}

static void
take_name(char out[64], const char *name)
{
    snprintf(out, 64, "%s", name);
}

/* A leaf whose root is wanted too comes under the root's name. */
static bool
comes_by_root(const PGresult *res, int row, const struct config *config)
{
    return pg_true(res, row, 5) &&
           config_wants(&config->source, pg_text(res, row, 6), pg_text(res, row, 7));
}

/* The first glob that matches nothing. */
static const char *
find_unmatched(const struct config *config, const PGresult *res)
{
    for (const char **glob = config->source.tables; *glob != NULL; glob++) {
        bool found = false;

        for (int i = 0; i < PQntuples(res) && !found; i++)
            found = config_glob_table(*glob, pg_text(res, i, 0), pg_text(res, i, 1));
        if (!found)
            return *glob;
    }
    return NULL;
}

/* Remember the first column of each table whose type has no binary decoder. */
static int
find_unlisted(PGconn *conn, struct pg_tables *tables, struct error *err)
{
    PGresult *res = pg_query(
        conn, err,
        "SELECT a.attrelid, a.attname, a.atttypid FROM pg_attribute a JOIN pg_type t ON t.oid = "
        "a.atttypid JOIN pg_class c ON c.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped "
        "AND t.typtype <> 'e' AND c.relkind IN ('r', 'p') AND c.oid >= 16384 ORDER BY 1, a.attnum");

    if (res == NULL)
        return -1;
    for (int i = 0; i < PQntuples(res); i++) {
        uint32_t oid = (uint32_t)strtoul(pg_text(res, i, 0), NULL, 10);

        if (postgres_type_listed((uint32_t)strtoul(pg_text(res, i, 2), NULL, 10)))
            continue;
        for (int t = 0; t < tables->n; t++) {
            if (tables->at[t].oid == oid && !tables->at[t].unlisted_type) {
                tables->at[t].unlisted_type = true;
                take_name(tables->at[t].unlisted, pg_text(res, i, 1));
            }
        }
    }
    PQclear(res);
    return 0;
}

int
tables_ask(PGconn *conn, const struct config *config, bool first, struct pg_tables *out,
           struct error *err)
{
    PGresult *res = pg_query(conn, err, tables_sql);

    *out = (struct pg_tables){0};
    if (res == NULL)
        return -1;
    out->unmatched = find_unmatched(config, res);
    if (first && out->unmatched != NULL) {
        error_set(err, ERROR_CONFIG, "E_NO_TABLE",
                  "source.tables: \"%s\" matches no table of this database", out->unmatched);
        goto fail;
    }
    out->at = calloc((size_t)PQntuples(res) + 1, sizeof(*out->at));
    if (out->at == NULL) {
        error_set(err, ERROR_FATAL, "", "out of memory for the list of tables");
        goto fail;
    }
    for (int i = 0; i < PQntuples(res); i++) {
        struct pg_table *t = &out->at[out->n];

        if (!config_wants(&config->source, pg_text(res, i, 0), pg_text(res, i, 1)) ||
            comes_by_root(res, i, config))
            continue;
        take_name(t->schema, pg_text(res, i, 0));
        take_name(t->table, pg_text(res, i, 1));
        t->oid = (uint32_t)strtoul(pg_text(res, i, 2), NULL, 10);
        t->identity = pg_text(res, i, 3)[0];
        t->has_identity = pg_true(res, i, 4);
        t->partition_leaf = pg_true(res, i, 5);
        out->n++;
    }
    PQclear(res);
    if (find_unlisted(conn, out, err) == 0)
        return 0;
    tables_free(out);
    return -1;
fail:
    PQclear(res);
    tables_free(out);
    return -1;
}

static int
compare_oid(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

int
enums_ask(PGconn *conn, uint32_t **oids, int *n, struct error *err)
{
    PGresult *res = pg_query(conn, err, "SELECT oid FROM pg_type WHERE typtype = 'e'");

    if (res == NULL)
        return -1;
    *n = PQntuples(res);
    *oids = calloc((size_t)*n + 1, sizeof(**oids));
    for (int i = 0; *oids != NULL && i < *n; i++)
        (*oids)[i] = (uint32_t)strtoul(pg_text(res, i, 0), NULL, 10);
    PQclear(res);
    if (*oids == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for enum types");
    qsort(*oids, (size_t)*n, sizeof(**oids), compare_oid);
    return 0;
}

void
publication_inserts_name(const struct config *config, char *out)
{
    char main_name[64];

    postgres_publication_name(config, main_name);
    snprintf(out, 64, "%.55s_inserts", main_name);
}

static void
put_table(struct buffer *out, const struct pg_table *t)
{
    pg_identifier(out, t->schema);
    buffer_put_u8(out, '.');
    pg_identifier(out, t->table);
}

/* Mark what is in this publication already; *exists says whether there is one. */
static int
ask_members(PGconn *conn, const char *name, struct pg_tables *tables, bool inserts, bool *exists,
            struct error *err)
{
    struct buffer lit = {0};
    PGresult *res;

    pg_literal(&lit, name);
    res = pg_query(conn, err, "SELECT 1 FROM pg_publication WHERE pubname = %s", buffer_cstr(&lit));
    if (res != NULL) {
        *exists = PQntuples(res) == 1;
        PQclear(res);
        res = pg_query(conn, err,
                       "SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = %s",
                       buffer_cstr(&lit));
    }
    buffer_free(&lit);
    if (res == NULL)
        return -1;
    for (int i = 0; i < PQntuples(res); i++) {
        for (int t = 0; t < tables->n; t++) {
            struct pg_table *table = &tables->at[t];

            if (strcmp(table->schema, pg_text(res, i, 0)) == 0 &&
                strcmp(table->table, pg_text(res, i, 1)) == 0) {
                if (inserts)
                    table->published_inserts = true;
                else
                    table->published = true;
            }
        }
    }
    PQclear(res);
    return 0;
}

static bool
belongs(const struct pg_table *t, bool inserts)
{
    return inserts ? !t->has_identity && !t->published && !t->published_inserts
                   : t->has_identity && !t->published;
}

/* The statement that makes or completes a publication; false when there is nothing to do. */
static bool
publication_sql(struct buffer *sql, const char *name, const struct pg_tables *tables, bool inserts,
                bool exists)
{
    int n = 0;

    buffer_put_string(sql, exists ? "ALTER PUBLICATION " : "CREATE PUBLICATION ");
    pg_identifier(sql, name);
    for (int i = 0; i < tables->n; i++) {
        if (!belongs(&tables->at[i], inserts))
            continue;
        buffer_put_string(sql, n++ > 0 ? ", " : exists ? " ADD TABLE " : " FOR TABLE ");
        put_table(sql, &tables->at[i]);
    }
    if (!exists && inserts)
        buffer_put_string(sql, " WITH (publish = 'insert, truncate')");
    else if (!exists)
        buffer_put_string(sql, " WITH (publish_via_partition_root = true)");
    return n > 0 || !exists;
}

/* Run it; the error has the server's reason first, the statement is the caller's to add. */
static int
change(PGconn *conn, const char *sql, struct error *err)
{
    PGresult *res = PQexec(conn, sql);
    int rc = 0;

    if (PQresultStatus(res) != PGRES_COMMAND_OK) {
        const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);

        rc = pg_error(conn, res, err, "publication");
        if (state != NULL && strcmp(state, "42710") == 0)
            err->kind = ERROR_RETRY; /* another instance was quicker: what it made is found next time */
    }
    PQclear(res);
    return rc;
}

static int
complete(PGconn *conn, const char *name, struct pg_tables *tables, bool inserts, bool exists,
         bool may_create, struct error *err)
{
    struct buffer sql = {0};
    struct error why = ERROR_INIT;
    int rc = 0;

    if (!publication_sql(&sql, name, tables, inserts, exists))
        goto out;
    if (!exists && !may_create) {
        rc = error_set(err, inserts ? ERROR_CONFIG : ERROR_REFUSED, "E_PUBLICATION",
                       "publication \"%s\" is missing though the slot exists; see the runbook before "
                       "running: %s",
                       name, sql.len <= SQL_SHOWN ? buffer_cstr(&sql) : "what `rowferry check` prints");
        goto out;
    }
    rc = change(conn, buffer_cstr(&sql), &why);
    if (rc == -1 && why.kind == ERROR_RETRY) {
        *err = why;
        goto out;
    }
    if (rc == -1) {
        error_set(err, ERROR_CONFIG, "E_PUBLICATION", "%.150s; have it done by who may: %s", why.text,
                  sql.len <= SQL_SHOWN ? buffer_cstr(&sql) : "`rowferry check` prints the statement");
        goto out;
    }
    log_info("postgres", "sql=\"%s\"", buffer_cstr(&sql));
    for (int i = 0; i < tables->n; i++) {
        if (belongs(&tables->at[i], inserts) && inserts)
            tables->at[i].published_inserts = true;
        else if (belongs(&tables->at[i], inserts))
            tables->at[i].published = true;
    }
out:
    buffer_free(&sql);
    return rc;
}

static int
refuse_keyless(const struct config *config, const struct pg_tables *tables, struct error *err)
{
    struct buffer sql = {0};

    if (config->source.keyless == KEYLESS_INSERTS)
        return 0;
    for (int i = 0; i < tables->n; i++) {
        const struct pg_table *t = &tables->at[i];

        if (t->has_identity || t->published || t->published_inserts)
            continue;
        put_table(&sql, t);
        error_set(err, ERROR_CONFIG, "E_NO_IDENTITY",
                  "%s.%s has no replica identity: publishing it would make its own UPDATE and DELETE "
                  "fail. Give it a primary key, or run: ALTER TABLE %s REPLICA IDENTITY FULL; or set "
                  "source.keyless: inserts; or exclude it",
                  t->schema, t->table, buffer_cstr(&sql));
        buffer_free(&sql);
        return -1;
    }
    return 0;
}

int
publication_missing(PGconn *conn, const struct config *config, struct pg_tables *tables, bool *exists,
                    struct buffer *sql, struct error *err)
{
    char name[64], inserts[64];
    bool inserts_exists;

    postgres_publication_name(config, name);
    publication_inserts_name(config, inserts);
    if (ask_members(conn, name, tables, false, exists, err) == -1 ||
        ask_members(conn, inserts, tables, true, &inserts_exists, err) == -1)
        return -1;
    if (!publication_sql(sql, name, tables, false, *exists))
        buffer_reset(sql);
    return 0;
}

int
publication_members(PGconn *conn, const struct config *config, struct pg_tables *tables,
                    struct error *err)
{
    char name[64], inserts[64];
    bool exists;

    postgres_publication_name(config, name);
    publication_inserts_name(config, inserts);
    if (ask_members(conn, name, tables, false, &exists, err) == -1)
        return -1;
    return ask_members(conn, inserts, tables, true, &exists, err);
}

/* Keyless tables' own publication. It must be older than the slot to be of use at once: what was written
 * before it can't be decoded with it (PostgreSQL up to 17 ends the stream, 18 leaves changes out). */
static int
prepare_inserts(PGconn *conn, const struct config *config, struct pg_tables *tables, bool first,
                struct error *err)
{
    char name[64];

    if (config->source.keyless != KEYLESS_INSERTS)
        return 0;
    publication_inserts_name(config, name);
    if (complete(conn, name, tables, true, tables->inserts_publication, first, err) == -1)
        return -1;
    tables->inserts_publication |= first;
    return 0;
}

int
publication_prepare(PGconn *conn, const struct config *config, struct pg_tables *tables, bool first,
                    struct error *err)
{
    char name[64], inserts[64];
    bool exists;

    postgres_publication_name(config, name);
    publication_inserts_name(config, inserts);
    if (ask_members(conn, name, tables, false, &exists, err) == -1 ||
        ask_members(conn, inserts, tables, true, &tables->inserts_publication, err) == -1)
        return -1;
    if (first && refuse_keyless(config, tables, err) == -1)
        return -1; /* before anything is made */
    if (complete(conn, name, tables, false, exists, first, err) == -1 ||
        prepare_inserts(conn, config, tables, first, err) == -1)
        return -1;
    return refuse_keyless(config, tables, err);
}

int
publication_hash(PGconn *conn, const struct config *config, char out[20], struct error *err)
{
    char name[64], inserts[64];
    struct buffer names = {0};
    uint64_t hash = BYTES_HASH_SEED;
    bool filters = PQserverVersion(conn) >= 150000;
    PGresult *res;

    postgres_publication_name(config, name);
    publication_inserts_name(config, inserts);
    pg_literal(&names, name);
    buffer_put_string(&names, ", ");
    pg_literal(&names, inserts);
    res = pg_query(conn, err,
                   "SELECT pubname, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot, %s "
                   "FROM pg_publication p WHERE pubname IN (%s) ORDER BY 1",
                   filters ? "(SELECT string_agg(prrelid::text || ':' || coalesce(pg_get_expr(prqual, "
                             "prrelid), '') || ':' || coalesce(prattrs::text, ''), ',' ORDER BY prrelid) "
                             "FROM pg_publication_rel WHERE prpubid = p.oid AND (prqual IS NOT NULL OR "
                             "prattrs IS NOT NULL))"
                           : "''",
                   buffer_cstr(&names));
    buffer_free(&names);
    if (res == NULL)
        return -1;
    for (int i = 0; i < PQntuples(res); i++) {
        for (int c = 0; c < PQnfields(res); c++)
            hash = bytes_hash(hash, pg_text(res, i, c), strlen(pg_text(res, i, c)) + 1);
    }
    PQclear(res);
    snprintf(out, 20, "%016llx", (unsigned long long)hash);
    return 0;
}
