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

#include "cdc/json.h"
#include "source_block.h"
#include "store.h"

/* Inline, so that the length of a literal is known when it is compiled. */
static inline void
put_literal(struct buffer *out, const char *text)
{
    buffer_put(out, text, strlen(text));
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
        decimal_text(out, value->bytes, value->scale);
    buffer_put_u8(out, '"');
    return FIELD_DONE;
}

static enum field_result
put_date(const struct field *field, const struct value *value, struct buffer *out)
{
    (void)field;
    json_int(out, value->special == VALUE_FINITE ? value->i : special_days(value));
    return FIELD_DONE;
}

static enum field_result
put_timestamp(const struct field *field, const struct value *value, struct buffer *out)
{
    bool millis = column_in_millis(field->column);

    if (value->special != VALUE_FINITE)
        json_int(out, millis ? special_millis(value) : special_micros(value));
    else
        json_int(out, millis ? floor_div(value->i, 1000) : value->i);
    return FIELD_DONE;
}

static enum field_result
put_zoned(const struct field *field, const struct value *value, struct buffer *out)
{
    uint8_t *at = buffer_room(out, TEXT_ZONED_MAX + 2);

    if (at == NULL)
        return FIELD_DONE; /* the buffer remembers */
    size_t len = text_zoned(at + 1, value, text_digits(field->column));
    at[0] = at[len + 1] = '"';
    out->len += len + 2;
    return FIELD_DONE;
}

/* The end of both kinds of geometry. */
static void
put_wkb(const struct value *value, struct buffer *out)
{
    put_literal(out, "\"wkb\":");
    json_base64(out, value->bytes);
    put_literal(out, ",\"srid\":");
    if (value->scale != 0) /* 0: not told */
        json_int(out, value->scale);
    else
        put_literal(out, "null");
    buffer_put_u8(out, '}');
}

static enum field_result
put_geometry(const struct field *field, const struct value *value, struct buffer *out)
{
    (void)field;
    buffer_put_u8(out, '{');
    put_wkb(value, out);
    return FIELD_DONE;
}

static enum field_result
put_point(const struct field *field, const struct value *value, struct buffer *out)
{
    double point[2];

    (void)field;
    if (!wkb_point(value->bytes, point))
        return FIELD_NOT_A_POINT;
    put_literal(out, "{\"x\":");
    json_double(out, point[0]);
    put_literal(out, ",\"y\":");
    json_double(out, point[1]);
    buffer_put_u8(out, ',');
    put_wkb(value, out);
    return FIELD_DONE;
}

static enum field_result
put_vector(const struct field *field, const struct value *value, struct buffer *out)
{
    const uint8_t *at = value->bytes.at, *end = at + value->bytes.len;

    (void)field;
    if (value->bytes.len % sizeof(float) != 0)
        return FIELD_NOT_A_VECTOR;
    buffer_put_u8(out, '[');
    for (; at < end; at += sizeof(float)) {
        float f;
        memcpy(&f, at, sizeof(f));
        if (at > value->bytes.at)
            buffer_put_u8(out, ',');
        json_float(out, f);
    }
    buffer_put_u8(out, ']');
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
    case TYPE_YEAR:
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
    case TYPE_BITS:
        return put_bytes;
    case TYPE_DATE:
        return put_date;
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        return put_timestamp;
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

/* `,"name":value`; nothing for a value that is left out. */
static inline enum field_result
put_member(const struct field *field, const struct value *value, struct buffer *out)
{
    if (value->state == VALUE_UNCHANGED && field->unsent != UNSENT_MARKER)
        return field->unsent == UNSENT_LEFT_OUT ? FIELD_DONE : FIELD_UNCHANGED;
    buffer_put(out, field->label.at, field->label.len);
    if (value->state == VALUE_SET)
        return field->put(field, value, out);
    if (value->state == VALUE_UNCHANGED) {
        struct value marker = {.state = VALUE_SET, .bytes = bytes_of_string(UNAVAILABLE)};
        return field->put(field, &marker, out);
    }
    if (!field->optional)
        return FIELD_NULL;
    put_literal(out, "null");
    return FIELD_DONE;
}

/* Members have been put from there on, each with a comma before it: the first becomes the brace. */
static inline void
first_brace(struct buffer *out, size_t from)
{
    if (out->len > from)
        out->at[from] = '{';
    else
        buffer_put_u8(out, '{');
}

static enum field_result
put_object(const struct field *fields, uint16_t count, const struct value *row,
           struct buffer *out, uint16_t *column)
{
    size_t from = out->len;

    if (row == NULL) {
        put_literal(out, "null");
        return FIELD_DONE;
    }
    for (uint16_t i = 0; i < count; i++) {
        enum field_result result = put_member(&fields[i], &row[fields[i].index], out);
        if (result != FIELD_DONE) {
            *column = fields[i].index;
            return result;
        }
    }
    first_brace(out, from);
    buffer_put_u8(out, '}');
    return FIELD_DONE;
}

static enum field_result
json_put_key(const struct plan *plan, const struct value *row, struct buffer *out,
             uint16_t *column)
{
    return put_object(plan->key_fields, plan->nkey, row, out, column);
}

static void
put_part(struct buffer *out, struct bytes part)
{
    buffer_put(out, part.at, part.len);
}

/* All that follows the source in Debezium's envelope. */
static void
put_tail(const struct shot *shot, struct buffer *out)
{
    uint8_t *at = buffer_room(out, 4 * DIGITS_INT_MAX + 128);

    if (at == NULL)
        return; /* the buffer remembers */
    at = store_literal(at, ",\"transaction\":null,\"op\":\"");
    *at++ = (uint8_t)shot->op;
    at = store_literal(at, "\",\"ts_ms\":");
    at = digits_int(at, floor_div(shot->stamp->now_us, 1000));
    at = store_json_times(at, shot->stamp->now_us);
    *at++ = '}';
    out->len = (size_t)(at - out->at);
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
    plan->put_source(plan, shot->change, out);
    put_tail(shot, out);
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
        enum field_result result = put_member(field, shown ? &shot->after[i] : &null, out);
        if (result != FIELD_DONE) {
            *column = i;
            return result;
        }
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
    size_t from = out->len;
    enum field_result result = put_plain_row(plan, shot, out, column);
    if (result != FIELD_DONE)
        return result;
    put_literal(out, ",\"__op\":\"");
    first_brace(out, from);
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
make_line_table(struct plan *plan, struct buffer *text)
{
    const struct relation *rel = plan->relation;
    const char *both = arena_printf(&plan->arena, "%s.%s", rel->schema, rel->table);

    put_literal(text, ",\"table\":");
    json_cstring(text, both == NULL ? "" : both);
    put_literal(text, ",\"key\":");
    return plan_take_part(plan, text, &plan->line_table) && both != NULL;
}

static bool
prepare_fields(struct plan *plan, struct field *fields, uint16_t count, struct buffer *text)
{
    /* A line is for people and pipes, whatever its envelope. */
    bool exact = plan->settings->envelope == ENVELOPE_PLAIN || plan->settings->line, made = true;

    for (uint16_t i = 0; i < count; i++) {
        fields[i].put = put_function(fields[i].column, exact);
        buffer_put_u8(text, ',');
        json_cstring(text, fields[i].name);
        buffer_put_u8(text, ':');
        made = plan_take_part(plan, text, &fields[i].label) && made;
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
    made = make_line_table(plan, &text) && made;
    made = source_block_json(plan) && made;
    buffer_free(&text);
    if (!made)
        return error_set(err, ERROR_FATAL, "", "out of memory for a plan");
    return 0;
}
