/*
 * binlog_digits.h -- MySQL's packed decimal to its digits, as text.
 *
 * Nine digits are four bytes, big-endian; what is left over of the whole part comes first, of the fraction last,
 * in as few bytes as its digits need. The first bit is set for numbers that are not negative; a negative one has
 * all its bytes inverted. Pure; any thread. Source: protocols B10, NEWDECIMAL.
 */
#ifndef CDC_BINLOG_DIGITS_H
#define CDC_BINLOG_DIGITS_H

#include "cdc/bytes.h"

/* A column has 65 digits at most. Inside JSON the whole part may be counted up to a multiple of nine, with zeros in
 * front: nine groups in all. */
enum { BINLOG_DIGITS_MAX = 81 };

/* Take a decimal of `digits` digits, `scale` of them behind the point, off the cursor: exactly `digits` characters
 * '0' to '9' into `out`, no sign, no point. False when there can be none such, a group of digits is none, or the
 * cursor is short. */
bool binlog_digits(struct cursor *in, unsigned digits, unsigned scale, bool *negative,
                   uint8_t out[BINLOG_DIGITS_MAX]);

#endif
