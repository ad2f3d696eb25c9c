/*
 * test_binlog_charset.c -- every code of every set against what servers say, as digests; the forms
 * of Unicode; names, widths and collations.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

#include "../../cdc/decode/binlog_charset.h"

static struct arena arena;

static struct bytes
unhex(const char *hex)
{
    size_t len = strlen(hex) / 2;
    uint8_t *at = arena_alloc(&arena, len);

    for (size_t i = 0; i < len; i++) {
        unsigned v = 0;
        sscanf(hex + 2 * i, "%2x", &v);
        at[i] = (uint8_t)v;
    }
    return bytes_of(at, len);
}

/* The code point of a text of one character in UTF-8; -1: it has none or more than one. */
static int64_t
only_character(struct bytes text)
{
    static const uint8_t first_bits[] = {0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point;

    if (text.len < 1 || text.len > 4 || !bytes_utf8_valid(text))
        return -1;
    point = text.at[0] & first_bits[text.len - 1];
    for (size_t i = 1; i < text.len; i++) {
        if ((text.at[i] & 0xc0) != 0x80)
            return -1;
        point = point << 6 | (text.at[i] & 0x3f);
    }
    return text.len == 1 || text.at[0] >= 0xc0 ? (int64_t)point : -1;
}

static void *
first_texts(void *failed)
{
    static const char *const sets[] = {"gbk", "big5", "ujis", "sjis", "gb18030"};
    struct arena mine = {0};
    struct bytes out;

    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        if (binlog_charset_utf8(binlog_charset_named(sets[i]), bytes_of("\xb0\xa1", 2), &mine,
                                &out) != 0)
            *(bool *)failed = true;
    }
    arena_free(&mine);
    return NULL;
}

/* Before any other test: the tables are made here. */
static void
threads_may_meet_at_the_first_text_of_a_set(void **state)
{
    pthread_t threads[4];
    bool failed[4] = {false};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, first_texts, &failed[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_false(failed[i]);
    }
}

struct digest {
    size_t count;
    uint64_t hash;
};

static void
digest_code(struct digest *digest, enum binlog_charset charset, const uint8_t *code, size_t len)
{
    uint8_t said[8] = {0};
    struct bytes out;
    int64_t point;

    if (binlog_charset_utf8(charset, bytes_of(code, len), &arena, &out) != 0)
        return;
    point = only_character(out);
    if (point == -1)
        return;
    memcpy(said + 4 - len, code, len);
    for (unsigned i = 0; i < 4; i++)
        said[4 + i] = (uint8_t)(point >> (24 - 8 * i));
    digest->hash = bytes_hash(digest->hash, said, sizeof(said));
    digest->count++;
}

static struct digest
digest_set(enum binlog_charset charset)
{
    struct digest digest = {0, BYTES_HASH_SEED};
    const char *name = binlog_charset_name(charset);
    uint8_t code[4];

    for (unsigned n = 0; n < 256; n++) {
        code[0] = (uint8_t)n;
        digest_code(&digest, charset, code, 1);
    }
    for (unsigned n = 0x8000; n < 0x10000 && binlog_charset_width(charset) > 1; n++) {
        code[0] = (uint8_t)(n >> 8);
        code[1] = (uint8_t)n;
        digest_code(&digest, charset, code, 2);
    }
    for (unsigned n = 0x8000; n < 0x10000 && binlog_charset_width(charset) == 3; n++) {
        code[0] = 0x8f;
        code[1] = (uint8_t)(n >> 8);
        code[2] = (uint8_t)n;
        digest_code(&digest, charset, code, 3);
    }
    for (unsigned n = 0; n < 1260 * 1260 && strcmp(name, "gb18030") == 0; n++) {
        code[0] = (uint8_t)(n / 12600 + 0x81);
        code[1] = (uint8_t)(n / 1260 % 10 + 0x30);
        code[2] = (uint8_t)(n / 10 % 126 + 0x81);
        code[3] = (uint8_t)(n % 10 + 0x30);
        digest_code(&digest, charset, code, 4);
        if (n % 1024 == 0)
            arena_reset(&arena);
    }
    arena_reset(&arena);
    return digest;
}

