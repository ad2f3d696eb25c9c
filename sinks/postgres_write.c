/*
 * postgres_write.c -- a value to the bytes that the target's type wants.
 *
 * Where the target's type is one of a dozen whose binary form is simple, the value is sent so; anything else goes as text,
 * which the server casts. What a type would round or cut off silently is refused here: digits of a numeric, microseconds of
 * a timestamp, characters of a varchar.
 *
 * Facts: the recv functions of PostgreSQL 13 to 18. Pure; any thread.
 */
#include "postgres_target.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cdc/digits.h"

#define DAYS_TO_2000 10957
#define MICROS_PER_SECOND INT64_C(1000000)
#define MICROS_PER_DAY INT64_C(86400000000)
#define MICROS_TO_2000 (DAYS_TO_2000 * MICROS_PER_DAY)

__extension__ typedef unsigned __int128 wide;

/* ---- which form ---- */

enum { OID_BIT = 1560, OID_VARBIT = 1562, OID_XML = 142, OID_BPCHAR = 1042, OID_VARCHAR = 1043 };

/* Types that are sent as they are; `sent` of those that stand for text is text: the server turns it into theirs and
 * minds their length. */
static const struct known_type {
    uint32_t oid;
    enum target_form form;
    const char *sent;
    bool cast; /* the server must be told: equality is not that of `sent` */
} known_types[] = {
    {16, FORM_BOOL, "boolean", false},
    {21, FORM_INT2, "smallint", false},
    {23, FORM_INT4, "integer", false},
    {20, FORM_INT8, "bigint", false},
    {700, FORM_FLOAT4, "real", false},
    {701, FORM_FLOAT8, "double precision", false},
    {1700, FORM_NUMERIC, "numeric", false},
    {25, FORM_TEXT, "text", false},
    {OID_VARCHAR, FORM_TEXT, "text", false},
    {OID_BPCHAR, FORM_TEXT, "text", true},
    {17, FORM_BYTEA, "bytea", false},
    {2950, FORM_UUID, "uuid", false},
    {114, FORM_JSON, "json", false},
    {3802, FORM_JSONB, "jsonb", false},
    {1082, FORM_DATE, "date", false},
    {1083, FORM_TIME, "time", false},
    {1114, FORM_TIMESTAMP, "timestamp", false},
    {1184, FORM_TIMESTAMPTZ, "timestamptz", false},
};

static bool
is_integer(enum value_type type)
{
    return type == TYPE_BOOL || type == TYPE_INT16 || type == TYPE_INT32 || type == TYPE_INT64 || type == TYPE_YEAR ||
           type == TYPE_BITS;
}

/* Can a value of this kind be written in this form? Else it goes as text. */
static bool
fits(enum target_form form, enum value_type type)
{
    switch (form) {
    case FORM_BOOL:
    case FORM_INT2:
    case FORM_INT4:
    case FORM_INT8:
        return is_integer(type);
    case FORM_FLOAT4:
        return type == TYPE_FLOAT32;
    case FORM_FLOAT8:
        return type == TYPE_FLOAT32 || type == TYPE_FLOAT64;
    case FORM_NUMERIC:
        return type == TYPE_DECIMAL || type == TYPE_NUMERIC;
    case FORM_TEXT:
        return true;
    case FORM_JSON:
    case FORM_JSONB:
        return type == TYPE_JSON || type == TYPE_TEXT;
    case FORM_BYTEA:
        return type == TYPE_BYTES || type == TYPE_GEOMETRY || type == TYPE_POINT;
    case FORM_UUID:
        return type == TYPE_UUID;
    case FORM_DATE:
        return type == TYPE_DATE;
    case FORM_TIME:
        return type == TYPE_TIME;
    case FORM_TIMESTAMP:
    case FORM_TIMESTAMPTZ:
        return type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMPTZ;
    case FORM_CAST:
        break;
    }
    return false;
}

