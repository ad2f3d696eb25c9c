/*
 * binlog_types_internal.h -- what the files of binlog_types.h share, and nobody else includes.
 */
#ifndef CDC_BINLOG_TYPES_INTERNAL_H
#define CDC_BINLOG_TYPES_INTERNAL_H

#include "binlog_types.h"

/* "column x: what": -1 with ERROR_DATA and the code. */
int binlog_bad_value(const struct column *, const char *code, const char *what, struct error *err);
int binlog_no_memory(const struct column *, struct error *err);

/* binlog_decimal.c: the bytes of a packed decimal. */
size_t binlog_decimal_size(unsigned digits, unsigned scale);
/* An unsigned integer as a DECIMAL without places. -1: out of memory. */
int binlog_decimal_of(uint64_t v, struct arena *, struct value *out);

/* binlog_time.c: dates and times. When the cursor was short, the value means nothing. */
int binlog_time_value(const struct column *, struct cursor *in, struct value *out,
                      struct error *err);
/* The bytes of such a value. */
size_t binlog_time_size(const struct binlog_column *);

/* binlog_compressed.c: a value of MariaDB's COMPRESSED columns. 0; 1: it makes no sense; -1: out of
 * memory. */
int binlog_decompress(struct bytes packed, struct arena *, struct bytes *out);

/* binlog_inet.c: texts of MariaDB's UUID, INET6 and INET4, of 16, 16 and 4 bytes. The length. */
enum { BINLOG_UUID_TEXT = 36, BINLOG_INET_TEXT_MAX = 45 };
size_t binlog_uuid_text(const uint8_t *raw, uint8_t *text);
size_t binlog_inet_text(const uint8_t *raw, size_t len, uint8_t *text);

#endif
