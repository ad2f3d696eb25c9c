/* binlog_group.c -- see binlog_group.h. */
#include "binlog_group.h"

#include <inttypes.h>
#include <stdio.h>

#include "binlog_tables.h"

enum { UNWANTED_MOST = 4096 };

int
group_malformed(const struct binlog_framer *f, struct error *err, const char *what)
{
    (void)f;
    return error_set(err, ERROR_RETRY, "E_PROTOCOL", "binlog: %s", what);
}

void
group_copy_text(char *out, size_t size, struct bytes text)
{
    size_t n = text.len < size - 1 ? text.len : size - 1;

    for (size_t i = 0; i < n; i++)
        out[i] = text.at[i] < 0x20 || text.at[i] == 0x7f ? ' ' : (char)text.at[i];
    out[n] = 0;
}

/* ---- what is read ---- */

bool
group_is_inside(const struct binlog_framer *f)
{
    return f->inside.number != 0 || f->inside_at.number != 0;
}

bool
group_names_inside(const struct binlog_framer *f, const struct transaction *txn)
{
    if (f->inside.number != 0)
        return gtid_equal(&f->inside, &txn->gtid);
    return f->inside_at.number != 0 && log_place_equal(&f->inside_at, &txn->begin);
}

void
group_leave_inside(struct binlog_framer *f)
{
    f->inside = (struct gtid){0};
    f->inside_at = (struct log_place){0};
    f->inside_done = 0;
}

void
group_advance_part(struct binlog_framer *f)
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
    group_leave_inside(f);
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

static int
anonymous(const struct transaction *txn, struct error *err)
{
    char name[TRANSACTION_TEXT_MAX];

    transaction_print(txn, name);
    return error_set(err, ERROR_REFUSED, "E_GTID_ANONYMOUS",
                     "transaction %s has no GTID, while positions are sets of GTIDs: gtid_mode was ON and is not any more",
                     name);
}

static bool
is_same(const struct transaction *a, const struct transaction *b)
{
    return gtid_equal(&a->gtid, &b->gtid) && log_place_equal(&a->begin, &b->begin);
}

