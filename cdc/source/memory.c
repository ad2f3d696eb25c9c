/*
 * memory.c -- see memory.h. The framer is the real one, so what is tested is the real path but for libpq.
 */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../decode/pgoutput_frame.h"
#include "cdc/offset.h"

enum { RELATION_ID = 16400, TEXT_OID = 25 };

struct memory_source {
    struct source base;
    struct memory_server *server;
    struct framer framer;
    size_t next;      /* message to be sent */
    bool described;   /* the relation was sent in this session */
    int columns;
    uint64_t confirmed;
};

/* ---- the log ---- */

void
memory_server_init(struct memory_server *server)
{
    *server = (struct memory_server){.lsn = 0x1000, .xid = 700, .batch_size = 200, .per_read = 3};
    snprintf(server->system, sizeof(server->system), "memory:1/test");
}

void
memory_server_clear(struct memory_server *server)
{
    for (size_t i = 0; i < server->count; i++)
        free(server->messages[i].at);
    free(server->messages);
    *server = (struct memory_server){0};
}

static void
append(struct memory_server *server, struct buffer *message)
{
    if (server->count == server->cap) {
        size_t cap = server->cap == 0 ? 64 : server->cap * 2;
        struct memory_message *more = realloc(server->messages, cap * sizeof(*more));

        if (more == NULL)
            abort();
        server->messages = more;
        server->cap = cap;
    }
    server->messages[server->count++] = (struct memory_message){server->lsn, message->at, message->len};
    server->lsn += 0x40;
}

void
memory_begin(struct memory_server *server)
{
    struct buffer m = {0};

    buffer_put_u8(&m, 'B');
    buffer_put_be64(&m, 0); /* final: known at commit */
    buffer_put_be64(&m, 0);
    buffer_put_be32(&m, ++server->xid);
    server->open_begin = server->count;
    append(server, &m);
}

static void
put_tuple(struct buffer *m, const char *const *values, int columns)
{
    buffer_put_be16(m, (uint16_t)columns);
    for (int i = 0; i < columns; i++) {
        if (values[i] == NULL) {
            buffer_put_u8(m, 'n');
            continue;
        }
        buffer_put_u8(m, 't');
        buffer_put_be32(m, (uint32_t)strlen(values[i]));
        buffer_put_string(m, values[i]);
    }
}

static void
put_key(struct buffer *m, const char *key, int columns)
{
    buffer_put_u8(m, 'K');
    buffer_put_be16(m, (uint16_t)columns);
    buffer_put_u8(m, 't');
    buffer_put_be32(m, (uint32_t)strlen(key));
    buffer_put_string(m, key);
    for (int i = 1; i < columns; i++)
        buffer_put_u8(m, 'n');
}

static struct buffer
row(char kind)
{
    struct buffer m = {0};

    buffer_put_u8(&m, (uint8_t)kind);
    buffer_put_be32(&m, RELATION_ID);
    return m;
}

void
memory_insert(struct memory_server *server, const char *const *values, int columns)
{
    struct buffer m = row('I');

    buffer_put_u8(&m, 'N');
    put_tuple(&m, values, columns);
    append(server, &m);
}

void
memory_update(struct memory_server *server, const char *old_key, const char *const *values, int columns)
{
    struct buffer m = row('U');

    if (old_key != NULL)
        put_key(&m, old_key, columns);
    buffer_put_u8(&m, 'N');
    put_tuple(&m, values, columns);
    append(server, &m);
}

void
memory_delete(struct memory_server *server, const char *key, int columns)
{
    struct buffer m = row('D');

    put_key(&m, key, columns);
    append(server, &m);
}

void
memory_truncate(struct memory_server *server)
{
    struct buffer m = {0};

    buffer_put_u8(&m, 'T');
    buffer_put_be32(&m, 1);
    buffer_put_u8(&m, 0);
    buffer_put_be32(&m, RELATION_ID);
    append(server, &m);
}

static void
patch_be64(uint8_t *at, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(at, &v, sizeof(v));
}

void
memory_commit(struct memory_server *server)
{
    struct buffer m = {0};
    uint64_t final = server->lsn;

    buffer_put_u8(&m, 'C');
    buffer_put_u8(&m, 0);
    buffer_put_be64(&m, final);
    buffer_put_be64(&m, final + 0x40);
    buffer_put_be64(&m, 0);
    append(server, &m);
    patch_be64(server->messages[server->open_begin].at + 1, final);
}

/* ---- the source ---- */

static struct memory_source *
from_source(struct source *source)
{
    return (struct memory_source *)source;
}

static int
step(struct memory_source *m, struct error *err)
{
    if (++m->server->calls != m->server->fail_at)
        return 0;
    if (m->server->forgets)
        m->server->confirmed = m->server->earlier;
    return error_set(err, ERROR_RETRY, "E_UNREACHABLE", "memory source: call %llu fails as asked",
                     (unsigned long long)m->server->calls);
}

static bool
wants(void *arg, const char *schema, const char *table)
{
    (void)arg;
    (void)schema;
    return strcmp(table, "unwanted") != 0;
}

static bool
is_enum(void *arg, uint32_t oid)
{
    (void)arg;
    (void)oid;
    return false;
}

static int
has_place(struct source *source, struct error *err)
{
    struct memory_source *m = from_source(source);

    if (step(m, err) == -1)
        return -1;
    return m->server->slot ? 1 : 0;
}

/* The first message of the first transaction that commits after the confirmed place. */
static size_t
first_after(const struct memory_server *server, uint64_t place)
{
    for (size_t i = 0; i < server->count; i++) {
        struct cursor in = cursor_of(bytes_of(server->messages[i].at, server->messages[i].len));

        if (cursor_u8(&in) == 'B' && cursor_be64(&in) >= place)
            return i;
    }
    return server->count;
}