/* tests/golden/charsets.py digests, with MySQL 9.7.4 and MariaDB 10.11.19: the same */
static const struct {
    const char *name;
    size_t count;
    uint64_t hash;
} servers[] = {
    {"armscii8", 256, UINT64_C(0xdd63b4c086101d5c)},
    {"ascii", 128, UINT64_C(0x8095eeea12f01f25)},
    {"big5", 13845, UINT64_C(0x3ca2943973bf11a1)},
    {"cp1250", 251, UINT64_C(0xef21ec6455a22152)},
    {"cp1251", 255, UINT64_C(0x991bc162553beb4f)},
    {"cp1256", 248, UINT64_C(0xd02c973d8e643ebf)},
    {"cp1257", 244, UINT64_C(0x2573e192a115ef61)},
    {"cp850", 256, UINT64_C(0x56301ab6ac62c891)},
    {"cp852", 256, UINT64_C(0x963dab409fdcd214)},
    {"cp866", 256, UINT64_C(0x79105f4b12a053ed)},
    {"cp932", 9795, UINT64_C(0xe9f0781e63770a4f)},
    {"dec8", 242, UINT64_C(0xdbf2272fcf02bc8a)},
    {"eucjpms", 15206, UINT64_C(0x01d04226d8b83e91)},
    {"euckr", 17176, UINT64_C(0x9f87349588d89e5b)},
    {"gb18030", 1112064, UINT64_C(0x6d4ea4be2db5d08d)},
    {"gb2312", 7573, UINT64_C(0x4962a0951277feea)},
    {"gbk", 21919, UINT64_C(0xc6c8203f814b8661)},
    {"geostd8", 215, UINT64_C(0xcc90cb3fa0e8c067)},
    {"greek", 250, UINT64_C(0x72f03b5dad47d03a)},
    {"hebrew", 220, UINT64_C(0x53c9b43c440fd6ad)},
    {"hp8", 255, UINT64_C(0xa7f453ccbd97e76d)},
    {"keybcs2", 256, UINT64_C(0x7b81673b8805b1da)},
    {"koi8r", 256, UINT64_C(0xe5e42d579030d224)},
    {"koi8u", 256, UINT64_C(0x3123e634ea98a85c)},
    {"latin1", 256, UINT64_C(0xc8126388fb7daed6)},
    {"latin2", 256, UINT64_C(0x8a0a4d2e8b5d6a14)},
    {"latin5", 256, UINT64_C(0x6ec33e837970f6c6)},
    {"latin7", 256, UINT64_C(0x5885e2a8bfb4ff9c)},
    {"macce", 256, UINT64_C(0xc23a6b723c0f6c4e)},
    {"macroman", 256, UINT64_C(0x4e02a455a61dcb91)},
    {"sjis", 7070, UINT64_C(0xc326bf91d12aefa8)},
    {"swe7", 127, UINT64_C(0x1d691cfad19aead5)},
    {"tis620", 256, UINT64_C(0x36b90afc4476e29b)},
    {"ujis", 15017, UINT64_C(0x580d6dfe7a0021e7)},
};

static void
every_code_of_every_set_is_what_servers_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
        struct digest digest = digest_set(binlog_charset_named(servers[i].name));
        if (digest.count != servers[i].count || digest.hash != servers[i].hash)
            fail_msg("%s: %zu characters instead of %zu, or not the same ones", servers[i].name,
                     digest.count, servers[i].count);
    }
}

/* NULL: not valid. */
static const char *
utf8(const char *name, const char *hex)
{
    enum binlog_charset charset = binlog_charset_named(name);
    struct bytes out = {NULL, 0};
    int status = binlog_charset_utf8(charset, unhex(hex), &arena, &out);

    assert_int_not_equal(status, -1);
    if (status == 1) {
        assert_null(out.at);
        return NULL;
    }
    return arena_printf(&arena, "%.*s", (int)out.len, (const char *)out.at);
}

