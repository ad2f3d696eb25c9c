/*
 * source_block.c -- see source_block.h.
 *
 *     version connector name | ts_ms | snapshot db | sequence | ts_us ts_ns | ...
 *
 * is the same for all connectors; PostgreSQL's goes on with schema table | txId lsn ..., MySQL's
 * and MariaDB's with table | server_id gtid file pos row thread query. The bars are the seams
 * between the parts that are made with the plan and what is written for each row.
 *
 * Any shape thread; reads the plan and the change. Nothing on a row's way allocates or formats.
 */
#include "source_block.h"

#include "cdc/json.h"
#include "cdc/version.h"
#include "store.h"

/* More than all that is written for a row between the parts, in either format. */
enum { ROW_ROOM = 512 };

/* ---- schemas ---- */

#define SOURCE(connector, rest) \
    "{\"type\":\"record\",\"name\":\"Source\"," \
    "\"namespace\":\"io.debezium.connector." connector "\",\"fields\":[" \
    AVRO_REQUIRED("version", "string") "," AVRO_REQUIRED("connector", "string") "," \
    AVRO_REQUIRED("name", "string") "," AVRO_REQUIRED("ts_ms", "long") "," \
    "{\"name\":\"snapshot\",\"type\":[{\"type\":\"string\",\"connect.version\":1," \
    "\"connect.parameters\":{\"allowed\":\"true,first,first_in_data_collection," \
    "last_in_data_collection,last,false,incremental\"},\"connect.default\":\"false\"," \
    "\"connect.name\":\"io.debezium.data.Enum\"},\"null\"],\"default\":\"false\"}," \
    AVRO_REQUIRED("db", "string") "," AVRO_OPTIONAL("sequence", "string") "," \
    AVRO_OPTIONAL("ts_us", "long") "," AVRO_OPTIONAL("ts_ns", "long") "," rest "]," \
    "\"connect.version\":1,\"connect.name\":\"io.debezium.connector." connector ".Source\"}"

#define POSTGRESQL \
    AVRO_REQUIRED("schema", "string") "," AVRO_REQUIRED("table", "string") "," \
    AVRO_OPTIONAL("txId", "long") "," AVRO_OPTIONAL("lsn", "long") "," \
    AVRO_OPTIONAL("xmin", "long") "," AVRO_OPTIONAL("origin", "string") "," \
    AVRO_OPTIONAL("origin_lsn", "long")

#define BINLOG \
    AVRO_OPTIONAL("table", "string") "," AVRO_REQUIRED("server_id", "long") "," \
    AVRO_OPTIONAL("gtid", "string") "," AVRO_REQUIRED("file", "string") "," \
    AVRO_REQUIRED("pos", "long") "," AVRO_REQUIRED("row", "int") "," \
    AVRO_OPTIONAL("thread", "long") "," AVRO_OPTIONAL("query", "string")

const char *
source_block_schema(enum connector connector)
{
    switch (connector) {
    case CONNECTOR_POSTGRESQL:
        break;
    case CONNECTOR_MYSQL:
        return SOURCE("mysql", BINLOG);
    case CONNECTOR_MARIADB:
        return SOURCE("mariadb", BINLOG);
    }
    return SOURCE("postgresql", POSTGRESQL);
}

static const char *
connector_name(enum connector connector)
{
    static const char *const names[] = {
        [CONNECTOR_POSTGRESQL] = "postgresql",
        [CONNECTOR_MYSQL] = "mysql",
        [CONNECTOR_MARIADB] = "mariadb",
    };

    return names[connector];
}

/* A binlog's database is what we call a schema. */
static const char *
database_name(const struct plan *plan)
{
    return plan->settings->connector == CONNECTOR_POSTGRESQL ? plan->settings->database
                                                             : plan->relation->schema;
}

/* The session that wrote it, 0 if it is not told; Debezium has none for MariaDB. */
static uint32_t
thread_of(const struct plan *plan, const struct transaction *transaction)
{
    return plan->settings->connector == CONNECTOR_MYSQL ? transaction->thread_id : 0;
}

