/*
 * avro_encode.c -- Avro's binary form, straight from decoded values into the batch.
 *
 *     key      00  u32 id (big-endian)  the key columns
 *     value    00  u32 id
 *              before   0, or 2 and the row        (union branches are zig-zag: 0, 1 -> 0, 2)
 *              after    the same
 *              source   see source_block.c
 *              transaction 0, op, ts_ms ts_us ts_ns
 *
 * One small function for each type of column writes it with its union branch: room is asked for
 * once, then bytes are stored. Nothing here allocates or formats.
 *
 * Any shape thread; reads the plan, the change and the stamp.
 */
#include "plan.h"

#include "source_block.h"
#include "store.h"
#include "value_text.h"

static inline uint8_t *
store_branch(uint8_t *at, const struct field *field)
{
    *at = BRANCH_VALUE;
    return at + field->optional;
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
        return put_number(field, special_days(value), out);
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
        return put_number(field, special_micros(value), out);
    return put_number(field, value->i, out);
}

static enum field_result
put_timestamp_millis(const struct field *field, const struct value *value, struct buffer *out)
{
    if (value->special != VALUE_FINITE)
        return put_number(field, special_millis(value), out);
    return put_number(field, floor_div(value->i, 1000), out);
}

static enum field_result
put_zoned(const struct field *field, const struct value *value, struct buffer *out)
{
    uint8_t text[TEXT_ZONED_MAX];
    struct value as_text = {.state = VALUE_SET};

    as_text.bytes = bytes_of(text, text_zoned(text, value, text_digits(field->column)));
    return put_bytes(field, &as_text, out);
}

static uint8_t *
store_srid(uint8_t *at, const struct value *value)
{
    if (value->scale != 0)
        return store_optional_long(at, value->scale);
    *at++ = BRANCH_NULL; /* 0: not told */
    return at;
}

static enum field_result
put_geometry(const struct field *field, const struct value *value, struct buffer *out)
{
    uint8_t *at = buffer_room(out, 2 + 2 * LONG_MAX_BYTES + value->bytes.len);

    if (at == NULL)
        return FIELD_DONE;
    at = store_bytes(store_branch(at, field), value->bytes);
    used(out, store_srid(at, value));
    return FIELD_DONE;
}

static enum field_result
put_point(const struct field *field, const struct value *value, struct buffer *out)
{
    double point[2];

    if (!wkb_point(value->bytes, point))
        return FIELD_NOT_A_POINT;
    uint8_t *at = buffer_room(out, 3 + sizeof(point) + 2 * LONG_MAX_BYTES + value->bytes.len);
    if (at == NULL)
        return FIELD_DONE;
    at = store_branch(at, field);
    memcpy(at, point, sizeof(point));
    at += sizeof(point);
    *at++ = BRANCH_VALUE; /* WKB may be missing */
    used(out, store_srid(store_bytes(at, value->bytes), value));
    return FIELD_DONE;
}

/* An array: a block of so many floats, which stand there as Avro has them, and an empty block. */
static enum field_result
put_vector(const struct field *field, const struct value *value, struct buffer *out)
{
    struct bytes floats = value->bytes;

    if (floats.len % sizeof(float) != 0)
        return FIELD_NOT_A_VECTOR;
    uint8_t *at = buffer_room(out, 2 + LONG_MAX_BYTES + floats.len);
    if (at == NULL)
        return FIELD_DONE;
    at = store_branch(at, field);
    if (floats.len > 0)
        at = store_part(store_long(at, (int64_t)(floats.len / sizeof(float))), floats);
    *at++ = 0;
    used(out, at);
    return FIELD_DONE;
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
    case TYPE_YEAR:
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
    case TYPE_BITS:
        return put_bytes;
    case TYPE_DATE:
        return put_date;
    case TYPE_TIME:
        return millis ? put_time_millis : put_long;
    case TYPE_TIMESTAMP:
        return millis ? put_timestamp_millis : put_timestamp;
    case TYPE_TIMESTAMPTZ:
        return put_zoned;
    case TYPE_GEOMETRY:
        return put_geometry;
    case TYPE_POINT:
        return put_point;
    case TYPE_VECTOR:
        return put_vector;
    case TYPE_TEXT:
    case TYPE_UUID:
    case TYPE_JSON:
    case TYPE_ENUM:
    case TYPE_SET:
    case TYPE_OTHER:
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
    if (field->unsent != UNSENT_MARKER)
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
store_op(uint8_t *at, enum change_op op)
{
    *at++ = 2; /* length 1 */
    *at++ = (uint8_t)op;
    return at;
}

/* All that follows the source in Debezium's envelope. */
static void
put_tail(const struct shot *shot, struct buffer *out)
{
    int64_t now = shot->stamp->now_us;
    uint8_t *at = buffer_room(out, 4 * LONG_MAX_BYTES + 8);

    if (at == NULL)
        return;
    *at++ = BRANCH_NULL; /* transaction */
    at = store_op(at, shot->op);
    at = store_optional_long(at, floor_div(now, 1000));
    used(out, store_avro_times(at, now));
}

static enum field_result
put_debezium(const struct plan *plan, const struct shot *shot, struct buffer *out,
             uint16_t *column)
{
    put_id(out, plan->value_id);
    enum field_result result = put_optional_row(plan, shot->before, out, column);
    if (result == FIELD_DONE)
        result = put_optional_row(plan, shot->after, out, column);
    if (result == FIELD_DONE) {
        plan->put_source(plan, shot->change, out);
        put_tail(shot, out);
    }
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
    uint8_t *at = buffer_room(out, TEXT_EVENT_MAX + LONG_MAX_BYTES + 8);
    if (result != FIELD_DONE || at == NULL)
        return result;
    at = store_op(at, shot->op);
    at = store_long(at, shot->change->transaction->id.commit_us);
    used(out, store_length(at, text_event_id(at + 1, shot->change, shot->output)));
    return FIELD_DONE;
}

/* ---- the plan ---- */

int
avro_plan_prepare(struct plan *plan, struct error *err)
{
    for (uint16_t i = 0; i < plan->nfields; i++)
        plan->fields[i].put = put_function(plan->fields[i].column);
    for (uint16_t i = 0; i < plan->nkey; i++)
        plan->key_fields[i].put = put_function(plan->key_fields[i].column);
    plan->put_key = avro_put_key;
    plan->put_value = plan->settings->envelope == ENVELOPE_PLAIN ? put_plain : put_debezium;
    if (!source_block_avro(plan))
        return error_set(err, ERROR_FATAL, "", "out of memory for a plan");
    return 0;
}
