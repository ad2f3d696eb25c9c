/*
 * postgres_types.c -- one value of one column, from text or binary.
 *
 * What the server sends is checked, not trusted: lengths must fit exactly, and a value that
 * makes no sense is an error that names its column. Times are counted from 1970 here and from
 * 2000 there; dates are proleptic Gregorian in both, with a year 0 (1 BC) in the arithmetic.
 *
 * Pure functions; any thread.
 */
#include "postgres_types.h"

#include <stdlib.h>

#define DAYS_TO_2000 10957
#define MICROS_PER_SECOND INT64_C(1000000)
#define MICROS_PER_DAY INT64_C(86400000000)
#define MICROS_TO_2000 (DAYS_TO_2000 * MICROS_PER_DAY)

__extension__ typedef __int128 wide;

int
postgres_bad_value(const struct column *column, const char *what, struct error *err)
{
    return error_set(err, ERROR_DATA, "E_VALUE", "column %s: %s", column->name, what);
}

/* ---- what a type is ---- */

/* typmod = ((precision << 16) | (scale & 0x7ff)) + 4; the scale is 11 bits with a sign. */
static enum value_type
numeric_shape(int32_t typmod, struct column *column)
{
    if (typmod < 4)
        return TYPE_NUMERIC;
    uint32_t bits = (uint32_t)(typmod - 4);
    int32_t precision = (int32_t)(bits >> 16);
    int32_t scale = (int32_t)((bits & 0x7ff) ^ 1024) - 1024;

    if (scale < 0) {
        precision -= scale; /* numeric(5,-2) holds up to 7 digits */
        scale = 0;
    }
    /* numeric(3,5) is legal since 15; Avro wants the precision to hold the scale */
    column->precision = precision < scale ? scale : precision;
    column->scale = scale;
    return TYPE_DECIMAL;
}

static enum value_type
type_of(uint32_t oid, int32_t typmod, struct column *column)
{
    switch (oid) {
    case OID_BOOL:
        return TYPE_BOOL;
    case OID_INT2:
        return TYPE_INT16;
    case OID_INT4:
        return TYPE_INT32;
    case OID_INT8:
    case OID_OID: /* unsigned 32 bits */
        return TYPE_INT64;
    case OID_FLOAT4:
        return TYPE_FLOAT32;
    case OID_FLOAT8:
        return TYPE_FLOAT64;
    case OID_NUMERIC:
        return numeric_shape(typmod, column);
    case OID_BPCHAR:
    case OID_VARCHAR:
        column->length = typmod > 4 ? typmod - 4 : 0;
        return TYPE_TEXT;
    case OID_TEXT:
    case OID_NAME:
        return TYPE_TEXT;
    case OID_BYTEA:
        return TYPE_BYTES;
    case OID_UUID:
        return TYPE_UUID;
    case OID_JSON:
    case OID_JSONB:
        return TYPE_JSON;
    case OID_DATE:
        return TYPE_DATE;
    case OID_TIME:
        column->precision = typmod < 0 ? -1 : typmod;
        return TYPE_TIME;
    case OID_TIMESTAMP:
        column->precision = typmod < 0 ? -1 : typmod;
        return TYPE_TIMESTAMP;
    case OID_TIMESTAMPTZ:
        column->precision = typmod < 0 ? -1 : typmod;
        return TYPE_TIMESTAMPTZ;
    default:
        return TYPE_OTHER;
    }
}

enum value_type
postgres_type_of(uint32_t oid, int32_t typmod, struct column *column)
{
    column->length = column->precision = column->scale = 0;
    column->type = type_of(oid, typmod, column);
    return column->type;
}

bool
postgres_type_listed(uint32_t oid)
{
    struct column column = {0};

    /* xml has no word of its own here, but its binary form is its text */
    return oid == OID_XML || postgres_type_of(oid, -1, &column) != TYPE_OTHER;
}

/* ---- dates ---- */

/* Days since 1970-01-01. The year begins in March, so that a leap day is its last day; 400 years
 * are 146,097 days. */
