/*
 * binlog_charset.c -- the sets, their names, their tables of one byte and their collations; see
 * binlog_charset.h.
 *
 * latin1, greek and the like are as servers have them: with C1 control characters where ISO has
 * those. Nine bytes of tis620 are U+FFFD, as servers say.
 */
#include "binlog_charset_internal.h"

#include <strings.h>

#include "binlog_charset_tables.inc"

enum {
    CHARSET_ARMSCII8 = BINLOG_CHARSET_FIRST_OTHER,
    CHARSET_BIG5,
    CHARSET_CP1250,
    CHARSET_CP1251,
    CHARSET_CP1256,
    CHARSET_CP1257,
    CHARSET_CP850,
    CHARSET_CP852,
    CHARSET_CP866,
    CHARSET_CP932,
    CHARSET_DEC8,
    CHARSET_EUCJPMS,
    CHARSET_EUCKR,
    CHARSET_GB18030,
    CHARSET_GB2312,
    CHARSET_GBK,
    CHARSET_GEOSTD8,
    CHARSET_GREEK,
    CHARSET_HEBREW,
    CHARSET_HP8,
    CHARSET_KEYBCS2,
    CHARSET_KOI8R,
    CHARSET_KOI8U,
    CHARSET_LATIN2,
    CHARSET_LATIN5,
    CHARSET_LATIN7,
    CHARSET_MACCE,
    CHARSET_MACROMAN,
    CHARSET_SJIS,
    CHARSET_SWE7,
    CHARSET_TIS620,
    CHARSET_UCS2,
    CHARSET_UJIS,
    CHARSET_UTF16,
    CHARSET_UTF16LE,
    CHARSET_UTF32,
    CHARSETS,
};
_Static_assert((int)CHARSETS <= (int)BINLOG_CHARSET_MAX, "more sets than the contract says");

static const struct charset_correction big5_corrections[] = {
    {2, 0xa145, 1, 0x2022}, {2, 0xa14e, 1, 0xff64}, {2, 0xa15a, 1, 0xfffd}, {2, 0xa1c2, 1, 0x203e},
    {2, 0xa1c3, 1, 0xfffd}, {2, 0xa1c5, 1, 0xfffd}, {2, 0xa1e3, 1, 0x223c}, {2, 0xa1f2, 1, 0x2641},
    {2, 0xa1f3, 1, 0x2609}, {2, 0xa1fe, 1, 0xfffd}, {2, 0xa240, 1, 0xfffd}, {2, 0xa241, 1, 0xff0f},
    {2, 0xa242, 1, 0xff3c}, {2, 0xa244, 1, 0x00a5}, {2, 0xa246, 2, 0x00a2}, {2, 0xa2cc, 1, 0xfffd},
    {2, 0xa2ce, 1, 0xfffd}, {2, 0xa3e1, 1, 0x0000}, {2, 0xc6a1, 1, 0x30fe}, {2, 0xc6a2, 2, 0x309d},
    {2, 0xc6a4, 1, 0x3005}, {2, 0xc6a5, 83, 0x3041}, {2, 0xc6f8, 7, 0x30a1},
    {2, 0xc740, 63, 0x30a8}, {2, 0xc7a1, 16, 0x30e7}, {2, 0xc7b1, 2, 0x0414},
    {2, 0xc7b3, 1, 0x0401}, {2, 0xc7b4, 7, 0x0416}, {2, 0xc7bb, 19, 0x0423}, {2, 0xc7ce, 1, 0x0451},
    {2, 0xc7cf, 26, 0x0436}, {2, 0xc7e9, 10, 0x2460}, {2, 0xc7f3, 10, 0x2474},
    {2, 0xc7fd, 2, 0x0000}, {2, 0xc840, 63, 0x0000}, {2, 0xc8a1, 94, 0x0000},
    {2, 0xf9dd, 34, 0x0000}, {0, 0, 0, 0},
};
static const struct charset_correction sjis_corrections[] = {{2, 0x815f, 1, 0x005c}, {0, 0, 0, 0}};
static const struct charset_correction ujis_corrections[] = {
    {2, 0xa1c0, 1, 0x005c}, {2, 0xa1c1, 1, 0x301c}, {2, 0xa1c2, 1, 0x2016}, {2, 0xa1dd, 1, 0x2212},
    {2, 0xa1f1, 2, 0x00a2}, {2, 0xa2cc, 1, 0x00ac}, {2, 0xada1, 30, 0x0000},
    {2, 0xadc0, 23, 0x0000}, {2, 0xaddf, 30, 0x0000}, {3, 0xa2b7, 1, 0x007e},
    {3, 0xa2c3, 1, 0x00a6}, {3, 0xf3f3, 12, 0x0000}, {3, 0xf4a1, 94, 0x0000}, {0, 0, 0, 0},
};
static const struct charset_correction gb18030_corrections[] = {
    {2, 0xa6d9, 7, 0xe78d}, {2, 0xa6ec, 2, 0xe794}, {2, 0xa6f3, 1, 0xe796}, {2, 0xfe51, 3, 0xe816},
    {2, 0xfe59, 1, 0xe81e}, {2, 0xfe61, 1, 0xe826}, {2, 0xfe66, 2, 0xe82b}, {2, 0xfe6c, 2, 0xe831},
    {2, 0xfe76, 1, 0xe83b}, {2, 0xfe7e, 1, 0xe843}, {2, 0xfe90, 2, 0xe854}, {2, 0xfea0, 1, 0xe864},
    {0, 0, 0, 0},
};
static const struct charset_correction none[] = {{0, 0, 0, 0}};

