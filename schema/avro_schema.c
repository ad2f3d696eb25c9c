/*
 * avro_schema.c -- the schema text of a plan's key and value.
 *
 * Debezium's structure to the byte: names, order of fields and of properties as its Avro
 * converter prints them, so that a registry that knows its schemas knows ours. Two differences,
 * both because Connect's idea of a default turns NULL into that default: no `connect.default`
 * on columns, and an optional column is always ["null", T] with default null. A constant default
 * of a NOT NULL column is the field's Avro default, which makes adding it a compatible change.
 *
 * avro-c loses logical types and properties when it prints, so the text is made here; it only
 * reads the result once, as a second opinion.
 *
 * Runs when a plan is made, under the shape cache's lock.
 */
#include "source_block.h"

#include <avro.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "cdc/json.h"

/* True for the characters that stay as they are; `first` of a name or of a part of it. */
static bool
allowed(enum name_kind kind, char c, bool first)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_')
        return true;
    if (c >= '0' && c <= '9')
        return kind == NAME_TOPIC || !first;
    if (c == '.')
        return kind == NAME_TOPIC || (kind == NAME_AVRO_SPACE && !first);
    return c == '-' && kind == NAME_TOPIC;
}

const char *
name_clean(struct arena *arena, enum name_kind kind, const char *text)
{
    char *name = arena_alloc(arena, 2 * strlen(text) + 2), *at = name;
    bool first = true;

    if (name == NULL)
        return NULL;
    for (; *text != 0; text++) {
        uint8_t c = (uint8_t)*text;
        if ((c & 0xc0) == 0x80)
            continue; /* the rest of a character that has its `_` */
        if (!allowed(kind, *text, first))
            *at++ = '_';
        if (c >= 0xf0)
            *at++ = '_'; /* Debezium counts UTF-16 units: two for these */
        if (allowed(kind, *text, first) || (c >= '0' && c <= '9'))
            *at++ = *text;
        first = kind == NAME_AVRO_SPACE && c == '.' && !first;
    }
    if (first)
        *at++ = '_'; /* nothing, or nothing after the last dot */
    *at = 0;
    return name;
}

/* `,"name":"value"` pairs are constant text here: only names of users are escaped. */
static void
put_semantic(struct buffer *out, const char *type, const char *name)
{
    buffer_put_string(out, "{\"type\":\"");
    buffer_put_string(out, type);
    buffer_put_string(out, "\",\"connect.version\":1,\"connect.name\":\"");
    buffer_put_string(out, name);
    buffer_put_string(out, "\"}");
}

static void
put_decimal_type(struct buffer *out, const struct column *column)
{
    buffer_printf(out,
                  "{\"type\":\"bytes\",\"scale\":%d,\"precision\":%d,\"connect.version\":1,"
                  "\"connect.parameters\":{\"scale\":\"%d\",\"connect.decimal.precision\":\"%d\"},"
                  "\"connect.name\":\"org.apache.kafka.connect.data.Decimal\","
                  "\"logicalType\":\"decimal\"}",
                  column->scale, column->precision, column->scale, column->precision);
}

/* Records that are the type of a column. */
enum record { RECORD_NUMERIC = 1, RECORD_GEOMETRY = 2, RECORD_POINT = 4 };

#define RECORD(space, name, doc, fields) \
    "{\"type\":\"record\",\"name\":\"" name "\",\"namespace\":\"" space "\"," \
    "\"fields\":[" fields "],\"connect.doc\":\"" doc "\",\"connect.version\":1," \
    "\"connect.name\":\"" space "." name "\"}"

static const char *
record_text(enum record record, bool defined)
{
    switch (record) {
    case RECORD_NUMERIC:
        break;
    case RECORD_GEOMETRY:
        return defined ? "\"io.debezium.data.geometry.Geometry\""
                       : RECORD("io.debezium.data.geometry", "Geometry", "Geometry",
                                AVRO_REQUIRED("wkb", "bytes") "," AVRO_OPTIONAL("srid", "int"));
    case RECORD_POINT:
        return defined ? "\"io.debezium.data.geometry.Point\""
                       : RECORD("io.debezium.data.geometry", "Point", "Geometry (POINT)",
                                AVRO_REQUIRED("x", "double") "," AVRO_REQUIRED("y", "double") ","
                                AVRO_OPTIONAL("wkb", "bytes") "," AVRO_OPTIONAL("srid", "int"));
    }
    return defined ? "\"io.debezium.data.VariableScaleDecimal\""
                   : RECORD("io.debezium.data", "VariableScaleDecimal", "Variable scaled decimal",
                            AVRO_REQUIRED("scale", "int") "," AVRO_REQUIRED("value", "bytes"));
}