static int64_t
days_of(int64_t year, unsigned month, unsigned day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t from_march = month > 2 ? month - 3 : month + 9;
    int64_t day_of_year = (153 * from_march + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 719468;
}

/* A cursor over text: a scan that does not fit marks it as past its end. */
static int64_t
scan_number(struct cursor *in, size_t least, size_t most)
{
    int64_t v = 0;
    size_t n = 0;

    for (; n < most && in->at < in->end && *in->at >= '0' && *in->at <= '9'; n++)
        v = v * 10 + (*in->at++ - '0');
    if (n < least)
        in->past_end = true;
    return v;
}

static bool
scan_char(struct cursor *in, char c)
{
    if (in->at == in->end || *in->at != (uint8_t)c)
        return false;
    in->at++;
    return true;
}

static void
expect_char(struct cursor *in, char c)
{
    if (!scan_char(in, c))
        in->past_end = true;
}

struct civil {
    int64_t year;
    unsigned month, day;
};

static struct civil
scan_date(struct cursor *in)
{
    struct civil date;

    date.year = scan_number(in, 4, 7);
    expect_char(in, '-');
    date.month = (unsigned)scan_number(in, 2, 2);
    expect_char(in, '-');
    date.day = (unsigned)scan_number(in, 2, 2);
    if (date.month < 1 || date.month > 12 || date.day < 1 || date.day > 31)
        in->past_end = true;
    return date;
}

/* HH:MM:SS[.ffffff] as microseconds; 24:00:00 is a time. */
static int64_t
scan_time(struct cursor *in)
{
    int64_t hours = scan_number(in, 2, 2), minutes, seconds, micros = 0;

    expect_char(in, ':');
    minutes = scan_number(in, 2, 2);
    expect_char(in, ':');
    seconds = scan_number(in, 2, 2);
    if (scan_char(in, '.')) {
        const uint8_t *from = in->at;
        micros = scan_number(in, 1, 6);
        for (size_t n = (size_t)(in->at - from); n < 6; n++)
            micros *= 10;
    }
    if (minutes > 59 || seconds > 60)
        in->past_end = true;
    return ((hours * 60 + minutes) * 60 + seconds) * MICROS_PER_SECOND + micros;
}

/* +HH[:MM[:SS]], east of UTC, as microseconds. */
static int64_t
scan_zone(struct cursor *in)
{
    bool west = scan_char(in, '-');
    int64_t seconds;

    if (!west)
        expect_char(in, '+');
    seconds = scan_number(in, 2, 2) * 3600;
    if (scan_char(in, ':'))
        seconds += scan_number(in, 2, 2) * 60;
    if (scan_char(in, ':'))
        seconds += scan_number(in, 2, 2);
    return (west ? -seconds : seconds) * MICROS_PER_SECOND;
}

static void
scan_era(struct cursor *in, struct civil *date)
{
    if (scan_char(in, ' ')) {
        expect_char(in, 'B');
        expect_char(in, 'C');
        date->year = 1 - date->year;
    }
}

static bool
text_infinity(struct bytes text, struct value *out)
{
    if (bytes_equal(text, bytes_of("infinity", 8)))
        out->special = VALUE_INFINITY;
    else if (bytes_equal(text, bytes_of("-infinity", 9)))
        out->special = VALUE_NEG_INFINITY;
    else
        return false;
    out->i = out->special == VALUE_INFINITY ? INT64_MAX : INT64_MIN;
    return true;
}

static int
text_date(const struct column *column, struct bytes text, struct value *out, struct error *err)
{
    struct cursor in = cursor_of(text);

    if (text_infinity(text, out))
        return 0;
    struct civil date = scan_date(&in);
    scan_era(&in, &date);
    if (!cursor_done(&in))
        return postgres_bad_value(column, "not a date", err);
    out->i = days_of(date.year, date.month, date.day);
    return 0;
}

static int
text_time(const struct column *column, struct bytes text, struct value *out, struct error *err)
{
    struct cursor in = cursor_of(text);

    out->i = scan_time(&in);
    if (!cursor_done(&in) || out->i > MICROS_PER_DAY)
        return postgres_bad_value(column, "not a time", err);
    return 0;
}

static int
text_timestamp(const struct column *column, struct bytes text, struct value *out,
               struct error *err)
{
    struct cursor in = cursor_of(text);
    int64_t zone = 0;

    if (text_infinity(text, out))
        return 0;
    struct civil date = scan_date(&in);
    expect_char(&in, ' ');
    int64_t time = scan_time(&in);
    if (column->type == TYPE_TIMESTAMPTZ)
        zone = scan_zone(&in);
    scan_era(&in, &date);
    if (!cursor_done(&in))
        return postgres_bad_value(column, "not a timestamp", err);

    /* the server counts from 2000 and reaches 30 years further */
    wide micros = (wide)days_of(date.year, date.month, date.day) * MICROS_PER_DAY + time - zone;
    if (micros > INT64_MAX || micros < INT64_MIN)
        return postgres_bad_value(column, "a timestamp past the year 294246", err);
    out->i = (int64_t)micros;
    return 0;
}

/* ---- other types, from text ---- */

static int
text_integer(const struct column *column, struct bytes text, struct value *out,
             struct error *err)
{
    struct cursor in = cursor_of(text);
    bool negative = scan_char(&in, '-');
    uint64_t v = 0, limit = (uint64_t)INT64_MAX;

    if (column->type == TYPE_INT16)
        limit = INT16_MAX;
    else if (column->type == TYPE_INT32)
        limit = INT32_MAX;
    limit += negative ? 1 : 0;
    if (in.at == in.end)
        return postgres_bad_value(column, "not an integer", err);
    for (; in.at < in.end; in.at++) {
        unsigned digit = (unsigned)*in.at - '0';
        if (digit > 9 || v > (limit - digit) / 10)
            return postgres_bad_value(column, "not an integer of its type", err);
        v = v * 10 + digit;
    }
    out->i = (int64_t)(negative ? 0 - v : v);
    return 0;
}

static int
text_float(const struct column *column, struct bytes text, struct value *out, struct error *err)
{
    char copy[64], *end;

    if (text.len == 0 || text.len >= sizeof(copy))
        return postgres_bad_value(column, "not a float", err);
    for (size_t i = 0; i < text.len; i++) {
        /* strtod knows more than the server writes: hexadecimal, "nan(...)", spaces */
        if (memchr("0123456789+-.eENaInfity", text.at[i], 23) == NULL)
            return postgres_bad_value(column, "not a float", err);
    }
    memcpy(copy, text.at, text.len);
    copy[text.len] = 0;
    /* a float's text read as a double and then narrowed would round twice */
    out->f = column->type == TYPE_FLOAT32 ? (double)strtof(copy, &end) : strtod(copy, &end);
    if (end != copy + text.len)
        return postgres_bad_value(column, "not a float", err);
    return 0;
}

static int
hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* "\x" and hex digits, as bytea_output = hex gives it. */
static int
text_bytea(const struct column *column, struct bytes text, struct arena *arena,
           struct value *out, struct error *err)
{
    if (text.len < 2 || text.at[0] != '\\' || text.at[1] != 'x' || text.len % 2 != 0)
        return postgres_bad_value(column, "not bytea in hex", err);
    size_t len = text.len / 2 - 1;
    uint8_t *raw = arena_alloc(arena, len);
    if (raw == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for column %s", column->name);
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text.at[2 + 2 * i]), low = hex_digit(text.at[3 + 2 * i]);
        if (high < 0 || low < 0)
            return postgres_bad_value(column, "not bytea in hex", err);
        raw[i] = (uint8_t)(high << 4 | low);
    }
    out->bytes = bytes_of(raw, len);
    return 0;
}

