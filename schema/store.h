/*
 * store.h -- pieces of events, put straight into room that is known to be large enough.
 *
 * Each function writes at `at` and returns the end of what it wrote. For the files of this folder
 * that write events, and nobody else. Avro's numbers are zig-zag, seven bits to a byte; a union's
 * value has the branch before it.
 */
#ifndef SCHEMA_STORE_H
#define SCHEMA_STORE_H

#include "cdc/digits.h"
#include "value_text.h"

enum {
    LONG_MAX_BYTES = 10,
    BRANCH_NULL = 0,
    BRANCH_VALUE = 2,
};

static inline uint8_t *
store_part(uint8_t *at, struct bytes part)
{
    memcpy(at, part.at, part.len);
    return at + part.len;
}

/* Inline, so that the length of a literal is known when it is compiled. */
static inline uint8_t *
store_literal(uint8_t *at, const char *text)
{
    memcpy(at, text, strlen(text));
    return at + strlen(text);
}

/* ---- Avro ---- */

static inline uint8_t *
store_long(uint8_t *at, int64_t v)
{
    uint64_t zigzag = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);

    while (zigzag >= 0x80) {
        *at++ = (uint8_t)(zigzag | 0x80);
        zigzag >>= 7;
    }
    *at++ = (uint8_t)zigzag;
    return at;
}

static inline uint8_t *
store_optional_long(uint8_t *at, int64_t v)
{
    *at++ = BRANCH_VALUE;
    return store_long(at, v);
}

static inline uint8_t *
store_bytes(uint8_t *at, struct bytes bytes)
{
    at = store_long(at, (int64_t)bytes.len);
    if (bytes.len > 0)
        memcpy(at, bytes.at, bytes.len);
    return at + bytes.len;
}

/* A text of `len` bytes, less than 8192, already stands at `at + 1`: its length goes before it.
 * Below 64 that is one byte. */
static inline uint8_t *
store_length(uint8_t *at, size_t len)
{
    if (len >= 64) {
        memmove(at + 2, at + 1, len);
        *at++ = (uint8_t)(len << 1 | 0x80);
        *at++ = (uint8_t)(len >> 6);
        return at + len;
    }
    *at++ = (uint8_t)(len << 1);
    return at + len;
}

/* ts_us, ts_ns */
static inline uint8_t *
store_avro_times(uint8_t *at, int64_t micros)
{
    at = store_optional_long(at, micros);
    return store_optional_long(at, nanos_of(micros));
}

/* ---- JSON ---- */

/* `,"ts_us":1000,"ts_ns":1000000` */
static inline uint8_t *
store_json_times(uint8_t *at, int64_t micros)
{
    at = digits_int(store_literal(at, ",\"ts_us\":"), micros);
    return digits_int(store_literal(at, ",\"ts_ns\":"), nanos_of(micros));
}

#endif
