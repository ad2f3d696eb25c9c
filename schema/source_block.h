/*
 * source_block.h -- the `source` of Debezium's envelope: where a change comes from.
 *
 * Each connector has its own record. Its schema, its bytes in Avro and its text in JSON are here,
 * side by side, so that they stay the same fields in the same order.
 */
#ifndef SCHEMA_SOURCE_BLOCK_H
#define SCHEMA_SOURCE_BLOCK_H

#include "plan.h"

/* Fields of a record, in the text of a schema. */
#define AVRO_OPTIONAL(name, type) \
    "{\"name\":\"" name "\",\"type\":[\"null\",\"" type "\"],\"default\":null}"
#define AVRO_REQUIRED(name, type) "{\"name\":\"" name "\",\"type\":\"" type "\"}"

/* The record's schema. */
const char *source_block_schema(enum connector);

/* Set put_source and the parts of it that do not change from row to row; false when out of
 * memory. */
bool source_block_avro(struct plan *);
bool source_block_json(struct plan *); /* with `,"source":` before it */

#endif
