/*
 * database.c -- the database sinks: see database.h.
 *
 *     fence: connect, takeover      write: gather      commit: apply, position, COMMIT      abort: the session goes
 *
 * A session that had any trouble is closed: fence opens a new one, whose takeover waits until the server has decided what
 * became of the old one's transaction.
 */
#include "database.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cdc/clock.h"
#include "cdc/failpoint.h"
#include "cdc/log.h"
#include "database_group.h"
#include "database_sink.h"
#include "database_table.h"

struct db_sink {
    struct sink base;
    struct db db;
    struct db_tables tables;
    struct db_groups *groups;
    struct db_record record; /* as the last fence found it */
    bool fenced;             /* record is the truth */
    bool in_transaction;
    struct value *room;      /* for one change: 2 * room_columns */
    bool *set;
    uint16_t room_columns;
};

static struct db_sink *
db_from(struct sink *sink)
{
    return (struct db_sink *)(void *)sink;
}

/* What write, flush and commit say: who else asks names the sink himself. */
static int
named(struct db_sink *s, struct error *err)
{
    return error_prefix(err, "sink %s: ", s->base.name);
}

void
db_record_free(struct db_record *record)
{
    buffer_free(&record->position);
    buffer_free(&record->owner);
    *record = (struct db_record){.exists = false};
}

/* ---- rows of a group ---- */

int
db_row_read(const struct db_group *group, const struct db_row *row, struct value *room, struct row_change *out,
            struct error *err)
{
    *out = (struct row_change){.new_row = room, .old_row = room + group->table->relation->ncolumns};
    return row_read(group->table->relation, db_row_value(row), out, err);
}

void
db_row_name(const struct db_group *group, const struct db_row *row, char *text, size_t size)
{
    char id[EVENT_ID_MAX];

    event_id_print(row->batch, row->event, id);
    snprintf(text, size, "table %s.%s, event %s", group->table->relation->schema, group->table->relation->table, id);
}

/* ---- the session ---- */

static void
disconnect(struct db_sink *s)
{
    groups_forget(s->groups);
    tables_forget(&s->tables);
    if (s->db.own != NULL)
        s->db.engine->disconnect(&s->db);
    s->db.own = NULL;
    s->in_transaction = false;
    s->fenced = false;
}

static int
connect_anew(struct db_sink *s, struct error *err)
{
    disconnect(s);
    if (s->db.engine->connect(&s->db, err) == -1) {
        disconnect(s);
        return -1;
    }
    return 0;
}

int
db_sink_fence(struct sink *sink, struct error *err)
{
    struct db_sink *s = db_from(sink);
    char host[65] = "", owner[120];

    gethostname(host, sizeof(host) - 1);
    snprintf(owner, sizeof(owner), "%s pid %ld", host, (long)getpid());
    if (connect_anew(s, err) == -1)
        return -1;
    db_record_free(&s->record);
    if (s->db.engine->make_offsets(&s->db, err) == -1 ||
        s->db.engine->takeover(&s->db, owner, &s->record, err) == -1) {
        disconnect(s);
        return -1;
    }
    if (failpoint("db.takeover") == -1) {
        disconnect(s);
        return error_set(err, ERROR_RETRY, "", "failpoint");
    }
    s->db.epoch = s->record.epoch;
    s->db.batch_no = s->record.batch_no;
    s->fenced = true;
    return 0;
}

static int
decode_record(const struct db_record *record, struct offset *out, struct error *err)
{
    *out = (struct offset){.state = OFFSET_NONE};
    if (!record->exists || record->position.len == 0)
        return 0;
    return offset_decode(out, bytes_of(record->position.at, record->position.len), err);
}

int
db_sink_resume(struct sink *sink, struct offset *out, struct error *err)
{
    struct db_sink *s = db_from(sink);
    struct db_record record = {.exists = false};
    int rc;

    if (s->fenced)
        return decode_record(&s->record, out, err);
    *out = (struct offset){.state = OFFSET_NONE};
    if (s->db.own == NULL && connect_anew(s, err) == -1)
        return -1;
    rc = s->db.engine->load(&s->db, &record, err) == -1 ? -1 : decode_record(&record, out, err);
    db_record_free(&record);
    disconnect(s);
    return rc;
}

/* ---- write ---- */

static int
begin(struct db_sink *s, struct error *err)
{
    if (s->in_transaction)
        return 0;
    if (!s->fenced)
        return error_set(err, ERROR_RETRY, "", "it was not fenced");
    if (s->db.engine->begin(&s->db, err) == -1)
        return -1;
    s->in_transaction = true;
    return failpoint("db.begin") == -1 ? error_set(err, ERROR_RETRY, "", "failpoint") : 0;
}

