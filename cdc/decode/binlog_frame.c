/*
 * binlog_frame.c -- see binlog_frame.h.
 *
 *     MySQL     GTID, BEGIN, rows ... XID | COMMIT        GTID, XA START, rows ..., XA END, XA_PREPARE
 *               GTID, one statement (DDL, XA COMMIT ...)  GTID, one compressed payload of BEGIN ... XID
 *     MariaDB   GTID, rows ... XID | COMMIT | XA_PREPARE  GTID (standalone), one statement
 *
 * What must stay true: every row event of a group is counted, wanted or not, so that a position does not move
 * when the table list does; what is read moves only over what is in a batch; a group that changes the list of
 * prepared XA transactions ends its batch, so inside a batch that list does not change.
 */
#include "binlog_frame.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "binlog_query.h"
#include "binlog_tables.h"
#include "cdc/log.h"

enum { UNWANTED_MOST = 4096 };

static int
protocol_error(const struct binlog_framer *f, struct error *err, const char *what)
{
    char file[LOG_FILE_MAX] = "?";

    if (f->at.number != 0)
        log_file_print(&f->at, file);
    return error_set(err, ERROR_RETRY, "E_PROTOCOL", "binlog %s before %" PRIu64 ": %s", file, f->at.pos, what);
}

/* ---- life ---- */

int
binlog_framer_init(struct binlog_framer *f, const struct binlog_framer_settings *settings, struct error *err)
{
    *f = (struct binlog_framer){.set = *settings};
    return binlog_tables_init(f, err);
}

static void
forget_place(struct binlog_framer *f)
{
    gtid_set_release(f->gtids);
    xa_release(f->xa);
    place_release(f->last);
    f->gtids = NULL;
    f->xa = NULL;
    f->last = NULL;
    f->changes++;
}

void
binlog_framer_free(struct binlog_framer *f)
{
    forget_place(f);
    binlog_tables_free(f);
    binlog_payload_free(&f->payload);
    binlog_payload_free(&f->replay_payload);
    buffer_free(&f->query);
    buffer_free(&f->scratch);
}

int
binlog_framer_resume(struct binlog_framer *f, const struct position *from, uint64_t next_number,
                     struct error *err)
{
    const struct place *place = from->place;

    assert(from->kind == POSITION_BINLOG);
    forget_place(f);
    if (place->set != NULL) {
        f->gtids = gtid_set_copy(place->set);
        if (f->gtids == NULL)
            return error_set(err, ERROR_FATAL, "", "out of memory for a set of GTIDs");
    }
    f->gtids_shared = false;
    f->xa = xa_keep(place->xa);
    f->done_at = place->at;
    f->inside = from->open != 0 ? place->inside : (struct gtid){0};
    f->inside_at = from->open != 0 ? place->inside_at : (struct log_place){0};
    f->inside_done = from->open != 0 ? from->done : 0;
    memcpy(f->inside_server, place->server, sizeof(f->inside_server));
    f->stopped = false;
    if (next_number > f->number + 1)
        f->number = next_number - 1;
    return 0;
}

void
binlog_framer_connected(struct binlog_framer *f, bool checksums, const char *server)
{
    binlog_tables_forget(f);
    buffer_reset(&f->query);
    f->payload.open = false;
    f->group = (struct binlog_group){.open = false};
    f->replaying = false;
    f->replay_payload.open = false;
    f->checksums = checksums;
    f->at = (struct log_place){0};
    snprintf(f->server, sizeof(f->server), "%s", server);
}

/* ---- what is read ---- */

static bool
is_inside(const struct binlog_framer *f)
{
    return f->inside.number != 0 || f->inside_at.number != 0;
}

static bool
names_inside(const struct binlog_framer *f, const struct transaction *txn)
{
    if (f->inside.number != 0)
        return gtid_equal(&f->inside, &txn->gtid);
    return f->inside_at.number != 0 && log_place_equal(&f->inside_at, &txn->begin);
}

static void
leave_inside(struct binlog_framer *f)
{
    f->inside = (struct gtid){0};
    f->inside_at = (struct log_place){0};
    f->inside_done = 0;
}

static void
advance_part(struct binlog_framer *f)
{
    const struct transaction *txn = &f->group.id;

    f->inside = f->gtids != NULL ? txn->gtid : (struct gtid){0}; /* by place, as the position is */
    f->inside_at = txn->begin;
    f->inside_done = f->group.ordinal;
    memcpy(f->inside_server, f->server, sizeof(f->server));
    f->changes++;
}

