/* gtid.c -- see cdc/gtid.h. */
#include "cdc/gtid.h"

#include "cdc/digits.h"

size_t
gtid_print(const struct gtid *gtid, char *text)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t *at = (uint8_t *)text;

    if (gtid->origin == NULL) {
        at = digits_uint(at, gtid->domain);
        *at++ = '-';
        at = digits_uint(at, gtid->server);
        *at++ = '-';
    } else {
        for (int i = 0; i < 16; i++) {
            if (i == 4 || i == 6 || i == 8 || i == 10)
                *at++ = '-';
            *at++ = (uint8_t)hex[gtid->origin->uuid[i] >> 4];
            *at++ = (uint8_t)hex[gtid->origin->uuid[i] & 15];
        }
        *at++ = ':';
        for (const char *tag = gtid->origin->tag; *tag != 0; tag++)
            *at++ = (uint8_t)*tag;
        if (gtid->origin->tag[0] != 0)
            *at++ = ':';
    }
    at = digits_uint(at, gtid->number);
    *at = 0;
    return (size_t)((char *)at - text);
}
