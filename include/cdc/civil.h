/*
 * civil.h -- days to dates, proleptic Gregorian. Pure; any thread.
 */
#ifndef CDC_CIVIL_H
#define CDC_CIVIL_H

#include <stdint.h>

#define MICROS_PER_DAY INT64_C(86400000000)

/* a / b, rounded down. */
static inline int64_t
floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q * b > a ? q - 1 : q;
}

/* Year, month and day of a day since 1970-01-01; the reverse of what the decoder does. */
static inline void
civil_of(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    int64_t from_march_0 = days + 719468;
    int64_t era = floor_div(from_march_0, 146097);
    uint32_t of_era = (uint32_t)(from_march_0 - era * 146097);
    uint32_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * y + y / 4 - y / 100);
    uint32_t from_march = (5 * of_year + 2) / 153;

    *day = of_year - (153 * from_march + 2) / 5 + 1;
    *month = from_march < 10 ? from_march + 3 : from_march - 9;
    *year = era * 400 + y + (*month <= 2 ? 1 : 0);
}

#endif
