/*
 * postgres_apply.c -- a group of changes to statements of the target.
 *
 * Rows are unpacked one after the other, and each value goes into the array of its parameter. A run of inserts goes by COPY,
 * which is faster even though the connection must leave pipeline mode for it.
 */
#include "postgres_target.h"

#include <stdlib.h>

enum {
    CHUNK_ROWS = 4096,         /* of one statement */
    CHUNK_BYTES = 1 << 20,
    IN_FLIGHT = 4 << 20,       /* more is not sent before half of it has been answered */
    COPY_ROWS = 200,           /* from here on COPY is faster */
    EACH_ROWS = 2,             /* so few go as scalars */
    SORTED_ROWS = 8,           /* fewer are not worth it */
};

bool
session_room(struct pg_session *s, uint16_t columns, uint16_t params)
{
    if (columns > s->room_columns) {
        struct value *room = realloc(s->room, 2u * columns * sizeof(*room));
        struct value *key;

        if (room == NULL)
            return false;
        s->room = room;
        key = realloc(s->key, columns * sizeof(*key));
        if (key == NULL)
            return false;
        s->key = key;
        s->room_columns = columns;
    }
    if (params > s->nparams) {
        struct buffer *more = realloc(s->params, params * sizeof(*more));

        if (more == NULL)
            return false;
        for (uint16_t i = s->nparams; i < params; i++)
            more[i] = (struct buffer){0};
        s->params = more;
        s->nparams = params;
    }
    return true;
}

/* ---- order ---- */

struct keyed_row {
    int64_t key;
    uint32_t row;
};

static int
by_key(const void *a, const void *b)
{
    const struct keyed_row *x = a, *y = b;

    return x->key < y->key ? -1 : x->key > y->key ? 1 : (x->row > y->row) - (x->row < y->row);
}

static bool
sorts(const struct db_group *group)
{
    const struct db_table *table = group->table;

    if (group->op == DB_OP_INSERT || group->op == DB_OP_HISTORY || table->ordered || table->nkey != 1)
        return false;
    switch (table->relation->columns[table->key[0]].type) {
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
        return true;
    default:
        return false;
    }
}

/*
 * Rows that are looked up by a number go in its order, so that neighbours are met on one page: where the order of the log
 * counts (`ordered`), it stays. The same group has the same order whenever it is asked.
 */
bool
target_order(struct pg_session *s, const struct db_group *group)
{
    const struct db_table *table = group->table;
    struct keyed_row *rows;

    if (group->nrows > s->order_cap) {
        uint32_t *more = realloc(s->order, group->nrows * sizeof(*more));

        if (more == NULL)
            return false;
        s->order = more;
        s->order_cap = group->nrows;
    }
    for (uint32_t i = 0; i < group->nrows; i++)
        s->order[i] = i;
    if (group->nrows < SORTED_ROWS || !sorts(group))
        return true;
    rows = malloc(group->nrows * sizeof(*rows));
    if (rows == NULL)
        return false;
    for (uint32_t i = 0; i < group->nrows; i++) {
        rows[i] = (struct keyed_row){0, i};
        if (row_key_values(db_row_key(&group->rows[i]), table->relation, NULL, s->key) == 1)
            rows[i].key = s->key[0].i;
    }
    qsort(rows, group->nrows, sizeof(*rows), by_key);
    for (uint32_t i = 0; i < group->nrows; i++)
        s->order[i] = rows[i].row;
    free(rows);
    return true;
}

/* ---- a row's values ---- */

struct row {
    const struct db_group *group;
    const struct db_row *row;
    struct row_change change;
    const struct value *key; /* in the key's order */
};

static int
row_open(struct pg_session *s, const struct db_group *group, const struct db_row *row, struct row *out, struct error *err)
{
    const struct db_table *table = group->table;

    *out = (struct row){.group = group, .row = row, .key = s->key};
    if (db_row_read(group, row, s->room, &out->change, err) == -1)
        return -1;
    if (table->nkey > 0 && row->event->key_length > 0 &&
        row_key_values(db_row_key(row), table->relation, NULL, s->key) != table->nkey)
        return error_set(err, ERROR_FATAL, "", "table %s.%s: a packed key is not as long as it was", table->schema,
                         table->name);
    return 0;
}

static bool
has_new(const struct row *row)
{
    return row->change.op != CHANGE_DELETE && row->change.op != CHANGE_TRUNCATE;
}

