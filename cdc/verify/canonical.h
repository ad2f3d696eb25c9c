/*
 * canonical.h -- a value as either server writes it, brought into one text that is the same wherever the value is.
 *
 * What a value means is told by the type of the source's column (value.h); how it is written depends on the column that
 * it was read from. Equal values have equal texts, whatever the servers:
 *
 *     integers, decimals, years   plain digits, no zeros in front or at the end:  12.5
 *     floats                      the shortest digits that read back as the same number; -0 is 0
 *     booleans                    true, false
 *     dates, times, timestamps    ISO 8601 with a space, UTC, no zeros at the end of the fraction; hours may pass 24
 *     bytes, geometry (WKB)       hexadecimal digits; a geometry's SRID before it, with a semicolon
 *     UUIDs                       lower case, with dashes
 *     JSON                        keys in order, the last of equal ones; numbers by value, exactly
 *     bits                        binary digits, no zeros in front
 *     vectors                     [1.0,2.5]
 *     texts, enums, sets, others  as they are
 *
 * What can't be read as its type stays as it is, so it differs from whatever can.
 *
 * Pure; any thread. Failures (memory) stick to the buffer.
 */
#ifndef CDC_VERIFY_CANONICAL_H
#define CDC_VERIFY_CANONICAL_H

#include "cdc/value.h"

enum canonical_form {
    FORM_TEXT,     /* the server's text, UTF-8 */
    FORM_RAW,      /* the bytes themselves: MySQL's BINARY, BLOB, BIT, VECTOR */
    FORM_HEX,      /* PostgreSQL's bytea: \x0a1b */
    FORM_GEOMETRY, /* MySQL's: SRID, four bytes, and WKB */
    FORM_EWKB,     /* PostGIS's: hexadecimal digits of WKB with the SRID inside */
};

struct canonical {
    enum value_type type;
    bool padded;       /* one side's column has a fixed length: spaces at the end say nothing */
    bool json_doubles; /* one side keeps JSON's fractions as doubles */
    bool wkb_only;     /* one side keeps no SRID */
};

void canonical_put(const struct canonical *, enum canonical_form, struct bytes written, struct buffer *out);

/* The bytes that canonical digits of bytes stand for; false: they are not. Appends. */
bool canonical_unhex(struct bytes digits, struct buffer *out);

/* canonical_json.c: false, and nothing appended, if it is no JSON, or nested too deep. */
bool canonical_json_put(struct bytes json, bool doubles, struct buffer *out);

#endif