#define SINGLE(word) {.name = #word, .width = 1, .family = FAMILY_SINGLE, .half = word##_high}
#define MULTI(word, bytes, kind, alias, with) \
    {.name = word, .width = bytes, .family = kind, .iconv = alias, .corrections = with}
#define UNICODE(word, bytes, kind) {.name = word, .width = bytes, .family = kind}

static const struct charset charsets[CHARSETS] = {
    [BINLOG_CHARSET_BINARY] = UNICODE("binary", 1, FAMILY_UTF8),
    [BINLOG_CHARSET_UTF8MB4] = UNICODE("utf8mb4", 4, FAMILY_UTF8),
    [BINLOG_CHARSET_UTF8MB3] = UNICODE("utf8mb3", 3, FAMILY_UTF8),
    [BINLOG_CHARSET_ASCII] = UNICODE("ascii", 1, FAMILY_ASCII),
    [BINLOG_CHARSET_LATIN1] = SINGLE(latin1),
    [CHARSET_ARMSCII8] = SINGLE(armscii8),
    [CHARSET_BIG5] = MULTI("big5", 2, FAMILY_DOUBLE, "BIG5", big5_corrections),
    [CHARSET_CP1250] = SINGLE(cp1250),
    [CHARSET_CP1251] = SINGLE(cp1251),
    [CHARSET_CP1256] = SINGLE(cp1256),
    [CHARSET_CP1257] = SINGLE(cp1257),
    [CHARSET_CP850] = SINGLE(cp850),
    [CHARSET_CP852] = SINGLE(cp852),
    [CHARSET_CP866] = SINGLE(cp866),
    [CHARSET_CP932] = MULTI("cp932", 2, FAMILY_SHIFT_JIS, "CP932", none),
    [CHARSET_DEC8] = SINGLE(dec8),
    [CHARSET_EUCJPMS] = MULTI("eucjpms", 3, FAMILY_EUC_JP, "EUC-JP-MS", none),
    [CHARSET_EUCKR] = MULTI("euckr", 2, FAMILY_DOUBLE, "UHC", none),
    [CHARSET_GB18030] = MULTI("gb18030", 4, FAMILY_GB18030, "GB18030", gb18030_corrections),
    [CHARSET_GB2312] = MULTI("gb2312", 2, FAMILY_DOUBLE, "EUC-CN", none),
    [CHARSET_GBK] = MULTI("gbk", 2, FAMILY_DOUBLE, "GBK", none),
    [CHARSET_GEOSTD8] = SINGLE(geostd8),
    [CHARSET_GREEK] = SINGLE(greek),
    [CHARSET_HEBREW] = SINGLE(hebrew),
    [CHARSET_HP8] = SINGLE(hp8),
    [CHARSET_KEYBCS2] = SINGLE(keybcs2),
    [CHARSET_KOI8R] = SINGLE(koi8r),
    [CHARSET_KOI8U] = SINGLE(koi8u),
    [CHARSET_LATIN2] = SINGLE(latin2),
    [CHARSET_LATIN5] = SINGLE(latin5),
    [CHARSET_LATIN7] = SINGLE(latin7),
    [CHARSET_MACCE] = SINGLE(macce),
    [CHARSET_MACROMAN] = SINGLE(macroman),
    [CHARSET_SJIS] = MULTI("sjis", 2, FAMILY_SHIFT_JIS, "SHIFT_JIS", sjis_corrections),
    [CHARSET_SWE7] = {.name = "swe7", .width = 1, .family = FAMILY_SWE7, .half = swe7_low},
    [CHARSET_TIS620] = SINGLE(tis620),
    [CHARSET_UCS2] = UNICODE("ucs2", 2, FAMILY_UCS2),
    [CHARSET_UJIS] = MULTI("ujis", 3, FAMILY_EUC_JP, "EUC-JP-MS", ujis_corrections),
    [CHARSET_UTF16] = UNICODE("utf16", 4, FAMILY_UTF16),
    [CHARSET_UTF16LE] = UNICODE("utf16le", 4, FAMILY_UTF16LE),
    [CHARSET_UTF32] = UNICODE("utf32", 4, FAMILY_UTF32),
};

