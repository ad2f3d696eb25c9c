/*
 * bytes.h -- borrowed slices, the checked cursor (reading) and the growing buffer (writing).
 *
 * struct bytes is always borrowed: somebody else's memory keeps it alive.
 *
 * A cursor is sticky: past the end it yields zeros and remembers it, so fields are read
 * straight down and the one check (cursor_short) is at the bottom. All bytes from any
 * network are read through it.
 *
 * A buffer is sticky too: when it can't grow (out of memory, or past `max`) it drops what
 * is put and remembers it (buffer_failed).
 *
 * Threads: none of these is shared. PostgreSQL and Confluent are big-endian, binlogs mostly little-endian;
 * names say so.
 */
#ifndef CDC_BYTES_H
#define CDC_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *at;
    size_t len;
};

static inline struct bytes
bytes_of(const void *at, size_t len)
{
    return (struct bytes){(const uint8_t *)at, len};
}

static inline struct bytes
bytes_of_string(const char *s)
{
    return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static inline bool
bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* FNV-1a over 64 bits; chain by passing the previous result, start with BYTES_HASH_SEED. */
#define BYTES_HASH_SEED UINT64_C(14695981039346656037)
uint64_t bytes_hash(uint64_t seed, const void *at, size_t len);

/* True if the slice is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool bytes_utf8_valid(struct bytes text);

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool past_end;
};

static inline struct cursor
cursor_of(struct bytes b)
{
    return (struct cursor){b.at, b.at + b.len, false};
}

static inline size_t
cursor_left(const struct cursor *in)
{
    return (size_t)(in->end - in->at);
}

static inline bool
cursor_short(const struct cursor *in)
{
    return in->past_end;
}

/* True when every byte was used and none was missing. */
static inline bool
cursor_done(const struct cursor *in)
{
    return !in->past_end && in->at == in->end;
}

static inline const uint8_t *
cursor_take(struct cursor *in, size_t n)
{
    const uint8_t *at = in->at;
    if (n > cursor_left(in)) {
        in->past_end = true;
        in->at = in->end;
        return NULL;
    }
    in->at += n;
    return at;
}

static inline uint8_t
cursor_u8(struct cursor *in)
{
    const uint8_t *p = cursor_take(in, 1);
    return p ? p[0] : 0;
}

static inline uint16_t
cursor_be16(struct cursor *in)
{
    const uint8_t *p = cursor_take(in, 2);
    uint16_t v;
    if (p == NULL)
        return 0;
    memcpy(&v, p, 2);
    return __builtin_bswap16(v);
}

static inline uint32_t
cursor_be32(struct cursor *in)
{
    const uint8_t *p = cursor_take(in, 4);
    uint32_t v;
    if (p == NULL)
        return 0;
    memcpy(&v, p, 4);
    return __builtin_bswap32(v);
}

static inline uint64_t
cursor_be64(struct cursor *in)
{
    const uint8_t *p = cursor_take(in, 8);
    uint64_t v;
    if (p == NULL)
        return 0;
    memcpy(&v, p, 8);
    return __builtin_bswap64(v);
}

static inline uint16_t
cursor_le16(struct cursor *in)
{
    const uint8_t *p = cursor_take(in, 2);
    uint16_t v;
    if (p == NULL)
        return 0;
    memcpy(&v, p, 2);
    return v;
}

static inline uint32_t
cursor_le32(struct cursor *in)
{
    const uint8_t *p = cursor_take(in, 4);
    uint32_t v;
    if (p == NULL)
        return 0;
    memcpy(&v, p, 4);
    return v;
}

static inline uint64_t
cursor_le64(struct cursor *in)
{
    const uint8_t *p = cursor_take(in, 8);
    uint64_t v;
    if (p == NULL)
        return 0;
    memcpy(&v, p, 8);
    return v;
}

/* Little- and big-endian integers of 1 to 8 bytes. */
static inline uint64_t
cursor_le(struct cursor *in, unsigned n)
{
    const uint8_t *p = cursor_take(in, n);
    uint64_t v = 0;
    for (unsigned i = 0; p != NULL && i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static inline uint64_t
cursor_be(struct cursor *in, unsigned n)
{
    const uint8_t *p = cursor_take(in, n);
    uint64_t v = 0;
    for (unsigned i = 0; p != NULL && i < n; i++)
        v = v << 8 | p[i];
    return v;
}

/* MySQL's packed integer: below 251 itself, 252 + u16, 253 + u24, 254 + u64. */
static inline uint64_t
cursor_packed(struct cursor *in)
{
    uint8_t first = cursor_u8(in);
    if (first < 251)
        return first;
    if (first == 251 || first == 255) {
        in->past_end = true; /* neither is a number: nothing behind it can be trusted */
        in->at = in->end;
        return 0;
    }
    return cursor_le(in, first == 252 ? 2 : first == 253 ? 3 : 8);
}

static inline struct bytes
cursor_bytes(struct cursor *in, size_t n)
{
    const uint8_t *p = cursor_take(in, n);
    return p ? (struct bytes){p, n} : (struct bytes){in->end, 0};
}

/* A NUL-terminated string inside the cursor; its length leaves the NUL out. "" when short. */
const char *cursor_string(struct cursor *in, size_t *len);

struct buffer {
    uint8_t *at;
    size_t len;
    size_t cap;
    size_t max; /* 0: no limit but memory */
    bool failed;
};

/* Make room for n more bytes; false (and sticky) if that can't be. */
bool buffer_grow(struct buffer *out, size_t n);
void buffer_free(struct buffer *out);

static inline bool
buffer_failed(const struct buffer *out)
{
    return out->failed;
}

static inline void
buffer_reset(struct buffer *out)
{
    out->len = 0;
    out->failed = false;
}

/* Room for n bytes at the end, not yet counted in; NULL when failed. The caller writes up
 * to n bytes there and adds what it used to out->len. */
static inline uint8_t *
buffer_room(struct buffer *out, size_t n)
{
    if (out->cap - out->len < n && !buffer_grow(out, n))
        return NULL;
    return out->at + out->len;
}

static inline void
buffer_put(struct buffer *out, const void *at, size_t n)
{
    uint8_t *room = n > 0 ? buffer_room(out, n) : NULL; /* an empty buffer has no place for nothing */
    if (room == NULL)
        return;
    memcpy(room, at, n);
    out->len += n;
}

static inline void
buffer_put_u8(struct buffer *out, uint8_t v)
{
    uint8_t *room = buffer_room(out, 1);
    if (room == NULL)
        return;
    room[0] = v;
    out->len += 1;
}

static inline void
buffer_put_be16(struct buffer *out, uint16_t v)
{
    v = __builtin_bswap16(v);
    buffer_put(out, &v, sizeof(v));
}

static inline void
buffer_put_be32(struct buffer *out, uint32_t v)
{
    v = __builtin_bswap32(v);
    buffer_put(out, &v, sizeof(v));
}

static inline void
buffer_put_be64(struct buffer *out, uint64_t v)
{
    v = __builtin_bswap64(v);
    buffer_put(out, &v, sizeof(v));
}

static inline void
buffer_put_le16(struct buffer *out, uint16_t v)
{
    buffer_put(out, &v, sizeof(v));
}

static inline void
buffer_put_le32(struct buffer *out, uint32_t v)
{
    buffer_put(out, &v, sizeof(v));
}

static inline void
buffer_put_le64(struct buffer *out, uint64_t v)
{
    buffer_put(out, &v, sizeof(v));
}

/* With `quote` around it, and doubled inside: SQL's identifiers and literals. */
void buffer_put_quoted(struct buffer *, const char *text, char quote);

static inline void
buffer_put_string(struct buffer *out, const char *s)
{
    buffer_put(out, s, strlen(s));
}

/* Formatted text, without its NUL. */
void buffer_printf(struct buffer *out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The buffer as a NUL-terminated string (the NUL is not counted in); "" when failed. */
const char *buffer_cstr(struct buffer *out);

#endif