/* The set is about to change: nobody else may see that. */
static int
own_gtids(struct binlog_framer *f, struct error *err)
{
    struct gtid_set *copy;

    if (!f->gtids_shared)
        return 0;
    copy = gtid_set_copy(f->gtids);
    if (copy == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a set of GTIDs");
    gtid_set_release(f->gtids);
    f->gtids = copy;
    f->gtids_shared = false;
    return 0;
}

static int
advance_whole(struct binlog_framer *f, struct error *err)
{
    const struct transaction *txn = &f->group.id;

    if (f->gtids != NULL && txn->gtid.number != 0 &&
        (own_gtids(f, err) == -1 || gtid_set_add(f->gtids, &txn->gtid, err) == -1))
        return -1;
    f->done_at = txn->after;
    leave_inside(f);
    memcpy(f->inside_server, f->server, sizeof(f->server));
    f->changes++;
    return 0;
}

/* ---- groups ---- */

static bool
is_covered(const struct binlog_framer *f, const struct transaction *txn)
{
#ifdef MUTANT_NO_SKIP
    (void)f, (void)txn;
    return false;
#else
    if (f->gtids != NULL)
        return gtid_set_contains(f->gtids, &txn->gtid);
    return log_place_before(&txn->begin, &f->done_at) && !log_place_equal(&txn->begin, &f->done_at);
#endif
}

/* MariaDB's list says of a domain only how far it is: what comes behind a later number can't be told from what is done. */
static int
check_order(const struct binlog_framer *f, const struct transaction *txn, struct error *err)
{
    char came[GTID_TEXT_MAX], have[GTID_TEXT_MAX];
    struct gtid last;

    if (f->gtids == NULL || gtid_set_kind(f->gtids) != GTID_MARIADB ||
        !gtid_set_domain(f->gtids, txn->gtid.domain, &last) || last.number < txn->gtid.number)
        return 0;
    gtid_print(&txn->gtid, came);
    gtid_print(&last, have);
    return error_set(err, ERROR_REFUSED, "E_GTID_ORDER",
                     "transaction %s came behind %s of its domain: numbers that go back can't be followed; set "
                     "gtid_strict_mode on every server",
                     came, have);
}

static int
diverged(const struct binlog_framer *f, const struct transaction *txn, struct error *err)
{
    char open[TRANSACTION_TEXT_MAX], came[TRANSACTION_TEXT_MAX];

    transaction_print(&(struct transaction){.gtid = f->inside, .begin = f->inside_at}, open);
    transaction_print(txn, came);
    return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                     "transaction %s, of which %" PRIu64 " row events are delivered, did not come again; %s came in "
                     "its place",
                     open, f->inside_done, came);
}

/* Row events are cut by each server for itself: a count of one server's says nothing of another's. */
static int
foreign(const struct binlog_framer *f, const struct transaction *txn, struct error *err)
{
    char name[TRANSACTION_TEXT_MAX];

    transaction_print(txn, name);
    return error_set(err, ERROR_REFUSED, "E_POSITION_FOREIGN",
                     "of transaction %s %" PRIu64 " row events are delivered, as server %s cut them; this is server %s",
                     name, f->inside_done, f->inside_server, f->server);
}

static bool
is_same(const struct transaction *a, const struct transaction *b)
{
    return gtid_equal(&a->gtid, &b->gtid) && log_place_equal(&a->begin, &b->begin);
}

static int
begin_group(struct binlog_framer *f, const struct transaction *txn, struct error *err)
{
    struct binlog_group *g = &f->group;
    bool covered;

    if (f->gtids != NULL && txn->gtid.number == 0)
        return error_set(err, ERROR_REFUSED, "E_GTID_ANONYMOUS",
                         "a transaction without GTID came at %s while positions are sets of GTIDs: gtid_mode was "
                         "ON and is not any more",
                         f->server);
    covered = is_covered(f, txn);
    if (covered && check_order(f, txn, err) == -1)
        return -1;
#ifndef MUTANT_NO_SKIP
    if (!covered && is_inside(f) && !names_inside(f, txn))
        return diverged(f, txn, err);
    if (!covered && f->inside_done > 0 && f->inside_server[0] != 0 && strcmp(f->inside_server, f->server) != 0 &&
        names_inside(f, txn))
        return foreign(f, txn, err);
#endif
    *g = (struct binlog_group){.open = true, .id = *txn};
    g->done = covered ? UINT64_MAX : names_inside(f, txn) ? f->inside_done : 0;
    if (!covered && !is_same(&f->number_id, txn)) {
        f->number++;
        f->number_id = *txn;
        f->begun = false;
    }
    f->unread = (struct error)ERROR_INIT;
    f->statement++;
    buffer_reset(&f->query);
    return 0;
}

/* The transaction's entry in this batch, made at its first frame there, or at its end. */
static int
current_transaction(struct binlog_framer *f, struct batch *batch, uint32_t *index, struct error *err)
{
    if (batch->ntransactions == 0 || batch->transactions[batch->ntransactions - 1].number != f->number) {
        struct batch_transaction *t = batch_add_transaction(batch, &f->group.id, f->number, err);

        if (t == NULL)
            return -1;
        t->starts = !f->begun;
        f->begun = true;
    }
    *index = batch->ntransactions - 1;
    return 0;
}