void
target_column_settle(struct target_column *to, const struct column *source, bool enum_type)
{
    to->form = FORM_CAST;
    to->sent = "text";
    to->cast = true;
    to->copies = enum_type;
    to->comparable = enum_type;
    for (size_t i = 0; i < sizeof(known_types) / sizeof(known_types[0]); i++) {
        const struct known_type *known = &known_types[i];

        if (known->oid != to->oid)
            continue;
        to->comparable = known->form != FORM_JSON;
        if (!fits(known->form, source->type))
            break;
        to->form = known->form;
        to->sent = known->sent;
        to->cast = known->cast;
        to->copies = true;
    }
}

/* ---- errors ---- */

static int
refuse(const struct column *column, const char *what, struct error *err)
{
    return error_set(err, ERROR_DATA, "E_VALUE", "column %s: %s", column->name, what);
}

static int
too_long(const struct column *column, const struct target_column *to, struct error *err)
{
    return error_set(err, ERROR_DATA, "E_VALUE", "column %s: the value does not fit into the target's %s", column->name,
                     to->declared);
}

/* ---- exact numbers ---- */

/* In base 10,000, aligned at the point: digits[0] counts 10000^weight. Without zeros at either end. */
struct numeric {
    bool negative;
    int32_t weight, scale;
    size_t n;
    const uint16_t *digits;
};

/* Put digits, least significant first from `made`, into order; `fraction` of them stand behind the point. */
static void
numeric_order(struct numeric *out, uint16_t *made, size_t n, size_t fraction)
{
    size_t low = 0;

    while (n > 0 && made[n - 1] == 0)
        n--;
    while (low < n && made[low] == 0)
        low++;
    for (size_t i = low, j = n; i + 1 < j; i++) {
        uint16_t swap = made[--j];
        made[j] = made[i];
        made[i] = swap;
    }
    out->n = n - low;
    out->digits = made + low;
    out->weight = n == 0 ? 0 : (int32_t)n - (int32_t)fraction - 1;
}

static const uint32_t powers[] = {1, 10, 100, 1000};

/* Up to 14 bytes: with up to three zeros more it fits into 128 bits. */
static size_t
small_digits(struct bytes unscaled, bool negative, uint32_t factor, uint16_t *out)
{
    wide magnitude = 0;
    size_t n = 0;

    for (size_t i = 0; i < unscaled.len; i++)
        magnitude = magnitude << 8 | (uint8_t)(negative ? ~unscaled.at[i] : unscaled.at[i]);
    magnitude = (magnitude + (negative ? 1 : 0)) * factor;
    while (magnitude > UINT64_MAX) {
        out[n++] = (uint16_t)(magnitude % 10000);
        magnitude /= 10000;
    }
    for (uint64_t rest = (uint64_t)magnitude; rest > 0; rest /= 10000)
        out[n++] = (uint16_t)(rest % 10000);
    return n;
}

/* Any length, by long division. `limbs` has one for each four bytes, most significant first, and one in front. */
static size_t
large_digits(struct bytes unscaled, bool negative, uint32_t factor, uint32_t *limbs, uint16_t *out)
{
    size_t nlimbs = (unscaled.len + 3) / 4 + 1, first = 0, n = 0;
    uint64_t carry = negative ? 1 : 0;

    for (size_t i = 0; i < unscaled.len; i++) {
        size_t from_end = unscaled.len - 1 - i;
        uint8_t byte = (uint8_t)(negative ? ~unscaled.at[i] : unscaled.at[i]);
        limbs[nlimbs - 1 - from_end / 4] |= (uint32_t)byte << (8 * (from_end % 4));
    }
    for (size_t i = nlimbs; i-- > 0;) { /* the one of two's complement first, then the factor */
        uint64_t v = (uint64_t)limbs[i] + carry;
        limbs[i] = (uint32_t)v;
        carry = v >> 32;
    }
    carry = 0;
    for (size_t i = nlimbs; i-- > 0;) {
        uint64_t v = (uint64_t)limbs[i] * factor + carry;
        limbs[i] = (uint32_t)v;
        carry = v >> 32;
    }
    while (first < nlimbs) {
        uint64_t rest = 0;

        for (size_t i = first; i < nlimbs; i++) {
            uint64_t v = rest << 32 | limbs[i];
            limbs[i] = (uint32_t)(v / 10000);
            rest = v % 10000;
        }
        out[n++] = (uint16_t)rest;
        while (first < nlimbs && limbs[first] == 0)
            first++;
    }
    return n;
}

