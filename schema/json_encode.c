/*
 * json_encode.c -- the same events as JSON: what Debezium's JSON converter writes without
 * schemas.
 *
 * Debezium's envelope has decimals as Connect does by default, the unscaled integer's bytes in
 * base64; the plain envelope and lines have them as strings with their exact digits. Times are numbers as
 * in Avro, bytes are base64. As a line (stdout), key and value are wrapped in one object
 * with the event's id and table; the newline is the sink's.
 *
 * Any shape thread; reads the plan, the change and the stamp.
 */
#include "plan.h"

#include "cdc/digits.h"
#include "cdc/json.h"
#include "cdc/version.h"
#include "value_text.h"

/* Inline, so that the length of a literal is known when it is compiled. */
static inline void
put_literal(struct buffer *out, const char *text)
{
    buffer_put(out, text, strlen(text));
}

static inline uint8_t *
store(uint8_t *at, const char *text)
{
    memcpy(at, text, strlen(text));
    return at + strlen(text);
}

static inline uint8_t *
store_part(uint8_t *at, struct bytes part)
{
    memcpy(at, part.at, part.len);
    return at + part.len;
}

/* ---- one function for each type of column ---- */

static enum field_result
put_bool(const struct field *field, const struct value *value, struct buffer *out)
{
    (void)field;
    put_literal(out, value->i != 0 ? "true" : "false");
    return FIELD_DONE;
}

static enum field_result
put_long(const struct field *field, const struct value *value, struct buffer *out)
{
    (void)field;
    json_int(out, value->i);
    return FIELD_DONE;
}

static enum field_result
put_float(const struct field *field, const struct value *value, struct buffer *out)
{
    (void)field;
    json_float(out, (float)value->f);
    return FIELD_DONE;
}

static enum field_result
put_double(const struct field *field, const struct value *value, struct buffer *out)
{
    (void)field;
    json_double(out, value->f);
    return FIELD_DONE;
}

static enum field_result
put_bytes(const struct field *field, const struct value *value, struct buffer *out)
{
    (void)field;
    json_base64(out, value->bytes);
    return FIELD_DONE;
}

static enum field_result
put_text(const struct field *field, const struct value *value, struct buffer *out)
{
    (void)field;
    if (!bytes_utf8_valid(value->bytes))
        return FIELD_NOT_UTF8;
    json_text(out, value->bytes);
    return FIELD_DONE;
}

static enum field_result
put_decimal(const struct field *field, const struct value *value, struct buffer *out)
{
    if (value->special != VALUE_FINITE)
        return FIELD_NOT_FINITE;
    return put_bytes(field, value, out);
}

/* VariableScaleDecimal. */
static enum field_result
put_numeric(const struct field *field, const struct value *value, struct buffer *out)
{
    if (value->special != VALUE_FINITE)
        return FIELD_NOT_FINITE;
    put_literal(out, "{\"scale\":");
    json_int(out, value->scale);
    put_literal(out, ",\"value\":");
    put_bytes(field, value, out);
    buffer_put_u8(out, '}');
    return FIELD_DONE;
}

static enum field_result
put_exact(const struct field *field, const struct value *value, struct buffer *out)
{
    static const char *const names[] = {"", "NaN", "Infinity", "-Infinity"};

    (void)field;
    buffer_put_u8(out, '"');
    if (value->special != VALUE_FINITE)
        put_literal(out, names[value->special & 3]);
    else
        text_decimal(out, value->bytes, value->scale);
    buffer_put_u8(out, '"');
    return FIELD_DONE;
}

static enum field_result
put_date(const struct field *field, const struct value *value, struct buffer *out)
{
    (void)field;
    if (value->special != VALUE_FINITE)
        json_int(out, value->special == VALUE_INFINITY ? INT32_MAX : INT32_MIN);
    else
        json_int(out, value->i);
    return FIELD_DONE;
}

static enum field_result
put_timestamp(const struct field *field, const struct value *value, struct buffer *out)
{
    int64_t v = value->i;

    if (value->special != VALUE_FINITE)
        v = value->special == VALUE_INFINITY ? INT64_MAX : INT64_MIN;
    else if (column_in_millis(field->column))
        v = floor_div(v, 1000);
    json_int(out, v);
    return FIELD_DONE;
}

static enum field_result
put_zoned(const struct field *field, const struct value *value, struct buffer *out)
{
    uint8_t *at = buffer_room(out, TEXT_ZONED_MAX + 2);

    if (at == NULL)
        return FIELD_DONE; /* the buffer remembers */
    if (value->special != VALUE_FINITE) {
        put_literal(out, value->special == VALUE_INFINITY ? "\"infinity\"" : "\"-infinity\"");
        return FIELD_DONE;
    }
    size_t len = text_zoned(at + 1, value->i, text_digits(field->column));
    at[0] = at[len + 1] = '"';
    out->len += len + 2;
    return FIELD_DONE;
}

