/*
 * mysql_types.c -- a table of the target as it is to be: CREATE TABLE, ALTER TABLE ... ADD.
 *
 * From MySQL and MariaDB a column keeps the type that the source declared, where the target has it. Otherwise:
 *
 *     bool                            tinyint(1)
 *     int16, int32, int64             smallint, int, bigint
 *     float32, float64                float, double
 *     decimal(p,s), numeric           decimal(p,s); decimal(65,30) where that can't be: what does not fit is E_VALUE
 *     text                            varchar(n), longtext; in a key varchar(255) where no length is declared
 *     bytes                           longblob; in a key varbinary(255)
 *     uuid                            uuid (MariaDB 10.7), char(36)
 *     json                            json: MySQL keeps numbers as doubles and sorts keys, MariaDB keeps the text
 *     enum, set                       enum(...), where the labels are known; varchar(255), longtext
 *     date                            date
 *     time, timestamp                 time(p), datetime(p)
 *     timestamptz                     datetime(p), in UTC: a timestamp would end in 2038
 *     bits, year                      bit(n), year
 *     geometry, point                 geometry, point
 *     vector                          vector(n), varbinary, longblob
 *     anything else                   longtext: the source's own text
 *
 * Texts are utf8mb4 and compare by their bytes, blanks at the end too (utf8mb4_0900_bin, on MariaDB utf8mb4_nopad_bin), so
 * that two keys that differ in the source differ here. A CHAR would drop blanks: from PostgreSQL it is a varchar.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "mysql_sink.h"

enum {
    ROW_BYTES = 60000,     /* of the 65,535 that all columns but BLOBs and TEXTs may have together */
    ADDED_CHARACTERS = 4096,
    ADDRESS_CHARACTERS = 39,
    KEY_CHARACTERS = 255,  /* of a text without a length; an index has room for 768 in all */
    DECIMAL_DIGITS = 65,
    DECIMAL_SCALE = 30,
    LABELS_MAX = 60000,
};

void
mysink_put_table(const struct db_table *table, struct buffer *out)
{
    if (table->schema[0] != 0) {
        mysql_identifier(out, table->schema);
        buffer_put_u8(out, '.');
    }
    mysql_identifier(out, table->name);
}

const char *
mysink_own_column(const struct db *db, int n, const char **type)
{
    static const char *const history[][2] = {
        {DB_COLUMN_OP, "char(1) CHARACTER SET ascii NOT NULL"},
        {DB_COLUMN_ID, "varchar(192) CHARACTER SET ascii COLLATE ascii_bin NOT NULL"},
        {DB_COLUMN_TIME, "datetime(6) NULL"},
    };

    if (db->settings->apply == DB_APPEND && n < 3) {
        *type = history[n][1];
        return history[n][0];
    }
    *type = "tinyint(1) NOT NULL DEFAULT 0";
    return db->settings->apply == DB_SOFT_DELETE && n == 0 ? DB_COLUMN_DELETED : NULL;
}

/* ---- types ---- */

/* What a definition is made from. */
struct subject {
    const struct mysink_session *s;
    const struct column *column;
    const struct catalog_column *told; /* NULL: nothing */
    bool key;
    int32_t *room; /* bytes that the row has left */
};

/* Whether a type of so many bytes still fits the row; then they are taken. */
static bool
take_room(const struct subject *c, int64_t bytes)
{
    if (!c->key && bytes > *c->room)
        return false;
    *c->room -= (int32_t)bytes;
    return true;
}

static void
put_text_type(const struct subject *c, int32_t length, struct buffer *out)
{
    if (length == 0 && c->key)
        length = KEY_CHARACTERS;
    if (length > 0 && take_room(c, 4 * (int64_t)length + 2))
        buffer_printf(out, "varchar(%d)", length);
    else
        buffer_put_string(out, "longtext");
}

static void
put_fraction(const struct column *column, const char *word, struct buffer *out)
{
    buffer_printf(out, "%s(%d)", word, column->precision < 0 || column->precision > 6 ? 6 : column->precision);
}

static void
put_decimal_type(const struct column *column, struct buffer *out)
{
    int32_t digits = column->precision, scale = column->scale;

    if (column->type == TYPE_NUMERIC || digits <= 0 || digits > DECIMAL_DIGITS || scale > DECIMAL_SCALE) {
        digits = DECIMAL_DIGITS;
        scale = DECIMAL_SCALE;
    }
    buffer_printf(out, "decimal(%d,%d)", digits, scale);
}