static bool
room_for(struct db_sink *s, uint16_t columns)
{
    struct value *room;
    bool *set;

    if (columns <= s->room_columns)
        return true;
    room = realloc(s->room, 2u * columns * sizeof(*room));
    if (room != NULL)
        s->room = room;
    set = realloc(s->set, columns * sizeof(*set));
    if (set != NULL)
        s->set = set;
    if (room == NULL || set == NULL)
        return false;
    s->room_columns = columns;
    return true;
}

/*
 * The table of an event. Where the target's DDL commits by itself, it can't run inside our transaction: what was written is
 * rolled back, the DDL is run, and the pipeline writes from memory again.
 */
static int
find_table(struct db_sink *s, const struct db_row *row, struct db_table **out, struct error *err)
{
    struct relation *rel = row->batch->frames[row->event->frame].relation;
    bool may_ddl = !s->db.engine->ddl_commits || !s->in_transaction;

    *out = table_known(&s->tables, rel);
    if (*out != NULL)
        return 0;
    /* Answers of what was sent would come between those of the questions; and rows of an older form go first. */
    if (s->in_transaction && groups_flush(s->groups, err) == -1)
        return -1;
    if (table_of(&s->tables, rel, db_row_key(row), may_ddl, out, err) == -1)
        return -1;
    if (*out != NULL)
        return 0;
    s->db.engine->rollback(&s->db);
    groups_forget(s->groups);
    s->in_transaction = false;
    if (table_of(&s->tables, rel, db_row_key(row), true, out, err) == -1)
        return -1;
    return error_set(err, ERROR_REWIND, "E_TARGET_TABLE", "table %s had to be made or changed first: %s commits by itself there",
                     (*out)->shown, s->db.engine->title);
}

/* The new row of a change, which has another key: its key as the encoder would pack it. */
static void
put_new_key(const struct db_table *table, const struct value *row, struct buffer *out)
{
    buffer_put_le16(out, table->nkey);
    for (uint16_t k = 0; k < table->nkey; k++) {
        uint16_t i = table->key[k];

        buffer_put_le16(out, i);
        row_put_value(out, table->relation->columns[i].type, &row[i]);
    }
}

static int
add(struct db_sink *s, struct db_addition *a, enum db_op op, bool strict, struct error *err)
{
    a->op = op;
    a->strict = strict;
    return groups_add(s->groups, a, err);
}

static bool
stops_on_conflict(const struct db_sink *s)
{
    return s->db.settings->on_conflict == DB_STOP && s->db.settings->apply != DB_UPSERTS;
}

/* The old row goes, the new one comes: in modes that write rows whether they are there or not. */
static int
add_rekeyed(struct db_sink *s, struct db_addition *a, struct error *err)
{
    struct bytes old_key = a->key, new_key = a->new_key;
    enum db_op gone = s->db.settings->apply == DB_SOFT_DELETE ? DB_OP_MARK : DB_OP_DELETE;

    a->rekeys = false;
    a->new_key = old_key;
    if (add(s, a, gone, false, err) == -1)
        return -1;
    a->key = a->new_key = new_key;
    return add(s, a, DB_OP_UPSERT, false, err);
}

static int
add_update(struct db_sink *s, struct db_addition *a, struct error *err)
{
    bool stop = stops_on_conflict(s);
    bool whole = a->set == NULL;

    if (a->table->nkey == 0)
        return add(s, a, DB_OP_UPDATE, stop, err);
    if (s->db.settings->apply == DB_SOFT_DELETE && a->rekeys && whole)
        return add_rekeyed(s, a, err);
    if (stop || !whole) /* a row that is missing can't be made of a part of it */
        return add(s, a, DB_OP_UPDATE, true, err);
    return a->rekeys ? add_rekeyed(s, a, err) : add(s, a, DB_OP_UPSERT, false, err);
}

static int
add_change(struct db_sink *s, struct db_addition *a, enum change_op op, struct error *err)
{
    const struct db_settings *set = s->db.settings;
    bool stop = stops_on_conflict(s);
    bool keyed = a->table->nkey > 0;

    if (set->apply == DB_APPEND)
        return add(s, a, DB_OP_HISTORY, true, err);
    switch (op) {
    case CHANGE_INSERT:
    case CHANGE_READ:
        return add(s, a, keyed && (!stop || set->apply == DB_SOFT_DELETE) ? DB_OP_UPSERT : DB_OP_INSERT, stop, err);
    case CHANGE_UPDATE:
        return add_update(s, a, err);
    case CHANGE_DELETE:
        a->set = NULL;
        return add(s, a, set->apply == DB_SOFT_DELETE && keyed ? DB_OP_MARK : DB_OP_DELETE, stop, err);
    case CHANGE_TRUNCATE:
        return add(s, a, DB_OP_TRUNCATE, false, err);
    }
    return error_set(err, ERROR_FATAL, "", "a change of an unknown kind");
}

