/*
 * mysql_apply.c -- a group to statements.
 *
 *     INSERT, HISTORY    INSERT ... VALUES (...), (...)
 *     UPSERT             the same with ON DUPLICATE KEY UPDATE. That goes by any unique index: where the table has another
 *                        one, or the row lacks a value that an INSERT must have, each row is updated, and inserted if
 *                        there was none to update
 *     UPDATE             UPDATE of a join with a list of rows, where the key is found by an index that way: whole numbers,
 *                        UUIDs, and texts of utf8mb4; otherwise a statement for each row, many in one text
 *     DELETE, MARK       WHERE key IN (...)
 *     a table with another unique index, or foreign keys: UPDATE and DELETE by a statement for each row, since a server
 *                        takes the rows of one in an order of its own, and looks at each by itself
 *     without a key      a statement for each row: the whole old row is compared, LIMIT 1
 *     TRUNCATE           DELETE, many rows at a time: TRUNCATE would commit
 *
 * An INSERT ... ON DUPLICATE KEY UPDATE would be the fastest update of all, but it fires a table's INSERT triggers, and who
 * may not see triggers can't know.
 */
#include "mysql_sink.h"

#include <stdlib.h>

#include "cdc/row.h"

enum {
    TEXT_MAX = 1 << 20,     /* a text is sent when it has so many bytes */
    KEYS_MAX = 500,         /* listed keys: with many more, servers stop using the index */
    EACH_MAX = 1000,        /* statements in one text */
    TRUNCATE_ROWS = 20000, /* deleted by one statement: it must end within READ_SECONDS */
    JOINS_MYSQL = 80019,    /* the first with VALUES ROW() */
};

/* What a group's rows are written with. */
struct writer {
    struct db *db;
    struct mysink_session *s;
    const struct db_group *group;
    const struct db_table *table;
    const struct mysink_table *own;
};

static const struct mysink_column *
column_of(const struct db_table *table, uint16_t i)
{
    return table->columns[i].own;
}

static bool
is_written(const struct db_group *group, uint16_t i)
{
    return (group->op == DB_OP_HISTORY || group->set[i]) && !column_of(group->table, i)->generated;
}

static bool
is_soft(const struct writer *w)
{
    return w->db->settings->apply == DB_SOFT_DELETE;
}

static void
put_name(struct buffer *out, const struct db_table *table, uint16_t i)
{
    mysql_identifier(out, table->columns[i].name);
}

static int
put_value(struct writer *w, uint16_t i, const struct value *value, enum mysink_place place, struct error *err)
{
    return mysink_put_value(&w->s->sql, w->s->server.mariadb, column_of(w->table, i), &w->table->relation->columns[i], value,
                            place, err);
}

static int
read_row(struct writer *w, const struct db_row *row, struct row_change *change, struct error *err)
{
    struct mysink_session *s = w->s;
    uint16_t n = w->table->relation->ncolumns;

    if (n > s->room_columns) {
        struct value *room = realloc(s->room, 2u * n * sizeof(*room));

        if (room == NULL)
            return error_set(err, ERROR_FATAL, "", "out of memory for a row");
        s->room = room;
        s->room_columns = n;
    }
    return db_row_read(w->group, row, s->room, change, err);
}

/* The row's value of a key's column before the change. */
static const struct value *
key_value(const struct row_change *change, uint16_t i)
{
    if (change->old_kind != OLD_NONE && change->old_row[i].state == VALUE_SET)
        return &change->old_row[i];
    return &change->new_row[i];
}

/* A key's column is only set where it changes. */
static bool
is_updated(const struct db_group *group, uint16_t i)
{
    return is_written(group, i) && (group->rekeys || !group->table->columns[i].key);
}

