/*
 * decimal.h -- exact decimals as text. Pure; any thread.
 */
#ifndef CDC_DECIMAL_H
#define CDC_DECIMAL_H

#include "cdc/bytes.h"

/* An unscaled integer, two's complement and big-endian, with its point put in: "-12.50". Appends. */
void decimal_text(struct buffer *out, struct bytes unscaled, int32_t scale);

#endif