/* The labels of "a,b\\,c", where a backslash stands before a comma or a backslash of a label's own. */
static void
put_labels(const char *at, struct buffer *out)
{
    struct buffer label = {0};

    buffer_put_string(out, "enum(");
    for (;; at++) {
        if (*at == '\\' && at[1] != 0) {
            buffer_put_u8(&label, (uint8_t)*++at);
        } else if (*at == ',' || *at == 0) {
            mysink_put_string(out, bytes_of(label.at, label.len));
            buffer_put_u8(out, *at == 0 ? ')' : ',');
            buffer_reset(&label);
        } else {
            buffer_put_u8(&label, (uint8_t)*at);
        }
        if (*at == 0)
            break;
    }
    out->failed = out->failed || label.failed;
    buffer_free(&label);
}

static void
put_enum_type(const struct subject *c, struct buffer *out)
{
    const char *at = c->told != NULL && c->told->enum_labels != NULL ? c->told->enum_labels : c->column->labels;

    if (at == NULL || strlen(at) > LABELS_MAX || at[0] == 0)
        put_text_type(c, KEY_CHARACTERS, out);
    else
        put_labels(at, out);
}

static void
put_uuid_type(const struct subject *c, struct buffer *out)
{
    buffer_put_string(out, c->s->server.mariadb && c->s->server.version >= 100700 ? "uuid" : "char(36) CHARACTER SET ascii COLLATE ascii_bin");
}

static void
put_type_of_value(const struct subject *c, struct buffer *out)
{
    switch (c->column->type) {
    case TYPE_BOOL:
        buffer_put_string(out, "tinyint(1)");
        return;
    case TYPE_INT16:
        buffer_put_string(out, "smallint");
        return;
    case TYPE_INT32:
        buffer_put_string(out, "int");
        return;
    case TYPE_INT64:
        buffer_put_string(out, "bigint");
        return;
    case TYPE_FLOAT32:
        buffer_put_string(out, "float");
        return;
    case TYPE_FLOAT64:
        buffer_put_string(out, "double");
        return;
    case TYPE_DECIMAL:
    case TYPE_NUMERIC:
        put_decimal_type(c->column, out);
        return;
    case TYPE_TEXT:
        put_text_type(c, c->column->length, out);
        return;
    case TYPE_BYTES:
        buffer_put_string(out, c->key ? "varbinary(255)" : "longblob");
        return;
    case TYPE_UUID:
        put_uuid_type(c, out);
        return;
    case TYPE_JSON:
        buffer_put_string(out, "json");
        return;
    case TYPE_ENUM:
        put_enum_type(c, out);
        return;
    case TYPE_SET:
        put_text_type(c, 0, out);
        return;
    case TYPE_DATE:
        buffer_put_string(out, "date");
        return;
    case TYPE_TIME:
        put_fraction(c->column, "time", out);
        return;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        put_fraction(c->column, "datetime", out);
        return;
    case TYPE_BITS:
        if (c->column->length >= 1 && c->column->length <= 64)
            buffer_printf(out, "bit(%d)", c->column->length);
        else
            put_text_type(c, 0, out);
        return;
    case TYPE_YEAR:
        buffer_put_string(out, "year");
        return;
    case TYPE_GEOMETRY:
        buffer_put_string(out, "geometry");
        return;
    case TYPE_POINT:
        buffer_put_string(out, "point");
        return;
    case TYPE_VECTOR:
        buffer_put_string(out, "longblob");
        return;
    case TYPE_OTHER:
        put_text_type(c, 0, out);
        return;
    }
}

/* ---- what a MySQL or MariaDB source declared ---- */

/* Words that both have, and mean the same by. Behind one stands its length, UNSIGNED, ZEROFILL, COMPRESSED. */
static const char *const common_words[] = {
    "tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit", "char", "binary", "varbinary",
    "tinytext", "text", "mediumtext", "longtext", "tinyblob", "blob", "mediumblob", "longblob", "enum", "set", "date",
    "datetime", "timestamp", "time", "json", "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
    "multipolygon"};

/* Words that only some servers have: the oldest of each that does, 0: none. */
static const struct {
    const char *word;
    unsigned mariadb, mysql;
} special_words[] = {
    {"uuid", 100700, 0}, {"inet6", 100500, 0}, {"inet4", 101000, 0}, {"vector", 110701, 90000},
};