/* Columns that would change by themselves, since nothing else sets them: they are set to what they are. */
static const char *
put_kept(struct writer *w, const char *of, const char *comma)
{
    struct buffer *out = &w->s->sql;

    for (uint16_t i = 0; i < w->table->relation->ncolumns; i++) {
        bool set = w->group->op == DB_OP_UPSERT ? is_written(w->group, i)
                                                : w->group->op == DB_OP_UPDATE && is_updated(w->group, i);

        if (set || !column_of(w->table, i)->stamps || column_of(w->table, i)->generated)
            continue;
        buffer_printf(out, "%s%s.", comma, of);
        put_name(out, w->table, i);
        buffer_printf(out, " = %s.", of);
        put_name(out, w->table, i);
        comma = ", ";
    }
    return comma;
}

/* ---- rows of an INSERT ---- */

static void
put_insert_head(struct writer *w)
{
    struct buffer *out = &w->s->sql;
    const char *comma = "";

    buffer_put_string(out, "INSERT INTO ");
    buffer_put_string(out, w->own->name);
    buffer_put_string(out, " (");
    for (uint16_t i = 0; i < w->table->relation->ncolumns; i++) {
        if (!is_written(w->group, i))
            continue;
        buffer_put_string(out, comma);
        put_name(out, w->table, i);
        comma = ", ";
    }
    if (w->group->op == DB_OP_HISTORY)
        buffer_printf(out, "%s" DB_COLUMN_OP ", " DB_COLUMN_ID ", " DB_COLUMN_TIME, comma);
    else if (is_soft(w))
        buffer_printf(out, "%s" DB_COLUMN_DELETED, comma);
    buffer_put_string(out, ") VALUES ");
}

static void
put_history(struct writer *w, const struct db_row *row, const struct row_change *change, const char *comma)
{
    struct buffer *out = &w->s->sql;
    const struct frame *frame = &row->batch->frames[row->event->frame];
    char id[EVENT_ID_MAX];
    size_t len = event_id_print(row->batch, row->event, id);

    buffer_printf(out, "%s'%c', ", comma, (char)change->op);
    mysink_put_string(out, bytes_of(id, len));
    buffer_put_string(out, ", ");
    mysink_put_datetime(out, row->batch->transactions[frame->transaction].id.commit_us);
}

/* "(...)": the new row; of a delete, for history, what is known of the old one. */
static int
put_insert_row(struct writer *w, const struct db_row *row, struct error *err)
{
    static const struct value unknown = {.state = VALUE_NULL};
    struct buffer *out = &w->s->sql;
    struct row_change change;
    const char *comma = "";

    if (read_row(w, row, &change, err) == -1)
        return -1;
    buffer_put_u8(out, '(');
    for (uint16_t i = 0; i < w->table->relation->ncolumns; i++) {
        const struct value *value = change.op == CHANGE_TRUNCATE                                 ? &unknown
                                    : change.op != CHANGE_DELETE                                 ? &change.new_row[i]
                                    : change.old_kind != OLD_NONE                                ? &change.old_row[i]
                                                                                                 : &unknown;

        if (!is_written(w->group, i))
            continue;
        buffer_put_string(out, comma);
        if (put_value(w, i, value, IN_VALUES, err) == -1)
            return -1;
        comma = ",";
    }
    if (w->group->op == DB_OP_HISTORY)
        put_history(w, row, &change, comma);
    else if (is_soft(w))
        buffer_printf(out, "%s0", comma);
    buffer_put_u8(out, ')');
    return 0;
}

