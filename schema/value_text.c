/* value_text.c -- see value_text.h. */
#include "value_text.h"

#include <math.h>

#include "cdc/batch.h"
#include "cdc/digits.h"

/* Year, month and day of a date that is none, packed as value.h says. */
static void
packed_of(int64_t packed, int64_t *year, unsigned *month, unsigned *day)
{
    *day = (unsigned)(packed % 32);
    *month = (unsigned)(packed / 32 % 13);
    *year = packed / 32 / 13;
}

static uint8_t *
put_year(uint8_t *at, int64_t year)
{
    uint64_t magnitude = (uint64_t)(year < 0 ? -year : year);

    if (year < 0)
        *at++ = '-';
    else if (year > 9999)
        *at++ = '+';
    if (magnitude > 9999)
        return digits_uint(at, magnitude);
    at = digits_two(at, (unsigned)magnitude / 100);
    return digits_two(at, (unsigned)magnitude % 100);
}

static size_t
put_infinity(uint8_t *at, bool negative)
{
    const char *text = negative ? "-infinity" : "infinity";

    memcpy(at, text, strlen(text));
    return strlen(text);
}

size_t
text_zoned(uint8_t *at, const struct value *value, unsigned digits)
{
    uint8_t *from = at;
    int64_t days = floor_div(value->i, MICROS_PER_DAY), year;
    int64_t rest = value->i % MICROS_PER_DAY;
    uint64_t of_day = (uint64_t)(rest < 0 ? rest + MICROS_PER_DAY : rest);
    uint32_t seconds = (uint32_t)(of_day / 1000000), fraction = (uint32_t)(of_day % 1000000);
    unsigned month, day;

    if (value->special == VALUE_FINITE)
        civil_of(days, &year, &month, &day);
    else if (value->special == VALUE_NO_DATE)
        packed_of(days, &year, &month, &day);
    else
        return put_infinity(at, value->special == VALUE_NEG_INFINITY);
    at = put_year(at, year);
    *at++ = '-';
    at = digits_two(at, month);
    *at++ = '-';
    at = digits_two(at, day);
    *at++ = 'T';
    at = digits_two(at, seconds / 3600);
    *at++ = ':';
    at = digits_two(at, seconds / 60 % 60);
    *at++ = ':';
    at = digits_two(at, seconds % 60);
    if (digits > 0) {
        *at = '.';
        digits_two(at + 1, fraction / 10000);
        digits_two(at + 3, fraction / 100 % 100);
        digits_two(at + 5, fraction % 100);
        at += 1 + (digits > 6 ? 6 : digits);
    }
    *at++ = 'Z';
    return (size_t)(at - from);
}

bool
wkb_point(struct bytes wkb, double point[2])
{
    enum { WKB_POINT = 1, BIG_ENDIAN_ORDER = 0 };
    struct cursor in = cursor_of(wkb);
    bool big = cursor_u8(&in) == BIG_ENDIAN_ORDER;
    uint32_t type = big ? cursor_be32(&in) : cursor_le32(&in);

    for (int i = 0; i < 2; i++) {
        uint64_t bits = big ? cursor_be64(&in) : cursor_le64(&in);
        memcpy(&point[i], &bits, sizeof(bits));
    }
    /* an empty point is written as one of NaNs */
    return cursor_done(&in) && type == WKB_POINT && isfinite(point[0]) && isfinite(point[1]);
}

size_t
text_sequence(uint8_t *at, const struct change *change)
{
    uint8_t *from = at;

    *at++ = '[';
    *at++ = '"';
    at = digits_uint(at, change->transaction->id.final);
    memcpy(at, "\",\"", 3);
    at = digits_uint(at + 3, change->lsn);
    *at++ = '"';
    *at++ = ']';
    return (size_t)(at - from);
}

size_t
text_event_id(uint8_t *at, const struct change *change, unsigned output)
{
    return event_id_text(&change->transaction->id, change->ordinal, change->row, output, (char *)at);
}
