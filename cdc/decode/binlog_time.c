/*
 * binlog_time.c -- dates and times of a row image.
 *
 *     DATE        3 bytes, low first: year << 9 | month << 5 | day
 *     DATETIME2   5 bytes, high first, less 2^39: (year * 13 + month) << 22 | day << 17 |
 *                 hour << 12 | minute << 6 | second; then the fraction
 *     TIMESTAMP2  4 bytes, high first: seconds since 1970, without a sign; then the fraction
 *     TIME2       3 bytes and the fraction, together high first, less half of their range: a number
 *                 with a sign, whose amount is hour << 12 | minute << 6 | second, and below it the
 *                 fraction
 *     fraction    1 byte for 1 and 2 digits (hundredths), 2 for 3 and 4, 3 for 5 and 6
 *
 * DATETIME, TIMESTAMP and TIME of before MySQL 5.6 are numbers, low byte first: YYYYMMDDhhmmss,
 * seconds, hhmmss.
 *
 * Pure; any thread.
 */
#include "binlog_types_internal.h"

#define MICROS_PER_SECOND INT64_C(1000000)
#define MICROS_PER_DAY INT64_C(86400000000)

enum { YEAR_MAX = 9999, HOUR_MAX = 838 };

/* Of a fraction of so many digits: what one of its last is worth. */
static const int32_t micros_of_last[] = {0, 10000, 10000, 100, 100, 1, 1};

static inline unsigned
fraction_bytes(const struct binlog_column *how)
{
    return (how->fraction + 1u) / 2;
}

size_t
binlog_time_size(const struct binlog_column *how)
{
    switch ((enum binlog_type)how->type) {
    case BINLOG_TIMESTAMP:
        return 4;
    case BINLOG_DATETIME:
        return 8;
    case BINLOG_TIMESTAMP2:
        return 4 + fraction_bytes(how);
    case BINLOG_DATETIME2:
        return 5 + fraction_bytes(how);
    case BINLOG_TIME2:
        return 3 + fraction_bytes(how);
    default: /* DATE, TIME */
        return 3;
    }
}

/* Days since 1970-01-01. The year begins in March, so that a leap day is its last; years are 0 to
 * 9999. */
static inline int32_t
days_of(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t from_march = month > 2 ? month - 3 : month + 9;
    uint32_t y = year + 400 - (month <= 2), century = y / 100; /* 400 years are 146,097 days */

    return (int32_t)(y * 365 + y / 4 - century + century / 4 + (153 * from_march + 2) / 5 + day) -
           1 - 719468 - 146097;
}