/* MySQL has an alias for the new row since 8.0.19, and complains of VALUES() since 8.0.20. */
static void
put_upsert_tail(struct writer *w)
{
    struct buffer *out = &w->s->sql;
    bool alias = !w->s->server.mariadb && w->s->server.version >= JOINS_MYSQL;
    const char *before = alias ? "rowferry_new." : "VALUES(", *behind = alias ? "" : ")", *comma = "";

    buffer_put_string(out, alias ? " AS rowferry_new ON DUPLICATE KEY UPDATE " : " ON DUPLICATE KEY UPDATE ");
    for (uint16_t i = 0; i < w->table->relation->ncolumns; i++) {
        /* a key that compares by more than its bytes may come with others */
        if (!is_written(w->group, i) || (w->table->columns[i].key && !w->table->ordered))
            continue;
        buffer_put_string(out, comma);
        put_name(out, w->table, i);
        buffer_printf(out, " = %s", before);
        put_name(out, w->table, i);
        buffer_put_string(out, behind);
        comma = ", ";
    }
    if (is_soft(w)) {
        buffer_printf(out, "%s" DB_COLUMN_DELETED " = 0", comma);
        comma = ", ";
    }
    comma = put_kept(w, w->own->name, comma);
    if (comma[0] == 0) { /* nothing but a key: the row stays as it is */
        put_name(out, w->table, w->table->key[0]);
        buffer_printf(out, " = %s.", w->own->name);
        put_name(out, w->table, w->table->key[0]);
    }
}

/* ---- rows that are looked for ---- */

static int
put_where_key(struct writer *w, const struct row_change *change, bool new_key, struct error *err)
{
    struct buffer *out = &w->s->sql;

    w->s->where = out->len;
    for (uint16_t k = 0; k < w->table->nkey; k++) {
        uint16_t i = w->table->key[k];

        buffer_put_string(out, k == 0 ? " WHERE " : " AND ");
        put_name(out, w->table, i);
        buffer_put_string(out, " = ");
        if (put_value(w, i, new_key ? &change->new_row[i] : key_value(change, i), IN_WHERE, err) == -1)
            return -1;
    }
    return 0;
}

/* Of a text whose column takes others for equal, too: the bytes. */
static void
put_exactly(struct writer *w, uint16_t i, const struct value *value)
{
    struct buffer *out = &w->s->sql;

    if (!column_of(w->table, i)->loose || w->table->relation->columns[i].type != TYPE_TEXT || value->state != VALUE_SET)
        return;
    buffer_put_string(out, " AND CAST(");
    put_name(out, w->table, i);
    buffer_put_string(out, " AS BINARY) = ");
    mysink_put_bytes(out, value->bytes);
}

/* No key: any one row that is equal in all that is known of it. */
static int
put_where_row(struct writer *w, const struct row_change *change, struct error *err)
{
    struct buffer *out = &w->s->sql;
    const char *word = " WHERE ";

    if (change->old_kind == OLD_NONE)
        return error_set(err, ERROR_CONFIG, "E_KEY_UNKNOWN",
                         "the source did not send the old row, and there is no key to find it by");
    w->s->where = out->len;
    for (uint16_t i = 0; i < w->table->relation->ncolumns; i++) {
        if (change->old_row[i].state == VALUE_UNCHANGED || column_of(w->table, i)->generated)
            continue;
        buffer_put_string(out, word);
        put_name(out, w->table, i);
        buffer_put_string(out, " <=> ");
        if (put_value(w, i, &change->old_row[i], IN_WHERE, err) == -1)
            return -1;
        put_exactly(w, i, &change->old_row[i]);
        word = " AND ";
    }
    buffer_put_string(out, " LIMIT 1");
    return 0;
}

static int
put_where(struct writer *w, const struct row_change *change, struct error *err)
{
    return w->table->nkey > 0 ? put_where_key(w, change, w->group->op == DB_OP_UPSERT, err) : put_where_row(w, change, err);
}