/* History has what is known of a row: of a delete the old one, of a value that was not sent the one before, if that was. */
static const struct value *
history_value(const struct row *row, uint16_t column)
{
    static const struct value unknown = {.state = VALUE_NULL};
    const struct value *value = has_new(row) ? &row->change.new_row[column] : &unknown;

    if (has_new(row) && value->state != VALUE_UNCHANGED)
        return value;
    if (row->change.old_kind == OLD_NONE)
        return &unknown;
    value = &row->change.old_row[column];
    return value->state == VALUE_UNCHANGED ? &unknown : value;
}

/* NULL: the row does not have it. */
static const struct value *
row_value(const struct row *row, const struct param *param)
{
    switch (param->part) {
    case PART_KEY:
        return &row->key[param->column];
    case PART_NEW:
        if (row->group->op == DB_OP_HISTORY)
            return history_value(row, param->column);
        return has_new(row) ? &row->change.new_row[param->column] : NULL;
    case PART_OLD:
        return row->change.old_kind == OLD_ROW ? &row->change.old_row[param->column] : NULL;
    default:
        return NULL;
    }
}

/* What history says beside the row. */
static void
put_extra(struct buffer *out, const struct row *row, enum part part)
{
    const struct batch *batch = row->row->batch;
    const struct frame *frame = &batch->frames[row->row->event->frame];
    char id[EVENT_ID_MAX];

    switch (part) {
    case PART_OP:
        buffer_put_u8(out, (uint8_t)row->change.op);
        break;
    case PART_ID:
        buffer_put(out, id, event_id_print(batch, row->row->event, id));
        break;
    default: /* counted from 2000 */
        buffer_put_be64(out, (uint64_t)(batch->transactions[frame->transaction].id.commit_us - INT64_C(946684800000000)));
    }
}

static uint16_t
column_of(const struct db_table *table, const struct param *param)
{
    return param->part == PART_KEY ? table->key[param->column] : param->column;
}

static int
not_sent(const struct row *row, const struct param *param, const struct column *column, struct error *err)
{
    const struct db_table *table = row->group->table;

    if (param->part == PART_OLD)
        return error_set(err, ERROR_CONFIG, "E_KEY_UNKNOWN", "table %s.%s has no key, and the source did not send the old value of "
                         "column %s to find the row by", table->schema, table->name, column->name);
    return error_set(err, ERROR_DATA, "E_VALUE", "column %s: its value was not sent", column->name);
}

/* One value of one row, with its length before it; -1 as length is NULL. */
static int
put_field(struct buffer *out, const struct row *row, const struct param *param, struct error *err)
{
    const struct db_table *table = row->group->table;
    const struct value *value;
    size_t at = out->len;
    uint32_t length;

    if (param->to == NULL) {
        buffer_put_be32(out, 0);
        put_extra(out, row, param->part);
    } else {
        const struct column *column = &table->relation->columns[column_of(table, param)];

        value = row_value(row, param);
        if (value == NULL || value->state == VALUE_UNCHANGED)
            return not_sent(row, param, column, err);
        if (value->state == VALUE_NULL) {
            buffer_put_be32(out, UINT32_MAX);
            return 0;
        }
        buffer_put_be32(out, 0);
        if (target_write(out, param->to, column, value, err) == -1)
            return -1;
    }
    if (buffer_failed(out))
        return error_set(err, ERROR_FATAL, "", "out of memory for rows");
    length = __builtin_bswap32((uint32_t)(out->len - at - 4));
    memcpy(out->at + at, &length, 4);
    return 0;
}

static int
name_row(const struct row *row, struct error *err)
{
    char name[EVENT_ID_MAX + 300];

    if (err->kind != ERROR_DATA)
        return -1;
    db_row_name(row->group, row->row, name, sizeof(name));
    return error_prefix(err, "%s: ", name);
}

/* ---- arrays ---- */

static const struct {
    const char *type;
    uint32_t oid;
} element_oids[] = {
    {"text", 25}, {"integer", 23}, {"bigint", 20}, {"boolean", 16}, {"smallint", 21}, {"real", 700},
    {"double precision", 701}, {"numeric", 1700}, {"bytea", 17}, {"uuid", 2950}, {"json", 114}, {"jsonb", 3802},
    {"date", 1082}, {"time", 1083}, {"timestamp", 1114}, {"timestamptz", 1184},
};

static uint32_t
element_oid(const struct param *param)
{
    const char *type = param->to != NULL ? param->to->sent : param->part == PART_TIME ? "timestamptz" : "text";
    size_t i = 0;

    while (strcmp(element_oids[i].type, type) != 0)
        i++;
    return element_oids[i].oid;
}

enum { ARRAY_COUNT_AT = 12 }; /* after dimensions, flags and type */