/* Enough for one batch: of bytes, of transactions that nobody wants, or it began inside a transaction that is done now. */
static bool
is_full(const struct binlog_framer *f, const struct batch *batch)
{
    return batch->raw.len >= f->set.batch_size || batch->ntransactions >= batch->nframes + UNWANTED_MOST ||
           (batch->ntransactions == 1 && (!batch->transactions[0].starts || f->group.done > 0));
}

/* The group is done. `changed`: so is the list of prepared XA transactions. It has an entry in the batch also when
 * nobody wants any of it: a sink that stops further on has to name all that was before. */
static int
end_group(struct binlog_framer *f, bool changed, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_group *g = &f->group;
    char name[TRANSACTION_TEXT_MAX];
    uint32_t index;

    g->open = false;
    f->statement++;
    if (g->done == UINT64_MAX)
        return 0; /* done before */
    if (g->ordinal < g->done) {
        transaction_print(&g->id, name);
        return error_set(err, ERROR_REFUSED, "E_DIVERGED",
                         "transaction %s came again with %" PRIu64 " row events, of which %" PRIu64 " are delivered",
                         name, g->ordinal, g->done);
    }
    g->id.after = f->at;
    if (current_transaction(f, batch, &index, err) == -1)
        return -1;
    batch->transactions[index].id.after = f->at;
    batch->transactions[index].ends = true;
    if (advance_whole(f, err) == -1)
        return -1;
    *full = changed || is_full(f, batch);
    return 0;
}

/* ---- stops ---- */

/* Of this group nothing goes out that has not gone out yet; the next frame stands where that began. */
static void
take_back(struct binlog_framer *f, struct batch *batch)
{
    while (batch->nframes > 0) {
        const struct frame *last = &batch->frames[batch->nframes - 1];

        if (batch->transactions[last->transaction].number != f->number)
            break;
        f->group.ordinal = last->ordinal;
        batch->nframes--;
    }
}

/* Between groups, and in one that is done, a stop is a transaction of its own, which nobody has. */
static void
open_nameless_group(struct binlog_framer *f)
{
    if (f->group.open && f->group.done != UINT64_MAX)
        return;
    f->group = (struct binlog_group){.open = true, .id = {.begin = f->at}};
    f->number++;
    f->number_id = f->group.id;
    f->begun = false;
}

/* A frame that is of no table, with a text and a zero before its message. */
static int
add_text_frame(struct binlog_framer *f, enum frame_kind kind, const char *text, struct bytes rest,
               struct batch *batch, struct error *err)
{
    struct frame frame = {.kind = (uint8_t)kind, .ordinal = f->group.ordinal, .lsn = f->at.pos};
    struct relation *nowhere = relation_new(0, "binlog", "event", 0);
    struct buffer message = {0};
    int rc = -1;

    buffer_put(&message, text, strlen(text) + 1);
    buffer_put(&message, rest.at, rest.len);
    frame.relation = nowhere;
    if (nowhere == NULL || buffer_failed(&message))
        error_set(err, ERROR_FATAL, "", "out of memory for an event");
    else if (current_transaction(f, batch, &frame.transaction, err) == 0)
        rc = batch_add_frame(batch, &frame, bytes_of(message.at, message.len), err);
    relation_release(nowhere);
    buffer_free(&message);
    return rc;
}

/* Behind all that came before this place: a frame that nobody can pass. */
static int
stop_with(struct binlog_framer *f, const struct error *why, struct batch *batch, bool *full, struct error *err)
{
    char text[700];

    snprintf(text, sizeof(text), "%c%.600s", '0' + (int)why->kind, why->text);
    open_nameless_group(f);
    f->stopped = true;
    *full = true;
    return add_text_frame(f, FRAME_STOP, why->code, bytes_of_string(text), batch, err);
}

static int
stop(struct binlog_framer *f, const char *code, struct batch *batch, bool *full, struct error *err,
     const char *fmt, ...) __attribute__((format(printf, 6, 7)));

static int
stop(struct binlog_framer *f, const char *code, struct batch *batch, bool *full, struct error *err,
     const char *fmt, ...)
{
    struct error why = ERROR_INIT;
    char text[600];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    error_set(&why, ERROR_CONFIG, code, "%s", text);
    return stop_with(f, &why, batch, full, err);
}

/* ---- row events ---- */

/* The statement's text into the batch, once for all of its row events there. */
static void
keep_query(struct binlog_framer *f, struct batch *batch, struct frame *frame)
{
    const struct frame *before = batch->nframes > 0 ? &batch->frames[batch->nframes - 1] : NULL;

    if (f->query.len == 0)
        return;
    if (before != NULL && before->query_length == f->query.len &&
        memcmp(batch->raw.at + before->query, f->query.at, f->query.len) == 0) {
        frame->query = before->query;
    } else {
        if (batch->raw.len + f->query.len > UINT32_MAX)
            return;
        frame->query = (uint32_t)batch->raw.len;
        buffer_put(&batch->raw, f->query.at, f->query.len);
    }
    frame->query_length = (uint32_t)f->query.len;
}

