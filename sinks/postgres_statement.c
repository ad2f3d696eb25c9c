/*
 * postgres_statement.c -- the text of the statements that apply a group.
 *
 * Many rows travel as one array for each column:
 *
 *     INSERT INTO t (a, b) SELECT v.p0, v.p1::varbit FROM unnest($1::integer[], $2::text[]) AS v(p0, p1)
 *     UPDATE t SET b = v.p1 FROM unnest(...) WITH ORDINALITY AS v(p0, p1, n) WHERE t.a = ANY (ARRAY[v.p0]) RETURNING v.n
 *
 * A single row travels as scalars. Casts name types without their modifier: an assignment then refuses what is too long,
 * where an explicit cast to varchar(3) would cut it off.
 *
 * Order of parameters: the key's columns, then those that are set. Nothing of a row is ever in the text.
 */
#include "postgres_target.h"

#include <stdio.h>
#include <stdlib.h>

enum { STATEMENTS_KEPT = 64 }; /* of one table; others are prepared each time */

static const struct target_column *
target_of(const struct db_table *table, uint16_t column)
{
    return table->columns[column].own;
}

/* ---- parameters ---- */

static void
add_param(struct statement *st, enum part part, uint16_t column, const struct target_column *to)
{
    st->params[st->nparams++] = (struct param){part, column, to};
}

static void
add_key(struct statement *st, const struct db_table *table)
{
    for (uint16_t k = 0; k < table->nkey; k++)
        add_param(st, PART_KEY, k, target_of(table, table->key[k]));
}

static bool
is_set(const struct statement *st, const struct db_table *table, uint16_t i)
{
    if (target_of(table, i)->generated)
        return false;
    if (st->op == DB_OP_HISTORY) /* all of the row that is known */
        return true;
    if (!st->set[i])
        return false;
    /* the key stays as it is */
    return st->op != DB_OP_UPDATE || st->rekeys || table->nkey == 0 || !table->columns[i].key;
}

static void
add_row(struct statement *st, const struct db_table *table, enum part part)
{
    for (uint16_t i = 0; i < table->relation->ncolumns; i++) {
        if (part == PART_OLD ? !target_of(table, i)->generated : is_set(st, table, i))
            add_param(st, part, i, target_of(table, i));
    }
}

static void
take_params(struct statement *st, const struct db_table *table)
{
    switch (st->op) {
    case DB_OP_INSERT:
    case DB_OP_UPSERT:
        add_row(st, table, PART_NEW);
        break;
    case DB_OP_UPDATE:
        if (table->nkey > 0)
            add_key(st, table);
        else
            add_row(st, table, PART_OLD);
        add_row(st, table, PART_NEW);
        break;
    case DB_OP_DELETE:
    case DB_OP_MARK:
        if (table->nkey > 0)
            add_key(st, table);
        else
            add_row(st, table, PART_OLD);
        break;
    case DB_OP_HISTORY:
        add_row(st, table, PART_NEW);
        add_param(st, PART_OP, 0, NULL);
        add_param(st, PART_ID, 0, NULL);
        add_param(st, PART_TIME, 0, NULL);
        break;
    case DB_OP_TRUNCATE:
        break;
    }
}

/* ---- pieces of text ---- */

static const char *
sent_type(const struct param *param)
{
    return param->to != NULL ? param->to->sent : param->part == PART_TIME ? "timestamptz" : "text";
}

const char *
param_name(const struct db_table *table, const struct param *param)
{
    switch (param->part) {
    case PART_KEY:
        return table->columns[table->key[param->column]].name;
    case PART_NEW:
    case PART_OLD:
        return table->columns[param->column].name;
    case PART_OP:
        return DB_COLUMN_OP;
    case PART_ID:
        return DB_COLUMN_ID;
    case PART_TIME:
        return DB_COLUMN_TIME;
    }
    return "";
}

