/*
 * mysql_conn.h -- connections to a MySQL or MariaDB server, and small questions to it.
 *
 * A url is mysql://user@host:port/database?ssl-mode=...&ssl-ca=FILE (or mariadb://). ssl-mode has MySQL's words:
 * verify_identity (the default), verify_ca, required, preferred, disabled. Other options: ssl-cert, ssl-key, ssl-cipher,
 * tls-version, socket, connect-timeout, plugin-dir. Letters with a special meaning stand as %XX.
 *
 * Threads: a connection belongs to one. Memory: rows are the caller's (mysql_rows_free).
 * Errors: ERROR_RETRY with E_UNREACHABLE when the server is away; ERROR_CONFIG with E_AUTH, E_DATABASE, E_TLS,
 * E_PRIVILEGE, E_SQL.
 */
#ifndef CDC_MYSQL_CONN_H
#define CDC_MYSQL_CONN_H

#include <mysql.h>

#include "cdc/config.h"
#include "endpoint.h"

/* A url, taken apart. */
struct mysql_url {
    char user[256], host[256], database[256], socket[256];
    char password[256]; /* in the URL itself: warned of */
    unsigned port;
    int ssl_mode; /* enum mysql_ssl */
    char ssl_ca[512], ssl_cert[512], ssl_key[512], ssl_cipher[256], tls_version[64], plugin_dir[512];
    unsigned connect_timeout; /* seconds */
};
enum mysql_ssl { SSL_DISABLED_MODE, SSL_PREFERRED_MODE, SSL_REQUIRED_MODE, SSL_VERIFY_CA_MODE, SSL_VERIFY_IDENTITY_MODE };

int mysql_url_parse(struct mysql_url *out, const char *url, struct error *err);

/* What is known of a server once a connection stands. */
struct mysql_server {
    bool mariadb;
    unsigned version; /* 80403, 101119 */
    char version_text[64];
};

/* A connection that is up, with our session settings, or NULL. `read_timeout`: seconds that a read may take. */
MYSQL *mysql_connect_to(const struct endpoint *, unsigned read_timeout, struct mysql_server *server, struct error *err);
/* The same to the source of this configuration. */
MYSQL *mysql_connect_source(const struct config *, unsigned read_timeout, struct mysql_server *server,
                            struct error *err);

/* The library's last error on this connection, with the kind that it asks for. Returns -1. */
int mysql_failed(MYSQL *, const char *what, struct error *err);
/* The same from a number and text of the server's. */
int mysql_server_error(unsigned number, const char *text, const char *what, struct error *err);

/* Run statements whose rows nobody wants. */
int mysql_run(MYSQL *, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Run one that answers with rows, all of them at hand; NULL and *err otherwise. */
MYSQL_RES *mysql_ask(MYSQL *, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The next row's field as text ("" for NULL); rows come one after the other by mysql_fetch_row. */
const char *mysql_field(MYSQL_ROW row, unsigned column);
/* A column's index by its name; -1: there is none. */
int mysql_column(MYSQL_RES *, const char *name);

/* One value of one row into a fixed buffer, or appended to one that grows. -1 also when there is no row. */
int mysql_ask_text(MYSQL *, char *out, size_t size, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
int mysql_ask_long(MYSQL *, struct buffer *out, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* A global variable's text; "" where the server does not have it. */
int mysql_variable(MYSQL *, const char *name, char *out, size_t size, struct error *err);

/* 'text' and `name`, quoted. */
void mysql_literal(struct buffer *out, const char *text);
void mysql_identifier(struct buffer *out, const char *name);

#endif
