/*
 * binlog_event.h -- one event of a binlog: its header, its checksum, and the bodies that say how the others are to be
 * read (FORMAT_DESCRIPTION, ROTATE) or begin and end a group (GTID, QUERY, XA_PREPARE).
 *
 * Pure; any bytes may come. Sources: protocols B3, B4, B5, B8; MySQL 9.7.4, MariaDB 10.11.19.
 * Errors: ERROR_RETRY with E_PROTOCOL (read it again, never guess), E_CHECKSUM.
 */
#ifndef CDC_BINLOG_EVENT_H
#define CDC_BINLOG_EVENT_H

#include "cdc/log_place.h"

enum binlog_event_type {
    EVENT_QUERY = 2,
    EVENT_STOP = 3,
    EVENT_ROTATE = 4,
    EVENT_INTVAR = 5,
    EVENT_APPEND_BLOCK = 9,
    EVENT_DELETE_FILE = 11,
    EVENT_RAND = 13,
    EVENT_USER_VAR = 14,
    EVENT_FORMAT_DESCRIPTION = 15,
    EVENT_XID = 16,
    EVENT_BEGIN_LOAD_QUERY = 17,
    EVENT_EXECUTE_LOAD_QUERY = 18,
    EVENT_TABLE_MAP = 19,
    EVENT_WRITE_ROWS_V1 = 23,
    EVENT_UPDATE_ROWS_V1 = 24,
    EVENT_DELETE_ROWS_V1 = 25,
    EVENT_INCIDENT = 26,
    EVENT_HEARTBEAT = 27,
    EVENT_IGNORABLE = 28,
    EVENT_ROWS_QUERY = 29,
    EVENT_WRITE_ROWS = 30,
    EVENT_UPDATE_ROWS = 31,
    EVENT_DELETE_ROWS = 32,
    EVENT_GTID = 33,
    EVENT_ANONYMOUS_GTID = 34,
    EVENT_PREVIOUS_GTIDS = 35,
    EVENT_TRANSACTION_CONTEXT = 36,
    EVENT_VIEW_CHANGE = 37,
    EVENT_XA_PREPARE = 38,
    EVENT_PARTIAL_UPDATE_ROWS = 39,
    EVENT_TRANSACTION_PAYLOAD = 40,
    EVENT_HEARTBEAT_V2 = 41,
    EVENT_GTID_TAGGED = 42,
    EVENT_MARIADB_ANNOTATE_ROWS = 160,
    EVENT_MARIADB_BINLOG_CHECKPOINT = 161,
    EVENT_MARIADB_GTID = 162,
    EVENT_MARIADB_GTID_LIST = 163,
    EVENT_MARIADB_START_ENCRYPTION = 164,
    EVENT_MARIADB_QUERY_COMPRESSED = 165,
    EVENT_MARIADB_WRITE_ROWS_COMPRESSED_V1 = 166,
    EVENT_MARIADB_UPDATE_ROWS_COMPRESSED_V1 = 167,
    EVENT_MARIADB_DELETE_ROWS_COMPRESSED_V1 = 168,
    EVENT_MARIADB_WRITE_ROWS_COMPRESSED = 169,
    EVENT_MARIADB_UPDATE_ROWS_COMPRESSED = 170,
    EVENT_MARIADB_DELETE_ROWS_COMPRESSED = 171,
};

enum {
    EVENT_HEADER_BYTES = 19,
    EVENT_CHECKSUM_BYTES = 4,
    EVENT_FLAG_ARTIFICIAL = 0x20,
    EVENT_FLAG_IGNORABLE = 0x80,
};

struct binlog_event {
    uint32_t timestamp; /* seconds since 1970 */
    uint8_t type;
    uint32_t server_id;
    uint32_t size;      /* with header and checksum */
    uint32_t log_pos;   /* low 32 bits of where the next one begins; 0: not told */
    uint16_t flags;
    struct bytes body;  /* without header and checksum */
    struct bytes whole; /* header and body, without checksum */
};

/* `raw` is the whole event; with `checksum` its last four bytes are a CRC-32, which is looked at. */
int binlog_event_read(struct binlog_event *out, struct bytes raw, bool checksum, struct error *err);

/* FORMAT_DESCRIPTION: whether the events behind it have checksums. Takes the raw event, since its own always may. */
int binlog_format_read(struct bytes raw, bool *checksums, char version[51], struct error *err);

/* `at`, where the event begins, becomes the place behind it: 64 bits, of which a header has the lower half, if that. */
void binlog_event_pass(const struct binlog_event *, struct log_place *at);

/* A GTID of any kind, also an anonymous one. */
bool binlog_event_begins_group(const struct binlog_event *);

int binlog_rotate_read(const struct binlog_event *, struct log_place *out, struct error *err);

/* A group's first event. */
struct binlog_gtid_event {
    struct gtid gtid;      /* number 0: anonymous */
    int64_t commit_us;     /* 0: not told (MariaDB) */
    bool standalone;       /* MariaDB: one QUERY follows, and nothing ends it */
    bool transactional;    /* MariaDB: said so; MySQL: true */
    bool prepares_xa, completes_xa; /* MariaDB */
    bool half_alter;       /* MariaDB: an ALTER begins (its text comes again when it is done), or is given up */
};
int binlog_gtid_read(const struct binlog_event *, struct binlog_gtid_event *out, struct error *err);

struct binlog_query_event {
    uint32_t thread_id;
    uint16_t error_code;
    struct bytes schema;  /* the default database */
    struct bytes text;    /* in the client's character set */
    uint16_t client_collation; /* 0: not told */
    int updated_count;    /* -1: not told; 254: too many to name */
    struct bytes updated; /* that many names, each ended by a zero */
};
/* QUERY, QUERY_COMPRESSED (inflated into `scratch`) and EXECUTE_LOAD_QUERY. */
int binlog_query_read(const struct binlog_event *, struct buffer *scratch, struct binlog_query_event *out,
                      struct error *err);

/* XA_PREPARE: the xid as XA statements of the binlog write it, "X'6162',X'',1", into XA_XID_MAX bytes. */
int binlog_xa_prepare_read(const struct binlog_event *, char *xid, bool *one_phase, struct error *err);

/* MariaDB's compressed block: a header byte, a big-endian length, zlib. Appended to `out`, of at most `most` bytes. */
int binlog_inflate(struct bytes block, size_t most, struct buffer *out, struct error *err);

#endif
