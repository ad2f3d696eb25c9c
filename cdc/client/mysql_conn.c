/*
 * mysql_conn.c -- see mysql_conn.h. Each connection belongs to one thread.
 *
 * Built with either client library; where their options differ, the library's own macro decides.
 */
#include "mysql_conn.h"

#include <errno.h>
#include <errmsg.h>
#include <mysqld_error.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cdc/log.h"

enum { EVENT_PACKET_MAX = 1 << 30, CONNECT_SECONDS = 10, WRITE_SECONDS = 30 };

/* ---- the URL ---- */

static int
bad_url(struct error *err, const char *what)
{
    return error_set(err, ERROR_CONFIG, "E_CONFIG", "url: %s", what);
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A part of the URL with its %XX resolved. */
static int
take_part(char *out, size_t size, const char *from, size_t len, struct error *err)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = from[i];

        if (c == '%') {
            int high = i + 2 < len ? hex_digit(from[i + 1]) : -1;
            int low = i + 2 < len ? hex_digit(from[i + 2]) : -1;

            if (high < 0 || low < 0 || (high == 0 && low == 0))
                return bad_url(err, "a % must be followed by two hexadecimal digits");
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (n + 1 >= size)
            return bad_url(err, "a part of it is too long");
        out[n++] = c;
    }
    out[n] = 0;
    return 0;
}

static int
take_number(unsigned *out, const char *text, unsigned most, const char *what, struct error *err)
{
    char *end;
    unsigned long v;

    errno = 0;
    v = strtoul(text, &end, 10);
    if (end == text || *end != 0 || errno != 0 || v == 0 || v > most || text[0] == '-')
        return bad_url(err, what);
    *out = (unsigned)v;
    return 0;
}

/* By enum mysql_ssl. */
static const char *const ssl_modes[] = {"disabled", "preferred", "required", "verify_ca", "verify_identity"};

static int
take_ssl_mode(int *out, const char *word, struct error *err)
{
    for (int i = 0; i < 5; i++) {
        if (strcasecmp(word, ssl_modes[i]) == 0) {
            *out = i;
            return 0;
        }
    }
    return bad_url(err, "ssl-mode must be disabled, preferred, required, verify_ca or verify_identity");
}

static int
take_option(struct mysql_url *url, const char *name, const char *value, struct error *err)
{
    const struct {
        const char *name;
        char *at;
        size_t size;
    } texts[] = {
        {"ssl-ca", url->ssl_ca, sizeof(url->ssl_ca)},
        {"ssl-cert", url->ssl_cert, sizeof(url->ssl_cert)},
        {"ssl-key", url->ssl_key, sizeof(url->ssl_key)},
        {"ssl-cipher", url->ssl_cipher, sizeof(url->ssl_cipher)},
        {"tls-version", url->tls_version, sizeof(url->tls_version)},
        {"socket", url->socket, sizeof(url->socket)},
        {"plugin-dir", url->plugin_dir, sizeof(url->plugin_dir)},
        {"password", url->password, sizeof(url->password)},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(name, texts[i].name) != 0)
            continue;
        if (strlen(value) >= texts[i].size)
            return bad_url(err, "an option is too long");
        strcpy(texts[i].at, value);
        return 0;
    }
    if (strcmp(name, "ssl-mode") == 0)
        return take_ssl_mode(&url->ssl_mode, value, err);
    if (strcmp(name, "connect-timeout") == 0)
        return take_number(&url->connect_timeout, value, 3600, "connect-timeout must be 1 to 3600 seconds", err);
    return error_set(err, ERROR_CONFIG, "E_CONFIG",
                     "url: unknown option %.60s; there are ssl-mode, ssl-ca, ssl-cert, ssl-key, ssl-cipher, "
                     "tls-version, socket, connect-timeout, plugin-dir",
                     name);
}

