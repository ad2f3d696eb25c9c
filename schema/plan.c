/*
 * plan.c -- what is made once for each table and sink: topic, key columns, which columns may be
 * NULL, schema texts and ids. Then the format (avro_encode.c, json_encode.c) puts its functions
 * and constants into the plan.
 *
 * All of it runs under the shape cache's lock.
 */
#include "cdc/encoder.h"

#include <assert.h>
#include <stdlib.h>

#include "cdc/option.h"
#include "cdc/pattern.h"
#include "plan.h"

enum { TOPIC_MAX = 249 }; /* Kafka's own limit */

/* A topic and the table that has it. */
struct owned_route {
    struct route route;
    const char *schema, *table;
    struct owned_route *older;
};

struct encoder {
    struct encoder_settings settings;
    struct arena arena;
    struct owned_route *newest;
    struct route schema_changes; /* topic NULL: not wanted */
};

static int
out_of_memory(struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for a plan");
}

/* ---- topics ---- */

static int
check_pattern(const struct encoder_settings *settings, struct error *err)
{
    if (pattern_is_good(settings->topic))
        return 0;
    return error_set(err, ERROR_CONFIG, "E_TOPIC",
                     "topic \"%s\": {schema}, {table} and {pipeline} are what may stand in braces", settings->topic);
}

/* The topic of a table, clean; NULL with *err. */
static const char *
topic_of(struct encoder *encoder, const struct relation *rel, struct error *err)
{
    const struct pattern_names names = {encoder->settings.pipeline, rel->schema, rel->table};
    struct buffer text = {0};
    const char *topic = NULL;

    if (encoder->settings.format == FORMAT_ROW) { /* no topic: the table itself */
        topic = arena_printf(&encoder->arena, "%s.%s", rel->schema, rel->table);
        if (topic == NULL)
            out_of_memory(err);
        return topic;
    }
    for (const char *at = encoder->settings.topic; *at != 0; at++) {
        size_t len = 1;
        const char *value = pattern_name(&names, at, &len);
        if (value == NULL) {
            buffer_put_u8(&text, (uint8_t)*at);
            continue;
        }
        buffer_put_string(&text, value);
        at += len - 1;
    }
    if (!buffer_failed(&text))
        topic = name_clean(&encoder->arena, NAME_TOPIC, buffer_cstr(&text));
    buffer_free(&text);
    if (topic == NULL) {
        out_of_memory(err);
        return NULL;
    }
    if (strlen(topic) > TOPIC_MAX || strcmp(topic, ".") == 0 || strcmp(topic, "..") == 0) {
        error_set(err, ERROR_CONFIG, "E_TOPIC",
                  "table %s.%s: \"%.60s...\" can't be the name of a topic (at most %d characters)",
                  rel->schema, rel->table, topic, TOPIC_MAX);
        return NULL;
    }
    return topic;
}

static struct route *
route_of(struct encoder *encoder, const struct relation *rel, struct error *err)
{
    const char *topic = topic_of(encoder, rel, err);
    struct owned_route *owned;

    if (topic == NULL)
        return NULL;
    for (owned = encoder->newest; owned != NULL; owned = owned->older) {
        if (strcmp(owned->route.topic, topic) != 0)
            continue;
        if (strcmp(owned->schema, rel->schema) == 0 && strcmp(owned->table, rel->table) == 0)
            return &owned->route;
        error_set(err, ERROR_CONFIG, "E_NAME_COLLISION",
                  "tables %s.%s and %s.%s would both be written to topic %s", owned->schema,
                  owned->table, rel->schema, rel->table, topic);
        return NULL;
    }
    owned = arena_alloc(&encoder->arena, sizeof(*owned));
    if (owned != NULL) {
        owned->schema = arena_strdup(&encoder->arena, rel->schema);
        owned->table = arena_strdup(&encoder->arena, rel->table);
    }
    if (owned == NULL || owned->schema == NULL || owned->table == NULL) {
        out_of_memory(err);
        return NULL;
    }
    owned->route.topic = topic;
    atomic_init(&owned->route.handle, NULL);
    owned->older = encoder->newest;
    encoder->newest = owned;
    return &owned->route;
}