/* Which columns were sent, and the new key: only where the encoder said that there is something to look for. */
static int
look_inside(struct db_sink *s, struct db_addition *a, struct buffer *new_key, struct error *err)
{
    const struct relation *rel = a->table->relation;
    struct row_change change = {.new_row = s->room, .old_row = s->room + rel->ncolumns};
    const struct event *event = a->row.event;

    if (row_read(rel, db_row_value(&a->row), &change, err) == -1)
        return -1;
    if ((event->flags & EVENT_PARTIAL) != 0) {
        for (uint16_t i = 0; i < rel->ncolumns; i++)
            s->set[i] = change.new_row[i].state != VALUE_UNCHANGED;
        a->set = s->set;
    }
    if ((event->flags & EVENT_REKEYED) == 0)
        return 0;
    put_new_key(a->table, change.new_row, new_key);
    if (buffer_failed(new_key))
        return error_set(err, ERROR_FATAL, "", "out of memory for a key");
    a->rekeys = true;
    a->new_key = bytes_of(new_key->at, new_key->len);
    return 0;
}

static int
write_event(struct db_sink *s, const struct batch *batch, const struct events *events, const struct event *event,
            struct error *err)
{
    struct db_addition a = {.row = {batch, events, event}};
    struct buffer new_key = {0};
    int rc;

    if (find_table(s, &a.row, &a.table, err) == -1) {
        s->base.refused = err->kind == ERROR_CONFIG ? batch : NULL;
        s->base.refused_frame = event->frame;
        return -1;
    }
    if (begin(s, err) == -1)
        return -1;
    if (!room_for(s, a.table->relation->ncolumns))
        return error_set(err, ERROR_FATAL, "", "out of memory for a row");
    a.key = a.new_key = db_row_key(&a.row);
    rc = (event->flags & (EVENT_PARTIAL | EVENT_REKEYED)) != 0 ? look_inside(s, &a, &new_key, err) : 0;
    if (rc == 0)
        rc = add_change(s, &a, (enum change_op)events->encoded.at[event->value_offset], err);
    buffer_free(&new_key);
    return rc;
}

int
db_sink_write(struct sink *sink, const struct batch *batch, int index, uint32_t first, struct error *err)
{
    struct db_sink *s = db_from(sink);
    const struct events *events = &batch->events[index];

    for (uint32_t i = 0; i < events->count; i++) {
        if (events->at[i].frame >= first && write_event(s, batch, events, &events->at[i], err) == -1)
            return named(s, err);
    }
    return 0;
}

int
db_sink_flush(struct sink *sink, struct error *err)
{
    struct db_sink *s = db_from(sink);

    return groups_flush(s->groups, err) == -1 ? named(s, err) : 0;
}

/* ---- the end of a transaction ---- */

static int
finish(struct db_sink *s, struct bytes position, struct error *err)
{
    if (begin(s, err) == -1 || groups_flush(s->groups, err) == -1)
        return -1;
    if (failpoint("db.commit.before") == -1)
        return error_set(err, ERROR_RETRY, "", "failpoint");
    if (s->db.engine->commit(&s->db, position, err) == -1)
        return -1;
    if (failpoint("db.commit.after") == -1)
        return error_set(err, ERROR_REWIND, "", "failpoint");
    s->in_transaction = false;
    s->db.batch_no++;
    return 0;
}

int
db_sink_commit(struct sink *sink, const struct offset *offset, struct error *err)
{
    struct db_sink *s = db_from(sink);
    struct buffer position = {0};
    struct offset now = *offset; /* borrows its position */
    int rc;

    now.epoch = s->db.epoch;
    now.batch_no = s->db.batch_no + 1;
    now.written_us = clock_wall_us();
    offset_encode(&now, &position);
    if (buffer_failed(&position))
        rc = error_set(err, ERROR_FATAL, "", "out of memory for an offset");
    else
        rc = finish(s, bytes_of(position.at, position.len), err);
    /* the record that resume tells; after a failure only another fence knows it */
    buffer_free(&s->record.position);
    s->fenced = rc == 0;
    if (rc == 0) {
        s->record.position = position;
        s->record.exists = true;
        s->record.batch_no = s->db.batch_no;
        return 0;
    }
    buffer_free(&position);
    return named(s, err);
}

void
db_sink_abort(struct sink *sink)
{
    struct db_sink *s = db_from(sink);

    if (s->in_transaction && s->db.own != NULL)
        s->db.engine->rollback(&s->db); /* it may still look at groups that are on their way */
    disconnect(s);
}

/* ---- commands ---- */