static int
take_options(struct mysql_url *url, const char *at, struct error *err)
{
    while (*at != 0) {
        size_t len = strcspn(at, "&"), name_len = strcspn(at, "=&");
        char name[64], value[512] = "";

        if (take_part(name, sizeof(name), at, name_len, err) == -1 ||
            (name_len < len && take_part(value, sizeof(value), at + name_len + 1, len - name_len - 1, err) == -1) ||
            take_option(url, name, value, err) == -1)
            return -1;
        at += len + (at[len] == '&');
    }
    return 0;
}

/* user[:password]@host[:port]; host may be [::1]. */
static int
take_authority(struct mysql_url *url, const char *at, size_t len, struct error *err)
{
    const char *sign = NULL, *port, *end = at + len;
    char digits[16];

    for (const char *p = at; p < end; p++)
        sign = *p == '@' ? p : sign;
    if (sign != NULL) {
        const char *colon = memchr(at, ':', (size_t)(sign - at));

        if (take_part(url->user, sizeof(url->user), at, (size_t)((colon != NULL ? colon : sign) - at), err) == -1 ||
            (colon != NULL &&
             take_part(url->password, sizeof(url->password), colon + 1, (size_t)(sign - colon - 1), err) == -1))
            return -1;
        at = sign + 1;
    }
    if (at < end && *at == '[') {
        const char *close = memchr(at, ']', (size_t)(end - at));

        if (close == NULL)
            return bad_url(err, "a [ without its ]");
        port = close + 1 < end && close[1] == ':' ? close + 1 : NULL;
        if (take_part(url->host, sizeof(url->host), at + 1, (size_t)(close - at - 1), err) == -1)
            return -1;
    } else {
        port = memchr(at, ':', (size_t)(end - at));
        if (take_part(url->host, sizeof(url->host), at, (size_t)((port != NULL ? port : end) - at), err) == -1)
            return -1;
    }
    if (port == NULL)
        return 0;
    if (take_part(digits, sizeof(digits), port + 1, (size_t)(end - port - 1), err) == -1)
        return -1;
    return take_number(&url->port, digits, 65535, "the port must be 1 to 65535", err);
}

int
mysql_url_parse(struct mysql_url *out, const char *url, struct error *err)
{
    const char *at = strstr(url, "://");
    size_t len;

    *out = (struct mysql_url){
        .port = 3306, .ssl_mode = SSL_VERIFY_IDENTITY_MODE, .connect_timeout = CONNECT_SECONDS};
    if (at == NULL || (strncmp(url, "mysql://", 8) != 0 && strncmp(url, "mariadb://", 10) != 0))
        return bad_url(err, "must begin with mysql:// or mariadb://");
    at += 3;
    len = strcspn(at, "/?");
    if (take_authority(out, at, len, err) == -1)
        return -1;
    at += len;
    if (*at == '/') {
        len = strcspn(at + 1, "?");
        if (take_part(out->database, sizeof(out->database), at + 1, len, err) == -1)
            return -1;
        at += 1 + len;
    }
    if (*at == '?' && take_options(out, at + 1, err) == -1)
        return -1;
    if (out->host[0] == 0 && out->socket[0] == 0)
        return bad_url(err, "names no host");
    return 0;
}

/* ---- errors ---- */

/* A TLS error that comes again until somebody changes a setting; any other is a connection that broke. */
static bool
is_tls_setting(const char *text)
{
    static const char *const words[] = {
        "certificate", "verif", "hostname", "self-signed", "self signed", "unknown ca", "CA ", "SSL is required",
        /* our own files and words */
        "No such file", "Permission denied", "not found", "no start line", "key values mismatch", "no cipher match"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasestr(text, words[i]) != NULL)
            return true;
    }
    return false;
}