static int
stop_at_table(struct binlog_framer *f, const struct relation *rel, struct batch *batch, bool *full, struct error *err)
{
    char name[TRANSACTION_TEXT_MAX];

    transaction_print(&f->group.id, name);
    return stop(f, "E_NOT_TRANSACTIONAL", batch, full, err,
                "%s.%s is a table without transactions, changed by %s: such changes may be half done; "
                "nontransactional: accept takes them",
                rel->schema, rel->table, name);
}

/* Counted; put into the batch when wanted and not done before. */
static int
add_frame(struct binlog_framer *f, struct relation *rel, enum frame_kind kind, struct bytes message,
          uint64_t begin, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_group *g = &f->group;
    struct frame frame = {.relation = rel, .ordinal = g->ordinal, .lsn = begin, .kind = (uint8_t)kind};

    if (g->done == UINT64_MAX || g->ordinal < g->done) {
        g->ordinal++;
        return 0;
    }
    if (rel->captured && g->unsafe && !f->set.accept_nontransactional && kind == FRAME_ROW)
        return stop_at_table(f, rel, batch, full, err);
    if (rel->captured) {
        if (current_transaction(f, batch, &frame.transaction, err) == -1)
            return -1;
        keep_query(f, batch, &frame);
        if (batch_add_frame(batch, &frame, message, err) == -1)
            return -1;
        if (!g->captured)
            g->first = rel;
        g->captured = true;
    }
    g->ordinal++;
    advance_part(f);
    *full = batch->raw.len >= 2 * f->set.batch_size;
    return 0;
}

enum { ROWS_STMT_END = 1 };

/* Of a table that can't be read: what is delivered already need not be. */
static int
pass_unread(struct binlog_framer *f, struct batch *batch, bool *full, struct error *err)
{
    if (f->group.ordinal >= f->group.done)
        return stop_with(f, &f->unread, batch, full, err);
    f->group.ordinal++;
    return 0;
}

static int
on_rows(struct binlog_framer *f, const struct binlog_event *event, uint64_t begin, struct batch *batch,
        bool *full, struct error *err)
{
    struct cursor in = cursor_of(event->body);
    uint64_t id = cursor_le(&in, 6);
    uint16_t flags = cursor_le16(&in);
    struct relation *rel = binlog_tables_find(f, id);
    int rc = 0;

    if (cursor_short(&in))
        return protocol_error(f, err, "a row event is malformed");
    if (!f->group.open)
        return protocol_error(f, err, "a row event outside of a group");
    if (f->group.done == UINT64_MAX)
        return 0;
    /* MySQL ends some statements with an event that has no rows, of a table id that stands for none. */
    if (rel == NULL && id != 0xffffff && f->unread.kind == ERROR_NONE)
        return protocol_error(f, err, "a row event of a table that was not described");
    if (rel == NULL && id != 0xffffff)
        rc = pass_unread(f, batch, full, err);
#ifdef MUTANT_XA_EARLY
    else if (rel != NULL)
#else
    else if (rel != NULL && !f->group.preparing)
#endif
        rc = add_frame(f, rel, FRAME_ROW, event->whole, begin, batch, full, err);
    if ((flags & ROWS_STMT_END) != 0) {
        f->statement++;
        buffer_reset(&f->query);
    }
    return rc;
}

/* ---- statements ---- */

static void
copy_text(char *out, size_t size, struct bytes text)
{
    size_t n = text.len < size - 1 ? text.len : size - 1;

    for (size_t i = 0; i < n; i++)
        out[i] = text.at[i] < 0x20 || text.at[i] == 0x7f ? ' ' : (char)text.at[i];
    out[n] = 0;
}

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
    copy_text(text, sizeof(text), query->text);
    copy_text(schema, sizeof(schema), query->schema);
    transaction_print(&f->group.id, name);
    f->statements++;
    if (!f->set.warn_statements)
        return stop(f, "E_STATEMENT", batch, full, err,
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
    copy_text(schema, sizeof(schema), query->schema);
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
    copy_text(schema, sizeof(schema), query->schema);
    rc = add_text_frame(f, FRAME_DDL, schema, text, batch, err);
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
    if (g->ordinal < g->done) {
        g->ordinal++;
        return 0;
    }
    if (f->set.keep_ddl && !g->half && may_name(f, query) && add_ddl(f, query, batch, err) == -1)
        return -1;
    g->ordinal++;
    advance_part(f);
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
        copy_text(schema, sizeof(schema), query->schema);
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
    return add_frame(f, rel, FRAME_TRUNCATE, (struct bytes){NULL, 0}, f->at.pos, batch, full, err);
}

