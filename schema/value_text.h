/*
 * value_text.h -- values whose form takes thought: instants with a zone, dates that are none,
 * points, event ids.
 *
 * All write into memory that the caller knows to be large enough; no NUL. Pure; any thread.
 */
#ifndef SCHEMA_VALUE_TEXT_H
#define SCHEMA_VALUE_TEXT_H

#include "cdc/batch.h"
#include "cdc/change.h"
#include "cdc/civil.h"
#include "cdc/decimal.h"

enum {
    TEXT_ZONED_MAX = 48,
    TEXT_EVENT_MAX = EVENT_ID_MAX,
    TEXT_SEQUENCE_MAX = 64,
};

/* A TIMESTAMPTZ as "2020-01-02T03:04:05.678000Z", with `digits` decimals (0 to 6); ISO 8601
 * years: at least four digits, "+" before more, 1 BC is 0000. "0000-00-00T00:00:00Z" and the like
 * for a date that is none; "infinity", "-infinity". Returns the length. */
size_t text_zoned(uint8_t *at, const struct value *, unsigned digits);

/* `["<final>","<lsn>"]`: Debezium's order of events, as it writes it. */
size_t text_sequence(uint8_t *at, const struct change *);

/* The event's id, as event_id_print gives it. */
size_t text_event_id(uint8_t *at, const struct change *, unsigned output);

/* x and y of a WKB point, of either byte order; false if it is anything else: empty, of three
 * dimensions, another geometry, with bytes left. */
bool wkb_point(struct bytes wkb, double point[2]);

/* The decimals that a timestamptz column is written with: all of its precision. */
static inline unsigned
text_digits(const struct column *column)
{
    return column->precision < 0 || column->precision > 6 ? 6u : (unsigned)column->precision;
}

/* What stands for a date or timestamp that is none, or not finite. The first come right after the
 * least number, in the order of their fields. */
static inline int32_t
special_days(const struct value *value)
{
    if (value->special == VALUE_NO_DATE)
        return (int32_t)(INT32_MIN + value->i);
    return value->special == VALUE_INFINITY ? INT32_MAX : INT32_MIN;
}

static inline int64_t
special_micros(const struct value *value)
{
    if (value->special == VALUE_NO_DATE)
        return INT64_MIN + value->i;
    return value->special == VALUE_INFINITY ? INT64_MAX : INT64_MIN;
}

static inline int64_t
special_millis(const struct value *value)
{
    if (value->special == VALUE_NO_DATE)
        return INT64_MIN + value->i / 1000;
    return special_micros(value);
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
