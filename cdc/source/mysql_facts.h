/*
 * mysql_facts.h -- what a server says of itself and its binlog at one moment, and whether a position fits it.
 *
 * Asked at each start of the source, and by commands; what is made of it asks nobody. Threads: the connection's.
 */
#ifndef CDC_MYSQL_FACTS_H
#define CDC_MYSQL_FACTS_H

#include "cdc/offset.h"
#include "../client/mysql_conn.h"
#include "cdc/xa.h"

struct mysql_log_file {
    struct log_place place; /* pos: its size */
};

struct mysql_facts {
    struct mysql_server server;
    char name[SERVER_NAME_MAX]; /* MySQL's server_uuid, MariaDB's server_id */
    struct source_identity identity;
    bool by_gtid;               /* positions can be sets of GTIDs */
    bool log_bin;
    struct log_place end;       /* of the log; number 0: no binlog */
    struct gtid_set *done;      /* MySQL: gtid_executed; MariaDB: gtid_binlog_pos; NULL: not by GTID */
    struct gtid_set *gone;      /* MySQL: gtid_purged; MariaDB: what the oldest file begins behind */
    char *state;                /* MariaDB: gtid_binlog_state */
    struct mysql_log_file *files; /* oldest first */
    int nfiles;
    int64_t expire_s;           /* a file is kept so long after its last write; 0: for ever */
};

/* Overwrites *out; mysql_facts_clear when done, also after a failure. */
int mysql_facts_ask(MYSQL *, const struct mysql_server *, struct mysql_facts *out, struct error *err);
void mysql_facts_clear(struct mysql_facts *);

/* The end of the log as a position. Overwrites *out. */
int mysql_facts_latest(const struct mysql_facts *, struct position *out, struct error *err);

/* Does the server still have what follows this position? REFUSED with E_BINLOG_PURGED, E_DIVERGED, E_SOURCE_CHANGED,
 * E_POSITION_FOREIGN. *ahead: E_DIVERGED only since what the position has may not be visible yet. */
int mysql_facts_fit(const struct mysql_facts *, const struct offset *, bool *ahead, struct error *err);

/* The index of the file of this place, which must be this server's; -1: it is not there. */
int mysql_facts_file(const struct mysql_facts *, const struct log_place *);

/* The first XA transaction open at this place whose rows are not in the log any more, or NULL. */
const struct xa_prepared *mysql_facts_lost_xa(const struct mysql_facts *, const struct place *);

#endif