/* "UPDATE t SET ..." of one row; where there is nothing to set the row is looked for all the same. */
static int
put_update(struct writer *w, const struct row_change *change, struct error *err)
{
    struct buffer *out = &w->s->sql;
    const char *comma = "";

    buffer_printf(out, "UPDATE %s SET ", w->own->name);
    for (uint16_t i = 0; i < w->table->relation->ncolumns; i++) {
        if (!is_updated(w->group, i))
            continue;
        buffer_put_string(out, comma);
        put_name(out, w->table, i);
        buffer_put_string(out, " = ");
        if (put_value(w, i, &change->new_row[i], IN_VALUES, err) == -1)
            return -1;
        comma = ", ";
    }
    if (is_soft(w)) {
        buffer_printf(out, "%s" DB_COLUMN_DELETED " = 0", comma);
        comma = ", ";
    }
    comma = put_kept(w, w->own->name, comma);
    for (uint16_t i = 0; comma[0] == 0 && i < w->table->relation->ncolumns; i++) {
        if (column_of(w->table, i)->generated)
            continue;
        put_name(out, w->table, i);
        buffer_put_string(out, " = ");
        put_name(out, w->table, i);
        comma = ", ";
    }
    return put_where(w, change, err);
}

static void
put_mark_head(struct writer *w)
{
    buffer_printf(&w->s->sql, "UPDATE %s SET " DB_COLUMN_DELETED " = 1", w->own->name);
    put_kept(w, w->own->name, ", ");
}

static void
put_keys_head(struct writer *w)
{
    if (w->group->op == DB_OP_MARK)
        put_mark_head(w);
    else
        buffer_printf(&w->s->sql, "DELETE FROM %s", w->own->name);
}

static int
put_each(struct writer *w, const struct db_row *row, struct error *err)
{
    struct row_change change;

    switch (w->group->op) {
    case DB_OP_INSERT:
    case DB_OP_HISTORY:
        put_insert_head(w);
        return put_insert_row(w, row, err);
    case DB_OP_UPSERT:
        put_insert_head(w);
        if (put_insert_row(w, row, err) == -1)
            return -1;
        put_upsert_tail(w);
        return 0;
    case DB_OP_UPDATE:
        return read_row(w, row, &change, err) == -1 ? -1 : put_update(w, &change, err);
    case DB_OP_DELETE:
    case DB_OP_MARK:
        if (read_row(w, row, &change, err) == -1)
            return -1;
        put_keys_head(w);
        return put_where(w, &change, err);
    case DB_OP_TRUNCATE:
        break;
    }
    return error_set(err, ERROR_FATAL, "", "a group of an unknown kind");
}

static struct writer
writer_of(struct db *db, const struct db_group *group)
{
    return (struct writer){.db = db, .s = mysink_session_of(db), .group = group, .table = group->table, .own = group->table->own};
}

int
mysink_put_one(struct db *db, const struct db_group *group, const struct db_row *row, struct error *err)
{
    struct writer w = writer_of(db, group);

    return put_each(&w, row, err) == -1 ? mysink_name_row(db, group, row, err) : 0;
}

/* ---- UPDATE by a join ---- */

/*
 * The listed rows are a table n of columns c0, c1, ...: the key, then what is set.
 *
 *     MySQL      UPDATE (VALUES ROW(...), ROW(...)) AS n (c0, c1) STRAIGHT_JOIN t ON t.k = n.c0 SET t.a = n.c1
 *     MariaDB    UPDATE (WITH n (c0, c1) AS (VALUES (...), (...)) SELECT * FROM n) AS n STRAIGHT_JOIN t ...
 */
static unsigned
join_width(const struct writer *w)
{
    unsigned n = w->table->nkey;

    for (uint16_t i = 0; i < w->table->relation->ncolumns; i++)
        n += is_updated(w->group, i);
    return n;
}

static void
put_join_columns(struct buffer *out, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        buffer_printf(out, "%sc%u", i == 0 ? "(" : ",", i);
    buffer_put_u8(out, ')');
}

static void
put_join_head(struct writer *w)
{
    struct buffer *out = &w->s->sql;

    buffer_put_string(out, "UPDATE (");
    if (w->s->server.mariadb) {
        buffer_put_string(out, "WITH n ");
        put_join_columns(out, join_width(w));
        buffer_put_string(out, " AS (");
    }
    buffer_put_string(out, "VALUES ");
}

