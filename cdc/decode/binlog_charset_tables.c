/*
 * binlog_charset_tables.c -- what each code of a set of two bytes or more is in Unicode; see
 * binlog_charset_internal.h.
 *
 * A table is made when the first text of its set comes: iconv is asked for every code once, and
 * what servers say otherwise is laid over it. So each character is one look-up, no thread holds a
 * descriptor that it may leave behind, and a C library of another year changes nothing that is
 * corrected.
 *
 * MySQL 9.7.4 and MariaDB 10.11.19 say the same of every set that both have; tests/golden/charsets.py
 * asks them. Against glibc 2.36, code by code over the whole range:
 *
 *     gb2312 EUC-CN, gbk GBK, cp932 CP932, eucjpms EUC-JP-MS, euckr UHC: the same
 *     sjis SHIFT_JIS     81 5F is a backslash; 5C and 7E are ASCII, as in every set but swe7
 *     ujis EUC-JP-MS     nine signs are as in JIS, not as in Windows; NEC's row 13 and IBM's rows
 *                        are no characters
 *     big5 BIG5          eighteen signs, and C6A1 to C7FC, where kana, Cyrillic and circled digits
 *                        are; A3E1 (the Euro sign), C7FD to C8FE and F9DD to F9FE are no characters
 *     gb18030 GB18030    24 codes of two bytes are private use, as they were in the year 2000
 *
 * Seven codes of big5 are U+FFFD, as servers have it.
 */
#include "binlog_charset_internal.h"

#include <iconv.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

/* The code's character, 0 if there is none. */
static uint16_t
ask_iconv(iconv_t way, uint8_t *code, size_t len)
{
    uint8_t wide[16];
    char *in = (char *)code, *out = (char *)wide;
    size_t in_left = len, out_left = sizeof(wide);

    iconv(way, NULL, NULL, NULL, NULL);
    iconv(way, &in, &in_left, &out, &out_left);
    if (in_left != 0 || out_left != sizeof(wide) - 4 || wide[2] != 0 || wide[3] != 0)
        return 0;
    return (uint16_t)(wide[0] | wide[1] << 8);
}

static void
ask_plane(iconv_t way, uint16_t *plane, bool third)
{
    uint8_t code[3] = {0x8f};

    for (unsigned i = 0; i < CHARSET_PLANE; i++) {
        code[1] = (uint8_t)(0x80 + i / 256);
        code[2] = (uint8_t)i;
        if (i % 256 >= 0x40) /* below are second bytes of GB18030's codes of four only */
            plane[i] = third ? ask_iconv(way, code, 3) : ask_iconv(way, code + 1, 2);
    }
}

static void
correct(uint16_t *table, const struct charset_correction *with)
{
    for (; with->plane != 0; with++) {
        uint16_t *at = table + (with->plane - 2) * CHARSET_PLANE + (with->code - 0x8000);
        for (uint16_t i = 0; i < with->count; i++)
            at[i] = with->point == 0 ? 0 : (uint16_t)(with->point + i);
    }
}

/* GB18030 gives its codes of four bytes, in order, to the characters that have none of one or two.
 * One exception is from the year 2005: A8BC was U+E7C7 before, its code of four bytes U+1E3F's. */
static void
make_four(const uint16_t *two, uint16_t *four)
{
    uint8_t taken[65536 / 8] = {0};
    unsigned n = 0;

    for (unsigned i = 0; i < CHARSET_PLANE; i++)
        taken[two[i] / 8] |= (uint8_t)(1u << two[i] % 8);
    for (unsigned point = 0x80; point < 0x10000 && n < CHARSET_FOUR; point++) {
        if (point == 0x1e3f)
            four[n++] = 0xe7c7;
        else if ((point < 0xd800 || point > 0xdfff) && point != 0xe7c7 &&
                 !(taken[point / 8] >> point % 8 & 1))
            four[n++] = (uint16_t)point;
    }
}

static uint16_t *
make_table(const struct charset *set)
{
    size_t entries = CHARSET_PLANE;
    iconv_t way = iconv_open("UTF-32LE", set->iconv);
    uint16_t *table;

    if (way == (iconv_t)-1)
        return NULL;
    if (set->family == FAMILY_EUC_JP)
        entries += CHARSET_PLANE;
    else if (set->family == FAMILY_GB18030)
        entries += CHARSET_FOUR;
    table = calloc(entries, sizeof(*table));
    if (table != NULL) {
        ask_plane(way, table, false);
        if (set->family == FAMILY_EUC_JP)
            ask_plane(way, table + CHARSET_PLANE, true);
        correct(table, set->corrections);
        if (set->family == FAMILY_GB18030)
            make_four(table, table + CHARSET_PLANE);
    }
    iconv_close(way);
    return table;
}

/* One table at a time: a thread that comes meanwhile waits for some milliseconds, once. */
const uint16_t *
charset_table(const struct charset *set, _Atomic(uint16_t *) *made)
{
    static atomic_flag making = ATOMIC_FLAG_INIT;
    uint16_t *table = atomic_load_explicit(made, memory_order_acquire);

    if (table != NULL)
        return table;
    while (atomic_flag_test_and_set_explicit(&making, memory_order_acquire))
        sched_yield();
    table = atomic_load_explicit(made, memory_order_relaxed);
    if (table == NULL) {
        table = make_table(set);
        atomic_store_explicit(made, table, memory_order_release);
    }
    atomic_flag_clear_explicit(&making, memory_order_release);
    return table;
}