/* ---- keys ---- */

struct key {
    uint16_t *columns;
    uint16_t count;
};

static int
key_add_named(struct key *key, const struct relation *rel, const char *name, size_t len,
              struct error *err)
{
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        const char *column = rel->columns[i].name;
        if (strlen(column) != len || memcmp(column, name, len) != 0)
            continue;
        for (uint16_t k = 0; k < key->count; k++) {
            if (key->columns[k] == i)
                return error_set(err, ERROR_CONFIG, "E_KEY_UNKNOWN",
                                 "table %s.%s: key: names column %s twice", rel->schema,
                                 rel->table, column);
        }
        key->columns[key->count++] = i;
        return 0;
    }
    return error_set(err, ERROR_CONFIG, "E_KEY_UNKNOWN",
                     "table %s.%s: key: names column %.*s, which it does not have", rel->schema,
                     rel->table, (int)len, name);
}

/* The columns of "a, b". */
static int
key_configured(struct key *key, const struct relation *rel, const char *columns,
               struct error *err)
{
    for (;;) {
        columns += strspn(columns, " \t");
        size_t whole = strcspn(columns, ","), len = whole;
        while (len > 0 && (columns[len - 1] == ' ' || columns[len - 1] == '\t'))
            len--;
        if (key_add_named(key, rel, columns, len, err) == -1)
            return -1;
        if (columns[whole] == 0)
            return 0;
        columns += whole + 1;
    }
}

/* The key as the log tells it: in its order, or by flags on the columns. */
static void
key_flagged(struct key *key, const struct relation *rel)
{
    for (uint16_t k = 0; k < rel->nkey; k++)
        key->columns[key->count++] = rel->key[k];
    if (rel->nkey > 0)
        return;
    for (uint16_t i = 0; i < rel->ncolumns; i++) {
        if (rel->columns[i].identity)
            key->columns[key->count++] = i;
    }
}

/* The catalogue's primary key. With an index as identity a delete sends the index's columns
 * only: if the primary key is not among them, the index's columns are the key, since a key
 * that deletes don't have is none. */
static void
key_primary(struct key *key, const struct relation *rel, const struct catalog_table *catalog)
{
    for (uint16_t i = 0; i < catalog->nkey; i++) {
        if (rel->replica_identity == IDENTITY_INDEX &&
            !rel->columns[catalog->key[i]].identity) {
            key->count = 0;
            key_flagged(key, rel);
            return;
        }
        key->columns[key->count++] = catalog->key[i];
    }
}

static const char *
configured_key(const struct encoder_settings *settings, const char *table)
{
    for (const struct encoder_key *k = settings->keys; k != NULL && k->table != NULL; k++) {
        if (option_glob(k->table, table))
            return k->columns;
    }
    return NULL;
}

static int
choose_key(const struct encoder *encoder, struct plan *plan, const struct catalog_table *catalog,
           struct key *key, struct error *err)
{
    const struct relation *rel = plan->relation;
    const char *table = arena_printf(&plan->arena, "%s.%s", rel->schema, rel->table);

    key->columns = arena_array(&plan->arena, rel->ncolumns, sizeof(*key->columns));
    if (table == NULL || key->columns == NULL)
        return out_of_memory(err);
    const char *configured = configured_key(&encoder->settings, table);
    if (configured != NULL)
        return key_configured(key, rel, configured, err);
    if (rel->replica_identity == IDENTITY_DEFAULT)
        key_flagged(key, rel);
    else if (catalog != NULL && catalog->exists)
        key_primary(key, rel, catalog);
    else if (rel->replica_identity == IDENTITY_INDEX)
        key_flagged(key, rel);
    else
        return error_set(err, ERROR_CONFIG, "E_KEY_UNKNOWN",
                         "table %s: the catalogue no longer has it and its replica identity does "
                         "not tell its key; name the key's columns under key: (or leave the "
                         "table out)",
                         table);
    return 0;
}