enum binlog_charset
binlog_charset_named(const char *name)
{
    if (strcasecmp(name, "utf8") == 0)
        return BINLOG_CHARSET_UTF8MB3;
    for (unsigned i = BINLOG_CHARSET_UNKNOWN + 1; i < CHARSETS; i++) {
        if (strcasecmp(name, charsets[i].name) == 0)
            return (enum binlog_charset)i;
    }
    return BINLOG_CHARSET_UNKNOWN;
}

const char *
binlog_charset_name(enum binlog_charset charset)
{
    unsigned i = charset;

    return i > BINLOG_CHARSET_UNKNOWN && i < CHARSETS ? charsets[i].name : "unknown";
}

unsigned
binlog_charset_width(enum binlog_charset charset)
{
    unsigned i = charset;

    return i > BINLOG_CHARSET_UNKNOWN && i < CHARSETS ? charsets[i].width : 1;
}

/* Ids below 1024 mean the same on both servers wherever both have them. */
static const struct {
    uint16_t first, last;
    uint8_t charset;
} collations[] = {
    {1, 1, CHARSET_BIG5}, {2, 2, CHARSET_LATIN2}, {3, 3, CHARSET_DEC8}, {4, 4, CHARSET_CP850},
    {5, 5, BINLOG_CHARSET_LATIN1}, {6, 6, CHARSET_HP8}, {7, 7, CHARSET_KOI8R},
    {8, 8, BINLOG_CHARSET_LATIN1}, {9, 9, CHARSET_LATIN2}, {10, 10, CHARSET_SWE7},
    {11, 11, BINLOG_CHARSET_ASCII}, {12, 12, CHARSET_UJIS}, {13, 13, CHARSET_SJIS},
    {14, 14, CHARSET_CP1251}, {15, 15, BINLOG_CHARSET_LATIN1}, {16, 16, CHARSET_HEBREW},
    {18, 18, CHARSET_TIS620}, {19, 19, CHARSET_EUCKR}, {20, 20, CHARSET_LATIN7},
    {21, 21, CHARSET_LATIN2}, {22, 22, CHARSET_KOI8U}, {23, 23, CHARSET_CP1251},
    {24, 24, CHARSET_GB2312}, {25, 25, CHARSET_GREEK}, {26, 26, CHARSET_CP1250},
    {27, 27, CHARSET_LATIN2}, {28, 28, CHARSET_GBK}, {29, 29, CHARSET_CP1257},
    {30, 30, CHARSET_LATIN5}, {31, 31, BINLOG_CHARSET_LATIN1}, {32, 32, CHARSET_ARMSCII8},
    {33, 33, BINLOG_CHARSET_UTF8MB3}, {34, 34, CHARSET_CP1250}, {35, 35, CHARSET_UCS2},
    {36, 36, CHARSET_CP866}, {37, 37, CHARSET_KEYBCS2}, {38, 38, CHARSET_MACCE},
    {39, 39, CHARSET_MACROMAN}, {40, 40, CHARSET_CP852}, {41, 42, CHARSET_LATIN7},
    {43, 43, CHARSET_MACCE}, {44, 44, CHARSET_CP1250}, {45, 46, BINLOG_CHARSET_UTF8MB4},
    {47, 49, BINLOG_CHARSET_LATIN1}, {50, 52, CHARSET_CP1251}, {53, 53, CHARSET_MACROMAN},
    {54, 55, CHARSET_UTF16}, {56, 56, CHARSET_UTF16LE}, {57, 57, CHARSET_CP1256},
    {58, 59, CHARSET_CP1257}, {60, 61, CHARSET_UTF32}, {62, 62, CHARSET_UTF16LE},
    {63, 63, BINLOG_CHARSET_BINARY}, {64, 64, CHARSET_ARMSCII8}, {65, 65, BINLOG_CHARSET_ASCII},
    {66, 66, CHARSET_CP1250}, {67, 67, CHARSET_CP1256}, {68, 68, CHARSET_CP866},
    {69, 69, CHARSET_DEC8}, {70, 70, CHARSET_GREEK}, {71, 71, CHARSET_HEBREW},
    {72, 72, CHARSET_HP8}, {73, 73, CHARSET_KEYBCS2}, {74, 74, CHARSET_KOI8R},
    {75, 75, CHARSET_KOI8U}, {76, 76, BINLOG_CHARSET_UTF8MB3}, {77, 77, CHARSET_LATIN2},
    {78, 78, CHARSET_LATIN5}, {79, 79, CHARSET_LATIN7}, {80, 80, CHARSET_CP850},
    {81, 81, CHARSET_CP852}, {82, 82, CHARSET_SWE7}, {83, 83, BINLOG_CHARSET_UTF8MB3},
    {84, 84, CHARSET_BIG5}, {85, 85, CHARSET_EUCKR}, {86, 86, CHARSET_GB2312},
    {87, 87, CHARSET_GBK}, {88, 88, CHARSET_SJIS}, {89, 89, CHARSET_TIS620}, {90, 90, CHARSET_UCS2},
    {91, 91, CHARSET_UJIS}, {92, 93, CHARSET_GEOSTD8}, {94, 94, BINLOG_CHARSET_LATIN1},
    {95, 96, CHARSET_CP932}, {97, 98, CHARSET_EUCJPMS}, {99, 99, CHARSET_CP1250},
    {101, 124, CHARSET_UTF16}, {128, 151, CHARSET_UCS2}, {159, 159, CHARSET_UCS2},
    {160, 183, CHARSET_UTF32}, {192, 215, BINLOG_CHARSET_UTF8MB3},
    {223, 223, BINLOG_CHARSET_UTF8MB3}, {224, 247, BINLOG_CHARSET_UTF8MB4},
    {248, 250, CHARSET_GB18030}, {255, 323, BINLOG_CHARSET_UTF8MB4},
    /* MariaDB: croatian_mysql561, myanmar, thai_520_w2 */
    {576, 578, BINLOG_CHARSET_UTF8MB3}, {608, 610, BINLOG_CHARSET_UTF8MB4},
    {640, 642, CHARSET_UCS2}, {672, 674, CHARSET_UTF16}, {736, 738, CHARSET_UTF32},
};

