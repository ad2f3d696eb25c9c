/*
 * mysql_guilty.c -- which row a statement of many failed for.
 *
 * The server has undone the statement that failed (or the savepoint before it is gone back to), and the transaction will be
 * rolled back in any case. So its rows are tried one by one, until one fails.
 */
#include "mysql_sink.h"

#include <stdio.h>

int
mysink_name_row(struct db *db, const struct db_group *group, const struct db_row *row, struct error *err)
{
    char name[EVENT_ID_MAX + 160];

    (void)db;
    db_row_name(group, row, name, sizeof(name));
    return error_prefix(err, "%s: ", name);
}

/* "id = 5, part = 'x'", from the row's statement. */
static void
put_key(struct db *db, const struct db_group *group, const struct db_row *row, char *text, size_t size)
{
    struct mysink_session *s = mysink_session_of(db);
    struct error ignored;

    text[0] = 0;
    buffer_reset(&s->sql);
    if (mysink_put_one(db, group, row, &ignored) == -1)
        return;
    snprintf(text, size, "%.*s", (int)size - 1, buffer_cstr(&s->sql) + s->where + strlen(" WHERE "));
}

int
mysink_missing_row(struct db *db, const struct db_group *group, const struct db_row *row, struct error *err)
{
    char key[160];

    put_key(db, group, row, key, sizeof(key));
    error_set(err, ERROR_DATA, "E_CONFLICT", "the target has no row with %s", key);
    return mysink_name_row(db, group, row, err);
}

/* 1: this row is not the one. */
static int
try_row(struct db *db, const struct db_group *group, const struct db_row *row, struct error *err)
{
    struct mysink_session *s = mysink_session_of(db);
    struct error why = ERROR_INIT;

    buffer_reset(&s->sql);
    if (mysink_put_one(db, group, row, err) == -1)
        return -1;
    if (mysql_real_query(s->conn, (const char *)s->sql.at, s->sql.len) != 0) {
        mysink_failed(s->conn, "", &why);
        mysink_name_row(db, group, row, &why);
        *err = why;
        return -1;
    }
    if (group->strict && group->op != DB_OP_UPSERT && mysql_affected_rows(s->conn) != 1)
        return mysink_missing_row(db, group, row, err);
    return 1;
}

int
mysink_find_guilty(struct db *db, const struct mysink_flight *flight, struct error *err)
{
    const struct db_group *group = flight->group;

    if (flight->form == FORM_KEYS && flight->statements > 1)
        mysql_query(mysink_session_of(db)->conn, "ROLLBACK TO SAVEPOINT rowferry");
    for (uint32_t i = 0; i < flight->rows; i++) {
        int rc = try_row(db, group, &group->rows[flight->first + i], err);

        if (rc == -1)
            return -1;
    }
    /* each by itself is well: the first is named, and what the server said of all */
    mysink_name_row(db, group, &group->rows[flight->first], err);
    return error_prefix(err, "%u rows from ", flight->rows);
}