/* ---- fields ---- */

static bool
has_marker(enum value_type type)
{
    return type == TYPE_TEXT || type == TYPE_JSON || type == TYPE_ENUM || type == TYPE_OTHER ||
           type == TYPE_BYTES || type == TYPE_SET;
}

static enum unsent
unsent_of(const struct plan *plan, const struct column *column)
{
    if (has_marker(column->type))
        return UNSENT_MARKER;
    return plan->settings->format == FORMAT_JSON ? UNSENT_LEFT_OUT : UNSENT_ERROR;
}

/* Two columns may not become one field; plain's own three fields are taken as well. */
static int
check_names(const struct plan *plan, struct error *err)
{
    static const char *const taken[] = {"__op", "__ts_us", "__id"};
    const struct relation *rel = plan->relation;

    for (uint16_t i = 0; i < plan->nfields; i++) {
        const char *name = plan->fields[i].name;
        for (uint16_t k = 0; k < i; k++) {
            if (strcmp(plan->fields[k].name, name) == 0)
                return error_set(err, ERROR_CONFIG, "E_NAME_COLLISION",
                                 "table %s.%s: columns %s and %s would both be field %s",
                                 rel->schema, rel->table, rel->columns[k].name,
                                 rel->columns[i].name, name);
        }
        for (size_t k = 0; plan->settings->format != FORMAT_ROW && plan->settings->envelope == ENVELOPE_PLAIN && k < 3; k++) {
            if (strcmp(taken[k], name) == 0)
                return error_set(err, ERROR_CONFIG, "E_NAME_COLLISION",
                                 "table %s.%s: column %s and the event's own field %s",
                                 rel->schema, rel->table, rel->columns[i].name, name);
        }
    }
    return 0;
}

/* Whether a column of the value may be NULL. A plain delete carries the key only and a plain
 * truncate nothing. A binlog says itself which columns are NOT NULL. */
static bool
is_optional(const struct plan *plan, const struct field *field,
            const struct catalog_table *catalog, const bool *nullable)
{
    const struct encoder_settings *settings = plan->settings;

    if (settings->envelope == ENVELOPE_PLAIN &&
        (!field->key || settings->truncate == TRUNCATE_EMIT))
        return true;
    if (field->column->type == TYPE_GEOMETRY || (nullable != NULL && nullable[field->index]))
        return true; /* Debezium's Geometry is optional by itself */
    if (settings->connector != CONNECTOR_POSTGRESQL)
        return !field->column->not_null;
    if (catalog == NULL || !catalog->exists || catalog->columns == NULL)
        return true;
    const struct catalog_column *known = &catalog->columns[field->index];
    return !known->known || !known->not_null;
}

static int
make_fields(struct plan *plan, const struct key *key, const struct catalog_table *catalog,
            const bool *nullable, struct error *err)
{
    const struct relation *rel = plan->relation;
    bool avro = plan->settings->format == FORMAT_AVRO;

    plan->nfields = rel->ncolumns;
    plan->nkey = key->count;
    plan->fields = arena_array(&plan->arena, plan->nfields, sizeof(*plan->fields));
    plan->key_fields = arena_array(&plan->arena, plan->nkey, sizeof(*plan->key_fields));
    if (plan->fields == NULL || plan->key_fields == NULL)
        return out_of_memory(err);
    for (uint16_t k = 0; k < key->count; k++)
        plan->fields[key->columns[k]].key = true;
    for (uint16_t i = 0; i < plan->nfields; i++) {
        struct field *field = &plan->fields[i];
        field->column = &rel->columns[i];
        field->index = i;
        field->name = avro ? name_clean(&plan->arena, NAME_AVRO, field->column->name)
                           : field->column->name;
        if (field->name == NULL)
            return out_of_memory(err);
        field->unsent = unsent_of(plan, field->column);
        field->optional = is_optional(plan, field, catalog, nullable);
    }
    for (uint16_t k = 0; k < key->count; k++) {
        plan->key_fields[k] = plan->fields[key->columns[k]];
        plan->key_fields[k].optional = false;
        plan->key_fields[k].unsent = UNSENT_ERROR; /* a marker is no key */
    }
    return check_names(plan, err);
}