enum binlog_charset
binlog_charset_of_collation(uint32_t collation)
{
    /* MariaDB's UCA 14.0.0: 2048 + set * 256 + language * 8 + NOPAD, accents, case */
    static const uint8_t of_uca1400[] = {BINLOG_CHARSET_UTF8MB3, BINLOG_CHARSET_UTF8MB4,
                                         CHARSET_UCS2, CHARSET_UTF16, CHARSET_UTF32};
    enum { NOPAD = 1024, UCA1400 = 2048 };

    if (collation >= UCA1400) {
        uint32_t set = (collation - UCA1400) / 256;
        return set < sizeof(of_uca1400) ? (enum binlog_charset)of_uca1400[set]
                                        : BINLOG_CHARSET_UNKNOWN;
    }
    if (collation >= NOPAD) /* MariaDB: the same without padding */
        collation -= NOPAD;
    for (size_t i = 0; i < sizeof(collations) / sizeof(collations[0]); i++) {
        if (collation >= collations[i].first && collation <= collations[i].last)
            return (enum binlog_charset)collations[i].charset;
    }
    return BINLOG_CHARSET_UNKNOWN;
}

int
binlog_charset_utf8(enum binlog_charset charset, struct bytes text, struct arena *arena,
                    struct bytes *out)
{
    static _Atomic(uint16_t *) made[CHARSETS];
    unsigned i = charset;

    if (i == BINLOG_CHARSET_UNKNOWN || i >= CHARSETS)
        return 1;
    return charset_convert(&charsets[i], &made[i], text, arena, out);
}