static int
text_uuid(const struct column *column, struct bytes text, struct value *out, struct error *err)
{
    bool good = text.len == 36;

    for (size_t i = 0; good && i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        good = dash ? text.at[i] == '-' : hex_digit(text.at[i]) >= 0;
    }
    if (!good)
        return postgres_bad_value(column, "not a uuid", err);
    out->bytes = text;
    return 0;
}

static int
text_bool(const struct column *column, struct bytes text, struct value *out, struct error *err)
{
    if (text.len != 1 || (text.at[0] != 't' && text.at[0] != 'f'))
        return postgres_bad_value(column, "not a boolean", err);
    out->i = text.at[0] == 't';
    return 0;
}

int
postgres_value_text(const struct column *column, struct bytes text, struct arena *arena,
                    struct value *out, struct error *err)
{
    *out = (struct value){.state = VALUE_SET};
    switch (column->type) {
    case TYPE_BOOL:
        return text_bool(column, text, out, err);
    case TYPE_INT16:
    case TYPE_INT32:
    case TYPE_INT64:
        return text_integer(column, text, out, err);
    case TYPE_FLOAT32:
    case TYPE_FLOAT64:
        return text_float(column, text, out, err);
    case TYPE_DECIMAL:
    case TYPE_NUMERIC:
        return postgres_numeric_text(column, text, arena, out, err);
    case TYPE_BYTES:
        return text_bytea(column, text, arena, out, err);
    case TYPE_UUID:
        return text_uuid(column, text, out, err);
    case TYPE_DATE:
        return text_date(column, text, out, err);
    case TYPE_TIME:
        return text_time(column, text, out, err);
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return text_timestamp(column, text, out, err);
    case TYPE_TEXT:
    case TYPE_JSON:
    case TYPE_ENUM:
    case TYPE_OTHER:
        out->bytes = text;
        return 0;
    case TYPE_BITS:
    case TYPE_SET:
    case TYPE_YEAR:
    case TYPE_GEOMETRY:
    case TYPE_POINT:
    case TYPE_VECTOR:
        break; /* a binlog's */
    }
    return postgres_bad_value(column, "a type that this decoder does not know", err);
}

/* ---- the same, from binary ---- */

static int
binary_uuid(struct bytes raw, struct arena *arena, const struct column *column,
            struct value *out, struct error *err)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *text = arena_alloc(arena, 36), *at = text;

    if (text == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for column %s", column->name);
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = (uint8_t)hex[raw.at[i] >> 4];
        *at++ = (uint8_t)hex[raw.at[i] & 15];
    }
    out->bytes = bytes_of(text, 36);
    return 0;
}

