/*
 * value.h -- what a column may hold, without any server's bytes in it.
 *
 * Decoders (pgoutput, binlog rows) make values; encoders read them. The set of types is the union of
 * what the sources have, named for meaning and not for a server.
 *
 * Memory: `bytes` is borrowed from the batch's raw bytes or from the decoder's arena.
 */
#ifndef CDC_VALUE_H
#define CDC_VALUE_H

#include "cdc/bytes.h"

enum value_type {
    TYPE_BOOL,        /* i: 0, 1 */
    TYPE_INT16,       /* i */
    TYPE_INT32,       /* i */
    TYPE_INT64,       /* i */
    TYPE_FLOAT32,     /* f (exactly the float's value) */
    TYPE_FLOAT64,     /* f */
    TYPE_DECIMAL,     /* bytes, scale: column has a declared precision and scale */
    TYPE_NUMERIC,     /* bytes, scale: any precision; the scale is the value's own */
    TYPE_TEXT,        /* bytes, UTF-8 */
    TYPE_BYTES,       /* bytes */
    TYPE_UUID,        /* bytes: 36 characters, lower case */
    TYPE_JSON,        /* bytes: the server's text */
    TYPE_ENUM,        /* bytes: the label */
    TYPE_DATE,        /* i: days since 1970-01-01, proleptic Gregorian */
    TYPE_TIME,        /* i: microseconds since midnight, 24:00:00 included; MySQL: -838:59:59 to 838:59:59 */
    TYPE_TIMESTAMP,   /* i: microseconds since 1970-01-01 00:00, wall clock, no zone */
    TYPE_TIMESTAMPTZ, /* i: microseconds since 1970-01-01 00:00 UTC */
    TYPE_OTHER,       /* bytes: the server's text, for types we have no word for */
    TYPE_BITS,        /* bytes, little-endian, (column->length + 7) / 8 of them */
    TYPE_SET,         /* bytes: labels joined by commas, in the column's order */
    TYPE_YEAR,        /* i: 0, or 1901 to 2155 */
    TYPE_GEOMETRY,    /* bytes: WKB; scale: the SRID */
    TYPE_POINT,       /* the same, of a column that holds points only */
    TYPE_VECTOR,      /* bytes: float32, little-endian, one after the other */
};

enum value_state {
    VALUE_NULL = 0,
    VALUE_UNCHANGED, /* not sent: an unchanged TOAST value, a column outside the row image. Never NULL or "" */
    VALUE_SET,
};

/* Numbers and times that have no finite value. */
enum value_special {
    VALUE_FINITE = 0,
    VALUE_NAN,
    VALUE_INFINITY,
    VALUE_NEG_INFINITY,
    /* MySQL's dates that are none (0000-00-00, 2024-00-15, 2024-02-31): DATE, TIMESTAMP, TIMESTAMPTZ. `i` is
     * ((year * 13 + month) * 32 + day) * 86,400,000,000 + microseconds of the day; for DATE the days alone. */
    VALUE_NO_DATE,
};

struct value {
    uint8_t state;   /* enum value_state */
    uint8_t special; /* enum value_special, for DECIMAL, NUMERIC, DATE, TIMESTAMP, TIMESTAMPTZ;
                        floats carry theirs in f */
    int32_t scale;   /* DECIMAL, NUMERIC: digits after the point, never negative; GEOMETRY, POINT: SRID */
    union {
        int64_t i;
        double f;
        struct bytes bytes; /* DECIMAL, NUMERIC: the unscaled integer, two's complement,
                               big-endian, shortest form (one byte at least) */
    };
};

#endif
