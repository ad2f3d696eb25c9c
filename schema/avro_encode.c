/*
 * avro_encode.c -- Avro's binary form, straight from decoded values into the batch.
 *
 *     key      00  u32 id (big-endian)  the key columns
 *     value    00  u32 id
 *              before   0, or 2 and the row        (union branches are zig-zag: 0, 1 -> 0, 2)
 *              after    the same
 *              source   head | ts_ms | middle | sequence | ts_us ts_ns | end | txId lsn | 0 0 0
 *              transaction 0, op, ts_ms ts_us ts_ns
 *
 * The parts in lower case between the bars that do not change from row to row are made with
 * the plan. One small function for each type of column writes it with its union branch: room
 * is asked for once, then bytes are stored. Nothing here allocates or formats.
 *
 * Any shape thread; reads the plan, the change and the stamp.
 */
#include "plan.h"

#include "cdc/digits.h"
#include "cdc/version.h"
#include "value_text.h"

enum {
    LONG_MAX_BYTES = 10,
    BRANCH_NULL = 0,
    BRANCH_VALUE = 2,
};

static inline uint8_t *
store_long(uint8_t *at, int64_t v)
{
    uint64_t zigzag = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);

    while (zigzag >= 0x80) {
        *at++ = (uint8_t)(zigzag | 0x80);
        zigzag >>= 7;
    }
    *at++ = (uint8_t)zigzag;
    return at;
}

static inline uint8_t *
store_branch(uint8_t *at, const struct field *field)
{
    *at = BRANCH_VALUE;
    return at + field->optional;
}

static inline uint8_t *
store_optional_long(uint8_t *at, int64_t v)
{
    *at++ = BRANCH_VALUE;
    return store_long(at, v);
}

static inline uint8_t *
store_bytes(uint8_t *at, struct bytes bytes)
{
    at = store_long(at, (int64_t)bytes.len);
    if (bytes.len > 0)
        memcpy(at, bytes.at, bytes.len);
    return at + bytes.len;
}

static inline void
used(struct buffer *out, const uint8_t *end)
{
    out->len = (size_t)(end - out->at);
}

/* ---- one function for each type of column ---- */

static enum field_result
put_bool(const struct field *field, const struct value *value, struct buffer *out)
{
    uint8_t *at = buffer_room(out, 2);

    if (at == NULL)
        return FIELD_DONE; /* the buffer remembers */
    at = store_branch(at, field);
    *at++ = value->i != 0;
    used(out, at);
    return FIELD_DONE;
}

static enum field_result
put_number(const struct field *field, int64_t v, struct buffer *out)
{
    uint8_t *at = buffer_room(out, 1 + LONG_MAX_BYTES);

    if (at != NULL)
        used(out, store_long(store_branch(at, field), v));
    return FIELD_DONE;
}

static enum field_result
put_long(const struct field *field, const struct value *value, struct buffer *out)
{
    return put_number(field, value->i, out);
}

static enum field_result
put_int(const struct field *field, const struct value *value, struct buffer *out)
{
    if (value->i != (int32_t)value->i)
        return FIELD_OUT_OF_RANGE;
    return put_number(field, value->i, out);
}

static enum field_result
put_float(const struct field *field, const struct value *value, struct buffer *out)
{
    float f = (float)value->f; /* exact: it was a float */
    uint8_t *at = buffer_room(out, 1 + sizeof(f));

    if (at == NULL)
        return FIELD_DONE;
    at = store_branch(at, field);
    memcpy(at, &f, sizeof(f));
    used(out, at + sizeof(f));
    return FIELD_DONE;
}

static enum field_result
put_double(const struct field *field, const struct value *value, struct buffer *out)
{
    uint8_t *at = buffer_room(out, 1 + sizeof(value->f));

    if (at == NULL)
        return FIELD_DONE;
    at = store_branch(at, field);
    memcpy(at, &value->f, sizeof(value->f));
    used(out, at + sizeof(value->f));
    return FIELD_DONE;
}