int
mysql_server_error(unsigned number, const char *text, const char *what, struct error *err)
{
    const char *code = "E_SQL";
    enum error_kind kind = ERROR_CONFIG;

    switch (number) {
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_CONN_HOST_ERROR:
    case CR_CONNECTION_ERROR:
    case CR_UNKNOWN_HOST:
    case CR_MALFORMED_PACKET:
    case 2055: /* lost, with the system's own error */
    case 1040: /* too many connections */
    case 1053: /* shutting down */
    case 1152:
    case 1156: /* packets out of order */
    case 1158:
    case 1159:
    case 1160:
    case 1161: /* read and write errors and time-outs */
    case 1203: /* too many connections of this user */
    case 1205: /* lock wait */
    case 1213: /* deadlock */
    case 1226: /* a limit of this user's */
    case 1317: /* interrupted */
    case 1927: /* connection killed */
    case 3024: /* statement time-out */
    case 3032: /* the server is offline */
    case 4031: /* disconnected for inactivity */
        kind = ERROR_RETRY;
        code = "E_UNREACHABLE";
        break;
    case 1044:
    case 1045:
    case 1130: /* this host may not connect */
    case 1251:
    case 1698:
    case 1862: /* password expired */
    case 2059: /* authentication plugin */
    case 2061:
    case 3118: /* account locked */
        code = "E_AUTH";
        break;
    case 1049:
        code = "E_DATABASE";
        break;
    case 1142:
    case 1143:
    case 1227:
    case 1370:
        code = "E_PRIVILEGE";
        break;
    case CR_SSL_CONNECTION_ERROR:
        kind = is_tls_setting(text) ? ERROR_CONFIG : ERROR_RETRY;
        code = kind == ERROR_CONFIG ? "E_TLS" : "E_UNREACHABLE";
        break;
    default:
        break;
    }
    return error_set(err, kind, code, "%s%s%.400s (%u)", what, what[0] != 0 ? ": " : "", text, number);
}

int
mysql_failed(MYSQL *conn, const char *what, struct error *err)
{
    return mysql_server_error(mysql_errno(conn), mysql_error(conn), what, err);
}

/* ---- connecting ---- */

static void
set_string(MYSQL *conn, enum mysql_option option, const char *text)
{
    if (text[0] != 0)
        mysql_options(conn, option, text);
}

static void
set_tls_files(MYSQL *conn, const struct mysql_url *url)
{
    set_string(conn, MYSQL_OPT_SSL_CERT, url->ssl_cert);
    set_string(conn, MYSQL_OPT_SSL_KEY, url->ssl_key);
    set_string(conn, MYSQL_OPT_SSL_CIPHER, url->ssl_cipher);
}

#ifdef MARIADB_PACKAGE_VERSION_ID
/*
 * Connector/C. "Enforce" means TLS if the server offers it, which is preferred; to one that offers none 3.3
 * goes on in plain: the user, the scrambled password, and all of it if the server asks for mysql_clear_password. It
 * hangs up before that when the certificate's name is to be looked at (verify_identity), or when there is a fingerprint:
 * an empty one will do, and is compared with nothing. 3.4 does compare it, so there only refuse_plain ends this.
 * Any of the files means TLS, even without "enforce". To 3.3 a CA means that the chain is looked at; 3.4 looks at the
 * chain and the name (of a loopback address at the chain only), or at nothing. Both have one soname, so the library that
 * runs is asked, not the one of the build.
 */
static bool
looks_at_all_or_nothing(void)
{
    return mysql_get_client_version() >= 30400;
}

/* Where the chain alone is asked for and can't be had: the name too, never less. */
static bool
verifies_identity(const struct mysql_url *url)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;

    if (url->ssl_mode == SSL_VERIFY_IDENTITY_MODE)
        return true;
    if (url->ssl_mode == SSL_PREFERRED_MODE || url->ssl_ca[0] == 0 || !looks_at_all_or_nothing())
        return false;
    if (!atomic_flag_test_and_set(&said))
        log_warn("mysql", "ssl-mode=%s with ssl-ca is taken for verify_identity: MariaDB Connector/C %s does not look at "
                 "the authority alone, so the certificate must name the host, too", ssl_modes[url->ssl_mode],
                 mysql_get_client_info());
    return true;
}