static field_put *
put_function(const struct column *column, bool exact)
{
    switch (column->type) {
    case TYPE_BOOL:
        return put_bool;
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
        return put_long;
    case TYPE_FLOAT32:
        return put_float;
    case TYPE_FLOAT64:
        return put_double;
    case TYPE_DECIMAL:
        return exact ? put_exact : put_decimal;
    case TYPE_NUMERIC:
        return exact ? put_exact : put_numeric;
    case TYPE_BYTES:
        return put_bytes;
    case TYPE_DATE:
        return put_date;
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return put_timestamp;
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

static enum field_result
put_value(const struct field *field, const struct value *value, struct buffer *out)
{
    buffer_put(out, field->label.at, field->label.len);
    if (value->state == VALUE_SET)
        return field->put(field, value, out);
    if (value->state == VALUE_NULL) {
        if (!field->optional)
            return FIELD_NULL;
        put_literal(out, "null");
        return FIELD_DONE;
    }
    if (!field->unavailable)
        return FIELD_UNCHANGED;
    struct value marker = {.state = VALUE_SET, .bytes = bytes_of_string(UNAVAILABLE)};
    return field->put(field, &marker, out);
}

/* The fields without the braces. */
static enum field_result
put_fields(const struct field *fields, uint16_t count, const struct value *row,
           struct buffer *out, uint16_t *column)
{
    for (uint16_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_put_u8(out, ',');
        enum field_result result = put_value(&fields[i], &row[fields[i].index], out);
        if (result != FIELD_DONE) {
            *column = fields[i].index;
            return result;
        }
    }
    return FIELD_DONE;
}

static enum field_result
put_object(const struct field *fields, uint16_t count, const struct value *row,
           struct buffer *out, uint16_t *column)
{
    if (row == NULL) {
        put_literal(out, "null");
        return FIELD_DONE;
    }
    buffer_put_u8(out, '{');
    enum field_result result = put_fields(fields, count, row, out, column);
    buffer_put_u8(out, '}');
    return result;
}

static enum field_result
json_put_key(const struct plan *plan, const struct value *row, struct buffer *out,
             uint16_t *column)
{
    return put_object(plan->key_fields, plan->nkey, row, out, column);
}

/* `,"ts_us":1000,"ts_ns":1000000` */
static uint8_t *
store_times(uint8_t *at, int64_t micros)
{
    at = digits_int(store(at, ",\"ts_us\":"), micros);
    return digits_int(store(at, ",\"ts_ns\":"), nanos_of(micros));
}

static void
put_part(struct buffer *out, struct bytes part)
{
    buffer_put(out, part.at, part.len);
}

/* The sequence is JSON inside a string: text_sequence with its quotes escaped. */
static uint8_t *
store_sequence(uint8_t *at, const struct change *change)
{
    at = digits_uint(store(at, "\"[\\\""), change->transaction->id.final);
    at = digits_uint(store(at, "\\\",\\\""), change->lsn);
    return store(at, "\\\"]\"");
}

/* All that follows the rows in Debezium's envelope. */
static void
put_tail(const struct plan *plan, const struct shot *shot, struct buffer *out)
{
    const struct transaction *transaction = &shot->change->transaction->id;
    size_t parts = plan->source_start.len + plan->source_middle.len + plan->source_end.len;
    uint8_t *p = buffer_room(out, parts + 10 * DIGITS_INT_MAX + 256), *at = p;

    if (p == NULL)
        return; /* the buffer remembers */
    at = store_part(at, plan->source_start);
    at = digits_int(at, floor_div(transaction->commit_us, 1000));
    at = store_part(at, plan->source_middle);
    at = store_sequence(at, shot->change);
    at = store_times(at, transaction->commit_us);
    at = store_part(at, plan->source_end);
    at = digits_uint(at, transaction->xid);
    at = digits_int(store(at, ",\"lsn\":"), (int64_t)shot->change->lsn);
    at = store(at, ",\"xmin\":null,\"origin\":null,\"origin_lsn\":null},\"transaction\":null,"
                   "\"op\":\"");
    *at++ = (uint8_t)shot->op;
    at = digits_int(store(at, "\",\"ts_ms\":"), floor_div(shot->stamp->now_us, 1000));
    at = store_times(at, shot->stamp->now_us);
    *at++ = '}';
    out->len += (size_t)(at - p);
}

static enum field_result
put_debezium(const struct plan *plan, const struct shot *shot, struct buffer *out,
             uint16_t *column)
{
    enum field_result result;

    put_literal(out, "{\"before\":");
    result = put_object(plan->fields, plan->nfields, shot->before, out, column);
    if (result != FIELD_DONE)
        return result;
    put_literal(out, ",\"after\":");
    result = put_object(plan->fields, plan->nfields, shot->after, out, column);
    if (result != FIELD_DONE)
        return result;
    put_tail(plan, shot, out);
    return FIELD_DONE;
}

/* A plain row: all columns, the key's only, or none (truncate). */
static enum field_result
put_plain_row(const struct plan *plan, const struct shot *shot, struct buffer *out,
              uint16_t *column)
{
    const struct value null = {.state = VALUE_NULL};

    for (uint16_t i = 0; i < plan->nfields; i++) {
        const struct field *field = &plan->fields[i];
        bool shown = shot->after != NULL && (field->key || !shot->key_only);
        enum field_result result = put_value(field, shown ? &shot->after[i] : &null, out);
        if (result != FIELD_DONE) {
            *column = i;
            return result;
        }
        buffer_put_u8(out, ',');
    }
    return FIELD_DONE;
}

static void
put_event_id(struct buffer *out, const struct shot *shot)
{
    uint8_t text[TEXT_EVENT_MAX];

    json_text(out, bytes_of(text, text_event_id(text, shot->change, shot->output)));
}

static enum field_result
put_plain(const struct plan *plan, const struct shot *shot, struct buffer *out, uint16_t *column)
{
    buffer_put_u8(out, '{');
    enum field_result result = put_plain_row(plan, shot, out, column);
    if (result != FIELD_DONE)
        return result;
    put_literal(out, "\"__op\":\"");
    buffer_put_u8(out, (uint8_t)shot->op);
    put_literal(out, "\",\"__ts_us\":");
    json_int(out, shot->change->transaction->id.commit_us);
    put_literal(out, ",\"__id\":");
    put_event_id(out, shot);
    buffer_put_u8(out, '}');
    return FIELD_DONE;
}

static enum field_result
put_envelope(const struct plan *plan, const struct shot *shot, struct buffer *out,
             uint16_t *column)
{
    if (plan->settings->envelope == ENVELOPE_PLAIN)
        return put_plain(plan, shot, out, column);
    return put_debezium(plan, shot, out, column);
}

/* {"id":"...","table":"schema.table","key":{...},"value":{...}} */
static enum field_result
put_line(const struct plan *plan, const struct shot *shot, struct buffer *out, uint16_t *column)
{
    enum field_result result = FIELD_DONE;

    put_literal(out, "{\"id\":");
    put_event_id(out, shot);
    put_part(out, plan->line_table);
    if (shot->key_length == 0) {
        put_literal(out, "null");
    } else if (buffer_room(out, shot->key_length) != NULL) { /* first: it may move the key */
        buffer_put(out, out->at + shot->key_offset, shot->key_length);
    }
    put_literal(out, ",\"value\":");
    if (shot->tombstone)
        put_literal(out, "null");
    else
        result = put_envelope(plan, shot, out, column);
    buffer_put_u8(out, '}');
    return result;
}

/* ---- the plan ---- */

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
make_parts(struct plan *plan, struct buffer *text)
{
    const struct relation *rel = plan->relation;
    bool made;

    put_literal(text, ",\"source\":{\"version\":");
    json_cstring(text, ROWFERRY_VERSION);
    put_literal(text, ",\"connector\":\"postgresql\",\"name\":");
    json_cstring(text, plan->settings->pipeline);
    put_literal(text, ",\"ts_ms\":");
    made = take_part(plan, text, &plan->source_start);

    put_literal(text, ",\"snapshot\":\"false\",\"db\":");
    json_cstring(text, plan->settings->database);
    put_literal(text, ",\"sequence\":");
    made = take_part(plan, text, &plan->source_middle) && made;

    put_literal(text, ",\"schema\":");
    json_cstring(text, rel->schema);
    put_literal(text, ",\"table\":");
    json_cstring(text, rel->table);
    put_literal(text, ",\"txId\":");
    made = take_part(plan, text, &plan->source_end) && made;

    const char *both = arena_printf(&plan->arena, "%s.%s", rel->schema, rel->table);
    put_literal(text, ",\"table\":");
    json_cstring(text, both == NULL ? "" : both);
    put_literal(text, ",\"key\":");
    return take_part(plan, text, &plan->line_table) && made && both != NULL;
}

static bool
prepare_fields(struct plan *plan, struct field *fields, uint16_t count, struct buffer *text)
{
    /* A line is for people and pipes, whatever its envelope. */
    bool exact = plan->settings->envelope == ENVELOPE_PLAIN || plan->settings->line, made = true;

    for (uint16_t i = 0; i < count; i++) {
        fields[i].put = put_function(fields[i].column, exact);
        json_cstring(text, fields[i].name);
        buffer_put_u8(text, ':');
        made = take_part(plan, text, &fields[i].label) && made;
    }
    return made;
}

int
json_plan_prepare(struct plan *plan, struct error *err)
{
    struct buffer text = {0};

    plan->put_key = json_put_key;
    plan->put_value = plan->settings->line ? put_line : put_envelope;
    bool made = prepare_fields(plan, plan->fields, plan->nfields, &text);
    made = prepare_fields(plan, plan->key_fields, plan->nkey, &text) && made;
    made = make_parts(plan, &text) && made;
    buffer_free(&text);
    if (!made)
        return error_set(err, ERROR_FATAL, "", "out of memory for a plan");
    return 0;
}
