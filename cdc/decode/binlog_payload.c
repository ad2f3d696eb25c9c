/* binlog_payload.c -- see binlog_payload.h. */
#include "binlog_payload.h"

#include <zstd.h>

#include "binlog_event.h"

enum { FIELD_END = 0, FIELD_SIZE = 1, FIELD_COMPRESSION = 2, COMPRESSION_ZSTD = 0, COMPRESSION_NONE = 255 };
enum { KEEP_BYTES = 1 << 20, WINDOW_LOG_MAX = 27 };

static int
malformed(struct error *err, const char *what)
{
    return error_set(err, ERROR_RETRY, "E_PROTOCOL", "binlog: %s", what);
}

static void
close_payload(struct binlog_payload *p)
{
    p->open = false;
    if (p->packed.cap > KEEP_BYTES)
        buffer_free(&p->packed);
    if (p->plain.cap > KEEP_BYTES)
        buffer_free(&p->plain);
    buffer_reset(&p->packed);
    buffer_reset(&p->plain);
    p->packed_at = p->plain_at = 0;
}

void
binlog_payload_free(struct binlog_payload *p)
{
    buffer_free(&p->packed);
    buffer_free(&p->plain);
    ZSTD_freeDCtx(p->stream);
    *p = (struct binlog_payload){.open = false};
}

/* Fields of packed integers; the payload's bytes are what is left behind them. */
static int
read_fields(struct cursor *in, uint64_t *size, uint64_t *compression, struct error *err)
{
    *size = UINT64_MAX;
    *compression = COMPRESSION_ZSTD;
    for (;;) {
        uint64_t kind = cursor_packed(in);
        struct cursor value;

        if (kind == FIELD_END && !cursor_short(in))
            break;
        value = cursor_of(cursor_bytes(in, cursor_packed(in)));
        if (cursor_short(in))
            return malformed(err, "a transaction payload is malformed");
        if (kind == FIELD_SIZE)
            *size = cursor_packed(&value);
        else if (kind == FIELD_COMPRESSION)
            *compression = cursor_packed(&value);
    }
    if (*size != cursor_left(in))
        return malformed(err, "a transaction payload does not have the size that it says");
    if (*compression != COMPRESSION_ZSTD && *compression != COMPRESSION_NONE)
        return error_set(err, ERROR_CONFIG, "E_EVENT", "binlog: a transaction payload is compressed in a way that is not known (%u)",
                         (unsigned)*compression);
    return 0;
}

int
binlog_payload_open(struct binlog_payload *p, struct bytes body, size_t event_max, struct error *err)
{
    struct cursor in = cursor_of(body);
    uint64_t size, compression;

    close_payload(p);
    if (read_fields(&in, &size, &compression, err) == -1)
        return -1;
    p->compressed = compression == COMPRESSION_ZSTD;
    p->event_max = event_max;
    if (p->stream == NULL)
        p->stream = ZSTD_createDCtx();
    buffer_put(&p->packed, in.at, cursor_left(&in));
    if (p->stream == NULL || buffer_failed(&p->packed) ||
        ZSTD_isError(ZSTD_DCtx_reset(p->stream, ZSTD_reset_session_only)) ||
        ZSTD_isError(ZSTD_DCtx_setParameter(p->stream, ZSTD_d_windowLogMax, WINDOW_LOG_MAX)))
        return error_set(err, ERROR_FATAL, "", "out of memory for a transaction payload of %llu bytes",
                         (unsigned long long)size);
    p->open = true;
    return 0;
}

/* More plain bytes, up to `want` of them in all. 1, 0: there are no more, -1. */
static int
inflate(struct binlog_payload *p, size_t want, struct error *err)
{
    ZSTD_inBuffer in = {p->packed.at, p->packed.len, p->packed_at};
    size_t room = want > ZSTD_DStreamOutSize() ? want : ZSTD_DStreamOutSize();
    ZSTD_outBuffer out = {buffer_room(&p->plain, room), room, 0};
    size_t rc;

    if (out.dst == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the events of a transaction payload");
    if (!p->compressed) {
        size_t left = in.size - in.pos, n = left < room ? left : room;

        if (n == 0)
            return 0;
        buffer_put(&p->plain, p->packed.at + p->packed_at, n);
        p->packed_at += n;
        return 1;
    }
    rc = ZSTD_decompressStream(p->stream, &out, &in);
    if (ZSTD_isError(rc))
        return error_set(err, ERROR_RETRY, "E_PROTOCOL", "binlog: a transaction payload can't be inflated: %s",
                         ZSTD_getErrorName(rc));
    p->plain.len += out.pos;
    /* Neither taken nor given: the compressed bytes end inside a frame. */
    if (out.pos == 0 && in.pos == p->packed_at)
        return 0;
    p->packed_at = in.pos;
    return 1;
}

/* At least `n` bytes behind plain_at. 1; 0: the payload ends before; -1. */
static int
need(struct binlog_payload *p, size_t n, struct error *err)
{
    while (p->plain.len - p->plain_at < n) {
        int rc;

        if (p->plain_at > 0) {
            memmove(p->plain.at, p->plain.at + p->plain_at, p->plain.len - p->plain_at);
            p->plain.len -= p->plain_at;
            p->plain_at = 0;
        }
        rc = inflate(p, n - p->plain.len, err);
        if (rc != 1)
            return rc;
    }
    return 1;
}

int
binlog_payload_next(struct binlog_payload *p, struct bytes *event, struct error *err)
{
    uint32_t size;
    int rc = need(p, EVENT_HEADER_BYTES, err);

    if (rc == 1) {
        memcpy(&size, p->plain.at + p->plain_at + 9, sizeof(size));
        if (size < EVENT_HEADER_BYTES)
            return malformed(err, "an event of a transaction payload is shorter than its header");
        if (size > p->event_max)
            return error_set(err, ERROR_CONFIG, "E_EVENT_SIZE",
                             "an event of %u bytes in a transaction payload; source.event_size is %zu", size,
                             p->event_max);
        rc = need(p, size, err);
        if (rc == 1) {
            *event = bytes_of(p->plain.at + p->plain_at, size);
            p->plain_at += size;
            return 1;
        }
    }
    if (rc == -1)
        return -1;
    if (p->plain.len != p->plain_at)
        return malformed(err, "a transaction payload ends inside an event");
    close_payload(p);
    return 0;
}