/* A record can be written out once in a schema; from then on it goes by its name. */
static void
put_record_type(struct buffer *out, enum record record, unsigned *defined)
{
    buffer_put_string(out, record_text(record, (*defined & record) != 0));
    *defined |= record;
}

/* Texts that are one, or some, of a list. */
static void
put_enum_type(struct buffer *out, const char *name, const char *labels)
{
    buffer_put_string(out, "{\"type\":\"string\",\"connect.version\":1,");
    if (labels != NULL) {
        buffer_put_string(out, "\"connect.parameters\":{\"allowed\":");
        json_cstring(out, labels);
        buffer_put_string(out, "},");
    }
    buffer_printf(out, "\"connect.name\":\"%s\"}", name);
}

static void
put_bits_type(struct buffer *out, const struct column *column)
{
    buffer_printf(out,
                  "{\"type\":\"bytes\",\"connect.version\":1,"
                  "\"connect.parameters\":{\"length\":\"%d\"},"
                  "\"connect.name\":\"io.debezium.data.Bits\"}",
                  column->length);
}

static void
put_time_type(struct buffer *out, const struct column *column)
{
    bool millis = column_in_millis(column);

    if (column->type == TYPE_TIMESTAMP)
        put_semantic(out, "long", millis ? "io.debezium.time.Timestamp"
                                         : "io.debezium.time.MicroTimestamp");
    else if (millis)
        put_semantic(out, "int", "io.debezium.time.Time");
    else
        put_semantic(out, "long", "io.debezium.time.MicroTime");
}

static void
put_type(struct buffer *out, const struct column *column, const char *labels, unsigned *defined)
{
    switch (column->type) {
    case TYPE_BOOL:
        buffer_put_string(out, "\"boolean\"");
        break;
    case TYPE_INT16:
        buffer_put_string(out, "{\"type\":\"int\",\"connect.type\":\"int16\"}");
        break;
    case TYPE_INT32:
        buffer_put_string(out, "\"int\"");
        break;
    case TYPE_INT64:
        buffer_put_string(out, "\"long\"");
        break;
    case TYPE_FLOAT32:
        buffer_put_string(out, "\"float\"");
        break;
    case TYPE_FLOAT64:
        buffer_put_string(out, "\"double\"");
        break;
    case TYPE_DECIMAL:
        put_decimal_type(out, column);
        break;
    case TYPE_NUMERIC:
        put_record_type(out, RECORD_NUMERIC, defined);
        break;
    case TYPE_GEOMETRY:
        put_record_type(out, RECORD_GEOMETRY, defined);
        break;
    case TYPE_POINT:
        put_record_type(out, RECORD_POINT, defined);
        break;
    case TYPE_VECTOR:
        buffer_put_string(out, "{\"type\":\"array\",\"items\":\"float\",\"connect.version\":1,"
                               "\"connect.name\":\"io.debezium.data.FloatVector\"}");
        break;
    case TYPE_TEXT:
    case TYPE_OTHER:
        buffer_put_string(out, "\"string\"");
        break;
    case TYPE_BYTES:
        buffer_put_string(out, "\"bytes\"");
        break;
    case TYPE_UUID:
        put_semantic(out, "string", "io.debezium.data.Uuid");
        break;
    case TYPE_JSON:
        put_semantic(out, "string", "io.debezium.data.Json");
        break;
    case TYPE_ENUM:
        put_enum_type(out, "io.debezium.data.Enum", labels);
        break;
    case TYPE_SET:
        put_enum_type(out, "io.debezium.data.EnumSet", labels);
        break;
    case TYPE_BITS:
        put_bits_type(out, column);
        break;
    case TYPE_YEAR:
        put_semantic(out, "int", "io.debezium.time.Year");
        break;
    case TYPE_DATE:
        put_semantic(out, "int", "io.debezium.time.Date");
        break;
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
        put_time_type(out, column);
        break;
    case TYPE_TIMESTAMPTZ:
        put_semantic(out, "string", "io.debezium.time.ZonedTimestamp");
        break;
    }
}

