/*
 * test_registry.c -- the registry client against a little HTTP server in a thread.
 *
 * The server plays a script: one row for each request that it gets, then 500. It keeps the
 * last request for the test to look at.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../schema/registry.h"
#include "cdc/clock.h"

/* ---- the server ---- */

struct row {
    int status;          /* 0: close without an answer */
    const char *headers; /* more header lines, or NULL */
    const char *body;
    size_t body_length; /* 0: strlen */
};

static struct server {
    int fd;
    unsigned short port;
    pthread_t thread;
    pthread_mutex_t lock;
    struct row script[16];
    int nrows, next, requests;
    char request[65536];
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
send_all(int fd, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += n;
        len -= (size_t)n;
    }
}

/* Reads head and body; false at the end of the connection. */
static bool
read_request(int fd, char *text, size_t size)
{
    size_t len = 0, want = SIZE_MAX;

    while (len < want && len + 1 < size) {
        ssize_t n = recv(fd, text + len, size - 1 - len, 0);
        char *head, *length;

        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = '\0';
        head = strstr(text, "\r\n\r\n");
        length = strcasestr(text, "content-length:");
        if (want == SIZE_MAX && head != NULL)
            want = (size_t)(head + 4 - text) + (length ? (size_t)atol(length + 15) : 0);
    }
    return true;
}

static void
answer(int fd)
{
    static const struct row exhausted = {500, NULL, "{}", 0};
    struct row row = exhausted;
    char head[600];
    size_t len;

    if (server.next < server.nrows)
        row = server.script[server.next++];
    server.requests++;
    if (row.status == 0)
        return;
    len = row.body_length > 0 ? row.body_length : strlen(row.body);
    snprintf(head, sizeof(head),
             "HTTP/1.1 %d X\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n", row.status, len,
             row.headers != NULL ? row.headers : "");
    send_all(fd, head, strlen(head));
    send_all(fd, row.body, len);
}

static void *
serve(void *unused)
{
    static char request[65536];
    int fd;

    (void)unused;
    while ((fd = accept(server.fd, NULL, NULL)) != -1) {
        if (read_request(fd, request, sizeof(request))) {
            pthread_mutex_lock(&server.lock);
            memcpy(server.request, request, strlen(request) + 1);
            answer(fd);
            pthread_mutex_unlock(&server.lock);
        }
        close(fd);
    }
    return NULL;
}

static int
start_server(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);

    (void)state;
    unsetenv("http_proxy");
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server.fd, (struct sockaddr *)&at, len) == -1 || listen(server.fd, 16) == -1 ||
        getsockname(server.fd, (struct sockaddr *)&at, &len) == -1)
        return -1;
    server.port = ntohs(at.sin_port);
    return pthread_create(&server.thread, NULL, serve, NULL);
}

static int
stop_server(void **state)
{
    (void)state;
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    return close(server.fd);
}

static void
play(const struct row *rows, int count)
{
    pthread_mutex_lock(&server.lock);
    memcpy(server.script, rows, (size_t)count * sizeof(*rows));
    server.nrows = count;
    server.next = server.requests = 0;
    server.request[0] = '\0';
    pthread_mutex_unlock(&server.lock);
}

static bool
request_has(const char *text)
{
    bool found;

    pthread_mutex_lock(&server.lock);
    found = strstr(server.request, text) != NULL;
    pthread_mutex_unlock(&server.lock);
    return found;
}

static int
request_count(void)
{
    int count;

    pthread_mutex_lock(&server.lock);
    count = server.requests;
    pthread_mutex_unlock(&server.lock);
    return count;
}

/* ---- helpers ---- */

static struct schemas *
open_with(struct registry_settings set, const char *user, const char *path)
{
    struct error err = ERROR_INIT;
    struct schemas *schemas = NULL;
    char url[200];

    snprintf(url, sizeof(url), "http://%s127.0.0.1:%d%s", user, server.port, path);
    set.url = url;
    if (set.deadline_ms == 0)
        set.deadline_ms = 3000;
    if (registry_open(&schemas, &set, &err) == -1)
        fail_msg("%s", err.text);
    return schemas;
}

static struct schemas *
open_plain(void)
{
    return open_with((struct registry_settings){.auto_register = true}, "", "");
}

/* What one answer comes to. */
static struct error
ask_once(bool auto_register, struct row row)
{
    struct registry_settings set = {.auto_register = auto_register, .deadline_ms = 150};
    struct schemas *schemas = open_with(set, "", "/");
    struct error err = ERROR_INIT;
    int32_t id = 0;

    play(&row, 1);
    if (schemas_register(schemas, "s-value", "\"int\"", &id, &err) == 0)
        assert_true(id > 0);
    schemas->ops->close(schemas);
    return err;
}

