/* gtid.c -- one transaction's name; see cdc/gtid.h. Text in is in gtid_text.c. */
#include "cdc/gtid.h"

#include "cdc/digits.h"
#include "cdc/intern.h"
#include "gtid_set.h"

/* As the server has it: letters, digits and _, no digit first. */
static bool
put_tag(struct gtid_origin *origin, const char *tag, size_t len)
{
    if (len > GTID_TAG_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = tag[i];

        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (!((c >= 'a' && c <= 'z') || c == '_' || (c >= '0' && c <= '9' && i > 0)))
            return false;
        origin->tag[i] = c;
    }
    return true;
}

const struct gtid_origin *
gtid_origin(const uint8_t uuid[16], const char *tag, size_t tag_len)
{
    struct gtid_origin origin = {0};

    memcpy(origin.uuid, uuid, sizeof(origin.uuid));
    if (!put_tag(&origin, tag, tag_len))
        return NULL;
    return intern(&origin, sizeof(origin));
}

bool
gtid_equal(const struct gtid *a, const struct gtid *b)
{
    return a->origin == b->origin && a->number == b->number &&
           (a->origin != NULL || (a->domain == b->domain && a->server == b->server));
}

uint8_t *
gtid_put_uuid(uint8_t *at, const uint8_t uuid[16])
{
    static const char hex[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = (uint8_t)hex[uuid[i] >> 4];
        *at++ = (uint8_t)hex[uuid[i] & 15];
    }
    return at;
}

size_t
gtid_print(const struct gtid *gtid, char *text)
{
    uint8_t *at = (uint8_t *)text;

    if (gtid->origin == NULL) {
        at = digits_uint(at, gtid->domain);
        *at++ = '-';
        at = digits_uint(at, gtid->server);
        *at++ = '-';
    } else {
        size_t tag_len = strlen(gtid->origin->tag);

        at = gtid_put_uuid(at, gtid->origin->uuid);
        *at++ = ':';
        memcpy(at, gtid->origin->tag, tag_len);
        at += tag_len;
        if (tag_len > 0)
            *at++ = ':';
    }
    at = digits_uint(at, gtid->number);
    *at = 0;
    return (size_t)((char *)at - text);
}
