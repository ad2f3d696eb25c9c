/*
 * binlog_types.h -- one value of a row image to a struct value.
 *
 *     binlog_type_prepare (once for each column) -> binlog_value, binlog_value ... in the order of the image
 *
 * Pure; any thread. Sources: protocols B10, the golden events in tests/golden, MySQL 9.7.4, MariaDB 10.11.19.
 * Errors: ERROR_DATA with E_PROTOCOL (bytes that make no sense), E_TEXT_ENCODING, E_VALUE; they name the column,
 * the caller adds table and position.
 */
#ifndef CDC_BINLOG_TYPES_H
#define CDC_BINLOG_TYPES_H

#include "binlog_column.h"
#include "cdc/error.h"
#include "cdc/value.h"

/* From column->binlog: column->type, type_id, typmod (-1), length, precision, scale and labels ("a,b,c", in the
 * arena). ERROR_DATA with E_TYPE for a type that can't be decoded (TYPED_ARRAY, old DECIMAL; TIME, DATETIME and
 * TIMESTAMP of before 5.6 are decoded, without fractions).
 *
 *     TINY .. INT24       INT16 or INT32      unsigned LONG   INT64     unsigned LONGLONG  DECIMAL(20,0)
 *     NEWDECIMAL(p,s)     DECIMAL             BIT(1)          BOOL      BIT(n)             BITS
 *     CHAR, VARCHAR, TEXT TEXT, or BYTES when the charset is binary (BINARY(n) padded with zeros to n)
 *     DATE DATE, TIME TIME (precision 6), DATETIME(n) TIMESTAMP (precision n), TIMESTAMP(n) TIMESTAMPTZ (the same)
 *     YEAR, ENUM, SET, JSON, GEOMETRY, POINT, VECTOR: their own; UUID UUID; INET4, INET6 TEXT */
int binlog_type_prepare(struct column *, struct arena *, struct error *err);

/* Take the column's next value off the cursor. The value borrows from the cursor's bytes or lives in the arena.
 * `out` is VALUE_SET when it returns 0. */
int binlog_value(const struct column *, struct cursor *in, struct arena *, struct value *out,
                 struct error *err);

/* Take it off without decoding: its bytes with their length prefix. -1 when the cursor is short. */
int binlog_value_skip(const struct column *, struct cursor *in);

/* MySQL's packed decimal: `digits` of the whole, `scale` of them behind the point, into an unscaled integer as
 * struct value has it. Also for decimals inside JSON. Takes its bytes off the cursor. */
int binlog_decimal(struct cursor *in, unsigned digits, unsigned scale, struct arena *, struct value *out,
                   struct error *err);

#endif