static enum field_result
put_bytes(const struct field *field, const struct value *value, struct buffer *out)
{
    uint8_t *at = buffer_room(out, 1 + LONG_MAX_BYTES + value->bytes.len);

    if (at != NULL)
        used(out, store_bytes(store_branch(at, field), value->bytes));
    return FIELD_DONE;
}

static enum field_result
put_text(const struct field *field, const struct value *value, struct buffer *out)
{
    if (!bytes_utf8_valid(value->bytes))
        return FIELD_NOT_UTF8;
    return put_bytes(field, value, out);
}

static enum field_result
put_decimal(const struct field *field, const struct value *value, struct buffer *out)
{
    if (value->special != VALUE_FINITE)
        return FIELD_NOT_FINITE;
    return put_bytes(field, value, out);
}

/* VariableScaleDecimal: the scale goes with the value. */
static enum field_result
put_numeric(const struct field *field, const struct value *value, struct buffer *out)
{
    if (value->special != VALUE_FINITE)
        return FIELD_NOT_FINITE;
    uint8_t *at = buffer_room(out, 1 + 2 * LONG_MAX_BYTES + value->bytes.len);
    if (at == NULL)
        return FIELD_DONE;
    at = store_long(store_branch(at, field), value->scale);
    used(out, store_bytes(at, value->bytes));
    return FIELD_DONE;
}

static enum field_result
put_date(const struct field *field, const struct value *value, struct buffer *out)
{
    if (value->special != VALUE_FINITE)
        return put_number(field, value->special == VALUE_INFINITY ? INT32_MAX : INT32_MIN, out);
    return put_int(field, value, out);
}

static enum field_result
put_time_millis(const struct field *field, const struct value *value, struct buffer *out)
{
    struct value millis = {.state = VALUE_SET, .i = floor_div(value->i, 1000)};

    return put_int(field, &millis, out);
}

static enum field_result
put_timestamp(const struct field *field, const struct value *value, struct buffer *out)
{
    if (value->special != VALUE_FINITE)
        return put_number(field, value->special == VALUE_INFINITY ? INT64_MAX : INT64_MIN, out);
    return put_number(field, value->i, out);
}

static enum field_result
put_timestamp_millis(const struct field *field, const struct value *value, struct buffer *out)
{
    if (value->special != VALUE_FINITE)
        return put_timestamp(field, value, out);
    return put_number(field, floor_div(value->i, 1000), out);
}

static enum field_result
put_zoned(const struct field *field, const struct value *value, struct buffer *out)
{
    uint8_t text[TEXT_ZONED_MAX];
    struct value as_text = {.state = VALUE_SET};

    if (value->special == VALUE_INFINITY)
        as_text.bytes = bytes_of("infinity", 8);
    else if (value->special != VALUE_FINITE)
        as_text.bytes = bytes_of("-infinity", 9);
    else
        as_text.bytes = bytes_of(text, text_zoned(text, value->i, text_digits(field->column)));
    return put_bytes(field, &as_text, out);
}

static field_put *
put_function(const struct column *column)
{
    bool millis = column_in_millis(column);

    switch (column->type) {
    case TYPE_BOOL:
        return put_bool;
    case TYPE_INT16:
    case TYPE_INT32:
        return put_int;
    case TYPE_INT64:
        return put_long;
    case TYPE_FLOAT32:
        return put_float;
    case TYPE_FLOAT64:
        return put_double;
    case TYPE_DECIMAL:
        return put_decimal;
    case TYPE_NUMERIC:
        return put_numeric;
    case TYPE_BYTES:
        return put_bytes;
    case TYPE_DATE:
        return put_date;
    case TYPE_TIME:
        return millis ? put_time_millis : put_long;
    case TYPE_TIMESTAMP:
        return millis ? put_timestamp_millis : put_timestamp;
    case TYPE_TIMESTAMPTZ:
        return put_zoned;
    case TYPE_TEXT:
    case TYPE_UUID:
    case TYPE_JSON:
    case TYPE_ENUM:
    case TYPE_OTHER:
    case TYPE_BITS:
    case TYPE_SET:
    case TYPE_YEAR:
    case TYPE_GEOMETRY:
    case TYPE_POINT:
    case TYPE_VECTOR:
        return put_text;
    }
    return put_text;
}

