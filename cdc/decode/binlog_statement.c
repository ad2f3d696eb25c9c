/* binlog_statement.c -- QUERY events: what bounds a group, definitions, truncates, and rows that the log has as text only. */
#include <inttypes.h>
#include <stdio.h>

#include "binlog_group.h"
#include "binlog_query.h"
#include "binlog_tables.h"
#include "cdc/log.h"

/* ---- statements ---- */

/* Could it have changed a table that is captured? What is not told is taken for yes. */
static bool
may_concern(const struct binlog_framer *f, const struct binlog_query_event *query)
{
    struct cursor in = cursor_of(query->updated);

    if (query->updated_count < 0 || query->updated_count == 254)
        return true;
    for (int i = 0; i < query->updated_count; i++) {
        if (f->set.wants_schema(f->set.arg, cursor_string(&in, NULL)))
            return true;
    }
    return false;
}

static int
on_statement(struct binlog_framer *f, const struct binlog_query_event *query, struct batch *batch, bool *full,
             struct error *err)
{
    char text[160], schema[100], name[TRANSACTION_TEXT_MAX];

    if (f->group.done == UINT64_MAX || !may_concern(f, query))
        return 0;
    group_copy_text(text, sizeof(text), query->text);
    group_copy_text(schema, sizeof(schema), query->schema);
    transaction_print(&f->group.id, name);
    f->statements++;
    if (!f->set.warn_statements)
        return group_stop(f, "E_STATEMENT", batch, full, err,
                    "transaction %s changed rows by a statement that the log has as text only (database %s): %s; its "
                    "session did not use binlog_format=ROW",
                    name, schema[0] != 0 ? schema : "?", text);
    log_warn("binlog", "position=%s/%" PRIu64 " database=%s code=E_STATEMENT passed over, its rows are not delivered: %s",
             name, f->group.ordinal, schema, text);
    return 0;
}

/* Is the statement about a schema that is captured? Where the log does not tell, a name with a dot may be of any. */
static bool
may_name(const struct binlog_framer *f, const struct binlog_query_event *query)
{
    char schema[256];

    if (query->updated_count >= 0)
        return may_concern(f, query);
    group_copy_text(schema, sizeof(schema), query->schema);
    return schema[0] == 0 || f->set.wants_schema(f->set.arg, schema) ||
           memchr(query->text.at, '.', query->text.len) != NULL;
}

/* In UTF-8, from the client's character set. */
static int
add_ddl(struct binlog_framer *f, const struct binlog_query_event *query, struct batch *batch, struct error *err)
{
    struct arena arena = {0};
    struct bytes text = query->text;
    char schema[256];
    int rc;

    if (binlog_charset_utf8(f->set.reading.charset_of(f->set.reading.arg, query->client_collation), query->text,
                            &arena, &text) != 0 || !bytes_utf8_valid(text))
        text = bytes_of_string("(a text that is not valid in its character set)");
    group_copy_text(schema, sizeof(schema), query->schema);
    rc = group_add_text(f, FRAME_DDL, schema, text, batch, err);
    arena_free(&arena);
    return rc;
}

/* It counts as one row event does, wanted or not: it may stand in a group that has rows, too. */
static int
on_ddl(struct binlog_framer *f, const struct binlog_query_event *query, struct batch *batch, struct error *err)
{
    struct binlog_group *g = &f->group;

    if (g->done == UINT64_MAX)
        return 0;
    g->unsafe = false; /* CREATE TABLE ... SELECT says so of every engine: its end tells */
    if (g->ordinal < g->done) {
        g->ordinal++;
        return 0;
    }
    if (f->set.keep_ddl && !g->half && may_name(f, query) && add_ddl(f, query, batch, err) == -1)
        return -1;
    g->ordinal++;
    group_advance_part(f);
    return 0;
}

static int
on_truncate(struct binlog_framer *f, const struct binlog_query_event *query, struct batch *batch, bool *full,
            struct error *err)
{
    char schema[256], table[256];
    struct relation *rel;