static void
put_value(struct buffer *out, const struct statement *st, uint16_t i)
{
    const struct param *param = &st->params[i];

    if (st->each)
        buffer_printf(out, "$%u::%s", i + 1u, sent_type(param));
    else
        buffer_printf(out, "v.p%u", i);
    if (param->to != NULL && param->to->cast)
        buffer_printf(out, "::%s", param->to->type);
}

static void
put_arrays(struct buffer *out, const struct statement *st)
{
    buffer_put_string(out, "unnest(");
    for (uint16_t i = 0; i < st->nparams; i++)
        buffer_printf(out, "%s$%u::%s[]", i > 0 ? ", " : "", i + 1u, sent_type(&st->params[i]));
    buffer_printf(out, ")%s AS v(", st->returning ? " WITH ORDINALITY" : "");
    for (uint16_t i = 0; i < st->nparams; i++)
        buffer_printf(out, "%sp%u", i > 0 ? ", " : "", i);
    buffer_put_string(out, st->returning ? ", n)" : ")");
}

/*
 * t.a = $1, or t.a = ANY (ARRAY[v.p0]) for many rows. With a plain equality the planner may walk through the whole table,
 * which it does while that is nearly empty, and keep the plan when it has grown; ANY leaves it nothing but to take v's rows
 * in their order and to look each one up.
 */
static void
put_match_key(struct buffer *out, const struct statement *st, const struct db_table *table)
{
    buffer_put_string(out, " WHERE ");
    for (uint16_t k = 0; k < table->nkey; k++) {
        buffer_put_string(out, k > 0 ? " AND t." : "t.");
        pg_identifier(out, table->columns[table->key[k]].name);
        buffer_put_string(out, st->each ? " = " : " = ANY (ARRAY[");
        put_value(out, st, k);
        buffer_put_string(out, st->each ? "" : "])");
    }
}

/*
 * One row that is equal in every column, of perhaps many. A type without equality is compared by its text. Costs a look
 * at the whole table for each change, unless an index helps.
 */
static void
put_match_row(struct buffer *out, const struct statement *st, const struct db_table *table)
{
    const struct target_table *target = table->own;
    const char *place = target->partitioned ? "(tableoid, ctid)" : "ctid";
    bool first = true;

    buffer_printf(out, " WHERE %s = (SELECT %s FROM %s", place, target->partitioned ? "tableoid, ctid" : "ctid",
                  target->name);
    for (uint16_t i = 0; i < st->nparams; i++) {
        if (st->params[i].part != PART_OLD)
            continue;
        buffer_put_string(out, first ? " WHERE " : " AND ");
        first = false;
        pg_identifier(out, param_name(table, &st->params[i]));
        buffer_put_string(out, st->params[i].to->comparable ? " IS NOT DISTINCT FROM " : "::text IS NOT DISTINCT FROM (");
        put_value(out, st, i);
        buffer_put_string(out, st->params[i].to->comparable ? "" : ")::text");
    }
    buffer_put_string(out, " LIMIT 1)");
}

static void
put_match(struct buffer *out, const struct statement *st, const struct db_table *table)
{
    if (table->nkey > 0)
        put_match_key(out, st, table);
    else
        put_match_row(out, st, table);
    if (st->returning)
        buffer_put_string(out, " RETURNING v.n");
}

/* ---- statements ---- */

static void
put_columns(struct buffer *out, const struct statement *st, const struct db_table *table)
{
    for (uint16_t i = 0; i < st->nparams; i++) {
        buffer_put_string(out, i > 0 ? ", " : "");
        pg_identifier(out, param_name(table, &st->params[i]));
    }
}