/* COMMIT as text ends what a table without transactions wrote. */
static int
on_commit_text(struct binlog_framer *f, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_group *g = &f->group;

    if (g->done == UINT64_MAX || !g->captured || f->set.accept_nontransactional)
        return end_group(f, false, batch, full, err);
    take_back(f, batch);
    return stop_at_table(f, g->first, batch, full, err);
}

/* Rows before a ROLLBACK are of tables that can't roll back, or of ones that did: the log does not say which. */
static int
on_rollback(struct binlog_framer *f, bool ends, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_group *g = &f->group;
    char name[TRANSACTION_TEXT_MAX];

    if (g->done == UINT64_MAX || !g->captured)
        return ends ? end_group(f, false, batch, full, err) : 0;
    transaction_print(&g->id, name);
    take_back(f, batch);
    return stop(f, "E_NOT_TRANSACTIONAL", batch, full, err,
                "transaction %s changed %s.%s and was rolled back%s: some of its tables have no transactions, and the "
                "log does not say which rows stayed",
                name, g->first->schema, g->first->table, ends ? "" : " to a savepoint");
}

/* A table that can't be read stops right there, behind all that came before it. */
static int
on_table_map(struct binlog_framer *f, const struct binlog_event *event, struct batch *batch, bool *full,
             struct error *err)
{
    struct error why = ERROR_INIT;

    if (binlog_tables_map(f, event->body, &why) == 0)
        return 0;
    if (why.kind != ERROR_CONFIG && why.kind != ERROR_DATA) {
        *err = why;
        return -1;
    }
    if (f->group.ordinal >= f->group.done)
        return stop_with(f, &why, batch, full, err);
    f->unread = why;
    return 0;
}

/* ---- XA ---- */

static int
change_xa(struct binlog_framer *f, struct xa_list *list)
{
    xa_release(f->xa);
    f->xa = list;
    f->changes++;
    return 0;
}

/* From here on the rows come from where they were written. */
static void
begin_replay(struct binlog_framer *f, const struct xa_prepared *xa)
{
    f->replay = *xa;
    f->replaying = true;
    f->replay_payload.open = false;
    f->group.preparing = false;
}

static int
on_xa_commit(struct binlog_framer *f, const struct binlog_query_event *query, struct batch *batch, bool *full,
             struct error *err)
{
    struct binlog_group *g = &f->group;
    const struct xa_prepared *xa;

    if (g->done == UINT64_MAX)
        return end_group(f, false, batch, full, err);
    if (!binlog_query_xid(query->text, g->xid, sizeof(g->xid)))
        return protocol_error(f, err, "an XA COMMIT without an xid");
    xa = xa_find(f->xa, g->xid);
    if (xa == NULL) {
        char name[TRANSACTION_TEXT_MAX];

        transaction_print(&g->id, name);
        return stop(f, "E_XA_ROWS_LOST", batch, full, err,
                    "%s commits XA transaction %s, which was prepared before anything that is known here: its rows "
                    "can't be read",
                    name, g->xid);
    }
    begin_replay(f, xa);
    return 0;
}

static int
on_xa_rollback(struct binlog_framer *f, const struct binlog_query_event *query, struct batch *batch, bool *full,
               struct error *err)
{
    struct binlog_group *g = &f->group;
    struct xa_list *list;
    bool known;

    if (g->done == UINT64_MAX || !binlog_query_xid(query->text, g->xid, sizeof(g->xid)))
        return end_group(f, false, batch, full, err);
    known = xa_find(f->xa, g->xid) != NULL;
    if (known && (xa_without(f->xa, g->xid, &list, err) == -1 || change_xa(f, list) == -1))
        return -1;
    return end_group(f, known, batch, full, err);
}

static int
on_xa_prepare(struct binlog_framer *f, const struct binlog_event *event, struct batch *batch, bool *full,
              struct error *err)
{
    struct binlog_group *g = &f->group;
    struct xa_prepared xa = {.gtid = g->id.gtid, .begin = g->id.begin};
    struct error why = ERROR_INIT;
    struct xa_list *list;
    bool one_phase;

    if (!g->open)
        return protocol_error(f, err, "an XA prepare outside of a group");
    if (binlog_xa_prepare_read(event, xa.xid, &one_phase, err) == -1)
        return -1;
    if (g->done == UINT64_MAX)
        return end_group(f, false, batch, full, err);
    if (!g->preparing) /* its rows went out as they came: it was no XA transaction when it began */
        return protocol_error(f, err, "an XA prepare without an XA start");
    if (one_phase) {
        begin_replay(f, &xa);
        g->xid[0] = 0;
        return 0;
    }
    if (xa_with(f->xa, &xa, &list, &why) == -1) {
        if (why.kind == ERROR_REFUSED || why.kind == ERROR_CONFIG)
            return stop_with(f, &why, batch, full, err);
        *err = why;
        return -1;
    }
    change_xa(f, list);
    return end_group(f, true, batch, full, err);
}