static int
set_tls(MYSQL *conn, const struct mysql_url *url, struct error *err)
{
    my_bool enforce = 1, verify;

    if (url->ssl_mode == SSL_DISABLED_MODE)
        return 0;
    if (url->ssl_mode == SSL_VERIFY_CA_MODE && url->ssl_ca[0] == 0)
        return error_set(err, ERROR_CONFIG, "E_TLS", "url: ssl-mode=verify_ca needs ssl-ca");
    verify = verifies_identity(url);
    mysql_options(conn, MYSQL_OPT_SSL_ENFORCE, &enforce);
    mysql_options(conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify);
    if (url->ssl_mode != SSL_PREFERRED_MODE) {
        set_string(conn, MYSQL_OPT_SSL_CA, url->ssl_ca);
#if MARIADB_PACKAGE_VERSION_ID < 30400
        mysql_options(conn, MARIADB_OPT_TLS_PEER_FP, "");
#endif
    }
    set_tls_files(conn, url);
    set_string(conn, MARIADB_OPT_TLS_VERSION, url->tls_version);
    return 0;
}
#else
static int
set_tls(MYSQL *conn, const struct mysql_url *url, struct error *err)
{
    static const unsigned modes[] = {SSL_MODE_DISABLED, SSL_MODE_PREFERRED, SSL_MODE_REQUIRED, SSL_MODE_VERIFY_CA,
                                     SSL_MODE_VERIFY_IDENTITY};

    (void)err;
    set_string(conn, MYSQL_OPT_SSL_CA, url->ssl_ca);
    set_tls_files(conn, url);
    set_string(conn, MYSQL_OPT_TLS_VERSION, url->tls_version);
    mysql_options(conn, MYSQL_OPT_SSL_MODE, &modes[url->ssl_mode]);
    return 0;
}
#endif

/* A connection that came up in plain where TLS was asked for. */
static int
refuse_plain(MYSQL *conn, const struct mysql_url *url, struct error *err)
{
    if (url->ssl_mode < SSL_REQUIRED_MODE || mysql_get_ssl_cipher(conn) != NULL)
        return 0;
    return error_set(err, ERROR_CONFIG, "E_TLS", "the server offers no TLS, and ssl-mode=%s asks for it",
                     ssl_modes[url->ssl_mode]);
}