enum { NUMERIC_SMALL = 14, NUMERIC_ROOM = 48 };

/* `room` has NUMERIC_ROOM digits; *held is freed by the caller. False: no memory. */
static bool
numeric_of(struct numeric *out, const struct value *value, uint16_t *room, void **held)
{
    struct bytes unscaled = value->bytes;
    uint32_t zeros = (uint32_t)(4 - value->scale % 4) % 4;
    size_t fraction = ((size_t)value->scale + zeros) / 4, n, nlimbs;

    *held = NULL;
    *out = (struct numeric){.negative = unscaled.len > 0 && unscaled.at[0] > 127, .scale = value->scale};
    if (unscaled.len <= NUMERIC_SMALL) {
        n = small_digits(unscaled, out->negative, powers[zeros], room);
        numeric_order(out, room, n, fraction);
        return true;
    }
    nlimbs = (unscaled.len + 3) / 4 + 1;
    *held = calloc(1, nlimbs * sizeof(uint32_t) + (nlimbs * 3 + 4) * sizeof(uint16_t));
    if (*held == NULL)
        return false;
    room = (uint16_t *)(void *)((uint8_t *)*held + nlimbs * sizeof(uint32_t));
    n = large_digits(unscaled, out->negative, powers[zeros], *held, room);
    numeric_order(out, room, n, fraction);
    return true;
}

/* A column numeric(p, s) would round what has more digits behind the point. */
static bool
numeric_rounds(const struct numeric *v, int32_t typmod)
{
    int32_t scale = (int32_t)((((uint32_t)(typmod - 4)) & 0x7ff) ^ 1024) - 1024;
    int32_t last = 4 * (v->weight - (int32_t)v->n + 1); /* power of ten of the last digit's last place */
    uint16_t digit;

    if (typmod < 4 || v->n == 0)
        return false;
    for (digit = v->digits[v->n - 1]; digit % 10 == 0; digit /= 10)
        last++;
    return last < -scale;
}

static int
put_numeric(struct buffer *out, const struct target_column *to, const struct column *column, const struct value *value,
            struct error *err)
{
    uint16_t room[NUMERIC_ROOM];
    struct numeric v;
    void *held = NULL;
    int rc = 0;

    if (value->special != VALUE_FINITE) {
        buffer_put_be32(out, 0);
        buffer_put_be16(out, value->special == VALUE_NAN ? 0xc000 : value->special == VALUE_INFINITY ? 0xd000 : 0xf000);
        buffer_put_be16(out, 0);
        return 0;
    }
    if (!numeric_of(&v, value, room, &held))
        return error_set(err, ERROR_FATAL, "", "out of memory for a number");
    if (numeric_rounds(&v, to->typmod)) {
        rc = too_long(column, to, err);
    } else {
        buffer_put_be16(out, (uint16_t)v.n);
        buffer_put_be16(out, (uint16_t)v.weight);
        buffer_put_be16(out, v.negative ? 0x4000 : 0);
        buffer_put_be16(out, (uint16_t)v.scale);
        for (size_t i = 0; i < v.n; i++)
            buffer_put_be16(out, v.digits[i]);
    }
    free(held);
    return rc;
}

