/*
 * binlog_inet.c -- MariaDB's UUID, INET6 and INET4 as the server writes them.
 *
 * An INET6 is as inet_ntop(3) has it with one difference: "::" may stand for a single group of
 * zeros too ("1:2:3:4:5:6:7::").
 */
#include "binlog_types_internal.h"

static const char hex[] = "0123456789abcdef";

size_t
binlog_uuid_text(const uint8_t *raw, uint8_t *text)
{
    uint8_t *at = text;

    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = (uint8_t)hex[raw[i] >> 4];
        *at++ = (uint8_t)hex[raw[i] & 15];
    }
    return BINLOG_UUID_TEXT;
}

static size_t
inet4_text(const uint8_t *raw, uint8_t *text)
{
    uint8_t *at = text;

    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            *at++ = '.';
        if (raw[i] >= 100)
            *at++ = (uint8_t)('0' + raw[i] / 100);
        if (raw[i] >= 10)
            *at++ = (uint8_t)('0' + raw[i] / 10 % 10);
        *at++ = (uint8_t)('0' + raw[i] % 10);
    }
    return (size_t)(at - text);
}

static uint8_t *
put_group(uint8_t *at, unsigned group)
{
    if (group > 0xfff)
        *at++ = (uint8_t)hex[group >> 12];
    if (group > 0xff)
        *at++ = (uint8_t)hex[group >> 8 & 15];
    if (group > 0xf)
        *at++ = (uint8_t)hex[group >> 4 & 15];
    *at++ = (uint8_t)hex[group & 15];
    return at;
}

/* The first of the longest runs of zeros. */
static size_t
longest_gap(const unsigned *group, size_t *length)
{
    size_t best = 0;

    *length = 0;
    for (size_t i = 0, n = 0; i < 8; i++) {
        n = group[i] == 0 ? n + 1 : 0;
        if (n > *length) {
            *length = n;
            best = i + 1 - n;
        }
    }
    return best;
}

size_t
binlog_inet_text(const uint8_t *raw, size_t len, uint8_t *text)
{
    unsigned group[8];
    uint8_t *at = text;
    size_t gap, length;

    if (len == 4)
        return inet4_text(raw, text);
    for (size_t i = 0; i < 8; i++)
        group[i] = (unsigned)raw[2 * i] << 8 | raw[2 * i + 1];
    gap = longest_gap(group, &length);
    for (size_t i = 0; i < 8; i++) {
        if (length > 0 && i == gap) {
            *at++ = ':';
            if (length == 8 || gap + length == 8)
                *at++ = ':';
            i += length - 1;
            continue;
        }
        if (i > 0)
            *at++ = ':';
        /* an IPv4 address, mapped (::ffff:1.2.3.4) or compatible (::1.2.3.4) */
        if (i == 6 && gap == 0 && (length == 6 || (length == 5 && group[5] == 0xffff)))
            return (size_t)(at - text) + inet4_text(raw + 12, at);
        at = put_group(at, group[i]);
    }
    return (size_t)(at - text);
}