const struct xa_prepared *
binlog_framer_replay(const struct binlog_framer *f)
{
    return f->replaying ? &f->replay : NULL;
}

static int
end_replay(struct binlog_framer *f, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_group *g = &f->group;
    struct xa_list *list;
    bool listed = g->xid[0] != 0;

    f->replaying = false;
    if (listed && (xa_without(f->xa, g->xid, &list, err) == -1 || change_xa(f, list) == -1))
        return -1;
    return end_group(f, listed, batch, full, err) == -1 ? -1 : 1;
}

static bool
is_rows(uint8_t type)
{
    return (type >= EVENT_WRITE_ROWS_V1 && type <= EVENT_DELETE_ROWS_V1) ||
           (type >= EVENT_WRITE_ROWS && type <= EVENT_DELETE_ROWS) || type == EVENT_PARTIAL_UPDATE_ROWS ||
           (type >= EVENT_MARIADB_WRITE_ROWS_COMPRESSED_V1 && type <= EVENT_MARIADB_DELETE_ROWS_COMPRESSED);
}

static int
on_replay(struct binlog_framer *f, const struct binlog_event *event, struct batch *batch, bool *full,
          struct error *err)
{
    char xid[XA_XID_MAX];
    bool one_phase;

    if (event->type == EVENT_TABLE_MAP)
        return on_table_map(f, event, batch, full, err);
    if (is_rows(event->type))
        return on_rows(f, event, f->at.pos, batch, full, err);
    if (event->type == EVENT_TRANSACTION_PAYLOAD)
        return binlog_payload_open(&f->replay_payload, event->body, f->set.event_max, err);
    if (event->type != EVENT_XA_PREPARE)
        return 0;
    if (binlog_xa_prepare_read(event, xid, &one_phase, err) == -1)
        return -1;
    if (strcmp(xid, f->replay.xid) != 0)
        return protocol_error(f, err, "another XA transaction stands where one was prepared");
    return end_replay(f, batch, full, err);
}

int
binlog_framer_replay_event(struct binlog_framer *f, struct bytes raw, bool checksum, struct batch *batch,
                           bool *full, struct error *err)
{
    struct binlog_event event;

    assert(f->replaying);
    if (binlog_event_read(&event, raw, checksum, err) == -1)
        return -1;
    return on_replay(f, &event, batch, full, err);
}

bool
binlog_framer_replay_more(const struct binlog_framer *f)
{
    return f->replaying && f->replay_payload.open;
}

int
binlog_framer_replay_continue(struct binlog_framer *f, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_event event;
    struct bytes raw;
    int rc = binlog_payload_next(&f->replay_payload, &raw, err);

    if (rc != 1)
        return rc;
    if (binlog_event_read(&event, raw, false, err) == -1)
        return -1;
    return event.type == EVENT_TRANSACTION_PAYLOAD
               ? protocol_error(f, err, "a compressed transaction inside another one")
               : on_replay(f, &event, batch, full, err);
}

int
binlog_framer_replay_lost(struct binlog_framer *f, const char *why, struct batch *batch, struct error *err)
{
    char file[LOG_FILE_MAX];
    bool full;

    f->replaying = false;
    log_file_print(&f->replay.begin, file);
    return stop(f, "E_XA_ROWS_LOST", batch, &full, err,
                "the rows of XA transaction %s, prepared at %s/%" PRIu64 ", can't be read any more: %.200s",
                f->replay.xid, file, f->replay.begin.pos, why);
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
    return end_group(f, false, batch, full, err);
}

static int
on_query(struct binlog_framer *f, const struct binlog_event *event, struct batch *batch, bool *full,
         struct error *err)
{
    struct binlog_query_event query;
    enum binlog_query_kind kind;