static int
binary_date(const struct column *column, int32_t days, struct value *out, struct error *err)
{
    if (days == INT32_MAX || days == INT32_MIN) {
        out->special = days == INT32_MAX ? VALUE_INFINITY : VALUE_NEG_INFINITY;
        out->i = days == INT32_MAX ? INT64_MAX : INT64_MIN;
        return 0;
    }
    out->i = (int64_t)days + DAYS_TO_2000;
    if (out->i >= INT32_MAX)
        return postgres_bad_value(column, "a date past the end of the calendar", err);
    return 0;
}

static int
binary_timestamp(const struct column *column, int64_t micros, struct value *out,
                 struct error *err)
{
    if (micros == INT64_MAX || micros == INT64_MIN) {
        out->special = micros == INT64_MAX ? VALUE_INFINITY : VALUE_NEG_INFINITY;
        out->i = micros;
        return 0;
    }
    if (__builtin_add_overflow(micros, MICROS_TO_2000, &out->i))
        return postgres_bad_value(column, "a timestamp past the year 294246", err);
    return 0;
}

static int
binary_json(const struct column *column, struct bytes raw, struct value *out, struct error *err)
{
    /* jsonb is a version byte and the text; no JSON text begins with 0x01 */
    if (raw.len > 0 && raw.at[0] == 1)
        raw = bytes_of(raw.at + 1, raw.len - 1);
    else if (column->type_id == OID_JSONB)
        return postgres_bad_value(column, "a jsonb version other than 1", err);
    out->bytes = raw;
    return 0;
}

/* The types that are one big-endian word, of which `raw` has exactly as many bytes. */
static int
binary_word(const struct column *column, struct bytes raw, struct value *out, struct error *err)
{
    struct cursor in = cursor_of(raw);
    uint64_t word = raw.len == 8   ? cursor_be64(&in)
                    : raw.len == 4 ? cursor_be32(&in)
                    : raw.len == 2 ? cursor_be16(&in)
                                   : cursor_u8(&in);
    uint32_t half = (uint32_t)word;
    float single;

    switch (column->type) {
    case TYPE_BOOL:
        out->i = word != 0;
        return 0;
    case TYPE_INT16:
        out->i = (int16_t)word;
        return 0;
    case TYPE_INT32:
        out->i = (int32_t)word;
        return 0;
    case TYPE_INT64: /* an oid has four bytes and no sign */
        out->i = (int64_t)word;
        return 0;
    case TYPE_FLOAT32:
        memcpy(&single, &half, sizeof(single));
        out->f = (double)single;
        return 0;
    case TYPE_FLOAT64:
        memcpy(&out->f, &word, sizeof(word));
        return 0;
    case TYPE_DATE:
        return binary_date(column, (int32_t)word, out, err);
    case TYPE_TIME:
        out->i = (int64_t)word;
        if (word > (uint64_t)MICROS_PER_DAY)
            return postgres_bad_value(column, "not a time", err);
        return 0;
    default:
        return binary_timestamp(column, (int64_t)word, out, err);
    }
}

/* How many bytes a value of a type of fixed size has; 0 for the others. */
static size_t
binary_size(const struct column *column, size_t sent)
{
    switch (column->type) {
    case TYPE_BOOL:
        return 1;
    case TYPE_INT16:
        return 2;
    case TYPE_INT32:
    case TYPE_FLOAT32:
    case TYPE_DATE:
        return 4;
    case TYPE_INT64:
        return sent == 4 ? 4 : 8;
    case TYPE_FLOAT64:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        return 8;
    case TYPE_UUID:
        return 16;
    default:
        return 0;
    }
}

int
postgres_value_binary(const struct column *column, struct bytes raw, struct arena *arena,
                      struct value *out, struct error *err)
{
    size_t size = binary_size(column, raw.len);

    *out = (struct value){.state = VALUE_SET};
    if (size != 0 && raw.len != size)
        return postgres_bad_value(column, "a binary value of the wrong length", err);
    switch (column->type) {
    case TYPE_DECIMAL:
    case TYPE_NUMERIC:
        return postgres_numeric_binary(column, raw, arena, out, err);
    case TYPE_UUID:
        return binary_uuid(raw, arena, column, out, err);
    case TYPE_JSON:
        return binary_json(column, raw, out, err);
    case TYPE_TEXT:
    case TYPE_BYTES:
    case TYPE_ENUM:
        out->bytes = raw;
        return 0;
    case TYPE_OTHER:
        if (column->type_id != OID_XML)
            return postgres_bad_value(column, "a binary value of a type that is read as text",
                                      err);
        out->bytes = raw;
        return 0;
    default:
        return binary_word(column, raw, out, err);
    }
}
