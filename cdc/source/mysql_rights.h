/* mysql_rights.h -- rights that the user lacks, and the statement that gives them. Threads: the connection's. */
#ifndef CDC_MYSQL_RIGHTS_H
#define CDC_MYSQL_RIGHTS_H

#include "../client/mysql_conn.h"

/* "GRANT rights ON what TO 'user'@'host';", for the user of this connection. */
void mysql_put_grant(MYSQL *, const char *rights, const char *on, struct buffer *out);

/* How many XA transactions are prepared and not decided. E_PRIVILEGE where MySQL does not tell this user. */
int mysql_xa_ask(MYSQL *, uint64_t *count, struct error *err);

#endif