static void
texts_are_converted_or_refused(void **state)
{
    static const struct {
        const char *charset, *hex, *expect;
    } texts[] = {
        {"latin1", "", ""},
        {"latin1", "80", "€"},
        {"latin1", "6ce9", "lé"},
        {"latin1", "818d8f909d", "\xc2\x81\xc2\x8d\xc2\x8f\xc2\x90\xc2\x9d"},
        {"latin1", "303132333435363738e9303132333435363738", "012345678é012345678"},
        {"utf8mb4", "f09f9880", "😀"},
        {"utf8mb3", "e282ac", "€"},
        {"utf8", "e282ac", "€"},
        {"ascii", "417f", "A\x7f"},
        {"swe7", "5b5c5d", "ÄÖÅ"},
        {"gbk", "815c615c", "乗a\\"},
        {"big5", "a55ca5", NULL},
        {"big5", "a55c5c", "功\\"},
        {"sjis", "5c7e835c815fb1", "\\~ソ\\ｱ"},
        {"cp932", "8740815f", "①＼"},
        {"ujis", "8eb18fb0a1a4a2", "ｱ丂あ"},
        {"ujis", "ada1", NULL},
        {"eucjpms", "ada1", "①"},
        {"euckr", "b0a18141", "가갂"},
        {"gb2312", "c4e3", "你"},
        {"gb18030", "c4e38139fe3995328236", "你㒢𠀀"},
        {"gb18030", "9439fc36", "😀"},
        {"gb18030", "8130813081308131", "\xc2\x80\xc2\x81"},
        {"gb18030", "a8bc8135f437", "ḿ\xee\x9f\x87"},
        {"gb18030", "e3329a35", "\xf4\x8f\xbf\xbf"},
        {"gb18030", "e3329a36", NULL},
        {"koi8r", "f0d2c9", "При"},
        {"tis620", "a1a0", "ก\xef\xbf\xbd"},
        {"cp1250", "81", NULL},
        {"swe7", "7f", NULL},
        {"swe7", "80", NULL},
        {"ascii", "80", NULL},
        {"ascii", "c3a9", NULL},
        {"utf8mb4", "c3", NULL},
        {"utf8mb4", "eda080", NULL},
        {"binary", "c3a9", "é"},
        {"binary", "ff", NULL},
        {"ucs2", "00410416", "AЖ"},
        {"ucs2", "004104", NULL},
        {"ucs2", "d83dde00", NULL},
        {"utf16", "0041d83dde00", "A😀"},
        {"utf16", "d83d", NULL},
        {"utf16", "d83d0041", NULL},
        {"utf16", "de00", NULL},
        {"utf16", "00", NULL},
        {"utf16", "feff0041", "\xef\xbb\xbf" "A"},
        {"utf16le", "41003dd800de", "A😀"},
        {"utf16le", "3dd800", NULL},
        {"utf32", "000000410001f6000010ffff", "A😀\xf4\x8f\xbf\xbf"},
        {"utf32", "00110000", NULL},
        {"utf32", "0000d800", NULL},
        {"utf32", "01000041", NULL},
        {"utf32", "000041", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *said = utf8(texts[i].charset, texts[i].hex);
        if (texts[i].expect == NULL ? said != NULL
                                    : said == NULL || strcmp(said, texts[i].expect) != 0)
            fail_msg("%s %s: %s", texts[i].charset, texts[i].hex,
                     said == NULL ? "not valid" : said);
    }
    arena_reset(&arena);
}

static void
every_code_of_unicode_comes_out_of_its_forms(void **state)
{
    static const char *const sets[] = {"ucs2", "utf16", "utf16le", "utf32"};

    (void)state;
    for (size_t s = 0; s < 4; s++) {
        enum binlog_charset charset = binlog_charset_named(sets[s]);
        for (uint32_t point = 0; point < 0x110000; point++) {
            uint16_t units[2] = {(uint16_t)point, 0};
            uint8_t code[4] = {0, (uint8_t)(point >> 16), (uint8_t)(point >> 8), (uint8_t)point};
            size_t len = 4;
            struct bytes out;

            if (point >= 0x10000) {
                units[0] = (uint16_t)(0xd7c0 + (point >> 10));
                units[1] = (uint16_t)(0xdc00 + (point & 0x3ff));
            }
            for (size_t i = 0; s < 3 && i < 2; i++) {
                code[2 * i] = (uint8_t)(s == 2 ? units[i] : units[i] >> 8);
                code[2 * i + 1] = (uint8_t)(s == 2 ? units[i] >> 8 : units[i]);
                len = point < 0x10000 ? 2 : 4;
            }
            bool valid = (point < 0xd800 || point > 0xdfff) && (s > 0 || point < 0x10000);
            assert_int_equal(binlog_charset_utf8(charset, bytes_of(code, len), &arena, &out),
                             !valid);
            if (valid)
                assert_int_equal(only_character(out), point);
            if (point % 1024 == 0)
                arena_reset(&arena);
        }
    }
}

/* What need not be converted is not copied. */
static void
ascii_is_borrowed(void **state)
{
    static const char *const sets[] = {"utf8mb4", "utf8mb3", "ascii",  "latin1",
                                       "gbk",     "sjis",    "gb18030"};
    struct bytes text = bytes_of_string("a text of ASCII only"), out;

    (void)state;
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        assert_int_equal(binlog_charset_utf8(binlog_charset_named(sets[i]), text, &arena, &out), 0);
        assert_ptr_equal(out.at, text.at);
        assert_int_equal(out.len, text.len);
    }
}