static uint16_t
numeric_digit(const struct numeric *v, int32_t power)
{
    int32_t i = v->weight - power;

    return i >= 0 && (size_t)i < v->n ? v->digits[i] : 0;
}

static int
text_numeric(struct buffer *out, const struct value *value, struct error *err)
{
    uint16_t room[NUMERIC_ROOM];
    struct numeric v;
    void *held = NULL;

    if (value->special != VALUE_FINITE) {
        buffer_put_string(out, value->special == VALUE_NAN        ? "NaN"
                               : value->special == VALUE_INFINITY ? "Infinity"
                                                                  : "-Infinity");
        return 0;
    }
    if (!numeric_of(&v, value, room, &held))
        return error_set(err, ERROR_FATAL, "", "out of memory for a number");
    if (v.negative)
        buffer_put_u8(out, '-');
    if (v.weight < 0 || v.n == 0)
        buffer_put_u8(out, '0');
    for (int32_t power = v.n == 0 ? -1 : v.weight; power >= 0; power--)
        buffer_printf(out, power == v.weight ? "%u" : "%04u", numeric_digit(&v, power));
    if (v.scale > 0)
        buffer_put_u8(out, '.');
    for (int32_t power = -1, left = v.scale; left > 0; power--, left -= 4) {
        char four[8];

        snprintf(four, sizeof(four), "%04u", numeric_digit(&v, power));
        buffer_put(out, four, left < 4 ? (size_t)left : 4);
    }
    free(held);
    return 0;
}

/* ---- integers ---- */

/* Little-endian bits as a number; false: more than 63. */
static bool
integer_of(const struct column *column, const struct value *value, int64_t *out)
{
    uint64_t v = 0;

    if (column->type != TYPE_BITS) {
        *out = value->i;
        return true;
    }
    for (size_t i = 0; i < value->bytes.len; i++) {
        if (i >= 8 && value->bytes.at[i] != 0)
            return false;
        if (i < 8)
            v |= (uint64_t)value->bytes.at[i] << (8 * i);
    }
    *out = (int64_t)v;
    return v <= INT64_MAX;
}

static int
put_integer(struct buffer *out, const struct target_column *to, const struct column *column, const struct value *value,
            struct error *err)
{
    int64_t v = 0;
    bool good = integer_of(column, value, &v);

    switch (to->form) {
    case FORM_BOOL:
        if (good && (v == 0 || v == 1)) {
            buffer_put_u8(out, (uint8_t)v);
            return 0;
        }
        return refuse(column, "the target's boolean holds 0 and 1 only", err);
    case FORM_INT2:
        good = good && v >= INT16_MIN && v <= INT16_MAX;
        buffer_put_be16(out, (uint16_t)v);
        break;
    case FORM_INT4:
        good = good && v >= INT32_MIN && v <= INT32_MAX;
        buffer_put_be32(out, (uint32_t)v);
        break;
    default:
        buffer_put_be64(out, (uint64_t)v);
        break;
    }
    return good ? 0 : too_long(column, to, err);
}

/* ---- dates and times ---- */

static int
no_date(const struct column *column, struct error *err)
{
    return refuse(column, "PostgreSQL has no date with a month or day of zero, or past the month's end", err);
}

static bool
rounds(const struct target_column *to, int64_t micros)
{
    static const int32_t unit[] = {1000000, 100000, 10000, 1000, 100, 10, 1};

    return to->typmod >= 0 && to->typmod < 6 && micros % unit[to->typmod] != 0;
}

static int
put_date(struct buffer *out, const struct target_column *to, const struct column *column, const struct value *value,
         struct error *err)
{
    int64_t days = value->i - DAYS_TO_2000;

    if (value->special == VALUE_NO_DATE)
        return no_date(column, err);
    if (value->special != VALUE_FINITE)
        days = value->special == VALUE_INFINITY ? INT32_MAX : INT32_MIN;
    else if (days <= INT32_MIN || days >= INT32_MAX)
        return too_long(column, to, err);
    buffer_put_be32(out, (uint32_t)days);
    return 0;
}

