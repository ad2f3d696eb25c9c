/*
 * binlog_json_scalar.c -- the values of a binary JSON document that hold no others, as the server
 * prints them.
 *
 * Pure; any thread.
 */
#include "binlog_json_internal.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "binlog_column.h"
#include "binlog_digits.h"
#include "cdc/json.h"

/* ---- doubles ---- */

/* A magnitude as 0.DIGITS * 10^point, DIGITS without zeros at its ends. */
struct decimal {
    char digits[20];
    int count, point;
};

/* `text` is what printf's %e wrote: "d.dddde-xx". */
static struct decimal
decimal_of(const char *text)
{
    struct decimal d = {.count = 0};
    const char *at = text;

    for (; *at != 'e'; at++) {
        if (*at != '.')
            d.digits[d.count++] = *at;
    }
    while (d.count > 1 && d.digits[d.count - 1] == '0')
        d.count--;
    d.point = atoi(at + 1) + 1;
    return d;
}

/* The last digit of "d.dddde-xx" one up. False when it is a 9: a carry would make it shorter, and
 * that was tried. */
static bool
step_up(char *text)
{
    char *last = strchr(text, 'e') - 1;

    if (*last < '0' || *last >= '9')
        return false;
    *last += 1;
    return true;
}

/* The fewest digits that read back as the same double. printf gives the nearest text of a length;
 * above a power of two doubles are twice as far apart as below, so there the next one up may be
 * right where the nearest isn't. */
static struct decimal
shortest(double magnitude)
{
    char text[32];

    /* 15 digits are the fewest that tell all doubles apart, but for the subnormal ones */
    for (int digits = magnitude < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*e", digits - 1, magnitude);
        if (strtod(text, NULL) == magnitude ||
            (step_up(text) && strtod(text, NULL) == magnitude))
            break;
    }
    return decimal_of(text);
}

/* Seen on the server: without an exponent from 1e-15 to below 1e15; and to below 1e16 when there is
 * a digit behind the point. */
static int
put_double(double v, struct buffer *out, struct error *err)
{
    double magnitude = fabs(v);

    if (!isfinite(v))
        return binlog_json_bad(err, "a double that is not a number");
    if (v == 0 || (magnitude >= 1e-4 && magnitude < 1e15)) {
        json_double(out, v); /* the same text in this range, and faster */
        return 0;
    }
    struct decimal d = shortest(magnitude);
    if (signbit(v))
        buffer_put_u8(out, '-');
    if (d.point >= -14 && d.point <= 0) {
        buffer_put_string(out, "0.");
        buffer_put(out, "00000000000000", (size_t)-d.point);
        buffer_put(out, d.digits, (size_t)d.count);
    } else if (d.point == 16 && d.count == 17) {
        buffer_printf(out, "%.16s.%c", d.digits, d.digits[16]);
    } else if (d.count == 1) {
        buffer_printf(out, "%ce%d", d.digits[0], d.point - 1);
    } else {
        buffer_printf(out, "%c.%.*se%d", d.digits[0], d.count - 1, d.digits + 1, d.point - 1);
    }
    return 0;
}

/* ---- decimals ---- */

static int
put_decimal(struct cursor *in, struct buffer *out, struct error *err)
{
    unsigned precision = cursor_u8(in), scale = cursor_u8(in), from = 0;
    uint8_t digits[BINLOG_DIGITS_MAX];
    bool negative;

    if (!binlog_digits(in, precision, scale, &negative, digits) || !cursor_done(in))
        return binlog_json_bad(err, "a decimal that is none");
    unsigned whole = precision - scale;
    while (from + 1 < whole && digits[from] == '0')
        from++;
    if (negative)
        buffer_put_u8(out, '-');
    if (whole == 0)
        buffer_put_u8(out, '0');
    buffer_put(out, digits + from, whole - from);
    if (scale > 0) {
        buffer_put_u8(out, '.');
        buffer_put(out, digits + whole, scale);
    }
    return 0;
}

/* ---- dates and times ---- */

struct clock {
    unsigned hour, minute, second, micro;
};

/* hour << 12 | minute << 6 | second, then 24 bits of microseconds. */
static bool
clock_of(uint64_t packed, unsigned hours, struct clock *out)
{
    *out = (struct clock){
        .hour = (unsigned)(packed >> 36),
        .minute = (unsigned)(packed >> 30) & 63,
        .second = (unsigned)(packed >> 24) & 63,
        .micro = (unsigned)packed & 0xffffff,
    };
    return out->hour <= hours && out->minute < 60 && out->second < 60 && out->micro < 1000000;
}

