/*
 * binlog_events.h -- events of a binlog made by hand, for the tests of what reads them.
 *
 * A body is made by one of the functions body_...; event_make puts a header before it and, where told, a
 * checksum behind it, and gives the body up. UUIDs here are all zeros but for their last byte.
 */
#ifndef TEST_BINLOG_EVENTS_H
#define TEST_BINLOG_EVENTS_H

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "../../cdc/decode/binlog_event.h"

struct event_form {
    uint32_t timestamp, server_id, log_pos;
    uint16_t flags;
    bool checksum;
};

static inline void
put_le(struct buffer *out, uint64_t v, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        buffer_put_u8(out, (uint8_t)(v >> (8 * i)));
}

static inline void
put_packed(struct buffer *out, uint64_t v)
{
    if (v < 251) {
        buffer_put_u8(out, (uint8_t)v);
    } else if (v <= 0xffff) {
        buffer_put_u8(out, 252);
        put_le(out, v, 2);
    } else {
        buffer_put_u8(out, 254);
        put_le(out, v, 8);
    }
}

static inline struct buffer
event_make(uint8_t type, struct buffer body, const struct event_form *form)
{
    struct buffer out = {0};
    size_t size = EVENT_HEADER_BYTES + body.len + (form->checksum ? EVENT_CHECKSUM_BYTES : 0);

    put_le(&out, form->timestamp, 4);
    buffer_put_u8(&out, type);
    put_le(&out, form->server_id, 4);
    put_le(&out, size, 4);
    put_le(&out, form->log_pos, 4);
    put_le(&out, form->flags, 2);
    buffer_put(&out, body.at, body.len);
    if (form->checksum)
        put_le(&out, crc32(crc32(0, NULL, 0), out.at, (uInt)out.len), 4);
    buffer_free(&body);
    return out;
}

static inline struct buffer
body_of(const void *at, size_t len)
{
    struct buffer body = {0};

    buffer_put(&body, at, len);
    return body;
}

static inline struct buffer
body_rotate(const char *file, uint64_t pos)
{
    struct buffer body = {0};

    put_le(&body, pos, 8);
    buffer_put_string(&body, file);
    return body;
}

/* Without its checksum, which always follows. */
static inline struct buffer
body_format(uint16_t version, uint8_t header, uint8_t algorithm)
{
    struct buffer body = {0};
    char name[50] = "9.7.4";

    put_le(&body, version, 2);
    buffer_put(&body, name, sizeof(name));
    put_le(&body, 0, 4);
    buffer_put_u8(&body, header);
    for (uint8_t i = 0; i < 42; i++)
        buffer_put_u8(&body, i);
    buffer_put_u8(&body, algorithm);
    return body;
}

static inline struct buffer
body_gtid(uint8_t uuid, uint64_t number, int64_t commit_us)
{
    struct buffer body = {0};

    buffer_put_u8(&body, 1);
    put_le(&body, 0, 8);
    put_le(&body, 0, 7);
    buffer_put_u8(&body, uuid);
    put_le(&body, number, 8);
    buffer_put_u8(&body, 2);
    put_le(&body, 6, 8);
    put_le(&body, 7, 8);
    put_le(&body, (uint64_t)commit_us, 7);
    put_packed(&body, 300);
    return body;
}

enum { MARIADB_ALONE = 1, MARIADB_ROWS = 4, MARIADB_PREPARES = 0x40, MARIADB_COMPLETES = 0x80 };

static inline void
put_xid(struct buffer *body, unsigned length_bytes, const char *global, const char *branch)
{
    put_le(body, 1, 4);
    put_le(body, strlen(global), length_bytes);
    put_le(body, strlen(branch), length_bytes);
    buffer_put_string(body, global);
    buffer_put_string(body, branch);
}

static inline struct buffer
body_mariadb_gtid(uint32_t domain, uint64_t number, uint8_t flags, const char *xid)
{
    struct buffer body = {0};

    put_le(&body, number, 8);
    put_le(&body, domain, 4);
    buffer_put_u8(&body, flags);
    if ((flags & (MARIADB_PREPARES | MARIADB_COMPLETES)) != 0)
        put_xid(&body, 1, xid, "");
    else
        put_le(&body, 0, 6);
    return body;
}

static inline struct buffer
body_query_status(const char *schema, struct bytes status, const char *text)
{
    struct buffer body = {0};

    put_le(&body, 77, 4);
    put_le(&body, 0, 4);
    buffer_put_u8(&body, (uint8_t)strlen(schema));
    put_le(&body, 0, 2);
    put_le(&body, status.len, 2);
    buffer_put(&body, status.at, status.len);
    buffer_put(&body, schema, strlen(schema) + 1);
    buffer_put_string(&body, text);
    return body;
}