/* ---- rows ---- */

/* NULL, and values that were not sent. */
static enum field_result
put_absent(const struct field *field, const struct value *value, struct buffer *out)
{
    if (value->state == VALUE_NULL) {
        if (!field->optional)
            return FIELD_NULL;
        buffer_put_u8(out, BRANCH_NULL);
        return FIELD_DONE;
    }
    if (!field->unavailable)
        return FIELD_UNCHANGED;
    struct value marker = {.state = VALUE_SET, .bytes = bytes_of_string(UNAVAILABLE)};
    return put_bytes(field, &marker, out);
}

static inline enum field_result
put_row(const struct field *fields, uint16_t count, const struct value *row, struct buffer *out,
        uint16_t *column)
{
    for (uint16_t i = 0; i < count; i++) {
        const struct field *field = &fields[i];
        const struct value *value = &row[field->index];
        enum field_result result = value->state == VALUE_SET ? field->put(field, value, out)
                                                             : put_absent(field, value, out);
        if (result != FIELD_DONE) {
            *column = field->index;
            return result;
        }
    }
    return FIELD_DONE;
}

static inline void
put_id(struct buffer *out, int32_t id)
{
    uint8_t *at = buffer_room(out, 5);
    uint32_t big = __builtin_bswap32((uint32_t)id);

    if (at == NULL)
        return;
    at[0] = 0;
    memcpy(at + 1, &big, 4);
    out->len += 5;
}

static enum field_result
avro_put_key(const struct plan *plan, const struct value *row, struct buffer *out,
             uint16_t *column)
{
    put_id(out, plan->key_id);
    return put_row(plan->key_fields, plan->nkey, row, out, column);
}

static enum field_result
put_optional_row(const struct plan *plan, const struct value *row, struct buffer *out,
                 uint16_t *column)
{
    if (row == NULL) {
        buffer_put_u8(out, BRANCH_NULL);
        return FIELD_DONE;
    }
    buffer_put_u8(out, BRANCH_VALUE);
    return put_row(plan->fields, plan->nfields, row, out, column);
}

static inline uint8_t *
store_part(uint8_t *at, struct bytes part)
{
    memcpy(at, part.at, part.len);
    return at + part.len;
}

static inline uint8_t *
store_op(uint8_t *at, enum change_op op)
{
    *at++ = 2; /* length 1 */
    *at++ = (uint8_t)op;
    return at;
}

/* All that follows the rows in Debezium's envelope. */
static void
put_tail(const struct plan *plan, const struct shot *shot, struct buffer *out)
{
    const struct transaction *transaction = &shot->change->transaction->id;
    int64_t commit = transaction->commit_us, now = shot->stamp->now_us;
    size_t parts = plan->source_start.len + plan->source_middle.len + plan->source_end.len;
    uint8_t *at = buffer_room(out, parts + TEXT_SEQUENCE_MAX + 10 * LONG_MAX_BYTES + 16);

    if (at == NULL)
        return;
    at = store_part(at, plan->source_start);
    at = store_long(at, floor_div(commit, 1000));
    at = store_part(at, plan->source_middle);
    /* at most 2 * 20 digits and 7 signs: a length below 64 is one byte, put in afterwards */
    size_t sequence = text_sequence(at + 1, shot->change);
    at[0] = (uint8_t)(sequence << 1);
    at += 1 + sequence;
    at = store_optional_long(at, commit);
    at = store_optional_long(at, nanos_of(commit));
    at = store_part(at, plan->source_end);
    at = store_optional_long(at, transaction->xid);
    at = store_optional_long(at, (int64_t)shot->change->lsn);
    memset(at, BRANCH_NULL, 4); /* xmin, origin, origin_lsn; transaction */
    at = store_op(at + 4, shot->op);
    at = store_optional_long(at, floor_div(now, 1000));
    at = store_optional_long(at, now);
    at = store_optional_long(at, nanos_of(now));
    used(out, at);
}