/* Which row is there already is found by the key; what it has becomes what was sent. */
static void
put_on_conflict(struct buffer *out, const struct statement *st, const struct db_table *table, bool soft)
{
    bool any = false;

    buffer_put_string(out, " ON CONFLICT (");
    for (uint16_t k = 0; k < table->nkey; k++) {
        buffer_put_string(out, k > 0 ? ", " : "");
        pg_identifier(out, table->columns[table->key[k]].name);
    }
    buffer_put_string(out, ") DO ");
    for (uint16_t i = 0; i < st->nparams; i++) {
        if (table->columns[st->params[i].column].key)
            continue;
        buffer_put_string(out, any ? ", " : "UPDATE SET ");
        any = true;
        pg_identifier(out, param_name(table, &st->params[i]));
        buffer_put_string(out, " = EXCLUDED.");
        pg_identifier(out, param_name(table, &st->params[i]));
    }
    if (soft)
        buffer_printf(out, "%s" DB_COLUMN_DELETED " = false", any ? ", " : "UPDATE SET ");
    else if (!any)
        buffer_put_string(out, "NOTHING");
}

static void
put_insert(struct buffer *out, const struct statement *st, const struct db_table *table, bool soft)
{
    const struct target_table *target = table->own;

    buffer_printf(out, "INSERT INTO %s ", target->name);
    if (st->nparams == 0) {
        buffer_put_string(out, "DEFAULT VALUES");
        return;
    }
    buffer_put_string(out, "(");
    put_columns(out, st, table);
    buffer_printf(out, ")%s ", target->overriding ? " OVERRIDING SYSTEM VALUE" : "");
    buffer_put_string(out, st->each ? "VALUES (" : "SELECT ");
    for (uint16_t i = 0; i < st->nparams; i++) {
        buffer_put_string(out, i > 0 ? ", " : "");
        put_value(out, st, i);
    }
    buffer_put_string(out, st->each ? ")" : " FROM ");
    if (!st->each)
        put_arrays(out, st);
    if (st->op == DB_OP_UPSERT)
        put_on_conflict(out, st, table, soft);
}

static void
put_from(struct buffer *out, const struct statement *st, const char *word)
{
    if (st->each)
        return;
    buffer_printf(out, " %s ", word);
    put_arrays(out, st);
}

static void
put_update(struct buffer *out, const struct statement *st, const struct db_table *table, bool soft)
{
    const struct target_table *target = table->own;
    bool any = false;

    buffer_printf(out, "UPDATE %s AS t SET ", target->name);
    for (uint16_t i = 0; i < st->nparams; i++) {
        if (st->params[i].part != PART_NEW)
            continue;
        buffer_put_string(out, any ? ", " : "");
        any = true;
        pg_identifier(out, param_name(table, &st->params[i]));
        buffer_put_string(out, " = ");
        put_value(out, st, i);
    }
    if (soft)
        buffer_printf(out, "%s" DB_COLUMN_DELETED " = %s", any ? ", " : "", st->op == DB_OP_MARK ? "true" : "false");
    else if (!any) { /* nothing but the key was sent: the row must be there all the same */
        pg_identifier(out, param_name(table, &st->params[0]));
        buffer_put_string(out, " = ");
        put_value(out, st, 0);
    }
    put_from(out, st, "FROM");
    put_match(out, st, table);
}

static void
put_truncate(struct buffer *out, const struct db_table *table, bool soft)
{
    const struct target_table *target = table->own;

    if (soft)
        buffer_printf(out, "UPDATE %s SET " DB_COLUMN_DELETED " = true WHERE NOT " DB_COLUMN_DELETED, target->name);
    else
        buffer_printf(out, "%s %s", target->referenced ? "DELETE FROM" : "TRUNCATE", target->name);
}

static void
put_statement(struct buffer *out, const struct statement *st, const struct db_table *table, bool soft)
{
    const struct target_table *target = table->own;

    switch (st->op) {
    case DB_OP_INSERT:
    case DB_OP_UPSERT:
    case DB_OP_HISTORY:
        put_insert(out, st, table, soft);
        break;
    case DB_OP_UPDATE:
    case DB_OP_MARK:
        put_update(out, st, table, soft);
        break;
    case DB_OP_DELETE:
        buffer_printf(out, "DELETE FROM %s AS t", target->name);
        put_from(out, st, "USING");
        put_match(out, st, table);
        break;
    case DB_OP_TRUNCATE:
        put_truncate(out, table, soft);
        break;
    }
}

