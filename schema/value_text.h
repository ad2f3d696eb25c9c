/*
 * value_text.h -- values that go out as text: instants with a zone, exact decimals, event ids.
 *
 * All write into memory that the caller knows to be large enough; no NUL. Pure; any thread.
 */
#ifndef SCHEMA_VALUE_TEXT_H
#define SCHEMA_VALUE_TEXT_H

#include "cdc/batch.h"
#include "cdc/change.h"

enum {
    TEXT_ZONED_MAX = 48,
    TEXT_EVENT_MAX = EVENT_ID_MAX,
    TEXT_SEQUENCE_MAX = 64,
};

/* Microseconds since 1970 as "2020-01-02T03:04:05.678000Z", with `digits` decimals (0 to 6);
 * ISO 8601 years: at least four digits, "+" before more, 1 BC is 0000. Returns the length. */
size_t text_zoned(uint8_t *at, int64_t micros, unsigned digits);

/* `["<final>","<lsn>"]`: Debezium's order of events, as it writes it. */
size_t text_sequence(uint8_t *at, const struct change *);

/* The event's id, as event_id_print gives it. */
size_t text_event_id(uint8_t *at, const struct change *, unsigned output);

/* An unscaled two's complement integer with its point put in: "-12.50". Appends. */
void text_decimal(struct buffer *out, struct bytes unscaled, int32_t scale);

/* a / b, rounded down. */
static inline int64_t
floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q * b > a ? q - 1 : q;
}

/* The decimals that a timestamptz column is written with: all of its precision. */
static inline unsigned
text_digits(const struct column *column)
{
    return column->precision < 0 || column->precision > 6 ? 6u : (unsigned)column->precision;
}

/* Microseconds to nanoseconds; stays at the end of the range rather than wrapping. */
static inline int64_t
nanos_of(int64_t micros)
{
    int64_t nanos;
    if (__builtin_mul_overflow(micros, INT64_C(1000), &nanos))
        return micros < 0 ? INT64_MIN : INT64_MAX;
    return nanos;
}

#endif