static bool
target_has(const struct mysink_session *s, const char *word, size_t len)
{
    for (size_t i = 0; i < sizeof(common_words) / sizeof(common_words[0]); i++) {
        if (strlen(common_words[i]) == len && strncmp(common_words[i], word, len) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof(special_words) / sizeof(special_words[0]); i++) {
        unsigned since = s->server.mariadb ? special_words[i].mariadb : special_words[i].mysql;

        if (strlen(special_words[i].word) == len && strncmp(special_words[i].word, word, len) == 0)
            return since != 0 && s->server.version >= since;
    }
    return false;
}

static bool
word_is(const char *declared, size_t len, const char *word)
{
    return strlen(word) == len && strncmp(declared, word, len) == 0;
}

/* A key can't be a whole TEXT or BLOB. */
static bool
is_long(const char *declared, size_t len)
{
    return len >= 4 && (strncmp(declared + len - 4, "text", 4) == 0 || strncmp(declared + len - 4, "blob", 4) == 0);
}

/* False: the value's type says it. */
static bool
put_declared(const struct subject *c, struct buffer *out)
{
    const char *declared = c->told != NULL ? c->told->declared : NULL;
    size_t len;

    if (declared == NULL || c->column->binlog == NULL)
        return false;
    len = strspn(declared, "abcdefghijklmnopqrstuvwxyz0123456789");
    if (c->key && is_long(declared, len))
        return false;
    if (word_is(declared, len, "varchar"))
        put_text_type(c, atoi(declared + len + 1), out);
    else if (word_is(declared, len, "year"))
        buffer_put_string(out, "year");
    else if (word_is(declared, len, "geometrycollection") || word_is(declared, len, "geomcollection"))
        buffer_put_string(out, "geometrycollection");
    else if (word_is(declared, len, "varbinary") && !take_room(c, atoi(declared + len + 1)))
        buffer_put_string(out, "longblob");
    else if (target_has(c->s, declared, len))
        buffer_put_string(out, declared);
    else if (word_is(declared, len, "inet6") || word_is(declared, len, "inet4"))
        put_text_type(c, ADDRESS_CHARACTERS, out);
    else
        return false;
    return true;
}

/* ---- a default that is a constant ---- */

static bool
is_number(const char *text)
{
    return text[0] != 0 && text[strspn(text, "+-.0123456789eE")] == 0;
}

/* "b'101'" */
static bool
is_bits(const char *text)
{
    return text[0] == 'b' && text[1] == '\'' && strcmp(text + 2 + strspn(text + 2, "01"), "'") == 0;
}

/* MySQL wants an expression for a TEXT, BLOB or JSON, prints it and reads it again, which it gets wrong for a quote when a
 * backslash is itself. */
static void
put_text_default(const struct subject *c, struct bytes text, bool is_long_type, struct buffer *out)
{
    buffer_put_string(out, " DEFAULT ");
    if (c->s->server.mariadb || !is_long_type) {
        mysink_put_string(out, text);
        return;
    }
    buffer_put_string(out, "(CONVERT(UNHEX('");
    for (size_t i = 0; i < text.len; i++)
        buffer_printf(out, "%02x", text.at[i]);
    buffer_put_string(out, "') USING utf8mb4))");
}

/* True if the text was one that the target can be told. */
static bool
put_default(const struct subject *c, bool is_long_type, struct buffer *out)
{
    const char *text = c->told != NULL ? c->told->default_text : NULL;
    size_t len = text != NULL ? strlen(text) : 0;

    if (text == NULL)
        return false;
    switch (c->column->type) {
    case TYPE_BOOL:
        buffer_printf(out, " DEFAULT %d", text[0] == 't' || text[0] == '1' || strcmp(text, "b'1'") == 0);
        return true;
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
    case TYPE_DECIMAL:
    case TYPE_NUMERIC:
    case TYPE_YEAR:
        if (!is_number(text))
            return false;
        buffer_printf(out, " DEFAULT %s", text);
        return true;
    case TYPE_BITS:
        if (!is_bits(text))
            return false;
        buffer_printf(out, " DEFAULT %s", text);
        return true;
    case TYPE_BYTES:
    case TYPE_GEOMETRY:
    case TYPE_POINT:
    case TYPE_VECTOR:
        return false;
    case TYPE_TIMESTAMPTZ:
        if (len > 3 && strcmp(text + len - 3, "+00") == 0) /* PostgreSQL's UTC, which is the session's here */
            len -= 3;
        break;
    default:
        break;
    }
    put_text_default(c, bytes_of(text, len), is_long_type, out);
    return true;
}

/* ---- statements ---- */

static struct subject
subject_of(const struct db *db, const struct db_table *table, uint16_t i, int32_t *room)
{
    const struct catalog_table *told = table->told;

    return (struct subject){
        .s = db->own,
        .column = &table->relation->columns[i],
        .told = told != NULL && told->columns != NULL ? &told->columns[i] : NULL,
        .key = table->columns[i].key && db->settings->apply != DB_APPEND,
        .room = room,
    };
}

static void
put_definition(const struct subject *c, struct buffer *out)
{
    mysql_identifier(out, c->column->name);
    buffer_put_u8(out, ' ');
    if (!put_declared(c, out))
        put_type_of_value(c, out);
}

static bool
is_not_null(const struct db *db, const struct subject *c)
{
    return c->key || (db->settings->apply != DB_APPEND && c->told != NULL && c->told->not_null);
}

/* A TEXT, BLOB or JSON, by the end of its definition. */
static bool
ends_long(const struct buffer *definition)
{
    const char *end = (const char *)definition->at + definition->len - 4;

    return definition->len > 4 && (memcmp(end, "text", 4) == 0 || memcmp(end, "blob", 4) == 0 || memcmp(end, "json", 4) == 0);
}

static void
put_primary_key(const struct db *db, const struct db_table *table, struct buffer *out)
{
    if (db->settings->apply == DB_APPEND) {
        buffer_put_string(out, ", PRIMARY KEY (" DB_COLUMN_ID ")");
        return;
    }
    for (uint16_t k = 0; k < table->nkey; k++) {
        buffer_put_string(out, k == 0 ? ", PRIMARY KEY (" : ", ");
        mysql_identifier(out, table->columns[table->key[k]].name);
    }
    if (table->nkey > 0)
        buffer_put_u8(out, ')');
}

static int
put_database(struct db *db, const struct db_table *table, struct buffer *out, struct error *err)
{
    struct buffer name = {0};
    char there[8];
    int rc;

    if (table->schema[0] == 0)
        return 0;
    mysql_literal(&name, table->schema);
    rc = mysql_ask_text(mysink_session_of(db)->conn, there, sizeof(there), err,
                        "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", buffer_cstr(&name));
    if (rc == 0 && strcmp(there, "0") == 0) {
        buffer_put_string(out, "CREATE DATABASE IF NOT EXISTS ");
        mysql_identifier(out, table->schema);
        buffer_put_string(out, "; ");
    }
    buffer_free(&name);
    return rc;
}

int
mysink_create_sql(struct db *db, const struct db_table *table, struct buffer *out, struct error *err)
{
    int32_t room = ROW_BYTES;
    const char *name, *type, *comma = "";

    if (put_database(db, table, out, err) == -1)
        return -1;
    buffer_put_string(out, "CREATE TABLE IF NOT EXISTS ");
    mysink_put_table(table, out);
    buffer_put_string(out, " (");
    for (uint16_t i = 0; i < table->relation->ncolumns; i++, comma = ", ") {
        struct subject c = subject_of(db, table, i, &room);

        buffer_put_string(out, comma);
        put_definition(&c, out);
        /* a TIMESTAMP without a word may get NOT NULL and a default by itself */
        buffer_put_string(out, is_not_null(db, &c) ? " NOT NULL" : " NULL");
    }
    for (int n = 0; (name = mysink_own_column(db, n, &type)) != NULL; n++, comma = ", ")
        buffer_printf(out, "%s%s %s", comma, name, type);
    put_primary_key(db, table, out);
    buffer_printf(out, ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE %s",
                  mysink_session_of(db)->server.mariadb ? "utf8mb4_nopad_bin" : "utf8mb4_0900_bin");
    return 0;
}

int
mysink_add_column_sql(struct db *db, const struct db_table *table, uint16_t column, struct buffer *out, struct error *err)
{
    int32_t room = 4 * ADDED_CHARACTERS;
    struct subject c = subject_of(db, table, column, &room);
    struct buffer standing_in = {0};
    bool has_default;

    (void)err;
    buffer_put_string(out, "ALTER TABLE ");
    mysink_put_table(table, out);
    buffer_put_string(out, " ADD COLUMN ");
    put_definition(&c, out);
    has_default = put_default(&c, ends_long(out), &standing_in);
    /* rows that are there need a value */
    buffer_put_string(out, is_not_null(db, &c) && has_default ? " NOT NULL" : " NULL");
    if (has_default)
        buffer_put(out, standing_in.at, standing_in.len);
    buffer_free(&standing_in);
    return 0;
}
