/*
 * mysql_columns.c -- tables as the catalogue has them, and what of it may be believed of a place in the log.
 *
 * With binlog_row_metadata=FULL the log describes its own rows. Without, or where MariaDB hides a type, the catalogue
 * is asked, and it knows the present only. It is believed if nothing between the place and the end of the log speaks
 * of the table (mysql_ahead.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "../decode/binlog_types.h"
#include "cdc/clock.h"
#include "cdc/log.h"
#include "mysql_stream.h"

enum { VISIBLE_WAIT_MS = 5000 };

/* ---- one column of information_schema ---- */

enum {
    COL_NAME,
    COL_DATA_TYPE,
    COL_COLUMN_TYPE,
    COL_CHARSET,
    COL_NULLABLE,
    COL_OCTETS,
    COL_PRECISION,
    COL_SCALE,
    COL_FRACTION,
    COL_KEY_PLACE,
};

static const char columns_sql[] =
    "SELECT c.COLUMN_NAME, LOWER(c.DATA_TYPE), c.COLUMN_TYPE, c.CHARACTER_SET_NAME, c.IS_NULLABLE, "
    "c.CHARACTER_OCTET_LENGTH, c.NUMERIC_PRECISION, c.NUMERIC_SCALE, c.DATETIME_PRECISION, (SELECT k.SEQ_IN_INDEX FROM "
    "information_schema.STATISTICS k WHERE k.TABLE_SCHEMA = c.TABLE_SCHEMA AND k.TABLE_NAME = c.TABLE_NAME AND "
    "k.INDEX_NAME = 'PRIMARY' AND k.COLUMN_NAME = c.COLUMN_NAME) FROM information_schema.COLUMNS c WHERE "
    "c.TABLE_SCHEMA = %s AND c.TABLE_NAME = %s ORDER BY c.ORDINAL_POSITION";

static MYSQL_RES *
ask_columns(MYSQL *conn, const char *schema, const char *table, struct error *err)
{
    struct buffer quoted_schema = {0}, quoted_table = {0};
    MYSQL_RES *res;

    mysql_literal(&quoted_schema, schema);
    mysql_literal(&quoted_table, table);
    res = mysql_ask(conn, err, columns_sql, buffer_cstr(&quoted_schema), buffer_cstr(&quoted_table));
    buffer_free(&quoted_schema);
    buffer_free(&quoted_table);
    return res;
}

struct type_word {
    const char *word;
    uint8_t type;
    uint8_t width; /* of a length prefix */
    uint8_t disguise;
    uint8_t geometry;
};

static const struct type_word type_words[] = {
    {"tinyint", BINLOG_TINY, 0, 0, 0},
    {"smallint", BINLOG_SHORT, 0, 0, 0},
    {"mediumint", BINLOG_INT24, 0, 0, 0},
    {"int", BINLOG_LONG, 0, 0, 0},
    {"bigint", BINLOG_LONGLONG, 0, 0, 0},
    {"float", BINLOG_FLOAT, 0, 0, 0},
    {"double", BINLOG_DOUBLE, 0, 0, 0},
    {"decimal", BINLOG_NEWDECIMAL, 0, 0, 0},
    {"bit", BINLOG_BIT, 0, 0, 0},
    {"year", BINLOG_YEAR, 0, 0, 0},
    {"date", BINLOG_DATE, 0, 0, 0},
    {"time", BINLOG_TIME2, 0, 0, 0},
    {"datetime", BINLOG_DATETIME2, 0, 0, 0},
    {"timestamp", BINLOG_TIMESTAMP2, 0, 0, 0},
    {"char", BINLOG_STRING, 0, 0, 0},
    {"binary", BINLOG_STRING, 0, 0, 0},
    {"varchar", BINLOG_VARCHAR, 0, 0, 0},
    {"varbinary", BINLOG_VARCHAR, 0, 0, 0},
    {"tinytext", BINLOG_BLOB, 1, 0, 0},
    {"tinyblob", BINLOG_BLOB, 1, 0, 0},
    {"text", BINLOG_BLOB, 2, 0, 0},
    {"blob", BINLOG_BLOB, 2, 0, 0},
    {"mediumtext", BINLOG_BLOB, 3, 0, 0},
    {"mediumblob", BINLOG_BLOB, 3, 0, 0},
    {"longtext", BINLOG_BLOB, 4, 0, 0},
    {"longblob", BINLOG_BLOB, 4, 0, 0},
    {"json", BINLOG_JSON, 4, 0, 0},
    {"enum", BINLOG_ENUM, 0, 0, 0},
    {"set", BINLOG_SET, 0, 0, 0},
    {"geometry", BINLOG_GEOMETRY, 4, 0, 0},
    {"point", BINLOG_GEOMETRY, 4, 0, 1},
    {"linestring", BINLOG_GEOMETRY, 4, 0, 2},
    {"polygon", BINLOG_GEOMETRY, 4, 0, 3},
    {"multipoint", BINLOG_GEOMETRY, 4, 0, 4},
    {"multilinestring", BINLOG_GEOMETRY, 4, 0, 5},
    {"multipolygon", BINLOG_GEOMETRY, 4, 0, 6},
    {"geometrycollection", BINLOG_GEOMETRY, 4, 0, 7},
    {"geomcollection", BINLOG_GEOMETRY, 4, 0, 7},
    {"vector", BINLOG_VECTOR, 4, 0, 0},
    {"uuid", BINLOG_STRING, 1, DISGUISE_UUID, 0},
    {"inet6", BINLOG_STRING, 1, DISGUISE_INET6, 0},
    {"inet4", BINLOG_STRING, 1, DISGUISE_INET4, 0},
};