static int
put_join_row(struct writer *w, const struct db_row *row, struct error *err)
{
    struct buffer *out = &w->s->sql;
    struct row_change change;

    if (read_row(w, row, &change, err) == -1)
        return -1;
    buffer_put_string(out, w->s->server.mariadb ? "(" : "ROW(");
    for (uint16_t k = 0; k < w->table->nkey; k++) {
        if (k > 0)
            buffer_put_u8(out, ',');
        if (put_value(w, w->table->key[k], key_value(&change, w->table->key[k]), IN_WHERE, err) == -1)
            return -1;
    }
    for (uint16_t i = 0; i < w->table->relation->ncolumns; i++) {
        if (!is_updated(w->group, i))
            continue;
        buffer_put_u8(out, ',');
        if (put_value(w, i, &change.new_row[i], IN_VALUES, err) == -1)
            return -1;
    }
    buffer_put_u8(out, ')');
    return 0;
}

static void
put_join_tail(struct writer *w)
{
    struct buffer *out = &w->s->sql;
    unsigned c = 0;

    if (w->s->server.mariadb)
        buffer_put_string(out, ") SELECT * FROM n) AS n");
    else
        put_join_columns((buffer_put_string(out, ") AS n "), out), join_width(w));
    buffer_printf(out, " STRAIGHT_JOIN %s AS t ON ", w->own->name);
    for (uint16_t k = 0; k < w->table->nkey; k++, c++) {
        const struct mysink_column *to = column_of(w->table, w->table->key[k]);

        buffer_put_string(out, k == 0 ? "t." : " AND t.");
        put_name(out, w->table, w->table->key[k]);
        buffer_printf(out, to->utf8 ? " = n.c%u COLLATE %s" : " = n.c%u", c, to->collation);
    }
    buffer_put_string(out, " SET ");
    for (uint16_t i = 0; i < w->table->relation->ncolumns; i++) {
        if (!is_updated(w->group, i))
            continue;
        buffer_put_string(out, c == w->table->nkey ? "t." : ", t.");
        put_name(out, w->table, i);
        buffer_printf(out, " = n.c%u", c++);
    }
    if (is_soft(w)) {
        buffer_printf(out, "%st." DB_COLUMN_DELETED " = 0", c == w->table->nkey ? "" : ", ");
        c++;
    }
    put_kept(w, "t", c == w->table->nkey ? "" : ", ");
}

/* Values of some types change when they pass through a list's column. */
static bool
passes_a_list(enum value_type type)
{
    return type != TYPE_BITS && type != TYPE_GEOMETRY && type != TYPE_POINT && type != TYPE_VECTOR;
}

static bool
can_join(const struct writer *w)
{
    bool sets = is_soft(w);

    if (!w->own->joins || w->group->rekeys || w->group->nrows < 2 ||
        (!w->s->server.mariadb && w->s->server.version < JOINS_MYSQL))
        return false;
    for (uint16_t i = 0; i < w->table->relation->ncolumns; i++) {
        if (!is_updated(w->group, i))
            continue;
        if (!passes_a_list(w->table->relation->columns[i].type))
            return false;
        sets = true;
    }
    return sets;
}

/* ---- DELETE and MARK by a list of keys ---- */

static void
put_list_head(struct writer *w)
{
    struct buffer *out = &w->s->sql;

    if (w->group->op == DB_OP_DELETE && w->group->strict) /* to look for the row that was missing, what went must be back */
        buffer_put_string(out, "SAVEPOINT rowferry; ");
    put_keys_head(w);
    buffer_put_string(out, w->table->nkey > 1 ? " WHERE (" : " WHERE ");
    for (uint16_t k = 0; k < w->table->nkey; k++) {
        buffer_put_string(out, k == 0 ? "" : ", ");
        put_name(out, w->table, w->table->key[k]);
    }
    buffer_put_string(out, w->table->nkey > 1 ? ") IN (" : " IN (");
}

