/*
 * encoder.c -- which events a change becomes.
 *
 *     insert, read          value
 *     update                value
 *     update of the key     delete of the old key, its tombstone, insert of the new one
 *     delete                value, tombstone
 *     truncate              value for every partition; nothing; or an error
 *
 * As rows (row_encode.c) each change is one event.
 *
 * Everything is appended at the end of events->encoded; if something does not work out, both
 * counts go back to where they were.
 *
 * Any shape thread, one change at a time for one `events`; the plan is only read.
 */
#include "cdc/encoder.h"

#include "plan.h"

/* The work on one change: where its events go and where they began. */
struct work {
    const struct plan *plan;
    struct events *out;
    struct shot shot;
    uint32_t frame;
    uint16_t column;          /* of the value that did not go in */
    struct error *err;
};

/* A stretch of events->encoded. */
struct span {
    uint32_t offset, length;
};

/* What makes the server send whole rows. */
static const char *
whole_rows(const struct plan *plan)
{
    return plan->settings->connector == CONNECTOR_POSTGRESQL
               ? "ALTER TABLE ... REPLICA IDENTITY FULL"
               : "set binlog_row_image=FULL";
}

static int
value_error(const struct work *work, enum field_result result)
{
    static const char *const what[] = {
        [FIELD_NULL] = "is part of the key and NULL",
        [FIELD_NOT_FINITE] = "is NaN or infinite, which a decimal can't say",
        [FIELD_OUT_OF_RANGE] = "is out of the range of its type",
        [FIELD_NOT_UTF8] = "is not valid UTF-8",
        [FIELD_UNCHANGED] = "was not sent by the server (an unchanged value); ",
        [FIELD_NOT_A_POINT] = "is not a point with two coordinates",
        [FIELD_NOT_A_VECTOR] = "is not a vector of floats",
    };
    const struct relation *rel = work->plan->relation;
    const char *code = result == FIELD_NOT_UTF8 ? "E_TEXT_ENCODING" : "E_VALUE";

    return error_set(work->err, ERROR_DATA, code, "table %s.%s: column %s %s%s", rel->schema,
                     rel->table, rel->columns[work->column].name, what[result],
                     result == FIELD_UNCHANGED ? whole_rows(work->plan) : "");
}

/* The end of what was encoded, as an offset; checked once for each piece. */
static int
close_span(struct work *work, size_t from, struct span *span)
{
    const struct buffer *encoded = &work->out->encoded;
    const struct relation *rel = work->plan->relation;

    if (buffer_failed(encoded))
        return error_set(work->err, ERROR_FATAL, "", "out of memory for the events of a batch");
    if (encoded->len > UINT32_MAX)
        return error_set(work->err, ERROR_DATA, "E_VALUE",
                         "table %s.%s: more than 4 GiB of events in a batch", rel->schema,
                         rel->table);
    span->offset = (uint32_t)from;
    span->length = (uint32_t)(encoded->len - from);
    return 0;
}

/* The key of a row. Keyless tables have an empty one. */
static int
encode_key(struct work *work, const struct value *row, struct span *key)
{
    size_t from = work->out->encoded.len;

    *key = (struct span){(uint32_t)from, 0};
    if (work->plan->nkey == 0)
        return 0;
    enum field_result result =
        work->plan->put_key(work->plan, row, &work->out->encoded, &work->column);
    if (result != FIELD_DONE)
        return value_error(work, result);
    return close_span(work, from, key);
}

