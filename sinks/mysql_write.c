/*
 * mysql_write.c -- a value as SQL, for a column of the target.
 *
 * The session has NO_BACKSLASH_ESCAPES and utf8mb4: in a '...' only the quote itself is doubled. A byte of a character
 * that is cut off can't swallow the quote behind it: both servers look for a whole character.
 *
 * The servers round in silence, also in strict mode: decimals, fractions of seconds, doubles in a FLOAT, blanks at the end
 * of a text that is too long. That is refused here. What they do refuse (too long, out of range, no such date) is theirs.
 *
 * Pure; any thread.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cdc/civil.h"
#include "cdc/decimal.h"
#include "cdc/digits.h"
#include "mysql_sink.h"

static int
bad_value(const struct column *from, const char *what, struct error *err)
{
    return error_set(err, ERROR_DATA, "E_VALUE", "column %s: %s", from->name, what);
}

/* ---- strings ---- */

void
mysink_put_string(struct buffer *out, struct bytes text)
{
    const uint8_t *at = text.at, *end = text.at + text.len, *quote;

    buffer_put_u8(out, '\'');
    while (at < end && (quote = memchr(at, '\'', (size_t)(end - at))) != NULL) {
        buffer_put(out, at, (size_t)(quote + 1 - at));
        buffer_put_u8(out, '\'');
        at = quote + 1;
    }
    buffer_put(out, at, (size_t)(end - at));
    buffer_put_u8(out, '\'');
}

void
mysink_put_bytes(struct buffer *out, struct bytes bytes)
{
    buffer_put_string(out, "_binary");
    mysink_put_string(out, bytes);
}

static size_t
characters(struct bytes text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++)
        n += (text.at[i] & 0xc0) != 0x80;
    return n;
}

static int
put_text(struct buffer *out, const struct mysink_column *to, const struct column *from, struct bytes text, struct error *err)
{
    if (to->length > 0 && text.len > to->length && text.at[text.len - 1] == ' ' && characters(text) > to->length)
        return bad_value(from, "longer than the target's column, which would drop the blanks at its end", err);
    if (to->family == FAMILY_BYTES) {
        mysink_put_bytes(out, text);
        return 0;
    }
    mysink_put_string(out, text);
    return 0;
}

/* ---- numbers ---- */

/* Bare where numbers are compared with numbers, so that an index serves; quoted for a text. */
static void
put_integer(struct buffer *out, const struct mysink_column *to, int64_t v)
{
    bool quoted = to->family == FAMILY_TEXT || to->family == FAMILY_LABEL;
    uint8_t *at = buffer_room(out, DIGITS_INT_MAX + 2), *from = at;

    if (at == NULL)
        return;
    if (quoted)
        *at++ = '\'';
    at = digits_int(at, v);
    if (quoted)
        *at++ = '\'';
    out->len += (size_t)(at - from);
}

/* As a number with an exponent it is a double to the server, not a decimal; 17 digits bring every double back. */
static int
put_double(struct buffer *out, const struct mysink_column *to, const struct column *from, double f, struct error *err)
{
    char text[40];

    if (!isfinite(f))
        return bad_value(from, isnan(f) ? "NaN can't be stored" : "infinity can't be stored", err);
    if (to->family == FAMILY_FLOAT && (double)(float)f != f)
        return bad_value(from, "a double that does not fit the target's FLOAT", err);
    if ((to->family == FAMILY_INTEGER || to->family == FAMILY_DECIMAL) && f != floor(f))
        return bad_value(from, "a floating-point number with a fraction, for a column of exact numbers", err);
    snprintf(text, sizeof(text), "%.15g", f);
    if (strtod(text, NULL) != f)
        snprintf(text, sizeof(text), "%.17g", f);
    buffer_printf(out, to->family == FAMILY_TEXT ? "'%s'" : strchr(text, 'e') != NULL ? "%s" : "%se0", text);
    return 0;
}

/* Digits after the point that are not zeros at its end. */
static int32_t
decimals_of(struct bytes text)
{
    const uint8_t *point = memchr(text.at, '.', text.len);
    size_t len = text.len;

    if (point == NULL)
        return 0;
    while (text.at[len - 1] == '0')
        len--;
    return (int32_t)(text.at + len - point - 1);
}

/*
 * Quoted to be stored: the server then reads as many digits as there are, whatever stands in the rows beside it. Bare to be
 * compared: with a text it would compare doubles.
 */
