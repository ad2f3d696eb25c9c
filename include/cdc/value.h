/*
 * value.h -- what a column may hold, without any server's bytes in it.
 *
 * Decoders (pgoutput today, binlog rows tomorrow) make values; encoders read them. The set
 * of types is the union of what the sources have, named for meaning and not for a server.
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
    TYPE_TIME,        /* i: microseconds since midnight, 24:00:00 included */
    TYPE_TIMESTAMP,   /* i: microseconds since 1970-01-01 00:00, wall clock, no zone */
    TYPE_TIMESTAMPTZ, /* i: microseconds since 1970-01-01 00:00 UTC */
    TYPE_OTHER,       /* bytes: the server's text, for types we have no word for */
};

enum value_state {
    VALUE_NULL = 0,
    VALUE_UNCHANGED, /* not sent: an unchanged TOAST value. Never NULL, never "" */
    VALUE_SET,
};

/* Numbers and times that have no finite value. */
enum value_special {
    VALUE_FINITE = 0,
    VALUE_NAN,
    VALUE_INFINITY,
    VALUE_NEG_INFINITY,
};

struct value {
    uint8_t state;   /* enum value_state */
    uint8_t special; /* enum value_special, for DECIMAL, NUMERIC, DATE, TIMESTAMP, TIMESTAMPTZ;
                        floats carry theirs in f */
    int32_t scale;   /* DECIMAL, NUMERIC: digits after the point, never negative */
    union {
        int64_t i;
        double f;
        struct bytes bytes; /* DECIMAL, NUMERIC: the unscaled integer, two's complement,
                               big-endian, shortest form (one byte at least) */
    };
};

#endif
