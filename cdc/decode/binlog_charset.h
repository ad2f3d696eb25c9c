/*
 * binlog_charset.h -- a server's character sets to UTF-8.
 *
 * Values stand in the binlog as they are stored, in the column's character set. UTF-8 and ASCII are borrowed as
 * they are once they are found valid; single-byte sets go through a table; the others through one that is made
 * by iconv when the set's first text comes, and kept. Mappings are the server's own where glibc's differ
 * (latin1 is cp1252 with 81, 8D, 8F, 90, 9D as U+0081 ...; see binlog_charset_tables.c).
 *
 * Source: protocols B12; each set's mapping compared with `SELECT CONVERT(... USING utf8mb4)` of MySQL 9.7.4 and
 * MariaDB 10.11.19. Threads: any.
 */
#ifndef CDC_BINLOG_CHARSET_H
#define CDC_BINLOG_CHARSET_H

#include "cdc/arena.h"
#include "cdc/bytes.h"

enum binlog_charset {
    BINLOG_CHARSET_UNKNOWN = 0,
    BINLOG_CHARSET_BINARY,
    BINLOG_CHARSET_UTF8MB4,
    BINLOG_CHARSET_UTF8MB3,
    BINLOG_CHARSET_ASCII,
    BINLOG_CHARSET_LATIN1,
    BINLOG_CHARSET_FIRST_OTHER, /* the rest in no order that means anything; see binlog_charset.c */
    BINLOG_CHARSET_MAX = 64,
};

/* By the server's own word: "latin1", "utf8mb4", "utf8" (utf8mb3). UNKNOWN if there is none such. */
enum binlog_charset binlog_charset_named(const char *name);
const char *binlog_charset_name(enum binlog_charset);

/* By collation id, from the built-in table (MySQL 9.7, MariaDB to 11.8). UNKNOWN if it is in neither. */
enum binlog_charset binlog_charset_of_collation(uint32_t collation);

/* How many bytes a character may take: CHAR(n)'s n is its bytes divided by this. */
unsigned binlog_charset_width(enum binlog_charset);

/* The text as UTF-8: *out borrows from `text`, or lives in the arena. 0; 1: it is not valid in its set (*out is
 * not set); -1: out of memory, or the C library's iconv lacks the set. Of BINARY only UTF-8 is text. */
int binlog_charset_utf8(enum binlog_charset, struct bytes text, struct arena *, struct bytes *out);

#endif