static void
array_open(struct buffer *out, const struct param *param)
{
    buffer_reset(out);
    buffer_put_be32(out, 1); /* dimension */
    buffer_put_be32(out, 1); /* may have NULLs */
    buffer_put_be32(out, element_oid(param));
    buffer_put_be32(out, 0); /* elements: filled in later */
    buffer_put_be32(out, 1); /* counted from 1 */
}

static void
array_close(struct buffer *out, uint32_t count)
{
    count = __builtin_bswap32(count);
    if (!buffer_failed(out))
        memcpy(out->at + ARRAY_COUNT_AT, &count, 4);
}

static int
fill_arrays(struct pg_session *s, const struct statement *st, const struct sent *what, struct error *err)
{
    struct row row;

    for (uint16_t i = 0; i < st->nparams; i++)
        array_open(&s->params[i], &st->params[i]);
    for (uint32_t r = what->from; r < what->from + what->count; r++) {
        if (row_open(s, what->group, &what->group->rows[s->order[r]], &row, err) == -1)
            return -1;
        for (uint16_t i = 0; i < st->nparams; i++) {
            if (put_field(&s->params[i], &row, &st->params[i], err) == -1)
                return name_row(&row, err);
        }
    }
    for (uint16_t i = 0; i < st->nparams; i++)
        array_close(&s->params[i], what->count);
    return 0;
}

/* ---- scalars ---- */

int
target_fill(struct db *db, const struct statement *st, const struct db_group *group, uint32_t place, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct row row;

    if (row_open(s, group, &group->rows[s->order[place]], &row, err) == -1)
        return -1;
    for (uint16_t i = 0; i < st->nparams; i++) {
        buffer_reset(&s->params[i]);
        if (put_field(&s->params[i], &row, &st->params[i], err) == -1)
            return name_row(&row, err);
    }
    return 0;
}

const char *
target_scalar(const struct buffer *param, int *length)
{
    uint32_t first;

    memcpy(&first, param->at, 4);
    *length = first == UINT32_MAX ? 0 : (int)(param->len - 4);
    return first == UINT32_MAX ? NULL : (const char *)param->at + 4;
}

/* ---- sending ---- */

static int
send_rows(struct db *db, struct statement *st, struct sent *what, struct error *err)
{
    struct pg_session *s = session_of(db);
    const char *values[st->nparams + 1];
    int lengths[st->nparams + 1];

    if ((st->each ? target_fill(db, st, what->group, what->from, err) : fill_arrays(s, st, what, err)) == -1)
        return -1;
    for (uint16_t i = 0; i < st->nparams; i++) {
        if (s->params[i].len > INT32_MAX)
            return error_set(err, ERROR_DATA, "E_VALUE", "table %s.%s: rows of more than 2 GiB", what->group->table->schema,
                             what->group->table->name);
        values[i] = (const char *)s->params[i].at;
        lengths[i] = (int)s->params[i].len;
        if (st->each)
            values[i] = target_scalar(&s->params[i], &lengths[i]);
        what->bytes += s->params[i].len;
    }
    what->bytes += 100;
    if (st->name[0] == 0 && pipeline_prepare(db, st, err) == -1)
        return -1;
    if (pipeline_send(db, what, st->name, st->nparams, values, lengths, 1, err) == -1)
        return -1;
    return s->in_flight > IN_FLIGHT ? pipeline_drain(db, IN_FLIGHT / 2, err) : 0;
}

/* So many rows, from `from` on, as go into one statement. */
static uint32_t
chunk_of(const struct pg_session *s, const struct db_group *group, uint32_t from)
{
    size_t bytes = 0;
    uint32_t n = 0;

    while (from + n < group->nrows && n < CHUNK_ROWS && (n == 0 || bytes < CHUNK_BYTES)) {
        bytes += group->rows[s->order[from + n]].event->value_length;
        n++;
    }
    return n;
}

/* ---- COPY ---- */