/* Into `text` (LOG_FILE_MAX); "" where there is none. */
static size_t
print_file(const struct transaction *transaction, char *text)
{
    return transaction->begin.number == 0 ? 0 : log_file_print(&transaction->begin, text);
}

static uint8_t *
room_for_source(const struct plan *plan, struct buffer *out)
{
    size_t parts = plan->source_start.len + plan->source_middle.len + plan->source_end.len;

    return buffer_room(out, parts + ROW_ROOM);
}

static void
used(struct buffer *out, const uint8_t *end)
{
    out->len = (size_t)(end - out->at);
}

/* ---- Avro ---- */

static void
avro_postgresql(const struct plan *plan, const struct change *change, struct buffer *out)
{
    const struct transaction *transaction = &change->transaction->id;
    uint8_t *at = room_for_source(plan, out);

    if (at == NULL)
        return; /* the buffer remembers */
    at = store_part(at, plan->source_start);
    at = store_long(at, floor_div(transaction->commit_us, 1000));
    at = store_part(at, plan->source_middle);
    at = store_length(at, text_sequence(at + 1, change));
    at = store_avro_times(at, transaction->commit_us);
    at = store_part(at, plan->source_end);
    at = store_optional_long(at, transaction->xid);
    at = store_optional_long(at, (int64_t)change->lsn);
    memset(at, BRANCH_NULL, 3); /* xmin, origin, origin_lsn */
    used(out, at + 3);
}

static uint8_t *
store_gtid(uint8_t *at, const struct gtid *gtid)
{
    if (gtid->number == 0) {
        *at++ = BRANCH_NULL;
        return at;
    }
    *at++ = BRANCH_VALUE;
    return store_length(at, gtid_print(gtid, (char *)at + 1));
}

static void
avro_binlog(const struct plan *plan, const struct change *change, struct buffer *out)
{
    const struct transaction *transaction = &change->transaction->id;
    uint32_t thread = thread_of(plan, transaction);
    uint8_t *at = room_for_source(plan, out);

    if (at == NULL)
        return;
    at = store_part(at, plan->source_start);
    at = store_long(at, floor_div(transaction->commit_us, 1000));
    at = store_part(at, plan->source_middle);
    at = store_avro_times(at, transaction->commit_us);
    at = store_part(at, plan->source_end);
    at = store_long(at, transaction->server_id);
    at = store_gtid(at, &transaction->gtid);
    at = store_length(at, print_file(transaction, (char *)at + 1));
    at = store_long(at, (int64_t)change->lsn);
    at = store_long(at, change->row);
    if (thread != 0)
        at = store_optional_long(at, thread);
    else
        *at++ = BRANCH_NULL;
    *at++ = BRANCH_NULL; /* query */
    used(out, at);
}

static void
put_constant(struct buffer *out, const char *text)
{
    uint8_t *at = buffer_room(out, LONG_MAX_BYTES + strlen(text));

    if (at != NULL)
        used(out, store_bytes(at, bytes_of_string(text)));
}

bool
source_block_avro(struct plan *plan)
{
    enum connector connector = plan->settings->connector;
    bool postgresql = connector == CONNECTOR_POSTGRESQL, made;
    struct buffer text = {0};

    plan->put_source = postgresql ? avro_postgresql : avro_binlog;
    put_constant(&text, ROWFERRY_VERSION);
    put_constant(&text, connector_name(connector));
    put_constant(&text, plan->settings->pipeline);
    made = plan_take_part(plan, &text, &plan->source_start);

    buffer_put_u8(&text, 0); /* snapshot's union has the string first */
    put_constant(&text, "false");
    put_constant(&text, database_name(plan));
    buffer_put_u8(&text, postgresql ? BRANCH_VALUE : BRANCH_NULL); /* sequence */
    made = plan_take_part(plan, &text, &plan->source_middle) && made;

    if (postgresql)
        put_constant(&text, plan->relation->schema);
    else
        buffer_put_u8(&text, BRANCH_VALUE); /* table */
    put_constant(&text, plan->relation->table);
    made = plan_take_part(plan, &text, &plan->source_end) && made;
    buffer_free(&text);
    return made;
}

/* ---- JSON ---- */