/* ---- kept ---- */

static void
statement_free(struct statement *st)
{
    if (st == NULL)
        return;
    free(st->set);
    free(st->params);
    free(st->sql);
    free(st);
}

void
statements_free(struct target_table *target)
{
    while (target->statements != NULL) {
        struct statement *st = target->statements;

        target->statements = st->next;
        statement_free(st);
    }
}

/* Rows of a table without key are found one by one; without parameters there is nothing to unnest. */
static bool
one_by_one(const struct db_group *group)
{
    return group->op == DB_OP_TRUNCATE ||
           (group->table->nkey == 0 && (group->op == DB_OP_UPDATE || group->op == DB_OP_DELETE));
}

static bool
finds_rows(enum db_op op)
{
    return op == DB_OP_UPDATE || op == DB_OP_DELETE || op == DB_OP_MARK;
}

static struct statement *
statement_new(const struct db *db, const struct db_group *group, bool each)
{
    const struct db_table *table = group->table;
    uint16_t n = table->relation->ncolumns;
    bool soft = db->settings->apply == DB_SOFT_DELETE;
    struct statement *st = calloc(1, sizeof(*st));
    struct buffer sql = {0};

    if (st == NULL)
        return NULL;
    *st = (struct statement){.op = group->op, .strict = group->strict, .rekeys = group->rekeys};
    st->set = malloc((n + 1u) * sizeof(*st->set));
    st->params = calloc(2u * n + 3u, sizeof(*st->params));
    if (st->set == NULL || st->params == NULL) {
        statement_free(st);
        return NULL;
    }
    memcpy(st->set, group->set, n * sizeof(*st->set));
    take_params(st, table);
    st->each = each || one_by_one(group) || st->nparams == 0;
    st->returning = group->strict && !st->each && finds_rows(group->op);
    /* which index serves several columns best depends on the size that the table has by now */
    st->planned_anew = !st->each && table->nkey > 1 && finds_rows(group->op);
    put_statement(&sql, st, table, soft);
    st->sql = buffer_failed(&sql) ? NULL : strdup(buffer_cstr(&sql));
    buffer_free(&sql);
    if (st->sql == NULL) {
        statement_free(st);
        return NULL;
    }
    return st;
}

static bool
same(const struct statement *st, const struct db_group *group, bool each)
{
    return st->op == group->op && st->strict == group->strict && st->rekeys == group->rekeys &&
           (st->each == each || one_by_one(group) || st->nparams == 0) &&
           memcmp(st->set, group->set, group->table->relation->ncolumns * sizeof(*st->set)) == 0;
}

struct statement *
statement_for(struct db *db, const struct db_group *group, bool each, struct error *err)
{
    struct target_table *target = group->table->own;
    struct statement *st = target->statements;
    bool many = target->nstatements >= STATEMENTS_KEPT;

    while (st != NULL && !same(st, group, each))
        st = st->next;
    if (st != NULL)
        return st;
    if (many) { /* the last: none that is on its way still needs its text */
        st = target->statements;
        target->statements = st->next;
        target->nstatements--;
        if (pipeline_drain(db, 0, err) == -1) {
            statement_free(st);
            return NULL;
        }
        statement_free(st);
    }
    st = statement_new(db, group, each);
    if (st == NULL) {
        error_set(err, ERROR_FATAL, "", "out of memory for a statement");
        return NULL;
    }
    st->planned_anew = st->planned_anew || many; /* a name would stay with the server */
    st->next = target->statements;
    target->statements = st;
    target->nstatements++;
    return st;
}

void
statement_copy_sql(struct buffer *out, const struct statement *st, const struct db_table *table)
{
    const struct target_table *target = table->own;

    buffer_printf(out, "COPY %s (", target->name);
    put_columns(out, st, table);
    buffer_put_string(out, ") FROM STDIN (FORMAT binary)");
}
