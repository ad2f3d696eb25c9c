/* binlog_event.c -- see binlog_event.h. */
#include "binlog_event.h"

#include <inttypes.h>
#include <stdio.h>
#include <zlib.h>

#include "cdc/xa.h"

enum { CHECKSUM_NONE = 0, CHECKSUM_CRC32 = 1 };

static int
malformed(struct error *err, const char *what)
{
    return error_set(err, ERROR_RETRY, "E_PROTOCOL", "binlog: %s", what);
}

/* ---- the header ---- */

static int
check_sum(struct bytes raw, uint8_t type, struct error *err)
{
    size_t n = raw.len - EVENT_CHECKSUM_BYTES;
    uint32_t said, found = (uint32_t)crc32(crc32(0, NULL, 0), raw.at, (uInt)n);

    memcpy(&said, raw.at + n, sizeof(said));
    if (said == found)
        return 0;
    return error_set(err, ERROR_RETRY, "E_CHECKSUM",
                     "an event of type %u and %zu bytes has checksum %08" PRIx32 ", its bytes make %08" PRIx32,
                     type, raw.len, said, found);
}

int
binlog_event_read(struct binlog_event *out, struct bytes raw, bool checksum, struct error *err)
{
    struct cursor in = cursor_of(raw);
    size_t tail = checksum ? EVENT_CHECKSUM_BYTES : 0;

    out->timestamp = cursor_le32(&in);
    out->type = cursor_u8(&in);
    out->server_id = cursor_le32(&in);
    out->size = cursor_le32(&in);
    out->log_pos = cursor_le32(&in);
    out->flags = cursor_le16(&in);
    if (cursor_short(&in) || cursor_left(&in) < tail)
        return malformed(err, "an event is shorter than its header");
    if (out->size != raw.len)
        return error_set(err, ERROR_RETRY, "E_PROTOCOL",
                         "binlog: an event of type %u says that it has %" PRIu32 " bytes and has %zu", out->type,
                         out->size, raw.len);
    if (checksum && check_sum(raw, out->type, err) == -1)
        return -1;
    out->whole = bytes_of(raw.at, raw.len - tail);
    out->body = bytes_of(in.at, cursor_left(&in) - tail);
    return 0;
}

int
binlog_format_read(struct bytes raw, bool *checksums, char version[51], struct error *err)
{
    struct binlog_event event;
    struct cursor in;
    uint16_t format;
    uint8_t header, algorithm;
    struct bytes text;

    if (binlog_event_read(&event, raw, false, err) == -1)
        return -1;
    in = cursor_of(event.body);
    format = cursor_le16(&in);
    text = cursor_bytes(&in, 50);
    cursor_le32(&in); /* when the file was made */
    header = cursor_u8(&in);
    if (cursor_short(&in) || cursor_left(&in) < 1 + EVENT_CHECKSUM_BYTES || format != 4 ||
        header != EVENT_HEADER_BYTES)
        return malformed(err, "the format description is not of version 4");
    memcpy(version, text.at, 50);
    version[50] = 0;
    algorithm = raw.at[raw.len - EVENT_CHECKSUM_BYTES - 1];
    if (algorithm != CHECKSUM_NONE && algorithm != CHECKSUM_CRC32)
        return error_set(err, ERROR_CONFIG, "E_PROTOCOL",
                         "binlog: checksums of an unknown kind (%u); set binlog_checksum = CRC32", algorithm);
    *checksums = algorithm == CHECKSUM_CRC32;
    return *checksums ? check_sum(raw, event.type, err) : 0;
}

int
binlog_rotate_read(const struct binlog_event *event, struct log_place *out, struct error *err)
{
    struct cursor in = cursor_of(event->body);
    uint64_t pos = cursor_le64(&in);
    struct bytes name = cursor_bytes(&in, cursor_left(&in));

    if (cursor_short(&in) || name.len == 0)
        return malformed(err, "a rotate event is malformed");
    if (log_place_parse(out, name, pos) == -1)
        return error_set(err, ERROR_CONFIG, "E_PROTOCOL", "binlog: \"%.*s\" is not a file of a binlog",
                         (int)(name.len < 100 ? name.len : 100), (const char *)name.at);
    return 0;
}

/* ---- where it stands ---- */