static int
put_decimal(struct buffer *out, const struct mysink_column *to, const struct column *from, const struct value *v,
            enum mysink_place place, struct error *err)
{
    bool quoted = place == IN_VALUES || to->family == FAMILY_TEXT;
    size_t start;

    if (v->special != VALUE_FINITE)
        return bad_value(from, v->special == VALUE_NAN ? "NaN can't be stored" : "infinity can't be stored", err);
    if (quoted)
        buffer_put_u8(out, '\'');
    start = out->len;
    decimal_text(out, v->bytes, v->scale);
    if (buffer_failed(out))
        return 0;
    if ((to->family == FAMILY_DECIMAL || to->family == FAMILY_INTEGER) &&
        decimals_of(bytes_of(out->at + start, out->len - start)) > to->scale)
        return bad_value(from, "more digits after the point than the target's column has", err);
    if (quoted)
        buffer_put_u8(out, '\'');
    return 0;
}

static int
put_bits(struct buffer *out, const struct mysink_column *to, const struct column *from, struct bytes low_first,
         struct error *err)
{
    uint64_t v = 0;

    if (low_first.len > sizeof(v))
        return bad_value(from, "more than 64 bits", err);
    for (size_t i = low_first.len; i-- > 0;)
        v = v << 8 | low_first.at[i];
    if (to->family != FAMILY_TEXT) {
        buffer_printf(out, "%llu", (unsigned long long)v);
        return 0;
    }
    buffer_put_u8(out, '\'');
    for (int32_t i = from->length; i-- > 0;)
        buffer_put_u8(out, (uint8_t)('0' + (v >> i & 1)));
    buffer_put_u8(out, '\'');
    return 0;
}

/* ---- dates ---- */

static uint8_t *
put_date(uint8_t *at, int64_t year, unsigned month, unsigned day)
{
    at = digits_two(at, (unsigned)year / 100);
    at = digits_two(at, (unsigned)year % 100);
    *at++ = '-';
    at = digits_two(at, month);
    *at++ = '-';
    return digits_two(at, day);
}

static uint8_t *
put_clock(uint8_t *at, uint64_t hours, uint64_t of_hour)
{
    uint32_t seconds = (uint32_t)(of_hour / 1000000), fraction = (uint32_t)(of_hour % 1000000);

    if (hours < 100)
        at = digits_two(at, (unsigned)hours);
    else
        at = digits_uint(at, hours);
    *at++ = ':';
    at = digits_two(at, seconds / 60);
    *at++ = ':';
    at = digits_two(at, seconds % 60);
    if (fraction == 0)
        return at;
    *at = '.';
    digits_two(at + 1, fraction / 10000);
    digits_two(at + 3, fraction / 100 % 100);
    digits_two(at + 5, fraction % 100);
    return at + 7;
}

#define MICROS_PER_HOUR INT64_C(3600000000)

enum { DATE_MAX = 40, YEAR_MAX = 9999 };

/* Days and microseconds of one; the date alone when `clock` is false. -1: not a year of the target's. */
static int
put_moment(struct buffer *out, const struct value *v, bool clock)
{
    int64_t days = clock ? floor_div(v->i, MICROS_PER_DAY) : v->i, year;
    int64_t of_day = clock ? v->i - days * MICROS_PER_DAY : 0;
    uint8_t *at = buffer_room(out, DATE_MAX), *from = at;
    unsigned month, day;

    if (at == NULL)
        return 0;
    if (v->special == VALUE_NO_DATE) { /* year * 13 + month, then the day */
        day = (unsigned)(days % 32);
        month = (unsigned)(days / 32 % 13);
        year = days / 32 / 13;
    } else {
        civil_of(days, &year, &month, &day);
    }
    if (year < 0 || year > YEAR_MAX)
        return -1;
    *at++ = '\'';
    at = put_date(at, year, month, day);
    if (clock) {
        *at++ = ' ';
        at = put_clock(at, (uint64_t)(of_day / MICROS_PER_HOUR), (uint64_t)(of_day % MICROS_PER_HOUR));
    }
    *at++ = '\'';
    out->len += (size_t)(at - from);
    return 0;
}

void
mysink_put_datetime(struct buffer *out, int64_t micros)
{
    struct value v = {.state = VALUE_SET, .i = micros};

    if (put_moment(out, &v, true) == -1)
        buffer_put_string(out, "NULL");
}

/* Whether a column of the target that has `digits` of them takes this fraction of a second. */
static bool
fraction_fits(const struct mysink_column *to, int64_t micros)
{
    static const int32_t least[] = {1000000, 100000, 10000, 1000, 100, 10, 1};

    return to->family != FAMILY_TIME || to->scale > 6 || micros % least[to->scale] == 0;
}

