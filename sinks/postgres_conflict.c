/*
 * postgres_conflict.c -- whose row a unique index refused.
 *
 * All that the server says is "Key (a, b)=(1, 2) already exists." and the like, in its own language. What stands in the
 * parentheses is compared with each row's values.
 */
#include "postgres_target.h"

enum { CONFLICT_COLUMNS = 32 };

/* The names between the first parentheses, as columns of the relation; 0: can't be told. */
static uint16_t
named_columns(const struct relation *rel, const char *at, const char *end, uint16_t *columns)
{
    uint16_t n = 0;

    while (at < end) {
        const char *comma = memmem(at, (size_t)(end - at), ", ", 2);
        size_t length = (size_t)((comma != NULL ? comma : end) - at);
        uint16_t i = 0;

        if (length > 2 && at[0] == '"') { /* a name in quotes; one with quotes or commas inside is not found */
            at++;
            length -= 2;
        }
        while (i < rel->ncolumns && (strlen(rel->columns[i].name) != length || memcmp(rel->columns[i].name, at, length) != 0))
            i++;
        if (i == rel->ncolumns || n == CONFLICT_COLUMNS)
            return 0;
        columns[n++] = i;
        at = comma != NULL ? comma + 2 : end;
    }
    return n;
}

static bool
row_has(const struct db_table *table, const struct value *row, const uint16_t *columns, uint16_t n, struct bytes text)
{
    struct buffer made = {0};
    struct error ignored = ERROR_INIT;
    bool same;

    for (uint16_t i = 0; i < n; i++) {
        const struct target_column *to = table->columns[columns[i]].own;

        if (row[columns[i]].state != VALUE_SET) {
            buffer_free(&made);
            return false;
        }
        if (i > 0)
            buffer_put_string(&made, ", ");
        target_write_text(&made, to->category, &table->relation->columns[columns[i]], &row[columns[i]], &ignored);
    }
    same = !buffer_failed(&made) && bytes_equal(bytes_of(made.at, made.len), text);
    buffer_free(&made);
    return same;
}

const struct db_row *
conflict_row(struct db *db, const struct db_group *group, const char *detail)
{
    struct pg_session *s = session_of(db);
    const struct db_table *table = group->table;
    const char *names = strchr(detail, '('), *middle = strstr(detail, ")=("), *end = strrchr(detail, ')');
    uint16_t columns[CONFLICT_COLUMNS], n;

    if (names == NULL || middle == NULL || end < middle + 3 || names > middle ||
        !session_room(s, table->relation->ncolumns, 0))
        return NULL;
    n = named_columns(table->relation, names + 1, middle, columns);
    for (uint32_t r = 0; n > 0 && r < group->nrows; r++) {
        struct row_change change;
        struct error ignored = ERROR_INIT;
        const struct db_row *row = &group->rows[r];

        if (db_row_read(group, row, s->room, &change, &ignored) == 0 && change.op != CHANGE_DELETE &&
            row_has(table, change.new_row, columns, n, bytes_of(middle + 3, (size_t)(end - middle - 3))))
            return row;
    }
    return NULL;
}
