/*
 * mysql_wire.h -- the binlog dump: one command out, events in, over a connection of mysql_conn.h.
 *
 * The one file that knows which client library it is built with. MariaDB's Connector/C sends any command and reads
 * packets; Oracle's libmysqlclient has mysql_binlog_open and _fetch. Either way raw events come out, and our own code
 * reads them.
 *
 *     wire_open -> wire_ready, wire_read ... -> (the connection is closed)
 *
 * Threads: the connection's. Memory: an event is the library's until the next call on the connection.
 * Errors: as mysql_error of mysql_conn.h; the server's 1236 by its words: E_BINLOG_PURGED, E_DIVERGED, E_SERVER_ID,
 * E_EVENT_SIZE, E_DUMP.
 */
#ifndef CDC_MYSQL_WIRE_H
#define CDC_MYSQL_WIRE_H

#include "cdc/log_place.h"
#include "../client/mysql_conn.h"

struct wire_start {
    uint32_t server_id;         /* ours; the server ends an older dump of the same one */
    const struct gtid_set *gtids; /* MySQL: what is done already; NULL: by place. MariaDB's go by a variable */
    struct log_place at;        /* number 0: wherever the server begins (MariaDB with GTIDs) */
    bool annotate;              /* MariaDB: send ANNOTATE_ROWS */
    bool until_end;             /* do not wait for more at the end of the log */
};

struct wire {
    MYSQL *conn;
    bool until_end;
    void *own; /* of the library's variant */
};

int wire_open(struct wire *, MYSQL *, const struct wire_start *, struct error *err);

/* Wait until an event is at hand, or begins to come in. False after timeout_ms. */
bool wire_ready(struct wire *, int timeout_ms);

/* 1: *event; 0: the end (until_end only); -1. Waits for the whole of it. */
int wire_read(struct wire *, struct bytes *event, struct error *err);

void wire_close(struct wire *);

#endif