static int
put_timestamp(struct buffer *out, const struct target_column *to, const struct column *column, const struct value *value,
              struct error *err)
{
    int64_t micros = 0;

    if (value->special == VALUE_NO_DATE)
        return no_date(column, err);
    if (value->special != VALUE_FINITE)
        micros = value->special == VALUE_INFINITY ? INT64_MAX : INT64_MIN;
    else if (__builtin_sub_overflow(value->i, MICROS_TO_2000, &micros) || rounds(to, micros))
        return too_long(column, to, err);
    buffer_put_be64(out, (uint64_t)micros);
    return 0;
}

static int
put_time(struct buffer *out, const struct target_column *to, const struct column *column, const struct value *value,
         struct error *err)
{
    if (value->i < 0 || value->i > MICROS_PER_DAY)
        return refuse(column, "PostgreSQL's time ends at 24:00: a column of type interval holds more", err);
    if (rounds(to, value->i))
        return too_long(column, to, err);
    buffer_put_be64(out, (uint64_t)value->i);
    return 0;
}

/* Year, month and day of days since 1970-01-01; a year begins in March, so that a leap day is its last. */
static void
text_date(struct buffer *out, int64_t days, bool *before_christ)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    int day = (int)(of_year - (153 * month + 2) / 5 + 1);

    month += month < 10 ? 3 : -9;
    year += era * 400 + (month <= 2 ? 1 : 0);
    *before_christ = year <= 0;
    buffer_printf(out, "%04lld-%02d-%02d", (long long)(year <= 0 ? 1 - year : year), (int)month, day);
}

static void
text_time(struct buffer *out, int64_t micros)
{
    int64_t seconds;

    if (micros < 0) {
        buffer_put_u8(out, '-');
        micros = -micros;
    }
    seconds = micros / MICROS_PER_SECOND;
    buffer_printf(out, "%02lld:%02d:%02d", (long long)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
    if (micros % MICROS_PER_SECOND != 0)
        buffer_printf(out, ".%06d", (int)(micros % MICROS_PER_SECOND));
}

static int
text_moment(struct buffer *out, const struct column *column, const struct value *value, struct error *err)
{
    int64_t days = value->i, micros = 0;
    bool before_christ;

    if (value->special == VALUE_NO_DATE)
        return no_date(column, err);
    if (value->special != VALUE_FINITE) {
        buffer_put_string(out, value->special == VALUE_INFINITY ? "infinity" : "-infinity");
        return 0;
    }
    if (column->type != TYPE_DATE) {
        days = value->i / MICROS_PER_DAY - (value->i % MICROS_PER_DAY < 0);
        micros = value->i - days * MICROS_PER_DAY;
    }
    text_date(out, days, &before_christ);
    if (column->type != TYPE_DATE) {
        buffer_put_u8(out, ' ');
        text_time(out, micros);
    }
    if (column->type == TYPE_TIMESTAMPTZ)
        buffer_put_string(out, "+00");
    if (before_christ)
        buffer_put_string(out, " BC");
    return 0;
}

/* ---- other texts ---- */

/* The shortest that reads back as the same. */
static void
text_float(struct buffer *out, double f, bool single)
{
    char text[32];

    if (isnan(f) || isinf(f)) {
        buffer_put_string(out, isnan(f) ? "NaN" : f > 0 ? "Infinity" : "-Infinity");
        return;
    }
    for (int digits = single ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, f);
        if (single ? (double)strtof(text, NULL) == f : strtod(text, NULL) == f)
            break;
    }
    buffer_put_string(out, text);
}

static void
text_hex(struct buffer *out, struct bytes raw)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *at = buffer_room(out, 2 * raw.len);

    if (at == NULL)
        return;
    for (size_t i = 0; i < raw.len; i++) {
        *at++ = (uint8_t)hex[raw.at[i] >> 4];
        *at++ = (uint8_t)hex[raw.at[i] & 15];
    }
    out->len += 2 * raw.len;
}

