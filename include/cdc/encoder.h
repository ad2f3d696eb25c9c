/*
 * encoder.h -- a change to the bytes of its key and value, for one sink.
 *
 * Two steps. `plan` is made once for each relation and sink, under the shape cache's lock:
 * everything that does not depend on the row (schema texts, ids, one small function for each
 * column, the constant parts of the envelope). `encode` runs for every row, on any shape thread,
 * and reads nothing but the plan, the change and the stamp.
 *
 * One change may give several events: a key change gives delete, tombstone, create. As rows (FORMAT_ROW) it gives one,
 * with the key that it had before, and a truncate is an event unless truncate is stop or warn.
 *
 * A plan is looser or tighter about NULL: when a value is NULL where the plan says NOT NULL,
 * encode returns ENCODE_LOOSEN, and the caller makes a new plan with `nullable[column]` set.
 *
 * Errors: ERROR_DATA that names table and column; the caller adds the position.
 */
#ifndef CDC_ENCODER_H
#define CDC_ENCODER_H

#include "cdc/batch.h"
#include "cdc/catalog.h"
#include "cdc/change.h"
#include "cdc/schemas.h"

enum format { FORMAT_AVRO, FORMAT_JSON, FORMAT_ROW /* row.h: for database sinks, never configured */ };
enum envelope { ENVELOPE_DEBEZIUM, ENVELOPE_PLAIN };
enum connector { CONNECTOR_POSTGRESQL, CONNECTOR_MYSQL, CONNECTOR_MARIADB };
enum truncate_policy { TRUNCATE_DEFAULT, TRUNCATE_EMIT, TRUNCATE_WARN, TRUNCATE_STOP };

/* How one sink wants its events. Strings live as long as the encoder. */
struct encoder_settings {
    enum format format;
    enum envelope envelope;
    bool tombstones;
    enum truncate_policy truncate; /* never TRUNCATE_DEFAULT here */
    bool line;                     /* stdout: value is one JSON line with id, table and key in it */
    const char *pipeline;          /* Debezium's logical name */
    enum connector connector;      /* which kind of source: decides the source block */
    const char *database;          /* PostgreSQL's; a binlog's events name the table's own */
    const char *schema_changes;    /* topic of DDL texts; NULL: they are not wanted */
    const char *topic;             /* pattern: {schema} {table} {pipeline} */
    /* "table-glob: col,col" rows from `key:`; the first that fits wins; ends in {NULL, NULL} */
    const struct encoder_key {
        const char *table;   /* glob for schema.table */
        const char *columns; /* comma-separated names */
    } *keys;
    struct schemas *schemas; /* NULL for JSON */
};

struct encoder;
struct plan;

enum { ENCODE_DONE = 0, ENCODE_LOOSEN = 1 }; /* -1: *err is set */

/* Processing time of the batch: one clock reading for all of its events. */
struct encode_stamp {
    int64_t now_us;
};

struct encoder *encoder_new(const struct encoder_settings *, struct error *err);
void encoder_free(struct encoder *);

/* The interned route of a topic; collisions of topic or Avro names (`a-b`, `a_b`) are
 * E_NAME_COLLISION. `nullable` has relation->ncolumns flags, or is NULL. Not thread-safe: under
 * the shape cache's lock. */
int encoder_plan(struct encoder *, const struct relation *, const struct catalog_table *,
                 const bool *nullable, struct plan **out, struct error *err);
void plan_free(struct plan *);

/* Append the change's events. On ENCODE_LOOSEN *column says which; nothing was appended. */
int plan_encode(const struct plan *, const struct change *, const struct encode_stamp *,
                uint32_t frame, struct arena *scratch, struct events *out, uint16_t *column,
                struct error *err);

/* Append the event of a FRAME_DDL: JSON on every sink, whatever its format, with the database as its key. Any thread. */
int encoder_schema_change(struct encoder *, const struct batch *, uint32_t frame, struct events *out, struct error *err);

/* The schema texts of a plan, for `rowferry schema`; NULL where there is none (JSON, no key). */
const char *plan_key_schema(const struct plan *);
const char *plan_value_schema(const struct plan *);
const char *plan_topic(const struct plan *);

#endif