static bool
put_integer_default(struct buffer *out, const char *text, int64_t least, int64_t most)
{
    char *end;

    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || v < least || v > most)
        return false;
    buffer_put_string(out, ",\"default\":");
    json_int(out, v);
    return true;
}

static void
put_float_default(struct buffer *out, const char *text)
{
    char *end;
    double v = strtod(text, &end);

    if (end == text || *end != 0 || !isfinite(v))
        return;
    buffer_put_string(out, ",\"default\":");
    json_double(out, v);
}

static void
put_bool_default(struct buffer *out, const char *text)
{
    if (strcmp(text, "t") == 0 || strcmp(text, "true") == 0 || strcmp(text, "b'1'") == 0)
        buffer_put_string(out, ",\"default\":true");
    else if (strcmp(text, "f") == 0 || strcmp(text, "false") == 0 || strcmp(text, "b'0'") == 0)
        buffer_put_string(out, ",\"default\":false");
}

/*
 * `,"default":...` of a NOT NULL column whose default is a constant that is plain to say. One in bytes (decimals) is
 * not: a zero byte is U+0000 there, which avro-c refuses to read.
 */
static void
put_default(struct buffer *out, const struct column *column, const char *text)
{
    switch (column->type) {
    case TYPE_BOOL:
        put_bool_default(out, text);
        break;
    case TYPE_INT16:
        put_integer_default(out, text, INT16_MIN, INT16_MAX);
        break;
    case TYPE_INT32:
        put_integer_default(out, text, INT32_MIN, INT32_MAX);
        break;
    case TYPE_INT64:
        put_integer_default(out, text, INT64_MIN, INT64_MAX);
        break;
    case TYPE_YEAR:
        put_integer_default(out, text, 0, 2155);
        break;
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        put_float_default(out, text);
        break;
    case TYPE_TEXT:
    case TYPE_ENUM:
    case TYPE_SET:
        if (bytes_utf8_valid(bytes_of_string(text))) {
            buffer_put_string(out, ",\"default\":");
            json_cstring(out, text);
        }
        break;
    default:
        break;
    }
}

static void
put_field(struct buffer *out, const struct field *field, const struct catalog_column *known,
          unsigned *defined)
{
    const char *labels = field->column->labels; /* of the log: of that moment */

    if (labels == NULL && known != NULL)
        labels = known->enum_labels;
    buffer_put_string(out, "{\"name\":\"");
    buffer_put_string(out, field->name); /* an Avro name: nothing to escape */
    buffer_put_string(out, field->optional ? "\",\"type\":[\"null\"," : "\",\"type\":");
    put_type(out, field->column, labels, defined);
    if (field->optional)
        buffer_put_string(out, "],\"default\":null");
    else if (known != NULL && known->known && known->default_text != NULL)
        put_default(out, field->column, known->default_text);
    buffer_put_u8(out, '}');
}

static const struct catalog_column *
known_column(const struct catalog_table *catalog, uint16_t index)
{
    if (catalog == NULL || !catalog->exists || catalog->columns == NULL)
        return NULL;
    return &catalog->columns[index];
}

static void
put_columns(struct buffer *out, const struct plan *plan, const struct catalog_table *catalog)
{
    unsigned defined = 0;

    for (uint16_t i = 0; i < plan->nfields; i++) {
        if (i > 0)
            buffer_put_u8(out, ',');
        put_field(out, &plan->fields[i], known_column(catalog, i), &defined);
    }
}

static void
put_key_schema(struct buffer *out, const struct plan *plan, const struct catalog_table *catalog,
               const char *space)
{
    unsigned defined = 0;

    buffer_printf(out, "{\"type\":\"record\",\"name\":\"Key\",\"namespace\":\"%s\",\"fields\":[",
                  space);
    for (uint16_t i = 0; i < plan->nkey; i++) {
        const struct field *field = &plan->key_fields[i];
        const struct catalog_column *known = known_column(catalog, field->index);
        struct catalog_column labels = {0};

        if (i > 0)
            buffer_put_u8(out, ',');
        if (known != NULL)
            labels.enum_labels = known->enum_labels; /* a key's field has no default */
        put_field(out, field, &labels, &defined);
    }
    buffer_printf(out, "],\"connect.name\":\"%s.Key\"}", space);
}

