/*
 * binlog_charset_internal.h -- what the files of binlog_charset.h share, and nobody else includes.
 *
 * binlog_charset.c has the sets, binlog_charset_tables.c the codes of those with two bytes or more,
 * binlog_charset_convert.c the way from a text to UTF-8.
 */
#ifndef CDC_BINLOG_CHARSET_INTERNAL_H
#define CDC_BINLOG_CHARSET_INTERNAL_H

#include "binlog_charset.h"

enum family {
    FAMILY_UTF8, /* and bytes, of which nothing but UTF-8 is text */
    FAMILY_ASCII,
    FAMILY_SINGLE,
    FAMILY_SWE7,
    FAMILY_DOUBLE,
    FAMILY_SHIFT_JIS,
    FAMILY_EUC_JP,
    FAMILY_GB18030,
    FAMILY_UCS2,
    FAMILY_UTF16,
    FAMILY_UTF16LE,
    FAMILY_UTF32,
};

struct charset_correction {
    uint16_t plane; /* 2: these are the whole code; 3: they follow an 8F */
    uint16_t code, count;
    uint16_t point; /* of the first; the others follow. 0: there are no such characters */
};

struct charset {
    const char *name;
    uint8_t width; /* bytes that a character may take */
    uint8_t family;
    const uint16_t *half;                         /* SINGLE: of 80 to FF; SWE7: of 00 to 7F */
    const char *iconv;                            /* sets of two bytes or more */
    const struct charset_correction *corrections; /* to what iconv says; ends with plane 0 */
};

/* Where the parts of a set's table begin. */
enum {
    CHARSET_PLANE = 128 * 256, /* codes of two bytes from 80 00 on; EUC-JP: again, behind an 8F */
    CHARSET_FOUR = 39420,      /* GB18030, behind that: codes of four bytes below U+10000 */
};

/* The set's table; 0: there is no such character. Made once for the process, and kept. NULL: out of
 * memory, or the C library has no such set. */
const uint16_t *charset_table(const struct charset *, _Atomic(uint16_t *) *made);

/* binlog_charset_utf8 of a set that is known. `made` is where its table is kept. */
int charset_convert(const struct charset *, _Atomic(uint16_t *) *made, struct bytes text,
                    struct arena *, struct bytes *out);

#endif