int
group_begin(struct binlog_framer *f, const struct transaction *txn, struct error *err)
{
    struct binlog_group *g = &f->group;
    bool covered;

    if (f->gtids != NULL && txn->gtid.number == 0)
        return anonymous(txn, err);
    covered = is_covered(f, txn);
    if (covered && check_order(f, txn, err) == -1)
        return -1;
#ifndef MUTANT_NO_SKIP
    if (!covered && group_is_inside(f) && !group_names_inside(f, txn))
        return diverged(f, txn, err);
    if (!covered && f->inside_done > 0 && f->inside_server[0] != 0 && strcmp(f->inside_server, f->server) != 0 &&
        group_names_inside(f, txn))
        return foreign(f, txn, err);
#endif
    *g = (struct binlog_group){.open = true, .id = *txn};
    g->done = covered ? UINT64_MAX : group_names_inside(f, txn) ? f->inside_done : 0;
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
int
group_end(struct binlog_framer *f, bool changed, struct batch *batch, bool *full, struct error *err)
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
void
group_take_back(struct binlog_framer *f, struct batch *batch)
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
int
group_add_text(struct binlog_framer *f, enum frame_kind kind, const char *text, struct bytes rest,
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

/* Behind all that came before this place: a frame that nobody can pass. Its text names the place: nobody adds it. */
static int
add_stop(struct binlog_framer *f, const struct error *why, struct batch *batch, bool *full, struct error *err)
{
    char text[700];

    snprintf(text, sizeof(text), "%c%.600s", '0' + (int)why->kind, why->text);
    open_nameless_group(f);
    f->stopped = true;
    *full = true;
    return group_add_text(f, FRAME_STOP, why->code, bytes_of_string(text), batch, err);
}

int
group_stop_with(struct binlog_framer *f, const struct error *why, struct batch *batch, bool *full, struct error *err)
{
    char name[TRANSACTION_TEXT_MAX];
    struct error placed = *why;

    transaction_print(&f->group.id, name);
    error_prefix(&placed, "transaction %s: ", name);
    return add_stop(f, &placed, batch, full, err);
}

int
group_stop(struct binlog_framer *f, const char *code, struct batch *batch, bool *full, struct error *err,
     const char *fmt, ...)
{
    struct error why = ERROR_INIT;
    char text[600];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    error_set(&why, ERROR_CONFIG, code, "%s", text);
    return add_stop(f, &why, batch, full, err);
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

int
group_stop_at_table(struct binlog_framer *f, const struct relation *rel, struct batch *batch, bool *full, struct error *err)
{
    char name[TRANSACTION_TEXT_MAX];

    transaction_print(&f->group.id, name);
    return group_stop(f, "E_NOT_TRANSACTIONAL", batch, full, err,
                "transaction %s changed %s.%s, a table without transactions: such changes may be half done; "
                "nontransactional: accept takes them",
                name, rel->schema, rel->table);
}

/* Counted; put into the batch when wanted and not done before. */
int
group_add_frame(struct binlog_framer *f, struct relation *rel, enum frame_kind kind, struct bytes message,
          uint64_t begin, struct batch *batch, bool *full, struct error *err)
{
    struct binlog_group *g = &f->group;
    struct frame frame = {.relation = rel, .ordinal = g->ordinal, .lsn = begin, .kind = (uint8_t)kind};

    if (g->done == UINT64_MAX || g->ordinal < g->done) {
        g->ordinal++;
        return 0;
    }
    if (rel->captured && g->unsafe && !f->set.accept_nontransactional && kind == FRAME_ROW)
        return group_stop_at_table(f, rel, batch, full, err);
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
    group_advance_part(f);
    *full = batch->raw.len >= 2 * f->set.batch_size;
    return 0;
}

enum { ROWS_STMT_END = 1 };

/* Of a table that can't be read: what is delivered already need not be. */
static int
pass_unread(struct binlog_framer *f, struct batch *batch, bool *full, struct error *err)
{
    if (f->group.ordinal >= f->group.done)
        return group_stop_with(f, &f->unread, batch, full, err);
    f->group.ordinal++;
    return 0;
}

int
group_on_rows(struct binlog_framer *f, const struct binlog_event *event, uint64_t begin, struct batch *batch,
        bool *full, struct error *err)
{
    struct cursor in = cursor_of(event->body);
    uint64_t id = cursor_le(&in, 6);
    uint16_t flags = cursor_le16(&in);
    struct relation *rel = binlog_tables_find(f, id);
    int rc = 0;

    if (cursor_short(&in))
        return group_malformed(f, err, "a row event is malformed");
    if (!f->group.open)
        return group_malformed(f, err, "a row event outside of a group");
    if (f->group.done == UINT64_MAX)
        return 0;
    /* MySQL ends some statements with an event that has no rows, of a table id that stands for none. */
    if (rel == NULL && id != 0xffffff && f->unread.kind == ERROR_NONE)
        return group_malformed(f, err, "a row event of a table that was not described");
    if (rel == NULL && id != 0xffffff)
        rc = pass_unread(f, batch, full, err);
#ifdef MUTANT_XA_EARLY
    else if (rel != NULL)
#else
    else if (rel != NULL && !f->group.preparing)
#endif
        rc = group_add_frame(f, rel, FRAME_ROW, event->whole, begin, batch, full, err);
    if ((flags & ROWS_STMT_END) != 0) {
        f->statement++;
        buffer_reset(&f->query);
    }
    return rc;
}

/* A table that can't be read stops right there, behind all that came before it. */
int
group_on_table_map(struct binlog_framer *f, const struct binlog_event *event, struct batch *batch, bool *full,
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
        return group_stop_with(f, &why, batch, full, err);
    f->unread = why;
    return 0;
}

bool
group_is_rows(uint8_t type)
{
    return (type >= EVENT_WRITE_ROWS_V1 && type <= EVENT_DELETE_ROWS_V1) ||
           (type >= EVENT_WRITE_ROWS && type <= EVENT_DELETE_ROWS) || type == EVENT_PARTIAL_UPDATE_ROWS ||
           (type >= EVENT_MARIADB_WRITE_ROWS_COMPRESSED_V1 && type <= EVENT_MARIADB_DELETE_ROWS_COMPRESSED);
}