static void
put_plain_schema(struct buffer *out, const struct plan *plan,
                 const struct catalog_table *catalog, const char *space)
{
    buffer_printf(out, "{\"type\":\"record\",\"name\":\"Value\",\"namespace\":\"%s\",\"fields\":[",
                  space);
    put_columns(out, plan, catalog);
    if (plan->nfields > 0)
        buffer_put_u8(out, ',');
    buffer_printf(out,
                  "{\"name\":\"__op\",\"type\":\"string\"},"
                  "{\"name\":\"__ts_us\",\"type\":\"long\"},"
                  "{\"name\":\"__id\",\"type\":\"string\"}],\"connect.name\":\"%s.Value\"}",
                  space);
}

static const char after_source[] =
    "{\"name\":\"transaction\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"block\","
    "\"namespace\":\"event\",\"fields\":[" AVRO_REQUIRED("id", "string") ","
    AVRO_REQUIRED("total_order", "long") "," AVRO_REQUIRED("data_collection_order", "long") "],"
    "\"connect.version\":1,\"connect.name\":\"event.block\"}],\"default\":null},"
    AVRO_REQUIRED("op", "string") "," AVRO_OPTIONAL("ts_ms", "long") ","
    AVRO_OPTIONAL("ts_us", "long") "," AVRO_OPTIONAL("ts_ns", "long");

static void
put_debezium_schema(struct buffer *out, const struct plan *plan,
                    const struct catalog_table *catalog, const char *space)
{
    buffer_printf(out,
                  "{\"type\":\"record\",\"name\":\"Envelope\",\"namespace\":\"%s\",\"fields\":["
                  "{\"name\":\"before\",\"type\":[\"null\",{\"type\":\"record\","
                  "\"name\":\"Value\",\"fields\":[",
                  space);
    put_columns(out, plan, catalog);
    buffer_printf(out,
                  "],\"connect.name\":\"%s.Value\"}],\"default\":null},"
                  "{\"name\":\"after\",\"type\":[\"null\",\"Value\"],\"default\":null},"
                  "{\"name\":\"source\",\"type\":",
                  space);
    buffer_put_string(out, source_block_schema(plan->settings->connector));
    buffer_put_string(out, "},");
    buffer_put_string(out, after_source);
    buffer_printf(out, "],\"connect.version\":2,\"connect.name\":\"%s.Envelope\"}", space);
}

/* The buffer as a string of the plan; NULL with *err if it is not a schema. */
static const char *
take_schema(struct plan *plan, struct buffer *text, const char *what, struct error *err)
{
    avro_schema_t parsed;
    const char *copy = NULL;

    if (!buffer_failed(text))
        copy = arena_strdup(&plan->arena, buffer_cstr(text));
    if (copy == NULL) {
        error_set(err, ERROR_FATAL, "", "out of memory for a schema");
        return NULL;
    }
    if (avro_schema_from_json_length(copy, text->len, &parsed) != 0) {
        error_set(err, ERROR_FATAL, "E_SCHEMA",
                  "table %s.%s: the %s schema made for it is wrong: %s", plan->relation->schema,
                  plan->relation->table, what, avro_strerror());
        return NULL;
    }
    avro_schema_decref(parsed);
    return copy;
}

int
avro_schema_make(struct plan *plan, const struct catalog_table *catalog, struct error *err)
{
    const char *space = name_clean(&plan->arena, NAME_AVRO_SPACE, plan->route->topic);
    struct buffer text = {0};
    int status = -1;

    if (space == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a schema");
    if (plan->nkey > 0) {
        put_key_schema(&text, plan, catalog, space);
        plan->key_schema = take_schema(plan, &text, "key", err);
        if (plan->key_schema == NULL)
            goto done;
        buffer_reset(&text);
    }
    if (plan->settings->envelope == ENVELOPE_PLAIN)
        put_plain_schema(&text, plan, catalog, space);
    else
        put_debezium_schema(&text, plan, catalog, space);
    plan->value_schema = take_schema(plan, &text, "value", err);
    status = plan->value_schema == NULL ? -1 : 0;
done:
    buffer_free(&text);
    return status;
}
