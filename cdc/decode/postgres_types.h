/*
 * postgres_types.h -- PostgreSQL's text and binary form of each type, to values.
 *
 * Facts: PostgreSQL documentation, chapters 8 and 57; the send and out functions of 15 and 18
 * as seen on the wire. Text is as with the session settings DateStyle ISO, extra_float_digits
 * of the server's walsender, bytea_output hex.
 *
 * Both value functions return 0, or -1 with ERROR_DATA that names the column only (E_VALUE); the
 * caller adds the table. No value's content is put into a text: logs are not for user data.
 *
 * Pure; any thread. Memory: values are slices of the bytes given or live in the arena.
 */
#ifndef CDC_DECODE_POSTGRES_TYPES_H
#define CDC_DECODE_POSTGRES_TYPES_H

#include "cdc/arena.h"
#include "cdc/error.h"
#include "cdc/relation.h"

/* Type OIDs that this module names (pg_type.dat; they never change). */
enum postgres_oid {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_JSON = 114,
    OID_XML = 142,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIME = 1083,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    OID_UUID = 2950,
    OID_JSONB = 3802,
};

/* Fill type, length, precision and scale of a column from its type and modifier; returns the
 * type. An OID that is not ours is TYPE_OTHER (enums are told apart elsewhere). */
enum value_type postgres_type_of(uint32_t oid, int32_t typmod, struct column *column);

/* True if a binary value of this type can be decoded here. */
bool postgres_type_listed(uint32_t oid);

int postgres_value_text(const struct column *, struct bytes text, struct arena *,
                        struct value *out, struct error *err);
int postgres_value_binary(const struct column *, struct bytes raw, struct arena *,
                          struct value *out, struct error *err);

/* postgres_numeric.c: the same for DECIMAL and NUMERIC. */
int postgres_numeric_text(const struct column *, struct bytes text, struct arena *,
                          struct value *out, struct error *err);
int postgres_numeric_binary(const struct column *, struct bytes raw, struct arena *,
                            struct value *out, struct error *err);

/* "column x: the value is not a date": -1 with ERROR_DATA. */
int postgres_bad_value(const struct column *, const char *what, struct error *err);

#endif
