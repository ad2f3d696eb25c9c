/* mysql_rights.c -- see mysql_rights.h. */
#include "mysql_rights.h"

#include <string.h>

enum { XAER_RMERR = 1401 };

/* CURRENT_USER() is user@host, and no host has an @. */
void
mysql_put_grant(MYSQL *conn, const char *rights, const char *on, struct buffer *out)
{
    struct error ignored = ERROR_INIT;
    char name[400];
    char *sign;

    buffer_printf(out, "GRANT %s ON %s TO ", rights, on);
    if (mysql_ask_text(conn, name, sizeof(name), &ignored, "SELECT CURRENT_USER()") == -1 ||
        (sign = strrchr(name, '@')) == NULL) {
        buffer_put_string(out, "the user;");
        return;
    }
    *sign = 0;
    mysql_literal(out, name);
    buffer_put_string(out, "@");
    mysql_literal(out, sign + 1);
    buffer_put_string(out, ";");
}

/* To who lacks the right MySQL says that something is wrong with the transaction, and no word of rights. */
int
mysql_xa_ask(MYSQL *conn, uint64_t *count, struct error *err)
{
    MYSQL_RES *res = mysql_ask(conn, err, "XA RECOVER");
    struct buffer cure = {0};

    if (res != NULL) {
        *count = mysql_num_rows(res);
        mysql_free_result(res);
        return 0;
    }
    if (mysql_errno(conn) != XAER_RMERR)
        return -1;
    mysql_put_grant(conn, "XA_RECOVER_ADMIN", "*.*", &cure);
    error_set(err, ERROR_CONFIG, "E_PRIVILEGE", "source: XA RECOVER needs the right XA_RECOVER_ADMIN: %s",
              buffer_cstr(&cure));
    buffer_free(&cure);
    return -1;
}
