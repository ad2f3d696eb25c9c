/*
 * binlog_column.h -- how a binlog writes one column: what TABLE_MAP says of it, made ready for decoding.
 *
 * Made once for each relation (binlog_table_map.c), then only read. Sources: protocols B6 and B10, seen on
 * MySQL 9.7.4 and MariaDB 10.11.19.
 */
#ifndef CDC_BINLOG_COLUMN_H
#define CDC_BINLOG_COLUMN_H

#include "binlog_charset.h"
#include "cdc/relation.h"

/* Type codes of TABLE_MAP; ENUM and SET are taken out of STRING's metadata. */
enum binlog_type {
    BINLOG_DECIMAL = 0,
    BINLOG_TINY = 1,
    BINLOG_SHORT = 2,
    BINLOG_LONG = 3,
    BINLOG_FLOAT = 4,
    BINLOG_DOUBLE = 5,
    BINLOG_NULL = 6,
    BINLOG_TIMESTAMP = 7,
    BINLOG_LONGLONG = 8,
    BINLOG_INT24 = 9,
    BINLOG_DATE = 10,
    BINLOG_TIME = 11,
    BINLOG_DATETIME = 12,
    BINLOG_YEAR = 13,
    BINLOG_VARCHAR = 15,
    BINLOG_BIT = 16,
    BINLOG_TIMESTAMP2 = 17,
    BINLOG_DATETIME2 = 18,
    BINLOG_TIME2 = 19,
    BINLOG_TYPED_ARRAY = 20,
    BINLOG_BLOB_COMPRESSED = 140,    /* MariaDB */
    BINLOG_VARCHAR_COMPRESSED = 141, /* MariaDB */
    BINLOG_VECTOR = 242,
    BINLOG_JSON = 245,
    BINLOG_NEWDECIMAL = 246,
    BINLOG_ENUM = 247,
    BINLOG_SET = 248,
    BINLOG_BLOB = 252,
    BINLOG_VAR_STRING = 253,
    BINLOG_STRING = 254,
    BINLOG_GEOMETRY = 255,
};

/* MariaDB's types that TABLE_MAP writes as something else; only the catalogue knows them. */
enum binlog_disguise {
    DISGUISE_NONE,
    DISGUISE_UUID,   /* STRING(16), charset binary */
    DISGUISE_INET6,  /* the same */
    DISGUISE_INET4,  /* STRING(4) */
    DISGUISE_VECTOR, /* VARCHAR, charset binary */
};

struct binlog_column {
    uint8_t type;             /* enum binlog_type */
    uint8_t disguise;         /* enum binlog_disguise */
    bool is_unsigned;
    uint8_t fraction;         /* times: digits, 0 to 6; of an old one the log does not say it */
    uint8_t width;            /* bytes: of a length prefix (BLOB, VARCHAR, STRING, JSON ...), of an ENUM or
                                 SET value, of a BIT value */
    uint8_t precision, scale; /* NEWDECIMAL */
    uint8_t geometry;         /* GEOMETRY: 0 any, 1 POINT, 2 LINESTRING ... 7 collection */
    uint16_t bits;            /* BIT */
    uint32_t max_bytes;       /* STRING, VARCHAR: at most so many */
    enum binlog_charset charset; /* BINLOG_CHARSET_BINARY: bytes, not text */
    uint16_t nlabels;
    const struct bytes *labels; /* ENUM, SET: in UTF-8 */
};

/* A time in the form of before MySQL 5.6. */
static inline bool
binlog_is_old_time(uint8_t type)
{
    return type == BINLOG_TIME || type == BINLOG_DATETIME || type == BINLOG_TIMESTAMP;
}

#endif