    if (binlog_query_read(event, &f->scratch, &query, err) == -1)
        return -1;
    if (!f->group.open)
        return protocol_error(f, err, "a statement outside of a group");
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
        return on_xa_commit(f, &query, batch, full, err);
    case QUERY_XA_ROLLBACK:
        return on_xa_rollback(f, &query, batch, full, err);
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

/* ---- GTID ---- */

static int
on_gtid(struct binlog_framer *f, const struct binlog_event *event, struct error *err)
{
    struct binlog_gtid_event gtid;
    struct transaction txn = {.server_id = event->server_id};

    if (f->group.open)
        return protocol_error(f, err, "a group begins inside another one");
    if ((event->type == EVENT_MARIADB_GTID) != f->set.reading.mariadb)
        return protocol_error(f, err, "a GTID of the other kind of server");
    if (binlog_gtid_read(event, &gtid, err) == -1)
        return -1;
    txn.gtid = gtid.gtid;
    txn.commit_us = gtid.commit_us != 0 ? gtid.commit_us : (int64_t)event->timestamp * 1000000;
    txn.begin = f->at;
    txn.begin.pos -= event->size;
    if (begin_group(f, &txn, err) == -1)
        return -1;
    f->group.standalone = gtid.standalone;
    f->group.half = gtid.half_alter;
    f->group.unsafe = !gtid.transactional && !gtid.standalone && !gtid.prepares_xa && !gtid.completes_xa;
    if (event->type == EVENT_MARIADB_GTID) {
        f->group.explicit_end = !gtid.standalone;
        f->group.preparing = gtid.prepares_xa;
    }
    return 0;
}

/* ---- where the stream is ---- */

/* Behind this event; 64 bits, of which the header has the lower half, if that. */
static void
move_on(struct binlog_framer *f, const struct binlog_event *event)
{
    if ((event->flags & EVENT_FLAG_ARTIFICIAL) != 0 || event->type == EVENT_HEARTBEAT ||
        event->type == EVENT_HEARTBEAT_V2 || (event->type == EVENT_FORMAT_DESCRIPTION && event->log_pos == 0))
        return;
    if (event->log_pos == 0) {
        f->at.pos += event->size;
        return;
    }
    uint64_t pos = (f->at.pos & ~UINT64_C(0xffffffff)) | event->log_pos;
    if (pos < f->at.pos)
        pos += UINT64_C(1) << 32;
    f->at.pos = pos;
}

/* A group that a new file cuts off was never whole: a server died writing it. */
static int
drop_cut_group(struct binlog_framer *f, struct error *err)
{
    struct binlog_group *g = &f->group;

    if (!g->open)
        return 0;
    if (g->captured)
        return protocol_error(f, err, "a file ends inside a group");
    g->open = false;
    if (g->done == UINT64_MAX || !names_inside(f, &g->id))
        return 0;
    /* What was counted of it is not done, but for what was before. */
    if (g->done == 0)
        leave_inside(f);
    else
        f->inside_done = g->done;
    f->changes++;
    return 0;
}

static int
on_rotate(struct binlog_framer *f, const struct binlog_event *event, struct error *err)
{
    struct log_place to;

    if (binlog_rotate_read(event, &to, err) == -1)
        return -1;
    if ((f->at.number != to.number || f->at.base != to.base) && drop_cut_group(f, err) == -1)
        return -1;
    f->at = to;
    /* Without GTIDs the place in the file is the position: it goes on with the file. */
    if (!f->group.open && !is_inside(f) && log_place_before(&f->done_at, &to) &&
        !log_place_equal(&f->done_at, &to)) {
        f->done_at = to;
        f->changes++;
    }
    return 0;
}

static int
keep_statement(struct binlog_framer *f, const struct binlog_event *event, struct error *err)
{
    size_t skip = event->type == EVENT_ROWS_QUERY ? 1 : 0; /* MySQL's has a length that is no use */

    buffer_reset(&f->query);
    if (!f->set.keep_query || event->body.len < skip)
        return 0;
    buffer_put(&f->query, event->body.at + skip, event->body.len - skip);
    return buffer_failed(&f->query) ? error_set(err, ERROR_FATAL, "", "out of memory for a statement") : 0;
}

static int
on_incident(struct binlog_framer *f, const struct binlog_event *event, struct batch *batch, bool *full,
            struct error *err)
{
    struct cursor in = cursor_of(event->body);
    char text[200];

    cursor_le16(&in);
    copy_text(text, sizeof(text), cursor_bytes(&in, cursor_u8(&in)));
    return stop(f, "E_INCIDENT", batch, full, err,
                "the server says that its log lost events (%s): what the tables hold must be read anew", text);
}

static int
unknown_event(struct binlog_framer *f, const struct binlog_event *event, struct batch *batch, bool *full,
              struct error *err)
{
    char file[LOG_FILE_MAX] = "?";

