/* mysql_wire.c -- see mysql_wire.h. */
#include "mysql_wire.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "cdc/position.h"

#ifdef MARIADB_PACKAGE_VERSION_ID
#include <ma_pvio.h>
#endif

enum { COM_BINLOG_DUMP_CODE = 0x12, COM_BINLOG_DUMP_GTID_CODE = 0x1e };
enum { FLAG_NON_BLOCK = 1, FLAG_ANNOTATE = 2 };
enum { FIRST_POS = 4, ER_MASTER_FATAL = 1236 };

/* ---- what ends a dump ---- */

/* One number for very different things, and on MariaDB others for the same: the words decide, and words that are not
 * known stop us. */
static int
dump_error(unsigned number, const char *text, struct error *err)
{
    static const struct {
        const char *words;
        enum error_kind kind;
        const char *code;
    } known[] = {
        {"Could not find first log file", ERROR_REFUSED, "E_BINLOG_PURGED"},
        {"purged required binary logs", ERROR_REFUSED, "E_BINLOG_PURGED"},
        {"Could not find GTID state requested", ERROR_REFUSED, "E_BINLOG_PURGED"},
        {"more GTIDs than", ERROR_REFUSED, "E_DIVERGED"},
        {"not in the master's binlog", ERROR_REFUSED, "E_DIVERGED"},
        {"bogus data in log event", ERROR_REFUSED, "E_DIVERGED"},
        {"impossible position", ERROR_REFUSED, "E_DIVERGED"},
        {"same server_uuid/server_id", ERROR_RETRY, "E_SERVER_ID"},
        {"max_allowed_packet", ERROR_CONFIG, "E_EVENT_SIZE"},
        {"Binary log is not open", ERROR_CONFIG, "E_BINLOG_OFF"},
        {"Error reading file", ERROR_RETRY, "E_UNREACHABLE"},
        {"binlog truncated", ERROR_RETRY, "E_UNREACHABLE"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcasestr(text, known[i].words) != NULL)
            return error_set(err, known[i].kind, known[i].code, "source: %.400s", text);
    }
    if (number != ER_MASTER_FATAL)
        return mysql_server_error(number, text, "binlog dump", err);
    return error_set(err, ERROR_CONFIG, "E_DUMP", "source: the server ended the binlog dump: %.400s", text);
}

static bool
poll_socket(MYSQL *conn, int timeout_ms)
{
#ifdef MARIADB_PACKAGE_VERSION_ID
    struct pollfd fd = {.fd = (int)mysql_get_socket(conn), .events = POLLIN};
#else
    struct pollfd fd = {.fd = conn->net.fd, .events = POLLIN};
#endif

    return poll(&fd, 1, timeout_ms) != 0; /* an error too: the read will say what it is */
}

#ifdef MARIADB_PACKAGE_VERSION_ID

/* ---- MariaDB Connector/C: any command out, packets in ---- */

/* u32 pos, u16 flags, u32 server id, file name */
static void
put_place(struct buffer *out, const struct wire_start *start, uint16_t flags)
{
    char file[LOG_FILE_MAX] = "";

    buffer_put_le32(out, start->at.number != 0 ? (uint32_t)start->at.pos : FIRST_POS);
    buffer_put_le16(out, flags);
    buffer_put_le32(out, start->server_id);
    if (start->at.number != 0)
        log_file_print(&start->at, file);
    buffer_put_string(out, file);
}

/* u16 flags, u32 server id, u32 length, file name, u64 pos, u32 length, set */
static void
put_gtids(struct buffer *out, const struct wire_start *start, uint16_t flags)
{
    struct buffer set = {0};

    gtid_set_encode(start->gtids, &set);
    buffer_put_le16(out, flags);
    buffer_put_le32(out, start->server_id);
    buffer_put_le32(out, 0);
    buffer_put_le64(out, FIRST_POS);
    buffer_put_le32(out, (uint32_t)set.len);
    buffer_put(out, set.at, set.len);
    if (buffer_failed(&set))
        out->failed = true;
    buffer_free(&set);
}

int
wire_open(struct wire *wire, MYSQL *conn, const struct wire_start *start, struct error *err)
{
    uint16_t flags = (uint16_t)((start->until_end ? FLAG_NON_BLOCK : 0) | (start->annotate ? FLAG_ANNOTATE : 0));
    struct buffer command = {0};
    bool by_gtid = start->gtids != NULL;
    int rc = 0;

    *wire = (struct wire){.conn = conn, .until_end = start->until_end};
    if (start->at.number != 0 && start->at.pos > UINT32_MAX)
        return error_set(err, ERROR_CONFIG, "E_DUMP",
                         "source: a place beyond 4 GiB of a binlog file can only be reached by GTID");
    if (by_gtid)
        put_gtids(&command, start, flags);
    else
        put_place(&command, start, flags);
    if (buffer_failed(&command))
        rc = error_set(err, ERROR_FATAL, "", "out of memory for the binlog dump");
    else if (conn->methods->db_command(
                 conn, (enum enum_server_command)(by_gtid ? COM_BINLOG_DUMP_GTID_CODE : COM_BINLOG_DUMP_CODE),
                 (const char *)command.at, command.len, 1, NULL) != 0)
        rc = mysql_failed(conn, "binlog dump", err);
    buffer_free(&command);
    return rc;
}