/* ---- schema ids ---- */

static int
register_schema(const struct plan *plan, const char *suffix, const char *schema, int32_t *id,
                struct error *err)
{
    char subject[TOPIC_MAX + 16];

    if (schema == NULL || plan->settings->schemas == NULL)
        return 0;
    strcpy(subject, plan->route->topic);
    strcat(subject, suffix);
    if (schemas_register(plan->settings->schemas, subject, schema, id, err) == -1)
        return error_prefix(err, "subject %s: ", subject);
    return 0;
}

static int
prepare_avro(struct plan *plan, const struct catalog_table *catalog, struct error *err)
{
    if (avro_schema_make(plan, catalog, err) == -1 ||
        register_schema(plan, "-key", plan->key_schema, &plan->key_id, err) == -1 ||
        register_schema(plan, "-value", plan->value_schema, &plan->value_id, err) == -1)
        return -1;
    return avro_plan_prepare(plan, err);
}

static int
prepare(struct plan *plan, const struct catalog_table *catalog, struct error *err)
{
    switch (plan->settings->format) {
    case FORMAT_AVRO:
        return prepare_avro(plan, catalog, err);
    case FORMAT_JSON:
        return json_plan_prepare(plan, err);
    case FORMAT_ROW:
        row_plan_prepare(plan);
        return 0;
    }
    return error_set(err, ERROR_FATAL, "", "a format that is none");
}

/* ---- the encoder and its plans ---- */

struct encoder *
encoder_new(const struct encoder_settings *settings, struct error *err)
{
    struct encoder *encoder;

    assert(settings->truncate != TRUNCATE_DEFAULT);
    if (check_pattern(settings, err) == -1)
        return NULL;
    encoder = calloc(1, sizeof(*encoder));
    if (encoder == NULL) {
        out_of_memory(err);
        return NULL;
    }
    encoder->settings = *settings;
    encoder->schema_changes.topic = settings->schema_changes;
    return encoder;
}

struct route *
encoder_schema_route(struct encoder *encoder)
{
    return encoder->schema_changes.topic != NULL ? &encoder->schema_changes : NULL;
}

const struct encoder_settings *
encoder_settings_of(const struct encoder *encoder)
{
    return &encoder->settings;
}

void
encoder_free(struct encoder *encoder)
{
    if (encoder == NULL)
        return;
    arena_free(&encoder->arena);
    free(encoder);
}

int
encoder_plan(struct encoder *encoder, const struct relation *rel,
             const struct catalog_table *catalog, const bool *nullable, struct plan **out,
             struct error *err)
{
    struct plan *plan = calloc(1, sizeof(*plan));
    struct key key = {0};

    if (plan == NULL)
        return out_of_memory(err);
    plan->settings = &encoder->settings;
    plan->relation = rel;
    plan->route = route_of(encoder, rel, err);
    if (plan->route == NULL || choose_key(encoder, plan, catalog, &key, err) == -1 ||
        make_fields(plan, &key, catalog, nullable, err) == -1)
        goto fail;
    if (prepare(plan, catalog, err) == -1)
        goto fail;
    *out = plan;
    return 0;

fail:
    plan_free(plan);
    return -1;
}

bool
plan_take_part(struct plan *plan, struct buffer *text, struct bytes *part)
{
    void *copy = NULL;

    if (!buffer_failed(text))
        copy = arena_copy(&plan->arena, text->at, text->len);
    *part = bytes_of(copy, text->len);
    buffer_reset(text);
    return copy != NULL;
}

void
plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    arena_free(&plan->arena);
    free(plan);
}

const char *
plan_key_schema(const struct plan *plan)
{
    return plan->key_schema;
}

const char *
plan_value_schema(const struct plan *plan)
{
    return plan->value_schema;
}

const char *
plan_topic(const struct plan *plan)
{
    return plan->route->topic;
}