static int
text_bytes(struct buffer *out, const struct column *column, struct bytes raw, struct error *err)
{
    if (!bytes_utf8_valid(raw) || (raw.len > 0 && memchr(raw.at, 0, raw.len) != NULL))
        return refuse(column, "bytes that are no UTF-8 text, and the target's type is not bytea", err);
    buffer_put(out, raw.at, raw.len);
    return 0;
}

static int
text_text(struct buffer *out, const struct column *column, struct bytes text, struct error *err)
{
    if (text.len > 0 && memchr(text.at, 0, text.len) != NULL)
        return refuse(column, "text with U+0000 in it, which PostgreSQL refuses", err);
    buffer_put(out, text.at, text.len);
    return 0;
}

/* Most significant first, as bit types are written. */
static void
text_bits(struct buffer *out, const struct column *column, struct bytes raw)
{
    for (int32_t i = column->length; i-- > 0;) {
        size_t byte = (size_t)i / 8;
        buffer_put_u8(out, byte < raw.len && (raw.at[byte] >> (i % 8) & 1) != 0 ? '1' : '0');
    }
}

/* PostGIS reads WKB in hex; with an SRID it is EWKB: a flag in the type, and the number behind it. */
static int
text_geometry(struct buffer *out, const struct column *column, const struct value *value, struct error *err)
{
    struct buffer ewkb = {0};
    uint32_t type;

    if (value->bytes.len < 5 || value->bytes.at[0] != 1 || value->scale == 0) {
        text_hex(out, value->bytes);
        return 0;
    }
    memcpy(&type, value->bytes.at + 1, 4);
    buffer_put_u8(&ewkb, 1);
    buffer_put_le32(&ewkb, type | 0x20000000u);
    buffer_put_le32(&ewkb, (uint32_t)value->scale);
    buffer_put(&ewkb, value->bytes.at + 5, value->bytes.len - 5);
    if (!buffer_failed(&ewkb))
        text_hex(out, bytes_of(ewkb.at, ewkb.len));
    else
        error_set(err, ERROR_FATAL, "", "out of memory for column %s", column->name);
    buffer_free(&ewkb);
    return out->failed ? -1 : 0;
}

/* {1,2} for an array, [1,2] for pgvector. */
static void
text_vector(struct buffer *out, char category, struct bytes raw)
{
    buffer_put_u8(out, category == 'A' ? '{' : '[');
    for (size_t i = 0; i + 4 <= raw.len; i += 4) {
        float f;

        memcpy(&f, raw.at + i, 4);
        if (i > 0)
            buffer_put_u8(out, ',');
        text_float(out, (double)f, true);
    }
    buffer_put_u8(out, category == 'A' ? '}' : ']');
}

static void
text_integer(struct buffer *out, int64_t v)
{
    uint8_t *at = buffer_room(out, DIGITS_INT_MAX);

    if (at != NULL)
        out->len += (size_t)(digits_int(at, v) - at);
}

int
target_write_text(struct buffer *out, char category, const struct column *column, const struct value *value,
                  struct error *err)
{
    int64_t number;