/* One event; `shot` says what. 0, ENCODE_LOOSEN or -1. */
static int
emit(struct work *work, struct span key, unsigned flags)
{
    struct event *event = events_add(work->out, work->err);
    bool absent = (flags & EVENT_VALUE_NULL) != 0 && !work->plan->settings->line;
    struct span value = {(uint32_t)work->out->encoded.len, 0};

    if (event == NULL)
        return -1;
    work->shot.key_offset = key.offset;
    work->shot.key_length = key.length;
    if (!absent) {
        enum field_result result = work->plan->put_value(work->plan, &work->shot,
                                                         &work->out->encoded, &work->column);
        if (result == FIELD_NULL)
            return ENCODE_LOOSEN;
        if (result != FIELD_DONE)
            return value_error(work, result);
        if (close_span(work, value.offset, &value) == -1)
            return -1;
        flags &= ~(unsigned)EVENT_VALUE_NULL; /* a line says null itself */
    }
    *event = (struct event){
        .route = work->plan->route,
        .frame = work->frame,
        .row = work->shot.change->row,
        .output = work->shot.output++,
        .flags = (uint8_t)(flags | (key.length == 0 ? EVENT_KEY_NULL : 0u)),
        .key_offset = key.offset,
        .key_length = key.length,
        .value_offset = value.offset,
        .value_length = value.length,
    };
    return 0;
}

static int
emit_row(struct work *work, enum change_op op, const struct value *before,
         const struct value *after, struct span key)
{
    work->shot.op = op;
    work->shot.before = before;
    work->shot.after = after;
    work->shot.key_only = false;
    return emit(work, key, 0);
}

/* The old row is gone: a delete, and the tombstone that lets compaction forget its key. */
static int
emit_delete(struct work *work, struct span key)
{
    const struct change *change = work->shot.change;
    bool whole = change->old_kind == OLD_ROW;
    int status;

    work->shot.op = CHANGE_DELETE;
    if (work->plan->settings->envelope == ENVELOPE_PLAIN) {
        work->shot.after = change->old_row;
        /* without a key the row itself is all there is to say, if it was sent */
        work->shot.key_only = work->plan->nkey > 0 || !whole;
    } else {
        work->shot.before = whole ? change->old_row : NULL;
        work->shot.after = NULL;
    }
    status = emit(work, key, 0);
    if (status != 0 || !work->plan->settings->tombstones || key.length == 0)
        return status;
    work->shot.tombstone = true;
    status = emit(work, key, EVENT_VALUE_NULL);
    work->shot.tombstone = false;
    return status;
}

/* True if the old row has all of the key's columns. */
static bool
old_has_key(const struct plan *plan, const struct change *change)
{
    if (change->old_kind != OLD_KEY)
        return change->old_kind == OLD_ROW;
    for (uint16_t k = 0; k < plan->nkey; k++) {
        if (!plan->key_fields[k].column->identity)
            return false;
    }
    return true;
}

static int
delete_without_key(struct work *work)
{
    const struct relation *rel = work->plan->relation;

    return error_set(work->err, ERROR_DATA, "E_KEY_UNKNOWN",
                     "table %s.%s: a delete does not carry the configured key; %s, or choose a key inside the identity",
                     rel->schema, rel->table, whole_rows(work->plan));
}

static int
encode_delete(struct work *work)
{
    struct span key;

    if (!old_has_key(work->plan, work->shot.change))
        return delete_without_key(work);
    if (encode_key(work, work->shot.change->old_row, &key) == -1)
        return -1;
    return emit_delete(work, key);
}

/* Keys are compared as encoded: what differs in bytes is another key to Kafka, and what does
 * not is none, also when the server sent the old key (TOASTed keys, REPLICA IDENTITY FULL). */
static int
encode_update(struct work *work)
{
    const struct change *change = work->shot.change;
    struct buffer *encoded = &work->out->encoded;
    const struct value *before = change->old_kind == OLD_ROW ? change->old_row : NULL;
    struct span new_key, old_key;
    int status;

    if (encode_key(work, change->new_row, &new_key) == -1)
        return -1;
    if (work->plan->nkey == 0 || !old_has_key(work->plan, change))
        return emit_row(work, CHANGE_UPDATE, before, change->new_row, new_key);
    if (encode_key(work, change->old_row, &old_key) == -1)
        return -1;
    if (bytes_equal(bytes_of(encoded->at + new_key.offset, new_key.length),
                    bytes_of(encoded->at + old_key.offset, old_key.length))) {
        encoded->len = old_key.offset;
        return emit_row(work, CHANGE_UPDATE, before, change->new_row, new_key);
    }
    status = emit_delete(work, old_key);
    if (status != 0)
        return status;
    return emit_row(work, CHANGE_INSERT, NULL, change->new_row, new_key);
}