static int
put_date_time(struct buffer *out, const struct mysink_column *to, const struct column *from, const struct value *v, bool clock,
              struct error *err)
{
    if (v->special == VALUE_INFINITY || v->special == VALUE_NEG_INFINITY)
        return bad_value(from, v->special == VALUE_INFINITY ? "infinity can't be stored" : "-infinity can't be stored", err);
    if (clock && to->family == FAMILY_DATE && v->i % MICROS_PER_DAY != 0)
        return bad_value(from, "a time of the day, for a column of dates", err);
    if (clock && !fraction_fits(to, v->i))
        return bad_value(from, "more digits of a second than the target's column has", err);
    if (put_moment(out, v, clock) == -1)
        return bad_value(from, "a date outside the years 0 to 9999", err);
    return 0;
}

static int
put_time(struct buffer *out, const struct mysink_column *to, const struct column *from, int64_t micros, struct error *err)
{
    uint64_t amount = micros < 0 ? 0 - (uint64_t)micros : (uint64_t)micros;
    uint8_t *at, *start;

    if (!fraction_fits(to, micros))
        return bad_value(from, "more digits of a second than the target's column has", err);
    at = start = buffer_room(out, DATE_MAX);
    if (at == NULL)
        return 0;
    *at++ = '\'';
    if (micros < 0)
        *at++ = '-';
    at = put_clock(at, amount / MICROS_PER_HOUR, amount % MICROS_PER_HOUR);
    *at++ = '\'';
    out->len += (size_t)(at - start);
    return 0;
}

/* ---- the rest ---- */

/* MySQL reads the coordinates of a geographic system as latitude, longitude, unless told; what it stores, and what its log
 * has, is longitude first. */
static int
put_geometry(struct buffer *out, bool mariadb, const struct mysink_column *to, const struct value *v)
{
    if (to->family != FAMILY_GEOMETRY) {
        mysink_put_bytes(out, v->bytes);
        return 0;
    }
    buffer_put_string(out, "ST_GeomFromWKB(");
    mysink_put_bytes(out, v->bytes);
    buffer_printf(out, mariadb || v->scale == 0 ? ", %u)" : ", %u, 'axis-order=long-lat')", (unsigned)v->scale);
    return 0;
}

/* MySQL compares a JSON column with a text as with a JSON string. */
static int
put_json(struct buffer *out, bool mariadb, const struct mysink_column *to, const struct column *from, struct bytes text,
         enum mysink_place place, struct error *err)
{
    bool cast = place == IN_WHERE && to->family == FAMILY_JSON && !mariadb;

    if (cast)
        buffer_put_string(out, "CAST(");
    if (put_text(out, to, from, text, err) == -1)
        return -1;
    if (cast)
        buffer_put_string(out, " AS JSON)");
    return 0;
}

int
mysink_put_value(struct buffer *out, bool mariadb, const struct mysink_column *to, const struct column *from,
                 const struct value *v, enum mysink_place place, struct error *err)
{
    if (v->state != VALUE_SET) {
        buffer_put_string(out, "NULL");
        return 0;
    }
    switch (from->type) {
    case TYPE_BOOL:
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_YEAR: /* as a text, 0 would be 2000 */
        put_integer(out, to, v->i);
        return 0;
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        return put_double(out, to, from, v->f, err);
    case TYPE_DECIMAL:
    case TYPE_NUMERIC:
        return put_decimal(out, to, from, v, place, err);
    case TYPE_BYTES:
    case TYPE_VECTOR:
        mysink_put_bytes(out, v->bytes);
        return 0;
    case TYPE_JSON:
        return put_json(out, mariadb, to, from, v->bytes, place, err);
    case TYPE_TEXT:
    case TYPE_UUID:
    case TYPE_ENUM:
    case TYPE_SET:
    case TYPE_OTHER:
        return put_text(out, to, from, v->bytes, err);
    case TYPE_DATE:
        return put_date_time(out, to, from, v, false, err);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return put_date_time(out, to, from, v, true, err);
    case TYPE_TIME:
        return put_time(out, to, from, v->i, err);
    case TYPE_BITS:
        return put_bits(out, to, from, v->bytes, err);
    case TYPE_GEOMETRY:
    case TYPE_POINT:
        return put_geometry(out, mariadb, to, v);
    }
    return bad_value(from, "a value of a kind that is not known", err);
}
