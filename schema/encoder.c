/*
 * encoder.c -- what is made once for each table (the plan) and which events a change becomes.
 *
 * The plan: topic, key columns, which columns may be NULL, schema texts and ids; then the
 * format (avro_encode.c, json_encode.c) puts its functions and constants into it. All of that
 * runs under the shape cache's lock.
 *
 * The events of a change (any shape thread, one change at a time for one `events`):
 *
 *     insert, read          value
 *     update                value
 *     update of the key     delete of the old key, its tombstone, insert of the new one
 *     delete                value, tombstone
 *     truncate              value for every partition; nothing; or an error
 *
 * Everything is appended at the end of events->encoded; if something does not work out, both
 * counts go back to where they were.
 */
#include "cdc/encoder.h"

#include <assert.h>
#include <stdlib.h>

#include "cdc/option.h"
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
};

static int
out_of_memory(struct error *err)
{
    return error_set(err, ERROR_FATAL, "", "out of memory for a plan");
}

/* ---- topics ---- */

/* The value of the placeholder that `at` begins with; *len is its length with braces. */
static const char *
placeholder(const struct encoder_settings *settings, const struct relation *rel, const char *at,
            size_t *len)
{
    static const char *const names[] = {"{schema}", "{table}", "{pipeline}"};
    const char *values[] = {rel->schema, rel->table, settings->pipeline};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        *len = strlen(names[i]);
        if (strncmp(at, names[i], *len) == 0)
            return values[i];
    }
    return NULL;
}

static int
check_pattern(const struct encoder_settings *settings, struct error *err)
{
    const struct relation nothing = {.schema = "", .table = ""};
    size_t len;

    for (const char *at = settings->topic; *at != 0; at++) {
        if (*at == '}' || (*at == '{' && placeholder(settings, &nothing, at, &len) == NULL))
            return error_set(err, ERROR_CONFIG, "E_TOPIC",
                             "topic \"%s\": {schema}, {table} and {pipeline} are what may stand "
                             "in braces",
                             settings->topic);
        if (*at == '{')
            at += len - 1;
    }
    return 0;
}

/* The topic of a table, clean; NULL with *err. */
static const char *
topic_of(struct encoder *encoder, const struct relation *rel, struct error *err)
{
    struct buffer text = {0};
    const char *topic = NULL;

    for (const char *at = encoder->settings.topic; *at != 0; at++) {
        size_t len = 1;
        const char *value = placeholder(&encoder->settings, rel, at, &len);
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

static void
key_flagged(struct key *key, const struct relation *rel)
{
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
           type == TYPE_BYTES;
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
        for (size_t k = 0; plan->settings->envelope == ENVELOPE_PLAIN && k < 3; k++) {
            if (strcmp(taken[k], name) == 0)
                return error_set(err, ERROR_CONFIG, "E_NAME_COLLISION",
                                 "table %s.%s: column %s and the event's own field %s",
                                 rel->schema, rel->table, rel->columns[i].name, name);
        }
    }
    return 0;
}

/* Whether a column of the value may be NULL. A plain delete carries the key only and a plain
 * truncate nothing. */
static bool
is_optional(const struct plan *plan, const struct field *field,
            const struct catalog_table *catalog, const bool *nullable)
{
    const struct encoder_settings *settings = plan->settings;

    if (settings->envelope == ENVELOPE_PLAIN &&
        (!field->key || settings->truncate == TRUNCATE_EMIT))
        return true;
    if (catalog == NULL || !catalog->exists || catalog->columns == NULL)
        return true;
    const struct catalog_column *known = &catalog->columns[field->index];
    return !known->known || !known->not_null || (nullable != NULL && nullable[field->index]);
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
        field->unavailable = has_marker(field->column->type);
        field->optional = is_optional(plan, field, catalog, nullable);
    }
    for (uint16_t k = 0; k < key->count; k++) {
        plan->key_fields[k] = plan->fields[key->columns[k]];
        plan->key_fields[k].optional = false;
        plan->key_fields[k].unavailable = false; /* a marker is no key */
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
    return encoder;
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
    int status;

    if (plan == NULL)
        return out_of_memory(err);
    plan->settings = &encoder->settings;
    plan->relation = rel;
    plan->route = route_of(encoder, rel, err);
    if (plan->route == NULL || choose_key(encoder, plan, catalog, &key, err) == -1 ||
        make_fields(plan, &key, catalog, nullable, err) == -1)
        goto fail;
    status = encoder->settings.format == FORMAT_AVRO ? prepare_avro(plan, catalog, err)
                                                     : json_plan_prepare(plan, err);
    if (status == -1)
        goto fail;
    *out = plan;
    return 0;

fail:
    plan_free(plan);
    return -1;
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

/* ---- a change to its events ---- */

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

static int
value_error(const struct work *work, enum field_result result)
{
    static const char *const what[] = {
        [FIELD_NULL] = "is part of the key and NULL",
        [FIELD_NOT_FINITE] = "is NaN or infinite, which a decimal can't say",
        [FIELD_OUT_OF_RANGE] = "is out of the range of its type",
        [FIELD_NOT_UTF8] = "is not valid UTF-8",
        [FIELD_UNCHANGED] = "was not sent by the server (an unchanged, large value)",
    };
    const struct relation *rel = work->plan->relation;
    const char *code = result == FIELD_NOT_UTF8 ? "E_TEXT_ENCODING" : "E_VALUE";

    return error_set(work->err, ERROR_DATA, code, "table %s.%s: column %s %s", rel->schema,
                     rel->table, rel->columns[work->column].name, what[result]);
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
encode_delete(struct work *work)
{
    const struct relation *rel = work->plan->relation;
    struct span key;

    if (!old_has_key(work->plan, work->shot.change))
        return error_set(work->err, ERROR_DATA, "E_KEY_UNKNOWN",
                         "table %s.%s: a delete does not carry the configured key; ALTER TABLE "
                         "... REPLICA IDENTITY FULL, or choose a key inside the identity",
                         rel->schema, rel->table);
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
    struct span none = {(uint32_t)work->out->encoded.len, 0};

    switch (work->plan->settings->truncate) {
    case TRUNCATE_EMIT:
        work->shot.op = CHANGE_TRUNCATE;
        return emit(work, none, EVENT_BROADCAST);
    case TRUNCATE_STOP:
        return error_set(work->err, ERROR_DATA, "E_TRUNCATE",
                         "table %s.%s was truncated and truncate: stop is set", rel->schema,
                         rel->table);
    case TRUNCATE_DEFAULT:
    case TRUNCATE_WARN:
        break; /* the caller logs it */
    }
    return 0;
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
    status = encode_change(&work);
    if (status != ENCODE_DONE) {
        out->count = count;
        out->encoded.len = len;
        *column = work.column;
    }
    return status;
}