    switch (column->type) {
    case TYPE_BOOL:
        buffer_put_string(out, category == 'N' ? (value->i ? "1" : "0") : (value->i ? "true" : "false"));
        return 0;
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
    case TYPE_YEAR:
        text_integer(out, value->i);
        return 0;
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        text_float(out, value->f, column->type == TYPE_FLOAT32);
        return 0;
    case TYPE_DECIMAL:
    case TYPE_NUMERIC:
        return text_numeric(out, value, err);
    case TYPE_TEXT:
    case TYPE_UUID:
    case TYPE_JSON:
    case TYPE_ENUM:
    case TYPE_OTHER:
    case TYPE_SET:
        return text_text(out, column, value->bytes, err);
    case TYPE_BYTES:
        return text_bytes(out, column, value->bytes, err);
    case TYPE_DATE:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return text_moment(out, column, value, err);
    case TYPE_TIME:
        text_time(out, value->i);
        return 0;
    case TYPE_BITS:
        if (category == 'N' && integer_of(column, value, &number))
            text_integer(out, number);
        else
            text_bits(out, column, value->bytes);
        return 0;
    case TYPE_GEOMETRY:
    case TYPE_POINT:
        return text_geometry(out, column, value, err);
    case TYPE_VECTOR:
        text_vector(out, category, value->bytes);
        return 0;
    }
    return error_set(err, ERROR_FATAL, "", "column %s: a type without a text", column->name);
}

/* ---- the rest in binary ---- */

/* varchar(n) and char(n) let spaces at the end go, and nothing else. */
static bool
longer_than(struct bytes text, int32_t characters)
{
    size_t at = 0;

    for (; at < text.len; at++) {
        if ((text.at[at] & 0xc0) != 0x80 && characters-- == 0)
            break;
    }
    for (; at < text.len; at++) {
        if (text.at[at] != ' ')
            return true;
    }
    return false;
}

static int
put_text(struct buffer *out, const struct target_column *to, const struct column *column, const struct value *value,
         struct error *err)
{
    size_t from = out->len;

    if (target_write_text(out, to->category, column, value, err) == -1)
        return -1;
    if ((to->oid == OID_VARCHAR || to->oid == OID_BPCHAR) && to->typmod > 4 && !buffer_failed(out) &&
        longer_than(bytes_of(out->at + from, out->len - from), to->typmod - 4))
        return too_long(column, to, err);
    return 0;
}

static int
hex_digit(uint8_t c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
put_uuid(struct buffer *out, const struct column *column, struct bytes text, struct error *err)
{
    size_t n = 0;
    int high = -1;

    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.at[i]);

        if (digit == -1)
            continue; /* a dash */
        if (high == -1) {
            high = digit;
            continue;
        }
        buffer_put_u8(out, (uint8_t)(high << 4 | digit));
        high = -1;
        n++;
    }
    return n == 16 ? 0 : refuse(column, "not a uuid", err);
}

static void
put_float4(struct buffer *out, double f)
{
    float single = (float)f;
    uint32_t bits;

    memcpy(&bits, &single, 4);
    buffer_put_be32(out, bits);
}

int
target_write(struct buffer *out, const struct target_column *to, const struct column *column, const struct value *value,
             struct error *err)
{
    switch (to->form) {
    case FORM_CAST:
    case FORM_TEXT:
        return put_text(out, to, column, value, err);
    case FORM_BOOL:
    case FORM_INT2:
    case FORM_INT4:
    case FORM_INT8:
        return put_integer(out, to, column, value, err);
    case FORM_FLOAT4:
        put_float4(out, value->f);
        return 0;
    case FORM_FLOAT8:
        buffer_put_be64(out, (uint64_t)value->i); /* the same bits */
        return 0;
    case FORM_NUMERIC:
        return put_numeric(out, to, column, value, err);
    case FORM_BYTEA:
        buffer_put(out, value->bytes.at, value->bytes.len);
        return 0;
    case FORM_UUID:
        return put_uuid(out, column, value->bytes, err);
    case FORM_JSONB:
        buffer_put_u8(out, 1); /* version of the form */
        return text_text(out, column, value->bytes, err);
    case FORM_JSON:
        return text_text(out, column, value->bytes, err);
    case FORM_DATE:
        return put_date(out, to, column, value, err);
    case FORM_TIME:
        return put_time(out, to, column, value, err);
    case FORM_TIMESTAMP:
    case FORM_TIMESTAMPTZ:
        return put_timestamp(out, to, column, value, err);
    }
    return 0;
}