void
binlog_event_pass(const struct binlog_event *event, struct log_place *at)
{
    uint64_t pos;

    if ((event->flags & EVENT_FLAG_ARTIFICIAL) != 0 || event->type == EVENT_HEARTBEAT ||
        event->type == EVENT_HEARTBEAT_V2 || (event->type == EVENT_FORMAT_DESCRIPTION && event->log_pos == 0))
        return;
    if (event->log_pos == 0) {
        at->pos += event->size;
        return;
    }
    pos = (at->pos & ~UINT64_C(0xffffffff)) | event->log_pos;
    if (pos < at->pos)
        pos += UINT64_C(1) << 32;
    at->pos = pos;
}

bool
binlog_event_begins_group(const struct binlog_event *event)
{
    return event->type == EVENT_GTID || event->type == EVENT_ANONYMOUS_GTID || event->type == EVENT_GTID_TAGGED ||
           event->type == EVENT_MARIADB_GTID;
}

/* ---- GTIDs ---- */

/* 33 and 34: u8 flags, uuid, u64 number, then (5.7) u8 2, u64, u64, then (8.0) u56 commit time ... */
static int
mysql_gtid(const struct binlog_event *event, struct binlog_gtid_event *out, struct error *err)
{
    struct cursor in = cursor_of(event->body);
    struct bytes uuid;
    uint64_t number;

    cursor_u8(&in);
    uuid = cursor_bytes(&in, 16);
    number = cursor_le64(&in);
    if (cursor_short(&in))
        return malformed(err, "a GTID event is malformed");
    if (cursor_left(&in) >= 1 + 16 + 7 && cursor_u8(&in) == 2) {
        cursor_bytes(&in, 16);
        out->commit_us = (int64_t)(cursor_le(&in, 7) & ((UINT64_C(1) << 55) - 1));
    }
    if (event->type == EVENT_ANONYMOUS_GTID)
        return 0;
    out->gtid.origin = gtid_origin(uuid.at, "", 0);
    out->gtid.number = number;
    if (out->gtid.origin == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a GTID");
    return number > 0 && number < INT64_MAX ? 0 : malformed(err, "a GTID without a number");
}

/* As many low one bits as there are bytes behind the first; the rest is the value. */
static uint64_t
varint(struct cursor *in)
{
    uint8_t first = cursor_u8(in);
    unsigned more = (unsigned)__builtin_ctz(~(unsigned)first);

    if (more >= 8)
        return cursor_le64(in);
    return ((uint64_t)first | cursor_le(in, more) << 8) >> (more + 1);
}

static int64_t
signed_varint(struct cursor *in)
{
    uint64_t v = varint(in);
    int64_t magnitude = (int64_t)(v >> 1);

    return (v & 1) != 0 ? -magnitude - 1 : magnitude;
}

struct tagged {
    uint8_t uuid[16];
    char tag[GTID_TAG_MAX + 1];
    size_t tag_len;
    int64_t number;
    uint64_t commit_us;
};

static void
tagged_field(struct cursor *in, uint64_t id, struct tagged *t)
{
    switch (id) {
    case 1:
        for (int i = 0; i < 16; i++)
            t->uuid[i] = (uint8_t)varint(in);
        break;
    case 2:
        t->number = signed_varint(in);
        break;
    case 3:
        t->tag_len = varint(in);
        if (t->tag_len > GTID_TAG_MAX)
            in->past_end = true;
        else
            memcpy(t->tag, cursor_bytes(in, t->tag_len).at, in->past_end ? 0 : t->tag_len);
        break;
    case 6:
        t->commit_us = varint(in);
        break;
    default: /* flags, logical clock, versions: a number each, whatever its sign */
        varint(in);
    }
}

/* 42: mysql::serialization, version 1: size, last field that may not be passed over, then fields in order. */
static int
tagged_gtid(const struct binlog_event *event, struct binlog_gtid_event *out, struct error *err)
{
    struct cursor in = cursor_of(event->body);
    struct tagged t = {.tag_len = 0};
    uint64_t version = varint(&in), size = varint(&in), last = varint(&in);

    if (cursor_short(&in) || version != 1 || size > event->body.len || size < (size_t)(in.at - event->body.at))
        return malformed(err, "a tagged GTID event is malformed");
    in.end = event->body.at + size;
    while (cursor_left(&in) > 0 && !cursor_short(&in)) {
        uint64_t id = varint(&in);

        if (id > 11 && id <= last)
            return malformed(err, "a tagged GTID event has a field that is not known and must be");
        if (id > 11)
            break;
        tagged_field(&in, id, &t);
    }
    if (cursor_short(&in) || t.number <= 0)
        return malformed(err, "a tagged GTID event is malformed");
    out->commit_us = (int64_t)t.commit_us;
    out->gtid.number = (uint64_t)t.number;
    out->gtid.origin = gtid_origin(t.uuid, t.tag, t.tag_len);
    return out->gtid.origin != NULL ? 0 : malformed(err, "a GTID's tag is malformed");
}

enum {
    MARIADB_STANDALONE = 1,
    MARIADB_GROUP_COMMIT = 2,
    MARIADB_TRANSACTIONAL = 4,
    MARIADB_PREPARED_XA = 0x40,
    MARIADB_COMPLETED_XA = 0x80,
    MARIADB_EXTRA_START_ALTER = 2,
    MARIADB_EXTRA_ROLLBACK_ALTER = 8,
};

static int
mariadb_gtid(const struct binlog_event *event, struct binlog_gtid_event *out, struct error *err)
{
    struct cursor in = cursor_of(event->body);
    uint8_t flags;

    out->gtid = (struct gtid){.number = cursor_le64(&in), .server = event->server_id};
    out->gtid.domain = cursor_le32(&in);
    flags = cursor_u8(&in);
    if (cursor_short(&in) || out->gtid.number == 0)
        return malformed(err, "a GTID event is malformed");
    out->standalone = (flags & MARIADB_STANDALONE) != 0;
    out->transactional = (flags & MARIADB_TRANSACTIONAL) != 0;
    out->prepares_xa = (flags & MARIADB_PREPARED_XA) != 0;
    out->completes_xa = (flags & MARIADB_COMPLETED_XA) != 0;
    if ((flags & MARIADB_GROUP_COMMIT) != 0)
        cursor_le64(&in);
    if (out->prepares_xa || out->completes_xa) {
        cursor_le32(&in);
        size_t global = cursor_u8(&in), branch = cursor_u8(&in);
        cursor_bytes(&in, global + branch);
    }
    if (cursor_left(&in) > 0)
        out->half_alter = (cursor_u8(&in) & (MARIADB_EXTRA_START_ALTER | MARIADB_EXTRA_ROLLBACK_ALTER)) != 0;
    return 0;
}

int
binlog_gtid_read(const struct binlog_event *event, struct binlog_gtid_event *out, struct error *err)
{
    *out = (struct binlog_gtid_event){.transactional = true};
    if (event->type == EVENT_MARIADB_GTID)
        return mariadb_gtid(event, out, err);
    return event->type == EVENT_GTID_TAGGED ? tagged_gtid(event, out, err) : mysql_gtid(event, out, err);
}

/* ---- QUERY ---- */

/* Bytes of a status variable behind its code; -1: its length stands in it, -2: not known. */
static int
status_length(uint8_t code)
{
    static const int8_t lengths[22] = {
        [0] = 4, [1] = 8, [2] = -1, [3] = 4, [4] = 6, [5] = -1, [6] = -1, [7] = 2, [8] = 2, [9] = 8, [10] = 4,
        [11] = -1, [12] = -1, [13] = 3, [14] = 1, [15] = -2, [16] = 1, [17] = 8, [18] = 2, [19] = 1, [20] = 1,
        [21] = 1,
    };

    if (code < sizeof(lengths))
        return code == 15 ? -2 : lengths[code];
    switch (code) {
    case 128:
        return 3;
    case 129:
        return 8;
    default:
        return -2;
    }
}

static void
updated_names(struct cursor *in, struct binlog_query_event *out)
{
    const uint8_t *from;

    out->updated_count = cursor_u8(in);
    from = in->at;
    for (int i = 0; out->updated_count != 254 && i < out->updated_count; i++)
        cursor_string(in, NULL);
    if (!cursor_short(in))
        out->updated = bytes_of(from, (size_t)(in->at - from));
    else
        out->updated_count = -1;
}

/* Those that are of use; an unknown one ends the reading, since its length is not known. */
static void
status_read(struct bytes status, struct binlog_query_event *out)
{
    struct cursor in = cursor_of(status);

    while (cursor_left(&in) > 0) {
        uint8_t code = cursor_u8(&in);
        int n = status_length(code);

        if (code == 12) {
            updated_names(&in, out);
        } else if (code == 4) {
            out->client_collation = cursor_le16(&in);
            cursor_le32(&in);
        } else if (code == 11) {
            cursor_bytes(&in, cursor_u8(&in));
            cursor_bytes(&in, cursor_u8(&in));
        } else if (n == -1) {
            cursor_bytes(&in, (size_t)cursor_u8(&in) + (code == 2 ? 1u : 0u));
        } else if (n < 0) {
            return;
        } else {
            cursor_bytes(&in, (size_t)n);
        }
    }
}

enum { QUERY_BYTES_MAX = 256 << 20 };

int
binlog_query_read(const struct binlog_event *event, struct buffer *scratch, struct binlog_query_event *out,
                  struct error *err)
{
    struct cursor in = cursor_of(event->body);
    uint16_t status_len;
    uint8_t schema_len;
    struct bytes status;

    *out = (struct binlog_query_event){.updated_count = -1};
    out->thread_id = cursor_le32(&in);
    cursor_le32(&in);
    schema_len = cursor_u8(&in);
    out->error_code = cursor_le16(&in);
    status_len = cursor_le16(&in);
    if (event->type == EVENT_EXECUTE_LOAD_QUERY)
        cursor_bytes(&in, 4 + 4 + 4 + 1); /* file id, where its name stands, duplicates */
    status = cursor_bytes(&in, status_len);
    out->schema = cursor_bytes(&in, schema_len);
    if (cursor_u8(&in) != 0 || cursor_short(&in))
        return malformed(err, "a query event is malformed");
    out->text = cursor_bytes(&in, cursor_left(&in));
    status_read(status, out);
    if (event->type == EVENT_MARIADB_QUERY_COMPRESSED) {
        buffer_reset(scratch);
        if (binlog_inflate(out->text, QUERY_BYTES_MAX, scratch, err) == -1)
            return -1;
        out->text = bytes_of(scratch->at, scratch->len);
    }
    return 0;
}

/* ---- XA ---- */

int
binlog_xa_prepare_read(const struct binlog_event *event, char *xid, bool *one_phase, struct error *err)
{
    static const char hex[] = "0123456789abcdef";
    struct cursor in = cursor_of(event->body);
    uint32_t format, lengths[2];
    char *at = xid;

    *one_phase = cursor_u8(&in) != 0;
    format = cursor_le32(&in);
    lengths[0] = cursor_le32(&in);
    lengths[1] = cursor_le32(&in);
    if (cursor_short(&in) || lengths[0] > 64 || lengths[1] > 64 ||
        cursor_left(&in) < (size_t)lengths[0] + lengths[1])
        return malformed(err, "an XA prepare event is malformed");
    for (int part = 0; part < 2; part++) {
        struct bytes text = cursor_bytes(&in, lengths[part]);

        *at++ = 'X';
        *at++ = '\'';
        for (size_t i = 0; i < text.len; i++) {
            *at++ = hex[text.at[i] >> 4];
            *at++ = hex[text.at[i] & 15];
        }
        *at++ = '\'';
        *at++ = ',';
    }
    snprintf(at, 12, "%" PRIu32, format);
    return 0;
}

/* ---- MariaDB's compression ---- */

enum { DEFLATE_RATIO_MAX = 1032 };

int
binlog_inflate(struct bytes block, size_t most, struct buffer *out, struct error *err)
{
    struct cursor in = cursor_of(block);
    uint8_t first = cursor_u8(&in);
    uint64_t want = cursor_be(&in, first & 7u);
    uLongf got;
    uint8_t *room;

    if (cursor_short(&in) || (first & 0xf0) != 0x80 || (first & 7u) < 1 || (first & 7u) > 4)
        return malformed(err, "a compressed block is malformed");
    if (want > most)
        return error_set(err, ERROR_DATA, "E_EVENT_SIZE", "a compressed event of %" PRIu64 " bytes, at most %zu are taken",
                         want, most);
    if (want / DEFLATE_RATIO_MAX > cursor_left(&in)) /* no memory for what can't be true */
        return malformed(err, "a compressed block can't be as long as it says");
    room = buffer_room(out, want == 0 ? 1 : (size_t)want);
    if (room == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for a compressed event of %" PRIu64 " bytes", want);
    got = (uLongf)want;
    if (uncompress(room, &got, in.at, (uLong)cursor_left(&in)) != Z_OK || got != want)
        return malformed(err, "a compressed block can't be inflated");
    out->len += (size_t)got;
    return 0;
}