bool
wire_ready(struct wire *wire, int timeout_ms)
{
    const MARIADB_PVIO *pvio = wire->conn->net.pvio;

    if (pvio != NULL && pvio->cache != NULL && pvio->cache_pos < pvio->cache + pvio->cache_size)
        return true;
    return poll_socket(wire->conn, timeout_ms);
}

/* 'ff', u16 number, '#' and five letters, text */
static int
error_packet(struct bytes packet, struct error *err)
{
    struct cursor in = cursor_of(packet);
    unsigned number;
    char text[512];
    size_t n;

    cursor_u8(&in);
    number = cursor_le16(&in);
    if (cursor_left(&in) >= 6 && in.at[0] == '#')
        cursor_bytes(&in, 6);
    n = cursor_left(&in) < sizeof(text) - 1 ? cursor_left(&in) : sizeof(text) - 1;
    memcpy(text, in.at, n);
    text[n] = 0;
    return dump_error(number, text, err);
}

int
wire_read(struct wire *wire, struct bytes *event, struct error *err)
{
    unsigned long n = mysql_net_read_packet(wire->conn);
    const uint8_t *at = wire->conn->net.read_pos;

    if ((unsigned int)n == (unsigned int)-1) {
        if (mysql_errno(wire->conn) == 0)
            return error_set(err, ERROR_RETRY, "E_UNREACHABLE", "source: the binlog dump ended");
        return dump_error(mysql_errno(wire->conn), mysql_error(wire->conn), err);
    }
    if (n == 0)
        return error_set(err, ERROR_RETRY, "E_PROTOCOL", "source: an empty packet in the binlog dump");
    if (at[0] == 0xff)
        return error_packet(bytes_of(at, n), err);
    if (at[0] == 0xfe && n < 9)
        return wire->until_end
                   ? 0
                   : error_set(err, ERROR_RETRY, "E_UNREACHABLE", "source: the server ended the binlog dump");
    if (at[0] != 0)
        return error_set(err, ERROR_RETRY, "E_PROTOCOL", "source: a packet that is no event in the binlog dump");
    *event = bytes_of(at + 1, n - 1);
    return 1;
}

void
wire_close(struct wire *wire)
{
    *wire = (struct wire){.conn = NULL};
}

#else

/* ---- Oracle's libmysqlclient: a call for each ---- */

struct oracle_dump {
    MYSQL_RPL rpl;
    char file[LOG_FILE_MAX];
    struct buffer set;
    bool open;
};

static void
fix_gtid_set(MYSQL_RPL *rpl, unsigned char *to)
{
    const struct oracle_dump *dump = rpl->gtid_set_arg;

    memcpy(to, dump->set.at, dump->set.len);
}

int
wire_open(struct wire *wire, MYSQL *conn, const struct wire_start *start, struct error *err)
{
    struct oracle_dump *dump = calloc(1, sizeof(*dump));

    *wire = (struct wire){.conn = conn, .until_end = start->until_end, .own = dump};
    if (dump == NULL)
        return error_set(err, ERROR_FATAL, "", "out of memory for the binlog dump");
    dump->rpl.server_id = start->server_id;
    dump->rpl.start_position = FIRST_POS;
    dump->rpl.flags = (unsigned)((start->until_end ? FLAG_NON_BLOCK : 0) | (start->annotate ? FLAG_ANNOTATE : 0));
    if (start->at.number != 0) {
        dump->rpl.file_name_length = log_file_print(&start->at, dump->file);
        dump->rpl.start_position = start->at.pos;
    }
    dump->rpl.file_name = dump->file;
    if (start->gtids != NULL) {
        gtid_set_encode(start->gtids, &dump->set);
        if (buffer_failed(&dump->set))
            return error_set(err, ERROR_FATAL, "", "out of memory for the binlog dump");
        dump->rpl.flags |= MYSQL_RPL_GTID;
        dump->rpl.gtid_set_encoded_size = dump->set.len;
        dump->rpl.fix_gtid_set = fix_gtid_set;
        dump->rpl.gtid_set_arg = dump;
    }
    if (mysql_binlog_open(conn, &dump->rpl) != 0)
        return dump_error(mysql_errno(conn), mysql_error(conn), err);
    dump->open = true;
    return 0;
}

/* The library may hold bytes that the socket does not show any more; then the heartbeat ends the wait. */
bool
wire_ready(struct wire *wire, int timeout_ms)
{
    return poll_socket(wire->conn, timeout_ms);
}

int
wire_read(struct wire *wire, struct bytes *event, struct error *err)
{
    struct oracle_dump *dump = wire->own;

    if (mysql_binlog_fetch(wire->conn, &dump->rpl) != 0)
        return dump_error(mysql_errno(wire->conn), mysql_error(wire->conn), err);
    if (dump->rpl.size == 0)
        return wire->until_end
                   ? 0
                   : error_set(err, ERROR_RETRY, "E_UNREACHABLE", "source: the server ended the binlog dump");
    *event = bytes_of(dump->rpl.buffer + 1, dump->rpl.size - 1);
    return 1;
}

void
wire_close(struct wire *wire)
{
    struct oracle_dump *dump = wire->own;

    if (dump != NULL) {
        if (dump->open)
            mysql_binlog_close(wire->conn, &dump->rpl);
        buffer_free(&dump->set);
        free(dump);
    }
    *wire = (struct wire){.conn = NULL};
}

#endif