static void
set_options(MYSQL *conn, const struct mysql_url *url, unsigned read_timeout)
{
    unsigned write_timeout = WRITE_SECONDS, local_infile = 0, protocol = MYSQL_PROTOCOL_TCP;
    unsigned long packet = EVENT_PACKET_MAX;

    mysql_options(conn, MYSQL_OPT_CONNECT_TIMEOUT, &url->connect_timeout);
    mysql_options(conn, MYSQL_OPT_READ_TIMEOUT, &read_timeout);
    mysql_options(conn, MYSQL_OPT_WRITE_TIMEOUT, &write_timeout);
    mysql_options(conn, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
    mysql_options(conn, MYSQL_OPT_LOCAL_INFILE, &local_infile); /* a server may not ask for our files */
    if (url->socket[0] == 0)
        mysql_options(conn, MYSQL_OPT_PROTOCOL, &protocol); /* or localhost is a Unix socket */
    mysql_options(conn, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    set_string(conn, MYSQL_PLUGIN_DIR, url->plugin_dir);
    mysql_options4(conn, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", "rowferry");
}

/* "8.4.3", "10.11.19-MariaDB-...", "5.5.5-10.11.19-MariaDB": the last is what some MariaDBs say at the handshake. */
static int
ask_version(MYSQL *conn, struct mysql_server *server, struct error *err)
{
    unsigned major = 0, minor = 0, patch = 0;

    if (mysql_ask_text(conn, server->version_text, sizeof(server->version_text), err, "SELECT VERSION()") == -1)
        return -1;
    server->mariadb = strstr(server->version_text, "MariaDB") != NULL;
    sscanf(server->version_text, "%u.%u.%u", &major, &minor, &patch);
    server->version = major * 10000 + minor * 100 + patch;
    return 0;
}

static int
set_session(MYSQL *conn, struct error *err)
{
    return mysql_run(conn, err,
                     "SET SESSION time_zone = '+00:00', sql_mode = 'NO_BACKSLASH_ESCAPES', autocommit = 1, "
                     "wait_timeout = 31536000, net_write_timeout = 3600, net_read_timeout = 3600, "
                     "group_concat_max_len = 1048576");
}

/* Before main, since Oracle's library must begin before there are threads. */
static void __attribute__((constructor))
begin_library(void)
{
    mysql_library_init(0, NULL, NULL);
}

static MYSQL *
connect_url(const struct mysql_url *url, const char *password, unsigned read_timeout, struct error *err)
{
    MYSQL *conn = mysql_init(NULL);
    bool socket = url->socket[0] != 0;

    if (conn == NULL) {
        error_set(err, ERROR_FATAL, "", "out of memory for a connection");
        return NULL;
    }
    set_options(conn, url, read_timeout);
    if (set_tls(conn, url, err) == 0) {
        if (mysql_real_connect(conn, socket ? "localhost" : url->host, url->user[0] != 0 ? url->user : NULL, password,
                               url->database[0] != 0 ? url->database : NULL, socket ? 0 : url->port,
                               socket ? url->socket : NULL, CLIENT_MULTI_STATEMENTS | CLIENT_FOUND_ROWS) == NULL)
            mysql_failed(conn, "", err);
        else if (refuse_plain(conn, url, err) == 0)
            return conn;
    }
    mysql_close(conn);
    return NULL;
}

MYSQL *
mysql_connect_to(const struct endpoint *to, unsigned read_timeout, struct mysql_server *server, struct error *err)
{
    struct mysql_url url;
    MYSQL *conn = NULL;
    char *password = NULL;

    if (mysql_url_parse(&url, to->url, err) == -1)
        return NULL;
    if (to->password_file != NULL) {
        password = config_secret(to->password_file, err);
        if (password == NULL)
            goto out;
    }
    conn = connect_url(&url, password != NULL ? password : url.password, read_timeout, err);
    if (conn != NULL && (ask_version(conn, server, err) == -1 || set_session(conn, err) == -1)) {
        mysql_close(conn);
        conn = NULL;
    }
out:
    config_secret_free(password);
    explicit_bzero(&url, sizeof(url));
    return conn;
}

MYSQL *
mysql_connect_source(const struct config *config, unsigned read_timeout, struct mysql_server *server,
                     struct error *err)
{
    struct endpoint source = {config->pipeline, config->source.url, config->source.password_file};

    return mysql_connect_to(&source, read_timeout, server, err);
}

/* ---- questions ---- */

static char *
format(struct error *err, const char *fmt, va_list args)
{
    char *sql = NULL;

    if (vasprintf(&sql, fmt, args) == -1) {
        error_set(err, ERROR_FATAL, "", "out of memory for a statement");
        return NULL;
    }
    return sql;
}

static int
send_statement(MYSQL *conn, const char *sql, struct error *err)
{
    char what[120];

    if (mysql_real_query(conn, sql, strlen(sql)) == 0)
        return 0;
    snprintf(what, sizeof(what), "%.100s", sql);
    return mysql_failed(conn, what, err);
}

int
mysql_run(MYSQL *conn, struct error *err, const char *fmt, ...)
{
    va_list args;
    char *sql;
    int rc;

    va_start(args, fmt);
    sql = format(err, fmt, args);
    va_end(args);
    if (sql == NULL)
        return -1;
    rc = send_statement(conn, sql, err);
    while (rc == 0) {
        MYSQL_RES *res = mysql_store_result(conn);
        int next;

        if (res != NULL)
            mysql_free_result(res);
        next = mysql_next_result(conn);
        if (next > 0)
            rc = mysql_failed(conn, sql, err);
        if (next != 0)
            break;
    }
    free(sql);
    return rc;
}

static MYSQL_RES *
ask(MYSQL *conn, struct error *err, const char *fmt, va_list args)
{
    char *sql = format(err, fmt, args);
    MYSQL_RES *res = NULL;

    if (sql != NULL && send_statement(conn, sql, err) == 0) {
        res = mysql_store_result(conn);
        if (res == NULL && mysql_errno(conn) != 0)
            mysql_failed(conn, sql, err);
        else if (res == NULL)
            error_set(err, ERROR_CONFIG, "E_SQL", "no rows came from: %.200s", sql);
    }
    free(sql);
    return res;
}

MYSQL_RES *
mysql_ask(MYSQL *conn, struct error *err, const char *fmt, ...)
{
    va_list args;
    MYSQL_RES *res;

    va_start(args, fmt);
    res = ask(conn, err, fmt, args);
    va_end(args);
    return res;
}

const char *
mysql_field(MYSQL_ROW row, unsigned column)
{
    return row[column] != NULL ? row[column] : "";
}

int
mysql_column(MYSQL_RES *res, const char *name)
{
    const MYSQL_FIELD *fields = mysql_fetch_fields(res);

    for (unsigned i = 0; i < mysql_num_fields(res); i++) {
        if (strcasecmp(fields[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

static int
first_value(MYSQL_RES *res, struct buffer *out, struct error *err)
{
    MYSQL_ROW row = res != NULL ? mysql_fetch_row(res) : NULL;

    if (res == NULL)
        return -1;
    if (row != NULL)
        buffer_put_string(out, mysql_field(row, 0));
    mysql_free_result(res);
    if (row == NULL)
        return error_set(err, ERROR_CONFIG, "E_SQL", "a question was answered without a row");
    return buffer_failed(out) ? error_set(err, ERROR_FATAL, "", "out of memory for an answer") : 0;
}

int
mysql_ask_long(MYSQL *conn, struct buffer *out, struct error *err, const char *fmt, ...)
{
    va_list args;
    MYSQL_RES *res;

    va_start(args, fmt);
    res = ask(conn, err, fmt, args);
    va_end(args);
    return first_value(res, out, err);
}

int
mysql_ask_text(MYSQL *conn, char *out, size_t size, struct error *err, const char *fmt, ...)
{
    struct buffer text = {0};
    va_list args;
    MYSQL_RES *res;
    int rc;

    va_start(args, fmt);
    res = ask(conn, err, fmt, args);
    va_end(args);
    rc = first_value(res, &text, err);
    if (rc == 0)
        snprintf(out, size, "%s", buffer_cstr(&text));
    buffer_free(&text);
    return rc;
}

int
mysql_variable(MYSQL *conn, const char *name, char *out, size_t size, struct error *err)
{
    MYSQL_RES *res = mysql_ask(conn, err, "SHOW GLOBAL VARIABLES LIKE '%s'", name);
    MYSQL_ROW row;

    out[0] = 0;
    if (res == NULL)
        return -1;
    row = mysql_fetch_row(res);
    if (row != NULL)
        snprintf(out, size, "%s", mysql_field(row, 1));
    mysql_free_result(res);
    return 0;
}

/* The session has NO_BACKSLASH_ESCAPES: a backslash is itself. */
void
mysql_literal(struct buffer *out, const char *text)
{
    buffer_put_quoted(out, text, '\'');
}

void
mysql_identifier(struct buffer *out, const char *name)
{
    buffer_put_quoted(out, name, '`');
}
