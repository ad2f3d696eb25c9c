/*
 * plan.h -- what a plan holds; shared by plan.c (makes it), encoder.c (runs it), avro_schema.c
 * (schema texts), avro_encode.c, json_encode.c, row_encode.c and source_block.c (bytes), and nobody else.
 *
 * A plan is made under the shape cache's lock and then only read, by any shape thread. It lives
 * in the shape of its relation, so the relation outlives it.
 */
#ifndef SCHEMA_PLAN_H
#define SCHEMA_PLAN_H

#include "cdc/encoder.h"

/* What became of one value. */
enum field_result {
    FIELD_DONE = 0,
    FIELD_NULL,          /* NULL in a field that is not optional */
    FIELD_NOT_FINITE,    /* NaN or infinity where there is no room for it */
    FIELD_OUT_OF_RANGE,
    FIELD_NOT_UTF8,
    FIELD_UNCHANGED,     /* not sent, and its type has no marker for that */
    FIELD_NOT_A_POINT,
    FIELD_NOT_A_VECTOR,
};

/* What a column whose value was not sent carries instead (Debezium's word for it). */
#define UNAVAILABLE "__debezium_unavailable_value"

/* What becomes of a value that was not sent. */
enum unsent {
    UNSENT_ERROR = 0,
    UNSENT_MARKER,
    UNSENT_LEFT_OUT, /* JSON: the object does not have the field */
};

struct field;

/* Writes a VALUE_SET value, in Avro with its union branch. */
typedef enum field_result field_put(const struct field *, const struct value *, struct buffer *);

/* One column of a record. */
struct field {
    field_put *put;
    const struct column *column;
    const char *name;      /* as an Avro name; the column's own in JSON */
    struct bytes label;    /* JSON: `,"name":` */
    uint16_t index;        /* of the column */
    bool optional;
    bool key;              /* a key column */
    uint8_t unsent;        /* enum unsent */
};

/* One event as it is to be written. */
struct shot {
    enum change_op op;
    uint8_t output;             /* index among the outputs of its change */
    bool key_only;              /* plain delete: of `row` only the key columns */
    const struct value *before; /* NULL: none */
    const struct value *after;  /* plain: the row itself */
    const struct change *change;
    const struct encode_stamp *stamp;
    uint32_t key_offset, key_length; /* for JSON lines; length 0: no key */
    bool tombstone;                  /* for JSON lines: the value is null */
};

struct plan {
    const struct encoder_settings *settings;
    const struct relation *relation;
    struct route *route;

    uint16_t nfields, nkey;
    struct field *fields;     /* the relation's columns, in their order */
    struct field *key_fields; /* in key order; none of them optional */

    enum field_result (*put_key)(const struct plan *, const struct value *row, struct buffer *,
                                 uint16_t *column);
    enum field_result (*put_value)(const struct plan *, const struct shot *, struct buffer *,
                                   uint16_t *column);

    const char *key_schema, *value_schema; /* NULL: none */
    int32_t key_id, value_id;

    /* The source block, and its parts that do not change from row to row (source_block.c). */
    void (*put_source)(const struct plan *, const struct change *, struct buffer *);
    struct bytes source_start, source_middle, source_end;
    struct bytes line_table; /* JSON lines: `,"table":"schema.table","key":` */

    struct arena arena; /* owns all of the above but relation, settings and route */
};

/* The buffer's bytes as a part of the plan; empties the buffer. False when out of memory. */
bool plan_take_part(struct plan *, struct buffer *text, struct bytes *part);

/* Where schema changes go; NULL: nowhere. */
struct route *encoder_schema_route(struct encoder *);
const struct encoder_settings *encoder_settings_of(const struct encoder *);

/* Names of topics, of Avro fields, and dotted Avro namespaces: what is not allowed becomes `_`.
 * NULL when out of memory. */
enum name_kind { NAME_TOPIC, NAME_AVRO, NAME_AVRO_SPACE };
const char *name_clean(struct arena *, enum name_kind, const char *text);

/* time(0) to timestamp(3) go out in milliseconds, the others in microseconds, as Debezium's. */
static inline bool
column_in_millis(const struct column *column)
{
    return column->precision >= 0 && column->precision <= 3;
}

/* Fill key_schema and value_schema from the fields. `catalog` may be NULL. */
int avro_schema_make(struct plan *, const struct catalog_table *catalog, struct error *err);

/* Set put, put_key, put_value and the constant parts. The ids are known by then. */
int avro_plan_prepare(struct plan *, struct error *err);
int json_plan_prepare(struct plan *, struct error *err);
void row_plan_prepare(struct plan *);
/* A key of no row, which names the key's columns all the same: a truncate's. */
void row_put_no_key(const struct plan *, struct buffer *);

#endif