static int
put_list_key(struct writer *w, const struct db_row *row, struct error *err)
{
    struct buffer *out = &w->s->sql;
    struct row_change change;

    if (read_row(w, row, &change, err) == -1)
        return -1;
    if (w->table->nkey > 1)
        buffer_put_u8(out, '(');
    for (uint16_t k = 0; k < w->table->nkey; k++) {
        if (k > 0)
            buffer_put_u8(out, ',');
        if (put_value(w, w->table->key[k], key_value(&change, w->table->key[k]), IN_WHERE, err) == -1)
            return -1;
    }
    if (w->table->nkey > 1)
        buffer_put_u8(out, ')');
    return 0;
}

/* ---- a group's texts ---- */

/* How rows become a text: a head, rows with something between them, a tail. */
struct shape {
    enum mysink_form form;
    void (*head)(struct writer *);
    int (*row)(struct writer *, const struct db_row *, struct error *err);
    const char *between;
    void (*tail)(struct writer *);
    uint32_t most; /* rows in a text */
};

static void
put_nothing(struct writer *w)
{
    (void)w;
}

static void
put_list_tail(struct writer *w)
{
    buffer_put_u8(&w->s->sql, ')');
}

static struct shape
shape_of(const struct writer *w)
{
    static const struct shape each = {FORM_EACH, put_nothing, put_each, "; ", put_nothing, EACH_MAX};

    switch (w->group->op) {
    case DB_OP_INSERT:
    case DB_OP_HISTORY:
        return (struct shape){FORM_ROWS, put_insert_head, put_insert_row, ",", put_nothing, UINT32_MAX};
    case DB_OP_UPSERT:
        return (struct shape){FORM_ROWS, put_insert_head, put_insert_row, ",", put_upsert_tail, UINT32_MAX};
    case DB_OP_UPDATE:
        if (can_join(w))
            return (struct shape){FORM_ROWS, put_join_head, put_join_row, ",", put_join_tail, UINT32_MAX};
        return each;
    case DB_OP_DELETE:
    case DB_OP_MARK:
        if (w->table->nkey > 0 && !w->own->in_order)
            return (struct shape){FORM_KEYS, put_list_head, put_list_key, ",", put_list_tail, KEYS_MAX};
        return each;
    case DB_OP_TRUNCATE:
        break;
    }
    return each;
}

/* What a packet has room for, with a tail behind it. */
static size_t
packet_room(const struct mysink_session *s)
{
    return s->packet_max - s->packet_max / 8;
}

/* 1: the row is in the text. 0: it would not fit any more, and is not. */
static int
put_next(struct writer *w, const struct shape *shape, uint32_t i, bool first, struct error *err)
{
    struct buffer *out = &w->s->sql;
    const struct db_row *row = &w->group->rows[i];
    size_t before = out->len;

    if (!first)
        buffer_put_string(out, shape->between);
    if (shape->row(w, row, err) == -1)
        return mysink_name_row(w->db, w->group, row, err);
    if (out->len <= packet_room(w->s))
        return 1;
    out->len = before;
    if (!first)
        return 0;
    error_set(err, ERROR_DATA, "E_VALUE", "the row does not pass the target's max_allowed_packet of %zu bytes", w->s->packet_max);
    return mysink_name_row(w->db, w->group, row, err);
}

/* One text, from row `first` on. Returns how many rows are in it; 0 with *err. */
static uint32_t
put_text(struct writer *w, const struct shape *shape, uint32_t first, struct error *err)
{
    struct buffer *out = &w->s->sql;
    size_t most = packet_room(w->s) / 2 < TEXT_MAX ? packet_room(w->s) / 2 : TEXT_MAX;
    uint32_t n = 0;

    buffer_reset(out);
    shape->head(w);
    while (first + n < w->group->nrows && n < shape->most && out->len < most) {
        int rc = put_next(w, shape, first + n, n == 0, err);

        if (rc == -1)
            return 0;
        if (rc == 0)
            break;
        n++;
    }
    shape->tail(w);
    return n;
}