static char *
make_secret(const char *text)
{
    static char path[] = "/tmp/test_registry_XXXXXX";
    int fd;

    memcpy(path + strlen(path) - 6, "XXXXXX", 6);
    fd = mkstemp(path);
    assert_true(fd != -1);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

/* ---- tests ---- */

static void
a_schema_is_registered_under_its_subject(void **state)
{
    struct schemas *schemas =
        open_with((struct registry_settings){.auto_register = true}, "", "/base/v7/");
    struct error err = ERROR_INIT;
    int32_t id = 0;

    (void)state;
    play(&(struct row){200, NULL, "{\"id\":7,\"guid\":\"x\"}", 0}, 1);
    assert_int_equal(
        schemas_register(schemas, ":.ctx:a/b c-value", "{\"type\":\"int\"}", &id, &err), 0);
    assert_int_equal(id, 7);
    assert_true(request_has(
                           "POST /base/v7/subjects/%3A.ctx%3Aa%2Fb%20c-value/versions HTTP/1.1"));
    assert_true(request_has( "{\"schema\":\"{\\\"type\\\":\\\"int\\\"}\"}"));
    assert_true(request_has( "Content-Type: application/vnd.schemaregistry.v1+json"));
    assert_false(request_has( "Authorization"));
    schemas->ops->close(schemas);
}

static void
a_known_schema_is_not_asked_for_again(void **state)
{
    struct schemas *schemas = open_plain();
    struct error err = ERROR_INIT;
    int32_t id = 0;
    const struct row rows[] = {{200, NULL, "{\"id\":1}", 0}, {200, NULL, "{\"id\":2}", 0}};

    (void)state;
    play(rows, 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(schemas_register(schemas, "s", "\"int\"", &id, &err), 0);
        assert_int_equal(id, 1);
    }
    assert_int_equal(schemas_register(schemas, "s", "\"long\"", &id, &err), 0);
    assert_int_equal(id, 2);
    assert_int_equal(request_count(), 2);
    schemas->ops->close(schemas);
}

static void
the_cache_is_bounded(void **state)
{
    struct schemas *schemas = open_plain();
    struct error err = ERROR_INIT;
    char subject[32];
    int32_t id = 0;

    (void)state;
    for (int i = 0; i < 600; i++) {
        snprintf(subject, sizeof(subject), "s%d", i);
        play(&(struct row){200, NULL, "{\"id\":5}", 0}, 1);
        assert_int_equal(schemas_register(schemas, subject, "\"int\"", &id, &err), 0);
    }
    play(&(struct row){200, NULL, "{\"id\":6}", 0}, 1);
    assert_int_equal(schemas_register(schemas, "s599", "\"int\"", &id, &err), 0);
    assert_int_equal(id, 5);
    assert_int_equal(schemas_register(schemas, "s0", "\"int\"", &id, &err), 0);
    assert_int_equal(id, 6);
    schemas->ops->close(schemas);
}

static void
look_up_only_asks_without_registering(void **state)
{
    struct schemas *schemas =
        open_with((struct registry_settings){.auto_register = false}, "", "");
    struct error err = ERROR_INIT;
    int32_t id = 0;

    (void)state;
    play(&(struct row){200, NULL, "{\"subject\":\"s\",\"version\":3,\"id\":9}", 0}, 1);
    assert_int_equal(schemas_register(schemas, "s", "\"int\"", &id, &err), 0);
    assert_int_equal(id, 9);
    assert_true(request_has( "POST /subjects/s HTTP/1.1"));
    schemas->ops->close(schemas);
}

static void
each_answer_has_its_error(void **state)
{
    static const struct {
        bool auto_register;
        struct row row;
        enum error_kind kind;
        const char *code;
        const char *text;
    } cases[] = {
        {true, {200, NULL, "{\"id\":2147483647}", 0}, ERROR_NONE, "", ""},
        {true, {200, NULL, "{\"id\":2147483648}", 0}, ERROR_CONFIG, "E_REGISTRY_ANSWER", "no id"},
        {true, {200, NULL, "{\"id\":0}", 0}, ERROR_CONFIG, "E_REGISTRY_ANSWER", "no id"},
        {true, {200, NULL, "{\"id\":-1}", 0}, ERROR_CONFIG, "E_REGISTRY_ANSWER", "no id"},
        {true, {200, NULL, "{\"id\":1.5}", 0}, ERROR_CONFIG, "E_REGISTRY_ANSWER", "no id"},
        {true, {200, NULL, "{\"id\":\"1\"}", 0}, ERROR_CONFIG, "E_REGISTRY_ANSWER", "no id"},
        {true, {200, NULL, "[1]", 0}, ERROR_CONFIG, "E_REGISTRY_ANSWER", "no id"},
        {true, {200, NULL, "{}", 0}, ERROR_CONFIG, "E_REGISTRY_ANSWER", "no id"},
        {true, {200, NULL, "<html>", 0}, ERROR_CONFIG, "E_REGISTRY_ANSWER", "no JSON"},
        {true, {200, NULL, "", 0}, ERROR_CONFIG, "E_REGISTRY_ANSWER", "no JSON"},
        {true, {200, NULL, "{\"id\":1", 0}, ERROR_CONFIG, "E_REGISTRY_ANSWER", "no JSON"},
        {true, {302, "Location: http://127.0.0.1:1/\r\n", "", 0}, ERROR_CONFIG, "E_REGISTRY_ANSWER",
         "HTTP 302"},
        {true, {400, NULL, "bad", 0}, ERROR_CONFIG, "E_REGISTRY_ANSWER", "HTTP 400: bad"},
        {true, {401, NULL, "{\"error_code\":40101,\"message\":\"who?\"}", 0}, ERROR_CONFIG,
         "E_REGISTRY_AUTH", "HTTP 401, 40101: who?"},
        {true, {403, NULL, "", 0}, ERROR_CONFIG, "E_REGISTRY_AUTH", "HTTP 403"},
        {true, {404, NULL, "{\"error_code\":404,\"message\":\"no page\"}", 0}, ERROR_CONFIG,
         "E_REGISTRY_URL", "no page"},
        {false, {404, NULL, "{\"error_code\":40403,\"message\":\"not found\"}", 0}, ERROR_CONFIG,
         "E_SCHEMA_UNKNOWN", "40403: not found"},
        {true, {409, NULL, "{\"error_code\":409,\"message\":\"reader type\"}", 0}, ERROR_CONFIG,
         "E_SCHEMA_INCOMPATIBLE", "HTTP 409: reader type"},
        {true, {409, NULL, "{\"error_code\":40901,\"message\":\"a\\nb\"}", 0}, ERROR_CONFIG,
         "E_SCHEMA_INCOMPATIBLE", "a b"},
        {true, {422, NULL, "{\"error_code\":42201,\"message\":\"invalid\"}", 0}, ERROR_CONFIG,
         "E_SCHEMA_INVALID", "invalid"},
        {true, {408, NULL, "", 0}, ERROR_RETRY, "E_REGISTRY_AWAY", "HTTP"},
        {true, {429, "Retry-After: 60\r\n", "", 0}, ERROR_RETRY, "E_REGISTRY_AWAY", "HTTP 429"},
        {true, {500, NULL, "{\"error_code\":50001,\"message\":\"store\"}", 0}, ERROR_RETRY,
         "E_REGISTRY_AWAY", "HTTP 500"},
        {true, {503, "Retry-After: 60\r\n", "", 0}, ERROR_RETRY, "E_REGISTRY_AWAY", "HTTP 503"},
        {true, {500, "Retry-After: 60\r\n", "\xff\xfe", 0}, ERROR_RETRY, "E_REGISTRY_AWAY", "no text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error err = ask_once(cases[i].auto_register, cases[i].row);

        if (err.kind != cases[i].kind || strcmp(err.code, cases[i].code) != 0 ||
            strstr(err.text, cases[i].text) == NULL)
            fail_msg("case %zu: HTTP %d gave %s %s: %s", i, cases[i].row.status,
                     error_kind_name(err.kind), err.code, err.text);
    }
}

static void
a_busy_registry_is_asked_again(void **state)
{
    struct schemas *schemas = open_plain();
    struct error err = ERROR_INIT;
    int32_t id = 0;
    const struct row rows[] = {{503, NULL, "", 0}, {0, NULL, "", 0}, {200, NULL, "{\"id\":3}", 0}};

    (void)state;
    play(rows, 3);
    assert_int_equal(schemas_register(schemas, "s", "\"int\"", &id, &err), 0);
    assert_int_equal(id, 3);
    assert_int_equal(request_count(), 3);
    schemas->ops->close(schemas);
}

static void
retry_after_is_waited_for(void **state)
{
    struct schemas *schemas = open_plain();
    struct error err = ERROR_INIT;
    int32_t id = 0;
    const struct row rows[] = {{429, "Retry-After: 1\r\n", "", 0}, {200, NULL, "{\"id\":3}", 0}};
    int64_t began = clock_monotonic_ms();

    (void)state;
    play(rows, 2);
    assert_int_equal(schemas_register(schemas, "s", "\"int\"", &id, &err), 0);
    assert_true(clock_monotonic_ms() - began >= 1000);
    schemas->ops->close(schemas);
}

static void
a_registry_that_is_away_is_given_up_at_the_deadline(void **state)
{
    struct registry_settings set = {.url = "http://127.0.0.1:1", .auto_register = true,
                                    .deadline_ms = 400};
    struct schemas *schemas = NULL;
    struct error err = ERROR_INIT;
    int64_t began = clock_monotonic_ms();
    int32_t id = 0;

    (void)state;
    assert_int_equal(registry_open(&schemas, &set, &err), 0);
    assert_int_equal(schemas_register(schemas, "s", "\"int\"", &id, &err), -1);
    assert_int_equal(err.kind, ERROR_RETRY);
    assert_string_equal(err.code, "E_REGISTRY_AWAY");
    assert_true(clock_monotonic_ms() - began < 2000);
    schemas->ops->close(schemas);
}

static void
an_endless_answer_is_cut_off(void **state)
{
    static char body[(1 << 20) + 1]; /* the server may still be sending it when we are done */
    struct error err;

    (void)state;
    memset(body, ' ', sizeof(body));
    err = ask_once(true, (struct row){200, NULL, body, sizeof(body)});
    assert_int_equal(err.kind, ERROR_CONFIG);
    assert_string_equal(err.code, "E_REGISTRY_ANSWER");
}

static void
user_and_password_come_from_the_url_or_a_file(void **state)
{
    struct registry_settings set = {.auto_register = true};
    struct schemas *schemas = open_with(set, "joe:s%65cret@", "/x");
    struct error err = ERROR_INIT;
    char *path = make_secret("other\n");
    int32_t id;

    (void)state;
    play(&(struct row){401, NULL, "", 0}, 1);
    assert_int_equal(schemas_register(schemas, "s", "\"int\"", &id, &err), -1);
    assert_true(request_has( "Authorization: Basic am9lOnNlY3JldA=="));
    assert_null(strstr(err.text, "cret"));
    schemas->ops->close(schemas);

    set.user = "joe";
    set.password_file = path;
    schemas = open_with(set, "", "");
    play(&(struct row){200, NULL, "{\"id\":1}", 0}, 1);
    assert_int_equal(schemas_register(schemas, "s", "\"int\"", &id, &err), 0);
    assert_true(request_has( "Authorization: Basic am9lOm90aGVy"));
    schemas->ops->close(schemas);
    unlink(path);
}

static void
a_token_is_read_again_when_it_was_turned_down(void **state)
{
    char *path = make_secret("old");
    struct registry_settings set = {.auto_register = true, .token_file = path};
    struct schemas *schemas = open_with(set, "", "");
    const struct row rows[] = {{401, NULL, "", 0}, {200, NULL, "{\"id\":4}", 0}};
    struct error err = ERROR_INIT;
    int32_t id = 0;
    FILE *file = fopen(path, "w");

    (void)state;
    fputs("new", file);
    fclose(file);
    play(rows, 2);
    assert_int_equal(schemas_register(schemas, "s", "\"int\"", &id, &err), 0);
    assert_int_equal(id, 4);
    assert_true(request_has( "Authorization: Bearer new"));
    schemas->ops->close(schemas);
    unlink(path);
}

static void
an_url_that_is_none_is_refused_at_open(void **state)
{
    static const char *const urls[] = {"", "registry:8081", "ftp://registry", "file:///etc/passwd",
                                       "http://h/?x=1", "http://"};
    struct schemas *schemas = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct error err = ERROR_INIT;

        if (registry_open(&schemas, &(struct registry_settings){.url = urls[i]}, &err) == 0)
            fail_msg("%s was taken", urls[i]);
        assert_int_equal(err.kind, ERROR_CONFIG);
        assert_string_equal(err.code, "E_REGISTRY_URL");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_schema_is_registered_under_its_subject),
        cmocka_unit_test(a_known_schema_is_not_asked_for_again),
        cmocka_unit_test(the_cache_is_bounded),
        cmocka_unit_test(look_up_only_asks_without_registering),
        cmocka_unit_test(each_answer_has_its_error),
        cmocka_unit_test(a_busy_registry_is_asked_again),
        cmocka_unit_test(retry_after_is_waited_for),
        cmocka_unit_test(a_registry_that_is_away_is_given_up_at_the_deadline),
        cmocka_unit_test(an_endless_answer_is_cut_off),
        cmocka_unit_test(user_and_password_come_from_the_url_or_a_file),
        cmocka_unit_test(a_token_is_read_again_when_it_was_turned_down),
        cmocka_unit_test(an_url_that_is_none_is_refused_at_open),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