    if ((event->flags & EVENT_FLAG_IGNORABLE) != 0 || (f->group.open && f->group.done == UINT64_MAX))
        return 0;
    if (f->at.number != 0)
        log_file_print(&f->at, file);
    return stop(f, "E_EVENT", batch, full, err,
                "an event of type %u, which is not known and may not be passed over, before %s/%" PRIu64, event->type,
                file, f->at.pos);
}

/* ---- one event ---- */

static bool
begins_group(uint8_t type)
{
    return type == EVENT_GTID || type == EVENT_ANONYMOUS_GTID || type == EVENT_GTID_TAGGED || type == EVENT_MARIADB_GTID;
}

static int
on_event(struct binlog_framer *f, const struct binlog_event *event, uint64_t begin, struct batch *batch,
         bool *full, struct error *err)
{
    if (is_rows(event->type))
        return on_rows(f, event, begin, batch, full, err);
    if (begins_group(event->type))
        return on_gtid(f, event, err);
    switch (event->type) {
    case EVENT_TABLE_MAP:
        return f->group.done == UINT64_MAX ? 0 : on_table_map(f, event, batch, full, err);
    case EVENT_XID:
        if (!f->group.open)
            return protocol_error(f, err, "a commit outside of a group");
        return end_group(f, false, batch, full, err);
    case EVENT_QUERY:
    case EVENT_MARIADB_QUERY_COMPRESSED:
    case EVENT_EXECUTE_LOAD_QUERY:
        return on_query(f, event, batch, full, err);
    case EVENT_ROWS_QUERY:
    case EVENT_MARIADB_ANNOTATE_ROWS:
        return keep_statement(f, event, err);
    case EVENT_TRANSACTION_PAYLOAD:
        if (!f->group.open)
            return protocol_error(f, err, "a compressed transaction outside of a group");
        f->payload_begin = begin;
        return binlog_payload_open(&f->payload, event->body, f->set.event_max, err);
    case EVENT_XA_PREPARE:
        return on_xa_prepare(f, event, batch, full, err);
    case EVENT_ROTATE:
        return on_rotate(f, event, err);
    case EVENT_INCIDENT:
        return on_incident(f, event, batch, full, err);
    case EVENT_STOP:
        return drop_cut_group(f, err);
    case EVENT_INTVAR: /* what a statement needs: the statement itself is what counts */
    case EVENT_RAND:
    case EVENT_USER_VAR:
    case EVENT_BEGIN_LOAD_QUERY:
    case EVENT_APPEND_BLOCK:
    case EVENT_DELETE_FILE:
    case EVENT_HEARTBEAT:
    case EVENT_HEARTBEAT_V2:
    case EVENT_IGNORABLE:
    case EVENT_PREVIOUS_GTIDS:
    case EVENT_TRANSACTION_CONTEXT:
    case EVENT_VIEW_CHANGE:
    case EVENT_MARIADB_BINLOG_CHECKPOINT:
    case EVENT_MARIADB_GTID_LIST:
    case EVENT_MARIADB_START_ENCRYPTION:
        return 0;
    default:
        return unknown_event(f, event, batch, full, err);
    }
}

int
binlog_framer_event(struct binlog_framer *f, struct bytes raw, struct batch *batch, bool *full,
                    struct error *err)
{
    struct binlog_event event;
    char version[51];

    if (raw.len > f->set.event_max)
        return error_set(err, ERROR_CONFIG, "E_EVENT_SIZE", "an event of %zu bytes; source.event_size is %zu",
                         raw.len, f->set.event_max);
    if (raw.len > 4 && raw.at[4] == EVENT_FORMAT_DESCRIPTION) {
        if (binlog_format_read(raw, &f->checksums, version, err) == -1 ||
            binlog_event_read(&event, raw, false, err) == -1)
            return -1;
        move_on(f, &event);
        return 0;
    }
    if (binlog_event_read(&event, raw, f->checksums, err) == -1)
        return -1;
    move_on(f, &event);
    return on_event(f, &event, f->at.pos - event.size, batch, full, err);
}

bool
binlog_framer_more(const struct binlog_framer *f)
{
    return f->payload.open;
}

int
binlog_framer_continue(struct binlog_framer *f, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_event event;
    struct bytes raw;
    int rc = binlog_payload_next(&f->payload, &raw, err);

    if (rc != 1)
        return rc;
    if (binlog_event_read(&event, raw, false, err) == -1)
        return -1;
    if (event.type == EVENT_TRANSACTION_PAYLOAD || event.type == EVENT_ROTATE || begins_group(event.type))
        return protocol_error(f, err, "a compressed transaction holds what it may not");
    return on_event(f, &event, f->payload_begin, batch, full, err);
}

/* ---- batches ---- */

/* The place as it is now, with a reference that the framer keeps too. */
static struct place *
make_place(struct binlog_framer *f)
{
    struct place *place;

    if (f->last != NULL && f->last_changes == f->changes)
        return f->last;
    place = calloc(1, sizeof(*place));
    if (place == NULL)
        return NULL;
    atomic_init(&place->references, 1);
    place->set = f->gtids != NULL ? gtid_set_keep(f->gtids) : NULL;
    f->gtids_shared = f->gtids != NULL;
    place->at = f->done_at;
    place->inside = f->inside;
    place->inside_at = f->inside_at;
    place->xa = xa_keep(f->xa);
    memcpy(place->server, f->inside_server, sizeof(place->server));
    place_release(f->last);
    f->last = place;
    f->last_changes = f->changes;
    return place;
}

int
binlog_framer_finish(struct binlog_framer *f, struct batch *batch, struct error *err)
{
    struct position end = {.kind = POSITION_BINLOG};

    end.place = make_place(f);
    if (end.place == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a position");
    end.open = is_inside(f) ? 1 : 0;
    end.done = f->inside_done;
    position_copy(&batch->end, &end);
    batch->mid_transaction = end.open != 0;
    batch->end_number = f->number;
    return 0;
}