/* The sequence is JSON inside a string: text_sequence with its quotes escaped. */
static uint8_t *
store_sequence(uint8_t *at, const struct change *change)
{
    at = digits_uint(store_literal(at, "\"[\\\""), change->transaction->id.final);
    at = digits_uint(store_literal(at, "\\\",\\\""), change->lsn);
    return store_literal(at, "\\\"]\"");
}

static void
json_postgresql(const struct plan *plan, const struct change *change, struct buffer *out)
{
    const struct transaction *transaction = &change->transaction->id;
    uint8_t *at = room_for_source(plan, out);

    if (at == NULL)
        return;
    at = store_part(at, plan->source_start);
    at = digits_int(at, floor_div(transaction->commit_us, 1000));
    at = store_part(at, plan->source_middle);
    at = store_sequence(at, change);
    at = store_json_times(at, transaction->commit_us);
    at = store_part(at, plan->source_end);
    at = digits_uint(at, transaction->xid);
    at = digits_int(store_literal(at, ",\"lsn\":"), (int64_t)change->lsn);
    used(out, store_literal(at, ",\"xmin\":null,\"origin\":null,\"origin_lsn\":null}"));
}

/* A GTID has no character that JSON escapes; a file's name may have one. */
static void
json_binlog(const struct plan *plan, const struct change *change, struct buffer *out)
{
    const struct transaction *transaction = &change->transaction->id;
    uint32_t thread = thread_of(plan, transaction);
    uint8_t *at = room_for_source(plan, out);
    char file[LOG_FILE_MAX];

    if (at == NULL)
        return;
    at = store_part(at, plan->source_start);
    at = digits_int(at, floor_div(transaction->commit_us, 1000));
    at = store_part(at, plan->source_middle);
    at = store_json_times(at, transaction->commit_us);
    at = store_part(at, plan->source_end);
    at = digits_uint(at, transaction->server_id);
    if (transaction->gtid.number != 0) {
        at = store_literal(at, ",\"gtid\":\"");
        at += gtid_print(&transaction->gtid, (char *)at);
        at = store_literal(at, "\",\"file\":");
    } else {
        at = store_literal(at, ",\"gtid\":null,\"file\":");
    }
    used(out, at);
    json_text(out, bytes_of(file, print_file(transaction, file)));
    at = buffer_room(out, ROW_ROOM);
    if (at == NULL)
        return;
    at = digits_uint(store_literal(at, ",\"pos\":"), change->lsn);
    at = digits_uint(store_literal(at, ",\"row\":"), change->row);
    at = store_literal(at, ",\"thread\":");
    at = thread != 0 ? digits_uint(at, thread) : store_literal(at, "null");
    used(out, store_literal(at, ",\"query\":null}"));
}

/* `lead` and the text in quotes. */
static void
put_member(struct buffer *out, const char *lead, const char *text)
{
    buffer_put_string(out, lead);
    json_cstring(out, text);
}

bool
source_block_json(struct plan *plan)
{
    enum connector connector = plan->settings->connector;
    bool postgresql = connector == CONNECTOR_POSTGRESQL, made;
    struct buffer text = {0};

    plan->put_source = postgresql ? json_postgresql : json_binlog;
    put_member(&text, ",\"source\":{\"version\":", ROWFERRY_VERSION);
    put_member(&text, ",\"connector\":", connector_name(connector));
    put_member(&text, ",\"name\":", plan->settings->pipeline);
    buffer_put_string(&text, ",\"ts_ms\":");
    made = plan_take_part(plan, &text, &plan->source_start);

    put_member(&text, ",\"snapshot\":\"false\",\"db\":", database_name(plan));
    buffer_put_string(&text, postgresql ? ",\"sequence\":" : ",\"sequence\":null");
    made = plan_take_part(plan, &text, &plan->source_middle) && made;

    if (postgresql)
        put_member(&text, ",\"schema\":", plan->relation->schema);
    put_member(&text, ",\"table\":", plan->relation->table);
    buffer_put_string(&text, postgresql ? ",\"txId\":" : ",\"server_id\":");
    made = plan_take_part(plan, &text, &plan->source_end) && made;
    buffer_free(&text);
    return made;
}