    if (f->group.done == UINT64_MAX)
        return 0;
    if (!binlog_query_truncated(query->text, schema, table))
        return on_statement(f, query, batch, full, err);
    if (schema[0] == 0)
        group_copy_text(schema, sizeof(schema), query->schema);
    if (!f->set.wants(f->set.arg, schema, table))
        return 0;
    rel = binlog_tables_named(f, schema, table);
    if (rel == NULL) {
        if (f->set.relation_now(f->set.arg, schema, table, &rel, err) == -1)
            return -1;
        if (rel == NULL) {
            log_warn("binlog", "table=%s.%s truncated, and dropped since", schema, table);
            return 0;
        }
        rel->captured = true;
        rel = binlog_tables_keep(f, rel);
        if (rel == NULL)
            return error_set(err, ERROR_FATAL, "", "out of memory for the table cache");
    }
    f->truncates++;
    return group_add_frame(f, rel, FRAME_TRUNCATE, (struct bytes){NULL, 0}, f->at.pos, batch, full, err);
}

/* COMMIT as text ends what a table without transactions wrote. */
static int
on_commit_text(struct binlog_framer *f, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_group *g = &f->group;

    if (g->done == UINT64_MAX || !g->captured || f->set.accept_nontransactional)
        return group_end(f, false, batch, full, err);
    group_take_back(f, batch);
    return group_stop_at_table(f, g->first, batch, full, err);
}

/* Rows before a ROLLBACK are of tables that can't roll back, or of ones that did: the log does not say which. */
static int
on_rollback(struct binlog_framer *f, bool ends, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_group *g = &f->group;
    char name[TRANSACTION_TEXT_MAX];

    if (g->done == UINT64_MAX || !g->captured)
        return ends ? group_end(f, false, batch, full, err) : 0;
    transaction_print(&g->id, name);
    group_take_back(f, batch);
    return group_stop(f, "E_NOT_TRANSACTIONAL", batch, full, err,
                "transaction %s changed %s.%s and was rolled back%s: some of its tables have no transactions, and the "
                "log does not say which rows stayed",
                name, g->first->schema, g->first->table, ends ? "" : " to a savepoint");
}

/* ---- QUERY ---- */

static int
begin_xa(struct binlog_framer *f, const struct binlog_query_event *query)
{
    f->group.preparing = true;
    f->group.explicit_end = true;
    if (!binlog_query_xid(query->text, f->group.xid, sizeof(f->group.xid)))
        f->group.xid[0] = 0;
    return 0;
}

/* A statement that is a group of its own, or stands in one (CREATE TABLE ... SELECT, temporary tables). */
static int
end_if_alone(struct binlog_framer *f, struct batch *batch, bool *full, struct error *err)
{
    if (f->stopped || f->group.explicit_end)
        return 0;
    return group_end(f, false, batch, full, err);
}

int
group_on_query(struct binlog_framer *f, const struct binlog_event *event, struct batch *batch, bool *full,
         struct error *err)
{
    struct binlog_query_event query;
    enum binlog_query_kind kind;

    if (binlog_query_read(event, &f->scratch, &query, err) == -1)
        return -1;
    if (!f->group.open)
        return group_malformed(f, err, "a statement outside of a group");
    kind = event->type == EVENT_EXECUTE_LOAD_QUERY ? QUERY_STATEMENT : binlog_query_kind(query.text);
    if (f->group.id.thread_id == 0 && !f->set.reading.mariadb)
        f->group.id.thread_id = query.thread_id;
    switch (kind) {
    case QUERY_BEGIN:
        f->group.explicit_end = true;
        return 0;
    case QUERY_COMMIT:
        return on_commit_text(f, batch, full, err);
    case QUERY_ROLLBACK:
    case QUERY_ROLLBACK_TO:
        return on_rollback(f, kind == QUERY_ROLLBACK, batch, full, err);
    case QUERY_XA_START:
        return begin_xa(f, &query);
    case QUERY_XA_COMMIT:
        return group_on_xa_commit(f, &query, batch, full, err);
    case QUERY_XA_ROLLBACK:
        return group_on_xa_rollback(f, &query, batch, full, err);
    case QUERY_SAVEPOINT:
    case QUERY_XA_END:
    case QUERY_XA_PREPARE:
        return 0;
    case QUERY_STATEMENT:
        if (on_statement(f, &query, batch, full, err) == -1)
            return -1;
        break;
    case QUERY_TRUNCATE:
        if (on_ddl(f, &query, batch, err) == -1 || on_truncate(f, &query, batch, full, err) == -1)
            return -1;
        break;
    case QUERY_DDL:
        if (on_ddl(f, &query, batch, err) == -1)
            return -1;
        break;
    case QUERY_ACCOUNT:
    case QUERY_NOTHING:
        break;
    }
    return end_if_alone(f, batch, full, err);
}