void
db_sink_check(struct sink *sink, struct report *report)
{
    struct db_sink *s = db_from(sink);
    struct error err = ERROR_INIT;

    if (connect_anew(s, &err) == -1) {
        report_error(report, &err, NULL);
        return;
    }
    s->db.engine->check(&s->db, report);
    disconnect(s);
}

int
db_sink_remove(struct sink *sink, bool dry_run, struct buffer *said, struct error *err)
{
    struct db_sink *s = db_from(sink);
    bool was_there = false;

    if (connect_anew(s, err) == -1)
        return -1;
    if (s->db.engine->forget_offset(&s->db, dry_run, &was_there, err) == -1) {
        disconnect(s);
        return -1;
    }
    if (was_there)
        buffer_printf(said, "%s row of pipeline %s, sink %s in rowferry_offsets\n", dry_run ? "would delete" : "deleted the",
                      s->db.pipeline, s->db.sink);
    disconnect(s);
    return 0;
}

/* ---- open and close ---- */

void
db_sink_close(struct sink *sink)
{
    struct db_sink *s = db_from(sink);

    if (s == NULL)
        return;
    if (s->groups != NULL)
        disconnect(s);
    groups_free(s->groups);
    db_record_free(&s->record);
    free(s->room);
    free(s->set);
    free(s);
}

int
db_sink_open(const struct db_engine *engine, const struct sink_ops *ops, struct sink **out, const struct sink_context *context,
          struct error *err)
{
    const struct db_settings *settings = context->settings;
    struct db_sink *s = calloc(1, sizeof(*s));

    if (s == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for sink %s", context->name);
    s->base = (struct sink){.ops = ops, .name = context->name};
    s->db = (struct db){.engine = engine, .settings = settings, .pipeline = context->pipeline, .sink = context->name,
                        .endpoint = {context->pipeline, settings->url, settings->password_file}};
    s->tables.db = &s->db;
    s->groups = groups_new(&s->db);
    if (s->groups == NULL) {
        db_sink_close(&s->base);
        return error_set(err, ERROR_FATAL, "", "out of memory for sink %s", context->name);
    }
    *out = &s->base;
    return 0;
}

#define AT(field) offsetof(struct db_settings, field)

static const char *const apply_words[] = {"replica", "upsert", "append", "soft-delete", NULL};
static const char *const schema_words[] = {"create", "evolve", "fixed", NULL};
static const char *const conflict_words[] = {"stop", "overwrite", NULL};

const struct option db_options[] = {
    {.name = "url", .type = OPTION_STRING, .required = true, .secret = true, .offset = AT(url),
     .help = "The target: postgresql://user@host/database, or mysql://user@host/database."},
    {.name = "password_file", .type = OPTION_PATH, .offset = AT(password_file),
     .help = "File whose first line is the password."},
    {.name = "apply", .type = OPTION_ENUM, .offset = AT(apply), .fallback = "replica", .words = apply_words,
     .help = "replica: the table as it is in the source. upsert: the same, whatever is there. append: each change as a row of "
             "its own. soft-delete: a deleted row stays, marked."},
    {.name = "schema", .type = OPTION_ENUM, .offset = AT(schema), .fallback = "create", .words = schema_words,
     .help = "create: tables that are missing are made. evolve: columns, too. fixed: neither; the sink stops with the "
             "statement to run."},
    {.name = "table", .type = OPTION_STRING, .offset = AT(table), .fallback = "{schema}.{table}",
     .help = "Name of the target's table; {pipeline}, {schema} and {table} stand for names."},
    {.name = "on_conflict", .type = OPTION_ENUM, .offset = AT(on_conflict), .fallback = "stop", .words = conflict_words,
     .help = "A row that should not be there and is, or should be and is not: stop, or overwrite it."},
    {.name = "replication_origin", .type = OPTION_BOOL, .offset = AT(replication_origin), .fallback = "false",
     .help = "PostgreSQL: mark what is written with an origin, so that a pipeline in the other direction can leave it out."},
    {0},
};

int
db_sink_settle(const struct db_engine *engine, const struct db_settings *settings, const char **key, struct error *err)
{
    bool postgresql = !engine->ddl_commits;
    const char *const *prefix = postgresql ? (const char *const[]){"postgresql://", "postgres://", NULL}
                                           : (const char *const[]){"mysql://", "mariadb://", NULL};

    *key = "url";
    while (*prefix != NULL && strncmp(settings->url, *prefix, strlen(*prefix)) != 0)
        prefix++;
    if (*prefix == NULL)
        return error_set(err, ERROR_CONFIG, "", "must begin with %s", postgresql ? "postgresql://" : "mysql:// or mariadb://");
    *key = "replication_origin";
    if (settings->replication_origin && !postgresql)
        return error_set(err, ERROR_CONFIG, "", "goes with type postgresql only");
    *key = "table";
    return table_pattern_check(settings->table, err);
}