static int
apply_rows(struct writer *w, struct error *err)
{
    struct shape shape = shape_of(w);

    for (uint32_t at = 0; at < w->group->nrows;) {
        struct mysink_flight flight = {.form = shape.form, .group = w->group, .first = at, .statements = 1};

        flight.rows = put_text(w, &shape, at, err);
        if (flight.rows == 0)
            return -1;
        if (shape.form == FORM_EACH)
            flight.statements = flight.rows;
        else if (shape.form == FORM_KEYS && w->group->op == DB_OP_DELETE && w->group->strict)
            flight.statements = 2;
        if (mysink_send(w->db, &flight, err) == -1)
            return -1;
        at += flight.rows;
    }
    return 0;
}

/* ---- what is asked and answered one by one ---- */

static int
run_now(struct writer *w, const struct db_row *row, struct error *err)
{
    if (buffer_failed(&w->s->sql))
        return error_set(err, ERROR_FATAL, "", "out of memory for a statement");
    if (mysql_real_query(w->s->conn, (const char *)w->s->sql.at, w->s->sql.len) == 0)
        return 0;
    mysink_failed(w->s->conn, "", err);
    return mysink_name_row(w->db, w->group, row, err);
}

static int
upsert_by_key(struct writer *w, const struct db_row *row, struct error *err)
{
    struct row_change change;

    buffer_reset(&w->s->sql);
    if (read_row(w, row, &change, err) == -1 || put_update(w, &change, err) == -1)
        return mysink_name_row(w->db, w->group, row, err);
    if (run_now(w, row, err) == -1)
        return -1;
    if (mysql_affected_rows(w->s->conn) > 0)
        return 0;
    buffer_reset(&w->s->sql);
    put_insert_head(w);
    if (put_insert_row(w, row, err) == -1)
        return mysink_name_row(w->db, w->group, row, err);
    return run_now(w, row, err);
}

/* Whether an INSERT of these columns lacks one that it must have. */
static bool
lacks_columns(const struct db_group *group)
{
    for (uint16_t i = 0; i < group->table->relation->ncolumns; i++) {
        if (column_of(group->table, i)->needed && !group->set[i])
            return true;
    }
    return false;
}

static int
apply_upserts(struct writer *w, struct error *err)
{
    if (!w->own->other_unique && !lacks_columns(w->group))
        return apply_rows(w, err);
    if (mysink_land(w->db, err) == -1)
        return -1;
    for (uint32_t i = 0; i < w->group->nrows; i++) {
        if (upsert_by_key(w, &w->group->rows[i], err) == -1)
            return -1;
    }
    return 0;
}

static int
apply_truncate(struct writer *w, struct error *err)
{
    if (mysink_land(w->db, err) == -1)
        return -1;
    do {
        buffer_reset(&w->s->sql);
        if (is_soft(w))
            put_mark_head(w);
        else
            buffer_printf(&w->s->sql, "DELETE FROM %s", w->own->name);
        buffer_printf(&w->s->sql, is_soft(w) ? " WHERE " DB_COLUMN_DELETED " = 0 LIMIT %d" : " LIMIT %d", TRUNCATE_ROWS);
        if (run_now(w, &w->group->rows[0], err) == -1)
            return -1;
    } while (mysql_affected_rows(w->s->conn) == TRUNCATE_ROWS);
    return 0;
}

int
mysink_apply(struct db *db, const struct db_group *group, struct error *err)
{
    struct writer w = writer_of(db, group);

    switch (group->op) {
    case DB_OP_TRUNCATE:
        return apply_truncate(&w, err);
    case DB_OP_UPSERT:
        return apply_upserts(&w, err);
    default:
        return apply_rows(&w, err);
    }
}
