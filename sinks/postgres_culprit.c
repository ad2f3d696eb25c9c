/*
 * postgres_culprit.c -- which row, and which of its columns, the server could not read.
 *
 * A statement of many rows fails as a whole, and the server does not say for which of them. So each row's values are sent
 * once more, in a transaction of its own that only reads: SELECT $1::numeric::numeric(5,2), ... What fails there is named;
 * what does not (a check of the table, a trigger) stays a range of rows.
 */
#include "postgres_target.h"

/* One value, or all of them (`only` is nparams). */
static void
put_select(struct buffer *out, const struct statement *st, uint16_t only)
{
    buffer_put_string(out, "SELECT 1");
    for (uint16_t i = 0; i < st->nparams; i++) {
        const struct target_column *to = st->params[i].to;

        buffer_printf(out, ", $%u::%s", i + 1u, to != NULL ? to->sent : st->params[i].part == PART_TIME ? "timestamptz" : "text");
        if (to != NULL && (only == st->nparams || only == i))
            buffer_printf(out, "::%s", to->declared);
    }
}

/* The row that lies in s->params. */
static PGresult *
ask(struct pg_session *s, const struct statement *st, uint16_t only)
{
    const char *values[st->nparams + 1];
    int lengths[st->nparams + 1], formats[st->nparams + 1];
    struct buffer sql = {0};
    PGresult *res;

    for (uint16_t i = 0; i < st->nparams; i++) {
        values[i] = target_scalar(&s->params[i], &lengths[i]);
        formats[i] = 1;
    }
    put_select(&sql, st, only);
    res = PQexecParams(s->conn, buffer_cstr(&sql), st->nparams, NULL, values, lengths, formats, 0);
    buffer_free(&sql);
    return res;
}

/* The name of the column that fails by itself; NULL: none does. */
static const char *
failing_column(struct pg_session *s, const struct statement *st, const struct db_group *group)
{
    for (uint16_t i = 0; i < st->nparams; i++) {
        PGresult *res = ask(s, st, i);
        bool good = PQresultStatus(res) == PGRES_TUPLES_OK;

        PQclear(res);
        if (!good)
            return param_name(group->table, &st->params[i]);
    }
    return NULL;
}

static void
name(struct pg_session *s, const struct statement *st, const struct db_group *group, const struct db_row *row,
     const PGresult *res, struct error *err)
{
    const char *column = failing_column(s, st, group);
    struct buffer message = {0};
    char text[EVENT_ID_MAX + 300];

    target_message(res, true, &message);
    db_row_name(group, row, text, sizeof(text));
    error_set(err, ERROR_DATA, "E_VALUE", "%s: %s%s%s%s", text, column != NULL ? "column " : "", column != NULL ? column : "",
              column != NULL ? ": " : "", buffer_cstr(&message));
    buffer_free(&message);
}

void
culprit_name(struct db *db, const struct db_group *group, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct error ignored = ERROR_INIT;
    struct statement *st = NULL;

    if (err == NULL || err->kind != ERROR_DATA || strcmp(err->code, "E_VALUE") != 0)
        return;
    pipeline_leave(db, &ignored);
    if (!s->broken && (PQtransactionStatus(s->conn) == PQTRANS_IDLE || pg_command(s->conn, &ignored, "ROLLBACK") == 0))
        st = statement_for(db, group, true, &ignored);
    if (st != NULL && (!session_room(s, group->table->relation->ncolumns, st->nparams + 1) || !target_order(s, group)))
        return;
    for (uint32_t i = 0; st != NULL && i < group->nrows; i++) {
        PGresult *res;

        if (target_fill(db, st, group, i, &ignored) == -1)
            return;
        res = ask(s, st, st->nparams);
        if (PQresultStatus(res) == PGRES_FATAL_ERROR) {
            name(s, st, group, &group->rows[s->order[i]], res, err);
            st = NULL;
        }
        PQclear(res);
    }
}