static inline bool
is_date(uint32_t year, uint32_t month, uint32_t day)
{
    static const uint8_t longest[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (day <= 28)
        return month > 0 && day > 0;
    if (month == 2)
        return day == 29 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= longest[month];
}

/* Days, or the mark of a date that is none. The month is 12 at most. */
static inline int64_t
date_of(uint32_t year, uint32_t month, uint32_t day, struct value *out)
{
    if (is_date(year, month, day))
        return days_of(year, month, day);
    out->special = VALUE_NO_DATE;
    return ((int64_t)year * 13 + month) * 32 + day;
}

/* The fraction in microseconds; past 999,999 if it makes no sense. */
static inline int64_t
fraction_of(const struct binlog_column *how, struct cursor *in)
{
    if (how->fraction == 0)
        return 0;
    return (int64_t)cursor_be(in, fraction_bytes(how)) * micros_of_last[how->fraction];
}

static int
no_sense(const struct column *column, struct cursor *in, const char *what, struct error *err)
{
    if (cursor_short(in)) /* it is that, and the caller says so */
        return 0;
    return binlog_bad_value(column, "E_PROTOCOL", what, err);
}

static int
date_value(const struct column *column, struct cursor *in, struct value *out, struct error *err)
{
    uint32_t v = (uint32_t)cursor_le(in, 3);
    uint32_t year = v >> 9, month = v >> 5 & 15, day = v & 31;

    if (year > YEAR_MAX || month > 12)
        return no_sense(column, in, "not a date", err);
    out->i = date_of(year, month, day, out);
    return 0;
}

/* `date` is year * 13 + month << 5 | day, `clock` as in the top of this file. */
static inline int
join(const struct column *column, struct cursor *in, uint32_t date, uint32_t clock, int64_t micros,
     struct value *out, struct error *err)
{
    uint32_t month_of_all = date >> 5;
    uint32_t year = month_of_all / 13, month = month_of_all % 13, day = date & 31;
    uint32_t hour = clock >> 12, minute = clock >> 6 & 63, second = clock & 63;

    if (year > YEAR_MAX || hour > 23 || minute > 59 || second > 59 || micros >= MICROS_PER_SECOND)
        return no_sense(column, in, "not a date and time", err);
    out->i = date_of(year, month, day, out) * MICROS_PER_DAY +
             (int64_t)(hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + micros;
    return 0;
}

static int
datetime2_value(const struct column *column, struct cursor *in, struct value *out,
                struct error *err)
{
    /* a negative one has a year past 9999 then */
    uint64_t v = cursor_be(in, 5) ^ UINT64_C(0x8000000000);
    int64_t micros = fraction_of(column->binlog, in);

    return join(column, in, (uint32_t)(v >> 17), (uint32_t)v & 0x1ffff, micros, out, err);
}

static int
datetime_value(const struct column *column, struct cursor *in, struct value *out, struct error *err)
{
    uint64_t v = cursor_le(in, 8);
    uint32_t date, clock = (uint32_t)(v % 1000000);
    uint32_t hour = clock / 10000, minute = clock / 100 % 100, second = clock % 100;

    if (v / 1000000 > 99991231 || v / 1000000 / 100 % 100 > 12 || v / 1000000 % 100 > 31 ||
        minute > 59 || second > 59)
        return no_sense(column, in, "not a date and time", err);
    date = (uint32_t)(v / 1000000);
    return join(column, in, (date / 10000 * 13 + date / 100 % 100) << 5 | date % 100,
                hour << 12 | minute << 6 | second, 0, out, err);
}

static int
timestamp_value(const struct column *column, struct cursor *in, uint32_t seconds, struct value *out,
                struct error *err)
{
    int64_t micros = fraction_of(column->binlog, in);

    if (seconds == 0 && micros == 0) { /* 0000-00-00; MariaDB has 1970-01-01 00:00:00.5 */
        out->special = VALUE_NO_DATE;
        return 0;
    }
    if (micros >= MICROS_PER_SECOND)
        return no_sense(column, in, "not a timestamp", err);
    out->i = seconds * MICROS_PER_SECOND + micros;
    return 0;
}

static int
time2_value(const struct column *column, struct cursor *in, struct value *out, struct error *err)
{
    unsigned places = 8 * fraction_bytes(column->binlog);
    int64_t v = (int64_t)cursor_be(in, 3 + places / 8) - (INT64_C(0x800000) << places);
    uint64_t amount = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    uint32_t clock = (uint32_t)(amount >> places);
    uint32_t hour = clock >> 12, minute = clock >> 6 & 63, second = clock & 63;
    int64_t micros = (int64_t)(amount & ((UINT64_C(1) << places) - 1)) *
                     micros_of_last[column->binlog->fraction];

    if (hour > HOUR_MAX || minute > 59 || second > 59 || micros >= MICROS_PER_SECOND)
        return no_sense(column, in, "not a time", err);
    micros += (int64_t)(hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND;
    out->i = v < 0 ? -micros : micros;
    return 0;
}

static int
time_value(const struct column *column, struct cursor *in, struct value *out, struct error *err)
{
    int32_t v = (int32_t)cursor_le(in, 3);
    bool negative = v >= 0x800000;
    int64_t seconds;

    if (negative)
        v = 0x1000000 - v;
    if (v / 10000 > HOUR_MAX || v / 100 % 100 > 59 || v % 100 > 59)
        return no_sense(column, in, "not a time", err);
    seconds = v / 10000 * 3600 + v / 100 % 100 * 60 + v % 100;
    out->i = (negative ? -seconds : seconds) * MICROS_PER_SECOND;
    return 0;
}

int
binlog_time_value(const struct column *column, struct cursor *in, struct value *out,
                  struct error *err)
{
    switch ((enum binlog_type)column->binlog->type) {
    case BINLOG_DATE:
        return date_value(column, in, out, err);
    case BINLOG_DATETIME2:
        return datetime2_value(column, in, out, err);
    case BINLOG_TIMESTAMP2:
        return timestamp_value(column, in, (uint32_t)cursor_be(in, 4), out, err);
    case BINLOG_TIME2:
        return time2_value(column, in, out, err);
    case BINLOG_DATETIME:
        return datetime_value(column, in, out, err);
    case BINLOG_TIMESTAMP:
        return timestamp_value(column, in, cursor_le32(in), out, err);
    default:
        return time_value(column, in, out, err);
    }
}