static int
copy_rows(struct db *db, const struct statement *st, const struct sent *what, struct error *err)
{
    static const uint8_t head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0"; /* its own NUL is the last byte */
    struct pg_session *s = session_of(db);
    struct buffer *out = &s->params[0];
    struct row row;

    buffer_reset(out);
    buffer_put(out, head, 19);
    for (uint32_t r = what->from; r < what->from + what->count; r++) {
        if (row_open(s, what->group, &what->group->rows[s->order[r]], &row, err) == -1)
            return -1;
        buffer_put_be16(out, st->nparams);
        for (uint16_t i = 0; i < st->nparams; i++) {
            if (put_field(out, &row, &st->params[i], err) == -1)
                return name_row(&row, err);
        }
        if (out->len < 65536)
            continue;
        if (PQputCopyData(s->conn, (const char *)out->at, (int)out->len) != 1)
            return target_error(db, NULL, what, err);
        buffer_reset(out);
    }
    buffer_put_be16(out, UINT16_MAX);
    if (PQputCopyData(s->conn, (const char *)out->at, (int)out->len) != 1 || PQputCopyEnd(s->conn, NULL) != 1)
        return target_error(db, NULL, what, err);
    return 0;
}

static int
copy_end(struct db *db, const struct sent *what, struct error *err)
{
    struct pg_session *s = session_of(db);
    int rc = 0;

    for (PGresult *res = PQgetResult(s->conn); res != NULL; res = PQgetResult(s->conn)) {
        if (rc == 0 && PQresultStatus(res) != PGRES_COMMAND_OK)
            rc = target_error(db, res, what, err);
        else if (rc == 0 && strtoul(PQcmdTuples(res), NULL, 10) != what->count)
            rc = error_set(err, ERROR_DATA, "E_CONFLICT", "table %s.%s: %s of %u rows were inserted: a trigger of the target's own?",
                           what->group->table->schema, what->group->table->name, PQcmdTuples(res), what->count);
        PQclear(res);
    }
    return rc;
}

static int
copy_group(struct db *db, const struct statement *st, const struct db_group *group, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct sent what = {.kind = SENT_ROWS, .group = group, .from = 0, .count = group->nrows};
    struct buffer sql = {0};
    PGresult *res;
    int rc = 0;

    if (pipeline_leave(db, err) == -1)
        return -1;
    statement_copy_sql(&sql, st, group->table);
    res = PQexec(s->conn, buffer_cstr(&sql));
    buffer_free(&sql);
    if (PQresultStatus(res) != PGRES_COPY_IN)
        rc = target_error(db, res, &what, err);
    PQclear(res);
    if (rc == 0) {
        rc = copy_rows(db, st, &what, err);
        if (rc == -1) /* our own row is at fault: the server's answer says less */
            PQputCopyEnd(s->conn, "stopped");
        if (copy_end(db, &what, rc == 0 ? err : NULL) == -1 && rc == 0) {
            culprit_name(db, group, err);
            rc = -1;
        }
    }
    return pipeline_enter(s, rc == 0 ? err : NULL) == -1 ? -1 : rc;
}

static bool
may_copy(const struct db_group *group, const struct statement *st)
{
    if (group->op != DB_OP_INSERT || group->nrows < COPY_ROWS || st->nparams == 0)
        return false;
    for (uint16_t i = 0; i < st->nparams; i++) {
        if (!st->params[i].to->copies)
            return false;
    }
    return true;
}

/* ---- a group ---- */

int
target_apply(struct db *db, const struct db_group *group, struct error *err)
{
    struct pg_session *s = session_of(db);
    struct statement *st = statement_for(db, group, group->nrows <= EACH_ROWS, err);
    uint32_t n;

    if (st == NULL)
        return -1;
    if (!session_room(s, group->table->relation->ncolumns, st->nparams + 1) || !target_order(s, group))
        return error_set(err, ERROR_FATAL, "", "out of memory for rows");
    if (may_copy(group, st))
        return copy_group(db, st, group, err);
    for (uint32_t from = 0; from < group->nrows; from += n) {
        struct sent what = {.kind = SENT_ROWS, .group = group, .statement = st, .from = from};

        n = what.count = st->each ? 1 : chunk_of(s, group, from);
        if (send_rows(db, st, &what, err) == -1)
            return -1;
    }
    return 0;
}

/* ---- for errors ---- */

void
target_key_text(struct db *db, const struct db_group *group, const struct db_row *row, struct buffer *out)
{
    struct pg_session *s = session_of(db);
    const struct db_table *table = group->table;
    struct error ignored = ERROR_INIT;

    if (table->nkey == 0 || !session_room(s, table->relation->ncolumns, 0) ||
        row_key_values(db_row_key(row), table->relation, NULL, s->key) != table->nkey)
        return;
    for (uint16_t k = 0; k < table->nkey; k++) {
        const struct db_column *column = &table->columns[table->key[k]];
        const struct target_column *to = column->own;

        buffer_printf(out, "%s%s=", k > 0 ? ", " : "", column->name);
        target_write_text(out, to->category, &table->relation->columns[table->key[k]], &s->key[k], &ignored);
    }
}
