/* mysql_check.h -- what `check` finds on a MySQL or MariaDB server. Threads: the caller's. */
#ifndef CDC_MYSQL_CHECK_H
#define CDC_MYSQL_CHECK_H

#include "../client/mysql_conn.h"

struct report;

enum { COMMAND_TIMEOUT_S = 15 };

void mysql_check(const struct config *, struct report *);

/* Is it the kind of server that `type` says? ERROR_CONFIG with E_SERVER_KIND. */
int mysql_check_kind(const struct config *, const struct mysql_server *, struct error *err);

#endif