/* A text cut anywhere is either valid or refused, and nothing behind it is read (as ASan sees it).
 */
static void
a_text_cut_anywhere_is_read_to_its_end_only(void **state)
{
    struct bytes whole = unhex("8fa2b7e3329a358eb1a1a1815c41d83dde00c3a9f09f98800041");

    (void)state;
    for (unsigned charset = 0; charset <= BINLOG_CHARSET_MAX; charset++) {
        for (size_t from = 0; from < whole.len; from++) {
            for (size_t len = 0; len <= whole.len - from; len++) {
                struct arena exact = {0};
                uint8_t *copy = test_malloc(len + 1);
                struct bytes out;

                memcpy(copy + 1, whole.at + from, len);
                int status = binlog_charset_utf8((enum binlog_charset)charset,
                                                 bytes_of(copy + 1, len), &exact, &out);
                assert_true(status == 0 || status == 1);
                if (status == 0)
                    assert_true(bytes_utf8_valid(out));
                test_free(copy);
                arena_free(&exact);
            }
        }
    }
    arena_reset(&arena);
}

static void
names_are_the_servers(void **state)
{
    static const struct {
        const char *name;
        unsigned width;
    } widths[] = {
        {"binary", 1}, {"latin1", 1}, {"utf8mb3", 3}, {"utf8mb4", 4}, {"ucs2", 2}, {"utf16", 4},
        {"utf16le", 4}, {"utf32", 4}, {"gbk", 2}, {"gb18030", 4}, {"ujis", 3}, {"eucjpms", 3},
        {"sjis", 2}, {"big5", 2}, {"euckr", 2}, {"gb2312", 2}, {"cp932", 2}, {"swe7", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        enum binlog_charset charset = binlog_charset_named(widths[i].name);
        assert_int_not_equal(charset, BINLOG_CHARSET_UNKNOWN);
        assert_string_equal(binlog_charset_name(charset), widths[i].name);
        assert_int_equal(binlog_charset_width(charset), widths[i].width);
    }
    for (unsigned i = 1, ended = 0; i <= BINLOG_CHARSET_MAX; i++) {
        const char *name = binlog_charset_name((enum binlog_charset)i);
        ended |= strcmp(name, "unknown") == 0;
        assert_int_equal(binlog_charset_named(name), ended ? BINLOG_CHARSET_UNKNOWN : i);
    }
    assert_int_equal(binlog_charset_named("utf8"), BINLOG_CHARSET_UTF8MB3);
    assert_int_equal(binlog_charset_named("LATIN1"), BINLOG_CHARSET_LATIN1);
    assert_int_equal(binlog_charset_named("latin3"), BINLOG_CHARSET_UNKNOWN);
    assert_int_equal(binlog_charset_named(""), BINLOG_CHARSET_UNKNOWN);
    assert_string_equal(binlog_charset_name(BINLOG_CHARSET_UNKNOWN), "unknown");
    assert_int_equal(binlog_charset_width(BINLOG_CHARSET_UNKNOWN), 1);
    assert_int_equal(binlog_charset_utf8(BINLOG_CHARSET_UNKNOWN, bytes_of("a", 1), &arena, NULL),
                     1);
}

/* tests/golden/charsets.py collations, both servers. */
static const struct {
    uint16_t first, last;
    const char *charset;
} ranges[] = {
    {1, 1, "big5"}, {2, 2, "latin2"}, {3, 3, "dec8"}, {4, 4, "cp850"}, {5, 5, "latin1"},
    {6, 6, "hp8"}, {7, 7, "koi8r"}, {8, 8, "latin1"}, {9, 9, "latin2"}, {10, 10, "swe7"},
    {11, 11, "ascii"}, {12, 12, "ujis"}, {13, 13, "sjis"}, {14, 14, "cp1251"}, {15, 15, "latin1"},
    {16, 16, "hebrew"}, {18, 18, "tis620"}, {19, 19, "euckr"}, {20, 20, "latin7"},
    {21, 21, "latin2"}, {22, 22, "koi8u"}, {23, 23, "cp1251"}, {24, 24, "gb2312"},
    {25, 25, "greek"}, {26, 26, "cp1250"}, {27, 27, "latin2"}, {28, 28, "gbk"}, {29, 29, "cp1257"},
    {30, 30, "latin5"}, {31, 31, "latin1"}, {32, 32, "armscii8"}, {33, 33, "utf8mb3"},
    {34, 34, "cp1250"}, {35, 35, "ucs2"}, {36, 36, "cp866"}, {37, 37, "keybcs2"}, {38, 38, "macce"},
    {39, 39, "macroman"}, {40, 40, "cp852"}, {41, 42, "latin7"}, {43, 43, "macce"},
    {44, 44, "cp1250"}, {45, 46, "utf8mb4"}, {47, 49, "latin1"}, {50, 52, "cp1251"},
    {53, 53, "macroman"}, {54, 55, "utf16"}, {56, 56, "utf16le"}, {57, 57, "cp1256"},
    {58, 59, "cp1257"}, {60, 61, "utf32"}, {62, 62, "utf16le"}, {63, 63, "binary"},
    {64, 64, "armscii8"}, {65, 65, "ascii"}, {66, 66, "cp1250"}, {67, 67, "cp1256"},
    {68, 68, "cp866"}, {69, 69, "dec8"}, {70, 70, "greek"}, {71, 71, "hebrew"}, {72, 72, "hp8"},
    {73, 73, "keybcs2"}, {74, 74, "koi8r"}, {75, 75, "koi8u"}, {76, 76, "utf8mb3"},
    {77, 77, "latin2"}, {78, 78, "latin5"}, {79, 79, "latin7"}, {80, 80, "cp850"},
    {81, 81, "cp852"}, {82, 82, "swe7"}, {83, 83, "utf8mb3"}, {84, 84, "big5"}, {85, 85, "euckr"},
    {86, 86, "gb2312"}, {87, 87, "gbk"}, {88, 88, "sjis"}, {89, 89, "tis620"}, {90, 90, "ucs2"},
    {91, 91, "ujis"}, {92, 93, "geostd8"}, {94, 94, "latin1"}, {95, 96, "cp932"},
    {97, 98, "eucjpms"}, {99, 99, "cp1250"}, {101, 124, "utf16"}, {128, 151, "ucs2"},
    {159, 159, "ucs2"}, {160, 183, "utf32"}, {192, 215, "utf8mb3"}, {223, 223, "utf8mb3"},
    {224, 247, "utf8mb4"}, {248, 250, "gb18030"}, {255, 271, "utf8mb4"}, {273, 275, "utf8mb4"},
    {277, 294, "utf8mb4"}, {296, 298, "utf8mb4"}, {300, 300, "utf8mb4"}, {303, 323, "utf8mb4"},
    {576, 578, "utf8mb3"}, {608, 610, "utf8mb4"}, {640, 642, "ucs2"}, {672, 674, "utf16"},
    {736, 738, "utf32"}, {1025, 1025, "big5"}, {1027, 1027, "dec8"}, {1028, 1028, "cp850"},
    {1030, 1030, "hp8"}, {1031, 1031, "koi8r"}, {1032, 1032, "latin1"}, {1033, 1033, "latin2"},
    {1034, 1034, "swe7"}, {1035, 1035, "ascii"}, {1036, 1036, "ujis"}, {1037, 1037, "sjis"},
    {1040, 1040, "hebrew"}, {1042, 1042, "tis620"}, {1043, 1043, "euckr"}, {1046, 1046, "koi8u"},
    {1048, 1048, "gb2312"}, {1049, 1049, "greek"}, {1050, 1050, "cp1250"}, {1052, 1052, "gbk"},
    {1054, 1054, "latin5"}, {1056, 1056, "armscii8"}, {1057, 1057, "utf8mb3"}, {1059, 1059, "ucs2"},
    {1060, 1060, "cp866"}, {1061, 1061, "keybcs2"}, {1062, 1062, "macce"}, {1063, 1063, "macroman"},
    {1064, 1064, "cp852"}, {1065, 1065, "latin7"}, {1067, 1067, "macce"}, {1069, 1070, "utf8mb4"},
    {1071, 1071, "latin1"}, {1074, 1075, "cp1251"}, {1077, 1077, "macroman"}, {1078, 1079, "utf16"},
    {1080, 1080, "utf16le"}, {1081, 1081, "cp1256"}, {1082, 1083, "cp1257"}, {1084, 1085, "utf32"},
    {1086, 1086, "utf16le"}, {1088, 1088, "armscii8"}, {1089, 1089, "ascii"},
    {1090, 1090, "cp1250"}, {1091, 1091, "cp1256"}, {1092, 1092, "cp866"}, {1093, 1093, "dec8"},
    {1094, 1094, "greek"}, {1095, 1095, "hebrew"}, {1096, 1096, "hp8"}, {1097, 1097, "keybcs2"},
    {1098, 1098, "koi8r"}, {1099, 1099, "koi8u"}, {1101, 1101, "latin2"}, {1102, 1102, "latin5"},
    {1103, 1103, "latin7"}, {1104, 1104, "cp850"}, {1105, 1105, "cp852"}, {1106, 1106, "swe7"},
    {1107, 1107, "utf8mb3"}, {1108, 1108, "big5"}, {1109, 1109, "euckr"}, {1110, 1110, "gb2312"},
    {1111, 1111, "gbk"}, {1112, 1112, "sjis"}, {1113, 1113, "tis620"}, {1114, 1114, "ucs2"},
    {1115, 1115, "ujis"}, {1116, 1117, "geostd8"}, {1119, 1120, "cp932"}, {1121, 1122, "eucjpms"},
    {1125, 1125, "utf16"}, {1147, 1147, "utf16"}, {1152, 1152, "ucs2"}, {1174, 1174, "ucs2"},
    {1184, 1184, "utf32"}, {1206, 1206, "utf32"}, {1216, 1216, "utf8mb3"}, {1238, 1238, "utf8mb3"},
    {1248, 1248, "utf8mb4"}, {1270, 1270, "utf8mb4"}, {2048, 2215, "utf8mb3"},
    {2232, 2247, "utf8mb3"}, {2304, 2471, "utf8mb4"}, {2488, 2503, "utf8mb4"}, {2560, 2727, "ucs2"},
    {2744, 2759, "ucs2"}, {2816, 2983, "utf16"}, {3000, 3015, "utf16"}, {3072, 3239, "utf32"},
    {3256, 3271, "utf32"},
};

static void
collations_are_those_of_both_servers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        for (uint32_t id = ranges[i].first; id <= ranges[i].last; id++)
            assert_string_equal(binlog_charset_name(binlog_charset_of_collation(id)),
                                ranges[i].charset);
    }
    for (uint32_t id = 0; id < 4096; id++) {
        bool strange = id == 0 || id == 17 || id == 100 || id == 127 || id == 252 || id == 324 ||
                       id == 1024 || id == 2047 || id >= 2048 + 5 * 256;
        if (strange)
            assert_int_equal(binlog_charset_of_collation(id), BINLOG_CHARSET_UNKNOWN);
    }
    assert_int_equal(binlog_charset_of_collation(UINT32_MAX), BINLOG_CHARSET_UNKNOWN);
}

static int
clear(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_may_meet_at_the_first_text_of_a_set),
        cmocka_unit_test(every_code_of_every_set_is_what_servers_say),
        cmocka_unit_test(texts_are_converted_or_refused),
        cmocka_unit_test(every_code_of_unicode_comes_out_of_its_forms),
        cmocka_unit_test(ascii_is_borrowed),
        cmocka_unit_test(a_text_cut_anywhere_is_read_to_its_end_only),
        cmocka_unit_test(names_are_the_servers),
        cmocka_unit_test(collations_are_those_of_both_servers),
    };
    return cmocka_run_group_tests(tests, NULL, clear);
}