static int
start(struct source *source, bool first, struct source_start *out, struct error *err)
{
    struct memory_source *m = from_source(source);

    if (step(m, err) == -1)
        return -1;
    *out = (struct source_start){0};
    if (!m->server->slot && !first)
        return error_set(err, ERROR_REFUSED, "E_SLOT_MISSING", "the slot is gone");
    if (!m->server->slot) {
        m->server->slot = out->created = true;
        m->server->confirmed = 0x1000;
    }
    snprintf(out->identity.id, sizeof(out->identity.id), "%s", m->server->system);
    out->identity.timeline = 1;
    out->confirmed = (struct position){.kind = POSITION_LSN, .end = m->server->confirmed};
    out->latest = (struct position){.kind = POSITION_LSN, .end = m->server->lsn};
    m->next = first_after(m->server, m->server->confirmed);
    m->described = false;
    framer_connected(&m->framer);
    return 0;
}

static int
check_offset(struct source *source, const struct offset *offset, struct error *err)
{
    struct memory_source *m = from_source(source);

    if (strcmp(offset->source.id, m->server->system) != 0)
        return error_set(err, ERROR_REFUSED, "E_SOURCE_CHANGED", "another server");
    if (offset->position.end < m->server->confirmed)
        return error_set(err, ERROR_REFUSED, "E_GAP", "the slot has moved past the sink");
    if (offset->position.end > m->server->lsn)
        return error_set(err, ERROR_REFUSED, "E_DIVERGED", "the log ends before the sink");
    return 0;
}

static void
resume(struct source *source, const struct position *from, uint64_t next_number)
{
    struct memory_source *m = from_source(source);

    m->framer.read = *from;
    if (next_number > m->framer.number + 1)
        m->framer.number = next_number - 1;
}

static int
lease_check(struct source *source, struct error *err)
{
    return step(from_source(source), err);
}

static int
describe(struct memory_source *m, struct batch *batch, const struct memory_message *row_message,
         struct error *err)
{
    struct cursor in = cursor_of(bytes_of(row_message->at, row_message->len));
    struct buffer d = {0};
    bool full;
    int columns = 2, rc;

    if (cursor_u8(&in) != 'T' && cursor_left(&in) > 7) {
        cursor_take(&in, 5);
        columns = cursor_be16(&in);
    }
    buffer_put_u8(&d, 'R');
    buffer_put_be32(&d, RELATION_ID);
    buffer_put(&d, "public\0items\0d", 14);
    buffer_put_be16(&d, (uint16_t)columns);
    for (int i = 0; i < columns; i++) {
        buffer_put_u8(&d, i == 0);
        buffer_printf(&d, "c%d", i);
        buffer_put_u8(&d, 0);
        buffer_put_be32(&d, TEXT_OID);
        buffer_put_be32(&d, UINT32_MAX);
    }
    rc = framer_message(&m->framer, 0, bytes_of(d.at, d.len), batch, &full, err);
    buffer_free(&d);
    m->described = true;
    return rc;
}

static int
read_some(struct source *source, struct batch *batch, int timeout_ms, bool *full, struct error *err)
{
    struct memory_source *m = from_source(source);

    (void)timeout_ms;
    *full = false;
    if (step(m, err) == -1)
        return -1;
    for (size_t n = 0; n < m->server->per_read && m->next < m->server->count && !*full; n++) {
        const struct memory_message *message = &m->server->messages[m->next];

        if (!m->described && strchr("IUDT", message->at[0]) != NULL &&
            describe(m, batch, message, err) == -1)
            return -1;
        if (framer_message(&m->framer, message->lsn, bytes_of(message->at, message->len), batch, full,
                           err) == -1)
            return -1;
        m->next++;
    }
    if (m->next == m->server->count) {
        struct timespec pause = {0, 1000000};

        nanosleep(&pause, NULL); /* as a poll would */
        framer_keepalive(&m->framer, m->server->lsn);
    }
    framer_finish(&m->framer, batch);
    return m->next < m->server->count ? SOURCE_MORE : SOURCE_IDLE;
}

static int
serve(struct source *source, int timeout_ms, struct error *err)
{
    struct timespec pause = {0, timeout_ms > 0 ? 200000 : 0};

    nanosleep(&pause, NULL);
    return step(from_source(source), err);
}

static void
confirm(struct source *source, const struct position *position)
{
    struct memory_source *m = from_source(source);

    if (position->kind == POSITION_LSN && position->end > m->server->confirmed)
        m->server->confirmed = position->end;
}

static void
stop(struct source *source)
{
    (void)source;
}

static void
close_source(struct source *source)
{
    struct memory_source *m = from_source(source);

    if (m == NULL)
        return;
    framer_free(&m->framer);
    free(m);
}

static const struct source_ops memory_ops = {
    .name = "memory",
    .has_place = has_place,
    .start = start,
    .check_offset = check_offset,
    .resume = resume,
    .lease_check = lease_check,
    .read = read_some,
    .serve = serve,
    .confirm = confirm,
    .stop = stop,
    .close = close_source,
};

int
memory_source_open(struct source **out, struct memory_server *server, struct error *err)
{
    struct memory_source *m = calloc(1, sizeof(*m));

    if (m == NULL || framer_init(&m->framer, err) == -1) {
        free(m);
        return error_set(err, ERROR_FATAL, "", "out of memory");
    }
    m->base.ops = &memory_ops;
    m->server = server;
    m->framer.wants = wants;
    m->framer.is_enum = is_enum;
    m->framer.batch_size = server->batch_size;
    *out = &m->base;
    return 0;
}
