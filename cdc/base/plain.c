/*
 * plain.c -- see cdc/plain.h.
 *
 * Names and texts come from servers and files. A control character in one of them could move the operator's
 * cursor, so it is escaped.
 */
#include "cdc/plain.h"

#include <inttypes.h>

void
plain_put(struct buffer *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        if (*p < 0x20 || *p == 0x7f)
            buffer_printf(out, "\\x%02x", *p);
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f)
            buffer_printf(out, "\\u%04x", *++p);
        else
            buffer_put_u8(out, *p);
    }
}

void
plain_put_bytes(struct buffer *out, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double scaled = (double)bytes / 1024;
    int unit = 0;
    if (bytes < 1024) {
        buffer_printf(out, "%" PRIu64 " bytes", bytes);
        return;
    }
    for (; scaled >= 1024 && unit < 5; unit++)
        scaled /= 1024;
    buffer_printf(out, "%.1f %s", scaled, units[unit]);
}