static inline struct buffer
body_query(const char *schema, const char *text)
{
    static const uint8_t charset[] = {4, 255, 0, 255, 0, 255, 0};

    return body_query_status(schema, bytes_of(charset, sizeof(charset)), text);
}

static inline struct buffer
body_xid(void)
{
    struct buffer body = {0};

    put_le(&body, 4711, 8);
    return body;
}

static inline struct buffer
body_xa_prepare(bool one_phase, const char *global, const char *branch)
{
    struct buffer body = {0};

    buffer_put_u8(&body, one_phase);
    put_xid(&body, 4, global, branch);
    return body;
}

/* So many columns of type `type` (LONG, or TYPED_ARRAY, which can't be read), c0 the key; with FULL metadata or none. */
static inline struct buffer
body_map_of(uint64_t id, const char *schema, const char *table, unsigned ncolumns, uint8_t type, bool full)
{
    struct buffer body = {0};

    put_le(&body, id, 6);
    put_le(&body, 1, 2);
    buffer_put_u8(&body, (uint8_t)strlen(schema));
    buffer_put(&body, schema, strlen(schema) + 1);
    buffer_put_u8(&body, (uint8_t)strlen(table));
    buffer_put(&body, table, strlen(table) + 1);
    put_packed(&body, ncolumns);
    for (unsigned i = 0; i < ncolumns; i++)
        buffer_put_u8(&body, type);
    put_packed(&body, 0);
    for (unsigned i = 0; i < (ncolumns + 7) / 8; i++)
        buffer_put_u8(&body, 0xff);
    if (full) {
        buffer_put_u8(&body, 1); /* signs */
        put_packed(&body, (ncolumns + 7) / 8);
        for (unsigned i = 0; i < (ncolumns + 7) / 8; i++)
            buffer_put_u8(&body, 0);
        buffer_put_u8(&body, 4); /* names */
        put_packed(&body, ncolumns * 3);
        for (unsigned i = 0; i < ncolumns; i++)
            buffer_printf(&body, "%cc%c", 2, '0' + (char)i);
        buffer_put_u8(&body, 8); /* the key */
        put_packed(&body, 1);
        buffer_put_u8(&body, 0);
    }
    return body;
}

static inline struct buffer
body_map(uint64_t id, const char *table, unsigned ncolumns)
{
    return body_map_of(id, "shop", table, ncolumns, 3, true);
}

/* Of either version: `nrows` rows (an update's: pairs of images) of LONG columns, all there, none NULL. */
static inline struct buffer
body_rows(uint8_t type, uint64_t id, uint16_t flags, unsigned ncolumns, unsigned nrows)
{
    struct buffer body = {0};
    bool update = type == EVENT_UPDATE_ROWS || type == EVENT_UPDATE_ROWS_V1;

    put_le(&body, id, 6);
    put_le(&body, flags, 2);
    if (type >= EVENT_WRITE_ROWS)
        put_le(&body, 2, 2);
    put_packed(&body, ncolumns);
    for (unsigned i = 0; i < (ncolumns + 7) / 8 * (update ? 2u : 1u); i++)
        buffer_put_u8(&body, 0xff);
    for (unsigned row = 0; row < nrows * (update ? 2u : 1u); row++) {
        for (unsigned i = 0; i < (ncolumns + 7) / 8; i++)
            buffer_put_u8(&body, 0);
        for (unsigned i = 0; i < ncolumns; i++)
            put_le(&body, row + i, 4);
    }
    return body;
}

/* What stands in a payload: without checksum and place. */
static inline void
put_inner(struct buffer *events, uint8_t type, struct buffer body)
{
    struct buffer event = event_make(type, body, &(struct event_form){.timestamp = 1, .server_id = 1});

    buffer_put(events, event.at, event.len);
    buffer_free(&event);
}

static inline struct buffer
body_payload(struct buffer events, bool compressed)
{
    struct buffer body = {0}, packed = {0};

    if (compressed) {
        size_t room = ZSTD_compressBound(events.len);

        packed.len = ZSTD_compress(buffer_room(&packed, room), room, events.at, events.len, 3);
    } else {
        buffer_put(&packed, events.at, events.len);
    }
    buffer_put(&body, (const uint8_t[]){2, compressed ? 1 : 3}, 2);
    put_packed(&body, compressed ? 0 : 255);
    buffer_put(&body, (const uint8_t[]){3, 3, 252}, 3);
    put_le(&body, events.len, 2);
    buffer_put(&body, (const uint8_t[]){1, 3, 252}, 3);
    put_le(&body, packed.len, 2);
    buffer_put_u8(&body, 0);
    buffer_put(&body, packed.at, packed.len);
    buffer_free(&packed);
    buffer_free(&events);
    return body;
}

#endif