/* 'a','b''c' inside enum(...): labels into the arena. */
static int
take_labels(const char *column_type, struct arena *arena, struct binlog_column *col, struct error *err)
{
    size_t room = strlen(column_type) + 1;
    struct bytes *labels = arena_array(arena, room / 3 + 1, sizeof(*labels));
    char *text = arena_alloc(arena, room);
    uint16_t n = 0;
    const char *p = strchr(column_type, '(');

    if (labels == NULL || text == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the labels of a column");
    while (p != NULL && (*p == '(' || *p == ',') && p[1] == '\'') {
        char *from = text;

        for (p += 2; *p != 0; p++) {
            if (*p == '\'' && p[1] != '\'')
                break;
            if (*p == '\'')
                p++;
            *text++ = *p;
        }
        labels[n++] = bytes_of(from, (size_t)(text - from));
        if (*p == '\'')
            p++;
    }
    col->labels = labels;
    col->nlabels = n;
    col->width = (uint8_t)(col->type == BINLOG_ENUM ? (n > 255 ? 2 : 1) : (n + 7) / 8);
    if (col->type == BINLOG_SET && col->width > 4)
        col->width = 8;
    return 0;
}

static uint32_t
number(MYSQL_ROW row, unsigned field)
{
    unsigned long long v = strtoull(mysql_field(row, field), NULL, 10);

    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

static void
mariadb_details(MYSQL_ROW row, struct binlog_column *col)
{
    if (strcasestr(mysql_field(row, COL_COLUMN_TYPE), "COMPRESSED*/") != NULL)
        col->type = col->type == BINLOG_BLOB ? BINLOG_BLOB_COMPRESSED : BINLOG_VARCHAR_COMPRESSED;
    if (col->type == BINLOG_VECTOR) {
        const char *open = strchr(mysql_field(row, COL_COLUMN_TYPE), '(');

        col->type = BINLOG_VARCHAR;
        col->disguise = DISGUISE_VECTOR;
        col->max_bytes = 4 * (open != NULL ? (uint32_t)strtoul(open + 1, NULL, 10) : 1);
        col->width = col->max_bytes > 255 ? 2 : 1;
    }
    if (col->disguise == DISGUISE_UUID || col->disguise == DISGUISE_INET6)
        col->max_bytes = 16;
    if (col->disguise == DISGUISE_INET4)
        col->max_bytes = 4;
}

/* One row of the catalogue as a TABLE_MAP would say it. */
static int
take_column(MYSQL_ROW row, bool mariadb, struct arena *arena, struct binlog_column *col, struct error *err)
{
    const struct type_word *word = NULL;
    const char *column_type = mysql_field(row, COL_COLUMN_TYPE);

    for (size_t i = 0; i < sizeof(type_words) / sizeof(type_words[0]) && word == NULL; i++) {
        if (strcmp(type_words[i].word, mysql_field(row, COL_DATA_TYPE)) == 0)
            word = &type_words[i];
    }
    if (word == NULL)
        return error_set(err, ERROR_CONFIG, "E_TYPE", "column %s has type %.60s, which is not known",
                         mysql_field(row, COL_NAME), column_type);
    *col = (struct binlog_column){.type = word->type, .width = word->width, .disguise = word->disguise,
                                  .geometry = word->geometry};
    col->is_unsigned = strstr(column_type, "unsigned") != NULL || word->type == BINLOG_YEAR;
    col->charset = row[COL_CHARSET] != NULL ? binlog_charset_named(row[COL_CHARSET]) : BINLOG_CHARSET_BINARY;
    col->fraction = (uint8_t)number(row, COL_FRACTION);
    if (word->type == BINLOG_STRING || word->type == BINLOG_VARCHAR) {
        col->max_bytes = number(row, COL_OCTETS);
        col->width = col->max_bytes > 255 ? 2 : 1;
    }
    if (word->type == BINLOG_NEWDECIMAL) {
        col->precision = (uint8_t)number(row, COL_PRECISION);
        col->scale = (uint8_t)number(row, COL_SCALE);
    }
    if (word->type == BINLOG_BIT) {
        col->bits = (uint16_t)number(row, COL_PRECISION);
        col->width = (uint8_t)((col->bits + 7) / 8);
    }
    if ((word->type == BINLOG_ENUM || word->type == BINLOG_SET) &&
        take_labels(column_type, arena, col, err) == -1)
        return -1;
    if (mariadb)
        mariadb_details(row, col);
    return 0;
}

/* Name, NOT NULL and the place in the key; the key itself once all are known. */
static int
take_names(MYSQL_ROW row, struct relation *rel, uint16_t i, struct error *err)
{
    struct column *col = &rel->columns[i];
    uint32_t place = number(row, COL_KEY_PLACE);

    col->name = arena_strdup(&rel->arena, mysql_field(row, COL_NAME));
    if (rel->key == NULL)
        rel->key = arena_array(&rel->arena, rel->ncolumns, sizeof(*rel->key));
    if (col->name == NULL || rel->key == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a relation");
    if (place >= 1 && place <= rel->ncolumns) {
        col->identity = true;
        rel->key[place - 1] = i;
        rel->nkey++;
    }
    return 0;
}

/* ---- a whole table, as it is now ---- */

static int
fill_relation(MYSQL_RES *res, bool mariadb, struct relation *rel, struct error *err)
{
    struct binlog_column *columns = arena_array(&rel->arena, rel->ncolumns, sizeof(*columns));
    MYSQL_ROW row;

    if (columns == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a relation");
    for (uint16_t i = 0; i < rel->ncolumns && (row = mysql_fetch_row(res)) != NULL; i++) {
        if (take_column(row, mariadb, &rel->arena, &columns[i], err) == -1 || take_names(row, rel, i, err) == -1)
            return -1;
        rel->columns[i].not_null = strcmp(mysql_field(row, COL_NULLABLE), "NO") == 0;
        rel->columns[i].binlog = &columns[i];
        if (binlog_type_prepare(&rel->columns[i], &rel->arena, err) == -1)
            return -1;
    }
    rel->replica_identity = IDENTITY_DEFAULT;
    rel->captured = true;
    relation_seal(rel);
    return 0;
}

int
mysql_relation_now(MYSQL *conn, bool mariadb, const char *schema, const char *table, struct relation **out,
                   struct error *err)
{
    MYSQL_RES *res = ask_columns(conn, schema, table, err);
    int rc = 0;

    *out = NULL;
    if (res == NULL)
        return -1;
    if (mysql_num_rows(res) > 0 && mysql_num_rows(res) <= 4096) {
        *out = relation_new(0, schema, table, (uint16_t)mysql_num_rows(res));
        rc = *out == NULL ? error_set(err, ERROR_FATAL, "", "out of memory for a relation")
                          : fill_relation(res, mariadb, *out, err);
    }
    mysql_free_result(res);
    if (rc == -1) {
        relation_release(*out);
        *out = NULL;
        return error_prefix(err, "table %s.%s: ", schema, table);
    }
    return 0;
}

/* ---- describe ---- */

/* The catalogue does not tell the old form of a time from the new one. */
static uint8_t
catalogue_type(uint8_t type)
{
    return type == BINLOG_TIME        ? BINLOG_TIME2
           : type == BINLOG_DATETIME  ? BINLOG_DATETIME2
           : type == BINLOG_TIMESTAMP ? BINLOG_TIMESTAMP2
                                      : type;
}

static bool
is_like(const struct binlog_column *log, const struct binlog_column *now)
{
    if (catalogue_type(log->type) != now->type)
        return false;
    switch (log->type) {
    case BINLOG_NEWDECIMAL:
        return log->precision == now->precision && log->scale == now->scale;
    case BINLOG_BIT:
        return log->bits == now->bits;
    case BINLOG_STRING:
    case BINLOG_VARCHAR:
        return log->max_bytes == now->max_bytes;
    case BINLOG_BLOB:
    case BINLOG_ENUM:
    case BINLOG_SET:
        return log->width == now->width;
    case BINLOG_TIMESTAMP2:
    case BINLOG_DATETIME2:
    case BINLOG_TIME2:
        return log->fraction == now->fraction;
    default:
        return true;
    }
}

static int
not_sure(unsigned missing, const char *why, struct error *err)
{
    return error_set(err, ERROR_CONFIG, "E_ROW_METADATA",
                     "the log does not say %s, and the catalogue can't be believed: %.200s. SET PERSIST "
                     "binlog_row_metadata = 'FULL' (MariaDB: SET GLOBAL) for what is written from now on; see the runbook",
                     missing & MISSING_NAMES       ? "what its columns are called"
                     : missing & MISSING_DISGUISES ? "which types its binary columns have"
                                                   : "whether its times, which are in an old form, have fractions",
                     why);
}

/* What the log has stays; the rest is the catalogue's. */
static int
merge(MYSQL_RES *res, bool mariadb, struct relation *rel, struct binlog_column *columns, unsigned missing,
      struct error *err)
{
    if (mysql_num_rows(res) != rel->ncolumns)
        return not_sure(missing, "it has another number of columns", err);
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        MYSQL_ROW row = mysql_fetch_row(res);
        struct binlog_column now;

        if (take_column(row, mariadb, &rel->arena, &now, err) == -1)
            return -1;
        if (!is_like(&columns[i], &now))
            return not_sure(missing, "a column has another type", err);
        if (binlog_is_old_time(columns[i].type))
            columns[i].fraction = now.fraction;
        if (missing & MISSING_NAMES) {
            now.type = columns[i].type;
            now.fraction = columns[i].fraction;
            now.width = columns[i].width;
            columns[i] = now;
            if (take_names(row, rel, i, err) == -1)
                return -1;
        } else if (strcmp(rel->columns[i].name, mysql_field(row, COL_NAME)) != 0) {
            return not_sure(missing, "a column has another name", err);
        } else {
            columns[i].disguise = now.disguise;
        }
    }
    return 0;
}

/* A table made by the transaction that fills it may be in the log before the catalogue shows it. */
static MYSQL_RES *
await_columns(MYSQL *conn, const struct relation *rel, struct error *err)
{
    int64_t until = clock_monotonic_ms() + VISIBLE_WAIT_MS;

    for (;;) {
        struct timespec pause = {0, 100 * 1000000L};
        MYSQL_RES *res = ask_columns(conn, rel->schema, rel->table, err);

        if (res == NULL || mysql_num_rows(res) > 0 || clock_monotonic_ms() >= until)
            return res;
        mysql_free_result(res);
        nanosleep(&pause, NULL);
    }
}

int
mysql_describe(void *source, struct relation *rel, struct binlog_column *columns, unsigned missing,
               struct error *err)
{
    struct mysql_source *my = source;
    char text[MYSQL_AHEAD_TEXT];
    MYSQL_RES *res;
    int rc;

    res = await_columns(my->ask, rel, err);
    if (res == NULL)
        return -1;
    rc = merge(res, my->mariadb, rel, columns, missing, err);
    mysql_free_result(res);
    if (rc == 0) /* behind the catalogue's answer: what changes it in between is seen */
        rc = mysql_ahead_find(my, rel->table, text, err);
    if (rc == -1)
        return -1;
    if (rc == 1)
        return not_sure(missing, text, err);
    log_debug("mysql", "table=%s.%s described by the catalogue: nothing ahead in the log speaks of it", rel->schema,
              rel->table);
    return 0;
}

/* ---- tables ---- */

/* Never in a binlog, and slow to ask about. */
#define SCHEMAS_WITHOUT_ROWS "('information_schema', 'performance_schema', 'sys')"

bool
mysql_engine_has_transactions(const char *engine)
{
    static const char *const without[] = {"MyISAM", "MEMORY", "CSV", "ARCHIVE", "MRG_MyISAM", "BLACKHOLE", "Aria",
                                          "FEDERATED", "CONNECT", "SEQUENCE", NULL};

    for (int i = 0; without[i] != NULL; i++) {
        if (strcasecmp(engine, without[i]) == 0)
            return false;
    }
    return true;
}

void
mysql_tables_free(struct mysql_tables *tables)
{
    for (int i = 0; i < tables->n; i++) {
        free(tables->at[i].schema);
        free(tables->at[i].table);
        free(tables->at[i].engine);
    }
    free(tables->at);
    *tables = (struct mysql_tables){.n = 0};
}

static int
add_table(struct mysql_tables *tables, MYSQL_ROW row, struct error *err)
{
    struct mysql_table *more = realloc(tables->at, ((size_t)tables->n + 1) * sizeof(*more)), *table;

    if (more == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the list of tables");
    tables->at = more;
    table = &more[tables->n++];
    table->schema = strdup(mysql_field(row, 0));
    table->table = strdup(mysql_field(row, 1));
    table->engine = strdup(mysql_field(row, 2));
    table->has_key = false;
    if (table->schema == NULL || table->table == NULL || table->engine == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the list of tables");
    return 0;
}

static void
find_unmatched(const struct config *config, struct mysql_tables *tables)
{
    for (const char **glob = config->source.tables; *glob != NULL; glob++) {
        bool fits = false;

        for (int i = 0; i < tables->n && !fits; i++)
            fits = config_glob_table(*glob, tables->at[i].schema, tables->at[i].table);
        if (!fits)
            tables->unmatched = *glob;
    }
}

/* Both lists are in the order of their names, as the server compares them; a search for each would be as good. */
static int
mark_keys(MYSQL *conn, struct mysql_tables *tables, struct error *err)
{
    MYSQL_RES *res = mysql_ask(conn, err,
                               "SELECT DISTINCT TABLE_SCHEMA, TABLE_NAME FROM information_schema.COLUMNS WHERE COLUMN_KEY = "
                               "'PRI' AND TABLE_SCHEMA NOT IN " SCHEMAS_WITHOUT_ROWS " ORDER BY 1, 2");
    MYSQL_ROW row;
    int from = 0;

    if (res == NULL)
        return -1;
    while ((row = mysql_fetch_row(res)) != NULL) {
        for (int k = 0; k < tables->n; k++) {
            struct mysql_table *table = &tables->at[(from + k) % tables->n];

            if (strcmp(table->table, mysql_field(row, 1)) != 0 || strcmp(table->schema, mysql_field(row, 0)) != 0)
                continue;
            table->has_key = true;
            from = (from + k) % tables->n;
            break;
        }
    }
    mysql_free_result(res);
    return 0;
}

int
mysql_tables_ask(MYSQL *conn, const struct config *config, struct mysql_tables *out, struct error *err)
{
    MYSQL_RES *res;
    MYSQL_ROW row;
    int rc = 0;

    *out = (struct mysql_tables){.n = 0};
    res = mysql_ask(conn, err,
                    "SELECT TABLE_SCHEMA, TABLE_NAME, COALESCE(ENGINE, '') FROM information_schema.TABLES WHERE TABLE_TYPE IN "
                    "('BASE TABLE', 'SYSTEM VERSIONED') AND TABLE_SCHEMA NOT IN " SCHEMAS_WITHOUT_ROWS " ORDER BY 1, 2");
    if (res == NULL)
        return -1;
    while (rc == 0 && (row = mysql_fetch_row(res)) != NULL) {
        if (config_wants(&config->source, mysql_field(row, 0), mysql_field(row, 1)))
            rc = add_table(out, row, err);
    }
    mysql_free_result(res);
    if (rc == 0)
        rc = mark_keys(conn, out, err);
    if (rc == 0)
        find_unmatched(config, out);
    else
        mysql_tables_free(out);
    return rc;
}