static int
encode_truncate(struct work *work)
{
    const struct relation *rel = work->plan->relation;
    size_t from = work->out->encoded.len;
    struct span key = {(uint32_t)from, 0};

    switch (work->plan->settings->truncate) {
    case TRUNCATE_EMIT:
        work->shot.op = CHANGE_TRUNCATE;
        if (work->plan->settings->format == FORMAT_ROW) {
            row_put_no_key(work->plan, &work->out->encoded);
            if (close_span(work, from, &key) == -1)
                return -1;
        }
        return emit(work, key, EVENT_BROADCAST);
    case TRUNCATE_STOP:
        return error_set(work->err, ERROR_DATA, "E_TRUNCATE",
                         "table %s.%s: it was truncated, and truncate: stop is set", rel->schema,
                         rel->table);
    case TRUNCATE_DEFAULT:
    case TRUNCATE_WARN:
        break; /* the caller logs it */
    }
    return 0;
}

static bool
is_partial(const struct work *work)
{
    for (uint16_t i = 0; i < work->plan->relation->ncolumns; i++) {
        if (work->shot.change->new_row[i].state == VALUE_UNCHANGED)
            return true;
    }
    return false;
}

/* Whether the new row's key is another one than `key`, which stands at the end of what is encoded. */
static int
is_rekeyed(struct work *work, struct span key, unsigned *flags)
{
    struct buffer *encoded = &work->out->encoded;
    struct span now;

    if (encode_key(work, work->shot.change->new_row, &now) == -1)
        return -1;
    if (!bytes_equal(bytes_of(encoded->at + now.offset, now.length), bytes_of(encoded->at + key.offset, key.length)))
        *flags |= EVENT_REKEYED;
    encoded->len = now.offset;
    return 0;
}

/* One event, with the key that the row had before the change: the target's row is found by it. */
static int
encode_row(struct work *work)
{
    const struct change *change = work->shot.change;
    bool by_old = change->op == CHANGE_DELETE ||
                  (change->op == CHANGE_UPDATE && work->plan->nkey > 0 && old_has_key(work->plan, change));
    unsigned flags = 0;
    struct span key;

    if (change->op == CHANGE_DELETE && !old_has_key(work->plan, change))
        return delete_without_key(work);
    if (encode_key(work, by_old ? change->old_row : change->new_row, &key) == -1)
        return -1;
    if (by_old && change->op == CHANGE_UPDATE && is_rekeyed(work, key, &flags) == -1)
        return -1;
    if (change->op != CHANGE_DELETE && is_partial(work))
        flags |= EVENT_PARTIAL;
    work->shot.op = change->op;
    return emit(work, key, flags);
}

static int
encode_change(struct work *work)
{
    const struct change *change = work->shot.change;
    struct span key;

    switch (change->op) {
    case CHANGE_INSERT:
    case CHANGE_READ:
        if (encode_key(work, change->new_row, &key) == -1)
            return -1;
        return emit_row(work, change->op, NULL, change->new_row, key);
    case CHANGE_UPDATE:
        return encode_update(work);
    case CHANGE_DELETE:
        return encode_delete(work);
    case CHANGE_TRUNCATE:
        return encode_truncate(work);
    }
    return error_set(work->err, ERROR_FATAL, "", "a change of an unknown kind");
}

int
plan_encode(const struct plan *plan, const struct change *change,
            const struct encode_stamp *stamp, uint32_t frame, struct arena *scratch,
            struct events *out, uint16_t *column, struct error *err)
{
    struct work work = {
        .plan = plan,
        .out = out,
        .shot = {.change = change, .stamp = stamp},
        .frame = frame,
        .err = err,
    };
    uint32_t count = out->count;
    size_t len = out->encoded.len;
    int status;

    (void)scratch;
    status = plan->settings->format == FORMAT_ROW && change->op != CHANGE_TRUNCATE ? encode_row(&work) : encode_change(&work);
    if (status != ENCODE_DONE) {
        out->count = count;
        out->encoded.len = len;
        *column = work.column;
    }
    return status;
}