static int
put_time(int64_t packed, struct buffer *out, struct error *err)
{
    uint64_t magnitude = packed < 0 ? 0 - (uint64_t)packed : (uint64_t)packed;
    struct clock t;

    if (magnitude >> 46 != 0 || !clock_of(magnitude, 838, &t))
        return binlog_json_bad(err, "a time that is none");
    buffer_printf(out, "\"%s%02u:%02u:%02u.%06u\"", packed < 0 ? "-" : "", t.hour, t.minute,
                  t.second, t.micro);
    return 0;
}

/* Above the clock's 41 bits: 5 of the day, then year * 13 + month. Each of them may be 0. */
static int
put_datetime(uint64_t packed, bool with_time, struct buffer *out, struct error *err)
{
    uint64_t months = packed >> 46;
    unsigned day = (unsigned)(packed >> 41) & 31;
    struct clock t;

    if (months > 9999 * 13 + 12 || !clock_of(packed & ((UINT64_C(1) << 41) - 1), 23, &t))
        return binlog_json_bad(err, "a date that is none");
    buffer_printf(out, "\"%04u-%02u-%02u", (unsigned)(months / 13), (unsigned)(months % 13), day);
    if (with_time)
        buffer_printf(out, " %02u:%02u:%02u.%06u", t.hour, t.minute, t.second, t.micro);
    buffer_put_u8(out, '"');
    return 0;
}

/* ---- strings, and values of columns' types that JSON has no word for ---- */

/* The length in front, and as many bytes: that they are there was seen when the piece was made. */
static struct bytes
take_string(struct cursor *in)
{
    while (cursor_u8(in) & 0x80)
        ;
    return cursor_bytes(in, cursor_left(in));
}

/* The server's base64 has lines of 76 characters; JSON escapes their ends. */
static void
put_base64(unsigned type, struct bytes raw, struct buffer *out)
{
    enum { LINE = 57 };

    buffer_printf(out, "\"base64:type%u:", type);
    for (size_t at = 0; at < raw.len; at += LINE) {
        size_t len = raw.len - at > LINE ? LINE : raw.len - at;
        if (at > 0)
            buffer_put(out, "\\n", 2);
        json_base64_characters(out, bytes_of(raw.at + at, len));
    }
    buffer_put_u8(out, '"');
}

static int
put_opaque(struct cursor *piece, struct buffer *out, struct error *err)
{
    uint8_t type = cursor_u8(piece);
    struct bytes raw = take_string(piece);
    struct cursor in = cursor_of(raw);

    switch (type) {
    case BINLOG_NEWDECIMAL:
        return put_decimal(&in, out, err);
    case BINLOG_DATE:
    case BINLOG_DATETIME:
    case BINLOG_TIMESTAMP:
    case BINLOG_TIME:
        break;
    default:
        put_base64(type, raw, out);
        return 0;
    }
    uint64_t packed = cursor_le64(&in);
    if (!cursor_done(&in))
        return binlog_json_bad(err, "a date or time that has not 8 bytes");
    if (type == BINLOG_TIME)
        return put_time((int64_t)packed, out, err);
    return put_datetime(packed, type != BINLOG_DATE, out, err);
}

/* ---- all of them ---- */

static int
put_literal(uint8_t v, struct buffer *out, struct error *err)
{
    static const char *const words[] = {"null", "true", "false"};

    if (v >= sizeof(words) / sizeof(words[0]))
        return binlog_json_bad(err, "a literal other than null, true and false");
    buffer_put_string(out, words[v]);
    return 0;
}

static double
double_of(uint64_t bits)
{
    double v;

    memcpy(&v, &bits, sizeof(v));
    return v;
}

int
binlog_json_put_scalar(const struct binlog_json_piece *piece, struct buffer *out,
                       struct error *err)
{
    struct cursor in = cursor_of(piece->bytes);

    switch (piece->type) {
    case BIN_LITERAL:
        return put_literal(cursor_u8(&in), out, err);
    case BIN_INT16:
        json_int(out, (int16_t)cursor_le16(&in));
        return 0;
    case BIN_UINT16:
        json_uint(out, cursor_le16(&in));
        return 0;
    case BIN_INT32:
        json_int(out, (int32_t)cursor_le32(&in));
        return 0;
    case BIN_UINT32:
        json_uint(out, cursor_le32(&in));
        return 0;
    case BIN_INT64:
        json_int(out, (int64_t)cursor_le64(&in));
        return 0;
    case BIN_UINT64:
        json_uint(out, cursor_le64(&in));
        return 0;
    case BIN_DOUBLE:
        return put_double(double_of(cursor_le64(&in)), out, err);
    case BIN_STRING:
        json_text(out, take_string(&in));
        return 0;
    default: /* a piece has a known type */
        return put_opaque(&in, out, err);
    }
}