static enum field_result
put_debezium(const struct plan *plan, const struct shot *shot, struct buffer *out,
             uint16_t *column)
{
    put_id(out, plan->value_id);
    enum field_result result = put_optional_row(plan, shot->before, out, column);
    if (result == FIELD_DONE)
        result = put_optional_row(plan, shot->after, out, column);
    if (result == FIELD_DONE)
        put_tail(plan, shot, out);
    return result;
}

/* The key columns of a row that is gone, NULL for the others; no row at all: NULL for all. */
static enum field_result
put_key_row(const struct plan *plan, const struct value *row, struct buffer *out,
            uint16_t *column)
{
    const struct value null = {.state = VALUE_NULL};

    for (uint16_t i = 0; i < plan->nfields; i++) {
        const struct field *field = &plan->fields[i];
        const struct value *value = row != NULL && field->key ? &row[i] : &null;
        enum field_result result = value->state == VALUE_SET ? field->put(field, value, out)
                                                             : put_absent(field, value, out);
        if (result != FIELD_DONE) {
            *column = i;
            return result;
        }
    }
    return FIELD_DONE;
}

static enum field_result
put_plain(const struct plan *plan, const struct shot *shot, struct buffer *out, uint16_t *column)
{
    enum field_result result;

    put_id(out, plan->value_id);
    if (shot->key_only || shot->after == NULL)
        result = put_key_row(plan, shot->after, out, column);
    else
        result = put_row(plan->fields, plan->nfields, shot->after, out, column);
    uint8_t *at = buffer_room(out, TEXT_EVENT_MAX + LONG_MAX_BYTES + 4);
    if (result != FIELD_DONE || at == NULL)
        return result;
    at = store_op(at, shot->op);
    at = store_long(at, shot->change->transaction->id.commit_us);
    size_t id = text_event_id(at + 1, shot->change, shot->output);
    at[0] = (uint8_t)(id << 1); /* below 64: one byte */
    used(out, at + 1 + id);
    return FIELD_DONE;
}

/* ---- the plan ---- */

static void
put_constant(struct buffer *out, const char *text)
{
    uint8_t *at = buffer_room(out, LONG_MAX_BYTES + strlen(text));

    if (at != NULL)
        used(out, store_bytes(at, bytes_of_string(text)));
}

/* The buffer's bytes as a part of the plan; empties the buffer. */
static bool
take_part(struct plan *plan, struct buffer *text, struct bytes *part)
{
    void *copy = NULL;

    if (!buffer_failed(text))
        copy = arena_copy(&plan->arena, text->at, text->len);
    *part = bytes_of(copy, text->len);
    buffer_reset(text);
    return copy != NULL;
}

static bool
make_parts(struct plan *plan)
{
    struct buffer text = {0};
    bool made;

    put_constant(&text, ROWFERRY_VERSION);
    put_constant(&text, "postgresql");
    put_constant(&text, plan->settings->pipeline);
    made = take_part(plan, &text, &plan->source_start);

    buffer_put_u8(&text, 0); /* snapshot's union has the string first */
    put_constant(&text, "false");
    put_constant(&text, plan->settings->database);
    buffer_put_u8(&text, BRANCH_VALUE); /* sequence */
    made = take_part(plan, &text, &plan->source_middle) && made;

    put_constant(&text, plan->relation->schema);
    put_constant(&text, plan->relation->table);
    made = take_part(plan, &text, &plan->source_end) && made;
    buffer_free(&text);
    return made;
}

int
avro_plan_prepare(struct plan *plan, struct error *err)
{
    for (uint16_t i = 0; i < plan->nfields; i++)
        plan->fields[i].put = put_function(plan->fields[i].column);
    for (uint16_t i = 0; i < plan->nkey; i++)
        plan->key_fields[i].put = put_function(plan->key_fields[i].column);
    plan->put_key = avro_put_key;
    plan->put_value = plan->settings->envelope == ENVELOPE_PLAIN ? put_plain : put_debezium;
    if (!make_parts(plan))
        return error_set(err, ERROR_FATAL, "", "out of memory for a plan");
    return 0;
}
